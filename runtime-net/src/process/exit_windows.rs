//! `Exit` on Windows: the handle of a process says that it has ended.

use std::io;
use std::os::windows::io::{AsHandle as _, AsRawHandle as _, OwnedHandle};
use std::process::{Child, ExitStatus};
use std::task::{Context, Poll};

use runtime_core::reactor::{Direction, Interest, RawDescriptor, Registration, Unowned};

/// How we hear of the end of one child.
#[derive(Debug)]
pub(super) struct Exit {
    // Declared first: it is deregistered before the handle is closed.
    registration: Registration,
    /// One of our own, as the child may be gone before this is.
    _handle: OwnedHandle,
}

impl Exit {
    /// Begins to listen.
    #[track_caller]
    pub(super) fn of(child: &Child) -> io::Result<Exit> {
        let handle = child.as_handle().try_clone_to_owned()?;
        let descriptor = RawDescriptor::Waitable(handle.as_raw_handle().addr());
        let registration = Registration::new(Unowned(descriptor), Interest::READABLE)?;
        Ok(Exit { registration, _handle: handle })
    }

    /// Waits until `child` has ended.
    pub(super) fn poll_wait(
        &mut self,
        cx: &mut Context<'_>,
        child: &mut Child,
    ) -> Poll<io::Result<ExitStatus>> {
        self.registration.poll_io(cx, Direction::Read, || {
            child.try_wait()?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
        })
    }
}
