//! What one calls on a stream that reads ahead: lines, and all up to some byte.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::AsyncBufRead;
use super::read_ext::append_text;

/// What one calls on an [`AsyncBufRead`].
///
/// # Examples
///
/// ```
/// use filch::io::AsyncBufReadExt;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut lines = b"one\r\ntwo\nthree".lines();
/// while let Some(line) = lines.next_line().await? {
///     println!("{line}");
/// }
/// # Ok(())
/// # }
/// ```
pub trait AsyncBufReadExt: AsyncBufRead {
    /// Appends everything up to and including `byte` to `buf`, and says how much that was.
    ///
    /// At the end of the stream, `byte` may be missing.
    ///
    /// # Errors
    ///
    /// Those of the stream. What was read before the error is in `buf`.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, what was read until then is in `buf`: calling again goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::AsyncBufReadExt;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut stream: &[u8] = b"a,b";
    /// let mut part = Vec::new();
    /// stream.read_until(b',', &mut part).await?;
    /// assert_eq!(part, b"a,");
    /// # Ok(())
    /// # }
    /// ```
    fn read_until<'a>(&'a mut self, byte: u8, buf: &'a mut Vec<u8>) -> ReadUntil<'a, Self>
    where
        Self: Unpin,
    {
        let start = buf.len();
        ReadUntil { reader: self, byte, start, buf }
    }

    /// Appends everything up to and including the end of the line to `buf`, as text.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) if it is not UTF-8, and those of the stream.
    /// `buf` is then as it was, and what was read is lost.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: what was read before the future is dropped is lost. Use
    /// [`lines`](AsyncBufReadExt::lines) instead.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::AsyncBufReadExt;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut stream: &[u8] = b"one\ntwo";
    /// let mut line = String::new();
    /// stream.read_line(&mut line).await?;
    /// assert_eq!(line, "one\n");
    /// # Ok(())
    /// # }
    /// ```
    fn read_line<'a>(&'a mut self, buf: &'a mut String) -> ReadLine<'a, Self>
    where
        Self: Unpin,
    {
        ReadLine { reader: self, bytes: Vec::new(), text: buf }
    }

    /// The lines of this stream, one by one, without what ends them.
    fn lines(self) -> Lines<Self>
    where
        Self: Sized,
    {
        Lines { reader: self, bytes: Vec::new() }
    }

    /// Shows what has been read and not used yet, and reads if that is nothing.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what is read stays in the stream's buffer.
    fn fill_buf(&mut self) -> FillBuf<'_, Self>
    where
        Self: Unpin,
    {
        FillBuf { reader: Some(self) }
    }

    /// Says that the first `amt` bytes that `fill_buf` has shown are used.
    fn consume(&mut self, amt: usize)
    where
        Self: Unpin,
    {
        Pin::new(self).consume(amt);
    }
}

impl<R: AsyncBufRead + ?Sized> AsyncBufReadExt for R {}

/// The future of [`AsyncBufReadExt::read_until`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct ReadUntil<'a, R: ?Sized> {
    reader: &'a mut R,
    byte: u8,
    start: usize,
    buf: &'a mut Vec<u8>,
}

impl<R: AsyncBufRead + Unpin + ?Sized> Future for ReadUntil<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(poll_until(Pin::new(&mut *this.reader), cx, this.byte, this.buf))?;
        Poll::Ready(Ok(this.buf.len() - this.start))
    }
}

/// The future of [`AsyncBufReadExt::read_line`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct ReadLine<'a, R: ?Sized> {
    reader: &'a mut R,
    bytes: Vec<u8>,
    text: &'a mut String,
}

impl<R: AsyncBufRead + Unpin + ?Sized> Future for ReadLine<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(poll_until(Pin::new(&mut *this.reader), cx, b'\n', &mut this.bytes))?;
        Poll::Ready(append_text(this.text, std::mem::take(&mut this.bytes)))
    }
}

/// The future of [`AsyncBufReadExt::fill_buf`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct FillBuf<'a, R: ?Sized> {
    reader: Option<&'a mut R>,
}

impl<'a, R: AsyncBufRead + Unpin + ?Sized> Future for FillBuf<'a, R> {
    type Output = io::Result<&'a [u8]>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let reader = self.reader.take().expect("polled after it was ready");
        // The slice must live as long as the reader's borrow, which ends if we keep the reader.
        // So it is asked twice: the second answer comes from its buffer.
        match Pin::new(&mut *reader).poll_fill_buf(cx) {
            Poll::Ready(Ok(_)) => match Pin::new(reader).poll_fill_buf(cx) {
                Poll::Ready(answer) => Poll::Ready(answer),
                Poll::Pending => Poll::Ready(Ok(&[])),
            },
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.reader = Some(reader);
                Poll::Pending
            }
        }
    }
}

pin_project! {
    /// The lines of a stream, see [`AsyncBufReadExt::lines`].
    #[derive(Debug)]
    #[must_use = "streams do nothing unless they are polled"]
    pub struct Lines<R> {
        #[pin]
        reader: R,
        bytes: Vec<u8>,
    }
}

impl<R: AsyncBufRead> Lines<R> {
    /// The next line without its `\n` or `\r\n`, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) if the line is not UTF-8, which loses it, and
    /// those of the stream.
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
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next_line(cx)).await
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
        let mut text = String::new();
        append_text(&mut text, line)?;
        Poll::Ready(Ok(Some(text)))
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

/// Appends everything up to and including `byte` to `bytes`.
fn poll_until<R: AsyncBufRead + ?Sized>(
    mut reader: Pin<&mut R>,
    cx: &mut Context<'_>,
    byte: u8,
    bytes: &mut Vec<u8>,
) -> Poll<io::Result<()>> {
    loop {
        let ahead = ready!(reader.as_mut().poll_fill_buf(cx))?;
        let found = ahead.iter().position(|&one| one == byte);
        let count = found.map_or(ahead.len(), |place| place + 1);
        bytes.extend_from_slice(&ahead[..count]);
        reader.as_mut().consume(count);
        if found.is_some() || count == 0 {
            return Poll::Ready(Ok(()));
        }
    }
}
