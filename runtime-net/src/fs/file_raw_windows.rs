//! `File` from a raw handle, which the caller vouches for.
//!
//! # Invariants
//!
//! - The handle is that of an open file, and nobody else's: the caller of `from_raw_handle` promises it.

use std::fs::File as StdFile;
use std::os::windows::io::{FromRawHandle, RawHandle};

use super::File;

impl FromRawHandle for File {
    unsafe fn from_raw_handle(handle: RawHandle) -> File {
        // SAFETY: the caller promises that the handle is open and nobody else's.
        File::from_std(unsafe { StdFile::from_raw_handle(handle) })
    }
}
