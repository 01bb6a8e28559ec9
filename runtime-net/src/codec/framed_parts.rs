//! `FramedParts`: what a framed stream is made of.

use bytes::BytesMut;

use super::Encoder;

/// What a [`Framed`](super::Framed) is made of: to put another codec onto its stream, without
/// losing what has been read and what is still to be sent.
///
/// # Examples
///
/// A stream that begins with a line and goes on with frames:
///
/// ```
/// use filch::codec::{Framed, LengthDelimitedCodec, LinesCodec};
/// use std::io::Cursor;
///
/// # #[filch::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let arrived = Cursor::new(b"frames, please\n\0\0\0\x02hi".to_vec());
/// let mut lines = Framed::new(arrived, LinesCodec::new());
/// assert_eq!(lines.next().await.unwrap()?, "frames, please");
///
/// let parts = lines.into_parts().map_codec(|_| LengthDelimitedCodec::new());
/// let mut frames = Framed::from_parts(parts);
/// assert_eq!(frames.next().await.unwrap()?, "hi");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct FramedParts<T, U> {
    /// The byte stream.
    pub io: T,
    /// The codec.
    pub codec: U,
    /// What has arrived and was not decoded.
    pub read_buf: BytesMut,
    /// What was encoded and not sent.
    pub write_buf: BytesMut,
}

impl<T, U> FramedParts<T, U> {
    /// A byte stream and a codec, and nothing in between.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::codec::{Framed, FramedParts, LinesCodec};
    ///
    /// # #[filch::main]
    /// # async fn main() {
    /// let mut parts = FramedParts::new::<&str>(filch::io::empty(), LinesCodec::new());
    /// parts.read_buf.extend_from_slice(b"as if it had arrived\n");
    /// let line = Framed::from_parts(parts).next().await.unwrap().unwrap();
    /// assert_eq!(line, "as if it had arrived");
    /// # }
    /// ```
    pub fn new<I>(io: T, codec: U) -> FramedParts<T, U>
    where
        U: Encoder<I>,
    {
        FramedParts { io, codec, read_buf: BytesMut::new(), write_buf: BytesMut::new() }
    }

    /// The same with another codec.
    pub fn map_codec<C>(self, map: impl FnOnce(U) -> C) -> FramedParts<T, C> {
        let FramedParts { io, codec, read_buf, write_buf } = self;
        FramedParts { io, codec: map(codec), read_buf, write_buf }
    }
}
