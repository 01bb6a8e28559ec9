//! `Sender`: the end of a pipe that one writes to.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

use runtime_core::reactor::{Interest, Registration};

use super::{Access, checked};
use crate::os::PipeEnd;
use crate::os::descriptor;
use crate::stream::{Stream, attempts, readiness, stream_traits};

/// The end of a pipe that one writes to. The semantics are those of tokio's type.
///
/// Writing is an error of kind [`BrokenPipe`](io::ErrorKind::BrokenPipe) when every receiver is gone.
/// Shutting it down does nothing; the end comes when it is dropped.
pub struct Sender {
    stream: Stream<PipeEnd, true>,
}

impl Sender {
    #[track_caller]
    pub(super) fn new(end: PipeEnd) -> io::Result<Sender> {
        Ok(Sender { stream: Stream::new(end, Interest::WRITABLE)? })
    }

    /// Takes over a pipe that was opened as a file, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// Those of the system, or [`InvalidInput`](io::ErrorKind::InvalidInput): it is not a pipe, or
    /// was not opened for writing.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn from_file(file: File) -> io::Result<Sender> {
        Sender::from_owned_fd(file.into())
    }

    /// Takes over a pipe, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// As [`from_file`](Sender::from_file).
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn from_owned_fd(owned_fd: OwnedFd) -> io::Result<Sender> {
        Sender::new(checked(owned_fd, Access::Write)?)
    }

    /// Takes over a file that must be a pipe, opened for writing, and non-blocking already.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn from_file_unchecked(file: File) -> io::Result<Sender> {
        Sender::from_owned_fd_unchecked(file.into())
    }

    /// Takes over a descriptor that must be a pipe, opened for writing, and non-blocking already.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn from_owned_fd_unchecked(owned_fd: OwnedFd) -> io::Result<Sender> {
        Sender::new(PipeEnd::from(owned_fd))
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

    readiness!(write poll_write_ready);

    /// Calls `f` once if the pipe is writable. It makes calls on the descriptor itself, and answers
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) only if one of them did.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if it is not writable, and those of `f`.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::net::unix::pipe;
    /// # use std::io::Write as _;
    /// # use std::os::fd::AsFd as _;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (sender, receiver) = pipe::pipe()?;
    /// let mut file = std::fs::File::from(sender.as_fd().try_clone_to_owned()?);
    /// sender.writable().await?;
    /// assert_eq!(sender.try_io(|| file.write(b"bytes"))?, 5);
    /// # drop(receiver);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_io<R>(&self, f: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        self.stream.registration.try_io(Interest::WRITABLE, f)
    }

    attempts!(write
        "# #[filch::main]
# async fn main() -> std::io::Result<()> {
# let (stream, _peer) = filch::net::unix::pipe::pipe()?;"
    );

    /// What watches the descriptor, for the readiness methods.
    fn registration(&self) -> &Registration<PipeEnd> {
        &self.stream.registration
    }
}

stream_traits!(write Sender, this => this.stream, { let _ = this; Ok(()) });
descriptor!(Sender, this => this.stream.wire());

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("fd", &self.stream.wire().as_raw_fd()).finish()
    }
}
