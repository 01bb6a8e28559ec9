//! `Conduit`: a pipe through which bytes go from one descriptor to the other without being copied to us.
//!
//! # Invariants
//!
//! - What the system fills in is a place of the type that it was asked for.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags, pipe_with, splice};

use super::again;

/// How many bytes one call moves at most: more than a pipe of the usual size has room for, unless its
/// pages are large.
const AT_ONCE: usize = 256 * 1024;

/// A pipe that nobody else knows of.
#[derive(Debug)]
pub(crate) struct Conduit {
    entry: OwnedFd,
    exit: OwnedFd,
}

impl Conduit {
    /// `None` if there is no descriptor left, or if the program is to be killed by writing to a stream
    /// that the peer has closed: what a pipe gives is sent without the flag that forbids it.
    pub(crate) fn open() -> Option<Conduit> {
        if !is_pipe_signal_ignored() {
            return None;
        }
        let (exit, entry) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
        Some(Conduit { entry, exit })
    }

    /// Moves bytes from `source`, and says how many: 0 is its end. Only while nothing is inside, as
    /// no room would look like no bytes.
    pub(crate) fn fill(&self, source: BorrowedFd<'_>) -> io::Result<usize> {
        self.call(source, self.entry.as_fd(), AT_ONCE)
    }

    /// Moves some of the `held` bytes that are inside to `target`, and says how many.
    pub(crate) fn drain(&self, target: BorrowedFd<'_>, held: usize) -> io::Result<usize> {
        self.call(self.exit.as_fd(), target, held)
    }

    fn call(&self, from: BorrowedFd<'_>, to: BorrowedFd<'_>, count: usize) -> io::Result<usize> {
        again(|| Ok(splice(from, None, to, None, count, SpliceFlags::NONBLOCK)?))
    }

    /// Whether the system cannot move bytes of such a descriptor, or does not want to.
    pub(crate) fn is_refused(error: &io::Error) -> bool {
        let refusals = [Errno::INVAL, Errno::NOSYS, Errno::PERM, Errno::ACCESS, Errno::OPNOTSUPP];
        Errno::from_io_error(error).is_some_and(|error| refusals.contains(&error))
    }
}

fn is_pipe_signal_ignored() -> bool {
    // SAFETY: all zeros is an action, and the place for one.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: no action is set, and the one that is told has its place.
    let told = unsafe { libc::sigaction(libc::SIGPIPE, std::ptr::null(), &raw mut action) };
    told == 0 && action.sa_sigaction == libc::SIG_IGN
}
