//! Portals: plain threads call async functions.

use super::rest::awaited_by_job;
use super::wait::assert_may_block;
use crate::not_started::not_started;
use crate::runtime::{Builder, Handle, Runtime, slack};
use crate::scheduler::{current, refuse};
use crate::spawn;
use crate::task::{AbortHandle, JoinError, JoinHandle};
use crate::task_tracker::TaskTracker;
use runtime_sync::primitives::Mutex;
use std::fmt;
use std::future::Future;
use std::io;
use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc;
use std::thread;

/// A way into a runtime for threads that are in none. Clones are the same portal.
///
/// What is called through a portal runs as tasks of the runtime, which count as the portal's own until
/// they end: whoever [stops](Portal::stop) it can have them cancelled, and wait until they are
/// [gone](Portal::stopped). Each has a copy of the calling thread's
/// [context](crate::context_var).
///
/// The counterpart of anyio's `BlockingPortal`.
///
/// # Examples
///
/// ```
/// use filch::portal::Portal;
///
/// async fn fetch() -> u32 {
///     filch::task::yield_now().await;
///     42
/// }
///
/// let runtime = filch::runtime::Runtime::new().unwrap();
/// let portal = Portal::new(runtime.handle());
/// std::thread::spawn(move || assert_eq!(portal.call(fetch).unwrap(), 42)).join().unwrap();
/// ```
#[derive(Clone)]
pub struct Portal {
    shared: Arc<Shared>,
}

struct Shared {
    handle: Handle,
    tracker: TaskTracker,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    stopped: bool,
    cancelled: bool,
    /// The tasks, and some that have finished.
    tasks: Vec<AbortHandle>,
    /// With so many in the list, look for those that have finished.
    full: usize,
}

/// What the tasks are told when a portal is stopped.
const STOPPED: &str = "the portal was stopped";

impl Portal {
    /// A portal into a runtime, which must be driven by other threads than those that call: those of a
    /// multi-thread runtime, or one that is in [`block_on`](Runtime::block_on). While nobody drives a
    /// current-thread runtime, calls wait until somebody does, or the runtime is dropped.
    pub fn new(handle: &Handle) -> Portal {
        let (tracker, book) = (TaskTracker::new(), Mutex::default());
        Portal { shared: Arc::new(Shared { handle: handle.clone(), tracker, book }) }
    }

    /// Calls an async function in the runtime, and blocks this thread until it has finished.
    ///
    /// # Errors
    ///
    /// If it panicked, or was cancelled: because the portal was stopped, or the runtime has shut down.
    ///
    /// # Panics
    ///
    /// On a thread that drives async work, which would be stalled, or wait for itself.
    ///
    /// # Examples
    ///
    /// ```
    /// let portal = filch::portal::start_blocking_portal().unwrap();
    /// let name = "world".to_owned();
    /// let greeting = portal.call(async move || format!("hello {name}"));
    /// assert_eq!(greeting.unwrap(), "hello world");
    /// ```
    #[track_caller]
    pub fn call<F, Fut>(&self, f: F) -> Result<Fut::Output, JoinError>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: Send + 'static,
    {
        assert_may_block("Portal::call", "await the future");
        let call = awaited_by_job(self.handle().scheduler(), async move { f().await });
        runtime_sync::block_on(self.start(call, Location::caller()))
    }

    /// Spawns a task, and does not wait for it; see
    /// [`blocking_wait`](JoinHandle::blocking_wait). After the portal was stopped, the future is
    /// dropped at once, and the handle says "cancelled".
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let portal = filch::portal::start_blocking_portal().unwrap();
    /// let mut task = portal.start_task_soon(async { 42 });
    /// assert_eq!(task.blocking_wait(None).unwrap().unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn start_task_soon<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.start(future, Location::caller())
    }

    fn start<F>(&self, future: F, location: &'static Location<'static>) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let Shared { handle, tracker, book } = &*self.shared;
        // Under the lock, so that nobody who waits for the last task misses this one.
        let token = {
            let book = book.lock();
            (!book.stopped).then(|| tracker.token())
        };
        let Some(token) = token else {
            return refuse(STOPPED.into(), location);
        };
        let future = async move {
            let _token = token;
            future.await
        };
        let task = spawn::spawn_on(handle.scheduler(), future, None, location);
        if self.note(task.abort_handle()) {
            task.cancel(STOPPED);
        }
        task
    }

    /// Enters a task into the list. True: it is to be cancelled with the others.
    fn note(&self, task: AbortHandle) -> bool {
        let mut book = self.shared.book.lock();
        let mut finished = Vec::new();
        if book.tasks.len() >= book.full {
            finished.extend(book.tasks.extract_if(.., |task| task.is_finished()));
            book.full = 16.max(2 * book.tasks.len());
        }
        book.tasks.push(task);
        let cancelled = book.cancelled;
        drop(book);
        drop(finished);
        cancelled
    }

    /// Takes no more calls. With `cancel_remaining` the tasks that have not finished are
    /// [asked to end](JoinHandle::cancel), otherwise they may finish.
    ///
    /// # Examples
    ///
    /// ```
    /// let portal = filch::portal::start_blocking_portal().unwrap();
    /// let mut stuck = portal.start_task_soon(std::future::pending::<()>());
    /// portal.stop(true);
    /// assert!(stuck.blocking_wait(None).unwrap().unwrap_err().is_cancelled());
    /// assert!(portal.call(async || 1).unwrap_err().is_cancelled());
    /// ```
    pub fn stop(&self, cancel_remaining: bool) {
        let mut book = self.shared.book.lock();
        book.stopped = true;
        book.cancelled |= cancel_remaining;
        let tasks = if cancel_remaining { std::mem::take(&mut book.tasks) } else { Vec::new() };
        drop(book);
        self.shared.tracker.close();
        for task in tasks {
            task.cancel(STOPPED);
        }
    }

    /// Waits until the portal is stopped and its tasks have ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future only ends the wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::portal::Portal;
    /// use filch::runtime::{Builder, Handle};
    ///
    /// Builder::new_current_thread().build().unwrap().block_on(async {
    ///     let portal = Portal::new(&Handle::current());
    ///     let caller = portal.clone();
    ///     std::thread::spawn(move || {
    ///         caller.call(async || println!("from far away")).unwrap();
    ///         caller.stop(false);
    ///     });
    ///     portal.stopped().await;
    /// });
    /// ```
    pub async fn stopped(&self) {
        self.shared.tracker.wait().await;
    }

    /// The runtime it leads to.
    pub fn handle(&self) -> &Handle {
        &self.shared.handle
    }
}

impl fmt::Debug for Portal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Portal")
            .field("stopped", &self.shared.tracker.is_closed())
            .field("tasks", &self.shared.tracker.len())
            .finish_non_exhaustive()
    }
}

/// Starts a current-thread runtime on a thread of its own, with a portal into it.
///
/// # Errors
///
/// If the runtime cannot be made, or the thread not be started.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let portal = filch::portal::start_blocking_portal()?;
/// let slept = portal.call(async || {
///     filch::time::sleep(Duration::from_millis(1)).await;
///     "well"
/// });
/// assert_eq!(slept.unwrap(), "well");
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn start_blocking_portal() -> io::Result<BlockingPortal> {
    BlockingPortal::start(Builder::new_current_thread().enable_all().build()?)
}

/// A portal into a runtime that it owns, and that a thread of its own drives.
///
/// Dropping it stops the portal, waits until its tasks have finished, and shuts the runtime down. While
/// the thread panics they are asked to end instead. The counterpart of what anyio's
/// `start_blocking_portal` gives to a `with` block.
///
/// # Panics
///
/// The drop does on a thread that drives async work, and must not wait; the tasks are asked to end.
#[derive(Debug)]
pub struct BlockingPortal {
    portal: Portal,
    thread: Option<thread::JoinHandle<()>>,
}

impl BlockingPortal {
    /// Moves a runtime to a thread of its own.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::portal::BlockingPortal;
    ///
    /// let runtime = filch::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    /// let portal = BlockingPortal::start(runtime)?;
    /// assert_eq!(portal.call(async || 1).unwrap(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn start(runtime: Runtime) -> io::Result<BlockingPortal> {
        let portal = Portal::new(runtime.handle());
        let open = portal.clone();
        let name = "filch-portal".to_owned();
        let drive = move || runtime.block_on(open.stopped());
        let builder = thread::Builder::new().name(name);
        let thread = slack::without_heirs(|| builder.spawn(drive))
            .map_err(|error| not_started("the thread of a portal", error))?;
        Ok(BlockingPortal { portal, thread: Some(thread) })
    }
}

impl Deref for BlockingPortal {
    type Target = Portal;

    fn deref(&self) -> &Portal {
        &self.portal
    }
}

impl Drop for BlockingPortal {
    fn drop(&mut self) {
        let panicking = thread::panicking();
        let must_not_wait = current::is_driving();
        self.portal.stop(panicking || must_not_wait);
        let Some(thread) = self.thread.take() else { return };
        if must_not_wait {
            assert!(
                panicking,
                "a `BlockingPortal` was dropped inside of async code, where waiting for its tasks \
                 would stall this thread: drop it outside, or await a plain `Portal`"
            );
        } else if !current::belongs_to(self.portal.handle().scheduler()) {
            let _ = thread.join();
        }
    }
}
