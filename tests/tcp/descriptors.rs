//! What sockets are to the system, by one name on all of them.

use filch::net::TcpStream;

#[cfg(unix)]
pub(crate) use std::os::fd::OwnedFd as Owned;
#[cfg(unix)]
use std::os::fd::{AsFd as _, AsRawFd as _};
#[cfg(windows)]
pub(crate) use std::os::windows::io::OwnedSocket as Owned;
#[cfg(windows)]
use std::os::windows::io::{AsRawSocket as _, AsSocket as _};

/// The same socket, in the hands of std.
pub(crate) fn copy_of(stream: &TcpStream) -> std::net::TcpStream {
    #[cfg(unix)]
    let lent = stream.as_fd();
    #[cfg(windows)]
    let lent = stream.as_socket();
    lent.try_clone_to_owned().unwrap().into()
}

/// Its number.
pub(crate) fn number_of(stream: &TcpStream) -> u64 {
    #[cfg(unix)]
    let number = stream.as_raw_fd() as u64;
    #[cfg(windows)]
    let number = stream.as_raw_socket();
    number
}
