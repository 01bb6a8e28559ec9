//! Why a promise gave no value, took no outcome, or has none yet.

use crate::task::CancelReason;
use std::error::Error;
use std::fmt;

/// Why a promise gave no value.
///
/// # Examples
///
/// ```
/// use filch::promise::PromiseError;
///
/// let error = PromiseError::Error("out of paper");
/// assert_eq!(error.to_string(), "out of paper");
/// assert_eq!(error.into_error(), Some("out of paper"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PromiseError<E> {
    /// What was given to [`Promise::set_error`](super::Promise::set_error).
    Error(E),
    /// The promise was cancelled.
    Cancelled(CancelReason),
    /// The promise was dropped without an outcome.
    Broken,
}

impl<E> PromiseError<E> {
    /// Whether the promise was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, PromiseError::Cancelled(_))
    }

    /// Whether the promise was dropped without an outcome.
    pub fn is_broken(&self) -> bool {
        matches!(self, PromiseError::Broken)
    }

    /// Why the promise was cancelled, if it was.
    pub fn reason(&self) -> Option<&CancelReason> {
        match self {
            PromiseError::Cancelled(reason) => Some(reason),
            PromiseError::Error(_) | PromiseError::Broken => None,
        }
    }

    /// The error that the promise was given, if it was given one.
    pub fn into_error(self) -> Option<E> {
        match self {
            PromiseError::Error(error) => Some(error),
            PromiseError::Cancelled(_) | PromiseError::Broken => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for PromiseError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PromiseError::Error(error) => error.fmt(f),
            PromiseError::Cancelled(reason) => write!(f, "the promise was {reason}"),
            PromiseError::Broken => f.write_str("the promise was dropped without an outcome"),
        }
    }
}

impl<E: Error> Error for PromiseError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // It speaks for itself, and what is behind it is its own.
            PromiseError::Error(error) => error.source(),
            PromiseError::Cancelled(_) | PromiseError::Broken => None,
        }
    }
}

/// The promise has an outcome already; this is what it did not take.
///
/// The counterpart of `asyncio.InvalidStateError` when setting.
///
/// # Examples
///
/// ```
/// use filch::promise::{InvalidState, Promise};
///
/// let promise = Promise::<u32, ()>::new();
/// promise.cancel("not today");
/// assert_eq!(promise.set_result(1), Err(InvalidState(1)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidState<V>(pub V);

impl<V> fmt::Display for InvalidState<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the promise has an outcome already")
    }
}

impl<V: fmt::Debug> Error for InvalidState<V> {}

/// The promise has no outcome yet.
///
/// The counterpart of `asyncio.InvalidStateError` when asking.
///
/// # Examples
///
/// ```
/// use filch::promise::{NotReady, Promise};
///
/// let promise = Promise::<u32, ()>::new();
/// assert_eq!(promise.future().result(), Err(NotReady));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotReady;

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the promise has no outcome yet")
    }
}

impl Error for NotReady {}
