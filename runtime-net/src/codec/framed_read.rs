//! `FramedRead`: a byte stream as a stream of frames.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use futures_core::Stream;
use pin_project_lite::pin_project;

use super::reading::Reading;
use super::{BUFFER_SIZE, Decoder, FramedParts};
use crate::io::AsyncRead;

pin_project! {
    /// A byte stream as a stream of frames, which a [`Decoder`] cuts out of it.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::codec::{FramedRead, LinesCodec};
    ///
    /// # #[filch::main]
    /// # async fn main() -> Result<(), filch::codec::LinesCodecError> {
    /// let mut lines = FramedRead::new(&b"one\ntwo"[..], LinesCodec::new());
    /// assert_eq!(lines.next().await.unwrap()?, "one");
    /// assert_eq!(lines.next().await.unwrap()?, "two");
    /// assert!(lines.next().await.is_none());
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Debug)]
    #[must_use = "streams do nothing unless they are polled"]
    pub struct FramedRead<T, D> {
        #[pin]
        io: T,
        codec: D,
        reading: Reading,
    }
}

impl<T: AsyncRead, D: Decoder> FramedRead<T, D> {
    /// Puts a decoder onto a byte stream.
    pub fn new(inner: T, decoder: D) -> FramedRead<T, D> {
        FramedRead::with_capacity(inner, decoder, BUFFER_SIZE)
    }

    /// Puts a decoder onto a byte stream, with a buffer that has room for `capacity` bytes at
    /// first.
    pub fn with_capacity(inner: T, decoder: D, capacity: usize) -> FramedRead<T, D> {
        FramedRead { io: inner, codec: decoder, reading: Reading::with_capacity(capacity) }
    }

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

impl<T, D> FramedRead<T, D> {
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

    /// The byte stream. What has arrived and was not decoded is lost, see
    /// [`into_parts`](FramedRead::into_parts).
    pub fn into_inner(self) -> T {
        self.io
    }

    /// The decoder.
    pub fn decoder(&self) -> &D {
        &self.codec
    }

    /// The decoder.
    pub fn decoder_mut(&mut self) -> &mut D {
        &mut self.codec
    }

    /// The decoder, of a stream that is pinned.
    pub fn decoder_pin_mut(self: Pin<&mut Self>) -> &mut D {
        self.project().codec
    }

    /// The same with another decoder, to go on with.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::codec::{BytesCodec, FramedRead, LinesCodec};
    ///
    /// # #[filch::main]
    /// # async fn main() -> Result<(), filch::codec::LinesCodecError> {
    /// let mut lines = FramedRead::new(&b"a line\nand the rest"[..], LinesCodec::new());
    /// assert_eq!(lines.next().await.unwrap()?, "a line");
    /// let mut rest = lines.map_decoder(|_| BytesCodec::new());
    /// assert_eq!(rest.next().await.unwrap()?, "and the rest");
    /// # Ok(())
    /// # }
    /// ```
    pub fn map_decoder<C>(self, map: impl FnOnce(D) -> C) -> FramedRead<T, C> {
        let FramedRead { io, codec, reading } = self;
        FramedRead { io, codec: map(codec), reading: reading.go_on() }
    }

    /// What has arrived and was not decoded.
    pub fn read_buffer(&self) -> &BytesMut {
        &self.reading.buffer
    }

    /// What has arrived and was not decoded.
    pub fn read_buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.reading.buffer
    }

    /// The byte stream, the decoder, and what has arrived and was not decoded.
    pub fn into_parts(self) -> FramedParts<T, D> {
        FramedParts {
            io: self.io,
            codec: self.codec,
            read_buf: self.reading.buffer,
            write_buf: BytesMut::new(),
        }
    }

    /// Puts parts together. What is still to be sent is lost.
    pub fn from_parts(parts: FramedParts<T, D>) -> FramedRead<T, D> {
        let FramedParts { io, codec, read_buf, .. } = parts;
        FramedRead { io, codec, reading: Reading::from_buffer(read_buf) }
    }
}

impl<T: AsyncRead, D: Decoder> Stream for FramedRead<T, D> {
    type Item = Result<D::Item, D::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        FramedRead::poll_next(self, cx)
    }
}
