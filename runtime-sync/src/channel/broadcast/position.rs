//! The number of a value, counted from the first that was sent, modulo 2^42.
//!
//! A number and a count fit into one word together, which is why there are not more bits. At ten
//! million values a second the numbers begin anew after five days, which does no harm: only
//! differences count, and whoever compares is at most one ring behind. A receiver that sleeps
//! through 2^42 values counts those that it has missed modulo that.

/// How many bits a position has.
const BITS: u32 = 42;
const MASK: u64 = (1 << BITS) - 1;

/// Below this bit of a word with a position there is room for something else.
pub(super) const SHIFT: u32 = u64::BITS - BITS;

/// The number of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position(u64);

impl Position {
    pub(super) const fn new(number: u64) -> Position {
        Position(number & MASK)
    }

    /// The position in the upper bits of a word.
    pub(super) const fn of(word: u64) -> Position {
        Position(word >> SHIFT)
    }

    /// A word with this position in the upper bits and nothing below.
    pub(super) const fn word(self) -> u64 {
        self.0 << SHIFT
    }

    pub(super) const fn plus(self, count: u64) -> Position {
        Position(self.0.wrapping_add(count) & MASK)
    }

    pub(super) const fn minus(self, count: u64) -> Position {
        Position(self.0.wrapping_sub(count) & MASK)
    }

    /// How far this one is behind `earlier`.
    pub(super) const fn since(self, earlier: Position) -> u64 {
        self.0.wrapping_sub(earlier.0) & MASK
    }

    /// Whether this one comes before `other`, if they are not half of all numbers apart.
    pub(super) const fn is_before(self, other: Position) -> bool {
        // A difference in the upper half is one below zero.
        self.since(other) >> (BITS - 1) != 0
    }

    /// Which of `slots`, a power of two, it goes to.
    pub(super) const fn slot(self, slots: usize) -> usize {
        // No more bits are lost than a mask of that width takes away.
        self.0 as usize & (slots - 1)
    }
}
