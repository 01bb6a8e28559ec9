//! Counts tasks that were asked to end, until all of them have.
//!
//! No callback of [`on_end`](super::on_end): it is told by the entry that the request makes anyway, where
//! a callback would cost each of the thousands of sleepers of a runtime that closes a list and a box; and
//! only that entry knows of a task that has said that it failed.

use crate::unwind::contain;
use runtime_sync::primitives::Mutex;
use runtime_sync::waker_slot::WakerSlot;
use std::task::Waker;

/// Who was asked to end, and who has not yet. What is to be waited for is counted before it is
/// begun, so that the count reaches zero once, at the end.
#[derive(Debug, Default)]
pub struct Tally {
    count: Mutex<Count>,
    done: WakerSlot,
}

/// How far it has got.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    /// What is waited for.
    left: usize,
    /// How many tasks ended in any other way than by a failure.
    pub ended: usize,
    /// How many tasks panicked or returned an error.
    pub failed: usize,
}

impl Tally {
    /// A tally that waits for nothing yet.
    pub fn new() -> Tally {
        Tally::default()
    }

    /// Waits for one thing more.
    pub fn enter(&self) {
        self.count.lock().left += 1;
    }

    /// It is over, and was no task.
    pub fn leave(&self) {
        self.take_off(|_| ());
    }

    /// A task has ended.
    pub(super) fn end(&self, failed: bool) {
        self.take_off(|count| match failed {
            true => count.failed += 1,
            false => count.ended += 1,
        });
    }

    fn take_off(&self, note: impl FnOnce(&mut Count)) {
        let mut count = self.count.lock();
        note(&mut count);
        count.left -= 1;
        let done = count.left == 0;
        drop(count);
        if done {
            contain(|| self.done.wake());
        }
    }

    /// Whether nothing is left; otherwise `waker` is woken when that is so.
    pub fn is_done(&self, waker: &Waker) -> bool {
        // First the waker, then the look: `take_off` does it the other way round.
        self.done.register(waker);
        self.count.lock().left == 0
    }

    /// How far it has got.
    pub fn count(&self) -> Count {
        *self.count.lock()
    }
}
