//! `Listener`: hears some signals, on the reactor of one runtime.
//!
//! Every listener has a pair of connected sockets of its own. The handler marks the signal as
//! pending and writes a byte into one; the reactor watches the other. Signals that come while one of
//! their kind is pending are one with it, and a byte that finds the socket full is not needed: so a
//! storm costs no memory, and the handler never waits.
//!
//! A signal is marked before its byte is written, and the bytes are taken before the marks: a
//! reader that misses a mark finds its byte.

use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use runtime_core::reactor::{Direction, Interest, Registration};
use runtime_sync::budget;

use super::handler::{self, Heard, Loan, SigId};
use super::kind::SignalKind;
use super::mark::{Later, Mark, Turns};

/// Hears some signals from when it is made until it is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    /// Of the end that is read; the kinds have the other one.
    registration: Registration<UnixStream>,
    /// Before the kinds: a signal that comes as they go is no longer theirs.
    loans: Vec<Loan>,
    kinds: Vec<Kind>,
    turns: Turns,
}

/// One kind, heard while this lives.
#[derive(Debug)]
struct Kind {
    heard: Arc<Heard>,
    id: SigId,
}

impl Drop for Kind {
    fn drop(&mut self) {
        handler::forget(self.id);
    }
}

impl Listener {
    /// Begins to listen.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a signal that nobody can listen to, or for none at all, and those of the
    /// system.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub(super) fn new(
        kinds: impl IntoIterator<Item = SignalKind>,
        later: Later,
    ) -> io::Result<Listener> {
        let (receiver, sender) = UnixStream::pair()?;
        receiver.set_nonblocking(true)?;
        sender.set_nonblocking(true)?;
        let registration = Registration::new(receiver, Interest::READABLE)?;
        let mut listener = Listener {
            registration,
            loans: Vec::new(),
            kinds: Vec::new(),
            turns: Turns::default(),
        };
        let bell = Arc::new(sender);
        let first = later.first();
        for kind in kinds {
            if listener.kinds.iter().any(|other| other.heard.mark().kind() == kind) {
                // Or one signal would count as two.
                continue;
            }
            let heard = Arc::new(Heard::new(Mark::new(kind, first.clone()), bell.clone()));
            match later {
                Later::AreHeard => handler::keep(kind),
                // Before the kind listens: what looks after the loan runs first in the handler then, and
                // does not meet a signal that the listener has heard, and is gone because of.
                Later::HaveDefaultAction => listener.loans.push(Loan::new(kind)?),
            }
            let id = handler::listen(heard.clone())?;
            listener.kinds.push(Kind { heard, id });
        }
        if listener.kinds.is_empty() {
            let message = "a listener needs at least one signal";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Ok(listener)
    }

    /// Waits for a signal. `None`: the runtime has shut down, and none will be heard any more.
    pub(super) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<SignalKind>> {
        let turn = ready!(budget::poll_proceed(cx));
        let Listener { registration, kinds, turns, .. } = self;
        let mut take = || turns.take(kinds, |kind| kind.heard.mark());
        if let Some(kind) = take() {
            turn.made_progress();
            return Poll::Ready(Some(kind));
        }
        // What follows spends the budget on its own.
        drop(turn);
        let outcome = registration.poll_io(cx, Direction::Read, || {
            drain(registration.watched())?;
            take().ok_or_else(|| io::ErrorKind::WouldBlock.into())
        });
        outcome.map(Result::ok)
    }
}

/// Takes all bytes.
fn drain(mut receiver: &UnixStream) -> io::Result<()> {
    loop {
        match receiver.read(&mut [0; 128]) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
