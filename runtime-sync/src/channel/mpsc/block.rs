//! A block of slots, and the chain of blocks that messages lie in.
//!
//! # Invariants
//!
//! Positions count the messages of a channel; `position / BLOCK` is the number of the block that
//! it lies in, and `position % BLOCK` the slot.
//!
//! 1. A slot is written by the one who took its position at the gate, once, and read by the
//!    receiver, once, after it found the position's stamp in the slot.
//! 2. The stamp is the last that whoever took a position touches of its block.
//! 3. Who took the last position of a block links the next block to it before it stamps the slot.
//! 4. The receiver frees or reuses a block after it has read all slots of it. By 1 to 3 nobody else
//!    touches the block any more, and its link is set.
//! 5. Nobody follows a pointer to a block unless it owns a position in it or is the receiver.
//!
//! A block that is used again keeps its old stamps: they belong to another block's number, so that
//! nothing has to be wiped.

use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

use crate::primitives::UnsafeCell;
use crate::primitives::atomic::{AtomicPtr, AtomicU32, Ordering};

/// Where a message lies.
struct Slot<T> {
    value: UnsafeCell<MaybeUninit<T>>,
    /// Which block's message is here; see [`stamp`].
    stamp: AtomicU32,
}

/// Slots in a row, and the way to the next.
pub(super) struct Block<T, const BLOCK: usize> {
    slots: [Slot<T>; BLOCK],
    next: AtomicPtr<Block<T, BLOCK>>,
}

/// Which block a position is in, in a form that is never 0, which is what a new block holds.
#[inline]
fn stamp<const BLOCK: usize>(position: u64) -> u32 {
    ((position / BLOCK as u64) as u32) << 1 | 1
}

/// Which slot of its block a position is.
#[inline]
fn offset<const BLOCK: usize>(position: u64) -> usize {
    (position % BLOCK as u64) as usize
}

/// Whether a position is the last of its block.
#[inline]
pub(super) fn is_last<const BLOCK: usize>(position: u64) -> bool {
    offset::<BLOCK>(position) == BLOCK - 1
}

impl<T, const BLOCK: usize> Block<T, BLOCK> {
    /// Positions wrap at a power of two, and so must the blocks.
    const IS_POWER_OF_TWO: () = assert!(BLOCK.is_power_of_two());

    /// Makes an empty block. It is built where it stays: on the stack it might not fit.
    pub(super) fn new() -> NonNull<Block<T, BLOCK>> {
        let () = Self::IS_POWER_OF_TWO;
        let mut block = Box::<Block<T, BLOCK>>::new_uninit();
        let place = block.as_mut_ptr();
        for index in 0..BLOCK {
            let slot =
                Slot { value: UnsafeCell::new(MaybeUninit::uninit()), stamp: AtomicU32::new(0) };
            // SAFETY: the place is allocated, and the index within the array.
            let at = unsafe { (&raw mut (*place).slots).cast::<Slot<T>>().add(index) };
            // SAFETY: as above; there is nothing to be dropped yet.
            unsafe { at.write(slot) };
        }
        // SAFETY: as above.
        unsafe { (&raw mut (*place).next).write(AtomicPtr::new(ptr::null_mut())) };
        // SAFETY: all fields are written.
        let block = unsafe { block.assume_init() };
        NonNull::from(Box::leak(block))
    }

    /// Frees a block. Messages in it are not dropped.
    ///
    /// # Safety
    ///
    /// It was made by `new`, and nobody uses it now or later.
    pub(super) unsafe fn free(block: NonNull<Block<T, BLOCK>>) {
        // SAFETY: it came out of a box, says the caller.
        drop(unsafe { Box::from_raw(block.as_ptr()) });
    }

    /// Puts a message into its slot and makes it known.
    ///
    /// # Safety
    ///
    /// The caller has taken `position`, which lies in this block, and has not written it yet. If it
    /// is the last of the block, the next one is [linked](Block::link).
    #[inline]
    pub(super) unsafe fn write(block: NonNull<Block<T, BLOCK>>, position: u64, value: T) {
        // SAFETY: invariant 4, the block stays until the receiver finds the stamp.
        let slot = unsafe { &(*block.as_ptr()).slots[offset::<BLOCK>(position)] };
        slot.value.with_mut(|cell| {
            // SAFETY: invariant 1, the slot is this thread's.
            unsafe { (*cell).write(value) };
        });
        // Pairs with the load in `read`: the message is whole. The last access: invariant 2.
        slot.stamp.store(stamp::<BLOCK>(position), Ordering::Release);
    }

    /// Takes the message of `position` out, if it is there.
    ///
    /// # Safety
    ///
    /// The caller is the receiver. `position` lies in this block and was not read before.
    #[inline]
    pub(super) unsafe fn read(block: NonNull<Block<T, BLOCK>>, position: u64) -> Option<T> {
        // SAFETY: invariant 4, the receiver has not read all of the block.
        let slot = unsafe { &(*block.as_ptr()).slots[offset::<BLOCK>(position)] };
        // Pairs with the store in `write`.
        if slot.stamp.load(Ordering::Acquire) != stamp::<BLOCK>(position) {
            return None;
        }
        slot.value.with(|cell| {
            // SAFETY: invariant 1, it was written and not read.
            Some(unsafe { (*cell).assume_init_read() })
        })
    }

    /// Whether the message of `position` is there.
    ///
    /// # Safety
    ///
    /// As for [`read`](Block::read).
    pub(super) unsafe fn is_written(block: NonNull<Block<T, BLOCK>>, position: u64) -> bool {
        // SAFETY: as in `read`.
        let slot = unsafe { &(*block.as_ptr()).slots[offset::<BLOCK>(position)] };
        // A hint: `read` looks again.
        slot.stamp.load(Ordering::Relaxed) == stamp::<BLOCK>(position)
    }

    /// Links `next` behind this block.
    ///
    /// # Safety
    ///
    /// The caller has taken the last position of this block, and not written it yet.
    pub(super) unsafe fn link(block: NonNull<Block<T, BLOCK>>, next: NonNull<Block<T, BLOCK>>) {
        // SAFETY: invariant 4, the block stays until the receiver finds the caller's stamp.
        let link = unsafe { &(*block.as_ptr()).next };
        // The stamp that follows carries it to the receiver: invariant 3.
        link.store(next.as_ptr(), Ordering::Relaxed);
    }

    /// The block behind this one, and this one without a way there, to be used again.
    ///
    /// # Safety
    ///
    /// The caller is the receiver, or alone with the channel.
    pub(super) unsafe fn unlink(
        block: NonNull<Block<T, BLOCK>>,
    ) -> Option<NonNull<Block<T, BLOCK>>> {
        // SAFETY: the caller has not freed it.
        let link = unsafe { &(*block.as_ptr()).next };
        // The stamp of the last slot, which was read before, carries the link: invariant 3.
        let next = NonNull::new(link.load(Ordering::Relaxed));
        // Whoever reuses the block gets it through `Spare`, which carries this store.
        link.store(ptr::null_mut(), Ordering::Relaxed);
        next
    }
}

/// A place for one block that is free to be used again, so that a steady stream allocates nothing.
pub(super) struct Spare<T, const BLOCK: usize>(AtomicPtr<Block<T, BLOCK>>);

impl<T, const BLOCK: usize> Spare<T, BLOCK> {
    pub(super) fn new() -> Spare<T, BLOCK> {
        Spare(AtomicPtr::new(ptr::null_mut()))
    }

    /// The spare block, or a new one.
    pub(super) fn take(&self) -> NonNull<Block<T, BLOCK>> {
        // Pairs with the exchange in `put`: the block is at rest.
        NonNull::new(self.0.swap(ptr::null_mut(), Ordering::Acquire)).unwrap_or_else(Block::new)
    }

    /// Keeps a block for the next who needs one, or frees it.
    ///
    /// # Safety
    ///
    /// It was made by [`Block::new`], nobody uses it now or later, and it has no link.
    pub(super) unsafe fn put(&self, block: NonNull<Block<T, BLOCK>>) {
        // Pairs with the swap in `take`.
        let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
        let kept = self.0.compare_exchange(ptr::null_mut(), block.as_ptr(), release, relaxed);
        if kept.is_err() {
            // SAFETY: passed on to the caller.
            unsafe { Block::free(block) };
        }
    }
}

impl<T, const BLOCK: usize> Drop for Spare<T, BLOCK> {
    fn drop(&mut self) {
        // Pairs with the exchange in `put`.
        if let Some(block) = NonNull::new(self.0.load(Ordering::Acquire)) {
            // SAFETY: nobody can take it any more.
            unsafe { Block::free(block) };
        }
    }
}
