//! `wait`: until some of many tasks have finished, or all, without taking anything from them.

use crate::many::{Bell, Line};
use crate::task::{JoinError, JoinHandle};
use crate::time::{Duration, Sleep, sleep};
use pin_project_lite::pin_project;
use runtime_sync::budget;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// What [`wait`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ReturnWhen {
    /// One task has finished. asyncio's `FIRST_COMPLETED`.
    FirstCompleted,
    /// One task has failed, or all have finished. asyncio's `FIRST_EXCEPTION`.
    FirstException,
    /// All tasks have finished. asyncio's `ALL_COMPLETED`.
    #[default]
    AllCompleted,
}

/// What has become of the tasks that [`wait`] waited for: their places in the slice, in order.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct WaitResult {
    /// Those that have finished: awaiting their handles gives the outputs at once.
    pub done: Vec<usize>,
    /// Those that have not, and run on.
    pub pending: Vec<usize>,
}

impl WaitResult {
    /// The handles themselves, instead of their places: those of tasks that have finished, and those
    /// of tasks that have not.
    ///
    /// # Panics
    ///
    /// If these are not as many handles as were waited for.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::{ReturnWhen, wait};
    ///
    /// # filch::runtime::Runtime::new().unwrap().block_on(async {
    /// let mut pending: Vec<_> = (0..5).map(|n| filch::spawn(async move { n })).collect();
    /// let mut sum = 0;
    /// while !pending.is_empty() {
    ///     let done;
    ///     let result = wait(&mut pending, ReturnWhen::FirstCompleted, None).await;
    ///     (done, pending) = result.partition(pending);
    ///     for task in done {
    ///         sum += task.await.unwrap();
    ///     }
    /// }
    /// assert_eq!(sum, 10);
    /// # });
    /// ```
    #[track_caller]
    pub fn partition<H>(&self, handles: Vec<H>) -> (Vec<H>, Vec<H>) {
        assert_eq!(
            handles.len(),
            self.done.len() + self.pending.len(),
            "`WaitResult::partition` needs the handles that were waited for"
        );
        let mut done = self.done.iter().copied().peekable();
        let (mut ended, mut others) = (Vec::new(), Vec::new());
        for (place, handle) in handles.into_iter().enumerate() {
            match done.next_if_eq(&place) {
                Some(_) => ended.push(handle),
                None => others.push(handle),
            }
        }
        (ended, others)
    }
}

/// Waits until tasks have finished, at most for `limit`, and says which.
///
/// The handles are only borrowed: no output is taken, and no task is ever cancelled, neither when
/// the time is over nor when the wait is dropped. A task that has finished before counts. When the
/// wait is over, all handles are looked at once more, so that there may be more finished tasks than
/// were waited for. That the time is over is no error.
///
/// With [`FirstException`](ReturnWhen::FirstException), a task that panicked has failed, and one that
/// was cancelled has not; see [`failed_if`](Wait::failed_if) for what tasks return.
///
/// To wake it costs the same however many tasks there are. The counterpart of `asyncio.wait`.
///
/// # Panics
///
/// If there is no handle, as there would be nothing to wait for. And when it has to wait with a
/// limit, if there is no runtime on the thread.
///
/// # Cancel safety
///
/// Cancel safe: nothing is lost.
///
/// # Examples
///
/// ```
/// use filch::time::{Duration, sleep};
/// use filch::{ReturnWhen, wait};
///
/// # filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap().block_on(async {
/// let mut tasks = [3, 1, 2].map(|seconds| filch::spawn(sleep(Duration::from_secs(seconds))));
/// let result = wait(&mut tasks, ReturnWhen::FirstCompleted, None).await;
/// assert_eq!((result.done, result.pending), (vec![1], vec![0, 2]));
///
/// let result = wait(&mut tasks, ReturnWhen::AllCompleted, Duration::from_millis(1500)).await;
/// assert_eq!((result.done, result.pending), (vec![1, 2], vec![0]));
/// # });
/// ```
#[track_caller]
pub fn wait<T>(
    handles: &mut [JoinHandle<T>],
    return_when: ReturnWhen,
    limit: impl Into<Option<Duration>>,
) -> Wait<'_, T> {
    assert!(
        !handles.is_empty(),
        "`wait` needs at least one handle: without any it waits for nothing"
    );
    let mut line = Line::default();
    let bells: Vec<_> = (0..handles.len()).map(|place| Some(line.enter(place))).collect();
    Wait {
        unfinished: handles.len(),
        handles,
        return_when,
        failed: false,
        failed_if: None,
        limit: limit.into(),
        timer: None,
        bells,
        line,
    }
}

pin_project! {
    /// The future of [`wait`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Wait<'a, T> {
        handles: &'a mut [JoinHandle<T>],
        return_when: ReturnWhen,
        unfinished: usize,
        failed: bool,
        failed_if: Option<fn(&T) -> bool>,
        limit: Option<Duration>,
        #[pin]
        timer: Option<Sleep>,
        // Those of the tasks that have not finished.
        bells: Vec<Option<Bell>>,
        line: Line,
    }
}

impl<T> Wait<'_, T> {
    /// A task has failed as well if this is true of its output: mostly, `Result::is_err`.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::{ReturnWhen, wait};
    ///
    /// # filch::runtime::Runtime::new().unwrap().block_on(async {
    /// let mut tasks = [
    ///     filch::spawn(std::future::pending()),
    ///     filch::spawn(async { Err::<(), _>("no such file") }),
    /// ];
    /// let first = wait(&mut tasks, ReturnWhen::FirstException, None).failed_if(Result::is_err);
    /// assert_eq!(first.await.done, [1]);
    /// # });
    /// ```
    pub fn failed_if(mut self, failed: fn(&T) -> bool) -> Self {
        self.failed_if = Some(failed);
        self
    }
}

impl<T> Future for Wait<'_, T> {
    type Output = WaitResult;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<WaitResult> {
        let coop = ready!(budget::poll_proceed(cx));
        let mut this = self.project();
        let mut left = this.line.round();
        while let Some(place) = this.line.next(&mut left, Some(cx.waker())) {
            let Some(bell) = &this.bells[place] else { continue };
            let handle = &mut this.handles[place];
            if handle.poll_finished(&mut Context::from_waker(bell.answer())).is_pending() {
                continue;
            }
            this.bells[place] = None;
            *this.unfinished -= 1;
            *this.failed |= *this.return_when == ReturnWhen::FirstException
                && handle.peek().is_some_and(|outcome| has_failed(outcome, *this.failed_if));
        }
        let over = match this.return_when {
            ReturnWhen::FirstCompleted => *this.unfinished < this.handles.len(),
            ReturnWhen::FirstException => *this.failed || *this.unfinished == 0,
            ReturnWhen::AllCompleted => *this.unfinished == 0,
        };
        if !over {
            let Some(limit) = *this.limit else { return Poll::Pending };
            if !limit.is_zero() {
                if this.timer.is_none() {
                    this.timer.set(Some(sleep(limit)));
                }
                let timer = this.timer.as_pin_mut().expect("it was set just now");
                ready!(timer.poll_elapsed(cx));
            }
        }
        coop.made_progress();
        let places = 0..this.handles.len();
        let (done, pending) = places.partition(|place| this.handles[*place].is_finished());
        Poll::Ready(WaitResult { done, pending })
    }
}

fn has_failed<T>(outcome: &Result<T, JoinError>, failed: Option<fn(&T) -> bool>) -> bool {
    match outcome {
        Ok(output) => failed.is_some_and(|failed| failed(output)),
        Err(error) => error.is_panic(),
    }
}

impl<T> fmt::Debug for Wait<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("return_when", &self.return_when)
            .field("unfinished", &self.unfinished)
            .finish_non_exhaustive()
    }
}
