//! The guard of a reader that borrows its lock, of the whole data or a part of it.

use std::marker::PhantomData;
use std::ops::Deref;

use super::RwLock;
use super::gate::{Gate, Reading};
use crate::lock::guarded::Shared;
use crate::lock::held::{Held, shown_as_data};

/// The right to read the data of an [`RwLock`], until it is dropped.
///
/// Made by [`read`](RwLock::read), [`try_read`](RwLock::try_read),
/// [`blocking_read`](RwLock::blocking_read), and by downgrading a write guard.
///
/// # Examples
///
/// ```
/// use filch::sync::{RwLock, RwLockReadGuard};
///
/// let lock = RwLock::new(vec![1]);
/// let guard: RwLockReadGuard<'_, Vec<u32>> = lock.try_read().unwrap();
/// assert_eq!(guard.len(), 1);
/// ```
///
/// What cannot be read by two threads does not leave its own:
///
/// ```compile_fail,E0277
/// use filch::sync::RwLockReadGuard;
/// use std::cell::Cell;
///
/// fn is_send<T: Send>() {}
/// is_send::<RwLockReadGuard<'_, Cell<u32>>>();
/// ```
#[clippy::has_significant_drop]
#[must_use = "dropped at once, it gives the lock back at once"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    data: Shared<T>,
    held: Held<Reading<&'a Gate>>,
    _data: PhantomData<&'a T>,
}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    #[inline(always)]
    pub(super) fn of(held: Held<Reading<&'a RwLock<T>>>) -> RwLockReadGuard<'a, T> {
        let data = held.share().0.data.with(|data| {
            // SAFETY: the permit is held.
            Shared::new(unsafe { &*data })
        });
        RwLockReadGuard::new(held.by(|reading| Reading(&reading.0.gate)), data)
    }

    #[inline(always)]
    pub(super) fn new(held: Held<Reading<&'a Gate>>, data: Shared<T>) -> RwLockReadGuard<'a, T> {
        RwLockReadGuard { data, held, _data: PhantomData }
    }

    /// Narrows the guard down to a part of the data.
    ///
    /// An associated function, to be called as `RwLockReadGuard::map(guard, f)`, so that it hides
    /// no method of the data.
    ///
    /// # Panics
    ///
    /// Passes on a panic of `f`; the lock is given back.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{RwLock, RwLockReadGuard};
    ///
    /// let lock = RwLock::new((1, 2));
    /// let second = RwLockReadGuard::map(lock.try_read().unwrap(), |pair| &pair.1);
    /// assert_eq!(*second, 2);
    /// ```
    pub fn map<F, U: ?Sized>(this: Self, f: F) -> RwLockReadGuard<'a, U>
    where
        F: FnOnce(&T) -> &U,
    {
        let data = Shared::new(f(&this));
        RwLockReadGuard::new(this.held, data)
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
    /// use filch::sync::{RwLock, RwLockReadGuard};
    ///
    /// let lock = RwLock::new(vec![1]);
    /// let guard = lock.try_read().unwrap();
    /// let guard = RwLockReadGuard::try_map(guard, |list| list.get(5)).unwrap_err();
    /// let first = RwLockReadGuard::try_map(guard, |list| list.first()).unwrap();
    /// assert_eq!(*first, 1);
    /// ```
    pub fn try_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockReadGuard<'a, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        match f(&this).map(Shared::new) {
            Some(data) => Ok(RwLockReadGuard::new(this.held, data)),
            None => Err(this),
        }
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the permit is held as long as the guard, which the result borrows.
        unsafe { self.data.get() }
    }
}

shown_as_data!(['a, T: ?Sized] RwLockReadGuard<'a, T> => T);
