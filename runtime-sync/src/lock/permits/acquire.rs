//! The future that waits for permits.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::{Look, Permits, Request, Stage, Unserved};
use crate::budget;
use crate::lock::AcquireError;
use crate::wait_list::{Left, Line, Waited, Waiter};

pin_project! {
    /// Takes permits, in line with others; see [`Permits::acquire`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Acquire<'a> {
        permits: &'a Permits,
        count: usize,
        #[pin]
        waiter: Waiter<'a, Request>,
    }

    impl PinnedDrop for Acquire<'_> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if this.waiter.is_outside() {
                return;
            }
            let mut rest = Unserved::new(this.permits);
            let left = this.permits.leave_if(this.waiter, &mut rest, |_| true);
            rest.serve();
            if let Some(Left::Chosen(request)) = left {
                this.permits.release(request.count);
            }
        }
    }
}

impl<'a> Acquire<'a> {
    pub(super) fn new(
        permits: &'a Permits,
        count: usize,
        waiter: Waiter<'a, Request>,
    ) -> Acquire<'a> {
        Acquire { permits, count, waiter }
    }
}

impl Future for Acquire<'_> {
    type Output = Result<(), AcquireError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let coop = ready!(budget::poll_proceed(cx));
        let mut this = self.project();
        let permits = *this.permits;
        let count = *this.count;
        let mut look = Look::NotAsked;
        let mut rest = Unserved::new(permits);
        let left = permits.leave_if(this.waiter.as_mut(), &mut rest, |request| {
            look = permits.look(request);
            look == Look::Taken
        });
        if let Look::Vain { some_are_free: true } = look {
            permits.serve();
        }
        let result = match left {
            Some(Left::Waiting(_) | Left::Chosen(_)) => {
                // A waker that panics must not take the permits along.
                let taken = Taken { permits, count };
                rest.serve();
                std::mem::forget(taken);
                Ok(())
            }
            Some(Left::Released(_)) => Err(AcquireError::closed()),
            Some(Left::Outside) | None => {
                let queue = |line: &mut Line<'_, Request>| permits.take_or_queue(line, count);
                match ready!(this.waiter.poll_wait(cx, queue)) {
                    Waited::Never(result) => result,
                    Waited::Woken(Request { stage: Stage::Granted, .. }) => Ok(()),
                    Waited::Woken(_) => Err(AcquireError::closed()),
                }
            }
        };
        coop.made_progress();
        Poll::Ready(result)
    }
}

/// Permits that are given back unless this is forgotten.
struct Taken<'a> {
    permits: &'a Permits,
    count: usize,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.permits.release(self.count);
    }
}

impl fmt::Debug for Acquire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").field("count", &self.count).field("waiter", &self.waiter).finish()
    }
}
