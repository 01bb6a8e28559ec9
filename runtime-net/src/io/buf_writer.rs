//! `BufWriter`: holds small writes back and sends them together.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::{AsyncBufRead, AsyncRead, AsyncWrite, BUFFER_SIZE, ReadBuf};

pin_project! {
    /// Holds writes to another stream back until there is enough of them.
    ///
    /// What is held back when this is dropped is lost: call
    /// [`flush`](super::AsyncWriteExt::flush) before. Reads go to that stream directly.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::{AsyncWriteExt, BufWriter};
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut writer = BufWriter::new(Vec::new());
    /// writer.write_all(b"a").await?;
    /// assert!(writer.get_ref().is_empty());
    /// writer.flush().await?;
    /// assert_eq!(writer.get_ref(), b"a");
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Debug)]
    pub struct BufWriter<W> {
        #[pin]
        inner: W,
        buf: Vec<u8>,
        // How much of `buf` has been written already.
        written: usize,
        capacity: usize,
    }
}

impl<W: AsyncWrite> BufWriter<W> {
    /// Holds up to 8 KiB back.
    pub fn new(inner: W) -> BufWriter<W> {
        BufWriter::with_capacity(BUFFER_SIZE, inner)
    }

    /// Holds up to `capacity` bytes back.
    pub fn with_capacity(capacity: usize, inner: W) -> BufWriter<W> {
        BufWriter { inner, buf: Vec::with_capacity(capacity), written: 0, capacity }
    }

    /// The stream behind.
    pub fn get_ref(&self) -> &W {
        &self.inner
    }

    /// The stream behind. Writing to it overtakes what is held back.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.inner
    }

    /// The stream behind, pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut W> {
        self.project().inner
    }

    /// The stream behind. What is held back is lost.
    pub fn into_inner(self) -> W {
        self.inner
    }

    /// What is held back.
    pub fn buffer(&self) -> &[u8] {
        &self.buf[self.written..]
    }

    /// Sends what is held back, without flushing the stream behind.
    fn poll_send(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut this = self.project();
        while *this.written < this.buf.len() {
            let rest = &this.buf[*this.written..];
            let count = ready!(this.inner.as_mut().poll_write(cx, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *this.written += count;
        }
        this.buf.clear();
        *this.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl<W: AsyncWrite> AsyncWrite for BufWriter<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.buf.len() + buf.len() > self.capacity {
            ready!(self.as_mut().poll_send(cx))?;
        }
        let this = self.project();
        // A write that is larger than the buffer gains nothing from it.
        if buf.len() >= *this.capacity {
            return this.inner.poll_write(cx, buf);
        }
        this.buf.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_send(cx))?;
        self.get_pin_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_send(cx))?;
        self.get_pin_mut().poll_shutdown(cx)
    }
}

impl<W: AsyncWrite + AsyncRead> AsyncRead for BufWriter<W> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_read(cx, buf)
    }
}

impl<W: AsyncWrite + AsyncBufRead> AsyncBufRead for BufWriter<W> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.get_pin_mut().poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        self.get_pin_mut().consume(amt);
    }
}
