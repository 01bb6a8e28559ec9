//! `AnyDelimiterCodec`: what stands between any of some bytes is a frame.

use std::error::Error;
use std::fmt;
use std::io;

use bytes::{BufMut, Bytes, BytesMut};

use super::delimited::{Delimited, TooLong, through};
use super::{Decoder, Encoder};

const DEFAULT_SEEK_DELIMITERS: &[u8] = b",;\n\r";
const DEFAULT_SEQUENCE_WRITER: &[u8] = b",";

/// Chunks between delimiters, any of some bytes.
///
/// What is sent ends with a sequence that need not be one of them. A last chunk may be without a
/// delimiter. The counterpart of `tokio_util::codec::AnyDelimiterCodec`.
///
/// # Examples
///
/// ```
/// use filch::codec::{AnyDelimiterCodec, FramedRead, FramedWrite};
///
/// # #[filch::main]
/// # async fn main() -> Result<(), filch::codec::AnyDelimiterCodecError> {
/// let codec = AnyDelimiterCodec::new_with_max_length(b",;".to_vec(), b";".to_vec(), 80);
/// let mut chunks = FramedRead::new(&b"a,b;c"[..], codec.clone());
/// for expected in ["a", "b", "c"] {
///     assert_eq!(chunks.next().await.unwrap()?, expected);
/// }
///
/// let mut writer = FramedWrite::new(Vec::new(), codec);
/// writer.send("chunk").await?;
/// assert_eq!(writer.get_ref(), b"chunk;");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnyDelimiterCodec {
    chunks: Delimited,
    seek_delimiters: Vec<u8>,
    sequence_writer: Vec<u8>,
}

impl AnyDelimiterCodec {
    /// Chunks of any length that end with one of `seek_delimiters`; `sequence_writer` is put behind
    /// what is sent.
    ///
    /// Only for peers that one trusts, as a chunk that never ends fills the memory.
    pub fn new(seek_delimiters: Vec<u8>, sequence_writer: Vec<u8>) -> AnyDelimiterCodec {
        AnyDelimiterCodec::new_with_max_length(seek_delimiters, sequence_writer, usize::MAX)
    }

    /// Chunks of at most `max_length` bytes, not counting the delimiter.
    ///
    /// A longer one is an error as soon as that is known, and what remains of it is skipped. Not
    /// much more than the limit and one read of the byte stream is kept in memory.
    pub fn new_with_max_length(
        seek_delimiters: Vec<u8>,
        sequence_writer: Vec<u8>,
        max_length: usize,
    ) -> AnyDelimiterCodec {
        AnyDelimiterCodec { chunks: Delimited::new(max_length), seek_delimiters, sequence_writer }
    }

    /// The limit; `usize::MAX` if there is none.
    pub fn max_length(&self) -> usize {
        self.chunks.max_length
    }
}

/// How many bytes there are up to and including the first delimiter, if one is there.
fn search(delimiters: &[u8]) -> impl Fn(&[u8]) -> Option<usize> {
    move |bytes| match delimiters {
        &[delimiter] => through(delimiter, bytes),
        _ => bytes.iter().position(|byte| delimiters.contains(byte)).map(|place| place + 1),
    }
}

impl Decoder for AnyDelimiterCodec {
    type Item = Bytes;
    type Error = AnyDelimiterCodecError;

    fn decode(&mut self, buf: &mut BytesMut) -> Result<Option<Bytes>, AnyDelimiterCodecError> {
        Ok(self.chunks.decode(buf, search(&self.seek_delimiters))?.map(BytesMut::freeze))
    }

    fn decode_eof(&mut self, buf: &mut BytesMut) -> Result<Option<Bytes>, AnyDelimiterCodecError> {
        Ok(self.chunks.decode_eof(buf, search(&self.seek_delimiters))?.map(BytesMut::freeze))
    }
}

impl<T: AsRef<str>> Encoder<T> for AnyDelimiterCodec {
    type Error = AnyDelimiterCodecError;

    fn encode(&mut self, chunk: T, dst: &mut BytesMut) -> Result<(), AnyDelimiterCodecError> {
        let chunk = chunk.as_ref();
        dst.reserve(chunk.len() + self.sequence_writer.len());
        dst.put(chunk.as_bytes());
        dst.put(&self.sequence_writer[..]);
        Ok(())
    }
}

impl Default for AnyDelimiterCodec {
    /// Chunks of any length that end with `,`, `;`, `\n` or `\r`, and `,` behind what is sent.
    fn default() -> AnyDelimiterCodec {
        let seek_delimiters = DEFAULT_SEEK_DELIMITERS.to_vec();
        AnyDelimiterCodec::new(seek_delimiters, DEFAULT_SEQUENCE_WRITER.to_vec())
    }
}

/// What may be wrong with a chunk.
///
/// # Examples
///
/// ```
/// use filch::codec::AnyDelimiterCodecError;
///
/// let error = AnyDelimiterCodecError::MaxChunkLengthExceeded;
/// assert_eq!(error.to_string(), "max chunk length exceeded");
/// ```
#[derive(Debug)]
pub enum AnyDelimiterCodecError {
    /// It is longer than the limit.
    MaxChunkLengthExceeded,
    /// The byte stream failed.
    Io(io::Error),
}

impl fmt::Display for AnyDelimiterCodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AnyDelimiterCodecError::MaxChunkLengthExceeded => {
                f.write_str("max chunk length exceeded")
            }
            AnyDelimiterCodecError::Io(error) => error.fmt(f),
        }
    }
}

impl Error for AnyDelimiterCodecError {}

impl From<io::Error> for AnyDelimiterCodecError {
    fn from(error: io::Error) -> AnyDelimiterCodecError {
        AnyDelimiterCodecError::Io(error)
    }
}

impl From<TooLong> for AnyDelimiterCodecError {
    fn from(_: TooLong) -> AnyDelimiterCodecError {
        AnyDelimiterCodecError::MaxChunkLengthExceeded
    }
}
