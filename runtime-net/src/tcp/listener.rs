//! `TcpListener`: takes connections.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use runtime_core::reactor::{Direction, Interest, Numbered as _, Registration};

use super::TcpStream;
use crate::addr::{ToSocketAddrs, no_address, resolve};
use crate::os::{OwnedDescriptor, descriptor, ip};
use crate::rest::Rest;
use crate::socket::Socket;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Waits for connections and takes them.
///
/// # Examples
///
/// ```no_run
/// use filch::io::{AsyncReadExt, AsyncWriteExt};
/// use filch::net::TcpListener;
///
/// #[filch::main]
/// async fn main() -> std::io::Result<()> {
///     let listener = TcpListener::bind("127.0.0.1:7").await?;
///     loop {
///         let (mut stream, _peer) = listener.accept().await?;
///         filch::spawn(async move {
///             let mut bytes = [0; 1024];
///             while let Ok(count @ 1..) = stream.read(&mut bytes).await {
///                 if stream.write_all(&bytes[..count]).await.is_err() {
///                     break;
///                 }
///             }
///         });
///     }
/// }
/// ```
pub struct TcpListener {
    registration: Registration<Socket>,
    rest: Rest,
}

impl TcpListener {
    /// Listens at the first of the addresses where that is possible.
    ///
    /// The port may be taken over from a program that has just ended (`SO_REUSEADDR`). Port 0 lets
    /// the system choose; [`local_addr`](TcpListener::local_addr) tells which one it is.
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
    ///
    /// # Examples
    ///
    /// ```
    /// # use filch::io::{AsyncReadExt, AsyncWriteExt, Interest};
    /// # use filch::net::{TcpListener, TcpStream};
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// println!("at {}", listener.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<TcpListener> {
        let mut last_error = None;
        for address in resolve(addr).await? {
            match TcpListener::bind_one(address) {
                Ok(listener) => return Ok(listener),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or_else(no_address))
    }

    fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
        let socket = Socket::stream(address)?;
        // Otherwise a server could not start again while connections of the one before linger.
        socket.let_take_over(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::new(socket)
    }

    #[track_caller]
    pub(crate) fn new(socket: Socket) -> io::Result<TcpListener> {
        let registration = Registration::new(socket, Interest::READABLE)?;
        Ok(TcpListener { registration, rest: Rest::default() })
    }

    fn socket(&self) -> &Socket {
        self.registration.watched()
    }

    /// Waits for a connection and takes it.
    ///
    /// Any number of tasks may wait. A connection that was broken off before it could be taken is
    /// passed over.
    ///
    /// # Errors
    ///
    /// Those of the system. Most likely there is no descriptor left; the connection then waits
    /// until there is one. The accept that follows such an error pauses for some milliseconds, so
    /// that a loop which only logs errors does not spin.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no connection is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// # use filch::io::{AsyncReadExt, AsyncWriteExt, Interest};
    /// # use filch::net::{TcpListener, TcpStream};
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// # let _stream = TcpStream::connect(address).await?;
    /// let (stream, peer) = listener.accept().await?;
    /// assert_eq!(stream.peer_addr()?, peer);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.rest.pause().await;
        let (socket, peer) = self.registration.io(Interest::READABLE, || self.take()).await?;
        Ok((self.stream(socket)?, peer))
    }

    /// Waits for a connection and takes it. The last task that asked is woken.
    ///
    /// # Errors
    ///
    /// As [`accept`](TcpListener::accept).
    ///
    /// # Examples
    ///
    /// ```
    /// # use filch::io::{AsyncReadExt, AsyncWriteExt, Interest};
    /// # use filch::net::{TcpListener, TcpStream};
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// # let _stream = TcpStream::connect(address).await?;
    /// let (stream, peer) = std::future::poll_fn(|cx| listener.poll_accept(cx)).await?;
    /// assert_eq!(stream.peer_addr()?, peer);
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        ready!(self.rest.poll(cx));
        let (socket, peer) =
            ready!(self.registration.poll_io(cx, Direction::Read, || self.take()))?;
        Poll::Ready(Ok((self.stream(socket)?, peer)))
    }

    fn take(&self) -> io::Result<(Socket, SocketAddr)> {
        let (socket, peer) = self.rest.take(self.socket())?;
        Ok((socket, ip(peer)?))
    }

    /// The stream belongs to the runtime of its listener.
    fn stream(&self, socket: Socket) -> io::Result<TcpStream> {
        TcpStream::accepted(self.registration.reactor(), socket)
    }

    /// The address that is listened at.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        ip(self.socket().local_addr()?)
    }

    /// The time to live of packets.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket().ttl()
    }

    /// Sets the time to live of packets.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket().set_ttl(ttl)
    }

    /// Takes over a listener of std, which must be non-blocking already.
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
    /// # use filch::io::{AsyncReadExt, AsyncWriteExt, Interest};
    /// # use filch::net::{TcpListener, TcpStream};
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// let std = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// std.set_nonblocking(true)?;
    /// let listener = TcpListener::from_std(std)?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        TcpListener::new(Socket::adopt(OwnedDescriptor::from(listener)))
    }

    /// Hands the listener over to std. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Examples
    ///
    /// ```
    /// # use filch::io::{AsyncReadExt, AsyncWriteExt, Interest};
    /// # use filch::net::{TcpListener, TcpStream};
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// let std: std::net::TcpListener = listener.into_std()?;
    /// std.set_nonblocking(false)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_std(self) -> io::Result<std::net::TcpListener> {
        Ok(self.registration.deregister()?.into_descriptor().into())
    }
}

impl TryFrom<std::net::TcpListener> for TcpListener {
    type Error = io::Error;

    fn try_from(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        TcpListener::from_std(listener)
    }
}

descriptor!(TcpListener, this => this.socket());

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("TcpListener");
        if let Ok(address) = self.local_addr() {
            debug.field("addr", &address);
        }
        debug.field("fd", &self.number()).finish()
    }
}
