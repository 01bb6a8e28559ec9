//! What all workers of a runtime share, and where a woken task goes.
//!
//! ```text
//!   wake on a worker ──▶ lifo slot (one task) ──▶ that worker, next
//!                   └──▶ its run queue ─────────▶ that worker, in order; thieves take half
//!   spawn on a worker ─▶ its run queue
//!   wake or spawn outside ─▶ injector ──────────▶ whoever looks first
//!   pinned task, outside ──▶ its worker's inbox ─▶ that worker only
//! ```
//!
//! A push on a worker wakes nobody: the worker is awake and will come to it. Whether another
//! worker is worth waking is decided in `worker.rs` by the work that waits, measured in time, and not
//! by each push. A push from outside wakes a worker only if none is awake. What a long poll would
//! hold up, the monitor sees. Why no wake is lost: `README.md`.

mod birth;
mod calls;
pub(crate) mod config;
#[cfg(target_os = "linux")]
#[path = "core_time_linux.rs"]
mod core_time;
#[cfg(not(target_os = "linux"))]
#[path = "core_time_other.rs"]
mod core_time;
mod crowding;
#[expect(unsafe_code, reason = "thread-local pointers to what outlives a call")]
pub(crate) mod current;
#[expect(unsafe_code, reason = "a reference count with a purse, and the roster's owner")]
mod home;
pub mod idle;
#[expect(unsafe_code, reason = "a task as one atomic word")]
mod lifo;
mod linger;
pub(crate) mod monitor;
mod outlook;
mod pace;
pub mod parker;
mod remote;
mod roll;
mod run_queue;
mod sleep;
pub(crate) mod stats;
pub(crate) mod substitute;
mod wind_up;
pub(crate) mod worker;

pub(crate) use birth::Birth;
pub(crate) use calls::Call;
#[cfg(test)]
pub(crate) use calls::Clerk;
pub use config::Stall;
pub use home::{Home, HomeRef};
pub(crate) use roll::{Roll, Stuck};
pub(crate) use run_queue::Inbox;

use crate::blocking::Pool;
use crate::clock::{Clock, Nanos};
use crate::reactor::{Reactor, Turn};
use crate::task::{self, CancelReason, JoinHandle, Runnable};
use crate::timer::Timers;
use calls::Calls;
use config::Config;
use crowding::Crowding;
use idle::Idle;
use monitor::Monitor;
use outlook::Looks;
use parker::Unpark;
use remote::Remotes;
use runtime_sync::contention::Padded;
use runtime_sync::lock::CapacityLimiter;
use runtime_sync::primitives::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use runtime_sync::primitives::{self, Mutex};
use runtime_sync::wake_batch::WakeBatch;
use std::fmt;
use std::future::pending;
use std::io;
use std::num::NonZeroU64;
use std::panic::Location;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use worker::Worker;

/// The home of a task that must stay on its worker's thread.
#[derive(Clone)]
pub struct Pinned(HomeRef);

/// With so many tasks in the injector, one worker that is awake is not enough.
const INJECTOR_CROWDED: usize = 8;

/// More names than this are not looked up at a time. The others wait for their turn.
const LOOKUPS_MAX: usize = 16;

/// More calls of `to_thread` than this do not run at a time, unless they say otherwise: trio's number.
const THREADS_MAX: usize = 40;

/// More substitutes than this there never are at a time, however large the blocking pool.
const SUBSTITUTES_MAX: usize = 512;

/// What all workers share.
pub struct Scheduler {
    /// No other scheduler of the process has it.
    number: NonZeroU64,
    config: Config,
    calls: Padded<Calls>,
    injector: Inbox<Runnable<HomeRef>>,
    idle: Idle,
    remotes: Remotes,
    /// Timers that no worker watches: of root futures, foreign threads and substitutes.
    outside: Timers,
    clock: Clock,
    reactor: primitives::Arc<Reactor>,
    /// The right to wait for the outside world. Whoever waits has taken it out.
    turn: Padded<Mutex<Option<Turn>>>,
    /// One more than the number of the worker that waits on the reactor, or 0.
    waiting: Padded<AtomicUsize>,
    looks: Padded<Looks>,
    /// Written by the monitor, now and then.
    crowding: Padded<Crowding>,
    /// Workers whose thread is blocked in `block_in_place`.
    away: AtomicUsize,
    /// Substitutes that nobody needs at the moment.
    retired: Mutex<Vec<Worker>>,
    /// The request to all tasks that is under way.
    roll: Mutex<Option<Arc<Roll>>>,
    closed: AtomicBool,
    pool: Arc<Pool>,
    /// For lookups of names: hosts that do not answer leave the other pool's threads alone, and its
    /// jobs keep nobody from finding a host.
    resolver: Arc<Pool>,
    /// How many calls of `to_thread` run at a time, unless they say otherwise.
    threads: Arc<CapacityLimiter>,
    monitor: Monitor,
    by_outsiders: Padded<ByOutsiders>,
    /// Set if all of the runtime is driven by one thread for ever.
    lender: OnceLock<Lender>,
}

/// Calls what it is given with the worker of a runtime, if it is called on the one thread that ever
/// drives that, and the worker is not at work.
pub(crate) type Lender = Box<dyn Fn(&mut dyn FnMut(&Worker)) + Send + Sync>;

/// What threads count that are no workers. On a line of its own: what lies beside it is read at every
/// spawn.
#[derive(Default)]
struct ByOutsiders {
    schedules: AtomicU64,
    spawned: AtomicU64,
    given_up: AtomicU64,
}

/// A number that nothing else has that runs tasks: no runtime, and no `LocalSet`.
pub(crate) fn next_number() -> NonZeroU64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // Relaxed: that the numbers differ is all they say.
    NonZeroU64::MIN.saturating_add(COUNT.fetch_add(1, Ordering::Relaxed))
}

impl Scheduler {
    /// A scheduler, and its workers for the caller to run: all asleep.
    pub(crate) fn new(config: Config, clock: Clock) -> io::Result<(Arc<Scheduler>, Vec<Worker>)> {
        let reactor = primitives::Arc::new(Reactor::new()?);
        let workers = config.workers;
        let substitutes = match config.multi_thread {
            true => config.max_blocking_threads.min(SUBSTITUTES_MAX),
            false => 0,
        };
        let scheduler = Arc::new(Scheduler {
            number: next_number(),
            calls: Padded::new(Calls::new()),
            injector: Inbox::new(),
            idle: Idle::new(workers + substitutes, workers),
            remotes: Remotes::new(workers + substitutes),
            outside: Timers::new(),
            clock,
            reactor,
            turn: Padded::new(Mutex::new(Some(Turn::with_limits(
                config.events,
                config.events_at_once,
            )))),
            waiting: Padded::new(AtomicUsize::new(0)),
            looks: Padded::new(Looks::new()),
            crowding: Padded::new(Crowding::new()),
            away: AtomicUsize::new(0),
            retired: Mutex::new(Vec::new()),
            roll: Mutex::new(None),
            closed: AtomicBool::new(false),
            pool: Pool::new(config.max_blocking_threads, config.thread_keep_alive),
            resolver: Pool::new(LOOKUPS_MAX, config.thread_keep_alive),
            threads: Arc::new(CapacityLimiter::new(THREADS_MAX)),
            monitor: Monitor::new(),
            lender: OnceLock::new(),
            by_outsiders: Padded::default(),
            config,
        });
        let workers = (0..workers)
            .map(|_| Worker::new(&scheduler).expect("there is room for the workers"))
            .collect();
        Ok((scheduler, workers))
    }

    /// Says how the worker is lent out: once, and only if one thread drives the runtime for ever.
    pub(crate) fn set_lender(&self, lender: Lender) {
        let _ = self.lender.set(lender);
    }

    /// Calls `f` with the worker that only this thread ever drives, if there is one and it is idle.
    pub(crate) fn with_lent_worker<R>(&self, f: impl FnOnce(&Worker) -> R) -> Option<R> {
        let (mut f, mut returned) = (Some(f), None);
        self.lender.get()?(&mut |worker| returned = f.take().map(|f| f(worker)));
        returned
    }

    pub(crate) fn number(&self) -> NonZeroU64 {
        self.number
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn reactor(&self) -> &primitives::Arc<Reactor> {
        &self.reactor
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    pub(crate) fn resolver(&self) -> &Arc<Pool> {
        &self.resolver
    }

    pub(crate) fn remotes(&self) -> &Remotes {
        &self.remotes
    }

    pub(crate) fn injector_len(&self) -> usize {
        self.injector.len()
    }

    pub(crate) fn remote_schedules(&self) -> u64 {
        self.by_outsiders.schedules.load(Ordering::Relaxed)
    }

    pub(crate) fn is_closed(&self) -> bool {
        // Acquire pairs with the swap in `close`.
        self.closed.load(Ordering::Acquire)
    }

    /// The wheel of all who have none of their own.
    fn timers_of_outsiders(&self) -> &Timers {
        &self.outside
    }

    /// Queues a task from a thread that is no worker of ours.
    fn push_outside(&self, runnable: Runnable<HomeRef>) {
        self.by_outsiders.schedules.fetch_add(1, Ordering::Relaxed);
        self.injector.push(runnable);
        if self.idle.must_wake()
            || (self.injector.len() >= INJECTOR_CROWDED && !self.idle.somebody_searches())
        {
            self.wake_one();
        }
        if self.is_closed() {
            // The workers may have looked for the last time.
            self.drop_injected();
        }
    }

    /// Queues a pinned task from another thread than its worker's.
    fn push_pinned(&self, worker: usize, runnable: Runnable<Pinned>) {
        self.by_outsiders.schedules.fetch_add(1, Ordering::Relaxed);
        self.remotes.get(worker).inbox.push(runnable);
        // Pairs with the fence in `Idle::lie_down`: it sees our push, or we see it lying.
        fence(Ordering::SeqCst);
        if self.idle.claim(worker) {
            self.unpark(worker);
        }
    }

    /// Wakes a sleeper to search for work, if there is one: rather not the one on the reactor.
    fn wake_one(&self) {
        let on_reactor = self.waiting.load(Ordering::Relaxed).checked_sub(1);
        if let Some(worker) = self.idle.claim_any(on_reactor) {
            self.unpark(worker);
        }
    }

    /// Ends this worker's sleep, or its next one.
    pub(crate) fn unpark(&self, worker: usize) {
        match self.remotes.get(worker).parker.unpark() {
            Unpark::Nothing => {}
            Unpark::WakeReactor => self.wake_reactor(),
        }
    }

    /// A timer in a wheel that no worker watches became the earliest.
    fn recompute_deadline(&self) {
        // Pairs with the fence in `Worker::wait_outside`: it sees the deadline, or we see it wait.
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) != 0 {
            self.wake_reactor();
        } else if !self.idle.somebody_awake() {
            // All sleep on their own, as after the last one who waited went to work and slept
            // again elsewhere. Somebody must go and wait outside.
            self.wake_one();
        }
    }

    /// What limits the calls of `to_thread`.
    pub(crate) fn threads(&self) -> &Arc<CapacityLimiter> {
        &self.threads
    }

    /// The last job is done: if time stands still, whoever drives may let it jump now.
    pub(crate) fn pool_is_quiet(&self) {
        // Pairs with the fence in `Worker::sleep_virtually`: we see the clock stand still, or who wants it
        // to jump sees that no job is left.
        fence(Ordering::SeqCst);
        if self.clock.is_paused() {
            self.unpark(0);
        }
    }

    fn wake_reactor(&self) {
        if let Err(error) = self.reactor.wake() {
            tracing::error!(%error, "cannot wake the reactor");
        }
    }

    /// Looks outside without waiting, if nobody else does or waits there: returns what it found.
    fn glance_outside(&self) -> usize {
        self.turn_outside(Some(Duration::ZERO)).unwrap_or(0)
    }

    /// Takes the turn, waits at most `timeout`, wakes whom it concerns, and gives the turn back.
    /// `None`: somebody else has it.
    fn turn_outside(&self, timeout: Option<Duration>) -> Option<usize> {
        let mut turn = self.turn.lock().take()?;
        let mut wakes = WakeBatch::new();
        let found = count_found(|| self.reactor.turn(&mut turn, timeout, &mut wakes));
        *self.turn.lock() = Some(turn);
        crate::unwind::contain(|| wakes.wake_all());
        Some(found)
    }

    /// As [`glance_outside`](Scheduler::glance_outside), although somebody waits there: it has no core.
    fn glance_beside(&self) -> usize {
        let mut wakes = WakeBatch::new();
        let found = count_found(|| self.reactor.glance_beside(&mut wakes));
        crate::unwind::contain(|| wakes.wake_all());
        found
    }

    /// The earliest deadline of the wheels that no awake worker watches.
    fn unwatched_deadline(&self) -> Option<Nanos> {
        let mut earliest = self.outside.next_deadline();
        if self.away.load(Ordering::Acquire) != 0 {
            for remote in self.remotes.first(self.config.workers).filter(|r| r.is_away()) {
                earliest = earlier(earliest, remote.timers.next_deadline());
            }
        }
        earliest
    }

    /// Fires what is due in the wheels that no awake worker watches.
    fn expire_unwatched(&self, now: Nanos) {
        expire(&self.outside, now);
        if self.away.load(Ordering::Acquire) != 0 {
            self.remotes
                .first(self.config.workers)
                .filter(|remote| remote.is_away())
                .for_each(|remote| expire(&remote.timers, now));
        }
    }

    /// No task is polled from now on: workers wind up, and what is pushed is dropped. False: it was
    /// closed before.
    pub(crate) fn close(&self) -> bool {
        // Release pairs with `is_closed`.
        if self.closed.swap(true, Ordering::AcqRel) {
            return false;
        }
        // Pairs with the fence in `Idle::lie_down`: a substitute that we do not see below sees `closed`.
        fence(Ordering::SeqCst);
        for (index, remote) in self.remotes.numbered() {
            remote.attend();
            let _ = self.idle.claim(index);
            self.unpark(index);
        }
        self.monitor.close();
        true
    }

    /// Drops the futures of tasks that nobody will poll.
    fn drop_injected(&self) {
        while let Some(runnable) = self.injector.pop() {
            drop(runnable);
            self.by_outsiders.given_up.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The last step of a shutdown.
    pub(crate) fn finish(&self) {
        self.drop_injected();
        // As in `wind_up`: a waker that panics keeps nobody else from learning of the end.
        crate::unwind::contain(|| self.outside.close());
        self.reactor.shutdown();
    }

    /// The number of tasks spawned so far.
    pub(crate) fn spawned(&self) -> u64 {
        let by_workers: u64 = self.remotes.all().map(|remote| remote.stats.spawned.get()).sum();
        by_workers + self.by_outsiders.spawned.load(Ordering::Relaxed)
    }

    /// The number of tasks that are complete.
    pub(crate) fn completed(&self) -> u64 {
        let by_workers: u64 = self.remotes.all().map(|remote| remote.stats.completed.get()).sum();
        by_workers + self.by_outsiders.given_up.load(Ordering::Relaxed)
    }
}

/// The handle of a task that was cancelled before it began, and has ended: no runtime knows of it.
pub(crate) fn refuse<T: Send + 'static>(
    reason: CancelReason,
    location: &'static Location<'static>,
) -> JoinHandle<T> {
    let (runnable, handle) = task::new::<_, HomeRef>(pending(), None, None, location);
    handle.cancel(reason);
    drop(runnable);
    handle
}

fn earlier(one: Option<Nanos>, other: Option<Nanos>) -> Option<Nanos> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// How much a look outside has found. Who reads the log may panic: a right to turn comes back all the same.
fn count_found(look: impl FnOnce() -> io::Result<usize>) -> usize {
    let mut found = 0;
    crate::unwind::contain(|| match look() {
        Ok(count) => found = count,
        Err(error) => tracing::error!(%error, "cannot wait for readiness"),
    });
    found
}

/// Fires what is due in one wheel.
fn expire(timers: &Timers, now: Nanos) {
    if timers.next_deadline().is_some_and(|deadline| deadline <= now) {
        let mut wakes = WakeBatch::new();
        crate::unwind::contain(|| {
            timers.expire(now, &mut wakes);
            wakes.wake_all();
        });
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler").field("config", &self.config).finish_non_exhaustive()
    }
}
