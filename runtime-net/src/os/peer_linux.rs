//! Who is at the other end of a Unix stream, as Linux tells.

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
    let mut peer = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut size = size_of_val(&peer) as libc::socklen_t;
    // SAFETY: the descriptor is borrowed, and the answer has a place of the type and size that are asked for.
    let answer = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &raw mut size,
        )
    };
    match answer {
        0 => Ok(Peer { uid: peer.uid, gid: peer.gid, pid: Some(peer.pid) }),
        _ => Err(io::Error::last_os_error()),
    }
}
