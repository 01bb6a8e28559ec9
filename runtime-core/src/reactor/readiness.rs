//! The readiness of one direction of one descriptor: a word that no stale event and no stale
//! clear can disturb.
//!
//! ```text
//!  63            32 31            8 7        0
//! ┌────────────────┬───────────────┬──────────┐
//! │ tick           │ generation    │ flags    │
//! └────────────────┴───────────────┴──────────┘
//! ```
//!
//! The *generation* counts the owners of the slot that this word lives in. An event is taken only
//! if it was meant for the present owner, so an event of a closed descriptor never reaches the
//! one that got its slot or its number.
//!
//! The *tick* counts events. Whoever finds out that the descriptor is not ready after all clears
//! the flags only if no event has come since it looked, so no edge is ever lost. Each direction
//! has a word of its own: a writable event leaves a pending clear of the read side valid.

use std::fmt;

use runtime_sync::primitives::atomic::{AtomicU64, Ordering};

// The read side's flags lie where `Ready` has theirs, the write side's one bit lower than there; our own
// lie in between. `source.rs` relies on it, and checks it.

/// An operation is worth a try.
pub(super) const READY: u8 = 1 << 0;
/// Somebody stands in the source's line for this direction. Changes only under the line's lock.
const LISTED: u8 = 1 << 1;
/// This direction has ended. Never cleared while the owner lives.
pub(super) const CLOSED: u8 = 1 << 2;
/// The reactor is gone and no event will come. Never cleared while the owner lives.
const SHUT_DOWN: u8 = 1 << 3;
/// Urgent data; read side only.
pub(super) const PRIORITY: u8 = 1 << 4;
/// An error waits to be fetched; kept on the read side only.
pub(super) const ERROR: u8 = 1 << 5;

const GENERATION_SHIFT: u32 = 8;
const GENERATION_BITS: u32 = 24;
const TICK_SHIFT: u32 = GENERATION_SHIFT + GENERATION_BITS;

/// Generations count modulo this.
pub(super) const GENERATIONS: u32 = 1 << GENERATION_BITS;

const GENERATION_MASK: u64 = ((GENERATIONS - 1) as u64) << GENERATION_SHIFT;

/// The readiness of one direction.
///
/// `TICK_BITS` is 32 where descriptors are watched; models take few bits to see the tick wrap.
pub struct Readiness<const TICK_BITS: u32 = 32> {
    word: AtomicU64,
}

impl<const TICK_BITS: u32> Readiness<TICK_BITS> {
    const TICK_MASK: u64 = ((1 << TICK_BITS) - 1) << TICK_SHIFT;

    /// Not ready, with the first owner.
    pub fn new() -> Readiness<TICK_BITS> {
        Readiness { word: AtomicU64::new(0) }
    }

    /// What is known at this moment.
    #[inline]
    pub fn look(&self) -> Seen {
        // Pairs with `report`: what the reporter did before is visible to who acts on it.
        Seen(self.word.load(Ordering::Acquire))
    }

    /// Takes an event for the owner of `generation`, or refuses it because that owner is gone.
    #[inline]
    pub fn report(&self, generation: u32, flags: u8) -> Option<Seen> {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if Seen(word).generation() != generation {
                return None;
            }
            let next = Self::ticked(word) | u64::from(flags);
            // Release pairs with `look`. Acquire pairs with `list`: whoever has listed itself is
            // found in the line.
            match self.word.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some(Seen(next)),
                Err(now) => word = now,
            }
        }
    }

    /// Clears `flags`, unless an event came after `seen` or the owner is another one. What is closed
    /// stays closed.
    ///
    /// Returns whether they were cleared.
    #[inline]
    pub fn clear(&self, seen: Seen, flags: u8) -> bool {
        self.take_back(seen, flags & !CLOSED)
    }

    /// As [`clear`](Readiness::clear), but what is closed is open again.
    #[inline]
    pub fn refute(&self, seen: Seen, flags: u8) -> bool {
        self.take_back(seen, flags)
    }

    #[inline]
    fn take_back(&self, seen: Seen, flags: u8) -> bool {
        let told_apart_by = Self::TICK_MASK | GENERATION_MASK;
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if (word ^ seen.0) & told_apart_by != 0 {
                return false;
            }
            let next = word & !u64::from(flags);
            // Release: the failed attempt that led here happens before the event that ends it.
            // Pairs with the Acquire of `report`.
            match self.word.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
    }

    /// Says that somebody stands in line; the caller holds the line's lock.
    ///
    /// What is returned was current at that moment: an event after it sees the flag.
    pub fn list(&self) -> Seen {
        // Pairs with `report` in both directions.
        Seen(self.word.fetch_or(u64::from(LISTED), Ordering::AcqRel))
    }

    /// Says that nobody stands in line; the caller holds the line's lock.
    pub fn unlist(&self) {
        self.word.fetch_and(!u64::from(LISTED), Ordering::AcqRel);
    }

    /// Says that no event will come any more.
    pub fn shut_down(&self) -> Seen {
        // Pairs with `look` and `list`, as an event does.
        Seen(self.word.fetch_or(u64::from(SHUT_DOWN), Ordering::AcqRel))
    }

    /// Ends the present owner: events and clears of it have no effect from here on.
    pub fn retire(&self) {
        let generation = (self.look().generation() + 1) % GENERATIONS;
        // A swap, not a store: models need each write of this word to be a read-modify-write.
        self.word.swap(u64::from(generation) << GENERATION_SHIFT, Ordering::AcqRel);
    }

    /// `word` with the next tick. The carry of a wrap ends at the tick's own bits.
    fn ticked(word: u64) -> u64 {
        let tick = word.wrapping_add(1 << TICK_SHIFT) & Self::TICK_MASK;
        (word & !Self::TICK_MASK) | tick
    }
}

impl<const TICK_BITS: u32> Default for Readiness<TICK_BITS> {
    fn default() -> Readiness<TICK_BITS> {
        Readiness::new()
    }
}

impl<const TICK_BITS: u32> fmt::Debug for Readiness<TICK_BITS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.look().fmt(f)
    }
}

/// What a look at a [`Readiness`] found, and when.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen(u64);

impl Seen {
    /// Whether all of `flags`, or any of several, are set.
    pub fn any(self, flags: u8) -> bool {
        self.0 & u64::from(flags) != 0
    }

    pub(super) fn flags(self) -> u8 {
        self.0 as u8
    }

    /// Whether an operation is worth a try.
    pub fn is_ready(self) -> bool {
        self.any(READY | CLOSED)
    }

    /// Whether somebody stands in line.
    pub fn is_listed(self) -> bool {
        self.any(LISTED)
    }

    /// Whether no event will come any more.
    pub fn is_shut_down(self) -> bool {
        self.any(SHUT_DOWN)
    }

    /// The owner this was seen of.
    pub fn generation(self) -> u32 {
        ((self.0 & GENERATION_MASK) >> GENERATION_SHIFT) as u32
    }

    fn tick(self) -> u32 {
        (self.0 >> TICK_SHIFT) as u32
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [(u8, &str); 6] = [
            (READY, "READY"),
            (CLOSED, "CLOSED"),
            (PRIORITY, "PRIORITY"),
            (ERROR, "ERROR"),
            (LISTED, "LISTED"),
            (SHUT_DOWN, "SHUT_DOWN"),
        ];
        f.write_str("Seen(")?;
        for (_, name) in NAMES.iter().filter(|(flag, _)| self.any(*flag)) {
            write!(f, "{name} ")?;
        }
        write!(f, "generation {} tick {})", self.generation(), self.tick())
    }
}
