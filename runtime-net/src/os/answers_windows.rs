//! What Windows answers: errors that are none of ours to tell, and bytes.
//!
//! A datagram that is longer than its room is an error to Windows, unless its room is given as several
//! pieces. Here it is always given as pieces, of which there is one.

use std::io;
use std::mem::MaybeUninit;

use runtime_core::reactor::{Numbered, Ready, Registration};
use socket2::{MaybeUninitSlice, RecvFlags, SockAddr, Socket};
use windows_sys::Win32::Foundation::{ERROR_NOT_ENOUGH_MEMORY, ERROR_TOO_MANY_OPEN_FILES};
use windows_sys::Win32::Networking::WinSock::{
    MSG_PEEK, WSAEMFILE, WSAENOBUFS, WSAESHUTDOWN, WSAEWOULDBLOCK,
};

/// Whether an accept failed because there is too little of something to take the connection, which
/// stays where it is and would fail again at once.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    let codes =
        [WSAEMFILE, WSAENOBUFS, ERROR_NOT_ENOUGH_MEMORY as i32, ERROR_TOO_MANY_OPEN_FILES as i32];
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

pub(super) fn goes_on(error: &io::Error) -> bool {
    error.raw_os_error() == Some(WSAEWOULDBLOCK)
}

/// Whether an accept failed because who had connected has broken off meanwhile.
pub(crate) fn is_broken_off(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, NotConnected};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | NotConnected)
}

/// Has those who wait find that we have ended both directions, of which Windows tells the peer only.
pub(crate) fn tell_shut_down<D: Numbered>(registration: &Registration<D>) {
    registration.report(Ready::READABLE | Ready::WRITABLE);
}

/// How a call has ended that was to send something: that we have said to send no more has a kind of its
/// own.
pub(super) fn sent(outcome: io::Result<usize>) -> io::Result<usize> {
    match outcome {
        Err(error) if error.raw_os_error() == Some(WSAESHUTDOWN) => {
            Err(io::Error::new(io::ErrorKind::BrokenPipe, error))
        }
        outcome => outcome,
    }
}

pub(super) fn recv(socket: &Socket, room: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    let size = room.len();
    let (count, flags) = socket.recv_vectored(&mut [MaybeUninitSlice::new(room)])?;
    Ok(count_of(count, flags, size))
}

pub(super) fn peek(socket: &Socket, room: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    let size = room.len();
    let pieces = &mut [MaybeUninitSlice::new(room)];
    let (count, flags) = socket.recv_vectored_with_flags(pieces, MSG_PEEK)?;
    Ok(count_of(count, flags, size))
}

pub(super) fn recv_from(
    socket: &Socket,
    room: &mut [MaybeUninit<u8>],
) -> io::Result<(usize, SockAddr)> {
    let size = room.len();
    let (count, flags, sender) = socket.recv_from_vectored(&mut [MaybeUninitSlice::new(room)])?;
    Ok((count_of(count, flags, size), sender))
}

pub(super) fn peek_from(
    socket: &Socket,
    room: &mut [MaybeUninit<u8>],
) -> io::Result<(usize, SockAddr)> {
    let size = room.len();
    let pieces = &mut [MaybeUninitSlice::new(room)];
    let (count, flags, sender) = socket.recv_from_vectored_with_flags(pieces, MSG_PEEK)?;
    Ok((count_of(count, flags, size), sender))
}

/// How many bytes there are in a room for `size`: all of them, if something was cut off, of which Windows
/// does not always say how much is left.
fn count_of(count: usize, flags: RecvFlags, size: usize) -> usize {
    if flags.is_truncated() { size } else { count }
}
