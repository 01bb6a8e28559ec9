//! A semaphore for those who write their own `poll` functions.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{OwnedSemaphorePermit, Semaphore};
use crate::lock::AcquireError;

type Acquire =
    Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send + Sync>>;

/// A [`Semaphore`] whose permits can be taken by way of a `poll` function.
///
/// tokio-util's `sync::PollSemaphore`. It keeps the place in line between the polls, so one of
/// these serves one task; each task gets a clone of its own. A permit that is free costs no
/// allocation, waiting for one costs a box.
///
/// # Examples
///
/// ```
/// use filch::sync::{PollSemaphore, Semaphore};
/// use std::future::poll_fn;
/// use std::sync::Arc;
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let mut slots = PollSemaphore::new(Arc::new(Semaphore::new(1)));
/// let permit = poll_fn(|cx| slots.poll_acquire(cx)).await.unwrap();
/// assert_eq!(slots.available_permits(), 0);
/// drop(permit);
/// slots.close();
/// assert!(poll_fn(|cx| slots.poll_acquire(cx)).await.is_none());
/// # });
/// ```
pub struct PollSemaphore {
    semaphore: Arc<Semaphore>,
    /// Who waits, and for how many.
    waits: Option<(u32, Acquire)>,
}

impl PollSemaphore {
    /// Wraps a semaphore.
    pub fn new(semaphore: Arc<Semaphore>) -> PollSemaphore {
        PollSemaphore { semaphore, waits: None }
    }

    /// Closes the semaphore; see [`Semaphore::close`].
    pub fn close(&self) {
        self.semaphore.close();
    }

    /// Another share of the semaphore.
    pub fn clone_inner(&self) -> Arc<Semaphore> {
        Arc::clone(&self.semaphore)
    }

    /// The semaphore alone; a place in line is given up.
    pub fn into_inner(self) -> Arc<Semaphore> {
        self.semaphore
    }

    /// Takes a permit, in line with others. `None`: the semaphore is closed.
    ///
    /// While it is `Pending`, the place in line is kept, and the waker of the last poll is woken.
    pub fn poll_acquire(&mut self, cx: &mut Context<'_>) -> Poll<Option<OwnedSemaphorePermit>> {
        self.poll_acquire_many(cx, 1)
    }

    /// Takes `permits` at once, in line with others. `None`: the semaphore is closed.
    ///
    /// Who asks for another number than in the poll before goes to the end of the line.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{PollSemaphore, Semaphore};
    /// use std::future::poll_fn;
    /// use std::sync::Arc;
    ///
    /// # filch::runtime::Runtime::new().unwrap().block_on(async {
    /// let mut slots = PollSemaphore::new(Arc::new(Semaphore::new(3)));
    /// let permit = poll_fn(|cx| slots.poll_acquire_many(cx, 2)).await.unwrap();
    /// assert_eq!(permit.num_permits(), 2);
    /// # });
    /// ```
    pub fn poll_acquire_many(
        &mut self,
        cx: &mut Context<'_>,
        permits: u32,
    ) -> Poll<Option<OwnedSemaphorePermit>> {
        self.waits.take_if(|(count, _)| *count != permits);
        if self.waits.is_none() && self.semaphore.permits.acquire_now(permits as usize) {
            return Poll::Ready(Some(OwnedSemaphorePermit::taken(self.clone_inner(), permits)));
        }
        // Out of its place while it is polled: if a waker panics, nothing half polled is left.
        let (_, mut acquire) = self
            .waits
            .take()
            .unwrap_or_else(|| (permits, Box::pin(self.clone_inner().acquire_many_owned(permits))));
        match acquire.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(result.ok()),
            Poll::Pending => {
                self.waits = Some((permits, acquire));
                Poll::Pending
            }
        }
    }

    /// How many permits are free.
    pub fn available_permits(&self) -> usize {
        self.semaphore.available_permits()
    }

    /// Adds so many permits.
    ///
    /// # Panics
    ///
    /// As [`Semaphore::add_permits`].
    #[track_caller]
    pub fn add_permits(&self, n: usize) {
        self.semaphore.add_permits(n);
    }
}

/// The clone has no place in line.
impl Clone for PollSemaphore {
    fn clone(&self) -> PollSemaphore {
        PollSemaphore::new(self.clone_inner())
    }
}

impl AsRef<Semaphore> for PollSemaphore {
    fn as_ref(&self) -> &Semaphore {
        &self.semaphore
    }
}

impl fmt::Debug for PollSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollSemaphore")
            .field("semaphore", &self.semaphore)
            .field("waits_for", &self.waits.as_ref().map(|(count, _)| count))
            .finish()
    }
}
