//! Wakers for tests: one that counts, and one whose clone, wake and drop do what a test wants. And a
//! value that panics.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{RawWaker, RawWakerVTable, Wake, Waker};

/// Counts how often it is woken.
#[derive(Default)]
pub struct Count(AtomicUsize);

impl Count {
    pub fn new() -> Arc<Count> {
        Arc::default()
    }

    pub fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub fn waker(self: &Arc<Count>) -> Waker {
        Waker::from(Arc::clone(self))
    }
}

impl Wake for Count {
    fn wake(self: Arc<Count>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// What happened to a hooked waker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Clone,
    Wake,
    Drop,
}

/// A waker that calls `hook` at each clone, wake and drop. The hook may panic or call back.
///
/// The drop of the original is reported too. A wake by value is followed by a drop, as it must
/// be, even if the hook panics at the wake.
pub fn hooked(hook: impl Fn(Event) + Send + Sync + 'static) -> Waker {
    raw::hooked(Arc::new(hook))
}

#[expect(unsafe_code, reason = "std offers no safe way to see a waker being cloned")]
mod raw {
    use super::*;

    type Hook = Box<dyn Fn(Event) + Send + Sync>;

    static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

    pub(super) fn hooked(hook: Arc<impl Fn(Event) + Send + Sync + 'static>) -> Waker {
        let hook: Hook = Box::new(move |event| hook(event));
        // SAFETY: the functions of the table treat the pointer as an `Arc<Hook>`.
        unsafe { Waker::from_raw(RawWaker::new(Arc::into_raw(Arc::new(hook)).cast(), &TABLE)) }
    }

    unsafe fn clone(data: *const ()) -> RawWaker {
        let hook = data.cast::<Hook>();
        // SAFETY: the waker that is cloned keeps the hook alive.
        unsafe { (*hook)(Event::Clone) };
        // SAFETY: as above.
        unsafe { Arc::increment_strong_count(hook) };
        RawWaker::new(data, &TABLE)
    }

    unsafe fn wake(data: *const ()) {
        let owned = Dropped(data);
        // SAFETY: `owned` keeps the hook alive.
        unsafe { wake_by_ref(owned.0) };
    }

    unsafe fn wake_by_ref(data: *const ()) {
        // SAFETY: the waker keeps the hook alive.
        unsafe { (*data.cast::<Hook>())(Event::Wake) };
    }

    unsafe fn drop_waker(data: *const ()) {
        drop(Dropped(data));
    }

    struct Dropped(*const ());

    impl Drop for Dropped {
        fn drop(&mut self) {
            // SAFETY: this is the one reference that the dropped waker had.
            let hook = unsafe { Arc::from_raw(self.0.cast::<Hook>()) };
            hook(Event::Drop);
        }
    }
}

/// Counts its drop, and panics in it.
#[derive(Clone)]
pub struct Fragile(pub Arc<AtomicUsize>);

impl Drop for Fragile {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("a fragile value was dropped");
    }
}
