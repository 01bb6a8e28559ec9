//! How a task ended, and whom to tell of it.
//!
//! Most tasks end unwatched: for them nothing of this exists. The others have a list of callbacks in a
//! table from the first callback on, which the flag `WATCHED` of their state word tells. Whoever
//! completes such a task drains the list. Who registers a callback and finds that the task completed
//! before it could set the flag drains the list itself.

use super::id::Id;
use super::join::JoinHandle;
use super::table::Table;
use crate::callback_list::{CallbackId, CallbackList};
use std::sync::Arc;

/// How a task ended.
///
/// # Examples
///
/// ```
/// use filch::callback::Ending;
///
/// # let rt = filch::runtime::Builder::new_current_thread().build().unwrap();
/// # rt.block_on(async {
/// let (tell, told) = filch::sync::oneshot::channel();
/// let task = filch::spawn(std::future::pending::<()>());
/// task.on_done(|task| tell.send(task.ending()).unwrap());
/// task.abort();
/// assert_eq!(told.await.unwrap(), Ending::Cancelled);
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ending {
    /// It gave its output.
    Finished,
    /// It was aborted or cancelled, or its runtime shut down.
    Cancelled,
    /// It panicked.
    Panicked,
}

/// Told of a task's end. It runs where the task completes and must neither panic nor block: what users
/// want to run there is only queued by it.
pub type OnEnd = Box<dyn FnOnce(Ending) + Send>;

static WATCHERS: Table<Arc<CallbackList<OnEnd>>> = Table::new();

/// A task that is watched has ended.
#[cold]
pub(super) fn tell(task: Id, ending: Ending) {
    if let Some(list) = WATCHERS.find(task) {
        drain(task, &list, ending);
    }
}

fn drain(task: Id, list: &CallbackList<OnEnd>, ending: Ending) {
    // Whoever has seen all callbacks off, and nobody before, makes later ones go their own way.
    if list.drain(|tell| tell(ending)) {
        drop(WATCHERS.forget(task));
    }
}

/// Calls `tell` when the task ends, after those that were registered before, or at once if it has ended
/// and they were called.
pub fn on_end<T>(handle: &JoinHandle<T>, tell: OnEnd) -> CallbackId {
    let task = handle.task();
    let (id, state) = (task.id(), &task.header().state);
    let list = match state.ending() {
        // Those that were registered before may still be about to be called.
        Some(_) => WATCHERS.find(id).unwrap_or_else(new_list),
        None => WATCHERS.find_or(id, new_list),
    };
    let added = list.add(tell);
    let ending = if state.watch() { None } else { state.ending() };
    match (added, ending) {
        (Ok(callback), None) => callback,
        (Ok(callback), Some(ending)) => {
            drain(id, &list, ending);
            callback
        }
        (Err((callback, tell)), ending) => {
            tell(ending.expect("the list of a living task takes callbacks"));
            callback
        }
    }
}

/// Takes back what was given to [`on_end`], if it was not called yet.
pub fn remove_on_end<T>(handle: &JoinHandle<T>, callback: CallbackId) -> Option<OnEnd> {
    WATCHERS.find(handle.task().id())?.remove(callback)
}

fn new_list() -> Arc<CallbackList<OnEnd>> {
    Arc::new(CallbackList::new())
}
