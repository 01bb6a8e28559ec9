//! The calls we make on sockets, and who answers them.
//!
//! Whoever is on the other side of this enum decides what the bytes are. Today that is always the
//! kernel; a simulated network becomes the second variant, and nothing above changes.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use crate::io::ReadBuf;
use crate::os::OsSocket;

/// A socket that never waits.
#[derive(Debug)]
pub(crate) enum Socket {
    /// The kernel answers.
    Os(OsSocket),
}

/// Each call goes to whoever answers.
macro_rules! ask {
    ($($(#[$attribute:meta])* fn $name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        impl Socket {
            $(
                $(#[$attribute])*
                #[inline]
                pub(crate) fn $name(&self $(, $argument: $kind)*) -> $answer {
                    match self {
                        Socket::Os(socket) => socket.$name($($argument),*),
                    }
                }
            )*
        }
    };
}

ask! {
    fn connect(address: SocketAddr) -> io::Result<bool>;
    fn listen(address: SocketAddr, backlog: i32) -> io::Result<()>;
    fn recv(buf: &mut ReadBuf<'_>) -> io::Result<usize>;
    fn peek(buf: &mut ReadBuf<'_>) -> io::Result<usize>;
    fn recv_vectored(bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize>;
    fn send(buf: &[u8]) -> io::Result<usize>;
    fn send_vectored(bufs: &[IoSlice<'_>]) -> io::Result<usize>;
    fn shutdown(how: Shutdown) -> io::Result<()>;
    fn local_addr() -> io::Result<SocketAddr>;
    fn peer_addr() -> io::Result<SocketAddr>;
    fn take_error() -> io::Result<Option<io::Error>>;
    fn nodelay() -> io::Result<bool>;
    fn set_nodelay(nodelay: bool) -> io::Result<()>;
    #[cfg(target_os = "linux")]
    fn quickack() -> io::Result<bool>;
    #[cfg(target_os = "linux")]
    fn set_quickack(quickack: bool) -> io::Result<()>;
    fn linger() -> io::Result<Option<Duration>>;
    fn set_linger(linger: Option<Duration>) -> io::Result<()>;
    fn ttl() -> io::Result<u32>;
    fn set_ttl(ttl: u32) -> io::Result<()>;
    fn as_fd() -> BorrowedFd<'_>;
    fn as_raw_fd() -> RawFd;
}

impl Socket {
    /// A stream socket for addresses like `address`.
    pub(crate) fn stream(address: SocketAddr) -> io::Result<Socket> {
        OsSocket::stream(address).map(Socket::Os)
    }

    /// Takes a connection that waits.
    pub(crate) fn accept(&self) -> io::Result<(Socket, SocketAddr)> {
        match self {
            Socket::Os(socket) => {
                let (socket, address) = socket.accept()?;
                Ok((Socket::Os(socket), address))
            }
        }
    }

    /// The kernel's descriptor.
    pub(crate) fn into_descriptor(self) -> OwnedFd {
        match self {
            Socket::Os(socket) => socket.into(),
        }
    }
}

impl From<OwnedFd> for Socket {
    fn from(descriptor: OwnedFd) -> Socket {
        Socket::Os(OsSocket::from(descriptor))
    }
}
