//! Deadlines over parts of a task: soft ones and hard ones.

use crate::frame;
use crate::time::{Duration, Instant, Timeout, timeout, timeout_at};
use pin_project_lite::pin_project;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Gives `future` at most `limit`, and goes on without its output if that is not enough.
///
/// As [`timeout`], for results that one can do without. The counterpart of trio's `move_on_after`.
///
/// # Cancel safety
///
/// Dropping it drops the future.
///
/// # Examples
///
/// ```
/// use filch::cancel::move_on_after;
/// use filch::time::Duration;
///
/// # filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap().block_on(async {
/// let limit = Duration::from_secs(1);
/// assert_eq!(move_on_after(limit, async { "here" }).await, Some("here"));
/// assert_eq!(move_on_after(limit, std::future::pending::<()>()).await, None);
/// # });
/// ```
pub fn move_on_after<F: IntoFuture>(limit: Duration, future: F) -> MoveOn<F::IntoFuture> {
    MoveOn { timeout: timeout(limit, future) }
}

/// As [`move_on_after`], until a moment.
pub fn move_on_at<F: IntoFuture>(deadline: Instant, future: F) -> MoveOn<F::IntoFuture> {
    MoveOn { timeout: timeout_at(deadline, future) }
}

/// Gives `future` at most `limit`. trio's name for [`timeout`].
///
/// # Errors
///
/// [`Elapsed`](crate::time::error::Elapsed) if the time is over first.
///
/// # Cancel safety
///
/// Dropping it drops the future.
pub fn fail_after<F: IntoFuture>(limit: Duration, future: F) -> Timeout<F::IntoFuture> {
    timeout(limit, future)
}

/// Gives `future` until `deadline`. trio's name for [`timeout_at`].
///
/// # Errors
///
/// [`Elapsed`](crate::time::error::Elapsed) if the deadline comes first.
///
/// # Cancel safety
///
/// Dropping it drops the future.
pub fn fail_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    timeout_at(deadline, future)
}

pin_project! {
    /// The future of [`move_on_after`] and [`move_on_at`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct MoveOn<F> {
        #[pin]
        timeout: Timeout<F>,
    }
}

impl<F: Future> Future for MoveOn<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        Poll::Ready(ready!(self.project().timeout.poll(cx)).ok())
    }
}

/// The earliest deadline of the timeouts and scopes around the caller, up to the first shield: how
/// much time there is left to hand on to a database or another host. `None`: there is none.
///
/// A [`timeout`] that has not had to wait yet counts from now. Where a cancellation is in effect already,
/// there is no time left, and it is no later than now. The counterpart of trio's
/// `current_effective_deadline`.
///
/// # Examples
///
/// ```
/// use filch::cancel::current_effective_deadline;
/// use filch::time::{Duration, Instant, timeout};
///
/// # filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap().block_on(async {
/// assert_eq!(current_effective_deadline(), None);
/// let inner = timeout(Duration::from_secs(60), async { current_effective_deadline() });
/// let deadline = timeout(Duration::from_secs(5), inner).await.unwrap().unwrap();
/// assert_eq!(deadline, Some(Instant::now() + Duration::from_secs(5)));
/// # });
/// ```
pub fn current_effective_deadline() -> Option<Instant> {
    let earliest = frame::earliest(|| Instant::now().into()).map(Instant::from);
    match frame::in_effect() {
        None => earliest,
        Some(_) => earliest.into_iter().chain([Instant::now()]).min(),
    }
}
