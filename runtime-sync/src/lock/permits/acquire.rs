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

/// What one who may be in line has found there.
enum InLine {
    /// It is out of the line, with this result.
    Out(Result<(), AcquireError>),
    /// It was not nudged: its turn has not come.
    NotAsked,
    /// It was nudged and has found nothing. It is going to be handed what it asks for.
    Vain,
}

impl Acquire<'_> {
    #[inline(always)]
    fn look_in_line(self: Pin<&mut Self>) -> InLine {
        let this = self.project();
        let permits = *this.permits;
        let count = *this.count;
        let mut look = Look::NotAsked;
        let mut rest = Unserved::new(permits);
        // A waker that panics, also as it is dropped, must not take the permits along.
        let mut taken = Taken { permits, count: 0 };
        let left = permits.leave_if(this.waiter, &mut rest, |request| {
            look = permits.look(request);
            if look == Look::Taken {
                taken.count = count;
            }
            look == Look::Taken
        });
        match left {
            Some(Left::Waiting(_) | Left::Chosen(_)) => {
                taken.count = count;
                rest.serve();
                std::mem::forget(taken);
                InLine::Out(Ok(()))
            }
            Some(Left::Released(_)) => InLine::Out(Err(AcquireError::closed())),
            Some(Left::Outside) => InLine::NotAsked,
            None => match look {
                Look::Vain { some_are_free } => {
                    if some_are_free {
                        permits.serve();
                    }
                    InLine::Vain
                }
                _ => InLine::NotAsked,
            },
        }
    }

    /// Looks once more after the waker was renewed.
    #[cold]
    fn look_again(self: Pin<&mut Self>) -> Poll<Result<(), AcquireError>> {
        match self.look_in_line() {
            InLine::Out(result) => Poll::Ready(result),
            InLine::NotAsked | InLine::Vain => Poll::Pending,
        }
    }

    #[inline]
    fn poll_in_line(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), AcquireError>> {
        let mut again = false;
        if !self.waiter.is_outside() {
            match self.as_mut().look_in_line() {
                InLine::Out(result) => return Poll::Ready(result),
                InLine::NotAsked => again = true,
                InLine::Vain => {}
            }
        }
        let this = self.as_mut().project();
        let (permits, count) = (*this.permits, *this.count);
        let queue = |line: &mut Line<'_, Request>| permits.take_or_queue(line, count, true);
        match this.waiter.poll_wait(cx, queue) {
            Poll::Ready(Waited::Never(result)) => Poll::Ready(result),
            Poll::Ready(Waited::Woken(Request { stage: Stage::Granted, .. })) => {
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Waited::Woken(_)) => Poll::Ready(Err(AcquireError::closed())),
            // A nudge takes the waker along: one that came before the waker was renewed has woken
            // another task perhaps, and has to be noticed here.
            Poll::Pending if again => self.look_again(),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Acquire<'_> {
    /// Enters the line, if it has not yet, unless what it asks for is free: that it may have at the next poll.
    #[cold]
    fn poll_spent(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), AcquireError>> {
        let this = self.project();
        let (permits, count) = (*this.permits, *this.count);
        let queue = |line: &mut Line<'_, Request>| permits.take_or_queue(line, count, false);
        let stays_out = !this.waiter.is_outside() || permits.may_take(count);
        if stays_out || this.waiter.poll_wait(cx, queue).is_ready() {
            budget::come_back(cx);
        }
        Poll::Pending
    }
}

impl Future for Acquire<'_> {
    type Output = Result<(), AcquireError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(unit) = budget::unit_now() else { return self.poll_spent(cx) };
        let result = ready!(self.poll_in_line(cx));
        unit.spend();
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
        if self.count > 0 {
            self.permits.release(self.count);
        }
    }
}

impl fmt::Debug for Acquire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").field("count", &self.count).field("waiter", &self.waiter).finish()
    }
}
