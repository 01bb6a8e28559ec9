//! `Framed`: a byte stream with a codec for both directions.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use futures_core::Stream;
use pin_project_lite::pin_project;

use super::reading::Reading;
use super::writing::Writing;
use super::{BUFFER_SIZE, Decoder, Encoder, FramedParts};
use crate::io::{AsyncRead, AsyncWrite};

pin_project! {
    /// A byte stream with a codec: frames come out of it, and frames go onto it.
    ///
    /// What was not flushed when this is dropped is lost. For a reader and a writer in two tasks,
    /// split the byte stream first and put a [`FramedRead`](super::FramedRead) and a
    /// [`FramedWrite`](super::FramedWrite) onto its halves.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::codec::{Framed, LinesCodec};
    /// use filch::net::{TcpListener, TcpStream};
    ///
    /// # #[filch::main]
    /// # async fn main() -> Result<(), filch::codec::LinesCodecError> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let address = listener.local_addr()?;
    /// filch::spawn(async move {
    ///     let (stream, _) = listener.accept().await?;
    ///     let mut lines = Framed::new(stream, LinesCodec::new_with_max_length(80));
    ///     while let Some(line) = lines.next().await {
    ///         lines.send(line?.to_uppercase()).await?;
    ///     }
    ///     Ok::<_, filch::codec::LinesCodecError>(())
    /// });
    ///
    /// let mut lines = Framed::new(TcpStream::connect(address).await?, LinesCodec::new());
    /// lines.send("hello").await?;
    /// assert_eq!(lines.next().await.unwrap()?, "HELLO");
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Debug)]
    #[must_use = "streams do nothing unless they are polled"]
    pub struct Framed<T, U> {
        #[pin]
        io: T,
        codec: U,
        reading: Reading,
        writing: Writing,
    }
}

impl<T: AsyncRead, D: Decoder> Framed<T, D> {
    /// The next frame, or `None` at the end.
    ///
    /// The same as `StreamExt::next` of the crates that know `Stream`.
    ///
    /// # Errors
    ///
    /// Those of the byte stream and of the decoder. The next call says `None`; who calls once more
    /// goes on with what remains.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what has arrived of a frame is kept for the next call.
    pub async fn next(&mut self) -> Option<Result<D::Item, D::Error>>
    where
        T: Unpin,
    {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The next frame, see `next`.
    ///
    /// # Errors
    ///
    /// Those of the byte stream and of the decoder.
    pub fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<D::Item, D::Error>>> {
        let this = self.project();
        this.reading.poll_next(this.io, this.codec, cx)
    }
}

impl<T: AsyncWrite, E> Framed<T, E> {
    /// Sends a frame, and all that was fed before.
    ///
    /// # Errors
    ///
    /// Those of the byte stream and of the encoder, and
    /// [`WriteZero`](io::ErrorKind::WriteZero) if the byte stream takes no more.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the frame may have been lost, or be among what is sent next. No
    /// frame is ever sent in part: what is left of one goes with the next flush.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::codec::{Framed, LinesCodec};
    /// use std::io::Cursor;
    ///
    /// # #[filch::main]
    /// # async fn main() -> Result<(), filch::codec::LinesCodecError> {
    /// let mut lines = Framed::new(Cursor::new(Vec::new()), LinesCodec::new());
    /// lines.send("hello").await?;
    /// assert_eq!(lines.get_ref().get_ref(), b"hello\n");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send<I>(&mut self, item: I) -> Result<(), E::Error>
    where
        T: Unpin,
        E: Encoder<I>,
    {
        self.feed(item).await?;
        Ok(self.flush().await?)
    }

    /// Takes a frame over, to be sent with the next flush, or earlier if much waits to be sent.
    ///
    /// # Errors
    ///
    /// As [`send`](Framed::send).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the frame is lost, and nothing else.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::codec::{Framed, LinesCodec};
    /// use std::io::Cursor;
    ///
    /// # #[filch::main]
    /// # async fn main() -> Result<(), filch::codec::LinesCodecError> {
    /// let mut lines = Framed::new(Cursor::new(Vec::new()), LinesCodec::new());
    /// for line in ["one", "two", "three"] {
    ///     lines.feed(line).await?;
    /// }
    /// lines.flush().await?;
    /// assert_eq!(lines.get_ref().get_ref(), b"one\ntwo\nthree\n");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn feed<I>(&mut self, item: I) -> Result<(), E::Error>
    where
        T: Unpin,
        E: Encoder<I>,
    {
        poll_fn(|cx| Pin::new(&mut *self).poll_ready(cx)).await?;
        Pin::new(self).start_send(item)
    }

    /// Sends everything that was taken over, and flushes the byte stream.
    ///
    /// # Errors
    ///
    /// Those of the byte stream, and [`WriteZero`](io::ErrorKind::WriteZero) if it takes no more.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: calling again goes on.
    pub async fn flush(&mut self) -> io::Result<()>
    where
        T: Unpin,
    {
        poll_fn(|cx| Pin::new(&mut *self).poll_flush(cx)).await
    }

    /// Sends everything that was taken over, and shuts the byte stream down.
    ///
    /// # Errors
    ///
    /// As [`flush`](Framed::flush).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: calling again goes on.
    pub async fn close(&mut self) -> io::Result<()>
    where
        T: Unpin,
    {
        poll_fn(|cx| Pin::new(&mut *self).poll_close(cx)).await
    }

    /// Waits until less than [`backpressure_boundary`](Framed::backpressure_boundary) bytes wait to
    /// be sent.
    ///
    /// # Errors
    ///
    /// As [`flush`](Framed::flush).
    pub fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        this.writing.poll_ready(this.io, cx)
    }

    /// Takes a frame over, to be sent with the next flush. Call
    /// [`poll_ready`](Framed::poll_ready) before, or what waits grows without bound.
    ///
    /// # Errors
    ///
    /// Those of the encoder.
    pub fn start_send<I>(self: Pin<&mut Self>, item: I) -> Result<(), E::Error>
    where
        E: Encoder<I>,
    {
        let this = self.project();
        this.codec.encode(item, &mut this.writing.buffer)
    }

    /// Sends everything that was taken over, and flushes the byte stream.
    ///
    /// # Errors
    ///
    /// As [`flush`](Framed::flush).
    pub fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        this.writing.poll_flush(this.io, cx)
    }

    /// Sends everything that was taken over, and shuts the byte stream down.
    ///
    /// # Errors
    ///
    /// As [`flush`](Framed::flush).
    pub fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        this.writing.poll_close(this.io, cx)
    }
}

impl<T: AsyncRead + AsyncWrite, U> Framed<T, U> {
    /// Puts a codec onto a byte stream.
    pub fn new(inner: T, codec: U) -> Framed<T, U> {
        Framed::with_capacity(inner, codec, BUFFER_SIZE)
    }

    /// Puts a codec onto a byte stream, with a buffer that has room for `capacity` bytes at first
    /// for each direction, and so many that may wait to be sent before a frame has to.
    pub fn with_capacity(inner: T, codec: U, capacity: usize) -> Framed<T, U> {
        Framed {
            io: inner,
            codec,
            reading: Reading::with_capacity(capacity),
            writing: Writing::with_capacity(capacity),
        }
    }
}

impl<T, U> Framed<T, U> {
    /// Puts parts together, see [`FramedParts`].
    pub fn from_parts(parts: FramedParts<T, U>) -> Framed<T, U> {
        let FramedParts { io, codec, read_buf, write_buf } = parts;
        let reading = Reading::from_buffer(read_buf);
        Framed { io, codec, reading, writing: Writing::from_buffer(write_buf) }
    }

    /// The byte stream, the codec, what has arrived and was not decoded, and what was encoded and
    /// not sent.
    pub fn into_parts(self) -> FramedParts<T, U> {
        FramedParts {
            io: self.io,
            codec: self.codec,
            read_buf: self.reading.buffer,
            write_buf: self.writing.buffer,
        }
    }

    /// The byte stream.
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// The byte stream. Using it directly tears frames apart.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.io
    }

    /// The byte stream, pinned. Using it directly tears frames apart.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut T> {
        self.project().io
    }

    /// The byte stream. What the buffers hold is lost, see [`into_parts`](Framed::into_parts).
    pub fn into_inner(self) -> T {
        self.io
    }

    /// The codec.
    pub fn codec(&self) -> &U {
        &self.codec
    }

    /// The codec.
    pub fn codec_mut(&mut self) -> &mut U {
        &mut self.codec
    }

    /// The codec, of a stream that is pinned.
    pub fn codec_pin_mut(self: Pin<&mut Self>) -> &mut U {
        self.project().codec
    }

    /// The same with another codec, to go on with.
    pub fn map_codec<C>(self, map: impl FnOnce(U) -> C) -> Framed<T, C> {
        let Framed { io, codec, reading, writing } = self;
        Framed { io, codec: map(codec), reading: reading.go_on(), writing }
    }

    /// What has arrived and was not decoded.
    pub fn read_buffer(&self) -> &BytesMut {
        &self.reading.buffer
    }

    /// What has arrived and was not decoded.
    pub fn read_buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.reading.buffer
    }

    /// What was encoded and not sent.
    pub fn write_buffer(&self) -> &BytesMut {
        &self.writing.buffer
    }

    /// What was encoded and not sent.
    pub fn write_buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.writing.buffer
    }

    /// How many bytes may wait to be sent before another frame has to wait: 8 KiB unless told
    /// otherwise.
    pub fn backpressure_boundary(&self) -> usize {
        self.writing.boundary
    }

    /// Changes how many bytes may wait to be sent before another frame has to wait.
    pub fn set_backpressure_boundary(&mut self, boundary: usize) {
        self.writing.boundary = boundary;
    }
}

impl<T: AsyncRead, D: Decoder> Stream for Framed<T, D> {
    type Item = Result<D::Item, D::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Framed::poll_next(self, cx)
    }
}
