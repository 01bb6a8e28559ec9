//! The guard of a writer that borrows its lock, of a part of the data.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use super::gate::{Gate, Writing};
use crate::lock::guarded::Exclusive;
use crate::lock::held::{Held, shown_as_data};

/// The right to a part of the data of an [`RwLock`](super::RwLock), until it is dropped.
///
/// Made by `map`, `try_map` and `into_mapped` of an [`RwLockWriteGuard`](super::RwLockWriteGuard).
/// It cannot be downgraded: who narrowed it down had exclusive access, and may have left behind what
/// must not be shared.
///
/// # Examples
///
/// ```
/// use filch::sync::{RwLock, RwLockMappedWriteGuard, RwLockWriteGuard};
///
/// let lock = RwLock::new((1, 2));
/// let mut second: RwLockMappedWriteGuard<'_, u32> =
///     RwLockWriteGuard::map(lock.try_write().unwrap(), |pair| &mut pair.1);
/// *second = 3;
/// ```
#[clippy::has_significant_drop]
#[must_use = "dropped at once, it gives the lock back at once"]
pub struct RwLockMappedWriteGuard<'a, T: ?Sized> {
    data: Exclusive<T>,
    held: Held<Writing<&'a Gate>>,
    _data: PhantomData<&'a mut T>,
}

impl<'a, T: ?Sized> RwLockMappedWriteGuard<'a, T> {
    pub(super) fn new(held: Held<Writing<&'a Gate>>, data: Exclusive<T>) -> Self {
        RwLockMappedWriteGuard { data, held, _data: PhantomData }
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
    /// use filch::sync::{RwLock, RwLockMappedWriteGuard, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new((1, (2, 3)));
    /// let pair = RwLockWriteGuard::map(lock.try_write().unwrap(), |all| &mut all.1);
    /// let last = RwLockMappedWriteGuard::map(pair, |pair| &mut pair.1);
    /// assert_eq!(*last, 3);
    /// ```
    pub fn map<F, U: ?Sized>(mut this: Self, f: F) -> RwLockMappedWriteGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let data = Exclusive::new(f(&mut this));
        RwLockMappedWriteGuard::new(this.held, data)
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
    /// use filch::sync::{RwLock, RwLockMappedWriteGuard, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new((1, vec![2]));
    /// let list = RwLockWriteGuard::map(lock.try_write().unwrap(), |all| &mut all.1);
    /// let list = RwLockMappedWriteGuard::try_map(list, |list| list.get_mut(5)).unwrap_err();
    /// let first = RwLockMappedWriteGuard::try_map(list, |list| list.first_mut()).unwrap();
    /// assert_eq!(*first, 2);
    /// ```
    pub fn try_map<F, U: ?Sized>(
        mut this: Self,
        f: F,
    ) -> Result<RwLockMappedWriteGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut this).map(Exclusive::new) {
            Some(data) => Ok(RwLockMappedWriteGuard::new(this.held, data)),
            None => Err(this),
        }
    }
}

impl<T: ?Sized> Deref for RwLockMappedWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: all permits are held as long as the guard, which the result borrows.
        unsafe { self.data.get() }
    }
}

impl<T: ?Sized> DerefMut for RwLockMappedWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`.
        unsafe { self.data.get_mut() }
    }
}

shown_as_data!(['a, T: ?Sized] RwLockMappedWriteGuard<'a, T> => T);
