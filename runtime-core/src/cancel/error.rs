//! What a frame says that was cancelled.

use crate::task::CancelReason;
use std::fmt;
use std::io;
use std::sync::Arc;

/// A future was given up because of a cancellation.
///
/// The counterpart of asyncio's `CancelledError` where it is caught.
///
/// # Examples
///
/// ```
/// use filch::cancel::{CancelScope, CancelSource};
///
/// # filch::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let scope = CancelScope::new();
/// scope.cancel("too late");
/// let error = scope.run(std::future::pending::<()>()).await.unwrap_err();
/// assert_eq!(error.reason().source(), CancelSource::Explicit);
/// assert_eq!(error.to_string(), "cancelled: too late");
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancelled {
    reason: Arc<CancelReason>,
}

impl Cancelled {
    pub(crate) fn new(reason: Arc<CancelReason>) -> Cancelled {
        Cancelled { reason }
    }

    /// Why, and by whom.
    pub fn reason(&self) -> &CancelReason {
        &self.reason
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl std::error::Error for Cancelled {}

impl From<Cancelled> for io::Error {
    fn from(error: Cancelled) -> io::Error {
        io::Error::new(io::ErrorKind::Interrupted, error)
    }
}
