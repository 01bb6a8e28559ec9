//! Socket calls, answered by the kernel.
//!
//! Every socket made here is non-blocking and closed on `exec`. A call that a signal interrupts is
//! made again, as none of them waits.
//!
//! # Invariants
//!
//! - A call that fills a buffer has initialized as many bytes as it says.

use std::io::{self, IoSlice, IoSliceMut, Read as _};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Type};

use crate::io::ReadBuf;

/// Writing to a stream that the peer has closed is an error, and no signal as well.
#[cfg(not(target_vendor = "apple"))]
const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;
/// The socket has an option for that, which is set when it is made.
#[cfg(target_vendor = "apple")]
const NO_SIGNAL: i32 = 0;

/// A socket of the kernel.
#[derive(Debug)]
pub(crate) struct OsSocket(socket2::Socket);

impl OsSocket {
    /// A stream socket for addresses like `address`.
    pub(crate) fn stream(address: SocketAddr) -> io::Result<OsSocket> {
        make(Domain::for_address(address)).map(OsSocket)
    }

    /// Starts to connect. `Ok(false)` means that it goes on and the socket becomes writable when
    /// it has succeeded or failed.
    pub(crate) fn connect(&self, address: SocketAddr) -> io::Result<bool> {
        match self.0.connect(&SockAddr::from(address)) {
            Ok(()) => Ok(true),
            Err(error) if goes_on(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Binds to `address` and listens.
    pub(crate) fn listen(&self, address: SocketAddr, backlog: i32) -> io::Result<()> {
        // Otherwise a server could not start again while connections of the one before linger.
        self.0.set_reuse_address(true)?;
        self.0.bind(&SockAddr::from(address))?;
        self.0.listen(backlog)
    }

    /// Takes a connection that waits.
    pub(crate) fn accept(&self) -> io::Result<(OsSocket, SocketAddr)> {
        let (socket, address) = again(|| accept(&self.0))?;
        Ok((OsSocket(socket), ip(address)?))
    }

    /// Appends bytes to `buf` and says how many.
    pub(crate) fn recv(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        self.receive(buf, socket2::Socket::recv)
    }

    /// As `recv`, and leaves them to be read again.
    pub(crate) fn peek(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        self.receive(buf, socket2::Socket::peek)
    }

    fn receive(
        &self,
        buf: &mut ReadBuf<'_>,
        call: fn(&socket2::Socket, &mut [std::mem::MaybeUninit<u8>]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        // SAFETY: the calls write bytes from the socket only, so what is initialized stays so.
        let room = unsafe { buf.unfilled_mut() };
        let count = again(|| call(&self.0, room))?;
        // SAFETY: the kernel has written that many bytes.
        unsafe { buf.assume_init(count) };
        buf.advance(count);
        Ok(count)
    }

    pub(crate) fn recv_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        again(|| (&self.0).read_vectored(bufs))
    }

    pub(crate) fn send(&self, buf: &[u8]) -> io::Result<usize> {
        again(|| self.0.send_with_flags(buf, NO_SIGNAL))
    }

    pub(crate) fn send_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        // The kernel refuses more slices than this; a write may always be short.
        let bufs = &bufs[..bufs.len().min(SLICES_MAX)];
        again(|| self.0.send_vectored_with_flags(bufs, NO_SIGNAL))
    }

    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        ip(self.0.local_addr()?)
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        ip(self.0.peer_addr()?)
    }

    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.take_error()
    }

    pub(crate) fn nodelay(&self) -> io::Result<bool> {
        self.0.tcp_nodelay()
    }

    pub(crate) fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.0.set_tcp_nodelay(nodelay)
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn quickack(&self) -> io::Result<bool> {
        self.0.tcp_quickack()
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn set_quickack(&self, quickack: bool) -> io::Result<()> {
        self.0.set_tcp_quickack(quickack)
    }

    pub(crate) fn linger(&self) -> io::Result<Option<Duration>> {
        self.0.linger()
    }

    pub(crate) fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.0.set_linger(linger)
    }

    /// The time to live of packets, which IPv6 calls the hop limit.
    pub(crate) fn ttl(&self) -> io::Result<u32> {
        match self.local_addr()? {
            SocketAddr::V4(_) => self.0.ttl_v4(),
            SocketAddr::V6(_) => self.0.unicast_hops_v6(),
        }
    }

    pub(crate) fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        match self.local_addr()? {
            SocketAddr::V4(_) => self.0.set_ttl_v4(ttl),
            SocketAddr::V6(_) => self.0.set_unicast_hops_v6(ttl),
        }
    }
}

impl AsFd for OsSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for OsSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl From<OwnedFd> for OsSocket {
    fn from(descriptor: OwnedFd) -> OsSocket {
        OsSocket(socket2::Socket::from(descriptor))
    }
}

impl From<OsSocket> for OwnedFd {
    fn from(socket: OsSocket) -> OwnedFd {
        OwnedFd::from(socket.0)
    }
}

/// `IOV_MAX` is 1024 on every system we know.
const SLICES_MAX: usize = 1024;

/// Whether an accept failed because there is too little of something to take the connection, which
/// stays where it is and would fail again at once.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM].into_iter().any(|it| code == Some(it))
}

fn goes_on(error: &io::Error) -> bool {
    // After a signal the connect goes on as well, and a second one would be refused.
    matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR))
}

fn ip(address: SockAddr) -> io::Result<SocketAddr> {
    address.as_socket().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "not a socket of the internet protocol")
    })
}

fn again<R>(mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

#[cfg(target_os = "linux")]
fn make(domain: Domain) -> io::Result<socket2::Socket> {
    // One call instead of three.
    socket2::Socket::new_raw(domain, Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))
}

#[cfg(not(target_os = "linux"))]
fn make(domain: Domain) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(target_os = "linux")]
fn accept(listener: &socket2::Socket) -> io::Result<(socket2::Socket, SockAddr)> {
    // One call instead of three.
    listener.accept4(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC)
}

#[cfg(not(target_os = "linux"))]
fn accept(listener: &socket2::Socket) -> io::Result<(socket2::Socket, SockAddr)> {
    let (socket, address) = listener.accept()?;
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}
