//! The guard of a writer that keeps its lock alive, of the whole data.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::gate::{self, Writing};
use super::{OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, RwLock};
use crate::lock::guarded::{Exclusive, Shared};
use crate::lock::held::{Held, shown_as_data};

/// The right to the data of an [`RwLock`] that it keeps alive, until it is dropped.
///
/// Made by [`write_owned`](RwLock::write_owned) and
/// [`try_write_owned`](RwLock::try_write_owned). It borrows nothing, so that it can be moved into a
/// task.
///
/// # Examples
///
/// ```
/// use filch::sync::{OwnedRwLockWriteGuard, RwLock};
/// use std::sync::Arc;
///
/// let lock = Arc::new(RwLock::new(1));
/// let mut guard: OwnedRwLockWriteGuard<u32> = Arc::clone(&lock).try_write_owned().unwrap();
/// *guard += 1;
/// assert_eq!(*guard, 2);
/// ```
///
/// As it can become a read guard, what cannot be read by two threads does not leave its own:
///
/// ```compile_fail,E0277
/// use filch::sync::OwnedRwLockWriteGuard;
/// use std::cell::Cell;
///
/// fn is_send<T: Send>() {}
/// is_send::<OwnedRwLockWriteGuard<Cell<u32>>>();
/// ```
#[clippy::has_significant_drop]
#[must_use = "dropped at once, it gives the lock back at once"]
pub struct OwnedRwLockWriteGuard<T: ?Sized> {
    held: Held<Writing<Arc<RwLock<T>>>>,
    /// Shared and sent only if the data may be.
    _data: PhantomData<T>,
}

impl<T: ?Sized> OwnedRwLockWriteGuard<T> {
    #[inline(always)]
    pub(super) fn new(held: Held<Writing<Arc<RwLock<T>>>>) -> OwnedRwLockWriteGuard<T> {
        OwnedRwLockWriteGuard { held, _data: PhantomData }
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
    /// use filch::sync::{OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new((1, 2)));
    /// let guard = Arc::clone(&lock).try_write_owned().unwrap();
    /// let mut second = OwnedRwLockWriteGuard::map(guard, |pair| &mut pair.1);
    /// *second = 3;
    /// drop(second);
    /// assert_eq!(*lock.try_read().unwrap(), (1, 3));
    /// ```
    pub fn map<F, U: ?Sized>(mut this: Self, f: F) -> OwnedRwLockMappedWriteGuard<T, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let data = Exclusive::new(f(&mut this));
        OwnedRwLockMappedWriteGuard::new(this.held, data)
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
    /// use filch::sync::{OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(vec![1]));
    /// let guard = Arc::clone(&lock).try_write_owned().unwrap();
    /// let guard = OwnedRwLockWriteGuard::try_map(guard, |list| list.get_mut(5)).unwrap_err();
    /// let first = OwnedRwLockWriteGuard::try_map(guard, |list| list.first_mut()).unwrap();
    /// assert_eq!(*first, 1);
    /// ```
    pub fn try_map<F, U: ?Sized>(
        mut this: Self,
        f: F,
    ) -> Result<OwnedRwLockMappedWriteGuard<T, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let Some(data) = f(&mut this).map(Exclusive::new) else {
            return Err(this);
        };
        Ok(OwnedRwLockMappedWriteGuard::new(this.held, data))
    }

    /// Becomes a reader, with no writer in between, and narrows the guard down to a part of the
    /// data.
    ///
    /// # Panics
    ///
    /// Passes on a panic of `f`, or of the waker of a reader; the lock is given back.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new((1, 2)));
    /// let guard = Arc::clone(&lock).try_write_owned().unwrap();
    /// let second = OwnedRwLockWriteGuard::downgrade_map(guard, |pair| &pair.1);
    /// assert_eq!(*second, 2);
    /// assert!(lock.try_read().is_ok());
    /// ```
    pub fn downgrade_map<F, U: ?Sized>(this: Self, f: F) -> OwnedRwLockReadGuard<T, U>
    where
        F: FnOnce(&T) -> &U,
    {
        let data = Shared::new(f(&this));
        OwnedRwLockReadGuard::new(gate::downgrade(this.held), data)
    }

    /// Becomes a reader, with no writer in between, and narrows the guard down to a part of the
    /// data, if there is one.
    ///
    /// # Errors
    ///
    /// Gives the write guard back if `f` returns `None`.
    ///
    /// # Panics
    ///
    /// Passes on a panic of `f`, or of the waker of a reader; the lock is given back.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(vec![1]));
    /// let guard = Arc::clone(&lock).try_write_owned().unwrap();
    /// let sixth = OwnedRwLockWriteGuard::try_downgrade_map(guard, |list| list.get(5));
    /// let guard = sixth.unwrap_err();
    /// let first = OwnedRwLockWriteGuard::try_downgrade_map(guard, |list| list.first()).unwrap();
    /// assert_eq!(*first, 1);
    /// ```
    pub fn try_downgrade_map<F, U: ?Sized>(
        this: Self,
        f: F,
    ) -> Result<OwnedRwLockReadGuard<T, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        let Some(data) = f(&this).map(Shared::new) else {
            return Err(this);
        };
        Ok(OwnedRwLockReadGuard::new(gate::downgrade(this.held), data))
    }

    /// The same guard with the type of one that was narrowed down.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{OwnedRwLockMappedWriteGuard, OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let guard = Arc::clone(&lock).try_write_owned().unwrap();
    /// let guard: OwnedRwLockMappedWriteGuard<u32> = OwnedRwLockWriteGuard::into_mapped(guard);
    /// assert_eq!(*guard, 1);
    /// ```
    pub fn into_mapped(this: Self) -> OwnedRwLockMappedWriteGuard<T> {
        OwnedRwLockWriteGuard::map(this, |data| data)
    }

    /// Becomes a reader, with no writer in between. Readers that wait behind it go on.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the waker of a reader; the lock is given back.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::RwLock;
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let mut guard = Arc::clone(&lock).try_write_owned().unwrap();
    /// *guard += 1;
    /// let guard = guard.downgrade();
    /// assert!(lock.try_write().is_err());
    /// assert_eq!(*guard, *lock.try_read().unwrap());
    /// ```
    pub fn downgrade(self) -> OwnedRwLockReadGuard<T> {
        OwnedRwLockWriteGuard::downgrade_map(self, |data| data)
    }

    /// The lock that is written.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let guard = Arc::clone(&lock).try_write_owned().unwrap();
    /// assert!(Arc::ptr_eq(OwnedRwLockWriteGuard::rwlock(&guard), &lock));
    /// ```
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.held.share().0
    }
}

impl<T: ?Sized> Deref for OwnedRwLockWriteGuard<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.held.share().0.data.with(|data| {
            // SAFETY: all permits are held as long as the guard, which the result borrows.
            unsafe { &*data }
        })
    }
}

impl<T: ?Sized> DerefMut for OwnedRwLockWriteGuard<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.held.share().0.data.with_mut(|data| {
            // SAFETY: as in `deref`, and the guard is borrowed exclusively.
            unsafe { &mut *data }
        })
    }
}

shown_as_data!([T: ?Sized] OwnedRwLockWriteGuard<T> => T);
