//! `FuturesCompat`: between these traits and those of the crate futures-io, both ways.

use std::io::{self, IoSlice, IoSliceMut, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

/// A buffer that is not initialized is cleared by so much at a time: the other side's traits know
/// no such buffers, and clearing what is not filled afterwards is in vain.
const CLEARED_MAX: usize = 8 * 1024;

pin_project! {
    /// A stream of filch as a stream of futures-io, or the other way round.
    ///
    /// Around a stream that implements filch's traits it implements those of futures-io, and around
    /// one of futures-io it implements filch's: for libraries that know the other ones.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::{AsyncReadExt, FuturesCompat};
    /// use futures_io::AsyncRead;
    ///
    /// /// Somebody else's function.
    /// async fn read_all(stream: impl AsyncRead + Unpin) -> std::io::Result<String> {
    ///     let mut text = String::new();
    ///     FuturesCompat::new(stream).read_to_string(&mut text).await?;
    ///     Ok(text)
    /// }
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let ours = filch::io::empty().chain(&b"there and back"[..]);
    /// assert_eq!(read_all(FuturesCompat::new(ours)).await?, "there and back");
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Debug)]
    pub struct FuturesCompat<T> {
        #[pin]
        inner: T,
        // The seek that has begun: its place has not been reached.
        seek: Option<SeekFrom>,
    }
}

impl<T> FuturesCompat<T> {
    /// Wraps a stream.
    pub fn new(inner: T) -> FuturesCompat<T> {
        FuturesCompat { inner, seek: None }
    }

    /// The stream.
    pub fn get_ref(&self) -> &T {
        &self.inner
    }

    /// The stream.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.inner
    }

    /// The stream, pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut T> {
        self.project().inner
    }

    /// The stream.
    pub fn into_inner(self) -> T {
        self.inner
    }
}

impl<T: futures_io::AsyncRead> AsyncRead for FuturesCompat<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buf.remaining();
        if room == 0 {
            return Poll::Ready(Ok(()));
        }
        let clear = buf.initialized().len() - buf.filled().len();
        let bytes = buf.initialize_unfilled_to(clear.max(CLEARED_MAX).min(room));
        let count = ready!(self.project().inner.poll_read(cx, bytes))?;
        buf.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead> futures_io::AsyncRead for FuturesCompat<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(buf);
        ready!(self.project().inner.poll_read(cx, &mut buf))?;
        Poll::Ready(Ok(buf.filled().len()))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = bufs.iter_mut().find(|buf| !buf.is_empty());
        futures_io::AsyncRead::poll_read(self, cx, first.map_or(&mut [], |buf| &mut **buf))
    }
}

impl<T: futures_io::AsyncBufRead> AsyncBufRead for FuturesCompat<T> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.project().inner.poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        self.project().inner.consume(amt);
    }
}

impl<T: AsyncBufRead> futures_io::AsyncBufRead for FuturesCompat<T> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.project().inner.poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        self.project().inner.consume(amt);
    }
}

impl<T: futures_io::AsyncWrite> AsyncWrite for FuturesCompat<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_close(cx)
    }

    // `is_write_vectored` stays false: futures-io cannot tell, and a caller that believed it would
    // send its smallest slices one by one.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write_vectored(cx, bufs)
    }
}

impl<T: AsyncWrite> futures_io::AsyncWrite for FuturesCompat<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write_vectored(cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_shutdown(cx)
    }
}

impl<T: futures_io::AsyncSeek> AsyncSeek for FuturesCompat<T> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        *self.project().seek = Some(position);
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let this = self.project();
        let position = this.seek.unwrap_or(SeekFrom::Current(0));
        let place = ready!(this.inner.poll_seek(cx, position));
        *this.seek = None;
        Poll::Ready(place)
    }
}

impl<T: AsyncSeek> futures_io::AsyncSeek for FuturesCompat<T> {
    fn poll_seek(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        position: SeekFrom,
    ) -> Poll<io::Result<u64>> {
        let mut this = self.project();
        if *this.seek != Some(position) {
            // One that was given up may still be under way.
            ready!(this.inner.as_mut().poll_complete(cx))?;
            this.inner.as_mut().start_seek(position)?;
            *this.seek = Some(position);
        }
        let place = ready!(this.inner.poll_complete(cx));
        *this.seek = None;
        Poll::Ready(place)
    }
}
