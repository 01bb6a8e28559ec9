//! `StreamReader`: reads by lines, by separators, by counts, within a limit.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};

use super::connection::Connection;
use super::error::{IncompleteReadError, LimitOverrunError, ReadError};
use super::feeder::{Feeder, Trough};
use super::lines::Lines;
use super::loss::Loss;
use super::separator;
use crate::io::{AsyncBufRead, AsyncRead, ReadBuf, fill};

/// How much room a read from the system has at least.
const ROOM: usize = 8 << 10;

/// How much room is made for bytes that were asked for and are not there yet.
const ROOM_AHEAD: usize = 64 << 10;

/// The reading end of a connection. The counterpart of asyncio's `StreamReader`.
///
/// What was read and not taken yet stays in a buffer, from which all methods serve themselves; it
/// also is an [`AsyncRead`] and an [`AsyncBufRead`].
///
/// # Cancel safety
///
/// Every method is cancel safe, but [`read_to_end`](StreamReader::read_to_end) too: what has arrived
/// stays in the reader, and the next call begins with it.
///
/// # Examples
///
/// ```
/// use filch::streams::{LIMIT, StreamReader};
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let (feeder, mut reader) = StreamReader::channel(LIMIT);
/// feeder.feed_data(b"GET /\r\n\r\n12345rest");
/// assert_eq!(reader.readuntil(b"\r\n\r\n").await.unwrap(), "GET /\r\n\r\n");
/// assert_eq!(reader.readexactly(5).await.unwrap(), "12345");
/// feeder.feed_eof();
/// assert_eq!(reader.read_to_end().await.unwrap(), "rest");
/// assert!(reader.at_eof());
/// # });
/// ```
#[derive(Debug)]
pub struct StreamReader {
    pub(super) source: Source,
    pub(super) buffer: BytesMut,
    limit: usize,
    ended: bool,
    /// The error that has ended the stream.
    error: Option<Loss>,
}

#[derive(Debug)]
pub(super) enum Source {
    Connection(Arc<Connection>),
    Trough(Arc<Trough>),
}

impl StreamReader {
    pub(super) fn new(connection: Arc<Connection>, limit: usize) -> StreamReader {
        StreamReader::with(Source::Connection(connection), limit)
    }

    fn with(source: Source, limit: usize) -> StreamReader {
        StreamReader { source, buffer: BytesMut::new(), limit, ended: false, error: None }
    }

    /// A reader that is fed by hand.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    #[track_caller]
    pub fn channel(limit: usize) -> (Feeder, StreamReader) {
        let trough = Arc::new(Trough::default());
        (Feeder(trough.clone()), StreamReader::with(Source::Trough(trough), usable(limit)))
    }

    /// How many bytes may stand before a separator.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Whether the stream has ended and all was taken.
    pub fn at_eof(&self) -> bool {
        let ended = match &self.source {
            Source::Trough(trough) => self.ended || trough.is_spent(),
            Source::Connection(_) => self.ended,
        };
        ended && self.buffer.is_empty()
    }

    /// What has been read and not taken yet.
    pub fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// At most `n` bytes, as soon as there are any. None at all mean the end, or that `n` is 0.
    ///
    /// # Errors
    ///
    /// Those of the stream. After one every read fails, as in asyncio: what had arrived and was not taken
    /// by then is in the [`buffer`](StreamReader::buffer).
    pub async fn read(&mut self, n: usize) -> io::Result<Bytes> {
        self.check()?;
        if n > 0 && self.buffer.is_empty() {
            poll_fn(|cx| self.poll_fill(cx)).await?;
        }
        let count = n.min(self.buffer.len());
        Ok(self.buffer.split_to(count).freeze())
    }

    /// Everything up to the end of the stream. asyncio's `read(-1)`.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub async fn read_to_end(&mut self) -> io::Result<Bytes> {
        while poll_fn(|cx| self.poll_fill(cx)).await? > 0 {}
        Ok(self.buffer.split().freeze())
    }

    /// A line with its end `\n`. What comes before the end of the stream is a line as well; an empty
    /// one means the end.
    ///
    /// # Errors
    ///
    /// [`LimitOverrun`](ReadError::LimitOverrun) if the line is longer than the limit; it is then
    /// thrown away, as far as it has arrived. And those of the stream.
    pub async fn readline(&mut self) -> Result<Bytes, ReadError> {
        let mut searched = 0;
        poll_fn(|cx| self.poll_readline(cx, &mut searched)).await
    }

    /// `searched` says up to where no line ends: each poll looks at what is new, however a peer cuts a line.
    pub(super) fn poll_readline(
        &mut self,
        cx: &mut Context<'_>,
        searched: &mut usize,
    ) -> Poll<Result<Bytes, ReadError>> {
        Poll::Ready(match ready!(self.poll_readuntil(cx, &[b"\n"], searched)) {
            Err(ReadError::Incomplete(error)) => Ok(error.partial),
            Err(ReadError::LimitOverrun(error)) => {
                let line = error.separator_found().then_some(error.consumed + 1);
                self.buffer.advance(line.unwrap_or(self.buffer.len()));
                Err(ReadError::LimitOverrun(error))
            }
            outcome => outcome,
        })
    }

    /// Exactly `n` bytes, whatever the limit.
    ///
    /// # Errors
    ///
    /// [`Incomplete`](ReadError::Incomplete), with what there was, if the stream ends before. And
    /// those of the stream.
    pub async fn readexactly(&mut self, n: usize) -> Result<Bytes, ReadError> {
        self.check()?;
        while self.buffer.len() < n {
            // Not more: a number alone, which a peer may have sent, must not cost what it says.
            let missing = n - self.buffer.len();
            self.buffer.reserve(missing.min(ROOM_AHEAD));
            if poll_fn(|cx| self.poll_fill(cx)).await? == 0 {
                let partial = self.buffer.split().freeze();
                return Err(ReadError::Incomplete(IncompleteReadError {
                    partial,
                    expected: Some(n),
                }));
            }
        }
        Ok(self.buffer.split_to(n).freeze())
    }

    /// Everything up to and including `separator`.
    ///
    /// # Errors
    ///
    /// [`Incomplete`](ReadError::Incomplete), with what there was, if the stream ends before;
    /// [`LimitOverrun`](ReadError::LimitOverrun) if more bytes than the limit come before it: they
    /// stay in the reader. And those of the stream.
    ///
    /// # Panics
    ///
    /// If `separator` is empty.
    #[track_caller]
    pub fn readuntil(
        &mut self,
        separator: impl AsRef<[u8]>,
    ) -> impl Future<Output = Result<Bytes, ReadError>> {
        check_separators(&[separator.as_ref()]);
        let mut searched = 0;
        poll_fn(move |cx| self.poll_readuntil(cx, &[separator.as_ref()], &mut searched))
    }

    /// Everything up to and including whichever of the separators ends first.
    ///
    /// # Errors
    ///
    /// As [`readuntil`](StreamReader::readuntil).
    ///
    /// # Panics
    ///
    /// If there is no separator, or an empty one.
    #[track_caller]
    pub fn readuntil_any(
        &mut self,
        separators: &[&[u8]],
    ) -> impl Future<Output = Result<Bytes, ReadError>> {
        check_separators(separators);
        let mut searched = 0;
        poll_fn(move |cx| self.poll_readuntil(cx, separators, &mut searched))
    }

    /// `searched` says up to where no separator ends.
    fn poll_readuntil(
        &mut self,
        cx: &mut Context<'_>,
        separators: &[&[u8]],
        searched: &mut usize,
    ) -> Poll<Result<Bytes, ReadError>> {
        let longest = separators.iter().map(|separator| separator.len()).max().unwrap_or(0);
        loop {
            self.check()?;
            if let Some(found) = separator::find(&self.buffer, separators, *searched) {
                return Poll::Ready(match found.start > self.limit {
                    true => Err(overrun(found.start, true)),
                    false => Ok(self.buffer.split_to(found.end).freeze()),
                });
            }
            *searched = self.buffer.len();
            // So many bytes belong to no separator.
            let before = (self.buffer.len() + 1).saturating_sub(longest);
            if before > self.limit {
                return Poll::Ready(Err(overrun(before, false)));
            }
            if ready!(self.poll_fill(cx))? == 0 {
                let partial = self.buffer.split().freeze();
                let error = IncompleteReadError { partial, expected: None };
                return Poll::Ready(Err(ReadError::Incomplete(error)));
            }
        }
    }

    /// The lines that are still to come, one after the other.
    pub fn lines(self) -> Lines {
        Lines { reader: self, searched: 0 }
    }

    /// The error that has ended the stream, again if it was told before. What was fed by hand has arrived,
    /// also where there is enough without it.
    fn check(&mut self) -> io::Result<()> {
        if let Source::Trough(trough) = &self.source
            && let Some(error) = trough.hand_over(&mut self.buffer)
        {
            self.error = Some(Loss::from(&error));
        }
        self.error.as_ref().map_or(Ok(()), |loss| Err(loss.error()))
    }

    /// Reads what there is behind what is in the buffer; 0 bytes mean the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let before = self.buffer.len();
        self.check()?;
        if self.buffer.len() > before {
            return Poll::Ready(Ok(self.buffer.len() - before));
        }
        if self.ended {
            return Poll::Ready(Ok(0));
        }
        let outcome = match &self.source {
            Source::Trough(trough) => ready!(trough.poll_take(cx, &mut self.buffer)),
            Source::Connection(connection) => {
                if self.buffer.capacity() - self.buffer.len() < ROOM / 2 {
                    self.buffer.reserve(ROOM);
                }
                let outcome = ready!(fill(&mut self.buffer, |room| connection.poll_recv(cx, room)));
                connection.judge(outcome)
            }
        };
        match &outcome {
            Ok(count) => self.ended = *count == 0,
            Err(error) => self.error = Some(Loss::from(error)),
        }
        Poll::Ready(outcome)
    }
}

fn overrun(consumed: usize, found: bool) -> ReadError {
    ReadError::LimitOverrun(LimitOverrunError::new(consumed, found))
}

impl AsyncRead for StreamReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        this.check()?;
        if this.buffer.is_empty() {
            ready!(this.poll_fill(cx))?;
        }
        let count = buf.remaining().min(this.buffer.len());
        buf.put_slice(&this.buffer[..count]);
        this.buffer.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for StreamReader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        this.check()?;
        if this.buffer.is_empty() {
            ready!(this.poll_fill(cx))?;
        }
        Poll::Ready(Ok(&this.buffer))
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        self.get_mut().buffer.advance(amt);
    }
}

/// `limit`, if a line can be read within it.
#[track_caller]
pub(super) fn usable(limit: usize) -> usize {
    assert!(limit > 0, "the limit of a `StreamReader` must be at least one byte");
    limit
}

#[track_caller]
fn check_separators(separators: &[&[u8]]) {
    assert!(
        !separators.is_empty() && separators.iter().all(|separator| !separator.is_empty()),
        "`readuntil` needs a separator of at least one byte"
    );
}
