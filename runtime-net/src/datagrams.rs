//! Datagrams, shared by UDP and Unix sockets: the methods that differ in nothing but the address.

use std::io;

use bytes::BufMut;
use runtime_core::reactor::{Direction, Interest, Registration};
use socket2::SockAddr;

use crate::io::ReadBuf;
use crate::os::OwnedDescriptor;
use crate::socket::Socket;
use crate::stream::{BOTH, fill_at_once};
use crate::udp::Incoming;

/// A socket of datagrams that is watched.
#[derive(Debug)]
pub(crate) struct Datagrams {
    pub(crate) registration: Registration<Socket>,
}

impl Datagrams {
    /// Watched by the runtime of this thread.
    #[track_caller]
    pub(crate) fn new(socket: Socket) -> io::Result<Datagrams> {
        let registration = Registration::new(socket, BOTH)?;
        // As a fresh socket is; one that is not costs a system call.
        registration.assume_ready(Direction::Write);
        Ok(Datagrams { registration })
    }

    /// Ends the watch. The descriptor stays as it is, non-blocking.
    pub(crate) fn into_descriptor(self) -> io::Result<OwnedDescriptor> {
        Ok(self.registration.deregister()?.into_descriptor())
    }

    /// Who watches, and what is watched.
    #[inline]
    pub(crate) fn parts(&self) -> (&Registration<Socket>, &Socket) {
        (&self.registration, self.socket())
    }

    /// What moves them.
    #[inline]
    pub(crate) fn socket(&self) -> &Socket {
        self.registration.watched()
    }

    /// Receives a datagram; or nothing, time and again, when receiving has been shut down, of which
    /// the system says no more than that there is no datagram.
    pub(crate) fn recv(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        match self.socket().recv(buf) {
            Err(error) if self.is_deaf(&error) => Ok(0),
            outcome => outcome,
        }
    }

    /// As `recv`. What is received after the end is nobody's.
    pub(crate) fn recv_from(&self, buf: &mut ReadBuf<'_>) -> io::Result<(usize, SockAddr)> {
        match self.socket().recv_from(buf) {
            Err(error) if self.is_deaf(&error) => match self.socket().local_addr()?.is_unix() {
                true => Ok((0, SockAddr::unix("")?)),
                false => Err(shut_down()),
            },
            outcome => outcome,
        }
    }

    /// Receives as many as there are.
    pub(crate) fn recv_many(&self, datagrams: &mut [Incoming<'_>]) -> io::Result<usize> {
        match self.socket().recv_many(datagrams) {
            Err(error) if self.is_deaf(&error) => Err(shut_down()),
            outcome => outcome,
        }
    }

    /// As `recv`, and leaves it to be received again.
    pub(crate) fn peek(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        match self.socket().peek(buf) {
            Err(error) if self.is_deaf(&error) => Ok(0),
            outcome => outcome,
        }
    }

    /// As `recv_from`, and leaves it to be received again.
    pub(crate) fn peek_from(&self, buf: &mut ReadBuf<'_>) -> io::Result<(usize, SockAddr)> {
        match self.socket().peek_from(buf) {
            Err(error) if self.is_deaf(&error) => Err(shut_down()),
            outcome => outcome,
        }
    }

    #[cold]
    fn is_deaf(&self, error: &io::Error) -> bool {
        let ready = self.registration.ready_now(Interest::READABLE);
        error.kind() == io::ErrorKind::WouldBlock
            && ready.is_ok_and(|event| event.ready().is_read_closed())
    }

    pub(crate) fn recv_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        if !buf.has_remaining_mut() {
            return self.recv(&mut ReadBuf::new(&mut []));
        }
        fill_at_once(buf, |room| self.recv(room).map(drop))
    }

    pub(crate) fn recv_buf_from<B: BufMut>(&self, buf: &mut B) -> io::Result<(usize, SockAddr)> {
        if !buf.has_remaining_mut() {
            return self.recv_from(&mut ReadBuf::new(&mut []));
        }
        let mut sender = None;
        let count = fill_at_once(buf, |room| {
            sender = Some(self.recv_from(room)?.1);
            Ok(())
        })?;
        Ok((count, sender.expect("there was room")))
    }
}

fn shut_down() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "shut down")
}

/// Methods of a type that has `datagrams`. `$convert` makes a `$address` of what the kernel tells. The
/// literal is what the examples need and do not show: a `socket` and its `peer`, connected, in an
/// `async fn main`.
macro_rules! datagrams {
    ($address:ty, $convert:path, $setup:literal) => {
        /// Sends `buf` to the peer.
        ///
        /// # Errors
        ///
        /// Those of the system: not connected, too long, or what became of a datagram sent before.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: nothing has been sent.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// socket.send(b"hi").await?;
        /// let mut bytes = [0; 16];
        /// assert_eq!(peer.recv(&mut bytes).await?, 2);
        /// # Ok(())
        /// # }
        /// ```
        pub async fn send(&self, buf: &[u8]) -> io::Result<usize> {
            let (registration, socket) = self.datagrams.parts();
            registration.io(Interest::WRITABLE, || socket.send(buf)).await
        }

        /// Sends `buf` to the peer. The last task that asked is woken.
        ///
        /// # Errors
        ///
        /// As `send`.
        pub fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            let (registration, socket) = self.datagrams.parts();
            registration.poll_io(cx, Direction::Write, || socket.send(buf))
        }

        /// Sends `buf` to the peer without waiting.
        ///
        /// # Errors
        ///
        /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room, and those of `send`.
        pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
            let (registration, socket) = self.datagrams.parts();
            registration.try_io(Interest::WRITABLE, || socket.send(buf))
        }

        /// Receives a datagram of the peer, or of anybody if the socket is not connected, and says
        /// how long it is. If it is longer than `buf`, the rest is lost.
        ///
        /// # Errors
        ///
        /// Those of the system, also what became of a datagram sent before.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: nothing has been received.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// peer.send(b"a long one").await?;
        /// let mut bytes = [0; 6];
        /// assert_eq!(socket.recv(&mut bytes).await?, 6);
        /// assert_eq!(&bytes, b"a long");
        /// # Ok(())
        /// # }
        /// ```
        pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
            let datagrams = &self.datagrams;
            let registration = &datagrams.registration;
            registration.io(Interest::READABLE, || datagrams.recv(&mut ReadBuf::new(buf))).await
        }

        /// Receives a datagram into `buf`, as `recv`. The last task that asked is woken.
        ///
        /// # Errors
        ///
        /// As `recv`.
        pub fn poll_recv(
            &self,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let datagrams = &self.datagrams;
            let registration = &datagrams.registration;
            registration.poll_io(cx, Direction::Read, || datagrams.recv(buf)).map_ok(drop)
        }

        /// Receives a datagram without waiting, as `recv`.
        ///
        /// # Errors
        ///
        /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none, and those of `recv`.
        pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
            let datagrams = &self.datagrams;
            let registration = &datagrams.registration;
            registration.try_io(Interest::READABLE, || datagrams.recv(&mut ReadBuf::new(buf)))
        }

        /// Appends a datagram to `buf`, as `recv`. What does not fit in the room that `buf` has
        /// without growing is lost, so reserve enough before.
        ///
        /// # Errors
        ///
        /// As `recv`.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: nothing has been received.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// peer.send(b"hi").await?;
        /// let mut bytes = Vec::with_capacity(1500);
        /// socket.recv_buf(&mut bytes).await?;
        /// assert_eq!(bytes, b"hi");
        /// # Ok(())
        /// # }
        /// ```
        pub async fn recv_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
            let datagrams = &self.datagrams;
            datagrams.registration.io(Interest::READABLE, || datagrams.recv_buf(buf)).await
        }

        /// Appends a datagram to `buf` without waiting, as `recv_buf`.
        ///
        /// # Errors
        ///
        /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none, and those of `recv`.
        pub fn try_recv_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
            let datagrams = &self.datagrams;
            datagrams.registration.try_io(Interest::READABLE, || datagrams.recv_buf(buf))
        }

        /// Receives a datagram and says how long it is and who sent it. If it is longer than
        /// `buf`, the rest is lost.
        ///
        /// # Errors
        ///
        /// As `recv`.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: nothing has been received.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// peer.send(b"hi").await?;
        /// let mut bytes = [0; 1500];
        /// let (count, sender) = socket.recv_from(&mut bytes).await?;
        /// assert_eq!(&bytes[..count], b"hi");
        /// println!("from {sender:?}");
        /// # Ok(())
        /// # }
        /// ```
        pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, $address)> {
            let datagrams = &self.datagrams;
            let registration = &datagrams.registration;
            let recv = || datagrams.recv_from(&mut ReadBuf::new(buf));
            let (count, sender) = registration.io(Interest::READABLE, recv).await?;
            Ok((count, $convert(sender)?))
        }

        /// Receives a datagram into `buf` and says who sent it, as `recv_from`. The last task that
        /// asked is woken.
        ///
        /// # Errors
        ///
        /// As `recv`.
        pub fn poll_recv_from(
            &self,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<$address>> {
            let datagrams = &self.datagrams;
            let registration = &datagrams.registration;
            let recv = || datagrams.recv_from(buf);
            let (_, sender) = ready!(registration.poll_io(cx, Direction::Read, recv))?;
            Poll::Ready($convert(sender))
        }

        /// Receives a datagram without waiting, as `recv_from`.
        ///
        /// # Errors
        ///
        /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none, and those of `recv`.
        pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, $address)> {
            let datagrams = &self.datagrams;
            let registration = &datagrams.registration;
            let recv = || datagrams.recv_from(&mut ReadBuf::new(buf));
            let (count, sender) = registration.try_io(Interest::READABLE, recv)?;
            Ok((count, $convert(sender)?))
        }

        /// Appends a datagram to `buf`, as `recv_buf`, and says how long it is and who sent it.
        ///
        /// # Errors
        ///
        /// As `recv`.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: nothing has been received.
        pub async fn recv_buf_from<B: BufMut>(&self, buf: &mut B) -> io::Result<(usize, $address)> {
            let datagrams = &self.datagrams;
            let recv = || datagrams.recv_buf_from(buf);
            let (count, sender) = datagrams.registration.io(Interest::READABLE, recv).await?;
            Ok((count, $convert(sender)?))
        }

        /// Appends a datagram to `buf` without waiting, as `recv_buf_from`.
        ///
        /// # Errors
        ///
        /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none, and those of `recv`.
        pub fn try_recv_buf_from<B: BufMut>(&self, buf: &mut B) -> io::Result<(usize, $address)> {
            let datagrams = &self.datagrams;
            let recv = || datagrams.recv_buf_from(buf);
            let (count, sender) = datagrams.registration.try_io(Interest::READABLE, recv)?;
            Ok((count, $convert(sender)?))
        }

        /// Our address.
        ///
        /// # Errors
        ///
        /// Those of the system.
        pub fn local_addr(&self) -> io::Result<$address> {
            $convert(self.datagrams.socket().local_addr()?)
        }

        /// The peer's address.
        ///
        /// # Errors
        ///
        /// The socket is not connected.
        pub fn peer_addr(&self) -> io::Result<$address> {
            $convert(self.datagrams.socket().peer_addr()?)
        }

        /// Fetches the error that waits on the socket, which removes it there.
        ///
        /// # Errors
        ///
        /// Those of the system in fetching it.
        pub fn take_error(&self) -> io::Result<Option<io::Error>> {
            self.datagrams.socket().take_error()
        }

        /// What watches the descriptor, for the readiness methods.
        fn registration(&self) -> &Registration<Socket> {
            &self.datagrams.registration
        }
    };
}
pub(crate) use datagrams;
