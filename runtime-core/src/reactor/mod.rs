//! The reactor: turns events of the outside world into wakes.
//!
//! ```text
//!              ┌────────────── Reactor::turn ──────────────┐
//!  kernel ──▶ Driver::wait ──▶ Events ──▶ slots ──▶ Source::dispatch ──▶ WakeBatch ──▶ tasks
//!              (driver.rs,                (slots.rs)  (source.rs)
//!               poller_*.rs)                             ▲ look, wait, clear
//!                                                        │
//!                                                  Registration ◀── sockets, AsyncFd
//! ```
//!
//! | file | what |
//! |---|---|
//! | ready.rs | `Interest`, `Ready`: what one waits for, what has come |
//! | driver.rs | `Driver`: what we ask of the outside world |
//! | descriptor_*.rs | what the system knows something by that it can watch |
//! | numbered.rs | what can be watched: what has a descriptor, or knows one |
//! | poller_linux.rs, poller_portable.rs, poller_windows.rs | the kernel's answer |
//! | readiness.rs | the word of one direction: flags, generation, tick |
//! | source.rs | one watched descriptor: two such words, and who waits |
//! | slots.rs | where sources live, and the tokens that name them |
//! | watched.rs | which slot watches a descriptor that belongs to somebody else |
//! | registration.rs | watch a descriptor while this lives: try, wait, try again |
//!
//! Timers are no business of the reactor: whoever turns it says how long it may wait.

#[cfg_attr(unix, path = "descriptor_unix.rs")]
#[cfg_attr(windows, path = "descriptor_windows.rs")]
mod descriptor;
pub mod driver;
mod numbered;
pub mod readiness;
pub mod ready;
#[expect(unsafe_code, reason = "what is watched goes once, after its watch has ended")]
pub mod registration;
mod slots;
pub mod source;
mod watched;

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "epoll_pwait2 has no safe binding")]
#[path = "poller_linux.rs"]
pub mod poller;

#[cfg(all(unix, not(target_os = "linux")))]
#[expect(unsafe_code, reason = "the poller must be told that a descriptor stays open")]
#[path = "poller_portable.rs"]
pub mod poller;

#[cfg(windows)]
#[expect(unsafe_code, reason = "the poller must be told that a socket stays open")]
#[path = "poller_windows.rs"]
pub mod poller;

#[cfg(all(test, unix))]
mod tests;
#[cfg(all(test, unix))]
mod watched_tests;

pub use descriptor::RawDescriptor;
pub use driver::{Driver, EVENTS_MAX, Event, Events};
pub use numbered::{Numbered, Unowned};
pub use ready::{Direction, Interest, Ready};
pub use registration::Registration;
pub use source::{ReadyEvent, ShutDown};

use std::io;
use std::time::Duration;

use runtime_sync::panics::contain;
use runtime_sync::primitives::atomic::{AtomicU64, Ordering};
use runtime_sync::wake_batch::WakeBatch;

use poller::Poller;
use slots::{Claim, Slots, Token};
use source::{Line, Source};

/// What there is to tell of a descriptor that is closed.
const HANG_UP: Ready = Ready::ALL.minus(Ready::PRIORITY).minus(Ready::ERROR);

/// Turns events of the outside world into wakes.
#[derive(Debug)]
pub struct Reactor {
    driver: Box<dyn Driver>,
    slots: Slots,
    /// Whether a short read means that nothing is left, see [`Driver::reports_closing`].
    short_means_drained: bool,
    events: AtomicU64,
}

/// The right to turn a reactor, held by one thread at a time. It owns the events of the last wait.
#[derive(Debug)]
pub struct Turn {
    events: Events,
    /// How many events a wait brings at most, and one that takes no time.
    most: usize,
    most_at_once: usize,
}

impl Reactor {
    /// A reactor of the kernel's events.
    ///
    /// # Errors
    ///
    /// See [`Poller::new`].
    pub fn new() -> io::Result<Reactor> {
        Ok(Reactor::with_driver(Box::new(Poller::new()?)))
    }

    /// A reactor of the events that `driver` brings.
    pub fn with_driver(driver: Box<dyn Driver>) -> Reactor {
        let short_means_drained = driver.reports_closing();
        Reactor { driver, slots: Slots::new(), short_means_drained, events: AtomicU64::new(0) }
    }

    /// Waits for the outside world and collects every waker it concerns.
    ///
    /// A full batch is woken at once, the rest is left in `wakes` for the caller, together with the
    /// first panic of a waker; no lock is held meanwhile. Returns the number of events.
    ///
    /// # Errors
    ///
    /// Those of [`Driver::wait`]. Interruption by a signal is none.
    pub fn turn(
        &self,
        turn: &mut Turn,
        timeout: Option<Duration>,
        wakes: &mut WakeBatch,
    ) -> io::Result<usize> {
        source::make_room(wakes);
        turn.events.clear();
        turn.events.set_room(match timeout {
            Some(Duration::ZERO) => turn.most_at_once,
            _ => turn.most,
        });
        self.driver.wait(&mut turn.events, timeout)?;
        Ok(self.dispatch_all(&turn.events, wakes))
    }

    /// As [`turn`](Reactor::turn) without waiting, also while somebody else has the right to turn and waits.
    ///
    /// # Errors
    ///
    /// Those of [`Driver::glance_beside`].
    pub fn glance_beside(&self, wakes: &mut WakeBatch) -> io::Result<usize> {
        source::make_room(wakes);
        let mut events = Events::new();
        let outcome = self.driver.glance_beside(&mut events);
        // What was found is not found again, even if the wake could not be passed on.
        let count = self.dispatch_all(&events, wakes);
        outcome.map(|()| count)
    }

    /// Ends the present wait, or the next one.
    ///
    /// # Errors
    ///
    /// Those of the driver; none are known to happen.
    pub fn wake(&self) -> io::Result<()> {
        self.driver.wake()
    }

    /// Watches no more: every operation on a registered descriptor fails from here on, and who
    /// waits for one is woken.
    ///
    /// If wakers panic, all others are woken before the first panic goes on.
    pub fn shutdown(&self) {
        let mut wakes = WakeBatch::new();
        for slot in self.slots.close() {
            self.source(slot).shut_down(|| self.slots.line(slot), &mut wakes);
        }
        wakes.wake_all();
    }

    /// How many descriptors were ever registered.
    pub fn registered_count(&self) -> u64 {
        self.slots.counts().0
    }

    /// How many descriptors were ever deregistered.
    pub fn deregistered_count(&self) -> u64 {
        self.slots.counts().1
    }

    /// How many events have been dispatched.
    pub fn ready_count(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Starts to watch what `watched` names, and says which slot is its own.
    fn watch(&self, watched: &(impl Numbered + ?Sized), interest: Interest) -> io::Result<u32> {
        let Claim { token, has_entered, before } = self.slots.claim(watched)?;
        let descriptor = watched.number();
        let outcome = self.driver.add(descriptor, token.pack(), interest);
        if has_entered {
            let by = match &outcome {
                Ok(()) => (!watched.is_owned()).then_some(token),
                // The one before has lost nothing.
                Err(_) => before,
            };
            self.slots.settle(descriptor, by.map(|by| by.index));
        }
        if let Err(error) = outcome {
            self.slots.release(token.index);
            return Err(error);
        }
        if let Some(before) = before {
            contain(|| self.hang_up(before));
        }
        Ok(token.index)
    }

    /// Tells those who wait for a descriptor that was closed by others than its owner: no event will come.
    #[cold]
    fn hang_up(&self, token: Token) {
        let mut wakes = WakeBatch::new();
        self.dispatch(Event { token: token.pack(), ready: HANG_UP }, &mut wakes);
        wakes.wake_all();
    }

    /// Ends what `watch` started.
    fn unwatch(&self, watched: &(impl Numbered + ?Sized), slot: u32) -> io::Result<()> {
        let descriptor = watched.number();
        let outcome = if watched.is_owned() {
            self.driver.delete(descriptor)
        } else if self.slots.begin_to_end(descriptor, slot) {
            let outcome = self.driver.delete(descriptor);
            self.slots.settle(descriptor, None);
            outcome
        } else {
            // It was closed, and another one has its number now.
            Err(io::ErrorKind::NotFound.into())
        };
        self.slots.release(slot);
        outcome
    }

    #[inline]
    fn source(&self, slot: u32) -> &Source {
        self.slots.get(slot).expect("a slot that was given out exists")
    }

    fn line_for_waiting(&self, slot: u32) -> &Line {
        self.slots.line_for_waiting(slot).expect("a slot that was given out exists")
    }

    fn dispatch_all(&self, events: &Events, wakes: &mut WakeBatch) -> usize {
        let count = events.len();
        if count > 0 {
            // Relaxed: a figure for those who are curious.
            self.events.fetch_add(count as u64, Ordering::Relaxed);
        }
        events.iter().for_each(|event| self.dispatch(event, wakes));
        count
    }

    fn dispatch(&self, event: Event, wakes: &mut WakeBatch) {
        if let Some(token) = Token::unpack(event.token)
            && let Some(source) = self.slots.get(token.index)
        {
            let line = || self.slots.line(token.index);
            source.dispatch(token.generation, event.ready, line, wakes);
        }
    }
}

impl Turn {
    /// An empty buffer of events.
    pub fn new() -> Turn {
        Turn::with_limits(EVENTS_MAX, EVENTS_MAX)
    }

    /// As [`new`](Turn::new), for `most` events a wait, and `most_at_once` from one that takes no time.
    pub fn with_limits(most: usize, most_at_once: usize) -> Turn {
        Turn { events: Events::new(), most, most_at_once }
    }
}

impl Default for Turn {
    fn default() -> Turn {
        Turn::new()
    }
}
