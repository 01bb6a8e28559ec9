//! Calls that only Linux has: what takes several calls elsewhere is one.

use std::io;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// Writing to a stream that the peer has closed is an error, and no signal as well.
pub(super) const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;

pub(super) fn make(domain: Domain, kind: Type, protocol: Option<Protocol>) -> io::Result<Socket> {
    Socket::new_raw(domain, kind.nonblocking().cloexec(), protocol)
}

pub(super) fn pair(kind: Type) -> io::Result<(Socket, Socket)> {
    Socket::pair_raw(Domain::UNIX, kind.nonblocking().cloexec(), None)
}

pub(super) fn accept(listener: &Socket) -> io::Result<(Socket, SockAddr)> {
    listener.accept4(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC)
}

pub(super) fn is_connected(socket: &Socket, address: &SockAddr) -> io::Result<bool> {
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
