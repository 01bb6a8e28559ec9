//! `UnixDatagram`: datagrams to and from programs on the same machine.

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net;
use std::path::Path;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BufMut;
use runtime_core::reactor::{Direction, Interest, Registration};
use runtime_core::runtime::context;
use runtime_core::time::timeout;
use socket2::{Domain, Type};

use super::SocketAddr;
use super::addr::{for_kernel, told};
use crate::datagrams::{Datagrams, datagrams};
use crate::io::ReadBuf;
use crate::os::descriptor;
use crate::socket::Socket;
use crate::stream::readiness;

/// How long a sender waits for a queue of which it will hear nothing.
const PAUSE: Duration = Duration::from_millis(1);

/// Sends and receives datagrams on this machine: none is lost, and none overtakes another. The
/// semantics are those of tokio's type.
///
/// Any number of tasks may send and receive at a time; the `poll_` methods wake the last one only.
/// Dropping the socket leaves its path where it is.
///
/// # Examples
///
/// ```
/// use filch::net::UnixDatagram;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let (one, other) = UnixDatagram::pair()?;
/// one.send(b"hello").await?;
/// let mut bytes = [0; 32];
/// let count = other.recv(&mut bytes).await?;
/// assert_eq!(&bytes[..count], b"hello");
/// # Ok(())
/// # }
/// ```
pub struct UnixDatagram {
    datagrams: Datagrams,
}

impl UnixDatagram {
    /// A socket at `path`. On Linux, a path that begins with a zero byte is an abstract name.
    ///
    /// # Errors
    ///
    /// Those of the system: the path exists already, or is too long.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixDatagram> {
        let socket = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
        socket.bind(&for_kernel(path)?)?;
        UnixDatagram::new(socket)
    }

    /// Two sockets that are connected to one another.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (one, other) = Socket::pair(Type::DGRAM)?;
        Ok((UnixDatagram::new(one)?, UnixDatagram::new(other)?))
    }

    /// A socket without an address, to which nobody can answer.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn unbound() -> io::Result<UnixDatagram> {
        UnixDatagram::new(Socket::new(Domain::UNIX, Type::DGRAM, None)?)
    }

    #[track_caller]
    pub(super) fn new(socket: Socket) -> io::Result<UnixDatagram> {
        Ok(UnixDatagram { datagrams: Datagrams::new(socket)? })
    }

    /// Takes over a socket of std, which must be non-blocking already.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread; or, in a debug build, it is blocking.
    #[track_caller]
    pub fn from_std(socket: net::UnixDatagram) -> io::Result<UnixDatagram> {
        UnixDatagram::new(Socket::adopt(OwnedFd::from(socket)))
    }

    /// Hands the socket over to std. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn into_std(self) -> io::Result<net::UnixDatagram> {
        Ok(self.datagrams.into_descriptor()?.into())
    }

    /// Makes the socket at `path` the peer: `send` sends there, and only its datagrams come in.
    ///
    /// # Errors
    ///
    /// Those of the system: there is no such socket, or it has another peer.
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.datagrams.socket().connect(&for_kernel(path)?).map(drop)
    }

    /// Sends `buf` to the socket at `target`.
    ///
    /// # Errors
    ///
    /// Those of the system: there is no such socket, or `buf` is too long.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing has been sent.
    pub async fn send_to<P: AsRef<Path>>(&self, buf: &[u8], target: P) -> io::Result<usize> {
        let address = for_kernel(&target)?;
        drop(target);
        let (registration, socket) = self.datagrams.parts();
        let mut event = registration.readiness(Interest::WRITABLE).await?;
        loop {
            match socket.send_to(buf, &address) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
            registration.clear(event);
            let room = registration.readiness(Interest::WRITABLE);
            // If it is the queue at `target` that is full, nobody tells us when it is not.
            event = match context::timer_home().is_some() {
                true => timeout(PAUSE, room).await.unwrap_or(Ok(event))?,
                false => room.await?,
            };
        }
    }

    /// Sends `buf` to the socket at `target`. The last task that asked is woken: when our own
    /// buffer has room again, but perhaps not when the queue at `target` has, of which the system
    /// tells connected sockets only.
    ///
    /// # Errors
    ///
    /// As [`send_to`](UnixDatagram::send_to).
    pub fn poll_send_to<P: AsRef<Path>>(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        target: P,
    ) -> Poll<io::Result<usize>> {
        let address = for_kernel(target)?;
        let (registration, socket) = self.datagrams.parts();
        registration.poll_io(cx, Direction::Write, || socket.send_to(buf, &address))
    }

    /// Sends `buf` to the socket at `target` without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room, and those of
    /// [`send_to`](UnixDatagram::send_to).
    pub fn try_send_to<P: AsRef<Path>>(&self, buf: &[u8], target: P) -> io::Result<usize> {
        let address = for_kernel(target)?;
        let (registration, socket) = self.datagrams.parts();
        registration.try_io(Interest::WRITABLE, || socket.send_to(buf, &address))
    }

    /// Ends receiving, sending, or both. Who receives then gets nothing, time and again.
    ///
    /// # Errors
    ///
    /// Those of the system: the socket is not connected.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::net::Shutdown;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, _other) = filch::net::UnixDatagram::pair()?;
    /// one.shutdown(Shutdown::Both)?;
    /// assert_eq!(one.recv(&mut [0; 8]).await?, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.datagrams.socket().shutdown(how)
    }

    datagrams!(
        SocketAddr,
        told,
        "# use filch::net::UnixDatagram;
# #[filch::main]
# async fn main() -> std::io::Result<()> {
# let (socket, peer) = UnixDatagram::pair()?;"
    );

    readiness!(datagrams
        "# use filch::net::UnixDatagram;
# #[filch::main]
# async fn main() -> std::io::Result<()> {
# let (socket, _peer) = UnixDatagram::pair()?;"
    );
}

descriptor!(UnixDatagram, this => this.datagrams.socket());

impl TryFrom<net::UnixDatagram> for UnixDatagram {
    type Error = io::Error;

    fn try_from(socket: net::UnixDatagram) -> io::Result<UnixDatagram> {
        UnixDatagram::from_std(socket)
    }
}

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("UnixDatagram");
        if let Ok(address) = self.local_addr() {
            debug.field("addr", &address);
        }
        if let Ok(peer) = self.peer_addr() {
            debug.field("peer", &peer);
        }
        debug.field("fd", &self.datagrams.socket().as_raw_fd()).finish()
    }
}
