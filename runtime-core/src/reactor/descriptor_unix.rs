//! What a system knows something by that it can watch: a file descriptor.

use std::os::fd::{AsFd, AsRawFd as _};

pub use std::os::fd::RawFd as RawDescriptor;

/// What can be watched.
pub trait Numbered {
    /// The number of its descriptor, the same as long as it is watched.
    fn number(&self) -> RawDescriptor;
}

impl<T: AsFd + ?Sized> Numbered for T {
    #[inline]
    fn number(&self) -> RawDescriptor {
        self.as_fd().as_raw_fd()
    }
}

/// The number of a descriptor that belongs to somebody else.
#[derive(Debug, Clone, Copy)]
pub struct Unowned(pub RawDescriptor);

impl Numbered for Unowned {
    #[inline]
    fn number(&self) -> RawDescriptor {
        self.0
    }
}
