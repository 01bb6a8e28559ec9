//! `JoinHandle::on_done`: a function that the runtime calls when a task is done.

use crate::callback_list::CallbackId;
use crate::context_var;
use crate::runtime::Handle;
use crate::scheduler::Call;
use crate::task::{self, Ending, Id, JoinHandle};
use std::panic::Location;
use std::sync::Arc;

/// A task that is done, as its callbacks see it.
///
/// # Examples
///
/// ```
/// # let rt = filch::runtime::Builder::new_current_thread().build().unwrap();
/// # rt.block_on(async {
/// let (tell, told) = filch::sync::oneshot::channel();
/// let task = filch::task::Builder::new().name("greeter").spawn(async { "hello" }).unwrap();
/// let id = task.id();
/// task.on_done(|task| tell.send(task.clone()).unwrap());
/// let done = told.await.unwrap();
/// assert_eq!((done.id(), done.name()), (id, Some("greeter")));
/// assert!(done.is_finished());
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct DoneTask {
    id: Id,
    name: Option<Arc<str>>,
    spawned_at: &'static Location<'static>,
    ending: Ending,
}

impl DoneTask {
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
        self.spawned_at
    }

    /// How it ended.
    pub fn ending(&self) -> Ending {
        self.ending
    }

    /// Whether it gave its output.
    pub fn is_finished(&self) -> bool {
        self.ending == Ending::Finished
    }

    /// Whether it was aborted or cancelled, or its runtime shut down.
    pub fn is_cancelled(&self) -> bool {
        self.ending == Ending::Cancelled
    }

    /// Whether it panicked.
    pub fn is_panic(&self) -> bool {
        self.ending == Ending::Panicked
    }
}

impl<T> JoinHandle<T> {
    /// Has `f` called once the task is done, by the runtime that this thread is in now.
    ///
    /// The callbacks of one task are called in the order of their registration, those of different tasks
    /// in the order in which the tasks end; if the task is done already, `f` is called soon. They see how
    /// the task ended and not its output, which goes to whoever awaits the handle. They are called also
    /// if the handle is dropped. More about callbacks: [the module's page](crate::callback).
    ///
    /// A task without callbacks pays nothing for the possibility. The counterpart of asyncio's
    /// `Task.add_done_callback`.
    ///
    /// # Panics
    ///
    /// If this thread is in no runtime; see [`Handle::enter`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = filch::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (tell, told) = filch::sync::oneshot::channel();
    /// let task = filch::spawn(async { 1 });
    /// task.on_done(|task| tell.send(task.is_finished()).unwrap());
    /// assert!(told.await.unwrap());
    /// assert_eq!(task.await.unwrap(), 1);
    /// # });
    /// ```
    #[track_caller]
    pub fn on_done<F>(&self, f: F) -> CallbackId
    where
        F: FnOnce(&DoneTask) + Send + 'static,
    {
        let location = Location::caller();
        let runtime = Handle::current();
        let context = context_var::copy();
        let task = self.abort_handle();
        let (id, name, spawned_at) = (task.id(), task.name().map(Arc::from), task.spawned_at());
        task::on_end(
            self,
            Box::new(move |ending| {
                let done = DoneTask { id, name, spawned_at, ending };
                // A callback without a key never meets its like.
                let _ =
                    runtime.scheduler().call_soon(Call::new(move || f(&done), context, location));
            }),
        )
    }

    /// Takes back a callback of [`on_done`](JoinHandle::on_done). False: the task is done and the callback
    /// is on its way, or it was taken back before.
    ///
    /// The counterpart of asyncio's `Task.remove_done_callback`.
    pub fn remove_callback(&self, id: CallbackId) -> bool {
        task::remove_on_end(self, id).is_some()
    }
}
