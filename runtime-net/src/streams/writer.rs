//! `StreamWriter`: writes at once if there is room, else in the background.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Buf;

use super::connection::Connection;
use super::outbox::{Outbox, Writable};
use super::transport::Transport;
use crate::io::AsyncWrite;
use crate::tcp::TcpStream;

/// The writing end of a connection. The counterpart of asyncio's `StreamWriter`.
///
/// [`write`](StreamWriter::write) never waits: it sends what the system takes at once, and a task
/// sends the rest as soon as there is room. [`drain`](StreamWriter::drain) waits while too much is
/// left, so that a peer who does not read holds the writer up instead of filling the memory. It also
/// is an [`AsyncWrite`].
///
/// Dropping it closes the connection once all has been sent; the reader then meets the end. The orderly
/// end of a runtime, as that of `#[filch::main]` or
/// [`Runtime::close`](runtime_core::runtime::Runtime::close), waits up to 5 s until all has been sent,
/// which asyncio's does not: a peer that does not read holds it up for so long, unless the connection is
/// [aborted](StreamWriter::abort), or
/// [`close_timeout`](runtime_core::runtime::Builder::close_timeout) is shorter. If a runtime is dropped,
/// what the system had no room for is lost.
///
/// # Examples
///
/// ```
/// use filch::streams::{open_connection, start_server};
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let server = start_server("127.0.0.1:0", |mut reader, mut writer| async move {
///     let text = reader.read_to_end().await.unwrap_or_default();
///     writer.writelines([&b"got: "[..], &text]);
/// })
/// .await?;
/// let (mut reader, mut writer) = open_connection(server.local_addrs()[0]).await?;
/// writer.write(&b"hello"[..]);
/// writer.write_eof();
/// assert_eq!(reader.read_to_end().await?, "got: hello");
/// # Ok(())
/// # }
/// ```
pub struct StreamWriter {
    pub(super) connection: Arc<Connection>,
}

/// Limits of a [`StreamWriter`] of which the lower one is above the upper one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidLimits(());

impl fmt::Display for InvalidLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the low limit of a write buffer is above the high one")
    }
}

impl Error for InvalidLimits {}

impl StreamWriter {
    pub(super) fn new(connection: Arc<Connection>) -> StreamWriter {
        StreamWriter { connection }
    }

    fn outbox(&self) -> &Outbox {
        &self.connection.outbox
    }

    /// Writes all of `bytes`, at once or in the background.
    ///
    /// Nothing is said of errors here: [`drain`](StreamWriter::drain) and
    /// [`wait_closed`](StreamWriter::wait_closed) tell. What is written after the connection was
    /// closed or lost is ignored, as in asyncio, and the next `drain` fails.
    ///
    /// # Panics
    ///
    /// After [`write_eof`](StreamWriter::write_eof).
    #[track_caller]
    pub fn write(&mut self, mut bytes: impl Buf) {
        while bytes.has_remaining() {
            match self.outbox().writable() {
                Writable::Yes => {}
                Writable::Ignored => return,
                Writable::Ended => panic!("`StreamWriter::write` was called after `write_eof`"),
            }
            let chunk = bytes.chunk();
            self.connection.write(chunk);
            let count = chunk.len();
            bytes.advance(count);
        }
    }

    /// Writes one after the other, as by [`write`](StreamWriter::write) but with one system call.
    ///
    /// # Panics
    ///
    /// After [`write_eof`](StreamWriter::write_eof).
    #[track_caller]
    pub fn writelines<I>(&mut self, lines: I)
    where
        I: IntoIterator,
        I::Item: AsRef<[u8]>,
    {
        let mut all = Vec::new();
        lines.into_iter().for_each(|line| all.extend_from_slice(line.as_ref()));
        self.write(&*all);
    }

    /// Waits while too many bytes wait to be sent: from more than the high limit on, until there are
    /// no more than the low one. Ready at once otherwise.
    ///
    /// # Errors
    ///
    /// Why the connection was lost; [`BrokenPipe`](io::ErrorKind::BrokenPipe) if something was written
    /// after it was closed, by [`close_clients`](super::Server::close_clients), say.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the bytes are sent all the same.
    pub async fn drain(&self) -> io::Result<()> {
        self.outbox().drained().await
    }

    /// Waits until all has been handed to the system.
    ///
    /// # Errors
    ///
    /// As for [`drain`](StreamWriter::drain).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the bytes are sent all the same.
    pub async fn flush(&self) -> io::Result<()> {
        self.outbox().flushed().await
    }

    /// Says that no more will be written: the peer meets the end after what was written. Reading goes
    /// on.
    ///
    /// Under TLS too, unlike in asyncio: the peer is told good-bye (`close_notify`), and may still send.
    /// Not every peer does: asyncio's answer by closing, as TLS 1.2 had it.
    pub fn write_eof(&mut self) {
        self.connection.end(Outbox::half_close);
    }

    /// Whether [`write_eof`](StreamWriter::write_eof) does something for this kind of connection: it
    /// does for every kind that there is.
    pub fn can_write_eof(&self) -> bool {
        true
    }

    /// Begins to close the connection: what was written is sent, then both directions end.
    ///
    /// Under TLS the peer is told good-bye, and the connection is closed when the peer has ended it
    /// too. It has a limit for that, which begins when all is sent; then the connection is lost, with
    /// an error of kind [`TimedOut`](io::ErrorKind::TimedOut). The reader meets the end at once.
    pub fn close(&mut self) {
        self.connection.end(Outbox::close);
    }

    /// Drops what was not sent yet, and ends both directions at once. The peer meets the end of the
    /// stream, and a reset once the reader is dropped too. Under TLS it is told no good-bye, and knows
    /// that this is no proper end.
    pub fn abort(&mut self) {
        self.connection.abort();
    }

    /// Whether the connection is closed, closing or lost.
    pub fn is_closing(&self) -> bool {
        self.outbox().is_closing()
    }

    /// Waits until the connection is closed: after [`close`](StreamWriter::close), or because it was
    /// lost.
    ///
    /// # Errors
    ///
    /// Why the connection was lost.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn wait_closed(&self) -> io::Result<()> {
        self.outbox().until_closed().await
    }

    /// How many bytes wait to be sent.
    pub fn write_buffer_size(&self) -> usize {
        self.outbox().len()
    }

    /// The limits of [`drain`](StreamWriter::drain) in bytes, the high one first.
    pub fn write_buffer_limits(&self) -> (usize, usize) {
        self.outbox().limits()
    }

    /// Sets the limits of [`drain`](StreamWriter::drain) in bytes. Without a low one, that is a
    /// quarter of the high one; without a high one, that is four times the low one; without both they
    /// are 64 KiB and 16 KiB.
    ///
    /// # Errors
    ///
    /// [`InvalidLimits`] if the low one is above the high one; nothing is changed.
    pub fn set_write_buffer_limits(
        &mut self,
        high: impl Into<Option<usize>>,
        low: impl Into<Option<usize>>,
    ) -> Result<(), InvalidLimits> {
        let (high, low) = match (high.into(), low.into()) {
            (None, None) => (64 << 10, 16 << 10),
            (Some(high), None) => (high, high / 4),
            (None, Some(low)) => (low.saturating_mul(4), low),
            (Some(high), Some(low)) => (high, low),
        };
        if low > high {
            return Err(InvalidLimits(()));
        }
        self.outbox().set_limits(high, low);
        Ok(())
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// Those of the system; [`Unsupported`](io::ErrorKind::Unsupported) for a Unix socket, see
    /// `as_unix`.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp()?.peer_addr()
    }

    /// Our own address.
    ///
    /// # Errors
    ///
    /// As for [`peer_addr`](StreamWriter::peer_addr).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp()?.local_addr()
    }

    fn tcp(&self) -> io::Result<&TcpStream> {
        self.as_tcp().ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    /// The TCP stream below, if it is one: for its options.
    pub fn as_tcp(&self) -> Option<&TcpStream> {
        match &self.connection.transport {
            Transport::Tcp(stream) => Some(stream),
            Transport::Unix(_) => None,
        }
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        self.close();
    }
}

impl AsyncWrite for StreamWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.outbox().poll_drained(cx))?;
        if this.outbox().writable() != Writable::Yes {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        this.connection.write(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outbox().poll_flushed(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.write_eof();
        this.outbox().poll_half_closed(cx)
    }
}

impl fmt::Debug for StreamWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamWriter").field("connection", &self.connection).finish()
    }
}
