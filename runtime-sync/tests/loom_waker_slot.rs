//! The waker slot under every interleaving: no wake is lost, and what was done before it is seen.
//!
//! Each model is generic over the slot. Its twins run it with [`Planted`], a copy of the protocol
//! with one mistake, and must fail.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use std::sync::Arc;
use std::task::Waker;

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};
use loom::thread;
use runtime_sync::waker_slot::WakerSlot;
use support_loom::Task;

trait Slot: Send + Sync + 'static {
    fn register(&self, waker: &Waker);
    fn take(&self) -> Option<Waker>;
}

impl Slot for WakerSlot {
    fn register(&self, waker: &Waker) {
        WakerSlot::register(self, waker);
    }

    fn take(&self) -> Option<Waker> {
        WakerSlot::take(self)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mistake {
    /// Looks at the state without a fence before.
    NoFence,
    /// A registrant does not mind a taker at the cell.
    BlindRegistrant,
    /// The waker is put into the cell without release.
    RelaxedSet,
    /// A registrant that finds a taker busy does not acquire what that one did.
    RelaxedBusy,
}

const EMPTY: u32 = 0;
const SET: u32 = 1;
const REGISTERING: u32 = 2;
const TAKING: u32 = 3;

struct Planted {
    mistake: Mistake,
    state: AtomicU32,
    cell: UnsafeCell<Option<Waker>>,
}

impl Planted {
    fn new(mistake: Mistake) -> Planted {
        Planted { mistake, state: AtomicU32::new(EMPTY), cell: UnsafeCell::new(None) }
    }

    fn unless(&self, mistake: Mistake, ordering: Ordering) -> Ordering {
        if self.mistake == mistake { Ordering::Relaxed } else { ordering }
    }

    #[expect(unsafe_code, reason = "as the real one does")]
    fn exchange(&self, waker: Option<Waker>) -> Option<Waker> {
        // SAFETY: loom finds out whether it is.
        self.cell.with_mut(|cell| unsafe { std::mem::replace(&mut *cell, waker) })
    }
}

#[expect(unsafe_code, reason = "threads of a model run in turns, and loom watches the cell")]
// SAFETY: as above.
unsafe impl Sync for Planted {}

impl Slot for Planted {
    fn register(&self, waker: &Waker) {
        let busy = self.unless(Mistake::RelaxedBusy, Ordering::AcqRel);
        let mut seen = self.state.load(Ordering::Relaxed);
        loop {
            let blind = self.mistake == Mistake::BlindRegistrant;
            let free = matches!(seen, EMPTY | SET) || blind;
            let next = if free { REGISTERING } else { seen };
            let order = if free { Ordering::AcqRel } else { busy };
            match self.state.compare_exchange(seen, next, order, Ordering::Relaxed) {
                Ok(_) if free => break,
                Ok(_) => return waker.wake_by_ref(),
                Err(now) => seen = now,
            }
        }
        drop(self.exchange(Some(waker.clone())));
        let set = self.unless(Mistake::RelaxedSet, Ordering::Release);
        self.state.swap(SET, set);
        if self.mistake != Mistake::NoFence {
            fence(Ordering::SeqCst);
        }
    }

    fn take(&self) -> Option<Waker> {
        if self.mistake != Mistake::NoFence {
            fence(Ordering::SeqCst);
        }
        if self.state.load(Ordering::Relaxed) != SET {
            return None;
        }
        self.state.compare_exchange(SET, TAKING, Ordering::AcqRel, Ordering::Relaxed).ok()?;
        let waker = self.exchange(None);
        self.state.swap(EMPTY, Ordering::Release);
        waker
    }
}

/// One task registers, then looks at a flag; another thread sets the flag, then wakes.
/// `before` wakers of earlier polls are in the slot already.
fn register_then_look<S: Slot>(slot: fn() -> S, before: bool) {
    loom::model(move || {
        let shared = Arc::new((slot(), AtomicBool::new(false)));
        let (old, new) = (Task::new(), Task::new());
        if before {
            shared.0.register(&old.waker());
        }
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                shared.1.store(true, Ordering::Release);
                if let Some(waker) = shared.0.take() {
                    waker.wake();
                }
            }
        });
        shared.0.register(&new.waker());
        let seen = shared.1.load(Ordering::Acquire);
        thread.join().unwrap();
        assert!(seen || new.woken() > 0, "the wake is lost");
        drop(shared);
        assert_eq!(Arc::strong_count(&old), 1, "a waker was kept");
        assert_eq!(Arc::strong_count(&new), 1, "a waker was kept");
    });
}

#[test]
fn a_wake_is_seen_by_the_look_or_arrives() {
    register_then_look(WakerSlot::new, false);
}

#[test]
fn a_wake_that_meets_a_change_of_wakers_is_seen_or_goes_to_the_new_one() {
    register_then_look(WakerSlot::new, true);
}

#[test]
#[should_panic(expected = "the wake is lost")]
fn twin_without_fences() {
    register_then_look(|| Planted::new(Mistake::NoFence), false);
}

#[test]
#[should_panic]
fn twin_that_registers_over_a_taker() {
    register_then_look(|| Planted::new(Mistake::BlindRegistrant), true);
}

#[test]
#[should_panic]
fn twin_that_sets_without_release() {
    register_then_look(|| Planted::new(Mistake::RelaxedSet), false);
}

/// What a thread wrote before it woke the task is seen by the task once it is woken, even if it
/// woke itself because it met that thread at the slot.
fn woken_sees_what_was_written<S: Slot>(slot: fn() -> S, before: bool) {
    loom::model(move || {
        let shared = Arc::new((slot(), UnsafeCell::new(0)));
        let (old, task) = (Task::new(), Task::new());
        if before {
            shared.0.register(&old.waker());
        }
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                write(&shared.1);
                if let Some(waker) = shared.0.take() {
                    waker.wake();
                }
            }
        });
        shared.0.register(&task.waker());
        if task.woken() > 0 {
            assert_eq!(read(&shared.1), 1);
        }
        thread.join().unwrap();
    });
}

#[expect(unsafe_code, reason = "loom finds out whether it is a race")]
fn write(cell: &UnsafeCell<u32>) {
    // SAFETY: as above.
    cell.with_mut(|cell| unsafe { *cell = 1 });
}

#[expect(unsafe_code, reason = "loom finds out whether it is a race")]
fn read(cell: &UnsafeCell<u32>) -> u32 {
    // SAFETY: as above.
    cell.with(|cell| unsafe { *cell })
}

#[test]
fn a_woken_task_sees_what_was_written_before() {
    woken_sees_what_was_written(WakerSlot::new, false);
}

#[test]
fn a_task_that_finds_a_taker_sees_what_was_written_before() {
    woken_sees_what_was_written(WakerSlot::new, true);
}

#[test]
#[should_panic]
fn twin_that_finds_a_taker_without_acquire() {
    woken_sees_what_was_written(|| Planted::new(Mistake::RelaxedBusy), true);
}

/// Two threads set a flag each and wake. Whatever the task did not see when it looked last comes
/// with a wake that is still to be answered.
fn two_who_wake<S: Slot>(slot: fn() -> S) {
    loom::model(move || {
        let shared = Arc::new((slot(), [AtomicBool::new(false), AtomicBool::new(false)]));
        let task = Task::new();
        let threads = [0, 1].map(|n| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.1[n].store(true, Ordering::Release);
                if let Some(waker) = shared.0.take() {
                    waker.wake();
                }
            })
        });
        shared.0.register(&task.waker());
        let seen = [0, 1].map(|n| shared.1[n].load(Ordering::Acquire));
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(seen == [true, true] || task.woken() > 0, "the wake is lost");
        // The poll that follows the wake sees all, or finds an empty slot to register in.
        assert!(shared.0.take().is_none() || task.woken() == 0, "woken, and still in the slot");
    });
}

#[test]
fn of_two_who_wake_none_is_lost() {
    two_who_wake(WakerSlot::new);
}

#[test]
#[should_panic(expected = "the wake is lost")]
fn twin_of_two_without_fences() {
    two_who_wake(|| Planted::new(Mistake::NoFence));
}

/// A task that polls twice while two threads wake: the second registration meets the taker of the
/// first one's waker.
#[test]
fn a_second_poll_that_meets_the_wake_of_the_first_loses_nothing() {
    loom::model(|| {
        let shared = Arc::new((WakerSlot::new(), AtomicU32::new(0)));
        let task = Task::new();
        shared.0.register(&task.waker());
        let threads = [0, 1].map(|_| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.1.fetch_add(1, Ordering::Release);
                shared.0.wake();
            })
        });
        let woken = task.woken();
        shared.0.register(&task.waker());
        let seen = shared.1.load(Ordering::Acquire);
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(seen == 2 || task.woken() > woken, "the wake is lost");
    });
}

#[test]
fn of_two_takers_one_gets_the_waker() {
    loom::model(|| {
        let slot = Arc::new(WakerSlot::new());
        let task = Task::new();
        slot.register(&task.waker());
        let thread = thread::spawn({
            let slot = Arc::clone(&slot);
            move || slot.take().is_some()
        });
        let here = slot.take().is_some();
        assert!(here != thread.join().unwrap());
    });
}

#[test]
fn two_registrants_and_a_taker_keep_the_slot_in_order() {
    loom::model(|| {
        let slot = Arc::new(WakerSlot::new());
        let tasks = [Task::new(), Task::new()];
        let threads = [0, 1].map(|n| {
            let (slot, task) = (Arc::clone(&slot), Arc::clone(&tasks[n]));
            thread::spawn(move || slot.register(&task.waker()))
        });
        slot.wake();
        for thread in threads {
            thread.join().unwrap();
        }
        slot.wake();
        assert!(slot.take().is_none());
        assert!(tasks.iter().any(|task| task.woken() > 0));
        assert!(tasks.iter().all(|task| Arc::strong_count(task) == 1));
    });
}
