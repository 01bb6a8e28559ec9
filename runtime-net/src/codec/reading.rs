//! `Reading`: how far a framed stream is with what it reads.
//!
//! ```text
//!            decode: a frame                     ┌──────────── nothing ───────────┐
//!              ┌───────┐                         ▼                                │
//!              ▼       │                      [Ended] ── something ──▶ [Decode]   │
//!           [Decode] ──┴─ None ─▶ [Read] ─── the end ───▶ [DecodeEnd] ── None ────┘
//!              ▲                    │                        │   ▲
//!              └──── something ─────┘                        └───┘ a frame
//! ```
//!
//! After an error the stream says once that it has ended; whoever asks again goes on with what
//! remains.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use runtime_sync::budget::poll_proceed;

use super::{BUFFER_SIZE, Decoder};
use crate::io::{AsyncRead, fill};

/// What has arrived and was not decoded, and what to do next.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) buffer: BytesMut,
    next: Next,
    /// An error was told, and the end comes next.
    failed: bool,
}

#[derive(Debug, Clone, Copy)]
enum Next {
    /// There may be a frame in the buffer.
    Decode,
    /// There is no whole frame in the buffer.
    Read,
    /// The byte stream has ended. There may be a last frame in the buffer.
    DecodeEnd,
    /// The end was told. A byte stream may go on after its end, as a file that grows.
    Ended,
}

impl Reading {
    /// With room for so much, and nothing in it.
    pub(super) fn with_capacity(capacity: usize) -> Reading {
        Reading { buffer: BytesMut::with_capacity(capacity), next: Next::Read, failed: false }
    }

    /// With what has arrived before.
    pub(super) fn from_buffer(mut buffer: BytesMut) -> Reading {
        let next = if buffer.is_empty() { Next::Read } else { Next::Decode };
        if buffer.capacity() < BUFFER_SIZE {
            buffer.reserve(BUFFER_SIZE - buffer.len());
        }
        Reading { buffer, next, failed: false }
    }

    /// For another decoder, which may find a frame where the one before found none.
    pub(super) fn go_on(mut self) -> Reading {
        self.next = match self.next {
            Next::Read if !self.buffer.is_empty() => Next::Decode,
            Next::Ended if !self.buffer.is_empty() => Next::DecodeEnd,
            next => next,
        };
        self
    }

    /// The next frame.
    pub(super) fn poll_next<T: AsyncRead, D: Decoder>(
        &mut self,
        mut io: Pin<&mut T>,
        decoder: &mut D,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<D::Item, D::Error>>> {
        // Many frames may be in one buffer.
        let coop = ready!(poll_proceed(cx));
        let outcome = loop {
            if std::mem::take(&mut self.failed) {
                break None;
            }
            match self.next {
                Next::Decode => match decoder.decode(&mut self.buffer).transpose() {
                    None => self.next = Next::Read,
                    frame => break frame,
                },
                Next::DecodeEnd => {
                    let frame = decoder.decode_eof(&mut self.buffer).transpose();
                    if !matches!(frame, Some(Ok(_))) {
                        self.next = Next::Ended;
                    }
                    break frame;
                }
                Next::Read | Next::Ended => {
                    match (ready!(self.poll_fill(io.as_mut(), cx)), self.next) {
                        (Ok(0), Next::Ended) => break None,
                        (Ok(0), _) => self.next = Next::DecodeEnd,
                        (Ok(_), _) => self.next = Next::Decode,
                        (Err(error), _) => break Some(Err(error.into())),
                    }
                }
            }
        };
        self.failed = matches!(outcome, Some(Err(_)));
        coop.made_progress();
        Poll::Ready(outcome)
    }

    /// Reads behind what is there.
    fn poll_fill<T: AsyncRead>(
        &mut self,
        io: Pin<&mut T>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        // Grows twice as large, or takes back the room of frames that were dropped.
        self.buffer.reserve(1);
        fill(&mut self.buffer, |buf| io.poll_read(cx, buf))
    }
}
