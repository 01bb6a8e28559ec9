//! The orderly end of a runtime: its tasks are asked to end, and awaited.
//!
//! ```text
//!   ask every task ──▶ await them ──▶ report who is stuck ──▶ await blocking jobs ──▶ drop the rest
//!     ▲                   │
//!     └── some were born ─┘            all of it within limits
//! ```
//!
//! The order is that of `asyncio.run`. While tasks end, the runtime works: their clean-ups may sleep,
//! use sockets and spawn. What they spawn is asked in the next round.

use crate::runtime::{Handle, LocalRuntime, Runtime, RuntimeFlavor};
use crate::scheduler::{Roll, Scheduler, Stuck, current};
use crate::task::{CancelReason, CancelSource, TaskInfo, Unhandled};
use crate::time::timeout;
use runtime_sync::primitives::thread::{self, Thread};
use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// What came of the orderly end of a runtime; see [`Runtime::close`].
///
/// # Examples
///
/// ```
/// let runtime = filch::runtime::Runtime::new().unwrap();
/// runtime.block_on(async {
///     drop(filch::spawn(std::future::pending::<()>()));
///     filch::task::yield_now().await;
/// });
/// let report = runtime.close();
/// assert_eq!((report.cancelled(), report.failed()), (1, 0));
/// assert!(report.is_clean());
/// ```
#[derive(Clone, Debug, Default)]
pub struct ShutdownReport {
    cancelled: usize,
    failed: usize,
    stuck: Vec<TaskInfo>,
    stuck_workers: Vec<usize>,
    threads_left: bool,
}

impl ShutdownReport {
    /// How many tasks ended after they were asked to, without failing.
    pub fn cancelled(&self) -> usize {
        self.cancelled
    }

    /// How many tasks panicked instead, or were in the [background](crate::background::background)
    /// and returned an error. Each was reported to
    /// [`on_unhandled`](crate::runtime::Builder::on_unhandled), unless somebody held its handle.
    pub fn failed(&self) -> usize {
        self.failed
    }

    /// The tasks that did not end within the limit, and so were dropped, or left in a poll that does
    /// not end.
    pub fn stuck(&self) -> &[TaskInfo] {
        &self.stuck
    }

    /// The workers that were in one poll all the time, so that their tasks could not be asked. Which
    /// task holds them up is among the [`stuck`](ShutdownReport::stuck) ones if the runtime has a hook
    /// for [stalls](crate::runtime::Builder::on_stall), and unknown otherwise.
    pub fn stuck_workers(&self) -> &[usize] {
        &self.stuck_workers
    }

    /// Whether threads were left behind, in a blocking job or a poll that did not end.
    pub fn threads_left(&self) -> bool {
        self.threads_left
    }

    /// Whether everything ended as it should.
    pub fn is_clean(&self) -> bool {
        self.failed == 0
            && self.stuck.is_empty()
            && self.stuck_workers.is_empty()
            && !self.threads_left
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tasks cancelled, {} failed", self.cancelled, self.failed)?;
        self.stuck.iter().try_for_each(|task| write!(f, "; stuck: {task}"))?;
        self.stuck_workers.iter().try_for_each(|worker| write!(f, "; stuck: worker {worker}"))?;
        if self.threads_left {
            f.write_str("; threads are left")?;
        }
        Ok(())
    }
}

impl Runtime {
    /// Ends the runtime in order, as `asyncio.run` does in the end.
    ///
    /// 1. Every task is asked to end, with the reason [`Shutdown`](CancelSource::Shutdown): one
    ///    without frames is dropped at its next suspension, and
    ///    [clean-ups](crate::cancel::with_cleanup) run, with all the runtime has to offer.
    /// 2. They are awaited, together with what they spawn meanwhile, for as long as
    ///    [`Builder::close_timeout`](crate::runtime::Builder::close_timeout) says.
    /// 3. Those that are stuck are reported, to
    ///    [`on_unhandled`](crate::runtime::Builder::on_unhandled) and in what this returns.
    /// 4. Blocking jobs are awaited, those too that wait for a thread, for as long as
    ///    [`Builder::close_blocking_timeout`](crate::runtime::Builder::close_blocking_timeout) says.
    ///    Those that have not begun then are dropped.
    /// 5. What is left is dropped, as by [`shutdown_timeout`](Runtime::shutdown_timeout).
    ///
    /// Dropping a runtime does only the last step, and waits for blocking jobs without a limit: that
    /// is tokio's way.
    ///
    /// # Panics
    ///
    /// Inside of async code, which it would stall.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::cancel::with_cleanup;
    /// use filch::runtime::Runtime;
    /// use filch::time::{Duration, sleep};
    ///
    /// let runtime = Runtime::new().unwrap();
    /// drop(runtime.spawn(with_cleanup(std::future::pending::<()>(), async {
    ///     sleep(Duration::from_millis(1)).await; // say good-bye to somebody
    /// })));
    /// let report = runtime.close();
    /// assert!(report.is_clean(), "{report}");
    /// ```
    #[track_caller]
    pub fn close(self) -> ShutdownReport {
        Orderly::bounded(self).close()
    }

    /// Steps 1 to 3.
    fn end_tasks(&self) -> ShutdownReport {
        let mut ending = Ending::new(self.handle().scheduler().clone());
        if !ending.scheduler.has_tasks() {
            return ending.report;
        }
        let limit = ending.scheduler.config().close_timeout;
        let ended = match self.handle().runtime_flavor() {
            // On the clock of the runtime, which this thread drives.
            RuntimeFlavor::CurrentThread => {
                self.block_on(timeout(limit, poll_fn(|cx| ending.poll(cx)))).is_ok()
            }
            // Not by a timer: the workers that fire them may be what is stuck.
            RuntimeFlavor::MultiThread => ending.wait(limit),
        };
        if !ended {
            ending.give_up(limit);
        }
        ending.report
    }
}

impl LocalRuntime {
    /// Ends the runtime in order; see [`Runtime::close`].
    ///
    /// # Panics
    ///
    /// Inside of async code, which it would stall.
    #[track_caller]
    pub fn close(self) -> ShutdownReport {
        self.into_runtime().close()
    }
}

/// A runtime that ends in order when it is dropped: what `#[filch::main]` and `Runner` hold.
#[derive(Debug)]
pub struct Orderly {
    runtime: Option<Runtime>,
    /// Whether blocking jobs have a limit. Without one it is as when a runtime is dropped.
    bounded: bool,
    /// The runtime may be a local one.
    not_send: PhantomData<*const ()>,
}

impl Orderly {
    /// Awaits blocking jobs only as long as the runtime's configuration says.
    pub fn bounded(runtime: Runtime) -> Orderly {
        Orderly { runtime: Some(runtime), bounded: true, not_send: PhantomData }
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it goes only when this does")
    }

    /// See [`Runtime::block_on`].
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime().block_on(future)
    }

    /// See [`Runtime::handle`].
    pub fn handle(&self) -> &Handle {
        self.runtime().handle()
    }

    /// See [`Runtime::close`].
    #[track_caller]
    pub fn close(mut self) -> ShutdownReport {
        assert!(
            !current::is_driving(),
            "a runtime was closed inside of async code, where waiting for its tasks would stall this \
             one: close it outside, or wrap the call in `task::block_in_place`"
        );
        self.end()
    }

    fn end(&mut self) -> ShutdownReport {
        let Some(mut runtime) = self.runtime.take() else { return ShutdownReport::default() };
        let mut report = runtime.end_tasks();
        let limit = runtime.handle().scheduler().config().close_blocking_timeout;
        if !runtime.shut_down(self.bounded.then_some(limit)) {
            report.threads_left = true;
            tracing::warn!("the runtime leaves threads behind that did not end within {limit:?}");
        }
        report
    }
}

impl From<Runtime> for Orderly {
    fn from(runtime: Runtime) -> Orderly {
        Orderly { runtime: Some(runtime), bounded: false, not_send: PhantomData }
    }
}

impl From<LocalRuntime> for Orderly {
    fn from(runtime: LocalRuntime) -> Orderly {
        Orderly::from(runtime.into_runtime())
    }
}

impl Drop for Orderly {
    fn drop(&mut self) {
        // Inside of async code nothing can be awaited; the runtime's own drop says so.
        if !current::is_driving() {
            self.end();
        }
    }
}

/// The rounds of asking, until no task lives.
struct Ending {
    scheduler: Arc<Scheduler>,
    reason: Arc<CancelReason>,
    roll: Option<Arc<Roll>>,
    report: ShutdownReport,
}

/// What to do next.
enum Step {
    Done,
    /// The waker will be called.
    Wait,
    /// A round is over, and some task may live all the same: it was born meanwhile, or has not begun.
    Again,
}

impl Ending {
    fn new(scheduler: Arc<Scheduler>) -> Ending {
        Ending {
            scheduler,
            reason: Arc::new(CancelReason::new(CancelSource::Shutdown)),
            roll: None,
            report: ShutdownReport::default(),
        }
    }

    fn step(&mut self, waker: &Waker) -> Step {
        if self.roll.is_none() && !self.scheduler.has_tasks() {
            return Step::Done;
        }
        let roll = self.roll.get_or_insert_with(|| self.scheduler.call_roll(&self.reason));
        if !roll.is_done(waker) {
            return Step::Wait;
        }
        self.end_roll();
        Step::Again
    }

    /// Ends the round, and says what is left.
    fn end_roll(&mut self) -> Stuck {
        let Some(roll) = self.roll.take() else { return Stuck::default() };
        let count = roll.count();
        self.report.cancelled += count.ended;
        self.report.failed += count.failed;
        self.scheduler.end_roll(&roll)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.step(cx.waker()) {
            Step::Done => Poll::Ready(()),
            Step::Wait => Poll::Pending,
            Step::Again => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    /// Goes through the rounds on this thread, which sleeps meanwhile. False: the time is over.
    fn wait(&mut self, limit: Duration) -> bool {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let clock = self.scheduler.clone();
        let start = clock.clock().now();
        loop {
            let passed = Duration::from_nanos(clock.clock().now().saturating_sub(start));
            let Some(left) = limit.checked_sub(passed).filter(|left| !left.is_zero()) else {
                return matches!(self.step(&waker), Step::Done);
            };
            match self.step(&waker) {
                Step::Done => return true,
                Step::Wait => thread::park_timeout(left),
                // Those who finish a task count it a moment after it is complete.
                Step::Again => thread::park_timeout(left.min(Duration::from_micros(50))),
            }
        }
    }

    /// The time is over: reports who is stuck.
    fn give_up(&mut self, limit: Duration) {
        let stuck = self.end_roll();
        let hook = self.scheduler.config().hooks.unhandled.clone();
        for task in &stuck.tasks {
            let said = format!("did not end within {limit:?} of the shutdown of its runtime");
            Unhandled::stuck(Some(task.clone()), said).report(hook.as_ref());
        }
        for (worker, task) in &stuck.workers {
            let said = format!("has kept worker {worker} in one poll for {limit:?}");
            let said = if task.is_some() { said } else { format!("an unknown task {said}") };
            Unhandled::stuck(task.clone(), said).report(hook.as_ref());
        }
        self.report.stuck_workers = stuck.workers.iter().map(|(worker, _)| *worker).collect();
        self.report.stuck = stuck.tasks;
        self.report.stuck.extend(stuck.workers.into_iter().filter_map(|(_, task)| task));
    }
}

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Unpark>) {
        self.0.unpark();
    }
}
