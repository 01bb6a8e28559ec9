//! Says which handle a standard stream is, the same one for all who have it.

use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, RawHandle};

use super::{Stderr, Stdin, Stdout};

macro_rules! handle {
    ($($name:ident)*) => {$(
        impl AsHandle for $name {
            fn as_handle(&self) -> BorrowedHandle<'_> {
                self.handle.as_handle()
            }
        }

        impl AsRawHandle for $name {
            fn as_raw_handle(&self) -> RawHandle {
                self.handle.as_raw_handle()
            }
        }
    )*};
}

handle!(Stdin Stdout Stderr);
