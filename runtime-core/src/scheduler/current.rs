//! Which worker and which runtime is this thread in.
//!
//! # Invariants
//!
//! 1. `worker` is null, or points to a worker that is borrowed for the length of the [`run_as`] which
//!    set it and resets it.
//! 2. `scheduler` is null, or points to a scheduler that the [`Entered`] which set it keeps alive.
//!    Entries end in the reverse order of their beginning, or their schedulers are leaked.

use super::Scheduler;
use super::worker::Worker;
use crate::task::{self, UnhandledHook, polled};
use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::task::Waker;

/// All that filch keeps in thread-local memory, but for the budget. Plain cells without a
/// destructor: an access is an addition and a load, and works at any time of a thread's life.
struct Current {
    worker: Cell<*const Worker>,
    scheduler: Cell<*const Scheduler>,
    depth: Cell<usize>,
    /// Which thread this is, as a number that no other ever has; 0 before somebody asked.
    token: Cell<u64>,
    yielded: Cell<bool>,
    /// The scheduler whose thread this is, to be compared and never followed.
    owner: Cell<*const Scheduler>,
    /// What this thread drives; while it is something, the thread must not block on another future.
    drives: Cell<Drives>,
}

thread_local! {
    static CURRENT: Current = const {
        Current {
            worker: Cell::new(ptr::null()),
            scheduler: Cell::new(ptr::null()),
            depth: Cell::new(0),
            token: Cell::new(0),
            yielded: Cell::new(false),
            owner: Cell::new(ptr::null()),
            drives: Cell::new(Drives::Nothing),
        }
    };
}

/// Calls `f` with the worker that this thread runs.
#[inline(always)]
pub(crate) fn with_worker<R>(f: impl FnOnce(Option<&Worker>) -> R) -> R {
    CURRENT.with(|current| {
        // SAFETY: invariant 1.
        f(unsafe { current.worker.get().as_ref() })
    })
}

/// Calls `f` with the scheduler of the runtime this thread is in: entered, or run.
#[inline]
pub(crate) fn with_scheduler<R>(f: impl FnOnce(Option<&Arc<Scheduler>>) -> R) -> R {
    CURRENT.with(|current| {
        let scheduler = current.scheduler.get();
        if scheduler.is_null() {
            return f(None);
        }
        // SAFETY: invariant 2; the count is not touched, as the reference is only lent.
        let lent = std::mem::ManuallyDrop::new(unsafe { Arc::from_raw(scheduler) });
        f(Some(&lent))
    })
}

/// The hook for what nobody learns of, of the runtime this thread is in.
pub(crate) fn unhandled_hook() -> Option<UnhandledHook> {
    with_scheduler(|scheduler| scheduler?.config().hooks.unhandled.clone())
}

/// Calls `f` while this thread runs `worker`.
pub(crate) fn run_as<R>(worker: &Worker, f: impl FnOnce() -> R) -> R {
    let _memory = task::Keep::begin();
    let _scope = WorkerScope::new(worker);
    f()
}

/// Calls `f` while this thread runs no worker: what it does is an outsider's doing.
pub(crate) fn step_out<R>(f: impl FnOnce() -> R) -> R {
    let _scope = WorkerScope::new(ptr::null());
    f()
}

/// Sets the thread's worker, and resets it in the end, also when unwinding. Private, so that it lives
/// exactly as long as a call of [`run_as`], whose argument is borrowed for that long.
struct WorkerScope {
    before: *const Worker,
}

impl WorkerScope {
    fn new(worker: *const Worker) -> WorkerScope {
        WorkerScope { before: CURRENT.with(|current| current.worker.replace(worker)) }
    }
}

impl Drop for WorkerScope {
    fn drop(&mut self) {
        CURRENT.with(|current| current.worker.set(self.before));
    }
}

/// While it lives, this thread is in a runtime.
#[derive(Debug)]
pub(crate) struct Entered {
    scheduler: Option<Arc<Scheduler>>,
    /// Atomic so that the guard is `Sync`; only its drop looks at it.
    before: AtomicPtr<Scheduler>,
    depth: usize,
    /// Is `Sync`, and not `Send`.
    not_send: PhantomData<std::sync::MutexGuard<'static, ()>>,
}

impl Entered {
    pub(crate) fn new(scheduler: Arc<Scheduler>) -> Entered {
        CURRENT.with(|current| {
            let depth = current.depth.get() + 1;
            current.depth.set(depth);
            let before = current.scheduler.replace(Arc::as_ptr(&scheduler));
            let before = AtomicPtr::new(before.cast_mut());
            Entered { scheduler: Some(scheduler), before, depth, not_send: PhantomData }
        })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.with(|current| {
            if current.depth.get() == self.depth {
                current.depth.set(self.depth - 1);
                current.scheduler.set(*self.before.get_mut());
                return;
            }
            // A later entry will restore a pointer to our scheduler, so that it must never go.
            std::mem::forget(self.scheduler.take());
            if !std::thread::panicking() {
                panic!(
                    "guards of `Handle::enter` were dropped in another order than the reverse of \
                     their making: drop the newest first"
                );
            }
        });
    }
}

/// What async work a thread drives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drives {
    Nothing,
    /// A root future, while the tasks of its runtime are the business of other threads.
    Future,
    /// Tasks: as a worker, or as the thread whose root future a current-thread runtime runs beside them.
    Tasks,
}

/// While it lives, this thread drives a root future or runs a worker.
pub(crate) struct Driving {
    before: Drives,
    not_send: PhantomData<*const ()>,
}

impl Driving {
    /// `None` if the thread does so already.
    pub(crate) fn begin(what: Drives) -> Option<Driving> {
        (!is_driving()).then(|| Driving::set(what))
    }

    /// For the time a closure may block: inside of `block_in_place`.
    pub(crate) fn pause() -> Driving {
        Driving::set(Drives::Nothing)
    }

    fn set(value: Drives) -> Driving {
        let before = CURRENT.with(|current| current.drives.replace(value));
        Driving { before, not_send: PhantomData }
    }
}

impl Drop for Driving {
    fn drop(&mut self) {
        CURRENT.with(|current| current.drives.set(self.before));
    }
}

/// Whether this thread drives a root future or runs a worker.
pub(crate) fn is_driving() -> bool {
    drives() != Drives::Nothing
}

/// What this thread drives.
pub(crate) fn drives() -> Drives {
    CURRENT.with(|current| current.drives.get())
}

/// The task that is being polled wants to be queued again without being woken. False: `waker` is not
/// the task's own, so that somebody between it and the caller must be woken.
#[inline(always)]
pub(crate) fn yield_task(waker: &Waker) -> bool {
    let own = polled::owns(waker);
    if own {
        CURRENT.with(|current| current.yielded.set(true));
    }
    own
}

/// A number for this thread that no other thread ever has.
pub(crate) fn thread_token() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    CURRENT.with(|current| {
        if current.token.get() == 0 {
            current.token.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        current.token.get()
    })
}

/// This thread is one of that scheduler's own from now on.
pub(crate) fn belong_to(scheduler: *const Scheduler) {
    CURRENT.with(|current| current.owner.set(scheduler));
}

/// Whether this thread is one of that scheduler's own, and so ends before its shutdown does.
pub(crate) fn belongs_to(scheduler: &Arc<Scheduler>) -> bool {
    CURRENT.with(|current| ptr::eq(current.owner.get(), Arc::as_ptr(scheduler)))
}

/// Whether this thread is in the runtime of `scheduler`.
#[inline]
pub(crate) fn is_in(scheduler: &Arc<Scheduler>) -> bool {
    CURRENT.with(|current| ptr::eq(current.scheduler.get(), Arc::as_ptr(scheduler)))
}

/// Whether it wanted that; asking takes the wish back.
#[inline(always)]
pub(crate) fn take_yielded() -> bool {
    CURRENT.with(|current| current.yielded.replace(false))
}
