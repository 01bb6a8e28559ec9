//! `JoinSet`: many tasks, joined as they finish.

mod map;
mod queue;
mod spawning;

pub use map::{JoinMap, JoinMapKeys};
pub use queue::JoinQueue;

use crate::many::Woken;
use crate::task::{AbortHandle, Id, JoinError, JoinHandle};
use runtime_sync::budget;
use spawning::spawning;
use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

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
    places: Vec<Place<T>>,
    /// The first free place.
    free: Option<usize>,
    len: usize,
    /// Which tasks have finished, or have not been looked at yet.
    finished: Arc<Woken>,
}

enum Place<T> {
    Free { next: Option<usize> },
    Taken { handle: JoinHandle<T>, waker: Waker },
}

impl<T> JoinSet<T> {
    /// An empty set.
    pub fn new() -> JoinSet<T> {
        JoinSet { places: Vec::new(), free: None, len: 0, finished: Arc::default() }
    }

    /// For how many tasks there is room.
    fn capacity(&self) -> usize {
        self.places.capacity()
    }

    /// Makes room for so many more tasks.
    fn reserve(&mut self, additional: usize) {
        self.places.reserve(additional);
    }

    /// Gives room back, but for so many tasks.
    fn shrink_to(&mut self, capacity: usize) {
        self.places.shrink_to(capacity);
    }

    /// How many tasks are in the set: those that have not been joined.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no task is in the set.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts a task into the set that was spawned elsewhere.
    fn insert(&mut self, handle: JoinHandle<T>) -> AbortHandle {
        let abort = handle.abort_handle();
        let place = self.free.unwrap_or(self.places.len());
        let taken = Place::Taken { handle, waker: self.finished.waker(place) };
        match self.places.get_mut(place) {
            None => self.places.push(taken),
            Some(free) => {
                let Place::Free { next } = std::mem::replace(free, taken) else {
                    unreachable!("the list of free places holds free places")
                };
                self.free = next;
            }
        }
        self.len += 1;
        // To be looked at once, which leaves the waker with it.
        self.finished.push(place);
        abort
    }

    fn remove(&mut self, place: usize) -> Option<JoinHandle<T>> {
        let taken = std::mem::replace(&mut self.places[place], Place::Free { next: self.free });
        let Place::Taken { handle, .. } = taken else { return None };
        self.free = Some(place);
        self.len -= 1;
        if self.len == 0 {
            self.places.clear();
            self.free = None;
            self.finished.clear();
        }
        Some(handle)
    }

    fn handles(&self) -> impl Iterator<Item = &JoinHandle<T>> {
        self.places.iter().filter_map(|place| match place {
            Place::Taken { handle, .. } => Some(handle),
            Place::Free { .. } => None,
        })
    }

    /// Aborts all tasks. They stay in the set until they are joined.
    pub fn abort_all(&self) {
        self.handles().for_each(JoinHandle::abort);
    }

    /// Takes all tasks out of the set and lets them run on.
    pub fn detach_all(&mut self) {
        self.places.clear();
        self.free = None;
        self.len = 0;
        self.finished.clear();
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
        // Who only looks, and does not wait, is told the truth whatever the budget.
        let before = budget::clear();
        let found = self.poll_finished();
        budget::restore(before);
        match found {
            Poll::Ready(output) => Some(output),
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
        if let Poll::Ready(output) = self.poll_finished() {
            return Poll::Ready(Some(output));
        }
        // Who finishes from here on wakes us; who did before is found now.
        self.finished.register(cx.waker());
        if let Poll::Ready(output) = self.poll_finished() {
            return Poll::Ready(Some(output));
        }
        if self.finished.len() > 0 {
            // The budget is spent.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Looks at the tasks that are said to have finished, each of them once.
    fn poll_finished(&mut self) -> Poll<Result<(Id, T), JoinError>> {
        for _ in 0..self.finished.len() {
            if !budget::has_budget_remaining() {
                // They would only say so, one after the other, and be in the line again.
                break;
            }
            let Some(place) = self.finished.pop() else { break };
            let Some(Place::Taken { handle, waker }) = self.places.get_mut(place) else { continue };
            let waker = waker.clone();
            let mut cx = Context::from_waker(&waker);
            if let Poll::Ready(output) = std::pin::Pin::new(&mut *handle).poll(&mut cx) {
                let id = handle.id();
                drop(self.remove(place));
                return Poll::Ready(output.map(|output| (id, output)));
            }
        }
        Poll::Pending
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
