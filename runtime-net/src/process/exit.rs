//! `Exit`: waits until a child has ended, and reaps it.

use std::io;
use std::process::{Child, ExitStatus};
use std::task::{Context, Poll, ready};

use runtime_core::reactor::ShutDown;

use super::pidfd::Pidfd;
use crate::signal::unix::{Signal, SignalKind, signal};

/// How we hear of the end of one child.
#[derive(Debug)]
pub(super) enum Exit {
    /// Its descriptor becomes readable.
    Pidfd(Pidfd),
    /// SIGCHLD says that some child has ended, or has done something else.
    Signal(Signal),
}

impl Exit {
    /// Begins to listen, for a child that has not been reaped.
    #[track_caller]
    pub(super) fn of(child: &Child) -> io::Result<Exit> {
        match Pidfd::open(child)? {
            Some(pidfd) => Ok(Exit::Pidfd(pidfd)),
            None => Exit::by_signal(),
        }
    }

    /// Listens to SIGCHLD.
    #[track_caller]
    pub(super) fn by_signal() -> io::Result<Exit> {
        signal(SignalKind::child()).map(Exit::Signal)
    }

    /// Waits until `child` has ended, and reaps it.
    pub(super) fn poll_wait(
        &mut self,
        cx: &mut Context<'_>,
        child: &mut Child,
    ) -> Poll<io::Result<ExitStatus>> {
        match self {
            Exit::Pidfd(pidfd) => pidfd.poll_exit(cx, || child.try_wait()),
            Exit::Signal(signal) => loop {
                // First, as it may have ended before we began to listen.
                if let Some(status) = child.try_wait()? {
                    return Poll::Ready(Ok(status));
                }
                if ready!(signal.poll_recv(cx)).is_none() {
                    return Poll::Ready(Err(ShutDown.into()));
                }
            },
        }
    }
}
