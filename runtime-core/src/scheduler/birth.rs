//! Where a task is born: on a worker of its runtime, or outside.
//!
//! A task keeps its home, which must be known before it is made, and is queued after. Both steps stand here and
//! not in the function that is compiled for each future.

use super::config::call_with;
use super::worker::Worker;
use super::{HomeRef, Scheduler, current};
use crate::task::{self, JoinHandle, Runnable};
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The place where this thread may bring a task to life. Tasks are adopted by whoever runs them first, if
/// they come from outside.
#[must_use = "a task is to be born"]
pub(crate) enum Birth {
    /// With this home, which is the worker's that runs on this thread.
    Here(HomeRef),
    /// Into the injector.
    Outside(Arc<Scheduler>),
}

impl Birth {
    /// On the runtime that this thread is in, if it is in one.
    #[inline]
    pub(crate) fn current() -> Option<Birth> {
        current::with_worker(|worker| match worker {
            // Inside of a worker whose thread has entered another runtime, that one is meant.
            Some(worker) if current::is_in(worker.scheduler()) => Some(Birth::Here(worker.lend())),
            _ => Birth::outside(),
        })
    }

    #[cold]
    fn outside() -> Option<Birth> {
        current::with_scheduler(|scheduler| scheduler.cloned().map(Birth::Outside))
    }

    /// On that runtime.
    pub(crate) fn on(scheduler: &Arc<Scheduler>) -> Birth {
        current::with_worker(|worker| match worker {
            Some(worker) if Arc::ptr_eq(worker.scheduler(), scheduler) => {
                Birth::Here(worker.lend())
            }
            _ => Birth::Outside(scheduler.clone()),
        })
    }

    /// Spawns a task there.
    #[inline]
    pub(crate) fn spawn<F>(
        self,
        future: F,
        name: Option<Arc<str>>,
        location: &'static Location<'static>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (home, scheduler) = match self {
            Birth::Here(home) => (Some(home), None),
            Birth::Outside(scheduler) => (None, Some(scheduler)),
        };
        let (runnable, handle) = task::new(future, home, name, location);
        match scheduler {
            None => launch(runnable),
            Some(scheduler) => scheduler.launch_outside(runnable),
        }
        handle
    }
}

/// Queues a task that was just born on this thread's worker.
#[inline]
fn launch(runnable: Runnable<HomeRef>) {
    current::with_worker(|worker| match worker {
        Some(worker) => worker.launch(runnable),
        None => unreachable!("the worker that has lent a home runs here"),
    });
}

impl Worker {
    fn launch(&self, runnable: Runnable<HomeRef>) {
        self.begin_life(&runnable);
        match self.open.get() && !self.scheduler().is_closed() {
            true => self.push_back(runnable),
            false => self.give_up(runnable),
        }
    }
}

impl Scheduler {
    fn launch_outside(&self, runnable: Runnable<HomeRef>) {
        self.by_outsiders.spawned.fetch_add(1, Ordering::Relaxed);
        call_with(&self.config.hooks.task_spawn, || runnable.meta());
        self.push_outside(runnable);
    }
}
