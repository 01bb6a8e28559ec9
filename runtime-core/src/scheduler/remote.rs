//! The part of a worker that other threads reach.

use super::core_time;
use super::crowding::CoreTime;
use super::lifo::LifoSlot;
use super::parker::Parker;
use super::run_queue::{Inbox, Stealer};
use super::stats::Stats;
use super::{HomeRef, Pinned};
use crate::task::{Id, Runnable, TaskInfo};
use crate::timer::Timers;
use runtime_sync::contention::Padded;
use runtime_sync::primitives::Mutex;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// The part of a worker that other threads reach.
pub(crate) struct Remote {
    /// The task to run next.
    pub(super) lifo: LifoSlot,
    pub(super) stealer: Stealer<Runnable<HomeRef>>,
    /// Wakes of pinned tasks from other threads.
    pub(super) inbox: Inbox<Runnable<Pinned>>,
    pub(super) parker: Parker,
    pub(super) timers: Timers,
    /// The worker shall look around before its next poll.
    attention: AtomicBool,
    /// The worker's thread is blocked in `block_in_place`: others watch its wheel.
    away: AtomicBool,
    /// The worker shall ask its tasks to end.
    roll: AtomicBool,
    /// The thread that it runs on, by the kernel's number; zero before it does.
    thread: AtomicU32,
    /// A substitute that shall retire.
    pub(super) dismissed: AtomicBool,
    /// What the worker polls, while somebody asked to be told of stalls.
    pub(super) poll: Mutex<Option<PollInfo>>,
    pub(crate) stats: Stats,
}

/// What a worker polls.
#[derive(Clone)]
pub(super) struct PollInfo {
    pub(super) task: Id,
    pub(super) name: Option<Arc<str>>,
    pub(super) location: &'static Location<'static>,
}

impl Remote {
    pub(super) fn new(stealer: Stealer<Runnable<HomeRef>>) -> Remote {
        Remote {
            lifo: LifoSlot::new(),
            stealer,
            inbox: Inbox::new(),
            parker: Parker::new(),
            timers: Timers::new(),
            attention: AtomicBool::new(false),
            away: AtomicBool::new(false),
            roll: AtomicBool::new(false),
            thread: AtomicU32::new(0),
            dismissed: AtomicBool::new(false),
            poll: Mutex::new(None),
            stats: Stats::default(),
        }
    }

    /// Asks the worker to look around before its next poll.
    pub(crate) fn attend(&self) {
        // Release pairs with `takes_attention`.
        self.attention.store(true, Ordering::Release);
    }

    /// Whether somebody asked for attention. Asking answers it.
    #[inline(always)]
    pub(super) fn takes_attention(&self) -> bool {
        // A plain load decides; the swap comes only when there is something to take.
        self.attention.load(Ordering::Relaxed) && self.attention.swap(false, Ordering::AcqRel)
    }

    /// Asks the worker to answer the roll when it looks around.
    pub(super) fn ask_for_roll(&self) {
        // Release pairs with `takes_roll`: the roll is in its place.
        self.roll.store(true, Ordering::Release);
    }

    /// Whether the roll is to be answered. Asking answers it.
    #[inline(always)]
    pub(super) fn takes_roll(&self) -> bool {
        // A plain load decides, as in `takes_attention`; AcqRel pairs with `ask_for_roll`.
        self.roll.load(Ordering::Relaxed) && self.roll.swap(false, Ordering::AcqRel)
    }

    /// Whether the roll is to be answered.
    pub(super) fn wants_roll(&self) -> bool {
        self.roll.load(Ordering::Acquire)
    }

    /// What is being polled, if that is noted: while somebody wants to be told of stalls.
    pub(super) fn polls(&self) -> Option<TaskInfo> {
        let poll = self.poll.lock().clone()?;
        Some(TaskInfo::new(poll.task, poll.name, poll.location))
    }

    pub(super) fn is_away(&self) -> bool {
        // Acquire pairs with `set_away`: timers that were armed before are seen.
        self.away.load(Ordering::Acquire)
    }

    pub(super) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Release);
    }

    /// From now on the worker runs on this thread.
    pub(super) fn settle(&self) {
        self.thread.store(core_time::this_thread(), Ordering::Relaxed);
        self.parker.settle();
    }

    /// What its thread has had of the cores; `None` if nobody tells.
    pub(super) fn core_time(&self) -> Option<CoreTime> {
        match self.thread.load(Ordering::Relaxed) {
            0 => None,
            thread => core_time::of(thread),
        }
    }

    /// How many tasks wait here: a hint.
    pub(crate) fn waiting(&self) -> usize {
        self.stealer.len() + usize::from(!self.lifo.is_empty())
    }
}

/// The remotes of all workers and substitutes that there ever were. A number is given out before its remote is
/// there, so that of two that come at the same time the later one may be there alone.
pub(crate) struct Remotes {
    slots: Box<[OnceLock<Arc<Padded<Remote>>>]>,
    made: AtomicUsize,
}

impl Remotes {
    pub(super) fn new(capacity: usize) -> Remotes {
        Remotes {
            slots: (0..capacity).map(|_| OnceLock::new()).collect(),
            made: AtomicUsize::new(0),
        }
    }

    /// Adds a remote and says its number; `None` if there is no room.
    pub(super) fn add(&self, remote: Remote) -> Option<(usize, Arc<Padded<Remote>>)> {
        let index = self
            .made
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |made| {
                (made < self.slots.len()).then_some(made + 1)
            })
            .ok()?;
        let remote = self.slots[index].get_or_init(|| Arc::new(Padded::new(remote)));
        Some((index, Arc::clone(remote)))
    }

    /// # Panics
    ///
    /// If there is no such worker.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> &Remote {
        self.slots[index].get().expect("a worker's number comes from `add`")
    }

    /// The same, if there is one.
    pub(super) fn find(&self, index: usize) -> Option<&Remote> {
        self.slots.get(index)?.get().map(|remote| &***remote)
    }

    /// The first `count`.
    pub(super) fn first(&self, count: usize) -> impl Iterator<Item = &Remote> {
        self.slots.iter().take(count).filter_map(|slot| slot.get().map(|remote| &***remote))
    }

    /// How many numbers were given out.
    pub(super) fn count(&self) -> usize {
        self.made.load(Ordering::Acquire)
    }

    /// All there are.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Remote> {
        self.first(self.count())
    }

    /// All there are, with their numbers.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (usize, &Remote)> {
        (0..self.count()).filter_map(|index| Some((index, self.find(index)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::Config;
    use super::super::current::run_as;
    use super::super::worker::{Turn, Worker};
    use super::super::{Birth, Scheduler};
    use crate::clock::Clock;
    use std::panic::Location;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    /// Two workers and a substitute that came in while another one, before it, has a number only: its
    /// thread has lost its core.
    fn one_is_on_its_way() -> (Arc<Scheduler>, Vec<Worker>) {
        let config = Config { max_blocking_threads: 2, ..Config::of_workers(2) };
        let (scheduler, mut workers) = Scheduler::new(config, Clock::paused()).unwrap();
        scheduler.remotes.made.fetch_add(1, Ordering::Relaxed);
        workers.push(Worker::new(&scheduler).unwrap());
        assert_eq!(workers[2].index(), 3);
        (scheduler, workers)
    }

    #[test]
    fn a_thief_passes_over_one_that_is_on_its_way_and_finds_those_behind_it() {
        let (scheduler, workers) = one_is_on_its_way();
        let spawn = || Birth::on(&scheduler).spawn(async {}, None, Location::caller());
        let handle = run_as(&workers[2], spawn);
        assert_eq!(run_as(&workers[0], || workers[0].turn()), Turn::Ran);
        assert!(handle.is_finished());
        drop((handle, scheduler, workers));
    }

    #[test]
    fn the_end_reaches_those_behind_one_that_is_on_its_way() {
        let (scheduler, _workers) = one_is_on_its_way();
        scheduler.idle.join();
        scheduler.idle.lie_down(3, false);
        scheduler.close();
        assert!(!scheduler.idle.sleeps(3), "it sleeps on");
    }
}
