//! A buffer that grows: a chain of blocks of slots.
//!
//! ```text
//!   head: position, block                         tail: position, block
//!            │                                             │
//!            ▼                                             ▼
//!        ┌ block ┐  next   ┌ block ┐  next             ┌ block ┐
//!        │ ▪▪▪▪▪ │ ──────▶ │ ▪▪▪▪▪ │ ──────▶  …  ────▶ │ ▪▪    │
//!        └───────┘         └───────┘                   └───────┘
//! ```
//!
//! Senders take places at the tail, receivers at the head, each by one exchange of the position.
//! Who takes the last place in a block moves that end to the next block: a few instructions, once
//! in a block, during which others at the same end give way. One block that was used up is kept
//! for the next time, so that a channel in balance allocates nothing.
//!
//! A receiver may take a place whose sender was interrupted before it has put its value in. It
//! does not wait for that: it marks the slot as *skipped* and goes on to the next one. The sender
//! finds the mark and sends its value once more. It had not returned yet, so nobody can say that
//! its value should have come earlier.
//!
//! # Positions
//!
//! A position counts blocks in its high bits and slots in the low ones, and leaves bit 0 to a flag.
//! There is one more position in a block than there are slots: it is the *gap*, in which an end
//! stands while it is moved to the next block.
//!
//! # Invariants
//!
//! 1. A position is taken by one sender and by one receiver, and the position of the receivers is
//!    never ahead of that of the senders.
//! 2. The block that goes with a position is stored before the position. So who has exchanged a
//!    position has the right block, provided that it has loaded the position before the block.
//! 3. A block is freed or used again when each slot in it has been settled: by the receiver that
//!    took the value, or by the sender that was skipped. So who has taken a place may touch the
//!    block until it, or the other one, has settled the slot.
//! 4. The cell of a slot is touched by its sender until that one has marked it `WRITTEN`, then by
//!    its receiver; if it was skipped, by the sender alone.
//! 5. The tail leaves the gap only after the link to the next block is stored, and the head takes
//!    the last place in a block only after the tail has left it.

use std::fmt;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

use super::buffer::{Buffer, Pop, Push};
use crate::contention::{Backoff, Padded};
use crate::primitives::UnsafeCell;
use crate::primitives::atomic::{AtomicPtr, AtomicU8, AtomicUsize, Ordering};

/// In the tail: closed. In the head: the tail is in another block, so that there is no need to look.
const FLAG: usize = 1;

/// Nothing has happened to the slot yet.
const EMPTY: u8 = 0;
/// The value is in.
const WRITTEN: u8 = 1;
/// The receiver did not wait for the value.
const SKIPPED: u8 = 2;

/// How often a receiver looks whether the value has come before it skips the slot.
const LOOKS: usize = 4;

/// A chain of blocks of `N` slots each.
pub struct Blocks<T, const N: usize = 31> {
    tail: Padded<End<T, N>>,
    head: Padded<End<T, N>>,
    /// A block to be used next, or null.
    spare: AtomicPtr<Block<T, N>>,
    /// How many values may be in.
    limit: Option<usize>,
}

struct End<T, const N: usize> {
    position: AtomicUsize,
    block: AtomicPtr<Block<T, N>>,
}

struct Block<T, const N: usize> {
    next: AtomicPtr<Block<T, N>>,
    /// How many slots are settled.
    settled: AtomicUsize,
    slots: [Slot<T>; N],
}

struct Slot<T> {
    state: AtomicU8,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: by the invariants a value is touched by one thread at a time, and moves between threads.
unsafe impl<T: Send, const N: usize> Send for Blocks<T, N> {}
// SAFETY: as above.
unsafe impl<T: Send, const N: usize> Sync for Blocks<T, N> {}

impl<T, const N: usize> Blocks<T, N> {
    /// How many positions there are in a block.
    const POSITIONS: usize = N + 1;

    /// Makes a buffer for `limit` values, or any number.
    pub fn new(limit: Option<usize>) -> Blocks<T, N> {
        let block = Block::allocate().as_ptr();
        let end = || End { position: AtomicUsize::new(0), block: AtomicPtr::new(block) };
        let (tail, head) = (Padded::new(end()), Padded::new(end()));
        Blocks { tail, head, spare: AtomicPtr::new(ptr::null_mut()), limit }
    }

    /// The number of the slot of a position, or `N` in the gap.
    #[inline]
    const fn offset(position: usize) -> usize {
        (position >> 1) % Self::POSITIONS
    }

    /// The number of the block of a position.
    #[inline]
    const fn lap(position: usize) -> usize {
        (position >> 1) / Self::POSITIONS
    }

    /// How many slots there are from one position to another.
    #[inline]
    const fn between(head: usize, tail: usize) -> usize {
        // The numbers of blocks wrap as the positions do. The mask is right because a block has as many
        // positions as a power of two, so that the last lap before the wrap is a whole one.
        let laps = Self::lap(tail).wrapping_sub(Self::lap(head)) & (Self::lap(usize::MAX));
        (laps * N + Self::offset(tail)).saturating_sub(Self::offset(head))
    }

    /// Moves the tail to `next`, from the gap behind `block`.
    fn link(&self, block: NonNull<Block<T, N>>, next: NonNull<Block<T, N>>) {
        // SAFETY: invariant 3, this thread has taken the last place and not settled it.
        let block = unsafe { block.as_ref() };
        // Pairs with the load in `unlink`, by way of the tail's position.
        block.next.store(next.as_ptr(), Ordering::Release);
        // Pairs with the load in `push`: the block is in order.
        self.tail.block.store(next.as_ptr(), Ordering::Release);
        // An addition, as the tail may be closed meanwhile. Pairs with the loads in `push` (block)
        // and `pop` (link).
        self.tail.position.fetch_add(2, Ordering::Release);
    }

    /// Moves the head to the block after `block`, from the gap at `gap`.
    fn unlink(&self, block: NonNull<Block<T, N>>, gap: usize) {
        // SAFETY: invariant 3, this thread has taken the last place and not settled it.
        let block = unsafe { block.as_ref() };
        // Invariant 5: it is there, as the tail is beyond. Pairs with the store in `link`.
        let next = block.next.load(Ordering::Acquire);
        // Pairs with the load in `pop`: so does the position.
        self.head.block.store(next, Ordering::Release);
        self.head.position.store(gap.wrapping_add(2), Ordering::Release);
    }

    /// Puts a value into a slot that this thread has taken. Gives it back if it was skipped.
    ///
    /// # Safety
    ///
    /// The place was taken by this sender.
    unsafe fn write(&self, block: NonNull<Block<T, N>>, offset: usize, value: T) -> Option<T> {
        // SAFETY: invariant 3.
        let slot = unsafe { &(*block.as_ptr()).slots[offset] };
        slot.value.with_mut(|cell| {
            // SAFETY: invariant 4.
            unsafe { (*cell).write(value) };
        });
        // Release pairs with the looks in `read`: the value is in. Who was skipped sees nothing
        // that it needs, and settles with an order of its own.
        if slot.state.swap(WRITTEN, Ordering::Release) == EMPTY {
            return None;
        }
        let value = slot.value.with_mut(|cell| {
            // SAFETY: invariant 4, and it was written above.
            unsafe { (*cell).assume_init_read() }
        });
        // SAFETY: the slot was skipped, so this sender settles it, and touches it no more.
        unsafe { self.settle(block) };
        Some(value)
    }

    /// Takes the value out of a slot that this thread has taken, or skips it.
    ///
    /// # Safety
    ///
    /// The place was taken by this receiver.
    unsafe fn read(&self, block: NonNull<Block<T, N>>, offset: usize) -> Option<T> {
        // SAFETY: invariant 3.
        let slot = unsafe { &(*block.as_ptr()).slots[offset] };
        let backoff = Backoff::new();
        // Acquire, here and below, pairs with the swap in `write`: the value is in.
        let written = (0..LOOKS).any(|_| {
            let written = slot.state.load(Ordering::Acquire) == WRITTEN;
            if !written {
                backoff.spin();
            }
            written
        });
        if !written && slot.state.swap(SKIPPED, Ordering::Acquire) == EMPTY {
            return None;
        }
        let value = slot.value.with_mut(|cell| {
            // SAFETY: invariant 4, it is written.
            unsafe { (*cell).assume_init_read() }
        });
        // SAFETY: the value is out, so this receiver settles the slot, and touches it no more.
        unsafe { self.settle(block) };
        Some(value)
    }

    /// Takes note that a slot is done with. The last one in a block does away with it.
    ///
    /// # Safety
    ///
    /// It is called once for each slot, by whom invariant 3 names, which touches the block no more.
    unsafe fn settle(&self, block: NonNull<Block<T, N>>) {
        // SAFETY: this slot is not settled yet.
        let settled = unsafe { &(*block.as_ptr()).settled };
        // Release: this thread is done with its slot. Acquire: the last one sees that all are.
        if settled.fetch_add(1, Ordering::AcqRel) + 1 == N {
            // SAFETY: invariant 3, all are settled, and neither end is in this block: both have
            // moved on before the last slot could be settled.
            self.keep(unsafe { Box::from_raw(block.as_ptr()) });
        }
    }

    /// Keeps a block for the next time, if there is none.
    #[cold]
    fn keep(&self, mut block: Box<Block<T, N>>) {
        block.make_new();
        let block = Box::into_raw(block);
        // Release pairs with the swap in `another_block`: the block is in order.
        let kept = self.spare.compare_exchange(
            ptr::null_mut(),
            block,
            Ordering::Release,
            Ordering::Relaxed,
        );
        if kept.is_err() {
            // SAFETY: it comes from the box above, and was not published.
            drop(unsafe { Box::from_raw(block) });
        }
    }

    #[cold]
    fn another_block(&self) -> NonNull<Block<T, N>> {
        // Pairs with the exchange in `keep`.
        let spare = self.spare.swap(ptr::null_mut(), Ordering::Acquire);
        NonNull::new(spare).unwrap_or_else(Block::allocate)
    }
}

impl<T, const N: usize> Buffer for Blocks<T, N> {
    type Item = T;

    #[inline]
    fn push(&self, value: &mut Option<T>) -> Push {
        let backoff = Backoff::new();
        let mut next = Next { blocks: self, block: None };
        loop {
            // The position before the block, for invariant 2. Pairs with `link`.
            let tail = self.tail.position.load(Ordering::Acquire);
            let block = self.tail.block.load(Ordering::Acquire);
            if tail & FLAG != 0 {
                return Push::Closed;
            }
            let offset = Self::offset(tail);
            if offset == N {
                backoff.snooze();
                continue;
            }
            if let Some(limit) = self.limit {
                // As the head only grows, there is not less room than this says, if the exchange
                // succeeds. Pairs with the exchange in `pop`, for the look at the tail below.
                let head = self.head.position.load(Ordering::Acquire);
                if Self::between(head, tail) >= limit {
                    // The head may be ahead of the tail if that is stale.
                    if self.tail.position.load(Ordering::Acquire) == tail {
                        return Push::Full;
                    }
                    continue;
                }
            }
            let last = offset + 1 == N;
            if last {
                next.prepare();
            }
            // Acquire: invariant 1, not ahead of the tail that a receiver has seen. Release: who
            // sees the tail beyond sees what this one does, through the next thread that moves it.
            let moved = self.tail.position.compare_exchange_weak(
                tail,
                tail.wrapping_add(2),
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if moved.is_err() {
                backoff.spin();
                continue;
            }
            let block = NonNull::new(block).expect("there is a block at each end");
            if last {
                self.link(block, next.take());
            }
            let taken = value.take().expect("a push has a value");
            // SAFETY: the exchange has taken the place, and the block is the right one.
            match unsafe { self.write(block, offset, taken) } {
                None => return Push::Done,
                skipped => *value = skipped,
            }
        }
    }

    #[inline]
    fn pop(&self) -> Pop<T> {
        let backoff = Backoff::new();
        loop {
            // The position before the block, for invariant 2. Pairs with `unlink`.
            let head = self.head.position.load(Ordering::Acquire);
            let block = self.head.block.load(Ordering::Acquire);
            let offset = Self::offset(head);
            if offset == N {
                backoff.snooze();
                continue;
            }
            let mut moved_to = head.wrapping_add(2);
            if head & FLAG == 0 {
                // Pairs with the exchange in `push`, with `link` and with `close`.
                let tail = self.tail.position.load(Ordering::Acquire);
                if tail >> 1 == head >> 1 {
                    return match tail & FLAG != 0 {
                        true => Pop::Closed,
                        false => Pop::Empty,
                    };
                }
                if Self::lap(tail) != Self::lap(head) {
                    moved_to |= FLAG;
                } else if offset + 1 == N {
                    // Invariant 5. The sender is about to link the next block, and to put the
                    // value in.
                    return Pop::Busy;
                }
            }
            // Release: the head is not seen ahead of the tail that this thread has seen.
            let moved = self.head.position.compare_exchange_weak(
                head,
                moved_to,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if moved.is_err() {
                backoff.spin();
                continue;
            }
            let block = NonNull::new(block).expect("there is a block at each end");
            if offset + 1 == N {
                self.unlink(block, moved_to & !FLAG);
            }
            // SAFETY: the exchange has taken the place, and the block is the right one.
            if let Some(value) = unsafe { self.read(block, offset) } {
                return Pop::Value(value);
            }
        }
    }

    fn close(&self) -> bool {
        // Pairs with the loads in `pop` and `is_closed`.
        self.tail.position.fetch_or(FLAG, Ordering::AcqRel) & FLAG == 0
    }

    #[inline]
    fn is_closed(&self) -> bool {
        // Pairs with `close`.
        self.tail.position.load(Ordering::Acquire) & FLAG != 0
    }

    fn len(&self) -> usize {
        // The head first: the tail is ahead of it then, perhaps by more than is in.
        let head = self.head.position.load(Ordering::Acquire);
        let tail = self.tail.position.load(Ordering::Acquire);
        Self::between(head, tail).min(self.limit.unwrap_or(usize::MAX))
    }

    #[inline]
    fn capacity(&self) -> Option<usize> {
        self.limit
    }
}

impl<T, const N: usize> Drop for Blocks<T, N> {
    fn drop(&mut self) {
        let _blocks = Free(self);
        _blocks.0.discard();
    }
}

/// Frees the blocks, even if the drop of a value panics before.
struct Free<'a, T, const N: usize>(&'a Blocks<T, N>);

impl<T, const N: usize> Drop for Free<'_, T, N> {
    fn drop(&mut self) {
        // Relaxed: nobody else is there any more. With nothing in, both ends are in one block.
        let block = self.0.head.block.load(Ordering::Relaxed);
        // SAFETY: it comes from a box, and is reached from nowhere else.
        drop(unsafe { Box::from_raw(block) });
        let spare = self.0.spare.load(Ordering::Relaxed);
        if !spare.is_null() {
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(spare) });
        }
    }
}

impl<T, const N: usize> Block<T, N> {
    /// Makes a block where it will lie: it may be too large for the stack.
    #[cold]
    fn allocate() -> NonNull<Block<T, N>> {
        let mut block = Box::<Block<T, N>>::new_uninit();
        let place = block.as_mut_ptr();
        // SAFETY: the place is allocated.
        let next = unsafe { &raw mut (*place).next };
        // SAFETY: as above, and it may be written to.
        unsafe { next.write(AtomicPtr::new(ptr::null_mut())) };
        // SAFETY: as above.
        let settled = unsafe { &raw mut (*place).settled };
        // SAFETY: as above.
        unsafe { settled.write(AtomicUsize::new(0)) };
        for index in 0..N {
            // SAFETY: as above, and there are so many slots.
            let slot = unsafe { (&raw mut (*place).slots).cast::<Slot<T>>().add(index) };
            let empty =
                Slot { state: AtomicU8::new(EMPTY), value: UnsafeCell::new(MaybeUninit::uninit()) };
            // SAFETY: as above.
            unsafe { slot.write(empty) };
        }
        // SAFETY: each field was written.
        NonNull::from(Box::leak(unsafe { block.assume_init() }))
    }

    /// Makes a block that was used as good as a new one.
    fn make_new(&mut self) {
        // Relaxed: nobody else has it, and whoever gets it next gets it by another word.
        self.next.store(ptr::null_mut(), Ordering::Relaxed);
        self.settled.store(0, Ordering::Relaxed);
        for slot in &self.slots {
            slot.state.store(EMPTY, Ordering::Relaxed);
        }
    }
}

/// A block at hand for the one who takes the last place.
struct Next<'a, T, const N: usize> {
    blocks: &'a Blocks<T, N>,
    block: Option<NonNull<Block<T, N>>>,
}

impl<T, const N: usize> Next<'_, T, N> {
    #[cold]
    fn prepare(&mut self) {
        self.block.get_or_insert_with(|| self.blocks.another_block());
    }

    fn take(&mut self) -> NonNull<Block<T, N>> {
        self.block.take().expect("it was prepared before the place was taken")
    }
}

impl<T, const N: usize> Drop for Next<'_, T, N> {
    #[inline]
    fn drop(&mut self) {
        if let Some(block) = self.block {
            // SAFETY: it was made for this sender, which has not used it.
            self.blocks.keep(unsafe { Box::from_raw(block.as_ptr()) });
        }
    }
}

impl<T, const N: usize> fmt::Debug for Blocks<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocks").field("len", &self.len()).finish_non_exhaustive()
    }
}
