//! A token that borrows its limiter, and one that owns a share of it.

use std::error::Error;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::CapacityLimiter;

/// A token of a [`CapacityLimiter`], given back when this is dropped.
///
/// One that is leaked, as by [`std::mem::forget`], stays borrowed for ever.
///
/// # Examples
///
/// ```
/// use filch::sync::{CapacityLimiter, CapacityToken};
///
/// let limiter = CapacityLimiter::new(1);
/// let token: CapacityToken<'_> = limiter.try_acquire().unwrap();
/// assert_eq!(limiter.borrowed_tokens(), 1);
/// drop(token);
/// assert_eq!(limiter.borrowed_tokens(), 0);
/// ```
#[derive(Debug)]
#[must_use = "a token that is dropped at once limits nothing"]
pub struct CapacityToken<'a>(pub(super) Loan<&'a CapacityLimiter>);

/// A token of a [`CapacityLimiter`] and a share of it, given back when this is dropped.
///
/// It may go to another task or thread.
///
/// # Examples
///
/// ```
/// use filch::sync::{CapacityLimiter, OwnedCapacityToken};
/// use std::sync::Arc;
///
/// let limiter = Arc::new(CapacityLimiter::new(1));
/// let token: OwnedCapacityToken = limiter.clone().try_acquire_owned().unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(|| drop(token));
/// });
/// assert_eq!(limiter.available_tokens(), 1);
/// ```
#[derive(Debug)]
#[must_use = "a token that is dropped at once limits nothing"]
pub struct OwnedCapacityToken(pub(super) Loan<Arc<CapacityLimiter>>);

impl CapacityToken<'_> {
    /// On whose behalf it was borrowed, if anybody said so.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CapacityLimiter;
    ///
    /// let limiter = CapacityLimiter::new(1);
    /// assert_eq!(limiter.try_acquire_on_behalf_of(7).unwrap().borrower(), Some(7));
    /// assert_eq!(limiter.try_acquire().unwrap().borrower(), None);
    /// ```
    pub fn borrower(&self) -> Option<u64> {
        self.0.borrower
    }
}

impl OwnedCapacityToken {
    /// On whose behalf it was borrowed, if anybody said so.
    pub fn borrower(&self) -> Option<u64> {
        self.0.borrower
    }

    /// The limiter that it is of.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CapacityLimiter;
    /// use std::sync::Arc;
    ///
    /// let token = Arc::new(CapacityLimiter::new(1)).try_acquire_owned().unwrap();
    /// assert_eq!(token.limiter().total_tokens(), 1);
    /// ```
    pub fn limiter(&self) -> &Arc<CapacityLimiter> {
        &self.0.limiter
    }
}

/// A token that is out, by way of `L`.
#[derive(Debug)]
pub(super) struct Loan<L: Deref<Target = CapacityLimiter>> {
    limiter: L,
    borrower: Option<u64>,
}

impl<L: Deref<Target = CapacityLimiter>> Loan<L> {
    /// A token that was just taken.
    #[inline]
    pub(super) fn new(limiter: L, borrower: Option<u64>) -> Loan<L> {
        Loan { limiter, borrower }
    }
}

impl<L: Deref<Target = CapacityLimiter>> Drop for Loan<L> {
    #[inline]
    fn drop(&mut self) {
        // The borrower first: who is woken by the token may be the same one again.
        if let Some(borrower) = self.borrower {
            self.limiter.strike(borrower);
        }
        self.limiter.supply.give_back();
    }
}

/// Why a borrower did not get a token of a [`CapacityLimiter`].
///
/// trio raises a `RuntimeError` and a `WouldBlock`.
///
/// # Examples
///
/// ```
/// use filch::sync::{BorrowError, CapacityLimiter};
///
/// let limiter = CapacityLimiter::new(1);
/// let token = limiter.try_acquire_on_behalf_of(7).unwrap();
/// assert_eq!(limiter.try_acquire_on_behalf_of(7).unwrap_err(), BorrowError::AlreadyBorrowed);
/// assert_eq!(limiter.try_acquire_on_behalf_of(8).unwrap_err(), BorrowError::WouldBlock);
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

impl fmt::Display for BorrowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BorrowError::AlreadyBorrowed => "this borrower has a token or waits for one",
            BorrowError::WouldBlock => "no token is free",
        })
    }
}

impl Error for BorrowError {}
