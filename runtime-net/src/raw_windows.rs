//! Sockets from raw handles, which the caller vouches for.
//!
//! # Invariants
//!
//! - The handle is that of an open socket, and nobody else's: the caller of `from_raw_socket` promises it.

use std::os::windows::io::{FromRawSocket, OwnedSocket, RawSocket};

use crate::socket::Socket;
use crate::tcp::TcpSocket;

impl FromRawSocket for TcpSocket {
    /// Takes over a socket, which must be non-blocking already.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::os::windows::io::{AsRawSocket, FromRawSocket, IntoRawSocket};
    ///
    /// let handle = filch::net::TcpSocket::new_v4()?.into_raw_socket();
    /// // SAFETY: it was ours a line ago, and nobody else knows it.
    /// let socket = unsafe { filch::net::TcpSocket::from_raw_socket(handle) };
    /// assert_eq!(socket.as_raw_socket(), handle);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    unsafe fn from_raw_socket(socket: RawSocket) -> TcpSocket {
        // SAFETY: the caller promises that the socket is open and nobody else's.
        let descriptor = unsafe { OwnedSocket::from_raw_socket(socket) };
        TcpSocket { socket: Socket::from(descriptor) }
    }
}
