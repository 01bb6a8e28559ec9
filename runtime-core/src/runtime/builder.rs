//! Options of a runtime and their defaults.

use super::seat::Seat;
use super::{LocalOptions, LocalRuntime, Runtime, lifecycle};
use crate::clock::Clock;
use crate::reactor::EVENTS_MAX;
use crate::scheduler::config::{Config, Hooks};
use crate::scheduler::{Scheduler, Stall};
use crate::task::{TaskMeta, Unhandled};
use crate::time;
use runtime_sync::timer;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// The environment variable that sets the number of workers where [`Builder::worker_threads`] does
/// not.
const WORKERS_VARIABLE: &str = "FILCH_WORKER_THREADS";

/// More workers than any machine has cores for. Beyond, what each of them needs would be more than the
/// memory has, and in the end more than can be counted.
const WORKERS_MAX: usize = 1 << 15;

/// Options of a [`Runtime`].
///
/// The counterpart of tokio's `runtime::Builder`; whatever that one hides behind
/// `tokio_unstable` is here for everybody.
///
/// # Examples
///
/// ```
/// use filch::runtime::Builder;
///
/// let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("crunch").build()?;
/// let name = runtime.block_on(runtime.spawn(async {
///     std::thread::current().name().map(str::to_owned)
/// }));
/// assert_eq!(name.unwrap().as_deref(), Some("crunch"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Builder {
    multi_thread: bool,
    workers: Option<usize>,
    start_paused: bool,
    name: Option<String>,
    thread_name: Arc<dyn Fn() -> String + Send + Sync>,
    thread_stack_size: Option<usize>,
    max_blocking_threads: usize,
    thread_keep_alive: Duration,
    event_interval: u32,
    io_events: usize,
    io_events_busy: Option<usize>,
    lifo_slot: bool,
    seed: Option<u64>,
    close_timeout: Duration,
    close_blocking_timeout: Duration,
    hooks: Hooks,
}

impl Builder {
    fn new(multi_thread: bool) -> Builder {
        Builder {
            multi_thread,
            workers: None,
            start_paused: false,
            name: None,
            thread_name: Arc::new(|| "filch-worker".to_owned()),
            thread_stack_size: None,
            max_blocking_threads: 512,
            thread_keep_alive: Duration::from_secs(10),
            event_interval: 64,
            io_events: EVENTS_MAX,
            io_events_busy: None,
            lifo_slot: true,
            seed: None,
            close_timeout: Duration::from_secs(60),
            close_blocking_timeout: Duration::from_secs(300),
            hooks: Hooks::default(),
        }
    }

    /// A runtime whose tasks run on threads of its own, and move between them.
    pub fn new_multi_thread() -> Builder {
        Builder::new(true)
    }

    /// A runtime whose tasks run on the thread that calls `block_on`, and only during that call.
    pub fn new_current_thread() -> Builder {
        Builder::new(false)
    }

    /// Nothing: filch's runtimes always have sockets and timers. For code that comes from tokio.
    pub fn enable_all(&mut self) -> &mut Builder {
        self
    }

    /// Nothing; see [`enable_all`](Builder::enable_all).
    pub fn enable_io(&mut self) -> &mut Builder {
        self
    }

    /// Nothing; see [`enable_all`](Builder::enable_all).
    pub fn enable_time(&mut self) -> &mut Builder {
        self
    }

    /// How many workers a multi-thread runtime has.
    ///
    /// The default is the environment variable `FILCH_WORKER_THREADS`, or else the number of cores
    /// that this process may use, cgroup limits included. More than 32 768 are an error when the runtime
    /// is built.
    ///
    /// # Panics
    ///
    /// If `count` is 0.
    #[track_caller]
    pub fn worker_threads(&mut self, count: usize) -> &mut Builder {
        assert!(count > 0, "a runtime needs at least one worker: `worker_threads` cannot be 0");
        self.workers = Some(count);
        self
    }

    /// How many threads the blocking pool may have at a time. 512 by default.
    ///
    /// Jobs beyond that wait in a queue.
    ///
    /// # Panics
    ///
    /// If `count` is 0.
    #[track_caller]
    pub fn max_blocking_threads(&mut self, count: usize) -> &mut Builder {
        assert!(count > 0, "`max_blocking_threads` cannot be 0: blocking jobs would wait for ever");
        self.max_blocking_threads = count;
        self
    }

    /// How long a thread of the blocking pool waits for a job before it ends. 10 s by default.
    pub fn thread_keep_alive(&mut self, duration: Duration) -> &mut Builder {
        self.thread_keep_alive = duration;
        self
    }

    /// The name of the runtime's threads. `filch-worker` by default.
    pub fn thread_name(&mut self, name: impl Into<String>) -> &mut Builder {
        let name = name.into();
        self.thread_name = Arc::new(move || name.clone());
        self
    }

    /// A function that names each of the runtime's threads.
    pub fn thread_name_fn<F>(&mut self, f: F) -> &mut Builder
    where
        F: Fn() -> String + Send + Sync + 'static,
    {
        self.thread_name = Arc::new(f);
        self
    }

    /// The stack size of the runtime's threads in bytes. std's default, 2 MiB, by default.
    pub fn thread_stack_size(&mut self, bytes: usize) -> &mut Builder {
        self.thread_stack_size = Some(bytes);
        self
    }

    /// A name for the runtime, to tell several apart in logs.
    pub fn name(&mut self, name: impl Into<String>) -> &mut Builder {
        self.name = Some(name.into());
        self
    }

    /// The most polls after which a worker looks at timers, the injector and outside. 64 by default;
    /// with long polls it looks after fewer, about every 20 µs.
    ///
    /// # Panics
    ///
    /// If `polls` is 0.
    #[track_caller]
    pub fn event_interval(&mut self, polls: u32) -> &mut Builder {
        assert!(polls > 0, "`event_interval` cannot be 0");
        self.event_interval = polls;
        self
    }

    /// How many events of sockets are taken from the system at a time: 1024 by default, and at most. Only
    /// Linux heeds it.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    #[track_caller]
    pub fn max_io_events_per_tick(&mut self, capacity: usize) -> &mut Builder {
        assert!(
            capacity > 0,
            "`max_io_events_per_tick` cannot be 0: no socket would ever be ready"
        );
        self.io_events = capacity;
        self
    }

    /// How many events of sockets a worker takes that has other work: as many as
    /// [`max_io_events_per_tick`](Builder::max_io_events_per_tick) says by default. The rest stays with
    /// the system until the next look.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    #[track_caller]
    pub fn max_io_events_per_busy_tick(&mut self, capacity: usize) -> &mut Builder {
        assert!(capacity > 0, "`max_io_events_per_busy_tick` cannot be 0: sockets could starve");
        self.io_events_busy = Some(capacity);
        self
    }

    /// The same as [`event_interval`](Builder::event_interval): filch looks at the injector and
    /// outside at the same time.
    ///
    /// # Panics
    ///
    /// If `polls` is 0.
    #[track_caller]
    pub fn global_queue_interval(&mut self, polls: u32) -> &mut Builder {
        self.event_interval(polls)
    }

    /// Queues tasks that a task wakes behind the others, instead of running one of them next.
    pub fn disable_lifo_slot(&mut self) -> &mut Builder {
        self.lifo_slot = false;
        self
    }

    /// Where the runtime's random numbers begin, such as the choice of whom to rob.
    pub fn rng_seed(&mut self, seed: u64) -> &mut Builder {
        self.seed = Some(seed);
        self
    }

    /// Starts with a clock that stands still, and jumps to the next deadline whenever nothing else is
    /// left to do; see [`time::pause`](crate::time::pause). Current-thread runtimes only.
    pub fn start_paused(&mut self, paused: bool) -> &mut Builder {
        self.start_paused = paused;
        self
    }

    /// Calls `f` on each thread of the runtime as it starts, blocking threads included.
    pub fn on_thread_start<F: Fn() + Send + Sync + 'static>(&mut self, f: F) -> &mut Builder {
        self.hooks.thread_start = Some(Arc::new(f));
        self
    }

    /// Calls `f` on each thread of the runtime as it ends.
    pub fn on_thread_stop<F: Fn() + Send + Sync + 'static>(&mut self, f: F) -> &mut Builder {
        self.hooks.thread_stop = Some(Arc::new(f));
        self
    }

    /// Calls `f` before a worker goes to sleep. It may spawn and wake: the worker looks again.
    pub fn on_thread_park<F: Fn() + Send + Sync + 'static>(&mut self, f: F) -> &mut Builder {
        self.hooks.thread_park = Some(Arc::new(f));
        self
    }

    /// Calls `f` after a worker slept.
    pub fn on_thread_unpark<F: Fn() + Send + Sync + 'static>(&mut self, f: F) -> &mut Builder {
        self.hooks.thread_unpark = Some(Arc::new(f));
        self
    }

    /// Calls `f` when a task is spawned, on the thread that spawns it.
    pub fn on_task_spawn<F>(&mut self, f: F) -> &mut Builder
    where
        F: Fn(&TaskMeta) + Send + Sync + 'static,
    {
        self.hooks.task_spawn = Some(Arc::new(f));
        self
    }

    /// Calls `f` before each poll of a task.
    pub fn on_before_task_poll<F>(&mut self, f: F) -> &mut Builder
    where
        F: Fn(&TaskMeta) + Send + Sync + 'static,
    {
        self.hooks.before_poll = Some(Arc::new(f));
        self
    }

    /// Calls `f` after each poll of a task.
    pub fn on_after_task_poll<F>(&mut self, f: F) -> &mut Builder
    where
        F: Fn(&TaskMeta) + Send + Sync + 'static,
    {
        self.hooks.after_poll = Some(Arc::new(f));
        self
    }

    /// Calls `f` when a worker has finished a task or dropped it because it was aborted.
    pub fn on_task_terminate<F>(&mut self, f: F) -> &mut Builder
    where
        F: Fn(&TaskMeta) + Send + Sync + 'static,
    {
        self.hooks.task_terminate = Some(Arc::new(f));
        self
    }

    /// Calls `f` with what went wrong where nobody is left to learn of it: a task that panicked and whose
    /// output was not taken by the time that its handle is gone, an error of a
    /// [background](crate::background::background) task, a task that does not end when the runtime
    /// [closes](Runtime::close).
    ///
    /// Each is reported once, by the thread on which the last chance passed: if a handle is dropped
    /// outside of any runtime, a hook that spawns needs a [`Handle`](crate::runtime::Handle) of its own.
    /// Without a hook, and if the hook panics, it goes to the log as an error. The counterpart of
    /// asyncio's `loop.set_exception_handler`.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::runtime::Builder;
    ///
    /// let runtime = Builder::new_multi_thread()
    ///     .on_unhandled(|unhandled| {
    ///         eprintln!("{unhandled}");
    ///         std::process::abort();
    ///     })
    ///     .build()
    ///     .unwrap();
    /// ```
    pub fn on_unhandled<F>(&mut self, f: F) -> &mut Builder
    where
        F: Fn(&Unhandled) + Send + Sync + 'static,
    {
        self.hooks.unhandled = Some(Arc::new(f));
        self
    }

    /// How long an orderly end waits for tasks that were asked to end: see [`Runtime::close`]. 60 s
    /// unless it is set here. Not to be confused with
    /// [`Runtime::shutdown_timeout`], which asks nobody.
    pub fn close_timeout(&mut self, limit: Duration) -> &mut Builder {
        self.close_timeout = limit;
        self
    }

    /// How long an orderly end waits for blocking jobs: see [`Runtime::close`]. 300 s
    /// unless it is set here, which is asyncio's limit.
    pub fn close_blocking_timeout(&mut self, limit: Duration) -> &mut Builder {
        self.close_blocking_timeout = limit;
        self
    }

    /// Calls `f`, on a thread of its own, when a worker has been in one poll for at least `limit`:
    /// once for each such poll. The limit is kept to a few milliseconds.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = filch::runtime::Builder::new_multi_thread()
    ///     .on_stall(Duration::from_millis(100), |stall| eprintln!("{stall}"))
    ///     .build()
    ///     .unwrap();
    /// ```
    pub fn on_stall<F>(&mut self, limit: Duration, f: F) -> &mut Builder
    where
        F: Fn(&Stall) + Send + Sync + 'static,
    {
        self.hooks.stall = Some((limit, Arc::new(f)));
        self
    }

    /// Builds the runtime and starts its threads.
    ///
    /// # Errors
    ///
    /// If the reactor's descriptors or a worker's thread cannot be had from the system, or there are to
    /// be more than 32 768 workers. Nothing is left behind then. The error of a thread has the kind of the
    /// system's, which on Unix is `WouldBlock`, says which one it is and which limits to look at, and has the
    /// system's as its source.
    ///
    /// # Panics
    ///
    /// If `start_paused` is set on a multi-thread runtime, or if the environment variable
    /// `FILCH_WORKER_THREADS` is no number above 0.
    #[track_caller]
    pub fn build(&mut self) -> io::Result<Runtime> {
        self.build_with(false)
    }

    /// Builds a current-thread runtime that stays on this thread and may have tasks that are not
    /// `Send`.
    ///
    /// # Errors
    ///
    /// As [`build`](Builder::build).
    ///
    /// # Panics
    ///
    /// If this is a builder of multi-thread runtimes.
    #[track_caller]
    pub fn build_local(&mut self, _options: LocalOptions) -> io::Result<LocalRuntime> {
        assert!(
            !self.multi_thread,
            "`build_local` makes a current-thread runtime: begin with `new_current_thread`"
        );
        self.build_with(true).map(LocalRuntime::new_from)
    }

    #[track_caller]
    fn build_with(&mut self, pins_to_driver: bool) -> io::Result<Runtime> {
        assert!(
            !(self.start_paused && self.multi_thread),
            "`start_paused` needs a current-thread runtime: with many workers nobody could say \
             when all are idle"
        );
        timer::provide(|duration| Box::pin(time::sleep(duration)));
        let config = Config {
            workers: if self.multi_thread { self.count_workers()? } else { 1 },
            multi_thread: self.multi_thread,
            pins_to_driver,
            name: self.name.clone(),
            thread_name: self.thread_name.clone(),
            thread_stack_size: self.thread_stack_size,
            max_blocking_threads: self.max_blocking_threads,
            thread_keep_alive: self.thread_keep_alive,
            event_interval: self.event_interval,
            events: self.io_events,
            events_at_once: self.io_events_busy.unwrap_or(self.io_events),
            lifo_slot: self.lifo_slot,
            seed: self.seed.unwrap_or_else(|| std::ptr::from_ref(self).addr() as u64),
            close_timeout: self.close_timeout,
            close_blocking_timeout: self.close_blocking_timeout,
            hooks: self.hooks.clone(),
        };
        let clock = if self.start_paused { Clock::paused() } else { Clock::system() };
        let (scheduler, mut workers) = Scheduler::new(config, clock)?;
        if self.multi_thread {
            lifecycle::start(&scheduler, workers)?;
            return Ok(Runtime::assemble(scheduler, None));
        }
        let worker = workers.pop().expect("a current-thread runtime has one worker");
        lifecycle::start_without_workers(&scheduler)?;
        let seat = Arc::new(Seat::new(worker));
        if pins_to_driver {
            scheduler.set_lender(seat.lender());
        }
        Ok(Runtime::assemble(scheduler, Some(seat)))
    }

    #[track_caller]
    fn count_workers(&self) -> io::Result<usize> {
        // Called here and not from a closure, which would name its own line and not the caller's.
        let told = match self.workers {
            None => workers_from_environment(),
            told => told,
        };
        let count = told.unwrap_or_else(|| {
            // Knows the cgroup's quota and the affinity mask.
            std::thread::available_parallelism().map_or(1, usize::from)
        });
        if count > WORKERS_MAX {
            let why =
                format!("{count} workers are more than a runtime can have: {WORKERS_MAX} at most");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        Ok(count)
    }
}

#[track_caller]
fn workers_from_environment() -> Option<usize> {
    let value = std::env::var_os(WORKERS_VARIABLE)?;
    let count = value.to_str().and_then(|value| value.trim().parse().ok()).unwrap_or(0);
    assert!(count > 0, "{WORKERS_VARIABLE} must be a number above 0, and is {value:?}");
    Some(count)
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("multi_thread", &self.multi_thread)
            .field("workers", &self.workers)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
