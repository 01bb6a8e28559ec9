//! `TcpStream`: bytes to and from a peer.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use runtime_core::reactor::{Direction, Interest, Numbered as _, Reactor, Registration};
use runtime_sync::primitives::Arc;

use super::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf, halves, owned_halves};
use crate::addr::{ToSocketAddrs, no_address, resolve};
use crate::io::ReadBuf;
use crate::os::{OwnedDescriptor, descriptor, ip};
use crate::socket::Socket;
use crate::stream::{BOTH, Stream, stream_traits};

/// A connection to a peer.
///
/// It is read and written by the methods of [`AsyncReadExt`](crate::io::AsyncReadExt) and
/// [`AsyncWriteExt`](crate::io::AsyncWriteExt), by one reader and one writer at a time; see
/// [`split`](TcpStream::split) and [`into_split`](TcpStream::into_split). The `try_` methods and
/// [`ready`](TcpStream::ready) serve any number of tasks. Dropping the stream closes it.
///
/// # Examples
///
/// ```no_run
/// use filch::io::{AsyncReadExt, AsyncWriteExt};
/// use filch::net::TcpStream;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut stream = TcpStream::connect("127.0.0.1:7").await?;
/// stream.write_all(b"hello").await?;
/// let mut answer = [0; 5];
/// stream.read_exact(&mut answer).await?;
/// # Ok(())
/// # }
/// ```
pub struct TcpStream {
    pub(crate) stream: Stream<Socket>,
}

impl TcpStream {
    /// Connects to the first of the addresses that answers.
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
    /// Cancel safe: a connection under way is broken off.
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
    /// let stream = TcpStream::connect(address).await?;
    /// assert_eq!(stream.peer_addr()?, address);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
        let mut last_error = None;
        for address in resolve(addr).await? {
            match TcpStream::connect_addr(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or_else(no_address))
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
    /// let stream = TcpStream::connect_addr(address).await?;
    /// assert_eq!(stream.peer_addr()?, address);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect_addr(addr: SocketAddr) -> io::Result<TcpStream> {
        let stream = Stream::connect(Socket::stream(addr)?, addr.into()).await?;
        Ok(TcpStream { stream })
    }

    /// A stream that has just been accepted.
    pub(super) fn accepted(reactor: &Arc<Reactor>, socket: Socket) -> io::Result<TcpStream> {
        Ok(TcpStream { stream: Stream::accepted(reactor, socket)? })
    }

    /// What watches the descriptor, for [`readiness!`](crate::stream::readiness).
    pub(super) fn registration(&self) -> &Registration<Socket> {
        &self.stream.registration
    }

    /// Takes over a stream of std, which must be non-blocking already.
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
    /// let std = std::net::TcpStream::connect(address)?;
    /// std.set_nonblocking(true)?;
    /// let stream = TcpStream::from_std(std)?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        let stream = Stream::new(Socket::adopt(OwnedDescriptor::from(stream)), BOTH)?;
        Ok(TcpStream { stream })
    }

    /// Hands the stream over to std. It stays non-blocking.
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
    /// # let mut stream = TcpStream::connect(address).await?;
    /// # let (mut peer, _) = listener.accept().await?;
    /// let std: std::net::TcpStream = stream.into_std()?;
    /// std.set_nonblocking(false)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_std(self) -> io::Result<std::net::TcpStream> {
        Ok(self.stream.into_descriptor()?.into())
    }

    /// Our address.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        ip(self.stream.wire().local_addr()?)
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// Those of the system: the peer may have gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        ip(self.stream.wire().peer_addr()?)
    }

    /// Fetches the error that waits on the socket, which removes it there.
    ///
    /// # Errors
    ///
    /// Those of the system in fetching it.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.stream.wire().take_error()
    }

    /// Reads into `buf` what the next read will give as well, and says how much that is.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub fn poll_peek(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        self.stream.registration.poll_io(cx, Direction::Read, || self.stream.wire().peek(buf))
    }

    /// Reads into `buf` what the next read will give as well, and says how much that is.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is read.
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
    /// # let mut stream = TcpStream::connect(address).await?;
    /// # let (mut peer, _) = listener.accept().await?;
    /// peer.write_all(b"hi").await?;
    /// let mut bytes = [0; 2];
    /// assert_eq!(stream.peek(&mut bytes).await?, 2);
    /// assert_eq!(stream.read(&mut bytes).await?, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream
            .registration
            .io(Interest::READABLE, || self.stream.wire().peek(&mut ReadBuf::new(buf)))
            .await
    }

    /// Halves that borrow the stream, for a reader and a writer in one task.
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
    /// # let mut stream = TcpStream::connect(address).await?;
    /// # let (mut peer, _) = listener.accept().await?;
    /// let (mut read, mut write) = stream.split();
    /// write.write_all(b"hi").await?;
    /// # peer.write_all(b"ho").await?;
    /// let mut answer = [0; 2];
    /// read.read_exact(&mut answer).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        halves::split(self)
    }

    /// Halves that own the stream together, for a reader and a writer in two tasks.
    ///
    /// Dropping the write half tells the peer that nothing more will come.
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
    /// # let mut stream = TcpStream::connect(address).await?;
    /// # let (mut peer, _) = listener.accept().await?;
    /// let (mut read, mut write) = stream.into_split();
    /// let writer = filch::spawn(async move { write.write_all(b"hi").await });
    /// # peer.write_all(b"ho").await?;
    /// let mut answer = [0; 2];
    /// read.read_exact(&mut answer).await?;
    /// writer.await??;
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        owned_halves::split(self)
    }
}

stream_traits!(read TcpStream, this => this.stream);
stream_traits!(write TcpStream, this => this.stream, this.stream.shut_down_write());
descriptor!(TcpStream, this => this.stream.wire());

impl AsRef<TcpStream> for TcpStream {
    fn as_ref(&self) -> &TcpStream {
        self
    }
}

impl TryFrom<std::net::TcpStream> for TcpStream {
    type Error = io::Error;

    fn try_from(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        TcpStream::from_std(stream)
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("TcpStream");
        if let Ok(address) = self.local_addr() {
            debug.field("addr", &address);
        }
        if let Ok(peer) = self.peer_addr() {
            debug.field("peer", &peer);
        }
        debug.field("fd", &self.number()).finish()
    }
}
