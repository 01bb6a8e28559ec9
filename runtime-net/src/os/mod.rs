//! Socket calls, answered by the kernel.
//!
//! Options are in options.rs, datagrams in datagrams.rs and batches_*.rs, pipes in pipe.rs, what only
//! Unix sockets have in unix.rs, and ways from one descriptor to the other in conduit_*.rs. What a
//! descriptor is says descriptor_*.rs. Systems differ in calls_*.rs, where sockets are made, and in
//! answers_*.rs.
//!
//! Every socket made here is non-blocking and kept from children. A call that a signal interrupts is
//! made again, as none of them waits.
//!
//! # Invariants
//!
//! - A call that fills a buffer has initialized as many bytes as it says.

#[cfg_attr(unix, path = "answers_unix.rs")]
#[cfg_attr(windows, path = "answers_windows.rs")]
mod answers;
#[cfg_attr(target_os = "linux", path = "batches_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "batches_portable.rs")]
mod batches;
#[cfg_attr(target_os = "linux", path = "calls_linux.rs")]
#[cfg_attr(all(unix, not(target_os = "linux")), path = "calls_portable.rs")]
#[cfg_attr(windows, path = "calls_windows.rs")]
mod calls;
#[cfg_attr(target_os = "linux", path = "conduit_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "conduit_portable.rs")]
mod conduit;
mod datagrams;
#[cfg_attr(unix, path = "descriptor_unix.rs")]
#[cfg_attr(windows, path = "descriptor_windows.rs")]
mod descriptor;
mod options;
#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "peer_linux.rs"]
mod peer;
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
#[path = "peer_bsd.rs"]
mod peer;
#[cfg(unix)]
mod pipe;
#[cfg_attr(unix, path = "ports_unix.rs")]
#[cfg_attr(windows, path = "ports_windows.rs")]
mod ports;
#[cfg(unix)]
mod unix;

pub(crate) use answers::{is_broken_off, is_exhausted, tell_shut_down};
pub(crate) use conduit::Conduit;
pub(crate) use descriptor::{
    BorrowedDescriptor, Descriptor, OwnedDescriptor, descriptor, into_descriptor,
};
#[cfg(unix)]
pub(crate) use peer::Peer;
#[cfg(unix)]
pub(crate) use pipe::PipeEnd;
#[cfg(unix)]
pub(crate) use unix::unix;

use std::io::{self, IoSlice, IoSliceMut, Read as _};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr};

use socket2::{Domain, Protocol, SockAddr, Type};

use crate::io::ReadBuf;
use answers::goes_on;
use calls::{NO_SIGNAL, accept, is_connected, make};

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
        self.receive(buf, answers::recv)
    }

    /// As `recv`, and leaves them to be read again.
    pub(crate) fn peek(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        self.receive(buf, answers::peek)
    }

    fn receive(
        &self,
        buf: &mut ReadBuf<'_>,
        mut call: impl FnMut(&socket2::Socket, &mut [MaybeUninit<u8>]) -> io::Result<usize>,
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
        answers::sent(again(|| self.0.send_with_flags(buf, NO_SIGNAL)))
    }

    pub(crate) fn send_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        // The kernel refuses more slices than this; a write may always be short.
        let bufs = &bufs[..bufs.len().min(SLICES_MAX)];
        answers::sent(again(|| self.0.send_vectored_with_flags(bufs, NO_SIGNAL)))
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
}

descriptor!(OsSocket, this => this.0);

impl From<OwnedDescriptor> for OsSocket {
    fn from(descriptor: OwnedDescriptor) -> OsSocket {
        OsSocket(socket2::Socket::from(descriptor))
    }
}

impl From<OsSocket> for OwnedDescriptor {
    fn from(socket: OsSocket) -> OwnedDescriptor {
        OwnedDescriptor::from(socket.0)
    }
}

/// `IOV_MAX` is 1024 on every system we know.
const SLICES_MAX: usize = 1024;

/// The internet address that the kernel has told.
pub(crate) fn ip(address: SockAddr) -> io::Result<SocketAddr> {
    address.as_socket().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "not a socket of the internet protocol")
    })
}

pub(crate) fn again<R>(mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}
