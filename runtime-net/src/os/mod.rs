//! Socket calls, answered by the kernel.
//!
//! Options are in options.rs, datagrams in datagrams.rs and batches_*.rs, pipes in pipe.rs, and
//! ways from one descriptor to the other in conduit_*.rs.
//!
//! Every socket made here is non-blocking and closed on `exec`. A call that a signal interrupts is
//! made again, as none of them waits.
//!
//! # Invariants
//!
//! - A call that fills a buffer has initialized as many bytes as it says.

#[cfg(target_os = "linux")]
#[path = "batches_linux.rs"]
mod batches;
#[cfg(not(target_os = "linux"))]
#[path = "batches_portable.rs"]
mod batches;
#[cfg_attr(target_os = "linux", path = "conduit_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "conduit_portable.rs")]
mod conduit;
mod datagrams;
mod options;
#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "peer_linux.rs"]
mod peer;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[path = "peer_bsd.rs"]
mod peer;
mod pipe;

pub(crate) use conduit::Conduit;
pub(crate) use peer::Peer;
pub(crate) use pipe::PipeEnd;

use std::io::{self, IoSlice, IoSliceMut, Read as _};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net;

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
    /// A socket that is not bound and not connected.
    pub(crate) fn new(
        domain: Domain,
        kind: Type,
        protocol: Option<Protocol>,
    ) -> io::Result<OsSocket> {
        make(domain, kind, protocol).map(OsSocket)
    }

    /// Two Unix sockets that are connected to one another.
    pub(crate) fn pair(kind: Type) -> io::Result<(OsSocket, OsSocket)> {
        let (one, other) = pair(kind)?;
        Ok((OsSocket(one), OsSocket(other)))
    }

    /// Starts to connect. `Ok(false)` means that it goes on and the socket becomes writable when
    /// it has succeeded or failed.
    pub(crate) fn connect(&self, address: &SockAddr) -> io::Result<bool> {
        match self.0.connect(address) {
            Ok(()) => Ok(true),
            Err(error) if goes_on(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the connect to `address` that goes on has succeeded; `Ok(false)` if it still goes on.
    pub(crate) fn is_connected(&self, address: &SockAddr) -> io::Result<bool> {
        is_connected(&self.0, address)
    }

    pub(crate) fn bind(&self, address: &SockAddr) -> io::Result<()> {
        self.0.bind(address)
    }

    pub(crate) fn listen(&self, backlog: i32) -> io::Result<()> {
        self.0.listen(backlog)
    }

    /// Takes a connection that waits.
    pub(crate) fn accept(&self) -> io::Result<(OsSocket, SockAddr)> {
        let (socket, address) = again(|| accept(&self.0))?;
        Ok((OsSocket(socket), address))
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

    pub(crate) fn local_addr(&self) -> io::Result<SockAddr> {
        self.0.local_addr()
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SockAddr> {
        self.0.peer_addr()
    }

    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.take_error()
    }

    pub(crate) fn kind(&self) -> io::Result<Type> {
        self.0.r#type()
    }

    /// Who has connected to, or made, the other end of a Unix stream.
    pub(crate) fn peer(&self) -> io::Result<Peer> {
        peer::of(self.0.as_fd())
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

/// The internet address that the kernel has told.
pub(crate) fn ip(address: SockAddr) -> io::Result<SocketAddr> {
    address.as_socket().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "not a socket of the internet protocol")
    })
}

/// The Unix address that the kernel has told, or nothing, which is how some tell of no name.
pub(crate) fn unix(address: SockAddr) -> io::Result<net::SocketAddr> {
    if let Some(name) = abstract_name(&address) {
        return name;
    }
    let is_told = address.len() > 0;
    match address.as_unix() {
        Some(address) => Ok(address),
        None if !is_told || address.is_unix() => net::SocketAddr::from_pathname(""),
        None => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a Unix socket")),
    }
}

#[cfg(target_os = "linux")]
fn abstract_name(address: &SockAddr) -> Option<io::Result<net::SocketAddr>> {
    use std::os::linux::net::SocketAddrExt as _;
    address.as_abstract_namespace().map(net::SocketAddr::from_abstract_name)
}

#[cfg(target_os = "android")]
fn abstract_name(address: &SockAddr) -> Option<io::Result<net::SocketAddr>> {
    use std::os::android::net::SocketAddrExt as _;
    address.as_abstract_namespace().map(net::SocketAddr::from_abstract_name)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn abstract_name(_: &SockAddr) -> Option<io::Result<net::SocketAddr>> {
    None
}

#[cfg(target_os = "linux")]
fn is_connected(socket: &socket2::Socket, address: &SockAddr) -> io::Result<bool> {
    // Asked to connect once more, the system tells what has become of it so far: one call instead of two.
    match socket.connect(address) {
        Err(error) => match error.raw_os_error() {
            Some(libc::EISCONN) => Ok(true),
            Some(libc::EALREADY | libc::EINPROGRESS | libc::EINTR) => Ok(false),
            _ => Err(error),
        },
        Ok(()) => Ok(true),
    }
}

#[cfg(not(target_os = "linux"))]
fn is_connected(socket: &socket2::Socket, _address: &SockAddr) -> io::Result<bool> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        outcome => outcome.map(|_| true),
    }
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
fn make(domain: Domain, kind: Type, protocol: Option<Protocol>) -> io::Result<socket2::Socket> {
    // One call instead of three.
    socket2::Socket::new_raw(domain, kind.nonblocking().cloexec(), protocol)
}

#[cfg(not(target_os = "linux"))]
fn make(domain: Domain, kind: Type, protocol: Option<Protocol>) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(domain, kind, protocol)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(target_os = "linux")]
fn pair(kind: Type) -> io::Result<(socket2::Socket, socket2::Socket)> {
    socket2::Socket::pair_raw(Domain::UNIX, kind.nonblocking().cloexec(), None)
}

#[cfg(not(target_os = "linux"))]
fn pair(kind: Type) -> io::Result<(socket2::Socket, socket2::Socket)> {
    let (one, other) = socket2::Socket::pair(Domain::UNIX, kind, None)?;
    one.set_nonblocking(true)?;
    other.set_nonblocking(true)?;
    Ok((one, other))
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
