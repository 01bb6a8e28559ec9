//! The waker of the receiver, handed over together with the mark at the gate.
//!
//! The exchange by which a sender takes its slot clears the mark, if it is there. So it decides who
//! wakes the receiver without a further step, and the waker needs no word of its own that both
//! sides exchange; that is why this is not a [`WakerSlot`](crate::waker_slot::WakerSlot).
//!
//! # Invariants
//!
//! 1. While `is_held` is false, the cell is the receiver's.
//! 2. While the mark `SLEEPING` is at the gate, `is_held` is true, and nobody touches the cell.
//! 3. Who clears the mark, which a [`Cleared`] proves, may touch the cell, until it clears
//!    `is_held`.
//! 4. Only the receiver sets the mark and `is_held`, and only while `is_held` is false.

use std::task::Waker;

use super::gate::Cleared;
use crate::primitives::UnsafeCell;
use crate::primitives::atomic::{AtomicBool, Ordering};

pub(super) struct Sleeper {
    waker: UnsafeCell<Option<Waker>>,
    is_held: AtomicBool,
}

// SAFETY: by the invariants one thread at a time touches the cell, and a `Waker` is `Send`.
unsafe impl Sync for Sleeper {}

impl Sleeper {
    pub(super) fn new() -> Sleeper {
        Sleeper { waker: UnsafeCell::new(None), is_held: AtomicBool::new(false) }
    }

    /// The waker that was left, for the one who cleared the mark.
    #[inline]
    pub(super) fn take(&self, _proof: Cleared) -> Option<Waker> {
        let waker = self.waker.with_mut(|cell| {
            // SAFETY: invariant 3.
            unsafe { (*cell).take() }
        });
        // Pairs with the load in `is_held`: the receiver finds the cell at rest.
        self.is_held.store(false, Ordering::Release);
        waker
    }

    /// Gives the cell back to the receiver, which took its own mark away.
    pub(super) fn give_back(&self, _proof: Cleared) {
        // Relaxed: it is the receiver's own thread that looks.
        self.is_held.store(false, Ordering::Relaxed);
    }

    /// Whether somebody else may be at the cell.
    #[inline]
    pub(super) fn is_held(&self) -> bool {
        // Pairs with the store in `take`.
        self.is_held.load(Ordering::Acquire)
    }

    /// Leaves `waker` in the cell, unless what is there is as good.
    ///
    /// # Safety
    ///
    /// The caller is the receiver, and has found that the cell is not held.
    #[inline]
    pub(super) unsafe fn leave(&self, waker: &Waker) {
        let present = self.waker.with(|cell| {
            // SAFETY: invariant 1. The comparison calls nobody.
            unsafe { (*cell).as_ref().is_some_and(|present| present.will_wake(waker)) }
        });
        if !present {
            // Foreign code, like the drop below: it may panic, or send.
            let waker = waker.clone();
            let stale = self.waker.with_mut(|cell| {
                // SAFETY: invariant 1.
                unsafe { (*cell).replace(waker) }
            });
            drop(stale);
        }
    }

    /// Hands the cell over to the mark that is set next, if the caller succeeds in setting it.
    ///
    /// # Safety
    ///
    /// As for `leave`. If the mark cannot be set, the caller calls this again with `false`.
    #[inline]
    pub(super) unsafe fn hold(&self, is_held: bool) {
        // Relaxed: the exchange that sets the mark carries it.
        self.is_held.store(is_held, Ordering::Relaxed);
    }

    /// Takes out what the receiver has left there itself.
    ///
    /// # Safety
    ///
    /// As for `leave`.
    pub(super) unsafe fn clear(&self) -> Option<Waker> {
        self.waker.with_mut(|cell| {
            // SAFETY: invariant 1.
            unsafe { (*cell).take() }
        })
    }
}
