//! What Windows knows something by that it can watch: sockets, and what can be waited for.

use std::os::windows::io::{AsRawSocket as _, AsSocket, RawSocket};

use super::numbered::Numbered;

/// The handle of something that can be watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawDescriptor {
    /// A socket.
    Socket(RawSocket),
    /// What is readable once it is signaled, as a process is that has ended: a `RawHandle`, as a number.
    Waitable(usize),
}

/// The handle of none, `INVALID_SOCKET`.
pub(super) const NONE: RawDescriptor = RawDescriptor::Socket(RawSocket::MAX);

impl<T: AsSocket + ?Sized> Numbered for T {
    #[inline]
    fn number(&self) -> RawDescriptor {
        RawDescriptor::Socket(self.as_socket().as_raw_socket())
    }
}

impl RawDescriptor {
    /// The number of the handle, which no other one has meanwhile.
    #[allow(clippy::unnecessary_cast, reason = "sockets are shorter where pointers are")]
    pub(super) fn number(self) -> u64 {
        match self {
            RawDescriptor::Socket(socket) => socket as u64,
            RawDescriptor::Waitable(handle) => handle as u64,
        }
    }
}

/// What no other one has as long as this one is open.
pub(super) fn number(descriptor: RawDescriptor) -> u64 {
    descriptor.number()
}
