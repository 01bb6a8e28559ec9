//! What sockets are to Windows, and to those who use them beside us: handles of their own kind.

pub(crate) use std::os::windows::io::BorrowedSocket as BorrowedDescriptor;
pub(crate) use std::os::windows::io::OwnedSocket as OwnedDescriptor;

use std::os::windows::io::AsSocket;

use runtime_core::reactor::Numbered;

/// What has a descriptor.
pub(crate) trait Descriptor: Numbered {
    /// The descriptor.
    fn lend(&self) -> BorrowedDescriptor<'_>;
}

impl<T: AsSocket> Descriptor for T {
    fn lend(&self) -> BorrowedDescriptor<'_> {
        self.as_socket()
    }
}

/// The descriptor of a type whose expression `$this.…` has one.
macro_rules! descriptor {
    ($name:ty, $this:ident => $socket:expr) => {
        impl std::os::windows::io::AsSocket for $name {
            fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
                let $this = self;
                $socket.as_socket()
            }
        }

        impl std::os::windows::io::AsRawSocket for $name {
            fn as_raw_socket(&self) -> std::os::windows::io::RawSocket {
                let $this = self;
                $socket.as_raw_socket()
            }
        }
    };
}
pub(crate) use descriptor;

/// The descriptor of a type that has `socket`, given away.
macro_rules! into_descriptor {
    ($name:ty) => {
        impl std::os::windows::io::IntoRawSocket for $name {
            fn into_raw_socket(self) -> std::os::windows::io::RawSocket {
                std::os::windows::io::OwnedSocket::from(self).into_raw_socket()
            }
        }

        impl From<$name> for std::os::windows::io::OwnedSocket {
            fn from(owner: $name) -> std::os::windows::io::OwnedSocket {
                owner.socket.into_descriptor()
            }
        }
    };
}
pub(crate) use into_descriptor;
