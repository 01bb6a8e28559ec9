//! Byte streams through the facade: the traits, their helpers, streams in memory.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs, unreachable_pub)]

mod adapters;
mod buffers;
mod copies;
mod halves;
mod interrupted;
mod memory;
mod numbers;
mod streams;
#[path = "../support/mod.rs"]
mod support;

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use filch::io::{AsyncRead, AsyncWrite, ReadBuf};
use support::once;

#[test]
fn streams_go_to_other_threads() {
    use filch::io::*;
    fn check<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    type Both = BufStream<DuplexStream>;
    check::<Both>();
    check::<ReadHalf<Both>>();
    check::<WriteHalf<Both>>();
    check::<(BufReader<Both>, BufWriter<Both>, Lines<Both>, Split<Both>)>();
    check::<(Chain<Both, Both>, Take<Both>, Join<Both, Both>)>();
    check::<(DuplexStream, SimplexStream, Empty, Repeat, Sink)>();
    check::<(Stdin, Stdout, Stderr)>();
}

/// Gives one byte at a time, and makes its task come back before each.
pub struct Slow<'a> {
    pub bytes: &'a [u8],
    waits: Cell<bool>,
}

impl<'a> Slow<'a> {
    pub fn new(bytes: &'a [u8]) -> Slow<'a> {
        Slow { bytes, waits: Cell::new(false) }
    }

    fn wait(&self, cx: &mut Context<'_>) -> bool {
        self.waits.set(!self.waits.get());
        if self.waits.get() {
            cx.waker().wake_by_ref();
        }
        self.waits.get()
    }
}

impl AsyncRead for Slow<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.wait(cx) {
            return Poll::Pending;
        }
        if let Some((first, rest)) = self.bytes.split_first()
            && buf.remaining() > 0
        {
            buf.put_slice(&[*first]);
            self.bytes = rest;
        }
        Poll::Ready(Ok(()))
    }
}

/// Takes three bytes at a time up to a limit, and makes its task come back before each write.
pub struct Narrow {
    pub bytes: Vec<u8>,
    limit: usize,
    waits: bool,
    pub flushes: usize,
    pub ended: bool,
}

impl Narrow {
    pub fn new(limit: usize) -> Narrow {
        Narrow { bytes: Vec::new(), limit, waits: false, flushes: 0, ended: false }
    }
}

impl AsyncWrite for Narrow {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.waits = !self.waits;
        if self.waits {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let count = buf.len().min(3).min(self.limit - self.bytes.len());
        self.bytes.extend_from_slice(&buf[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flushes += 1;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ended = true;
        Poll::Ready(Ok(()))
    }
}
