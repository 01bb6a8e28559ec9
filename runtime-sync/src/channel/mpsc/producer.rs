//! Handles that keep a channel open, and such that do not; both are counted.

use super::chan::Chan;
use super::entrance::Entrance;
use crate::primitives::Arc;
use crate::primitives::atomic::Ordering;

/// Keeps the channel open. The last one closes it.
pub(super) struct Producer<T, const BLOCK: usize> {
    pub(super) chan: Arc<Chan<T, BLOCK>>,
}

impl<T, const BLOCK: usize> Producer<T, BLOCK> {
    /// The first one of a channel, which is counted already.
    pub(super) fn first(chan: &Arc<Chan<T, BLOCK>>) -> Producer<T, BLOCK> {
        Producer { chan: Arc::clone(chan) }
    }

    pub(super) fn same_channel(&self, other: &Producer<T, BLOCK>) -> bool {
        Arc::ptr_eq(&self.chan, &other.chan)
    }

    pub(super) fn downgrade(&self) -> WeakProducer<T, BLOCK> {
        WeakProducer::new(&self.chan)
    }
}

impl<T, const BLOCK: usize> Clone for Producer<T, BLOCK> {
    fn clone(&self) -> Producer<T, BLOCK> {
        // Relaxed: the count cannot reach 0 meanwhile, and what is shared is reached through the
        // handle that is cloned. It cannot overflow before the count of the `Arc`.
        self.chan.senders.fetch_add(1, Ordering::Relaxed);
        Producer { chan: Arc::clone(&self.chan) }
    }
}

impl<T, const BLOCK: usize> Drop for Producer<T, BLOCK> {
    fn drop(&mut self) {
        // AcqRel: the last one comes after all that was done through the others, so that what
        // they sent is in front of the close.
        if self.chan.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.chan.follow(self.chan.gate().close_by_senders());
        }
    }
}

/// Does not keep the channel open.
pub(super) struct WeakProducer<T, const BLOCK: usize> {
    pub(super) chan: Arc<Chan<T, BLOCK>>,
}

impl<T, const BLOCK: usize> WeakProducer<T, BLOCK> {
    fn new(chan: &Arc<Chan<T, BLOCK>>) -> WeakProducer<T, BLOCK> {
        // Relaxed: it only counts.
        chan.weak_senders.fetch_add(1, Ordering::Relaxed);
        WeakProducer { chan: Arc::clone(chan) }
    }

    /// A handle that keeps the channel open, if there is one still.
    pub(super) fn upgrade(&self) -> Option<Producer<T, BLOCK>> {
        let mut seen = self.chan.senders.load(Ordering::Relaxed);
        while seen != 0 {
            // Relaxed: as in `Producer::clone`.
            let relaxed = Ordering::Relaxed;
            let to = seen + 1;
            match self.chan.senders.compare_exchange_weak(seen, to, relaxed, relaxed) {
                Ok(_) => return Some(Producer { chan: Arc::clone(&self.chan) }),
                Err(now) => seen = now,
            }
        }
        None
    }
}

impl<T, const BLOCK: usize> Clone for WeakProducer<T, BLOCK> {
    fn clone(&self) -> WeakProducer<T, BLOCK> {
        WeakProducer::new(&self.chan)
    }
}

impl<T, const BLOCK: usize> Drop for WeakProducer<T, BLOCK> {
    fn drop(&mut self) {
        // Relaxed: it only counts.
        self.chan.weak_senders.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Entrance {
    /// How many handles keep the channel open.
    pub(super) fn strong_count(&self) -> usize {
        // Relaxed: a number that may be old when it is read.
        self.senders.load(Ordering::Relaxed)
    }

    /// How many handles do not.
    pub(super) fn weak_count(&self) -> usize {
        // Relaxed: as above.
        self.weak_senders.load(Ordering::Relaxed)
    }
}
