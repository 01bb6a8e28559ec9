//! Pipes: bytes in one direction, through a pair of descriptors or through a name.
//!
//! The semantics are those of tokio's `net::unix::pipe`.
//!
//! # Examples
//!
//! ```
//! use filch::io::{AsyncReadExt, AsyncWriteExt};
//! use filch::net::unix::pipe;
//!
//! # #[filch::main]
//! # async fn main() -> std::io::Result<()> {
//! let (mut sender, mut receiver) = pipe::pipe()?;
//! sender.write_all(b"hello").await?;
//! drop(sender);
//! let mut text = String::new();
//! receiver.read_to_string(&mut text).await?;
//! assert_eq!(text, "hello");
//! # Ok(())
//! # }
//! ```

mod open_options;
mod receiver;
mod sender;

pub use open_options::OpenOptions;
pub use receiver::Receiver;
pub use sender::Sender;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt as _;

use crate::os::PipeEnd;

/// Makes a pipe: what is written to the sender can be read from the receiver.
///
/// # Errors
///
/// Those of the system: no descriptor is left.
///
/// # Panics
///
/// There is no runtime on this thread.
#[track_caller]
pub fn pipe() -> io::Result<(Sender, Receiver)> {
    let (read, write) = PipeEnd::pair()?;
    Ok((Sender::new(write)?, Receiver::new(read)?))
}

/// One of the two ways to use a pipe.
#[derive(Clone, Copy, PartialEq)]
enum Access {
    Read,
    Write,
}

/// Takes over a descriptor that must be a pipe and allow `access`, and makes it non-blocking.
fn checked(descriptor: OwnedFd, access: Access) -> io::Result<PipeEnd> {
    let file = File::from(descriptor);
    if !file.metadata()?.file_type().is_fifo() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a pipe"));
    }
    let flags = rustix::fs::fcntl_getfl(file.as_fd())?;
    let mode = flags & rustix::fs::OFlags::ACCMODE;
    let (wanted, message) = match access {
        Access::Read => (rustix::fs::OFlags::RDONLY, "not in O_RDONLY or O_RDWR access mode"),
        Access::Write => (rustix::fs::OFlags::WRONLY, "not in O_WRONLY or O_RDWR access mode"),
    };
    if mode != wanted && mode != rustix::fs::OFlags::RDWR {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let end = PipeEnd::from(OwnedFd::from(file));
    if !flags.contains(rustix::fs::OFlags::NONBLOCK) {
        end.set_nonblocking(true)?;
    }
    Ok(end)
}
