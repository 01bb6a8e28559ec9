//! `TcpSocket`: a socket that is not yet a stream or a listener.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Type};

use super::{TcpListener, TcpStream};
use crate::os::{OwnedDescriptor, descriptor, into_descriptor, ip};
use crate::socket::Socket;
use crate::stream::Stream;

/// A socket whose options are set, or which is bound, before it connects or listens. The semantics
/// are those of tokio's type.
///
/// What takes a number of addresses by itself is [`TcpStream::connect`] and [`TcpListener::bind`],
/// which also sets `SO_REUSEADDR`; here the caller does.
///
/// # Examples
///
/// ```
/// use filch::net::TcpSocket;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let socket = TcpSocket::new_v4()?;
/// socket.set_reuseaddr(true)?;
/// socket.bind("127.0.0.1:0".parse().unwrap())?;
/// let listener = socket.listen(1024)?;
///
/// let socket = TcpSocket::new_v4()?;
/// socket.set_nodelay(true)?;
/// let stream = socket.connect(listener.local_addr()?).await?;
/// assert!(stream.nodelay()?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TcpSocket {
    pub(crate) socket: Socket,
}

impl TcpSocket {
    /// A socket for IPv4.
    ///
    /// # Errors
    ///
    /// Those of the system: no descriptor is left.
    pub fn new_v4() -> io::Result<TcpSocket> {
        TcpSocket::new(Domain::IPV4)
    }

    /// A socket for IPv6.
    ///
    /// # Errors
    ///
    /// Those of the system: no descriptor is left, or the system knows no IPv6.
    pub fn new_v6() -> io::Result<TcpSocket> {
        TcpSocket::new(Domain::IPV6)
    }

    fn new(domain: Domain) -> io::Result<TcpSocket> {
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        Ok(TcpSocket { socket })
    }

    /// Takes over a socket, which must be non-blocking already and is usually neither connected nor
    /// listening, however std calls it.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::net::TcpSocket;
    /// use socket2::{Domain, Socket, Type};
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = filch::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    /// socket.set_nonblocking(true)?;
    /// let stream = TcpSocket::from_std_stream(socket.into()).connect(address).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_std_stream(std_stream: std::net::TcpStream) -> TcpSocket {
        TcpSocket { socket: Socket::from(OwnedDescriptor::from(std_stream)) }
    }

    /// Our address.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        ip(self.socket.local_addr()?)
    }

    /// Fetches the error that waits on the socket, which removes it there.
    ///
    /// # Errors
    ///
    /// Those of the system in fetching it.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// Gives the socket its own address. Port 0 lets the system choose.
    ///
    /// # Errors
    ///
    /// Those of the system: the port is in use, the address is not ours.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::net::{TcpListener, TcpSocket};
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let error = TcpSocket::new_v4()?.bind(listener.local_addr()?).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    /// # Ok(())
    /// # }
    /// ```
    pub fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.socket.bind(&addr.into())
    }

    /// Connects to `addr`.
    ///
    /// # Errors
    ///
    /// Those of the system: refused, unreachable, no answer.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a connection under way is broken off.
    pub async fn connect(self, addr: SocketAddr) -> io::Result<TcpStream> {
        Ok(TcpStream { stream: Stream::connect(self.socket, addr.into()).await? })
    }

    /// Listens, and lets at most `backlog` connections wait.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        self.socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        TcpListener::new(self.socket)
    }
}

descriptor!(TcpSocket, this => this.socket);

into_descriptor!(TcpSocket);
