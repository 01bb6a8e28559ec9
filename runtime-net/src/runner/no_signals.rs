//! `Signals` without the feature `signal`: none is heard.

use std::future::Future;

use runtime_core::closing::Orderly;

use super::Interrupted;

/// No signals.
#[derive(Debug)]
pub(super) struct Signals;

impl Signals {
    pub(super) fn none() -> Signals {
        Signals
    }

    pub(super) fn hear_ctrl_c(&mut self, _hear: bool) {}

    #[track_caller]
    pub(super) fn run<F: Future>(
        &self,
        runtime: &Orderly,
        future: F,
    ) -> Result<F::Output, Interrupted> {
        Ok(runtime.block_on(future))
    }
}

pub(super) fn end_process(interrupted: Interrupted) -> ! {
    std::process::exit(interrupted.exit_code())
}
