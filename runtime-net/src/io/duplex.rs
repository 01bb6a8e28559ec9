//! `duplex`: two streams in memory, each the other one's peer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::pipe::{Pipe, ReadEnd, WriteEnd};
use super::{AsyncRead, AsyncWrite, ReadBuf};

/// One of two streams in memory that are each other's peers; see [`duplex`].
///
/// When it is dropped, the peer reads what was written before and then comes to the end, and a
/// write of the peer fails with [`BrokenPipe`](io::ErrorKind::BrokenPipe).
#[derive(Debug)]
pub struct DuplexStream {
    read: ReadEnd,
    write: WriteEnd,
}

/// Two streams in memory: what is written to one is read from the other.
///
/// A writer waits while `max_buf_size` bytes have not been read yet; each direction counts its
/// own. The counterpart of `tokio::io::duplex`.
///
/// # Panics
///
/// `max_buf_size` is 0: nothing could ever go through.
///
/// # Examples
///
/// ```
/// use filch::io::{self, AsyncReadExt, AsyncWriteExt};
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let (mut client, mut server) = io::duplex(64);
/// client.write_all(b"ping").await?;
///
/// let mut bytes = [0; 4];
/// server.read_exact(&mut bytes).await?;
/// assert_eq!(&bytes, b"ping");
/// server.write_all(b"pong").await?;
/// drop(server);
///
/// let mut text = String::new();
/// client.read_to_string(&mut text).await?;
/// assert_eq!(text, "pong");
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn duplex(max_buf_size: usize) -> (DuplexStream, DuplexStream) {
    let there = Arc::new(Pipe::new(max_buf_size));
    let back = Arc::new(Pipe::new(max_buf_size));
    let near =
        DuplexStream { read: ReadEnd(Some(back.clone())), write: WriteEnd(Some(there.clone())) };
    let far = DuplexStream { read: ReadEnd(Some(there)), write: WriteEnd(Some(back)) };
    (near, far)
}

impl DuplexStream {
    fn incoming(&self) -> &Pipe {
        self.read.0.as_ref().expect("the end is kept until the drop")
    }

    fn outgoing(&self) -> &Pipe {
        self.write.0.as_ref().expect("the end is kept until the drop")
    }
}

impl AsyncRead for DuplexStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.incoming().poll_read(cx, buf)
    }
}

impl AsyncWrite for DuplexStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.outgoing().poll_write(cx, &[IoSlice::new(buf)])
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing().close_write();
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.outgoing().poll_write(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
