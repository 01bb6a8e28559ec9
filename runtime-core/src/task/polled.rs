//! Which task is being polled on this thread.
//!
//! # Invariants
//!
//! 1. The pointer is null, or points to a task that is being polled on this thread, which therefore
//!    lives. Whoever polls a task sets it before, and sets back what was there after.

use super::cell::{self, Header};
use super::id::Id;
use super::raw::{self, TaskRef};
use super::unhandled::TaskInfo;
use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::task::Waker;

thread_local! {
    /// A plain cell without a destructor: an access works at any time of a thread's life.
    static POLLED: Cell<*const Header> = const { Cell::new(ptr::null()) };
    /// Whose future or output is being dropped, and what was being polled when that began; never followed.
    static DROPPED: Cell<Dropped> = const { Cell::new((None, ptr::null())) };
}

type Dropped = (Option<Id>, *const Header);

/// While it lives, the future or the output of a task is being dropped on this thread.
pub(super) struct Drops(Dropped);

/// The future or the output of task `id` is about to be dropped, whoever is being polled.
pub(super) fn drops(id: Id) -> Drops {
    Drops(DROPPED.replace((Some(id), POLLED.get())))
}

impl Drop for Drops {
    fn drop(&mut self) {
        DROPPED.set(self.0);
    }
}

/// Says which task is being polled from now on; returns who was before.
///
/// The caller polls the task, and sets back what was before when it has done so (invariant 1). For
/// whoever runs tasks, and for nobody else.
#[inline(always)]
pub fn set(task: *const Header) -> *const Header {
    POLLED.replace(task)
}

/// While it lives, no task is being polled on this thread.
pub(super) struct Ended(*const Header);

/// The task that was being polled is complete: whom it wakes now is not what it goes on with.
#[inline]
pub(super) fn end() -> Ended {
    Ended(set(ptr::null()))
}

impl Drop for Ended {
    #[inline]
    fn drop(&mut self) {
        set(self.0);
    }
}

/// The task that is being polled, as something to compare with.
#[inline(always)]
pub(crate) fn pointer() -> *const Header {
    POLLED.get()
}

/// The number of the task that is being polled.
pub(crate) fn id() -> Option<Id> {
    // SAFETY: invariant 1.
    unsafe { POLLED.get().as_ref() }.map(Header::id)
}

/// The number of the task whose code this is: that of the one that is being polled, or whose future or
/// output is being dropped.
pub(crate) fn id_of_code() -> Option<Id> {
    match DROPPED.get() {
        (dropped @ Some(_), polled) if polled == POLLED.get() => dropped,
        _ => id(),
    }
}

/// The number of the task that is being polled, if the table of requests has an entry for it.
pub(super) fn id_of_noted() -> Option<Id> {
    // SAFETY: invariant 1.
    let header = unsafe { POLLED.get().as_ref() }?;
    header.state.is_noted().then(|| header.id())
}

/// The task whose future is being dropped, if it was told why and the table does not know.
pub(super) fn told() -> Option<TaskRef> {
    // SAFETY: invariant 1.
    unsafe { POLLED.get().as_ref() }?.told.is_told().then(task)?
}

/// Whether the task that is being polled was aborted.
pub(crate) fn is_aborted() -> bool {
    // SAFETY: invariant 1.
    unsafe { POLLED.get().as_ref() }.is_some_and(|header| header.state.is_aborted())
}

/// Number, name and birthplace of the task that is being polled.
pub(crate) fn info() -> Option<TaskInfo> {
    // SAFETY: invariant 1.
    NonNull::new(POLLED.get().cast_mut()).map(|header| unsafe { cell::info(header) })
}

/// A reference to the task that is being polled. None if it is complete, and only its output is being
/// dropped: what is kept for it now would never go.
pub(super) fn task() -> Option<TaskRef> {
    let header = NonNull::new(POLLED.get().cast_mut())?;
    // SAFETY: invariant 1.
    let state = unsafe { &header.as_ref().state };
    if state.is_complete() {
        return None;
    }
    state.add_ref();
    // SAFETY: the reference that was just added passes to the new value.
    Some(unsafe { TaskRef::from_raw(header) })
}

/// Whether `waker` is the own waker of the task that is being polled.
#[inline(always)]
pub(crate) fn owns(waker: &Waker) -> bool {
    raw::is_waker_of(waker, POLLED.get())
}
