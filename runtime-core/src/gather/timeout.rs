//! `AsCompleted::timeout`: outputs as they come, and word of when they should all have come.

use crate::many::AsCompleted;
use crate::time::error::Elapsed;
use crate::time::{Duration, Sleep, sleep};
use futures_core::Stream;
use runtime_sync::budget;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The outputs of many futures as they are ready, and one [`Elapsed`] if they are late; see
/// [`AsCompleted::timeout`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct AsCompletedTimeout<F> {
    futures: AsCompleted<F>,
    clock: Clock,
}

/// An output with the number of its future, or word of lateness.
type Step<T> = Result<(usize, T), Elapsed>;

enum Clock {
    /// Nobody had to wait yet.
    Stands(Duration),
    Runs(Pin<Box<Sleep>>),
    /// The time was over, which was told.
    Told,
}

/// The outputs can be awaited within a limit.
impl<F: Future> AsCompleted<F> {
    /// Gives all futures together at most `limit`, and says once when the time is over.
    ///
    /// The step that is late gives [`Elapsed`]. The futures that are left run on, and the steps
    /// after it wait for them as long as it takes. The time counts from the first step that has to
    /// wait, and an output that is there beats it.
    ///
    /// The counterpart of the `timeout` of `asyncio.as_completed`.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, sleep};
    ///
    /// # filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap().block_on(async {
    /// let downloads = [1, 5].map(|seconds| sleep(Duration::from_secs(seconds)));
    /// let mut completed = filch::as_completed(downloads).timeout(Duration::from_secs(2));
    /// assert_eq!(completed.next().await, Some(Ok((0, ()))));
    /// assert!(completed.next().await.unwrap().is_err(), "that takes long");
    /// assert_eq!(completed.next().await, Some(Ok((1, ()))));
    /// assert_eq!(completed.next().await, None);
    /// # });
    /// ```
    pub fn timeout(self, limit: Duration) -> AsCompletedTimeout<F> {
        AsCompletedTimeout { futures: self, clock: Clock::Stands(limit) }
    }
}

impl<F: Future> AsCompletedTimeout<F> {
    /// The next output, and the number of its future; `None` if all have been given.
    ///
    /// # Errors
    ///
    /// [`Elapsed`], once, if the time is over first.
    ///
    /// # Panics
    ///
    /// Passes on a panic of a future, which is dropped then. And if it has to wait and there is no
    /// runtime on the thread.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no output is lost.
    pub async fn next(&mut self) -> Option<Step<F::Output>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Polls for what [`next`](AsCompletedTimeout::next) waits for.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Step<F::Output>>> {
        if let Poll::Ready(next) = self.futures.poll_next(cx) {
            return Poll::Ready(next.map(Ok));
        }
        if !budget::has_budget_remaining() {
            // Not all were polled that could be: outputs may be there, which come first.
            return Poll::Pending;
        }
        let over = match &mut self.clock {
            Clock::Told => return Poll::Pending,
            Clock::Stands(limit) if limit.is_zero() => true,
            Clock::Stands(limit) => {
                let mut sleep = Box::pin(sleep(*limit));
                let over = sleep.as_mut().poll_elapsed(cx).is_ready();
                self.clock = Clock::Runs(sleep);
                over
            }
            Clock::Runs(sleep) => sleep.as_mut().poll_elapsed(cx).is_ready(),
        };
        if !over {
            return Poll::Pending;
        }
        self.clock = Clock::Told;
        Poll::Ready(Some(Err(Elapsed::new())))
    }

    /// How many outputs are still to come.
    pub fn len(&self) -> usize {
        self.futures.len()
    }

    /// Whether all outputs have been given.
    pub fn is_empty(&self) -> bool {
        self.futures.is_empty()
    }

    /// The futures that are left, without a limit.
    pub fn into_inner(self) -> AsCompleted<F> {
        self.futures
    }
}

impl<F: Future> Stream for AsCompletedTimeout<F> {
    type Item = Step<F::Output>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        AsCompletedTimeout::poll_next(self.get_mut(), cx)
    }
}

impl<F> fmt::Debug for AsCompletedTimeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = matches!(self.clock, Clock::Told);
        f.debug_struct("AsCompletedTimeout")
            .field("futures", &self.futures)
            .field("told", &told)
            .finish_non_exhaustive()
    }
}
