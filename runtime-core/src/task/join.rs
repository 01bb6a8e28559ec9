//! `JoinHandle`: await, abort or detach; `AbortHandle`.
//!
//! # Invariants
//!
//! 1. A `JoinHandle<T>` is the only one of its task, whose output is of type
//!    `Result<T, JoinError>`. It alone touches the output of the complete task, and the join waker's
//!    place as the state word allows.

use super::cancel_reason::CancelReason;
use super::cell::{self, Output};
use super::id::Id;
use super::join_error::JoinError;
use super::join_line::Joiner;
use super::polled;
use super::raw::TaskRef;
use super::state::Detach;
use super::unhandled::TaskInfo;
use crate::unwind::contain;
use runtime_sync::budget;
use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, ready};

/// The right to a task's output, and to abort it. Dropping it detaches the task, which runs on.
///
/// The counterpart of tokio's `task::JoinHandle`, and of what asyncio calls a `Task`.
///
/// # Cancel safety
///
/// Awaiting `&mut handle` is cancel safe: when another branch of a `select!` wins, the output is
/// still there for the next await.
///
/// # Panics
///
/// Awaiting it again after it gave its output panics.
///
/// # Examples
///
/// ```
/// # let rt = filch::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let answer = filch::spawn(async { 6 * 7 });
/// assert_eq!(answer.await.unwrap(), 42);
///
/// let stuck = filch::spawn(std::future::pending::<()>());
/// stuck.abort();
/// assert!(stuck.await.unwrap_err().is_cancelled());
/// # });
/// ```
pub struct JoinHandle<T> {
    task: ManuallyDrop<TaskRef>,
    output: PhantomData<T>,
}

// SAFETY: the handle hands out or drops a `T`, and nothing else of the task's.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: through `&JoinHandle` no `T` is reached.
unsafe impl<T: Send> Sync for JoinHandle<T> {}
impl<T> Unpin for JoinHandle<T> {}
impl<T> std::panic::UnwindSafe for JoinHandle<T> {}
impl<T> std::panic::RefUnwindSafe for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// # Safety
    ///
    /// - The reference and the `HANDLE` flag of a new task pass to the handle, and the task's output
    ///   is of type `Result<T, JoinError>` (invariant 1).
    pub(super) unsafe fn new(task: TaskRef) -> JoinHandle<T> {
        JoinHandle { task: ManuallyDrop::new(task), output: PhantomData }
    }

    /// Asks for the task's future to be dropped at its next suspension.
    ///
    /// A task that has already finished, or finishes before it suspends again, keeps its output. It
    /// is safe to call this more than once, and from any thread.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = filch::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let task = filch::spawn(async { std::future::pending::<()>().await });
    /// task.abort();
    /// assert!(task.await.unwrap_err().is_cancelled());
    /// # });
    /// ```
    pub fn abort(&self) {
        self.task.abort();
    }

    /// Asks the task to end, in a way that lets it clean up with awaits. False: it has finished.
    ///
    /// The request goes to the innermost open frame of the task: see [`cancel`](crate::cancel). A
    /// task in which no frame is open is dropped at its next suspension, as by
    /// [`abort`](JoinHandle::abort). If the task ends because of it, its error says
    /// [why](JoinError::reason); a task that gives its output without waiting again keeps it.
    ///
    /// Each call is a request of its own, which counts in [`cancelling`](JoinHandle::cancelling).
    /// The counterpart of asyncio's `Task.cancel`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = filch::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let task = filch::spawn(std::future::pending::<()>());
    /// assert!(task.cancel("the client has hung up"));
    /// let error = task.await.unwrap_err();
    /// assert!(error.is_cancelled());
    /// assert_eq!(error.reason().unwrap().message(), Some("the client has hung up"));
    /// # });
    /// ```
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        self.task.cancel(reason.into().or_by(polled::id()))
    }

    /// How many requests of [`cancel`](JoinHandle::cancel) stand: those that were made, less those
    /// that were [taken back](JoinHandle::uncancel). 0 for a task that has finished.
    ///
    /// The counterpart of asyncio's `Task.cancelling`.
    pub fn cancelling(&self) -> usize {
        self.task.cancelling()
    }

    /// Takes one request of [`cancel`](JoinHandle::cancel) back, and says how many stand. With the
    /// last one, a request that no frame has answered yet is withdrawn: the task runs on.
    ///
    /// The counterpart of asyncio's `Task.uncancel`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = filch::runtime::Builder::new_current_thread().build().unwrap();
    /// # rt.block_on(async {
    /// let task = filch::spawn(async { 1 });
    /// task.cancel("on second thought, no");
    /// assert_eq!(task.uncancel(), 0);
    /// assert_eq!(task.await.unwrap(), 1);
    /// # });
    /// ```
    pub fn uncancel(&self) -> usize {
        self.task.uncancel()
    }

    /// Whether the task has finished: its future is dropped and its output is there.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = filch::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut task = filch::spawn(async {});
    /// (&mut task).await.unwrap();
    /// assert!(task.is_finished());
    /// # });
    /// ```
    pub fn is_finished(&self) -> bool {
        self.task.header().state.is_complete()
    }

    /// A handle that can abort the task, and no more.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = filch::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let task = filch::spawn(std::future::pending::<()>());
    /// let stop = task.abort_handle();
    /// stop.abort();
    /// assert!(task.await.unwrap_err().is_cancelled());
    /// # });
    /// ```
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle(TaskRef::clone(&self.task))
    }

    /// The task's number.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = filch::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let task = filch::spawn(async { filch::task::id() });
    /// let id = task.id();
    /// assert_eq!(task.await.unwrap(), id);
    /// # });
    /// ```
    pub fn id(&self) -> Id {
        self.task.id()
    }

    pub(super) fn task(&self) -> &TaskRef {
        &self.task
    }

    /// Waits until the task has finished, and leaves the output where it is. It spends no budget.
    pub(crate) fn poll_finished(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.set_joiner(|old| {
            let is_same =
                |old: &mut Joiner| matches!(old, Joiner::Waker(old) if old.will_wake(cx.waker()));
            old.take_if(is_same).unwrap_or_else(|| Joiner::Waker(cx.waker().clone()))
        })
    }

    /// Unless the task has finished, has the joiner that `choose` makes of the one before told of it.
    pub(super) fn set_joiner(
        &mut self,
        choose: impl FnOnce(&mut Option<Joiner>) -> Joiner,
    ) -> Poll<()> {
        let header = self.task.header();
        if header.state.is_complete() {
            return Poll::Ready(());
        }
        if header.state.has_join_waker() && !header.state.unset_join_waker() {
            // Completed just now: the place is the completer's.
            return Poll::Ready(());
        }
        // SAFETY: invariant 1; `JOIN_WAKER` is clear.
        let mut old = unsafe { header.take_joiner() };
        let joiner = choose(&mut old);
        // SAFETY: as above.
        unsafe { header.put_joiner(joiner) };
        if header.state.set_join_waker() {
            return Poll::Pending;
        }
        // Completed just now, and the completer found the place not to be its own. There is an output, which
        // a waker that panics does not take along.
        // SAFETY: `JOIN_WAKER` was clear at completion.
        contain(|| drop(unsafe { header.take_joiner() }));
        Poll::Ready(())
    }

    /// Takes the output, if it was not taken.
    ///
    /// # Safety
    ///
    /// - The task is complete.
    unsafe fn take(&mut self) -> Option<Result<T, JoinError>> {
        // SAFETY: the task is complete, and the handle is borrowed meanwhile.
        unsafe { Self::output(&self.task).as_mut() }.take()
    }

    /// The output, if the task has finished and it was not taken.
    pub(crate) fn into_output(self) -> Option<Result<T, JoinError>> {
        if !self.is_finished() {
            return None;
        }
        let mut this = ManuallyDrop::new(self);
        // SAFETY: it is complete.
        let output = unsafe { this.take() };
        // Nothing is left to drop but the reference.
        // SAFETY: taken once, here.
        drop(unsafe { ManuallyDrop::take(&mut this.task) });
        output
    }

    /// The output, if the task has finished and it was not taken.
    pub(crate) fn peek(&mut self) -> Option<&Result<T, JoinError>> {
        if !self.is_finished() {
            return None;
        }
        // SAFETY: the task is complete. Nobody but this handle takes the output, and the handle is
        // borrowed as long as the output is.
        unsafe { Self::output(&self.task).as_ref() }.as_ref()
    }

    /// Where the output lies.
    ///
    /// # Safety
    ///
    /// - `task` is this handle's and complete, and nobody else touches its output meanwhile.
    unsafe fn output(task: &TaskRef) -> NonNull<Output<T>> {
        // SAFETY: by this function's contract; by invariant 1 the output is of this type.
        unsafe { (task.header().vtable.output)(task.as_ptr()).cast() }
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let budget = ready!(budget::poll_proceed(cx));
        ready!(self.poll_finished(cx));
        budget.made_progress();
        // SAFETY: it has finished.
        let output = unsafe { self.take() };
        Poll::Ready(output.expect("a `JoinHandle` was polled again after it gave its output"))
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        // SAFETY: taken once, here.
        let task = unsafe { ManuallyDrop::take(&mut self.task) };
        let header = task.header();
        match header.state.detach() {
            // The state word took the reference back.
            Detach::Done => std::mem::forget(task),
            // SAFETY: invariant 1; the state word gave us the place.
            Detach::DropWaker => contain(|| drop(unsafe { header.take_joiner() })),
            // SAFETY: the task is complete, and by invariant 1 its output is ours.
            Detach::DropOutput if unsafe { Self::output(&task).as_ref() }.is_none() => drop(task),
            Detach::DropOutput => drop_outputs(task),
        }
    }
}

thread_local! {
    /// Complete tasks whose handles were dropped inside of the drop of another task's output; `None`
    /// while no output is being dropped on this thread.
    static LEFT_FOR_LATER: RefCell<Option<Vec<TaskRef>>> = const { RefCell::new(None) };
}

/// Drops the output of a complete task whose handle is gone.
///
/// An output may own the handle of another task, whose output owns one, and so on: a chain of any
/// length, which is dropped link by link here and not by a recursion that ends with the stack.
fn drop_outputs(first: TaskRef) {
    let mut first = Some(first);
    let later = LEFT_FOR_LATER.try_with(|later| match &mut *later.borrow_mut() {
        Some(line) => line.extend(first.take()),
        line @ None => *line = Some(Vec::new()),
    });
    while let Some(task) = first.take() {
        // SAFETY: the task is complete, and by invariant 1 of the handle that is gone its output is
        // ours.
        contain(|| unsafe { cell::drop_output(task.as_ptr()) });
        drop(task);
        if later.is_ok() {
            first = LEFT_FOR_LATER.with(|later| {
                let mut line = later.borrow_mut();
                let next = line.as_mut().and_then(Vec::pop);
                if next.is_none() {
                    *line = None;
                }
                next
            });
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// The right to abort a task, and to ask whether it has finished.
///
/// The counterpart of tokio's `task::AbortHandle`.
///
/// # Examples
///
/// ```
/// # let rt = filch::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let task = filch::spawn(std::future::pending::<()>());
/// let abort = task.abort_handle();
/// drop(task); // detached: it would run for ever
/// abort.abort();
/// while !abort.is_finished() {
///     filch::task::yield_now().await;
/// }
/// # });
/// ```
#[derive(Clone)]
pub struct AbortHandle(TaskRef);

impl std::panic::UnwindSafe for AbortHandle {}
impl std::panic::RefUnwindSafe for AbortHandle {}

impl AbortHandle {
    pub(super) fn new(task: TaskRef) -> AbortHandle {
        AbortHandle(task)
    }

    pub(super) fn task(&self) -> &TaskRef {
        &self.0
    }

    /// The task's number, name and birthplace.
    pub(crate) fn info(&self) -> TaskInfo {
        self.0.info()
    }

    /// Asks for the task's future to be dropped at its next suspension; see
    /// [`JoinHandle::abort`].
    pub fn abort(&self) {
        self.0.abort();
    }

    /// Asks the task to end; see [`JoinHandle::cancel`].
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        self.0.cancel(reason.into().or_by(polled::id()))
    }

    /// How many requests stand; see [`JoinHandle::cancelling`].
    pub fn cancelling(&self) -> usize {
        self.0.cancelling()
    }

    /// Takes one request back; see [`JoinHandle::uncancel`].
    pub fn uncancel(&self) -> usize {
        self.0.uncancel()
    }

    /// Whether the task has finished.
    pub fn is_finished(&self) -> bool {
        self.0.header().state.is_complete()
    }

    /// The task's number.
    pub fn id(&self) -> Id {
        self.0.id()
    }

    /// The task's name, if [`Builder::name`](crate::spawn::Builder::name) gave it one.
    pub fn name(&self) -> Option<&str> {
        self.0.name()
    }

    /// Where the task was spawned.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.0.location()
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle").field("id", &self.id()).finish_non_exhaustive()
    }
}
