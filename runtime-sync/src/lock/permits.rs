//! Permits that are taken, given back and waited for in line: the base of all locks.
//!
//! A mutex is one permit, a reader-writer lock has as many as there may be readers, of which a writer
//! takes all. One word holds the free permits and three flags:
//!
//! ```text
//!  63                              3        2        1        0
//! ┌──────────────────────────────────┬────────┬────────┬────────┐
//! │ free permits                     │ STRICT │ NUDGED │ QUEUED │
//! └──────────────────────────────────┴────────┴────────┴────────┘
//! ```
//!
//! Taking is one compare-exchange, and so is giving back; who finds the flags zero is done.
//!
//! # Who may go first
//!
//! Those who wait stand in line, first come, first served. But a task that is running is faster than
//! one that must be woken first, and a lock that waits for a sleeper is a lock that nobody has. So:
//!
//! 1. A permit that comes back is free, and the first in line is *nudged*: woken, to look for itself,
//!    while it keeps its place. Whoever runs meanwhile may take the permit. That is called barging.
//! 2. One that was nudged and looks in vain closes the door: from then on (`STRICT`) nobody barges, and
//!    permits that come back are handed to the line, in order, until it has got its own.
//! 3. One that asks for several closes the door as soon as it is the first, or smaller requests would
//!    take them away one by one for ever.
//!
//! So barging delays the first in line by the time from its wake to its next poll and by one hold of
//! the permit, and never by more. As many are nudged as there are permits for; one that is nudged and
//! never polled holds up the permits that it asked for, and no others.
//!
//! # Invariants of the word
//!
//! - The flags change under the lock of the line only; the permits by anybody.
//! - `QUEUED` is set if and only if somebody is in line, `NUDGED` if one of them is nudged and has not
//!   looked since. `STRICT` without `QUEUED` is what is left when the permits are closed.
//! - Whoever adds a permit and finds `QUEUED` sees to it that the line is served, unless the permit is
//!   the only free one and `NUDGED` is set: the one who was nudged is going to look at it. Who clears
//!   `NUDGED` does so by an exchange that knows how many permits are free.

mod acquire;
mod attempt;
mod wakes;

pub use acquire::Acquire;

use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;

use crate::panics::contain;
use crate::primitives::atomic::{AtomicUsize, Ordering};
use crate::primitives::const_outside_models;
use crate::wait_list::{Choice, Left, Line, WaitList, Waiter};

use super::AcquireError;
use wakes::Wakes;

/// Somebody is in line.
const QUEUED: usize = 1 << 0;
/// Somebody in line is nudged and has not looked since.
const NUDGED: usize = 1 << 1;
/// Nobody may barge; alone: closed.
const STRICT: usize = 1 << 2;
const FLAGS: usize = QUEUED | NUDGED | STRICT;
const CLOSED: usize = STRICT;
const SHIFT: u32 = FLAGS.count_ones();

/// Permits to be taken, given back and waited for.
///
/// # Examples
///
/// ```
/// use runtime_sync::lock::permits::Permits;
///
/// let permits = Permits::new(1);
/// permits.try_acquire(1).unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(|| permits.release(1));
///     runtime_sync::block_on(permits.acquire(1)).unwrap();
/// });
/// permits.release(1);
/// ```
pub struct Permits {
    state: AtomicUsize,
    line: WaitList<Request>,
}

/// What a waiter asks for, and how far it has come.
#[derive(Debug, Clone, Copy)]
struct Request {
    count: usize,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// In line. Behind the first of these all are.
    Waiting,
    /// Woken to look for itself.
    Nudged,
    /// It has looked in vain.
    Vain,
    /// It was given what it asked for.
    Granted,
}

impl Permits {
    /// The largest number of permits.
    pub const MAX: usize = usize::MAX >> SHIFT;

    const_outside_models! {
        /// Makes `count` free permits.
        ///
        /// # Panics
        ///
        /// Panics if there are more than [`MAX`](Permits::MAX).
        #[track_caller]
        pub const fn new(count: usize) -> Permits {
            assert!(count <= Permits::MAX, "there may be at most `Semaphore::MAX_PERMITS` permits");
            Permits { state: AtomicUsize::new(count << SHIFT), line: WaitList::new() }
        }
    }

    const_outside_models! {
        /// Makes no permits, closed from the beginning.
        pub const fn new_closed() -> Permits {
            Permits { state: AtomicUsize::new(CLOSED), line: WaitList::new() }
        }
    }

    /// Takes `count` permits, in line with others if they are not free.
    ///
    /// # Errors
    ///
    /// The permits are closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in line; what it was given already is passed on.
    pub fn acquire(&self, count: usize) -> Acquire<'_> {
        Acquire::new(self, count, self.line.waiter())
    }

    /// Gives `count` permits back, or adds new ones.
    ///
    /// # Panics
    ///
    /// Panics if there would be more than [`MAX`](Permits::MAX) free ones; nothing has changed then.
    /// Passes on a panic of a waker, after all have been woken.
    #[inline]
    #[track_caller]
    pub fn release(&self, count: usize) {
        if count > Permits::MAX {
            self.too_many(0);
        }
        let back = count << SHIFT;
        // Release pairs with the acquire of whoever takes them.
        let (now, is_over) = self.state.fetch_add(back, Ordering::Release).overflowing_add(back);
        if is_over {
            self.too_many(back);
        }
        if !is_served(now) {
            self.serve();
        }
    }

    /// Panics, after `back` was added to the word. That has made the free permits look few, so those in
    /// line may have been told to wait.
    #[cold]
    #[track_caller]
    fn too_many(&self, back: usize) -> ! {
        // Relaxed: nothing was given back.
        if !is_served(self.state.fetch_sub(back, Ordering::Relaxed).wrapping_sub(back)) {
            self.serve();
        }
        panic!("there may be at most `Semaphore::MAX_PERMITS` free permits");
    }

    /// Gives `count` permits back, unless there would be more than `max` free ones. Returns whether it
    /// did.
    ///
    /// # Panics
    ///
    /// Passes on a panic of a waker, after all have been woken.
    #[inline]
    pub fn release_up_to(&self, count: usize, max: usize) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let free = (state >> SHIFT).saturating_add(count);
            if free > max {
                return false;
            }
            let next = free << SHIFT | state & FLAGS;
            // Release pairs with the acquire of whoever takes them.
            match self.state.compare_exchange_weak(
                state,
                next,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    if !is_served(next) {
                        self.serve();
                    }
                    return true;
                }
                Err(now) => state = now,
            }
        }
    }

    /// Gives back `count` permits that were taken, to a lock that has as many in all as ever.
    ///
    /// # Panics
    ///
    /// Passes on a panic of a waker, after all have been woken.
    #[inline]
    pub fn give_back(&self, count: usize) {
        let back = count << SHIFT;
        // Release pairs with the acquire of whoever takes them.
        let before = self.state.fetch_add(back, Ordering::Release);
        if !is_served(before.wrapping_add(back)) {
            self.serve();
        }
    }

    /// As [`give_back`](Permits::give_back), for one who holds what a panic would lose: that of a waker
    /// does not come out.
    #[inline]
    pub fn give_back_calmly(&self, count: usize) {
        let back = count << SHIFT;
        // Release pairs with the acquire of whoever takes them.
        let before = self.state.fetch_add(back, Ordering::Release);
        if !is_served(before.wrapping_add(back)) {
            contain(|| self.serve());
        }
    }

    /// Takes up to `count` of the free permits away for good. Returns how many.
    pub fn forget(&self, count: usize) -> usize {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let gone = count.min(state >> SHIFT);
            let next = state - (gone << SHIFT);
            // Acquire, as one who takes them.
            match self.state.compare_exchange_weak(
                state,
                next,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return gone,
                Err(now) => state = now,
            }
        }
    }

    /// How many are free at this moment, those included that the line is going to get.
    pub fn available(&self) -> usize {
        // Acquire, so that who learns from this that something was given back sees what came before.
        self.state.load(Ordering::Acquire) >> SHIFT
    }

    /// How many wait at this moment.
    pub fn waiters(&self) -> usize {
        match self.state.load(Ordering::Relaxed) & QUEUED {
            0 => 0,
            _ => self.line.lock().len(),
        }
    }

    /// Refuses all who wait and all who come.
    ///
    /// # Panics
    ///
    /// Passes on a panic of a waker, after all have been woken.
    pub fn close(&self) {
        let line = self.line.lock();
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let closed = state & !FLAGS | CLOSED;
            // Release pairs with the acquire in `is_closed`.
            match self.state.compare_exchange(state, closed, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        drop(line);
        self.line.wake_all();
    }

    /// Whether [`close`](Permits::close) was called.
    pub fn is_closed(&self) -> bool {
        // Pairs with the release in `close`.
        self.state.load(Ordering::Acquire) & FLAGS == CLOSED
    }

    /// Serves the line after permits have come back.
    #[cold]
    #[inline(never)]
    fn serve(&self) {
        let mut wakes = Wakes::default();
        loop {
            let done = self.settle(&mut self.line.lock(), &mut wakes);
            if done {
                break;
            }
            wakes.wake_and_keep_panic();
        }
        wakes.wake_all();
    }

    /// Leaves the line, if `decide` wants it, and serves those who stay.
    fn leave_if(
        &self,
        waiter: Pin<&mut Waiter<'_, Request>>,
        rest: &mut Unserved<'_>,
        decide: impl FnOnce(&mut Request) -> bool,
    ) -> Option<Left<Request>> {
        waiter.leave_if(decide, |line| rest.done = self.settle(line, &mut rest.wakes))
    }

    /// Brings the line and the flags to where they should be: hands over what must be handed over,
    /// nudges whom there is a permit for. False: `wakes` must be woken first, and this called again.
    fn settle(&self, line: &mut Line<'_, Request>, wakes: &mut Wakes) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if state & FLAGS == CLOSED {
                return true;
            }
            let strict = is_strict(line);
            if strict && state & STRICT == 0 {
                // From here on the permits only grow.
                state = self.state.fetch_or(STRICT, Ordering::Relaxed) | STRICT;
            }
            let flags = match strict {
                true => {
                    let front = line.front().expect("somebody is strict");
                    if let Some(rest) = without(state, front.count) {
                        // Acquire on behalf of the one who gets them; the state of its waiter carries
                        // it there.
                        match self.exchange(state, rest, Ordering::Acquire) {
                            Ok(()) => {
                                front.stage = Stage::Granted;
                                state = rest;
                                if let Some(Some(waker)) = line.pop_front()
                                    && wakes.push(waker)
                                {
                                    return false;
                                }
                            }
                            Err(now) => state = now,
                        }
                        continue;
                    }
                    QUEUED | STRICT
                }
                false if line.is_empty() => 0,
                false => match nudge(line, state >> SHIFT, wakes) {
                    Some(0) => QUEUED,
                    Some(_) => QUEUED | NUDGED,
                    None => return false,
                },
            };
            // With the number of permits that this was decided by.
            match self.exchange(state, state & !FLAGS | flags, Ordering::Relaxed) {
                Ok(()) => return true,
                Err(now) => state = now,
            }
        }
    }

    /// Whether one who came now would get `count` permits at once.
    fn may_take(&self, count: usize) -> bool {
        // Relaxed: nothing is taken.
        takeable(self.state.load(Ordering::Relaxed), count).is_some()
    }

    fn exchange(&self, from: usize, to: usize, order: Ordering) -> Result<(), usize> {
        self.state.compare_exchange(from, to, order, Ordering::Relaxed).map(drop)
    }

    /// What one who is about to enter the line does under its lock: take the permits after all, or
    /// make it known that somebody is there. One who `may` not take them now need not wait for them either.
    #[inline]
    fn take_or_queue(
        &self,
        line: &mut Line<'_, Request>,
        count: usize,
        may: bool,
    ) -> ControlFlow<Result<(), AcquireError>, Request> {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if state & FLAGS == CLOSED {
                return ControlFlow::Break(Err(AcquireError::closed()));
            }
            let taken = takeable(state, count);
            if taken.is_some() && !may {
                return ControlFlow::Break(Ok(()));
            }
            let exchanged = match taken {
                // As in `try_acquire`.
                Some(rest) => self.exchange(state, rest, Ordering::Acquire),
                None => {
                    let is_strict = line.is_empty() && count > 1;
                    let flags = QUEUED | if is_strict { STRICT } else { 0 };
                    self.exchange(state, state | flags, Ordering::Relaxed)
                }
            };
            match (exchanged, taken) {
                (Ok(()), Some(_)) => return ControlFlow::Break(Ok(())),
                (Ok(()), None) => {
                    return ControlFlow::Continue(Request { count, stage: Stage::Waiting });
                }
                (Err(now), _) => state = now,
            }
        }
    }

    /// What one who was nudged does under the lock of the line: take the permits, or close the door.
    fn look(&self, request: &mut Request) -> Look {
        if request.stage != Stage::Nudged {
            return Look::NotAsked;
        }
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if state & FLAGS == CLOSED {
                // It is going to be told.
                return Look::NotAsked;
            }
            let taken = without(state, request.count).filter(|_| state & STRICT == 0);
            let next = taken.unwrap_or(state | STRICT);
            // Acquire as in `try_acquire`.
            match self.exchange(state, next, Ordering::Acquire) {
                Ok(()) if taken.is_some() => return Look::Taken,
                Ok(()) => {
                    request.stage = Stage::Vain;
                    return Look::Vain { some_are_free: next >> SHIFT > 0 };
                }
                Err(now) => state = now,
            }
        }
    }
}

/// What came of a look at the permits.
#[derive(Clone, Copy, PartialEq)]
enum Look {
    /// It was not nudged: its turn has not come.
    NotAsked,
    /// It has taken what it asked for.
    Taken,
    /// The door is closed. What is free may be enough for somebody who is before it in line, or for
    /// itself, and is to be handed over from now on.
    Vain { some_are_free: bool },
}

/// What is to be done after somebody has left the line, without its lock. It has room for many wakers,
/// so it stays where it is made.
#[must_use]
struct Unserved<'a> {
    permits: &'a Permits,
    wakes: Wakes,
    done: bool,
}

impl<'a> Unserved<'a> {
    fn new(permits: &'a Permits) -> Unserved<'a> {
        Unserved { permits, wakes: Wakes::default(), done: true }
    }

    #[inline]
    fn serve(&mut self) {
        if !self.done || !self.wakes.is_empty() {
            self.serve_now();
        }
    }

    #[inline(never)]
    fn serve_now(&mut self) {
        if !std::mem::replace(&mut self.done, true) {
            self.wakes.wake_and_keep_panic();
            self.permits.serve();
        }
        self.wakes.wake_all();
    }
}

impl Drop for Unserved<'_> {
    /// Even if the drop of a waker panics, those who were chosen are woken.
    #[inline]
    fn drop(&mut self) {
        self.serve();
    }
}

/// Whether nobody has to do anything about the line.
#[inline]
fn is_served(state: usize) -> bool {
    state & QUEUED == 0 || (state & STRICT == 0 && state & NUDGED != 0 && state >> SHIFT == 1)
}

/// The word without `count` of its permits, if it has so many.
#[inline]
fn without(state: usize, count: usize) -> Option<usize> {
    (state >> SHIFT >= count).then(|| state - (count << SHIFT))
}

/// The same for one who is not in line.
#[inline]
fn takeable(state: usize, count: usize) -> Option<usize> {
    without(state, count).filter(|_| state & STRICT == 0 || count == 0)
}

/// Whether those in line are to be served in order, with nobody barging.
fn is_strict(line: &mut Line<'_, Request>) -> bool {
    if line.front().is_some_and(|front| front.count > 1) {
        return true;
    }
    let mut strict = false;
    line.walk(|request| match request.stage {
        Stage::Nudged => ControlFlow::Continue(()),
        Stage::Vain => {
            strict = true;
            ControlFlow::Break(())
        }
        Stage::Waiting | Stage::Granted => ControlFlow::Break(()),
    });
    strict
}

/// Nudges as many from the front as `free` permits are enough for. Returns how many are nudged now;
/// nothing if the wakes are full and there may be more.
fn nudge(line: &mut Line<'_, Request>, free: usize, wakes: &mut Wakes) -> Option<usize> {
    if free <= 1 {
        let front =
            line.front().filter(|front| front.count <= free || front.stage == Stage::Nudged);
        let Some(front) = front else { return Some(0) };
        if std::mem::replace(&mut front.stage, Stage::Nudged) != Stage::Nudged
            && let Some(waker) = line.nudge_front()
        {
            wakes.push(waker);
        }
        return Some(1);
    }
    let mut covered = 0usize;
    let mut nudged = 0;
    let ended = line.choose_where(wakes.batch(), |request| {
        covered = covered.saturating_add(request.count);
        if request.stage == Stage::Nudged {
            nudged += 1;
            return Choice::Pass;
        }
        if covered > free {
            return Choice::Stop;
        }
        request.stage = Stage::Nudged;
        nudged += 1;
        Choice::Nudge
    });
    ended.then_some(nudged)
}

impl fmt::Debug for Permits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.load(Ordering::Relaxed);
        f.debug_struct("Permits")
            .field("available", &(state >> SHIFT))
            .field("queued", &(state & QUEUED != 0))
            .field("nudged", &(state & NUDGED != 0))
            .field("strict", &(state & QUEUED != 0 && state & STRICT != 0))
            .field("closed", &(state & FLAGS == CLOSED))
            .finish()
    }
}
