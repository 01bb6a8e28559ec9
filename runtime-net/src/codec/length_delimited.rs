//! `LengthDelimitedCodec`: messages with their length in front.
//!
//! ```text
//!              field_offset   field_length          n + adjustment
//!            ┌──────────────┬──────────────┬─────────────────────────────┐
//!            │  some head   │      n       │                             │
//!            └──────────────┴──────────────┴─────────────────────────────┘
//!            └────────── skipped ──────────┘  unless told otherwise, so that this is the frame
//! ```

use std::error::Error;
use std::fmt;
use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};

pub use super::length_delimited_builder::{Builder, LengthFieldType};
use super::{Decoder, Encoder};

/// Whoever announces a large frame gets room for it as it arrives, beginning with so much.
const ROOM_AHEAD: usize = 64 * 1024;

/// Messages with their length in front, by default four bytes with the most significant one first.
///
/// A frame beyond the limit, which is 8 MiB unless told otherwise, is an error before anything of
/// it is kept. So is an announced length that is no length after its adjustment. The
/// [`Builder`] knows other layouts. The counterpart of
/// `tokio_util::codec::LengthDelimitedCodec`.
///
/// # Examples
///
/// ```
/// use filch::codec::{Framed, LengthDelimitedCodec};
/// use filch::io::duplex;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let (near, far) = duplex(64);
/// let mut near = Framed::new(near, LengthDelimitedCodec::new());
/// let mut far = Framed::new(far, LengthDelimitedCodec::new());
/// near.send("hello".into()).await?;
/// assert_eq!(far.next().await.unwrap()?, "hello");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct LengthDelimitedCodec {
    builder: Builder,
    /// The head has been read, and the frame is so long.
    expected: Option<usize>,
}

impl LengthDelimitedCodec {
    /// Four bytes of length with the most significant one first, then the frame.
    pub fn new() -> LengthDelimitedCodec {
        Builder::new().new_codec()
    }

    /// Other layouts.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(super) fn from_builder(builder: Builder) -> LengthDelimitedCodec {
        LengthDelimitedCodec { builder, expected: None }
    }

    /// The limit: what was asked for, or the largest frame that the length's bytes can announce.
    pub fn max_frame_length(&self) -> usize {
        self.builder.frame_max
    }

    /// Changes the limit of the announced length. A frame whose length has been read already is let
    /// in.
    pub fn set_max_frame_length(&mut self, val: usize) {
        self.builder.max_frame_length(val);
    }

    /// Takes the head off and says how long the frame is. `None`: more of the head must arrive.
    fn decode_head(&mut self, src: &mut BytesMut) -> io::Result<Option<usize>> {
        let Builder { field_offset, field_length, .. } = self.builder;
        let skip = self.builder.skip();
        if src.len() < skip.max(field_offset + field_length) {
            return Ok(None);
        }
        let mut field = &src[field_offset..field_offset + field_length];
        let announced = match self.builder.big_endian {
            true => field.get_uint(field_length),
            false => field.get_uint_le(field_length),
        };
        if announced > self.builder.announced_max as u64 {
            return Err(too_big(io::ErrorKind::InvalidData));
        }
        // It fits, as the limit does.
        let length = (announced as usize).checked_add_signed(self.builder.adjustment);
        let length = length.ok_or_else(no_length)?;
        if skip == 0 && length == 0 {
            // Nothing would ever be taken off, and frames of nothing would come without end.
            let what = "a frame without a head must not be empty";
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        src.advance(skip);
        // Not more: a head alone must not cost a peer's announcement.
        src.reserve(length.min(ROOM_AHEAD).saturating_sub(src.len()));
        Ok(Some(length))
    }
}

impl Decoder for LengthDelimitedCodec {
    type Item = BytesMut;
    type Error = io::Error;

    fn decode(&mut self, src: &mut BytesMut) -> io::Result<Option<BytesMut>> {
        if self.expected.is_none() {
            self.expected = self.decode_head(src)?;
        }
        match self.expected {
            Some(length) if length <= src.len() => {
                self.expected = None;
                let frame = src.split_to(length);
                // Room for the next head at least, so that it comes with one read.
                src.reserve(self.builder.head().saturating_sub(src.len()));
                Ok(Some(frame))
            }
            _ => Ok(None),
        }
    }
}

impl Encoder<Bytes> for LengthDelimitedCodec {
    type Error = io::Error;

    fn encode(&mut self, data: Bytes, dst: &mut BytesMut) -> io::Result<()> {
        let length = data.len();
        if length > self.builder.frame_max {
            return Err(too_big(io::ErrorKind::InvalidInput));
        }
        let adjustment = self.builder.adjustment;
        let announced = match adjustment >= 0 {
            true => length.checked_sub(adjustment.unsigned_abs()),
            false => length.checked_add(adjustment.unsigned_abs()),
        };
        let announced = announced.ok_or_else(no_length)? as u64;
        let field_length = self.builder.field_length;
        dst.reserve(field_length + length);
        match self.builder.big_endian {
            true => dst.put_uint(announced, field_length),
            false => dst.put_uint_le(announced, field_length),
        }
        dst.extend_from_slice(&data);
        Ok(())
    }
}

impl Default for LengthDelimitedCodec {
    fn default() -> LengthDelimitedCodec {
        LengthDelimitedCodec::new()
    }
}

/// A frame is longer than the limit.
///
/// It is inside of an [`io::Error`] of the kind `InvalidData` for a frame that has arrived, and
/// `InvalidInput` for one that was to be sent.
///
/// # Examples
///
/// ```
/// use filch::codec::{FramedRead, LengthDelimitedCodec, LengthDelimitedCodecError};
///
/// # #[filch::main]
/// # async fn main() {
/// let mut frames = FramedRead::new(&b"\xff\xff\xff\xff..."[..], LengthDelimitedCodec::new());
/// let error = frames.next().await.unwrap().unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
/// assert!(error.get_ref().unwrap().is::<LengthDelimitedCodecError>());
/// # }
/// ```
pub struct LengthDelimitedCodecError {
    _private: (),
}

fn too_big(kind: io::ErrorKind) -> io::Error {
    io::Error::new(kind, LengthDelimitedCodecError { _private: () })
}

fn no_length() -> io::Error {
    let what = "provided length would overflow after adjustment";
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

impl fmt::Debug for LengthDelimitedCodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LengthDelimitedCodecError").finish()
    }
}

impl fmt::Display for LengthDelimitedCodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("frame size too big")
    }
}

impl Error for LengthDelimitedCodecError {}
