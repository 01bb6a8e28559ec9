//! What may block, on threads of the runtime: to have no thread is an error of the operation.

use std::io;

use runtime_core::spawn::{Builder, spawn_lookup};
use runtime_core::task::JoinHandle;

/// Has a thread of the blocking pool run `job`.
///
/// # Errors
///
/// The pool has no thread and none can be started. The job is dropped.
///
/// # Panics
///
/// If this thread is in no runtime.
#[track_caller]
pub(crate) fn on_thread<R: Send + 'static>(
    job: impl FnOnce() -> R + Send + 'static,
) -> io::Result<JoinHandle<R>> {
    Builder::new().spawn_blocking(boxed(job)).map_err(no_thread)
}

/// As [`on_thread`], for names to be looked up.
#[track_caller]
pub(crate) fn on_lookup_thread<R: Send + 'static>(
    ask: impl FnOnce() -> R + Send + 'static,
) -> io::Result<JoinHandle<R>> {
    spawn_lookup(boxed(ask)).map_err(no_thread)
}

/// A task is compiled once for each type of job: so it is for each result, of which there are few.
fn boxed<R>(job: impl FnOnce() -> R + Send + 'static) -> Box<dyn FnOnce() -> R + Send> {
    Box::new(job)
}

/// The system calls it `WouldBlock`. Who reads a stream would wait then for a readiness that never comes.
fn no_thread(error: io::Error) -> io::Error {
    io::Error::other(error)
}
