//! One thread's share of the scheduler: one turn, the search order, stealing, when to call for help.
//!
//! A worker never leaves its thread. Threads, `block_on`, tests and the simulator differ only in who
//! calls [`Worker::turn`] and what they do when it is idle.

use super::config::call_with;
use super::home::Purse;
use super::linger::Linger;
use super::outlook::{Outlook, Times};
use super::pace::Pace;
use super::remote::{PollInfo, Remote};
use super::run_queue::RunQueue;
use super::{Home, HomeRef, Pinned, Scheduler, current, expire};
use crate::clock::Nanos;
use crate::rng::Rng;
use crate::task::{self, Ran, Runnable, Schedule};
use runtime_sync::budget;
use runtime_sync::contention::Padded;
use runtime_sync::primitives::atomic::Ordering;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;

/// To wake a sleeper is worth it when so much work waits. A wake-up costs about 3 µs here, and the
/// woken one arrives 5 to 40 µs later. On crowded cores it is dearer.
const HELP_IS_WORTH: Nanos = 50_000;
/// It is worth it as well for so many tasks, however short their polls, if their number does not fall
/// for so long: they are not going to be done soon.
const CROWD: u64 = 32;
const CROWD_STAYS: Nanos = 200_000;
/// So many tasks in a row may overtake the queue by way of the LIFO slot.
const LIFO_STREAK: u32 = 16;
/// A timer that should have fired so long ago is fired by another worker.
const OVERDUE: Nanos = 300_000;
/// At most so many tasks come out of the injector at once.
const INJECTOR_BATCH: usize = 32;

/// One thread's share of the scheduler.
pub(crate) struct Worker {
    pub(super) home: HomeRef,
    pub(super) purse: Purse,
    pub(super) index: usize,
    pub(super) remote: Arc<Padded<Remote>>,
    pub(super) queue: RunQueue<Runnable<HomeRef>>,
    pub(super) pinned: RefCell<VecDeque<Runnable<Pinned>>>,
    /// Pinned tasks that are not complete.
    pub(super) pinned_living: Cell<usize>,
    pub(super) rng: Rng,
    pub(super) pace: Pace,
    pub(super) outlook: Outlook,
    /// Since when a crowd has been waiting; zero if there is none.
    pub(super) crowded_since: Cell<Nanos>,
    pub(super) injector_first: Cell<bool>,
    pub(super) pinned_first: Cell<bool>,
    pub(super) lifo_streak: Cell<u32>,
    pub(super) searching: Cell<bool>,
    /// Parked, and nothing was run since.
    pub(super) fruitless: Cell<bool>,
    pub(super) woke_up: Cell<Nanos>,
    pub(super) linger: Linger,
    pub(super) open: Cell<bool>,
    pub(super) watch_polls: bool,
}

/// What a turn was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// A task was polled.
    Ran,
    /// A task was polled, and is queued behind the others to go on.
    Again,
    /// There was none.
    Idle,
}

enum Work {
    Free(Runnable<HomeRef>),
    Pinned(Runnable<Pinned>),
}

impl Worker {
    /// A worker in the first free place; `None` if there is none.
    pub(super) fn new(scheduler: &Arc<Scheduler>) -> Option<Worker> {
        let queue = RunQueue::new();
        let (index, remote) = scheduler.remotes.add(Remote::new(queue.stealer()))?;
        let config = scheduler.config();
        Some(Worker {
            home: HomeRef::new(scheduler, index, &remote),
            purse: Purse::new(),
            index,
            remote,
            queue,
            pinned: RefCell::new(VecDeque::new()),
            pinned_living: Cell::new(0),
            rng: Rng::new(config.seed.wrapping_add(index as u64)),
            pace: Pace::new(),
            outlook: Outlook::new(),
            crowded_since: Cell::new(0),
            injector_first: Cell::new(false),
            pinned_first: Cell::new(false),
            lifo_streak: Cell::new(0),
            searching: Cell::new(false),
            fruitless: Cell::new(false),
            woke_up: Cell::new(0),
            linger: Linger::new(),
            open: Cell::new(true),
            watch_polls: config.hooks.watch_polls(),
        })
    }

    /// Counts a poll of a root future, so that one that never waits does not keep the worker from
    /// looking around.
    pub(crate) fn count_root_poll(&self) {
        self.pace.count();
    }

    /// Runs one task, or reports that there was none to be found.
    #[inline]
    pub(crate) fn turn(&self) -> Turn {
        if self.pace.is_due() || self.remote.takes_attention() {
            self.look_around(0);
        }
        let Some(work) = self.find() else { return Turn::Idle };
        self.pace.count();
        self.end_search();
        match work {
            Work::Free(runnable) => {
                if runnable.home().is_none() {
                    runnable.adopt(self.lend());
                    self.enroll(&runnable);
                }
                if let Ran::Again(runnable) = self.poll(runnable) {
                    // Who yields lets in what has come meanwhile, also from outside.
                    if self.pace.is_due() {
                        self.look_around(1);
                    }
                    self.queue.push(runnable);
                    return Turn::Again;
                }
            }
            Work::Pinned(runnable) => match self.poll(runnable) {
                Ran::Again(runnable) => {
                    self.pinned.borrow_mut().push_back(runnable);
                    return Turn::Again;
                }
                Ran::Complete => self.pinned_living.set(self.pinned_living.get() - 1),
                Ran::Idle => {}
            },
        }
        Turn::Ran
    }

    /// Nearest first: what is warm, what is mine, what is everybody's, what is my neighbour's.
    #[inline]
    fn find(&self) -> Option<Work> {
        self.fair_share()
            .or_else(|| self.pop_lifo().map(Work::Free))
            .or_else(|| self.queue.pop().map(Work::Free))
            .or_else(|| self.pop_pinned())
            .or_else(|| self.find_elsewhere().map(Work::Free))
    }

    /// What would starve by the order of [`find`](Worker::find): pinned tasks take turns with the
    /// others, and each time the worker has looked around, what came from outside goes first.
    #[inline]
    fn fair_share(&self) -> Option<Work> {
        if self.pinned_living.get() > 0 {
            self.pinned_first.set(!self.pinned_first.get());
            if self.pinned_first.get() {
                return self.pop_pinned();
            }
        }
        if self.injector_first.get() {
            self.injector_first.set(false);
            return self.pop_injector().map(Work::Free);
        }
        None
    }

    #[inline]
    fn pop_lifo(&self) -> Option<Runnable<HomeRef>> {
        if self.remote.lifo.is_empty() {
            self.lifo_streak.set(0);
            return None;
        }
        let streak = self.lifo_streak.get();
        if streak >= LIFO_STREAK && !self.queue.is_empty() {
            // Let one from the queue go first.
            self.lifo_streak.set(0);
            return None;
        }
        self.lifo_streak.set(streak + 1);
        self.remote.lifo.take()
    }

    #[inline]
    fn pop_injector(&self) -> Option<Runnable<HomeRef>> {
        let scheduler = self.scheduler();
        if scheduler.injector.is_empty() {
            return None;
        }
        let share = scheduler.injector.len() / scheduler.config.workers + 1;
        scheduler.injector.pop_into(&self.queue, share.min(INJECTOR_BATCH))
    }

    fn pop_pinned(&self) -> Option<Work> {
        if self.pinned_living.get() == 0 {
            return None;
        }
        self.accept_pinned();
        self.pinned.borrow_mut().pop_front().map(Work::Pinned)
    }

    /// Moves what other threads woke to our own line.
    pub(super) fn accept_pinned(&self) {
        while let Some(runnable) = self.remote.inbox.pop() {
            self.pinned.borrow_mut().push_back(runnable);
        }
    }

    fn find_elsewhere(&self) -> Option<Runnable<HomeRef>> {
        self.pop_injector().or_else(|| self.remote.lifo.take()).or_else(|| self.steal())
    }

    /// Robs the others, beginning with any of them.
    fn steal(&self) -> Option<Runnable<HomeRef>> {
        let scheduler = self.scheduler();
        if !scheduler.config.multi_thread || !self.search() {
            return None;
        }
        let remotes = &scheduler.remotes;
        let count = remotes.count();
        let first = self.rng.below(count as u32) as usize;
        let loot = (first..count)
            .chain(0..first)
            .filter(|&victim| victim != self.index)
            .find_map(|victim| remotes.find(victim)?.stealer.steal_half(&self.queue))?;
        self.remote.stats.steal_operations.add(1);
        self.remote.stats.steals.add(1 + self.queue.len() as u64);
        Some(loot)
    }

    /// Whether this worker is a searcher, or becomes one.
    fn search(&self) -> bool {
        if !self.searching.get() {
            self.searching.set(self.scheduler().idle.begin_search());
        }
        self.searching.get()
    }

    #[inline]
    pub(super) fn end_search(&self) {
        if self.searching.get() {
            self.searching.set(false);
            self.scheduler().idle.end_search();
        }
    }

    /// Polls a task, with all that belongs to it.
    #[inline]
    fn poll<S: Schedule>(&self, runnable: Runnable<S>) -> Ran<S> {
        let stats = &self.remote.stats;
        let meta = self.watch_polls.then(|| self.before_poll(&runnable));
        self.fruitless.set(false);
        stats.beat.add(1);
        let before = task::polled::set(runnable.as_ptr());
        budget::refill();
        let ran = runnable.run(current::take_yielded);
        task::polled::set(before);
        stats.beat.add(1);
        if let Some(meta) = meta {
            let hooks = &self.scheduler().config.hooks;
            call_with(&hooks.after_poll, || meta);
            if matches!(ran, Ran::Complete) {
                call_with(&hooks.task_terminate, || meta);
            }
        }
        match &ran {
            Ran::Idle => {}
            Ran::Again(_) => stats.yields.add(1),
            Ran::Complete => stats.completed.add(1),
        }
        ran
    }

    #[cold]
    fn before_poll<S: Schedule>(&self, runnable: &Runnable<S>) -> task::TaskMeta {
        let hooks = &self.scheduler().config.hooks;
        let meta = runnable.meta();
        if hooks.stall.is_some() {
            *self.remote.poll.lock() = Some(PollInfo {
                task: meta.id(),
                name: runnable.name().cloned(),
                location: meta.spawned_at(),
            });
        }
        call_with(&hooks.before_poll, || meta);
        meta
    }

    /// What is to be done now and then: fire timers, look outside, free memory, call for help. So many tasks
    /// are in the caller's hands.
    #[cold]
    fn look_around(&self, in_hand: u64) {
        let scheduler = self.scheduler();
        let now = scheduler.clock.now();
        let polls = self.pace.polls();
        self.pace.measure(now, scheduler.config.event_interval);
        self.remote.stats.mean_poll_nanos.set(self.pace.mean());
        expire(&self.remote.timers, now);
        self.look_after_another(now);
        if self.pinned_living.get() > 0 {
            self.accept_pinned();
        }
        let is_watched = scheduler.waiting.load(Ordering::Relaxed) != 0;
        let times = scheduler.looks.times(now, is_watched);
        if !is_watched || times.overslept() {
            self.look_outside(times, polls, in_hand);
            scheduler.expire_unwatched(now);
        }
        self.bury_dead();
        self.answer_roll();
        self.injector_first.set(true);
        self.call_for_help();
    }

    /// Looks outside if it is time, perhaps beside another worker that waits there.
    fn look_outside(&self, times: Times, polls: u64, in_hand: u64) {
        let scheduler = self.scheduler();
        let queued = self.queued() + in_hand;
        let is_due = self.outlook.is_due(polls, self.pace.long(), queued, times);
        // A clock that stands still says nothing about when to look.
        if !is_due && !scheduler.clock.is_paused() {
            return;
        }
        let now = times.now();
        scheduler.looks.looked(now);
        let found = match times.overslept() {
            true => scheduler.glance_beside(),
            false => scheduler.glance_outside(),
        };
        self.outlook.took(scheduler.clock.now().saturating_sub(now), found);
        self.outlook.looked(now, self.queued());
    }

    /// Fires timers that another worker should have fired: it is in a long poll, or has lost its core,
    /// perhaps before it came to run for its timers, in which case it is still in the book as asleep. The
    /// monitor notices as well, but it may take some milliseconds while all are busy.
    pub(super) fn look_after_another(&self, now: Nanos) {
        let scheduler = self.scheduler();
        let Some(index) = self.outlook.neighbour(self.index, scheduler.config.workers) else {
            return;
        };
        let Some(other) = scheduler.remotes.find(index) else { return };
        let overdue = now.saturating_sub(OVERDUE);
        if other.timers.next_deadline().is_some_and(|deadline| deadline < overdue) {
            if scheduler.waiting.load(Ordering::Relaxed) == index + 1 {
                scheduler.looks.who_waits_overslept(now);
            }
            expire(&other.timers, now);
        }
    }

    /// How many tasks wait in this worker's own places.
    pub(crate) fn queued(&self) -> u64 {
        let lifo = usize::from(!self.remote.lifo.is_empty());
        (lifo + self.queue.len() + self.pinned.borrow().len()) as u64
    }

    /// Wakes a sleeper if what waits here would keep this worker for longer than that costs. The task
    /// that is polled next needs no help.
    pub(super) fn call_for_help(&self) {
        let queued = self.queue.len() as u64;
        let next_is_queued = self.remote.lifo.is_empty();
        let waiting = queued.saturating_sub(next_is_queued.into());
        let scheduler = self.scheduler();
        let dearer_by = scheduler.crowding.dearer_by();
        let is_long = waiting.saturating_mul(self.pace.mean()) >= HELP_IS_WORTH + dearer_by;
        if !(self.crowd_stays(queued, CROWD_STAYS + dearer_by) || is_long) {
            return;
        }
        if scheduler.idle.somebody_sleeps() && !scheduler.idle.somebody_searches() {
            scheduler.wake_one();
        }
    }

    /// Whether a crowd waits and has been waiting at every look around for so long.
    fn crowd_stays(&self, waiting: u64, long: Nanos) -> bool {
        let now = self.pace.began();
        match self.crowded_since.get() {
            _ if waiting < CROWD => self.crowded_since.set(0),
            0 => self.crowded_since.set(now),
            since => return now.saturating_sub(since) >= long,
        }
        false
    }

    /// Queues a task that was woken on this thread.
    #[inline]
    pub(super) fn push_woken(&self, runnable: Runnable<HomeRef>) {
        self.remote.stats.local_schedules.add(1);
        // What a task wakes while it is polled is warm. What the reactor or a timer wakes waits its turn,
        // and so does who joins a task: other tasks that it joins may be done by then.
        let is_next = !task::polled::pointer().is_null() || self.queue.is_empty();
        if !is_next || !self.scheduler().config.lifo_slot {
            return self.push_back(runnable);
        }
        if let Err(runnable) = self.remote.lifo.put(runnable) {
            self.push_back(runnable);
        }
    }

    /// Puts a task that has just become runnable at the end of the queue.
    #[inline]
    pub(super) fn push_back(&self, runnable: Runnable<HomeRef>) {
        self.queue.push(runnable);
        self.pace.arrived();
    }

    pub(super) fn push_pinned(&self, runnable: Runnable<Pinned>) {
        self.remote.stats.local_schedules.add(1);
        self.pinned.borrow_mut().push_back(runnable);
    }

    /// Notes a task's birth: before this it is in no roster, and must not be dropped.
    pub(super) fn begin_life<S: Schedule>(&self, runnable: &Runnable<S>) {
        self.enroll(runnable);
        self.remote.stats.spawned.add(1);
        self.remote.stats.local_schedules.add(1);
        call_with(&self.scheduler().config.hooks.task_spawn, || runnable.meta());
    }

    /// Queues a pinned task that was just born here.
    pub(super) fn push_newborn(&self, runnable: Runnable<Pinned>) {
        match self.open.get() && !self.scheduler().is_closed() {
            true => {
                self.pinned_living.set(self.pinned_living.get() + 1);
                self.pinned.borrow_mut().push_back(runnable);
            }
            false => self.give_up(runnable),
        }
    }

    /// Drops a task that nobody will poll.
    pub(super) fn give_up<S: Schedule>(&self, runnable: Runnable<S>) {
        drop(runnable);
        self.remote.stats.completed.add(1);
    }

    pub(super) fn has_no_pinned(&self) -> bool {
        self.pinned_living.get() == 0
    }

    /// Makes the LIFO task one that thieves find.
    pub(super) fn clear_lifo(&self) {
        if let Some(runnable) = self.remote.lifo.take() {
            self.queue.push(runnable);
        }
    }

    /// Gives everything that waits here to the others.
    pub(super) fn hand_over(&self) {
        self.end_search();
        self.clear_lifo();
        while let Some(runnable) = self.queue.pop() {
            self.scheduler().injector.push(runnable);
        }
    }

    /// Whether tasks may be pinned here: this thread runs the worker to the end of its life.
    pub(crate) fn may_pin(&self) -> bool {
        let config = self.scheduler().config();
        config.multi_thread || config.pins_to_driver
    }

    /// Looks around before the next poll.
    pub(crate) fn look_around_soon(&self) {
        self.pace.end_after(0);
    }

    #[inline(always)]
    pub(crate) fn scheduler(&self) -> &Arc<Scheduler> {
        self.home.scheduler()
    }

    pub(super) fn home(&self) -> &HomeRef {
        &self.home
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(super) fn remote(&self) -> &Remote {
        &self.remote
    }

    /// A reference to this worker's home, for a task or timer that is made here.
    #[inline]
    pub(crate) fn lend(&self) -> HomeRef {
        self.home.lend(&self.purse)
    }

    /// Whether this worker belongs to the runtime of that home.
    #[inline]
    pub(super) fn serves(&self, home: &Home) -> bool {
        Arc::ptr_eq(self.home.scheduler(), home.scheduler())
    }

    /// Whether that is the home of this worker, and still open.
    #[inline]
    pub(super) fn is_home(&self, home: *const Home) -> bool {
        std::ptr::eq(self.home.as_ptr(), home) && self.open.get()
    }

    pub(super) fn put_back(&self, count: usize) {
        self.home.put_back(&self.purse, count);
    }

    /// Takes references back that were lent. False: they are not ours.
    #[inline]
    pub(super) fn take_back(&self, home: *const Home, count: usize) -> bool {
        let ours = self.is_home(home);
        if ours && count > 0 {
            self.home.put_back(&self.purse, count);
        }
        ours
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Also for one that never ran: the references would keep the home, and with it the scheduler.
        self.home.empty_purse(&self.purse);
    }
}
