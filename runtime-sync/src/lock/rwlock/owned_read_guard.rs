//! The guard of a reader that keeps its lock alive, of the whole data or a part of it.

use std::ops::Deref;
use std::sync::Arc;

use super::RwLock;
use super::gate::Reading;
use crate::lock::guarded::Shared;
use crate::lock::held::{Held, shown_as_data};

/// The right to read the data of an [`RwLock`] that it keeps alive, until it is dropped.
///
/// Made by [`read_owned`](RwLock::read_owned), [`try_read_owned`](RwLock::try_read_owned), and by
/// downgrading an owned write guard. It borrows nothing, so that it can be moved into a task.
///
/// # Examples
///
/// ```
/// use filch::sync::{OwnedRwLockReadGuard, RwLock};
/// use std::sync::Arc;
///
/// let lock = Arc::new(RwLock::new(1));
/// let guard: OwnedRwLockReadGuard<u32> = lock.try_read_owned().unwrap();
/// std::thread::spawn(move || assert_eq!(*guard, 1)).join().unwrap();
/// ```
#[clippy::has_significant_drop]
#[must_use = "dropped at once, it gives the lock back at once"]
pub struct OwnedRwLockReadGuard<T: ?Sized, U: ?Sized = T> {
    data: Shared<U>,
    held: Held<Reading<Arc<RwLock<T>>>>,
}

impl<T: ?Sized> OwnedRwLockReadGuard<T> {
    #[inline(always)]
    pub(super) fn of(held: Held<Reading<Arc<RwLock<T>>>>) -> OwnedRwLockReadGuard<T> {
        let data = held.share().0.data.with(|data| {
            // SAFETY: the permit is held.
            Shared::new(unsafe { &*data })
        });
        OwnedRwLockReadGuard { data, held }
    }
}

impl<T: ?Sized, U: ?Sized> OwnedRwLockReadGuard<T, U> {
    pub(super) fn new(held: Held<Reading<Arc<RwLock<T>>>>, data: Shared<U>) -> Self {
        OwnedRwLockReadGuard { data, held }
    }

    /// Narrows the guard down to a part of the data.
    ///
    /// # Panics
    ///
    /// Passes on a panic of `f`; the lock is given back.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{OwnedRwLockReadGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let guard = Arc::new(RwLock::new((1, 2))).try_read_owned().unwrap();
    /// let second = OwnedRwLockReadGuard::map(guard, |pair| &pair.1);
    /// assert_eq!(*second, 2);
    /// ```
    pub fn map<F, V: ?Sized>(this: Self, f: F) -> OwnedRwLockReadGuard<T, V>
    where
        F: FnOnce(&U) -> &V,
    {
        let data = Shared::new(f(&this));
        OwnedRwLockReadGuard { data, held: this.held }
    }

    /// Narrows the guard down to a part of the data, if there is one.
    ///
    /// # Errors
    ///
    /// Gives the guard back if `f` returns `None`.
    ///
    /// # Panics
    ///
    /// Passes on a panic of `f`; the lock is given back.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{OwnedRwLockReadGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let guard = Arc::new(RwLock::new(vec![1])).try_read_owned().unwrap();
    /// let guard = OwnedRwLockReadGuard::try_map(guard, |list| list.get(5)).unwrap_err();
    /// let first = OwnedRwLockReadGuard::try_map(guard, |list| list.first()).unwrap();
    /// assert_eq!(*first, 1);
    /// ```
    pub fn try_map<F, V: ?Sized>(this: Self, f: F) -> Result<OwnedRwLockReadGuard<T, V>, Self>
    where
        F: FnOnce(&U) -> Option<&V>,
    {
        match f(&this).map(Shared::new) {
            Some(data) => Ok(OwnedRwLockReadGuard { data, held: this.held }),
            None => Err(this),
        }
    }

    /// The lock that is read.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{OwnedRwLockReadGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let guard = Arc::clone(&lock).try_read_owned().unwrap();
    /// assert!(Arc::ptr_eq(OwnedRwLockReadGuard::rwlock(&guard), &lock));
    /// ```
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.held.share().0
    }
}

impl<T: ?Sized, U: ?Sized> Deref for OwnedRwLockReadGuard<T, U> {
    type Target = U;

    #[inline]
    fn deref(&self) -> &U {
        // SAFETY: the permit is held as long as the guard, which the result borrows.
        unsafe { self.data.get() }
    }
}

shown_as_data!([T: ?Sized, U: ?Sized] OwnedRwLockReadGuard<T, U> => U);
