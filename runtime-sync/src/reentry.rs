//! Notices foreign code under a lock that leads back to that lock, where it would wait for itself.

use std::cell::Cell;

use crate::primitives::atomic::{AtomicUsize, Ordering};

/// Who holds a lock while foreign code runs.
pub(crate) struct Reentry {
    /// The [`here`] of that thread, or zero.
    holder: AtomicUsize,
}

/// This thread holds the lock until this is dropped.
pub(crate) struct Inside<'a>(&'a Reentry);

impl Reentry {
    pub(crate) fn new() -> Reentry {
        Reentry { holder: AtomicUsize::new(0) }
    }

    /// Whether this thread is inside.
    pub(crate) fn is_here(&self) -> bool {
        // Relaxed: only what this thread itself has written is of interest.
        self.holder.load(Ordering::Relaxed) == here()
    }

    /// Called with the lock held, which is given back after what this returns is dropped.
    #[inline]
    pub(crate) fn enter(&self) -> Inside<'_> {
        self.holder.store(here(), Ordering::Relaxed);
        Inside(self)
    }
}

impl Drop for Inside<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.holder.store(0, Ordering::Relaxed);
    }
}

/// A number that no other living thread has, and not zero.
#[inline]
fn here() -> usize {
    crate::primitives::thread_local! {
        #[allow(clippy::missing_const_for_thread_local, reason = "loom's has no such form")]
        static HERE: Cell<u8> = Cell::new(0);
    }
    HERE.with(|here| std::ptr::from_ref(here).addr())
}
