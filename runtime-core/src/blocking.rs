//! Threads that grow and shrink, for closures that block.
//!
//! Jobs go through one crossbeam channel. A pool begins without threads. It starts one when a job
//! waits and no thread is idle, and each thread that takes a job while others wait and nobody is
//! idle starts the next: so a burst of short jobs is done by the few threads that had time to
//! start, while jobs that block, perhaps for one another, get a thread each up to the limit, without
//! anyone watching a clock.
//!
//! Why no job waits for ever, while `threads < max`: a submitter sends, then looks whether a thread
//! is idle or starting, and whether there is room for one more. A thread takes itself out of the idle,
//! ends its start or goes, and then looks whether a job waits. Between the two steps of each lies a
//! SeqCst fence, so that at least one of them sees the other, and either the thread goes on or a new
//! one is started. Who finds a start under way leaves the job to its starter; so one that finds no
//! room looks again after it has said that it starts none. `tests/loom_pool.rs` models these steps,
//! `tests/loom_blocking.rs` those of the end.
//!
//! Why each job from before the end is done: [`close`](Pool::close) takes away what threads are started
//! with, then sends a stop for each that there is, behind all jobs. Whoever says that it starts one has
//! what it takes by then; and one that goes looks, before it does, whether it is the end that kept it from
//! starting another.

use crate::scheduler::current;
use crate::task::{self, Dead, JoinHandle, Runnable, Schedule, UnhandledHook};
use crate::unwind::contain;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, unbounded};
use runtime_sync::primitives::Mutex;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The home of jobs. They are never woken, and their memory is freed where they end.
pub(crate) struct Blocking;

impl Schedule for Blocking {
    fn schedule(_: Runnable<Blocking>) {
        unreachable!("a job is queued once, and its future is never pending");
    }

    fn reclaim(self, _: Dead) {
        unreachable!("a job has no home");
    }

    fn unhandled_hook(_: Option<&Blocking>) -> Option<UnhandledHook> {
        current::unhandled_hook()
    }
}

/// A closure as a future that is ready at its first poll.
struct Job<F>(Option<F>);

impl<F> Unpin for Job<F> {}

impl<R, F: FnOnce() -> R> Future for Job<F> {
    type Output = R;
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<R> {
        let job = self.0.take().expect("a job is run once");
        // A closure may take as long as it likes.
        runtime_sync::budget::clear();
        Poll::Ready(job())
    }
}

/// A closure as a job for [`run_job`], and the handle to its output.
pub(crate) fn job<F, R>(
    f: F,
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
) -> (Runnable<Blocking>, JoinHandle<R>)
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    task::new(Job(Some(f)), None::<Blocking>, name, location)
}

/// Runs a job on this thread. No panic of it gets out.
pub(crate) fn run_job(job: Runnable<Blocking>) {
    contain(|| {
        let before = task::polled::set(job.as_ptr());
        job.run(|| false);
        task::polled::set(before);
    });
}

enum Order {
    Run(Runnable<Blocking>),
    Stop,
}

/// What a pool's thread runs, given to whoever starts threads.
pub(crate) type ThreadBody = Box<dyn FnOnce() + Send>;
/// Starts a thread that runs the body. It names the thread, and enters the runtime there.
pub(crate) type Starter = Box<dyn Fn(ThreadBody) -> io::Result<()> + Send + Sync>;
/// Called when the last job is done, or dropped.
pub(crate) type OnQuiet = Box<dyn Fn() + Send + Sync>;

/// Threads that grow and shrink.
pub(crate) struct Pool {
    sender: Sender<Order>,
    receiver: Receiver<Order>,
    starter: OnceLock<Starter>,
    on_quiet: OnceLock<OnQuiet>,
    max_threads: usize,
    keep_alive: Duration,
    threads: AtomicUsize,
    idle: AtomicUsize,
    /// A thread was asked for and has not looked at the queue yet.
    starting: AtomicBool,
    /// Jobs that are not done.
    unfinished: AtomicUsize,
    /// No job is taken any more.
    closed: AtomicBool,
    /// Nor is one begun.
    over: AtomicBool,
    /// Every thread holds a clone of the sender; when all are gone, so are the threads.
    alive: Mutex<Option<Sender<Infallible>>>,
    gone: Receiver<Infallible>,
}

impl Pool {
    /// A pool without threads.
    pub(crate) fn new(max_threads: usize, keep_alive: Duration) -> Arc<Pool> {
        let (sender, receiver) = unbounded();
        let (alive, gone) = unbounded();
        Arc::new(Pool {
            sender,
            receiver,
            starter: OnceLock::new(),
            on_quiet: OnceLock::new(),
            max_threads,
            keep_alive,
            threads: AtomicUsize::new(0),
            idle: AtomicUsize::new(0),
            starting: AtomicBool::new(false),
            unfinished: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            over: AtomicBool::new(false),
            alive: Mutex::new(Some(alive)),
            gone,
        })
    }

    /// Says how threads are started, and whom to tell that no job is left: once, before the first job.
    pub(crate) fn set_up(&self, starter: Starter, on_quiet: OnQuiet) {
        let _ = self.starter.set(starter);
        let _ = self.on_quiet.set(on_quiet);
    }

    /// Queues `f` to be run on a thread of the pool.
    ///
    /// After [`close`](Pool::close) the job is dropped, and its handle says "cancelled"; so it may be if
    /// that is called at the same time.
    ///
    /// # Errors
    ///
    /// If the pool has no thread and none can be started. The jobs that wait are cancelled then.
    pub(crate) fn spawn<F, R>(
        self: &Arc<Pool>,
        f: F,
        name: Option<Arc<str>>,
        location: &'static Location<'static>,
    ) -> io::Result<JoinHandle<R>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let (runnable, handle) = job(f, name, location);
        self.submit(runnable)?;
        Ok(handle)
    }

    fn submit(self: &Arc<Pool>, job: Runnable<Blocking>) -> io::Result<()> {
        if self.closed.load(Ordering::Acquire) {
            drop(job);
            return Ok(());
        }
        self.begin_job();
        self.send(Order::Run(job));
        // Pairs with the fences in `work`, and with the one in `give_up`.
        fence(Ordering::SeqCst);
        if self.over.load(Ordering::Acquire) {
            self.drop_jobs();
        } else if self.idle.load(Ordering::Relaxed) == 0 {
            return self.grow();
        }
        Ok(())
    }

    fn send(&self, order: Order) {
        self.sender.send(order).expect("the pool holds a receiver");
    }

    /// Starts a thread, unless one is being started, or there are enough, or the pool is closed.
    fn grow(self: &Arc<Pool>) -> io::Result<()> {
        // Before others see that one is being started: they rely on it, also if the pool is closed now.
        let Some(alive) = self.alive() else { return Ok(()) };
        while !self.starting.swap(true, Ordering::AcqRel) {
            if self.count_thread() {
                return self.start_counted(alive);
            }
            self.starting.swap(false, Ordering::AcqRel);
            // Pairs with the fence at the end of `work`: a thread that went and left the job to us, as
            // we seemed to be starting one, is seen to be gone.
            fence(Ordering::SeqCst);
            let full = self.threads.load(Ordering::Relaxed) >= self.max_threads;
            if full || self.receiver.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Counts one thread more, if there is room for it.
    fn count_thread(&self) -> bool {
        let counted = self.threads.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |threads| {
            (threads < self.max_threads).then_some(threads + 1)
        });
        counted.is_ok()
    }

    /// Starts the thread that was counted, whose start clears `starting`.
    fn start_counted(self: &Arc<Pool>, alive: Sender<Infallible>) -> io::Result<()> {
        let pool = Arc::clone(self);
        let started = self.start(Box::new(move || {
            pool.work();
            drop(alive);
        }));
        let Err(error) = started else { return Ok(()) };
        self.starting.swap(false, Ordering::AcqRel);
        // Pairs with the fence in `submit`: a job that was left to us is dropped below.
        fence(Ordering::SeqCst);
        if self.threads.fetch_sub(1, Ordering::AcqRel) > 1 {
            // The queue grows longer, and the threads that there are get to it.
            tracing::warn!(%error, "cannot start another thread for blocking work");
            return Ok(());
        }
        self.drop_jobs();
        Err(error)
    }

    fn start(&self, body: ThreadBody) -> io::Result<()> {
        self.starter.get().expect("the pool is set up before the first job")(body)
    }

    /// The life of a thread.
    fn work(self: &Arc<Pool>) {
        self.starting.swap(false, Ordering::AcqRel);
        loop {
            // Pairs with the fence in `submit`: we see the job, or its submitter sees that nobody
            // starts and nobody is idle.
            fence(Ordering::SeqCst);
            match self.receiver.try_recv() {
                Ok(Order::Run(job)) => self.run(job),
                Ok(Order::Stop) | Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    if self.closed.load(Ordering::Acquire) {
                        break;
                    }
                    self.idle.fetch_add(1, Ordering::AcqRel);
                    let order = self.receiver.recv_timeout(self.keep_alive);
                    self.idle.fetch_sub(1, Ordering::AcqRel);
                    match order {
                        Ok(Order::Run(job)) => self.run(job),
                        Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                        Err(RecvTimeoutError::Timeout) => {
                            fence(Ordering::SeqCst);
                            if self.receiver.is_empty() {
                                break;
                            }
                        }
                    }
                }
            }
        }
        self.threads.fetch_sub(1, Ordering::AcqRel);
        // Pairs with the fence in `submit`: who found no room because of us relies on this.
        fence(Ordering::SeqCst);
        if !self.closed.load(Ordering::Acquire) {
            self.grow_if_needed();
            if !self.closed.load(Ordering::Acquire) {
                return;
            }
        }
        // No thread is started any more, perhaps not by us just now: whoever relied on us relies on us
        // still.
        while let Ok(order) = self.receiver.try_recv() {
            match order {
                Order::Run(job) => self.run(job),
                Order::Stop => return self.send(Order::Stop),
            }
        }
    }

    fn run(self: &Arc<Pool>, job: Runnable<Blocking>) {
        // Pairs with the fence in `submit`: whoever sent while we were still idle relies on this.
        fence(Ordering::SeqCst);
        self.grow_if_needed();
        run_job(job);
        self.end_job();
    }

    /// Starts a thread if a job waits and nobody is idle.
    fn grow_if_needed(self: &Arc<Pool>) {
        if !self.receiver.is_empty() && self.idle.load(Ordering::Relaxed) == 0 {
            // A failure leaves a longer queue to the threads that there are; if there is none, the
            // jobs are cancelled.
            let _ = self.grow();
        }
    }

    fn drop_jobs(&self) {
        let mut stops = 0;
        while let Ok(order) = self.receiver.try_recv() {
            match order {
                Order::Run(job) => {
                    drop(job);
                    self.end_job();
                }
                // Meant for a thread, which would sleep on without it.
                Order::Stop => stops += 1,
            }
        }
        (0..stops).for_each(|_| self.send(Order::Stop));
    }

    /// Takes no job any more. The threads do those that wait, and go.
    pub(crate) fn close(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        drop(self.alive.lock().take());
        // Behind all jobs.
        for _ in 0..self.threads.load(Ordering::Acquire) {
            self.send(Order::Stop);
        }
    }

    /// Drops the jobs that still wait, after [`close`](Pool::close). Those that run are left to end.
    pub(crate) fn give_up(&self) {
        self.over.swap(true, Ordering::AcqRel);
        // Pairs with the fence in `submit`: we see the job, or its submitter sees that it is over.
        fence(Ordering::SeqCst);
        self.drop_jobs();
    }

    /// Waits until every thread is gone, after [`close`](Pool::close). False: the time is over.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> bool {
        let gone = match deadline {
            None => self.gone.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(deadline) => self.gone.recv_deadline(deadline),
        };
        matches!(gone, Err(RecvTimeoutError::Disconnected))
    }

    /// Keeps the runtime waiting for another thread: until the returned value is dropped,
    /// [`wait`](Pool::wait) does not return true. `None` after [`close`](Pool::close).
    pub(crate) fn alive(&self) -> Option<Sender<Infallible>> {
        self.alive.lock().clone()
    }

    /// Counts a job more that is not done: one that runs elsewhere.
    pub(crate) fn begin_job(&self) {
        self.unfinished.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a job less. If it was the last one, somebody may wait for that.
    pub(crate) fn end_job(&self) {
        // Release pairs with the acquire in `is_quiet`.
        if self.unfinished.fetch_sub(1, Ordering::Release) == 1 {
            self.on_quiet.get().into_iter().for_each(|on_quiet| on_quiet());
        }
    }

    /// Whether no job waits or runs.
    pub(crate) fn is_quiet(&self) -> bool {
        // Acquire pairs with the release after a job: what it woke is seen.
        self.unfinished.load(Ordering::Acquire) == 0
    }

    /// The number of threads.
    pub(crate) fn threads(&self) -> usize {
        self.threads.load(Ordering::Relaxed)
    }

    /// The number of threads without a job.
    pub(crate) fn idle_threads(&self) -> usize {
        self.idle.load(Ordering::Relaxed)
    }

    /// The number of jobs that wait for a thread.
    pub(crate) fn queued(&self) -> usize {
        self.receiver.len()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("threads", &self.threads())
            .field("idle", &self.idle_threads())
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}
