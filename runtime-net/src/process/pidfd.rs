//! `Pidfd`: a descriptor of a process, readable once it has ended.

use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, ExitStatus};
use std::task::{Context, Poll};

use runtime_core::reactor::{Direction, Interest, Registration};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// A descriptor of a child, watched by the reactor.
#[derive(Debug)]
pub(super) struct Pidfd {
    registration: Registration<OwnedFd>,
}

impl Pidfd {
    /// Opens the descriptor of a child that has not been reaped. `None` if the kernel is too old, or
    /// forbids it.
    #[track_caller]
    pub(super) fn open(child: &Child) -> io::Result<Option<Pidfd>> {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
        let descriptor = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(descriptor) => descriptor,
            Err(Errno::NOSYS | Errno::PERM) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let registration = Registration::new(descriptor, Interest::READABLE)?;
        Ok(Some(Pidfd { registration }))
    }

    /// Waits until `reap` has an answer, asking when the child may have ended.
    pub(super) fn poll_exit(
        &mut self,
        cx: &mut Context<'_>,
        mut reap: impl FnMut() -> io::Result<Option<ExitStatus>>,
    ) -> Poll<io::Result<ExitStatus>> {
        // Readiness may be a false alarm: then we wait again.
        self.registration.poll_io(cx, Direction::Read, || {
            reap()?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
        })
    }
}
