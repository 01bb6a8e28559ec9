//! What files and directories have on Windows only.

use std::fs::File as StdFile;
use std::os::windows::fs::OpenOptionsExt as _;
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, OwnedHandle, RawHandle};

use super::functions::of_two_paths;
use super::open_options::options;
use super::{File, OpenOptions};

of_two_paths! {
    /// Makes a symbolic link to a file, which need not be there.
    fn symlink_file(original, link) -> () = std::os::windows::fs::symlink_file;
    /// Makes a symbolic link to a directory, which need not be there.
    fn symlink_dir(original, link) -> () = std::os::windows::fs::symlink_dir;
}

/// New directories have the permissions that are usual.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DirMode;

impl DirMode {
    pub(super) fn set(self, _: &mut std::fs::DirBuilder) {}
}

/// On Windows.
impl OpenOptions {
    options! {
        /// Which access is asked for (`dwDesiredAccess`), in place of what `read`, `write` and `append` say.
        fn access_mode(access: u32);
        /// What others may do with the file meanwhile (`dwShareMode`): all, unless this is set.
        fn share_mode(share: u32);
        /// Further flags for `CreateFile` (`dwFlagsAndAttributes`).
        fn custom_flags(flags: u32);
        /// The attributes of a file that is made (`dwFlagsAndAttributes`).
        fn attributes(attributes: u32);
        /// What the server of a named pipe may do in our name.
        fn security_qos_flags(flags: u32);
    }
}

impl From<OwnedHandle> for File {
    fn from(handle: OwnedHandle) -> File {
        File::from_std(StdFile::from(handle))
    }
}

impl AsHandle for File {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.std.as_handle()
    }
}

impl AsRawHandle for File {
    fn as_raw_handle(&self) -> RawHandle {
        self.std.as_raw_handle()
    }
}
