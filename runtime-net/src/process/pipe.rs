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
use rustix::io::Errno;

use crate::io::ReadBuf;

/// One end of a pipe, which never blocks.
#[derive(Debug)]
pub(super) struct PipeEnd {
    // Declared first: it is deregistered before the descriptor is closed.
    registration: Registration,
    file: File,
}

impl PipeEnd {
    /// Several slices are one system call.
    pub(super) const IS_VECTORED: bool = true;

    /// Makes the pipe non-blocking and has it watched.
    #[track_caller]
    pub(super) fn new(descriptor: OwnedFd, interest: Interest) -> io::Result<PipeEnd> {
        rustix::io::ioctl_fionbio(&descriptor, true)?;
        let registration = Registration::new(descriptor.as_raw_fd(), interest)?;
        Ok(PipeEnd { registration, file: File::from(descriptor) })
    }

    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wanted = buf.remaining();
        let read = || self.read(buf);
        self.registration.poll_stream(cx, Direction::Read, wanted, read).map_ok(drop)
    }

    fn read(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        // SAFETY: the call only writes bytes that it has read, so what is initialized stays so.
        let room = unsafe { buf.unfilled_mut() };
        let count = loop {
            match rustix::io::read(&self.file, &mut *room) {
                Err(Errno::INTR) => {}
                outcome => break outcome?.0.len(),
            }
        };
        // SAFETY: the first bytes of the room are those that were read.
        unsafe { buf.assume_init(count) };
        buf.advance(count);
        Ok(count)
    }

    pub(super) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, bytes.len(), || (&self.file).write(bytes))
    }

    pub(super) fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted = slices.iter().map(|slice| slice.len()).fold(0, usize::saturating_add);
        self.poll_write_with(cx, wanted, || (&self.file).write_vectored(slices))
    }

    fn poll_write_with(
        &self,
        cx: &mut Context<'_>,
        wanted: usize,
        mut write: impl FnMut() -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        self.registration.poll_stream(cx, Direction::Write, wanted, || {
            loop {
                match write() {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    outcome => return outcome,
                }
            }
        })
    }

    /// Nothing is held back.
    pub(super) fn poll_flush(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The descriptor, which blocks from now on, as others expect it.
    pub(super) fn into_blocking(self) -> io::Result<OwnedFd> {
        self.registration.deregister()?;
        rustix::io::ioctl_fionbio(&self.file, false)?;
        Ok(self.file.into())
    }
}

impl AsFd for PipeEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl AsRawFd for PipeEnd {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}
