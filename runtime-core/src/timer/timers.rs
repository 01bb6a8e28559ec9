//! The timers of one worker: a wheel behind a lock, and a hint of when to look next.
//!
//! # Invariants
//!
//! The rights to an entry are those of `entry.rs`; here they are handed over:
//!
//! 1. Every [`Node`] is made, put into the wheel and taken out of it under the lock of that wheel.
//! 2. An entry that is ARMED is in the wheel of the `Timers` into which its owner has put it; the
//!    owner names no others when it calls. That is the promise of the unsafe methods.
//! 3. Under the lock no waker is cloned, woken or dropped: that is code we do not know.
//! 4. `next` is never later than the earliest deadline of the wheel whenever the lock is free.

use std::fmt;
use std::pin::Pin;
use std::task::Waker;

use runtime_sync::panics::contain;
use runtime_sync::primitives::Mutex;
use runtime_sync::primitives::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use runtime_sync::wake_batch::WakeBatch;

use super::entry::{Entry, Node, State};
use super::wheel::Wheel;
use crate::clock::{NEVER, Nanos};

/// A wheel of timers that any thread may use.
///
/// Every worker has its own and is nearly always alone with it; others come to take a timer out
/// that wandered to them, or to fire what the worker is too busy to fire.
pub struct Timers {
    wheel: Mutex<Guarded>,
    /// When [`expire`](Timers::expire) wants to be called, at the latest; [`NEVER`] if not at all.
    ///
    /// Written under the lock, read without it. It may be earlier than the earliest deadline: the
    /// removal of an entry does not recompute it, so that timeouts which come and go cost nothing
    /// here but one call of `expire` that finds nothing.
    next: AtomicU64,
}

struct Guarded {
    wheel: Wheel,
    closed: bool,
}

/// What has become of an entry that was to be inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Inserted {
    /// It is ARMED.
    Armed {
        /// It is due before all that were there, so that a sleeper has to be told, see
        /// [`Timers::next_deadline`].
        earliest: bool,
    },
    /// It stays what it was: its deadline has passed.
    Due,
    /// It stays what it was: these timers have been closed.
    Closed,
}

impl Timers {
    /// No timers, at time zero.
    pub fn new() -> Timers {
        Timers {
            wheel: Mutex::new(Guarded { wheel: Wheel::new(), closed: false }),
            next: AtomicU64::new(NEVER),
        }
    }

    /// Arms `entry`: `waker` is woken once `deadline` has come. [`NEVER`] only waits for
    /// [`close`](Timers::close).
    ///
    /// The entry may be found due only late if nobody has called [`expire`](Timers::expire) for a
    /// while: the clock is the caller's, not ours.
    ///
    /// # Safety
    ///
    /// - The caller owns the entry, which is not ARMED, and calls one method for it at a time.
    /// - Once ARMED, the entry lives until [`Entry::state`] says otherwise or [`remove`] has
    ///   returned, and `remove`, `update_waker` and `reset` are called for it on these timers only.
    ///
    /// [`remove`]: Timers::remove
    #[inline]
    pub unsafe fn insert(&self, entry: Pin<&Entry>, deadline: Nanos, waker: &Waker) -> Inserted {
        // Declared before the guard, and so dropped after it if it is not needed.
        let waker = waker.clone();
        let mut guard = self.wheel.lock();
        if guard.closed {
            return Inserted::Closed;
        }
        if deadline <= guard.wheel.now() {
            return Inserted::Due;
        }
        // SAFETY: the promises are the caller's, the lock is held, and the wheel gets the node.
        let node = unsafe { Node::arm(entry, deadline, waker) };
        guard.wheel.insert(node);
        Inserted::Armed { earliest: self.hasten(deadline) }
    }

    /// Makes `entry` IDLE, whatever it was.
    ///
    /// # Safety
    ///
    /// The caller owns the entry, calls one method for it at a time, and has put it into these
    /// timers if it is ARMED.
    #[inline]
    pub unsafe fn remove(&self, entry: Pin<&Entry>) {
        if entry.state() == State::Armed {
            let mut guard = self.wheel.lock();
            // Again, for it may have fired in between; now that the lock is held it cannot.
            if entry.state() == State::Armed {
                // SAFETY: ARMED, hence linked in this wheel, by the promise of the caller.
                let linked = unsafe { entry.linked() };
                let waker = guard.wheel.remove(linked).finish(State::Idle);
                drop(guard);
                // Who takes a timer out may have a value in hand that came in time.
                contain(|| drop(waker));
                return;
            }
        }
        entry.settle(State::Idle);
    }

    /// Makes `waker` the one that will be woken, and says what state the entry is in.
    ///
    /// If the answer is not ARMED, nobody will be woken any more.
    ///
    /// # Safety
    ///
    /// As for [`remove`](Timers::remove).
    pub unsafe fn update_waker(&self, entry: Pin<&Entry>, waker: &Waker) -> State {
        let state = entry.state();
        // No lock: if it fires at this moment, that waker gets the wake, which is as good.
        // SAFETY: the caller's entry, which is ARMED.
        if state != State::Armed || unsafe { entry.will_wake(waker) } {
            return state;
        }
        // It may fire before the lock is taken; then the old waker gets the wake, and the answer tells
        // the caller.
        let waker = waker.clone();
        let _old;
        let guard = self.wheel.lock();
        let state = entry.state();
        if state == State::Armed {
            // SAFETY: ARMED, hence linked in this wheel, by the promise of the caller.
            _old = unsafe { entry.linked() }.replace_waker(waker);
        }
        drop(guard);
        state
    }

    /// Moves an entry to another deadline; its waker stays.
    ///
    /// Says whether it became the earliest, as [`Inserted::Armed`]. An entry that is not ARMED
    /// (any more) becomes IDLE, and one whose new deadline has passed fires at once: by `now`, which
    /// is 0 if the caller has not looked at the clock, or by the time of the last expiry.
    ///
    /// # Safety
    ///
    /// As for [`remove`](Timers::remove).
    pub unsafe fn reset(&self, entry: Pin<&Entry>, deadline: Nanos, now: Nanos) -> bool {
        let mut guard = self.wheel.lock();
        if entry.state() != State::Armed {
            drop(guard);
            entry.settle(State::Idle);
            return false;
        }
        // SAFETY: ARMED, hence linked in this wheel, by the promise of the caller.
        let linked = unsafe { entry.linked() };
        let mut node = guard.wheel.remove(linked);
        node.set_deadline(deadline);
        if deadline > guard.wheel.now().max(now) && !guard.closed {
            guard.wheel.insert(node);
            return self.hasten(deadline);
        }
        let state = if guard.closed { State::Closed } else { State::Fired };
        let waker = node.finish(state);
        drop(guard);
        waker.wake();
        false
    }

    /// Sees to it that `next` is not later than `deadline`; says whether it was. The lock is held.
    fn hasten(&self, deadline: Nanos) -> bool {
        // Relaxed: only holders of the lock write.
        let earliest = deadline < self.next.load(Relaxed);
        if earliest {
            // Pairs with the load in `next_deadline`.
            self.next.store(deadline, Release);
        }
        earliest
    }

    /// When [`expire`](Timers::expire) is to be called next, at the latest.
    ///
    /// Never later than the earliest deadline; earlier if the earliest timer has been removed, or
    /// if many timers are far away and have to be sorted first. Does not lock.
    ///
    /// Whoever sleeps by this has to be woken when an insertion or a reset says "earliest". Between
    /// the two no order is given here: the sleeper announces itself, passes a sequentially
    /// consistent fence and reads this; the other passes one after it has inserted and looks for
    /// sleepers. One of them sees the other.
    #[inline]
    pub fn next_deadline(&self) -> Option<Nanos> {
        // Pairs with the stores in `hasten` and `settle_next`.
        Some(self.next.load(Acquire)).filter(|&next| next != NEVER)
    }

    /// The earliest deadline, exactly. Locks, and looks through the timers that might be it.
    ///
    /// This is where a virtual clock jumps to.
    pub fn earliest(&self) -> Option<Nanos> {
        let guard = self.wheel.lock();
        let earliest = guard.wheel.earliest();
        // Pairs with the load in `next_deadline`.
        self.next.store(earliest.unwrap_or(NEVER), Release);
        earliest
    }

    /// How many timers are armed.
    pub fn len(&self) -> usize {
        self.wheel.lock().wheel.len()
    }

    /// Whether no timer is armed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fires what is due at `now`, and says how many that were.
    ///
    /// The wakers are in `wakes` afterwards, which the caller wakes. If there are more than fit,
    /// some have been woken, without the lock, and the first panic is in `wakes` too. What is armed
    /// meanwhile waits for the next call.
    pub fn expire(&self, now: Nanos, wakes: &mut WakeBatch) -> usize {
        // Pairs with the stores in `hasten` and `settle_next`.
        if now < self.next.load(Acquire) {
            return 0;
        }
        let mut fired = 0;
        let mut guard = self.wheel.lock();
        guard.wheel.set_now(now);
        loop {
            if wakes.is_full() {
                drop(guard);
                wakes.wake_and_keep_panic();
                guard = self.wheel.lock();
            }
            let Some(node) = guard.wheel.pop_due() else { break };
            fired += 1;
            wakes.push(node.finish(State::Fired));
        }
        self.settle_next(&guard.wheel);
        fired
    }

    /// Computes `next` anew. The lock is held.
    fn settle_next(&self, wheel: &Wheel) {
        // Pairs with the load in `next_deadline`.
        self.next.store(wheel.next().unwrap_or(NEVER), Release);
    }

    /// Ends these timers: all that are armed become CLOSED and are woken, none can be armed again.
    ///
    /// # Panics
    ///
    /// If wakers panic, with the first of their panics, after all have been woken.
    pub fn close(&self) {
        let mut wakes = WakeBatch::new();
        let mut guard = self.wheel.lock();
        guard.closed = true;
        loop {
            let node = guard.wheel.pop_any();
            let is_last = node.is_none();
            if let Some(node) = node {
                wakes.push(node.finish(State::Closed));
            }
            if is_last || wakes.is_full() {
                drop(guard);
                wakes.wake_and_keep_panic();
                guard = self.wheel.lock();
            }
            if is_last {
                break;
            }
        }
        self.settle_next(&guard.wheel);
        drop(guard);
        wakes.wake_all();
    }

    /// Whether [`close`](Timers::close) has been called.
    pub fn is_closed(&self) -> bool {
        self.wheel.lock().closed
    }
}

impl Default for Timers {
    fn default() -> Timers {
        Timers::new()
    }
}

impl fmt::Debug for Timers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timers").field("next", &self.next_deadline()).finish_non_exhaustive()
    }
}
