//! Watch a descriptor while this lives: try an operation, wait until it is worth another try.
//!
//! # Invariants
//!
//! 1. What is watched is there as long as the slot is not `NONE`.
//! 2. Whoever sets the slot to `NONE` takes it out, or drops it, and does so once: both have the
//!    registration to themselves.

use std::fmt;
use std::future::Future;
use std::io;
use std::mem::ManuallyDrop;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use runtime_sync::budget;
use runtime_sync::primitives::Arc;
use runtime_sync::wake_batch::WakeBatch;

use super::Reactor;
use super::numbered::{Numbered, Unowned};
use super::poller;
use super::ready::{Direction, Interest, Ready};
use super::source::{ReadyEvent, ShutDown, Source, Wait};
use crate::runtime::context;

/// Watches a descriptor while it lives.
///
/// It holds what the descriptor belongs to, which is [given back](Registration::deregister) or dropped
/// when the watch has ended: a number that was closed before may be another's by then. Of [`Unowned`]
/// numbers, which others may close at any time, the reactor keeps book.
pub struct Registration<D: Numbered + ?Sized = Unowned> {
    reactor: Arc<Reactor>,
    /// `NONE` once the watch has ended.
    slot: u32,
    watched: ManuallyDrop<D>,
}

/// No slot has this number.
const NONE: u32 = u32::MAX;

impl<D: Numbered> Registration<D> {
    /// Has the reactor of the present runtime watch what `watched` names.
    ///
    /// # Errors
    ///
    /// Those of the system, and one of kind `Other` when the runtime has shut down.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn new(watched: D, interest: Interest) -> io::Result<Registration<D>> {
        match context::reactor() {
            Some(reactor) => Registration::new_with(&reactor, watched, interest),
            None => panic!("{}", context::NO_RUNTIME),
        }
    }

    /// Has `reactor` watch what `watched` names.
    ///
    /// # Errors
    ///
    /// Those of the system, and one of kind `Other` when the runtime has shut down.
    pub fn new_with(
        reactor: &Arc<Reactor>,
        watched: D,
        interest: Interest,
    ) -> io::Result<Registration<D>> {
        let slot = reactor.watch(&watched, interest)?;
        let watched = ManuallyDrop::new(watched);
        Ok(Registration { reactor: reactor.clone(), slot, watched })
    }

    /// Ends the watch, as dropping does, and gives back what was watched.
    ///
    /// # Errors
    ///
    /// Those of the system; most likely the descriptor was closed already. What was watched is dropped.
    pub fn deregister(mut self) -> io::Result<D> {
        let ended = self.end();
        // SAFETY: invariants 1 and 2: it was there, and is not looked for any more.
        let watched = unsafe { ManuallyDrop::take(&mut self.watched) };
        ended.map(|()| watched)
    }
}

impl<D: Numbered + ?Sized> Registration<D> {
    /// What is watched.
    #[inline]
    pub fn watched(&self) -> &D {
        &self.watched
    }

    /// Has the first operation in `direction` tried at once, rather than after the first event.
    ///
    /// For who knows or hopes that it is ready, right after the registration was made: a stream that
    /// has just been connected takes bytes, and one that was accepted may have some. A hope that
    /// fails costs a system call, and the wait that follows is as any other.
    pub fn assume_ready(&self, direction: Direction) {
        self.source().assume_ready(direction);
    }

    /// Waits until a read is worth a try. The last task that asked is woken.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<ReadyEvent>> {
        self.poll_ready(cx, Direction::Read)
    }

    /// Waits until a write is worth a try. The last task that asked is woken.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<ReadyEvent>> {
        self.poll_ready(cx, Direction::Write)
    }

    /// Waits until an operation in `direction` is worth a try. Spends the task's budget.
    #[inline(always)]
    pub fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
    ) -> Poll<io::Result<ReadyEvent>> {
        let turn = ready!(budget::poll_proceed(cx));
        let event = ready!(self.source().poll_ready(cx, direction))?;
        turn.made_progress();
        Poll::Ready(Ok(event))
    }

    /// Calls `attempt` whenever `direction` is ready, until it says something else than
    /// [`WouldBlock`](io::ErrorKind::WouldBlock).
    #[inline]
    pub fn poll_io<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        mut attempt: impl FnMut() -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            let event = ready!(self.poll_ready(cx, direction))?;
            match attempt() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.refute(event)?;
                }
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    /// As [`poll_io`](Registration::poll_io), for a stream that is asked to move `wanted` bytes.
    ///
    /// A stream that moves fewer has nothing left, or no room: the next call waits for an event
    /// rather than asking the kernel again, which saves a system call per message.
    #[inline]
    pub fn poll_stream(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        wanted: usize,
        mut attempt: impl FnMut() -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        self.poll_told(cx, direction, || {
            let moved = attempt()?;
            Ok((moved, 0 < moved && moved < wanted))
        })
    }

    /// As [`poll_stream`](Registration::poll_stream), for a stream that may move fewer for other reasons:
    /// `attempt` also says whether nothing is left.
    #[inline]
    pub fn poll_told(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        mut attempt: impl FnMut() -> io::Result<(usize, bool)>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let event = ready!(self.poll_ready(cx, direction))?;
            match attempt() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.refute(event)?;
                }
                Ok((moved, drained)) => {
                    if drained && self.reactor.short_means_drained {
                        self.source().clear_drained(direction, event);
                    }
                    return Poll::Ready(Ok(moved));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Calls `attempt` once if `interest` is ready, or if the runtime has shut down: what the system
    /// has for the descriptor then is still there to be taken, and nobody will say so.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if it is not ready or `attempt` says so, in which
    /// case the readiness is cleared; after a shutdown an error that tells of it instead, since there
    /// is nothing to wait for; and what else `attempt` returns.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        attempt: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        self.try_with(interest, attempt, Registration::take_back)
    }

    /// As [`try_io`](Registration::try_io), for a call on the descriptor and nothing else: that it would
    /// block tells that the other side is not gone after all.
    ///
    /// # Errors
    ///
    /// As `try_io`.
    pub fn try_call<R>(
        &self,
        interest: Interest,
        attempt: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        self.try_with(interest, attempt, Registration::refute)
    }

    fn try_with<R>(
        &self,
        interest: Interest,
        attempt: impl FnOnce() -> io::Result<R>,
        take_back: fn(&Registration<D>, ReadyEvent) -> io::Result<()>,
    ) -> io::Result<R> {
        let seen = self.source().look(Ready::from_interest(interest));
        if seen.as_ref().is_ok_and(|event| event.ready().is_empty()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let outcome = attempt();
        if let Err(error) = &outcome
            && error.kind() == io::ErrorKind::WouldBlock
        {
            take_back(self, seen?)?;
        }
        outcome
    }

    /// Calls `attempt` whenever `interest` is ready, until it says something else than
    /// [`WouldBlock`](io::ErrorKind::WouldBlock). Any number of tasks may wait like this.
    ///
    /// # Errors
    ///
    /// What `attempt` returns, or the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future while it waits loses nothing.
    pub async fn io<R>(
        &self,
        interest: Interest,
        mut attempt: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            let event = match self.look_in_turn(interest)? {
                Some(event) => event,
                None => self.readiness(interest).await?,
            };
            match attempt() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.take_back(event)?;
                }
                outcome => return outcome,
            }
        }
    }

    /// What of `interest` is ready, if any of it is and the task has budget left: who need not wait
    /// makes no place in line.
    #[inline]
    fn look_in_turn(&self, interest: Interest) -> io::Result<Option<ReadyEvent>> {
        let Some(turn) = budget::proceed_now() else { return Ok(None) };
        let event = self.ready_now(interest)?;
        if event.ready().is_empty() {
            return Ok(None);
        }
        turn.made_progress();
        Ok(Some(event))
    }

    /// Waits until any of `interest` is ready. Any number of tasks may wait like this.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future while it waits loses nothing.
    #[inline]
    pub fn readiness(&self, interest: Interest) -> Waiting<'_> {
        let line = self.reactor.line_for_waiting(self.slot);
        Waiting { line: self.source().wait(line, Ready::from_interest(interest)) }
    }

    /// What of `interest` is ready at this moment, possibly nothing.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    #[inline]
    pub fn ready_now(&self, interest: Interest) -> io::Result<ReadyEvent> {
        Ok(self.source().look(Ready::from_interest(interest))?)
    }

    /// Takes back what `event` saw, as far as no other event has come since.
    pub fn clear(&self, event: ReadyEvent) {
        // Where this can fail, the system does not know the descriptor any more: no event will come of it,
        // and its owner finds out when it uses it.
        let _ = self.take_back(event);
    }

    #[inline]
    fn take_back(&self, event: ReadyEvent) -> io::Result<()> {
        self.source().clear(event);
        poller::renew(&*self.reactor.driver, self.watched.number(), event)
    }

    /// As `take_back`, after a call on the descriptor itself: see [`Source::refute`].
    #[inline]
    fn refute(&self, event: ReadyEvent) -> io::Result<()> {
        self.source().refute(event);
        poller::renew(&*self.reactor.driver, self.watched.number(), event)
    }

    /// Tells those who wait what no event will tell: what the owner of the descriptor has done to it.
    pub fn report(&self, ready: Ready) {
        let mut wakes = WakeBatch::new();
        let line = || self.reactor.slots.line(self.slot);
        let source = self.source();
        source.dispatch(source.generation(), ready, line, &mut wakes);
        wakes.wake_all();
    }

    /// The reactor that watches.
    pub fn reactor(&self) -> &Arc<Reactor> {
        &self.reactor
    }

    /// Ends the watch, once.
    fn end(&mut self) -> io::Result<()> {
        let slot = std::mem::replace(&mut self.slot, NONE);
        self.reactor.unwatch(&*self.watched, slot)
    }

    #[inline]
    fn source(&self) -> &Source {
        self.reactor.source(self.slot)
    }
}

impl<D: Numbered + ?Sized> Drop for Registration<D> {
    fn drop(&mut self) {
        if self.slot == NONE {
            return;
        }
        // An error means that the descriptor is gone, and its watch with it.
        let _ = self.end();
        // SAFETY: invariants 1 and 2: it was there, and nobody looks for it any more.
        unsafe { ManuallyDrop::drop(&mut self.watched) };
    }
}

// No code of anybody else's runs while something here is half done.
impl<D: Numbered + UnwindSafe + ?Sized> UnwindSafe for Registration<D> {}
impl<D: Numbered + RefUnwindSafe + ?Sized> RefUnwindSafe for Registration<D> {}

impl<D: Numbered + ?Sized> fmt::Debug for Registration<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("descriptor", &self.watched.number())
            .field("source", self.source())
            .finish()
    }
}

pin_project! {
    /// Waits until a descriptor is ready, see [`Registration::readiness`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Waiting<'a> {
        #[pin]
        line: Wait<'a, Source>,
    }
}

impl Future for Waiting<'_> {
    type Output = io::Result<ReadyEvent>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let turn = ready!(budget::poll_proceed(cx));
        let event = ready!(self.project().line.poll(cx))?;
        turn.made_progress();
        Poll::Ready(Ok(event))
    }
}

impl From<ShutDown> for io::Error {
    fn from(error: ShutDown) -> io::Error {
        io::Error::other(error)
    }
}
