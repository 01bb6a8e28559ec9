//! `run` and `Runner`: asyncio's way to run a program, from its main function to the end of its tasks.
//!
//! ```text
//!   Runner ──▶ Orderly (runtime_core::closing) ──▶ Runtime
//!      └─────▶ Signals ──▶ signal::cancel          with the feature `signal`
//! ```

#[cfg(not(feature = "signal"))]
#[path = "no_signals.rs"]
mod signals;
#[cfg(feature = "signal")]
mod signals;
#[cfg(all(unix, feature = "signal"))]
mod signals_unix;

use std::fmt;
use std::future::Future;
use std::io;

use runtime_core::closing::{Orderly, ShutdownReport};
use runtime_core::context_var::{Context, copy_context};
use runtime_core::runtime::{Builder, Handle, context};

use signals::Signals;

/// Runs a future to its end on a runtime of its own, ends that in order, and gives the output.
///
/// When the future is done, the tasks that are left are asked to end and awaited, blocking jobs as well,
/// all of it within limits: see [`Runtime::close`](runtime_core::runtime::Runtime::close). If the future
/// panics, that is done before the panic goes on.
///
/// With the feature `signal`, the first Ctrl-C asks the future to end, with the reason
/// [`Signal`](runtime_core::cancel::CancelSource::Signal), so that its clean-ups run. If it ends because of
/// that, the process ends in order as by the signal, which shells report as 130; if it gives a value all the
/// same, that is returned. The second Ctrl-C ends the process at once.
///
/// The counterpart of `asyncio.run`. For several runs, and for other options: [`Runner`].
///
/// # Panics
///
/// If this thread drives async work already: wrap the call in `task::block_in_place`, or await the future
/// instead. And if the system refuses a runtime.
///
/// # Examples
///
/// ```
/// let answer = filch::run(async {
///     drop(filch::spawn(std::future::pending::<()>())); // is cancelled in the end
///     42
/// });
/// assert_eq!(answer, 42);
/// ```
#[track_caller]
pub fn run<F: Future>(future: F) -> F::Output {
    let mut runner = Runner::new();
    runner.signals.hear_ctrl_c(true);
    match runner.run(future) {
        Ok(output) => output,
        Err(interrupted) => {
            runner.close();
            signals::end_process(interrupted)
        }
    }
}

/// Runs futures on one runtime, one after the other, and ends it in order.
///
/// The runtime is made when it is needed first. Tasks that one run leaves behind go on in the next one; when
/// the runner is [closed](Runner::close) or dropped, they are asked to end and awaited: see
/// [`Runtime::close`](runtime_core::runtime::Runtime::close). All runs have one
/// [context](runtime_core::context_var), a copy of that in which the runtime was made: what one sets the next
/// one sees, and nobody outside.
///
/// The counterpart of `asyncio.Runner`.
///
/// # Examples
///
/// ```
/// use filch::runtime::Runner;
///
/// let mut runner = Runner::new();
/// let task = runner.run(async { filch::spawn(async { 7 }) }).unwrap();
/// assert_eq!(runner.run(task).unwrap().unwrap(), 7);
/// assert!(runner.close().is_clean());
/// ```
#[derive(Debug)]
pub struct Runner {
    stage: Stage,
    signals: Signals,
}

#[derive(Debug)]
enum Stage {
    /// Nobody has run anything.
    New(Box<Builder>),
    /// The runtime, and the context of all runs.
    Open(Orderly, Context),
    Closed,
}

impl Runner {
    /// A runner with a multi-thread runtime, which does not listen to signals.
    pub fn new() -> Runner {
        Runner::builder().build()
    }

    /// Options of a runner.
    pub fn builder() -> RunnerBuilder {
        RunnerBuilder { runtime: Builder::new_multi_thread(), signals: Signals::none() }
    }

    /// Runs a future to its end, and gives its output. Tasks that are left go on in the next run, and at
    /// once if the runtime has threads of its own.
    ///
    /// # Errors
    ///
    /// [`Interrupted`], if the future was asked to end by a signal that the runner handles, and did. A value
    /// that it gave all the same wins.
    ///
    /// # Panics
    ///
    /// If the runner is closed, or this thread drives async work already. If the system refuses a runtime or
    /// the handling of a signal; [`start`](Runner::start) tells of the former by an error.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(filch::runtime::Runner::new().run(async { 1 + 1 }).unwrap(), 2);
    /// ```
    #[track_caller]
    pub fn run<F: Future>(&mut self, future: F) -> Result<F::Output, Interrupted> {
        assert!(
            !context::is_driving(),
            "a `Runner` or `run` was asked to run on a thread that drives async work already, which it \
             would stall: await the future instead, or wrap the call in `task::block_in_place`"
        );
        self.open();
        match &self.stage {
            Stage::Open(runtime, context) => self.signals.run(runtime, context.scope(future)),
            Stage::New(_) | Stage::Closed => unreachable!("it was opened just now"),
        }
    }

    /// Makes the runtime, unless it is there already.
    ///
    /// # Errors
    ///
    /// If the system refuses it, or the runner is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut runner = filch::runtime::Runner::new();
    /// runner.start().unwrap();
    /// runner.close();
    /// assert!(runner.start().is_err());
    /// ```
    pub fn start(&mut self) -> io::Result<&Handle> {
        if let Stage::New(builder) = &mut self.stage {
            self.stage = Stage::Open(Orderly::bounded(builder.build()?), copy_context());
        }
        match &self.stage {
            Stage::Open(runtime, _) => Ok(runtime.handle()),
            Stage::New(_) | Stage::Closed => Err(io::Error::other(CLOSED)),
        }
    }

    /// The handle of the runtime, which is made if need be.
    ///
    /// # Panics
    ///
    /// If the runner is closed, or the system refuses a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut runner = filch::runtime::Runner::new();
    /// let task = runner.handle().spawn(async { 5 });
    /// assert_eq!(runner.run(task).unwrap().unwrap(), 5);
    /// ```
    #[track_caller]
    pub fn handle(&mut self) -> &Handle {
        self.open();
        match &self.stage {
            Stage::Open(runtime, _) => runtime.handle(),
            Stage::New(_) | Stage::Closed => unreachable!("it was opened just now"),
        }
    }

    #[track_caller]
    fn open(&mut self) {
        assert!(!matches!(self.stage, Stage::Closed), "{CLOSED}");
        if let Err(error) = self.start() {
            panic!("failed to build the runtime: {error}");
        }
    }

    /// Ends the runtime in order: see [`Runtime::close`](runtime_core::runtime::Runtime::close). Does nothing
    /// if it was never made, or is closed already. Nothing can be run after this.
    ///
    /// # Panics
    ///
    /// Inside of async code.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut runner = filch::runtime::Runner::new();
    /// runner.run(async { drop(filch::spawn(std::future::pending::<()>())) }).unwrap();
    /// assert!(runner.close().is_clean());
    /// assert!(runner.close().is_clean());
    /// ```
    #[track_caller]
    pub fn close(&mut self) -> ShutdownReport {
        match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Open(runtime, _) => runtime.close(),
            Stage::New(_) | Stage::Closed => ShutdownReport::default(),
        }
    }
}

const CLOSED: &str = "this `Runner` is closed, and its runtime has ended: make another one";

impl Default for Runner {
    fn default() -> Runner {
        Runner::new()
    }
}

/// Options of a [`Runner`].
///
/// # Examples
///
/// ```
/// use filch::runtime::{Builder, Runner};
/// use std::time::Duration;
///
/// let mut runtime = Builder::new_current_thread();
/// runtime.close_timeout(Duration::from_secs(5));
/// let mut runner = Runner::builder().runtime(runtime).build();
/// assert_eq!(runner.run(async { 1 }).unwrap(), 1);
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct RunnerBuilder {
    runtime: Builder,
    signals: Signals,
}

impl RunnerBuilder {
    /// How the runtime is made, and how long its orderly end may take.
    pub fn runtime(mut self, builder: Builder) -> RunnerBuilder {
        self.runtime = builder;
        self
    }

    /// A runner; the runtime is made later.
    pub fn build(self) -> Runner {
        Runner { stage: Stage::New(Box::new(self.runtime)), signals: self.signals }
    }
}

/// A run ended because of a signal that its [`Runner`] handles.
///
/// The counterpart of the `KeyboardInterrupt` that `asyncio.run` raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted {
    signal: i32,
}

impl Interrupted {
    /// The number of the signal.
    pub fn signal(&self) -> i32 {
        self.signal
    }

    /// What shells report of a process that ends by this signal: 130 for Ctrl-C.
    pub fn exit_code(&self) -> i32 {
        128 + self.signal
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interrupted by signal {}", self.signal)
    }
}

impl std::error::Error for Interrupted {}

impl From<Interrupted> for io::Error {
    fn from(error: Interrupted) -> io::Error {
        io::Error::new(io::ErrorKind::Interrupted, error)
    }
}
