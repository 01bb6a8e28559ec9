//! `BytesCodec`: whatever has arrived is a frame.

use std::io;

use bytes::{Bytes, BytesMut};

use super::{Decoder, Encoder};

/// No frames at all: whatever has arrived comes out, and what goes in is sent as it is.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use filch::codec::{BytesCodec, FramedRead, FramedWrite};
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut chunks = FramedRead::new(&b"some bytes"[..], BytesCodec::new());
/// assert_eq!(chunks.next().await.unwrap()?, "some bytes");
///
/// let mut writer = FramedWrite::new(Vec::new(), BytesCodec::new());
/// writer.send(Bytes::from_static(b"and back")).await?;
/// assert_eq!(writer.get_ref(), b"and back");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BytesCodec(());

impl BytesCodec {
    /// A codec, which has no state.
    pub fn new() -> BytesCodec {
        BytesCodec(())
    }
}

impl Decoder for BytesCodec {
    type Item = BytesMut;
    type Error = io::Error;

    fn decode(&mut self, src: &mut BytesMut) -> io::Result<Option<BytesMut>> {
        Ok((!src.is_empty()).then(|| src.split()))
    }
}

impl Encoder<Bytes> for BytesCodec {
    type Error = io::Error;

    fn encode(&mut self, item: Bytes, dst: &mut BytesMut) -> io::Result<()> {
        dst.extend_from_slice(&item);
        Ok(())
    }
}

impl Encoder<BytesMut> for BytesCodec {
    type Error = io::Error;

    fn encode(&mut self, item: BytesMut, dst: &mut BytesMut) -> io::Result<()> {
        dst.extend_from_slice(&item);
        Ok(())
    }
}
