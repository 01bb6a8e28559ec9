//! `FramedWrite`: frames onto a byte stream.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use pin_project_lite::pin_project;

use super::writing::Writing;
use super::{BUFFER_SIZE, Encoder, FramedParts};
use crate::io::AsyncWrite;

pin_project! {
    /// Frames onto a byte stream, which an [`Encoder`] makes bytes of.
    ///
    /// What was not flushed when this is dropped is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::codec::{FramedWrite, LengthDelimitedCodec};
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut frames = FramedWrite::new(Vec::new(), LengthDelimitedCodec::new());
    /// frames.send("hi".into()).await?;
    /// assert_eq!(frames.get_ref(), b"\0\0\0\x02hi");
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Debug)]
    pub struct FramedWrite<T, E> {
        #[pin]
        io: T,
        codec: E,
        writing: Writing,
    }
}

impl<T: AsyncWrite, E> FramedWrite<T, E> {
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
    /// use filch::codec::{FramedWrite, LinesCodec};
    /// use std::io::Cursor;
    ///
    /// # #[filch::main]
    /// # async fn main() -> Result<(), filch::codec::LinesCodecError> {
    /// let mut lines = FramedWrite::new(Cursor::new(Vec::new()), LinesCodec::new());
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
    /// As [`send`](FramedWrite::send).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the frame is lost, and nothing else.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::codec::{FramedWrite, LinesCodec};
    /// use std::io::Cursor;
    ///
    /// # #[filch::main]
    /// # async fn main() -> Result<(), filch::codec::LinesCodecError> {
    /// let mut lines = FramedWrite::new(Cursor::new(Vec::new()), LinesCodec::new());
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
    /// As [`flush`](FramedWrite::flush).
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

    /// Waits until less than [`backpressure_boundary`](FramedWrite::backpressure_boundary) bytes wait to
    /// be sent.
    ///
    /// # Errors
    ///
    /// As [`flush`](FramedWrite::flush).
    pub fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        this.writing.poll_ready(this.io, cx)
    }

    /// Takes a frame over, to be sent with the next flush. Call
    /// [`poll_ready`](FramedWrite::poll_ready) before, or what waits grows without bound.
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
    /// As [`flush`](FramedWrite::flush).
    pub fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        this.writing.poll_flush(this.io, cx)
    }

    /// Sends everything that was taken over, and shuts the byte stream down.
    ///
    /// # Errors
    ///
    /// As [`flush`](FramedWrite::flush).
    pub fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        this.writing.poll_close(this.io, cx)
    }
}

impl<T, E> FramedWrite<T, E> {
    /// Puts an encoder onto a byte stream.
    pub fn new(inner: T, encoder: E) -> FramedWrite<T, E>
    where
        T: AsyncWrite,
    {
        FramedWrite::with_capacity(inner, encoder, BUFFER_SIZE)
    }

    /// Puts an encoder onto a byte stream, with room for `capacity` bytes before a frame has to
    /// wait.
    pub fn with_capacity(inner: T, encoder: E, capacity: usize) -> FramedWrite<T, E>
    where
        T: AsyncWrite,
    {
        FramedWrite { io: inner, codec: encoder, writing: Writing::with_capacity(capacity) }
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

    /// The byte stream. What was encoded and not sent is lost, see
    /// [`into_parts`](FramedWrite::into_parts).
    pub fn into_inner(self) -> T {
        self.io
    }

    /// The encoder.
    pub fn encoder(&self) -> &E {
        &self.codec
    }

    /// The encoder.
    pub fn encoder_mut(&mut self) -> &mut E {
        &mut self.codec
    }

    /// The encoder, of a stream that is pinned.
    pub fn encoder_pin_mut(self: Pin<&mut Self>) -> &mut E {
        self.project().codec
    }

    /// The same with another encoder, to go on with.
    pub fn map_encoder<C>(self, map: impl FnOnce(E) -> C) -> FramedWrite<T, C> {
        let FramedWrite { io, codec, writing } = self;
        FramedWrite { io, codec: map(codec), writing }
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

    /// The byte stream, the encoder, and what was encoded and not sent.
    pub fn into_parts(self) -> FramedParts<T, E> {
        FramedParts {
            io: self.io,
            codec: self.codec,
            read_buf: BytesMut::new(),
            write_buf: self.writing.buffer,
        }
    }

    /// Puts parts together. What has arrived is lost.
    pub fn from_parts(parts: FramedParts<T, E>) -> FramedWrite<T, E> {
        let FramedParts { io, codec, write_buf, .. } = parts;
        FramedWrite { io, codec, writing: Writing::from_buffer(write_buf) }
    }
}
