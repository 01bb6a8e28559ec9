//! Counters one may read: no cfg, no extra cost.

use super::Handle;
use crate::scheduler::stats::Stats;
use std::time::Duration;

/// What a runtime counts, to be read at any time.
///
/// The numbers of different workers are read one after the other and may be apart by what happens
/// meanwhile. The counterpart of tokio's `runtime::RuntimeMetrics`, with the names that it has there,
/// stable and unstable.
///
/// # Examples
///
/// ```
/// let runtime = filch::runtime::Runtime::new().unwrap();
/// runtime.block_on(async { filch::spawn(async {}).await.unwrap() });
/// assert_eq!(runtime.metrics().spawned_tasks_count(), 1);
/// ```
#[derive(Debug, Clone)]
pub struct RuntimeMetrics {
    handle: Handle,
}

impl RuntimeMetrics {
    pub(super) fn new(handle: Handle) -> RuntimeMetrics {
        RuntimeMetrics { handle }
    }

    #[track_caller]
    fn stats<R>(&self, worker: usize, read: impl FnOnce(&Stats) -> R) -> R {
        let count = self.num_workers();
        assert!(worker < count, "there is no worker {worker}: the runtime has {count}");
        read(&self.handle.scheduler().remotes().get(worker).stats)
    }

    fn sum(&self, read: impl Fn(&Stats) -> u64) -> u64 {
        self.handle.scheduler().remotes().all().map(|remote| read(&remote.stats)).sum()
    }

    /// The number of workers.
    pub fn num_workers(&self) -> usize {
        self.handle.scheduler().config().workers
    }

    /// The number of tasks that were spawned and are not complete; blocking jobs not counted.
    pub fn num_alive_tasks(&self) -> usize {
        let scheduler = self.handle.scheduler();
        let completed = scheduler.completed();
        scheduler.spawned().saturating_sub(completed) as usize
    }

    /// The number of tasks spawned so far.
    pub fn spawned_tasks_count(&self) -> u64 {
        self.handle.scheduler().spawned()
    }

    /// The number of tasks in the injector: woken or spawned from outside, and not yet taken by a
    /// worker.
    pub fn global_queue_depth(&self) -> usize {
        self.handle.scheduler().injector_len()
    }

    /// The number of threads of the blocking pool.
    pub fn num_blocking_threads(&self) -> usize {
        self.handle.scheduler().pool().threads()
    }

    /// The number of those that have no job.
    pub fn num_idle_blocking_threads(&self) -> usize {
        self.handle.scheduler().pool().idle_threads()
    }

    /// The number of blocking jobs that wait for a thread.
    pub fn blocking_queue_depth(&self) -> usize {
        self.handle.scheduler().pool().queued()
    }

    /// The number of tasks that were queued from threads which are no workers.
    pub fn remote_schedule_count(&self) -> u64 {
        self.handle.scheduler().remote_schedules()
    }

    /// How often a poll ended because the task yielded or had used up its budget.
    pub fn budget_forced_yield_count(&self) -> u64 {
        self.sum(|stats| stats.yields.get())
    }

    /// How long a worker has been awake in all, up to its last sleep.
    ///
    /// # Panics
    ///
    /// If there is no such worker, here and in the methods below.
    #[track_caller]
    pub fn worker_total_busy_duration(&self, worker: usize) -> Duration {
        self.stats(worker, Stats::busy)
    }

    /// How often a worker went to sleep.
    #[track_caller]
    pub fn worker_park_count(&self, worker: usize) -> u64 {
        self.stats(worker, |stats| stats.parks.get())
    }

    /// How often a worker went to sleep and woke up: odd while it sleeps.
    #[track_caller]
    pub fn worker_park_unpark_count(&self, worker: usize) -> u64 {
        self.stats(worker, |stats| stats.parks_and_unparks.get())
    }

    /// How often a worker woke up and found nothing to run.
    #[track_caller]
    pub fn worker_noop_count(&self, worker: usize) -> u64 {
        self.stats(worker, |stats| stats.noops.get())
    }

    /// How many tasks a worker stole.
    #[track_caller]
    pub fn worker_steal_count(&self, worker: usize) -> u64 {
        self.stats(worker, |stats| stats.steals.get())
    }

    /// How often a worker stole, some tasks at a time.
    #[track_caller]
    pub fn worker_steal_operations(&self, worker: usize) -> u64 {
        self.stats(worker, |stats| stats.steal_operations.get())
    }

    /// How many polls a worker made.
    #[track_caller]
    pub fn worker_poll_count(&self, worker: usize) -> u64 {
        self.stats(worker, Stats::polls)
    }

    /// How many tasks a worker queued for itself.
    #[track_caller]
    pub fn worker_local_schedule_count(&self, worker: usize) -> u64 {
        self.stats(worker, |stats| stats.local_schedules.get())
    }

    /// How many tasks a worker passed on because its own queue was full: none, since that queue grows.
    #[track_caller]
    pub fn worker_overflow_count(&self, worker: usize) -> u64 {
        self.stats(worker, |_| 0)
    }

    /// How long a poll of a worker takes: an estimate that follows the present.
    #[track_caller]
    pub fn worker_mean_poll_time(&self, worker: usize) -> Duration {
        Duration::from_nanos(self.stats(worker, |stats| stats.mean_poll_nanos.get()))
    }

    /// How many tasks wait in a worker's own queue.
    #[track_caller]
    pub fn worker_local_queue_depth(&self, worker: usize) -> usize {
        self.stats(worker, |_| ());
        self.handle.scheduler().remotes().get(worker).waiting()
    }

    /// How many descriptors were registered with the reactor so far.
    pub fn io_driver_fd_registered_count(&self) -> u64 {
        self.handle.scheduler().reactor().registered_count()
    }

    /// How many of them were deregistered.
    pub fn io_driver_fd_deregistered_count(&self) -> u64 {
        self.handle.scheduler().reactor().deregistered_count()
    }

    /// How many events the reactor has dispatched.
    pub fn io_driver_ready_count(&self) -> u64 {
        self.handle.scheduler().reactor().ready_count()
    }
}
