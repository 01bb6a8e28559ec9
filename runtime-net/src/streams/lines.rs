//! The lines of a reader, one after the other.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

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
    /// Up to where the line that is being waited for has no end.
    pub(super) searched: usize,
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
        let line = ready!(self.reader.poll_readline(cx, &mut self.searched));
        self.searched = 0;
        Poll::Ready(match line {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    /// A peer that sends a long line byte by byte would have all of it searched for each.
    #[test]
    fn no_byte_of_a_line_is_searched_twice() {
        let (feeder, reader) = StreamReader::channel(100);
        let mut lines = reader.lines();
        let mut poll = |bytes: &[u8]| {
            feeder.feed_data(bytes);
            let line = lines.poll_next_line(&mut Context::from_waker(Waker::noop()));
            (line.map(|line| line.unwrap().unwrap()), lines.searched)
        };
        assert_eq!(poll(b"long"), (Poll::Pending, 4));
        assert_eq!(poll(b"er"), (Poll::Pending, 6));
        assert_eq!(poll(b"\nan\nother"), (Poll::Ready("longer\n".into()), 0));
        assert_eq!(poll(b""), (Poll::Ready("an\n".into()), 0));
        assert_eq!(poll(b""), (Poll::Pending, 5));
        assert_eq!(poll(b"\n"), (Poll::Ready("other\n".into()), 0));
    }
}
