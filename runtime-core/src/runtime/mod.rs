//! The runtime: owns scheduler, reactor and pool; `block_on`.
//!
//! ```text
//!   Builder ──▶ Runtime ──owns──▶ the threads, or the seat of the one who drives
//!                  │
//!                  └─ Handle ──▶ Scheduler (shared): workers' remotes, injector, idle book,
//!                                reactor, outside timers, blocking pool, clock, monitor
//! ```
//!
//! A shutdown closes the scheduler, each worker drops its tasks on its own thread, the blocking pool
//! does the jobs that it has, threads are waited for, and what is left (timers of root futures, sockets)
//! is told that it is over.

mod builder;
pub mod context;
mod handle;
mod identity;
mod lifecycle;
mod local;
mod metrics;
mod seat;
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a call of the C library without pointers")]
#[path = "slack_linux.rs"]
pub mod slack;
#[cfg(not(target_os = "linux"))]
#[path = "slack_portable.rs"]
pub mod slack;

pub use crate::scheduler::Stall;
pub use crate::task::{TaskInfo, TaskMeta, Unhandled, UnhandledKind};
pub use builder::Builder;
pub use handle::{EnterGuard, Handle, TryCurrentError};
pub use identity::{Id, worker_index};
pub use local::{LocalOptions, LocalRuntime};
pub use metrics::{RuntimeMetrics, RuntimeMetrics as Metrics};

use crate::reactor::ShutDown;
use crate::scheduler::{Scheduler, current};
use crate::task::JoinHandle;
use runtime_sync::budget;
use seat::Seat;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// A runtime: workers that run tasks, a reactor and timers that wake them, threads for blocking work.
///
/// Several may live side by side. The counterpart of tokio's `runtime::Runtime` and of asyncio's
/// event loop.
///
/// # Dropping
///
/// Dropping a runtime shuts it down: tasks are dropped at their next suspension, and blocking jobs are
/// waited for without a limit, also those that wait for a thread, unless their tasks cancel them; see
/// [`shutdown_timeout`](Runtime::shutdown_timeout) and
/// [`shutdown_background`](Runtime::shutdown_background). Dropping it inside of async code panics,
/// since that would block a thread which has tasks to run.
///
/// # Examples
///
/// ```
/// use filch::runtime::Runtime;
///
/// let runtime = Runtime::new().unwrap();
/// let sum = runtime.block_on(async {
///     let one = filch::spawn(async { 1 });
///     let two = filch::spawn(async { 2 });
///     one.await.unwrap() + two.await.unwrap()
/// });
/// assert_eq!(sum, 3);
/// ```
pub struct Runtime {
    handle: Handle,
    /// Where the thread sits that drives a current-thread runtime.
    seat: Option<Arc<Seat>>,
    over: bool,
}

// A panic leaves no more behind in a runtime than the tasks that have panicked do.
impl UnwindSafe for Runtime {}
impl RefUnwindSafe for Runtime {}

/// Whether an operation failed because the runtime of its socket has shut down, or was about to.
///
/// The counterpart of tokio's function of this name.
///
/// # Examples
///
/// ```
/// # // A socket needs filch's feature `net`.
/// use filch::net::TcpListener;
/// use filch::runtime::{Runtime, is_rt_shutdown_err};
///
/// let (gone, runtime) = (Runtime::new().unwrap(), Runtime::new().unwrap());
/// let listener = gone.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
/// drop(gone);
/// let error = runtime.block_on(listener.accept()).unwrap_err();
/// assert!(is_rt_shutdown_err(&error));
/// ```
pub fn is_rt_shutdown_err(err: &io::Error) -> bool {
    err.get_ref().is_some_and(|inner| inner.is::<ShutDown>())
}

/// One worker or many.
///
/// The counterpart of tokio's `runtime::RuntimeFlavor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuntimeFlavor {
    /// The thread in `block_on` runs everything.
    CurrentThread,
    /// Worker threads run the tasks.
    MultiThread,
}

impl Runtime {
    /// A multi-thread runtime with a worker for each core that this process may use.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new()?;
    /// runtime.block_on(async { println!("hello") });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn new() -> io::Result<Runtime> {
        Builder::new_multi_thread().build()
    }

    fn assemble(scheduler: Arc<Scheduler>, seat: Option<Arc<Seat>>) -> Runtime {
        Runtime { handle: Handle::new(scheduler), seat, over: false }
    }

    /// A reference to this runtime, to be cloned and sent anywhere.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Spawns a task; see [`Handle::spawn`].
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new().unwrap();
    /// let task = runtime.spawn(async { "done" });
    /// assert_eq!(runtime.block_on(task).unwrap(), "done");
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle.spawn(future)
    }

    /// Runs a closure that may block on a thread of the blocking pool; see
    /// [`Handle::spawn_blocking`].
    ///
    /// # Panics
    ///
    /// If the pool has no thread and none can be started.
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.handle.spawn_blocking(f)
    }

    /// Runs a future on this thread until it is ready.
    ///
    /// On a current-thread runtime this thread runs the tasks, timers and sockets as well, until the
    /// future is ready; what was spawned and is not done waits for the next `block_on`. When several
    /// threads call this at once, one of them drives and the others take over as it leaves.
    ///
    /// # Panics
    ///
    /// If this thread drives async work already: in a task, or inside of another `block_on`.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = filch::runtime::Builder::new_current_thread().build().unwrap();
    /// assert_eq!(runtime.block_on(async { 1 + 1 }), 2);
    /// ```
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        match &self.seat {
            Some(seat) => {
                let _driving = begin_driving(current::Drives::Tasks);
                seat.block_on(self.handle.scheduler(), future)
            }
            None => self.handle.block_on(future),
        }
    }

    /// Puts this thread into the runtime; see [`Handle::enter`].
    pub fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// What the runtime counts.
    pub fn metrics(&self) -> RuntimeMetrics {
        self.handle.metrics()
    }

    /// Shuts down, and waits at most `duration` for threads that still run user code. They are left
    /// to themselves then, and blocking jobs that have not begun are dropped.
    ///
    /// # Panics
    ///
    /// Inside of async code, as dropping a runtime does.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = filch::runtime::Runtime::new().unwrap();
    /// runtime.spawn(std::future::pending::<()>());
    /// runtime.shutdown_timeout(Duration::from_secs(1));
    /// ```
    #[track_caller]
    pub fn shutdown_timeout(mut self, duration: Duration) {
        self.shut_down(Some(duration));
    }

    /// Shuts down without waiting for any thread. Blocking jobs that have not begun are dropped. May be
    /// called inside of async code.
    ///
    /// # Examples
    ///
    /// ```
    /// let outer = filch::runtime::Runtime::new().unwrap();
    /// outer.block_on(async {
    ///     let inner = filch::runtime::Runtime::new().unwrap();
    ///     inner.shutdown_background();
    /// });
    /// ```
    pub fn shutdown_background(mut self) {
        self.shut_down(Some(Duration::ZERO));
    }

    /// False: threads are left that still run user code.
    #[track_caller]
    pub(crate) fn shut_down(&mut self, wait: Option<Duration>) -> bool {
        if std::mem::replace(&mut self.over, true) {
            return true;
        }
        let scheduler = self.handle.scheduler().clone();
        let must_not_wait = wait != Some(Duration::ZERO) && current::is_driving();
        let wait = if must_not_wait { Some(Duration::ZERO) } else { wait };
        scheduler.close();
        if let Some(seat) = &self.seat {
            seat.wind_up(&scheduler);
        }
        let ended = lifecycle::shut_down(&scheduler, wait);
        if must_not_wait && !std::thread::panicking() {
            panic!(
                "a filch runtime was dropped inside of async code, where waiting for its threads \
                 would stall this one: drop it outside, or call `shutdown_background`"
            );
        }
        ended
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.shut_down(None);
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("handle", &self.handle).finish_non_exhaustive()
    }
}

/// Marks this thread as one that drives async work.
#[track_caller]
fn begin_driving(what: current::Drives) -> current::Driving {
    match current::Driving::begin(what) {
        Some(driving) => driving,
        None => panic!(
            "`block_on` was called on a thread that drives async work already, which it would \
             stall: await the future instead, or wrap the call in `task::block_in_place`"
        ),
    }
}

/// Runs a future on this thread, inside of a runtime whose workers are elsewhere.
fn block_on_outside<F: Future>(scheduler: &Arc<Scheduler>, future: F) -> F::Output {
    let _entered = current::Entered::new(scheduler.clone());
    let mut future = pin!(future);
    // `block_on` puts back what was there before, and so what is left of this in the end.
    runtime_sync::block_on::block_on(poll_fn(|cx| {
        budget::refill();
        future.as_mut().poll(cx)
    }))
}
