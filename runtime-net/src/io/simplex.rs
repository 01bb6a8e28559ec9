//! `simplex`: a stream in memory that goes one way.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::halves::{ReadHalf, WriteHalf, split_pipe};
use super::pipe::Pipe;
use super::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream in memory: what is written to it can be read from it; see [`simplex`].
#[derive(Debug)]
pub struct SimplexStream {
    pipe: Arc<Pipe>,
}

/// A reader and a writer in memory: what is written to one is read from the other.
///
/// The writer waits while `max_buf_size` bytes have not been read yet. When the writer is dropped
/// or shut down, the reader reads what was written before and then comes to the end. When the
/// reader is dropped, a write fails with [`BrokenPipe`](io::ErrorKind::BrokenPipe).
///
/// The counterpart of `tokio::io::simplex`, whose halves say nothing to each other when they are
/// dropped.
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
/// let (mut reader, mut writer) = io::simplex(64);
/// writer.write_all(b"hello").await?;
/// drop(writer);
///
/// let mut text = String::new();
/// reader.read_to_string(&mut text).await?;
/// assert_eq!(text, "hello");
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn simplex(max_buf_size: usize) -> (ReadHalf<SimplexStream>, WriteHalf<SimplexStream>) {
    let stream = SimplexStream::new_unsplit(max_buf_size);
    let pipe = stream.pipe.clone();
    split_pipe(stream, pipe)
}

impl SimplexStream {
    /// A stream in memory that is both ends in one.
    ///
    /// # Panics
    ///
    /// `max_buf_size` is 0: nothing could ever go through.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::{AsyncReadExt, AsyncWriteExt, SimplexStream};
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut stream = SimplexStream::new_unsplit(64);
    /// stream.write_u16(7).await?;
    /// assert_eq!(stream.read_u16().await?, 7);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn new_unsplit(max_buf_size: usize) -> SimplexStream {
        SimplexStream { pipe: Arc::new(Pipe::new(max_buf_size)) }
    }
}

impl AsyncRead for SimplexStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.pipe.poll_read(cx, buf)
    }
}

impl AsyncWrite for SimplexStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.pipe.poll_write(cx, &[IoSlice::new(buf)])
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pipe.close_write();
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.pipe.poll_write(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
