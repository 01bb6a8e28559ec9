//! What sockets are to the system, and to those who use them beside us: file descriptors.

pub(crate) use std::os::fd::BorrowedFd as BorrowedDescriptor;
pub(crate) use std::os::fd::OwnedFd as OwnedDescriptor;

use std::os::fd::AsFd;

use runtime_core::reactor::Numbered;

/// What has a descriptor.
pub(crate) trait Descriptor: Numbered {
    /// The descriptor.
    fn lend(&self) -> BorrowedDescriptor<'_>;
}

impl<T: AsFd> Descriptor for T {
    #[inline]
    fn lend(&self) -> BorrowedDescriptor<'_> {
        self.as_fd()
    }
}

/// The descriptor of a type whose expression `$this.…` has one.
macro_rules! descriptor {
    ($name:ty, $this:ident => $socket:expr) => {
        impl std::os::fd::AsFd for $name {
            #[inline]
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                let $this = self;
                $socket.as_fd()
            }
        }

        impl std::os::fd::AsRawFd for $name {
            #[inline]
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                let $this = self;
                $socket.as_raw_fd()
            }
        }
    };
}
pub(crate) use descriptor;

/// The descriptor of a type that has `socket`, given away.
macro_rules! into_descriptor {
    ($name:ty) => {
        impl std::os::fd::IntoRawFd for $name {
            fn into_raw_fd(self) -> std::os::fd::RawFd {
                std::os::fd::OwnedFd::from(self).into_raw_fd()
            }
        }

        impl From<$name> for std::os::fd::OwnedFd {
            fn from(owner: $name) -> std::os::fd::OwnedFd {
                owner.socket.into_descriptor()
            }
        }
    };
}
pub(crate) use into_descriptor;
