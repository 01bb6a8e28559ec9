//! The file of a Unix socket: an old one makes room for a new one, and goes with its server.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// A path at which a socket is, or will be. The file is removed when this is dropped, if it is still
/// the same file.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and number of the file that was made.
    identity: Option<(u64, u64)>,
}

impl SocketFile {
    /// Removes a socket that is at `path`: nobody can listen there while it is.
    pub(super) fn prepare(path: &Path) -> io::Result<SocketFile> {
        let file = SocketFile { path: path.to_owned(), identity: None };
        if !file.is_abstract()
            && fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
        {
            fs::remove_file(path)?;
        }
        Ok(file)
    }

    /// The file was made just now.
    pub(super) fn made(mut self) -> SocketFile {
        self.identity = self.identity_now();
        self
    }

    fn identity_now(&self) -> Option<(u64, u64)> {
        let found = fs::symlink_metadata(&self.path).ok()?;
        (!self.is_abstract()).then(|| (found.dev(), found.ino()))
    }

    /// On Linux, a name that begins with a zero byte is in no file system.
    fn is_abstract(&self) -> bool {
        self.path.as_os_str().as_bytes().first() == Some(&0)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.identity.is_some() && self.identity == self.identity_now() {
            // An error means that somebody else was faster.
            let _ = fs::remove_file(&self.path);
        }
    }
}
