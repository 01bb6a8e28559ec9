//! A cheap reference to a runtime: spawn from anywhere.

use super::{RuntimeFlavor, RuntimeMetrics, context};
use crate::scheduler::{Scheduler, current};
use crate::spawn;
use crate::task::JoinHandle;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

/// A reference to a runtime: cheap to clone, may be sent to any thread, keeps no runtime running.
///
/// The counterpart of tokio's `runtime::Handle`, and of the loop that asyncio's
/// `run_coroutine_threadsafe` takes.
///
/// # Examples
///
/// ```
/// let runtime = filch::runtime::Runtime::new().unwrap();
/// let handle = runtime.handle().clone();
/// let outside = std::thread::spawn(move || handle.block_on(handle.spawn(async { 42 })));
/// assert_eq!(outside.join().unwrap().unwrap(), 42);
/// ```
#[derive(Clone, Debug)]
pub struct Handle {
    scheduler: Arc<Scheduler>,
}

// As for `Runtime`.
impl UnwindSafe for Handle {}
impl RefUnwindSafe for Handle {}

impl Handle {
    pub(crate) fn new(scheduler: Arc<Scheduler>) -> Handle {
        Handle { scheduler }
    }

    pub(crate) fn scheduler(&self) -> &Arc<Scheduler> {
        &self.scheduler
    }

    /// The runtime this thread is in: inside of a task, of `block_on`, of a blocking job, or under
    /// [`enter`](Handle::enter).
    ///
    /// # Panics
    ///
    /// If there is none; see [`try_current`](Handle::try_current).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::runtime::{Handle, Runtime};
    ///
    /// Runtime::new().unwrap().block_on(async {
    ///     let handle = Handle::current();
    ///     std::thread::spawn(move || drop(handle.spawn(async {}))).join().unwrap();
    /// });
    /// ```
    #[track_caller]
    pub fn current() -> Handle {
        match context::handle() {
            Some(handle) => handle,
            None => panic!("{}", context::NO_RUNTIME),
        }
    }

    /// The runtime this thread is in.
    ///
    /// # Errors
    ///
    /// If there is none. Never panics, not even while the thread is ending.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(filch::runtime::Handle::try_current().is_err());
    /// ```
    pub fn try_current() -> Result<Handle, TryCurrentError> {
        context::handle().ok_or(TryCurrentError(()))
    }

    /// Puts this thread into the runtime while the guard lives, so that `spawn`, timers and sockets
    /// find it. Nothing is driven by it.
    ///
    /// Guards must be dropped in the reverse order of their making; another order panics.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new().unwrap();
    /// let task = {
    ///     let _guard = runtime.handle().enter();
    ///     filch::spawn(async { 1 })
    /// };
    /// assert_eq!(runtime.block_on(task).unwrap(), 1);
    /// ```
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard { _entered: current::Entered::new(self.scheduler.clone()), handle: PhantomData }
    }

    /// Spawns a task onto the runtime, from any thread.
    ///
    /// After the runtime has shut down, the task is dropped at once and its handle says "cancelled".
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new().unwrap();
    /// let task = runtime.handle().spawn(async { 2 + 2 });
    /// assert_eq!(runtime.block_on(task).unwrap(), 4);
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        spawn::spawn_on(&self.scheduler, future, None, Location::caller())
    }

    /// Runs a closure that may block on a thread of the blocking pool; see
    /// [`task::spawn_blocking`](crate::spawn::spawn_blocking).
    ///
    /// # Panics
    ///
    /// If the pool has no thread and none can be started.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new().unwrap();
    /// let job = runtime.handle().spawn_blocking(|| 5);
    /// assert_eq!(runtime.block_on(job).unwrap(), 5);
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        spawn::spawn_blocking_on(&self.scheduler, f, None, Location::caller())
    }

    /// Runs a future on this thread until it is ready, inside of the runtime.
    ///
    /// The runtime's workers run its tasks meanwhile. A current-thread runtime has no worker but the
    /// thread in [`Runtime::block_on`](super::Runtime::block_on): without one, tasks, timers and
    /// sockets make no progress.
    ///
    /// # Panics
    ///
    /// If this thread drives async work already: in a task, or inside of another `block_on`.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new().unwrap();
    /// assert_eq!(runtime.handle().block_on(async { 3 }), 3);
    /// ```
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _driving = super::begin_driving(current::Drives::Future);
        super::block_on_outside(&self.scheduler, future)
    }

    /// Whether the runtime has one worker or many.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::runtime::{Runtime, RuntimeFlavor};
    ///
    /// assert_eq!(Runtime::new().unwrap().handle().runtime_flavor(), RuntimeFlavor::MultiThread);
    /// ```
    pub fn runtime_flavor(&self) -> RuntimeFlavor {
        match self.scheduler.config().multi_thread {
            true => RuntimeFlavor::MultiThread,
            false => RuntimeFlavor::CurrentThread,
        }
    }

    /// What the runtime counts.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new().unwrap();
    /// assert!(runtime.handle().metrics().num_workers() > 0);
    /// ```
    pub fn metrics(&self) -> RuntimeMetrics {
        RuntimeMetrics::new(self.clone())
    }

    /// The runtime's name, if [`Builder::name`](super::Builder::name) gave it one.
    pub fn name(&self) -> Option<&str> {
        self.scheduler.config().name.as_deref()
    }
}

/// Keeps a thread in a runtime; see [`Handle::enter`].
#[must_use = "the thread leaves the runtime when the guard is dropped"]
#[derive(Debug)]
pub struct EnterGuard<'a> {
    _entered: current::Entered,
    handle: PhantomData<&'a Handle>,
}

/// There is no runtime on this thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TryCurrentError(());

impl TryCurrentError {
    /// Whether the thread is in no runtime. The only reason there is while a thread lives.
    pub fn is_missing_context(&self) -> bool {
        true
    }

    /// Whether the thread's local memory is gone already. filch's outlives every destructor.
    pub fn is_thread_local_destroyed(&self) -> bool {
        false
    }
}

impl fmt::Display for TryCurrentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(context::NO_RUNTIME)
    }
}

impl Error for TryCurrentError {}
