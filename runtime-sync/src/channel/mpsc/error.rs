//! Why a message could not be sent or received. What was to be sent comes back.

use std::error::Error;
use std::fmt;

/// The channel is closed; the value comes back.
///
/// # Examples
///
/// ```
/// use filch::sync::mpsc::{self, error::SendError};
///
/// let (send, receive) = mpsc::unbounded_channel();
/// drop(receive);
/// assert_eq!(send.send(1), Err(SendError(1)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

/// A message could not be sent at once; the value comes back.
///
/// # Examples
///
/// ```
/// use filch::sync::mpsc::{self, error::TrySendError};
///
/// let (send, receive) = mpsc::channel(1);
/// assert_eq!(send.try_send(1), Ok(()));
/// assert_eq!(send.try_send(2), Err(TrySendError::Full(2)));
/// drop(receive);
/// assert_eq!(send.try_send(3), Err(TrySendError::Closed(3)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// There is no room, or others wait for it already.
    Full(T),
    /// The receiver has closed the channel, or is gone.
    Closed(T),
}

/// A message could not be sent in time; the value comes back.
///
/// # Examples
///
/// ```
/// use filch::sync::mpsc::{self, error::SendTimeoutError};
/// use std::time::Duration;
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let (send, _receive) = mpsc::channel(1);
/// let wait = Duration::from_millis(1);
/// assert_eq!(send.send_timeout(1, wait).await, Ok(()));
/// assert_eq!(send.send_timeout(2, wait).await, Err(SendTimeoutError::Timeout(2)));
/// # });
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendTimeoutError<T> {
    /// There was no room in time.
    Timeout(T),
    /// The receiver has closed the channel, or is gone.
    Closed(T),
}

/// There is no message to be received at once.
///
/// # Examples
///
/// ```
/// use filch::sync::mpsc::{self, error::TryRecvError};
///
/// let (send, mut receive) = mpsc::channel::<u32>(1);
/// assert_eq!(receive.try_recv(), Err(TryRecvError::Empty));
/// drop(send);
/// assert_eq!(receive.try_recv(), Err(TryRecvError::Disconnected));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryRecvError {
    /// There is none now.
    Empty,
    /// There is none, and there will be none: the channel is closed, and no permit is out.
    Disconnected,
}

impl<T> TrySendError<T> {
    /// The value that was not sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::channel(1);
    /// send.try_send("first").unwrap();
    /// assert_eq!(send.try_send("second").unwrap_err().into_inner(), "second");
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            TrySendError::Full(value) | TrySendError::Closed(value) => value,
        }
    }
}

impl<T> SendTimeoutError<T> {
    /// The value that was not sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc::error::SendTimeoutError;
    ///
    /// assert_eq!(SendTimeoutError::Timeout(7).into_inner(), 7);
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            SendTimeoutError::Timeout(value) | SendTimeoutError::Closed(value) => value,
        }
    }
}

impl<T> From<SendError<T>> for TrySendError<T> {
    fn from(error: SendError<T>) -> TrySendError<T> {
        TrySendError::Closed(error.0)
    }
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrySendError::Full(_) => "Full(..)",
            TrySendError::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Debug for SendTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendTimeoutError::Timeout(_) => "Timeout(..)",
            SendTimeoutError::Closed(_) => "Closed(..)",
        })
    }
}

const CLOSED: &str = "the channel is closed";

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(CLOSED)
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrySendError::Full(_) => "the channel is full",
            TrySendError::Closed(_) => CLOSED,
        })
    }
}

impl<T> fmt::Display for SendTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendTimeoutError::Timeout(_) => "the channel stayed full for too long",
            SendTimeoutError::Closed(_) => CLOSED,
        })
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryRecvError::Empty => "the channel is empty",
            TryRecvError::Disconnected => "the channel is empty and closed",
        })
    }
}

impl<T> Error for SendError<T> {}
impl<T> Error for TrySendError<T> {}
impl<T> Error for SendTimeoutError<T> {}
impl Error for TryRecvError {}
