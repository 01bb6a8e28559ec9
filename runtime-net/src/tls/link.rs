//! A session and the stream below it: records to and from the peer.

use std::io::{self, IoSlice, Read, Write};
use std::ops::DerefMut;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::{ConnectionCommon, SideData};

use crate::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A session of rustls, of either side.
///
/// Sealed: `rustls::ClientConnection` and `rustls::ServerConnection` are the sessions that exist.
pub trait Session:
    DerefMut<Target = ConnectionCommon<Self::Side>> + Unpin + sealed::Sealed
{
    /// Which side it is.
    type Side: SideData;

    /// Whether the peer still waits for a word of this side when it has agreed.
    const SPEAKS_LAST: bool;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for rustls::ClientConnection {}
    impl Sealed for rustls::ServerConnection {}
}

impl Session for rustls::ClientConnection {
    type Side = rustls::client::ClientConnectionData;
    const SPEAKS_LAST: bool = true;
}

impl Session for rustls::ServerConnection {
    type Side = rustls::server::ServerConnectionData;
    const SPEAKS_LAST: bool = false;
}

/// A stream as rustls wants it: one that says `WouldBlock` instead of waiting.
struct NoWait<'a, 'b, S> {
    stream: &'a mut S,
    cx: &'a mut Context<'b>,
}

fn no_wait<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl<S: AsyncRead + Unpin> Read for NoWait<'_, '_, S> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut buf = ReadBuf::new(bytes);
        no_wait(Pin::new(&mut *self.stream).poll_read(self.cx, &mut buf))?;
        Ok(buf.filled().len())
    }
}

impl<S: AsyncWrite + Unpin> Write for NoWait<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        no_wait(Pin::new(&mut *self.stream).poll_write(self.cx, bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        no_wait(Pin::new(&mut *self.stream).poll_write_vectored(self.cx, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        no_wait(Pin::new(&mut *self.stream).poll_flush(self.cx))
    }
}

/// Where to decipher to. The session wants initialized bytes: no more of them than a record has, or
/// each of many reads into a large buffer would write all that is left of it.
pub(crate) fn room<'a>(buf: &'a mut ReadBuf<'_>) -> &'a mut [u8] {
    buf.initialize_unfilled_to(buf.remaining().min(16 << 10))
}

/// Sends one portion of the records that wait.
pub(crate) fn poll_send<S, C>(
    stream: &mut S,
    session: &mut C,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>>
where
    S: AsyncWrite + Unpin,
    C: Session,
{
    match session.write_tls(&mut NoWait { stream, cx }) {
        Ok(0) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        Ok(_) => Poll::Ready(Ok(())),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        Err(error) => Poll::Ready(Err(error)),
    }
}

/// Sends all records that wait.
pub(crate) fn poll_send_all<S, C>(
    stream: &mut S,
    session: &mut C,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>>
where
    S: AsyncWrite + Unpin,
    C: Session,
{
    while session.wants_write() {
        ready!(poll_send(stream, session, cx))?;
    }
    Poll::Ready(Ok(()))
}

/// Receives what has arrived and deciphers it. True: the stream has ended.
///
/// An error of the protocol is told to the peer as far as there is room, if the stream's place for who
/// waits to write is free: who waits there would not be woken any more.
pub(crate) fn poll_receive<S, C>(
    stream: &mut S,
    session: &mut C,
    cx: &mut Context<'_>,
    may_answer: bool,
) -> Poll<io::Result<bool>>
where
    S: AsyncRead + AsyncWrite + Unpin,
    C: Session,
{
    let count = match session.read_tls(&mut NoWait { stream, cx }) {
        Ok(count) => count,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
        Err(error) => return Poll::Ready(Err(error)),
    };
    if let Err(error) = session.process_new_packets() {
        if may_answer {
            // The alert: whether it gets through makes no difference to what is told here.
            let _ = poll_send_all(stream, session, cx);
        }
        return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
    }
    Poll::Ready(Ok(count == 0))
}
