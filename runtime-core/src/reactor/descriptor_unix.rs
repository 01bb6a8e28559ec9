//! What a system knows something by that it can watch: a file descriptor.

pub use std::os::fd::RawFd as RawDescriptor;

/// The number of none.
pub(super) const NONE: RawDescriptor = -1;

/// What no other one has as long as this one is open.
pub(super) fn number(descriptor: RawDescriptor) -> u64 {
    u64::from(descriptor.cast_unsigned())
}
