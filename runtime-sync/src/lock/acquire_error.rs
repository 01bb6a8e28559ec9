//! Why permits could not be taken.

use std::error::Error;
use std::fmt;

/// The semaphore is closed.
///
/// tokio's `sync::AcquireError`.
///
/// # Examples
///
/// ```
/// use filch::sync::Semaphore;
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let semaphore = Semaphore::new(1);
/// semaphore.close();
/// assert_eq!(semaphore.acquire().await.unwrap_err().to_string(), "the semaphore is closed");
/// # });
/// ```
#[derive(Debug)]
pub struct AcquireError(());

impl AcquireError {
    pub(super) fn closed() -> AcquireError {
        AcquireError(())
    }
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the semaphore is closed")
    }
}

impl Error for AcquireError {}

/// Why [`Semaphore::try_acquire`](super::Semaphore::try_acquire) did not get its permits.
///
/// tokio's `sync::TryAcquireError`.
///
/// # Examples
///
/// ```
/// use filch::sync::{Semaphore, TryAcquireError};
///
/// assert_eq!(Semaphore::new(0).try_acquire().unwrap_err(), TryAcquireError::NoPermits);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryAcquireError {
    /// The semaphore is closed.
    Closed,
    /// So many permits are not free, or others must go first.
    NoPermits,
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryAcquireError::Closed => "the semaphore is closed",
            TryAcquireError::NoPermits => "there are not enough free permits",
        })
    }
}

impl Error for TryAcquireError {}
