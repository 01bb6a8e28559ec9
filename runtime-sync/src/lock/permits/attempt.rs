//! Permits taken at once or not at all.

use super::{CLOSED, FLAGS, Permits, SHIFT, STRICT, without};
use crate::budget;
use crate::lock::TryAcquireError;
use crate::primitives::atomic::Ordering;

impl Permits {
    /// Takes `count` permits if they are free and nobody must go first.
    ///
    /// # Errors
    ///
    /// They are not, or closed.
    #[inline]
    pub fn try_acquire(&self, count: usize) -> Result<(), TryAcquireError> {
        self.try_acquire_from(self.state.load(Ordering::Relaxed), count)
    }

    /// As [`try_acquire`](Permits::try_acquire), for who guesses that `free` permits are free and
    /// nobody waits. If so, the word is exchanged without having been read before, and nothing waits
    /// for the read; otherwise an exchange was in vain.
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn try_acquire_guessing(&self, count: usize, free: usize) -> Result<(), TryAcquireError> {
        self.try_acquire_from(free << SHIFT, count)
    }

    /// The word is, or may be, `state`.
    #[inline]
    fn try_acquire_from(&self, mut state: usize, count: usize) -> Result<(), TryAcquireError> {
        loop {
            if state & STRICT != 0 {
                return self.refuse(state, count);
            }
            let Some(rest) = without(state, count) else {
                return Err(TryAcquireError::NoPermits);
            };
            // Acquire pairs with the release in `release`: what was done under the permit is seen.
            match self.state.compare_exchange_weak(
                state,
                rest,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(now) => state = now,
            }
        }
    }

    /// The answer behind a closed door. Nothing can be had there for nothing only.
    #[cold]
    fn refuse(&self, state: usize, count: usize) -> Result<(), TryAcquireError> {
        match (state & FLAGS, count) {
            (CLOSED, _) => Err(TryAcquireError::Closed),
            (_, 0) => Ok(()),
            _ => Err(TryAcquireError::NoPermits),
        }
    }

    /// As [`try_acquire`](Permits::try_acquire), on behalf of a task: it spends a unit of its budget,
    /// and takes nothing if there is none. What an `async fn` does before it waits.
    #[inline]
    pub fn acquire_now(&self, count: usize) -> bool {
        spending(|| self.try_acquire(count))
    }

    /// The same [with a guess](Permits::try_acquire_guessing).
    #[inline]
    pub fn acquire_now_guessing(&self, count: usize, free: usize) -> bool {
        spending(|| self.try_acquire_guessing(count, free))
    }
}

/// Whether the try succeeded, which costs a unit of the budget; without one it is not made.
#[inline]
fn spending(attempt: impl FnOnce() -> Result<(), TryAcquireError>) -> bool {
    let Some(unit) = budget::unit_now() else { return false };
    let taken = attempt().is_ok();
    if taken {
        unit.spend();
    }
    taken
}
