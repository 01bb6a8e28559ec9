//! `OpenOptions`: how to open a named pipe.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::{Access, Receiver, Sender};
use crate::os::PipeEnd;

/// How to open a named pipe, which never waits for the other side. The semantics are those of
/// tokio's type.
///
/// # Examples
///
/// ```
/// use filch::net::unix::pipe;
///
/// # #[filch::main]
/// # async fn main() {
/// let error = pipe::OpenOptions::new().open_receiver("/no/such/pipe").unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    read_write: bool,
    unchecked: bool,
}

impl OpenOptions {
    /// Opens for one direction, and makes sure that it is a pipe.
    pub fn new() -> OpenOptions {
        OpenOptions::default()
    }

    /// Whether to open for both directions, whichever is asked for. A sender can then be opened
    /// while nobody reads, and a receiver sees no end while nobody writes.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn read_write(&mut self, value: bool) -> &mut OpenOptions {
        self.read_write = value;
        self
    }

    /// Whether to leave out the check that it is a pipe, which the caller then knows.
    pub fn unchecked(&mut self, value: bool) -> &mut OpenOptions {
        self.unchecked = value;
        self
    }

    /// Opens the pipe at `path` to read it. The end is seen at once while nobody writes.
    ///
    /// # Errors
    ///
    /// Those of the system, or [`InvalidInput`](io::ErrorKind::InvalidInput): it is not a pipe.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn open_receiver<P: AsRef<Path>>(&self, path: P) -> io::Result<Receiver> {
        Receiver::new(self.open(path.as_ref(), Access::Read)?)
    }

    /// Opens the pipe at `path` to write to it.
    ///
    /// # Errors
    ///
    /// Those of the system, most likely `ENXIO`: nobody reads; or
    /// [`InvalidInput`](io::ErrorKind::InvalidInput): it is not a pipe.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn open_sender<P: AsRef<Path>>(&self, path: P) -> io::Result<Sender> {
        Sender::new(self.open(path.as_ref(), Access::Write)?)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<PipeEnd> {
        let both = self.both();
        let file = std::fs::OpenOptions::new()
            .read(access == Access::Read || both)
            .write(access == Access::Write || both)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)?;
        if !self.unchecked && !file.metadata()?.file_type().is_fifo() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a pipe"));
        }
        Ok(PipeEnd::from(OwnedFd::from(file)))
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn both(&self) -> bool {
        self.read_write
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn both(&self) -> bool {
        false
    }
}
