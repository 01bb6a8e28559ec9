//! Why nothing was sent, or nothing new can come.

use std::error::Error;
use std::fmt;

/// There was no receiver. The value comes back.
///
/// # Examples
///
/// ```
/// use filch::sync::watch::{self, error::SendError};
///
/// let (sender, receiver) = watch::channel(1);
/// drop(receiver);
/// assert_eq!(sender.send(2), Err(SendError(2)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("channel closed")
    }
}

impl<T> Error for SendError<T> {}

/// All senders are dropped, so the value stays what it is.
///
/// # Examples
///
/// ```
/// use filch::sync::watch::{self, error::RecvError};
///
/// let (sender, mut receiver) = watch::channel(1);
/// drop(sender);
/// let error: RecvError = runtime_sync::block_on(receiver.changed()).unwrap_err();
/// assert_eq!(error.to_string(), "channel closed");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecvError(pub(super) ());

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("channel closed")
    }
}

impl Error for RecvError {}
