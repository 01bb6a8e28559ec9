//! The calls of Windows that are one on Linux.
//!
//! Urgent bytes come with the others here. Beside them, they would have the system say that there is
//! something to read until somebody takes them, though a read finds nothing: a peer could keep a core
//! busy by sending one.

use std::io;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// Writing to a stream that the peer has closed is an error and nothing else.
pub(super) const NO_SIGNAL: i32 = 0;

pub(super) fn make(domain: Domain, kind: Type, protocol: Option<Protocol>) -> io::Result<Socket> {
    let socket = Socket::new(domain, kind, protocol)?;
    socket.set_nonblocking(true)?;
    if kind == Type::STREAM {
        socket.set_out_of_band_inline(true)?;
    }
    Ok(socket)
}

pub(super) fn accept(listener: &Socket) -> io::Result<(Socket, SockAddr)> {
    let (socket, address) = listener.accept()?;
    socket.set_nonblocking(true)?;
    // An error means that the peer has gone already.
    let _ = socket.set_out_of_band_inline(true);
    Ok((socket, address))
}

pub(super) fn is_connected(socket: &Socket, _address: &SockAddr) -> io::Result<bool> {
    // Windows says nothing of a connect that goes on: who is not connected now has failed.
    match socket.take_error()? {
        Some(error) => Err(error),
        None => socket.peer_addr().map(|_| true),
    }
}
