//! `JoinError`: why a task has no output.

use super::cancel_reason::CancelReason;
use super::id::Id;
use super::unhandled::{TaskInfo, Unhandled, UnhandledHook};
use crate::unwind::{Payload, message};
use std::any::Any;
use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;

/// Why a task has no output: it was cancelled, or it panicked.
///
/// The counterpart of tokio's `task::JoinError`. It also knows where the task was spawned.
///
/// # Examples
///
/// ```
/// # let rt = filch::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let error = filch::spawn(async { panic!("boom") }).await.unwrap_err();
/// assert!(error.is_panic());
/// assert_eq!(error.spawned_at().file(), file!());
/// assert_eq!(*error.into_panic().downcast_ref::<&str>().unwrap(), "boom");
/// # });
/// ```
pub struct JoinError {
    id: Id,
    spawned_at: &'static Location<'static>,
    cause: Cause,
}

enum Cause {
    /// With the reason, unless it was a plain abort.
    Cancelled(Option<Arc<CancelReason>>),
    Panic(Box<Panicked>),
}

/// What is known of a panic. In a box, as it is rare and every output has room for it.
struct Panicked {
    payload: NotShared,
    /// Who is told if the error is not taken.
    hook: Option<UnhandledHook>,
}

/// A panic's payload, which is `Send`; nobody reaches it through a shared reference, but for its
/// message, which is a string.
struct NotShared(Payload);

// SAFETY: `&NotShared` gives out only a `&str`, and only if the payload is a string, which is `Sync`.
unsafe impl Sync for NotShared {}

impl JoinError {
    pub(crate) fn cancelled(
        id: Id,
        spawned_at: &'static Location<'static>,
        reason: Option<Arc<CancelReason>>,
    ) -> JoinError {
        JoinError { id, spawned_at, cause: Cause::Cancelled(reason) }
    }

    pub(crate) fn panic(
        id: Id,
        spawned_at: &'static Location<'static>,
        payload: Payload,
        hook: Option<UnhandledHook>,
    ) -> JoinError {
        let cause = Cause::Panic(Box::new(Panicked { payload: NotShared(payload), hook }));
        JoinError { id, spawned_at, cause }
    }

    /// Reports a panic that nobody has taken.
    pub(super) fn report(mut self, task: TaskInfo) {
        let hook = match &mut self.cause {
            Cause::Panic(panicked) => panicked.hook.take(),
            Cause::Cancelled(_) => None,
        };
        Unhandled::of_task(task, self).report(hook.as_ref());
    }

    /// Whether the task was aborted or cancelled, or its runtime shut down.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.cause, Cause::Cancelled(_))
    }

    /// Why the task was cancelled: what was given to [`JoinHandle::cancel`](super::JoinHandle::cancel). `None` if it was
    /// aborted, or panicked.
    pub fn reason(&self) -> Option<&CancelReason> {
        match &self.cause {
            Cause::Cancelled(reason) => reason.as_deref(),
            Cause::Panic(_) => None,
        }
    }

    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self.cause, Cause::Panic(_))
    }

    /// What the task panicked with: to be handed to [`std::panic::resume_unwind`].
    ///
    /// # Panics
    ///
    /// If the task did not panic.
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send + 'static> {
        self.try_into_panic().expect("`JoinError::into_panic` on an error that is no panic")
    }

    /// What the task panicked with.
    ///
    /// # Errors
    ///
    /// Gives the error back if the task did not panic.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send + 'static>, JoinError> {
        match self.cause {
            Cause::Panic(panicked) => Ok(panicked.payload.0),
            Cause::Cancelled(_) => Err(self),
        }
    }

    /// Panics as the task did, or because it was cancelled.
    #[track_caller]
    pub(crate) fn raise<T>(self) -> T {
        match self.try_into_panic() {
            Ok(payload) => std::panic::resume_unwind(payload),
            Err(error) => panic!("{error}"),
        }
    }

    /// The number of the task that failed.
    pub fn id(&self) -> Id {
        self.id
    }

    /// Where the task that failed was spawned.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }

    /// What the task panicked with, if that is a string.
    pub(super) fn panic_message(&self) -> Option<&str> {
        match &self.cause {
            Cause::Panic(panicked) => message(&*panicked.payload.0),
            Cause::Cancelled(_) => None,
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.cause, self.panic_message()) {
            (Cause::Cancelled(None), _) => write!(f, "task {} was cancelled", self.id),
            (Cause::Cancelled(Some(reason)), _) => write!(f, "task {} was {reason}", self.id),
            (_, Some(said)) => write!(f, "task {} panicked with message {said:?}", self.id),
            (_, None) => write!(f, "task {} panicked", self.id),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Cancelled(None) => {
                write!(f, "JoinError::Cancelled({:?}, {})", self.id, self.spawned_at)
            }
            Cause::Cancelled(Some(reason)) => {
                write!(f, "JoinError::Cancelled({:?}, {}, {reason:?})", self.id, self.spawned_at)
            }
            Cause::Panic(_) => write!(
                f,
                "JoinError::Panic({:?}, {:?}, {})",
                self.id,
                self.panic_message().unwrap_or("..."),
                self.spawned_at
            ),
        }
    }
}

impl std::error::Error for JoinError {}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> io::Error {
        io::Error::other(match error.cause {
            Cause::Cancelled(None) => "task was cancelled".to_owned(),
            _ => format!("{error}"),
        })
    }
}
