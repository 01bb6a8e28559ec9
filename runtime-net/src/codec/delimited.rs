//! `Delimited`: chunks of limited length that end with a delimiter, for the codecs of lines and others.

use std::io::BufRead as _;

use bytes::{Buf, BytesMut};

/// How far the search for the next delimiter is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Delimited {
    /// So many bytes at the front hold no delimiter.
    searched: usize,
    pub(super) max_length: usize,
    /// The chunk at the front was too long: it goes up to its end.
    discarding: bool,
}

/// A chunk is longer than the limit.
pub(super) struct TooLong;

impl Delimited {
    /// Chunks of at most so many bytes, not counting the delimiter.
    pub(super) fn new(max_length: usize) -> Delimited {
        Delimited { searched: 0, max_length, discarding: false }
    }

    /// Takes a chunk off the front, without its delimiter.
    ///
    /// `through` says how many bytes there are up to and including the first delimiter.
    pub(super) fn decode(
        &mut self,
        buf: &mut BytesMut,
        through: impl Fn(&[u8]) -> Option<usize>,
    ) -> Result<Option<BytesMut>, TooLong> {
        if self.discarding {
            self.discard(buf, &through);
        }
        let window = buf.len().min(self.max_length.saturating_add(1));
        // Somebody may have taken bytes out of the buffer.
        let searched = self.searched.min(window);
        if let Some(length) = through(&buf[searched..window]) {
            self.searched = 0;
            let mut chunk = buf.split_to(searched + length);
            chunk.truncate(chunk.len() - 1);
            return Ok(Some(chunk));
        }
        if buf.len() > self.max_length {
            self.discarding = true;
            self.discard(buf, through);
            return Err(TooLong);
        }
        self.searched = window;
        Ok(None)
    }

    /// As [`decode`](Delimited::decode), if nothing more comes: the last chunk may be without a
    /// delimiter, unless it is empty.
    pub(super) fn decode_eof(
        &mut self,
        buf: &mut BytesMut,
        through: impl Fn(&[u8]) -> Option<usize>,
    ) -> Result<Option<BytesMut>, TooLong> {
        if let Some(chunk) = self.decode(buf, through)? {
            return Ok(Some(chunk));
        }
        self.searched = 0;
        Ok((!buf.is_empty()).then(|| buf.split()))
    }

    /// Throws a chunk away that was too long, as far as it is there.
    fn discard(&mut self, buf: &mut BytesMut, through: impl Fn(&[u8]) -> Option<usize>) {
        let end = through(buf);
        buf.advance(end.unwrap_or(buf.len()));
        self.discarding = end.is_none();
        self.searched = 0;
    }
}

/// How many bytes there are up to and including `byte`, if it is there.
pub(super) fn through(byte: u8, bytes: &[u8]) -> Option<usize> {
    // std looks for it with the fastest instructions there are. Memory does not fail.
    let count = (&mut &*bytes).skip_until(byte).unwrap_or(0);
    bytes[..count].ends_with(&[byte]).then_some(count)
}
