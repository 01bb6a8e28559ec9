//! `Transfer`: a copy under way, from a reader to a writer, through a buffer of its own.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use runtime_sync::budget::poll_proceed;

use super::{AsyncRead, AsyncWrite, ReadBuf};

/// A copy under way.
#[derive(Debug)]
pub(super) struct Transfer {
    buf: Box<[u8]>,
    /// What has been read and not written: `buf[start..end]`.
    start: usize,
    end: usize,
    /// The reader has come to its end.
    ended: bool,
    /// The writer may hold something back.
    flush: bool,
    count: u64,
}

impl Transfer {
    /// Nothing has been copied yet.
    pub(super) fn new(buffer_size: usize) -> Transfer {
        let buf = vec![0; buffer_size].into_boxed_slice();
        Transfer { buf, start: 0, end: 0, ended: false, flush: false, count: 0 }
    }

    /// Goes on until the reader has ended and the writer has all of it.
    pub(super) fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
    ) -> Poll<io::Result<u64>>
    where
        R: AsyncRead + Unpin + ?Sized,
        W: AsyncWrite + Unpin + ?Sized,
    {
        loop {
            // Streams in memory are always ready, so a copy counts its rounds itself.
            let coop = ready!(poll_proceed(cx));
            let mut reader_waits = false;
            if !self.ended && self.end < self.buf.len() {
                reader_waits = self.poll_fill(cx, reader)?.is_pending();
            }
            if self.start < self.end {
                ready!(self.poll_drain(cx, writer))?;
            }
            if self.ended || reader_waits {
                if self.flush {
                    ready!(Pin::new(&mut *writer).poll_flush(cx))?;
                    self.flush = false;
                }
                if !self.ended {
                    return Poll::Pending;
                }
                coop.made_progress();
                return Poll::Ready(Ok(self.count));
            }
            coop.made_progress();
        }
    }

    /// Reads behind what is there already.
    fn poll_fill<R: AsyncRead + Unpin + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
    ) -> Poll<io::Result<()>> {
        let mut room = ReadBuf::new(&mut self.buf);
        room.set_filled(self.end);
        ready!(Pin::new(reader).poll_read(cx, &mut room))?;
        let end = room.filled().len();
        self.ended = end == self.end;
        self.end = end;
        Poll::Ready(Ok(()))
    }

    /// Writes all that is there.
    fn poll_drain<W: AsyncWrite + Unpin + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        writer: &mut W,
    ) -> Poll<io::Result<()>> {
        while self.start < self.end {
            let rest = &self.buf[self.start..self.end];
            let count = ready!(Pin::new(&mut *writer).poll_write(cx, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.start += count;
            self.count += count as u64;
            self.flush = true;
        }
        self.start = 0;
        self.end = 0;
        Poll::Ready(Ok(()))
    }
}
