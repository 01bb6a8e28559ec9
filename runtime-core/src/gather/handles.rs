//! `gather_handles`: the outputs of many tasks, or the first that failed.

use super::WHY;
use crate::frame::{Cause, Holder, Passage};
use crate::many::{AsCompleted, as_completed};
use crate::task::{CancelReason, CancelSource, JoinError, JoinHandle};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Awaits all tasks and gives their outputs in order; or the first error, when the other tasks have
/// been cancelled and have ended.
///
/// A task fails if it panics, or is cancelled or aborted. An `Err` that it returns is an output like
/// any other: a [`TaskGroup`](crate::task_group::TaskGroup) is what cares about that.
///
/// The others are [cancelled](JoinHandle::cancel), which lets them clean up, and awaited;
/// [`keep_siblings`](GatherHandles::keep_siblings) lets them run on instead. If what is around is
/// cancelled, so are the tasks, and they are awaited before the cancellation goes on.
///
/// The counterpart of `asyncio.gather` over tasks. For futures: [`gather`](super::gather).
///
/// # Errors
///
/// That of the task that failed first.
///
/// # Cancel safety
///
/// Dropping it cancels the tasks, and awaits them no more.
///
/// # Examples
///
/// ```
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let tasks = (1..=3).map(|number| filch::spawn(async move { number * number }));
/// assert_eq!(filch::gather_handles(tasks).await.unwrap(), [1, 4, 9]);
///
/// let stuck = filch::spawn(std::future::pending::<()>());
/// let stopped = filch::spawn(std::future::pending());
/// stopped.abort();
/// let watch = stuck.abort_handle();
/// assert!(filch::gather_handles([stuck, stopped]).await.unwrap_err().is_cancelled());
/// assert!(watch.is_finished());
/// # });
/// ```
pub fn gather_handles<I, T>(handles: I) -> GatherHandles<T>
where
    I: IntoIterator<Item = JoinHandle<T>>,
{
    let tasks = as_completed(handles);
    let values = (0..tasks.len()).map(|_| None).collect();
    GatherHandles { tasks, values, error: None, keep: false, holder: None, stage: Stage::Running }
}

/// The future of [`gather_handles`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct GatherHandles<T> {
    tasks: AsCompleted<JoinHandle<T>>,
    values: Vec<Option<T>>,
    error: Option<JoinError>,
    keep: bool,
    holder: Option<Holder>,
    stage: Stage,
}

// No future lies within.
impl<T> Unpin for GatherHandles<T> {}

enum Stage {
    Running,
    /// What is around was cancelled, and so are the tasks.
    Leaving(Cause),
    /// There is no outcome: the cancellation of what is around was passed on.
    Passed(#[expect(dead_code, reason = "its drop is what matters")] Passage),
}

impl Stage {
    /// Whether the tasks have not been told of that: nothing has come before, or a request to the task that
    /// was another one.
    fn is_news(&self, cause: &Cause) -> bool {
        match (self, cause) {
            (Stage::Running, _) => true,
            (Stage::Leaving(Cause::Task(_, old)), Cause::Task(_, new)) => old != new,
            _ => false,
        }
    }
}

impl<T> GatherHandles<T> {
    /// When a task fails, the others run on, and the error comes at once. As in asyncio.
    ///
    /// If this future is dropped, or what is around is cancelled, before there is an outcome, the
    /// tasks are cancelled all the same.
    ///
    /// # Examples
    ///
    /// ```
    /// # filch::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let slow = filch::spawn(std::future::pending());
    /// let stopped = filch::spawn(async {});
    /// stopped.abort();
    /// let watch = slow.abort_handle();
    /// assert!(filch::gather_handles([slow, stopped]).keep_siblings().await.is_err());
    /// assert!(!watch.is_finished());
    /// # });
    /// ```
    pub fn keep_siblings(mut self) -> GatherHandles<T> {
        self.keep = true;
        self
    }

    fn cancel_all(&self, reason: &CancelReason) {
        self.tasks.futures().for_each(|task| _ = task.cancel(reason.clone()));
    }

    /// Takes in what the tasks give. Ready: there is nothing more to wait for.
    fn poll_tasks(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some((place, outcome)) = std::task::ready!(self.tasks.poll_next(cx)) {
            match outcome {
                Ok(value) => self.values[place] = Some(value),
                // That is what was asked of it.
                Err(error) if error.is_cancelled() && self.is_leaving() => {}
                Err(error) if self.error.is_none() => {
                    self.error = Some(error);
                    if self.keep && !self.is_leaving() {
                        return Poll::Ready(());
                    }
                    self.cancel_all(&CancelReason::new(CancelSource::Sibling).with_message(WHY));
                }
                // Of several errors the first counts.
                Err(_) => {}
            }
        }
        Poll::Ready(())
    }

    fn is_leaving(&self) -> bool {
        matches!(self.stage, Stage::Leaving(_))
    }
}

impl<T> Future for GatherHandles<T> {
    type Output = Result<Vec<T>, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Stage::Passed(_) = this.stage {
            return Poll::Pending;
        }
        this.holder.get_or_insert_with(Holder::open).register(cx.waker());
        if this.poll_tasks(cx).is_pending() {
            let cause = this.holder.as_ref().and_then(Holder::cause);
            if let Some(cause) = cause.filter(|cause| this.stage.is_news(cause)) {
                this.cancel_all(cause.reason());
                this.stage = Stage::Leaving(cause);
            }
            return Poll::Pending;
        }
        this.tasks.clear();
        let holder = this.holder.take().expect("it was opened above");
        let stage = std::mem::replace(&mut this.stage, Stage::Running);
        if let (Stage::Leaving(cause), None) = (&stage, &this.error) {
            this.stage = Stage::Passed(holder.pass_on(cause));
            return Poll::Pending;
        }
        Poll::Ready(match this.error.take() {
            Some(error) => Err(error),
            None => Ok(this.values.drain(..).flatten().collect()),
        })
    }
}

impl<T> Drop for GatherHandles<T> {
    fn drop(&mut self) {
        self.cancel_all(&CancelReason::default().with_message("the `gather_handles` was dropped"));
    }
}

impl<T> fmt::Debug for GatherHandles<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatherHandles").field("tasks", &self.tasks).finish_non_exhaustive()
    }
}
