//! `Driver` on Windows, by the `polling` crate in one-shot mode.
//!
//! Windows tells what is so, not what has changed: asked about a socket that is readable, it says so
//! again and again. Edges are made of this here. What has been reported is not asked about any more,
//! until an operation has found it to be over and [`Driver::renew`] says so. Whatever happened meanwhile is
//! the answer to the new question, so that nothing is lost.
//!
//! ```text
//!   add ──▶ asked ── event ──▶ reported ── renew: an operation would block ──▶ asked
//!              (per handle and direction)
//! ```
//!
//! # Invariants
//!
//! - A handle is deleted from the poller before it is closed: whoever calls `add` keeps it open until
//!   `delete`, see [`Driver`]. All calls about a handle that is in `watched` are made under that lock,
//!   and `delete` takes it out.

use std::io;
use std::os::windows::io::{BorrowedHandle, BorrowedSocket, RawHandle};
use std::time::Duration;

use polling::PollMode;
use polling::os::iocp::PollerIocpExt as _;
use runtime_sync::primitives::Mutex;

use super::descriptor::{NONE, RawDescriptor};
use super::driver::{Driver, EVENTS_MAX, Events};
use super::ready::{Direction, Interest, Ready};
use super::source::ReadyEvent;
use crate::number_map::{self, NumberMap};

/// `WSAENOTSOCK`.
const NOT_A_SOCKET: i32 = 10038;

const READ: Ready = Direction::Read.ready();
const WRITE: Ready = Direction::Write.ready();

/// The system's answer to what happens outside.
#[derive(Debug)]
pub struct Poller {
    poller: polling::Poller,
    /// Locked during a wait, by the one thread that waits.
    room: Mutex<polling::Events>,
    watched: Mutex<Watched>,
}

/// What is watched, by the numbers of the handles; and those, by what they were added under.
#[derive(Debug)]
struct Watched {
    sources: NumberMap<u64, Source>,
    numbers: NumberMap<u64, u64>,
}

#[derive(Debug)]
struct Source {
    descriptor: RawDescriptor,
    token: u64,
    /// What the owner wants to hear of.
    wanted: Ready,
    /// What the system has been asked about and has not reported yet.
    asked: Ready,
}

impl Poller {
    /// Opens a completion port.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn new() -> io::Result<Poller> {
        let size = std::num::NonZeroUsize::new(EVENTS_MAX).unwrap_or(std::num::NonZeroUsize::MIN);
        Ok(Poller {
            poller: polling::Poller::new()?,
            room: Mutex::new(polling::Events::with_capacity(size)),
            watched: Mutex::new(Watched { sources: number_map::new(), numbers: number_map::new() }),
        })
    }

    /// Notes what is not asked about any more, and asks about the rest.
    fn reported(&self, token: u64, ready: Ready) -> io::Result<()> {
        let mut watched = self.watched.lock();
        let Watched { sources, numbers } = &mut *watched;
        let source = numbers.get(&token).and_then(|number| sources.get_mut(number));
        let Some(source) = source else { return Ok(()) };
        source.asked -= directions(ready);
        match source.asked.is_empty() {
            true => Ok(()),
            false => self.ask(source),
        }
    }

    /// Asks about what is in `watched`, whose lock the caller has.
    fn ask(&self, source: &Source) -> io::Result<()> {
        let question = question(source)?;
        match source.descriptor {
            RawDescriptor::Socket(socket) => {
                // SAFETY: it is not -1, which `add` refuses, and open, as it is in `watched`.
                let socket = unsafe { BorrowedSocket::borrow_raw(socket) };
                self.poller.modify_with_mode(socket, question, PollMode::Oneshot)
            }
            RawDescriptor::Waitable(handle) => {
                // SAFETY: it is open, as it is in `watched`.
                let handle = unsafe { BorrowedHandle::borrow_raw(handle as RawHandle) };
                self.poller.modify_waitable(handle, question, PollMode::Oneshot)
            }
        }
    }
}

impl Driver for Poller {
    fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        let mut room = self.room.lock();
        room.clear();
        match self.poller.wait(&mut room, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            answer => answer?,
        };
        for event in room.iter() {
            let ready = meaning(&event);
            let ready = match self.reported(event.key as u64, ready) {
                Ok(()) => ready,
                // Nothing more will be reported of it: who waits tries, and is told what is wrong.
                Err(_) => ready | Ready::READABLE | Ready::WRITABLE,
            };
            events.push(event.key as u64, ready);
        }
        Ok(())
    }

    fn wake(&self) -> io::Result<()> {
        self.poller.notify()
    }

    fn add(&self, descriptor: RawDescriptor, token: u64, interest: Interest) -> io::Result<()> {
        if descriptor == NONE {
            return Err(io::Error::from_raw_os_error(NOT_A_SOCKET));
        }
        let wanted = directions(Ready::from_interest(interest));
        let source = Source { descriptor, token, wanted, asked: wanted };
        let question = question(&source)?;
        let mut watched = self.watched.lock();
        match descriptor {
            RawDescriptor::Socket(socket) => {
                // SAFETY: the caller deletes it before it closes it, see the head of the file.
                unsafe { self.poller.add_with_mode(socket, question, PollMode::Oneshot)? }
            }
            RawDescriptor::Waitable(handle) => {
                let handle = handle as RawHandle;
                // SAFETY: as above.
                unsafe { self.poller.add_waitable(handle, question, PollMode::Oneshot)? }
            }
        }
        watched.numbers.insert(token, descriptor.number());
        watched.sources.insert(descriptor.number(), source);
        Ok(())
    }

    fn delete(&self, descriptor: RawDescriptor) -> io::Result<()> {
        let mut watched = self.watched.lock();
        let Some(source) = watched.sources.remove(&descriptor.number()) else {
            return Err(io::Error::from_raw_os_error(NOT_A_SOCKET));
        };
        watched.numbers.remove(&source.token);
        match descriptor {
            RawDescriptor::Socket(socket) => {
                // SAFETY: it was in `watched`, so it is open and not -1.
                self.poller.delete(unsafe { BorrowedSocket::borrow_raw(socket) })
            }
            RawDescriptor::Waitable(handle) => {
                // SAFETY: it was in `watched`, so it is open.
                let handle = unsafe { BorrowedHandle::borrow_raw(handle as RawHandle) };
                self.poller.remove_waitable(handle)
            }
        }
    }

    fn renew(&self, descriptor: RawDescriptor, over: Ready) -> io::Result<()> {
        let mut watched = self.watched.lock();
        let source = watched.sources.get_mut(&descriptor.number());
        let Some(source) = source else { return Ok(()) };
        let asked = source.asked | (over & source.wanted);
        if asked == source.asked {
            return Ok(());
        }
        source.asked = asked;
        self.ask(source)
    }
}

/// Has the driver report what an operation has found to be over.
///
/// # Errors
///
/// Those of the system: nothing would be reported any more.
pub(super) fn renew(
    driver: &dyn Driver,
    descriptor: RawDescriptor,
    event: ReadyEvent,
) -> io::Result<()> {
    driver.renew(descriptor, directions(event.ready()))
}

/// All of the directions that `ready` says anything of.
fn directions(ready: Ready) -> Ready {
    let mut all = Ready::EMPTY;
    for direction in [READ, WRITE] {
        if ready.intersects(direction) {
            all |= direction;
        }
    }
    all
}

fn question(source: &Source) -> io::Result<polling::Event> {
    let key = usize::try_from(source.token).map_err(|_| io::ErrorKind::Unsupported)?;
    let asked = source.asked;
    Ok(polling::Event::new(key, asked.intersects(READ), asked.intersects(WRITE)))
}

/// What an event says.
fn meaning(event: &polling::Event) -> Ready {
    let mut ready = Ready::EMPTY;
    for (set, meaning) in [
        (event.readable, Ready::READABLE),
        (event.writable, Ready::WRITABLE),
        (event.is_priority(), Ready::PRIORITY),
        (event.is_err().unwrap_or(false), Ready::ERROR),
        (event.is_interrupt(), Ready::READ_CLOSED | Ready::WRITE_CLOSED),
    ] {
        if set {
            ready |= meaning;
        }
    }
    ready
}
