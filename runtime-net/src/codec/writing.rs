//! `Writing`: how far a framed stream is with what it sends.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};

use super::BUFFER_SIZE;
use crate::io::AsyncWrite;

/// What was encoded and not sent, and how much of it there may be before one has to wait.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) buffer: BytesMut,
    pub(super) boundary: usize,
}

impl Writing {
    /// With room for so much before one has to wait.
    pub(super) fn with_capacity(capacity: usize) -> Writing {
        Writing { buffer: BytesMut::with_capacity(capacity), boundary: capacity }
    }

    /// With what was encoded before.
    pub(super) fn from_buffer(mut buffer: BytesMut) -> Writing {
        if buffer.capacity() < BUFFER_SIZE {
            buffer.reserve(BUFFER_SIZE - buffer.len());
        }
        Writing { buffer, boundary: BUFFER_SIZE }
    }

    /// Waits until there is room for another frame.
    pub(super) fn poll_ready<T: AsyncWrite>(
        &mut self,
        io: Pin<&mut T>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        match self.buffer.len() >= self.boundary {
            true => self.poll_flush(io, cx),
            false => Poll::Ready(Ok(())),
        }
    }

    /// Sends everything.
    pub(super) fn poll_flush<T: AsyncWrite>(
        &mut self,
        mut io: Pin<&mut T>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.buffer.is_empty() {
            let count = ready!(io.as_mut().poll_write(cx, &self.buffer))?;
            if count == 0 {
                let error =
                    io::Error::new(io::ErrorKind::WriteZero, "failed to write frame to transport");
                return Poll::Ready(Err(error));
            }
            self.buffer.advance(count);
        }
        io.poll_flush(cx)
    }

    /// Sends everything, and tells the peer that nothing more will come.
    pub(super) fn poll_close<T: AsyncWrite>(
        &mut self,
        mut io: Pin<&mut T>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(io.as_mut(), cx))?;
        io.poll_shutdown(cx)
    }
}
