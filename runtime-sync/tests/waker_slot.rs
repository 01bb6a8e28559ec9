//! The slot for one waker, on one thread; the races are in `loom_waker_slot.rs`.
#![allow(clippy::disallowed_methods, missing_docs)]

mod support;

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Waker;

use runtime_sync::waker_slot::WakerSlot;
use support::{Count, Event, hooked};

#[test]
fn a_slot_is_a_waker_and_a_word() {
    assert_eq!(size_of::<WakerSlot>(), size_of::<Waker>() + size_of::<usize>());
}

#[test]
fn a_registered_waker_is_woken_once() {
    let count = Count::new();
    let slot = WakerSlot::new();
    slot.wake();
    slot.register(&count.waker());
    assert_eq!(count.get(), 0);
    slot.wake();
    slot.wake();
    assert_eq!(count.get(), 1);
}

#[test]
fn the_waker_of_the_last_poll_counts() {
    let (old, new) = (Count::new(), Count::new());
    let slot = WakerSlot::new();
    slot.register(&old.waker());
    slot.register(&new.waker());
    slot.wake();
    assert_eq!((old.get(), new.get()), (0, 1));
}

#[test]
fn a_waker_that_is_there_already_is_not_cloned() {
    let clones = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&clones);
    let waker = hooked(move |event| {
        counter.fetch_add((event == Event::Clone) as usize, Ordering::SeqCst);
    });
    let slot = WakerSlot::new();
    for _ in 0..10 {
        slot.register(&waker);
    }
    assert_eq!(clones.load(Ordering::SeqCst), 1);
    slot.wake();
    slot.register(&waker);
    assert_eq!(clones.load(Ordering::SeqCst), 2);
}

#[test]
fn nothing_keeps_a_waker_alive_that_was_taken_or_replaced() {
    let (first, second) = (Count::new(), Count::new());
    let slot = WakerSlot::new();
    slot.register(&first.waker());
    slot.register(&second.waker());
    assert_eq!(Arc::strong_count(&first), 1);
    drop(slot.take());
    assert_eq!(Arc::strong_count(&second), 1);
    slot.register(&second.waker());
    drop(slot);
    assert_eq!(Arc::strong_count(&second), 1);
}

#[test]
fn a_waker_may_call_back_into_its_slot_at_any_time() {
    static SLOT: WakerSlot = WakerSlot::new();
    let count = Count::new();
    let inner = count.waker();
    let waker = hooked(move |event| match event {
        Event::Clone | Event::Drop => {
            SLOT.wake();
            SLOT.register(&inner);
        }
        Event::Wake => {
            SLOT.register(&inner);
            SLOT.wake();
        }
    });
    for _ in 0..3 {
        SLOT.register(&waker);
        SLOT.register(Waker::noop());
        SLOT.register(&waker);
        SLOT.wake();
    }
    drop(waker);
    assert!(count.get() > 0);
    drop(SLOT.take());
}

#[test]
fn a_wake_during_the_clone_is_left_to_the_look_that_follows() {
    static SLOT: WakerSlot = WakerSlot::new();
    static DONE: AtomicBool = AtomicBool::new(false);
    let waker = hooked(move |event| {
        if event == Event::Clone {
            DONE.store(true, Ordering::Release);
            SLOT.wake();
        }
    });
    SLOT.register(&waker);
    assert!(DONE.load(Ordering::Acquire));
    assert!(SLOT.take().is_some());
}

#[test]
fn a_clone_that_panics_leaves_the_slot_usable_and_wakes_the_waker_before() {
    let count = Count::new();
    let slot = WakerSlot::new();
    slot.register(&count.waker());
    let bad = hooked(|event| assert_ne!(event, Event::Clone, "on purpose"));
    assert!(catch_unwind(AssertUnwindSafe(|| slot.register(&bad))).is_err());
    assert_eq!(count.get(), 1);
    assert!(catch_unwind(AssertUnwindSafe(|| slot.register(&bad))).is_err());
    assert!(slot.take().is_none());
    slot.register(&count.waker());
    slot.wake();
    assert_eq!(count.get(), 2);
}

#[test]
fn a_wake_or_a_drop_that_panics_leaves_the_slot_usable() {
    let count = Count::new();
    let slot = WakerSlot::new();
    let once = Arc::new(AtomicUsize::new(0));
    let bad = |what| {
        let once = Arc::clone(&once);
        hooked(move |event| {
            if event == what && once.fetch_add(1, Ordering::SeqCst) == 0 {
                panic!("on purpose");
            }
        })
    };

    slot.register(&bad(Event::Wake));
    assert!(catch_unwind(AssertUnwindSafe(|| slot.wake())).is_err());
    slot.register(&count.waker());
    slot.wake();
    assert_eq!(count.get(), 1);

    let waker = bad(Event::Drop);
    slot.register(&waker);
    once.store(0, Ordering::SeqCst);
    assert!(catch_unwind(AssertUnwindSafe(|| slot.register(&count.waker()))).is_err());
    slot.wake();
    assert_eq!(count.get(), 2);
}

#[test]
fn a_waker_that_nobody_needs_any_more_keeps_its_panic_to_itself() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let bad = || {
        let dropped = Arc::clone(&dropped);
        hooked(move |event| {
            if event == Event::Drop {
                dropped.fetch_add(1, Ordering::SeqCst);
                panic!("on purpose");
            }
        })
    };
    let [first, second] = [bad(), bad()].map(ManuallyDrop::new);
    let slot = WakerSlot::new();
    slot.let_go();
    slot.register(&first);
    slot.let_go();
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    slot.register(&second);
    drop(slot);
    assert_eq!(dropped.load(Ordering::SeqCst), 2);
}
