//! `ThreadPoolExecutor`: threads of one's own for jobs.
//!
//! The blocking pool of a runtime ends with the runtime, and drops what waits; this one ends in good
//! order. One lock guards the line of jobs and the idle threads. A job that comes in takes an idle
//! thread out and unparks it, or starts one if there is room. If there is neither, all threads are
//! busy, and each looks at the line before it lies down: so no job waits while a thread sleeps.

use super::executor::{Executor, SubmitError};
use super::rest::Busy;
use super::wait::assert_may_block;
use crate::blocking::{Blocking, job, run_job};
use crate::context_var;
use crate::not_started::not_started;
use crate::runtime::slack;
use crate::task::{JoinHandle, Runnable};
use crate::unwind::contain;
use runtime_sync::primitives::Mutex;
use runtime_sync::primitives::thread::{self, Thread};
use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::mem;
use std::panic::Location;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Threads of one's own for jobs, which take no part in the runtime's blocking pool.
///
/// Threads start as jobs come, up to a number, and stay until the executor is shut down. A job runs in
/// the context of whoever submits it, and in its runtime: `filch::spawn` and
/// [`from_thread`](crate::threads::from_thread) work in there. One that panics harms nobody else, and
/// its handle says so.
///
/// Dropping the executor shuts it down without waiting: jobs that were submitted are still run, and
/// then the threads end.
///
/// The counterpart of `concurrent.futures.ThreadPoolExecutor`.
///
/// # Examples
///
/// ```
/// use filch::executor::ThreadPoolExecutor;
///
/// let pool = ThreadPoolExecutor::new(4);
/// let mut squares: Vec<_> = (0..8u32).map(|n| pool.submit(move || n * n).unwrap()).collect();
/// let sum: u32 = squares.iter_mut().map(|square| square.blocking_wait(None).unwrap().unwrap()).sum();
/// assert_eq!(sum, 140);
/// pool.shutdown(true, false);
/// ```
pub struct ThreadPoolExecutor {
    shared: Arc<Shared>,
}

struct Shared {
    prefix: String,
    max_workers: usize,
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Order>,
    /// Threads that sleep. One that is taken out has something to do.
    idle: Vec<Thread>,
    threads: usize,
    started: usize,
    closed: bool,
    /// Who waits for the threads to end.
    joining: Vec<Thread>,
}

/// A job, and what keeps a clock that stands still from jumping until it is done.
struct Order {
    job: Runnable<Blocking>,
    busy: Option<Busy>,
}

thread_local! {
    /// Whose thread this is, to be compared and never followed.
    static POOL: Cell<*const Shared> = const { Cell::new(ptr::null()) };
}

impl ThreadPoolExecutor {
    /// A pool that has so many threads at the most, and none as yet.
    ///
    /// # Panics
    ///
    /// If it may have none.
    #[track_caller]
    pub fn new(max_workers: usize) -> ThreadPoolExecutor {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        // Relaxed: it is only a name.
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        ThreadPoolExecutor::with_name_prefix(max_workers, format!("ThreadPoolExecutor-{number}"))
    }

    /// The same, whose threads are called by this name, an underscore and a number.
    ///
    /// # Panics
    ///
    /// If it may have no thread, or if the name has a null byte in it.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::executor::ThreadPoolExecutor;
    ///
    /// let pool = ThreadPoolExecutor::with_name_prefix(1, "images");
    /// let mut name = pool.submit(|| std::thread::current().name().map(str::to_owned)).unwrap();
    /// assert_eq!(name.blocking_wait(None).unwrap().unwrap().as_deref(), Some("images_0"));
    /// ```
    #[track_caller]
    pub fn with_name_prefix(max_workers: usize, prefix: impl Into<String>) -> ThreadPoolExecutor {
        let prefix = prefix.into();
        assert!(max_workers > 0, "a `ThreadPoolExecutor` needs room for at least one thread");
        assert!(!prefix.contains('\0'), "the name of a thread cannot have a null byte in it");
        let line = Mutex::new(Line::default());
        ThreadPoolExecutor { shared: Arc::new(Shared { prefix, max_workers, line }) }
    }

    /// Queues a job. Jobs begin in the order in which they were submitted.
    ///
    /// # Errors
    ///
    /// [`SubmitError`] after [`shutdown`](ThreadPoolExecutor::shutdown), or if there is no thread and
    /// none can be started. All that waits is cancelled then.
    #[track_caller]
    pub fn submit<F, R>(&self, f: F) -> Result<JoinHandle<R>, SubmitError>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let (job, handle) = job(context_var::carry(f), None, Location::caller());
        self.shared.push(Order { job, busy: Busy::here() })?;
        Ok(handle)
    }

    /// Takes no more jobs, and ends the threads as soon as none is left.
    ///
    /// With `wait` it blocks until they have ended. With `cancel_futures` the jobs that have not begun
    /// are cancelled. It may be called again, to wait after all.
    ///
    /// # Panics
    ///
    /// With `wait`, on a thread that drives async work, and on one of its own, which would wait for
    /// itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::executor::ThreadPoolExecutor;
    ///
    /// let pool = ThreadPoolExecutor::new(1);
    /// pool.shutdown(true, true);
    /// assert!(pool.submit(|| ()).unwrap_err().is_shut_down());
    /// ```
    #[track_caller]
    pub fn shutdown(&self, wait: bool, cancel_futures: bool) {
        if wait {
            assert_may_block("ThreadPoolExecutor::shutdown", "call it without `wait`");
            assert!(
                !ptr::eq(POOL.get(), Arc::as_ptr(&self.shared)),
                "`ThreadPoolExecutor::shutdown` was called by a job of this very pool, which would \
                 wait for itself: call it without `wait`"
            );
        }
        self.shared.close(cancel_futures);
        if wait {
            self.shared.join();
        }
    }

    /// The number of threads it may have.
    pub fn max_workers(&self) -> usize {
        self.shared.max_workers
    }
}

impl Default for ThreadPoolExecutor {
    /// As many threads as Python takes: four more than there are cores, and 32 at the most.
    fn default() -> ThreadPoolExecutor {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        ThreadPoolExecutor::new((cores + 4).min(32))
    }
}

impl Drop for ThreadPoolExecutor {
    fn drop(&mut self) {
        self.shared.close(false);
    }
}

impl<F, R> Executor<F> for ThreadPoolExecutor
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    type Output = R;

    #[track_caller]
    fn submit(&self, f: F) -> Result<JoinHandle<R>, SubmitError> {
        ThreadPoolExecutor::submit(self, f)
    }
}

impl Shared {
    fn push(self: &Arc<Shared>, order: Order) -> Result<(), SubmitError> {
        let mut line = self.line.lock();
        if line.closed {
            drop(line);
            drop(order);
            return Err(SubmitError::shut_down());
        }
        line.waiting.push_back(order);
        if let Some(idle) = line.idle.pop() {
            drop(line);
            idle.unpark();
            return Ok(());
        }
        if line.threads == self.max_workers {
            return Ok(());
        }
        line.threads += 1;
        let number = line.started;
        line.started += 1;
        drop(line);
        self.start(number).or_else(|error| self.not_started(error))
    }

    /// Starts a thread that was counted.
    fn start(self: &Arc<Shared>, number: usize) -> io::Result<()> {
        let shared = Arc::clone(self);
        let name = format!("{}_{number}", self.prefix);
        let builder = std::thread::Builder::new().name(name);
        slack::without_heirs(|| builder.spawn(move || shared.work()))
            .map(drop)
            .map_err(|error| not_started("a thread for an executor", error))
    }

    /// The thread was counted in vain. If there is another one, it will come to the job.
    fn not_started(&self, error: io::Error) -> Result<(), SubmitError> {
        let mut line = self.line.lock();
        line.threads -= 1;
        if line.threads > 0 {
            drop(line);
            tracing::warn!(%error, "an executor cannot start another thread");
            return Ok(());
        }
        let cancelled = mem::take(&mut line.waiting);
        let joining = mem::take(&mut line.joining);
        drop(line);
        drop(cancelled);
        joining.iter().for_each(Thread::unpark);
        Err(SubmitError::no_thread(error))
    }

    /// The life of a thread.
    fn work(self: Arc<Shared>) {
        POOL.set(Arc::as_ptr(&self));
        while let Some(Order { job, busy }) = self.next() {
            match &busy {
                // A job may leave guards behind that panic in ours.
                Some(busy) => contain(|| busy.within(|| run_job(job))),
                None => run_job(job),
            }
        }
    }

    /// The next job, waited for if need be. `None`: the thread is to end, and counts no more.
    fn next(&self) -> Option<Order> {
        let me = thread::current();
        let mut line = self.line.lock();
        loop {
            if let Some(order) = line.waiting.pop_front() {
                return Some(order);
            }
            if line.closed {
                line.threads -= 1;
                let joining = if line.threads == 0 { mem::take(&mut line.joining) } else { vec![] };
                drop(line);
                joining.iter().for_each(Thread::unpark);
                return None;
            }
            line.idle.push(me.clone());
            drop(line);
            thread::park();
            line = self.line.lock();
            // It is there still if nobody meant to wake us.
            line.idle.retain(|idle| idle.id() != me.id());
        }
    }

    fn close(&self, cancel: bool) {
        let mut line = self.line.lock();
        line.closed = true;
        let cancelled = if cancel { mem::take(&mut line.waiting) } else { VecDeque::new() };
        let idle = mem::take(&mut line.idle);
        drop(line);
        idle.iter().for_each(Thread::unpark);
        drop(cancelled);
    }

    /// Waits until no thread is left, after [`close`](Shared::close).
    fn join(&self) {
        loop {
            let mut line = self.line.lock();
            if line.threads == 0 {
                return;
            }
            line.joining.push(thread::current());
            drop(line);
            thread::park();
        }
    }
}

impl fmt::Debug for ThreadPoolExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not under the lock: what is printed may go anywhere.
        let (threads, waiting) = {
            let line = self.shared.line.lock();
            (line.threads, line.waiting.len())
        };
        f.debug_struct("ThreadPoolExecutor")
            .field("max_workers", &self.shared.max_workers)
            .field("threads", &threads)
            .field("waiting", &waiting)
            .finish_non_exhaustive()
    }
}
