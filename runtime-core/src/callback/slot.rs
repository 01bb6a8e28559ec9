//! A function that is called once, or cancelled before.

use runtime_sync::primitives::Mutex;

/// A function that is called once, or cancelled before.
pub(super) struct Slot<F>(Mutex<Stage<F>>);

enum Stage<F> {
    Waiting(F),
    Called,
    Cancelled,
}

impl<F: FnOnce()> Slot<F> {
    pub(super) fn new(f: F) -> Slot<F> {
        Slot(Mutex::new(Stage::Waiting(f)))
    }

    /// Calls the function, unless it was cancelled.
    pub(super) fn call(&self) {
        if let Some(f) = self.take(Stage::Called) {
            f();
        }
    }

    /// The function, if nobody has called or cancelled it.
    fn take(&self, after: Stage<F>) -> Option<F> {
        let mut stage = self.0.lock();
        match &*stage {
            Stage::Waiting(_) => match std::mem::replace(&mut *stage, after) {
                Stage::Waiting(f) => Some(f),
                Stage::Called | Stage::Cancelled => None,
            },
            Stage::Called | Stage::Cancelled => None,
        }
    }
}

/// What a handle can do with a function, whatever its type.
pub(super) trait Cancel: Send + Sync {
    /// Drops the function. False: it was called, or cancelled before.
    fn cancel(&self) -> bool;

    /// Whether the function was cancelled.
    fn cancelled(&self) -> bool;
}

impl<F: FnOnce() + Send> Cancel for Slot<F> {
    fn cancel(&self) -> bool {
        // Dropped out here, without the lock.
        self.take(Stage::Cancelled).is_some()
    }

    fn cancelled(&self) -> bool {
        matches!(*self.0.lock(), Stage::Cancelled)
    }
}
