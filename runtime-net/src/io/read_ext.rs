//! What one calls on a stream to read from it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BufMut;

use super::interrupted::unless_interrupted;
use super::number::{Big, Little, ReadNumber, read_methods};
use super::{AsyncRead, Chain, ReadBuf, Take, fill};

/// What one calls on an [`AsyncRead`].
///
/// # Examples
///
/// ```
/// use filch::io::AsyncReadExt;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut stream: &[u8] = b"header and the rest";
/// let mut header = [0; 6];
/// stream.read_exact(&mut header).await?;
/// assert_eq!(&header, b"header");
///
/// let mut rest = String::new();
/// stream.read_to_string(&mut rest).await?;
/// assert_eq!(rest, " and the rest");
/// # Ok(())
/// # }
/// ```
pub trait AsyncReadExt: AsyncRead {
    /// Reads some bytes into `buf` and says how many; none means the end, or an empty `buf`.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: if the future is dropped before it is ready, nothing was read.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::AsyncReadExt;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut stream: &[u8] = b"abc";
    /// let mut bytes = [0; 8];
    /// assert_eq!(stream.read(&mut bytes).await?, 3);
    /// assert_eq!(stream.read(&mut bytes).await?, 0);
    /// # Ok(())
    /// # }
    /// ```
    fn read<'a>(&'a mut self, buf: &'a mut [u8]) -> Read<'a, Self>
    where
        Self: Unpin,
    {
        Read { reader: self, buf }
    }

    /// Appends some bytes to `buf` and says how many; none means the end, or a full `buf`.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: if the future is dropped before it is ready, nothing was read.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::AsyncReadExt;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut stream: &[u8] = b"abc";
    /// let mut bytes = Vec::with_capacity(8);
    /// assert_eq!(stream.read_buf(&mut bytes).await?, 3);
    /// assert_eq!(bytes, b"abc");
    /// # Ok(())
    /// # }
    /// ```
    fn read_buf<'a, B: BufMut + ?Sized>(&'a mut self, buf: &'a mut B) -> ReadToBuf<'a, Self, B>
    where
        Self: Unpin,
    {
        ReadToBuf { reader: self, buf }
    }

    /// Fills `buf` and returns its length.
    ///
    /// # Errors
    ///
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the stream ends before, and those of
    /// the stream. What was read before the error is lost.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: what was read before the future is dropped is in `buf`, and nobody knows
    /// how much it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::AsyncReadExt;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut stream: &[u8] = b"abc";
    /// let mut bytes = [0; 2];
    /// stream.read_exact(&mut bytes).await?;
    /// assert_eq!(&bytes, b"ab");
    /// assert!(stream.read_exact(&mut bytes).await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    fn read_exact<'a>(&'a mut self, buf: &'a mut [u8]) -> ReadExact<'a, Self>
    where
        Self: Unpin,
    {
        ReadExact { reader: self, buf: ReadBuf::new(buf) }
    }

    /// Appends everything up to the end to `buf` and says how much that was.
    ///
    /// # Errors
    ///
    /// Those of the stream. What was read before the error is in `buf`.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, what was read until then is in `buf`.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::AsyncReadExt;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut stream: &[u8] = b"abc";
    /// let mut bytes = Vec::new();
    /// assert_eq!(stream.read_to_end(&mut bytes).await?, 3);
    /// # Ok(())
    /// # }
    /// ```
    fn read_to_end<'a>(&'a mut self, buf: &'a mut Vec<u8>) -> ReadToEnd<'a, Self>
    where
        Self: Unpin,
    {
        let start = buf.len();
        let given = buf.capacity();
        ReadToEnd { reader: self, start, given, buf }
    }

    /// Appends everything up to the end to `buf`, as text.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) if it is not UTF-8, and those of the stream.
    /// `buf` is then as it was, and what was read is lost.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: what was read before the future is dropped is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::AsyncReadExt;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut stream: &[u8] = b"abc";
    /// let mut text = String::new();
    /// stream.read_to_string(&mut text).await?;
    /// assert_eq!(text, "abc");
    /// # Ok(())
    /// # }
    /// ```
    fn read_to_string<'a>(&'a mut self, buf: &'a mut String) -> ReadToString<'a, Self>
    where
        Self: Unpin,
    {
        let bytes = room_of(buf);
        let given = bytes.capacity();
        ReadToString { reader: self, bytes, given, text: buf }
    }

    /// A stream that gives what this one gives, and after its end what `next` gives.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::AsyncReadExt;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut text = String::new();
    /// b"one, ".chain(&b"two"[..]).read_to_string(&mut text).await?;
    /// assert_eq!(text, "one, two");
    /// # Ok(())
    /// # }
    /// ```
    fn chain<R: AsyncRead>(self, next: R) -> Chain<Self, R>
    where
        Self: Sized,
    {
        Chain::new(self, next)
    }

    /// A stream that gives the first `limit` bytes of this one and then ends.
    ///
    /// With it, a read that goes on to the end of the stream or of a line needs not trust whoever
    /// sends.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::AsyncReadExt;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut text = String::new();
    /// b"one, two".take(3).read_to_string(&mut text).await?;
    /// assert_eq!(text, "one");
    /// # Ok(())
    /// # }
    /// ```
    fn take(self, limit: u64) -> Take<Self>
    where
        Self: Sized,
    {
        Take::new(self, limit)
    }

    read_methods! {
        read_u8: Big<u8>, to_be_bytes, "a `u8`";
        read_i8: Big<i8>, to_be_bytes, "an `i8`";
        read_u16: Big<u16>, to_be_bytes, "a `u16`, the most significant byte first";
        read_i16: Big<i16>, to_be_bytes, "an `i16`, the most significant byte first";
        read_u32: Big<u32>, to_be_bytes, "a `u32`, the most significant byte first";
        read_i32: Big<i32>, to_be_bytes, "an `i32`, the most significant byte first";
        read_u64: Big<u64>, to_be_bytes, "a `u64`, the most significant byte first";
        read_i64: Big<i64>, to_be_bytes, "an `i64`, the most significant byte first";
        read_u128: Big<u128>, to_be_bytes, "a `u128`, the most significant byte first";
        read_i128: Big<i128>, to_be_bytes, "an `i128`, the most significant byte first";
        read_f32: Big<f32>, to_be_bytes, "an `f32`, the most significant byte first";
        read_f64: Big<f64>, to_be_bytes, "an `f64`, the most significant byte first";
        read_u16_le: Little<u16>, to_le_bytes, "a `u16`, the least significant byte first";
        read_i16_le: Little<i16>, to_le_bytes, "an `i16`, the least significant byte first";
        read_u32_le: Little<u32>, to_le_bytes, "a `u32`, the least significant byte first";
        read_i32_le: Little<i32>, to_le_bytes, "an `i32`, the least significant byte first";
        read_u64_le: Little<u64>, to_le_bytes, "a `u64`, the least significant byte first";
        read_i64_le: Little<i64>, to_le_bytes, "an `i64`, the least significant byte first";
        read_u128_le: Little<u128>, to_le_bytes, "a `u128`, the least significant byte first";
        read_i128_le: Little<i128>, to_le_bytes, "an `i128`, the least significant byte first";
        read_f32_le: Little<f32>, to_le_bytes, "an `f32`, the least significant byte first";
        read_f64_le: Little<f64>, to_le_bytes, "an `f64`, the least significant byte first";
    }
}

impl<R: AsyncRead + ?Sized> AsyncReadExt for R {}

/// The future of [`AsyncReadExt::read`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Read<'a, R: ?Sized> {
    reader: &'a mut R,
    buf: &'a mut [u8],
}

impl<R: AsyncRead + Unpin + ?Sized> Future for Read<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let mut buf = ReadBuf::new(this.buf);
        ready!(Pin::new(&mut *this.reader).poll_read(cx, &mut buf))?;
        Poll::Ready(Ok(buf.filled().len()))
    }
}

/// The future of [`AsyncReadExt::read_buf`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct ReadToBuf<'a, R: ?Sized, B: ?Sized> {
    reader: &'a mut R,
    buf: &'a mut B,
}

impl<R: AsyncRead + Unpin + ?Sized, B: BufMut + ?Sized> Future for ReadToBuf<'_, R, B> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        fill(this.buf, |buf| Pin::new(&mut *this.reader).poll_read(cx, buf))
    }
}

/// The future of [`AsyncReadExt::read_exact`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct ReadExact<'a, R: ?Sized> {
    reader: &'a mut R,
    buf: ReadBuf<'a>,
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadExact<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        while this.buf.remaining() > 0 {
            let before = this.buf.remaining();
            let read = ready!(Pin::new(&mut *this.reader).poll_read(cx, &mut this.buf));
            let Some(()) = unless_interrupted(read)? else { continue };
            if this.buf.remaining() == before {
                let error = io::Error::new(io::ErrorKind::UnexpectedEof, "early eof");
                return Poll::Ready(Err(error));
            }
        }
        Poll::Ready(Ok(this.buf.capacity()))
    }
}

/// The future of [`AsyncReadExt::read_to_end`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct ReadToEnd<'a, R: ?Sized> {
    reader: &'a mut R,
    start: usize,
    /// How much `buf` had room for at first.
    given: usize,
    buf: &'a mut Vec<u8>,
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadToEnd<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(poll_to_end(this.reader, cx, this.buf, this.given))?;
        Poll::Ready(Ok(this.buf.len() - this.start))
    }
}

/// The future of [`AsyncReadExt::read_to_string`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct ReadToString<'a, R: ?Sized> {
    reader: &'a mut R,
    bytes: Vec<u8>,
    /// How much `bytes` had room for at first.
    given: usize,
    text: &'a mut String,
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadToString<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(poll_to_end(this.reader, cx, &mut this.bytes, this.given))?;
        Poll::Ready(append_text(this.text, std::mem::take(&mut this.bytes)))
    }
}

/// The room of a text that is empty, to be filled with bytes and given back by [`append_text`]: who reads
/// one text after the other into it needs no memory for each.
pub(super) fn room_of(text: &mut String) -> Vec<u8> {
    if text.is_empty() { std::mem::take(text).into_bytes() } else { Vec::new() }
}

/// Appends `bytes` if they are text, and returns their number.
pub(super) fn append_text(text: &mut String, bytes: Vec<u8>) -> io::Result<usize> {
    let more = String::from_utf8(bytes).map_err(|error| not_text(text, error.as_bytes()))?;
    let count = more.len();
    if text.is_empty() {
        *text = more;
    } else {
        text.push_str(&more);
    }
    Ok(count)
}

/// Where the text with those bytes behind it is none: a [`Utf8Error`](std::str::Utf8Error).
#[cold]
fn not_text(text: &str, bytes: &[u8]) -> io::Error {
    let all = [text.as_bytes(), bytes].concat();
    match str::from_utf8(&all) {
        Err(error) => io::Error::new(io::ErrorKind::InvalidData, error),
        Ok(_) => unreachable!("valid text behind valid text is valid"),
    }
}

/// A reader may have to clear the room that it is given, so it is given more only step by step.
const ROOM_MAX: usize = 64 * 1024;

fn poll_to_end<R: AsyncRead + Unpin + ?Sized>(
    reader: &mut R,
    cx: &mut Context<'_>,
    bytes: &mut Vec<u8>,
    given: usize,
) -> Poll<io::Result<()>> {
    loop {
        if bytes.len() == bytes.capacity() {
            if given == bytes.capacity() && given > 0 {
                match ready!(poll_beyond(reader, cx, bytes))? {
                    0 => return Poll::Ready(Ok(())),
                    _ => continue,
                }
            }
            bytes.reserve(32);
        }
        let room = ROOM_MAX.min(bytes.capacity() - bytes.len());
        let mut target = (&mut *bytes).limit(room);
        let read = ready!(fill(&mut target, |buf| Pin::new(&mut *reader).poll_read(cx, buf)));
        let Some(count) = unless_interrupted(read)? else { continue };
        if count == 0 {
            return Poll::Ready(Ok(()));
        }
    }
}

/// Looks whether anything comes after the room that the caller gave, before more is taken: who knew how
/// much there is gave just enough.
fn poll_beyond<R: AsyncRead + Unpin + ?Sized>(
    reader: &mut R,
    cx: &mut Context<'_>,
    bytes: &mut Vec<u8>,
) -> Poll<io::Result<usize>> {
    let mut probe = [0; 32];
    loop {
        let mut buf = ReadBuf::new(&mut probe);
        let read = ready!(Pin::new(&mut *reader).poll_read(cx, &mut buf));
        let Some(()) = unless_interrupted(read)? else { continue };
        bytes.extend_from_slice(buf.filled());
        return Poll::Ready(Ok(buf.filled().len()));
    }
}
