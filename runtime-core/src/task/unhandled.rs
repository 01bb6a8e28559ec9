//! What went wrong in a task, where nobody is left to be told: for the hook of the runtime.

use super::id::Id;
use super::join_error::JoinError;
use crate::unwind::{catch, discard};
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// A task's number, name and birthplace.
///
/// # Examples
///
/// ```
/// use filch::runtime::Builder;
///
/// let runtime = Builder::new_current_thread()
///     .on_unhandled(|unhandled| {
///         let task = unhandled.task().unwrap();
///         assert_eq!(task.name(), Some("careless"));
///         assert_eq!(task.spawned_at().file(), file!());
///     })
///     .build()
///     .unwrap();
/// runtime.block_on(async {
///     let task = filch::task::Builder::new().name("careless").spawn(async { panic!("oh") });
///     drop(task);
///     filch::task::yield_now().await;
/// });
/// ```
#[derive(Clone, Debug)]
pub struct TaskInfo {
    id: Id,
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
}

impl TaskInfo {
    pub(crate) fn new(
        id: Id,
        name: Option<Arc<str>>,
        location: &'static Location<'static>,
    ) -> TaskInfo {
        TaskInfo { id, name, location }
    }

    /// The task's number.
    pub fn id(&self) -> Id {
        self.id
    }

    /// The task's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where the task was spawned.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.location
    }
}

impl fmt::Display for TaskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.id)?;
        if let Some(name) = &self.name {
            write!(f, " ({name})")?;
        }
        write!(f, ", spawned at {}", self.location)
    }
}

/// Who is told.
pub type UnhandledHook = Arc<dyn Fn(&Unhandled) + Send + Sync>;

/// Something went wrong, and nobody is left who would learn of it.
///
/// Given to the hook of [`Builder::on_unhandled`](crate::runtime::Builder::on_unhandled). The
/// counterpart of the context that asyncio's exception handler gets.
///
/// # Examples
///
/// ```
/// use filch::runtime::{Builder, UnhandledKind};
///
/// let runtime = Builder::new_current_thread()
///     .on_unhandled(|unhandled| match unhandled.kind() {
///         UnhandledKind::Panic => eprintln!("a bug: {unhandled}"),
///         _ => eprintln!("{unhandled}"),
///     })
///     .build()
///     .unwrap();
/// runtime.block_on(async { drop(filch::spawn(async { panic!("nobody waits for this") })) });
/// ```
#[derive(Debug)]
pub struct Unhandled {
    kind: UnhandledKind,
    task: Option<TaskInfo>,
    message: Cow<'static, str>,
    error: Option<Box<dyn Error + Send + Sync>>,
}

/// What kind of thing nobody learned of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnhandledKind {
    /// A task panicked, and its output was not taken by the time that its handle was gone; or a
    /// callback panicked.
    Panic,
    /// A [background](crate::background::background) task returned an error.
    Error,
    /// A task did not end within the time that an orderly shutdown gave it.
    Stuck,
}

impl Unhandled {
    /// A panic of a task.
    pub(super) fn of_task(task: TaskInfo, error: JoinError) -> Unhandled {
        let message = match error.panic_message() {
            Some(said) => format!("panicked: {said}").into(),
            None => "panicked".into(),
        };
        let error = Some(error.into());
        Unhandled { kind: UnhandledKind::Panic, task: Some(task), message, error }
    }

    /// An error that a task returned.
    pub(crate) fn error(task: Option<TaskInfo>, error: Box<dyn Error + Send + Sync>) -> Unhandled {
        let message = format!("failed: {error}").into();
        Unhandled { kind: UnhandledKind::Error, task, message, error: Some(error) }
    }

    /// A panic of a callback that was registered at `location`.
    pub(crate) fn callback(location: &'static Location<'static>, said: Option<&str>) -> Unhandled {
        let said = said.unwrap_or("no message");
        let message = format!("a callback, registered at {location}, panicked: {said}").into();
        Unhandled { kind: UnhandledKind::Panic, task: None, message, error: None }
    }

    /// A panic that nobody is told of because no task ended by it: of a callback, or one of several.
    pub(crate) fn panic(task: Option<TaskInfo>, said: Option<&str>) -> Unhandled {
        let message = match said {
            Some(said) => format!("panicked: {said}").into(),
            None => "panicked".into(),
        };
        Unhandled { kind: UnhandledKind::Panic, task, message, error: None }
    }

    /// A task that did not end.
    pub(crate) fn stuck(
        task: Option<TaskInfo>,
        message: impl Into<Cow<'static, str>>,
    ) -> Unhandled {
        Unhandled { kind: UnhandledKind::Stuck, task, message: message.into(), error: None }
    }

    /// What kind of thing it is.
    pub fn kind(&self) -> UnhandledKind {
        self.kind
    }

    /// Whose it is, if it is a task's.
    pub fn task(&self) -> Option<&TaskInfo> {
        self.task.as_ref()
    }

    /// What happened, in words; with what the panic or the error said.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The error: what a background task returned, or the [`JoinError`] of a task that panicked.
    pub fn error_ref(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.error.as_deref()
    }

    /// Tells the hook. Without one, and if it panics, it goes to the log.
    pub(crate) fn report(&self, hook: Option<&UnhandledHook>) {
        let told = hook.is_some_and(|hook| catch(|| hook(self)).map_err(discard).is_ok());
        if !told {
            self.log();
        }
    }

    /// What is done where no hook is set: an error in the log. An error of a task, which no panic
    /// hook has shown, is written to stderr if nobody reads the log.
    #[allow(clippy::print_stderr, reason = "the last resort of an error that is lost otherwise")]
    fn log(&self) {
        tracing::error!(kind = ?self.kind, "{self}");
        if self.kind != UnhandledKind::Panic && !tracing::enabled!(tracing::Level::ERROR) {
            eprintln!("filch: {self}");
        }
    }
}

impl fmt::Display for Unhandled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.task {
            Some(task) => write!(f, "{task}, {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}
