//! What a clock that stands still has to know of jobs: it jumps only while none is being done.

use crate::runtime::context;
use crate::scheduler::{Scheduler, current};
use std::cell::Cell;
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
        if self.0.pool().end_job() {
            self.0.pool_is_quiet();
        }
    }
}

/// The job of this thread waits for a task, and time may go on meanwhile.
pub(super) struct Resting(Option<Arc<Scheduler>>);

impl Resting {
    /// To be begun by the task: from then on time may go on. It must end with the task, and not when
    /// the thread has noticed, or time might jump in between.
    pub(super) fn begin(scheduler: Option<Arc<Scheduler>>) -> Resting {
        if let Some(scheduler) = &scheduler {
            scheduler.pool().end_job();
        }
        Resting(scheduler)
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        if let Some(scheduler) = &self.0 {
            scheduler.pool().begin_job();
        }
    }
}

/// The runtime, if its clock may stand still and a job is being done for it on this thread.
pub(super) fn holds_up(scheduler: &Arc<Scheduler>) -> Option<Arc<Scheduler>> {
    let counted = current::belongs_to(scheduler) || ptr::eq(BUSY_FOR.get(), Arc::as_ptr(scheduler));
    (counted && !scheduler.config().multi_thread).then(|| scheduler.clone())
}
