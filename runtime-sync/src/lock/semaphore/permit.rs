//! A permit that borrows its semaphore, and one that owns a share of it.

use std::sync::Arc;

use super::Semaphore;
use super::share::Share;

/// Permits of a [`Semaphore`], given back when this is dropped.
///
/// tokio's `sync::SemaphorePermit`. One that is leaked, as by [`std::mem::forget`], is never given
/// back, like one that is [forgotten](SemaphorePermit::forget).
///
/// # Examples
///
/// ```
/// use filch::sync::Semaphore;
///
/// let semaphore = Semaphore::new(3);
/// let permit = semaphore.try_acquire_many(2).unwrap();
/// assert_eq!(semaphore.available_permits(), 1);
/// drop(permit);
/// assert_eq!(semaphore.available_permits(), 3);
/// ```
#[derive(Debug)]
#[must_use = "a permit that is dropped at once permits nothing"]
pub struct SemaphorePermit<'a>(pub(super) Share<&'a Semaphore>);

/// Permits of a [`Semaphore`] and a share of it, given back when this is dropped.
///
/// tokio's `sync::OwnedSemaphorePermit`. It may go to another task or thread.
///
/// # Examples
///
/// ```
/// use filch::sync::Semaphore;
/// use std::sync::Arc;
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let semaphore = Arc::new(Semaphore::new(1));
/// let permit = semaphore.clone().acquire_owned().await.unwrap();
/// filch::spawn(async move { drop(permit) }).await.unwrap();
/// assert_eq!(semaphore.available_permits(), 1);
/// # });
/// ```
#[derive(Debug)]
#[must_use = "a permit that is dropped at once permits nothing"]
pub struct OwnedSemaphorePermit(pub(super) Share<Arc<Semaphore>>);

/// What both kinds of permit can do.
macro_rules! permit_methods {
    () => {
        /// Takes the permits away from the semaphore for good.
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::Semaphore;
        /// use std::sync::Arc;
        ///
        /// let semaphore = Arc::new(Semaphore::new(2));
        /// semaphore.try_acquire().unwrap().forget();
        /// assert_eq!(semaphore.available_permits(), 1);
        /// ```
        pub fn forget(mut self) {
            self.0.forget();
        }

        /// Adds the permits of `other` to this one.
        ///
        /// # Panics
        ///
        /// Panics if they are of different semaphores.
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::Semaphore;
        ///
        /// let semaphore = Semaphore::new(2);
        /// let mut permit = semaphore.try_acquire().unwrap();
        /// permit.merge(semaphore.try_acquire().unwrap());
        /// assert_eq!(permit.num_permits(), 2);
        /// ```
        #[track_caller]
        pub fn merge(&mut self, other: Self) {
            self.0.merge(other.0);
        }

        /// Takes `n` permits out of this one, or nothing if it has fewer.
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::Semaphore;
        ///
        /// let semaphore = Semaphore::new(3);
        /// let mut all = semaphore.try_acquire_many(3).unwrap();
        /// let one = all.split(1).unwrap();
        /// assert_eq!((all.num_permits(), one.num_permits()), (2, 1));
        /// assert!(all.split(3).is_none());
        /// ```
        pub fn split(&mut self, n: usize) -> Option<Self> {
            self.0.split(n).map(Self)
        }

        /// How many permits this stands for.
        pub fn num_permits(&self) -> usize {
            self.0.count()
        }
    };
}

impl SemaphorePermit<'_> {
    permit_methods!();

    /// The semaphore that it is of.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Semaphore;
    ///
    /// let semaphore = Semaphore::new(2);
    /// let permit = semaphore.try_acquire().unwrap();
    /// assert_eq!(permit.semaphore().available_permits(), 1);
    /// ```
    pub fn semaphore(&self) -> &Semaphore {
        self.0.semaphore()
    }
}

impl OwnedSemaphorePermit {
    permit_methods!();

    /// Permits that were just taken.
    pub(super) fn taken(semaphore: Arc<Semaphore>, count: u32) -> OwnedSemaphorePermit {
        OwnedSemaphorePermit(Share::new(semaphore, count))
    }

    /// The semaphore that it is of.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Semaphore;
    /// use std::sync::Arc;
    ///
    /// let semaphore = Arc::new(Semaphore::new(1));
    /// let permit = semaphore.clone().try_acquire_owned().unwrap();
    /// assert!(Arc::ptr_eq(permit.semaphore(), &semaphore));
    /// ```
    pub fn semaphore(&self) -> &Arc<Semaphore> {
        self.0.semaphore()
    }
}
