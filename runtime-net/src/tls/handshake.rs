//! Both sides agree on keys, and learn who the other one is.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use runtime_core::time::{Duration, Sleep, sleep};

use super::link::{Session, poll_receive, poll_send_all};
use super::stream::TlsStream;
use crate::io::{AsyncRead, AsyncWrite};

/// The future of [`TlsConnector::connect`](super::TlsConnector::connect) and
/// [`TlsAcceptor::accept`](super::TlsAcceptor::accept).
///
/// # Errors
///
/// [`InvalidData`](io::ErrorKind::InvalidData) with the error of rustls if the sides do not agree or
/// do not trust each other, [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the stream ends,
/// [`TimedOut`](io::ErrorKind::TimedOut) if it takes too long, and those of the stream.
///
/// # Cancel safety
///
/// Dropping it drops the stream.
#[must_use = "futures do nothing unless they are awaited"]
#[derive(Debug)]
pub struct Handshake<S, C> {
    stream: Option<TlsStream<S, C>>,
    failed: Option<io::Error>,
    limit: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S, C> Handshake<S, C> {
    pub(super) fn new(
        stream: S,
        session: io::Result<C>,
        limit: Option<Duration>,
    ) -> Handshake<S, C> {
        let (stream, failed) = match session {
            Ok(session) => (Some(TlsStream::new(stream, session)), None),
            Err(error) => (None, Some(error)),
        };
        Handshake { stream, failed, limit, timer: None }
    }
}

/// Shakes hands over `stream`.
pub(crate) fn poll_shake<S, C>(
    stream: &mut S,
    session: &mut C,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>>
where
    S: AsyncRead + AsyncWrite + Unpin,
    C: Session,
{
    loop {
        if !session.is_handshaking() && !C::SPEAKS_LAST {
            // What is left, tickets for later sessions say, goes with the first reads and writes:
            // the peer need not read before it is spoken to. Nor need it be there any more: what it has
            // said is read all the same, and who writes is told.
            let _ = poll_send_all(stream, session, cx);
            return Poll::Ready(Ok(()));
        }
        ready!(poll_send_all(stream, session, cx))?;
        if !session.is_handshaking() {
            return Pin::new(stream).poll_flush(cx);
        }
        if ready!(poll_receive(stream, session, cx, true))? {
            let why = "the stream ended within the handshake";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, why)));
        }
    }
}

/// The error of a handshake that was not done in time.
pub(crate) fn took_too_long() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the TLS handshake took too long")
}

impl<S, C> Future for Handshake<S, C>
where
    S: AsyncRead + AsyncWrite + Unpin,
    C: Session,
{
    type Output = io::Result<TlsStream<S, C>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Some(error) = this.failed.take() {
            return Poll::Ready(Err(error));
        }
        let stream = this.stream.as_mut().expect("a handshake was polled again after it was ready");
        let (below, session) = stream.parts();
        if let Poll::Ready(outcome) = poll_shake(below, session, cx) {
            let stream = this.stream.take().expect("it was there just now");
            return Poll::Ready(outcome.map(|()| stream));
        }
        let Some(limit) = this.limit else { return Poll::Pending };
        ready!(this.timer.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(cx));
        this.stream = None;
        Poll::Ready(Err(took_too_long()))
    }
}
