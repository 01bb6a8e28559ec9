//! What a system knows something by that it can watch: a file descriptor.

pub use std::os::fd::RawFd as RawDescriptor;

/// The number of none.
pub(super) const NONE: RawDescriptor = -1;
