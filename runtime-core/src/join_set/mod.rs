//! `JoinSet`: many tasks, joined as they finish.

mod map;
mod queue;
mod spawning;

pub use map::{JoinMap, JoinMapKeys};
pub use queue::JoinQueue;

use crate::number_map::{self, NumberMap};
use crate::task::{AbortHandle, Id, JoinError, JoinHandle, JoinLine};
use runtime_sync::budget;
use spawning::spawning;
use std::fmt;
use std::future::{Future, poll_fn};
use std::task::{Context, Poll, ready};

/// Many tasks with outputs of one type, joined in the order in which they finish.
///
/// A task that finishes costs the set the same whether there are ten or ten thousand: only those that
/// have finished are looked at. Dropping the set aborts all tasks in it.
///
/// The counterpart of tokio's `task::JoinSet`.
///
/// # Examples
///
/// ```
/// use filch::task::JoinSet;
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let mut set = JoinSet::new();
/// for number in 0..10_u32 {
///     set.spawn(async move { number * number });
/// }
/// let mut sum = 0;
/// while let Some(square) = set.join_next().await {
///     sum += square.unwrap();
/// }
/// assert_eq!(sum, 285);
/// # });
/// ```
pub struct JoinSet<T> {
    tasks: NumberMap<Id, JoinHandle<T>>,
    /// Which of them have finished; others too, that were detached.
    finished: JoinLine,
}

impl<T> JoinSet<T> {
    /// An empty set.
    pub fn new() -> JoinSet<T> {
        JoinSet { tasks: number_map::new(), finished: JoinLine::new() }
    }

    /// For how many tasks there is room.
    fn capacity(&self) -> usize {
        self.tasks.capacity()
    }

    /// Makes room for so many more tasks.
    fn reserve(&mut self, additional: usize) {
        self.tasks.reserve(additional);
    }

    /// Gives room back, but for so many tasks.
    fn shrink_to(&mut self, capacity: usize) {
        self.tasks.shrink_to(capacity);
    }

    /// How many tasks are in the set: those that have not been joined.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether no task is in the set.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Puts a task into the set that was spawned elsewhere.
    fn insert(&mut self, mut handle: JoinHandle<T>) -> AbortHandle {
        let abort = handle.abort_handle();
        self.finished.enter(&mut handle);
        self.tasks.insert(handle.id(), handle);
        abort
    }

    /// Aborts all tasks, in the order of their numbers. They stay in the set until they are joined.
    pub fn abort_all(&self) {
        let mut tasks: Vec<_> = self.tasks.values().collect();
        tasks.sort_unstable_by_key(|task| task.id());
        tasks.into_iter().for_each(JoinHandle::abort);
    }

    /// Takes all tasks out of the set and lets them run on.
    pub fn detach_all(&mut self) {
        self.tasks.clear();
        self.finished.clear();
    }

    /// The output of a task that has come to the line, if it is still in the set.
    fn take(&mut self, task: Id) -> Option<Result<(Id, T), JoinError>> {
        let output = self.tasks.remove(&task)?.into_output()?;
        Some(output.map(|output| (task, output)))
    }
}

spawning!(JoinSet, insert, "into the set");

impl<T: 'static> JoinSet<T> {
    /// Waits until a task has finished, and gives its output; `None` if no task is in the set.
    ///
    /// # Errors
    ///
    /// The task was aborted or cancelled, or panicked.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no output is lost.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|cx| self.poll_join_next(cx)).await
    }

    /// As [`join_next`](JoinSet::join_next), with the number of the task.
    ///
    /// # Errors
    ///
    /// As there; [`JoinError::id`] tells which task it is.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        poll_fn(|cx| self.poll_join_next_with_id(cx)).await
    }

    /// The output of a task that has finished already, if there is one.
    ///
    /// # Errors
    ///
    /// As [`join_next`](JoinSet::join_next).
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        self.try_join_next_with_id().map(|output| output.map(|(_, output)| output))
    }

    /// As [`try_join_next`](JoinSet::try_join_next), with the number of the task.
    ///
    /// # Errors
    ///
    /// As [`join_next`](JoinSet::join_next).
    pub fn try_join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        loop {
            let task = self.finished.pop()?;
            if let output @ Some(_) = self.take(task) {
                return output;
            }
        }
    }

    /// Aborts all tasks and waits until they have ended.
    ///
    /// # Cancel safety
    ///
    /// The tasks are aborted in any case.
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }

    /// The outputs of all tasks, in the order in which they finish.
    ///
    /// # Panics
    ///
    /// If a task panicked, with its panic, or was aborted. The others are aborted then.
    pub async fn join_all(mut self) -> Vec<T> {
        let mut outputs = Vec::with_capacity(self.len());
        while let Some(output) = self.join_next().await {
            outputs.push(output.unwrap_or_else(JoinError::raise));
        }
        outputs
    }

    /// Polls for what [`join_next`](JoinSet::join_next) waits for.
    ///
    /// `Pending` may be said although tasks have finished, when the budget is spent; the task is
    /// woken then.
    pub fn poll_join_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        self.poll_join_next_with_id(cx)
            .map(|output| output.map(|output| output.map(|(_, output)| output)))
    }

    /// Polls for what [`join_next_with_id`](JoinSet::join_next_with_id) waits for.
    pub fn poll_join_next_with_id(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<(Id, T), JoinError>>> {
        if self.is_empty() {
            return Poll::Ready(None);
        }
        let budget = ready!(budget::poll_proceed(cx));
        loop {
            let task = ready!(self.finished.poll_pop(cx.waker()));
            if let output @ Some(_) = self.take(task) {
                budget.made_progress();
                return Poll::Ready(output);
            }
        }
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.abort_all();
    }
}

impl<T> Default for JoinSet<T> {
    fn default() -> JoinSet<T> {
        JoinSet::new()
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet").field("len", &self.len()).finish()
    }
}
