//! A current-thread runtime that stays on its thread, so that its tasks need not be `Send`.

use super::{EnterGuard, Handle, Runtime, RuntimeMetrics};
use crate::scheduler::current;
use crate::task::JoinHandle;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::panic::Location;
use std::time::Duration;

/// A current-thread [`Runtime`] that cannot leave the thread it was made on.
///
/// Because of that it may have tasks that are not `Send`: [`spawn_local`](crate::local::spawn_local)
/// works everywhere in it. The counterpart of tokio's `runtime::LocalRuntime`.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
///
/// let runtime = filch::runtime::LocalRuntime::new().unwrap();
/// let shared = Rc::new(7);
/// let task = runtime.spawn_local({
///     let shared = shared.clone();
///     async move { *shared }
/// });
/// assert_eq!(runtime.block_on(task).unwrap(), 7);
/// ```
#[derive(Debug)]
pub struct LocalRuntime {
    runtime: Runtime,
    not_send: PhantomData<*const ()>,
}

/// Options of a [`LocalRuntime`]: none so far.
///
/// The counterpart of tokio's `runtime::LocalOptions`.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct LocalOptions {}

impl LocalRuntime {
    pub(super) fn new_from(runtime: Runtime) -> LocalRuntime {
        LocalRuntime { runtime, not_send: PhantomData }
    }

    /// The runtime inside, which must not be sent to another thread.
    pub(crate) fn into_runtime(self) -> Runtime {
        self.runtime
    }

    /// A local runtime with the default options.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`](super::Builder::build).
    pub fn new() -> io::Result<LocalRuntime> {
        super::Builder::new_current_thread().build_local(LocalOptions::default())
    }

    /// Spawns a task that need not be `Send`. It runs while this thread is in
    /// [`block_on`](LocalRuntime::block_on).
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let location = Location::caller();
        let scheduler = self.runtime.handle.scheduler();
        let mut future = Some(future);
        let mut spawn = |worker: &crate::scheduler::worker::Worker| {
            worker.spawn_pinned(future.take().expect("called once"), None, location)
        };
        // Inside of `block_on` the worker is on this thread, since it cannot be elsewhere.
        current::with_worker(|worker| {
            worker
                .filter(|worker| std::sync::Arc::ptr_eq(worker.scheduler(), scheduler))
                .map(&mut spawn)
        })
        .or_else(|| self.runtime.seat.as_ref().and_then(|seat| seat.with_worker(&mut spawn)))
        .expect("the worker of a local runtime is on its thread or in its seat")
    }

    /// Spawns a task that is `Send`; see [`Runtime::spawn`].
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.runtime.spawn(future)
    }

    /// Runs a closure that may block on another thread; see [`Runtime::spawn_blocking`].
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
        self.runtime.spawn_blocking(f)
    }

    /// Runs a future, and all tasks meanwhile; see [`Runtime::block_on`].
    ///
    /// # Panics
    ///
    /// If this thread drives async work already.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// A reference to this runtime. Tasks spawned by it must be `Send`.
    pub fn handle(&self) -> &Handle {
        self.runtime.handle()
    }

    /// Puts this thread into the runtime; see [`Handle::enter`]. Here this holds for
    /// [`spawn_local`](crate::local::spawn_local) as well.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// What the runtime counts.
    pub fn metrics(&self) -> RuntimeMetrics {
        self.runtime.metrics()
    }

    /// Shuts down; see [`Runtime::shutdown_timeout`].
    ///
    /// # Panics
    ///
    /// Inside of async code.
    #[track_caller]
    pub fn shutdown_timeout(self, duration: Duration) {
        self.runtime.shutdown_timeout(duration);
    }

    /// Shuts down without waiting; see [`Runtime::shutdown_background`].
    pub fn shutdown_background(self) {
        self.runtime.shutdown_background();
    }
}
