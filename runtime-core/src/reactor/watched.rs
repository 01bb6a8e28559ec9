//! Which slot watches a descriptor that belongs to somebody else. The system knows a watch by the descriptor's
//! number alone, so one that is ended after its descriptor was closed would end that of another one which has got
//! the number since. Who owns its descriptor does not close it before, and is not entered.
//!
//! Whoever begins to watch a number enters before the system is told, and whoever ends a watch has the
//! system forget it only if nobody has entered since. One at a time tells the system of a number, and the
//! others wait until it is settled who watches: else one that is refused would not know what became of the
//! watch before it.
//!
//! ```text
//!   nobody ──enter──▶ Unsettled ──settle──▶ By(slot), the one that has entered or, if it was refused, the one before
//!     ▲                │     ▲                 │
//!     └────settle──────┘     └─ enter, begin_to_end
//! ```

use super::descriptor::{RawDescriptor, number};
use crate::number_map::{self, NumberMap};

/// The watched numbers. Lies under a lock.
pub(super) struct Watched(NumberMap<u64, Watch>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Watch {
    /// By this slot.
    By(u32),
    /// The system is being told to watch it, or to forget it.
    Unsettled,
}

impl Watched {
    pub(super) const fn new() -> Watched {
        Watched(number_map::new())
    }

    /// Whether the system is just being told of this number, so that nobody else may enter or end.
    pub(super) fn is_unsettled(&self, descriptor: RawDescriptor) -> bool {
        !self.0.is_empty() && self.0.get(&number(descriptor)) == Some(&Watch::Unsettled)
    }

    /// Somebody is about to watch `descriptor`, and has it [settled](Watched::settle) afterwards. Returns the slot
    /// that has done so up to now.
    pub(super) fn enter(&mut self, descriptor: RawDescriptor) -> Option<u32> {
        match self.0.insert(number(descriptor), Watch::Unsettled) {
            Some(Watch::By(before)) => Some(before),
            _ => None,
        }
    }

    /// Whether somebody whose descriptor may be closed already watches this number.
    pub(super) fn knows(&self, descriptor: RawDescriptor) -> bool {
        !self.0.is_empty() && self.0.contains_key(&number(descriptor))
    }

    /// Slot `index` is about to end its watch. Returns whether the system is to be told, after which it is to be
    /// [settled](Watched::settle) that nobody watches.
    pub(super) fn begin_to_end(&mut self, descriptor: RawDescriptor, index: u32) -> bool {
        match self.0.get_mut(&number(descriptor)) {
            Some(watch) if *watch == Watch::By(index) => {
                *watch = Watch::Unsettled;
                true
            }
            _ => false,
        }
    }

    /// The system has been told: this slot watches `descriptor`, or nobody that is to be entered.
    pub(super) fn settle(&mut self, descriptor: RawDescriptor, by: Option<u32>) {
        match by {
            Some(index) => self.0.insert(number(descriptor), Watch::By(index)),
            None => self.0.remove(&number(descriptor)),
        };
    }
}
