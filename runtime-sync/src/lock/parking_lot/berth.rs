//! Places in line that can be moved from one lot to another while their tasks sleep.
//!
//! ```text
//!            enter                     unparked
//!   OUTSIDE ───────▶ PARKED ───────────────────────▶ CHOSEN or RELEASED
//!      ▲              │  ▲ │                              │
//!      │              │  └─┘ moved to another lot         │
//!      └─── leave ────┴────────── poll_left, leave ───────┘
//! ```
//!
//! A berth knows its lot, its *home*, and keeps it alive. Others may change the home under the locks
//! of both lots. So its owner reads the home, locks that lot, and looks whether it is still there.
//! Locks are taken in this order: lots, then the home of a berth.
//!
//! A crowd is woken in batches, and the lock of the lot given back in between. So all who are meant are
//! *called* first, in one go, and taken out then: those who are called and still in line stand in front of
//! those who are not, and are neither called again nor moved.
//!
//! # Invariants
//!
//! 1. A node is in the list of its home exactly while its state is `PARKED`. Both change only under
//!    the lock of that lot, and if it is moved, under the lock of the other one as well.
//! 2. What a node holds (waker, call) is touched only under the lock of its home while it is
//!    `PARKED`, and only by its owner otherwise.
//! 3. Setting the state to `CHOSEN` or `RELEASED` is the last thing that is done to a node from
//!    outside: its owner may free it at that very moment.
//! 4. A node is taken out of the line before it is dropped.
//! 5. Under a lock no waker is cloned, woken or dropped.

use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Poll, Waker};

use crate::list::{List, Node};
use crate::panics::LetGo;
use crate::primitives::atomic::{AtomicU32, AtomicUsize, Ordering, fence};
use crate::primitives::{Mutex, MutexGuard, UnsafeCell};
use crate::wake_batch::WakeBatch;

/// Not in line.
const OUTSIDE: u32 = 0;
/// In line. Left only under the lock of the home.
const PARKED: u32 = 1;
/// Unparked as one among several; its owner does not know yet.
const CHOSEN: u32 = 2;
/// Unparked together with all others; its owner does not know yet.
const RELEASED: u32 = 3;

/// How somebody is taken out of the line by others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// As one among several: if it is gone, another one is to be woken.
    Chosen = CHOSEN as isize,
    /// With all others.
    Released = RELEASED as isize,
}

/// A line of berths.
pub(super) struct Lot {
    /// How many are in line. Written under the lock, read without.
    parked: AtomicUsize,
    queue: Mutex<Queue>,
}

struct Queue {
    nodes: List<Spot>,
    len: usize,
}

/// A place in line, inside of the future that sleeps.
pub(super) struct Berth {
    node: Node<Spot>,
}

struct Spot {
    state: AtomicU32,
    /// The lot in whose line it is, or was when it was taken out.
    home: Mutex<Option<Arc<Lot>>>,
    held: UnsafeCell<Held>,
}

struct Held {
    waker: Option<Waker>,
    /// How it is going to be taken out, by whoever unparks.
    called: Option<Left>,
}

// SAFETY: what is reachable through the pointers in the queue is touched by one thread at a time
// (invariant 2), and a `Waker` is `Send`.
unsafe impl Send for Lot {}
// SAFETY: as above.
unsafe impl Sync for Lot {}
// SAFETY: its pointers lead to other berths, whose wakers are `Send`, under a lock only.
unsafe impl Send for Berth {}
// SAFETY: a shared reference gives no access but to the state and, under the lock, to the waker.
unsafe impl Sync for Berth {}

impl Lot {
    pub(super) fn new() -> Lot {
        let queue = Queue { nodes: List::new(), len: 0 };
        Lot { parked: AtomicUsize::new(0), queue: Mutex::new(queue) }
    }

    pub(super) fn len(&self) -> usize {
        self.parked.load(Ordering::Relaxed)
    }

    /// Wakes up to `count` from the front, of those who are there already.
    pub(super) fn unpark(&self, count: usize, left: Left) -> usize {
        // Pairs with the fences in `enter` and `repark`: either they see what this thread did
        // before, or it sees them.
        fence(Ordering::SeqCst);
        if self.len() == 0 {
            return 0;
        }
        let mut batch = WakeBatch::new();
        let mut queue = self.queue.lock();
        let called = queue.call(count, left);
        loop {
            let ended = queue.take_called(&mut batch);
            self.publish(&queue);
            drop(queue);
            // The batches to come shall be woken even if a waker in this one panics.
            batch.wake_and_keep_panic();
            if ended {
                break;
            }
            queue = self.queue.lock();
        }
        batch.wake_all();
        called
    }

    /// Moves up to `count` from the front of one line to the end of another.
    pub(super) fn repark(from: &Arc<Lot>, count: usize, to: &Arc<Lot>) -> usize {
        if Arc::ptr_eq(from, to) {
            return 0;
        }
        let [mut source, mut target] = Lot::lock_both(from, to);
        let mut moved = 0;
        let mut at = source.first_uncalled();
        while moved < count
            && let Some(node) = at
        {
            // SAFETY: it is in the line.
            at = unsafe { source.nodes.after(node) };
            // SAFETY: as above.
            unsafe { source.nodes.unlink(node) };
            source.len -= 1;
            // SAFETY: it was in a line, so it is alive, and stays so under both locks.
            let spot = unsafe { node.as_ref() };
            // The caller has a share of what is let go here, so that it is not the last one.
            *spot.home.lock() = Some(Arc::clone(to));
            // SAFETY: its home is `to`, whose lock is held.
            let node = unsafe { Pin::new_unchecked(spot) };
            // SAFETY: it is in no list any more, pinned as it was before, and by invariant 4 it
            // is taken out before it is dropped.
            unsafe { target.push(node, None) };
            moved += 1;
        }
        from.publish(&source);
        to.publish(&target);
        drop((source, target));
        // Pairs with the fence in `unpark`.
        fence(Ordering::SeqCst);
        moved
    }

    /// Locks two lots. Whoever finds the second one taken gives the first one back and begins with
    /// the other, so that two who come crosswise do not wait for each other.
    fn lock_both<'a>(one: &'a Lot, two: &'a Lot) -> [MutexGuard<'a, Queue>; 2] {
        loop {
            let first = one.queue.lock();
            if let Some(second) = two.queue.try_lock() {
                return [first, second];
            }
            drop(first);
            let second = two.queue.lock();
            if let Some(first) = one.queue.try_lock() {
                return [first, second];
            }
        }
    }

    /// Shows how long the line is, under its lock.
    fn publish(&self, queue: &Queue) {
        self.parked.store(queue.len, Ordering::Relaxed);
    }
}

impl Queue {
    /// Links a node in, with a waker if it comes from outside.
    ///
    /// # Safety
    ///
    /// - The node is in no list, its home is this one's lot, and nobody else touches what it holds.
    /// - It is taken out before it is dropped.
    unsafe fn push(&mut self, node: Pin<&Node<Spot>>, waker: Option<Waker>) {
        if waker.is_some() {
            node.held.with_mut(|held| {
                // SAFETY: the caller says that nobody else touches it. What is overwritten holds no waker,
                // as the node comes from outside.
                unsafe { *held = Held { waker, called: None } };
            });
        }
        // SAFETY: passed on to the caller.
        unsafe { self.nodes.push_back(node) };
        self.len += 1;
    }

    /// The first of those who are not called.
    fn first_uncalled(&self) -> Option<NonNull<Node<Spot>>> {
        let mut at = self.nodes.front();
        while let Some(node) = at
            // SAFETY: it is in the line, and the lock is held.
            && unsafe { Spot::called(node) }.is_some()
        {
            // SAFETY: it is in the line.
            at = unsafe { self.nodes.after(node) };
        }
        at
    }

    /// Calls up to `count`, and returns how many.
    fn call(&mut self, count: usize, left: Left) -> usize {
        let mut called = 0;
        let mut at = self.first_uncalled();
        while called < count
            && let Some(node) = at
        {
            // SAFETY: what is in the line is alive.
            unsafe { node.as_ref() }.held.with_mut(|held| {
                // SAFETY: invariant 2, the lock is held.
                unsafe { (*held).called = Some(left) }
            });
            called += 1;
            // SAFETY: it is in the line.
            at = unsafe { self.nodes.after(node) };
        }
        called
    }

    /// Takes out those who are called, as long as there is room for their wakers. True: that was all.
    fn take_called(&mut self, batch: &mut WakeBatch) -> bool {
        while !batch.is_full() {
            let Some(node) = self.nodes.front() else { return true };
            // SAFETY: it is in the line, and the lock is held.
            let Some(left) = (unsafe { Spot::called(node) }) else { return true };
            // SAFETY: as above.
            if let Some(waker) = unsafe { self.take_out(node, left) } {
                batch.push(waker);
            }
        }
        false
    }

    /// Takes a node out of the line and publishes what became of it.
    ///
    /// # Safety
    ///
    /// `node` is in this line.
    unsafe fn take_out(&mut self, node: NonNull<Node<Spot>>, left: Left) -> Option<Waker> {
        // SAFETY: passed on to the caller.
        unsafe { self.nodes.unlink(node) };
        self.len -= 1;
        // SAFETY: its owner cannot know yet that it is out, so it is alive.
        let spot = unsafe { node.as_ref() };
        let waker = spot.held.with_mut(|held| {
            // SAFETY: invariant 2, the lock is held and the state is still `PARKED`.
            unsafe { (*held).waker.take() }
        });
        // Pairs with the load in `settled`: the owner sees what this thread did before. The last
        // access: invariant 3.
        spot.state.store(left as u32, Ordering::Release);
        waker
    }
}

impl Spot {
    /// # Safety
    ///
    /// `node` is in a line whose lock is held.
    unsafe fn called(node: NonNull<Node<Spot>>) -> Option<Left> {
        // SAFETY: what is in a line is alive.
        let spot = unsafe { node.as_ref() };
        spot.held.with(|held| {
            // SAFETY: invariant 2, the lock is held.
            unsafe { (*held).called }
        })
    }

    /// Whether it is not in line, so that it belongs to its owner.
    fn settled(&self) -> bool {
        // Pairs with the store in `Queue::take_out`.
        self.state.load(Ordering::Acquire) != PARKED
    }
}

impl Berth {
    pub(super) fn new() -> Berth {
        let spot = Spot {
            state: AtomicU32::new(OUTSIDE),
            home: Mutex::new(None),
            held: UnsafeCell::new(Held { waker: None, called: None }),
        };
        Berth { node: Node::new(spot) }
    }

    /// Enters the line of `lot`, from outside. What the caller looks at afterwards is either seen,
    /// or whoever changes it and then unparks finds this berth.
    pub(super) fn enter(self: Pin<&Self>, lot: &Arc<Lot>, waker: Waker) {
        debug_assert_eq!(self.node.state.load(Ordering::Relaxed), OUTSIDE);
        *self.node.home.lock() = Some(Arc::clone(lot));
        let mut queue = lot.queue.lock();
        self.node.state.store(PARKED, Ordering::Relaxed);
        // SAFETY: it was outside, so it is in no list and belongs to this owner, and `Drop` takes
        // it out (invariant 4).
        unsafe { queue.push(self.node(), Some(waker)) };
        lot.publish(&queue);
        drop(queue);
        // Pairs with the fence in `Lot::unpark`.
        fence(Ordering::SeqCst);
    }

    /// Ready once it was unparked; leaves the waker otherwise.
    pub(super) fn poll_left(self: Pin<&Self>, waker: &Waker) -> Poll<()> {
        let present = self.at_home(|_, _, held| {
            // The comparison calls nobody.
            held.waker.as_ref().is_some_and(|present| present.will_wake(waker))
        });
        match present {
            Some(true) => return Poll::Pending,
            Some(false) => {
                // Foreign code, without a lock.
                let fresh = waker.clone();
                let stale = self.at_home(|_, _, held| held.waker.replace(fresh));
                if let Some(stale) = stale {
                    drop(stale);
                    return Poll::Pending;
                }
            }
            None => {}
        }
        self.node.state.store(OUTSIDE, Ordering::Relaxed);
        drop(self.node.home.lock().take());
        Poll::Ready(())
    }

    /// Leaves the line, and hands on a wake that it may have been given.
    pub(super) fn leave(self: Pin<&Self>) {
        if self.node.state.load(Ordering::Relaxed) == OUTSIDE {
            return;
        }
        let left = self.at_home(|lot, queue, held| {
            // SAFETY: invariant 1, it is in this line.
            unsafe { queue.nodes.remove(self.node()) };
            queue.len -= 1;
            self.node.state.store(OUTSIDE, Ordering::Relaxed);
            lot.publish(queue);
            (held.waker.take(), held.called == Some(Left::Chosen))
        });
        let (waker, chosen) =
            left.unwrap_or((None, self.node.state.load(Ordering::Relaxed) == CHOSEN));
        self.node.state.store(OUTSIDE, Ordering::Relaxed);
        let home = self.node.home.lock().take();
        // After the wake is handed on, or if that panics.
        let _waker = LetGo(waker);
        if let Some(lot) = home
            && chosen
        {
            lot.unpark(1, Left::Chosen);
        }
    }

    /// Calls `f` with its home under its lock. `None` if it is out of the line.
    fn at_home<R>(self: Pin<&Self>, f: impl FnOnce(&Lot, &mut Queue, &mut Held) -> R) -> Option<R> {
        loop {
            if self.node.settled() {
                return None;
            }
            let home = self.node.home.lock().clone()?;
            let mut queue = home.queue.lock();
            if self.node.settled() {
                return None;
            }
            // It may have been moved before this thread got the lock; from here on it cannot be.
            let still = self.node.home.lock().as_ref().is_some_and(|now| Arc::ptr_eq(now, &home));
            if still {
                return Some(self.node.held.with_mut(|held| {
                    // SAFETY: invariant 2, the lock of its home is held.
                    f(&home, &mut queue, unsafe { &mut *held })
                }));
            }
        }
    }

    /// The node with the pin still around it.
    fn node(self: Pin<&Self>) -> Pin<&Node<Spot>> {
        // SAFETY: the node is pinned with the berth: nothing moves it out, and `Drop` takes it out
        // of the line.
        unsafe { self.map_unchecked(|berth| &berth.node) }
    }
}

impl Drop for Berth {
    fn drop(&mut self) {
        // SAFETY: a value that is dropped is not moved any more, and if it was ever in line, it
        // was pinned then.
        let this = unsafe { Pin::new_unchecked(&*self) };
        this.leave();
    }
}
