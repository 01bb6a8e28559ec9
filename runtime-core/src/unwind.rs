//! Panics of user code are caught here; our own abort here.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use runtime_sync::panics::{Payload, contain, discard};

/// Calls `f`, which may run user code, and returns its panic as an error.
///
/// The caller vouches that what `f` touched is either thrown away or whole after a panic; that is
/// the case for a task, whose future is dropped and never polled again.
#[inline(always)]
pub fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Payload> {
    catch_unwind(AssertUnwindSafe(f))
}

/// What a panic said, if it said it as a string.
pub fn message(payload: &(dyn Any + Send)) -> Option<&str> {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

/// Aborts the process if it is dropped while unwinding: around steps of ours that leave no state
/// to go on from when they are torn in the middle.
pub struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}
