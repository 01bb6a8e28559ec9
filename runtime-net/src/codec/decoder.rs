//! `Decoder`: cuts frames out of what has arrived.

use std::io;

use bytes::BytesMut;

use super::Framed;
use crate::io::{AsyncRead, AsyncWrite};

/// Cuts frames out of what has arrived.
///
/// # Examples
///
/// ```
/// use bytes::{Buf, BytesMut};
/// use filch::codec::Decoder;
/// use std::io;
///
/// /// Messages of a byte that says how long they are, and so many bytes.
/// struct Short;
///
/// impl Decoder for Short {
///     type Item = BytesMut;
///     type Error = io::Error;
///
///     fn decode(&mut self, src: &mut BytesMut) -> io::Result<Option<BytesMut>> {
///         let Some(&length) = src.first() else { return Ok(None) };
///         if src.len() <= usize::from(length) {
///             return Ok(None);
///         }
///         src.advance(1);
///         Ok(Some(src.split_to(usize::from(length))))
///     }
/// }
///
/// let mut arrived = BytesMut::from(&b"\x02hi\x05hel"[..]);
/// assert_eq!(Short.decode(&mut arrived).unwrap().unwrap(), "hi");
/// assert!(Short.decode(&mut arrived).unwrap().is_none());
/// ```
pub trait Decoder {
    /// A frame.
    type Item;
    /// What may be wrong with one.
    type Error: From<io::Error>;

    /// Takes a frame off the front of `src`. `None`: more must arrive first.
    ///
    /// What was looked at may stay in `src`; it is there again the next time, with more behind it.
    /// A decoder that knows how much is missing may make room for it in `src`.
    ///
    /// # Errors
    ///
    /// What has arrived cannot be a frame. The stream ends with that, unless its user goes on.
    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Self::Item>, Self::Error>;

    /// Takes a frame off the front of `buf`, of which nothing more will arrive.
    ///
    /// It is called until it says `None`, and may make frames of nothing before that.
    ///
    /// # Errors
    ///
    /// As [`decode`](Decoder::decode). Unless a decoder knows better, what remains that is no whole
    /// frame is an error.
    fn decode_eof(&mut self, buf: &mut BytesMut) -> Result<Option<Self::Item>, Self::Error> {
        match self.decode(buf)? {
            None if !buf.is_empty() => Err(io::Error::other("bytes remaining on stream").into()),
            frame => Ok(frame),
        }
    }

    /// Puts this codec onto a byte stream.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::codec::{BytesCodec, Decoder};
    ///
    /// let stream = BytesCodec::new().framed(filch::io::empty());
    /// ```
    fn framed<T: AsyncRead + AsyncWrite + Sized>(self, io: T) -> Framed<T, Self>
    where
        Self: Sized,
    {
        Framed::new(io, self)
    }
}
