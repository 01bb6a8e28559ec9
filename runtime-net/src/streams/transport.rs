//! The socket below a reader and a writer.

use std::io;
use std::task::{Context, Poll};

use super::unix::{UnixStream, stream_of};
use crate::io::ReadBuf;
use crate::tcp::TcpStream;

/// What moves the bytes.
#[derive(Debug)]
pub(super) enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// `$call` with the stream, of either kind.
macro_rules! with_stream {
    ($transport:expr, $stream:ident => $call:expr) => {
        match $transport {
            Transport::Tcp(tcp) => {
                let $stream = &tcp.stream;
                $call
            }
            Transport::Unix(unix) => {
                let $stream = stream_of(unix);
                $call
            }
        }
    };
}

impl Transport {
    pub(super) fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        with_stream!(self, stream => stream.poll_recv(cx, buf))
    }

    pub(super) fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        with_stream!(self, stream => stream.poll_send(cx, buf))
    }

    pub(super) fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        with_stream!(self, stream => stream.try_send(buf))
    }

    pub(super) fn shut_down_write(&self) -> io::Result<()> {
        with_stream!(self, stream => stream.shut_down_write())
    }

    /// Ends both directions. What was sent is delivered.
    pub(super) fn close(&self) {
        // An error means that it was at an end before.
        let _ = with_stream!(self, stream => stream.shut_down());
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

/// What TLS hands over.
#[cfg(feature = "tls")]
impl Transport {
    pub(super) fn poll_send_vectored(
        &self,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        with_stream!(self, stream => stream.poll_send_vectored(cx, bufs))
    }

    pub(super) fn try_send_vectored(&self, bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
        with_stream!(self, stream => stream.try_send_vectored(bufs))
    }
}
