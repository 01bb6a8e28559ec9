//! What a hook learns about a task.

use super::id::Id;
use std::panic::Location;

/// A task's number and birthplace, given to the hooks of
/// [`Builder`](crate::runtime::Builder::on_task_spawn).
///
/// The counterpart of tokio's `runtime::TaskMeta`.
///
/// # Examples
///
/// ```
/// use filch::runtime::Builder;
///
/// let runtime = Builder::new_current_thread()
///     .on_task_spawn(|task| println!("{} was born at {}", task.id(), task.spawned_at()))
///     .build()
///     .unwrap();
/// runtime.block_on(async { filch::spawn(async {}).await.unwrap() });
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TaskMeta {
    id: Id,
    location: &'static Location<'static>,
}

impl TaskMeta {
    pub(crate) fn new(id: Id, location: &'static Location<'static>) -> TaskMeta {
        TaskMeta { id, location }
    }

    /// The task's number.
    pub fn id(&self) -> Id {
        self.id
    }

    /// Where the task was spawned.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.location
    }
}
