//! One quiet thread that notices what is stuck.
//!
//! While tasks wait behind others and somebody sleeps it looks every millisecond, less often while nobody
//! could help or little waits, seldom while workers wake up for moments only, and not at all while the
//! runtime is idle. A worker that is in the same poll at two looks in a row is *stuck*. As long as another worker
//! is free, nothing has to wait for a stuck one:
//!
//! - the task in its LIFO slot is moved to the injector, and tasks in its queue or the injector get a
//!   sleeper woken for them;
//! - deadlines of its wheel are fired from here;
//! - if nobody has looked outside for a while, a sleeper is woken, finds nothing to run and goes to
//!   wait on the reactor.
//!
//! And it is reported, if somebody asked to be told of stalls. A worker that is not stuck, but whose
//! polls are so long that its queue will last, gets help as well.
//!
//! It also asks the system how long busy workers wait for cores, so that they know what help is worth.

use super::Scheduler;
use super::config::Stall;
use super::crowding::CoreTime;
use super::remote::Remote;
use crate::clock::Nanos;
use crate::unwind::contain;
use runtime_sync::primitives::Mutex;
use runtime_sync::primitives::atomic::{AtomicBool, Ordering, fence};
use runtime_sync::primitives::thread::{self, Thread};
use std::sync::Weak;
use std::time::Duration;

/// The time between looks while something is stuck, or tasks wait that a sleeper could help with.
const ALERT: Duration = Duration::from_millis(1);
/// The time between looks while little waits, or nobody is left to help.
const CALM: Duration = Duration::from_millis(6);
/// The longest time between looks while those before found nobody awake: whoever wakes up goes back to
/// sleep soon, as a ticker does.
const DROWSY: Duration = Duration::from_millis(24);
/// A worker that moves on by so many beats between two looks, two a poll, is busy: should it lose its
/// core, what waits behind it would do so until the next look, though somebody could help. One that does
/// not has long polls, and tasks that wait behind them are worth a helper.
const BUSY: u64 = 128;
/// If looks find nobody awake, and nothing done since the look before, for so long, the monitor sleeps until
/// somebody is: not for the moment between two ticks, or each tick would have to wake it.
const QUIET: Duration = Duration::from_millis(40);
/// Nobody has looked outside for too long.
const OUTSIDE_OVERDUE: Nanos = 1_000_000;
/// The time between questions to the kernel about the threads of so many workers.
const ASK_AGAIN: Nanos = 2_000_000;
const ASK_AT_ONCE: usize = 2;

/// Where workers find the monitor.
pub(crate) struct Monitor {
    asleep: AtomicBool,
    closed: AtomicBool,
    thread: Mutex<Option<Thread>>,
}

/// What the monitor remembers of a worker from the last look.
#[derive(Clone, Default)]
struct Seen {
    beat: u64,
    /// When the present beat was seen first.
    since: Nanos,
    reported: bool,
    is_busy: bool,
    /// What its thread had had of the cores when the kernel was asked last.
    had: Option<CoreTime>,
}

/// Whom the kernel is asked about next, and when it was asked last.
#[derive(Default)]
struct Asked {
    next: usize,
    last: Nanos,
}

/// What a look found.
struct Found {
    /// Somebody was stuck, slow or busy: the next look shall come soon.
    alert: bool,
    /// Somebody has polled something since the look before, or does so.
    moved: bool,
}

/// How a worker went on between two looks.
#[derive(Debug, PartialEq)]
enum Pace {
    /// It is in no poll, nor was in one.
    Idle,
    /// It polled little, or its polls are long.
    Slow,
    /// It polls one after the other.
    Busy,
    /// It is in the same poll.
    Stuck,
}

impl Pace {
    /// A beat is odd while a task is polled.
    fn of(before: u64, now: u64) -> Pace {
        match now.wrapping_sub(before) {
            0 if now % 2 == 1 => Pace::Stuck,
            0 => Pace::Idle,
            1..BUSY => Pace::Slow,
            BUSY.. => Pace::Busy,
        }
    }
}

/// Whether a look that comes soon could help a busy worker, should it lose its core: so many tasks wait
/// there, and the next one is its own to run.
fn could_help(waiting: usize, somebody_sleeps: bool) -> bool {
    waiting > 1 && somebody_sleeps
}

/// How long to rest before the next look.
fn pause_after(pause: Duration, alert: bool, somebody_awake: bool) -> Duration {
    match (alert, somebody_awake) {
        (true, _) => ALERT,
        (false, true) => (pause * 2).min(CALM),
        (false, false) => (pause * 2).min(DROWSY),
    }
}

impl Monitor {
    pub(super) fn new() -> Monitor {
        Monitor {
            asleep: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            thread: Mutex::new(None),
        }
    }

    /// A worker woke up: the monitor shall look after it.
    #[inline]
    pub(super) fn notice(&self) {
        // Pairs with the fence in `sleep_deep`: the monitor sees the worker awake, or we see it
        // asleep. The worker has just changed the book by a read-modify-write.
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) {
            self.unpark();
        }
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.unpark();
    }

    #[cold]
    fn unpark(&self) {
        let thread = self.thread.lock().clone();
        if let Some(thread) = thread {
            thread.unpark();
        }
    }

    /// The life of the monitor's thread.
    pub(crate) fn run(scheduler: &Weak<Scheduler>) {
        let mut seen = Vec::new();
        let mut pause = ALERT;
        let mut quiet = Duration::ZERO;
        let mut asked = Asked::default();
        if let Some(scheduler) = scheduler.upgrade() {
            *scheduler.monitor.thread.lock() = Some(thread::current());
        }
        loop {
            thread::park_timeout(pause);
            // Held for the length of a look only: the monitor keeps no runtime alive.
            let Some(scheduler) = scheduler.upgrade() else { return };
            if scheduler.monitor.closed.load(Ordering::Acquire) {
                return;
            }
            let found = scheduler.look_after_workers(&mut seen);
            scheduler.look_at_cores(&mut seen, &mut asked);
            let awake = scheduler.idle.somebody_awake();
            quiet = if awake || found.moved { Duration::ZERO } else { quiet + pause };
            pause = pause_after(pause, found.alert, awake);
            if quiet >= QUIET {
                scheduler.monitor.sleep_deep(&scheduler);
                quiet = Duration::ZERO;
                pause = ALERT;
            }
        }
    }

    /// Sleeps until a worker is awake.
    fn sleep_deep(&self, scheduler: &Scheduler) {
        self.asleep.swap(true, Ordering::AcqRel);
        // Pairs with the fence in `notice`.
        fence(Ordering::SeqCst);
        while !scheduler.idle.somebody_awake() && !self.closed.load(Ordering::Acquire) {
            thread::park();
        }
        self.asleep.swap(false, Ordering::AcqRel);
    }
}

impl Scheduler {
    fn look_after_workers(&self, seen: &mut Vec<Seen>) -> Found {
        let now = self.clock.now();
        let mut alert = false;
        let mut moved = false;
        for (index, remote) in self.remotes.numbered() {
            if seen.len() <= index {
                seen.resize_with(index + 1, Seen::default);
            }
            let seen = &mut seen[index];
            let beat = remote.stats.beat.get();
            let pace = Pace::of(seen.beat, beat);
            if pace != Pace::Stuck {
                *seen = Seen { beat, since: now, reported: false, ..*seen };
            }
            seen.is_busy = pace == Pace::Busy;
            moved |= pace != Pace::Idle;
            alert |= match pace {
                Pace::Idle => false,
                Pace::Slow => self.help_slow(remote),
                Pace::Busy => could_help(remote.waiting(), self.idle.somebody_sleeps()),
                Pace::Stuck => {
                    self.help_stuck(remote, now);
                    self.report_stall(index, remote, seen, now);
                    true
                }
            };
        }
        alert |= self.send_to_reactor(now);
        Found { alert, moved }
    }

    /// Asks the kernel how long the threads of busy workers wait for cores: a few at a time, all in turn. Where
    /// nobody is busy, the answer would cost more than it is worth, and what was known is forgotten.
    fn look_at_cores(&self, seen: &mut [Seen], asked: &mut Asked) {
        let now = self.clock.now();
        // A worker that is alone calls nobody.
        if now.saturating_sub(asked.last) < ASK_AGAIN || self.config.workers < 2 {
            return;
        }
        asked.last = now;
        if !seen.iter().any(|seen| seen.is_busy) {
            return self.crowding.saw(CoreTime::default());
        }
        for _ in 0..seen.len().min(ASK_AT_ONCE) {
            asked.next = (asked.next + 1) % seen.len();
            let seen = &mut seen[asked.next];
            if !seen.is_busy {
                continue;
            }
            let had = self.remotes.find(asked.next).and_then(Remote::core_time);
            if let (Some(before), Some(had)) = (seen.had, had) {
                self.crowding.saw(had.since(before));
            }
            seen.had = had;
        }
    }

    /// A worker whose polls are long: what waits behind them is worth a helper.
    fn help_slow(&self, remote: &Remote) -> bool {
        let waits = remote.waiting() > 1 || !self.injector.is_empty();
        if waits {
            remote.attend();
            self.call_searcher();
        }
        // Who comes to have nothing to do looks for it before it sleeps.
        waits && self.idle.somebody_sleeps()
    }

    /// A worker in the same poll as at the last look: what depends on it goes elsewhere.
    fn help_stuck(&self, remote: &Remote, now: Nanos) {
        remote.attend();
        if let Some(runnable) = remote.lifo.take() {
            self.injector.push(runnable);
        }
        super::expire(&remote.timers, now);
        if remote.waiting() > 0 || !self.injector.is_empty() {
            self.call_searcher();
        }
    }

    fn call_searcher(&self) {
        if !self.idle.somebody_searches() {
            self.wake_one();
        }
    }

    /// If nobody has looked outside for too long, a sleeper is to do so.
    fn send_to_reactor(&self, now: Nanos) -> bool {
        let looked = self.looks.last();
        let overdue = self.waiting.load(Ordering::Relaxed) == 0
            && self.idle.somebody_awake()
            && self.idle.somebody_sleeps()
            && now.saturating_sub(looked) > OUTSIDE_OVERDUE;
        if overdue {
            self.call_searcher();
        }
        overdue
    }

    fn report_stall(&self, worker: usize, remote: &Remote, seen: &mut Seen, now: Nanos) {
        let Some((limit, hook)) = &self.config.hooks.stall else { return };
        if remote.is_away() {
            // Inside of `block_in_place` a poll may last as long as it likes.
            seen.since = now;
            return;
        }
        let duration = Duration::from_nanos(now.saturating_sub(seen.since));
        if seen.reported || duration < *limit {
            return;
        }
        let Some(poll) = remote.poll.lock().clone() else { return };
        seen.reported = true;
        let stall =
            Stall { worker, task: poll.task, name: poll.name, location: poll.location, duration };
        contain(|| hook(&stall));
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::super::Birth;
    use super::super::config::Config;
    use super::super::idle::Claimed;
    use super::super::worker::Worker;
    use super::*;
    use crate::clock::Clock;
    use std::panic::Location;
    use std::sync::Arc;

    #[test]
    fn a_worker_is_stuck_only_in_a_poll_that_goes_on() {
        assert_eq!(Pace::of(7, 7), Pace::Stuck);
        assert_eq!(Pace::of(8, 8), Pace::Idle);
        assert_eq!(Pace::of(6, 7), Pace::Slow, "it has only begun");
        assert_eq!(Pace::of(7, 9), Pace::Slow, "another poll, but a long one");
        assert_eq!(Pace::of(7, 6 + BUSY), Pace::Slow);
        assert_eq!(Pace::of(7, 7 + BUSY), Pace::Busy);
        assert_eq!(Pace::of(u64::MAX, 0), Pace::Slow, "it counts round");
    }

    #[test]
    fn a_busy_worker_is_watched_only_by_who_could_help() {
        assert!(could_help(2, true));
        assert!(!could_help(1, true), "its next task alone is no reason");
        assert!(!could_help(1_000_000, false), "nobody is left to help");
    }

    #[test]
    fn it_rests_longer_and_longer_until_somebody_needs_it() {
        let rests = |somebody_awake| {
            let next = move |rest: &Duration| Some(pause_after(*rest, false, somebody_awake));
            let rests = std::iter::successors(Some(ALERT), next);
            rests.take(7).map(|rest| rest.as_millis()).collect::<Vec<_>>()
        };
        assert_eq!(rests(true), [1, 2, 4, 6, 6, 6, 6]);
        assert_eq!(rests(false), [1, 2, 4, 8, 16, 24, 24]);
        assert_eq!(pause_after(DROWSY, false, true), CALM, "somebody may need it soon");
        assert_eq!(pause_after(DROWSY, true, false), ALERT);
    }

    /// Workers that nobody runs but the test: all are awake.
    fn all_awake() -> (Arc<Scheduler>, Vec<Worker>) {
        let (scheduler, workers) = Scheduler::new(Config::of_workers(3), Clock::paused()).unwrap();
        (0..3).for_each(|worker| assert_eq!(scheduler.idle.rise(worker), Claimed::No));
        (scheduler, workers)
    }

    #[test]
    fn the_system_is_asked_about_busy_workers_and_what_it_said_is_forgotten() {
        let (scheduler, workers) = all_awake();
        let (mut seen, mut asked) = (Vec::new(), Asked::default());
        let waits = CoreTime { ran: ASK_AGAIN, waited: ASK_AGAIN };
        (0..10).for_each(|_| scheduler.crowding.saw(waits));
        workers.iter().for_each(Worker::settle);
        let mut look = |beats: u64| {
            scheduler.remotes.get(0).stats.beat.add(beats);
            scheduler.clock.jump_to(scheduler.clock.now() + ASK_AGAIN);
            scheduler.look_after_workers(&mut seen);
            scheduler.look_at_cores(&mut seen, &mut asked);
            seen.iter().map(|seen| seen.had.is_some()).collect::<Vec<_>>()
        };
        // One of two looks is at it, as it is one of three.
        (0..2).for_each(|_| drop(look(BUSY)));
        let told = workers[0].remote().core_time().is_some();
        assert_eq!(look(BUSY), [told, false, false]);
        (0..10).for_each(|_| drop(look(2)));
        assert_eq!(scheduler.crowding.dearer_by(), 0, "it was true long ago");
    }

    #[test]
    fn what_waits_behind_long_polls_calls_a_sleeper_and_the_next_look_if_one_sleeps() {
        let (scheduler, workers) = all_awake();
        let mut seen = Vec::new();
        let handle = Birth::Outside(scheduler.clone()).spawn(async {}, None, Location::caller());
        let mut look = || {
            scheduler.remotes.get(0).stats.beat.add(2);
            scheduler.look_after_workers(&mut seen).alert
        };
        assert!(!look(), "nobody could help");
        assert!(scheduler.remotes.get(0).takes_attention(), "it may have missed what came");
        scheduler.idle.lie_down(1, false);
        assert!(!look(), "nobody is left");
        assert!(!scheduler.idle.sleeps(1), "it is called");
        (1..3).for_each(|worker| scheduler.idle.lie_down(worker, worker == 1));
        assert!(look(), "another one could help");
        while let Some(runnable) = scheduler.injector.pop() {
            runnable.run(|| false);
        }
        drop((handle, workers));
    }

    #[test]
    fn a_sleeper_is_sent_outside_when_nobody_has_looked_for_too_long() {
        let (scheduler, _workers) = all_awake();
        let mut seen = Vec::new();
        scheduler.clock.advance(Duration::from_nanos(OUTSIDE_OVERDUE + 1));
        assert!(
            !scheduler.look_after_workers(&mut seen).alert,
            "all work, and look when they have time"
        );
        scheduler.idle.lie_down(1, false);
        scheduler.looks.looked(scheduler.clock.now());
        assert!(!scheduler.look_after_workers(&mut seen).alert, "somebody has just looked");
        assert!(scheduler.idle.sleeps(1));
        scheduler.clock.advance(Duration::from_nanos(OUTSIDE_OVERDUE + 1));
        assert!(scheduler.look_after_workers(&mut seen).alert);
        assert!(!scheduler.idle.sleeps(1), "it is called");
    }

    /// The monitor on a thread of its own, while all workers sleep, once it sleeps too.
    fn asleep(scheduler: &Arc<Scheduler>) -> std::thread::JoinHandle<()> {
        (0..3).for_each(|worker| scheduler.idle.lie_down(worker, false));
        let weak = Arc::downgrade(scheduler);
        let thread = std::thread::spawn(move || Monitor::run(&weak));
        until(|| scheduler.monitor.asleep.load(Ordering::SeqCst));
        thread
    }

    fn until(holds: impl Fn() -> bool) {
        while !holds() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn it_sleeps_while_all_sleep_gets_up_with_the_first_and_goes_with_the_runtime() {
        let (scheduler, workers) = all_awake();
        let thread = asleep(&scheduler);
        assert_eq!(scheduler.idle.rise(0), Claimed::No);
        scheduler.monitor.notice();
        until(|| !scheduler.monitor.asleep.load(Ordering::SeqCst));
        // It looks again, and so finds a worker that is stuck, until that one lies down.
        scheduler.remotes.get(0).stats.beat.add(1);
        until(|| scheduler.remotes.get(0).takes_attention());
        scheduler.remotes.get(0).stats.beat.add(1);
        scheduler.idle.lie_down(0, false);
        until(|| scheduler.monitor.asleep.load(Ordering::SeqCst));
        scheduler.monitor.close();
        thread.join().unwrap();
        drop(workers);
    }

    #[test]
    fn it_keeps_no_runtime_alive() {
        let (scheduler, workers) = all_awake();
        let weak = Arc::downgrade(&scheduler);
        let thread = std::thread::spawn(move || Monitor::run(&weak));
        until(|| scheduler.monitor.thread.lock().is_some());
        drop((scheduler, workers));
        thread.join().unwrap();
    }

    #[test]
    fn who_was_awake_between_two_looks_is_noticed_at_the_second() {
        let (scheduler, _workers) = all_awake();
        (0..3).for_each(|worker| scheduler.idle.lie_down(worker, false));
        let mut seen = Vec::new();
        scheduler.look_after_workers(&mut seen);
        assert!(!scheduler.look_after_workers(&mut seen).moved, "all sleep");
        scheduler.remotes.get(2).stats.beat.add(2);
        assert!(scheduler.look_after_workers(&mut seen).moved, "it has polled a task");
        assert!(!scheduler.look_after_workers(&mut seen).moved);
    }
}
