//! Numbers on a stream, of any size and in either order of bytes.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::interrupted::unless_interrupted;
use super::{AsyncRead, AsyncWrite, ReadBuf};

/// How a number looks as bytes.
///
/// [`Big`] and [`Little`] implement it for all numbers that the streams can carry.
pub trait Layout: sealed::Sealed {
    /// The number.
    type Number;
    /// An array as long as the number is large.
    type Bytes: AsRef<[u8]> + AsMut<[u8]> + Default + fmt::Debug + Unpin;

    /// The number that these bytes are.
    fn decode(bytes: &Self::Bytes) -> Self::Number;
    /// The bytes of a number.
    fn encode(number: Self::Number) -> Self::Bytes;
}

/// The most significant byte comes first.
#[derive(Debug)]
pub struct Big<T>(PhantomData<fn() -> T>);

/// The least significant byte comes first.
#[derive(Debug)]
pub struct Little<T>(PhantomData<fn() -> T>);

mod sealed {
    /// Keeps the layouts to those that are here.
    pub trait Sealed {}
}

/// Writes the layouts of numbers.
macro_rules! layouts {
    ($($number:ident)*) => {$(
        layouts!(Big<$number>, from_be_bytes, to_be_bytes);
        layouts!(Little<$number>, from_le_bytes, to_le_bytes);
    )*};
    ($order:ident<$number:ident>, $from:ident, $to:ident) => {
        impl sealed::Sealed for $order<$number> {}

        impl Layout for $order<$number> {
            type Number = $number;
            type Bytes = [u8; size_of::<$number>()];

            #[inline]
            fn decode(bytes: &Self::Bytes) -> $number {
                $number::$from(*bytes)
            }

            #[inline]
            fn encode(number: $number) -> Self::Bytes {
                number.$to()
            }
        }
    };
}

layouts!(u8 i8 u16 i16 u32 i32 u64 i64 u128 i128 f32 f64);

/// The future of the methods of [`AsyncReadExt`](super::AsyncReadExt) that read a number.
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct ReadNumber<'a, R: ?Sized, L: Layout> {
    reader: &'a mut R,
    bytes: L::Bytes,
    have: usize,
}

impl<'a, R: ?Sized, L: Layout> ReadNumber<'a, R, L> {
    #[inline]
    pub(super) fn new(reader: &'a mut R) -> ReadNumber<'a, R, L> {
        ReadNumber { reader, bytes: L::Bytes::default(), have: 0 }
    }
}

impl<R: AsyncRead + Unpin + ?Sized, L: Layout> Future for ReadNumber<'_, R, L> {
    type Output = io::Result<L::Number>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let bytes = this.bytes.as_mut();
        while this.have < bytes.len() {
            let mut rest = ReadBuf::new(&mut bytes[this.have..]);
            let read = ready!(Pin::new(&mut *this.reader).poll_read(cx, &mut rest));
            let Some(()) = unless_interrupted(read)? else { continue };
            let count = rest.filled().len();
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            this.have += count;
        }
        Poll::Ready(Ok(L::decode(&this.bytes)))
    }
}

/// The future of the methods of [`AsyncWriteExt`](super::AsyncWriteExt) that write a number.
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct WriteNumber<'a, W: ?Sized, L: Layout> {
    writer: &'a mut W,
    bytes: L::Bytes,
    written: usize,
}

impl<'a, W: ?Sized, L: Layout> WriteNumber<'a, W, L> {
    #[inline]
    pub(super) fn new(writer: &'a mut W, number: L::Number) -> WriteNumber<'a, W, L> {
        WriteNumber { writer, bytes: L::encode(number), written: 0 }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized, L: Layout> Future for WriteNumber<'_, W, L> {
    type Output = io::Result<()>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let bytes = this.bytes.as_ref();
        while this.written < bytes.len() {
            let rest = &bytes[this.written..];
            let written = ready!(Pin::new(&mut *this.writer).poll_write(cx, rest));
            let Some(count) = unless_interrupted(written)? else { continue };
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            this.written += count;
        }
        Poll::Ready(Ok(()))
    }
}

/// The methods of `AsyncReadExt` that read numbers.
macro_rules! read_methods {
    ($($name:ident: $order:ident<$number:ident>, $to:ident, $what:literal;)*) => {$(
        #[doc = concat!("Reads ", $what, ".")]
        ///
        /// # Errors
        ///
        /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the stream ends before, and those of
        /// the stream. What was read before the error is lost.
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
        #[doc = concat!("let bytes = (7 as ", stringify!($number), ").", stringify!($to), "();")]
        /// let mut stream: &[u8] = &bytes;
        #[doc = concat!("assert_eq!(stream.", stringify!($name), "().await?, 7 as ", stringify!($number), ");")]
        /// # Ok(())
        /// # }
        /// ```
        fn $name(&mut self) -> ReadNumber<'_, Self, $order<$number>>
        where
            Self: Unpin,
        {
            ReadNumber::new(self)
        }
    )*};
}

/// The methods of `AsyncWriteExt` that write numbers.
macro_rules! write_methods {
    ($($name:ident: $order:ident<$number:ident>, $to:ident, $what:literal;)*) => {$(
        #[doc = concat!("Writes ", $what, ".")]
        ///
        /// # Errors
        ///
        /// [`WriteZero`](io::ErrorKind::WriteZero) if the stream takes no more, and those of the
        /// stream. Nobody knows how much was written before.
        ///
        /// # Cancel safety
        ///
        /// Not cancel safe: if the future is dropped, some of the bytes may have been written.
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::io::AsyncWriteExt;
        ///
        /// # #[filch::main]
        /// # async fn main() -> std::io::Result<()> {
        /// let mut stream = Vec::new();
        #[doc = concat!("stream.", stringify!($name), "(7 as ", stringify!($number), ").await?;")]
        #[doc = concat!("assert_eq!(stream, (7 as ", stringify!($number), ").", stringify!($to), "());")]
        /// # Ok(())
        /// # }
        /// ```
        fn $name(&mut self, n: $number) -> WriteNumber<'_, Self, $order<$number>>
        where
            Self: Unpin,
        {
            WriteNumber::new(self, n)
        }
    )*};
}

pub(super) use {read_methods, write_methods};
