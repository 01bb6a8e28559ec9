//! What a system knows something by that it can watch: a file descriptor.

use std::os::fd::{AsFd, AsRawFd as _};

pub use std::os::fd::RawFd as RawDescriptor;

/// What can be watched.
pub trait Numbered {
    /// The number of its descriptor, the same as long as it is watched.
    fn number(&self) -> RawDescriptor;

    /// Whether the descriptor is open as long as it is watched, whatever others do.
    fn is_owned(&self) -> bool {
        true
    }
}

impl<T: AsFd + ?Sized> Numbered for T {
    #[inline]
    fn number(&self) -> RawDescriptor {
        self.as_fd().as_raw_fd()
    }
}

/// The number of a descriptor that belongs to somebody else, who may close it at any time.
#[derive(Debug, Clone, Copy)]
pub struct Unowned(pub RawDescriptor);

impl Numbered for Unowned {
    #[inline]
    fn number(&self) -> RawDescriptor {
        self.0
    }

    fn is_owned(&self) -> bool {
        false
    }
}

/// What no other one has as long as this one is open.
pub(super) fn number(descriptor: RawDescriptor) -> u64 {
    u64::from(descriptor.cast_unsigned())
}
