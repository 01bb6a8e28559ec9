//! Memory of dead tasks, kept by the worker that frees it for the tasks it spawns next.
//!
//! A general allocator pays for what tasks do not need: other sizes, other threads, giving memory back.
//! A worker's tasks come in few sizes and come home to die, so that a list per size is enough: taking
//! from it or adding to it is a load and two stores.
//!
//! # Invariants
//!
//! 1. A list holds blocks of its class's size, aligned to [`ALIGN`], allocated by the global allocator
//!    with [`block_layout`], and used by nobody. The first word of each is the link to the next.
//! 2. The lists of a thread are touched by this thread only, and are empty while they are closed.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::ptr::{self, NonNull};

/// Sizes are multiples of this, as tasks' are: no room is asked for that nobody needs.
const GRAIN: usize = 8;
/// What blocks are aligned to: as allocators do anyway.
const ALIGN: usize = 16;
/// Larger tasks go to the allocator each time.
const LARGEST: usize = 1024;
const CLASSES: usize = LARGEST / GRAIN + 1;
/// A thread keeps at most so many bytes in blocks of one size.
const KEPT: usize = 256 << 10;

/// So much room is made at a time where blocks come from the allocator: on all threads but the first,
/// glibc's adds one page to its heap, by a system call, whenever it runs out of room.
const AHEAD: usize = 64 << 10;
/// What an allocator may take for itself of each block.
const SURCHARGE: usize = 16;

/// The blocks of one size.
#[derive(Clone, Copy)]
struct List {
    first: *mut u8,
    count: u32,
}

struct Lists {
    open: Cell<bool>,
    /// Of the room that was made, what is left.
    ahead: Cell<usize>,
    classes: [Cell<List>; CLASSES],
}

thread_local! {
    // Without a destructor, so that an access is cheap: who opens the lists closes them.
    static LISTS: Lists = const {
        Lists {
            open: Cell::new(false),
            ahead: Cell::new(0),
            classes: [const { Cell::new(List { first: ptr::null_mut(), count: 0 }) }; CLASSES],
        }
    };
}

/// While it lives, this thread keeps the memory of dead tasks.
pub(crate) struct Keep {
    was_open: bool,
    not_send: std::marker::PhantomData<*const ()>,
}

impl Keep {
    pub(crate) fn begin() -> Keep {
        let was_open = LISTS.with(|lists| lists.open.replace(true));
        Keep { was_open, not_send: std::marker::PhantomData }
    }
}

impl Drop for Keep {
    fn drop(&mut self) {
        if self.was_open {
            return;
        }
        LISTS.with(|lists| {
            lists.open.set(false);
            for (class, list) in lists.classes.iter().enumerate() {
                let mut next = list.replace(List { first: ptr::null_mut(), count: 0 }).first;
                while let Some(block) = NonNull::new(next) {
                    // SAFETY: invariant 1.
                    next = unsafe { block.cast::<*mut u8>().read() };
                    // SAFETY: invariant 1; it was taken out of the list.
                    unsafe { dealloc(block.as_ptr(), class_layout(class)) };
                }
            }
        });
    }
}

/// The layout of the block that a value of `layout` is put into.
#[inline]
fn block_layout(layout: Layout) -> Layout {
    match class_of(layout) {
        Some(class) => class_layout(class),
        None => layout,
    }
}

#[inline]
fn class_of(layout: Layout) -> Option<usize> {
    (layout.size() <= LARGEST && layout.align() <= ALIGN).then(|| layout.size().div_ceil(GRAIN))
}

#[inline]
fn class_layout(class: usize) -> Layout {
    Layout::from_size_align(class.max(1) * GRAIN, ALIGN).expect("far below the largest size")
}

/// A block for a value of `layout`.
#[inline]
pub(super) fn take(layout: Layout) -> NonNull<u8> {
    if let Some(class) = class_of(layout) {
        let kept = LISTS.with(|lists| {
            let list = lists.classes[class].get();
            let block = NonNull::new(list.first)?;
            // SAFETY: invariant 1.
            let first = unsafe { block.cast::<*mut u8>().read() };
            lists.classes[class].set(List { first, count: list.count - 1 });
            Some(block)
        });
        if let Some(block) = kept {
            return block;
        }
    }
    let layout = block_layout(layout);
    make_room(layout.size());
    // SAFETY: the size is not zero: a task has a header.
    NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
}

/// Makes room for many blocks if there is none for one: a large block is asked for and given back.
fn make_room(size: usize) {
    LISTS.with(|lists| match lists.ahead.get().checked_sub(size + SURCHARGE) {
        Some(left) => lists.ahead.set(left),
        None if lists.open.get() => {
            lists.ahead.set(AHEAD);
            let mut room = Vec::<u8>::new();
            // If there is no more room for so much, there may be for one block.
            let _ = room.try_reserve_exact(AHEAD);
            drop(std::hint::black_box(room));
        }
        None => {}
    });
}

/// Gives a block back.
///
/// # Safety
///
/// - It came from [`take`] with the same layout, on whichever thread, and nobody uses it any more.
#[inline]
pub(super) unsafe fn give(block: NonNull<u8>, layout: Layout) {
    if let Some(class) = class_of(layout) {
        let kept = LISTS.with(|lists| {
            let list = lists.classes[class].get();
            if !lists.open.get() || list.count as usize * class * GRAIN >= KEPT {
                return false;
            }
            // SAFETY: the block is unused, and large enough and aligned for a pointer.
            unsafe { block.cast::<*mut u8>().write(list.first) };
            lists.classes[class].set(List { first: block.as_ptr(), count: list.count + 1 });
            true
        });
        if kept {
            return;
        }
    }
    // SAFETY: by this function's contract; `take` allocated it with this layout.
    unsafe { dealloc(block.as_ptr(), block_layout(layout)) };
}

#[cfg(all(test, not(filch_loom)))]
mod tests {
    use super::*;
    use std::array::from_fn;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).unwrap()
    }

    fn ahead() -> usize {
        LISTS.with(|lists| lists.ahead.get())
    }

    /// On a thread of its own, whose lists nobody else has touched.
    fn fresh(test: impl FnOnce() + Send) {
        std::thread::scope(|scope| scope.spawn(test).join().unwrap());
    }

    #[test]
    fn a_block_serves_the_next_task_of_its_size_while_the_lists_are_open() {
        fresh(|| {
            let keep = Keep::begin();
            let block = take(layout(104));
            // SAFETY: each was just taken like this.
            unsafe { give(block, layout(104)) };
            let other = take(layout(112));
            assert_ne!(other, block, "it is of another size");
            let again = take(layout(104));
            assert_eq!(again, block);
            // SAFETY: as above; the second one finds the lists closed.
            unsafe {
                give(again, layout(104));
                drop(keep);
                give(other, layout(112));
            }
            LISTS.with(|lists| assert!(lists.classes.iter().all(|c| c.get().first.is_null())));
        });
    }

    #[test]
    fn no_more_is_kept_than_a_thread_may() {
        fresh(|| {
            let _keep = Keep::begin();
            let blocks: [_; KEPT / LARGEST + 2] = from_fn(|_| take(layout(LARGEST)));
            // SAFETY: each was just taken like this.
            blocks.into_iter().for_each(|block| unsafe { give(block, layout(LARGEST)) });
            let kept = LISTS.with(|lists| lists.classes[LARGEST / GRAIN].get().count);
            assert_eq!(kept as usize * LARGEST, KEPT);
        });
    }

    #[test]
    fn room_is_made_ahead_when_it_is_used_up_and_only_by_those_who_keep_memory() {
        fresh(|| {
            make_room(100);
            assert_eq!(ahead(), 0, "it has no lists");
            let _keep = Keep::begin();
            make_room(100);
            assert_eq!(ahead(), AHEAD);
            make_room(AHEAD - SURCHARGE);
            assert_eq!(ahead(), 0, "what was left was enough");
            make_room(0);
            assert_eq!(ahead(), AHEAD);
            make_room(AHEAD);
            assert_eq!(ahead(), AHEAD, "a large one makes room anew");
        });
    }
}
