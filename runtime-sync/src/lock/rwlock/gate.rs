//! The part of a lock that its data has no say in: who may enter, and how many at once.
//!
//! A reader takes one permit, a writer all of them. As the line of permits is first in, first
//! out, a writer that waits is not overtaken by readers that come later.

use std::sync::Arc;

use super::RwLock;
use crate::lock::held::{Held, Share};
use crate::lock::permits::Permits;
use crate::primitives::const_outside_models;

/// How many readers there may be at once if nothing else is asked for, and at most.
pub(super) const MAX_READERS: u32 = u32::MAX >> 3;

/// The permits of a lock.
pub(super) struct Gate {
    pub(super) permits: Permits,
    /// How many permits there are in all.
    pub(super) max_readers: u32,
}

impl Gate {
    const_outside_models! {
        #[track_caller]
        pub(super) const fn new(max_readers: u32) -> Gate {
            assert!(max_readers > 0, "a lock that admits no reader could never be read");
            assert!(
                max_readers <= MAX_READERS,
                "a lock admits no more than u32::MAX >> 3 readers at once"
            );
            Gate { permits: Permits::new(max_readers as usize), max_readers }
        }
    }
}

/// A way to a gate.
pub(super) trait ToGate {
    fn gate(&self) -> &Gate;
}

impl ToGate for &Gate {
    #[inline(always)]
    fn gate(&self) -> &Gate {
        self
    }
}

impl<T: ?Sized> ToGate for &RwLock<T> {
    #[inline(always)]
    fn gate(&self) -> &Gate {
        &self.gate
    }
}

impl<T: ?Sized> ToGate for Arc<RwLock<T>> {
    #[inline(always)]
    fn gate(&self) -> &Gate {
        &self.gate
    }
}

/// A reader's share: one permit.
pub(super) struct Reading<L>(pub(super) L);

/// A writer's share: all permits.
pub(super) struct Writing<L>(pub(super) L);

impl<L: ToGate> Share for Reading<L> {
    #[inline(always)]
    fn permits(&self) -> &Permits {
        &self.0.gate().permits
    }

    #[inline(always)]
    fn count(&self) -> usize {
        1
    }

    #[inline(always)]
    fn all(&self) -> usize {
        self.0.gate().max_readers as usize
    }
}

impl<L: ToGate> Share for Writing<L> {
    #[inline(always)]
    fn permits(&self) -> &Permits {
        &self.0.gate().permits
    }

    #[inline(always)]
    fn count(&self) -> usize {
        self.0.gate().max_readers as usize
    }
}

/// Gives all permits of a writer back but the one that a reader needs.
///
/// # Panics
///
/// Passes on a panic of the waker of whoever gets them; all permits are given back then.
pub(super) fn downgrade<L: ToGate>(held: Held<Writing<L>>) -> Held<Reading<L>> {
    let others = held.share().count() - 1;
    let reading = held.less(|writing| Reading(writing.0));
    if others > 0 {
        reading.share().permits().release(others);
    }
    reading
}
