//! `DirEntry`: one thing in a directory.

use std::ffi::OsString;
use std::fs::{FileType, Metadata};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::on_pool;

/// One thing in a directory; see [`ReadDir`](super::ReadDir).
#[derive(Debug)]
pub struct DirEntry {
    pub(super) std: Arc<std::fs::DirEntry>,
    /// Most systems tell along with the name.
    file_type: Option<FileType>,
}

impl DirEntry {
    /// Looks at what needs no further system call on most systems. To be called on the pool.
    pub(super) fn new(std: std::fs::DirEntry) -> DirEntry {
        let file_type = std.file_type().ok();
        DirEntry { std: Arc::new(std), file_type }
    }

    /// The path: that of the directory, and the name.
    pub fn path(&self) -> PathBuf {
        self.std.path()
    }

    /// The name.
    pub fn file_name(&self) -> OsString {
        self.std.file_name()
    }

    /// What the system knows about it; symbolic links are not followed.
    ///
    /// # Errors
    ///
    /// Those of [`std::fs::DirEntry::metadata`]; most likely it has been removed.
    pub async fn metadata(&self) -> io::Result<Metadata> {
        let std = self.std.clone();
        on_pool(move || std.metadata()).await
    }

    /// Whether it is a file, a directory, a link. Costs nothing on most systems.
    ///
    /// # Errors
    ///
    /// Those of [`std::fs::DirEntry::file_type`].
    pub async fn file_type(&self) -> io::Result<FileType> {
        if let Some(file_type) = self.file_type {
            return Ok(file_type);
        }
        let std = self.std.clone();
        on_pool(move || std.file_type()).await
    }
}
