//! Wheels within wheels: which list a deadline belongs into, and which list comes next.
//!
//! Pure arithmetic on ticks of 2^14 ns; no clock and no lock. A moment of 64 bits is a tick number
//! of 50 bits, cut into nine digits of six bits. An entry hangs at the level of the *highest digit
//! in which its tick differs from the wheel's own*, in the slot that the digit names:
//!
//! ```text
//!            level 2    level 1    level 0
//!   wheel:      5         17         60
//!   entry:      5         18         03    differs first at level 1: level 1, slot 18
//! ```
//!
//! So every entry of a level is due before every entry of the level above, and within a level the
//! slots are in order and none wraps around: the first list is the lowest set bit of the lowest
//! level that has one. When the wheel reaches a slot of a higher level, the entries of that slot
//! agree with it in one more digit and move down (*cascade*); an entry moves at most eight times.
//! Nine digits cover all 584 years, so there is no overflow list.

use super::entry::{Linked, List, Node};
use crate::clock::{NEVER, Nanos};

const TICK_BITS: u32 = 14;
const DIGIT_BITS: u32 = 6;
const SLOTS_PER_LEVEL: usize = 1 << DIGIT_BITS;
const LEVELS: usize = (u64::BITS - TICK_BITS).div_ceil(DIGIT_BITS) as usize;

/// Entries of the tick in progress whose deadline has come: they fire next.
const DUE: usize = LEVELS * SLOTS_PER_LEVEL;
/// Entries without a deadline: only `pop_any` finds them.
const UNTIMED: usize = DUE + 1;

/// A list of a higher level is searched for its earliest entry if it is no longer than this.
const SEARCH_MAX: usize = 32;

/// Armed entries, ordered by tick.
pub(super) struct Wheel {
    /// The latest time that the wheel has been told. What is due by then is not inserted.
    now: Nanos,
    /// The tick up to which lists have been emptied; behind `now` only in the middle of a sweep.
    tick: u64,
    /// How many entries there are.
    len: usize,
    /// One bit per list, for each level.
    occupied: [u64; LEVELS],
    lists: Box<[List]>,
}

/// A list of the wheel proper.
#[derive(Clone, Copy)]
struct Slot {
    level: usize,
    index: usize,
}

impl Slot {
    fn list(self) -> usize {
        self.level * SLOTS_PER_LEVEL + self.index
    }

    /// The first tick of this slot, as seen from a wheel at `tick`.
    fn start(self, tick: u64) -> u64 {
        let shift = self.level as u32 * DIGIT_BITS;
        let above = tick >> shift >> DIGIT_BITS << DIGIT_BITS;
        (above | self.index as u64) << shift
    }
}

const fn tick_of(at: Nanos) -> u64 {
    at >> TICK_BITS
}

impl Wheel {
    pub(super) fn new() -> Wheel {
        Wheel {
            now: 0,
            tick: 0,
            len: 0,
            occupied: [0; LEVELS],
            lists: (0..=UNTIMED).map(|_| List::new()).collect(),
        }
    }

    pub(super) fn now(&self) -> Nanos {
        self.now
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Tells the wheel what time it is.
    pub(super) fn set_now(&mut self, now: Nanos) {
        self.now = self.now.max(now);
    }

    /// Adds an entry that is due after [`now`](Wheel::now).
    #[inline]
    pub(super) fn insert(&mut self, node: Node) {
        debug_assert!(node.deadline() > self.now);
        self.len += 1;
        self.place(node);
    }

    #[inline]
    fn place(&mut self, node: Node) {
        let deadline = node.deadline();
        let list = if deadline == NEVER {
            UNTIMED
        } else {
            let slot = self.slot_of(tick_of(deadline));
            self.occupied[slot.level] |= 1 << slot.index;
            slot.list()
        };
        self.lists[list].push_back(node, list);
    }

    /// The slot of a tick that has not passed.
    #[inline]
    fn slot_of(&self, tick: u64) -> Slot {
        debug_assert!(tick >= self.tick);
        let highest_difference = (tick ^ self.tick | 1).ilog2();
        let level = (highest_difference / DIGIT_BITS) as usize;
        let index = (tick >> (level as u32 * DIGIT_BITS)) as usize % SLOTS_PER_LEVEL;
        Slot { level, index }
    }

    /// Takes an entry out.
    #[inline]
    pub(super) fn remove(&mut self, linked: Linked<'_>) -> Node {
        self.len -= 1;
        let list = linked.slot();
        let node = self.lists[list].unlink(linked);
        self.tidy(list);
        node
    }

    /// Clears the bit of a list that has become empty.
    #[inline]
    fn tidy(&mut self, list: usize) {
        if list < DUE && self.lists[list].is_empty() {
            self.occupied[list / SLOTS_PER_LEVEL] &= !(1 << (list % SLOTS_PER_LEVEL));
        }
    }

    /// The first slot that has entries.
    fn first(&self) -> Option<Slot> {
        let level = self.occupied.iter().position(|&bits| bits != 0)?;
        Some(Slot { level, index: self.occupied[level].trailing_zeros() as usize })
    }

    /// Takes the next entry that is due, in the order of ticks and then of arrival.
    ///
    /// Between two calls entries may come and go. Entries that come are due after `now`, so that a
    /// sweep ends.
    pub(super) fn pop_due(&mut self) -> Option<Node> {
        let target = tick_of(self.now);
        loop {
            if let Some(node) = self.lists[DUE].pop_front() {
                self.len -= 1;
                return Some(node);
            }
            let first = self.first().map(|slot| (slot, slot.start(self.tick)));
            let Some((slot, start)) = first.filter(|&(_, start)| start <= target) else {
                self.tick = target;
                return None;
            };
            self.tick = start;
            if slot.level > 0 {
                self.cascade(slot);
            } else if start < target {
                let node = self.lists[slot.list()].pop_front();
                self.tidy(slot.list());
                self.len -= 1;
                return node;
            } else if !self.divide(slot) {
                return None;
            }
        }
    }

    /// Moves the entries of the slot that the wheel has reached to the levels below.
    fn cascade(&mut self, slot: Slot) {
        let mut entries = self.lists[slot.list()].take();
        self.tidy(slot.list());
        while let Some(node) = entries.pop_front() {
            self.place(node);
        }
    }

    /// Moves those entries of the tick in progress that are due to their own list, if there are any.
    fn divide(&mut self, slot: Slot) -> bool {
        let mut entries = self.lists[slot.list()].take();
        self.tidy(slot.list());
        while let Some(node) = entries.pop_front() {
            if node.deadline() <= self.now {
                self.lists[DUE].push_back(node, DUE);
            } else {
                self.place(node);
            }
        }
        !self.lists[DUE].is_empty()
    }

    /// The earliest deadline.
    ///
    /// Takes as long as the first list has entries.
    pub(super) fn earliest(&self) -> Option<Nanos> {
        if !self.lists[DUE].is_empty() {
            return Some(self.now);
        }
        self.lists[self.first()?.list()].earliest(usize::MAX)
    }

    /// A time after `now` by which the wheel wants to be told the time again, at the latest.
    ///
    /// The earliest deadline, unless it is in a long list of a later tick; then the start of that
    /// list, when its entries fan out. An entry can cause at most one such call per level.
    pub(super) fn next(&self) -> Option<Nanos> {
        if !self.lists[DUE].is_empty() {
            return Some(self.now);
        }
        let slot = self.first()?;
        let list = &self.lists[slot.list()];
        let start = slot.start(self.tick) << TICK_BITS;
        if start > self.now {
            Some(list.earliest(SEARCH_MAX).unwrap_or(start))
        } else {
            list.earliest(usize::MAX)
        }
    }

    /// Takes any entry: to empty the wheel.
    pub(super) fn pop_any(&mut self) -> Option<Node> {
        let list = match self.first() {
            Some(slot) => slot.list(),
            None if !self.lists[DUE].is_empty() => DUE,
            None => UNTIMED,
        };
        let node = self.lists[list].pop_front()?;
        self.tidy(list);
        self.len -= 1;
        Some(node)
    }
}
