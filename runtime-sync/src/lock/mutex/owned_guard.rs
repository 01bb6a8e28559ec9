//! Guards that keep their mutex alive: of the whole data, and of a part of it.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::Mutex;
use crate::lock::guarded::Exclusive;
use crate::lock::held::{Held, shown_as_data};

/// The right to the data of a [`Mutex`] that it keeps alive, until it is dropped.
///
/// Made by [`lock_owned`](Mutex::lock_owned), [`try_lock_owned`](Mutex::try_lock_owned) and
/// [`blocking_lock_owned`](Mutex::blocking_lock_owned). It borrows nothing, so that it can be
/// moved into a task, or be sent through a channel.
///
/// # Examples
///
/// ```
/// use filch::sync::{Mutex, OwnedMutexGuard};
/// use std::sync::Arc;
///
/// let lock = Arc::new(Mutex::new(1));
/// let mut guard: OwnedMutexGuard<u32> = Arc::clone(&lock).try_lock_owned().unwrap();
/// std::thread::spawn(move || *guard += 1).join().unwrap();
/// assert_eq!(*lock.try_lock().unwrap(), 2);
/// ```
///
/// What cannot be used by two threads is not:
///
/// ```compile_fail,E0277
/// use filch::sync::OwnedMutexGuard;
/// use std::cell::Cell;
///
/// fn is_sync<T: Sync>() {}
/// is_sync::<OwnedMutexGuard<Cell<u32>>>();
/// ```
#[clippy::has_significant_drop]
#[must_use = "dropped at once, it gives the lock back at once"]
pub struct OwnedMutexGuard<T: ?Sized> {
    held: Held<Arc<Mutex<T>>>,
    /// Shared and sent only if the data may be.
    _data: PhantomData<T>,
}

impl<T: ?Sized> OwnedMutexGuard<T> {
    #[inline(always)]
    pub(in crate::lock) fn new(held: Held<Arc<Mutex<T>>>) -> OwnedMutexGuard<T> {
        OwnedMutexGuard { held, _data: PhantomData }
    }

    #[inline(always)]
    pub(in crate::lock) fn into_held(self) -> Held<Arc<Mutex<T>>> {
        self.held
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
    /// use filch::sync::{Mutex, OwnedMutexGuard};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(Mutex::new((1, 2)));
    /// let guard = Arc::clone(&lock).try_lock_owned().unwrap();
    /// let mut second = OwnedMutexGuard::map(guard, |pair| &mut pair.1);
    /// *second = 3;
    /// drop(second);
    /// assert_eq!(*lock.try_lock().unwrap(), (1, 3));
    /// ```
    pub fn map<U, F>(mut this: Self, f: F) -> OwnedMappedMutexGuard<T, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        let data = Exclusive::new(f(&mut this));
        OwnedMappedMutexGuard { data, held: this.held }
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
    /// use filch::sync::{Mutex, OwnedMutexGuard};
    /// use std::sync::Arc;
    ///
    /// let guard = Arc::new(Mutex::new(vec![1])).try_lock_owned().unwrap();
    /// let guard = OwnedMutexGuard::try_map(guard, |list| list.get_mut(5)).unwrap_err();
    /// let first = OwnedMutexGuard::try_map(guard, |list| list.first_mut()).unwrap();
    /// assert_eq!(*first, 1);
    /// ```
    pub fn try_map<U, F>(mut this: Self, f: F) -> Result<OwnedMappedMutexGuard<T, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut this).map(Exclusive::new) {
            Some(data) => Ok(OwnedMappedMutexGuard { data, held: this.held }),
            None => Err(this),
        }
    }

    /// The mutex that is locked.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{Mutex, OwnedMutexGuard};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(Mutex::new(1));
    /// let guard = Arc::clone(&lock).try_lock_owned().unwrap();
    /// assert!(Arc::ptr_eq(OwnedMutexGuard::mutex(&guard), &lock));
    /// ```
    #[inline]
    pub fn mutex(this: &Self) -> &Arc<Mutex<T>> {
        this.held.share()
    }
}

impl<T: ?Sized> Deref for OwnedMutexGuard<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.held.share().data.with(|data| {
            // SAFETY: the permit is held as long as the guard, which the result borrows.
            unsafe { &*data }
        })
    }
}

impl<T: ?Sized> DerefMut for OwnedMutexGuard<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.held.share().data.with_mut(|data| {
            // SAFETY: as in `deref`, and the guard is borrowed exclusively.
            unsafe { &mut *data }
        })
    }
}

shown_as_data!([T: ?Sized] OwnedMutexGuard<T> => T);

/// The right to a part of the data of a [`Mutex`] that it keeps alive, until it is dropped.
///
/// Made by [`OwnedMutexGuard::map`] and [`OwnedMutexGuard::try_map`].
///
/// # Examples
///
/// ```
/// use filch::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};
/// use std::sync::Arc;
///
/// let guard = Arc::new(Mutex::new((1, "one"))).try_lock_owned().unwrap();
/// let name: OwnedMappedMutexGuard<(u32, &str), &str> =
///     OwnedMutexGuard::map(guard, |pair| &mut pair.1);
/// assert_eq!(name.to_string(), "one");
/// ```
#[clippy::has_significant_drop]
#[must_use = "dropped at once, it gives the lock back at once"]
pub struct OwnedMappedMutexGuard<T: ?Sized, U: ?Sized = T> {
    data: Exclusive<U>,
    held: Held<Arc<Mutex<T>>>,
}

impl<T: ?Sized, U: ?Sized> OwnedMappedMutexGuard<T, U> {
    /// Narrows the guard further down.
    ///
    /// # Panics
    ///
    /// Passes on a panic of `f`; the lock is given back.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};
    /// use std::sync::Arc;
    ///
    /// let guard = Arc::new(Mutex::new((1, (2, 3)))).try_lock_owned().unwrap();
    /// let pair = OwnedMutexGuard::map(guard, |all| &mut all.1);
    /// let last = OwnedMappedMutexGuard::map(pair, |pair| &mut pair.1);
    /// assert_eq!(*last, 3);
    /// ```
    pub fn map<S, F>(mut this: Self, f: F) -> OwnedMappedMutexGuard<T, S>
    where
        S: ?Sized,
        F: FnOnce(&mut U) -> &mut S,
    {
        let data = Exclusive::new(f(&mut this));
        OwnedMappedMutexGuard { data, held: this.held }
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
    /// use filch::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};
    /// use std::sync::Arc;
    ///
    /// let guard = Arc::new(Mutex::new((1, vec![2]))).try_lock_owned().unwrap();
    /// let list = OwnedMutexGuard::map(guard, |all| &mut all.1);
    /// let list = OwnedMappedMutexGuard::try_map(list, |list| list.get_mut(5)).unwrap_err();
    /// let first = OwnedMappedMutexGuard::try_map(list, |list| list.first_mut()).unwrap();
    /// assert_eq!(*first, 2);
    /// ```
    pub fn try_map<S, F>(mut this: Self, f: F) -> Result<OwnedMappedMutexGuard<T, S>, Self>
    where
        S: ?Sized,
        F: FnOnce(&mut U) -> Option<&mut S>,
    {
        match f(&mut this).map(Exclusive::new) {
            Some(data) => Ok(OwnedMappedMutexGuard { data, held: this.held }),
            None => Err(this),
        }
    }
}

impl<T: ?Sized, U: ?Sized> Deref for OwnedMappedMutexGuard<T, U> {
    type Target = U;

    #[inline]
    fn deref(&self) -> &U {
        // SAFETY: the permit is held as long as the guard, which the result borrows.
        unsafe { self.data.get() }
    }
}

impl<T: ?Sized, U: ?Sized> DerefMut for OwnedMappedMutexGuard<T, U> {
    #[inline]
    fn deref_mut(&mut self) -> &mut U {
        // SAFETY: as in `deref`.
        unsafe { self.data.get_mut() }
    }
}

shown_as_data!([T: ?Sized, U: ?Sized] OwnedMappedMutexGuard<T, U> => U);
