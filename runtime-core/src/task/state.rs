//! The state word: one constant per flag, one method per transition.
//!
//! No other file touches the atomic. Each method says what the caller must do next.

use super::ending::Ending;
use runtime_sync::primitives::atomic::{AtomicUsize, Ordering};
use std::fmt;

/// A `Runnable` exists: the task waits in a queue or is being polled. Set by a wake of an idle
/// task, cleared when a poll ends pending or the task completes. Never set again after `COMPLETE`.
const OWNED: usize = 1 << 0;
/// Woken while `OWNED`: the holder of the `Runnable` has to poll once more. Meaningless otherwise.
const NOTIFIED: usize = 1 << 1;
/// The future is gone and the output, if anybody may still ask for it, is in its place.
const COMPLETE: usize = 1 << 2;
/// The future shall be dropped at its next suspension. Never cleared; ignored after `COMPLETE`.
const ABORTED: usize = 1 << 3;
/// A `JoinHandle` exists. Set at birth, cleared once.
const HANDLE: usize = 1 << 4;
/// The join waker's place is filled, and belongs to whoever completes the task. While this is
/// clear, and before `COMPLETE`, the place belongs to the `JoinHandle`.
const JOIN_WAKER: usize = 1 << 5;
/// Somebody has asked the task to end, and nobody has answered yet. Without `FRAMED` the answer is
/// that of an abort. Set by a request, cleared by a frame that answers it. Meaningless after
/// `COMPLETE`.
const ASKED: usize = 1 << 6;
/// A frame is open in the task that answers requests in its own way: it wants to be polled.
const FRAMED: usize = 1 << 7;
/// The table of requests has an entry for this task, to be taken out at completion. Set with the
/// first request or frame, never cleared.
const NOTED: usize = 1 << 8;
/// Somebody wants to be told of the end, which another table knows. Set with the first who does, never
/// cleared.
const WATCHED: usize = 1 << 9;
/// The task ended without an output, because it was cancelled or aborted. Set with `COMPLETE` or never.
const CANCELLED: usize = 1 << 10;
/// The task ended by a panic. Set with `COMPLETE` or never.
const PANICKED: usize = 1 << 11;
/// One reference: the `JoinHandle`, an `AbortHandle` or a `Waker`. A `Runnable` is none: a task
/// that is not complete is kept by the roster, and only such a task has a `Runnable`.
const REF: usize = 1 << 12;
/// Beyond this many references somebody leaks them in a loop.
const REF_LIMIT: usize = usize::MAX / 2;

/// The atomic word of a task. See the diagram in the module page.
pub struct State(AtomicUsize);

/// What to do with a task that was just dequeued.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Begin {
    /// Poll it.
    Poll,
    /// Drop its future: it was aborted, or asked to end without a frame that would answer.
    Abort,
}

/// What to do after a poll that returned pending.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Pend {
    /// Nothing: the task is idle, and not ours any more.
    Idle,
    /// Queue it again: it was woken or aborted during the poll.
    Again,
}

/// What to do after a wake or an abort.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Wake {
    /// Nothing: it is queued, being polled or complete.
    Nothing,
    /// Schedule it: we hold its `Runnable` now.
    Schedule,
    /// Free it: this was the last reference to a complete task.
    Free,
}

/// What became of a request to end.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Ask {
    /// The task has finished: there is nobody to ask.
    Complete,
    /// The request stands. What is said about a wake is to be done.
    Asked(Wake),
}

/// What to do after completion.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub struct Complete {
    /// Nobody will ask for the output: drop it.
    pub drop_output: bool,
    /// The join waker is ours: take it and wake it.
    pub wake_joiner: bool,
    /// A reference is held for these steps and must be dropped after them.
    pub holds_ref: bool,
    /// The table of requests has an entry for this task: take it out.
    pub noted: bool,
    /// Somebody wants to be told.
    pub watched: bool,
}

/// What a `JoinHandle` has to do when it is dropped.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Detach {
    /// Nothing: its reference is already given back.
    Done,
    /// Drop the join waker, then the reference.
    DropWaker,
    /// Drop the output if it was not taken, then the reference.
    DropOutput,
}

impl State {
    /// A new task: queued, with a `JoinHandle`.
    pub fn new() -> State {
        State(AtomicUsize::new(OWNED | HANDLE | REF))
    }

    /// 2 The holder of the `Runnable` begins. No write in the common case.
    #[inline]
    pub fn begin(&self) -> Begin {
        // Pairs with the release in `wake`, `wake_by_value` and `abort`: the poll must see what
        // was written before the wake.
        let mut now = self.0.load(Ordering::Acquire);
        if now & NOTIFIED != 0 {
            // Taken before the poll: a wake that comes later sets it again and is not lost.
            now = self.0.fetch_and(!NOTIFIED, Ordering::AcqRel);
        }
        if now & (ABORTED | ASKED) == 0 { Begin::Poll } else { Begin::of_ended(now) }
    }

    /// 4 The poll returned pending: back to idle, unless a wake came meanwhile.
    #[inline]
    pub fn pend(&self) -> Pend {
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            debug_assert!(now & OWNED != 0 && now & COMPLETE == 0, "{self:?}");
            if now & NOTIFIED != 0 {
                return Pend::Again;
            }
            // Release pairs with `begin` by way of the next `wake`'s acquire: the next poll, on
            // whichever thread, sees what this poll did to the future.
            match self.0.compare_exchange_weak(
                now,
                now & !OWNED,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Pend::Idle,
                Err(other) => now = other,
            }
        }
    }

    /// 3 Wakes by reference.
    #[inline]
    pub fn wake(&self) -> Wake {
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            if now & COMPLETE != 0 {
                return Wake::Nothing;
            }
            let idle = now & OWNED == 0;
            let next = now | if idle { OWNED } else { NOTIFIED };
            // Also when `next == now` the write is made: its release is what lets the coming poll
            // see the caller's writes. Acquire for the idle case: pairs with `pend`.
            match self.0.compare_exchange_weak(now, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) if idle => return Wake::Schedule,
                Ok(_) => return Wake::Nothing,
                Err(other) => now = other,
            }
        }
    }

    /// 3 Wakes and gives the waker's reference back, in one step.
    #[inline]
    pub fn wake_by_value(&self) -> Wake {
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            if now & COMPLETE != 0 {
                return if self.drop_ref() { Wake::Free } else { Wake::Nothing };
            }
            let idle = now & OWNED == 0;
            // The task is not complete, so that its cell outlives this reference.
            let next = (now | if idle { OWNED } else { NOTIFIED }) - REF;
            // As in `wake`.
            match self.0.compare_exchange_weak(now, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) if idle => return Wake::Schedule,
                Ok(_) => return Wake::Nothing,
                Err(other) => now = other,
            }
        }
    }

    /// Asks for the future to be dropped at its next suspension.
    pub fn abort(&self) -> Wake {
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            if now & (COMPLETE | ABORTED) != 0 {
                return Wake::Nothing;
            }
            let idle = now & OWNED == 0;
            let next = now | ABORTED | if idle { OWNED } else { NOTIFIED };
            // As in `wake`.
            match self.0.compare_exchange_weak(now, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) if idle => return Wake::Schedule,
                Ok(_) => return Wake::Nothing,
                Err(other) => now = other,
            }
        }
    }

    /// Asks the task to end: by its frames if one is open when it is polled next, else as an abort.
    ///
    /// The table has the entry that `NOTED` speaks of.
    pub fn ask(&self) -> Ask {
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            if now & COMPLETE != 0 {
                return Ask::Complete;
            }
            let idle = now & OWNED == 0;
            let next = now | ASKED | NOTED | if idle { OWNED } else { NOTIFIED };
            // As in `wake`.
            match self.0.compare_exchange_weak(now, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Ask::Asked(if idle { Wake::Schedule } else { Wake::Nothing }),
                Err(other) => now = other,
            }
        }
    }

    /// Asks a task to end that sleeps, has no frame and was never asked: most are like that. True: we
    /// hold its `Runnable` now, so that it is as good as ended. False: nothing was done; [`ask`](State::ask).
    ///
    /// With `note`, the table is about to have an entry for it.
    pub fn ask_asleep(&self, note: bool) -> bool {
        const OTHER: usize = OWNED | COMPLETE | ABORTED | ASKED | FRAMED | NOTED;
        let flags = OWNED | ASKED | if note { NOTED } else { 0 };
        let mut now = self.0.load(Ordering::Relaxed);
        while now & OTHER == 0 {
            let next = now | flags;
            // As in `wake`.
            match self.0.compare_exchange_weak(now, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(other) => now = other,
            }
        }
        false
    }

    /// The entry that `NOTED` speaks of is about to be made.
    ///
    /// If the caller does not hold the `Runnable`, it looks afterwards whether the task has completed.
    pub fn note(&self) {
        // Relaxed: it is read at completion, by whoever polls the task then; or comes after that, which
        // the caller finds when it looks at this same word.
        if self.0.load(Ordering::Relaxed) & NOTED == 0 {
            self.0.fetch_or(NOTED, Ordering::Relaxed);
        }
    }

    /// The first frame opens.
    pub fn open_frames(&self) {
        // Relaxed: only whoever polls the task reads `FRAMED`, in order with this by the poll; the
        // frames themselves are under a lock.
        self.0.fetch_or(FRAMED, Ordering::Relaxed);
    }

    /// The last frame closes. If a request stands that nobody has answered, the task is to be
    /// looked at once more, and ends.
    pub fn close_frames(&self) -> Wake {
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            if now & COMPLETE != 0 {
                return Wake::Nothing;
            }
            let idle = now & OWNED == 0;
            let woken = match now & ASKED != 0 {
                true if idle => OWNED,
                true => NOTIFIED,
                false => 0,
            };
            let next = (now & !FRAMED) | woken;
            // As in `wake`.
            match self.0.compare_exchange_weak(now, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) if woken == OWNED => return Wake::Schedule,
                Ok(_) => return Wake::Nothing,
                Err(other) => now = other,
            }
        }
    }

    /// A frame has answered the request, or it was withdrawn.
    pub fn answer(&self) {
        // Relaxed: requests and answers are ordered by the lock that the caller holds.
        self.0.fetch_and(!ASKED, Ordering::Relaxed);
    }

    /// The answer was taken back: the request stands again, and `close_frames` will find it.
    pub fn ask_again(&self) {
        // Relaxed: as in `answer`.
        self.0.fetch_or(ASKED, Ordering::Relaxed);
    }

    /// Whether the table of requests has an entry for this task. Only the holder of the `Runnable`
    /// may ask, and learns of every request that it obeys.
    pub fn is_noted(&self) -> bool {
        self.0.load(Ordering::Relaxed) & NOTED != 0
    }

    /// 5 The future is dropped and the output stands in its place.
    pub fn complete(&self, ending: Ending) -> Complete {
        let how = match ending {
            Ending::Finished => 0,
            Ending::Cancelled => CANCELLED,
            Ending::Panicked => PANICKED,
        };
        let mut now = self.0.load(Ordering::Relaxed);
        // A handle that does not wait: it is the one who takes or drops the output, and nothing is
        // left to do for us. One step.
        while now & (HANDLE | JOIN_WAKER) == HANDLE {
            debug_assert!(now & OWNED != 0 && now & COMPLETE == 0, "{self:?}");
            // Release pairs with the acquire in `is_complete`: the output is seen whole.
            match self.0.compare_exchange_weak(
                now,
                (now | COMPLETE | how) & !OWNED,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    return Complete {
                        drop_output: false,
                        wake_joiner: false,
                        holds_ref: false,
                        noted: now & NOTED != 0,
                        watched: now & WATCHED != 0,
                    };
                }
                Err(other) => now = other,
            }
        }
        // Otherwise a reference keeps the cell for what is left to do. OWNED is set and COMPLETE
        // is not, so that one addition changes both. Release as above; acquire pairs with
        // `set_join_waker` and `detach`: the waker is seen whole.
        let before = self.0.fetch_add(COMPLETE - OWNED + how + REF, Ordering::AcqRel);
        debug_assert!(before & OWNED != 0 && before & COMPLETE == 0);
        Complete {
            drop_output: before & HANDLE == 0,
            wake_joiner: before & JOIN_WAKER != 0,
            holds_ref: true,
            noted: before & NOTED != 0,
            watched: before & WATCHED != 0,
        }
    }

    /// Somebody wants to be told of the end, and is in the table. False: the task has completed, and
    /// whoever completed it need not have seen that.
    pub fn watch(&self) -> bool {
        // Release pairs with the acquire in `complete`: who sees the flag finds the entry in the table.
        // Acquire pairs with the release in `complete`, as for `is_complete`.
        self.0.fetch_or(WATCHED, Ordering::AcqRel) & COMPLETE == 0
    }

    /// How the task ended, if it has.
    pub fn ending(&self) -> Option<Ending> {
        // Acquire: as for `is_complete`.
        let now = self.0.load(Ordering::Acquire);
        match now & (COMPLETE | CANCELLED | PANICKED) {
            COMPLETE => Some(Ending::Finished),
            0 => None,
            how if how & PANICKED != 0 => Some(Ending::Panicked),
            _ => Some(Ending::Cancelled),
        }
    }

    /// Whether the output is there. Acquire pairs with the release in `complete`.
    #[inline]
    pub fn is_complete(&self) -> bool {
        self.0.load(Ordering::Acquire) & COMPLETE != 0
    }

    /// Whether an abort was asked for.
    pub fn is_aborted(&self) -> bool {
        self.0.load(Ordering::Relaxed) & ABORTED != 0
    }

    /// Whether the join waker's place is filled. Only the `JoinHandle` may ask.
    pub fn has_join_waker(&self) -> bool {
        self.0.load(Ordering::Relaxed) & JOIN_WAKER != 0
    }

    /// The `JoinHandle` has filled the place. False: the task completed first, and the place is
    /// still the handle's.
    pub fn set_join_waker(&self) -> bool {
        self.flip_join_waker(|now| now | JOIN_WAKER)
    }

    /// The `JoinHandle` takes the place back. False: the task completed first, and the place is
    /// the completer's.
    pub fn unset_join_waker(&self) -> bool {
        self.flip_join_waker(|now| now & !JOIN_WAKER)
    }

    fn flip_join_waker(&self, flip: impl Fn(usize) -> usize) -> bool {
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            if now & COMPLETE != 0 {
                // Pairs with `complete`: the caller goes on to read the output.
                let _ = self.0.load(Ordering::Acquire);
                return false;
            }
            // Release pairs with the acquire in `complete`: the completer sees the waker whole.
            match self.0.compare_exchange_weak(now, flip(now), Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(other) => now = other,
            }
        }
    }

    /// The `JoinHandle` goes.
    pub fn detach(&self) -> Detach {
        let mut now = self.0.load(Ordering::Acquire);
        loop {
            let (next, then) = if now & COMPLETE != 0 {
                // Pairs with the release in `complete`, by the acquire load above or below.
                return Detach::DropOutput;
            } else if now & JOIN_WAKER != 0 {
                (now & !(HANDLE | JOIN_WAKER), Detach::DropWaker)
            } else {
                ((now & !HANDLE) - REF, Detach::Done)
            };
            match self.0.compare_exchange_weak(now, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return then,
                Err(other) => now = other,
            }
        }
    }

    /// One more reference, for whoever has none of his own but knows that the cell lives. False: the
    /// task is complete, so that its last reference may be gone.
    pub fn try_add_ref(&self) -> bool {
        let mut now = self.0.load(Ordering::Relaxed);
        while now & COMPLETE == 0 {
            // Relaxed: as in `add_ref`; a task that is not complete is kept by its roster.
            match self.0.compare_exchange_weak(now, now + REF, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(other) => now = other,
            }
        }
        false
    }

    /// One more reference.
    #[inline]
    pub fn add_ref(&self) {
        // Relaxed: whoever clones has a reference, so that the count cannot fall to zero now.
        if self.0.fetch_add(REF, Ordering::Relaxed) > REF_LIMIT {
            std::process::abort();
        }
    }

    /// One reference less. True: the task is complete and this was the last, so free the cell.
    #[inline]
    pub fn drop_ref(&self) -> bool {
        // Alone with a complete task, nobody can add a reference: no write is needed. Acquire
        // pairs with the release of those who dropped theirs before.
        let now = self.0.load(Ordering::Acquire);
        if now & COMPLETE != 0 && now / REF == 1 {
            return true;
        }
        // Release: what we did with the cell is over before it is freed. Acquire: the same of all
        // the others.
        let before = self.0.fetch_sub(REF, Ordering::AcqRel);
        debug_assert!(before / REF >= 1, "reference count below zero");
        before & COMPLETE != 0 && before / REF == 1
    }
}

impl Begin {
    /// What to do with a task that somebody wants to end.
    #[cold]
    fn of_ended(now: usize) -> Begin {
        match now & ABORTED == 0 && now & FRAMED != 0 {
            true => Begin::Poll,
            false => Begin::Abort,
        }
    }
}

impl Default for State {
    fn default() -> State {
        State::new()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.0.load(Ordering::Relaxed);
        let names = [
            (OWNED, "OWNED"),
            (NOTIFIED, "NOTIFIED"),
            (COMPLETE, "COMPLETE"),
            (ABORTED, "ABORTED"),
            (HANDLE, "HANDLE"),
            (JOIN_WAKER, "JOIN_WAKER"),
            (ASKED, "ASKED"),
            (FRAMED, "FRAMED"),
            (NOTED, "NOTED"),
            (WATCHED, "WATCHED"),
            (CANCELLED, "CANCELLED"),
            (PANICKED, "PANICKED"),
        ];
        let set: Vec<_> = names.iter().filter(|(flag, _)| now & flag != 0).map(|n| n.1).collect();
        write!(f, "State({} refs={})", set.join("|"), now / REF)
    }
}
