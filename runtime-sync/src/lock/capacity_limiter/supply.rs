//! Permits whose number may change while they are out.
//!
//! Raising the number adds free permits. Lowering it takes free ones away; if there are too few of
//! them, the rest is *debt*: permits that do not come back when their holders give them back.
//!
//! # Invariants
//!
//! 1. The total and the debt change under the lock of the total.
//! 2. Total and debt together are what is free, what is out, and what a raise that has given the
//!    lock back is about to add. They are never more than [`Permits::MAX`], because a raise waives
//!    debt first.
//! 3. Whoever makes debt looks for free permits after it. Whoever frees permits looks for debt
//!    after it. Between the two steps both pass a sequentially consistent fence, so that one of
//!    them sees the other, and debt does not stay beside free permits.

use std::fmt;

use crate::lock::TryAcquireError;
use crate::lock::permits::Permits;
use crate::primitives::atomic::{AtomicUsize, Ordering, fence};
use crate::primitives::{Mutex, const_outside_models};

/// Permits whose number may change.
pub(super) struct Supply {
    permits: Permits,
    /// How many of those that are out do not come back. Written under the lock, read without.
    debt: AtomicUsize,
    total: Mutex<usize>,
}

impl Supply {
    const_outside_models! {
        #[track_caller]
        pub(super) const fn new(total: usize) -> Supply {
            Supply {
                permits: Permits::new(total),
                debt: AtomicUsize::new(0),
                total: Mutex::new(total),
            }
        }
    }

    #[inline]
    pub(super) async fn take(&self) {
        if !self.permits.acquire_now(1) {
            // Who gives up may have been given a permit, and that goes back into the supply.
            let _settles = Settles { supply: self };
            self.permits.acquire(1).await.expect("these permits are never closed");
        }
    }

    #[inline]
    pub(super) fn try_take(&self) -> Result<(), TryAcquireError> {
        self.permits.try_acquire(1)
    }

    /// Gives a permit back, or pays with it.
    #[inline]
    pub(super) fn give_back(&self) {
        // If this is out of date, the permit is free for a moment, and `Settles` puts it right.
        if self.debt.load(Ordering::Relaxed) == 0 || !self.pay() {
            self.free(1);
        }
    }

    #[inline]
    fn free(&self, count: usize) {
        // Also if a waker panics.
        let _settles = Settles { supply: self };
        self.permits.release(count);
    }

    /// Pays a part of the debt with a permit that comes back. False: there is no debt.
    #[cold]
    fn pay(&self) -> bool {
        let _total = self.total.lock();
        // Written under this lock only.
        let debt = self.debt.load(Ordering::Relaxed);
        self.debt.store(debt.saturating_sub(1), Ordering::Relaxed);
        debt > 0
    }

    /// Pays as much of the debt as there are free permits.
    #[cold]
    fn settle(&self) {
        let _total = self.total.lock();
        let debt = self.debt.load(Ordering::Relaxed);
        self.debt.store(debt - self.permits.forget(debt), Ordering::Relaxed);
    }

    #[track_caller]
    pub(super) fn set_total(&self, total: usize) {
        assert!(
            total <= Permits::MAX,
            "a limiter has at most `CapacityLimiter::MAX_TOKENS` tokens"
        );
        let added = self.change_total(total);
        if added > 0 {
            // Without the lock: this wakes.
            self.free(added);
        }
    }

    /// Returns how many permits are to be added.
    fn change_total(&self, new: usize) -> usize {
        let mut total = self.total.lock();
        let old = std::mem::replace(&mut *total, new);
        let debt = self.debt.load(Ordering::Relaxed);
        if new >= old {
            let waived = debt.min(new - old);
            self.debt.store(debt - waived, Ordering::Relaxed);
            return new - old - waived;
        }
        let debt = debt + (old - new);
        self.debt.store(debt, Ordering::Relaxed);
        // Pairs with the fence in `Settles`: invariant 3.
        fence(Ordering::SeqCst);
        self.debt.store(debt - self.permits.forget(debt), Ordering::Relaxed);
        0
    }

    /// The total, how many are out, and how many are free.
    pub(super) fn count(&self) -> Count {
        let total = self.total.lock();
        let available = self.permits.available();
        // Less than zero only if a raise is on its way, and then it is not out.
        let all = *total + self.debt.load(Ordering::Relaxed);
        Count { total: *total, borrowed: all.saturating_sub(available), available }
    }

    pub(super) fn waiters(&self) -> usize {
        self.permits.waiters()
    }
}

/// See [`Supply::count`].
pub(super) struct Count {
    pub(super) total: usize,
    pub(super) borrowed: usize,
    pub(super) available: usize,
}

/// Looks for debt after permits may have become free: the second step of invariant 3.
struct Settles<'a> {
    supply: &'a Supply,
}

impl Drop for Settles<'_> {
    #[inline]
    fn drop(&mut self) {
        // Pairs with the fence in `change_total`.
        fence(Ordering::SeqCst);
        if self.supply.debt.load(Ordering::Relaxed) != 0 {
            self.supply.settle();
        }
    }
}

impl fmt::Debug for Supply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supply")
            .field("total", &self.total)
            .field("debt", &self.debt.load(Ordering::Relaxed))
            .field("permits", &self.permits)
            .finish()
    }
}
