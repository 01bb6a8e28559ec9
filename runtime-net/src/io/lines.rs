//! `Lines`: the lines of a stream, one by one.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::AsyncBufRead;
use super::buf_read_ext::poll_until;

pin_project! {
    /// The lines of a stream, see [`AsyncBufReadExt::lines`](super::AsyncBufReadExt::lines).
    ///
    /// A line may be as long as the stream; who does not trust it reads from a
    /// [`take`](super::AsyncReadExt::take), or with a codec that knows a limit.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless they are polled"]
    pub struct Lines<R> {
        #[pin]
        reader: R,
        bytes: Vec<u8>,
    }
}

impl<R: AsyncBufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Lines<R> {
        Lines { reader, bytes: Vec::new() }
    }

    /// The next line without its `\n` or `\r\n`, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) if the line is not UTF-8, with a
    /// [`FromUtf8Error`](std::string::FromUtf8Error) inside that has its bytes; and those of the stream.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a line that has arrived in part is kept for the next call.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::AsyncBufReadExt;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut lines = b"one\ntwo".lines();
    /// assert_eq!(lines.next_line().await?.as_deref(), Some("one"));
    /// assert_eq!(lines.next_line().await?.as_deref(), Some("two"));
    /// assert_eq!(lines.next_line().await?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next_line(&mut self) -> io::Result<Option<String>>
    where
        R: Unpin,
    {
        poll_fn(|cx| Pin::new(&mut *self).poll_next_line(cx)).await
    }

    /// The next line, see [`next_line`](Lines::next_line).
    ///
    /// # Errors
    ///
    /// As [`next_line`](Lines::next_line).
    pub fn poll_next_line(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<String>>> {
        let this = self.project();
        ready!(poll_until(this.reader, cx, b'\n', this.bytes))?;
        let mut line = std::mem::take(this.bytes);
        if line.is_empty() {
            return Poll::Ready(Ok(None));
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        let text = String::from_utf8(line);
        Poll::Ready(
            text.map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error)),
        )
    }

    /// The stream.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// The stream. Reading from it takes bytes from the lines.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// The stream, pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut R> {
        self.project().reader
    }

    /// The stream. A line that has arrived in part is lost.
    pub fn into_inner(self) -> R {
        self.reader
    }
}
