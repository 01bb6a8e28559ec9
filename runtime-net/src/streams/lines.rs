//! The lines of a reader, one after the other.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;

use super::{ReadError, StreamReader};

/// The lines of a [`StreamReader`], with their ends, until the stream ends.
///
/// The counterpart of `async for line in reader`.
///
/// # Examples
///
/// ```
/// use filch::streams::{LIMIT, StreamReader};
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let (feeder, reader) = StreamReader::channel(LIMIT);
/// feeder.feed_data(b"one\ntwo\nthree");
/// feeder.feed_eof();
/// let mut lines = reader.lines();
/// let mut count = 0;
/// while let Some(line) = lines.next().await {
///     count += line.unwrap().len();
/// }
/// assert_eq!(count, 13);
/// # });
/// ```
#[derive(Debug)]
pub struct Lines {
    pub(super) reader: StreamReader,
}

impl Lines {
    /// The next line.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what has arrived of a line stays in the reader.
    pub async fn next(&mut self) -> Option<Result<Bytes, ReadError>> {
        poll_fn(|cx| self.poll_next_line(cx)).await
    }

    /// The reader, with all that was not taken.
    pub fn into_inner(self) -> StreamReader {
        self.reader
    }

    fn poll_next_line(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ReadError>>> {
        self.reader.poll_readline(cx).map(|line| match line {
            Ok(line) if line.is_empty() => None,
            outcome => Some(outcome),
        })
    }
}

impl Stream for Lines {
    type Item = Result<Bytes, ReadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_next_line(cx)
    }
}
