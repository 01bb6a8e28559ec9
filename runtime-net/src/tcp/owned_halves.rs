//! The halves of a stream that own it together: a reader and a writer in two tasks.

use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BufMut;

use super::TcpStream;
use super::halves::pass_on;
use crate::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};

/// The half of a [`TcpStream`] that reads, see [`TcpStream::into_split`].
#[derive(Debug)]
pub struct OwnedReadHalf(Arc<TcpStream>);

/// The half of a [`TcpStream`] that writes, see [`TcpStream::into_split`].
///
/// Dropping it tells the peer that nothing more will come; [`forget`](OwnedWriteHalf::forget)
/// drops it without.
#[derive(Debug)]
pub struct OwnedWriteHalf(Arc<TcpStream>, OnDrop);

/// What dropping the write half does.
#[derive(Debug, PartialEq)]
enum OnDrop {
    ShutDown,
    Nothing,
}

pub(super) fn split(stream: TcpStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    let stream = Arc::new(stream);
    (OwnedReadHalf(stream.clone()), OwnedWriteHalf(stream, OnDrop::ShutDown))
}

fn reunite(read: OwnedReadHalf, mut write: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
    if !Arc::ptr_eq(&read.0, &write.0) {
        return Err(ReuniteError(read, write));
    }
    write.1 = OnDrop::Nothing;
    drop(write);
    Ok(Arc::into_inner(read.0).expect("a stream has two halves"))
}

impl OwnedReadHalf {
    pass_on!(both);
    pass_on!(read);

    /// Puts both halves together again.
    ///
    /// # Errors
    ///
    /// They are halves of different streams, and both are given back.
    ///
    /// # Examples
    ///
    /// ```
    /// # use filch::io::{AsyncReadExt, AsyncWriteExt, Interest};
    /// # use filch::net::{TcpListener, TcpStream};
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// # let mut stream = TcpStream::connect(address).await?;
    /// # let (mut peer, _) = listener.accept().await?;
    /// let (read, write) = stream.into_split();
    /// let stream = read.reunite(write).unwrap();
    /// # Ok(())
    /// # }
    /// ```
    pub fn reunite(self, other: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        reunite(self, other)
    }
}

impl OwnedWriteHalf {
    pass_on!(both);
    pass_on!(write);

    /// Puts both halves together again.
    ///
    /// # Errors
    ///
    /// They are halves of different streams, and both are given back.
    pub fn reunite(self, other: OwnedReadHalf) -> Result<TcpStream, ReuniteError> {
        reunite(other, self)
    }

    /// Drops this half without telling the peer anything.
    ///
    /// # Examples
    ///
    /// ```
    /// # use filch::io::{AsyncReadExt, AsyncWriteExt, Interest};
    /// # use filch::net::{TcpListener, TcpStream};
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// # let mut stream = TcpStream::connect(address).await?;
    /// # let (mut peer, _) = listener.accept().await?;
    /// let (read, write) = stream.into_split();
    /// write.forget();
    /// // The peer may still be told something by other means, or the stream closed by `read`.
    /// # Ok(())
    /// # }
    /// ```
    pub fn forget(mut self) {
        self.1 = OnDrop::Nothing;
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if self.1 == OnDrop::ShutDown {
            // An error means that there is nobody to be told.
            let _ = self.0.shut_down_write();
        }
    }
}

impl AsyncRead for OwnedReadHalf {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.poll_recv(cx, buf)
    }
}

impl AsyncWrite for OwnedWriteHalf {
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

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = self.0.shut_down_write();
        if outcome.is_ok() {
            self.1 = OnDrop::Nothing;
        }
        Poll::Ready(outcome)
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

impl AsRef<TcpStream> for OwnedReadHalf {
    fn as_ref(&self) -> &TcpStream {
        &self.0
    }
}

impl AsRef<TcpStream> for OwnedWriteHalf {
    fn as_ref(&self) -> &TcpStream {
        &self.0
    }
}

/// The halves belong to different streams. Both are in here.
#[derive(Debug)]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tried to reunite halves that are not from the same socket")
    }
}

impl Error for ReuniteError {}
