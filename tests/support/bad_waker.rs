//! A waker that panics in one of its functions.
#![allow(unsafe_code)]

use super::ON_PURPOSE;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{RawWaker, RawWakerVTable, Waker};

/// Where a waker misbehaves.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Act {
    Clone,
    Wake,
    Drop,
    None,
}

/// A waker that panics in one of its functions, so many times as it is armed for.
pub struct BadWaker {
    act: Act,
    pub armed: AtomicUsize,
    /// What the next clone does first.
    pub on_clone: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl BadWaker {
    pub fn make(act: Act) -> (Arc<BadWaker>, Waker) {
        let (armed, on_clone) = (AtomicUsize::new(0), Mutex::new(None));
        let bad = Arc::new(BadWaker { act, armed, on_clone });
        let data = Arc::into_raw(bad.clone()).cast();
        // SAFETY: the vtable below keeps the contract, but for the panics that a contract allows.
        (bad, unsafe { Waker::new(data, &BAD) })
    }

    fn act(&self, act: Act) {
        let one_less = |left: usize| left.checked_sub(1);
        if self.act == act && self.armed.fetch_update(SeqCst, SeqCst, one_less).is_ok() {
            panic!("{ON_PURPOSE}: waker");
        }
    }
}

static BAD: RawWakerVTable = RawWakerVTable::new(bad_clone, bad_wake, bad_wake_by_ref, bad_drop);

fn bad_clone(data: *const ()) -> RawWaker {
    // SAFETY: each waker owns one count.
    let bad = unsafe { &*data.cast::<BadWaker>() };
    let first = bad.on_clone.lock().unwrap().take();
    first.into_iter().for_each(|first| first());
    bad.act(Act::Clone);
    // SAFETY: as above.
    unsafe { Arc::increment_strong_count(data.cast::<BadWaker>()) };
    RawWaker::new(data, &BAD)
}

fn bad_wake(data: *const ()) {
    // SAFETY: the waker's count becomes this one.
    let bad = unsafe { Arc::from_raw(data.cast::<BadWaker>()) };
    bad.act(Act::Wake);
}

fn bad_wake_by_ref(data: *const ()) {
    // SAFETY: each waker owns one count.
    unsafe { &*data.cast::<BadWaker>() }.act(Act::Wake);
}

fn bad_drop(data: *const ()) {
    // SAFETY: the waker's count becomes this one.
    let bad = unsafe { Arc::from_raw(data.cast::<BadWaker>()) };
    bad.act(Act::Drop);
}
