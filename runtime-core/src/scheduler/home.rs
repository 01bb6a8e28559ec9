//! What tasks and timers hold of the worker they belong to.
//!
//! # Invariants
//!
//! 1. A [`HomeRef`] owns one reference of its home's count, or one of the references that the home's
//!    worker holds in its purse. A home is freed with its last reference.
//! 2. The purse of a worker is touched on the worker's thread only.
//!
//! A plain `Arc` would make every spawn and every timer write the same count from all workers. Here
//! the worker buys references by the thousand and lends them to the tasks and timers it makes; what
//! comes back on its own thread goes into the purse again. Only a reference that dies elsewhere
//! writes the shared count, and that one belongs to a single worker.

use super::current;
use super::remote::Remote;
use super::worker::Worker;
use super::{Pinned, Scheduler};
use crate::task::{self, AbortHandle, Dead, JoinHandle, Roster, Runnable, Schedule, UnhandledHook};
use crate::timer::Timers;
use runtime_sync::contention::Padded;
use runtime_sync::primitives::atomic::{AtomicUsize, Ordering, fence};
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::Arc;

/// The home of tasks and timers: one a worker, and one a thread that drives a root future.
pub struct Home {
    refs: AtomicUsize,
    scheduler: Arc<Scheduler>,
    /// The worker's number; `None` for a home that only holds timers from outside.
    worker: Option<usize>,
    /// Where the worker's own wheel is; `None` if its timers lie with those of outsiders, as a
    /// substitute's do.
    wheel: Option<Arc<Padded<Remote>>>,
    roster: Roster,
}

/// A reference to a [`Home`]: one pointer.
pub struct HomeRef(NonNull<Home>);

// SAFETY: a home is shared between threads by design: count and dead are atomic, the roster's list is
// the worker's.
unsafe impl Send for HomeRef {}
// SAFETY: as above.
unsafe impl Sync for HomeRef {}

/// The references a worker has in store.
pub(super) struct Purse(Cell<usize>);

/// How many references a worker buys, and from how many on it gives some back.
const PURCHASE: usize = 1 << 12;
const PURSE_FULL: usize = 3 * PURCHASE;

impl Home {
    pub(super) fn scheduler(&self) -> &Arc<Scheduler> {
        &self.scheduler
    }

    /// The timers that belong here: the worker's own wheel, or the one that all outsiders share.
    #[inline]
    pub fn timers(&self) -> &Timers {
        match &self.wheel {
            Some(remote) => &remote.timers,
            None => self.scheduler.timers_of_outsiders(),
        }
    }

    /// The runtime's clock.
    pub fn clock(&self) -> &crate::clock::Clock {
        self.scheduler.clock()
    }

    /// To be called, with no lock held, when a timer became the earliest of [`timers`](Home::timers).
    ///
    /// A worker looks at its own wheel before it sleeps, so that nothing is to be done for it on its
    /// own thread. Elsewhere it may sleep until a later deadline. The wheel of outsiders is watched by
    /// whoever waits on the reactor.
    pub fn earlier_deadline(&self) {
        let Some(worker) = self.worker.filter(|_| self.wheel.is_some()) else {
            return self.scheduler.recompute_deadline();
        };
        if current::with_worker(|w| w.is_some_and(|w| w.is_home(self))) {
            return;
        }
        self.scheduler.unpark(worker);
        // The worker may be away, and its wheel watched by others.
        self.scheduler.recompute_deadline();
    }
}

impl HomeRef {
    /// A worker's home, with one reference to it.
    pub(super) fn new(
        scheduler: &Arc<Scheduler>,
        index: usize,
        remote: &Arc<Padded<Remote>>,
    ) -> HomeRef {
        let wheel = (index < scheduler.config().workers).then(|| remote.clone());
        HomeRef::with(scheduler.clone(), Some(index), wheel)
    }

    /// A home for timers from outside, with one reference to it.
    pub(crate) fn outside(scheduler: Arc<Scheduler>) -> HomeRef {
        HomeRef::with(scheduler, None, None)
    }

    fn with(
        scheduler: Arc<Scheduler>,
        worker: Option<usize>,
        wheel: Option<Arc<Padded<Remote>>>,
    ) -> HomeRef {
        let (refs, roster) = (AtomicUsize::new(1), Roster::new());
        let home = Box::new(Home { refs, scheduler, worker, wheel, roster });
        HomeRef(NonNull::from(Box::leak(home)))
    }

    pub(super) fn as_ptr(&self) -> *const Home {
        self.0.as_ptr()
    }

    /// Lends a reference out of the worker's purse. `self` is the worker's own.
    pub(super) fn lend(&self, purse: &Purse) -> HomeRef {
        let left = match purse.0.get() {
            0 => {
                // Relaxed: the worker's own reference keeps the count above zero.
                self.refs.fetch_add(PURCHASE, Ordering::Relaxed);
                PURCHASE
            }
            left => left,
        };
        purse.0.set(left - 1);
        HomeRef(self.0)
    }

    /// Puts `count` references into the purse, which were lent and are gone.
    pub(super) fn put_back(&self, purse: &Purse, count: usize) {
        purse.0.set(purse.0.get() + count);
        if purse.0.get() > PURSE_FULL {
            self.sell(purse, PURCHASE * 2);
        }
    }

    /// A reference dies on a thread that has no purse for it.
    #[cold]
    fn drop_elsewhere(&mut self) {
        // Release pairs with the fence below: our use of the home is over before it is freed.
        if self.refs.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        fence(Ordering::Acquire);
        // SAFETY: that was the last reference (invariant 1), and it came from a box.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }

    /// Gives the purse's references back to the count: the worker retires.
    pub(super) fn empty_purse(&self, purse: &Purse) {
        self.sell(purse, purse.0.get());
    }

    fn sell(&self, purse: &Purse, count: usize) {
        purse.0.set(purse.0.get() - count);
        // Release pairs with the fence in `drop_elsewhere`. `self` remains, so that zero is not reached.
        self.refs.fetch_sub(count, Ordering::Release);
    }
}

impl Purse {
    pub(super) fn new() -> Purse {
        Purse(Cell::new(0))
    }
}

impl Deref for HomeRef {
    type Target = Home;
    fn deref(&self) -> &Home {
        // SAFETY: invariant 1.
        unsafe { self.0.as_ref() }
    }
}

impl Clone for HomeRef {
    fn clone(&self) -> HomeRef {
        // Relaxed: `self` keeps the count above zero.
        self.refs.fetch_add(1, Ordering::Relaxed);
        HomeRef(self.0)
    }
}

impl Drop for HomeRef {
    #[inline]
    fn drop(&mut self) {
        let put_back = current::with_worker(|worker| {
            worker.is_some_and(|worker| worker.take_back(self.as_ptr(), 1))
        });
        if !put_back {
            self.drop_elsewhere();
        }
    }
}

impl fmt::Debug for HomeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HomeRef").field("worker", &self.worker).finish_non_exhaustive()
    }
}

impl Schedule for HomeRef {
    #[inline]
    fn schedule(runnable: Runnable<HomeRef>) {
        current::with_worker(|worker| match (worker, runnable.home()) {
            (Some(worker), Some(home)) if worker.serves(home) => worker.push_woken(runnable),
            (_, home) => {
                // Held across the push: after it, task and home may be gone.
                let home = home.cloned().expect("a task has a home once it was polled");
                home.scheduler.push_outside(runnable);
            }
        });
    }

    fn unhandled_hook(home: Option<&HomeRef>) -> Option<UnhandledHook> {
        match home {
            Some(home) => home.scheduler.config().hooks.unhandled.clone(),
            // It was never polled: its future has panicked in its drop.
            None => current::unhandled_hook(),
        }
    }

    fn reclaim(self, dead: Dead) {
        current::with_worker(|worker| match worker {
            Some(worker) if worker.is_home(self.as_ptr()) => {
                // SAFETY: this thread runs the home's worker, which owns the roster, and a dead task
                // of an open home is linked in it.
                unsafe { self.roster.bury(dead) };
                drop(self);
            }
            _ if self.roster.send_home(dead) => {
                // The reference went along: the worker puts it into its purse.
                std::mem::forget(self);
            }
            _ => drop(self),
        });
    }
}

impl Schedule for Pinned {
    fn schedule(runnable: Runnable<Pinned>) {
        current::with_worker(|worker| {
            let home = &runnable.home().expect("a pinned task is born at home").0;
            match worker {
                Some(worker) if worker.is_home(home.as_ptr()) => worker.push_pinned(runnable),
                _ => {
                    // As above.
                    let home = home.clone();
                    let index = home.worker.expect("pinned tasks live with a worker");
                    home.scheduler.push_pinned(index, runnable);
                }
            }
        });
    }

    fn reclaim(self, dead: Dead) {
        self.0.reclaim(dead);
    }

    fn unhandled_hook(home: Option<&Pinned>) -> Option<UnhandledHook> {
        HomeRef::unhandled_hook(home.map(|home| &home.0))
    }

    fn may_touch_future(&self) -> bool {
        current::with_worker(|worker| worker.is_some_and(|worker| worker.is_home(self.0.as_ptr())))
    }
}

/// What a worker does with its roster, on its own thread.
impl Worker {
    /// Makes room again: frees the dead that other threads sent home.
    pub(super) fn bury_dead(&self) {
        // SAFETY: the worker's thread owns the roster of its home, and a living worker's is open.
        let count = unsafe { self.home().roster.bury_all() };
        self.take_back(self.home().as_ptr(), count);
    }

    /// Puts a task that is to be polled for the first time into the roster.
    pub(super) fn enroll<S: Schedule>(&self, runnable: &Runnable<S>) {
        // SAFETY: as above; a task is enrolled where it gets its home, once.
        unsafe { runnable.enroll(&self.home().roster) };
    }

    /// Aborts every task of the roster, and says whether any lives still.
    pub(super) fn abort_all(&self) -> bool {
        // SAFETY: as above; scheduling pushes to queues and touches no roster.
        unsafe { self.home().roster.abort_all() }
    }

    /// Handles of all tasks of the roster that live.
    pub(super) fn living(&self) -> Vec<AbortHandle> {
        // SAFETY: as above.
        unsafe { self.home().roster.living() }
    }

    /// Closes the roster for good. No task of it is living.
    pub(super) fn close_roster(&self) {
        // SAFETY: as above.
        let count = unsafe { self.home().roster.close() };
        self.put_back(count);
    }

    /// Spawns a task that stays on this thread.
    pub(crate) fn spawn_pinned<F>(
        &self,
        future: F,
        name: Option<std::sync::Arc<str>>,
        location: &'static Location<'static>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let home = Some(Pinned(self.lend()));
        // SAFETY: a worker never leaves its thread while it has pinned tasks (the callers see to it),
        // and `Pinned` brings them back to it.
        let (runnable, handle) = unsafe { task::new_pinned(future, home, name, location) };
        self.begin_life(&runnable);
        self.push_newborn(runnable);
        handle
    }
}
