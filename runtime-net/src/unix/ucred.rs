//! `UCred`: who is at the other end of a Unix stream.

use crate::os::Peer;

/// The number of a user.
#[expect(non_camel_case_types, reason = "the name that C and tokio have given it")]
pub type uid_t = u32;
/// The number of a group.
#[expect(non_camel_case_types, reason = "the name that C and tokio have given it")]
pub type gid_t = u32;
/// The number of a process.
#[expect(non_camel_case_types, reason = "the name that C and tokio have given it")]
pub type pid_t = i32;

/// Who has connected, or listens, or made the pair; see
/// [`UnixStream::peer_cred`](super::UnixStream::peer_cred).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UCred {
    pid: Option<pid_t>,
    uid: uid_t,
    gid: gid_t,
}

impl UCred {
    /// The user.
    pub fn uid(&self) -> uid_t {
        self.uid
    }

    /// The group.
    pub fn gid(&self) -> gid_t {
        self.gid
    }

    /// The process, where the system tells it.
    pub fn pid(&self) -> Option<pid_t> {
        self.pid
    }
}

impl From<Peer> for UCred {
    fn from(peer: Peer) -> UCred {
        UCred { pid: peer.pid, uid: peer.uid, gid: peer.gid }
    }
}
