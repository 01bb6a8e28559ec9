//! `File` from a bare descriptor.
//!
//! # Invariants
//!
//! - The descriptor's owner has given it away: that is the caller's promise.

use std::os::fd::{FromRawFd, RawFd};

use super::File;

impl FromRawFd for File {
    unsafe fn from_raw_fd(descriptor: RawFd) -> File {
        // SAFETY: the caller has promised that the descriptor is open and nobody else's.
        File::from_std(unsafe { std::fs::File::from_raw_fd(descriptor) })
    }
}
