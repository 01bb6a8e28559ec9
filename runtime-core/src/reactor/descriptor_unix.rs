//! What a system knows something by that it can watch: a file descriptor.

use std::os::fd::{AsFd, AsRawFd as _};

pub use std::os::fd::RawFd as RawDescriptor;

use super::numbered::Numbered;

impl<T: AsFd + ?Sized> Numbered for T {
    #[inline]
    fn number(&self) -> RawDescriptor {
        self.as_fd().as_raw_fd()
    }
}

/// What no other one has as long as this one is open.
pub(super) fn number(descriptor: RawDescriptor) -> u64 {
    u64::from(descriptor.cast_unsigned())
}
