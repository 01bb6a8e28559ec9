//! What can be wrong with what was to be read.

use std::error::Error;
use std::fmt;
use std::io;

use bytes::Bytes;

/// The stream has ended before all was there that was asked for.
///
/// The counterpart of `asyncio.IncompleteReadError`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncompleteReadError {
    /// What there was. It is taken out of the reader.
    pub partial: Bytes,
    /// How many bytes were asked for; `None` if a separator was.
    pub expected: Option<usize>,
}

/// No separator was found within the limit. The bytes stay in the reader.
///
/// The counterpart of `asyncio.LimitOverrunError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitOverrunError {
    /// How many bytes may be read, by [`readexactly`](super::StreamReader::readexactly) say, without
    /// taking any of a separator.
    pub consumed: usize,
    found: bool,
}

impl LimitOverrunError {
    pub(super) fn new(consumed: usize, found: bool) -> LimitOverrunError {
        LimitOverrunError { consumed, found }
    }

    /// Whether the separator is there, behind too many bytes.
    pub fn separator_found(&self) -> bool {
        self.found
    }
}

/// Why nothing was read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// That of the stream.
    Io(io::Error),
    /// The stream has ended too early.
    Incomplete(IncompleteReadError),
    /// Too many bytes without a separator.
    LimitOverrun(LimitOverrunError),
}

impl fmt::Display for IncompleteReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.partial.len();
        match self.expected {
            Some(expected) => {
                write!(f, "{count} bytes read on a total of {expected} expected bytes")
            }
            None => write!(f, "{count} bytes read, and no separator among them"),
        }
    }
}

impl fmt::Display for LimitOverrunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.found {
            true => "the separator is found, but what is before it exceeds the limit",
            false => "the separator is not found, and what there is exceeds the limit",
        })
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Io(error) => error.fmt(f),
            ReadError::Incomplete(error) => error.fmt(f),
            ReadError::LimitOverrun(error) => error.fmt(f),
        }
    }
}

impl Error for IncompleteReadError {}
impl Error for LimitOverrunError {}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ReadError::Io(error) => error.source(),
            ReadError::Incomplete(_) | ReadError::LimitOverrun(_) => None,
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> ReadError {
        ReadError::Io(error)
    }
}

impl From<IncompleteReadError> for io::Error {
    fn from(error: IncompleteReadError) -> io::Error {
        io::Error::new(io::ErrorKind::UnexpectedEof, error)
    }
}

impl From<LimitOverrunError> for io::Error {
    fn from(error: LimitOverrunError) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> io::Error {
        match error {
            ReadError::Io(error) => error,
            ReadError::Incomplete(error) => error.into(),
            ReadError::LimitOverrun(error) => error.into(),
        }
    }
}
