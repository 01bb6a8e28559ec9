//! Guards that borrow their mutex: of the whole data, and of a part of it.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use super::Mutex;
use crate::lock::guarded::Exclusive;
use crate::lock::held::{Held, shown_as_data};
use crate::lock::permits::Permits;

/// The right to the data of a [`Mutex`], until it is dropped.
///
/// Made by [`lock`](Mutex::lock), [`try_lock`](Mutex::try_lock) and
/// [`blocking_lock`](Mutex::blocking_lock). It may be held across an await and dropped on another
/// thread.
///
/// # Examples
///
/// ```
/// use filch::sync::{Mutex, MutexGuard};
///
/// let lock = Mutex::new(vec![1]);
/// let mut guard: MutexGuard<'_, Vec<u32>> = lock.try_lock().unwrap();
/// guard.push(2);
/// assert_eq!(guard.len(), 2);
/// ```
///
/// What cannot be used by two threads is not, though the mutex is shared by them:
///
/// ```compile_fail,E0277
/// use filch::sync::MutexGuard;
/// use std::cell::Cell;
///
/// fn is_sync<T: Sync>() {}
/// is_sync::<MutexGuard<'_, Cell<u32>>>();
/// ```
#[clippy::has_significant_drop]
#[must_use = "dropped at once, it gives the lock back at once"]
pub struct MutexGuard<'a, T: ?Sized> {
    held: Held<&'a Mutex<T>>,
    /// Shared and sent only if a `&mut T` may be.
    _data: PhantomData<&'a mut T>,
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    #[inline(always)]
    pub(in crate::lock) fn new(held: Held<&'a Mutex<T>>) -> MutexGuard<'a, T> {
        MutexGuard { held, _data: PhantomData }
    }

    #[inline(always)]
    pub(in crate::lock) fn into_held(self) -> Held<&'a Mutex<T>> {
        self.held
    }

    /// Narrows the guard down to a part of the data.
    ///
    /// An associated function, to be called as `MutexGuard::map(guard, f)`, so that it hides no
    /// method of the data.
    ///
    /// # Panics
    ///
    /// Passes on a panic of `f`; the lock is given back.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{Mutex, MutexGuard};
    ///
    /// let lock = Mutex::new((1, 2));
    /// let mut second = MutexGuard::map(lock.try_lock().unwrap(), |pair| &mut pair.1);
    /// *second = 3;
    /// drop(second);
    /// assert_eq!(lock.into_inner(), (1, 3));
    /// ```
    pub fn map<U, F>(mut this: Self, f: F) -> MappedMutexGuard<'a, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        let data = Exclusive::new(f(&mut this));
        MappedMutexGuard::new(this.held.by(|mutex| &mutex.permits), data)
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
    /// use filch::sync::{Mutex, MutexGuard};
    ///
    /// let lock = Mutex::new(vec![1]);
    /// let guard = lock.try_lock().unwrap();
    /// let guard = MutexGuard::try_map(guard, |list| list.get_mut(5)).unwrap_err();
    /// let mut first = MutexGuard::try_map(guard, |list| list.first_mut()).unwrap();
    /// *first = 2;
    /// ```
    pub fn try_map<U, F>(mut this: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut this).map(Exclusive::new) {
            Some(data) => Ok(MappedMutexGuard::new(this.held.by(|mutex| &mutex.permits), data)),
            None => Err(this),
        }
    }

    /// The mutex that is locked.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{Mutex, MutexGuard};
    ///
    /// async fn unlocked_for_a_while<'a>(guard: MutexGuard<'a, u32>) -> MutexGuard<'a, u32> {
    ///     let lock = MutexGuard::mutex(&guard);
    ///     drop(guard);
    ///     // … something for which it must not be locked …
    ///     lock.lock().await
    /// }
    ///
    /// let lock = Mutex::new(1);
    /// let guard = runtime_sync::block_on(unlocked_for_a_while(lock.try_lock().unwrap()));
    /// assert_eq!(*guard, 1);
    /// ```
    #[inline]
    pub fn mutex(this: &Self) -> &'a Mutex<T> {
        this.held.share()
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.held.share().data.with(|data| {
            // SAFETY: the permit is held as long as the guard, which the result borrows.
            unsafe { &*data }
        })
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.held.share().data.with_mut(|data| {
            // SAFETY: as in `deref`, and the guard is borrowed exclusively.
            unsafe { &mut *data }
        })
    }
}

shown_as_data!(['a, T: ?Sized] MutexGuard<'a, T> => T);

/// The right to a part of the data of a [`Mutex`], until it is dropped.
///
/// Made by [`MutexGuard::map`] and [`MutexGuard::try_map`].
///
/// # Examples
///
/// ```
/// use filch::sync::{MappedMutexGuard, Mutex, MutexGuard};
///
/// struct Account {
///     balance: u64,
/// }
///
/// fn balance(account: &Mutex<Account>) -> MappedMutexGuard<'_, u64> {
///     MutexGuard::map(account.try_lock().unwrap(), |account| &mut account.balance)
/// }
///
/// let account = Mutex::new(Account { balance: 5 });
/// *balance(&account) += 1;
/// assert_eq!(*balance(&account), 6);
/// ```
///
/// What may not leave its thread does not:
///
/// ```compile_fail,E0277
/// use filch::sync::MappedMutexGuard;
/// use std::rc::Rc;
///
/// fn is_send<T: Send>() {}
/// is_send::<MappedMutexGuard<'_, Rc<u32>>>();
/// ```
#[clippy::has_significant_drop]
#[must_use = "dropped at once, it gives the lock back at once"]
pub struct MappedMutexGuard<'a, T: ?Sized> {
    held: Held<&'a Permits>,
    data: Exclusive<T>,
    _data: PhantomData<&'a mut T>,
}

impl<'a, T: ?Sized> MappedMutexGuard<'a, T> {
    fn new(held: Held<&'a Permits>, data: Exclusive<T>) -> MappedMutexGuard<'a, T> {
        MappedMutexGuard { held, data, _data: PhantomData }
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
    /// use filch::sync::{MappedMutexGuard, Mutex, MutexGuard};
    ///
    /// let lock = Mutex::new((1, (2, 3)));
    /// let pair = MutexGuard::map(lock.try_lock().unwrap(), |all| &mut all.1);
    /// let last = MappedMutexGuard::map(pair, |pair| &mut pair.1);
    /// assert_eq!(*last, 3);
    /// ```
    pub fn map<U, F>(mut this: Self, f: F) -> MappedMutexGuard<'a, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        let data = Exclusive::new(f(&mut this));
        MappedMutexGuard::new(this.held, data)
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
    /// use filch::sync::{MappedMutexGuard, Mutex, MutexGuard};
    ///
    /// let lock = Mutex::new((1, vec![2]));
    /// let list = MutexGuard::map(lock.try_lock().unwrap(), |all| &mut all.1);
    /// let list = MappedMutexGuard::try_map(list, |list| list.get_mut(5)).unwrap_err();
    /// let first = MappedMutexGuard::try_map(list, |list| list.first_mut()).unwrap();
    /// assert_eq!(*first, 2);
    /// ```
    pub fn try_map<U, F>(mut this: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut this).map(Exclusive::new) {
            Some(data) => Ok(MappedMutexGuard::new(this.held, data)),
            None => Err(this),
        }
    }
}

impl<T: ?Sized> Deref for MappedMutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the permit is held as long as the guard, which the result borrows.
        unsafe { self.data.get() }
    }
}

impl<T: ?Sized> DerefMut for MappedMutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`.
        unsafe { self.data.get_mut() }
    }
}

shown_as_data!(['a, T: ?Sized] MappedMutexGuard<'a, T> => T);
