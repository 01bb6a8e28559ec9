//! `JoinLine`: of many tasks that one joins, those that have finished, in the order in which they did.
//!
//! A task whose join waker's place names a line puts itself there when it completes: one push onto a
//! stack, for which the task brings the link along. Whoever joins takes the whole stack at once, and
//! is woken only by the first task on an empty one.
//!
//! # Invariants
//!
//! 1. The stack, and the chain that was taken from it, hold complete tasks, each with a reference of
//!    its own. A task is there at most once: its place names a line at most once.
//! 2. The link of such a task lies in its join waker's place, which nobody else touches any more: it is
//!    the pusher's before the push, the chain's owner's after the taking.

use super::cell::Header;
use super::id::Id;
use super::join::JoinHandle;
use super::raw::TaskRef;
use crate::unwind::contain;
use runtime_sync::primitives::Arc;
use runtime_sync::primitives::atomic::{AtomicPtr, Ordering};
use runtime_sync::waker_slot::WakerSlot;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::task::{Poll, Waker};

/// Who is told that a task has finished.
pub(super) enum Joiner {
    Waker(Waker),
    Line(Arc<Finished>),
}

/// What a line shares with the tasks that will come to it.
pub(super) struct Finished {
    /// The last one first.
    stack: AtomicPtr<Header>,
    /// Who joins them.
    waiter: WakerSlot,
}

/// Those that have finished, of the tasks that [entered](JoinLine::enter).
pub struct JoinLine {
    /// Taken from the stack, the first to finish first.
    chain: Option<TaskRef>,
    finished: Arc<Finished>,
}

impl Finished {
    /// Puts a complete task onto the stack, and wakes whoever may wait for the first.
    pub(super) fn push(&self, task: TaskRef) {
        let task = ManuallyDrop::new(task);
        let mut top = self.stack.load(Ordering::Relaxed);
        loop {
            // SAFETY: the caller has emptied the task's place, or the task never had a joiner; and it
            // comes here once (invariants 1 and 2).
            unsafe { task.header().set_next(top) };
            // Release pairs with the swap in `take`: the link, and all that the task did, are seen.
            match self.stack.compare_exchange_weak(
                top,
                task.as_ptr().as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(other) => top = other,
            }
        }
        // Whoever came first wakes: who waits has found the stack empty after it registered.
        if top.is_null() {
            contain(|| self.waiter.wake());
        }
    }

    /// Takes all, the first to finish first.
    fn take(&self) -> Option<TaskRef> {
        // Acquire pairs with `push`.
        let mut rest = self.stack.swap(ptr::null_mut(), Ordering::Acquire);
        let mut first = ptr::null_mut();
        while let Some(task) = NonNull::new(rest) {
            // SAFETY: invariants 1 and 2: the whole stack is ours now.
            unsafe {
                rest = task.as_ref().next().cast_mut();
                task.as_ref().set_next(first);
            }
            first = task.as_ptr();
        }
        // SAFETY: the reference that was pushed passes on.
        NonNull::new(first).map(|first| unsafe { TaskRef::from_raw(first) })
    }
}

impl Drop for Finished {
    fn drop(&mut self) {
        // Those that completed after the line was gone.
        drop_all(self.take());
    }
}

impl JoinLine {
    /// A line that no task has entered.
    pub fn new() -> JoinLine {
        let finished =
            Finished { stack: AtomicPtr::new(ptr::null_mut()), waiter: WakerSlot::new() };
        JoinLine { chain: None, finished: Arc::new(finished) }
    }

    /// A task will come here when it finishes. Its handle is not to be awaited any more.
    pub fn enter<T>(&mut self, handle: &mut JoinHandle<T>) {
        let joiner = Joiner::Line(self.finished.clone());
        if handle.set_joiner(|_| joiner).is_ready() {
            self.finished.push(handle.task().clone());
        }
    }

    /// The next task that has finished. Its handle, if there still is one, has the output.
    pub fn pop(&mut self) -> Option<Id> {
        let first = match self.chain.take() {
            Some(first) => first,
            None => self.finished.take()?,
        };
        self.chain = rest_after(&first);
        Some(first.id())
    }

    /// As [`pop`](JoinLine::pop); `Pending`: `waker` is called when there is one.
    pub fn poll_pop(&mut self, waker: &Waker) -> Poll<Id> {
        if let Some(task) = self.pop() {
            return Poll::Ready(task);
        }
        self.finished.waiter.register(waker);
        // Who came first since the look before may not have found the waker.
        match self.pop() {
            Some(task) => Poll::Ready(task),
            None => Poll::Pending,
        }
    }

    /// Lets go of those that have finished.
    pub fn clear(&mut self) {
        drop_all(self.chain.take());
        drop_all(self.finished.take());
    }
}

/// What comes after a task in its chain, of which it was just taken out.
fn rest_after(task: &TaskRef) -> Option<TaskRef> {
    // SAFETY: invariant 2; the owner of the chain's first task owns the chain.
    let next = NonNull::new(unsafe { task.header().next() }.cast_mut())?;
    // SAFETY: invariant 1: the reference that was pushed passes on.
    Some(unsafe { TaskRef::from_raw(next) })
}

/// One after the other: a chain may be long.
fn drop_all(mut chain: Option<TaskRef>) {
    while let Some(task) = chain {
        chain = rest_after(&task);
    }
}

impl Drop for JoinLine {
    fn drop(&mut self) {
        // What is on the stack goes when no task can come to it any more.
        drop_all(self.chain.take());
        self.finished.waiter.let_go();
    }
}

impl Default for JoinLine {
    fn default() -> JoinLine {
        JoinLine::new()
    }
}
