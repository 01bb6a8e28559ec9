//! Turns at a thing that two tasks share, a reader and a writer, without one blocking the other.
//!
//! A mutex is tried and never waited for: if the other one is there, a task leaves its waker and
//! tries once more, and the other one wakes it after it has gone. So a turn, in which the user's
//! code may run, may take as long as it likes, and may even ask for a turn of the other one.

use std::task::{Context, Poll};

use runtime_sync::panics::contain;
use runtime_sync::primitives::{Mutex, MutexGuard};
use runtime_sync::waker_slot::WakerSlot;

/// A thing, and who waits for a turn at it.
pub(crate) struct Turns<T> {
    /// Only ever tried, see the head of the file.
    thing: Mutex<T>,
    reader: WakerSlot,
    writer: WakerSlot,
}

/// Whose turn it is. Of each there is one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Reader,
    Writer,
}

impl<T> Turns<T> {
    pub(crate) fn new(thing: T) -> Turns<T> {
        Turns { thing: Mutex::new(thing), reader: WakerSlot::new(), writer: WakerSlot::new() }
    }

    fn slot(&self, whose: Whose) -> &WakerSlot {
        match whose {
            Whose::Reader => &self.reader,
            Whose::Writer => &self.writer,
        }
    }

    /// Takes a turn, or waits until the other one's turn is over.
    #[inline]
    pub(crate) fn poll<R>(
        &self,
        whose: Whose,
        cx: &mut Context<'_>,
        operation: impl FnOnce(&mut T, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        let turn = match self.try_turn(whose) {
            Some(turn) => turn,
            None => {
                self.slot(whose).register(cx.waker());
                let Some(turn) = self.try_turn(whose) else { return Poll::Pending };
                turn
            }
        };
        turn.take(|thing| operation(thing, cx))
    }

    /// A turn, unless the other one has it.
    pub(crate) fn try_turn(&self, whose: Whose) -> Option<Turn<'_, T>> {
        let thing = Some(self.thing.try_lock()?);
        let other = match whose {
            Whose::Reader => &self.writer,
            Whose::Writer => &self.reader,
        };
        Some(Turn { thing, other })
    }
}

/// The thing is ours. Dropped, it is the other one's, also after a panic.
pub(crate) struct Turn<'a, T> {
    thing: Option<MutexGuard<'a, T>>,
    other: &'a WakerSlot,
}

impl<T> Turn<'_, T> {
    pub(crate) fn take<R>(mut self, operation: impl FnOnce(&mut T) -> R) -> R {
        operation(self.thing.as_mut().expect("it is ours until the drop"))
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        // First go, then wake: who registers and then tries either gets the turn or the wake.
        drop(self.thing.take());
        // What was read in this turn is not lost because of somebody else's waker.
        contain(|| self.other.wake());
    }
}
