//! Why nothing was sent or received.

use std::error::Error;
use std::fmt;

/// There was no receiver. The value comes back.
///
/// # Examples
///
/// ```
/// use filch::sync::broadcast::{Sender, error::SendError};
///
/// assert_eq!(Sender::new(1).send(7), Err(SendError(7)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("channel closed")
    }
}

impl<T: fmt::Debug> Error for SendError<T> {}

/// Why [`recv`](super::Receiver::recv) has no value.
///
/// # Examples
///
/// ```
/// use filch::sync::broadcast::{self, error::RecvError};
///
/// let (sender, mut receiver) = broadcast::channel(1);
/// sender.send(1).unwrap();
/// sender.send(2).unwrap();
/// drop(sender);
/// assert_eq!(receiver.blocking_recv(), Err(RecvError::Lagged(1)));
/// assert_eq!(receiver.blocking_recv(), Ok(2));
/// assert_eq!(receiver.blocking_recv(), Err(RecvError::Closed));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecvError {
    /// All senders are dropped, and all values were received.
    Closed,
    /// The receiver was too slow and has missed so many values. The next call goes on with the
    /// oldest that is there.
    Lagged(u64),
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvError::Closed => f.write_str("channel closed"),
            RecvError::Lagged(missed) => write!(f, "channel lagged by {missed}"),
        }
    }
}

impl Error for RecvError {}

/// Why [`try_recv`](super::Receiver::try_recv) has no value.
///
/// # Examples
///
/// ```
/// use filch::sync::broadcast::{self, error::TryRecvError};
///
/// let (sender, mut receiver) = broadcast::channel::<u32>(1);
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
/// drop(sender);
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryRecvError {
    /// All values were received, and there are senders that may send more.
    Empty,
    /// All senders are dropped, and all values were received.
    Closed,
    /// The receiver was too slow and has missed so many values. The next call goes on with the
    /// oldest that is there.
    Lagged(u64),
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryRecvError::Empty => f.write_str("channel empty"),
            TryRecvError::Closed => f.write_str("channel closed"),
            TryRecvError::Lagged(missed) => write!(f, "channel lagged by {missed}"),
        }
    }
}

impl Error for TryRecvError {}
