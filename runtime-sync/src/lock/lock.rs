//! A lock that guards no data: asyncio's.

use std::fmt;
use std::sync::Arc;

use super::held::{Held, Share};
use super::mutex::TryLockError;
use super::permits::Permits;
use crate::block_on::block_outside_of_tasks;
use crate::primitives::const_outside_models;

/// A mutual exclusion lock that guards no data, as asyncio has it.
///
/// For code that comes from Python, and for what is guarded by agreement alone. Where there is
/// data, a [`Mutex`](super::Mutex) around it lets the compiler see to it.
///
/// What asyncio calls `release` is done by dropping the guard, or by its `release`. An
/// [`OwnedLock`] may be released by any task, not only the one that acquired it. As only a guard
/// can release, and only once, releasing a lock that is not acquired, a `RuntimeError` in Python,
/// cannot be written down.
///
/// Those who wait are served first in, first out, with the same bound as for a `Mutex`. A guard
/// that is leaked by [`std::mem::forget`] leaves the lock acquired for good.
///
/// # Examples
///
/// ```
/// use filch::sync::Lock;
///
/// filch::runtime::Runtime::new().unwrap().block_on(async {
///     let lock = Lock::new();
///     let guard = lock.acquire().await;
///     assert!(lock.locked());
///     guard.release();
///     assert!(!lock.locked());
/// });
/// ```
pub struct Lock {
    permits: Permits,
}

impl Lock {
    const_outside_models! {
        /// Makes a lock that is free.
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::Lock;
        ///
        /// static PRINTER: Lock = Lock::new();
        /// assert!(!PRINTER.locked());
        /// ```
        pub const fn new() -> Lock {
            Lock { permits: Permits::new(1) }
        }
    }

    /// Waits in line for the lock and takes it: asyncio's `acquire`, and its `async with`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in line. If the lock was just given to it, the next
    /// in line gets it.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Lock;
    ///
    /// # runtime_sync::block_on(async {
    /// let lock = Lock::new();
    /// {
    ///     let _guard = lock.acquire().await;
    ///     // … one at a time …
    /// }
    /// assert!(!lock.locked());
    /// # });
    /// ```
    #[inline]
    pub fn acquire(&self) -> impl Future<Output = LockGuard<'_>> {
        Held::take(self, LockGuard::new)
    }

    /// Waits in line for the lock and takes it, to be released by whoever has the result.
    ///
    /// # Cancel safety
    ///
    /// As for [`acquire`](Lock::acquire).
    ///
    /// # Examples
    ///
    /// One task acquires, another one releases:
    ///
    /// ```
    /// use filch::sync::Lock;
    /// use std::sync::Arc;
    ///
    /// filch::runtime::Runtime::new().unwrap().block_on(async {
    ///     let lock = Arc::new(Lock::new());
    ///     let owned = Arc::clone(&lock).acquire_owned().await;
    ///     filch::spawn(async move { owned.release() }).await.unwrap();
    ///     assert!(!lock.locked());
    /// });
    /// ```
    #[inline]
    pub fn acquire_owned(self: Arc<Self>) -> impl Future<Output = OwnedLock> {
        Held::take(self, OwnedLock::new)
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    ///
    /// Fails if somebody has it, or if it is about to go to somebody in line.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Lock;
    ///
    /// let lock = Lock::new();
    /// let guard = lock.try_acquire().unwrap();
    /// assert!(lock.try_acquire().is_err());
    /// # drop(guard);
    /// ```
    #[inline]
    pub fn try_acquire(&self) -> Result<LockGuard<'_>, TryLockError> {
        Held::try_take(self).map(LockGuard::new).ok_or(TryLockError::new())
    }

    /// Takes the lock if it is free, to be released by whoever has the result.
    ///
    /// # Errors
    ///
    /// As for [`try_acquire`](Lock::try_acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Lock;
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(Lock::new());
    /// let owned = Arc::clone(&lock).try_acquire_owned().unwrap();
    /// assert!(lock.try_acquire_owned().is_err());
    /// # drop(owned);
    /// ```
    #[inline]
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedLock, TryLockError> {
        Held::try_take(self).map(OwnedLock::new).ok_or(TryLockError::new())
    }

    /// Takes the lock, and blocks the thread until it has it.
    ///
    /// # Panics
    ///
    /// Panics within a task: await [`acquire`](Lock::acquire) there.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Lock;
    ///
    /// let lock = Lock::new();
    /// lock.blocking_acquire().release();
    /// ```
    #[track_caller]
    pub fn blocking_acquire(&self) -> LockGuard<'_> {
        block_outside_of_tasks("blocking_acquire", "acquire", self.acquire())
    }

    /// Takes the lock, and blocks the thread until it has it; released by whoever has the result.
    ///
    /// # Panics
    ///
    /// Panics within a task: await [`acquire_owned`](Lock::acquire_owned) there.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Lock;
    /// use std::sync::Arc;
    ///
    /// Arc::new(Lock::new()).blocking_acquire_owned().release();
    /// ```
    #[track_caller]
    pub fn blocking_acquire_owned(self: Arc<Self>) -> OwnedLock {
        block_outside_of_tasks("blocking_acquire_owned", "acquire_owned", self.acquire_owned())
    }

    /// Whether somebody has the lock at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Lock;
    ///
    /// assert!(!Lock::new().locked());
    /// ```
    pub fn locked(&self) -> bool {
        self.permits.available() == 0
    }

    /// Who is here at this moment, without disturbing anybody.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Lock;
    ///
    /// assert_eq!(Lock::new().stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> LockStats {
        LockStats { locked: self.locked(), waiters: self.permits.waiters() }
    }
}

impl Share for &Lock {
    #[inline(always)]
    fn permits(&self) -> &Permits {
        &self.permits
    }

    #[inline(always)]
    fn count(&self) -> usize {
        1
    }
}

impl Share for Arc<Lock> {
    #[inline(always)]
    fn permits(&self) -> &Permits {
        &self.permits
    }

    #[inline(always)]
    fn count(&self) -> usize {
        1
    }
}

impl Default for Lock {
    fn default() -> Lock {
        Lock::new()
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LockStats { locked, waiters } = self.stats();
        f.debug_struct("Lock").field("locked", &locked).field("waiters", &waiters).finish()
    }
}

/// What [`Lock::stats`] tells.
///
/// # Examples
///
/// ```
/// use filch::sync::{Lock, LockStats};
///
/// let stats: LockStats = Lock::new().stats();
/// assert!(!stats.locked);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockStats {
    /// Whether somebody has the lock.
    pub locked: bool,
    /// How many wait for it.
    pub waiters: usize,
}

/// A [`Lock`] that is acquired, until this is dropped.
///
/// # Examples
///
/// ```
/// use filch::sync::{Lock, LockGuard};
///
/// let lock = Lock::new();
/// let guard: LockGuard<'_> = lock.try_acquire().unwrap();
/// drop(guard);
/// assert!(!lock.locked());
/// ```
#[clippy::has_significant_drop]
#[must_use = "dropped at once, it releases the lock at once"]
pub struct LockGuard<'a> {
    held: Held<&'a Lock>,
    /// What the lock guards, for a [`Condition`](super::Condition) to show.
    pub(super) nothing: (),
}

impl<'a> LockGuard<'a> {
    #[inline(always)]
    pub(super) fn new(held: Held<&'a Lock>) -> LockGuard<'a> {
        LockGuard { held, nothing: () }
    }

    pub(super) fn into_held(self) -> Held<&'a Lock> {
        self.held
    }

    /// Releases the lock: asyncio's name for dropping the guard.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Lock;
    ///
    /// let lock = Lock::new();
    /// lock.try_acquire().unwrap().release();
    /// assert!(!lock.locked());
    /// ```
    pub fn release(self) {}
}

impl fmt::Debug for LockGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LockGuard").field(self.held.share()).finish()
    }
}

/// A [`Lock`] that is acquired, and that any task may release.
///
/// Made by [`acquire_owned`](Lock::acquire_owned). Dropping it releases the lock as well, so that
/// a task that ends by a panic leaves no lock behind.
///
/// # Examples
///
/// ```
/// use filch::sync::{Lock, OwnedLock};
/// use std::sync::Arc;
///
/// let lock = Arc::new(Lock::new());
/// let owned: OwnedLock = Arc::clone(&lock).try_acquire_owned().unwrap();
/// std::thread::spawn(move || owned.release()).join().unwrap();
/// assert!(!lock.locked());
/// ```
#[clippy::has_significant_drop]
#[must_use = "dropped at once, it releases the lock at once"]
pub struct OwnedLock {
    held: Held<Arc<Lock>>,
    /// What the lock guards, for a [`Condition`](super::Condition) to show.
    pub(super) nothing: (),
}

impl OwnedLock {
    #[inline(always)]
    pub(super) fn new(held: Held<Arc<Lock>>) -> OwnedLock {
        OwnedLock { held, nothing: () }
    }

    pub(super) fn into_held(self) -> Held<Arc<Lock>> {
        self.held
    }

    /// Releases the lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Lock;
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(Lock::new());
    /// Arc::clone(&lock).try_acquire_owned().unwrap().release();
    /// assert!(!lock.locked());
    /// ```
    pub fn release(self) {}

    /// The lock that is acquired.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{Lock, OwnedLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(Lock::new());
    /// let owned = Arc::clone(&lock).try_acquire_owned().unwrap();
    /// assert!(Arc::ptr_eq(owned.lock(), &lock));
    /// ```
    pub fn lock(&self) -> &Arc<Lock> {
        self.held.share()
    }
}

impl fmt::Debug for OwnedLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedLock").field(self.lock()).finish()
    }
}
