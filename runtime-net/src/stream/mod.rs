//! The byte stream shared by TCP, Unix sockets and pipes: what is below their addresses and options.
//!
//! | file | what |
//! |---|---|
//! | mod.rs | `Stream`: reads and writes, and waits when it must |
//! | readiness.rs | to wait until something is ready: the methods of every socket |
//! | attempts.rs | to read and write without waiting: the methods of every stream |
//! | traits.rs | `AsyncRead` and `AsyncWrite` of every stream |
//! | halves.rs | the halves that borrow a stream |
//! | owned_halves.rs | the halves that own a stream together |

mod attempts;
mod halves;
mod owned_halves;
mod readiness;
mod traits;

pub(crate) use attempts::attempts;
pub(crate) use halves::{halves, pass_on};
pub(crate) use owned_halves::owned_halves;
pub(crate) use readiness::readiness;
pub(crate) use traits::stream_traits;

use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use runtime_core::reactor::{Direction, Interest, Reactor, Registration};
use runtime_sync::primitives::Arc;
use socket2::SockAddr;

use crate::io::{KernelEnd, ReadBuf, fill};
#[cfg(unix)]
use crate::os::PipeEnd;
use crate::os::{Descriptor, OwnedDescriptor, tell_shut_down};
use crate::socket::Socket;

pub(crate) const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// What moves bytes and never waits: a connected socket, the end of a pipe.
pub(crate) trait Wire: Descriptor {
    fn recv(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize>;
    /// As `recv`, where more than a lack of bytes may cut a read short; and whether nothing is left.
    fn recv_told(&self, buf: &mut ReadBuf<'_>) -> io::Result<(usize, bool)> {
        let wanted = buf.remaining();
        Ok(short(self.recv(buf)?, wanted))
    }
    fn recv_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize>;
    fn send(&self, buf: &[u8]) -> io::Result<usize>;
    fn send_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize>;
    fn into_descriptor(self) -> OwnedDescriptor;
}

macro_rules! wire {
    ($wire:ty $(, $recv_told:item)?) => {
        impl Wire for $wire {
            $($recv_told)?

            #[inline]
            fn recv(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
                self.recv(buf)
            }

            fn recv_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.recv_vectored(bufs)
            }

            #[inline]
            fn send(&self, buf: &[u8]) -> io::Result<usize> {
                self.send(buf)
            }

            fn send_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                self.send_vectored(bufs)
            }

            fn into_descriptor(self) -> OwnedDescriptor {
                self.into_descriptor()
            }
        }
    };
}
wire!(
    Socket,
    #[cfg(unix)]
    fn recv_told(&self, buf: &mut ReadBuf<'_>) -> io::Result<(usize, bool)> {
        self.recv_told(buf)
    }
);
#[cfg(unix)]
wire!(
    PipeEnd,
    /// Whoever writes may have made each write a packet, behind which a read stops.
    fn recv_told(&self, buf: &mut ReadBuf<'_>) -> io::Result<(usize, bool)> {
        Ok((self.recv(buf)?, false))
    }
);

/// Bytes to and from a peer, for one reader and one writer at a time; and for any number of tasks
/// through the registration.
///
/// `MIXED` is true where descriptors may come beside the bytes, or these in packets: a read ends behind
/// the bytes that brought one, or with the packet, whatever follows.
#[derive(Debug)]
pub(crate) struct Stream<W: Wire, const MIXED: bool = false> {
    pub(crate) registration: Registration<W>,
}

impl<W: Wire, const MIXED: bool> Stream<W, MIXED> {
    /// Watched by the runtime of this thread.
    #[track_caller]
    pub(crate) fn new(wire: W, interest: Interest) -> io::Result<Stream<W, MIXED>> {
        Ok(Stream { registration: Registration::new(wire, interest)? })
    }

    /// What moves the bytes.
    #[inline]
    pub(crate) fn wire(&self) -> &W {
        self.registration.watched()
    }

    /// Ends the watch. The descriptor stays as it is, non-blocking.
    pub(crate) fn into_descriptor(self) -> io::Result<OwnedDescriptor> {
        Ok(self.registration.deregister()?.into_descriptor())
    }

    /// Where the kernel has the bytes.
    pub(crate) fn kernel_end(&self) -> KernelEnd<'_> {
        KernelEnd::new(&self.registration, self.wire().lend())
    }

    /// `AsyncRead::poll_read` without the exclusive borrow, for the halves.
    #[inline]
    pub(crate) fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wanted = buf.remaining();
        if wanted == 0 {
            return Poll::Ready(Ok(()));
        }
        let recv = || match MIXED {
            false => Ok(short(self.wire().recv(buf)?, wanted)),
            true => self.wire().recv_told(buf),
        };
        ready!(self.registration.poll_told(cx, Direction::Read, recv))?;
        Poll::Ready(Ok(()))
    }

    /// `AsyncWrite::poll_write` without the exclusive borrow, for the halves.
    #[inline]
    pub(crate) fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let send = || self.wire().send(buf);
        self.registration.poll_stream(cx, Direction::Write, buf.len(), send)
    }

    /// `AsyncWrite::poll_write_vectored` without the exclusive borrow, for the halves.
    #[inline]
    pub(crate) fn poll_send_vectored(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        // A short write is no news here: the system may have taken fewer slices than it was given.
        self.registration.poll_io(cx, Direction::Write, || self.wire().send_vectored(bufs))
    }

    pub(crate) fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.registration.try_call(Interest::READABLE, || self.wire().recv(&mut ReadBuf::new(buf)))
    }

    pub(crate) fn try_recv_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.registration.try_call(Interest::READABLE, || self.wire().recv_vectored(bufs))
    }

    pub(crate) fn try_recv_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        let recv = |room: &mut ReadBuf<'_>| self.wire().recv(room).map(drop);
        self.registration.try_call(Interest::READABLE, || fill_at_once(buf, recv))
    }

    pub(crate) fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        self.registration.try_call(Interest::WRITABLE, || self.wire().send(buf))
    }

    pub(crate) fn try_send_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.registration.try_call(Interest::WRITABLE, || self.wire().send_vectored(bufs))
    }
}

impl<const MIXED: bool> Stream<Socket, MIXED> {
    /// Connects `socket` to `address`.
    pub(crate) async fn connect(socket: Socket, address: SockAddr) -> io::Result<Self> {
        // Before it is watched: a socket that is not even connecting reports that it is closed.
        let connected = socket.connect(&address)?;
        let stream = Stream::new(socket, BOTH)?;
        if connected {
            stream.registration.assume_ready(Direction::Write);
        } else {
            stream.connected(&address).await?;
        }
        Ok(stream)
    }

    /// Waits for the outcome of a connect under way.
    async fn connected(&self, address: &SockAddr) -> io::Result<()> {
        loop {
            let event = self.registration.readiness(Interest::WRITABLE).await?;
            if self.wire().is_connected(address)? {
                return Ok(());
            }
            // Told that it is writable although it is not: wait on.
            self.registration.clear(event);
        }
    }

    /// A stream that has just been accepted.
    ///
    /// The first read is tried at once: who connects mostly speaks first, and the words are often
    /// there when the task that serves them begins. That saves a look at the poller.
    pub(crate) fn accepted(reactor: &Arc<Reactor>, socket: Socket) -> io::Result<Self> {
        let registration = Registration::new_with(reactor, socket, BOTH)?;
        registration.assume_ready(Direction::Read);
        registration.assume_ready(Direction::Write);
        Ok(Stream { registration })
    }

    /// Ends both directions, also for a read that waits.
    pub(crate) fn shut_down(&self) -> io::Result<()> {
        let outcome = self.wire().shutdown(Shutdown::Both);
        tell_shut_down(&self.registration);
        outcome
    }

    /// Tells the peer that nothing more will come.
    pub(crate) fn shut_down_write(&self) -> io::Result<()> {
        match self.wire().shutdown(Shutdown::Write) {
            // The peer has gone already.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            outcome => outcome,
        }
    }
}

/// A read that brings less than was wanted, but not nothing, tells that nothing is left.
#[inline]
fn short(count: usize, wanted: usize) -> (usize, bool) {
    (count, 0 < count && count < wanted)
}

/// Fills `buf` by an operation that never waits, and says how many bytes there are more.
pub(crate) fn fill_at_once<B: BufMut>(
    buf: &mut B,
    mut operation: impl FnMut(&mut ReadBuf<'_>) -> io::Result<()>,
) -> io::Result<usize> {
    match fill(buf, |room| Poll::Ready(operation(room))) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}
