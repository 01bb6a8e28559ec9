//! `Bypass`: a way from one descriptor to another on which the kernel moves the bytes.
//!
//! A copy between two sockets need not look at what it copies. Once there is much of it, the pages go
//! from one socket through a pipe to the other, which saves both copies, and most of the system calls
//! as well. Messages that fit in a buffer are cheaper to read and write, and a pipe takes two
//! descriptors: so a bypass is opened by the first read that fills its buffer.

use std::io;
use std::task::{Context, Poll, ready};

use runtime_core::reactor::{Direction, Numbered, Registration};

use super::{AsyncRead, AsyncWrite};
use crate::os::{BorrowedDescriptor, Conduit};

/// The descriptor of a stream that is nothing else than that.
#[derive(Debug)]
pub struct KernelEnd<'a> {
    registration: &'a Registration<dyn Numbered + 'a>,
    descriptor: BorrowedDescriptor<'a>,
}

impl<'a> KernelEnd<'a> {
    pub(crate) fn new(
        registration: &'a Registration<dyn Numbered + 'a>,
        descriptor: BorrowedDescriptor<'a>,
    ) -> KernelEnd<'a> {
        KernelEnd { registration, descriptor }
    }
}

/// A way around this process for one direction.
#[derive(Debug)]
pub(super) struct Bypass {
    conduit: Conduit,
    /// How many bytes are on their way.
    held: usize,
}

impl Bypass {
    /// `None` if one of them is more than a descriptor, or if there cannot be one.
    pub(super) fn between<R, W>(reader: &R, writer: &W) -> Option<Bypass>
    where
        R: AsyncRead + ?Sized,
        W: AsyncWrite + ?Sized,
    {
        reader.kernel_source().and(writer.kernel_target())?;
        Some(Bypass { conduit: Conduit::open()?, held: 0 })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// Takes bytes in, which it must be empty for, and says how many: 0 is the end of the reader.
    pub(super) fn poll_fill<R: AsyncRead + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &R,
    ) -> Poll<io::Result<usize>> {
        let KernelEnd { registration, descriptor } = reader.kernel_source().ok_or_else(changed)?;
        let fill = || self.conduit.fill(descriptor);
        self.held = ready!(registration.poll_io(cx, Direction::Read, fill))?;
        Poll::Ready(Ok(self.held))
    }

    /// Lets bytes out, and says how many.
    pub(super) fn poll_drain<W: AsyncWrite + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        writer: &W,
    ) -> Poll<io::Result<usize>> {
        let KernelEnd { registration, descriptor } = writer.kernel_target().ok_or_else(changed)?;
        let drain = || self.conduit.drain(descriptor, self.held);
        let count = ready!(registration.poll_io(cx, Direction::Write, drain))?;
        self.held -= count;
        Poll::Ready(Ok(count))
    }

    /// Whether the system has refused to move bytes in this way.
    pub(super) fn is_refused(error: &io::Error) -> bool {
        Conduit::is_refused(error)
    }
}

fn changed() -> io::Error {
    io::Error::other("a stream was a descriptor, and is none any more")
}

#[cfg(all(test, target_os = "linux"))]
#[path = "bypass_tests.rs"]
mod tests;
