//! What Unix systems answer: errors that are none of ours to tell, and bytes.

use std::io;
use std::mem::MaybeUninit;

use runtime_core::reactor::{Numbered, Registration};
use socket2::{SockAddr, Socket};

/// Whether an accept failed because there is too little of something to take the connection, which
/// stays where it is and would fail again at once.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM].into_iter().any(|it| code == Some(it))
}

pub(super) fn goes_on(error: &io::Error) -> bool {
    // After a signal the connect goes on as well, and a second one would be refused.
    matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR))
}

/// Whether an accept failed because who had connected has broken off meanwhile.
pub(crate) fn is_broken_off(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionAborted
}

/// The system tells by itself that we have ended both directions.
#[inline(always)]
pub(crate) fn tell_shut_down<D: Numbered>(_: &Registration<D>) {}

/// How a call has ended that was to send something.
#[inline(always)]
pub(super) fn sent(outcome: io::Result<usize>) -> io::Result<usize> {
    outcome
}

#[inline]
pub(super) fn recv(socket: &Socket, room: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    socket.recv(room)
}

#[inline]
pub(super) fn peek(socket: &Socket, room: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    socket.peek(room)
}

#[inline]
pub(super) fn recv_from(
    socket: &Socket,
    room: &mut [MaybeUninit<u8>],
) -> io::Result<(usize, SockAddr)> {
    socket.recv_from(room)
}

#[inline]
pub(super) fn peek_from(
    socket: &Socket,
    room: &mut [MaybeUninit<u8>],
) -> io::Result<(usize, SockAddr)> {
    socket.peek_from(room)
}
