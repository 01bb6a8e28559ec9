//! What one calls on a stream that reads ahead: lines, and all up to some byte.

use std::future::poll_fn;
use std::io::{self, BufRead as _};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use runtime_sync::budget::unconstrained;

use super::interrupted::unless_interrupted;
use super::read_ext::{append_text, room_of};
use super::{AsyncBufRead, Lines, Split};

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
    /// At the end of the stream, `byte` may be missing. There is no limit: who does not trust the
    /// stream reads from a [`take`](super::AsyncReadExt::take).
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
    /// There is no limit: who does not trust the stream reads from a
    /// [`take`](super::AsyncReadExt::take).
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) if it is not UTF-8: `buf` is then as it was,
    /// and what was read is lost. And those of the stream: what was read before is then in `buf`,
    /// if it is UTF-8.
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
        ReadLine { reader: self, bytes: room_of(buf), text: buf }
    }

    /// The lines of this stream, one by one, without what ends them.
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
    /// # Ok(())
    /// # }
    /// ```
    fn lines(self) -> Lines<Self>
    where
        Self: Sized,
    {
        Lines::new(self)
    }

    /// The parts of this stream between the places where `byte` stands, one by one.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::{AsyncBufReadExt, BufReader};
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut parts = BufReader::new(&b"key=value"[..]).split(b'=');
    /// assert_eq!(parts.next_segment().await?.as_deref(), Some(&b"key"[..]));
    /// # Ok(())
    /// # }
    /// ```
    fn split(self, byte: u8) -> Split<Self>
    where
        Self: Sized,
    {
        Split::new(self, byte)
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
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::{AsyncBufReadExt, BufReader};
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut reader = BufReader::new(&b"  text"[..]);
    /// let spaces = reader.fill_buf().await?.iter().take_while(|&&byte| byte == b' ').count();
    /// reader.consume(spaces);
    /// assert_eq!(reader.fill_buf().await?, b"text");
    /// # Ok(())
    /// # }
    /// ```
    fn fill_buf(&mut self) -> FillBuf<'_, Self>
    where
        Self: Unpin,
    {
        FillBuf { reader: Some(self) }
    }

    /// Says that the first `amt` bytes that `fill_buf` has shown are used.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::AsyncBufReadExt;
    ///
    /// let mut stream: &[u8] = b"abc";
    /// stream.consume(2);
    /// assert_eq!(stream, b"c");
    /// ```
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
        let read = ready!(poll_until(Pin::new(&mut *this.reader), cx, b'\n', &mut this.bytes));
        let appended = append_text(this.text, std::mem::take(&mut this.bytes));
        Poll::Ready(read.and(appended))
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
        match Pin::new(&mut *reader).poll_fill_buf(cx) {
            Poll::Ready(Ok([])) => Poll::Ready(Ok(&[])),
            Poll::Ready(Ok(_)) => Poll::Ready(show_again(reader, cx)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.reader = Some(reader);
                Poll::Pending
            }
        }
    }
}

/// Asks a reader again that has just shown something.
///
/// What it shows must live as long as the reader's borrow, which would end if the future kept the
/// reader. The second answer comes from the reader's buffer, so that it costs no budget.
fn show_again<'a, R: AsyncBufRead + Unpin + ?Sized>(
    reader: &'a mut R,
    cx: &mut Context<'_>,
) -> io::Result<&'a [u8]> {
    let mut reader = Some(reader);
    let again = poll_fn(|cx| {
        let reader: &'a mut R = reader.take().expect("polled once");
        Pin::new(reader).poll_fill_buf(cx)
    });
    match pin!(unconstrained(again)).poll(cx) {
        Poll::Ready(answer) => answer,
        Poll::Pending => Err(io::Error::other("the reader has taken back what it had shown")),
    }
}

/// Appends everything up to and including `byte` to `bytes`.
pub(super) fn poll_until<R: AsyncBufRead + ?Sized>(
    mut reader: Pin<&mut R>,
    cx: &mut Context<'_>,
    byte: u8,
    bytes: &mut Vec<u8>,
) -> Poll<io::Result<()>> {
    loop {
        let shown = ready!(reader.as_mut().poll_fill_buf(cx));
        let Some(ahead) = unless_interrupted(shown)? else { continue };
        // std looks for it with the fastest instructions there are. Memory does not fail.
        let mut rest = ahead;
        let count = rest.skip_until(byte)?;
        let used = &ahead[..count];
        let found = used.last() == Some(&byte);
        bytes.extend_from_slice(used);
        reader.as_mut().consume(count);
        if found || count == 0 {
            return Poll::Ready(Ok(()));
        }
    }
}
