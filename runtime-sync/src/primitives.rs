//! Atomics, cells, a mutex without poison and threads: from std, or from loom when a model runs.
//!
//! This is the only file of the workspace that says `cfg(filch_loom)`. Everything lock-free is
//! written against these names, so that a model checks the very code that ships.

pub use crate::const_outside_models;
pub use imp::{Arc, UnsafeCell, atomic, hint, thread, thread_local};

use std::fmt;
use std::ops::{Deref, DerefMut};

/// A mutual exclusion lock that knows no poison.
///
/// A panic while the lock is held leaves the data as it was at that moment. filch holds a lock
/// only around its own code, never around a waker, a user's future or a user's drop, so that such
/// a panic is a bug of filch itself and not a state that callers should have to handle.
pub struct Mutex<T>(imp::RawMutex<T>);

/// A lock for many readers or one writer, that knows no poison; see [`Mutex`].
pub struct RwLock<T>(imp::RawRwLock<T>);

/// The right to read the data of an [`RwLock`], until it is dropped.
pub struct ReadGuard<'a, T>(imp::RawReadGuard<'a, T>);

/// The right to the data of an [`RwLock`], until it is dropped.
pub struct WriteGuard<'a, T>(imp::RawWriteGuard<'a, T>);

/// The right to the data of a [`Mutex`], until it is dropped.
pub struct MutexGuard<'a, T>(imp::RawGuard<'a, T>);

impl<T> Mutex<T> {
    /// Makes an unlocked mutex around `value`.
    #[cfg(not(filch_loom))]
    pub const fn new(value: T) -> Mutex<T> {
        Mutex(imp::RawMutex::new(value))
    }

    /// Makes an unlocked mutex around `value`.
    #[cfg(filch_loom)]
    pub fn new(value: T) -> Mutex<T> {
        Mutex(imp::RawMutex::new(value))
    }

    /// Waits for the lock and takes it.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Takes the lock if it is free at this moment.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(MutexGuard(guard)),
            Err(std::sync::TryLockError::Poisoned(error)) => Some(MutexGuard(error.into_inner())),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }

    /// The data, without locking: `&mut self` proves that nobody else is there.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl<T> RwLock<T> {
    const_outside_models! {
        /// Makes an unlocked lock around `value`.
        pub const fn new(value: T) -> RwLock<T> {
            RwLock(imp::RawRwLock::new(value))
        }
    }

    /// Waits until nobody writes and takes the lock for reading.
    pub fn read(&self) -> ReadGuard<'_, T> {
        ReadGuard(self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Takes the lock for reading if nobody writes or waits to at this moment.
    pub fn try_read(&self) -> Option<ReadGuard<'_, T>> {
        match self.0.try_read() {
            Ok(guard) => Some(ReadGuard(guard)),
            Err(std::sync::TryLockError::Poisoned(error)) => Some(ReadGuard(error.into_inner())),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }

    /// Takes the lock for writing if nobody is there at this moment.
    pub fn try_write(&self) -> Option<WriteGuard<'_, T>> {
        match self.0.try_write() {
            Ok(guard) => Some(WriteGuard(guard)),
            Err(std::sync::TryLockError::Poisoned(error)) => Some(WriteGuard(error.into_inner())),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }

    /// Waits until nobody else is there and takes the lock for writing.
    pub fn write(&self) -> WriteGuard<'_, T> {
        WriteGuard(self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl<T> Deref for ReadGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Deref for WriteGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLock").finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for ReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for WriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_lock() {
            Some(guard) => f.debug_tuple("Mutex").field(&*guard).finish(),
            None => f.write_str("Mutex(<locked>)"),
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Declares a function `const`, except in a model, where loom must see each atomic being made.
///
/// # Examples
///
/// ```
/// use runtime_sync::primitives::{atomic::AtomicBool, const_outside_models};
///
/// struct Door {
///     open: AtomicBool,
/// }
///
/// impl Door {
///     const_outside_models! {
///         /// Makes a closed door.
///         pub const fn new() -> Door {
///             Door { open: AtomicBool::new(false) }
///         }
///     }
/// }
///
/// assert!(!Door::new().open.into_inner());
/// ```
#[cfg(not(filch_loom))]
#[macro_export]
macro_rules! const_outside_models {
    ($(#[$meta:meta])* $vis:vis const fn $($rest:tt)*) => {
        $(#[$meta])* $vis const fn $($rest)*
    };
}

/// Declares a function that is `const` outside of models.
#[cfg(filch_loom)]
#[macro_export]
macro_rules! const_outside_models {
    ($(#[$meta:meta])* $vis:vis const fn $($rest:tt)*) => {
        $(#[$meta])* $vis fn $($rest)*
    };
}

#[cfg(not(filch_loom))]
mod imp {
    #[expect(clippy::disallowed_types, reason = "this is the one home of std's mutex")]
    pub(super) type RawMutex<T> = std::sync::Mutex<T>;
    pub(super) use std::sync::MutexGuard as RawGuard;
    pub(super) use std::sync::{
        RwLock as RawRwLock, RwLockReadGuard as RawReadGuard, RwLockWriteGuard as RawWriteGuard,
    };

    pub use std::sync::Arc;
    pub use std::thread_local;

    /// Atomics and fences.
    pub mod atomic {
        pub use std::sync::atomic::{
            AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
        };
    }

    /// What to tell the processor in a spin loop.
    pub mod hint {
        pub use std::hint::spin_loop;

        /// Spins so many times; in a model once, where it means to let the others go on.
        #[inline]
        pub fn spin(times: u32) {
            for _ in 0..times {
                spin_loop();
            }
        }
    }

    /// Threads, and how they sleep.
    pub mod thread {
        pub use std::thread::{Thread, current, park, park_timeout, yield_now};
    }

    /// A cell whose accesses loom can check; std's [`UnsafeCell`](std::cell::UnsafeCell) otherwise.
    #[derive(Debug, Default)]
    pub struct UnsafeCell<T: ?Sized>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        /// Wraps `value`.
        pub const fn new(value: T) -> UnsafeCell<T> {
            UnsafeCell(std::cell::UnsafeCell::new(value))
        }

        /// Takes the value out.
        pub fn into_inner(self) -> T {
            self.0.into_inner()
        }
    }

    impl<T: ?Sized> UnsafeCell<T> {
        /// Calls `f` with a pointer to read through. Reading through it is what needs a proof.
        #[inline(always)]
        pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        /// Calls `f` with a pointer to write through. Writing through it is what needs a proof.
        #[inline(always)]
        pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

#[cfg(filch_loom)]
mod imp {
    pub(super) type RawMutex<T> = loom::sync::Mutex<T>;
    pub(super) use loom::sync::MutexGuard as RawGuard;
    pub(super) use loom::sync::{
        RwLock as RawRwLock, RwLockReadGuard as RawReadGuard, RwLockWriteGuard as RawWriteGuard,
    };

    pub use loom::cell::UnsafeCell;
    pub use loom::sync::Arc;
    pub use loom::thread_local;

    /// Atomics and fences.
    pub mod atomic {
        pub use loom::sync::atomic::{
            AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
        };
    }

    /// What to tell the processor in a spin loop.
    pub mod hint {
        pub use loom::hint::spin_loop;

        /// Lets the others go on. Once says it all, and a model counts each time as a step.
        pub fn spin(_times: u32) {
            spin_loop();
        }
    }

    /// Threads, and how they sleep.
    pub mod thread {
        pub use loom::thread::{Thread, current, park, yield_now};

        /// loom knows no time: what must end by itself is not for a model.
        pub fn park_timeout(_: std::time::Duration) {
            park();
        }
    }
}
