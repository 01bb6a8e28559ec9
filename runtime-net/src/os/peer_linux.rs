//! Who is at the other end of a Unix stream, as Linux tells.

use std::io;
use std::os::fd::BorrowedFd;

/// A process, when it connected or made the pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) pid: Option<i32>,
}

pub(super) fn of(socket: BorrowedFd<'_>) -> io::Result<Peer> {
    let peer = rustix::net::sockopt::socket_peercred(socket)?;
    Ok(Peer { uid: peer.uid.as_raw(), gid: peer.gid.as_raw(), pid: Some(peer.pid.as_raw_pid()) })
}
