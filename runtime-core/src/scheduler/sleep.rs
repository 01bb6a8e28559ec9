//! How a worker sleeps: on the reactor if it is free, else on its own; and how it gets up.
//!
//! Why no wake is lost meanwhile: `README.md`.

use super::config::call;
use super::idle::Claimed;
use super::linger::{LINGER, LOOK};
use super::worker::Worker;
use super::{count_found, earlier, expire};
use crate::clock::Nanos;
use runtime_sync::primitives::atomic::{Ordering, fence};
use runtime_sync::primitives::{hint, thread};
use runtime_sync::wake_batch::WakeBatch;
use std::sync::OnceLock;
use std::time::Duration;

impl Worker {
    /// Sleeps until there is something to do, if there is nothing now.
    pub(crate) fn park(&self) {
        let scheduler = self.scheduler();
        call(&scheduler.config.hooks.thread_park);
        if !self.has_work() && !self.linger() {
            self.remote.stats.parks.add(1);
            self.remote.stats.parks_and_unparks.add(1);
            if self.fruitless.replace(true) {
                self.remote.stats.noops.add(1);
            }
            scheduler.idle.lie_down(self.index, self.searching.replace(false));
            // The last look, after the book says that we sleep: see README.md.
            if !self.is_called() {
                self.sleep();
            }
            self.get_up();
            self.remote.stats.parks_and_unparks.add(1);
        }
        call(&scheduler.config.hooks.thread_unpark);
    }

    /// Waits a moment for a call from outside, if it is worth it. True: there is something to do.
    fn linger(&self) -> bool {
        let scheduler = self.scheduler();
        // A clock that stands still would never say that it is time to sleep.
        if !self.linger.is_worth_it() || !can_linger() || scheduler.clock.is_paused() {
            return false;
        }
        let mut now = scheduler.clock.now();
        let end = now.saturating_add(LINGER);
        let end = self.remote.timers.next_deadline().map_or(end, |deadline| deadline.min(end));
        let mut look = scheduler.looks.last().saturating_add(LOOK);
        let called = loop {
            // Before the calls: who is called again and again sleeps never, and so waits outside never.
            if now >= look {
                look = now.saturating_add(LOOK);
                scheduler.looks.looked(now);
                if self.finds_meanwhile() {
                    return true;
                }
            }
            // The token is taken as a sleep would take it: left there, it would end this wait each time,
            // and the worker would neither sleep nor look at its timers.
            if self.is_called() || self.remote.parker.take_token() {
                break true;
            }
            if now >= end {
                break false;
            }
            (0..8).for_each(|_| hint::spin_loop());
            now = scheduler.clock.now();
        };
        self.linger.ended(called);
        if called {
            self.look_around_soon();
        }
        called
    }

    /// Looks outside, unless somebody waits there, and at the queues of others. True: there is something
    /// to do.
    fn finds_meanwhile(&self) -> bool {
        let scheduler = self.scheduler();
        let is_watched = scheduler.waiting.load(Ordering::Relaxed) != 0;
        (!is_watched && scheduler.glance_outside() > 0 && self.has_work())
            || scheduler.remotes.all().any(|remote| remote.waiting() > 1)
    }

    /// Comes into the book as awake, at the beginning of a life.
    pub(crate) fn get_up(&self) {
        let claimed = self.scheduler().idle.rise(self.index);
        self.searching.set(claimed == Claimed::ByWaker);
        self.scheduler().monitor.notice();
    }

    /// Leaves the book, at the end of a life that may begin again.
    pub(crate) fn lie_down(&self) {
        self.scheduler().idle.lie_down(self.index, self.searching.replace(false));
    }

    /// Whether tasks wait in this worker's own places.
    fn has_work(&self) -> bool {
        !self.queue.is_empty()
            || !self.remote.lifo.is_empty()
            || !self.pinned.borrow().is_empty()
            || self.is_called()
    }

    /// Whether somebody outside wants this worker.
    fn is_called(&self) -> bool {
        !self.scheduler().injector.is_empty()
            || !self.remote.inbox.is_empty()
            || self.scheduler().is_closed()
    }

    fn sleep(&self) {
        let scheduler = self.scheduler();
        let fell_asleep = self.stop_watch();
        let now = match scheduler.clock.is_paused() {
            true => {
                self.sleep_virtually();
                scheduler.clock.now()
            }
            false => self.wait_outside().unwrap_or_else(|| {
                self.park_thread();
                scheduler.clock.now()
            }),
        };
        self.woke_up.set(now);
        self.linger.slept(now.saturating_sub(fell_asleep), self.is_called());
        expire(&self.remote.timers, now);
        self.look_after_another(now);
        self.pace.begin(1, now);
        self.outlook.looked(now, self.queued());
        self.bury_dead();
        self.call_for_help();
    }

    /// The worker's busy time begins.
    pub(crate) fn start_watch(&self) {
        let now = self.scheduler().clock.now();
        self.woke_up.set(now);
        self.pace.begin(1, now);
    }

    /// Counts the time since the worker woke up as busy, and says what time it is.
    pub(crate) fn stop_watch(&self) -> Nanos {
        let now = self.scheduler().clock.now();
        self.remote.stats.busy_nanos.add(now.saturating_sub(self.woke_up.get()));
        now
    }

    /// How long until `deadline`: `None` is for ever.
    fn until(&self, deadline: Option<Nanos>) -> Option<Duration> {
        let deadline = deadline?;
        Some(Duration::from_nanos(deadline.saturating_sub(self.scheduler().clock.now())))
    }

    /// Sleeps on the reactor, and says when that was over. `None`: somebody else sleeps there.
    fn wait_outside(&self) -> Option<Nanos> {
        let scheduler = self.scheduler();
        let mut turn = scheduler.turn.lock().take()?;
        let mut wakes = WakeBatch::new();
        scheduler.waiting.swap(self.index + 1, Ordering::AcqRel);
        // Pairs with the fence in `Scheduler::recompute_deadline`: we see the new timer, or it sees
        // us wait.
        fence(Ordering::SeqCst);
        self.remote.parker.park_on_reactor(|| {
            let deadline =
                earlier(self.remote.timers.next_deadline(), scheduler.unwatched_deadline());
            let limit = self.until(deadline);
            count_found(|| scheduler.reactor.turn(&mut turn, limit, &mut wakes));
        });
        scheduler.waiting.swap(0, Ordering::AcqRel);
        *scheduler.turn.lock() = Some(turn);
        let now = scheduler.clock.now();
        scheduler.looks.waited(now);
        crate::unwind::contain(|| wakes.wake_all());
        scheduler.expire_unwatched(now);
        Some(now)
    }

    /// Sleeps until a timer of this worker is due or somebody calls.
    fn park_thread(&self) {
        self.remote.parker.park(|| match self.until(self.remote.timers.next_deadline()) {
            None => thread::park(),
            Some(Duration::ZERO) => {}
            Some(limit) => thread::park_timeout(limit),
        });
    }

    /// Sleeps under a clock that stands still: looks outside, else lets time jump to the next
    /// deadline, else waits for somebody to come.
    fn sleep_virtually(&self) {
        let scheduler = self.scheduler();
        // Pairs with the fence in `Scheduler::pool_is_quiet`.
        fence(Ordering::SeqCst);
        // Before the look for work: a job that ends after this has not let time jump, and what one woke
        // that ended before is seen below.
        let quiet = scheduler.pool.is_quiet() && scheduler.resolver.is_quiet();
        let called = self.remote.parker.park(|| ());
        if called || scheduler.glance_outside() > 0 || self.has_work() {
            return;
        }
        // The exact deadlines: a hint may be that of a timer which was dropped.
        let next = earlier(self.remote.timers.earliest(), scheduler.outside.earliest());
        match next.filter(|_| quiet) {
            Some(deadline) => {
                scheduler.clock.jump_to(deadline);
                scheduler.expire_unwatched(deadline);
            }
            // Somebody outside has to come. The limit counts for nothing: time stands still.
            None => {
                if self.wait_outside().is_none() {
                    self.remote.parker.park(thread::park);
                }
            }
        }
    }

    /// From now on this worker runs on this thread.
    pub(crate) fn settle(&self) {
        self.remote.settle();
    }
}

/// Whether somebody else can run while this thread spins.
fn can_linger() -> bool {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from)) > 1
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::config::Config;
    use super::super::current;
    use super::super::worker::Turn;
    use super::super::{Birth, Scheduler};
    use super::*;
    use crate::clock::Clock;
    use crate::reactor::{Direction, Interest, Registration};
    use std::io::Write as _;
    use std::os::unix::net::UnixStream;
    use std::panic::Location;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::task::{Context, Poll, Wake, Waker};

    #[test]
    fn who_wakes_up_fires_the_timers_of_one_that_does_not() {
        let (scheduler, workers) =
            Scheduler::new(Config::of_workers(2), Clock::system()).expect("it has a driver");
        let _entered = current::Entered::new(scheduler.clone());
        let over = Arc::new(AtomicBool::new(false));
        let flag = over.clone();
        let task = async move {
            crate::time::sleep(Duration::from_millis(1)).await;
            flag.store(true, Ordering::SeqCst);
        };
        let handle = Birth::Outside(scheduler.clone()).spawn(task, None, Location::caller());
        // It goes to wait outside, with a timer, and is not given a core for it.
        let run = |worker: &Worker| {
            current::run_as(worker, || while worker.turn() != Turn::Idle {});
        };
        run(&workers[1]);
        assert!(workers[1].remote.timers.next_deadline().is_some(), "the timer is its own");
        let turn = scheduler.turn.lock().take();
        scheduler.waiting.store(2, Ordering::SeqCst);
        let begun = scheduler.clock.now();
        while !over.load(Ordering::SeqCst) {
            assert!(scheduler.clock.now() - begun < 10_000_000_000, "nobody fires it");
            let _ = workers[0].remote.parker.unpark();
            current::run_as(&workers[0], || workers[0].sleep());
            run(&workers[0]);
        }
        *scheduler.turn.lock() = turn;
        drop((handle, workers));
    }

    struct Told(AtomicBool);

    impl Wake for Told {
        fn wake(self: Arc<Told>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    /// Where the system lets one thread look only, it takes until that has a core.
    #[cfg(target_os = "linux")]
    #[test]
    fn who_is_busy_looks_outside_for_one_that_waits_there_without_a_core() {
        let (scheduler, workers) =
            Scheduler::new(Config::of_workers(2), Clock::system()).expect("it has a driver");
        let _entered = current::Entered::new(scheduler.clone());
        let (near, mut far) = UnixStream::pair().expect("two descriptors are free");
        let registration = Registration::new_with(&scheduler.reactor, near, Interest::READABLE)
            .expect("it can be watched");
        let told = Arc::new(Told(AtomicBool::new(false)));
        let waker = Waker::from(told.clone());
        let mut cx = Context::from_waker(&waker);
        assert!(registration.poll_ready(&mut cx, Direction::Read).is_pending());
        // One waits outside with a timer, and is given a core neither for that nor for what comes.
        let timer = crate::time::sleep(Duration::from_millis(1));
        let handle = Birth::Outside(scheduler.clone()).spawn(timer, None, Location::caller());
        current::run_as(&workers[1], || while workers[1].turn() != Turn::Idle {});
        let turn = scheduler.turn.lock().take();
        scheduler.waiting.store(2, Ordering::SeqCst);
        far.write_all(b"x").expect("there is room");
        let busy = std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        let busy = Birth::Outside(scheduler.clone()).spawn(busy, None, Location::caller());
        let begun = scheduler.clock.now();
        while !told.0.load(Ordering::SeqCst) {
            assert!(scheduler.clock.now() - begun < 10_000_000_000, "nobody looks");
            current::run_as(&workers[0], || workers[0].turn());
        }
        assert!(scheduler.clock.now() - begun >= 1_000_000, "who waits there was not late");
        busy.abort();
        current::run_as(&workers[0], || while workers[0].turn() != Turn::Idle {});
        *scheduler.turn.lock() = turn;
        drop((registration, handle, busy, workers));
    }

    #[test]
    fn who_is_called_again_and_again_looks_outside_all_the_same() {
        if !can_linger() {
            return;
        }
        let (scheduler, workers) =
            Scheduler::new(Config::of_workers(2), Clock::system()).expect("it has a driver");
        let handle = Birth::Outside(scheduler.clone()).spawn(async {}, None, Location::caller());
        let (near, mut far) = UnixStream::pair().expect("two descriptors are free");
        let registration = Registration::new_with(&scheduler.reactor, near, Interest::READABLE)
            .expect("it can be watched");
        let told = Arc::new(Told(AtomicBool::new(false)));
        let waker = Waker::from(told.clone());
        let mut cx = Context::from_waker(&waker);
        assert!(registration.poll_ready(&mut cx, Direction::Read).is_pending());
        far.write_all(b"x").expect("there is room");
        while scheduler.clock.now() <= LOOK {}
        workers[0].linger.slept(0, true);
        assert!(workers[0].is_called() && workers[0].linger());
        assert!(told.0.load(Ordering::SeqCst), "the call alone was heard");
        while let Some(runnable) = scheduler.injector.pop() {
            runnable.run(|| false);
        }
        drop((registration, handle, workers));
    }
}
