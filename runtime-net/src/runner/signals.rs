//! `Signals`: which ones ask the future of a run to end.

use std::future::Future;

use runtime_core::closing::Orderly;

use super::{Interrupted, Runner, RunnerBuilder};
use crate::signal::{Canceller, SignalKind, cancelled_by};

/// The signals that ask the future of a run to end.
#[derive(Debug)]
pub(super) struct Signals(pub(super) Vec<SignalKind>);

impl Signals {
    pub(super) fn none() -> Signals {
        Signals(Vec::new())
    }

    pub(super) fn hear_ctrl_c(&mut self, hear: bool) {
        self.0.retain(|kind| *kind != SignalKind::interrupt());
        self.0.extend(hear.then(SignalKind::interrupt));
    }

    #[track_caller]
    pub(super) fn run<F: Future>(
        &self,
        runtime: &Orderly,
        future: F,
    ) -> Result<F::Output, Interrupted> {
        if self.0.is_empty() {
            return Ok(runtime.block_on(future));
        }
        let canceller = {
            let _entered = runtime.handle().enter();
            match Canceller::new(&self.0) {
                Ok(canceller) => canceller,
                Err(error) => panic!("failed to listen to signals: {error}"),
            }
        };
        let outcome = runtime.block_on(canceller.run(future));
        outcome.map_err(|kind| Interrupted { signal: kind.as_raw_value() })
    }
}

pub(super) fn end_process(interrupted: Interrupted) -> ! {
    cancelled_by(SignalKind::from_raw(interrupted.signal))
}

/// With the feature `signal`.
impl Runner {
    /// Whether Ctrl-C asks the future of a [run](Runner::run) to end, from the next run on. Off unless it is
    /// set.
    ///
    /// The first Ctrl-C of a run is a request with the reason
    /// [`Signal`](runtime_core::cancel::CancelSource::Signal), which clean-ups and
    /// [`catch_cancel`](runtime_core::cancel::catch_cancel) see. The second one, and any between runs and
    /// while the runner is closed, ends the process at once, as if nobody listened.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use filch::runtime::Runner;
    ///
    /// let mut runner = Runner::new();
    /// runner.handle_ctrl_c(true);
    /// if let Err(interrupted) = runner.run(std::future::pending::<()>()) {
    ///     runner.close();
    ///     std::process::exit(interrupted.exit_code());
    /// }
    /// ```
    pub fn handle_ctrl_c(&mut self, handle: bool) -> &mut Runner {
        self.signals.hear_ctrl_c(handle);
        self
    }
}

/// With the feature `signal`.
impl RunnerBuilder {
    /// See [`Runner::handle_ctrl_c`].
    pub fn handle_ctrl_c(mut self, handle: bool) -> RunnerBuilder {
        self.signals.hear_ctrl_c(handle);
        self
    }
}
