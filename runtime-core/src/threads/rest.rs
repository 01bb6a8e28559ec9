//! What a clock that stands still has to know of jobs: it jumps only while none is being done.

use crate::runtime::context;
use crate::scheduler::{Scheduler, current};
use std::cell::Cell;
use std::future::Future;
use std::ptr;
use std::sync::Arc;

/// A job that runs on a thread of no runtime, for a task of one: counted as if it ran on its own
/// threads.
#[derive(Debug)]
pub(super) struct Busy(Arc<Scheduler>);

thread_local! {
    /// The runtime for which a job is being done on this thread, to be compared and never followed.
    static BUSY_FOR: Cell<*const Scheduler> = const { Cell::new(ptr::null()) };
}

impl Busy {
    /// For the runtime this thread is in, if it is in one.
    pub(super) fn here() -> Option<Busy> {
        let scheduler = context::handle()?.scheduler().clone();
        scheduler.pool().begin_job();
        Some(Busy(scheduler))
    }

    /// Calls `f`, which does the job, in the runtime it is done for.
    pub(super) fn within<R>(&self, f: impl FnOnce() -> R) -> R {
        let _entered = current::Entered::new(self.0.clone());
        let before = BUSY_FOR.replace(Arc::as_ptr(&self.0));
        let result = f();
        BUSY_FOR.set(before);
        result
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.pool().end_job();
    }
}

/// A future for which a job of this thread is about to wait: while it runs, the job does not hold up
/// time, if it does.
pub(super) fn awaited_by_job<F: Future>(
    scheduler: &Arc<Scheduler>,
    future: F,
) -> impl Future<Output = F::Output> + use<F> {
    let counted = current::belongs_to(scheduler) || ptr::eq(BUSY_FOR.get(), Arc::as_ptr(scheduler));
    let held_up = (counted && !scheduler.config().multi_thread).then(|| scheduler.clone());
    async move {
        // To the end of the future, and not until the thread has noticed: time might jump in between.
        let _resting = held_up.map(Resting::begin);
        future.await
    }
}

/// The job of a thread is not counted meanwhile.
struct Resting(Arc<Scheduler>);

impl Resting {
    fn begin(scheduler: Arc<Scheduler>) -> Resting {
        scheduler.pool().end_job();
        Resting(scheduler)
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        self.0.pool().begin_job();
    }
}
