//! `LinesCodec`: a line of text is a frame.

use std::error::Error;
use std::fmt;
use std::io;

use bytes::{BufMut, BytesMut};

use super::delimited::{Delimited, TooLong, through};
use super::{Decoder, Encoder};

/// Lines of text, without what ends them: `\n`, or `\r\n`.
///
/// A last line may be without an end. The counterpart of `tokio_util::codec::LinesCodec`.
///
/// # Examples
///
/// A peer that never ends its line is an error, and then the rest of the line is skipped:
///
/// ```
/// use filch::codec::{FramedRead, LinesCodec, LinesCodecError};
///
/// # #[filch::main]
/// # async fn main() -> Result<(), LinesCodecError> {
/// let codec = LinesCodec::new_with_max_length(4);
/// let mut lines = FramedRead::new(&b"ok\nmuch too long\nfine\n"[..], codec);
/// assert_eq!(lines.next().await.unwrap()?, "ok");
/// let error = lines.next().await.unwrap().unwrap_err();
/// assert!(matches!(error, LinesCodecError::MaxLineLengthExceeded));
/// assert!(lines.next().await.is_none());
/// assert_eq!(lines.next().await.unwrap()?, "fine");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinesCodec {
    lines: Delimited,
}

impl LinesCodec {
    /// Lines of any length: only for peers that one trusts, as a line that never ends fills the
    /// memory.
    pub fn new() -> LinesCodec {
        LinesCodec::new_with_max_length(usize::MAX)
    }

    /// Lines of at most `max_length` bytes, not counting the `\n` but a `\r` before it.
    ///
    /// A longer one is an error as soon as that is known, and what remains of it is skipped. Not
    /// much more than the limit and one read of the byte stream is kept in memory.
    pub fn new_with_max_length(max_length: usize) -> LinesCodec {
        LinesCodec { lines: Delimited::new(max_length) }
    }

    /// The limit; `usize::MAX` if there is none.
    pub fn max_length(&self) -> usize {
        self.lines.max_length
    }
}

impl Decoder for LinesCodec {
    type Item = String;
    type Error = LinesCodecError;

    fn decode(&mut self, buf: &mut BytesMut) -> Result<Option<String>, LinesCodecError> {
        self.lines.decode(buf, |bytes| through(b'\n', bytes))?.map(text).transpose()
    }

    fn decode_eof(&mut self, buf: &mut BytesMut) -> Result<Option<String>, LinesCodecError> {
        let line = self.lines.decode_eof(buf, |bytes| through(b'\n', bytes))?;
        // Half an end at the end is no line.
        let line = line.filter(|line| !(buf.is_empty() && line[..] == b"\r"[..]));
        line.map(text).transpose()
    }
}

impl<T: AsRef<str>> Encoder<T> for LinesCodec {
    type Error = LinesCodecError;

    fn encode(&mut self, line: T, dst: &mut BytesMut) -> Result<(), LinesCodecError> {
        let line = line.as_ref();
        dst.reserve(line.len() + 1);
        dst.put(line.as_bytes());
        dst.put_u8(b'\n');
        Ok(())
    }
}

impl Default for LinesCodec {
    fn default() -> LinesCodec {
        LinesCodec::new()
    }
}

/// The text of a line, without a `\r` at its end.
fn text(line: BytesMut) -> Result<String, LinesCodecError> {
    let line = line.strip_suffix(b"\r").unwrap_or(&line);
    match str::from_utf8(line) {
        Ok(line) => Ok(line.to_owned()),
        Err(_) => {
            let what = "unable to decode input as UTF-8";
            Err(io::Error::new(io::ErrorKind::InvalidData, what).into())
        }
    }
}

/// What may be wrong with a line.
///
/// # Examples
///
/// ```
/// use filch::codec::LinesCodecError;
///
/// let error = LinesCodecError::MaxLineLengthExceeded;
/// assert_eq!(error.to_string(), "max line length exceeded");
/// ```
#[derive(Debug)]
pub enum LinesCodecError {
    /// It is longer than the limit.
    MaxLineLengthExceeded,
    /// The byte stream failed, or the line is not UTF-8.
    Io(io::Error),
}

impl fmt::Display for LinesCodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinesCodecError::MaxLineLengthExceeded => f.write_str("max line length exceeded"),
            LinesCodecError::Io(error) => error.fmt(f),
        }
    }
}

impl Error for LinesCodecError {}

impl From<io::Error> for LinesCodecError {
    fn from(error: io::Error) -> LinesCodecError {
        LinesCodecError::Io(error)
    }
}

impl From<TooLong> for LinesCodecError {
    fn from(_: TooLong) -> LinesCodecError {
        LinesCodecError::MaxLineLengthExceeded
    }
}
