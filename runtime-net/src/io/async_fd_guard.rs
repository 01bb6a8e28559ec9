//! The guards of `AsyncFd`: what was ready, and the right to take that back.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::fd::AsRawFd;

use runtime_core::reactor::ReadyEvent;

use super::Ready;
use super::async_fd::AsyncFd;

/// Says that a descriptor was ready, and takes that back if it turns out to be wrong.
#[must_use = "call `try_io`, `clear_ready` or `retain_ready`"]
pub struct AsyncFdReadyGuard<'a, T: AsRawFd> {
    fd: &'a AsyncFd<T>,
    event: Option<ReadyEvent>,
}

/// As [`AsyncFdReadyGuard`], with the right to change the descriptor's owner.
#[must_use = "call `try_io`, `clear_ready` or `retain_ready`"]
pub struct AsyncFdReadyMutGuard<'a, T: AsRawFd> {
    fd: &'a mut AsyncFd<T>,
    event: Option<ReadyEvent>,
}

/// What both guards do alike.
macro_rules! guard {
    () => {
        /// Says that the operation would have blocked: wait for another event.
        ///
        /// An event that has come since is kept. Call this only after
        /// [`WouldBlock`](io::ErrorKind::WouldBlock), otherwise the next wait may be without end.
        pub fn clear_ready(&mut self) {
            if let Some(event) = self.event.take() {
                self.fd.registration.clear(event);
            }
        }

        /// As `clear_ready`, for some of what was ready.
        pub fn clear_ready_matching(&mut self, ready: Ready) {
            if let Some(event) = self.event.take() {
                self.fd.registration.clear(event.only(ready));
                self.event = Some(event.only(event.ready() - ready));
            }
        }

        /// Says that the descriptor is still ready. Dropping the guard says the same.
        pub fn retain_ready(&mut self) {}

        /// Clears the readiness if the operation would have blocked.
        fn judge<R>(&mut self, outcome: io::Result<R>) -> Result<io::Result<R>, TryIoError> {
            match outcome {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.clear_ready();
                    Err(TryIoError(()))
                }
                outcome => Ok(outcome),
            }
        }

        /// What was ready.
        pub fn ready(&self) -> Ready {
            self.event.map_or(Ready::EMPTY, |event| event.ready())
        }
    };
}

impl<'a, T: AsRawFd> AsyncFdReadyGuard<'a, T> {
    pub(super) fn new(fd: &'a AsyncFd<T>, event: ReadyEvent) -> AsyncFdReadyGuard<'a, T> {
        AsyncFdReadyGuard { fd, event: Some(event) }
    }

    guard!();

    /// Calls `f`, and clears the readiness if it would have blocked.
    ///
    /// # Errors
    ///
    /// [`TryIoError`] if `f` would have blocked; its other errors are in the inner result.
    pub fn try_io<R>(
        &mut self,
        f: impl FnOnce(&'a AsyncFd<T>) -> io::Result<R>,
    ) -> Result<io::Result<R>, TryIoError> {
        let outcome = f(self.fd);
        self.judge(outcome)
    }

    /// What this guards.
    pub fn get_ref(&self) -> &'a AsyncFd<T> {
        self.fd
    }

    /// The descriptor's owner.
    pub fn get_inner(&self) -> &'a T {
        self.fd.get_ref()
    }
}

impl<'a, T: AsRawFd> AsyncFdReadyMutGuard<'a, T> {
    pub(super) fn new(fd: &'a mut AsyncFd<T>, event: ReadyEvent) -> AsyncFdReadyMutGuard<'a, T> {
        AsyncFdReadyMutGuard { fd, event: Some(event) }
    }

    guard!();

    /// Calls `f`, and clears the readiness if it would have blocked.
    ///
    /// # Errors
    ///
    /// [`TryIoError`] if `f` would have blocked; its other errors are in the inner result.
    pub fn try_io<R>(
        &mut self,
        f: impl FnOnce(&mut AsyncFd<T>) -> io::Result<R>,
    ) -> Result<io::Result<R>, TryIoError> {
        let outcome = f(self.fd);
        self.judge(outcome)
    }

    /// What this guards.
    pub fn get_ref(&self) -> &AsyncFd<T> {
        self.fd
    }

    /// What this guards.
    pub fn get_mut(&mut self) -> &mut AsyncFd<T> {
        self.fd
    }

    /// The descriptor's owner.
    pub fn get_inner(&self) -> &T {
        self.fd.get_ref()
    }

    /// The descriptor's owner.
    pub fn get_inner_mut(&mut self) -> &mut T {
        self.fd.get_mut()
    }
}

impl<T: AsRawFd + fmt::Debug> fmt::Debug for AsyncFdReadyGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFdReadyGuard").field("fd", &self.fd).finish_non_exhaustive()
    }
}

impl<T: AsRawFd + fmt::Debug> fmt::Debug for AsyncFdReadyMutGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFdReadyMutGuard").field("fd", &self.fd).finish_non_exhaustive()
    }
}

/// The operation would have blocked, and its guard has been told.
#[derive(Debug)]
pub struct TryIoError(());

impl fmt::Display for TryIoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IO operation would block")
    }
}

impl Error for TryIoError {}
