//! A worker that steps in while another one's thread is blocked.
//!
//! `block_in_place` does not hand the worker over. Its LIFO task moves to the queue, where thieves
//! find it; others watch its wheel; and a substitute, a full worker on a thread of the blocking pool,
//! finds work by stealing, until the blocked one is back. Its pinned tasks wait.

use super::worker::{Turn, Worker};
use super::{Scheduler, current};
use runtime_sync::primitives::atomic::Ordering;
use std::panic::Location;
use std::sync::Arc;

/// While it lives, this worker's thread may block, and a substitute works in its place.
pub(crate) struct Blocked<'a> {
    worker: &'a Worker,
    substitute: Option<usize>,
}

impl<'a> Blocked<'a> {
    /// Steps aside.
    pub(crate) fn begin(worker: &'a Worker, location: &'static Location<'static>) -> Blocked<'a> {
        let scheduler = worker.scheduler();
        // A hook that is called as it wakes up may block.
        worker.end_search();
        worker.clear_lifo();
        worker.remote().set_away(true);
        scheduler.away.fetch_add(1, Ordering::AcqRel);
        // Whoever waits on the reactor watches our wheel from now on.
        scheduler.recompute_deadline();
        let substitute = scheduler.send_substitute(location);
        // The substitute is not counted before it runs: the pool may have no thread for it for long.
        if scheduler.idle.leave() && scheduler.needs_somebody(worker) {
            // Until it comes, or if none can be had, those who sleep have to do.
            scheduler.wake_one();
        }
        Blocked { worker, substitute }
    }
}

impl Drop for Blocked<'_> {
    fn drop(&mut self) {
        let scheduler = self.worker.scheduler();
        scheduler.away.fetch_sub(1, Ordering::AcqRel);
        self.worker.remote().set_away(false);
        scheduler.idle.join();
        scheduler.monitor.notice();
        if let Some(index) = self.substitute {
            scheduler.remotes.get(index).dismissed.swap(true, Ordering::AcqRel);
            scheduler.remotes.get(index).attend();
            let _ = scheduler.idle.claim(index);
            scheduler.unpark(index);
        }
    }
}

impl Scheduler {
    /// Whether tasks wait in the injector or with `worker`, or nobody waits on the reactor.
    fn needs_somebody(&self, worker: &Worker) -> bool {
        worker.remote().waiting() > 0
            || !self.injector.is_empty()
            || self.waiting.load(Ordering::Relaxed) == 0
    }

    /// Has a substitute step in. `None`: no room, or no thread.
    fn send_substitute(
        self: &Arc<Scheduler>,
        location: &'static Location<'static>,
    ) -> Option<usize> {
        if self.is_closed() {
            return None;
        }
        let worker = self.retired.lock().pop();
        let worker = worker.or_else(|| Worker::new(self))?;
        let index = worker.index();
        let remote = self.remotes.get(index);
        remote.dismissed.swap(false, Ordering::AcqRel);
        let mut spare = Spare { scheduler: Arc::clone(self), worker: Some(worker) };
        let job = move || {
            if let Some(worker) = spare.worker.take() {
                spare.scheduler.run_substitute(worker);
            }
        };
        // The handle is of no interest: the job ends by being dismissed or by shutdown.
        self.pool.spawn(job, None, location).ok().map(drop)?;
        Some(index)
    }

    fn run_substitute(self: &Arc<Scheduler>, worker: Worker) {
        let Some(_driving) = current::Driving::begin(current::Drives::Tasks) else { return };
        worker.remote().settle();
        self.idle.join();
        self.monitor.notice();
        current::run_as(&worker, || {
            loop {
                let dismissed = worker.remote().dismissed.load(Ordering::Acquire);
                if self.is_closed() || (dismissed && worker.has_no_pinned()) {
                    break;
                }
                if worker.turn() == Turn::Idle {
                    worker.park();
                }
            }
            worker.hand_over();
        });
        if self.idle.leave() {
            self.wake_one();
        }
        self.retire(worker);
    }

    pub(super) fn retire(&self, worker: Worker) {
        let mut retired = self.retired.lock();
        // Under the lock: whoever calls the roll, or winds up those who have retired, marks us or closes
        // first and takes the list then, so that one of the two sees the other.
        while !self.is_closed() && worker.remote().wants_roll() {
            drop(retired);
            current::run_as(&worker, || worker.answer_roll());
            retired = self.retired.lock();
        }
        if !self.is_closed() {
            return retired.push(worker);
        }
        drop(retired);
        current::run_as(&worker, || worker.wind_up());
    }

    /// Winds up those who have retired. They have no thread: a worker does it when it is closed and has come
    /// to its own end.
    pub(crate) fn wind_up_retired(&self) {
        let retired = std::mem::take(&mut *self.retired.lock());
        for worker in retired {
            current::run_as(&worker, || worker.wind_up());
        }
    }
}

/// A substitute on its way to a thread. If it never gets there it retires: tasks may be at home with
/// it from an earlier time.
struct Spare {
    scheduler: Arc<Scheduler>,
    worker: Option<Worker>,
}

impl Drop for Spare {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.take() {
            self.scheduler.retire(worker);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::Config;
    use super::super::idle::Claimed;
    use super::*;
    use crate::clock::Clock;

    /// As a worker is inside of the hook that is called when it wakes up.
    #[test]
    fn who_steps_aside_while_it_searches_is_counted_as_a_searcher_no_more() {
        let (scheduler, workers) = Scheduler::new(Config::of_workers(3), Clock::paused()).unwrap();
        scheduler.close();
        assert_eq!(scheduler.idle.rise(0), Claimed::ByWaker);
        workers[0].searching.set(true);
        (1..3).for_each(|worker| scheduler.idle.lie_down(worker, true));
        // One of those sleeps on the reactor, and need not be woken.
        scheduler.waiting.swap(2, Ordering::Relaxed);
        assert!(scheduler.idle.somebody_searches());
        let blocked = Blocked::begin(&workers[0], Location::caller());
        assert!(!scheduler.idle.somebody_searches(), "it silences all calls for help");
        drop(blocked);
        assert!(scheduler.idle.somebody_awake() && !scheduler.idle.somebody_searches());
    }
}
