//! `Encoder`: appends frames to what is to be sent.

use std::io;

use bytes::BytesMut;

/// Appends frames to what is to be sent.
///
/// # Examples
///
/// ```
/// use bytes::{BufMut, BytesMut};
/// use filch::codec::Encoder;
/// use std::io;
///
/// /// Messages of a byte that says how long they are, and so many bytes.
/// struct Short;
///
/// impl Encoder<&str> for Short {
///     type Error = io::Error;
///
///     fn encode(&mut self, item: &str, dst: &mut BytesMut) -> io::Result<()> {
///         let length = u8::try_from(item.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
///         dst.put_u8(length);
///         dst.put(item.as_bytes());
///         Ok(())
///     }
/// }
///
/// let mut frames = BytesMut::new();
/// Short.encode("hi", &mut frames).unwrap();
/// assert_eq!(frames, b"\x02hi"[..]);
/// ```
pub trait Encoder<Item> {
    /// What may be wrong with a frame.
    type Error: From<io::Error>;

    /// Appends a frame to `dst`.
    ///
    /// # Errors
    ///
    /// The frame cannot be sent. `dst` should then be as it was.
    fn encode(&mut self, item: Item, dst: &mut BytesMut) -> Result<(), Self::Error>;
}
