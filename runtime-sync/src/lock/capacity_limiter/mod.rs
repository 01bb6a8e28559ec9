//! A semaphore that knows who holds its tokens, and whose size may change.

mod supply;
mod token;

pub use token::{BorrowError, CapacityToken, OwnedCapacityToken};

use std::collections::BTreeSet;
use std::sync::Arc;

use super::TryAcquireError;
use super::permits::Permits;
use crate::block_on::block_outside_of_tasks;
use crate::primitives::{Mutex, const_outside_models};
use supply::Supply;
use token::Loan;

/// So many at a time, where the number may change, and one may ask who they are.
///
/// trio's `CapacityLimiter`. Whoever needs a token and finds none waits in line, first come, first
/// served, as with a [`Semaphore`](super::Semaphore).
///
/// Here a task is not known as such. A token is borrowed by nobody in particular
/// ([`acquire`](CapacityLimiter::acquire)), or
/// [on behalf of](CapacityLimiter::acquire_on_behalf_of) a borrower that the caller names by a
/// number of its own; a borrower that asks for a second token is refused, because that is how such
/// programs hang.
///
/// # Examples
///
/// ```
/// use filch::sync::CapacityLimiter;
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let threads = CapacityLimiter::new(40);
/// let token = threads.acquire().await;
/// assert_eq!((threads.borrowed_tokens(), threads.available_tokens()), (1, 39));
///
/// threads.set_total_tokens(1); // less to do at night
/// assert!(threads.try_acquire().is_err());
/// drop(token);
/// assert!(threads.try_acquire().is_ok());
/// # });
/// ```
#[derive(Debug)]
pub struct CapacityLimiter {
    supply: Supply,
    /// Those who were named. Nobody but them comes here.
    borrowers: Mutex<BTreeSet<u64>>,
}

/// What goes on at a [`CapacityLimiter`] at some moment; see [`CapacityLimiter::stats`].
///
/// # Examples
///
/// ```
/// use filch::sync::{CapacityLimiter, CapacityLimiterStats};
///
/// let stats: CapacityLimiterStats = CapacityLimiter::new(2).stats();
/// assert_eq!(stats.total_tokens, 2);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapacityLimiterStats {
    /// Tokens that there are to be.
    pub total_tokens: usize,
    /// Tokens that are out. More than there are to be if the number was lowered meanwhile.
    pub borrowed_tokens: usize,
    /// Tokens that are free.
    pub available_tokens: usize,
    /// Requests that wait.
    pub waiters: usize,
}

impl CapacityLimiter {
    /// The largest number of tokens.
    pub const MAX_TOKENS: usize = Permits::MAX;

    const_outside_models! {
        /// Makes a limiter with so many tokens. If there are none, all wait until there are more.
        ///
        /// # Panics
        ///
        /// Panics if there are more than [`MAX_TOKENS`](CapacityLimiter::MAX_TOKENS).
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::CapacityLimiter;
        ///
        /// static LIMITER: CapacityLimiter = CapacityLimiter::new(40);
        /// assert_eq!(LIMITER.total_tokens(), 40);
        /// ```
        #[track_caller]
        pub const fn new(total_tokens: usize) -> CapacityLimiter {
            CapacityLimiter {
                supply: Supply::new(total_tokens),
                borrowers: Mutex::new(BTreeSet::new()),
            }
        }
    }

    /// How many tokens there are to be.
    pub fn total_tokens(&self) -> usize {
        self.supply.count().total
    }

    /// Changes how many tokens there are.
    ///
    /// More tokens go to those who wait. If there are fewer than are borrowed at this moment, nobody
    /// loses one: the next ones that are given back disappear, until the number is right. A waiter
    /// that was given a token before may still pass it on by giving up.
    ///
    /// # Panics
    ///
    /// Panics if there are more than [`MAX_TOKENS`](CapacityLimiter::MAX_TOKENS); nothing has changed
    /// then. Passes on a panic of a waker, after all have been woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CapacityLimiter;
    ///
    /// let limiter = CapacityLimiter::new(2);
    /// let (a, b) = (limiter.try_acquire().unwrap(), limiter.try_acquire().unwrap());
    /// limiter.set_total_tokens(1);
    /// assert_eq!((limiter.total_tokens(), limiter.borrowed_tokens()), (1, 2));
    /// drop(a);
    /// assert_eq!((limiter.borrowed_tokens(), limiter.available_tokens()), (1, 0));
    /// drop(b);
    /// assert_eq!((limiter.borrowed_tokens(), limiter.available_tokens()), (0, 1));
    /// ```
    #[track_caller]
    pub fn set_total_tokens(&self, total_tokens: usize) {
        self.supply.set_total(total_tokens);
    }

    /// How many tokens are out, on behalf of anybody or nobody.
    ///
    /// While another thread adds tokens, those may count as borrowed for a moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CapacityLimiter;
    ///
    /// let limiter = CapacityLimiter::new(2);
    /// let _token = limiter.try_acquire().unwrap();
    /// assert_eq!(limiter.borrowed_tokens(), 1);
    /// ```
    pub fn borrowed_tokens(&self) -> usize {
        self.supply.count().borrowed
    }

    /// How many tokens are free.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CapacityLimiter;
    ///
    /// assert_eq!(CapacityLimiter::new(2).available_tokens(), 2);
    /// ```
    pub fn available_tokens(&self) -> usize {
        self.supply.count().available
    }

    /// Takes a token, in line with others.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in line; no token is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CapacityLimiter;
    ///
    /// # filch::runtime::Runtime::new().unwrap().block_on(async {
    /// let limiter = CapacityLimiter::new(1);
    /// let _token = limiter.acquire().await;
    /// # });
    /// ```
    pub async fn acquire(&self) -> CapacityToken<'_> {
        self.supply.take().await;
        CapacityToken(Loan::new(self, None))
    }

    /// Takes a token that owns a share of the limiter, in line with others.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](CapacityLimiter::acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CapacityLimiter;
    /// use std::sync::Arc;
    ///
    /// # filch::runtime::Runtime::new().unwrap().block_on(async {
    /// let limiter = Arc::new(CapacityLimiter::new(1));
    /// let token = limiter.clone().acquire_owned().await;
    /// filch::spawn(async move { drop(token) }).await.unwrap();
    /// # });
    /// ```
    pub async fn acquire_owned(self: Arc<Self>) -> OwnedCapacityToken {
        self.supply.take().await;
        OwnedCapacityToken(Loan::new(self, None))
    }

    /// Takes a token on behalf of `borrower`, in line with others.
    ///
    /// The number may be anything that tells borrowers apart: that of a connection, of a client, of
    /// a task.
    ///
    /// # Errors
    ///
    /// [`BorrowError::AlreadyBorrowed`]: it has a token, or waits for one. With that one in hand it
    /// might wait for itself.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in line; no token is lost, and the borrower may ask
    /// again.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CapacityLimiter;
    ///
    /// # filch::runtime::Runtime::new().unwrap().block_on(async {
    /// let limiter = CapacityLimiter::new(2);
    /// let token = limiter.acquire_on_behalf_of(7).await.unwrap();
    /// assert!(limiter.acquire_on_behalf_of(7).await.is_err());
    /// drop(token);
    /// assert!(limiter.acquire_on_behalf_of(7).await.is_ok());
    /// # });
    /// ```
    pub async fn acquire_on_behalf_of(
        &self,
        borrower: u64,
    ) -> Result<CapacityToken<'_>, BorrowError> {
        let entry = self.enter(borrower)?;
        self.supply.take().await;
        entry.keep();
        Ok(CapacityToken(Loan::new(self, Some(borrower))))
    }

    /// As [`acquire_on_behalf_of`](CapacityLimiter::acquire_on_behalf_of), with a share of the
    /// limiter.
    ///
    /// # Errors
    ///
    /// [`BorrowError::AlreadyBorrowed`]: it has a token, or waits for one.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire_on_behalf_of`](CapacityLimiter::acquire_on_behalf_of).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CapacityLimiter;
    /// use std::sync::Arc;
    ///
    /// # filch::runtime::Runtime::new().unwrap().block_on(async {
    /// let limiter = Arc::new(CapacityLimiter::new(1));
    /// let token = limiter.acquire_owned_on_behalf_of(7).await.unwrap();
    /// assert_eq!(token.borrower(), Some(7));
    /// # });
    /// ```
    pub async fn acquire_owned_on_behalf_of(
        self: Arc<Self>,
        borrower: u64,
    ) -> Result<OwnedCapacityToken, BorrowError> {
        let entry = self.enter(borrower)?;
        self.supply.take().await;
        entry.keep();
        Ok(OwnedCapacityToken(Loan::new(self, Some(borrower))))
    }

    /// Takes a token if one is free and nobody must go first.
    ///
    /// # Errors
    ///
    /// None is. (It is never closed.)
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CapacityLimiter;
    ///
    /// assert!(CapacityLimiter::new(0).try_acquire().is_err());
    /// ```
    #[inline]
    pub fn try_acquire(&self) -> Result<CapacityToken<'_>, TryAcquireError> {
        self.supply.try_take()?;
        Ok(CapacityToken(Loan::new(self, None)))
    }

    /// As [`try_acquire`](CapacityLimiter::try_acquire), with a share of the limiter.
    ///
    /// # Errors
    ///
    /// None is free.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CapacityLimiter;
    /// use std::sync::Arc;
    ///
    /// assert!(Arc::new(CapacityLimiter::new(1)).try_acquire_owned().is_ok());
    /// ```
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedCapacityToken, TryAcquireError> {
        self.supply.try_take()?;
        Ok(OwnedCapacityToken(Loan::new(self, None)))
    }

    /// Takes a token on behalf of `borrower` if one is free and nobody must go first.
    ///
    /// # Errors
    ///
    /// None is free, or the borrower has, or waits for, one already.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{BorrowError, CapacityLimiter};
    ///
    /// let limiter = CapacityLimiter::new(2);
    /// let _token = limiter.try_acquire_on_behalf_of(7).unwrap();
    /// let again = limiter.try_acquire_on_behalf_of(7).unwrap_err();
    /// assert_eq!(again, BorrowError::AlreadyBorrowed);
    /// ```
    pub fn try_acquire_on_behalf_of(
        &self,
        borrower: u64,
    ) -> Result<CapacityToken<'_>, BorrowError> {
        let entry = self.enter(borrower)?;
        self.supply.try_take().map_err(|_| BorrowError::WouldBlock)?;
        entry.keep();
        Ok(CapacityToken(Loan::new(self, Some(borrower))))
    }

    /// Blocks this thread until it has a token.
    ///
    /// # Panics
    ///
    /// Panics within a task.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CapacityLimiter;
    ///
    /// let limiter = CapacityLimiter::new(0);
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| limiter.set_total_tokens(1));
    ///     drop(limiter.blocking_acquire());
    /// });
    /// ```
    #[track_caller]
    pub fn blocking_acquire(&self) -> CapacityToken<'_> {
        block_outside_of_tasks("blocking_acquire", "acquire", self.acquire())
    }

    /// Those who were named and have, or wait for, a token, smallest number first.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CapacityLimiter;
    ///
    /// let limiter = CapacityLimiter::new(2);
    /// let _token = limiter.try_acquire_on_behalf_of(7).unwrap();
    /// assert_eq!(limiter.borrowers(), [7]);
    /// ```
    pub fn borrowers(&self) -> Vec<u64> {
        self.borrowers.lock().iter().copied().collect()
    }

    /// What goes on at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CapacityLimiter;
    ///
    /// let limiter = CapacityLimiter::new(2);
    /// let _token = limiter.try_acquire().unwrap();
    /// let stats = limiter.stats();
    /// assert_eq!((stats.borrowed_tokens, stats.available_tokens, stats.waiters), (1, 1, 0));
    /// ```
    pub fn stats(&self) -> CapacityLimiterStats {
        let count = self.supply.count();
        CapacityLimiterStats {
            total_tokens: count.total,
            borrowed_tokens: count.borrowed,
            available_tokens: count.available,
            waiters: self.supply.waiters(),
        }
    }

    /// Writes a borrower down, unless it is there.
    fn enter(&self, borrower: u64) -> Result<Entry<'_>, BorrowError> {
        match self.borrowers.lock().insert(borrower) {
            true => Ok(Entry { limiter: self, borrower }),
            false => Err(BorrowError::AlreadyBorrowed),
        }
    }

    /// Strikes a borrower out.
    fn strike(&self, borrower: u64) {
        self.borrowers.lock().remove(&borrower);
    }
}

/// A borrower that was written down and has no token yet.
struct Entry<'a> {
    limiter: &'a CapacityLimiter,
    borrower: u64,
}

impl Entry<'_> {
    /// It has one now, which strikes it out in the end.
    fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.limiter.strike(self.borrower);
    }
}
