//! `UdpSocket`: datagrams to and from any address.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use runtime_core::reactor::{Direction, Interest, Numbered as _, Registration};
use socket2::{Domain, Protocol, Type};

use crate::addr::{ToSocketAddrs, no_address, resolve};
use crate::datagrams::{Datagrams, datagrams};
use crate::io::ReadBuf;
use crate::os::{OwnedDescriptor, descriptor, ip};
use crate::socket::Socket;
use crate::stream::readiness;

/// Sends and receives datagrams: each is delivered whole, or not at all, or late. The semantics are
/// those of tokio's type.
///
/// Any number of tasks may send and receive at a time, through a shared reference; the `poll_`
/// methods wake the last one only. An error may be about a datagram that was sent before: when nobody
/// listened at its target, the system says so in the next operation.
///
/// # Examples
///
/// ```
/// use filch::net::UdpSocket;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let server = UdpSocket::bind("127.0.0.1:0").await?;
/// let client = UdpSocket::bind("127.0.0.1:0").await?;
/// client.send_to(b"ping", server.local_addr()?).await?;
///
/// let mut bytes = [0; 1500];
/// let (count, sender) = server.recv_from(&mut bytes).await?;
/// assert_eq!(&bytes[..count], b"ping");
/// assert_eq!(sender, client.local_addr()?);
/// # Ok(())
/// # }
/// ```
pub struct UdpSocket {
    pub(super) datagrams: Datagrams,
}

impl UdpSocket {
    /// A socket at the first of the addresses where that is possible. Port 0 lets the system choose.
    ///
    /// # Errors
    ///
    /// That of the last address, or [`InvalidInput`](io::ErrorKind::InvalidInput) if there is none.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a socket that was made is closed.
    pub async fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<UdpSocket> {
        let mut last_error = None;
        for address in resolve(addr).await? {
            match UdpSocket::bind_one(address) {
                Ok(socket) => return Ok(socket),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or_else(no_address))
    }

    fn bind_one(address: SocketAddr) -> io::Result<UdpSocket> {
        let domain = Domain::for_address(address);
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        socket.bind(&address.into())?;
        UdpSocket::new(socket)
    }

    #[track_caller]
    fn new(socket: Socket) -> io::Result<UdpSocket> {
        Ok(UdpSocket { datagrams: Datagrams::new(socket)? })
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
    ///
    /// # Examples
    ///
    /// ```
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let std = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// std.set_nonblocking(true)?;
    /// let socket = filch::net::UdpSocket::from_std(std)?;
    /// let std = socket.into_std()?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn from_std(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
        UdpSocket::new(Socket::adopt(OwnedDescriptor::from(socket)))
    }

    /// Hands the socket over to std. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn into_std(self) -> io::Result<std::net::UdpSocket> {
        Ok(self.datagrams.into_descriptor()?.into())
    }

    /// Makes the first address where that is possible the peer: `send` sends there, and only its
    /// datagrams come in. It may be called again, with another one.
    ///
    /// # Errors
    ///
    /// That of the last address, or [`InvalidInput`](io::ErrorKind::InvalidInput) if there is none.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing has changed.
    pub async fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        let mut last_error = None;
        for address in resolve(addr).await? {
            match self.datagrams.socket().connect(&address.into()) {
                Ok(_) => return Ok(()),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or_else(no_address))
    }

    /// Sends `buf` to the first address of `target`.
    ///
    /// # Errors
    ///
    /// Those of the system: `buf` is too long, no way leads there, or what became of a datagram sent
    /// before; or [`InvalidInput`](io::ErrorKind::InvalidInput) if there is no address.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing has been sent.
    pub async fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], target: A) -> io::Result<usize> {
        let address = resolve(target).await?.next().ok_or_else(no_address)?.into();
        let (registration, socket) = self.datagrams.parts();
        registration.io(Interest::WRITABLE, || socket.send_to(buf, &address)).await
    }

    /// Sends `buf` to `target`. The last task that asked is woken.
    ///
    /// # Errors
    ///
    /// As [`send_to`](UdpSocket::send_to).
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        target: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        let (registration, socket) = self.datagrams.parts();
        registration.poll_io(cx, Direction::Write, || socket.send_to(buf, &target.into()))
    }

    /// Sends `buf` to `target` without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room, and those of
    /// [`send_to`](UdpSocket::send_to).
    pub fn try_send_to(&self, buf: &[u8], target: SocketAddr) -> io::Result<usize> {
        let (registration, socket) = self.datagrams.parts();
        registration.try_io(Interest::WRITABLE, || socket.send_to(buf, &target.into()))
    }

    datagrams!(
        SocketAddr,
        ip,
        "# use filch::net::UdpSocket;
# #[filch::main]
# async fn main() -> std::io::Result<()> {
# let socket = UdpSocket::bind(\"127.0.0.1:0\").await?;
# let peer = UdpSocket::bind(\"127.0.0.1:0\").await?;
# socket.connect(peer.local_addr()?).await?;
# peer.connect(socket.local_addr()?).await?;"
    );

    readiness!(datagrams
        "# #[filch::main]
# async fn main() -> std::io::Result<()> {
# let socket = filch::net::UdpSocket::bind(\"127.0.0.1:0\").await?;"
    );
}

descriptor!(UdpSocket, this => this.datagrams.socket());

impl TryFrom<std::net::UdpSocket> for UdpSocket {
    type Error = io::Error;

    fn try_from(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
        UdpSocket::from_std(socket)
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("UdpSocket");
        if let Ok(address) = self.local_addr() {
            debug.field("addr", &address);
        }
        if let Ok(peer) = self.peer_addr() {
            debug.field("peer", &peer);
        }
        debug.field("fd", &self.datagrams.socket().number()).finish()
    }
}
