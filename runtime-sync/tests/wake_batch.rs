//! A batch of wakers: order, capacity, and panics.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use runtime_sync::wake_batch::{self, WakeBatch};
use support::{Count, Event, hooked};

#[test]
fn wakers_are_woken_in_the_order_they_came() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut batch = WakeBatch::new();
    for n in 0..WakeBatch::CAPACITY {
        let order = Arc::clone(&order);
        batch.push(hooked(move |event| {
            if event == Event::Wake {
                order.lock().unwrap().push(n);
            }
        }));
    }
    assert!(batch.is_full());
    batch.wake_all();
    assert!(batch.is_empty());
    assert_eq!(*order.lock().unwrap(), (0..WakeBatch::CAPACITY).collect::<Vec<_>>());
}

#[test]
fn a_full_batch_refuses_more() {
    let mut batch = WakeBatch::new();
    for _ in 0..WakeBatch::CAPACITY {
        batch.push(Waker::noop().clone());
    }
    let pushed = catch_unwind(AssertUnwindSafe(|| batch.push(Waker::noop().clone())));
    assert!(pushed.is_err());
    assert_eq!(batch.len(), WakeBatch::CAPACITY);
}

#[test]
fn a_panicking_waker_does_not_keep_the_others_from_being_woken() {
    let count = Count::new();
    let mut batch = WakeBatch::new();
    for n in 0..10 {
        batch.push(count.waker());
        if n % 3 == 0 {
            batch.push(hooked(move |event| {
                if event == Event::Wake {
                    std::panic::panic_any(n);
                }
            }));
        }
    }
    let payload = catch_unwind(AssertUnwindSafe(|| batch.wake_all())).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&0), "the first panic goes on");
    assert_eq!(count.get(), 10);
    assert!(batch.is_empty());
    batch.push(count.waker());
    batch.wake_all();
    assert_eq!(count.get(), 11);
}

#[test]
fn a_panic_payload_that_panics_when_dropped_is_contained() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::panic_any("dropped");
        }
    }
    let count = Count::new();
    let mut batch = WakeBatch::new();
    batch.push(hooked(|event| assert_ne!(event, Event::Wake, "the first")));
    for _ in 0..2 {
        batch.push(hooked(|event| {
            if event == Event::Wake {
                std::panic::panic_any(Bomb);
            }
        }));
    }
    batch.push(count.waker());
    assert!(catch_unwind(AssertUnwindSafe(|| batch.wake_all())).is_err());
    assert_eq!(count.get(), 1);
}

#[test]
fn a_dropped_batch_wakes_what_is_in_it() {
    let count = Count::new();
    let mut batch = WakeBatch::new();
    batch.push(count.waker());
    drop(batch);
    assert_eq!(count.get(), 1);
}

#[test]
fn a_batch_dropped_by_a_panic_wakes_and_does_not_abort() {
    let count = Count::new();
    let caught = catch_unwind(|| {
        let mut batch = WakeBatch::new();
        batch.push(hooked(|event| assert_ne!(event, Event::Wake, "the second panic")));
        batch.push(count.waker());
        panic!("the first panic");
    });
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"the first panic"));
    assert_eq!(count.get(), 1);
}

#[test]
fn a_kept_panic_comes_out_at_the_end() {
    let count = Count::new();
    let mut batch = WakeBatch::new();
    batch.push(hooked(|event| assert_ne!(event, Event::Wake, "on purpose")));
    batch.wake_and_keep_panic();
    batch.push(count.waker());
    assert!(catch_unwind(AssertUnwindSafe(|| batch.wake_all())).is_err());
    assert_eq!(count.get(), 1);
    batch.wake_all();
}

#[test]
fn a_single_wake_during_a_panic_does_not_abort() {
    struct WakeOnDrop(Option<Waker>);
    impl Drop for WakeOnDrop {
        fn drop(&mut self) {
            wake_batch::wake(self.0.take().unwrap());
        }
    }
    let caught = catch_unwind(|| {
        let waker = hooked(|event| assert_ne!(event, Event::Wake, "the second panic"));
        let _guard = WakeOnDrop(Some(waker));
        panic!("the first panic");
    });
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"the first panic"));
}
