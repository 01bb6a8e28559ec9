//! What `#[filch::main(cancel_on = …)]` and `Runner` are made of: the first signal asks `main` to end,
//! the second one kills.

use std::future::Future;
use std::io;
use std::task::Poll;

use runtime_core::cancel::root::interruptible;
use runtime_core::cancel::{CancelReason, CancelSource};

use super::handler;
use super::kind::SignalKind;
use super::listener::Listener;
use super::mark::Later;

/// Hears the first signal of some kinds. Those that follow have their default action, so that a
/// program whose clean-up hangs can be ended by asking twice.
#[derive(Debug)]
pub struct Canceller {
    listener: Listener,
}

impl Canceller {
    /// Begins to listen.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn new(kinds: &[SignalKind]) -> io::Result<Canceller> {
        Ok(Canceller { listener: Listener::new(kinds.iter().copied(), Later::HaveDefaultAction)? })
    }

    /// Drives `future` until it is done, and asks it to end when a signal comes, with the reason
    /// [`Signal`](CancelSource::Signal): its frames may clean up, or answer. Without them it is dropped.
    /// After this, the signals have their default action.
    ///
    /// # Errors
    ///
    /// The signal, if the future ended because of it. A value that it gave nevertheless wins.
    ///
    /// # Cancel safety
    ///
    /// As `future`.
    pub async fn run<F: Future>(mut self, future: F) -> Result<F::Output, SignalKind> {
        let mut heard = None;
        let outcome = interruptible(future, |cx| match self.listener.poll_recv(cx) {
            Poll::Ready(Some(kind)) => Poll::Ready(reason(*heard.insert(kind))),
            // `None`: the runtime has shut down, and nothing will be heard any more.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        });
        let outcome = outcome.await;
        match (outcome, heard) {
            (Ok(value), _) => Ok(value),
            (Err(_), Some(kind)) => Err(kind),
            (Err(_), None) => unreachable!("nobody else asks"),
        }
    }
}

fn reason(kind: SignalKind) -> CancelReason {
    let reason = CancelReason::new(CancelSource::Signal);
    match kind.name() {
        Some(name) => reason.with_message(name),
        None => reason.with_message(format!("signal {}", kind.as_raw_value())),
    }
}

/// Ends the process as `kind` does by default, so that who started it sees that it was cancelled: a
/// shell says 128 and the number of the signal, which is 130 for Ctrl-C; and Windows that it was ended by
/// Ctrl-C.
pub fn cancelled_by(kind: SignalKind) -> ! {
    handler::end_process(kind)
}
