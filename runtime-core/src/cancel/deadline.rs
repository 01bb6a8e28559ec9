//! Deadlines over parts of a task: soft ones and hard ones, fixed ones and such that move.

use super::run::Run;
use super::scope::CancelScope;
use crate::frame;
use crate::time::error::Elapsed;
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
/// [`Elapsed`] if the time is over first.
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
/// [`Elapsed`] if the deadline comes first.
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
/// A [`timeout`] that has not had to wait yet counts from now. The counterpart of trio's
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
    frame::earliest(|| Instant::now().into()).map(Instant::from)
}

/// Awaits the future that `body` makes, at most for `limit`, which `body` may move meanwhile.
///
/// `None` sets no limit to begin with. As with [`timeout`], the time counts from the first poll that
/// finds the future not ready; or from before, if somebody asked for the
/// [deadline](TimeoutScope::deadline). If the time is over when the future waits, it is given up; a
/// future that gives its output without waiting is in time.
///
/// The counterpart of `async with asyncio.timeout(limit) as scope`. There the time counts from the
/// call: for that, call `scope.deadline()` first, or [`reschedule`](TimeoutScope::reschedule) to a moment.
///
/// # Errors
///
/// [`Elapsed`] if the time is over first.
///
/// # Cancel safety
///
/// Dropping it drops the future.
///
/// # Examples
///
/// ```
/// use filch::cancel::timeout_scope;
/// use filch::time::{Duration, Instant, sleep};
///
/// # filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap().block_on(async {
/// let done = timeout_scope(Duration::from_secs(1), async |scope| {
///     // It turns out that there is more to do.
///     scope.reschedule(Instant::now() + Duration::from_secs(10)).unwrap();
///     sleep(Duration::from_secs(5)).await;
///     "done"
/// });
/// assert_eq!(done.await, Ok("done"));
/// # });
/// ```
pub async fn timeout_scope<F, B>(
    limit: impl Into<Option<Duration>>,
    body: B,
) -> Result<F::Output, Elapsed>
where
    B: FnOnce(TimeoutScope) -> F,
    F: Future,
{
    let scope = CancelScope::entered(limit.into());
    let body = body(TimeoutScope(scope.clone()));
    Run::entered(scope, body).await.map_err(|_| Elapsed::new())
}

/// A timeout that can be moved while it runs; see [`timeout_scope`].
///
/// The counterpart of asyncio's `Timeout`.
#[derive(Clone, Debug)]
pub struct TimeoutScope(CancelScope);

/// The timeout has expired, or its block was left: it can no longer be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotActive;

impl std::fmt::Display for NotActive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the timeout has expired or was left")
    }
}

impl std::error::Error for NotActive {}

impl TimeoutScope {
    /// When the time will be over, or would have been; `None`: never. If it does not run yet, it does from
    /// now on. asyncio's `when`.
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline()
    }

    /// Moves the deadline, to earlier or later or to never, whether the time runs already or not.
    ///
    /// # Errors
    ///
    /// [`NotActive`] if the time was over, or the block was left.
    pub fn reschedule(&self, deadline: impl Into<Option<Instant>>) -> Result<(), NotActive> {
        if self.0.cancel_called() || self.0.is_left() {
            return Err(NotActive);
        }
        self.0.set_deadline(deadline);
        Ok(())
    }

    /// Whether the time was over before the block was left.
    pub fn expired(&self) -> bool {
        use crate::task::CancelSource::Deadline;
        self.0.reason().is_some_and(|reason| reason.source() == Deadline)
    }
}
