//! The layer between a connection and its socket: one session for who reads and who sends.
//!
//! Both take turns at the session. Of the socket's two places to wait, who reads takes the one for
//! reading and who sends the one for writing; each does its own part of a turn only:
//!
//! - Who reads may find that the session has something to say. It tries once; what has no room goes
//!   with the next bytes that are sent. No peer waits for it: it is an alert, or tells of new keys.
//! - Who sends never has to read first: TLS has nothing like that after its handshake.
//!
//! In the handshake there is neither: one task does both. When the connection closes, who sends does
//! both as well, and who reads is told that no more will come.

use std::fmt;
use std::io::{self, Read, Write};
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use runtime_core::runtime::Handle;
use runtime_core::time::Duration;
use runtime_sync::lock::OnceCell;
use runtime_sync::waker_slot::WakerSlot;
use rustls::Connection;

use super::info::TlsInfo;
use super::wire::Wire;
use crate::io::ReadBuf;
use crate::io::turns::{Turns, Whose};
use crate::streams::transport::Transport;
use crate::tls::handshake::poll_shake;
use crate::tls::link::{poll_receive, poll_send, poll_send_all, room};

/// A connection's place for a layer.
#[derive(Debug, Default)]
pub(in crate::streams) struct Secure(OnceCell<Box<Layer>>);

impl Secure {
    #[inline]
    pub(in crate::streams) fn layer(&self) -> Option<&Layer> {
        self.0.get().map(|layer| &**layer)
    }

    /// False: there is one already.
    pub(super) fn put(&self, layer: Layer) -> bool {
        self.0.set(Box::new(layer)).is_ok()
    }
}

/// A session of TLS that enciphers what a connection sends.
pub(in crate::streams) struct Layer {
    session: Turns<Session>,
    /// Who waits for bytes, and is told when there will be none.
    reading: WakerSlot,
    shutdown_limit: Option<Duration>,
    /// Where the connection is closed if that is asked for from outside of a runtime.
    runtime: Handle,
    info: OnceCell<TlsInfo>,
}

struct Session {
    connection: Connection,
    phase: Phase,
}

#[derive(PartialEq, Eq)]
enum Phase {
    /// Nothing is read or sent but by the handshake; for ever, if it has failed.
    Shaking,
    Open,
    /// Nothing is read any more: what comes is thrown away.
    Closing,
}

/// The session of either side, to functions that take a `Session`.
macro_rules! either {
    ($connection:expr, $session:ident => $call:expr) => {
        match $connection {
            Connection::Client($session) => $call,
            Connection::Server($session) => $call,
        }
    };
}

impl Session {
    /// True: there is no more to come.
    fn poll_receive(
        &mut self,
        wire: &mut Wire<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<bool>> {
        either!(&mut self.connection, session => poll_receive(wire, session, cx, true))
    }

    /// Sends a portion, to make room.
    fn poll_send(&mut self, wire: &mut Wire<'_>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(&mut self.connection, session => poll_send(wire, session, cx))
    }

    fn poll_send_all(&mut self, wire: &mut Wire<'_>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(&mut self.connection, session => poll_send_all(wire, session, cx))
    }

    fn say_goodbye(&mut self, for_ever: bool) {
        if for_ever {
            self.phase = Phase::Closing;
        }
        self.connection.send_close_notify();
    }

    /// Deciphers what there is into `room`. No bytes: the peer has said good-bye.
    fn poll_read(
        &mut self,
        wire: &mut Wire<'_>,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.connection.reader().read(room) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return Poll::Ready(outcome),
            }
            let received = self.poll_receive(wire, cx)?;
            if self.connection.wants_write() {
                // That nothing can be sent any more is no reason not to read.
                let _ = self.poll_send_all(wire, cx);
            }
            ready!(received);
        }
    }
}

impl Layer {
    pub(super) fn new(connection: Connection, shutdown_limit: Option<Duration>) -> Layer {
        Layer {
            session: Turns::new(Session { connection, phase: Phase::Shaking }),
            reading: WakerSlot::new(),
            shutdown_limit,
            runtime: Handle::current(),
            info: OnceCell::new(),
        }
    }

    /// Shakes hands; `early` is what the socket has brought before.
    pub(super) fn poll_shake(
        &self,
        cx: &mut Context<'_>,
        below: &Transport,
        early: &mut BytesMut,
    ) -> Poll<io::Result<()>> {
        self.session.poll(Whose::Writer, cx, |session, cx| {
            let wire = &mut Wire { below, early: Some(early), may_wait: true };
            ready!(either!(&mut session.connection, session => poll_shake(wire, session, cx)))?;
            session.phase = Phase::Open;
            let _ = self.info.set(TlsInfo::of(&session.connection));
            Poll::Ready(Ok(()))
        })
    }

    pub(super) fn info(&self) -> Option<&TlsInfo> {
        self.info.get()
    }

    pub(in crate::streams) fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        below: &Transport,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.session.poll(Whose::Reader, cx, |session, cx| {
            match session.phase {
                Phase::Open => {}
                Phase::Closing => return Poll::Ready(Ok(())),
                Phase::Shaking => return Poll::Ready(Err(broken_off())),
            }
            let room = room(buf);
            let Poll::Ready(outcome) = session.poll_read(&mut Wire::hasty(below), cx, room) else {
                // Whoever changes the phase does so in a turn after this one.
                self.reading.register(cx.waker());
                return Poll::Pending;
            };
            buf.advance(outcome?);
            Poll::Ready(Ok(()))
        })
    }

    /// Sends as much as there is room for. Says how many bytes were taken, and whether some of them
    /// were not sent.
    pub(in crate::streams) fn try_send(
        &self,
        below: &Transport,
        bytes: &[u8],
    ) -> io::Result<(usize, bool)> {
        let turn = self.session.try_turn(Whose::Writer).ok_or(io::ErrorKind::WouldBlock)?;
        turn.take(|session| {
            let cx = &mut Context::from_waker(Waker::noop());
            let mut count = 0;
            loop {
                let taken = session.connection.writer().write(&bytes[count..])?;
                count += taken;
                let owed = session.poll_send_all(&mut Wire::hasty(below), cx)?.is_pending();
                if owed || taken == 0 || count == bytes.len() {
                    return Ok((count, owed));
                }
            }
        })
    }

    pub(in crate::streams) fn poll_send(
        &self,
        cx: &mut Context<'_>,
        below: &Transport,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.session.poll(Whose::Writer, cx, |session, cx| {
            let wire = &mut Wire::patient(below);
            loop {
                let count = session.connection.writer().write(bytes)?;
                if count > 0 {
                    // What has no room yet is for the next call.
                    let _ = session.poll_send_all(wire, cx)?;
                    return Poll::Ready(Ok(count));
                }
                ready!(session.poll_send(wire, cx))?;
            }
        })
    }

    /// Sends all that was taken.
    pub(in crate::streams) fn poll_flush(
        &self,
        cx: &mut Context<'_>,
        below: &Transport,
    ) -> Poll<io::Result<()>> {
        self.session.poll(Whose::Writer, cx, |session, cx| {
            session.poll_send_all(&mut Wire::patient(below), cx)
        })
    }

    /// Tells the peer that no more will be sent; `for_ever`: nor read.
    pub(in crate::streams) fn poll_goodbye(
        &self,
        cx: &mut Context<'_>,
        below: &Transport,
        for_ever: bool,
    ) -> Poll<io::Result<()>> {
        let said = self.session.poll(Whose::Writer, cx, |session, cx| {
            session.say_goodbye(for_ever);
            session.poll_send_all(&mut Wire::patient(below), cx)
        });
        self.tell_reader(for_ever);
        said
    }

    /// The same, as far as it can be done at once.
    pub(in crate::streams) fn try_goodbye(&self, below: &Transport, for_ever: bool) {
        let Some(turn) = self.session.try_turn(Whose::Writer) else { return };
        turn.take(|session| {
            session.say_goodbye(for_ever);
            let cx = &mut Context::from_waker(Waker::noop());
            // Whoever does it in earnest finds what has no room, and the errors.
            let _ = session.poll_send_all(&mut Wire::hasty(below), cx);
        });
        self.tell_reader(for_ever);
    }

    fn tell_reader(&self, for_ever: bool) {
        if for_ever {
            self.reading.wake();
        }
    }

    /// Throws away what comes, until the peer says good-bye or is gone.
    pub(in crate::streams) fn poll_gone(
        &self,
        cx: &mut Context<'_>,
        below: &Transport,
    ) -> Poll<()> {
        self.session.poll(Whose::Writer, cx, |session, cx| {
            let mut thrown_away = [0; 4096];
            let wire = &mut Wire::hasty(below);
            while let Ok(1..) = ready!(session.poll_read(wire, cx, &mut thrown_away)) {}
            Poll::Ready(())
        })
    }

    /// Whether something is left to be sent.
    pub(super) fn owes(&self) -> bool {
        let turn = self.session.try_turn(Whose::Writer);
        turn.is_none_or(|turn| turn.take(|session| session.connection.wants_write()))
    }

    pub(in crate::streams) fn shutdown_limit(&self) -> Option<Duration> {
        self.shutdown_limit
    }

    pub(in crate::streams) fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

pub(super) fn broken_off() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the TLS handshake was broken off")
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer").field("info", &self.info).finish_non_exhaustive()
    }
}
