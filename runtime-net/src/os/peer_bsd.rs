//! Who is at the other end of a Unix stream, as the BSDs and macOS tell: without the process.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// A process, when it connected or made the pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) pid: Option<i32>,
}

pub(super) fn of(socket: BorrowedFd<'_>) -> io::Result<Peer> {
    let (mut uid, mut gid) = (0, 0);
    // SAFETY: the descriptor is borrowed, and both results are places of the types asked for.
    match unsafe { libc::getpeereid(socket.as_raw_fd(), &raw mut uid, &raw mut gid) } {
        0 => Ok(Peer { uid, gid, pid: None }),
        _ => Err(io::Error::last_os_error()),
    }
}
