//! `UnixListener`: takes connections of programs on the same machine.

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net;
use std::path::Path;
use std::task::{Context, Poll, ready};

use runtime_core::reactor::{Direction, Interest, Registration};
use socket2::{Domain, SockAddr, Type};

use super::addr::{for_kernel, told};
use super::{SocketAddr, UnixStream};
use crate::os::descriptor;
use crate::rest::Rest;
use crate::socket::Socket;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Waits for connections of programs on the same machine and takes them. The semantics are those of
/// tokio's type.
///
/// Dropping it leaves the path where it is: the program removes it, before or after.
///
/// # Examples
///
/// ```
/// use filch::io::{AsyncReadExt, AsyncWriteExt};
/// use filch::net::{UnixListener, UnixStream};
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("filch-listener-{}", std::process::id()));
/// # let _ = std::fs::remove_file(&path);
/// let listener = UnixListener::bind(&path)?;
/// let mut near = UnixStream::connect(&path).await?;
/// let (mut far, _address) = listener.accept().await?;
/// near.write_all(b"hi").await?;
/// let mut bytes = [0; 2];
/// far.read_exact(&mut bytes).await?;
/// std::fs::remove_file(&path)?;
/// # Ok(())
/// # }
/// ```
pub struct UnixListener {
    registration: Registration<Socket>,
    rest: Rest,
}

impl UnixListener {
    /// Listens at `path`. On Linux, a path that begins with a zero byte is an abstract name, which
    /// is in no file system and ends with the listener.
    ///
    /// # Errors
    ///
    /// Those of the system: the path exists already, or is too long.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        UnixListener::bind_at(&for_kernel(path)?)
    }

    /// Listens at an address. One without a name has Linux choose an abstract one.
    ///
    /// # Errors
    ///
    /// As [`bind`](UnixListener::bind).
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::net::{UnixListener, UnixStream};
    /// # use std::os::unix::net::SocketAddr;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("filch-bind-addr-{}", std::process::id()));
    /// let address = SocketAddr::from_pathname(&path)?.into();
    /// let listener = UnixListener::bind_addr(&address)?;
    /// let client = UnixStream::connect_addr(&address);
    /// let (server, client) = filch::join!(listener.accept(), client);
    /// # std::fs::remove_file(&path)?;
    /// # (server?, client?);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn bind_addr(address: &SocketAddr) -> io::Result<UnixListener> {
        UnixListener::bind_at(&address.for_kernel()?)
    }

    #[track_caller]
    fn bind_at(address: &SockAddr) -> io::Result<UnixListener> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(address)?;
        UnixListener::listen(socket, BACKLOG)
    }

    /// Makes a listener of a socket that is bound.
    #[track_caller]
    pub(super) fn listen(socket: Socket, backlog: i32) -> io::Result<UnixListener> {
        socket.listen(backlog)?;
        UnixListener::new(socket)
    }

    #[track_caller]
    fn new(socket: Socket) -> io::Result<UnixListener> {
        let registration = Registration::new(socket, Interest::READABLE)?;
        Ok(UnixListener { registration, rest: Rest::default() })
    }

    fn socket(&self) -> &Socket {
        self.registration.watched()
    }

    /// Waits for a connection and takes it. Any number of tasks may wait.
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
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        self.rest.pause().await;
        let take = || self.rest.take(self.socket());
        let (socket, peer) = self.registration.io(Interest::READABLE, take).await?;
        Ok((self.stream(socket)?, told(peer)?))
    }

    /// Waits for a connection and takes it. The last task that asked is woken.
    ///
    /// # Errors
    ///
    /// As [`accept`](UnixListener::accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        ready!(self.rest.poll(cx));
        let take = || self.rest.take(self.socket());
        let (socket, peer) = ready!(self.registration.poll_io(cx, Direction::Read, take))?;
        Poll::Ready(Ok((self.stream(socket)?, told(peer)?)))
    }

    /// The stream belongs to the runtime of its listener.
    fn stream(&self, socket: Socket) -> io::Result<UnixStream> {
        UnixStream::accepted(self.registration.reactor(), socket)
    }

    /// The address that is listened at.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        told(self.socket().local_addr()?)
    }

    /// Fetches the error that waits on the socket, which removes it there.
    ///
    /// # Errors
    ///
    /// Those of the system in fetching it.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket().take_error()
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
    #[track_caller]
    pub fn from_std(listener: net::UnixListener) -> io::Result<UnixListener> {
        UnixListener::new(Socket::adopt(OwnedFd::from(listener)))
    }

    /// Hands the listener over to std. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn into_std(self) -> io::Result<net::UnixListener> {
        Ok(self.registration.deregister()?.into_descriptor().into())
    }
}

descriptor!(UnixListener, this => this.socket());

impl TryFrom<net::UnixListener> for UnixListener {
    type Error = io::Error;

    fn try_from(listener: net::UnixListener) -> io::Result<UnixListener> {
        UnixListener::from_std(listener)
    }
}

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("UnixListener");
        if let Ok(address) = self.local_addr() {
            debug.field("addr", &address);
        }
        debug.field("fd", &self.socket().as_raw_fd()).finish()
    }
}
