//! `Split`: the parts of a stream between the places where some byte stands.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::AsyncBufRead;
use super::buf_read_ext::poll_until;

pin_project! {
    /// The parts of a stream, see [`AsyncBufReadExt::split`](super::AsyncBufReadExt::split).
    ///
    /// A part may be as long as the stream; who does not trust it reads from a
    /// [`take`](super::AsyncReadExt::take), or with a codec that knows a limit.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless they are polled"]
    pub struct Split<R> {
        #[pin]
        reader: R,
        delim: u8,
        bytes: Vec<u8>,
    }
}

impl<R: AsyncBufRead> Split<R> {
    pub(super) fn new(reader: R, delim: u8) -> Split<R> {
        Split { reader, delim, bytes: Vec::new() }
    }

    /// The next part without the byte that ends it, or `None` at the end.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what has arrived of a part is kept for the next call.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::{AsyncBufReadExt, BufReader};
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut parts = BufReader::new(&b"a\0b"[..]).split(0);
    /// assert_eq!(parts.next_segment().await?.as_deref(), Some(&b"a"[..]));
    /// assert_eq!(parts.next_segment().await?.as_deref(), Some(&b"b"[..]));
    /// assert_eq!(parts.next_segment().await?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next_segment(&mut self) -> io::Result<Option<Vec<u8>>>
    where
        R: Unpin,
    {
        poll_fn(|cx| Pin::new(&mut *self).poll_next_segment(cx)).await
    }

    /// The next part, see [`next_segment`](Split::next_segment).
    ///
    /// # Errors
    ///
    /// As [`next_segment`](Split::next_segment).
    pub fn poll_next_segment(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<Vec<u8>>>> {
        let this = self.project();
        ready!(poll_until(this.reader, cx, *this.delim, this.bytes))?;
        let mut part = std::mem::take(this.bytes);
        if part.is_empty() {
            return Poll::Ready(Ok(None));
        }
        if part.last() == Some(this.delim) {
            part.pop();
        }
        Poll::Ready(Ok(Some(part)))
    }
}
