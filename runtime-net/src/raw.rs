//! Sockets from raw descriptors, whose number the caller vouches for.
//!
//! # Invariants
//!
//! - The descriptor is open, and nobody else's: the caller of `from_raw_fd` promises it.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use crate::socket::Socket;
use crate::tcp::TcpSocket;
use crate::unix::UnixSocket;

impl FromRawFd for TcpSocket {
    /// Takes over a descriptor, which must be non-blocking already.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd};
    ///
    /// let number = filch::net::TcpSocket::new_v4()?.into_raw_fd();
    /// // SAFETY: it was ours a line ago, and nobody else knows it.
    /// let socket = unsafe { filch::net::TcpSocket::from_raw_fd(number) };
    /// assert_eq!(socket.as_raw_fd(), number);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    unsafe fn from_raw_fd(fd: RawFd) -> TcpSocket {
        // SAFETY: the caller promises that the descriptor is open and nobody else's.
        let descriptor = unsafe { OwnedFd::from_raw_fd(fd) };
        TcpSocket { socket: Socket::from(descriptor) }
    }
}

impl FromRawFd for UnixSocket {
    /// Takes over a descriptor, which must be non-blocking already.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::os::fd::{FromRawFd, IntoRawFd};
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let number = filch::net::UnixSocket::new_datagram()?.into_raw_fd();
    /// // SAFETY: it was ours a line ago, and nobody else knows it.
    /// let socket = unsafe { filch::net::UnixSocket::from_raw_fd(number) };
    /// let socket = socket.datagram()?;
    /// # Ok(())
    /// # }
    /// ```
    unsafe fn from_raw_fd(fd: RawFd) -> UnixSocket {
        // SAFETY: the caller promises that the descriptor is open and nobody else's.
        let descriptor = unsafe { OwnedFd::from_raw_fd(fd) };
        UnixSocket::from_socket(Socket::from(descriptor))
    }
}
