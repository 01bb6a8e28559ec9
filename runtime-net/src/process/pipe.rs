//! `PipeEnd`: our end of a pipe to or from a child, on the reactor.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::task::{Context, Poll};

use runtime_core::reactor::{Direction, Interest, Registration};

use crate::io::ReadBuf;
use crate::os;

/// One end of a pipe, which never blocks.
#[derive(Debug)]
pub(super) struct PipeEnd {
    registration: Registration<os::PipeEnd>,
}

impl PipeEnd {
    /// Several slices are one system call.
    pub(super) const IS_VECTORED: bool = true;

    /// Makes the pipe non-blocking and has it watched.
    #[track_caller]
    pub(super) fn new(descriptor: OwnedFd, interest: Interest) -> io::Result<PipeEnd> {
        let end = os::PipeEnd::from(descriptor);
        end.set_nonblocking(true)?;
        Ok(PipeEnd { registration: Registration::new(end, interest)? })
    }

    fn end(&self) -> &os::PipeEnd {
        self.registration.watched()
    }

    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // That a read is short does not mean that nothing is left: the child may have made each write a packet.
        self.registration.poll_io(cx, Direction::Read, || self.end().recv(buf).map(drop))
    }

    pub(super) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let write = || self.end().send(bytes);
        self.registration.poll_stream(cx, Direction::Write, bytes.len(), write)
    }

    pub(super) fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A short write is no news here: fewer slices may have been taken than were given.
        self.registration.poll_io(cx, Direction::Write, || self.end().send_vectored(slices))
    }

    /// Nothing is held back.
    pub(super) fn poll_flush(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The descriptor, which blocks from now on, as others expect it.
    pub(super) fn into_blocking(self) -> io::Result<OwnedFd> {
        let end = self.registration.deregister()?;
        end.set_nonblocking(false)?;
        Ok(end.into_descriptor())
    }
}

impl AsFd for PipeEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.end().as_fd()
    }
}

impl AsRawFd for PipeEnd {
    fn as_raw_fd(&self) -> RawFd {
        self.end().as_raw_fd()
    }
}
