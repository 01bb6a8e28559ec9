//! `BufWriter`: holds small writes back and sends them together.

use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::interrupted::unless_interrupted;
use super::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, BUFFER_SIZE, ReadBuf};

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
        seek: Seek,
    }
}

/// How far a seek is.
#[derive(Debug, Clone, Copy)]
enum Seek {
    None,
    /// What is held back goes first.
    Wanted(SeekFrom),
    /// The stream behind goes where it should.
    UnderWay,
}

impl<W: AsyncWrite> BufWriter<W> {
    /// Holds up to 8 KiB back.
    pub fn new(inner: W) -> BufWriter<W> {
        BufWriter::with_capacity(BUFFER_SIZE, inner)
    }

    /// Holds up to `capacity` bytes back.
    pub fn with_capacity(capacity: usize, inner: W) -> BufWriter<W> {
        let buf = Vec::with_capacity(capacity);
        BufWriter { inner, buf, written: 0, capacity, seek: Seek::None }
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
            let written = ready!(this.inner.as_mut().poll_write(cx, rest));
            let Some(count) = unless_interrupted(written)? else { continue };
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

impl<W> BufWriter<W> {
    /// Before a write: a seek that was given up before it set out must not set out afterwards.
    fn stay(self: Pin<&mut Self>) {
        let this = self.project();
        if let Seek::Wanted(_) = this.seek {
            *this.seek = Seek::None;
        }
    }

    /// The stream behind, and the rest around another one.
    pub(super) fn exchange<V>(self, inner: V) -> (W, BufWriter<V>) {
        let BufWriter { inner: before, buf, written, capacity, seek } = self;
        (before, BufWriter { inner, buf, written, capacity, seek })
    }
}

impl<W: AsyncWrite> AsyncWrite for BufWriter<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.as_mut().stay();
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

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.as_mut().stay();
        let total = bufs.iter().fold(0, |sum: usize, buf| sum.saturating_add(buf.len()));
        if self.buf.len().saturating_add(total) > self.capacity {
            ready!(self.as_mut().poll_send(cx))?;
        }
        if total >= self.capacity && self.inner.is_write_vectored() {
            return self.get_pin_mut().poll_write_vectored(cx, bufs);
        }
        let mut count = 0;
        for buf in bufs {
            if self.buf.len() + buf.len() > self.capacity {
                break;
            }
            self.as_mut().project().buf.extend_from_slice(buf);
            count += buf.len();
        }
        match bufs.iter().find(|buf| !buf.is_empty()) {
            Some(large) if count == 0 => self.poll_write(cx, large),
            _ => Poll::Ready(Ok(count)),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
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

/// What is held back is sent before each seek.
impl<W: AsyncWrite + AsyncSeek> AsyncSeek for BufWriter<W> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        *self.project().seek = Seek::Wanted(position);
        Ok(())
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        if let Seek::Wanted(position) = self.seek {
            ready!(self.as_mut().poll_send(cx))?;
            let this = self.as_mut().project();
            *this.seek = Seek::None;
            this.inner.start_seek(position)?;
            *self.as_mut().project().seek = Seek::UnderWay;
        }
        let held_back = self.buffer().len() as u64;
        let this = self.project();
        let place = ready!(this.inner.poll_complete(cx));
        *this.seek = Seek::None;
        Poll::Ready(place.map(|place| place + held_back))
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
