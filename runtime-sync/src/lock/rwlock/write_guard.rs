//! The guard of a writer that borrows its lock, of the whole data.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use super::gate::{self, Gate, Reading, Writing};
use super::{RwLock, RwLockMappedWriteGuard, RwLockReadGuard};
use crate::lock::guarded::{Exclusive, Shared};
use crate::lock::held::{Held, shown_as_data};

/// The right to the data of an [`RwLock`], until it is dropped.
///
/// Made by [`write`](RwLock::write), [`try_write`](RwLock::try_write) and
/// [`blocking_write`](RwLock::blocking_write).
///
/// # Examples
///
/// ```
/// use filch::sync::{RwLock, RwLockWriteGuard};
///
/// let lock = RwLock::new(1);
/// let mut guard: RwLockWriteGuard<'_, u32> = lock.try_write().unwrap();
/// *guard += 1;
/// assert_eq!(*guard, 2);
/// ```
///
/// As it can become a read guard, what cannot be read by two threads does not leave its own:
///
/// ```compile_fail,E0277
/// use filch::sync::RwLockWriteGuard;
/// use std::cell::Cell;
///
/// fn is_send<T: Send>() {}
/// is_send::<RwLockWriteGuard<'_, Cell<u32>>>();
/// ```
#[clippy::has_significant_drop]
#[must_use = "dropped at once, it gives the lock back at once"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    held: Held<Writing<&'a RwLock<T>>>,
    /// Shared and sent only if the data may be.
    _data: PhantomData<&'a mut T>,
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    #[inline(always)]
    pub(super) fn new(held: Held<Writing<&'a RwLock<T>>>) -> RwLockWriteGuard<'a, T> {
        RwLockWriteGuard { held, _data: PhantomData }
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
    /// use filch::sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new((1, 2));
    /// let mut second = RwLockWriteGuard::map(lock.try_write().unwrap(), |pair| &mut pair.1);
    /// *second = 3;
    /// drop(second);
    /// assert_eq!(*lock.try_read().unwrap(), (1, 3));
    /// ```
    pub fn map<F, U: ?Sized>(mut this: Self, f: F) -> RwLockMappedWriteGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let data = Exclusive::new(f(&mut this));
        RwLockMappedWriteGuard::new(this.held.by(|writing| Writing(&writing.0.gate)), data)
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
    /// use filch::sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(vec![1]);
    /// let guard = lock.try_write().unwrap();
    /// let guard = RwLockWriteGuard::try_map(guard, |list| list.get_mut(5)).unwrap_err();
    /// let first = RwLockWriteGuard::try_map(guard, |list| list.first_mut()).unwrap();
    /// assert_eq!(*first, 1);
    /// ```
    pub fn try_map<F, U: ?Sized>(
        mut this: Self,
        f: F,
    ) -> Result<RwLockMappedWriteGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let Some(data) = f(&mut this).map(Exclusive::new) else {
            return Err(this);
        };
        Ok(RwLockMappedWriteGuard::new(this.held.by(|writing| Writing(&writing.0.gate)), data))
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
    /// use filch::sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new((1, 2));
    /// let second = RwLockWriteGuard::downgrade_map(lock.try_write().unwrap(), |pair| &pair.1);
    /// assert_eq!(*second, 2);
    /// assert!(lock.try_read().is_ok());
    /// ```
    pub fn downgrade_map<F, U: ?Sized>(this: Self, f: F) -> RwLockReadGuard<'a, U>
    where
        F: FnOnce(&T) -> &U,
    {
        let data = Shared::new(f(&this));
        RwLockReadGuard::new(downgrade(this.held), data)
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
    /// use filch::sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(vec![1]);
    /// let guard = lock.try_write().unwrap();
    /// let guard = RwLockWriteGuard::try_downgrade_map(guard, |list| list.get(5)).unwrap_err();
    /// let first = RwLockWriteGuard::try_downgrade_map(guard, |list| list.first()).unwrap();
    /// assert_eq!(*first, 1);
    /// ```
    pub fn try_downgrade_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockReadGuard<'a, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        let Some(data) = f(&this).map(Shared::new) else {
            return Err(this);
        };
        Ok(RwLockReadGuard::new(downgrade(this.held), data))
    }

    /// The same guard with the type of one that was narrowed down.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{RwLock, RwLockMappedWriteGuard, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let guard = lock.try_write().unwrap();
    /// let guard: RwLockMappedWriteGuard<'_, u32> = RwLockWriteGuard::into_mapped(guard);
    /// assert_eq!(*guard, 1);
    /// ```
    pub fn into_mapped(this: Self) -> RwLockMappedWriteGuard<'a, T> {
        RwLockWriteGuard::map(this, |data| data)
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
    ///
    /// let lock = RwLock::new(1);
    /// let mut guard = lock.try_write().unwrap();
    /// *guard += 1;
    /// let guard = guard.downgrade();
    /// assert!(lock.try_write().is_err());
    /// assert_eq!(*guard, *lock.try_read().unwrap());
    /// ```
    pub fn downgrade(self) -> RwLockReadGuard<'a, T> {
        RwLockWriteGuard::downgrade_map(self, |data| data)
    }
}

/// What a reader holds that was a writer.
fn downgrade<T: ?Sized>(held: Held<Writing<&RwLock<T>>>) -> Held<Reading<&Gate>> {
    gate::downgrade(held.by(|writing| Writing(&writing.0.gate)))
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.held.share().0.data.with(|data| {
            // SAFETY: all permits are held as long as the guard, which the result borrows.
            unsafe { &*data }
        })
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.held.share().0.data.with_mut(|data| {
            // SAFETY: as in `deref`, and the guard is borrowed exclusively.
            unsafe { &mut *data }
        })
    }
}

shown_as_data!(['a, T: ?Sized] RwLockWriteGuard<'a, T> => T);
