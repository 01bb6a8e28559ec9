//! Every living task of one home, so that none outlives its runtime; and where its dead come back.
//!
//! # Invariants
//!
//! 1. The list is touched by the roster's owner only: the thread that runs the home.
//! 2. A task is linked from before its first poll until its memory is freed. A dead task that is
//!    still linked is freed by nobody but the owner, so that the owner may walk the list at any time.
//! 3. The stack of the dead holds complete tasks without references. Anyone may push; the owner takes
//!    all at once. After `close` nothing is linked, and the dead free themselves.

use super::cell::{self, Header, Links};
use super::join::AbortHandle;
use super::raw::TaskRef;
use super::state::Wake;
use runtime_sync::primitives::UnsafeCell;
use runtime_sync::primitives::atomic::{AtomicPtr, Ordering};
use std::ptr::{self, NonNull};

/// The living tasks of one home.
pub struct Roster {
    first: UnsafeCell<*const Header>,
    dead: AtomicPtr<Header>,
}

// SAFETY: the list is touched by the owner only, and tasks may be sent (invariant 1).
unsafe impl Send for Roster {}
// SAFETY: as above; the stack is atomic.
unsafe impl Sync for Roster {}

/// A complete task without references: memory to be given back.
pub struct Dead(NonNull<Header>);

// SAFETY: nothing of the user is left in it but its name, which is `Send`.
unsafe impl Send for Dead {}

impl Dead {
    /// # Safety
    ///
    /// - The caller dropped the last reference of this complete task.
    pub(super) unsafe fn new(header: NonNull<Header>) -> Dead {
        Dead(header)
    }

    /// Frees a task that no roster knows.
    ///
    /// # Panics
    ///
    /// Never; but the task must not be linked.
    pub(super) fn free(self) {
        // SAFETY: the caller of `new` made it ours alone. An unlinked task: by this function's use.
        unsafe { cell::deallocate(self.0) }
    }
}

fn closed() -> *mut Header {
    ptr::without_provenance_mut(1)
}

impl Roster {
    /// An empty roster.
    pub fn new() -> Roster {
        Roster { first: UnsafeCell::new(ptr::null()), dead: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Links a task.
    ///
    /// # Safety
    ///
    /// - The caller is the owner, the task is linked nowhere, and not complete.
    pub(super) unsafe fn link(&self, task: NonNull<Header>) {
        self.first.with_mut(|first| {
            // SAFETY: invariant 1.
            let first = unsafe { &mut *first };
            // SAFETY: the task lives, and its links are the owner's.
            unsafe { set_links(task.as_ref(), |_| Links { prev: ptr::null(), next: *first }) };
            if let Some(second) = NonNull::new(first.cast_mut()) {
                // SAFETY: what is linked lives (invariant 2).
                unsafe { set_links(second.as_ref(), |l| Links { prev: task.as_ptr(), ..l }) };
            }
            *first = task.as_ptr();
        });
    }

    /// Unlinks and frees a dead task, on the owner's thread.
    ///
    /// # Safety
    ///
    /// - The caller is the owner, and the task is linked here.
    pub unsafe fn bury(&self, dead: Dead) {
        // SAFETY: by this function's contract.
        let links = unsafe { get_links(dead.0.as_ref()) };
        if let Some(next) = NonNull::new(links.next.cast_mut()) {
            // SAFETY: a neighbour is linked, so that it lives (invariant 2).
            unsafe { set_links(next.as_ref(), |l| Links { prev: links.prev, ..l }) };
        }
        match NonNull::new(links.prev.cast_mut()) {
            // SAFETY: as above.
            Some(prev) => unsafe {
                set_links(prev.as_ref(), |l| Links { next: links.next, ..l });
            },
            // SAFETY: invariant 1.
            None => self.first.with_mut(|first| unsafe { *first = links.next }),
        }
        dead.free();
    }

    /// Sends a dead task home from another thread. False: the roster is closed, and the task is
    /// freed.
    pub fn send_home(&self, dead: Dead) -> bool {
        let mut top = self.dead.load(Ordering::Relaxed);
        loop {
            if top == closed() {
                // Pairs with the exchange in `close`: the owner touches no links any more.
                let _ = self.dead.load(Ordering::Acquire);
                dead.free();
                return false;
            }
            // SAFETY: the dead task is ours alone.
            unsafe { dead.0.as_ref().set_next(top) };
            // Release pairs with the swap in `bury_all`: the owner sees the link.
            match self.dead.compare_exchange_weak(
                top,
                dead.0.as_ptr(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(other) => top = other,
            }
        }
    }

    /// Whether dead tasks have come home.
    pub fn has_dead(&self) -> bool {
        !self.dead.load(Ordering::Relaxed).is_null()
    }

    /// Frees the dead that came home, and says how many.
    ///
    /// # Safety
    ///
    /// - The caller is the owner, and the roster is open.
    pub unsafe fn bury_all(&self) -> usize {
        if !self.has_dead() {
            return 0;
        }
        // Acquire pairs with `send_home`.
        let stack = self.dead.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: the whole stack is ours now.
        unsafe { self.bury_stack(stack) }
    }

    /// # Safety
    ///
    /// - The caller is the owner, and owns the stack.
    unsafe fn bury_stack(&self, mut stack: *mut Header) -> usize {
        let mut count = 0;
        while let Some(task) = NonNull::new(stack) {
            // SAFETY: a task on the stack is dead and linked (invariants 2 and 3).
            stack = unsafe { task.as_ref().next() }.cast_mut();
            // SAFETY: as above.
            unsafe { self.bury(Dead(task)) };
            count += 1;
        }
        count
    }

    /// Aborts every task, and says whether any is not complete yet.
    ///
    /// Runs no user code: an idle task's `Runnable` goes to its home's queue, where its future is
    /// dropped.
    ///
    /// # Safety
    ///
    /// - The caller is the owner, and `Schedule::schedule` of its tasks does not touch this roster.
    pub unsafe fn abort_all(&self) -> bool {
        let mut living = false;
        // SAFETY: by this function's contract.
        unsafe {
            self.each(|task| {
                living |= !task.as_ref().state.is_complete();
                if task.as_ref().state.abort() == Wake::Schedule {
                    (task.as_ref().vtable.schedule)(task);
                }
            });
        }
        living
    }

    /// Handles of all tasks that are not complete: a walk.
    ///
    /// # Safety
    ///
    /// - The caller is the owner.
    pub unsafe fn living(&self) -> Vec<AbortHandle> {
        let mut living = Vec::new();
        // SAFETY: by this function's contract; the list is not changed.
        unsafe {
            self.each(|task| {
                if task.as_ref().state.try_add_ref() {
                    // SAFETY: the reference that was just added passes to the new value.
                    living.push(AbortHandle::new(TaskRef::from_raw(task)));
                }
            });
        }
        living
    }

    /// The number of tasks that are linked and not complete: a walk.
    ///
    /// # Safety
    ///
    /// - The caller is the owner.
    pub unsafe fn count_living(&self) -> usize {
        let mut count = 0;
        // SAFETY: by this function's contract.
        unsafe { self.each(|task| count += usize::from(!task.as_ref().state.is_complete())) };
        count
    }

    /// # Safety
    ///
    /// - The caller is the owner, and `visit` does not change the list.
    unsafe fn each(&self, mut visit: impl FnMut(NonNull<Header>)) {
        // SAFETY: invariant 1.
        let mut at = self.first.with(|first| unsafe { *first });
        while let Some(task) = NonNull::new(at.cast_mut()) {
            // SAFETY: what is linked lives, and its links are the owner's (invariant 2).
            at = unsafe { get_links(task.as_ref()) }.next;
            visit(task);
        }
    }

    /// Lets go of every task: all are complete. From now on the dead free themselves. Says how many
    /// dead were freed here.
    ///
    /// # Safety
    ///
    /// - The caller is the owner, and no linked task is living.
    pub unsafe fn close(&self) -> usize {
        let mut count = 0;
        // Only an empty stack is closed: from then on any linked task may be freed by whoever drops it,
        // so that no neighbour's links may be touched any more (invariant 2). AcqRel pairs with
        // `send_home`, both ways.
        while let Err(stack) = self.dead.compare_exchange(
            ptr::null_mut(),
            closed(),
            Ordering::AcqRel,
            Ordering::Relaxed,
        ) {
            if stack == closed() {
                break;
            }
            // SAFETY: by this function's contract; the stack is not closed yet.
            count += unsafe { self.bury_all() };
        }
        // SAFETY: invariant 1.
        self.first.with_mut(|first| unsafe { *first = ptr::null() });
        count
    }
}

impl Default for Roster {
    fn default() -> Roster {
        Roster::new()
    }
}

/// # Safety
///
/// - The caller owns the roster that this task is in.
unsafe fn get_links(task: &Header) -> Links {
    // SAFETY: by this function's contract.
    task.links.with(|links| unsafe { *links })
}

/// # Safety
///
/// - The caller owns the roster that this task is in.
unsafe fn set_links(task: &Header, change: impl FnOnce(Links) -> Links) {
    // SAFETY: by this function's contract.
    task.links.with_mut(|links| unsafe { *links = change(*links) });
}
