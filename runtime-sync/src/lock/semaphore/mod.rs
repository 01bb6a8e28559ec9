//! So many may do it at a time.

mod permit;
mod poll;
mod share;

pub use permit::{OwnedSemaphorePermit, SemaphorePermit};
pub use poll::PollSemaphore;

use std::sync::Arc;

use super::permits::Permits;
use super::{AcquireError, TryAcquireError};
use crate::block_on::block_outside_of_tasks;
use crate::primitives::const_outside_models;
use share::Share;

/// Permits for so many at a time.
///
/// tokio's and asyncio's `Semaphore`. Whoever needs permits and finds too few waits in line, first
/// come, first served. While the first in line is being woken, a running task may take a permit
/// before it; how far this goes is said in [`permits`](super::permits). A large request is not
/// overtaken by smaller ones.
///
/// # Examples
///
/// At most three downloads at a time:
///
/// ```
/// use filch::sync::Semaphore;
/// use std::sync::Arc;
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let slots = Arc::new(Semaphore::new(3));
/// let downloads: Vec<_> = (0..10)
///     .map(|n| {
///         let slots = slots.clone();
///         filch::spawn(async move {
///             let _slot = slots.acquire().await.unwrap();
///             n // … download …
///         })
///     })
///     .collect();
/// for (n, download) in downloads.into_iter().enumerate() {
///     assert_eq!(download.await.unwrap(), n);
/// }
/// # });
/// ```
#[derive(Debug)]
pub struct Semaphore {
    permits: Permits,
}

/// What goes on at a [`Semaphore`] at some moment; see [`Semaphore::stats`].
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SemaphoreStats {
    /// Permits that are free.
    pub available: usize,
    /// Requests that wait.
    pub waiters: usize,
    /// Whether it is closed.
    pub closed: bool,
}

impl Semaphore {
    /// The largest number of free permits.
    pub const MAX_PERMITS: usize = Permits::MAX;

    /// Makes a semaphore with so many permits.
    ///
    /// # Panics
    ///
    /// Panics if there are more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Semaphore;
    ///
    /// assert_eq!(Semaphore::new(3).available_permits(), 3);
    /// ```
    #[track_caller]
    pub fn new(permits: usize) -> Semaphore {
        Semaphore { permits: Permits::new(permits) }
    }

    const_outside_models! {
        /// Makes a semaphore with so many permits, in a constant.
        ///
        /// # Panics
        ///
        /// Panics if there are more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS).
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::Semaphore;
        ///
        /// static SLOTS: Semaphore = Semaphore::const_new(10);
        /// assert_eq!(SLOTS.available_permits(), 10);
        /// ```
        #[track_caller]
        pub const fn const_new(permits: usize) -> Semaphore {
            Semaphore { permits: Permits::new(permits) }
        }
    }

    /// How many permits are free.
    ///
    /// While the first in line waits for several, this includes what is there for it already: permits
    /// are given all at once, and nobody else gets them meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Semaphore;
    ///
    /// let semaphore = Semaphore::new(2);
    /// let permit = semaphore.try_acquire().unwrap();
    /// assert_eq!(semaphore.available_permits(), 1);
    /// # drop(permit);
    /// ```
    pub fn available_permits(&self) -> usize {
        self.permits.available()
    }

    /// Adds so many permits.
    ///
    /// # Panics
    ///
    /// Panics if there were more free ones than [`MAX_PERMITS`](Semaphore::MAX_PERMITS) then.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Semaphore;
    ///
    /// let semaphore = Semaphore::new(0);
    /// semaphore.add_permits(2);
    /// assert!(semaphore.try_acquire_many(2).is_ok());
    /// ```
    #[track_caller]
    pub fn add_permits(&self, n: usize) {
        if n > 0 {
            self.permits.release(n);
        }
    }

    /// Takes up to `n` [free](Semaphore::available_permits) permits away for good. Returns how many.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Semaphore;
    ///
    /// let semaphore = Semaphore::new(2);
    /// assert_eq!(semaphore.forget_permits(5), 2);
    /// assert_eq!(semaphore.available_permits(), 0);
    /// ```
    pub fn forget_permits(&self, n: usize) -> usize {
        self.permits.forget(n)
    }

    /// Takes a permit, in line with others.
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
    /// use filch::sync::Semaphore;
    ///
    /// runtime_sync::block_on(async {
    ///     let semaphore = Semaphore::new(1);
    ///     let permit = semaphore.acquire().await.unwrap();
    ///     assert!(semaphore.try_acquire().is_err());
    ///     drop(permit);
    ///     assert!(semaphore.try_acquire().is_ok());
    /// });
    /// ```
    #[inline]
    pub fn acquire(&self) -> impl Future<Output = Result<SemaphorePermit<'_>, AcquireError>> {
        Share::take(self, || 1, SemaphorePermit)
    }

    /// Takes `n` permits at once, in line with others.
    ///
    /// More than there ever are wait until somebody [adds](Semaphore::add_permits) them.
    ///
    /// # Errors
    ///
    /// The semaphore is closed.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Semaphore::acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Semaphore;
    ///
    /// runtime_sync::block_on(async {
    ///     let semaphore = Semaphore::new(5);
    ///     let permits = semaphore.acquire_many(3).await.unwrap();
    ///     assert_eq!((permits.num_permits(), semaphore.available_permits()), (3, 2));
    /// });
    /// ```
    #[inline]
    pub fn acquire_many(
        &self,
        n: u32,
    ) -> impl Future<Output = Result<SemaphorePermit<'_>, AcquireError>> {
        Share::take(self, move || n, SemaphorePermit)
    }

    /// Takes a permit that owns a share of the semaphore, in line with others.
    ///
    /// # Errors
    ///
    /// The semaphore is closed.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Semaphore::acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Semaphore;
    /// use std::sync::Arc;
    ///
    /// runtime_sync::block_on(async {
    ///     let semaphore = Arc::new(Semaphore::new(1));
    ///     let permit = semaphore.clone().acquire_owned().await.unwrap();
    ///     std::thread::spawn(move || drop(permit)).join().unwrap();
    ///     assert_eq!(semaphore.available_permits(), 1);
    /// });
    /// ```
    #[inline]
    pub fn acquire_owned(
        self: Arc<Self>,
    ) -> impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>> {
        Share::take(self, || 1, OwnedSemaphorePermit)
    }

    /// Takes `n` permits at once that own a share of the semaphore, in line with others.
    ///
    /// # Errors
    ///
    /// The semaphore is closed.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Semaphore::acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Semaphore;
    /// use std::sync::Arc;
    ///
    /// runtime_sync::block_on(async {
    ///     let semaphore = Arc::new(Semaphore::new(3));
    ///     let permits = semaphore.clone().acquire_many_owned(2).await.unwrap();
    ///     assert_eq!(permits.num_permits(), 2);
    /// });
    /// ```
    #[inline]
    pub fn acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>> {
        Share::take(self, move || n, OwnedSemaphorePermit)
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
    /// use filch::sync::{Semaphore, TryAcquireError};
    ///
    /// let semaphore = Semaphore::new(1);
    /// let permit = semaphore.try_acquire().unwrap();
    /// assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    /// # drop(permit);
    /// ```
    #[inline]
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes `n` permits if they are free and nobody must go first.
    ///
    /// # Errors
    ///
    /// They are not, or the semaphore is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Semaphore;
    ///
    /// let semaphore = Semaphore::new(2);
    /// assert!(semaphore.try_acquire_many(3).is_err());
    /// assert_eq!(semaphore.try_acquire_many(2).unwrap().num_permits(), 2);
    /// ```
    #[inline]
    pub fn try_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.permits.try_acquire(n as usize)?;
        Ok(SemaphorePermit(Share::new(self, n)))
    }

    /// As [`try_acquire`](Semaphore::try_acquire), with a share of the semaphore.
    ///
    /// # Errors
    ///
    /// None is free, or the semaphore is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Semaphore;
    /// use std::sync::Arc;
    ///
    /// let semaphore = Arc::new(Semaphore::new(1));
    /// let permit = semaphore.clone().try_acquire_owned().unwrap();
    /// assert!(semaphore.clone().try_acquire_owned().is_err());
    /// # drop(permit);
    /// ```
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// As [`try_acquire_many`](Semaphore::try_acquire_many), with a share of the semaphore.
    ///
    /// # Errors
    ///
    /// They are not free, or the semaphore is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Semaphore;
    /// use std::sync::Arc;
    ///
    /// let semaphore = Arc::new(Semaphore::new(2));
    /// assert!(semaphore.clone().try_acquire_many_owned(2).is_ok());
    /// assert!(semaphore.clone().try_acquire_many_owned(3).is_err());
    /// ```
    pub fn try_acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.permits.try_acquire(n as usize)?;
        Ok(OwnedSemaphorePermit(Share::new(self, n)))
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
    /// use filch::sync::Semaphore;
    ///
    /// let semaphore = Semaphore::new(0);
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| semaphore.add_permits(1));
    ///     semaphore.blocking_acquire().unwrap().forget();
    /// });
    /// ```
    #[track_caller]
    pub fn blocking_acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        block_outside_of_tasks("blocking_acquire", "acquire", self.acquire())
    }

    /// Blocks this thread until it has `n` permits.
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
    /// use filch::sync::Semaphore;
    ///
    /// let semaphore = Semaphore::new(2);
    /// assert_eq!(semaphore.blocking_acquire_many(2).unwrap().num_permits(), 2);
    /// ```
    #[track_caller]
    pub fn blocking_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        block_outside_of_tasks("blocking_acquire_many", "acquire_many", self.acquire_many(n))
    }

    /// Blocks this thread until it has a permit that owns a share of the semaphore.
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
    /// use filch::sync::Semaphore;
    /// use std::sync::Arc;
    ///
    /// let semaphore = Arc::new(Semaphore::new(1));
    /// assert!(semaphore.blocking_acquire_owned().is_ok());
    /// ```
    #[track_caller]
    pub fn blocking_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        block_outside_of_tasks("blocking_acquire_owned", "acquire_owned", self.acquire_owned())
    }

    /// Blocks this thread until it has `n` permits that own a share of the semaphore.
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
    /// use filch::sync::Semaphore;
    /// use std::sync::Arc;
    ///
    /// let semaphore = Arc::new(Semaphore::new(2));
    /// assert!(semaphore.blocking_acquire_many_owned(2).is_ok());
    /// ```
    #[track_caller]
    pub fn blocking_acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        let acquire = self.acquire_many_owned(n);
        block_outside_of_tasks("blocking_acquire_many_owned", "acquire_many_owned", acquire)
    }

    /// Refuses all who wait and all who come; permits that are out come back as before.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{Semaphore, TryAcquireError};
    ///
    /// let semaphore = Semaphore::new(1);
    /// semaphore.close();
    /// assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::Closed);
    /// ```
    pub fn close(&self) {
        self.permits.close();
    }

    /// Whether it is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Semaphore;
    ///
    /// let semaphore = Semaphore::new(1);
    /// assert!(!semaphore.is_closed());
    /// semaphore.close();
    /// assert!(semaphore.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    /// What goes on at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Semaphore;
    ///
    /// let semaphore = Semaphore::new(2);
    /// let stats = semaphore.stats();
    /// assert_eq!((stats.available, stats.waiters, stats.closed), (2, 0, false));
    /// ```
    pub fn stats(&self) -> SemaphoreStats {
        SemaphoreStats::of(&self.permits)
    }
}

impl SemaphoreStats {
    pub(super) fn of(permits: &Permits) -> SemaphoreStats {
        SemaphoreStats {
            available: permits.available(),
            waiters: permits.waiters(),
            closed: permits.is_closed(),
        }
    }
}
