//! One guard at a time, held across awaits.
//!
//! - [`Mutex`] is one permit of [`Permits`] beside the data.
//! - `guard` has the guards that borrow the mutex, `owned_guard` those that keep it alive.
//!
//! # Invariants
//!
//! 1. Whoever has taken the permit, and nobody else, reaches the data.
//! 2. Guards of all four kinds hold the permit as long as they exist.

mod guard;
mod owned_guard;

pub use guard::{MappedMutexGuard, MutexGuard};
pub use owned_guard::{OwnedMappedMutexGuard, OwnedMutexGuard};

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::held::{Held, Share};
use super::permits::Permits;
use crate::block_on::block_outside_of_tasks;
use crate::primitives::{UnsafeCell, const_outside_models};

/// A mutual exclusion lock whose guard may be held across an await.
///
/// It has tokio's semantics: there is no poison, a guard that is dropped by a panic gives the lock
/// back like any other, and those who wait are served first in, first out. A task that runs may
/// take a lock that is free although others have been woken for it and are on their way. That
/// delays the first in line by no more than the time from its wake to its next poll, plus the one
/// hold that it finds then; see [`permits`](super::permits).
///
/// Taking a free lock is one atomic exchange, and giving it back when nobody waits is another.
/// Waiting allocates nothing.
///
/// For data that is never held across an await, a mutex of std or `parking_lot` is the better
/// choice: it is smaller, and waiting for it needs no task.
///
/// A guard that is leaked by [`std::mem::forget`] leaves the mutex locked for good. Those who wait
/// for it then wait until they are dropped, and [`try_lock`](Mutex::try_lock) goes on to fail. A
/// task that locks a mutex twice waits for itself; [`stats`](Mutex::stats) shows who waits.
///
/// # Examples
///
/// ```
/// use filch::sync::Mutex;
/// use std::sync::Arc;
///
/// filch::runtime::Runtime::new().unwrap().block_on(async {
///     let count = Arc::new(Mutex::new(0));
///     let tasks: Vec<_> = (0..10)
///         .map(|_| {
///             let count = Arc::clone(&count);
///             filch::spawn(async move { *count.lock().await += 1 })
///         })
///         .collect();
///     for task in tasks {
///         task.await.unwrap();
///     }
///     assert_eq!(*count.lock().await, 10);
/// });
/// ```
pub struct Mutex<T: ?Sized> {
    permits: Permits,
    data: UnsafeCell<T>,
}

// SAFETY: one thread at a time reaches the data (invariant 1), and it moves between them (`T: Send`).
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    const_outside_models! {
        /// Makes an unlocked mutex around `value`.
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::Mutex;
        ///
        /// let lock = Mutex::new(5);
        /// # assert_eq!(lock.into_inner(), 5);
        /// ```
        pub const fn new(value: T) -> Mutex<T> {
            Mutex { permits: Permits::new(1), data: UnsafeCell::new(value) }
        }
    }

    const_outside_models! {
        /// Makes an unlocked mutex around `value`, for a static; the same as [`new`](Mutex::new).
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::Mutex;
        ///
        /// static NAMES: Mutex<Vec<String>> = Mutex::const_new(Vec::new());
        /// assert!(NAMES.try_lock().unwrap().is_empty());
        /// ```
        pub const fn const_new(value: T) -> Mutex<T> {
            Mutex::new(value)
        }
    }

    /// Takes the data out.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Mutex;
    ///
    /// assert_eq!(Mutex::new(1).into_inner(), 1);
    /// ```
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits in line for the lock and takes it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in line. If the lock was just given to it, the next
    /// in line gets it.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Mutex;
    ///
    /// # runtime_sync::block_on(async {
    /// let lock = Mutex::new(1);
    /// let mut guard = lock.lock().await;
    /// *guard += 1;
    /// assert_eq!(*guard, 2);
    /// # });
    /// ```
    #[inline]
    pub fn lock(&self) -> impl Future<Output = MutexGuard<'_, T>> {
        Held::take(self, MutexGuard::new)
    }

    /// Waits in line for the lock and takes it, with a guard that keeps the mutex alive.
    ///
    /// # Cancel safety
    ///
    /// As for [`lock`](Mutex::lock).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Mutex;
    /// use std::sync::Arc;
    ///
    /// # runtime_sync::block_on(async {
    /// let lock = Arc::new(Mutex::new(1));
    /// let mut guard = Arc::clone(&lock).lock_owned().await;
    /// drop(lock);
    /// *guard += 1;
    /// assert_eq!(*guard, 2);
    /// # });
    /// ```
    #[inline]
    pub fn lock_owned(self: Arc<Self>) -> impl Future<Output = OwnedMutexGuard<T>> {
        Held::take(self, OwnedMutexGuard::new)
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    ///
    /// Fails if somebody holds it, or if it is about to go to somebody in line.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Mutex;
    ///
    /// let lock = Mutex::new(1);
    /// let guard = lock.try_lock().unwrap();
    /// assert!(lock.try_lock().is_err());
    /// # drop(guard);
    /// ```
    #[inline]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        Held::try_take(self).map(MutexGuard::new).ok_or(TryLockError::new())
    }

    /// Takes the lock if it is free, with a guard that keeps the mutex alive.
    ///
    /// # Errors
    ///
    /// As for [`try_lock`](Mutex::try_lock).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Mutex;
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(Mutex::new(1));
    /// let guard = Arc::clone(&lock).try_lock_owned().unwrap();
    /// assert!(lock.try_lock_owned().is_err());
    /// # drop(guard);
    /// ```
    #[inline]
    pub fn try_lock_owned(self: Arc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        Held::try_take(self).map(OwnedMutexGuard::new).ok_or(TryLockError::new())
    }

    /// Takes the lock, and blocks the thread until it has it.
    ///
    /// # Panics
    ///
    /// Panics within a task: await [`lock`](Mutex::lock) there.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Mutex;
    ///
    /// let lock = Mutex::new(1);
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| *lock.blocking_lock() += 1);
    ///     scope.spawn(|| *lock.blocking_lock() += 1);
    /// });
    /// assert_eq!(lock.into_inner(), 3);
    /// ```
    #[track_caller]
    pub fn blocking_lock(&self) -> MutexGuard<'_, T> {
        block_outside_of_tasks("blocking_lock", "lock", self.lock())
    }

    /// Takes the lock, and blocks the thread until it has it; the guard keeps the mutex alive.
    ///
    /// # Panics
    ///
    /// Panics within a task: await [`lock_owned`](Mutex::lock_owned) there.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Mutex;
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(Mutex::new(1));
    /// let guard = lock.blocking_lock_owned();
    /// assert_eq!(*guard, 1);
    /// ```
    #[track_caller]
    pub fn blocking_lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        block_outside_of_tasks("blocking_lock_owned", "lock_owned", self.lock_owned())
    }

    /// The data, without locking: `&mut self` proves that nobody else is there.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Mutex;
    ///
    /// let mut lock = Mutex::new(1);
    /// *lock.get_mut() = 2;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.data.with_mut(|data| {
            // SAFETY: the mutex is borrowed exclusively as long as the result.
            unsafe { &mut *data }
        })
    }

    /// Who is here at this moment, without disturbing anybody.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Mutex;
    ///
    /// let lock = Mutex::new(1);
    /// let guard = lock.try_lock().unwrap();
    /// assert!(lock.stats().locked);
    /// assert_eq!(lock.stats().waiters, 0);
    /// # drop(guard);
    /// ```
    pub fn stats(&self) -> MutexStats {
        let locked = self.permits.available() == 0;
        MutexStats { locked, waiters: self.permits.waiters() }
    }
}

impl<T: ?Sized> Share for &Mutex<T> {
    #[inline(always)]
    fn permits(&self) -> &Permits {
        &self.permits
    }

    #[inline(always)]
    fn count(&self) -> usize {
        1
    }
}

impl<T: ?Sized> Share for Arc<Mutex<T>> {
    #[inline(always)]
    fn permits(&self) -> &Permits {
        &self.permits
    }

    #[inline(always)]
    fn count(&self) -> usize {
        1
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Mutex<T> {
        Mutex::new(value)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) => shown.field("data", &&*guard),
            Err(_) => shown.field("data", &format_args!("<locked>")),
        };
        shown.finish()
    }
}

/// What [`Mutex::stats`] tells.
///
/// # Examples
///
/// ```
/// use filch::sync::{Mutex, MutexStats};
///
/// let stats: MutexStats = Mutex::new(()).stats();
/// assert!(!stats.locked);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MutexStats {
    /// Whether somebody has the lock.
    pub locked: bool,
    /// How many wait for it.
    pub waiters: usize,
}

/// A lock could not be taken at once; the error of the `try_` functions of locks.
///
/// # Examples
///
/// ```
/// use filch::sync::{Mutex, TryLockError};
///
/// let lock = Mutex::new(1);
/// let guard = lock.try_lock().unwrap();
/// let error: TryLockError = lock.try_lock().unwrap_err();
/// assert_eq!(error.to_string(), "the lock cannot be taken without waiting");
/// # drop(guard);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TryLockError(());

impl TryLockError {
    pub(super) fn new() -> TryLockError {
        TryLockError(())
    }
}

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lock cannot be taken without waiting")
    }
}

impl Error for TryLockError {}
