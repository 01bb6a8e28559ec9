//! `BufReader`: reads ahead, so that small reads cost no system call each.

use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, BUFFER_SIZE, ReadBuf};

pin_project! {
    /// Reads ahead from another stream.
    ///
    /// Writes go to that stream directly.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::{AsyncBufReadExt, BufReader};
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let stream: &[u8] = b"hello\nworld\n";
    /// let mut reader = BufReader::new(stream);
    /// let mut line = String::new();
    /// reader.read_line(&mut line).await?;
    /// assert_eq!(line, "hello\n");
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Debug)]
    pub struct BufReader<R> {
        #[pin]
        inner: R,
        buf: Box<[u8]>,
        // What has been read and not used yet: `buf[start..end]`.
        start: usize,
        end: usize,
        seek: Seek,
    }
}

/// How far a seek is.
#[derive(Debug, Clone, Copy)]
enum Seek {
    None,
    /// The stream behind has not been told.
    Wanted(SeekFrom),
    /// The stream behind goes back to where our user stands; then it is to go by so much.
    Back(i64),
    /// The stream behind goes where it should.
    UnderWay,
}

impl<R: AsyncRead> BufReader<R> {
    /// Reads ahead up to 8 KiB.
    pub fn new(inner: R) -> BufReader<R> {
        BufReader::with_capacity(BUFFER_SIZE, inner)
    }

    /// Reads ahead up to `capacity` bytes.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    #[track_caller]
    pub fn with_capacity(capacity: usize, inner: R) -> BufReader<R> {
        assert!(capacity > 0, "a reader that reads ahead needs a capacity of at least 1");
        let buf = vec![0; capacity].into_boxed_slice();
        BufReader { inner, buf, start: 0, end: 0, seek: Seek::None }
    }

    /// The stream behind.
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// The stream behind. Reading from it overtakes what has been read ahead.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// The stream behind, pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut R> {
        self.project().inner
    }

    /// The stream behind. What has been read ahead is lost.
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// What has been read and not used yet.
    pub fn buffer(&self) -> &[u8] {
        &self.buf[self.start..self.end]
    }
}

impl<R> BufReader<R> {
    /// The stream behind, and the rest around another one.
    pub(super) fn exchange<V>(self, inner: V) -> (R, BufReader<V>) {
        let BufReader { inner: before, buf, start, end, seek } = self;
        (before, BufReader { inner, buf, start, end, seek })
    }
}

impl<R> BufReader<R> {
    /// Before a read: if a seek was given up while it was under way, what was read ahead of the
    /// place that was left must not be taken for what is at the new one.
    fn leave(self: Pin<&mut Self>) {
        let this = self.project();
        if let Seek::Back(_) | Seek::UnderWay = this.seek {
            *this.seek = Seek::None;
            *this.start = 0;
            *this.end = 0;
        }
    }
}

impl<R: AsyncRead> AsyncRead for BufReader<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.as_mut().leave();
        // A read that is larger than the buffer gains nothing from it.
        if self.start == self.end && buf.remaining() >= self.buf.len() {
            return self.get_pin_mut().poll_read(cx, buf);
        }
        let ahead = ready!(self.as_mut().poll_fill_buf(cx))?;
        let count = ahead.len().min(buf.remaining());
        buf.put_slice(&ahead[..count]);
        self.consume(count);
        Poll::Ready(Ok(()))
    }
}

impl<R: AsyncRead> AsyncBufRead for BufReader<R> {
    fn poll_fill_buf(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.as_mut().leave();
        let this = self.project();
        if this.start == this.end {
            let mut room = ReadBuf::new(this.buf);
            ready!(this.inner.poll_read(cx, &mut room))?;
            *this.end = room.filled().len();
            *this.start = 0;
        }
        Poll::Ready(Ok(&this.buf[*this.start..*this.end]))
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        let this = self.project();
        *this.start = this.start.saturating_add(amt).min(*this.end);
    }
}

impl<R: AsyncRead + AsyncWrite> AsyncWrite for BufReader<R> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_pin_mut().poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_pin_mut().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.get_ref().is_write_vectored()
    }
}

/// What has been read ahead is thrown away by each seek that succeeds.
impl<R: AsyncRead + AsyncSeek> AsyncSeek for BufReader<R> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        *self.project().seek = Seek::Wanted(position);
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let mut this = self.project();
        // A buffer is far smaller than that.
        let ahead = (*this.end - *this.start) as i64;
        loop {
            match std::mem::replace(this.seek, Seek::None) {
                Seek::None => {
                    let place = ready!(this.inner.as_mut().poll_complete(cx))?;
                    return Poll::Ready(Ok(place.saturating_sub(ahead as u64)));
                }
                Seek::Wanted(SeekFrom::Current(by)) => match by.checked_sub(ahead) {
                    Some(by) => {
                        this.inner.as_mut().start_seek(SeekFrom::Current(by))?;
                        *this.seek = Seek::UnderWay;
                    }
                    None => {
                        this.inner.as_mut().start_seek(SeekFrom::Current(-ahead))?;
                        *this.seek = Seek::Back(by);
                    }
                },
                Seek::Wanted(position) => {
                    this.inner.as_mut().start_seek(position)?;
                    *this.seek = Seek::UnderWay;
                }
                under_way => {
                    let Poll::Ready(place) = this.inner.as_mut().poll_complete(cx) else {
                        *this.seek = under_way;
                        return Poll::Pending;
                    };
                    let place = place?;
                    *this.start = 0;
                    *this.end = 0;
                    let Seek::Back(by) = under_way else { return Poll::Ready(Ok(place)) };
                    this.inner.as_mut().start_seek(SeekFrom::Current(by))?;
                    *this.seek = Seek::UnderWay;
                }
            }
        }
    }
}
