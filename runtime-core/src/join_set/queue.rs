//! `JoinQueue`: many tasks, joined in the order in which they were spawned.

use super::spawning::spawning;
use crate::task::{AbortHandle, AbortOnDropHandle, Id, JoinError, JoinHandle};
use runtime_sync::budget;
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

/// Many tasks with outputs of one type, joined in the order in which they were spawned, whatever the
/// order in which they finish. Dropping the queue aborts all tasks in it.
///
/// The counterpart of tokio-util's `task::JoinQueue`.
///
/// # Examples
///
/// ```
/// use filch::task::JoinQueue;
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let mut queue = JoinQueue::new();
/// for number in 0..10_u32 {
///     queue.spawn(async move { number * number });
/// }
/// let mut next = 0;
/// while let Some(square) = queue.join_next().await {
///     assert_eq!(square.unwrap(), next * next);
///     next += 1;
/// }
/// assert_eq!(next, 10);
/// # });
/// ```
pub struct JoinQueue<T> {
    tasks: VecDeque<AbortOnDropHandle<T>>,
}

impl<T> JoinQueue<T> {
    /// An empty queue.
    pub const fn new() -> JoinQueue<T> {
        JoinQueue { tasks: VecDeque::new() }
    }

    /// An empty queue with room for so many tasks.
    pub fn with_capacity(capacity: usize) -> JoinQueue<T> {
        JoinQueue { tasks: VecDeque::with_capacity(capacity) }
    }

    /// How many tasks are in the queue: those that have not been joined.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether no task is in the queue.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Puts a task into the queue that was spawned elsewhere.
    fn push(&mut self, handle: JoinHandle<T>) -> AbortHandle {
        let abort = handle.abort_handle();
        self.tasks.push_back(AbortOnDropHandle::new(handle));
        abort
    }

    /// Aborts all tasks. They stay in the queue until they are joined.
    pub fn abort_all(&mut self) {
        self.tasks.iter().for_each(AbortOnDropHandle::abort);
    }

    /// Takes all tasks out of the queue and lets them run on.
    pub fn detach_all(&mut self) {
        self.tasks.drain(..).for_each(|task| drop(task.detach()));
    }
}

spawning!(JoinQueue, push, "at the end of the queue");

impl<T: 'static> JoinQueue<T> {
    /// Waits until the first task of the queue has finished, and gives its output; `None` if no task
    /// is in the queue.
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

    /// As [`join_next`](JoinQueue::join_next), with the number of the task.
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

    /// The output of the first task of the queue, if it has finished already.
    ///
    /// # Errors
    ///
    /// As [`join_next`](JoinQueue::join_next).
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        self.try_join_next_with_id().map(|output| output.map(|(_, output)| output))
    }

    /// As [`try_join_next`](JoinQueue::try_join_next), with the number of the task.
    ///
    /// # Errors
    ///
    /// As [`join_next`](JoinQueue::join_next).
    pub fn try_join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        if !self.tasks.front()?.is_finished() {
            return None;
        }
        // Who only looks, and does not wait, is told the truth whatever the budget.
        let before = budget::clear();
        let found = self.poll_join_next_with_id(&mut Context::from_waker(Waker::noop()));
        budget::restore(before);
        match found {
            Poll::Ready(output) => output,
            Poll::Pending => None,
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

    /// The outputs of all tasks, in the order in which they were spawned.
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

    /// Polls for what [`join_next`](JoinQueue::join_next) waits for.
    pub fn poll_join_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        self.poll_join_next_with_id(cx)
            .map(|output| output.map(|output| output.map(|(_, output)| output)))
    }

    /// Polls for what [`join_next_with_id`](JoinQueue::join_next_with_id) waits for.
    pub fn poll_join_next_with_id(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<(Id, T), JoinError>>> {
        let Some(first) = self.tasks.front_mut() else { return Poll::Ready(None) };
        let output = ready!(Pin::new(&mut *first).poll(cx));
        let id = first.as_ref().id();
        self.tasks.pop_front();
        Poll::Ready(Some(output.map(|output| (id, output))))
    }
}

impl<T> Default for JoinQueue<T> {
    fn default() -> JoinQueue<T> {
        JoinQueue::new()
    }
}

impl<T> fmt::Debug for JoinQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinQueue").field("len", &self.len()).finish()
    }
}
