//! The word that numbers the values and counts the receivers.
//!
//! Both in one, so that a value and a receiver that come at the same moment agree on whether the
//! one is for the other.

use super::position::{Position, SHIFT};
use crate::primitives::atomic::{AtomicU64, Ordering};

/// One step of the position.
const NEXT: u64 = 1 << SHIFT;
/// Where the count of receivers is. It has room for more than may be, so that those who come at
/// once when there are too many already do not spill over.
const RECEIVERS: u64 = NEXT - 1;

/// How many receivers a channel can have: so many that a slot can count them.
pub(super) const RECEIVERS_MAX: u64 = (1 << 20) - 1;

/// The word.
pub(super) struct Tail(AtomicU64);

/// The word, as it was at some moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    /// The number of the next value.
    pub(super) position: Position,
    /// How many receivers there are.
    pub(super) receivers: u64,
}

impl Claim {
    fn of(word: u64) -> Claim {
        Claim { position: Position::of(word), receivers: word & RECEIVERS }
    }
}

impl Tail {
    pub(super) fn new(start: Position) -> Tail {
        Tail(AtomicU64::new(start.word()))
    }

    pub(super) fn load(&self) -> Claim {
        // Pairs with the subtraction in `leave`: what a receiver did before it went is seen by
        // whoever waited for that.
        Claim::of(self.0.load(Ordering::Acquire))
    }

    /// Takes the number for a value, and tells how many are going to read it.
    pub(super) fn claim(&self) -> Claim {
        // Relaxed: the value is handed over by the word of its slot. Whoever sees that word sees
        // this word as it is now, or later.
        Claim::of(self.0.fetch_add(NEXT, Ordering::Relaxed))
    }

    /// Adds a receiver, and tells which value it is to read first.
    ///
    /// # Panics
    ///
    /// Panics if there are too many.
    #[track_caller]
    pub(super) fn join(&self) -> Position {
        let add = |word| (Claim::of(word).receivers < RECEIVERS_MAX).then(|| word + 1);
        // Relaxed: nothing is handed over by this. Never one too many, not even for a moment: a sender
        // that saw it would write a number of readers that its slot has no room for.
        match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add) {
            Ok(before) => Position::of(before),
            Err(_) => {
                panic!("a broadcast channel can have {RECEIVERS_MAX} receivers: drop some before")
            }
        }
    }

    /// Removes a receiver. It is counted by all values before the position that comes back, and by
    /// none from there on. With it comes how many are left.
    pub(super) fn leave(&self) -> Claim {
        // Pairs with the load in `load`.
        let before = Claim::of(self.0.fetch_sub(1, Ordering::Release));
        Claim { receivers: before.receivers - 1, ..before }
    }
}

#[cfg(all(test, not(filch_loom)))]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_receiver_too_many_is_turned_away_and_leaves_no_trace() {
        let tail = Tail::new(Position::new(7));
        tail.0.fetch_add(RECEIVERS_MAX - 1, Ordering::Relaxed);
        assert_eq!(tail.join(), Position::new(7));
        let full = || catch_unwind(AssertUnwindSafe(|| tail.join()));
        assert!(full().is_err() && full().is_err());
        let claim = tail.claim();
        assert_eq!((claim.position, claim.receivers), (Position::new(7), RECEIVERS_MAX));
        assert_eq!(tail.leave().receivers, RECEIVERS_MAX - 1);
        assert_eq!(tail.join(), Position::new(8), "it has room again, for what comes");
        assert_eq!(tail.load().receivers, RECEIVERS_MAX);
    }
}
