//! `UnixStream`: bytes to and from a program on the same machine.

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net;
use std::path::Path;

use runtime_core::reactor::{Direction, Reactor, Registration};
use runtime_sync::primitives::Arc;
use socket2::{Domain, Type};

use super::addr::{for_kernel, told};
use super::{
    OwnedReadHalf, OwnedWriteHalf, ReadHalf, SocketAddr, UCred, WriteHalf, halves, owned_halves,
};
use crate::os::descriptor;
use crate::socket::Socket;
use crate::stream::{BOTH, Stream, attempts, readiness, stream_traits};

/// A connection to a program on the same machine. The semantics are those of tokio's type.
///
/// It is read and written by the methods of [`AsyncReadExt`](crate::io::AsyncReadExt) and
/// [`AsyncWriteExt`](crate::io::AsyncWriteExt), by one reader and one writer at a time; see
/// [`split`](UnixStream::split) and [`into_split`](UnixStream::into_split). The `try_` methods and
/// [`ready`](UnixStream::ready) serve any number of tasks. Dropping the stream closes it.
///
/// # Examples
///
/// ```
/// use filch::io::{AsyncReadExt, AsyncWriteExt};
/// use filch::net::UnixStream;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let (mut one, mut other) = UnixStream::pair()?;
/// one.write_all(b"hello").await?;
/// one.shutdown().await?;
/// let mut text = String::new();
/// other.read_to_string(&mut text).await?;
/// assert_eq!(text, "hello");
/// # Ok(())
/// # }
/// ```
pub struct UnixStream {
    pub(crate) stream: Stream<Socket, true>,
}

impl UnixStream {
    /// Connects to who listens at `path`. On Linux, a path that begins with a zero byte is an
    /// abstract name.
    ///
    /// # Errors
    ///
    /// Those of the system: nobody listens, or [`WouldBlock`](io::ErrorKind::WouldBlock) on Linux
    /// when too many connections wait to be accepted.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a connection under way is broken off.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::net::UnixStream;
    ///
    /// # #[filch::main]
    /// # async fn main() {
    /// let error = UnixStream::connect("/no/such/socket").await.unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    /// # }
    /// ```
    pub async fn connect<P: AsRef<Path>>(path: P) -> io::Result<UnixStream> {
        let address = for_kernel(&path)?;
        // Not across the await: a future that holds the caller's type is only as `Send` as that.
        drop(path);
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        UnixStream::connect_socket(socket, address).await
    }

    /// Connects to a socket that listens at an address.
    ///
    /// # Errors
    ///
    /// As [`connect`](UnixStream::connect).
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    ///
    /// # Cancel safety
    ///
    /// As [`connect`](UnixStream::connect).
    pub async fn connect_addr(address: &SocketAddr) -> io::Result<UnixStream> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        UnixStream::connect_socket(socket, address.for_kernel()?).await
    }

    /// A stream of a socket that was made before.
    pub(super) async fn connect_socket(
        socket: Socket,
        address: socket2::SockAddr,
    ) -> io::Result<UnixStream> {
        Ok(UnixStream { stream: Stream::connect(socket, address).await? })
    }

    /// Two streams that are connected to one another.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (one, other) = Socket::pair(Type::STREAM)?;
        Ok((UnixStream::connected(one)?, UnixStream::connected(other)?))
    }

    #[track_caller]
    fn connected(socket: Socket) -> io::Result<UnixStream> {
        let stream = Stream::new(socket, BOTH)?;
        stream.registration.assume_ready(Direction::Write);
        Ok(UnixStream { stream })
    }

    /// A stream that has just been accepted.
    pub(super) fn accepted(reactor: &Arc<Reactor>, socket: Socket) -> io::Result<UnixStream> {
        Ok(UnixStream { stream: Stream::accepted(reactor, socket)? })
    }

    /// What watches the descriptor, for the readiness methods.
    fn registration(&self) -> &Registration<Socket> {
        &self.stream.registration
    }

    /// Takes over a stream of std, which must be non-blocking already.
    ///
    /// It must be one of bytes. A socket of records (`SOCK_SEQPACKET`), which std takes for a stream as
    /// well, is watched by [`AsyncFd`](crate::io::unix::AsyncFd).
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
    /// let (one, _other) = std::os::unix::net::UnixStream::pair()?;
    /// one.set_nonblocking(true)?;
    /// let stream = filch::net::UnixStream::from_std(one)?;
    /// let one = stream.into_std()?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn from_std(stream: net::UnixStream) -> io::Result<UnixStream> {
        let stream = Stream::new(Socket::adopt(OwnedFd::from(stream)), BOTH)?;
        Ok(UnixStream { stream })
    }

    /// Hands the stream over to std. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn into_std(self) -> io::Result<net::UnixStream> {
        Ok(self.stream.into_descriptor()?.into())
    }

    /// Our address, most often none.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        told(self.stream.wire().local_addr()?)
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// Those of the system: the peer may have gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        told(self.stream.wire().peer_addr()?)
    }

    /// Who the peer was when it connected, listened, or made the pair.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, _other) = filch::net::UnixStream::pair()?;
    /// println!("user {}", one.peer_cred()?.uid());
    /// # Ok(())
    /// # }
    /// ```
    pub fn peer_cred(&self) -> io::Result<UCred> {
        Ok(self.stream.wire().peer()?.into())
    }

    /// Fetches the error that waits on the socket, which removes it there.
    ///
    /// # Errors
    ///
    /// Those of the system in fetching it.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.stream.wire().take_error()
    }

    /// Halves that borrow the stream, for a reader and a writer in one task.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        halves::split(self)
    }

    /// Halves that own the stream together, for a reader and a writer in two tasks.
    ///
    /// Dropping the write half tells the peer that nothing more will come.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        owned_halves::split(self)
    }

    readiness!(
        "# use filch::net::UnixStream;
# #[filch::main]
# async fn main() -> std::io::Result<()> {
# let (socket, _peer) = UnixStream::pair()?;"
    );

    attempts!(
        "# use filch::net::UnixStream;
# #[filch::main]
# async fn main() -> std::io::Result<()> {
# let (stream, mut peer) = UnixStream::pair()?;"
    );
}

stream_traits!(read UnixStream, this => this.stream);
stream_traits!(write UnixStream, this => this.stream, this.stream.shut_down_write());
descriptor!(UnixStream, this => this.stream.wire());

impl AsRef<UnixStream> for UnixStream {
    fn as_ref(&self) -> &UnixStream {
        self
    }
}

impl TryFrom<net::UnixStream> for UnixStream {
    type Error = io::Error;

    fn try_from(stream: net::UnixStream) -> io::Result<UnixStream> {
        UnixStream::from_std(stream)
    }
}

impl fmt::Debug for UnixStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("UnixStream");
        if let Ok(address) = self.local_addr() {
            debug.field("addr", &address);
        }
        if let Ok(peer) = self.peer_addr() {
            debug.field("peer", &peer);
        }
        debug.field("fd", &self.stream.wire().as_raw_fd()).finish()
    }
}
