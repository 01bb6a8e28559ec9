//! A semaphore that cannot have more permits than it began with.

use std::error::Error;
use std::fmt;

use super::permits::Permits;
use super::{AcquireError, SemaphoreStats, TryAcquireError};
use crate::block_on::block_outside_of_tasks;
use crate::first_try::first_try;
use crate::primitives::const_outside_models;

/// A semaphore that notices when more is given back than was taken.
///
/// asyncio's `BoundedSemaphore`: acquiring and releasing are calls of their own, so that code which is
/// ported may acquire in one task and release in another. Where that is not needed, [`hold`] is the
/// better way: its guard gives the permit back.
///
/// [`hold`]: BoundedSemaphore::hold
///
/// # Examples
///
/// ```
/// use filch::sync::BoundedSemaphore;
///
/// runtime_sync::block_on(async {
///     let semaphore = BoundedSemaphore::new(1);
///     semaphore.acquire().await.unwrap();
///     semaphore.release().unwrap();
///     assert!(semaphore.release().is_err());
/// });
/// ```
#[derive(Debug)]
pub struct BoundedSemaphore {
    permits: Permits,
    bound: usize,
}

/// A permit of a [`BoundedSemaphore`], given back when this is dropped.
///
/// # Examples
///
/// ```
/// use filch::sync::BoundedSemaphore;
///
/// runtime_sync::block_on(async {
///     let semaphore = BoundedSemaphore::new(1);
///     let permit = semaphore.hold().await.unwrap();
///     assert!(semaphore.locked());
///     drop(permit);
///     assert!(!semaphore.locked());
/// });
/// ```
#[derive(Debug)]
#[must_use = "a permit that is dropped at once permits nothing"]
pub struct BoundedPermit<'a>(&'a BoundedSemaphore);

/// More was given back to a [`BoundedSemaphore`] than was taken.
///
/// # Examples
///
/// ```
/// use filch::sync::BoundedSemaphore;
///
/// let error = BoundedSemaphore::new(1).release().unwrap_err();
/// assert_eq!(error.to_string(), "released more often than acquired");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseError(());

impl BoundedSemaphore {
    const_outside_models! {
        /// Makes a semaphore with so many permits, and never more.
        ///
        /// # Panics
        ///
        /// Panics if there are more than
        /// [`Semaphore::MAX_PERMITS`](super::Semaphore::MAX_PERMITS).
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::BoundedSemaphore;
        ///
        /// assert_eq!(BoundedSemaphore::new(2).bound(), 2);
        /// ```
        #[track_caller]
        pub const fn new(permits: usize) -> BoundedSemaphore {
            BoundedSemaphore { permits: Permits::new(permits), bound: permits }
        }
    }

    /// Takes a permit, in line with others, until somebody [releases](BoundedSemaphore::release) it.
    ///
    /// # Errors
    ///
    /// The semaphore is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in line; no permit is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::BoundedSemaphore;
    ///
    /// runtime_sync::block_on(async {
    ///     let semaphore = BoundedSemaphore::new(1);
    ///     semaphore.acquire().await.unwrap();
    ///     assert!(semaphore.locked());
    ///     semaphore.release().unwrap();
    /// });
    /// ```
    #[inline]
    pub fn acquire(&self) -> impl Future<Output = Result<(), AcquireError>> {
        first_try(
            &self.permits,
            |permits| permits.acquire_now(1).then_some(()),
            |_, ()| Ok(()),
            |permits| permits.acquire(1),
        )
    }

    /// Takes a permit if one is free and nobody must go first.
    ///
    /// # Errors
    ///
    /// None is, or the semaphore is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::BoundedSemaphore;
    ///
    /// let semaphore = BoundedSemaphore::new(1);
    /// assert!(semaphore.try_acquire().is_ok());
    /// assert!(semaphore.try_acquire().is_err());
    /// ```
    pub fn try_acquire(&self) -> Result<(), TryAcquireError> {
        self.permits.try_acquire(1)
    }

    /// Blocks this thread until it has a permit.
    ///
    /// # Errors
    ///
    /// The semaphore is closed.
    ///
    /// # Panics
    ///
    /// Panics within a task.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::BoundedSemaphore;
    ///
    /// let semaphore = BoundedSemaphore::new(1);
    /// semaphore.blocking_acquire().unwrap();
    /// semaphore.release().unwrap();
    /// ```
    #[track_caller]
    pub fn blocking_acquire(&self) -> Result<(), AcquireError> {
        block_outside_of_tasks("blocking_acquire", "acquire", self.acquire())
    }

    /// Takes a permit, in line with others, and gives it back when the guard is dropped: asyncio's
    /// `async with`.
    ///
    /// # Errors
    ///
    /// The semaphore is closed.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](BoundedSemaphore::acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::BoundedSemaphore;
    ///
    /// runtime_sync::block_on(async {
    ///     let semaphore = BoundedSemaphore::new(1);
    ///     let _permit = semaphore.hold().await.unwrap();
    ///     assert_eq!(semaphore.available_permits(), 0);
    /// });
    /// ```
    pub async fn hold(&self) -> Result<BoundedPermit<'_>, AcquireError> {
        self.acquire().await?;
        Ok(BoundedPermit(self))
    }

    /// Gives a permit back.
    ///
    /// # Errors
    ///
    /// All permits are free already, so this one was not taken. Nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::BoundedSemaphore;
    ///
    /// let semaphore = BoundedSemaphore::new(1);
    /// semaphore.try_acquire().unwrap();
    /// assert!(semaphore.release().is_ok());
    /// assert!(semaphore.release().is_err());
    /// ```
    pub fn release(&self) -> Result<(), ReleaseError> {
        match self.permits.release_up_to(1, self.bound) {
            true => Ok(()),
            false => Err(ReleaseError(())),
        }
    }

    /// Whether an [`acquire`](BoundedSemaphore::acquire) would have to wait at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::BoundedSemaphore;
    ///
    /// assert!(BoundedSemaphore::new(0).locked());
    /// ```
    pub fn locked(&self) -> bool {
        self.permits.available() == 0 || self.permits.waiters() > 0
    }

    /// How many permits are free.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::BoundedSemaphore;
    ///
    /// assert_eq!(BoundedSemaphore::new(3).available_permits(), 3);
    /// ```
    pub fn available_permits(&self) -> usize {
        self.permits.available()
    }

    /// How many permits there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::BoundedSemaphore;
    ///
    /// let semaphore = BoundedSemaphore::new(3);
    /// semaphore.try_acquire().unwrap();
    /// assert_eq!(semaphore.bound(), 3);
    /// ```
    pub fn bound(&self) -> usize {
        self.bound
    }

    /// Refuses all who wait and all who come; permits that are out come back as before.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::BoundedSemaphore;
    ///
    /// let semaphore = BoundedSemaphore::new(1);
    /// semaphore.close();
    /// assert!(semaphore.try_acquire().is_err());
    /// ```
    pub fn close(&self) {
        self.permits.close();
    }

    /// Whether it is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::BoundedSemaphore;
    ///
    /// assert!(!BoundedSemaphore::new(1).is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    /// What goes on at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::BoundedSemaphore;
    ///
    /// let semaphore = BoundedSemaphore::new(3);
    /// semaphore.try_acquire().unwrap();
    /// assert_eq!(semaphore.stats().available, 2);
    /// ```
    pub fn stats(&self) -> SemaphoreStats {
        SemaphoreStats::of(&self.permits)
    }
}

impl Drop for BoundedPermit<'_> {
    fn drop(&mut self) {
        // Fails only if somebody else has released what this one holds, and has been told nothing.
        let _ = self.0.release();
    }
}

impl fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("released more often than acquired")
    }
}

impl Error for ReleaseError {}
