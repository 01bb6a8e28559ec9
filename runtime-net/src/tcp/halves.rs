//! The halves of a stream that borrow it: a reader and a writer in one task.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BufMut;

use super::TcpStream;
use crate::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};

/// The half of a [`TcpStream`] that reads, see [`TcpStream::split`].
#[derive(Debug)]
pub struct ReadHalf<'a>(&'a TcpStream);

/// The half of a [`TcpStream`] that writes, see [`TcpStream::split`].
///
/// Shutting it down tells the peer that nothing more will come; dropping it does nothing.
#[derive(Debug)]
pub struct WriteHalf<'a>(&'a TcpStream);

pub(super) fn split(stream: &mut TcpStream) -> (ReadHalf<'_>, WriteHalf<'_>) {
    (ReadHalf(stream), WriteHalf(stream))
}

/// Methods that every kind of half passes on to its stream.
macro_rules! pass_on {
    (both) => {
        /// As [`TcpStream::ready`].
        ///
        /// # Errors
        ///
        /// The runtime has shut down.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: the readiness is kept.
        pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
            self.0.ready(interest).await
        }

        /// The peer's address.
        ///
        /// # Errors
        ///
        /// Those of the system.
        pub fn peer_addr(&self) -> io::Result<SocketAddr> {
            self.0.peer_addr()
        }

        /// Our address.
        ///
        /// # Errors
        ///
        /// Those of the system.
        pub fn local_addr(&self) -> io::Result<SocketAddr> {
            self.0.local_addr()
        }
    };
    (read) => {
        /// As [`TcpStream::poll_peek`].
        ///
        /// # Errors
        ///
        /// Those of the stream.
        pub fn poll_peek(
            &mut self,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<usize>> {
            self.0.poll_peek(cx, buf)
        }

        /// As [`TcpStream::peek`].
        ///
        /// # Errors
        ///
        /// Those of the stream.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: nothing is read.
        pub async fn peek(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0.peek(buf).await
        }

        /// As [`TcpStream::readable`].
        ///
        /// # Errors
        ///
        /// The runtime has shut down.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: the readiness is kept.
        pub async fn readable(&self) -> io::Result<()> {
            self.0.readable().await
        }

        /// As [`TcpStream::try_read`].
        ///
        /// # Errors
        ///
        /// As [`TcpStream::try_read`].
        pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
            self.0.try_read(buf)
        }

        /// As [`TcpStream::try_read_vectored`].
        ///
        /// # Errors
        ///
        /// As [`TcpStream::try_read_vectored`].
        pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
            self.0.try_read_vectored(bufs)
        }

        /// As [`TcpStream::try_read_buf`].
        ///
        /// # Errors
        ///
        /// As [`TcpStream::try_read_buf`].
        pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
            self.0.try_read_buf(buf)
        }
    };
    (write) => {
        /// As [`TcpStream::writable`].
        ///
        /// # Errors
        ///
        /// The runtime has shut down.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: the readiness is kept.
        pub async fn writable(&self) -> io::Result<()> {
            self.0.writable().await
        }

        /// As [`TcpStream::try_write`].
        ///
        /// # Errors
        ///
        /// As [`TcpStream::try_write`].
        pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
            self.0.try_write(buf)
        }

        /// As [`TcpStream::try_write_vectored`].
        ///
        /// # Errors
        ///
        /// As [`TcpStream::try_write_vectored`].
        pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
            self.0.try_write_vectored(bufs)
        }
    };
}
pub(super) use pass_on;

impl ReadHalf<'_> {
    pass_on!(both);
    pass_on!(read);
}

impl WriteHalf<'_> {
    pass_on!(both);
    pass_on!(write);
}

impl AsyncRead for ReadHalf<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.poll_recv(cx, buf)
    }
}

impl AsyncWrite for WriteHalf<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_send(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.shut_down_write())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_send_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

impl AsRef<TcpStream> for ReadHalf<'_> {
    fn as_ref(&self) -> &TcpStream {
        self.0
    }
}

impl AsRef<TcpStream> for WriteHalf<'_> {
    fn as_ref(&self) -> &TcpStream {
        self.0
    }
}
