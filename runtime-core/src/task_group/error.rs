//! What went wrong in a group: every error, and whose it is.

use crate::task::Id;
use std::fmt;

/// An error of a child, or of the body of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskError<E> {
    error: E,
    task: Option<Id>,
}

/// Why a group has failed: all errors, in the order in which they came.
///
/// It is empty if the group was [cancelled](super::TaskGroup::cancel) before its body had an output.
/// The counterpart of Python's `ExceptionGroup`.
///
/// # Examples
///
/// ```
/// use filch::TaskGroup;
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let outcome = TaskGroup::scope(|group| async move {
///     group.spawn(async { Err::<(), _>("no such file") });
///     Ok(())
/// });
/// let error = outcome.await.unwrap_err();
/// assert_eq!(error.to_string(), "a task of a group failed: no such file");
/// assert_eq!(error.into_single().unwrap(), "no such file");
/// # });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupError<E> {
    errors: Vec<TaskError<E>>,
}

impl<E> TaskError<E> {
    pub(super) fn new(error: E, task: Option<Id>) -> TaskError<E> {
        TaskError { error, task }
    }

    /// The error.
    pub fn error(&self) -> &E {
        &self.error
    }

    /// The error by itself.
    pub fn into_error(self) -> E {
        self.error
    }

    /// Which task returned it; `None`: the body.
    pub fn task(&self) -> Option<Id> {
        self.task
    }
}

impl<E> GroupError<E> {
    pub(super) fn new(errors: Vec<TaskError<E>>) -> GroupError<E> {
        GroupError { errors }
    }

    /// All errors.
    pub fn errors(&self) -> &[TaskError<E>] {
        &self.errors
    }

    /// The first error, which is most often the cause of the others.
    pub fn first(&self) -> Option<&E> {
        self.errors.first().map(TaskError::error)
    }

    /// The error by itself, if it is the only one.
    ///
    /// # Errors
    ///
    /// Gives the group back if there is none, or more than one.
    pub fn into_single(mut self) -> Result<E, GroupError<E>> {
        match self.errors.len() {
            1 => Ok(self.errors.remove(0).error),
            _ => Err(self),
        }
    }
}

impl<E> GroupError<GroupError<E>> {
    /// The errors of groups within a group, as those of one.
    pub fn flatten(self) -> GroupError<E> {
        let errors = self.errors.into_iter().flat_map(|inner| inner.error.errors).collect();
        GroupError { errors }
    }
}

impl<E> IntoIterator for GroupError<E> {
    type Item = TaskError<E>;
    type IntoIter = std::vec::IntoIter<TaskError<E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.errors.into_iter()
    }
}

impl<E: fmt::Display> fmt::Display for TaskError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.task {
            Some(task) => write!(f, "task {task}: {}", self.error),
            None => self.error.fmt(f),
        }
    }
}

impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.errors {
            [] => f.write_str("the group was cancelled"),
            [one] => write!(f, "a task of a group failed: {}", one.error),
            [first, rest @ ..] => {
                write!(f, "{} tasks of a group failed: {}", rest.len() + 1, first.error)?;
                rest.iter().try_for_each(|other| write!(f, "; {}", other.error))
            }
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for GroupError<E> {}
