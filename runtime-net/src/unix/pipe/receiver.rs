//! `Receiver`: the end of a pipe that one reads.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

use runtime_core::reactor::{Interest, Registration};

use super::{Access, checked};
use crate::os::PipeEnd;
use crate::os::descriptor;
use crate::stream::{Stream, attempts, readiness, stream_traits};

/// The end of a pipe that one reads. The semantics are those of tokio's type.
///
/// The end comes when every sender is gone.
pub struct Receiver {
    stream: Stream<PipeEnd, true>,
}

impl Receiver {
    #[track_caller]
    pub(super) fn new(end: PipeEnd) -> io::Result<Receiver> {
        Ok(Receiver { stream: Stream::new(end, Interest::READABLE)? })
    }

    /// Takes over a pipe that was opened as a file, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// Those of the system, or [`InvalidInput`](io::ErrorKind::InvalidInput): it is not a pipe, or
    /// was not opened for reading.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn from_file(file: File) -> io::Result<Receiver> {
        Receiver::from_owned_fd(file.into())
    }

    /// Takes over a pipe, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// As [`from_file`](Receiver::from_file).
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn from_owned_fd(owned_fd: OwnedFd) -> io::Result<Receiver> {
        Receiver::new(checked(owned_fd, Access::Read)?)
    }

    /// Takes over a file that must be a pipe, opened for reading, and non-blocking already.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn from_file_unchecked(file: File) -> io::Result<Receiver> {
        Receiver::from_owned_fd_unchecked(file.into())
    }

    /// Takes over a descriptor that must be a pipe, opened for reading, and non-blocking already.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn from_owned_fd_unchecked(owned_fd: OwnedFd) -> io::Result<Receiver> {
        Receiver::new(PipeEnd::from(owned_fd))
    }

    /// Gives the descriptor back, and makes it blocking.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn into_blocking_fd(self) -> io::Result<OwnedFd> {
        let end = self.stream.registration.deregister()?;
        end.set_nonblocking(false)?;
        Ok(end.into_descriptor())
    }

    /// Gives the descriptor back, non-blocking.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn into_nonblocking_fd(self) -> io::Result<OwnedFd> {
        self.stream.into_descriptor()
    }

    /// Waits until any of `interest` is ready, and says what. Any number of tasks may wait.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the readiness is kept.
    pub async fn ready(&self, interest: Interest) -> io::Result<crate::io::Ready> {
        Ok(self.stream.registration.readiness(interest).await?.ready())
    }

    readiness!(read poll_read_ready);

    /// Calls `f` once if the pipe is readable. It makes calls on the descriptor itself, and answers
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) only if one of them did.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if it is not readable, and those of `f`.
    pub fn try_io<R>(&self, f: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        self.stream.registration.try_io(Interest::READABLE, f)
    }

    attempts!(read
        "# #[filch::main]
# async fn main() -> std::io::Result<()> {
# let (mut peer, stream) = filch::net::unix::pipe::pipe()?;"
    );

    /// What watches the descriptor, for the readiness methods.
    fn registration(&self) -> &Registration<PipeEnd> {
        &self.stream.registration
    }
}

stream_traits!(read Receiver, this => this.stream);
descriptor!(Receiver, this => this.stream.wire());

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("fd", &self.stream.wire().as_raw_fd()).finish()
    }
}
