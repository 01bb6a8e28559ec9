//! The socket below a reader and a writer.

use std::io;
use std::task::{Context, Poll};

use super::unix::{UnixStream, stream_of};
use crate::io::ReadBuf;
use crate::socket::Socket;
use crate::stream::Stream;
use crate::tcp::TcpStream;

/// What moves the bytes.
#[derive(Debug)]
pub(super) enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Transport {
    pub(super) fn stream(&self) -> &Stream<Socket> {
        match self {
            Transport::Tcp(stream) => &stream.stream,
            Transport::Unix(stream) => stream_of(stream),
        }
    }

    pub(super) fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_recv(cx, buf)
    }

    pub(super) fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_send(cx, buf)
    }

    pub(super) fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        self.stream().try_send(buf)
    }

    pub(super) fn shut_down_write(&self) -> io::Result<()> {
        self.stream().shut_down_write()
    }

    /// Ends both directions. What was sent is delivered.
    pub(super) fn close(&self) {
        // An error means that it was at an end before.
        let _ = self.stream().shut_down();
    }

    /// Ends both directions; what the system has not sent by the time that the socket is closed is
    /// thrown away, and the peer gets a reset.
    pub(super) fn abort(&self) {
        if let Transport::Tcp(stream) = self {
            let _ = stream.set_zero_linger();
        }
        self.close();
    }
}
