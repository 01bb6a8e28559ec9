//! A place for one value, and the word that says who may touch it.
//!
//! ```text
//!   bit  0       2                          22
//!       ┌───────┬──────────────────────────┬──────────┐
//!       │ phase │ how many have to read it │ position │
//!       └───────┴──────────────────────────┴──────────┘
//!
//!                a sender puts a value in
//!    ┌──────────────────────────────────────────────┐
//!    │                                              ▼
//!  EMPTY ◀── BUSY ◀── the last receiver takes ─── READY ◀────────┐
//!    ▲                                              │            │
//!    │                                            BUSY         BUSY
//!    │                     another receiver takes   │            │ puts it back
//!    │                                              ▼            │
//!    └──────── it was the last one after all ───── OUT ──────────┘
//! ```
//!
//! A sender whose value has a later position takes the slot from any phase but `BUSY`, with what
//! is in it.
//!
//! # Invariants
//!
//! 1. In `BUSY` only the thread that moved the word there touches the cell and the word; otherwise
//!    nobody touches the cell. No foreign code runs in `BUSY`, and nothing waits: it lasts as long
//!    as moving a value.
//! 2. The cell holds a value in `READY`, and none in `EMPTY` and `OUT`.
//!
//! Neither depends on positions or counts. If those were wrong, values would live too long or go
//! too early, and that is all.

use std::mem::{ManuallyDrop, MaybeUninit};

use super::position::{Position, SHIFT};
use crate::contention::Backoff;
use crate::primitives::UnsafeCell;
use crate::primitives::atomic::{AtomicU64, Ordering};

/// No value, and nobody is at the cell. Nobody has to read it any more.
const EMPTY: u64 = 0;
/// A value, and nobody is at the cell.
const READY: u64 = 1;
/// A receiver has taken the value out to clone it, and nobody is at the cell.
const OUT: u64 = 2;
/// Somebody is at the cell.
const BUSY: u64 = 3;

const PHASE: u64 = 3;
/// One of those who have to read the value, or who have taken it out to do so.
const ONE: u64 = 1 << 2;

/// A place for the values of all positions that go here.
pub(super) struct Slot<T> {
    word: AtomicU64,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: by invariant 1 one thread at a time touches the value, which is only moved here, so that
// it must be `Send` and nothing else.
unsafe impl<T: Send> Send for Slot<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Slot<T> {}

/// What a receiver finds.
pub(super) enum Found<'a, T> {
    /// The value; nobody else has to read it.
    Last(T),
    /// The value; others have to read it too.
    Loan(Loan<'a, T>),
    /// Nothing was put in for this position so far.
    NotYet,
    /// A later value is there.
    Passed,
    /// Somebody is at the value.
    Busy,
}

impl<T> Slot<T> {
    /// Makes a slot that has had a value for `position`, which everybody has read.
    pub(super) fn new(position: Position) -> Slot<T> {
        let word = Word::new(position, 0, EMPTY);
        Slot { word: AtomicU64::new(word.0), value: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    /// Puts a value in that `unread` have to read, which may be none of them; in that case without
    /// a value. What was there before comes back, and so does the value itself if a later one is
    /// there already. Drop it with nothing locked.
    pub(super) fn put(&self, position: Position, unread: u64, value: Option<T>) -> Option<T> {
        let backoff = Backoff::new();
        let mut seen = self.load();
        loop {
            if seen.phase() == BUSY {
                backoff.snooze();
                seen = self.load();
            } else if position.is_before(seen.position()) {
                // A sender that came a round later was faster: all who have to read this one lag
                // behind already.
                return value;
            } else {
                match self.change(seen, seen.with(BUSY)) {
                    Ok(()) => break,
                    Err(now) => seen = now,
                }
            }
        }
        // SAFETY: invariant 1, the exchange has led to `BUSY`; invariant 2.
        let displaced = (seen.phase() == READY).then(|| unsafe { self.move_out() });
        match value {
            Some(value) => {
                // SAFETY: as above; the cell is empty.
                unsafe { self.move_in(value) };
                self.settle(Word::new(position, unread, READY));
            }
            None => self.settle(Word::new(position, 0, EMPTY)),
        }
        displaced
    }

    /// Takes the value for `position`, as one of those who have to read it.
    pub(super) fn take(&self, position: Position) -> Found<'_, T> {
        let mut seen = self.load();
        loop {
            if seen.position() != position {
                return match seen.position().is_before(position) {
                    true => Found::NotYet,
                    false => Found::Passed,
                };
            }
            if seen.phase() != READY {
                debug_assert_ne!(seen.phase(), EMPTY, "it waits for this reader");
                return Found::Busy;
            }
            match self.change(seen, seen.with(BUSY)) {
                Ok(()) => break,
                Err(now) => seen = now,
            }
        }
        // SAFETY: invariant 1, the exchange has led to `BUSY`; invariant 2, it came from `READY`.
        let value = unsafe { self.move_out() };
        match seen.unread() {
            ..=1 => {
                self.settle(Word::new(position, 0, EMPTY));
                Found::Last(value)
            }
            _ => {
                self.settle(seen.with(OUT));
                let value = ManuallyDrop::new(value);
                Found::Loan(Loan { slot: self, position, value })
            }
        }
    }

    /// Does without the value for `position`, as one of those who have to read it. If nobody else
    /// has to, it comes back, to be dropped with nothing locked.
    ///
    /// If its sender is about to put it in, this waits until it has.
    pub(super) fn forgo(&self, position: Position) -> Option<T> {
        let backoff = Backoff::new();
        let mut seen = self.load();
        loop {
            if position.is_before(seen.position()) {
                return None;
            }
            let is_here = seen.position() == position && seen.phase() != BUSY;
            if !is_here {
                backoff.snooze();
                seen = self.load();
                continue;
            }
            let (is_last, next) = match (seen.phase(), seen.unread()) {
                (READY, ..=1) => (true, seen.with(BUSY)),
                // In `OUT` the one who has it counts as well.
                (READY, _) | (OUT, 2..) => (false, seen.with_one_less()),
                _ => return None,
            };
            match self.change(seen, next) {
                Ok(()) if is_last => break,
                Ok(()) => return None,
                Err(now) => seen = now,
            }
        }
        // SAFETY: invariant 1, the exchange has led to `BUSY`; invariant 2, it came from `READY`.
        let value = unsafe { self.move_out() };
        self.settle(Word::new(position, 0, EMPTY));
        Some(value)
    }

    /// Whether the value for `position`, or a later one, was put in.
    pub(super) fn has_reached(&self, position: Position) -> bool {
        !self.load().position().is_before(position)
    }

    /// Whether somebody has to read the value for `position`, or it is about to be put in.
    pub(super) fn is_wanted(&self, position: Position) -> bool {
        let seen = self.load();
        match seen.position() == position {
            true => seen.unread() != 0,
            false => seen.position().is_before(position),
        }
    }

    fn load(&self) -> Word {
        // Pairs with the exchange in `change` and the store in `settle`.
        Word(self.word.load(Ordering::Acquire))
    }

    fn change(&self, seen: Word, next: Word) -> Result<(), Word> {
        // Acquire pairs with the release in `settle`: the cell is as that thread left it. Release
        // keeps what a receiver did before it went without a value before the drop of that value.
        match self.word.compare_exchange(seen.0, next.0, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(()),
            Err(now) => Err(Word(now)),
        }
    }

    /// Ends `BUSY`. A store suffices: nobody else writes to the word in that phase.
    fn settle(&self, word: Word) {
        // Pairs with the acquires in `load` and `change`: the cell is as this thread leaves it.
        self.word.store(word.0, Ordering::Release);
    }

    /// # Safety
    ///
    /// This thread has led the word to `BUSY`, and the cell holds a value. It holds none after.
    unsafe fn move_out(&self) -> T {
        self.value.with(|cell| {
            // SAFETY: passed on to the caller.
            unsafe { (*cell).assume_init_read() }
        })
    }

    /// # Safety
    ///
    /// This thread has led the word to `BUSY`, and the cell holds no value.
    unsafe fn move_in(&self, value: T) {
        self.value.with_mut(|cell| {
            // SAFETY: passed on to the caller.
            unsafe { (*cell).write(value) };
        });
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        if self.load().phase() == READY {
            // SAFETY: invariant 2, and nobody else is left.
            drop(unsafe { self.move_out() });
        }
    }
}

/// A value that is out of its slot to be cloned. Dropping this puts it back, or drops it if nobody
/// needs it any more.
pub(super) struct Loan<'a, T> {
    slot: &'a Slot<T>,
    position: Position,
    value: ManuallyDrop<T>,
}

impl<T> Loan<'_, T> {
    pub(super) fn value(&self) -> &T {
        &self.value
    }

    /// Gets hold of the cell to put the value back, or finds that it need not be put back.
    fn reclaim(&self) -> Option<Word> {
        let mut seen = self.slot.load();
        // If a sender is at the slot at this moment, it is for another value.
        while seen.position() == self.position && seen.phase() == OUT {
            let is_last = seen.unread() <= 1;
            let next = match is_last {
                true => Word::new(self.position, 0, EMPTY),
                false => seen.with(BUSY),
            };
            match self.slot.change(seen, next) {
                Ok(()) => return (!is_last).then_some(seen),
                Err(now) => seen = now,
            }
        }
        None
    }
}

impl<T> Drop for Loan<'_, T> {
    fn drop(&mut self) {
        let reclaimed = self.reclaim();
        // SAFETY: it is taken once, here.
        let value = unsafe { ManuallyDrop::take(&mut self.value) };
        if let Some(seen) = reclaimed {
            // SAFETY: invariant 1, the word was led to `BUSY`; invariant 2, it came from `OUT`.
            unsafe { self.slot.move_in(value) };
            self.slot.settle(seen.with_one_less().with(READY));
        }
    }
}

/// The word, as it was at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Word(u64);

impl Word {
    fn new(position: Position, unread: u64, phase: u64) -> Word {
        Word(position.word() | (unread * ONE) | phase)
    }

    fn position(self) -> Position {
        Position::of(self.0)
    }

    fn unread(self) -> u64 {
        (self.0 & ((1 << SHIFT) - 1)) / ONE
    }

    fn phase(self) -> u64 {
        self.0 & PHASE
    }

    fn with(self, phase: u64) -> Word {
        Word(self.0 & !PHASE | phase)
    }

    fn with_one_less(self) -> Word {
        Word(self.0 - ONE)
    }
}
