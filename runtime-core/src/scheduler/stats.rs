//! What a worker counts. Its thread writes, anybody reads, nobody synchronizes by it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A number that one thread counts up and others read: a load and a store, no read-modify-write.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds `count`; only the counter's own thread does.
    #[inline(always)]
    pub(crate) fn add(&self, count: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one worker counts.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    /// Goes up at the begin and at the end of each poll: odd means "in a poll".
    pub(crate) beat: Counter,
    pub(crate) parks: Counter,
    pub(crate) parks_and_unparks: Counter,
    /// Unparked, and found nothing to do.
    pub(crate) noops: Counter,
    /// Tasks that were stolen from others.
    pub(crate) steals: Counter,
    /// Thefts that got something.
    pub(crate) steal_operations: Counter,
    /// Tasks that were spawned or woken on this worker.
    pub(crate) local_schedules: Counter,
    /// Nanoseconds between waking up and lying down.
    pub(crate) busy_nanos: Counter,
    /// An estimate of the time a poll takes, in nanoseconds.
    pub(crate) mean_poll_nanos: Counter,
    /// Polls that ended because the task's budget was used up, or that yielded.
    pub(crate) yields: Counter,
    pub(crate) spawned: Counter,
    pub(crate) completed: Counter,
}

impl Stats {
    /// How many polls were made.
    pub(crate) fn polls(&self) -> u64 {
        self.beat.get() / 2
    }

    pub(crate) fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy_nanos.get())
    }
}
