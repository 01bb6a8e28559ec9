//! Several calls of foreign code, each made although the one before has panicked.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

type Payload = Box<dyn Any + Send>;

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
                Some(_) => forget(payload),
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
        true => forget(payload),
        false => resume_unwind(payload),
    }
}

/// Drops what a panic was raised with, whose drop may panic in turn.
pub(crate) fn forget(payload: Payload) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
}
