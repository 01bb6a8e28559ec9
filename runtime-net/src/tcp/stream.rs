//! `TcpStream`: bytes to and from a peer.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use runtime_core::reactor::{Direction, Interest, Reactor, Registration};
use runtime_sync::primitives::Arc;

use super::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf, halves, owned_halves};
use crate::addr::{ToSocketAddrs, resolve};
use crate::io::{AsyncRead, AsyncWrite, ReadBuf};
use crate::socket::Socket;

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

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
    // Declared first: it is deregistered before the socket is closed.
    pub(super) registration: Registration,
    pub(super) socket: Socket,
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
        let socket = Socket::stream(addr)?;
        // Before it is watched: a socket that is not even connecting reports that it is closed.
        let connected = socket.connect(addr)?;
        let stream = TcpStream::new(socket)?;
        if connected {
            stream.registration.assume_ready(Direction::Write);
        } else {
            stream.connected().await?;
        }
        Ok(stream)
    }

    /// Waits for the outcome of a connect under way.
    async fn connected(&self) -> io::Result<()> {
        loop {
            let event = self.registration.readiness(Interest::WRITABLE).await?;
            if let Some(error) = self.socket.take_error()? {
                return Err(error);
            }
            match self.socket.peer_addr() {
                Ok(_) => return Ok(()),
                // Told that it is writable although it is not: wait on.
                Err(error)
                    if error.kind() == io::ErrorKind::NotConnected
                        && !event.ready().is_write_closed() =>
                {
                    self.registration.clear(event);
                }
                Err(error) => return Err(error),
            }
        }
    }

    #[track_caller]
    fn new(socket: Socket) -> io::Result<TcpStream> {
        let registration = Registration::new(socket.as_raw_fd(), BOTH)?;
        Ok(TcpStream { registration, socket })
    }

    /// A stream that has just been accepted.
    pub(super) fn accepted(reactor: &Arc<Reactor>, socket: Socket) -> io::Result<TcpStream> {
        let registration = Registration::new_with(reactor, socket.as_raw_fd(), BOTH)?;
        registration.assume_ready(Direction::Write);
        Ok(TcpStream { registration, socket })
    }

    /// Takes over a stream of std, which must be non-blocking already.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
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
        TcpStream::new(Socket::from(OwnedFd::from(stream)))
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
        self.registration.deregister()?;
        Ok(self.socket.into_descriptor().into())
    }

    /// Our address.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// Those of the system: the peer may have gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    /// Fetches the error that waits on the socket, which removes it there.
    ///
    /// # Errors
    ///
    /// Those of the system in fetching it.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
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
        self.registration.poll_io(cx, Direction::Read, || self.socket.peek(buf))
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
        self.registration.io(Interest::READABLE, || self.socket.peek(&mut ReadBuf::new(buf))).await
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

    /// `AsyncRead::poll_read` without the exclusive borrow, for the halves.
    #[inline]
    pub(super) fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wanted = buf.remaining();
        if wanted == 0 {
            return Poll::Ready(Ok(()));
        }
        let recv = || self.socket.recv(buf);
        ready!(self.registration.poll_stream(cx, Direction::Read, wanted, recv))?;
        Poll::Ready(Ok(()))
    }

    /// `AsyncWrite::poll_write` without the exclusive borrow, for the halves.
    #[inline]
    pub(super) fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let send = || self.socket.send(buf);
        self.registration.poll_stream(cx, Direction::Write, buf.len(), send)
    }

    /// `AsyncWrite::poll_write_vectored` without the exclusive borrow, for the halves.
    #[inline]
    pub(super) fn poll_send_vectored(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        // A short write is no news here: the system may have taken fewer slices than it was given.
        self.registration.poll_io(cx, Direction::Write, || self.socket.send_vectored(bufs))
    }

    /// Tells the peer that nothing more will come.
    pub(super) fn shut_down_write(&self) -> io::Result<()> {
        match self.socket.shutdown(Shutdown::Write) {
            // The peer has gone already.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            outcome => outcome,
        }
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_recv(cx, buf)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shut_down_write())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

impl TryFrom<std::net::TcpStream> for TcpStream {
    type Error = io::Error;

    fn try_from(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        TcpStream::from_std(stream)
    }
}

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
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
        debug.field("fd", &self.as_raw_fd()).finish()
    }
}

pub(super) fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "could not resolve to any address")
}
