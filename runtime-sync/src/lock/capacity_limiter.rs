//! A semaphore that knows who holds its tokens, and whose size may change.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;

use super::TryAcquireError;
use super::permits::Permits;
use crate::block_on::block_outside_of_tasks;
use crate::primitives::Mutex;
use crate::primitives::atomic::{AtomicUsize, Ordering, fence};

/// Tokens for so many at a time, as many as it takes at the moment.
///
/// trio's and anyio's `CapacityLimiter`. Beside what a [`Semaphore`](super::Semaphore) does:
///
/// - The number of tokens can be [set](CapacityLimiter::set_total_tokens) at any time. If more are
///   borrowed than there are to be, the next ones that come back are kept.
/// - A token can be borrowed [on behalf of](CapacityLimiter::acquire_on_behalf_of) somebody, and
///   nobody can have two: a task that asks for its own second token would wait for itself.
///
/// # Examples
///
/// ```
/// use filch::sync::CapacityLimiter;
///
/// runtime_sync::block_on(async {
///     let limiter = CapacityLimiter::new(2);
///     let (one, two) = (limiter.acquire().await, limiter.acquire().await);
///     assert!(limiter.try_acquire().is_err());
///     limiter.set_total_tokens(3);
///     let three = limiter.try_acquire().unwrap();
///     drop((one, two, three));
///     assert_eq!(limiter.available_tokens(), 3);
/// });
/// ```
pub struct CapacityLimiter {
    permits: Permits,
    /// Tokens that are to be kept when they come back.
    debt: AtomicUsize,
    total: Mutex<usize>,
    borrowers: Mutex<BTreeSet<u64>>,
}

/// A token of a [`CapacityLimiter`], given back when this is dropped.
///
/// # Examples
///
/// ```
/// use filch::sync::CapacityLimiter;
///
/// let limiter = CapacityLimiter::new(1);
/// let token = limiter.try_acquire().unwrap();
/// assert_eq!(limiter.borrowed_tokens(), 1);
/// drop(token);
/// assert_eq!(limiter.borrowed_tokens(), 0);
/// ```
#[derive(Debug)]
#[must_use = "a token that is dropped at once limits nothing"]
pub struct CapacityToken<'a> {
    limiter: &'a CapacityLimiter,
    // Dropped after the token is back: until then the borrower has it.
    _claim: Option<Claim<'a>>,
}

/// A borrower that has a token, or waits for one.
#[derive(Debug)]
struct Claim<'a> {
    limiter: &'a CapacityLimiter,
    borrower: u64,
}

/// Why a borrower did not get a token.
///
/// # Examples
///
/// ```
/// use filch::sync::{BorrowError, CapacityLimiter};
///
/// let limiter = CapacityLimiter::new(5);
/// let token = limiter.try_acquire_on_behalf_of(7).unwrap();
/// assert_eq!(limiter.try_acquire_on_behalf_of(7).unwrap_err(), BorrowError::AlreadyBorrowed);
/// drop(token);
/// assert!(limiter.try_acquire_on_behalf_of(7).is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BorrowError {
    /// It has one already, or waits for one.
    AlreadyBorrowed,
    /// None is free, or others must go first.
    WouldBlock,
}

/// What goes on at a [`CapacityLimiter`] at some moment; see [`CapacityLimiter::stats`].
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapacityLimiterStats {
    /// How many tokens there are to be.
    pub total_tokens: usize,
    /// How many are out.
    pub borrowed_tokens: usize,
    /// How many requests wait.
    pub waiters: usize,
}

impl CapacityLimiter {
    /// Makes a limiter with so many tokens.
    ///
    /// # Panics
    ///
    /// Panics if there are more than [`Semaphore::MAX_PERMITS`](super::Semaphore::MAX_PERMITS).
    #[track_caller]
    pub fn new(total_tokens: usize) -> CapacityLimiter {
        CapacityLimiter {
            permits: Permits::new(total_tokens),
            debt: AtomicUsize::new(0),
            total: Mutex::new(total_tokens),
            borrowers: Mutex::new(BTreeSet::new()),
        }
    }

    /// Borrows a token, in line with others.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in line; no token is lost.
    pub async fn acquire(&self) -> CapacityToken<'_> {
        self.borrow().await;
        CapacityToken { limiter: self, _claim: None }
    }

    /// Borrows a token if one is free and nobody must go first.
    ///
    /// # Errors
    ///
    /// None is: [`TryAcquireError::NoPermits`].
    pub fn try_acquire(&self) -> Result<CapacityToken<'_>, TryAcquireError> {
        self.permits.try_acquire(1)?;
        Ok(CapacityToken { limiter: self, _claim: None })
    }

    /// Blocks this thread until it has a token.
    ///
    /// # Panics
    ///
    /// Panics within a task.
    #[track_caller]
    pub fn blocking_acquire(&self) -> CapacityToken<'_> {
        block_outside_of_tasks("blocking_acquire", "acquire", self.acquire())
    }

    /// Borrows a token for somebody, in line with others. Any number may stand for a borrower, such
    /// as that of a task or a connection.
    ///
    /// # Errors
    ///
    /// [`BorrowError::AlreadyBorrowed`]: it has a token, or waits for one.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](CapacityLimiter::acquire); the borrower may ask again.
    pub async fn acquire_on_behalf_of(
        &self,
        borrower: u64,
    ) -> Result<CapacityToken<'_>, BorrowError> {
        let claim = self.claim(borrower)?;
        self.borrow().await;
        Ok(CapacityToken { limiter: self, _claim: Some(claim) })
    }

    /// Borrows a token for somebody if one is free and nobody must go first.
    ///
    /// # Errors
    ///
    /// It has one already, or none is free.
    pub fn try_acquire_on_behalf_of(
        &self,
        borrower: u64,
    ) -> Result<CapacityToken<'_>, BorrowError> {
        let claim = self.claim(borrower)?;
        self.permits.try_acquire(1).map_err(|_| BorrowError::WouldBlock)?;
        Ok(CapacityToken { limiter: self, _claim: Some(claim) })
    }

    async fn borrow(&self) {
        if !self.permits.acquire_now(1) {
            self.permits.acquire(1).await.expect("a limiter is never closed");
        }
    }

    fn claim(&self, borrower: u64) -> Result<Claim<'_>, BorrowError> {
        match self.borrowers.lock().insert(borrower) {
            true => Ok(Claim { limiter: self, borrower }),
            false => Err(BorrowError::AlreadyBorrowed),
        }
    }

    /// How many tokens there are to be.
    pub fn total_tokens(&self) -> usize {
        *self.total.lock()
    }

    /// Sets how many tokens there are to be.
    ///
    /// More tokens serve those who wait at once. If fewer are left than are borrowed, nobody gets one
    /// until so many have come back.
    ///
    /// # Panics
    ///
    /// Panics if there are more than [`Semaphore::MAX_PERMITS`](super::Semaphore::MAX_PERMITS).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CapacityLimiter;
    ///
    /// let limiter = CapacityLimiter::new(2);
    /// let (one, two) = (limiter.try_acquire().unwrap(), limiter.try_acquire().unwrap());
    /// limiter.set_total_tokens(1);
    /// drop(one);
    /// assert_eq!(limiter.available_tokens(), 0);
    /// drop(two);
    /// assert_eq!(limiter.available_tokens(), 1);
    /// ```
    #[track_caller]
    pub fn set_total_tokens(&self, total_tokens: usize) {
        assert!(
            total_tokens <= Permits::MAX,
            "there may be at most `Semaphore::MAX_PERMITS` tokens"
        );
        let mut total = self.total.lock();
        let before = std::mem::replace(&mut *total, total_tokens);
        // The rest may wake others, so it comes after the lock.
        if total_tokens < before {
            self.debt.fetch_add(before - total_tokens, Ordering::Relaxed);
            drop(total);
            self.collect_debt();
        } else {
            let more = total_tokens - before;
            let paid = self.pay_debt(more);
            drop(total);
            self.give_back(more - paid);
        }
    }

    /// Lowers the debt by up to `count`. Returns by how much.
    fn pay_debt(&self, count: usize) -> usize {
        let mut debt = self.debt.load(Ordering::Relaxed);
        loop {
            let paid = count.min(debt);
            if paid == 0 {
                return 0;
            }
            // Nothing else is published with the debt.
            match self.debt.compare_exchange(
                debt,
                debt - paid,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return paid,
                Err(now) => debt = now,
            }
        }
    }

    /// Takes free tokens away as long as some are owed.
    fn collect_debt(&self) {
        // Pairs with the one in `give_back`: either the tokens are found here, or the debt there.
        fence(Ordering::SeqCst);
        loop {
            let owed = self.debt.load(Ordering::Relaxed);
            let gone = self.permits.forget(owed);
            if gone == 0 {
                return;
            }
            // Tokens that came back meanwhile may have lowered the debt.
            let paid = self.pay_debt(gone);
            if paid < gone {
                self.permits.release(gone - paid);
            }
        }
    }

    /// Makes tokens free.
    fn give_back(&self, count: usize) {
        if count == 0 {
            return;
        }
        self.permits.release(count);
        // Pairs with the one in `collect_debt`.
        fence(Ordering::SeqCst);
        if self.debt.load(Ordering::Relaxed) > 0 {
            self.collect_debt();
        }
    }

    /// How many tokens are out.
    pub fn borrowed_tokens(&self) -> usize {
        let total = self.total.lock();
        // The total is what is free and what is out, less what is owed.
        let debt = self.debt.load(Ordering::Relaxed);
        (*total + debt).saturating_sub(self.permits.available())
    }

    /// How many tokens are free.
    pub fn available_tokens(&self) -> usize {
        self.permits.available()
    }

    /// What goes on at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CapacityLimiter;
    ///
    /// let limiter = CapacityLimiter::new(4);
    /// let token = limiter.try_acquire().unwrap();
    /// let stats = limiter.stats();
    /// assert_eq!((stats.total_tokens, stats.borrowed_tokens, stats.waiters), (4, 1, 0));
    /// # drop(token);
    /// ```
    pub fn stats(&self) -> CapacityLimiterStats {
        CapacityLimiterStats {
            total_tokens: self.total_tokens(),
            borrowed_tokens: self.borrowed_tokens(),
            waiters: self.permits.waiters(),
        }
    }
}

impl Drop for CapacityToken<'_> {
    fn drop(&mut self) {
        if self.limiter.pay_debt(1) == 0 {
            self.limiter.give_back(1);
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.limiter.borrowers.lock().remove(&self.borrower);
    }
}

impl fmt::Debug for CapacityLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CapacityLimiter").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl fmt::Display for BorrowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BorrowError::AlreadyBorrowed => "this borrower has a token or waits for one",
            BorrowError::WouldBlock => "no token is free",
        })
    }
}

impl Error for BorrowError {}
