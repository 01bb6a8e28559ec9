//! What a reactor asks of the outside world.

use std::fmt;
use std::io;
use std::time::Duration;

use super::descriptor::RawDescriptor;
use super::ready::{Interest, Ready};

/// How many events one wait brings at most.
pub const EVENTS_MAX: usize = 1024;

/// The outside world, as a reactor sees it.
///
/// The kernel answers in a program ([`Poller`](super::poller::Poller)), a schedule of events in a
/// simulation, and nobody in a model ([`Quiet`]).
pub trait Driver: Send + Sync + fmt::Debug {
    /// Sleeps until something happens, [`wake`](Driver::wake) is called, or `timeout` has passed.
    ///
    /// Fills `events` with at most as many as [they have room for](Events::room), possibly none: a wake, a signal or an
    /// early return are no errors. Called by one thread at a time.
    fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()>;

    /// As a [`wait`](Driver::wait) that takes no time, but also while another thread waits, whose wake it
    /// leaves alone. Finds nothing where the system lets one thread look only.
    fn glance_beside(&self, events: &mut Events) -> io::Result<()> {
        events.clear();
        Ok(())
    }

    /// Ends the present `wait`, or the next one if there is none. From any thread.
    fn wake(&self) -> io::Result<()>;

    /// Reports the edges of `descriptor` under `token` from now on.
    ///
    /// The first event tells what is ready already. An error leaves nothing behind.
    fn add(&self, descriptor: RawDescriptor, token: u64, interest: Interest) -> io::Result<()>;

    /// Reports `descriptor` no more. Called before the descriptor is closed.
    fn delete(&self, descriptor: RawDescriptor) -> io::Result<()>;

    /// Reports `descriptor` again once what an operation has found to be `over` is so anew.
    ///
    /// For a world that knows no edges, and so falls silent about what it has reported.
    fn renew(&self, _descriptor: RawDescriptor, _over: Ready) -> io::Result<()> {
        Ok(())
    }

    /// Whether an event also says that the other side has closed, before a read finds the end.
    ///
    /// Only then may a reader take a short read as a sign that nothing is left: an end that came
    /// together with the last bytes causes no edge of its own.
    fn reports_closing(&self) -> bool {
        false
    }
}

/// Something happened to a watched descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// What the descriptor was added under.
    pub token: u64,
    /// What became ready.
    pub ready: Ready,
}

/// A buffer for the events of one wait, used again for the next.
#[derive(Debug)]
pub struct Events {
    list: Vec<Event>,
    room: usize,
}

impl Events {
    /// Room for [`EVENTS_MAX`] events.
    pub fn new() -> Events {
        Events { list: Vec::with_capacity(EVENTS_MAX), room: EVENTS_MAX }
    }

    /// How many events the next wait may bring.
    pub fn room(&self) -> usize {
        self.room
    }

    /// Has the next wait bring at most `room` events, at least one and at most [`EVENTS_MAX`].
    pub fn set_room(&mut self, room: usize) {
        self.room = room.clamp(1, EVENTS_MAX);
    }

    /// Appends an event.
    pub fn push(&mut self, token: u64, ready: Ready) {
        self.list.push(Event { token, ready });
    }

    /// Forgets all events and keeps the room.
    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The events.
    pub fn iter(&self) -> impl Iterator<Item = Event> {
        self.list.iter().copied()
    }
}

impl Default for Events {
    fn default() -> Events {
        Events::new()
    }
}

/// A world in which nothing ever happens and no wait takes time, for models and tests.
#[derive(Debug, Default)]
pub struct Quiet;

impl Driver for Quiet {
    fn wait(&self, events: &mut Events, _timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        Ok(())
    }

    fn wake(&self) -> io::Result<()> {
        Ok(())
    }

    fn add(&self, _descriptor: RawDescriptor, _token: u64, _interest: Interest) -> io::Result<()> {
        Ok(())
    }

    fn delete(&self, _descriptor: RawDescriptor) -> io::Result<()> {
        Ok(())
    }
}
