//! The reason of the first request to a task that slept without frames: left with the task itself.
//!
//! Most tasks that are asked to end are like that, and nobody asks any more. Whoever does puts the request
//! into the table first, where there is room for more: it is *carried over*, of which a mark stays here.
//!
//! # Invariants
//!
//! 1. Without the mark, the word is null or a reason, which stays until the task is freed: whoever has a
//!    reference to the task may read it.
//! 2. The word changes twice at most: a reason comes, if there is no mark; the mark comes.

use super::cancel_reason::CancelReason;
use runtime_sync::primitives::atomic::{AtomicPtr, Ordering};
use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::Arc;

/// A place for the reason of one request.
pub(super) struct Told(AtomicPtr<CancelReason>);

/// The mark: a bit that is zero in the address of every reason.
const CARRIED: usize = 1;

impl Told {
    pub(super) fn new() -> Told {
        Told(AtomicPtr::new(ptr::null_mut()))
    }

    /// Leaves a reason here.
    ///
    /// # Errors
    ///
    /// Gives it back: the table is the place for requests by now.
    pub(super) fn tell(&self, reason: Arc<CancelReason>) -> Result<(), Arc<CancelReason>> {
        let reason = Arc::into_raw(reason).cast_mut();
        // Release pairs with the loads in `get` and `carry_over`: the reason is seen whole.
        self.0
            .compare_exchange(ptr::null_mut(), reason, Ordering::Release, Ordering::Relaxed)
            .map(drop)
            // SAFETY: it is the reference of just above.
            .map_err(|_| unsafe { Arc::from_raw(reason) })
    }

    /// Whether there is a reason that was not carried over.
    pub(super) fn is_told(&self) -> bool {
        let now = self.0.load(Ordering::Relaxed);
        !now.is_null() && now.addr() & CARRIED == 0
    }

    /// The reason, carried over or not.
    pub(super) fn get(&self) -> Option<Arc<CancelReason>> {
        // Acquire pairs with `tell`.
        clone_of(self.0.load(Ordering::Acquire))
    }

    /// The reason, which is put into the table now if it is not there yet. No other will come here.
    pub(super) fn carry_over(&self) -> Option<Arc<CancelReason>> {
        // Acquire pairs with `tell`.
        let mut now = self.0.load(Ordering::Acquire);
        while now.addr() & CARRIED == 0 {
            let marked = now.map_addr(|addr| addr | CARRIED);
            match self.0.compare_exchange(now, marked, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break,
                Err(other) => now = other,
            }
        }
        clone_of(now)
    }
}

fn reason_in(word: *mut CancelReason) -> *const CancelReason {
    word.map_addr(|addr| addr & !CARRIED)
}

fn clone_of(word: *mut CancelReason) -> Option<Arc<CancelReason>> {
    let reason = reason_in(word);
    if reason.is_null() {
        return None;
    }
    // SAFETY: invariant 1: the place keeps a reference of it, which is not given back here.
    let kept = ManuallyDrop::new(unsafe { Arc::from_raw(reason) });
    Some(Arc::clone(&kept))
}

impl Drop for Told {
    #[inline]
    fn drop(&mut self) {
        // Relaxed: whoever frees the task has acquired all that others did with it.
        let reason = reason_in(self.0.load(Ordering::Relaxed));
        if !reason.is_null() {
            // SAFETY: invariant 1: the reference that the place keeps.
            drop(unsafe { Arc::from_raw(reason) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reason_is_kept_until_the_end_and_none_comes_after_the_mark() {
        let reason = Arc::new(CancelReason::from("why"));
        let told = Told::new();
        assert!(!told.is_told() && told.get().is_none());
        assert!(told.tell(reason.clone()).is_ok() && told.is_told());
        assert!(told.tell(reason.clone()).is_err());
        assert!(Arc::ptr_eq(&told.get().unwrap(), &reason));
        for _ in 0..2 {
            assert!(Arc::ptr_eq(&told.carry_over().unwrap(), &reason));
            assert!(!told.is_told() && told.get().is_some());
        }
        assert_eq!(Arc::strong_count(&reason), 2);
        drop(told);
        assert_eq!(Arc::strong_count(&reason), 1);

        let told = Told::new();
        assert!(told.carry_over().is_none());
        assert!(told.tell(reason.clone()).is_err() && told.get().is_none());
        drop(told);
        assert_eq!(Arc::strong_count(&reason), 1);
    }
}
