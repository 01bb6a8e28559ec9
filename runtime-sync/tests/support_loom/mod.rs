//! A waker that counts, with memory orderings like those of a real task's.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use loom::sync::atomic::{AtomicUsize, Ordering};

/// Checks a model twice: with what this thread does before or after what the others do, in the first
/// interleaving that is tried; all others follow from that one.
///
/// loom forgets that a thread has read a word when another one reads it too, and does not see then
/// that a later write of that one could have come earlier. So a model in which this thread only
/// reads before the others begin may be over after one interleaving. Begun the other way round it
/// is not. The model calls `others_first.then(thread::yield_now)` after it has spawned them.
pub fn model(body: impl Fn(bool) + Clone + Send + Sync + 'static) {
    for others_first in [false, true] {
        let body = body.clone();
        loom::model(move || body(others_first));
    }
}

pub struct Task(AtomicUsize);

impl Task {
    pub fn new() -> Arc<Task> {
        Arc::new(Task(AtomicUsize::new(0)))
    }

    pub fn waker(self: &Arc<Task>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    /// Calls `f` with a context of this task.
    pub fn with_context<R>(self: &Arc<Task>, f: impl FnOnce(&mut Context<'_>) -> R) -> R {
        f(&mut Context::from_waker(&self.waker()))
    }

    /// How often it was woken. What was done before those wakes is seen by the caller.
    pub fn woken(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

impl Wake for Task {
    fn wake(self: Arc<Task>) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}
