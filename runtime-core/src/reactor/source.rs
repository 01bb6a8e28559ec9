//! One watched descriptor: its readiness, and who waits for it, per direction.
//!
//! A source lives in a slot that stays where it is as long as its reactor lives; its owners come
//! and go. Two kinds of waiters exist. A task that calls `poll_*` leaves its waker in the slot of
//! that direction, one reader and one writer at a time. Any number of [`Wait`] futures stand in one
//! [`Line`], which lies elsewhere: a connection that only polls is one line of the processor's cache.
//!
//! Nobody is forgotten, because each waiter first makes itself known and then looks once more,
//! while an event first marks the word and then looks for waiters. For the line, both steps meet
//! in one word: the flag that says "somebody stands in line" lies beside the readiness.

use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use pin_project_lite::pin_project;
use runtime_sync::wait_list::{Choice, WaitList, Waited, Waiter};
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
}

/// Those who wait for a source with any number of others. Each source has one of its own.
pub type Line = WaitList<Ready>;

struct Side<const TICK_BITS: u32> {
    readiness: Readiness<TICK_BITS>,
    poller: WakerSlot,
}

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

impl fmt::Display for ShutDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the filch runtime that this descriptor was registered with has shut down")
    }
}

impl std::error::Error for ShutDown {}

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
        Source { read: Side::new(), write: Side::new() }
    }

    /// The generation of the present owner.
    pub fn generation(&self) -> u32 {
        self.read.readiness.look().generation()
    }

    /// Takes an event for the owner of `generation` and collects whom it concerns.
    ///
    /// `wakes` must have room, and has room afterwards: it is woken whenever it is full, and left
    /// for the caller with the rest. `line` is asked for the source's line if somebody stands there.
    /// Returns whether the event was for the present owner.
    pub fn dispatch<'a>(
        &self,
        generation: u32,
        ready: Ready,
        line: impl FnOnce() -> Option<&'a Line>,
        wakes: &mut WakeBatch,
    ) -> bool {
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
        if listed && let Some(line) = line() {
            self.call_line(line, ready, wakes);
        }
        true
    }

    /// Marks `direction` as worth a try before any event has come. Nobody waits yet.
    pub fn assume_ready(&self, direction: Direction) {
        self.side(direction).readiness.report(self.generation(), READY);
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

    /// Waits for any of `wanted`, in line with any number of others. The line is the source's own.
    pub fn wait<'a>(&'a self, line: &'a Line, wanted: Ready) -> Wait<'a, Source<TICK_BITS>> {
        Wait { source: self, wanted, waiter: line.waiter() }
    }

    /// Takes back what `event` saw, as far as nothing has come since. What is closed stays closed.
    #[inline]
    pub fn clear(&self, event: ReadyEvent) {
        self.take_back(event, Readiness::clear);
    }

    /// As [`clear`](Source::clear), after a call on the descriptor itself that would block.
    ///
    /// No such call ever blocks on what is closed. So it is open again: a named pipe whose last writer
    /// has gone gets another one, of which no event tells before it writes.
    #[inline]
    pub fn refute(&self, event: ReadyEvent) {
        self.take_back(event, Readiness::refute);
    }

    #[inline(always)]
    fn take_back(
        &self,
        event: ReadyEvent,
        take_back: impl Fn(&Readiness<TICK_BITS>, Seen, u8) -> bool,
    ) {
        let read = read_flags(event.ready);
        if read != 0 {
            take_back(&self.read.readiness, event.read, read);
        }
        let write = write_flags(event.ready);
        if write != 0 {
            take_back(&self.write.readiness, event.write, write);
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

    /// Ends all waiting with an error, now and for every later owner of this look. `line` is asked as
    /// in [`dispatch`](Source::dispatch).
    pub fn shut_down<'a>(&self, line: impl FnOnce() -> Option<&'a Line>, wakes: &mut WakeBatch) {
        self.read.readiness.shut_down();
        self.write.readiness.shut_down();
        push(wakes, self.read.poller.take());
        push(wakes, self.write.poller.take());
        // Only now: who did not find the shutdown when it listed itself has made the line before.
        if let Some(line) = line() {
            self.call_line(line, Ready::ALL, wakes);
        }
    }

    /// Ends the present owner; late events for it have no effect. Futures in line have borrowed it
    /// and are gone before it, but for those that were leaked.
    pub fn retire(&self, line: Option<&Line>) {
        let locked = line.map(Line::lock);
        self.read.readiness.retire();
        self.write.readiness.retire();
        drop(locked);
        // Its waker may run any code when it is dropped: not under the lock.
        while let Some(leaked) = line.and_then(|line| line.lock().pop_front()) {
            drop(leaked);
        }
        self.write.poller.let_go();
        self.read.poller.let_go();
    }

    /// Moves everybody who wants any of `ready` from the line to `wakes`, and leaves room in it.
    fn call_line(&self, line: &Line, ready: Ready, wakes: &mut WakeBatch) {
        loop {
            let mut line = line.lock();
            let mut wanted = Ready::EMPTY;
            let ended = line.choose_where(wakes, |wants| match wants.intersects(ready) {
                true => Choice::Wake,
                false => {
                    wanted |= *wants;
                    Choice::Pass
                }
            });
            if ended {
                // Under the lock, so that nobody can join in between.
                if !wanted.intersects(READ_SIDE) {
                    self.read.readiness.unlist();
                }
                if !wanted.intersects(WRITE_SIDE) {
                    self.write.readiness.unlist();
                }
            }
            drop(line);
            make_room(wakes);
            if ended {
                return;
            }
        }
    }

    /// Says that somebody stands in line for `wanted`, and looks; the caller holds the line's lock.
    fn list(&self, wanted: Ready) -> Result<ReadyEvent, ShutDown> {
        let mut read = Seen::default();
        let mut write = Seen::default();
        if wanted.intersects(READ_SIDE) {
            read = self.read.readiness.list();
        }
        if wanted.intersects(WRITE_SIDE) {
            write = self.write.readiness.list();
        }
        sight(wanted, read, write)
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

pin_project! {
    /// Waits in line for a descriptor; see [`Source::wait`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place. All who want the same are woken together, so there
    /// is no wake to hand on.
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Wait<'a, S> {
        source: &'a S,
        wanted: Ready,
        #[pin]
        waiter: Waiter<'a, Ready>,
    }
}

impl<const TICK_BITS: u32> Future for Wait<'_, Source<TICK_BITS>> {
    type Output = Result<ReadyEvent, ShutDown>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let wanted = *this.wanted;
        loop {
            match this.source.look(wanted) {
                Ok(event) if event.ready.is_empty() => {}
                found => {
                    let _ = this.waiter.leave();
                    return Poll::Ready(found);
                }
            }
            let waited = this.waiter.as_mut().poll_wait(cx, |_| match this.source.list(wanted) {
                Ok(event) if event.ready.is_empty() => ControlFlow::Continue(wanted),
                found => ControlFlow::Break(found),
            });
            match ready!(waited) {
                Waited::Never(found) => return Poll::Ready(found),
                // Perhaps somebody was faster: look again.
                Waited::Woken(_) => {}
            }
        }
    }
}

impl<S> fmt::Debug for Wait<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

/// Adds to a batch that has room, and sees to it that it has room again.
fn push(wakes: &mut WakeBatch, waker: Option<Waker>) {
    let Some(waker) = waker else { return };
    wakes.push(waker);
    make_room(wakes);
}

/// Wakes a full batch. What panics is passed on by whoever wakes the rest.
pub(super) fn make_room(wakes: &mut WakeBatch) {
    if wakes.is_full() {
        wakes.wake_and_keep_panic();
    }
}

/// The flags of the two sides' words that `Ready` has bits for.
const READ_FLAGS: u8 = READY | CLOSED | PRIORITY | ERROR;
const WRITE_FLAGS: u8 = READY | CLOSED;

const _: () = assert!(
    Ready::READABLE.bits() == READY
        && Ready::READ_CLOSED.bits() == CLOSED
        && Ready::PRIORITY.bits() == PRIORITY
        && Ready::ERROR.bits() == ERROR
        && Ready::WRITABLE.bits() == READY << 1
        && Ready::WRITE_CLOSED.bits() == CLOSED << 1
);

fn read_flags(ready: Ready) -> u8 {
    ready.bits() & READ_FLAGS
}

fn write_flags(ready: Ready) -> u8 {
    ready.bits() >> 1 & WRITE_FLAGS
}

#[inline]
fn sight(wanted: Ready, read: Seen, write: Seen) -> Result<ReadyEvent, ShutDown> {
    if read.is_shut_down() || write.is_shut_down() {
        return Err(ShutDown);
    }
    let bits = read.flags() & READ_FLAGS | (write.flags() & WRITE_FLAGS) << 1;
    Ok(ReadyEvent { ready: Ready::from_bits(bits) & wanted, read, write })
}
