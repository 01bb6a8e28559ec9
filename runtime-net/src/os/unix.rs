//! What only Unix sockets have: names in the file system, pairs, and peers that the kernel knows.

use std::io;
use std::os::unix::net;

use socket2::{SockAddr, Type};

use super::{Descriptor as _, OsSocket, Peer, calls, peer};
use crate::io::ReadBuf;

impl OsSocket {
    /// Two Unix sockets that are connected to one another.
    pub(crate) fn pair(kind: Type) -> io::Result<(OsSocket, OsSocket)> {
        let (one, other) = calls::pair(kind)?;
        Ok((OsSocket(one), OsSocket(other)))
    }

    /// Appends bytes to `buf`, and says how many, and whether nothing is left: a descriptor that came with
    /// the bytes ends a read, whatever follows.
    pub(crate) fn recv_told(&self, buf: &mut ReadBuf<'_>) -> io::Result<(usize, bool)> {
        let wanted = buf.remaining();
        let mut is_cut = false;
        let count = self.receive(buf, |socket, room| {
            let (count, is_accompanied) = calls::recv_told(socket, room)?;
            is_cut = is_accompanied;
            Ok(count)
        })?;
        Ok((count, !is_cut && 0 < count && count < wanted))
    }

    pub(crate) fn kind(&self) -> io::Result<Type> {
        self.0.r#type()
    }

    /// Who has connected to, or made, the other end of a Unix stream.
    pub(crate) fn peer(&self) -> io::Result<Peer> {
        peer::of(self.lend())
    }
}

/// The Unix address that the kernel has told, or nothing, which is how some tell of no name.
pub(crate) fn unix(address: SockAddr) -> io::Result<net::SocketAddr> {
    if let Some(name) = abstract_name(&address) {
        return name;
    }
    let is_told = address.len() > 0;
    match address.as_unix() {
        Some(address) => Ok(address),
        None if !is_told || address.is_unix() => net::SocketAddr::from_pathname(""),
        None => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a Unix socket")),
    }
}

#[cfg(target_os = "linux")]
fn abstract_name(address: &SockAddr) -> Option<io::Result<net::SocketAddr>> {
    use std::os::linux::net::SocketAddrExt as _;
    address.as_abstract_namespace().map(net::SocketAddr::from_abstract_name)
}

#[cfg(target_os = "android")]
fn abstract_name(address: &SockAddr) -> Option<io::Result<net::SocketAddr>> {
    use std::os::android::net::SocketAddrExt as _;
    address.as_abstract_namespace().map(net::SocketAddr::from_abstract_name)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn abstract_name(_: &SockAddr) -> Option<io::Result<net::SocketAddr>> {
    None
}
