//! `Driver` on other Unix systems, by the `polling` crate in edge mode.
//!
//! # Invariants
//!
//! - A descriptor is deleted from the poller before it is closed: whoever calls `add` keeps it
//!   open until `delete`, see [`Driver`].

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::time::Duration;

use polling::PollMode;
use runtime_sync::primitives::Mutex;

use super::driver::{Driver, EVENTS_MAX, Events};
use super::ready::{Interest, Ready};
use super::source::ReadyEvent;

/// `EBADF`, which has this number on every Unix.
const EBADF: i32 = 9;

/// The kernel's answer to what happens outside.
#[derive(Debug)]
pub struct Poller {
    poller: polling::Poller,
    /// Locked during a wait, by the one thread that waits.
    room: Mutex<Room>,
}

struct Room(polling::Events);

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Room")
    }
}

impl Poller {
    /// Opens the descriptors.
    ///
    /// # Errors
    ///
    /// The process has no descriptor left, or the system cannot report edges.
    pub fn new() -> io::Result<Poller> {
        let poller = polling::Poller::new()?;
        if !poller.supports_edge() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let size = std::num::NonZeroUsize::new(EVENTS_MAX).unwrap_or(std::num::NonZeroUsize::MIN);
        Ok(Poller { poller, room: Mutex::new(Room(polling::Events::with_capacity(size))) })
    }
}

impl Driver for Poller {
    fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        let mut room = self.room.lock();
        room.0.clear();
        match self.poller.wait(&mut room.0, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            answer => answer?,
        };
        for event in room.0.iter() {
            let mut ready = Ready::EMPTY;
            for (set, meaning) in [
                (event.readable, Ready::READABLE),
                (event.writable, Ready::WRITABLE),
                (event.is_priority(), Ready::PRIORITY),
                (event.is_err().unwrap_or(false), Ready::READABLE | Ready::WRITABLE | Ready::ERROR),
                (
                    event.is_interrupt(),
                    Ready::READABLE | Ready::WRITABLE | Ready::READ_CLOSED | Ready::WRITE_CLOSED,
                ),
            ] {
                if set {
                    ready |= meaning;
                }
            }
            events.push(event.key as u64, ready);
        }
        Ok(())
    }

    fn wake(&self) -> io::Result<()> {
        self.poller.notify()
    }

    fn add(&self, descriptor: RawFd, token: u64, interest: Interest) -> io::Result<()> {
        if descriptor < 0 {
            return Err(not_open());
        }
        let key = usize::try_from(token).map_err(|_| io::ErrorKind::Unsupported)?;
        let event = polling::Event::new(key, interest.is_readable(), interest.is_writable());
        // SAFETY: the caller deletes the descriptor before it closes it, see the head of the file.
        unsafe { self.poller.add_with_mode(descriptor, event, PollMode::Edge) }
    }

    fn delete(&self, descriptor: RawFd) -> io::Result<()> {
        if descriptor < 0 {
            return Err(not_open());
        }
        // SAFETY: it is not -1, and it is used for the length of one call only.
        let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
        self.poller.delete(descriptor)
    }
}

/// The system reports what is so anew by itself.
#[inline(always)]
pub(super) fn renew(_: &dyn Driver, _: RawFd, _: ReadyEvent) -> io::Result<()> {
    Ok(())
}

/// What the system says of a descriptor that is none. The libraries would panic.
fn not_open() -> io::Error {
    io::Error::from_raw_os_error(EBADF)
}
