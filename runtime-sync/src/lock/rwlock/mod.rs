//! Many readers or one writer.
//!
//! - [`RwLock`] is a `Gate` beside the data: permits of which a reader takes one and a writer all.
//! - `read_guard` and `owned_read_guard` are what readers hold, `write_guard` and
//!   `owned_write_guard` what a writer holds, the two `_mapped` ones what it holds of a part.
//!
//! # Invariants
//!
//! 1. Whoever has taken all permits, and nobody else, reaches the data exclusively.
//! 2. Whoever has taken one permit reaches it together with others who have.
//! 3. Guards hold their permits as long as they exist.

mod gate;
mod owned_read_guard;
mod owned_write_guard;
mod owned_write_guard_mapped;
mod read_guard;
mod write_guard;
mod write_guard_mapped;

pub use owned_read_guard::OwnedRwLockReadGuard;
pub use owned_write_guard::OwnedRwLockWriteGuard;
pub use owned_write_guard_mapped::OwnedRwLockMappedWriteGuard;
pub use read_guard::RwLockReadGuard;
pub use write_guard::RwLockWriteGuard;
pub use write_guard_mapped::RwLockMappedWriteGuard;

use std::fmt;
use std::sync::Arc;

use super::held::Held;
use super::mutex::TryLockError;
use crate::block_on::block_outside_of_tasks;
use crate::primitives::{UnsafeCell, const_outside_models};
use gate::{Gate, MAX_READERS, Reading, Writing};

/// A lock for many readers or one writer, whose guards may be held across an await.
///
/// It has tokio's semantics: there is no poison, and those who wait are served first in, first
/// out. A writer that waits keeps readers that come later waiting behind it, so that readers cannot
/// starve it. Therefore a task that reads and asks to read once more may wait for itself, if a
/// writer came in between. As with a [`Mutex`](super::Mutex), a task that runs may take a lock that
/// is free although others have been woken for it and are on their way.
///
/// Taking a free lock is one atomic exchange, and giving it back when nobody waits is another.
/// Waiting allocates nothing.
///
/// A guard that is leaked by [`std::mem::forget`] is never given back: behind a leaked read guard
/// nobody writes, behind a leaked write guard nobody does anything any more. Those who wait for it
/// wait until they are dropped; the `try_` functions go on to fail.
///
/// # Examples
///
/// ```
/// use filch::sync::RwLock;
///
/// filch::runtime::Runtime::new().unwrap().block_on(async {
///     let lock = RwLock::new(5);
///     {
///         let (one, other) = (lock.read().await, lock.read().await);
///         assert_eq!(*one + *other, 10);
///     }
///     *lock.write().await += 1;
///     assert_eq!(*lock.read().await, 6);
/// });
/// ```
pub struct RwLock<T: ?Sized> {
    gate: Gate,
    data: UnsafeCell<T>,
}

// SAFETY: a writer moves the data between threads (`T: Send`), and readers share it (`T: Sync`).
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

impl<T> RwLock<T> {
    const_outside_models! {
        /// Makes an unlocked lock around `value`.
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::RwLock;
        ///
        /// let lock = RwLock::new(5);
        /// # assert_eq!(lock.into_inner(), 5);
        /// ```
        pub const fn new(value: T) -> RwLock<T> {
            RwLock::with_max_readers(value, MAX_READERS)
        }
    }

    const_outside_models! {
        /// Makes an unlocked lock around `value` that admits `max_readers` at once. Further ones
        /// wait in line.
        ///
        /// # Panics
        ///
        /// Panics if `max_readers` is 0, or more than `u32::MAX >> 3`.
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::RwLock;
        ///
        /// let lock = RwLock::with_max_readers(5, 2);
        /// let two = (lock.try_read().unwrap(), lock.try_read().unwrap());
        /// assert!(lock.try_read().is_err());
        /// # drop(two);
        /// ```
        #[track_caller]
        pub const fn with_max_readers(value: T, max_readers: u32) -> RwLock<T> {
            RwLock { gate: Gate::new(max_readers), data: UnsafeCell::new(value) }
        }
    }

    const_outside_models! {
        /// Makes an unlocked lock around `value`, for a static; the same as [`new`](RwLock::new).
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::RwLock;
        ///
        /// static NAMES: RwLock<Vec<String>> = RwLock::const_new(Vec::new());
        /// assert!(NAMES.try_read().unwrap().is_empty());
        /// ```
        pub const fn const_new(value: T) -> RwLock<T> {
            RwLock::new(value)
        }
    }

    const_outside_models! {
        /// Makes an unlocked lock, for a static; the same as
        /// [`with_max_readers`](RwLock::with_max_readers).
        ///
        /// # Panics
        ///
        /// Panics if `max_readers` is 0, or more than `u32::MAX >> 3`.
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::RwLock;
        ///
        /// static LIMIT: RwLock<u32> = RwLock::const_with_max_readers(10, 1024);
        /// assert_eq!(*LIMIT.try_read().unwrap(), 10);
        /// ```
        #[track_caller]
        pub const fn const_with_max_readers(value: T, max_readers: u32) -> RwLock<T> {
            RwLock::with_max_readers(value, max_readers)
        }
    }

    /// Takes the data out.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::RwLock;
    ///
    /// assert_eq!(RwLock::new(1).into_inner(), 1);
    /// ```
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits in line for the right to read, and takes it.
    ///
    /// Readers and writers wait in the same line: a writer that came before goes first.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in line. If the right was just given to it, the next
    /// in line gets it.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::RwLock;
    ///
    /// # runtime_sync::block_on(async {
    /// let lock = RwLock::new(1);
    /// let guard = lock.read().await;
    /// assert_eq!(*guard, 1);
    /// # });
    /// ```
    #[inline]
    pub fn read(&self) -> impl Future<Output = RwLockReadGuard<'_, T>> {
        Held::take(Reading(self), RwLockReadGuard::of)
    }

    /// Waits in line for the right to read, with a guard that keeps the lock alive.
    ///
    /// # Cancel safety
    ///
    /// As for [`read`](RwLock::read).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::RwLock;
    /// use std::sync::Arc;
    ///
    /// # runtime_sync::block_on(async {
    /// let lock = Arc::new(RwLock::new(1));
    /// let guard = lock.read_owned().await;
    /// assert_eq!(*guard, 1);
    /// # });
    /// ```
    #[inline]
    pub fn read_owned(self: Arc<Self>) -> impl Future<Output = OwnedRwLockReadGuard<T>> {
        Held::take(Reading(self), OwnedRwLockReadGuard::of)
    }

    /// Waits in line for the right to write, and takes it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in line, and readers that waited behind it go on.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::RwLock;
    ///
    /// # runtime_sync::block_on(async {
    /// let lock = RwLock::new(1);
    /// *lock.write().await += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// # });
    /// ```
    #[inline]
    pub fn write(&self) -> impl Future<Output = RwLockWriteGuard<'_, T>> {
        Held::take(Writing(self), RwLockWriteGuard::new)
    }

    /// Waits in line for the right to write, with a guard that keeps the lock alive.
    ///
    /// # Cancel safety
    ///
    /// As for [`write`](RwLock::write).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::RwLock;
    /// use std::sync::Arc;
    ///
    /// # runtime_sync::block_on(async {
    /// let lock = Arc::new(RwLock::new(1));
    /// let mut guard = Arc::clone(&lock).write_owned().await;
    /// *guard += 1;
    /// # });
    /// ```
    #[inline]
    pub fn write_owned(self: Arc<Self>) -> impl Future<Output = OwnedRwLockWriteGuard<T>> {
        Held::take(Writing(self), OwnedRwLockWriteGuard::new)
    }

    /// Takes the right to read, if it can be had without waiting.
    ///
    /// # Errors
    ///
    /// Fails if somebody writes or waits to write, or if there are as many readers as are admitted.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// let guard = lock.try_read().unwrap();
    /// assert!(lock.try_read().is_ok());
    /// assert!(lock.try_write().is_err());
    /// # drop(guard);
    /// ```
    #[inline]
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        Held::try_take(Reading(self)).map(RwLockReadGuard::of).ok_or(TryLockError::new())
    }

    /// Takes the right to read, if it can be had without waiting, with a guard that keeps the lock
    /// alive.
    ///
    /// # Errors
    ///
    /// As for [`try_read`](RwLock::try_read).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::RwLock;
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// assert_eq!(*lock.try_read_owned().unwrap(), 1);
    /// ```
    #[inline]
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, TryLockError> {
        Held::try_take(Reading(self)).map(OwnedRwLockReadGuard::of).ok_or(TryLockError::new())
    }

    /// Takes the right to write, if it can be had without waiting.
    ///
    /// # Errors
    ///
    /// Fails if somebody reads or writes, or if the lock is about to go to somebody in line.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// let guard = lock.try_write().unwrap();
    /// assert!(lock.try_read().is_err());
    /// # drop(guard);
    /// ```
    #[inline]
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        Held::try_take(Writing(self)).map(RwLockWriteGuard::new).ok_or(TryLockError::new())
    }

    /// Takes the right to write, if it can be had without waiting, with a guard that keeps the
    /// lock alive.
    ///
    /// # Errors
    ///
    /// As for [`try_write`](RwLock::try_write).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::RwLock;
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// *lock.try_write_owned().unwrap() += 1;
    /// ```
    #[inline]
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, TryLockError> {
        Held::try_take(Writing(self)).map(OwnedRwLockWriteGuard::new).ok_or(TryLockError::new())
    }

    /// Takes the right to read, and blocks the thread until it has it.
    ///
    /// # Panics
    ///
    /// Panics within a task: await [`read`](RwLock::read) there.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::RwLock;
    ///
    /// assert_eq!(*RwLock::new(1).blocking_read(), 1);
    /// ```
    #[track_caller]
    pub fn blocking_read(&self) -> RwLockReadGuard<'_, T> {
        block_outside_of_tasks("blocking_read", "read", self.read())
    }

    /// Takes the right to write, and blocks the thread until it has it.
    ///
    /// # Panics
    ///
    /// Panics within a task: await [`write`](RwLock::write) there.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| *lock.blocking_write() += 1);
    ///     scope.spawn(|| *lock.blocking_write() += 1);
    /// });
    /// assert_eq!(lock.into_inner(), 3);
    /// ```
    #[track_caller]
    pub fn blocking_write(&self) -> RwLockWriteGuard<'_, T> {
        block_outside_of_tasks("blocking_write", "write", self.write())
    }

    /// The data, without locking: `&mut self` proves that nobody else is there.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::RwLock;
    ///
    /// let mut lock = RwLock::new(1);
    /// *lock.get_mut() = 2;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.data.with_mut(|data| {
            // SAFETY: the lock is borrowed exclusively as long as the result.
            unsafe { &mut *data }
        })
    }

    /// Who is here at this moment, without disturbing anybody.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// let two = (lock.try_read().unwrap(), lock.try_read().unwrap());
    /// assert_eq!(lock.stats().readers, 2);
    /// drop(two);
    /// let guard = lock.try_write().unwrap();
    /// assert!(lock.stats().written);
    /// # drop(guard);
    /// ```
    pub fn stats(&self) -> RwLockStats {
        let Gate { permits, max_readers } = &self.gate;
        let taken = *max_readers as usize - permits.available().min(*max_readers as usize);
        let written = taken == *max_readers as usize;
        RwLockStats {
            readers: if written { 0 } else { taken },
            written,
            max_readers: *max_readers,
            waiters: permits.waiters(),
        }
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> RwLock<T> {
        RwLock::new(value)
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) => shown.field("data", &&*guard),
            Err(_) => shown.field("data", &format_args!("<locked>")),
        };
        shown.finish()
    }
}

/// What [`RwLock::stats`] tells.
///
/// # Examples
///
/// ```
/// use filch::sync::{RwLock, RwLockStats};
///
/// let stats: RwLockStats = RwLock::with_max_readers((), 7).stats();
/// assert_eq!(stats.max_readers, 7);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RwLockStats {
    /// How many read.
    pub readers: usize,
    /// Whether somebody writes. As many readers as the lock admits look like a writer.
    pub written: bool,
    /// How many may read at once.
    pub max_readers: u32,
    /// How many wait, to read or to write.
    pub waiters: usize,
}
