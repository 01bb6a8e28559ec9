//! Who would wait for itself: a clone that receives the very value that is being cloned.

use std::cell::Cell;

use super::position::Position;

crate::primitives::thread_local! {
    #[allow(clippy::missing_const_for_thread_local, reason = "loom's has no such form")]
    /// The value that this thread is cloning: the address of its slot, or 0, and its position.
    static CLONING: Cell<(usize, Position)> = Cell::new((0, Position::new(0)));
}

/// Remembers, until it is dropped, that this thread clones the value of a slot.
pub(super) struct Cloning {
    outer: (usize, Position),
}

impl Cloning {
    pub(super) fn value_of<S>(slot: &S, position: Position) -> Cloning {
        let value = (address(slot), position);
        Cloning { outer: CLONING.with(|cloning| cloning.replace(value)) }
    }
}

impl Drop for Cloning {
    #[inline]
    fn drop(&mut self) {
        CLONING.with(|cloning| cloning.set(self.outer));
    }
}

/// Panics if whoever this thread is about to wait for is this thread. A clone within a clone hides
/// the outer one.
#[cold]
#[track_caller]
pub(super) fn assert_not_cloning<S>(slot: &S, position: Position) {
    assert!(
        CLONING.with(Cell::get) != (address(slot), position),
        "the `clone` of a value receives the same value from another receiver of its broadcast \
         channel, and would wait for itself: do not receive in `clone`"
    );
}

fn address<S>(slot: &S) -> usize {
    std::ptr::from_ref(slot).addr()
}
