//! From here to there.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{AsyncRead, AsyncWrite, BUFFER_SIZE, ReadBuf};

/// Writes to `writer` whatever `reader` gives, to its end, and says how many bytes that was.
///
/// While the reader has nothing to give, the writer is flushed, so that nothing is held back.
///
/// # Errors
///
/// Those of both streams, and [`WriteZero`](io::ErrorKind::WriteZero) if the writer takes no more.
/// What was read and not written is lost.
///
/// # Cancel safety
///
/// Not cancel safe: what was read and not written yet is lost.
///
/// # Examples
///
/// ```
/// use filch::io;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut reader: &[u8] = b"hello";
/// let mut writer = Vec::new();
/// assert_eq!(io::copy(&mut reader, &mut writer).await?, 5);
/// # Ok(())
/// # }
/// ```
pub async fn copy<R, W>(reader: &mut R, writer: &mut W) -> io::Result<u64>
where
    R: AsyncRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut transfer = Transfer::new();
    poll_fn(|cx| transfer.poll(cx, reader, writer)).await
}

/// A copy under way.
struct Transfer {
    buf: Box<[u8]>,
    /// What has been read and not written: `buf[start..end]`.
    start: usize,
    end: usize,
    /// The reader has come to its end.
    ended: bool,
    /// The writer may hold something back.
    flush: bool,
    count: u64,
}

impl Transfer {
    fn new() -> Transfer {
        let buf = vec![0; BUFFER_SIZE].into_boxed_slice();
        Transfer { buf, start: 0, end: 0, ended: false, flush: false, count: 0 }
    }

    fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
    ) -> Poll<io::Result<u64>>
    where
        R: AsyncRead + Unpin + ?Sized,
        W: AsyncWrite + Unpin + ?Sized,
    {
        loop {
            let mut reader_waits = false;
            if !self.ended && self.end < self.buf.len() {
                reader_waits = self.poll_fill(cx, reader)?.is_pending();
            }
            if self.start < self.end {
                ready!(self.poll_drain(cx, writer))?;
            }
            if self.ended || reader_waits {
                if self.flush {
                    ready!(Pin::new(&mut *writer).poll_flush(cx))?;
                    self.flush = false;
                }
                if self.ended {
                    return Poll::Ready(Ok(self.count));
                }
                return Poll::Pending;
            }
        }
    }

    /// Reads behind what is there already.
    fn poll_fill<R: AsyncRead + Unpin + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
    ) -> Poll<io::Result<()>> {
        let mut room = ReadBuf::new(&mut self.buf);
        room.set_filled(self.end);
        ready!(Pin::new(reader).poll_read(cx, &mut room))?;
        let end = room.filled().len();
        self.ended = end == self.end;
        self.end = end;
        Poll::Ready(Ok(()))
    }

    /// Writes all that is there.
    fn poll_drain<W: AsyncWrite + Unpin + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        writer: &mut W,
    ) -> Poll<io::Result<()>> {
        while self.start < self.end {
            let rest = &self.buf[self.start..self.end];
            let count = ready!(Pin::new(&mut *writer).poll_write(cx, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.start += count;
            self.count += count as u64;
            self.flush = true;
        }
        self.start = 0;
        self.end = 0;
        Poll::Ready(Ok(()))
    }
}
