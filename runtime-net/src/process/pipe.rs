//! `PipeEnd`: our end of a pipe to or from a child, on the reactor.
//!
//! # Invariants
//!
//! - A read that says so many bytes has initialized them.

use std::fs::File;
use std::io::{self, IoSlice, Write as _};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::task::{Context, Poll};

use runtime_core::reactor::{Direction, Interest, Registration};

use crate::io::ReadBuf;
use crate::os::again;

/// One end of a pipe, which never blocks.
#[derive(Debug)]
pub(super) struct PipeEnd {
    registration: Registration<File>,
}

impl PipeEnd {
    /// Several slices are one system call.
    pub(super) const IS_VECTORED: bool = true;

    /// Makes the pipe non-blocking and has it watched.
    #[track_caller]
    pub(super) fn new(descriptor: OwnedFd, interest: Interest) -> io::Result<PipeEnd> {
        rustix::io::ioctl_fionbio(&descriptor, true)?;
        Ok(PipeEnd { registration: Registration::new(File::from(descriptor), interest)? })
    }

    fn file(&self) -> &File {
        self.registration.watched()
    }

    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // That a read is short does not mean that nothing is left: the child may have made each write a packet.
        self.registration.poll_io(cx, Direction::Read, || self.read(buf))
    }

    fn read(&self, buf: &mut ReadBuf<'_>) -> io::Result<()> {
        // SAFETY: the call only writes bytes that it has read, so what is initialized stays so.
        let room = unsafe { buf.unfilled_mut() };
        let count = again(|| Ok(rustix::io::read(self.file(), &mut *room)?.0.len()))?;
        // SAFETY: the first bytes of the room are those that were read.
        unsafe { buf.assume_init(count) };
        buf.advance(count);
        Ok(())
    }

    pub(super) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let write = || again(|| self.file().write(bytes));
        self.registration.poll_stream(cx, Direction::Write, bytes.len(), write)
    }

    pub(super) fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A short write is no news here: the system may have taken fewer slices than it was given.
        let write = || again(|| self.file().write_vectored(slices));
        self.registration.poll_io(cx, Direction::Write, write)
    }

    /// Nothing is held back.
    pub(super) fn poll_flush(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The descriptor, which blocks from now on, as others expect it.
    pub(super) fn into_blocking(self) -> io::Result<OwnedFd> {
        let file = self.registration.deregister()?;
        rustix::io::ioctl_fionbio(&file, false)?;
        Ok(file.into())
    }
}

impl AsFd for PipeEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file().as_fd()
    }
}

impl AsRawFd for PipeEnd {
    fn as_raw_fd(&self) -> RawFd {
        self.file().as_raw_fd()
    }
}
