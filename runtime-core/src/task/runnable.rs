//! The right to poll a task once.
//!
//! # Invariants
//!
//! 1. At most one `Runnable` of a task exists, and only while the task is not complete. The state
//!    word grants it: at birth, and whenever a wake or an abort finds the task idle.
//! 2. Its cell was made with homes of type `S`.

use super::cell::{self, Header};
use super::id::Id;
use super::join::JoinHandle;
use super::raw::TaskRef;
use super::roster::Roster;
use super::state::{Begin, Pend};
use super::{Schedule, TaskMeta};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::Arc;

/// The right to poll a task once. Dropping it drops the task's future instead, and its output is an
/// error that says "cancelled".
pub struct Runnable<S: Schedule> {
    header: NonNull<Header>,
    home: PhantomData<S>,
}

// SAFETY: a task is made either of a future that is `Send`, or with a home type that brings its
// `Runnable`s back to the thread the future belongs to (see `Schedule::may_touch_future`).
unsafe impl<S: Schedule> Send for Runnable<S> {}
// SAFETY: a shared `Runnable` gives access to the home and to what never changes.
unsafe impl<S: Schedule + Sync> Sync for Runnable<S> {}

/// What became of a task that was run.
pub enum Ran<S: Schedule> {
    /// It is complete.
    Complete,
    /// It waits to be woken.
    Idle,
    /// It was woken or yielded meanwhile: queue it again.
    Again(Runnable<S>),
}

impl<S: Schedule> Runnable<S> {
    /// # Safety
    ///
    /// - The caller holds the right this stands for, and gives it up (invariants 1 and 2).
    pub(super) unsafe fn from_raw(header: NonNull<Header>) -> Runnable<S> {
        Runnable { header, home: PhantomData }
    }

    /// The right as a pointer, to be put where only a word fits.
    pub fn into_raw(self) -> NonNull<Header> {
        ManuallyDrop::new(self).header
    }

    /// The right back from [`into_raw`](Runnable::into_raw).
    ///
    /// # Safety
    ///
    /// - `header` came from `into_raw` of a `Runnable<S>`, and is turned back once.
    pub unsafe fn restore(header: NonNull<Header>) -> Runnable<S> {
        // SAFETY: by this function's contract.
        unsafe { Runnable::from_raw(header) }
    }

    fn header(&self) -> &Header {
        // SAFETY: a task with a `Runnable` is not complete, so that its cell lives.
        unsafe { self.header.as_ref() }
    }

    /// Polls the task, or drops its future if it was aborted.
    ///
    /// `yielded` is asked after a pending poll: true says that the task wants to be queued again
    /// without having been woken. It then stays owned, which costs no write to its state word.
    #[inline]
    pub fn run(self, yielded: impl FnOnce() -> bool) -> Ran<S> {
        let this = ManuallyDrop::new(self);
        let header = this.header();
        match header.state.begin() {
            Begin::Abort => {
                // SAFETY: we hold the `Runnable`, and use it up.
                unsafe { cell::cancel(this.header) };
                return Ran::Complete;
            }
            Begin::Poll => {}
        }
        // SAFETY: we hold the `Runnable`.
        if unsafe { (header.vtable.poll)(this.header) } {
            return Ran::Complete;
        }
        if yielded() || header.state.pend() == Pend::Again {
            Ran::Again(ManuallyDrop::into_inner(this))
        } else {
            Ran::Idle
        }
    }

    /// Where the task lives, if it was polled before or was born at home.
    pub fn home(&self) -> Option<&S> {
        // SAFETY: invariant 2, and only the holder of the first `Runnable` writes the home.
        unsafe { cell::home::<S>(self.header) }
    }

    /// Gives the task its home, before its first poll.
    ///
    /// # Panics
    ///
    /// If it has one.
    pub fn adopt(&self, home: S) {
        assert!(self.home().is_none(), "a task is adopted once");
        // SAFETY: a task without a home was never polled, so that nobody but us looks at it.
        unsafe { cell::replace_home(self.header, Some(home)) };
    }

    /// Puts the task into its home's roster.
    ///
    /// # Safety
    ///
    /// - The caller owns `roster`, which is that of the task's home, and the task is in none.
    pub unsafe fn enroll(&self, roster: &Roster) {
        // SAFETY: by this function's contract.
        unsafe { roster.link(self.header) }
    }

    /// The task, to be compared and named while it is polled.
    pub fn as_ptr(&self) -> *const Header {
        self.header.as_ptr()
    }

    /// The task's number and birthplace.
    pub fn meta(&self) -> TaskMeta {
        TaskMeta::new(self.id(), self.header().location)
    }

    /// The task's number.
    pub fn id(&self) -> Id {
        self.header().id
    }

    /// The task's name.
    pub fn name(&self) -> Option<&Arc<str>> {
        // SAFETY: a task with a `Runnable` is not complete, so that its cell lives.
        unsafe { cell::name(self.header) }
    }
}

impl<S: Schedule> Drop for Runnable<S> {
    fn drop(&mut self) {
        if !self.home().is_none_or(S::may_touch_future) {
            // A future that belongs to a thread which is gone or elsewhere: leaking it is sound,
            // dropping it here is not. A runtime that closes its queues in order never comes here.
            return;
        }
        // SAFETY: we hold the `Runnable`, and this is its end.
        unsafe { cell::cancel(self.header) }
    }
}

impl<S: Schedule> fmt::Debug for Runnable<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runnable").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// Makes a task of a future that may run on any thread.
///
/// Its `Runnable` must be run or dropped. With `home` `None`, whoever runs it first adopts it.
pub fn new<F, S>(
    future: F,
    home: Option<S>,
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
) -> (Runnable<S>, JoinHandle<F::Output>)
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
    S: Schedule,
{
    // SAFETY: future and output are `Send`.
    unsafe { new_pinned(future, home, name, location) }
}

/// Makes a task of a future that may not leave its home's thread.
///
/// # Safety
///
/// - A future or output that is not `Send` belongs to this thread, and `home` answers
///   [`Schedule::may_touch_future`] with false on every other and brings each `Runnable` back here.
pub unsafe fn new_pinned<F, S>(
    future: F,
    home: Option<S>,
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
) -> (Runnable<S>, JoinHandle<F::Output>)
where
    F: Future + 'static,
    F::Output: 'static,
    S: Schedule,
{
    let id = Id::next();
    let header = cell::allocate(future, home, name, id, location);
    // SAFETY: the state word of a new task holds the right to poll it and one reference with
    // `HANDLE`; the cell was made with `S` and gives a `Result<F::Output, JoinError>`.
    unsafe { (Runnable::from_raw(header), JoinHandle::new(TaskRef::from_raw(header))) }
}
