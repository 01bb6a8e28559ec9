//! A buffer of fixed size: a ring of slots, each with a stamp that says whose turn it is.
//!
//! The idea is Dmitry Vyukov's. Senders take places at the tail, receivers at the head, each by one
//! exchange; the slot itself is handed over by its stamp. Nobody takes a place in a slot that is
//! not ready, so a thread that is interrupted between taking a place and handing it over keeps
//! nobody spinning: the others are told [`Busy`](Push::Busy), and wait like those who find nothing.
//!
//! # Positions and stamps
//!
//! A position counts laps in its high bits and slots in the low ones, and leaves bit 0 to a flag:
//!
//! ```text
//!   lap │ index of the slot │ flag        position of the next: index + 1, or lap + 1 and index 0
//! ```
//!
//! In the tail the flag says that the ring is closed. In a stamp it says that a value is in:
//! a stamp `p` waits for the push at position `p`, a stamp `p | 1` for the pop at `p`, which makes
//! it `p` plus one lap.
//!
//! # Invariants
//!
//! 1. Who has moved the tail from `p` to the next position, which it does only if the stamp of the
//!    slot is `p`, is the only one that touches the cell until it has set the stamp to `p | 1`.
//! 2. Who has moved the head from `p` to the next position, which it does only if the stamp is
//!    `p | 1`, is the only one that touches the cell until it has set the stamp to `p` plus a lap.
//! 3. A cell holds a value while its stamp carries the flag.

use std::fmt;
use std::mem::MaybeUninit;

use super::buffer::{Buffer, Pop, Push};
use crate::contention::{Backoff, Padded};
use crate::primitives::UnsafeCell;
use crate::primitives::atomic::{AtomicUsize, Ordering};

/// In the tail: closed. In a stamp: a value is in.
const FLAG: usize = 1;

/// A ring of slots.
pub struct Ring<T> {
    /// Where the next push goes.
    tail: Padded<AtomicUsize>,
    /// Where the next pop goes.
    head: Padded<AtomicUsize>,
    slots: Box<[Slot<T>]>,
    /// What one lap adds to a position.
    lap: usize,
}

struct Slot<T> {
    stamp: AtomicUsize,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: by the invariants a value is touched by one thread at a time, and moves between threads.
unsafe impl<T: Send> Send for Ring<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Ring<T> {}

impl<T> Ring<T> {
    /// Makes a ring with room for `capacity` values, at least one.
    pub fn new(capacity: usize) -> Ring<T> {
        assert!(capacity > 0, "a ring has at least one slot");
        let slot = |index| Slot {
            stamp: AtomicUsize::new(index << 1),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        };
        Ring {
            tail: Padded::new(AtomicUsize::new(0)),
            head: Padded::new(AtomicUsize::new(0)),
            slots: (0..capacity).map(slot).collect(),
            lap: capacity.next_power_of_two() << 1,
        }
    }

    /// The index of the slot of a position.
    #[inline]
    fn index(&self, position: usize) -> usize {
        (position & (self.lap - 1)) >> 1
    }

    /// The position after one without a flag.
    #[inline]
    fn next(&self, position: usize) -> usize {
        match self.index(position) + 1 == self.slots.len() {
            false => position + 2,
            true => (position & !(self.lap - 1)).wrapping_add(self.lap),
        }
    }
}

impl<T> Buffer for Ring<T> {
    type Item = T;

    #[inline]
    fn push(&self, value: &mut Option<T>) -> Push {
        let backoff = Backoff::new();
        loop {
            // Relaxed: the exchange below, or a look at the head, finds out if it is stale.
            let tail = self.tail.load(Ordering::Relaxed);
            if tail & FLAG != 0 {
                return Push::Closed;
            }
            let slot = &self.slots[self.index(tail)];
            // Pairs with the store in `pop`: the value before has left the cell.
            let stamp = slot.stamp.load(Ordering::Acquire);
            if stamp == tail {
                // Relaxed: the stamp, not the tail, is what hands the value over.
                let moved = self.tail.compare_exchange_weak(
                    tail,
                    self.next(tail),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
                if moved.is_ok() {
                    let value = value.take().expect("a push has a value");
                    slot.value.with_mut(|cell| {
                        // SAFETY: invariant 1.
                        unsafe { (*cell).write(value) };
                    });
                    // Pairs with the load in `pop`: the value is in.
                    slot.stamp.store(tail | FLAG, Ordering::Release);
                    return Push::Done;
                }
            } else if stamp.wrapping_add(self.lap) == tail | FLAG {
                // The value of the lap before is in. Acquire: not older than the stamp.
                let head = self.head.load(Ordering::Acquire);
                return match head.wrapping_add(self.lap) == tail {
                    true => Push::Full,
                    false => Push::Busy,
                };
            }
            // Somebody else was faster.
            backoff.spin();
        }
    }

    #[inline]
    fn pop(&self) -> Pop<T> {
        let backoff = Backoff::new();
        loop {
            // Relaxed: as in `push`.
            let head = self.head.load(Ordering::Relaxed);
            let slot = &self.slots[self.index(head)];
            // Pairs with the store in `push`: the value is in.
            let stamp = slot.stamp.load(Ordering::Acquire);
            if stamp == head | FLAG {
                // Relaxed: the stamp, not the head, is what hands the slot over.
                let moved = self.head.compare_exchange_weak(
                    head,
                    self.next(head),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
                if moved.is_ok() {
                    let value = slot.value.with_mut(|cell| {
                        // SAFETY: invariants 2 and 3.
                        unsafe { (*cell).assume_init_read() }
                    });
                    // Pairs with the load in `push`: the cell is free.
                    slot.stamp.store(head.wrapping_add(self.lap), Ordering::Release);
                    return Pop::Value(value);
                }
            } else if stamp == head {
                // Pairs with `close`: who finds it closed sees what was done before.
                let tail = self.tail.load(Ordering::Acquire);
                return match (tail & !FLAG == head, tail & FLAG != 0) {
                    (true, false) => Pop::Empty,
                    (true, true) => Pop::Closed,
                    (false, _) => Pop::Busy,
                };
            }
            // Somebody else was faster.
            backoff.spin();
        }
    }

    fn close(&self) -> bool {
        // Pairs with the loads in `pop` and `is_closed`.
        self.tail.fetch_or(FLAG, Ordering::AcqRel) & FLAG == 0
    }

    #[inline]
    fn is_closed(&self) -> bool {
        // Pairs with `close`.
        self.tail.load(Ordering::Acquire) & FLAG != 0
    }

    fn len(&self) -> usize {
        // The head first: the tail is ahead of it then, perhaps by more than is in.
        let head = self.head.load(Ordering::Acquire);
        let tail = self.tail.load(Ordering::Acquire) & !FLAG;
        let laps = (tail & !(self.lap - 1)).wrapping_sub(head & !(self.lap - 1));
        let capacity = self.slots.len();
        match laps {
            // The exchanges order nothing, so the tail may be seen older than the head.
            behind if behind.cast_signed() < 0 => 0,
            0 => self.index(tail).saturating_sub(self.index(head)),
            one if one == self.lap => {
                (capacity - self.index(head) + self.index(tail)).min(capacity)
            }
            _ => capacity,
        }
    }

    #[inline]
    fn capacity(&self) -> Option<usize> {
        Some(self.slots.len())
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        self.discard();
    }
}

impl<T> fmt::Debug for Ring<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("len", &self.len()).finish_non_exhaustive()
    }
}
