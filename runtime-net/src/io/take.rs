//! `Take`: a stream that ends early.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::{AsyncBufRead, AsyncRead, ReadBuf, fill_part};

pin_project! {
    /// The first bytes of a stream; see [`AsyncReadExt::take`](super::AsyncReadExt::take).
    ///
    /// # Examples
    ///
    /// A line that never ends is cut instead of filling the memory:
    ///
    /// ```
    /// use filch::io::{AsyncBufReadExt, AsyncReadExt, BufReader, repeat};
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut line = String::new();
    /// BufReader::new(repeat(b'x')).take(80).read_line(&mut line).await?;
    /// assert_eq!(line.len(), 80);
    /// assert!(!line.ends_with('\n'));
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Debug)]
    #[must_use = "streams do nothing unless they are read"]
    pub struct Take<R> {
        #[pin]
        inner: R,
        limit: u64,
    }
}

impl<R: AsyncRead> Take<R> {
    pub(super) fn new(inner: R, limit: u64) -> Take<R> {
        Take { inner, limit }
    }

    /// How many more bytes this gives; the stream behind may end before.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Changes how many more bytes this gives.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::AsyncReadExt;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut frame = (&b"abcdef"[..]).take(2);
    /// let mut text = String::new();
    /// frame.read_to_string(&mut text).await?;
    /// frame.set_limit(3);
    /// frame.read_to_string(&mut text).await?;
    /// assert_eq!(text, "abcde");
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// The stream behind.
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// The stream behind. What is read from it directly does not count.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// The stream behind, pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut R> {
        self.project().inner
    }

    /// The stream behind.
    pub fn into_inner(self) -> R {
        self.inner
    }
}

impl<R: AsyncRead> AsyncRead for Take<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        if *this.limit == 0 {
            return Poll::Ready(Ok(()));
        }
        let most = at_most(*this.limit, buf.remaining());
        let count = ready!(fill_part(buf, most, |part| this.inner.poll_read(cx, part)))?;
        *this.limit -= count as u64;
        Poll::Ready(Ok(()))
    }
}

impl<R: AsyncBufRead> AsyncBufRead for Take<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.project();
        // The stream behind is not asked: it might wait for what nobody wants.
        if *this.limit == 0 {
            return Poll::Ready(Ok(&[]));
        }
        let ahead = ready!(this.inner.poll_fill_buf(cx))?;
        Poll::Ready(Ok(&ahead[..at_most(*this.limit, ahead.len())]))
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        let this = self.project();
        let amt = at_most(*this.limit, amt);
        *this.limit -= amt as u64;
        this.inner.consume(amt);
    }
}

/// The smaller one of a length and a limit that may be larger than any length.
fn at_most(limit: u64, length: usize) -> usize {
    usize::try_from(limit).map_or(length, |limit| limit.min(length))
}
