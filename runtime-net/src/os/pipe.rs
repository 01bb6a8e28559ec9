//! The ends of pipes, answered by the kernel.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use super::{SLICES_MAX, again};
use crate::io::ReadBuf;

/// One end of a pipe, or both ends of a named one.
#[derive(Debug)]
pub(crate) struct PipeEnd(File);

impl PipeEnd {
    /// Makes a pipe: the end to read, and the end to write. Neither ever waits.
    pub(crate) fn pair() -> io::Result<(PipeEnd, PipeEnd)> {
        let (read, write) = io::pipe()?;
        let (read, write) =
            (PipeEnd::from(OwnedFd::from(read)), PipeEnd::from(OwnedFd::from(write)));
        read.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        Ok((read, write))
    }

    pub(crate) fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        Ok(rustix::io::ioctl_fionbio(&self.0, nonblocking)?)
    }

    /// Appends bytes to `buf` and says how many.
    pub(crate) fn recv(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        // SAFETY: the call writes bytes from the pipe only, so what is initialized stays so.
        let room = unsafe { buf.unfilled_mut() };
        let count = again(|| Ok(rustix::io::read(&self.0, &mut *room)?.0.len()))?;
        // SAFETY: the kernel has written that many bytes.
        unsafe { buf.assume_init(count) };
        buf.advance(count);
        Ok(count)
    }

    pub(crate) fn recv_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        again(|| (&self.0).read_vectored(bufs))
    }

    /// A pipe that nobody reads any more is an error. Whether it is a signal as well is up to the
    /// program; Rust ignores that signal from the start.
    pub(crate) fn send(&self, buf: &[u8]) -> io::Result<usize> {
        again(|| (&self.0).write(buf))
    }

    pub(crate) fn send_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        // The kernel refuses more slices than this; a write may always be short.
        let bufs = &bufs[..bufs.len().min(SLICES_MAX)];
        again(|| (&self.0).write_vectored(bufs))
    }

    pub(crate) fn into_descriptor(self) -> OwnedFd {
        self.0.into()
    }
}

impl AsFd for PipeEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for PipeEnd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl From<OwnedFd> for PipeEnd {
    fn from(descriptor: OwnedFd) -> PipeEnd {
        PipeEnd(File::from(descriptor))
    }
}
