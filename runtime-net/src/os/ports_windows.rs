//! Who may use a port beside others, or after them: on Windows only who comes after.

use std::io;

use super::OsSocket;

impl OsSocket {
    /// Sets whether a listener may use a port on which connections of one before linger: always. The option
    /// of that name would let anybody take the port from a listener that is there.
    pub(crate) fn let_take_over(&self, _on: bool) -> io::Result<()> {
        Ok(())
    }

    /// Sets whether several listeners may share a port.
    pub(crate) fn let_share(&self, on: bool) -> io::Result<()> {
        match on {
            true => Err(io::Error::new(io::ErrorKind::Unsupported, "Windows shares no ports")),
            false => Ok(()),
        }
    }

    /// Windows does not tell.
    pub(crate) fn nonblocking(&self) -> io::Result<bool> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
