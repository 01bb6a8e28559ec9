//! Sockets and byte streams of the filch runtime.
//!
//! ```text
//!   tcp   unix   udp
//!    │     │      │
//!    │     ├──────┼──▶ stream, datagrams   (what they share; pipes are streams as well)
//!    ├─────┴──────┴──▶ socket ──▶ os       (system calls; a simulated network can answer here)
//!    ├────▶ addr                           (names to addresses, off the worker threads)
//!    └────▶ io                             (AsyncRead, AsyncWrite, and what one does with them)
//!            │ └──▶ os                       (what moves bytes from one descriptor to another)
//!            │
//!            └──▶ runtime_core::reactor::Registration    (try, wait, try again)
//! ```
//!
//! | file | what |
//! |---|---|
//! | io/ | the traits, their helpers, and `AsyncFd` |
//! | codec/ | frames on byte streams: `Framed`, and codecs for lines and messages |
//! | tcp/ | `TcpSocket`, `TcpListener`, `TcpStream` and its halves |
//! | unix/ | the same for Unix sockets, datagrams, and pipes |
//! | udp/ | `UdpSocket` |
//! | staggered.rs | to connect to whichever of several addresses answers first |
//! | streams/ | asyncio's readers, writers and servers |
//! | addr.rs | `ToSocketAddrs`: names to addresses |
//! | stream/ | the byte stream below TCP, Unix sockets and pipes |
//! | datagrams.rs | the datagrams below UDP and Unix sockets |
//! | rest.rs | accepting, also when there is no descriptor left |
//! | socket.rs | the calls we make, and who answers |
//! | os/ | answered by the kernel; the only place with system calls |
//! | pool.rs | what may block, on threads |
//! | raw.rs, raw_windows.rs | sockets from raw descriptors |
//! | fs/ | files and directories: what is in memory at once, all else on the blocking pool |
//! | process/ | children: starting, feeding, reaping |
//! | signal/ | listening to signals |
//! | runner/ | asyncio's `run` and `Runner` |
//! | tls/ | TLS on any byte stream; that of streams/ is in streams/tls/ |
#![deny(unsafe_code)]

mod addr;
#[cfg(feature = "codec")]
pub mod codec;
mod datagrams;
#[cfg(feature = "fs")]
pub mod fs;
pub mod io;
#[expect(unsafe_code, reason = "the kernel fills buffers that are not initialized")]
mod os;
mod pool;
#[cfg(feature = "process")]
pub mod process;
#[cfg(unix)]
#[expect(unsafe_code, reason = "a number is taken for a descriptor")]
mod raw;
#[cfg(windows)]
#[expect(unsafe_code, reason = "a number is taken for a handle")]
#[path = "raw_windows.rs"]
mod raw;
mod rest;
pub mod runner;
#[cfg(feature = "signal")]
pub mod signal;
mod socket;
mod staggered;
mod stream;
pub mod streams;
pub mod tcp;
#[cfg(feature = "tls")]
pub mod tls;
pub mod udp;
#[cfg(unix)]
pub mod unix;

/// Sockets, and names to addresses.
pub mod net {
    pub use crate::addr::{ToSocketAddrs, lookup_host};
    pub use crate::staggered::{STAGGER, connect_staggered};
    pub use crate::tcp::{self, TcpListener, TcpSocket, TcpStream};
    pub use crate::udp::{self, UdpSocket};
    #[cfg(unix)]
    pub use crate::unix::{self, UnixDatagram, UnixListener, UnixSocket, UnixStream};
}
