//! Several calls of foreign code, each made although the one before has panicked.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Waker;

/// What a panic was raised with.
pub type Payload = Box<dyn Any + Send>;

/// The first panic of some calls. The others have been seen by the panic hook, and nobody else.
pub(crate) struct Panics(Option<Payload>);

impl Panics {
    #[inline]
    pub(crate) const fn new() -> Panics {
        Panics(None)
    }

    /// Calls `f`, and lets no panic out.
    #[inline]
    pub(crate) fn contain(&mut self, f: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
            match self.0 {
                None => self.0 = Some(payload),
                Some(_) => discard(payload),
            }
        }
    }

    /// Panics if a call did. While the thread unwinds already, one panic is enough.
    #[inline]
    pub(crate) fn pass_on(&mut self) {
        if let Some(payload) = self.0.take() {
            resume(payload);
        }
    }
}

#[cold]
fn resume(payload: Payload) {
    match std::thread::panicking() {
        true => discard(payload),
        false => resume_unwind(payload),
    }
}

/// Calls `f` and lets no panic of it out: for code whose failure has nobody to be told.
pub fn contain(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        discard(payload);
    }
}

/// A waker that nobody needs any more, in a place that may be reached while a panic unwinds, such as a `drop`:
/// a panic of its own drop does not come out then, as it would be the end of the process.
#[derive(Debug)]
pub struct LetGo(pub Option<Waker>);

impl Drop for LetGo {
    #[inline]
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            match std::thread::panicking() {
                true => contain(|| drop(waker)),
                false => drop(waker),
            }
        }
    }
}

/// Drops what a panic was raised with, whose drop is user code and may panic in turn: what that
/// panics with is leaked, as there is nobody left to catch for.
pub fn discard(payload: Payload) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
}
