//! A future with a deadline.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use runtime_sync::budget;

use super::Instant;
use super::error::Elapsed;
use super::sleep::{Origin, Sleep};
use crate::frame::{About, Node, Until, within};
use crate::task::{CancelReason, CancelSource};

/// Gives `future` at most `duration` to complete.
///
/// The time counts from the first poll that finds the future not ready: a future that is ready at
/// once costs no look at the clock and no timer. The future is polled before the time is looked
/// at, whenever the task is polled, so if both have come the value wins.
///
/// With a duration of zero the future is polled once. asyncio's `wait_for` does not even start it
/// then.
///
/// # Errors
///
/// [`Elapsed`] if the time is over first. The future is then dropped with the `Timeout`; but if
/// clean-up is to be awaited in it, as by [`with_cleanup`](crate::cancel::with_cleanup), that comes
/// first, and the `Timeout` takes as much longer. If the future gives its value all the same, the
/// value wins.
///
/// # Cancel safety
///
/// Dropping it drops the future. Whatever that promises about being dropped holds here as well, and
/// when the time is over.
///
/// # Panics
///
/// When it is polled and has to wait, if there is no runtime on the thread.
///
/// # Examples
///
/// ```
/// use filch::time::{Duration, timeout};
///
/// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let in_time = timeout(Duration::from_millis(5), async { 1 }).await;
/// assert_eq!(in_time, Ok(1));
///
/// let too_late = timeout(Duration::from_millis(5), std::future::pending::<i32>()).await;
/// assert!(too_late.is_err());
/// # });
/// ```
pub fn timeout<F>(duration: Duration, future: F) -> Timeout<F::IntoFuture>
where
    F: IntoFuture,
{
    Timeout { value: future.into_future(), delay: Delay::After { duration }, node: None }
}

/// Gives `future` until `deadline` to complete.
///
/// As [`timeout`], but for a moment instead of a span: also several futures can share it.
///
/// # Errors
///
/// [`Elapsed`] if the deadline comes first.
///
/// # Cancel safety
///
/// As for [`timeout`].
///
/// # Panics
///
/// When it is polled and has to wait, if there is no runtime on the thread.
///
/// # Examples
///
/// ```
/// use filch::time::{Duration, Instant, timeout_at};
///
/// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let deadline = Instant::now() + Duration::from_millis(5);
/// assert_eq!(timeout_at(deadline, async { 1 }).await, Ok(1));
/// assert!(timeout_at(deadline, std::future::pending::<i32>()).await.is_err());
/// # });
/// ```
pub fn timeout_at<F>(deadline: Instant, future: F) -> Timeout<F::IntoFuture>
where
    F: IntoFuture,
{
    Timeout { value: future.into_future(), delay: Delay::Until { deadline }, node: None }
}

/// Gives `future` at most `limit` to complete, or as long as it takes if that is `None`.
///
/// Otherwise it is [`timeout`]. With a limit of zero the future is polled once, where asyncio does
/// not begin with what is not finished.
///
/// The counterpart of `asyncio.wait_for`. That cancels a *task* that is late; here the handle of one is
/// dropped like any other future, and the task runs on, unless it is in an
/// [`AbortOnDropHandle`](crate::task::AbortOnDropHandle).
///
/// # Errors
///
/// [`Elapsed`] if the time is over first.
///
/// # Cancel safety
///
/// As for [`timeout`].
///
/// # Panics
///
/// When it is polled and has to wait, if there is a limit and no runtime on the thread.
///
/// # Examples
///
/// ```
/// use filch::time::{Duration, sleep};
/// use filch::wait_for;
///
/// # filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap().block_on(async {
/// let minute = Duration::from_secs(60);
/// assert!(wait_for(sleep(minute), None).await.is_ok());
/// assert!(wait_for(sleep(minute), Duration::from_secs(1)).await.is_err());
/// # });
/// ```
pub fn wait_for<F>(future: F, limit: impl Into<Option<Duration>>) -> Timeout<F::IntoFuture>
where
    F: IntoFuture,
{
    let delay = match limit.into() {
        Some(duration) => Delay::After { duration },
        None => Delay::Never,
    };
    Timeout { value: future.into_future(), delay, node: None }
}

pin_project! {
    /// The future of [`timeout`], [`timeout_at`] and [`wait_for`].
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, Timeout, timeout};
    ///
    /// let future: Timeout<_> = timeout(Duration::from_secs(1), std::future::ready(1));
    /// ```
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Timeout<F> {
        #[pin]
        value: F,
        #[pin]
        delay: Delay,
        // Only if somebody inside wants to know when the time is over.
        node: Option<Arc<Node>>,
    }
}

pin_project! {
    /// The time that is left: a timer only once somebody has had to wait.
    #[project = DelayProjection]
    enum Delay {
        Never,
        After { duration: Duration },
        Until { deadline: Instant },
        Running { #[pin] sleep: Sleep },
    }
}

impl<F> Timeout<F> {
    /// The future inside.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, timeout};
    ///
    /// let timeout = timeout(Duration::from_secs(1), std::future::ready(1));
    /// assert_eq!(timeout.get_ref().clone().into_inner(), 1);
    /// ```
    pub fn get_ref(&self) -> &F {
        &self.value
    }

    /// The future inside.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, timeout};
    ///
    /// let mut timeout = timeout(Duration::from_secs(1), std::future::ready(1));
    /// *timeout.get_mut() = std::future::ready(2);
    /// assert_eq!(timeout.into_inner().into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut F {
        &mut self.value
    }

    /// Takes the future out.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, timeout};
    ///
    /// let timeout = timeout(Duration::from_secs(1), std::future::ready(1));
    /// assert_eq!(timeout.into_inner().into_inner(), 1);
    /// ```
    pub fn into_inner(self) -> F {
        self.value
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let could_go_on = budget::has_budget_remaining();
        let about = &*this.delay;
        if let Poll::Ready(value) = within(this.node, about, || this.value.as_mut().poll(cx)) {
            return Poll::Ready(Ok(value));
        }
        ready!(this.delay.as_mut().poll(cx, could_go_on));
        poll_given_up(this.value, &*this.delay, this.node, cx)
    }
}

/// The time of a scope is over: gives `value` up, once those inside have cleaned up who want to.
#[inline]
pub(crate) fn poll_given_up<F: Future>(
    value: Pin<&mut F>,
    about: &dyn About,
    place: &mut Option<Arc<Node>>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Elapsed>> {
    match place {
        None => Poll::Ready(Err(Elapsed::new())),
        Some(node) => poll_cleaning_up(value, about, &node.clone(), place, cx),
    }
}

#[cold]
fn poll_cleaning_up<F: Future>(
    value: Pin<&mut F>,
    about: &dyn About,
    node: &Arc<Node>,
    place: &mut Option<Arc<Node>>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Elapsed>> {
    if node.cancelled().is_none() {
        node.cancel(&Arc::new(CancelReason::new(CancelSource::Deadline)));
        if let Poll::Ready(value) = within(place, about, || value.poll(cx)) {
            return Poll::Ready(Ok(value));
        }
    }
    match node.waits_for_holders(cx.waker()) {
        true => Poll::Pending,
        false => Poll::Ready(Err(Elapsed::new())),
    }
}

impl About for Delay {
    fn until(&self) -> Until {
        match self {
            Delay::Never => Until::Never,
            Delay::After { duration } => Until::After(*duration),
            Delay::Until { deadline } => Until::At((*deadline).into()),
            Delay::Running { sleep } => Until::At(sleep.deadline().into()),
        }
    }
}

impl Delay {
    /// Looks whether the time is over.
    ///
    /// If the future inside has spent the budget in this very poll, the timer goes without:
    /// a future that is always busy must not keep its deadline from being seen.
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>, could_go_on: bool) -> Poll<()> {
        if !could_go_on {
            drop(ready!(budget::poll_proceed(cx)));
        }
        ready!(self.poll_elapsed(cx));
        if let Some(coop) = budget::proceed_now() {
            coop.made_progress();
        }
        Poll::Ready(())
    }

    #[inline]
    fn poll_elapsed(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.as_mut().project() {
            DelayProjection::Running { sleep } => sleep.poll_elapsed(cx),
            DelayProjection::Never => Poll::Pending,
            _ => self.begin(cx),
        }
    }

    /// The time begins to run, as somebody has to wait.
    fn begin(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let (sleep, is_new) = match *self {
            Delay::After { duration } if duration.is_zero() => return Poll::Ready(()),
            Delay::After { duration } => (Sleep::from_now(duration), true),
            Delay::Until { deadline } => (Sleep::new(deadline, Origin::Any, None), false),
            Delay::Never | Delay::Running { .. } => unreachable!("no time is about to begin"),
        };
        self.set(Delay::Running { sleep });
        match self.project() {
            DelayProjection::Running { sleep } if is_new => sleep.begin(cx),
            DelayProjection::Running { sleep } => sleep.poll_elapsed(cx),
            _ => unreachable!("it has just been set running"),
        }
    }
}

impl<F: fmt::Debug> fmt::Debug for Timeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Timeout");
        match &self.delay {
            Delay::Never => &mut debug,
            Delay::After { duration } => debug.field("after", duration),
            Delay::Until { deadline } => debug.field("deadline", deadline),
            Delay::Running { sleep } => debug.field("deadline", &sleep.deadline()),
        };
        debug.field("value", &self.value).finish()
    }
}
