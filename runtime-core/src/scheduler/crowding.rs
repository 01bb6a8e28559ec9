//! Whether other programs want the cores that the workers run on, and what help is worth then.
//!
//! Where a core is free, one more worker makes use of it. Where other programs keep all of them busy, it takes
//! one away from somebody who needs it: mostly from those who wait for our answers, the clients and databases
//! on the same machine. The work is done no sooner then, and everybody is interrupted more often. Workers see
//! none of that from within. But the kernel counts for each thread how long it was ready and had no core. If
//! that is much of the time, a short queue is left to the worker that has it, and only work that lasts is a
//! reason to call another one.

use crate::clock::Nanos;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a thread has had of the cores since it began.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CoreTime {
    /// So long it was on one,
    pub(super) ran: Nanos,
    /// and so long in line for one.
    pub(super) waited: Nanos,
}

/// Of the time that threads want to run, so many thousandths in line are usual,
const USUAL: u64 = 100;
/// and with so many, the cores are crowded.
const CROWDED: u64 = 200;
/// So much more work must wait then for each call: what a server has to do for one batch of requests is less.
/// Work that lasts longer gets help, for two threads have a larger share of the cores than one.
const DEARER: Nanos = 1_000_000;
/// A thread that hardly runs tells little.
const EVIDENCE: Nanos = 500_000;

/// How crowded the cores are.
pub(super) struct Crowding {
    /// Thousandths in line, of late.
    waits: AtomicU64,
}

// Relaxed throughout: nothing is published with the number, and one that is old costs a bad guess.
impl Crowding {
    pub(super) fn new() -> Crowding {
        Crowding { waits: AtomicU64::new(0) }
    }

    /// A worker's thread had this of the cores between two looks.
    pub(super) fn saw(&self, time: CoreTime) {
        let wanted = time.ran.saturating_add(time.waited).max(EVIDENCE);
        let waits = time.waited.saturating_mul(1_000) / wanted;
        let before = self.waits.load(Ordering::Relaxed);
        self.waits.store((before + waits) / 2, Ordering::Relaxed);
    }

    /// How much more work than usual must wait before a worker calls for help.
    #[inline]
    pub(super) fn dearer_by(&self) -> Nanos {
        let waits = self.waits.load(Ordering::Relaxed).clamp(USUAL, CROWDED);
        DEARER * (waits - USUAL) / (CROWDED - USUAL)
    }
}

impl CoreTime {
    /// What came since `before`.
    pub(super) fn since(self, before: CoreTime) -> CoreTime {
        CoreTime {
            ran: self.ran.saturating_sub(before.ran),
            waited: self.waited.saturating_sub(before.waited),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::Config;
    use super::super::idle::Claimed;
    use super::super::{Birth, Scheduler};
    use super::*;
    use crate::clock::Clock;
    use std::panic::Location;

    const MS: Nanos = 1_000_000;

    #[test]
    fn free_cores_are_no_reason_to_do_without_help() {
        let crowding = Crowding::new();
        assert_eq!(crowding.dearer_by(), 0, "nothing is known");
        (0..10).for_each(|_| crowding.saw(CoreTime { ran: 95 * MS, waited: 5 * MS }));
        assert_eq!(crowding.dearer_by(), 0);
        (0..10).for_each(|_| crowding.saw(CoreTime { ran: 0, waited: 20_000 }));
        assert_eq!(crowding.dearer_by(), 0, "it hardly ran");
    }

    #[test]
    fn where_threads_wait_as_long_as_they_run_little_work_calls_nobody() {
        let crowding = Crowding::new();
        crowding.saw(CoreTime { ran: 7 * MS, waited: 3 * MS });
        let after_one = crowding.dearer_by();
        assert!(after_one > 0 && after_one < DEARER, "it may have been unlucky");
        (0..10).for_each(|_| crowding.saw(CoreTime { ran: 5 * MS, waited: 5 * MS }));
        assert_eq!(crowding.dearer_by(), DEARER);
        (0..10).for_each(|_| crowding.saw(CoreTime { ran: 0, waited: 0 }));
        assert_eq!(crowding.dearer_by(), 0, "it is forgotten");
    }

    /// Whether a worker calls a sleeper while so many tasks of a microsecond wait.
    fn is_called_by(tasks: u64, crowded: bool) -> bool {
        let (scheduler, workers) =
            Scheduler::new(Config::of_workers(2), Clock::paused()).expect("it has a driver");
        assert_eq!(scheduler.idle.rise(0), Claimed::No);
        if crowded {
            (0..10).for_each(|_| scheduler.crowding.saw(CoreTime { ran: MS, waited: MS }));
        }
        for _ in 0..tasks {
            drop(Birth::Outside(scheduler.clone()).spawn(async {}, None, Location::caller()));
            workers[0].queue.push(scheduler.injector.pop().expect("it was spawned just now"));
        }
        workers[0].call_for_help();
        let is_called = !scheduler.idle.sleeps(1);
        while let Some(runnable) = workers[0].queue.pop() {
            runnable.run(|| false);
        }
        is_called
    }

    #[test]
    fn on_crowded_cores_help_is_called_for_work_that_lasts() {
        assert!(!is_called_by(20, false) && is_called_by(100, false));
        assert!(!is_called_by(100, true) && is_called_by(1_200, true));
    }

    #[test]
    fn any_number_of_the_kernel_is_taken() {
        let crowding = Crowding::new();
        crowding.saw(CoreTime { ran: u64::MAX, waited: u64::MAX });
        crowding.saw(CoreTime { ran: 0, waited: u64::MAX });
        assert!(crowding.dearer_by() <= DEARER);
        let backwards = CoreTime::default().since(CoreTime { ran: 1, waited: 1 });
        assert_eq!((backwards.ran, backwards.waited), (0, 0));
    }
}
