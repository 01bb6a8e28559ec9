//! Sockets and byte streams of the filch runtime.
//!
//! ```text
//!   tcp ──▶ socket ──▶ os        (system calls; a simulated network can answer here as well)
//!    │                           
//!    ├────▶ addr                 (names to addresses, off the worker threads)
//!    └────▶ io                   (AsyncRead, AsyncWrite, and what one does with them)
//!            │
//!            └──▶ runtime_core::reactor::Registration    (try, wait, try again)
//! ```
//!
//! | file | what |
//! |---|---|
//! | io/ | the traits, their helpers, and `AsyncFd` |
//! | codec/ | frames on byte streams: `Framed`, and codecs for lines and messages |
//! | addr.rs | `ToSocketAddrs`: names to addresses |
//! | socket.rs | the calls we make, and who answers |
//! | os.rs | answered by the kernel; the only file with system calls |
//! | tcp/ | `TcpListener`, `TcpStream` and its halves |
#![deny(unsafe_code)]

mod addr;
#[cfg(feature = "codec")]
pub mod codec;
mod datagrams;
pub mod io;
#[expect(unsafe_code, reason = "the kernel fills buffers that are not initialized")]
mod os;
mod rest;
mod socket;
mod staggered;
mod stream;
pub mod tcp;
mod udp;
pub mod unix;

/// Sockets, and names to addresses.
pub mod net {
    pub use crate::addr::{ToSocketAddrs, lookup_host};
    pub use crate::staggered::{STAGGER, connect_staggered};
    pub use crate::tcp::{self, TcpListener, TcpSocket, TcpStream};
    pub use crate::udp::UdpSocket;
    pub use crate::unix::{self, UnixDatagram, UnixListener, UnixSocket, UnixStream};
}
