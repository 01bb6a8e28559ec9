//! What one calls on a stream to write to it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;

use super::AsyncWrite;
use super::interrupted::unless_interrupted;
use super::number::{Big, Little, WriteNumber, write_methods};

/// What one calls on an [`AsyncWrite`].
///
/// # Examples
///
/// ```
/// use filch::io::AsyncWriteExt;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut stream = Vec::new();
/// stream.write_all(b"all of it").await?;
/// stream.shutdown().await?;
/// assert_eq!(stream, b"all of it");
/// # Ok(())
/// # }
/// ```
pub trait AsyncWriteExt: AsyncWrite {
    /// Writes some bytes of `buf` and says how many.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: if the future is dropped before it is ready, nothing was written.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::AsyncWriteExt;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut stream = Vec::new();
    /// assert_eq!(stream.write(b"abc").await?, 3);
    /// # Ok(())
    /// # }
    /// ```
    fn write<'a>(&'a mut self, buf: &'a [u8]) -> Write<'a, Self>
    where
        Self: Unpin,
    {
        Write { writer: self, buf }
    }

    /// Writes some bytes from several buffers and says how many.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: if the future is dropped before it is ready, nothing was written.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::AsyncWriteExt;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut stream = Vec::new();
    /// let slices = [std::io::IoSlice::new(b"ab"), std::io::IoSlice::new(b"c")];
    /// assert_eq!(stream.write_vectored(&slices).await?, 3);
    /// # Ok(())
    /// # }
    /// ```
    fn write_vectored<'a>(&'a mut self, bufs: &'a [IoSlice<'a>]) -> WriteVectored<'a, Self>
    where
        Self: Unpin,
    {
        WriteVectored { writer: self, bufs }
    }

    /// Writes some bytes from the front of `buf`, takes them off it, and says how many.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: if the future is dropped before it is ready, nothing was written.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::AsyncWriteExt;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut stream = Vec::new();
    /// let mut rest: &[u8] = b"abc";
    /// while !rest.is_empty() {
    ///     stream.write_buf(&mut rest).await?;
    /// }
    /// assert_eq!(stream, b"abc");
    /// # Ok(())
    /// # }
    /// ```
    fn write_buf<'a, B: Buf + ?Sized>(&'a mut self, buf: &'a mut B) -> WriteFromBuf<'a, Self, B>
    where
        Self: Unpin,
    {
        WriteFromBuf { writer: self, buf }
    }

    /// Writes all of `buf`.
    ///
    /// # Errors
    ///
    /// [`WriteZero`](io::ErrorKind::WriteZero) if the stream takes no more, and those of the
    /// stream. Nobody knows how much was written before.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: if the future is dropped, some bytes may have been written.
    /// [`write_all_buf`](AsyncWriteExt::write_all_buf) tells how many.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::AsyncWriteExt;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut stream = Vec::new();
    /// stream.write_all(b"abc").await?;
    /// assert_eq!(stream, b"abc");
    /// # Ok(())
    /// # }
    /// ```
    fn write_all<'a>(&'a mut self, buf: &'a [u8]) -> WriteAll<'a, Self>
    where
        Self: Unpin,
    {
        WriteAll { writer: self, buf }
    }

    /// Writes all of `buf` and takes off it what has been written.
    ///
    /// # Errors
    ///
    /// [`WriteZero`](io::ErrorKind::WriteZero) if the stream takes no more, and those of the
    /// stream.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, `buf` holds what has not been written: calling again goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::AsyncWriteExt;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut stream = Vec::new();
    /// let mut rest: &[u8] = b"abc";
    /// stream.write_all_buf(&mut rest).await?;
    /// assert!(rest.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    fn write_all_buf<'a, B: Buf + ?Sized>(
        &'a mut self,
        buf: &'a mut B,
    ) -> WriteAllFromBuf<'a, Self, B>
    where
        Self: Unpin,
    {
        WriteAllFromBuf { writer: self, buf }
    }

    /// Hands on what is still held back.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: calling again goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::{AsyncWriteExt, BufWriter};
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut writer = BufWriter::new(Vec::new());
    /// writer.write_all(b"held back").await?;
    /// assert!(writer.get_ref().is_empty());
    /// writer.flush().await?;
    /// assert_eq!(writer.get_ref(), b"held back");
    /// # Ok(())
    /// # }
    /// ```
    fn flush(&mut self) -> Flush<'_, Self>
    where
        Self: Unpin,
    {
        Flush { writer: self }
    }

    /// Flushes, and tells the other side that nothing more will come.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: calling again goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::AsyncWriteExt;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut near, mut far) = filch::io::duplex(64);
    /// near.write_all(b"the last word").await?;
    /// near.shutdown().await?;
    /// assert_eq!(filch::io::copy(&mut far, &mut Vec::new()).await?, 13);
    /// # Ok(())
    /// # }
    /// ```
    fn shutdown(&mut self) -> Shutdown<'_, Self>
    where
        Self: Unpin,
    {
        Shutdown { writer: self }
    }

    write_methods! {
        write_u8: Big<u8>, to_be_bytes, "a `u8`";
        write_i8: Big<i8>, to_be_bytes, "an `i8`";
        write_u16: Big<u16>, to_be_bytes, "a `u16`, the most significant byte first";
        write_i16: Big<i16>, to_be_bytes, "an `i16`, the most significant byte first";
        write_u32: Big<u32>, to_be_bytes, "a `u32`, the most significant byte first";
        write_i32: Big<i32>, to_be_bytes, "an `i32`, the most significant byte first";
        write_u64: Big<u64>, to_be_bytes, "a `u64`, the most significant byte first";
        write_i64: Big<i64>, to_be_bytes, "an `i64`, the most significant byte first";
        write_u128: Big<u128>, to_be_bytes, "a `u128`, the most significant byte first";
        write_i128: Big<i128>, to_be_bytes, "an `i128`, the most significant byte first";
        write_f32: Big<f32>, to_be_bytes, "an `f32`, the most significant byte first";
        write_f64: Big<f64>, to_be_bytes, "an `f64`, the most significant byte first";
        write_u16_le: Little<u16>, to_le_bytes, "a `u16`, the least significant byte first";
        write_i16_le: Little<i16>, to_le_bytes, "an `i16`, the least significant byte first";
        write_u32_le: Little<u32>, to_le_bytes, "a `u32`, the least significant byte first";
        write_i32_le: Little<i32>, to_le_bytes, "an `i32`, the least significant byte first";
        write_u64_le: Little<u64>, to_le_bytes, "a `u64`, the least significant byte first";
        write_i64_le: Little<i64>, to_le_bytes, "an `i64`, the least significant byte first";
        write_u128_le: Little<u128>, to_le_bytes, "a `u128`, the least significant byte first";
        write_i128_le: Little<i128>, to_le_bytes, "an `i128`, the least significant byte first";
        write_f32_le: Little<f32>, to_le_bytes, "an `f32`, the least significant byte first";
        write_f64_le: Little<f64>, to_le_bytes, "an `f64`, the least significant byte first";
    }
}

impl<W: AsyncWrite + ?Sized> AsyncWriteExt for W {}

/// The future of [`AsyncWriteExt::write`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Write<'a, W: ?Sized> {
    writer: &'a mut W,
    buf: &'a [u8],
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for Write<'_, W> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        Pin::new(&mut *this.writer).poll_write(cx, this.buf)
    }
}

/// The future of [`AsyncWriteExt::write_vectored`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct WriteVectored<'a, W: ?Sized> {
    writer: &'a mut W,
    bufs: &'a [IoSlice<'a>],
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for WriteVectored<'_, W> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        Pin::new(&mut *this.writer).poll_write_vectored(cx, this.bufs)
    }
}

/// The future of [`AsyncWriteExt::write_buf`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct WriteFromBuf<'a, W: ?Sized, B: ?Sized> {
    writer: &'a mut W,
    buf: &'a mut B,
}

impl<W: AsyncWrite + Unpin + ?Sized, B: Buf + ?Sized> Future for WriteFromBuf<'_, W, B> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        poll_write_some(this.writer, cx, this.buf)
    }
}

/// The future of [`AsyncWriteExt::write_all`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct WriteAll<'a, W: ?Sized> {
    writer: &'a mut W,
    buf: &'a [u8],
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for WriteAll<'_, W> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while !this.buf.is_empty() {
            let written = ready!(Pin::new(&mut *this.writer).poll_write(cx, this.buf));
            let Some(count) = unless_interrupted(written)? else { continue };
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            this.buf = &this.buf[count..];
        }
        Poll::Ready(Ok(()))
    }
}

/// The future of [`AsyncWriteExt::write_all_buf`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct WriteAllFromBuf<'a, W: ?Sized, B: ?Sized> {
    writer: &'a mut W,
    buf: &'a mut B,
}

impl<W: AsyncWrite + Unpin + ?Sized, B: Buf + ?Sized> Future for WriteAllFromBuf<'_, W, B> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.buf.has_remaining() {
            let written = ready!(poll_write_some(this.writer, cx, this.buf));
            if unless_interrupted(written)? == Some(0) {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// The future of [`AsyncWriteExt::flush`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Flush<'a, W: ?Sized> {
    writer: &'a mut W,
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for Flush<'_, W> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().writer).poll_flush(cx)
    }
}

/// The future of [`AsyncWriteExt::shutdown`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Shutdown<'a, W: ?Sized> {
    writer: &'a mut W,
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for Shutdown<'_, W> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().writer).poll_shutdown(cx)
    }
}

/// As many slices as a message of several buffers usually has; the rest goes with the next write.
const SLICES_MAX: usize = 64;

fn poll_write_some<W: AsyncWrite + Unpin + ?Sized, B: Buf + ?Sized>(
    writer: &mut W,
    cx: &mut Context<'_>,
    buf: &mut B,
) -> Poll<io::Result<usize>> {
    if !buf.has_remaining() {
        return Poll::Ready(Ok(0));
    }
    let count = if writer.is_write_vectored() {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let filled = buf.chunks_vectored(&mut slices);
        ready!(Pin::new(writer).poll_write_vectored(cx, &slices[..filled]))?
    } else {
        ready!(Pin::new(writer).poll_write(cx, buf.chunk()))?
    };
    buf.advance(count);
    Poll::Ready(Ok(count))
}
