//! `TcpStream`: bytes to and from a peer.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BufMut;
use runtime_core::reactor::{Direction, Interest, Reactor, Ready, Registration};
use runtime_sync::primitives::Arc;

use super::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf, halves, owned_halves};
use crate::addr::{ToSocketAddrs, resolve};
use crate::io::{AsyncRead, AsyncWrite, ReadBuf, fill};
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
    registration: Registration,
    socket: Socket,
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
    pub async fn connect_addr(addr: SocketAddr) -> io::Result<TcpStream> {
        let socket = Socket::stream(addr)?;
        // Before it is watched: a socket that is not even connecting reports that it is closed.
        let connected = socket.connect(addr)?;
        let stream = TcpStream::new(socket)?;
        if !connected {
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

    pub(super) fn with_reactor(reactor: &Arc<Reactor>, socket: Socket) -> io::Result<TcpStream> {
        let registration = Registration::new_with(reactor, socket.as_raw_fd(), BOTH)?;
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
    #[track_caller]
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        TcpStream::new(Socket::from(OwnedFd::from(stream)))
    }

    /// Hands the stream over to std. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// Those of the system.
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
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.registration.io(Interest::READABLE, || self.socket.peek(&mut ReadBuf::new(buf))).await
    }

    /// Waits until any of `interest` is ready, and says what. Any number of tasks may wait.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the readiness is kept.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        Ok(self.registration.readiness(interest).await?.ready())
    }

    /// Waits until a read is worth a try. Any number of tasks may wait.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the readiness is kept.
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    /// Waits until a write is worth a try. Any number of tasks may wait.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the readiness is kept.
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// Waits until a read is worth a try. The last task that asked is woken.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.registration.poll_read_ready(cx).map_ok(drop)
    }

    /// Waits until a write is worth a try. The last task that asked is woken.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.registration.poll_write_ready(cx).map_ok(drop)
    }

    /// Reads into `buf` without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is nothing, and those of the stream.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.try_io(Interest::READABLE, || self.socket.recv(&mut ReadBuf::new(buf)))
    }

    /// Reads into several buffers without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is nothing, and those of the stream.
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.try_io(Interest::READABLE, || self.socket.recv_vectored(bufs))
    }

    /// Appends to `buf` without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is nothing, and those of the stream.
    pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        self.try_io(Interest::READABLE, || {
            let outcome = fill(buf, |room| Poll::Ready(self.socket.recv(room).map(drop)));
            match outcome {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            }
        })
    }

    /// Writes some of `buf` without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room, and those of the stream.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.try_io(Interest::WRITABLE, || self.socket.send(buf))
    }

    /// Writes some of several buffers without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room, and those of the stream.
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.try_io(Interest::WRITABLE, || self.socket.send_vectored(bufs))
    }

    /// Calls `f` once if `interest` is ready. It makes calls on the descriptor itself, and answers
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) only if one of them did.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if it is not ready, and those of `f`.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        f: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        self.registration.try_io(interest, f)
    }

    /// Calls `f` whenever `interest` is ready, until it says something else than
    /// [`WouldBlock`](io::ErrorKind::WouldBlock).
    ///
    /// # Errors
    ///
    /// Those of `f`, or the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the future waits only while `f` has had no effect.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        f: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        self.registration.io(interest, f).await
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

    /// Whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket.nodelay()
    }

    /// Sets whether small writes are sent at once.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.set_nodelay(nodelay)
    }

    /// Whether what was received is acknowledged at once (`TCP_QUICKACK`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    #[cfg(target_os = "linux")]
    pub fn quickack(&self) -> io::Result<bool> {
        self.socket.quickack()
    }

    /// Sets whether what was received is acknowledged at once. The system may change it back.
    ///
    /// # Errors
    ///
    /// Those of the system.
    #[cfg(target_os = "linux")]
    pub fn set_quickack(&self, quickack: bool) -> io::Result<()> {
        self.socket.set_quickack(quickack)
    }

    /// How long closing waits for what was written to be sent (`SO_LINGER`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.socket.linger()
    }

    /// Sets how long closing waits for what was written to be sent. Anything but `None` and zero
    /// blocks the thread that drops the stream.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.socket.set_linger(linger)
    }

    /// Makes closing break the connection off: what was not sent is dropped and the peer gets an
    /// error.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.set_linger(Some(Duration::ZERO))
    }

    /// The time to live of packets.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.ttl()
    }

    /// Sets the time to live of packets.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.set_ttl(ttl)
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
