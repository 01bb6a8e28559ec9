//! The calls of other Unix systems that are one on Linux.

use std::io;
use std::mem::MaybeUninit;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// Writing to a stream that the peer has closed is an error, and no signal as well.
#[cfg(not(target_vendor = "apple"))]
pub(super) const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;
/// The socket has an option for that, which is set when it is made.
#[cfg(target_vendor = "apple")]
pub(super) const NO_SIGNAL: i32 = 0;

pub(super) fn make(domain: Domain, kind: Type, protocol: Option<Protocol>) -> io::Result<Socket> {
    let socket = Socket::new(domain, kind, protocol)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

pub(super) fn pair(kind: Type) -> io::Result<(Socket, Socket)> {
    let (one, other) = Socket::pair(Domain::UNIX, kind, None)?;
    one.set_nonblocking(true)?;
    other.set_nonblocking(true)?;
    Ok((one, other))
}

pub(super) fn accept(listener: &Socket) -> io::Result<(Socket, SockAddr)> {
    let (socket, address) = listener.accept()?;
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

pub(super) fn is_connected(socket: &Socket, _address: &SockAddr) -> io::Result<bool> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        outcome => outcome.map(|_| true),
    }
}

/// Receives bytes; there may have been something beside them.
pub(super) fn recv_told(
    socket: &Socket,
    room: &mut [MaybeUninit<u8>],
) -> io::Result<(usize, bool)> {
    Ok((socket.recv(room)?, true))
}
