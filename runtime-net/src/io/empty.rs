//! `empty`: a stream that has ended before it began.

use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use runtime_sync::budget::poll_proceed;

use super::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

/// A stream that gives nothing and takes everything; see [`empty`].
#[derive(Debug, Default, Clone, Copy)]
pub struct Empty(());

/// A stream that is at its end, and forgets what is written to it.
///
/// # Examples
///
/// ```
/// use filch::io::{self, AsyncReadExt, AsyncWriteExt};
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut stream = io::empty();
/// stream.write_all(b"into the void").await?;
/// assert_eq!(stream.read(&mut [0; 8]).await?, 0);
/// # Ok(())
/// # }
/// ```
pub fn empty() -> Empty {
    Empty(())
}

/// Always ready, but not without end within one poll of a task.
pub(super) fn poll_instead<R>(cx: &mut Context<'_>, value: R) -> Poll<io::Result<R>> {
    ready!(poll_proceed(cx)).made_progress();
    Poll::Ready(Ok(value))
}

impl AsyncRead for Empty {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        _buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        poll_instead(cx, ())
    }
}

impl AsyncBufRead for Empty {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        poll_instead(cx, &[])
    }

    fn consume(self: Pin<&mut Self>, _amt: usize) {}
}

impl AsyncWrite for Empty {
    super::sink::forget_all!();
}

impl AsyncSeek for Empty {
    fn start_seek(self: Pin<&mut Self>, _position: SeekFrom) -> io::Result<()> {
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        poll_instead(cx, 0)
    }
}
