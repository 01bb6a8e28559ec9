//! What `#[filch::main(cancel_on = …)]` is made of: the first signal cancels, the second one kills.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;

use super::handler;
use super::kind::SignalKind;
use super::listener::{Later, Listener};

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
    /// As [`signals`](super::unix::signals).
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn new(kinds: &[SignalKind]) -> io::Result<Canceller> {
        Ok(Canceller { listener: Listener::new(kinds.iter().copied(), Later::HaveDefaultAction)? })
    }

    /// Drives `future` until it is done, or until a signal comes: then it is dropped.
    ///
    /// # Errors
    ///
    /// The signal that came first.
    ///
    /// # Cancel safety
    ///
    /// As `future`.
    pub async fn run<F: Future>(&mut self, future: F) -> Result<F::Output, SignalKind> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            // A signal first: a future that is never pending long would not hear it.
            if let Poll::Ready(Some(kind)) = self.listener.poll_recv(cx) {
                return Poll::Ready(Err(kind));
            }
            future.as_mut().poll(cx).map(Ok)
        })
        .await
    }
}

/// Ends the process as `kind` does by default, so that who started it sees that it was cancelled.
pub fn cancelled_by(kind: SignalKind) -> ! {
    handler::default_action(kind);
    // The signal is ignored by default, or blocked. Shells report such an end like this.
    std::process::exit(128 + kind.as_raw_value())
}
