//! One watched descriptor: its readiness, and who waits for it, per direction.
//!
//! A source lives in a slot that stays where it is as long as its reactor lives; its owners come
//! and go. Two kinds of waiters exist. A task that calls `poll_*` leaves its waker in the slot of
//! that direction, one reader and one writer at a time. Any number of
//! [`Waiting`](super::registration::Waiting) futures stand in one line.
//!
//! Nobody is forgotten, because each waiter first makes itself known and then looks once more,
//! while an event first marks the word and then looks for waiters. For the line, both steps meet
//! in one word: the flag that says "somebody stands in line" lies beside the readiness.

use std::fmt;
use std::task::{Context, Poll, Waker};

use runtime_sync::primitives::Mutex;
use runtime_sync::wake_batch::WakeBatch;
use runtime_sync::waker_slot::WakerSlot;

use super::readiness::{CLOSED, ERROR, PRIORITY, READY, Readiness, Seen};
use super::ready::{Direction, Ready};

/// What the read side's word knows of.
const READ_SIDE: Ready = Ready::ALL.minus(Direction::Write.ready());
/// What the write side's word knows of.
const WRITE_SIDE: Ready = Direction::Write.ready();

/// A slot for one watched descriptor.
#[repr(align(64))]
pub struct Source<const TICK_BITS: u32 = 32> {
    read: Side<TICK_BITS>,
    write: Side<TICK_BITS>,
    line: Mutex<Line>,
}

struct Side<const TICK_BITS: u32> {
    readiness: Readiness<TICK_BITS>,
    poller: WakerSlot,
}

/// The line of futures. Its lock is held for a few instructions, and never around a waker's code.
#[derive(Default)]
struct Line {
    waiters: Vec<Waiter>,
    last: u64,
}

struct Waiter {
    ticket: Ticket,
    wants: Ready,
    waker: Waker,
}

/// A place in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(u64);

/// What was ready, and when that was seen.
///
/// Handing it to `clear` takes back only what was seen, never a later event.
#[derive(Debug, Clone, Copy)]
pub struct ReadyEvent {
    ready: Ready,
    read: Seen,
    write: Seen,
}

/// The reactor is gone: no event will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShutDown;

impl ReadyEvent {
    /// What was ready.
    pub fn ready(&self) -> Ready {
        self.ready
    }

    /// The same sight, reduced to `ready`: clearing it clears no more than that.
    #[must_use = "this returns the reduced event and changes nothing"]
    pub fn only(self, ready: Ready) -> ReadyEvent {
        ReadyEvent { ready: self.ready & ready, ..self }
    }
}

impl<const TICK_BITS: u32> Source<TICK_BITS> {
    /// A slot that waits for its first owner.
    pub fn new() -> Source<TICK_BITS> {
        Source { read: Side::new(), write: Side::new(), line: Mutex::default() }
    }

    /// The generation of the present owner.
    pub fn generation(&self) -> u32 {
        self.read.readiness.look().generation()
    }

    /// Takes an event for the owner of `generation` and collects whom it concerns.
    ///
    /// `wakes` must have room. It is woken whenever it is full, and left for the caller with the
    /// rest. Returns whether the event was for the present owner.
    pub fn dispatch(&self, generation: u32, ready: Ready, wakes: &mut WakeBatch) -> bool {
        let mut listed = false;
        for (side, flags) in [(&self.read, read_flags(ready)), (&self.write, write_flags(ready))] {
            if flags == 0 {
                continue;
            }
            let Some(seen) = side.readiness.report(generation, flags) else {
                return false;
            };
            listed |= seen.is_listed();
            if flags & (READY | CLOSED) != 0 {
                push(wakes, side.poller.take());
            }
        }
        if listed {
            self.call_line(ready, wakes);
        }
        true
    }

    /// Marks `direction` as worth a try before any event has come. Nobody waits yet.
    pub fn assume_ready(&self, generation: u32, direction: Direction) {
        self.side(direction).readiness.report(generation, READY);
    }

    /// What of `wanted` is ready at this moment, possibly nothing.
    #[inline]
    pub fn look(&self, wanted: Ready) -> Result<ReadyEvent, ShutDown> {
        let mut read = Seen::default();
        let mut write = Seen::default();
        if wanted.intersects(READ_SIDE) {
            read = self.read.readiness.look();
        }
        if wanted.intersects(WRITE_SIDE) {
            write = self.write.readiness.look();
        }
        sight(wanted, read, write)
    }

    /// Waits for `direction`; one task at a time and direction is woken.
    #[inline]
    pub fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
    ) -> Poll<Result<ReadyEvent, ShutDown>> {
        let wanted = direction.ready();
        match self.look(wanted) {
            Ok(event) if event.ready.is_empty() => {}
            found => return Poll::Ready(found),
        }
        self.side(direction).poller.register(cx.waker());
        match self.look(wanted) {
            Ok(event) if event.ready.is_empty() => Poll::Pending,
            found => Poll::Ready(found),
        }
    }

    /// Waits for any of `wanted` in line. `ticket` is the caller's place between calls.
    ///
    /// Whoever stops waiting before this was ready calls [`leave`](Source::leave).
    pub fn poll_in_line(
        &self,
        cx: &mut Context<'_>,
        wanted: Ready,
        ticket: &mut Option<Ticket>,
    ) -> Poll<Result<ReadyEvent, ShutDown>> {
        match self.look(wanted) {
            Ok(event) if event.ready.is_empty() => {}
            found => {
                self.leave(ticket.take());
                return Poll::Ready(found);
            }
        }
        if let Some(ticket) = *ticket
            && self.line.lock().knows(ticket, cx.waker())
        {
            return Poll::Pending;
        }

        // The waker is cloned before the lock is taken and the old one dropped after it: both run
        // foreign code.
        let waker = cx.waker().clone();
        let mut line = self.line.lock();
        let replaced = line.join(ticket, wanted, waker);
        let mut read = Seen::default();
        let mut write = Seen::default();
        if wanted.intersects(READ_SIDE) {
            read = self.read.readiness.list();
        }
        if wanted.intersects(WRITE_SIDE) {
            write = self.write.readiness.list();
        }
        drop(line);
        drop(replaced);

        match sight(wanted, read, write) {
            Ok(event) if event.ready.is_empty() => Poll::Pending,
            found => {
                self.leave(ticket.take());
                Poll::Ready(found)
            }
        }
    }

    /// Gives up a place in the line.
    pub fn leave(&self, ticket: Option<Ticket>) {
        let Some(ticket) = ticket else { return };
        let gone = self.line.lock().leave(ticket);
        drop(gone);
    }

    /// Takes back what `event` saw, as far as nothing has come since. What is closed stays closed.
    #[inline]
    pub fn clear(&self, event: ReadyEvent) {
        let read = read_flags(event.ready);
        if read != 0 {
            self.read.readiness.clear(event.read, read);
        }
        let write = write_flags(event.ready);
        if write != 0 {
            self.write.readiness.clear(event.write, write);
        }
    }

    /// Takes back the readiness of a stream that has just given or taken less than it was asked.
    ///
    /// A closed direction stays ready, and so does one with urgent data: a read stops at the
    /// urgent mark although more bytes lie behind it.
    #[inline]
    pub fn clear_drained(&self, direction: Direction, event: ReadyEvent) {
        let (side, seen) = match direction {
            Direction::Read => (&self.read, event.read),
            Direction::Write => (&self.write, event.write),
        };
        if !seen.any(CLOSED | PRIORITY) {
            side.readiness.clear(seen, READY);
        }
    }

    /// Ends all waiting with an error, now and for every later owner of this look.
    pub fn shut_down(&self, wakes: &mut WakeBatch) {
        self.read.readiness.shut_down();
        self.write.readiness.shut_down();
        push(wakes, self.read.poller.take());
        push(wakes, self.write.poller.take());
        self.call_line(Ready::ALL, wakes);
    }

    /// Ends the present owner. Its waiters are dropped, late events for it have no effect.
    pub fn retire(&self) {
        let mut line = self.line.lock();
        self.read.readiness.retire();
        self.write.readiness.retire();
        let waiters = std::mem::take(&mut line.waiters);
        drop(line);
        drop(waiters);
        drop(self.read.poller.take());
        drop(self.write.poller.take());
    }

    /// Moves everybody who wants any of `ready` from the line to `wakes`.
    fn call_line(&self, ready: Ready, wakes: &mut WakeBatch) {
        loop {
            let mut line = self.line.lock();
            while !wakes.is_full() {
                match line.next(ready) {
                    Some(waker) => wakes.push(waker),
                    None => {
                        // Under the lock, so that nobody can join in between.
                        let wanted = line.wanted();
                        if !wanted.intersects(READ_SIDE) {
                            self.read.readiness.unlist();
                        }
                        if !wanted.intersects(WRITE_SIDE) {
                            self.write.readiness.unlist();
                        }
                        return;
                    }
                }
            }
            drop(line);
            wakes.wake_all();
        }
    }

    fn side(&self, direction: Direction) -> &Side<TICK_BITS> {
        match direction {
            Direction::Read => &self.read,
            Direction::Write => &self.write,
        }
    }
}

impl<const TICK_BITS: u32> Default for Source<TICK_BITS> {
    fn default() -> Source<TICK_BITS> {
        Source::new()
    }
}

impl<const TICK_BITS: u32> fmt::Debug for Source<TICK_BITS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("read", &self.read.readiness)
            .field("write", &self.write.readiness)
            .finish_non_exhaustive()
    }
}

impl<const TICK_BITS: u32> Side<TICK_BITS> {
    fn new() -> Side<TICK_BITS> {
        Side { readiness: Readiness::new(), poller: WakerSlot::new() }
    }
}

impl Line {
    /// Whether `ticket` still stands here, with a waker that does what `waker` does.
    fn knows(&self, ticket: Ticket, waker: &Waker) -> bool {
        self.waiters.iter().any(|waiter| waiter.ticket == ticket && waiter.waker.will_wake(waker))
    }

    /// Stands in line, or stays there with another waker; the old one is returned.
    fn join(&mut self, ticket: &mut Option<Ticket>, wants: Ready, waker: Waker) -> Option<Waker> {
        if let Some(ticket) = *ticket
            && let Some(waiter) = self.waiters.iter_mut().find(|waiter| waiter.ticket == ticket)
        {
            waiter.wants = wants;
            return Some(std::mem::replace(&mut waiter.waker, waker));
        }
        self.last += 1;
        let new = Ticket(self.last);
        self.waiters.push(Waiter { ticket: new, wants, waker });
        *ticket = Some(new);
        None
    }

    fn leave(&mut self, ticket: Ticket) -> Option<Waiter> {
        let place = self.waiters.iter().position(|waiter| waiter.ticket == ticket)?;
        Some(self.waiters.remove(place))
    }

    fn next(&mut self, ready: Ready) -> Option<Waker> {
        let place = self.waiters.iter().position(|waiter| waiter.wants.intersects(ready))?;
        Some(self.waiters.remove(place).waker)
    }

    fn wanted(&self) -> Ready {
        self.waiters.iter().fold(Ready::EMPTY, |all, waiter| all | waiter.wants)
    }
}

/// Adds to a batch that has room, and sees to it that it has room again: a waker that panics must
/// find the one that is pushed in the batch already, or that one would be lost.
fn push(wakes: &mut WakeBatch, waker: Option<Waker>) {
    let Some(waker) = waker else { return };
    wakes.push(waker);
    if wakes.is_full() {
        wakes.wake_all();
    }
}

fn read_flags(ready: Ready) -> u8 {
    flag(ready, Ready::READABLE, READY)
        | flag(ready, Ready::READ_CLOSED, CLOSED)
        | flag(ready, Ready::PRIORITY, PRIORITY)
        | flag(ready, Ready::ERROR, ERROR)
}

fn write_flags(ready: Ready) -> u8 {
    flag(ready, Ready::WRITABLE, READY) | flag(ready, Ready::WRITE_CLOSED, CLOSED)
}

fn flag(ready: Ready, asked: Ready, flag: u8) -> u8 {
    if ready.contains(asked) { flag } else { 0 }
}

fn sight(wanted: Ready, read: Seen, write: Seen) -> Result<ReadyEvent, ShutDown> {
    if read.is_shut_down() || write.is_shut_down() {
        return Err(ShutDown);
    }
    let mut ready = Ready::EMPTY;
    for (seen, flag, meaning) in [
        (read, READY, Ready::READABLE),
        (read, CLOSED, Ready::READ_CLOSED),
        (read, PRIORITY, Ready::PRIORITY),
        (read, ERROR, Ready::ERROR),
        (write, READY, Ready::WRITABLE),
        (write, CLOSED, Ready::WRITE_CLOSED),
    ] {
        if seen.any(flag) {
            ready |= meaning;
        }
    }
    Ok(ReadyEvent { ready: ready & wanted, read, write })
}
