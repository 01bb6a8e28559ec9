//! Why a task or a scope was asked to end, and by whom.

use super::id::Id;
use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

/// Why something was cancelled: the kind of cause, what was said about it, and which task asked.
///
/// It reaches the frame that answers the request, the [`JoinError`](crate::task::JoinError) of the
/// task, and the logs. The counterpart of the message of asyncio's `Task.cancel(msg)` and of the
/// reason that trio's `Cancelled` carries.
///
/// Strings and [`CancelSource`]s turn into one, so that `task.cancel("shutting down")` will do.
///
/// # Examples
///
/// ```
/// use filch::cancel::{CancelReason, CancelSource};
///
/// let reason = CancelReason::from("nobody wants the answer any more");
/// assert_eq!(reason.source(), CancelSource::Explicit);
/// assert_eq!(reason.to_string(), "cancelled: nobody wants the answer any more");
///
/// let reason = CancelReason::new(CancelSource::Deadline).with_message("after 5 s");
/// assert_eq!(reason.to_string(), "cancelled at its deadline: after 5 s");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CancelReason {
    source: CancelSource,
    message: Option<Cow<'static, str>>,
    by: Option<Id>,
}

/// What kind of cause a cancellation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum CancelSource {
    /// Somebody asked for it.
    #[default]
    Explicit,
    /// A deadline has come.
    Deadline,
    /// A task of the same group, or another future of the same call, has failed or has won.
    Sibling,
    /// The runtime shuts down.
    Shutdown,
    /// The process got a signal.
    Signal,
}

/// So many requests share a reason, and no more: other threads are to be through with it when this one
/// begins with the next, so that they seldom meet at its count.
const SHARE: u8 = 64;

thread_local! {
    /// The reason that was given last on this thread, and how many more may have it.
    static LAST: Cell<Option<(Arc<CancelReason>, u8)>> = const { Cell::new(None) };
}

impl CancelReason {
    /// A reason of this kind, without a message, and as yet by nobody.
    pub fn new(source: CancelSource) -> CancelReason {
        CancelReason { source, message: None, by: None }
    }

    /// The same reason, with something said about it.
    #[must_use = "this returns the reason and changes nothing"]
    pub fn with_message(self, message: impl Into<Cow<'static, str>>) -> CancelReason {
        CancelReason { message: Some(message.into()), ..self }
    }

    /// The same reason, given by a task. Without this, the task that calls `cancel` is meant.
    #[must_use = "this returns the reason and changes nothing"]
    pub fn by(self, task: Id) -> CancelReason {
        CancelReason { by: Some(task), ..self }
    }

    /// The same reason, given by `task` unless it says already who gave it.
    pub(crate) fn or_by(self, task: Option<Id>) -> CancelReason {
        CancelReason { by: self.by.or(task), ..self }
    }

    /// The reason to be kept by many: mostly one reason is given for many tasks in a row.
    pub(super) fn shared(self) -> Arc<CancelReason> {
        let last = LAST.try_with(Cell::take).ok().flatten();
        let shared = match &last {
            Some((last, left)) if *left > 0 && **last == self => Some((last.clone(), left - 1)),
            _ => None,
        };
        let (shared, left) = shared.unwrap_or_else(|| (Arc::new(self), SHARE));
        // A text of one's own is not kept longer than somebody wants to know it.
        if !matches!(shared.message, Some(Cow::Owned(_))) {
            _ = LAST.try_with(|last| last.set(Some((shared.clone(), left))));
        }
        shared
    }

    /// What kind of cause it is.
    pub fn source(&self) -> CancelSource {
        self.source
    }

    /// What was said about it.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The task that asked for it, if it was a task.
    pub fn task(&self) -> Option<Id> {
        self.by
    }
}

impl From<CancelSource> for CancelReason {
    fn from(source: CancelSource) -> CancelReason {
        CancelReason::new(source)
    }
}

impl From<&'static str> for CancelReason {
    fn from(message: &'static str) -> CancelReason {
        CancelReason::default().with_message(message)
    }
}

impl From<String> for CancelReason {
    fn from(message: String) -> CancelReason {
        CancelReason::default().with_message(message)
    }
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.source {
            CancelSource::Explicit => "cancelled",
            CancelSource::Deadline => "cancelled at its deadline",
            CancelSource::Sibling => "cancelled because of a sibling",
            CancelSource::Shutdown => "cancelled by the shutdown of its runtime",
            CancelSource::Signal => "cancelled by a signal",
        })?;
        if let Some(by) = self.by {
            write!(f, " by task {by}")?;
        }
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}
