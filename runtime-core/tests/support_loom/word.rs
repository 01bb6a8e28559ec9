//! The state word as a trait, and a copy of it that makes one mistake.

use loom::sync::atomic::{AtomicUsize, Ordering};
use runtime_core::task::Ending;
use runtime_core::task::state::{Ask, Begin, Complete, Detach, Pend, State, Wake};

pub trait Word: Send + Sync + 'static {
    fn begin(&self) -> Begin;
    fn pend(&self) -> Pend;
    fn wake(&self) -> Wake;
    fn wake_by_value(&self) -> Wake;
    fn abort(&self) -> Wake;
    fn ask(&self) -> Ask;
    fn open_frames(&self);
    fn close_frames(&self) -> Wake;
    fn complete(&self) -> Complete;
    fn watch(&self) -> bool;
    fn is_complete(&self) -> bool;
    fn has_join_waker(&self) -> bool;
    fn set_join_waker(&self) -> bool;
    fn unset_join_waker(&self) -> bool;
    fn detach(&self) -> Detach;
    fn add_ref(&self);
    fn drop_ref(&self) -> bool;
}

macro_rules! forward {
    ($($name:ident -> $result:ty),*) => {
        $(fn $name(&self) -> $result {
            State::$name(self)
        })*
    };
}

impl Word for State {
    forward!(
        begin -> Begin, pend -> Pend, wake -> Wake, wake_by_value -> Wake, abort -> Wake,
        ask -> Ask, open_frames -> (), close_frames -> Wake,
        watch -> bool, is_complete -> bool, has_join_waker -> bool, set_join_waker -> bool,
        unset_join_waker -> bool, detach -> Detach, add_ref -> (), drop_ref -> bool
    );

    fn complete(&self) -> Complete {
        State::complete(self, Ending::Finished)
    }
}

#[derive(Clone, Copy, PartialEq)]
pub enum Mistake {
    /// The copy is as good as the original.
    None,
    /// A poll ends without a look at `NOTIFIED`.
    BlindPend,
    /// A poll ends without release: the next one, elsewhere, does not see what it did.
    RelaxedPend,
    /// A wake that finds the task woken already writes nothing.
    SilentWake,
    /// A wake hands out a `Runnable` although there is one.
    GreedyWake,
    /// An abort of a task that is being polled is not noted as a wake.
    QuietAbort,
    /// A request to a task that is being polled is not noted as a wake.
    QuietAsk,
    /// The last frame closes without a look at `ASKED`.
    DeafClose,
    /// A request drops the future although a frame is open.
    RudeBegin,
    /// Completion keeps no reference for what it has left to do.
    NoRefAtCompletion,
    /// Completion does not release the output.
    RelaxedComplete,
    /// A reference is given back without release.
    RelaxedDrop,
    /// The join waker is announced although the task has completed.
    BlindSet,
    /// The join waker's place is taken back although the task has completed.
    BlindUnset,
    /// The handle goes without a look at `COMPLETE`.
    BlindDetach,
    /// Somebody wants to be told of the end, without a look at `COMPLETE`.
    BlindWatch,
    /// Completion does not look whether somebody wants to be told.
    SilentComplete,
}

const OWNED: usize = 1;
const NOTIFIED: usize = 2;
const COMPLETE: usize = 4;
const ABORTED: usize = 8;
const HANDLE: usize = 16;
const JOIN_WAKER: usize = 32;
const ASKED: usize = 64;
const FRAMED: usize = 128;
const WATCHED: usize = 512;
const REF: usize = 4096;

pub struct Planted {
    mistake: Mistake,
    word: AtomicUsize,
}

impl Planted {
    pub fn new(mistake: Mistake) -> Planted {
        Planted { mistake, word: AtomicUsize::new(OWNED | HANDLE | REF) }
    }

    fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == mistake
    }

    fn unless(&self, mistake: Mistake) -> Ordering {
        if self.makes(mistake) { Ordering::Relaxed } else { Ordering::AcqRel }
    }

    /// Changes the word by `step`, which also says what it means; `None` leaves it as it is.
    fn change<R>(&self, order: Ordering, step: impl Fn(usize) -> (Option<usize>, R)) -> R {
        let mut now = self.word.load(Ordering::Acquire);
        loop {
            let (next, then) = step(now);
            let Some(next) = next else { return then };
            match self.word.compare_exchange(now, next, order, Ordering::Acquire) {
                Ok(_) => return then,
                Err(other) => now = other,
            }
        }
    }

    fn wake_with(&self, also: usize, given: usize) -> Wake {
        self.change(Ordering::AcqRel, |now| {
            let silent = self.makes(Mistake::SilentWake) && now & NOTIFIED != 0 && given == 0;
            if now & COMPLETE != 0 || silent {
                return (None, Wake::Nothing);
            }
            let idle = now & OWNED == 0 || self.makes(Mistake::GreedyWake);
            let quiet = also != 0 && self.makes(Mistake::QuietAbort);
            let woken = if quiet { 0 } else { NOTIFIED };
            let next = (now | also | if idle { OWNED } else { woken }) - given;
            (Some(next), if idle { Wake::Schedule } else { Wake::Nothing })
        })
    }

    fn flip(&self, blind: bool, flip: impl Fn(usize) -> usize) -> bool {
        self.change(Ordering::AcqRel, |now| match now & COMPLETE != 0 && !blind {
            true => (None, false),
            false => (Some(flip(now)), true),
        })
    }
}

impl Word for Planted {
    fn begin(&self) -> Begin {
        let now = self.word.load(Ordering::Acquire);
        let now = match now & NOTIFIED {
            0 => now,
            _ => self.word.fetch_and(!NOTIFIED, Ordering::AcqRel),
        };
        let framed = now & FRAMED != 0 && !self.makes(Mistake::RudeBegin);
        match now & ABORTED != 0 || now & ASKED != 0 && !framed {
            true => Begin::Abort,
            false => Begin::Poll,
        }
    }

    fn pend(&self) -> Pend {
        self.change(self.unless(Mistake::RelaxedPend), |now| {
            if now & NOTIFIED != 0 && !self.makes(Mistake::BlindPend) {
                return (None, Pend::Again);
            }
            (Some(now & !OWNED & !NOTIFIED), Pend::Idle)
        })
    }

    fn wake(&self) -> Wake {
        self.wake_with(0, 0)
    }

    fn wake_by_value(&self) -> Wake {
        if self.is_complete() {
            return if self.drop_ref() { Wake::Free } else { Wake::Nothing };
        }
        // A completion in between is met by the wake, which then gives nothing back.
        match self.wake() {
            Wake::Schedule => {
                self.word.fetch_sub(REF, Ordering::AcqRel);
                Wake::Schedule
            }
            _ if self.drop_ref() => Wake::Free,
            _ => Wake::Nothing,
        }
    }

    fn abort(&self) -> Wake {
        if self.word.load(Ordering::Acquire) & (COMPLETE | ABORTED) != 0 {
            return Wake::Nothing;
        }
        self.wake_with(ABORTED, 0)
    }

    fn ask(&self) -> Ask {
        self.change(Ordering::AcqRel, |now| {
            if now & COMPLETE != 0 {
                return (None, Ask::Complete);
            }
            let idle = now & OWNED == 0;
            let woken = if self.makes(Mistake::QuietAsk) { 0 } else { NOTIFIED };
            let next = now | ASKED | if idle { OWNED } else { woken };
            (Some(next), Ask::Asked(if idle { Wake::Schedule } else { Wake::Nothing }))
        })
    }

    fn open_frames(&self) {
        self.word.fetch_or(FRAMED, Ordering::Relaxed);
    }

    fn close_frames(&self) -> Wake {
        self.change(Ordering::AcqRel, |now| {
            if now & ASKED == 0 || self.makes(Mistake::DeafClose) {
                return (Some(now & !FRAMED), Wake::Nothing);
            }
            match now & OWNED == 0 {
                true => (Some((now & !FRAMED) | OWNED), Wake::Schedule),
                false => (Some((now & !FRAMED) | NOTIFIED), Wake::Nothing),
            }
        })
    }

    fn complete(&self) -> Complete {
        let refs = if self.makes(Mistake::NoRefAtCompletion) { 0 } else { REF };
        let order = self.unless(Mistake::RelaxedComplete);
        let before = self.word.fetch_add(COMPLETE - OWNED + refs, order);
        Complete {
            drop_output: before & HANDLE == 0,
            wake_joiner: before & JOIN_WAKER != 0,
            holds_ref: refs != 0 || before & JOIN_WAKER != 0,
            noted: false,
            watched: before & WATCHED != 0 && !self.makes(Mistake::SilentComplete),
        }
    }

    fn watch(&self) -> bool {
        let before = self.word.fetch_or(WATCHED, Ordering::AcqRel);
        before & COMPLETE == 0 || self.makes(Mistake::BlindWatch)
    }

    fn is_complete(&self) -> bool {
        self.word.load(Ordering::Acquire) & COMPLETE != 0
    }

    fn has_join_waker(&self) -> bool {
        self.word.load(Ordering::Relaxed) & JOIN_WAKER != 0
    }

    fn set_join_waker(&self) -> bool {
        self.flip(self.makes(Mistake::BlindSet), |now| now | JOIN_WAKER)
    }

    fn unset_join_waker(&self) -> bool {
        self.flip(self.makes(Mistake::BlindUnset), |now| now & !JOIN_WAKER)
    }

    fn detach(&self) -> Detach {
        self.change(Ordering::AcqRel, |now| {
            if now & COMPLETE != 0 && !self.makes(Mistake::BlindDetach) {
                (None, Detach::DropOutput)
            } else if now & JOIN_WAKER != 0 {
                (Some(now & !(HANDLE | JOIN_WAKER)), Detach::DropWaker)
            } else {
                ((Some((now & !HANDLE) - REF)), Detach::Done)
            }
        })
    }

    fn add_ref(&self) {
        self.word.fetch_add(REF, Ordering::Relaxed);
    }

    fn drop_ref(&self) -> bool {
        let before = self.word.fetch_sub(REF, self.unless(Mistake::RelaxedDrop));
        before & COMPLETE != 0 && before / REF == 1
    }
}
