//! What files and directories have on Unix only.

use std::fs::File as StdFile;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::{DirBuilderExt as _, DirEntryExt as _, OpenOptionsExt as _};

use super::functions::of_two_paths;
use super::open_options::options;
use super::{DirBuilder, DirEntry, File, OpenOptions};

of_two_paths! {
    /// Makes a symbolic link, which need not lead anywhere.
    fn symlink(original, link) -> () = std::os::unix::fs::symlink;
}

/// The permissions of new directories, if they are others than usual.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DirMode(Option<u32>);

impl DirMode {
    pub(super) fn set(self, std: &mut std::fs::DirBuilder) {
        if let Some(mode) = self.0 {
            std.mode(mode);
        }
    }
}

/// On Unix.
impl DirBuilder {
    /// The permissions of the new directories, before the process's mask is taken off.
    pub fn mode(&mut self, mode: u32) -> &mut DirBuilder {
        self.mode = DirMode(Some(mode));
        self
    }
}

/// On Unix.
impl OpenOptions {
    options! {
        /// The permissions of a file that is made, before the process's mask is taken off.
        fn mode(mode: u32);
        /// Further flags for the system's `open`.
        fn custom_flags(flags: i32);
    }
}

/// On Unix.
impl DirEntry {
    /// The number of what the name stands for.
    pub fn ino(&self) -> u64 {
        self.std.ino()
    }
}

impl From<OwnedFd> for File {
    fn from(descriptor: OwnedFd) -> File {
        File::from_std(StdFile::from(descriptor))
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.std.as_fd()
    }
}

impl AsRawFd for File {
    fn as_raw_fd(&self) -> RawFd {
        self.std.as_raw_fd()
    }
}
