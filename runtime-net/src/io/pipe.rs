//! `Pipe`: bytes in memory, from one task to another, of which at most so many wait.
//!
//! One mutex guards the bytes and says which ends are closed. It is held for a copy and nothing
//! else: wakers lie in slots beside it. Each side looks, registers, and looks again; the other
//! side changes what is there, and then wakes. In that order no wake is lost.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use runtime_sync::budget::poll_proceed;
use runtime_sync::primitives::Mutex;
use runtime_sync::waker_slot::WakerSlot;

use super::ReadBuf;

/// Bytes on their way from a writer to a reader.
#[derive(Debug)]
pub(super) struct Pipe {
    content: Mutex<Content>,
    capacity: usize,
    reader: WakerSlot,
    writer: WakerSlot,
}

#[derive(Debug)]
struct Content {
    bytes: BytesMut,
    /// Nothing more comes.
    write_closed: bool,
    /// Nobody takes anything any more.
    read_closed: bool,
}

impl Pipe {
    /// An empty pipe with room for `capacity` bytes.
    ///
    /// # Panics
    ///
    /// There is no room at all: nothing could ever go through.
    #[track_caller]
    pub(super) fn new(capacity: usize) -> Pipe {
        assert!(capacity > 0, "max_buf_size must be at least 1: nothing could ever go through");
        let content = Content { bytes: BytesMut::new(), write_closed: false, read_closed: false };
        Pipe {
            content: Mutex::new(content),
            capacity,
            reader: WakerSlot::new(),
            writer: WakerSlot::new(),
        }
    }

    /// Takes bytes out. Nothing taken means that the end is reached.
    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let coop = ready!(poll_proceed(cx));
        if self.read(buf).is_pending() {
            self.reader.register(cx.waker());
            ready!(self.read(buf));
        }
        coop.made_progress();
        Poll::Ready(Ok(()))
    }

    fn read(&self, buf: &mut ReadBuf<'_>) -> Poll<()> {
        let was_full;
        {
            let mut content = self.content.lock();
            let count = content.bytes.len().min(buf.remaining());
            if content.bytes.is_empty() && !content.write_closed && buf.remaining() > 0 {
                return Poll::Pending;
            }
            was_full = content.bytes.len() >= self.capacity;
            buf.put_slice(&content.bytes[..count]);
            content.bytes.advance(count);
        }
        // A writer waits only while there is no room.
        if was_full {
            self.writer.wake();
        }
        Poll::Ready(())
    }

    /// Puts bytes in: as many as there is room for.
    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let coop = ready!(poll_proceed(cx));
        let outcome = match self.write(bufs) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => {
                self.writer.register(cx.waker());
                ready!(self.write(bufs))
            }
        };
        coop.made_progress();
        Poll::Ready(outcome)
    }

    fn write(&self, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let was_empty;
        let mut count = 0;
        {
            let mut content = self.content.lock();
            if content.write_closed || content.read_closed {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            was_empty = content.bytes.is_empty();
            let room = self.capacity - content.bytes.len();
            for buf in bufs {
                let part = &buf[..buf.len().min(room - count)];
                content.bytes.extend_from_slice(part);
                count += part.len();
            }
            if count == 0 && room == 0 && bufs.iter().any(|buf| !buf.is_empty()) {
                return Poll::Pending;
            }
        }
        // A reader waits only while there is nothing.
        if was_empty && count > 0 {
            self.reader.wake();
        }
        Poll::Ready(Ok(count))
    }

    /// Says that nothing more comes. What is there can still be read.
    pub(super) fn close_write(&self) {
        self.content.lock().write_closed = true;
        self.reader.wake();
    }

    /// Says that nobody takes anything any more, which a writer is told.
    pub(super) fn close_read(&self) {
        let left = {
            let mut content = self.content.lock();
            content.read_closed = true;
            std::mem::take(&mut content.bytes)
        };
        drop(left);
        self.writer.wake();
    }
}

/// Keeps a pipe open for reading, until it is dropped.
#[derive(Debug)]
pub(super) struct ReadEnd(pub(super) Option<std::sync::Arc<Pipe>>);

/// Keeps a pipe open for writing, until it is dropped.
#[derive(Debug)]
pub(super) struct WriteEnd(pub(super) Option<std::sync::Arc<Pipe>>);

impl Drop for ReadEnd {
    fn drop(&mut self) {
        if let Some(pipe) = &self.0 {
            pipe.close_read();
        }
    }
}

impl Drop for WriteEnd {
    fn drop(&mut self) {
        if let Some(pipe) = &self.0 {
            pipe.close_write();
        }
    }
}
