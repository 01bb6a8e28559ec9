//! `Transfer`: a copy under way, from a reader to a writer, through a buffer of its own, or past us.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use runtime_sync::budget::poll_proceed;

use super::bypass::Bypass;
use super::interrupted::unless_interrupted;
use super::{AsyncRead, AsyncWrite, ReadBuf};

/// A copy under way.
#[derive(Debug)]
pub(super) struct Transfer {
    buf: Box<[u8]>,
    /// What has been read and not written: `buf[start..end]`.
    start: usize,
    end: usize,
    route: Route,
    /// The reader has come to its end.
    ended: bool,
    /// The writer may hold back something of the copy's.
    flush: bool,
    count: u64,
}

/// Whether the kernel moves the bytes.
#[derive(Debug)]
enum Route {
    /// Not yet, as there were few.
    Undecided,
    /// It does, and the buffer stays empty.
    Bypass(Bypass),
    /// It cannot.
    Buffer,
}

impl Transfer {
    /// Nothing has been copied yet.
    pub(super) fn new(buffer_size: usize) -> Transfer {
        let buf = vec![0; buffer_size].into_boxed_slice();
        Transfer {
            buf,
            start: 0,
            end: 0,
            route: Route::Undecided,
            ended: false,
            flush: false,
            count: 0,
        }
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
            if !self.ended && self.has_room() {
                reader_waits = self.poll_fill(cx, reader, writer)?.is_pending();
            }
            ready!(self.poll_drain(cx, writer))?;
            if self.ended || reader_waits {
                // At the end also what the writer was given before.
                if self.flush || self.ended {
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

    fn has_room(&self) -> bool {
        match &self.route {
            // The buffer goes first, and must be empty if the bypass is refused.
            Route::Bypass(bypass) => self.start == self.end && bypass.is_empty(),
            _ => self.end < self.buf.len(),
        }
    }

    /// Reads behind what is there already, or into the bypass.
    fn poll_fill<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
        writer: &W,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin + ?Sized,
        W: AsyncWrite + ?Sized,
    {
        if let Route::Bypass(bypass) = &mut self.route {
            match ready!(bypass.poll_fill(cx, reader)) {
                Err(error) if Bypass::is_refused(&error) => self.route = Route::Buffer,
                outcome => {
                    self.ended = outcome? == 0;
                    return Poll::Ready(Ok(()));
                }
            }
        }
        let mut room = ReadBuf::new(&mut self.buf);
        room.set_filled(self.end);
        while unless_interrupted(ready!(Pin::new(&mut *reader).poll_read(cx, &mut room)))?.is_none()
        {
        }
        let end = room.filled().len();
        self.ended = end == self.end;
        self.end = end;
        if matches!(self.route, Route::Undecided) && end == self.buf.len() {
            self.route = Bypass::between(reader, writer).map_or(Route::Buffer, Route::Bypass);
        }
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
            let written = ready!(Pin::new(&mut *writer).poll_write(cx, rest));
            let Some(count) = unless_interrupted(written)? else { continue };
            self.start += count;
            self.wrote(count)?;
        }
        self.start = 0;
        self.end = 0;
        while let Route::Bypass(bypass) = &mut self.route
            && !bypass.is_empty()
        {
            let count = ready!(bypass.poll_drain(cx, writer))?;
            self.wrote(count)?;
        }
        Poll::Ready(Ok(()))
    }

    fn wrote(&mut self, count: usize) -> io::Result<()> {
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.count += count as u64;
        self.flush = true;
        Ok(())
    }
}
