//! Calls that only Linux has: what takes several calls elsewhere is one.
//!
//! # Invariants
//!
//! - What a header points to is alive and exclusively ours until the call is over.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd as _;

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

/// Receives bytes, and says whether there was something beside them, for which no room is given: then the
/// kernel says that it has cut that off.
pub(super) fn recv_told(
    socket: &Socket,
    room: &mut [MaybeUninit<u8>],
) -> io::Result<(usize, bool)> {
    let mut bytes = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
    // SAFETY: a header of zeros is a valid one: null pointers, and lengths of nothing.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut bytes;
    header.msg_iovlen = 1;
    // SAFETY: the header points to one entry, that to the borrowed room, and both outlive the call.
    let count = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, 0) };
    // Below zero there is an error, and nothing else is so.
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
    Ok((count, header.msg_flags & libc::MSG_CTRUNC != 0))
}
