//! The wakers that a service of the line collects.

use std::task::Waker;

use crate::wake_batch::{self, WakeBatch};

/// Wakers to be woken when the lock is given back: mostly one, and then without the room of a batch.
#[derive(Default)]
pub(super) struct Wakes {
    one: Option<Waker>,
    batch: Option<WakeBatch>,
}

impl Wakes {
    /// Adds one. True: these must be woken before there is room for more.
    pub(super) fn push(&mut self, waker: Waker) -> bool {
        if self.one.is_none() && self.batch.is_none() {
            self.one = Some(waker);
            return false;
        }
        let batch = self.batch();
        batch.push(waker);
        batch.is_full()
    }

    #[inline(never)]
    pub(super) fn batch(&mut self) -> &mut WakeBatch {
        let batch = self.batch.get_or_insert_default();
        if let Some(one) = self.one.take() {
            batch.push(one);
        }
        batch
    }

    /// Whether there is nothing to wake, and no panic to pass on.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.one.is_none() && self.batch.is_none()
    }

    pub(super) fn wake_and_keep_panic(&mut self) {
        self.batch().wake_and_keep_panic();
    }

    #[inline]
    pub(super) fn wake_all(&mut self) {
        if let Some(one) = self.one.take() {
            wake_batch::wake(one);
        }
        if self.batch.is_some() {
            self.batch().wake_all();
        }
    }
}
