//! The calls we make on sockets, and who answers them.
//!
//! Whoever is on the other side of this enum decides what the bytes are. Today that is always the
//! kernel; a simulated network becomes the second variant, and nothing above changes.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Type};

use crate::io::ReadBuf;
#[cfg(unix)]
use crate::os::Peer;
use crate::os::{OsSocket, OwnedDescriptor, descriptor};
use crate::udp::{Incoming, Outgoing};

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
    fn connect(address: &SockAddr) -> io::Result<bool>;
    fn is_connected(address: &SockAddr) -> io::Result<bool>;
    fn bind(address: &SockAddr) -> io::Result<()>;
    fn listen(backlog: i32) -> io::Result<()>;
    fn recv(buf: &mut ReadBuf<'_>) -> io::Result<usize>;
    #[cfg(unix)]
    fn recv_told(buf: &mut ReadBuf<'_>) -> io::Result<(usize, bool)>;
    fn peek(buf: &mut ReadBuf<'_>) -> io::Result<usize>;
    fn recv_vectored(bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize>;
    fn send(buf: &[u8]) -> io::Result<usize>;
    fn send_vectored(bufs: &[IoSlice<'_>]) -> io::Result<usize>;
    fn recv_from(buf: &mut ReadBuf<'_>) -> io::Result<(usize, SockAddr)>;
    fn peek_from(buf: &mut ReadBuf<'_>) -> io::Result<(usize, SockAddr)>;
    fn send_to(buf: &[u8], target: &SockAddr) -> io::Result<usize>;
    fn send_many(datagrams: &[Outgoing<'_>]) -> io::Result<usize>;
    fn recv_many(datagrams: &mut [Incoming<'_>]) -> io::Result<usize>;
    fn shutdown(how: Shutdown) -> io::Result<()>;
    fn local_addr() -> io::Result<SockAddr>;
    fn peer_addr() -> io::Result<SockAddr>;
    #[cfg(unix)]
    fn kind() -> io::Result<Type>;
    fn nonblocking() -> io::Result<bool>;
    fn let_take_over(on: bool) -> io::Result<()>;
    fn let_share(on: bool) -> io::Result<()>;
    #[cfg(unix)]
    fn peer() -> io::Result<Peer>;
    fn take_error() -> io::Result<Option<io::Error>>;
}

// Options.
ask! {
    fn nodelay() -> io::Result<bool>;
    fn set_nodelay(on: bool) -> io::Result<()>;
    #[cfg(target_os = "linux")]
    fn quickack() -> io::Result<bool>;
    #[cfg(target_os = "linux")]
    fn set_quickack(on: bool) -> io::Result<()>;
    fn keepalive() -> io::Result<bool>;
    fn set_keepalive(on: bool) -> io::Result<()>;
    fn linger() -> io::Result<Option<Duration>>;
    fn set_linger(linger: Option<Duration>) -> io::Result<()>;
    fn reuseaddr() -> io::Result<bool>;
    fn set_reuseaddr(on: bool) -> io::Result<()>;
    #[cfg(unix)]
    fn reuseport() -> io::Result<bool>;
    #[cfg(unix)]
    fn set_reuseport(on: bool) -> io::Result<()>;
    fn set_only_v6(on: bool) -> io::Result<()>;
    fn send_buffer_size() -> io::Result<usize>;
    fn set_send_buffer_size(size: usize) -> io::Result<()>;
    fn recv_buffer_size() -> io::Result<usize>;
    fn set_recv_buffer_size(size: usize) -> io::Result<()>;
    fn ttl() -> io::Result<u32>;
    fn set_ttl(ttl: u32) -> io::Result<()>;
    fn tos_v4() -> io::Result<u32>;
    fn set_tos_v4(tos: u32) -> io::Result<()>;
    #[cfg(unix)]
    fn tclass_v6() -> io::Result<u32>;
    #[cfg(unix)]
    fn set_tclass_v6(class: u32) -> io::Result<()>;
    #[cfg(target_os = "linux")]
    fn device() -> io::Result<Option<Vec<u8>>>;
    #[cfg(target_os = "linux")]
    fn bind_device(interface: Option<&[u8]>) -> io::Result<()>;
    #[cfg(target_os = "linux")]
    fn set_gso_segment(size: u16) -> io::Result<()>;
    #[cfg(target_os = "linux")]
    fn set_gro(on: bool) -> io::Result<()>;
    fn broadcast() -> io::Result<bool>;
    fn set_broadcast(on: bool) -> io::Result<()>;
    fn multicast_loop_v4() -> io::Result<bool>;
    fn set_multicast_loop_v4(on: bool) -> io::Result<()>;
    fn multicast_ttl_v4() -> io::Result<u32>;
    fn set_multicast_ttl_v4(ttl: u32) -> io::Result<()>;
    fn multicast_loop_v6() -> io::Result<bool>;
    fn set_multicast_loop_v6(on: bool) -> io::Result<()>;
    fn join_multicast_v4(group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()>;
    fn leave_multicast_v4(group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()>;
    fn join_multicast_v6(group: &Ipv6Addr, interface: u32) -> io::Result<()>;
    fn leave_multicast_v6(group: &Ipv6Addr, interface: u32) -> io::Result<()>;
}

impl Socket {
    /// A stream socket for addresses like `address`.
    pub(crate) fn stream(address: SocketAddr) -> io::Result<Socket> {
        Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))
    }

    /// A socket that is not bound and not connected.
    pub(crate) fn new(
        domain: Domain,
        kind: Type,
        protocol: Option<Protocol>,
    ) -> io::Result<Socket> {
        OsSocket::new(domain, kind, protocol).map(Socket::Os)
    }

    /// Two Unix sockets that are connected to one another.
    #[cfg(unix)]
    pub(crate) fn pair(kind: Type) -> io::Result<(Socket, Socket)> {
        let (one, other) = OsSocket::pair(kind)?;
        Ok((Socket::Os(one), Socket::Os(other)))
    }

    /// Takes a connection that waits.
    pub(crate) fn accept(&self) -> io::Result<(Socket, SockAddr)> {
        match self {
            Socket::Os(socket) => {
                let (socket, address) = socket.accept()?;
                Ok((Socket::Os(socket), address))
            }
        }
    }

    /// A socket that others have made.
    ///
    /// # Panics
    ///
    /// In a debug build, if it is blocking and the system says so: whoever waits for it would hold up a
    /// worker.
    #[track_caller]
    pub(crate) fn adopt(descriptor: OwnedDescriptor) -> Socket {
        let socket = Socket::from(descriptor);
        debug_assert!(
            socket.nonblocking().unwrap_or(true),
            "this socket is blocking: call `set_nonblocking(true)` before `from_std`"
        );
        socket
    }

    /// The kernel's descriptor.
    pub(crate) fn into_descriptor(self) -> OwnedDescriptor {
        match self {
            Socket::Os(socket) => socket.into(),
        }
    }
}

descriptor!(Socket, this => match this {
    Socket::Os(socket) => socket,
});

impl From<OwnedDescriptor> for Socket {
    fn from(descriptor: OwnedDescriptor) -> Socket {
        Socket::Os(OsSocket::from(descriptor))
    }
}
