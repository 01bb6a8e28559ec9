//! Other signals than Ctrl-C that ask the future of a run to end.

use super::signals::Signals;
use super::{Runner, RunnerBuilder};
use crate::signal::unix::SignalKind;

impl Signals {
    fn hear(&mut self, kinds: impl IntoIterator<Item = SignalKind>) {
        for kind in kinds {
            if !self.0.contains(&kind) {
                self.0.push(kind);
            }
        }
    }
}

/// With the feature `signal`, on Unix.
impl Runner {
    /// These signals ask the future of a [run](Runner::run) to end as Ctrl-C does, from the next run on:
    /// SIGTERM, for example, which containers send.
    pub fn handle_signals(&mut self, kinds: impl IntoIterator<Item = SignalKind>) -> &mut Runner {
        self.signals.hear(kinds);
        self
    }
}

/// With the feature `signal`, on Unix.
impl RunnerBuilder {
    /// See [`Runner::handle_signals`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use filch::runtime::Runner;
    /// use filch::signal::unix::SignalKind;
    ///
    /// let signals = [SignalKind::interrupt(), SignalKind::terminate()];
    /// let mut runner = Runner::builder().handle_signals(signals).build();
    /// let outcome = runner.run(std::future::pending::<()>());
    /// println!("{}", outcome.unwrap_err());
    /// ```
    pub fn handle_signals(mut self, kinds: impl IntoIterator<Item = SignalKind>) -> RunnerBuilder {
        self.signals.hear(kinds);
        self
    }
}
