//! crossbeam's deque and injector, holding the right to poll; the only file that knows them.
//!
//! loom cannot see into crossbeam: the idle protocol is modelled with a queue of the model's own,
//! and these, real ones, are stressed by the tests.

use crossbeam_deque as deque;

/// A worker's own queue: its owner pushes at the back and pops at the front.
pub(super) struct RunQueue<T>(deque::Worker<T>);

/// The thieves' end of a [`RunQueue`].
pub(super) struct Stealer<T>(deque::Stealer<T>);

/// A queue that anyone may push to: first in, first out.
pub(crate) struct Inbox<T>(deque::Injector<T>);

impl<T> RunQueue<T> {
    pub(super) fn new() -> RunQueue<T> {
        RunQueue(deque::Worker::new_fifo())
    }

    pub(super) fn stealer(&self) -> Stealer<T> {
        Stealer(self.0.stealer())
    }

    #[inline]
    pub(super) fn push(&self, task: T) {
        self.0.push(task);
    }

    #[inline]
    pub(super) fn pop(&self) -> Option<T> {
        self.0.pop()
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Stealer<T> {
    /// Takes half of the victim's tasks, but no more than crossbeam's batch: one to run, the rest
    /// into `loot`.
    pub(super) fn steal_half(&self, loot: &RunQueue<T>) -> Option<T> {
        until_settled(|| self.0.steal_batch_and_pop(&loot.0))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<T> Inbox<T> {
    pub(crate) fn new() -> Inbox<T> {
        Inbox(deque::Injector::new())
    }

    #[inline]
    pub(crate) fn push(&self, task: T) {
        self.0.push(task);
    }

    /// Takes one task.
    #[inline]
    pub(crate) fn pop(&self) -> Option<T> {
        if self.0.is_empty() {
            return None;
        }
        until_settled(|| self.0.steal())
    }

    /// Takes up to `limit` tasks: one to run, the rest into `loot`.
    #[inline]
    pub(super) fn pop_into(&self, loot: &RunQueue<T>, limit: usize) -> Option<T> {
        if self.0.is_empty() {
            return None;
        }
        until_settled(|| self.0.steal_batch_with_limit_and_pop(&loot.0, limit))
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Repeats a theft until it succeeded or found nothing. A retry means that another thread made
/// progress, so that this ends.
#[inline]
fn until_settled<T>(mut steal: impl FnMut() -> deque::Steal<T>) -> Option<T> {
    loop {
        match steal() {
            deque::Steal::Success(task) => return Some(task),
            deque::Steal::Empty => return None,
            deque::Steal::Retry => {}
        }
    }
}
