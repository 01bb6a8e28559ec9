//! The guard of a writer that keeps its lock alive, of a part of the data.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::RwLock;
use super::gate::Writing;
use crate::lock::guarded::Exclusive;
use crate::lock::held::{Held, shown_as_data};

/// The right to a part of the data of an [`RwLock`] that it keeps alive, until it is dropped.
///
/// Made by `map`, `try_map` and `into_mapped` of an
/// [`OwnedRwLockWriteGuard`](super::OwnedRwLockWriteGuard). It cannot be downgraded: who narrowed it
/// down had exclusive access, and may have left behind what must not be shared.
///
/// # Examples
///
/// ```
/// use filch::sync::{OwnedRwLockMappedWriteGuard, OwnedRwLockWriteGuard, RwLock};
/// use std::sync::Arc;
///
/// let lock = Arc::new(RwLock::new((1, 2)));
/// let guard = Arc::clone(&lock).try_write_owned().unwrap();
/// let mut second: OwnedRwLockMappedWriteGuard<(u32, u32), u32> =
///     OwnedRwLockWriteGuard::map(guard, |pair| &mut pair.1);
/// *second = 3;
/// ```
#[clippy::has_significant_drop]
#[must_use = "dropped at once, it gives the lock back at once"]
pub struct OwnedRwLockMappedWriteGuard<T: ?Sized, U: ?Sized = T> {
    data: Exclusive<U>,
    held: Held<Writing<Arc<RwLock<T>>>>,
}

impl<T: ?Sized, U: ?Sized> OwnedRwLockMappedWriteGuard<T, U> {
    pub(super) fn new(held: Held<Writing<Arc<RwLock<T>>>>, data: Exclusive<U>) -> Self {
        OwnedRwLockMappedWriteGuard { data, held }
    }

    /// Narrows the guard further down.
    ///
    /// # Panics
    ///
    /// Passes on a panic of `f`; the lock is given back.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{OwnedRwLockMappedWriteGuard, OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new((1, (2, 3))));
    /// let guard = Arc::clone(&lock).try_write_owned().unwrap();
    /// let pair = OwnedRwLockWriteGuard::map(guard, |all| &mut all.1);
    /// let last = OwnedRwLockMappedWriteGuard::map(pair, |pair| &mut pair.1);
    /// assert_eq!(*last, 3);
    /// ```
    pub fn map<F, V: ?Sized>(mut this: Self, f: F) -> OwnedRwLockMappedWriteGuard<T, V>
    where
        F: FnOnce(&mut U) -> &mut V,
    {
        let data = Exclusive::new(f(&mut this));
        OwnedRwLockMappedWriteGuard::new(this.held, data)
    }

    /// Narrows the guard further down, if there is such a part.
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
    /// use filch::sync::{OwnedRwLockMappedWriteGuard, OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new((1, vec![2])));
    /// let guard = Arc::clone(&lock).try_write_owned().unwrap();
    /// let list = OwnedRwLockWriteGuard::map(guard, |all| &mut all.1);
    /// let list = OwnedRwLockMappedWriteGuard::try_map(list, |list| list.get_mut(5)).unwrap_err();
    /// let first = OwnedRwLockMappedWriteGuard::try_map(list, |list| list.first_mut()).unwrap();
    /// assert_eq!(*first, 2);
    /// ```
    pub fn try_map<F, V: ?Sized>(
        mut this: Self,
        f: F,
    ) -> Result<OwnedRwLockMappedWriteGuard<T, V>, Self>
    where
        F: FnOnce(&mut U) -> Option<&mut V>,
    {
        match f(&mut this).map(Exclusive::new) {
            Some(data) => Ok(OwnedRwLockMappedWriteGuard::new(this.held, data)),
            None => Err(this),
        }
    }

    /// The lock that is written.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{OwnedRwLockMappedWriteGuard, OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let guard = Arc::clone(&lock).try_write_owned().unwrap();
    /// let guard = OwnedRwLockWriteGuard::into_mapped(guard);
    /// assert!(Arc::ptr_eq(OwnedRwLockMappedWriteGuard::rwlock(&guard), &lock));
    /// ```
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.held.share().0
    }
}

impl<T: ?Sized, U: ?Sized> Deref for OwnedRwLockMappedWriteGuard<T, U> {
    type Target = U;

    #[inline]
    fn deref(&self) -> &U {
        // SAFETY: all permits are held as long as the guard, which the result borrows.
        unsafe { self.data.get() }
    }
}

impl<T: ?Sized, U: ?Sized> DerefMut for OwnedRwLockMappedWriteGuard<T, U> {
    #[inline]
    fn deref_mut(&mut self) -> &mut U {
        // SAFETY: as in `deref`.
        unsafe { self.data.get_mut() }
    }
}

shown_as_data!([T: ?Sized, U: ?Sized] OwnedRwLockMappedWriteGuard<T, U> => U);
