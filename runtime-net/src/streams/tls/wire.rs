//! The socket of a connection, as a session of TLS sees it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};

use crate::io::{AsyncRead, AsyncWrite, ReadBuf};
use crate::streams::transport::Transport;

/// The socket below, for the length of a poll.
///
/// The socket knows one who waits to read and one who waits to write. Who sends may wait; who reads
/// and has something to say only tries, so as not to take the other one's place.
pub(super) struct Wire<'a> {
    pub(super) below: &'a Transport,
    /// What was read from the socket before there was a session.
    pub(super) early: Option<&'a mut BytesMut>,
    pub(super) may_wait: bool,
}

impl<'a> Wire<'a> {
    /// For who sends.
    pub(super) fn patient(below: &'a Transport) -> Wire<'a> {
        Wire { below, early: None, may_wait: true }
    }

    /// For who reads.
    pub(super) fn hasty(below: &'a Transport) -> Wire<'a> {
        Wire { below, early: None, may_wait: false }
    }
}

impl AsyncRead for Wire<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire { early: Some(early), .. } if !early.is_empty() => {
                let count = early.len().min(buf.remaining());
                buf.put_slice(&early[..count]);
                early.advance(count);
                Poll::Ready(Ok(()))
            }
            Wire { below, .. } => below.poll_recv(cx, buf),
        }
    }
}

/// An attempt of one who does not wait: nobody wakes him.
fn tried<R>(outcome: io::Result<R>) -> Poll<io::Result<R>> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        outcome => Poll::Ready(outcome),
    }
}

impl AsyncWrite for Wire<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.may_wait {
            true => self.below.poll_send(cx, buf),
            false => tried(self.below.try_send(buf)),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.may_wait {
            true => self.below.poll_send_vectored(cx, bufs),
            false => tried(self.below.try_send_vectored(bufs)),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.below.shut_down_write())
    }
}
