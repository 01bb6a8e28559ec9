//! `copy_buf`: from a reader that reads ahead to a writer, without another buffer between.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use runtime_sync::budget::poll_proceed;

use super::interrupted::unless_interrupted;
use super::{AsyncBufRead, AsyncWrite};

/// Writes to `writer` whatever `reader` gives, to its end, and says how many bytes that was.
///
/// As [`copy()`](super::copy()), but through the reader's own buffer.
///
/// # Errors
///
/// Those of both streams, and [`WriteZero`](io::ErrorKind::WriteZero) if the writer takes no more.
/// What has not been written is still to be read from the reader.
///
/// # Cancel safety
///
/// If the future is dropped, what has not been written is still to be read from the reader, and
/// nobody knows how much was written.
///
/// # Examples
///
/// ```
/// use filch::io::{self, BufReader};
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut reader = BufReader::new(&b"hello"[..]);
/// let mut writer = Vec::new();
/// assert_eq!(io::copy_buf(&mut reader, &mut writer).await?, 5);
/// # Ok(())
/// # }
/// ```
pub async fn copy_buf<R, W>(reader: &mut R, writer: &mut W) -> io::Result<u64>
where
    R: AsyncBufRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut progress = Progress::default();
    poll_fn(|cx| poll_copy(cx, reader, writer, &mut progress)).await?;
    Ok(progress.written)
}

/// How many bytes have come how far.
#[derive(Default)]
struct Progress {
    written: u64,
    flushed: u64,
}

fn poll_copy<R, W>(
    cx: &mut Context<'_>,
    reader: &mut R,
    writer: &mut W,
    progress: &mut Progress,
) -> Poll<io::Result<()>>
where
    R: AsyncBufRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    loop {
        // Streams in memory are always ready, so a copy counts its rounds itself.
        let coop = ready!(poll_proceed(cx));
        let Poll::Ready(ahead) = Pin::new(&mut *reader).poll_fill_buf(cx) else {
            // Nothing is held back while the reader has nothing to give.
            if progress.flushed < progress.written {
                ready!(Pin::new(&mut *writer).poll_flush(cx))?;
                progress.flushed = progress.written;
            }
            return Poll::Pending;
        };
        let Some(ahead) = unless_interrupted(ahead)? else { continue };
        if ahead.is_empty() {
            ready!(Pin::new(&mut *writer).poll_flush(cx))?;
            coop.made_progress();
            return Poll::Ready(Ok(()));
        }
        let written = ready!(Pin::new(&mut *writer).poll_write(cx, ahead));
        let Some(written) = unless_interrupted(written)? else { continue };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        Pin::new(&mut *reader).consume(written);
        progress.written += written as u64;
        coop.made_progress();
    }
}
