//! `TlsStream`: bytes to and from a peer whom nobody overhears.

use std::fmt;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker, ready};

use runtime_sync::panics::LetGo;
use runtime_sync::wake_batch::WakeBatch;
use rustls::pki_types::CertificateDer;
use rustls::{ProtocolVersion, SupportedCipherSuite};

use super::link::{Session, poll_receive, poll_send, poll_send_all, room};
use crate::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes are enciphered ahead of the stream below.
pub(super) const BUFFER: usize = 64 << 10;

/// A byte stream under TLS, of either side.
///
/// Shutting it down says good-bye to the peer and shuts the stream below down; dropping it without is
/// for the peer as if the connection had been cut. Reading goes on after a shutdown.
///
/// # Cancel safety
///
/// Reads and writes are those of an [`AsyncRead`] and [`AsyncWrite`]: what a dropped read has received
/// stays in the stream. What a write has taken is sent by the following read, write, flush or shutdown
/// at the latest.
pub struct TlsStream<S, C> {
    stream: S,
    session: C,
    said_goodbye: bool,
    ended: bool,
    /// Who has waited for room to write, and does so still unless it has given up. The stream below knows
    /// one who waits to write: a reader must not take the place for itself alone.
    writer: LetGo,
}

impl<S, C> TlsStream<S, C> {
    pub(super) fn new(stream: S, session: C) -> TlsStream<S, C> {
        TlsStream { stream, session, said_goodbye: false, ended: false, writer: LetGo(None) }
    }

    pub(super) fn parts(&mut self) -> (&mut S, &mut C) {
        (&mut self.stream, &mut self.session)
    }

    /// The stream below, and the session.
    pub fn get_ref(&self) -> (&S, &C) {
        (&self.stream, &self.session)
    }

    /// The stream below, and the session. To read or write the stream by hand breaks the session.
    pub fn get_mut(&mut self) -> (&mut S, &mut C) {
        (&mut self.stream, &mut self.session)
    }

    /// The stream below, and the session, with all that is in its buffers.
    pub fn into_inner(self) -> (S, C) {
        (self.stream, self.session)
    }
}

impl<S, C: Session> TlsStream<S, C> {
    /// Who the peer is, its own certificate first; none if it has not shown any.
    pub fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        self.session.peer_certificates()
    }

    /// The protocol that both have agreed on to speak in here (ALPN).
    pub fn alpn_protocol(&self) -> Option<&[u8]> {
        self.session.alpn_protocol()
    }

    /// Which version of TLS it is.
    pub fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.session.protocol_version()
    }

    /// Which cipher it is.
    pub fn cipher_suite(&self) -> Option<SupportedCipherSuite> {
        self.session.negotiated_cipher_suite()
    }
}

impl<S, C> TlsStream<S, C>
where
    S: AsyncRead + AsyncWrite + Unpin,
    C: Session,
{
    fn poll_all_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = poll_send_all(&mut self.stream, &mut self.session, cx);
        self.note_writer(&sent, cx);
        sent
    }

    fn note_writer<T>(&mut self, sent: &Poll<T>, cx: &Context<'_>) {
        self.writer = LetGo(sent.is_pending().then(|| cx.waker().clone()));
    }

    /// Sends what a reader finds: the rest of the handshake, an answer to the peer's wishes, a new key say,
    /// or what a writer has left that has given up. That nothing can be sent any more is no reason not to
    /// read: who writes is told.
    fn try_send_owed(&mut self, cx: &mut Context<'_>) {
        let both = match &self.writer.0 {
            Some(writer) if !writer.will_wake(cx.waker()) => {
                Waker::from(Arc::new(Both(writer.clone(), cx.waker().clone())))
            }
            _ => cx.waker().clone(),
        };
        let cx = &mut Context::from_waker(&both);
        let _ = poll_send_all(&mut self.stream, &mut self.session, cx);
    }
}

impl<S, C> AsyncRead for TlsStream<S, C>
where
    S: AsyncRead + AsyncWrite + Unpin,
    C: Session,
{
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            if this.session.wants_write() {
                this.try_send_owed(cx);
            }
            match this.session.reader().read(room(buf)) {
                Ok(count) => {
                    buf.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !this.ended => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
            let may_answer = this.writer.0.is_none();
            let received = poll_receive(&mut this.stream, &mut this.session, cx, may_answer);
            this.ended = ready!(received)?;
        }
    }
}

impl<S, C> AsyncWrite for TlsStream<S, C>
where
    S: AsyncRead + AsyncWrite + Unpin,
    C: Session,
{
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if this.said_goodbye {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        loop {
            let count = this.session.writer().write(bytes)?;
            if count == 0 {
                // The buffer is full: make room first.
                let room = poll_send(&mut this.stream, &mut this.session, cx);
                this.note_writer(&room, cx);
                ready!(room)?;
                continue;
            }
            // If there is no room now, the bytes go with the next call of whatever kind.
            let _ = poll_send_all(&mut this.stream, &mut this.session, cx)?;
            return Poll::Ready(Ok(count));
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_all_sent(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !std::mem::replace(&mut this.said_goodbye, true) {
            this.session.send_close_notify();
        }
        ready!(this.poll_all_sent(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

impl<S: fmt::Debug, C> fmt::Debug for TlsStream<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// Who writes and who reads, both waiting for room.
struct Both(Waker, Waker);

impl Wake for Both {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // A waker that panics does not keep the other one from being told.
        let mut wakes = WakeBatch::new();
        wakes.push(self.0.clone());
        wakes.push(self.1.clone());
        wakes.wake_all();
    }
}
