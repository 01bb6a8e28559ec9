//! Callbacks: functions that a runtime calls soon, later, or when something is done.
//!
//! | to call a function | use |
//! |---|---|
//! | soon | [`call_soon`], [`Handle::call_soon`] |
//! | after a while, at a moment | [`call_later`], [`call_at`], and the methods of [`Handle`] |
//! | from any thread, and learn whether the runtime will call it | [`Handle::post`], [`Handle::post_once`] |
//! | when a task is done | [`JoinHandle::on_done`] |
//! | when a promise is kept | [`SharedFuture::add_done_callback`] |
//!
//! A callback is for code that is not async: glue to other libraries, a note in a log, a wake of some
//! foreign loop. For anything that waits, [`spawn`](crate::spawn::spawn) a task.
//!
//! # One after another
//!
//! The callbacks of a runtime stand in one line. They run in its order, each when the one before it has
//! returned, on whichever worker; so what only callbacks touch is never touched by two of them at once.
//! A callback must not block, or it holds up those behind it. It is no part of any task: in it,
//! [`task::try_id`](crate::spawn::try_id) gives `None`.
//!
//! A callback that panics is reported to the log (`tracing`), and ends nothing but itself.
//!
//! # When the runtime shuts down
//!
//! What stands in the line by then still runs, at the latest on the thread that drops the runtime's
//! tasks. Timers that have not fired are cancelled. Afterwards `call_soon` and its like give a handle that
//! says "cancelled", and `post` gives the function back. A callback of a task or a promise is called
//! even then: if its runtime is over when the time comes, by the thread that ends the task or keeps the
//! promise.
//!
//! [`Handle`]: crate::runtime::Handle
//! [`Handle::call_soon`]: crate::runtime::Handle::call_soon
//! [`Handle::post`]: crate::runtime::Handle::post
//! [`Handle::post_once`]: crate::runtime::Handle::post_once
//! [`JoinHandle::on_done`]: crate::task::JoinHandle::on_done
//! [`SharedFuture::add_done_callback`]: crate::promise::SharedFuture::add_done_callback

mod done;
mod later;
mod post;
mod slot;
mod soon;
#[cfg(all(test, not(filch_loom)))]
mod tests;

pub use crate::callback_list::CallbackId;
pub use crate::task::Ending;
pub use done::DoneTask;
pub use later::{TimerHandle, call_at, call_later};
pub use post::RunFinished;
pub use soon::{CallHandle, call_soon};
