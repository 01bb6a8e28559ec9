//! Why nothing was put in or taken out.

use std::error::Error;
use std::fmt;

/// The queue is shut down; asyncio's `QueueShutDown`. What could not be put in comes back.
///
/// # Examples
///
/// ```
/// use filch::sync::{Queue, QueueShutDown};
///
/// runtime_sync::block_on(async {
///     let queue = Queue::new(0);
///     queue.shutdown();
///     assert_eq!(queue.put(1).await, Err(QueueShutDown(1)));
///     assert_eq!(queue.get().await, Err(QueueShutDown(())));
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct QueueShutDown<T = ()>(pub T);

/// Why [`put_nowait`](super::AnyQueue::put_nowait) gives the item back.
///
/// # Examples
///
/// ```
/// use filch::sync::{Queue, TryPutError};
///
/// let queue = Queue::new(1);
/// queue.put_nowait(1).unwrap();
/// let error = queue.put_nowait(2).unwrap_err();
/// assert_eq!(error.into_inner(), 2);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TryPutError<T> {
    /// There is no room, or others must go first; asyncio's `QueueFull`.
    Full(T),
    /// It is shut down.
    ShutDown(T),
}

/// Why [`get_nowait`](super::AnyQueue::get_nowait) has no item.
///
/// # Examples
///
/// ```
/// use filch::sync::{Queue, TryGetError};
///
/// assert_eq!(Queue::<u32>::new(0).get_nowait(), Err(TryGetError::Empty));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryGetError {
    /// There is none, or others must go first; asyncio's `QueueEmpty`.
    Empty,
    /// There is none, and none will come.
    ShutDown,
}

impl<T> TryPutError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        match self {
            TryPutError::Full(item) | TryPutError::ShutDown(item) => item,
        }
    }
}

const SHUT_DOWN: &str = "the queue is shut down";

// Without asking that the items can be shown.
impl<T> fmt::Debug for QueueShutDown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueShutDown").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryPutError::Full(_) => "Full(..)",
            TryPutError::ShutDown(_) => "ShutDown(..)",
        })
    }
}

impl<T> fmt::Display for QueueShutDown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHUT_DOWN)
    }
}

impl<T> fmt::Display for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryPutError::Full(_) => "the queue is full",
            TryPutError::ShutDown(_) => SHUT_DOWN,
        })
    }
}

impl fmt::Display for TryGetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryGetError::Empty => "the queue is empty",
            TryGetError::ShutDown => SHUT_DOWN,
        })
    }
}

impl<T> Error for QueueShutDown<T> {}
impl<T> Error for TryPutError<T> {}
impl Error for TryGetError {}
