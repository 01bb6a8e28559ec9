//! Who may use a port beside others, or after them.

use std::io;

use super::OsSocket;

impl OsSocket {
    /// Sets whether a listener may use a port on which connections of one before linger.
    pub(crate) fn let_take_over(&self, on: bool) -> io::Result<()> {
        self.set_reuseaddr(on)
    }

    /// Sets whether several listeners may share a port.
    pub(crate) fn let_share(&self, on: bool) -> io::Result<()> {
        self.set_reuseport(on)
    }

    pub(crate) fn nonblocking(&self) -> io::Result<bool> {
        self.0.nonblocking()
    }
}
