//! Which slot watches a descriptor that belongs to somebody else. The system knows a watch by the descriptor's
//! number alone, so one that is ended after its descriptor was closed would end that of another one which has got
//! the number since. Who owns its descriptor does not close it before, and is not entered.
//!
//! Whoever begins to watch a number enters before the system is told, and whoever ends a watch has the
//! system forget it only if nobody has entered since:
//!
//! ```text
//!   nobody ──enter──▶ By(slot) ──begin_to_end──▶ Ending ──end──▶ nobody
//!                      │    ▲                     (enter waits)
//!                      └────┘ enter, or lose by an owner: the slot before has lost its descriptor
//! ```

use super::descriptor::{RawDescriptor, number};
use crate::number_map::{self, NumberMap};

/// The watched numbers. Lies under a lock.
pub(super) struct Watched(NumberMap<u64, Watch>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Watch {
    /// By this slot, the last one that has entered.
    By(u32),
    /// The system is being told to forget it.
    Ending,
}

impl Watched {
    pub(super) const fn new() -> Watched {
        Watched(number_map::new())
    }

    /// Whether the system is just being told to forget this number, so that nobody may enter.
    pub(super) fn is_ending(&self, descriptor: RawDescriptor) -> bool {
        !self.0.is_empty() && self.0.get(&number(descriptor)) == Some(&Watch::Ending)
    }

    /// Slot `index` is about to watch `descriptor`. Returns the one that did so far, which has lost it.
    pub(super) fn enter(&mut self, descriptor: RawDescriptor, index: u32) -> Option<u32> {
        match self.0.insert(number(descriptor), Watch::By(index)) {
            Some(Watch::By(before)) => Some(before),
            _ => None,
        }
    }

    /// An owner is about to watch `descriptor`. Returns the slot that did so far, which has lost it.
    pub(super) fn lose(&mut self, descriptor: RawDescriptor) -> Option<u32> {
        if self.0.is_empty() {
            return None;
        }
        match self.0.remove(&number(descriptor)) {
            Some(Watch::By(before)) => Some(before),
            _ => None,
        }
    }

    /// The system has refused slot `index`, so that the one before has lost nothing.
    pub(super) fn step_back(&mut self, descriptor: RawDescriptor, index: u32, before: Option<u32>) {
        let now = self.0.get(&number(descriptor));
        if now.is_some_and(|now| *now != Watch::By(index)) {
            return;
        }
        match before {
            Some(before) => self.0.insert(number(descriptor), Watch::By(before)),
            None => self.0.remove(&number(descriptor)),
        };
    }

    /// Slot `index` is about to end its watch. Returns whether the system is to be told, after which the
    /// [end](Watched::end) has come.
    pub(super) fn begin_to_end(&mut self, descriptor: RawDescriptor, index: u32) -> bool {
        match self.0.get_mut(&number(descriptor)) {
            Some(watch) if *watch == Watch::By(index) => {
                *watch = Watch::Ending;
                true
            }
            _ => false,
        }
    }

    pub(super) fn end(&mut self, descriptor: RawDescriptor) {
        self.0.remove(&number(descriptor));
    }
}
