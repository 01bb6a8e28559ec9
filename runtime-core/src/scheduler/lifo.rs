//! The slot for the task that runs next, ahead of the queue.
//!
//! # Invariants
//!
//! 1. A pointer in the slot is a `Runnable<HomeRef>` turned raw, and whoever swaps it out owns it.
//! 2. Only the worker puts in, and only into an empty slot; so a put needs no read-modify-write.
//!
//! The task that a running task wakes is likely to work on what is warm in the cache. But a poll that
//! goes on computing after the wake would hide it from thieves, which is why anybody can take it out:
//! the monitor does, when it sees a poll last.

use super::HomeRef;
use crate::task::{Header, Runnable};
use runtime_sync::primitives::atomic::{AtomicPtr, Ordering};
use std::ptr::{self, NonNull};

/// Room for one task.
pub(super) struct LifoSlot(AtomicPtr<Header>);

impl LifoSlot {
    pub(super) fn new() -> LifoSlot {
        LifoSlot(AtomicPtr::new(ptr::null_mut()))
    }

    /// Puts a task in; gives it back if the slot is taken. Only the worker may call this.
    #[inline]
    pub(super) fn put(&self, task: Runnable<HomeRef>) -> Result<(), Runnable<HomeRef>> {
        if !self.is_empty() {
            return Err(task);
        }
        // Release pairs with the swap in `take`. A plain store is enough: nobody else puts in.
        self.0.store(task.into_raw().as_ptr(), Ordering::Release);
        Ok(())
    }

    /// Takes the task out.
    #[inline]
    pub(super) fn take(&self) -> Option<Runnable<HomeRef>> {
        if self.is_empty() {
            return None;
        }
        // Acquire pairs with the store in `put`.
        let task = NonNull::new(self.0.swap(ptr::null_mut(), Ordering::AcqRel))?;
        // SAFETY: invariant 1; the swap made it ours.
        Some(unsafe { Runnable::restore(task) })
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed).is_null()
    }
}

impl Drop for LifoSlot {
    fn drop(&mut self) {
        drop(self.take());
    }
}
