//! One timer, pinned inside its owner, and the list that strings timers up.
//!
//! # Invariants
//!
//! 1. **Armed is linked.** An entry whose state is ARMED is in exactly one list of exactly one
//!    wheel, is pinned, and stays alive until it is no longer ARMED. There is one [`Node`] for it,
//!    or its place in a [`List`]: that is the wheel's right to touch it.
//! 2. **Links and slot** are touched by the holder of the wheel's lock while ARMED, and by the owner
//!    otherwise. They are written under the lock, before ARMED is seen by anyone else.
//! 3. **The deadline** is written by the owner alone (under the lock while ARMED), so the owner may
//!    read it at any time, and the wheel while ARMED.
//! 4. **The waker** is there while ARMED; whoever ends that copies it out and has it then. It is written
//!    as the deadline is, and so may be read by the same two.
//! 5. **The state** goes from IDLE to ARMED and from anything to IDLE by the owner, and from ARMED
//!    to FIRED or CLOSED by the wheel, which is its last access to the entry.
//! 6. The owner calls one method of an entry at a time: they take a pinned reference only because
//!    the wheel holds pointers to the same memory.

use std::fmt;
use std::marker::{PhantomData, PhantomPinned};
use std::mem::{self, MaybeUninit};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::Waker;
use std::time::Instant;

use runtime_sync::primitives::UnsafeCell;
use runtime_sync::primitives::atomic::{
    AtomicU8,
    Ordering::{Acquire, Relaxed, Release},
};

use crate::clock::{NEVER, Nanos};

/// A timer that can be put into a wheel: 48 bytes on machines of 64 bits.
pub struct Entry {
    deadline: UnsafeCell<Nanos>,
    links: UnsafeCell<Links>,
    waker: UnsafeCell<MaybeUninit<Waker>>,
    slot: UnsafeCell<u16>,
    state: AtomicU8,
    /// A byte for the owner, here because there is room for it and not in the owner.
    mark: AtomicU8,
    _pinned: PhantomPinned,
}

/// The owner has no use for what it keeps here while the entry is ARMED, and nobody for links otherwise.
union Links {
    list: Neighbours,
    kept: Instant,
}

#[derive(Clone, Copy)]
struct Neighbours {
    prev: Option<NonNull<Entry>>,
    next: Option<NonNull<Entry>>,
}

/// Where an [`Entry`] is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// In no wheel.
    Idle,
    /// In a wheel, with a waker.
    Armed,
    /// The deadline has come.
    Fired,
    /// The wheel was closed before the deadline came.
    Closed,
}

impl State {
    const fn of(byte: u8) -> State {
        match byte {
            0 => State::Idle,
            1 => State::Armed,
            2 => State::Fired,
            _ => State::Closed,
        }
    }
}

// SAFETY: invariants 2 to 6 say who touches which field when; the waker may be sent and shared.
unsafe impl Send for Entry {}
// SAFETY: as above; through a shared reference alone only the two atomics can be read.
unsafe impl Sync for Entry {}

impl Entry {
    /// An entry in no wheel, with the given deadline, to be read by its owner, and mark.
    #[inline]
    pub fn new(deadline: Nanos, mark: u8) -> Entry {
        Entry::with(deadline, Links { list: Neighbours { prev: None, next: None } }, mark)
    }

    /// An entry in no wheel, without a deadline, that [keeps](Entry::kept) a moment for its owner.
    #[inline]
    pub fn keeping(moment: Instant, mark: u8) -> Entry {
        Entry::with(NEVER, Links { kept: moment }, mark)
    }

    #[inline]
    fn with(deadline: Nanos, links: Links, mark: u8) -> Entry {
        Entry {
            deadline: UnsafeCell::new(deadline),
            links: UnsafeCell::new(links),
            waker: UnsafeCell::new(MaybeUninit::uninit()),
            slot: UnsafeCell::new(0),
            state: AtomicU8::new(State::Idle as u8),
            mark: AtomicU8::new(mark),
            _pinned: PhantomPinned,
        }
    }

    /// Keeps a moment for the owner until the entry is armed.
    ///
    /// # Safety
    ///
    /// The caller is the owner, and the entry is not ARMED.
    pub unsafe fn keep(&self, moment: Instant) {
        // SAFETY: invariant 2.
        self.links.with_mut(|links| unsafe { (*links).kept = moment });
    }

    /// The moment that is kept.
    ///
    /// # Safety
    ///
    /// The caller is the owner, and the entry was never armed since it was given that moment.
    pub unsafe fn kept(&self) -> Instant {
        // SAFETY: invariant 2, and the caller says which of the two it is.
        self.links.with(|links| unsafe { (*links).kept })
    }

    /// The state. Anything but [`Armed`](State::Armed) is final until the owner changes it.
    #[inline]
    pub fn state(&self) -> State {
        // Pairs with the store in `Node::finish`: whoever sees FIRED sees what happened before, and
        // may reuse the memory, because the wheel does not come back.
        State::of(self.state.load(Acquire))
    }

    /// The owner's byte.
    #[inline]
    pub fn mark(&self) -> u8 {
        self.mark.load(Relaxed)
    }

    /// Sets the owner's byte.
    #[inline]
    pub fn set_mark(&self, mark: u8) {
        self.mark.store(mark, Relaxed);
    }

    /// The state, set by the owner of an entry that is not ARMED.
    pub fn settle(&self, state: State) {
        debug_assert_ne!(self.state(), State::Armed);
        debug_assert_ne!(state, State::Armed);
        // Relaxed: nobody else looks at an entry that is not ARMED; `Node::arm` publishes it.
        self.state.store(state as u8, Relaxed);
    }

    /// The deadline given last.
    ///
    /// # Safety
    ///
    /// The caller is the owner.
    pub unsafe fn deadline(&self) -> Nanos {
        // SAFETY: invariant 3: only the caller writes it.
        self.deadline.with(|at| unsafe { *at })
    }

    /// Whether a wake of `waker` would be the same as a wake of the one that the entry was given last.
    ///
    /// # Safety
    ///
    /// The caller is the owner, and has found the entry ARMED since it has armed it.
    #[inline]
    pub(super) unsafe fn will_wake(&self, waker: &Waker) -> bool {
        // SAFETY: invariant 4: only the caller writes it. If it was taken out just now, its bytes are
        // still those of a waker, which is only compared.
        self.waker.with(|held| unsafe { (*held).assume_init_ref() }.will_wake(waker))
    }

    /// What the holder of the wheel's lock needs to find and unlink this entry.
    ///
    /// # Safety
    ///
    /// The caller holds the lock of the wheel in which the entry is linked, and gives the result
    /// to a list of that wheel alone.
    pub(super) unsafe fn linked(self: Pin<&Entry>) -> Linked<'_> {
        Linked { entry: NonNull::from(self.get_ref()), _entry: PhantomData }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("state", &self.state()).finish_non_exhaustive()
    }
}

/// Proof that an entry is linked in the wheel whose lock is held.
pub(super) struct Linked<'a> {
    entry: NonNull<Entry>,
    _entry: PhantomData<&'a Entry>,
}

impl Linked<'_> {
    /// The list that holds the entry.
    pub(super) fn slot(&self) -> usize {
        // SAFETY: the maker of `Linked` holds the lock; invariant 2.
        unsafe { self.entry.as_ref() }.slot.with(|slot| usize::from(unsafe { *slot }))
    }

    /// Puts `waker` in the place of the one that the entry holds.
    pub(super) fn replace_waker(&self, waker: Waker) -> Waker {
        // SAFETY: the maker of `Linked` holds the lock; invariant 1.
        let entry = unsafe { self.entry.as_ref() };
        // SAFETY: ARMED, so that there is one, and the owner asked for it with the lock held, so that
        // nobody else reads it (invariant 4).
        entry.waker.with_mut(|held| mem::replace(unsafe { (*held).assume_init_mut() }, waker))
    }
}

/// The wheel's right to touch an entry that is armed and, at the moment, in no list.
///
/// A node goes back into a list, or is used up by [`finish`](Node::finish).
#[must_use]
pub(super) struct Node(NonNull<Entry>);

// SAFETY: a node is a right that the holder of the wheel's lock has, whichever thread that is.
unsafe impl Send for Node {}

impl Node {
    /// Makes an entry that is not ARMED the wheel's.
    ///
    /// # Safety
    ///
    /// The caller is the owner and holds the lock of the wheel, into which it puts the node before
    /// it unlocks; it keeps the entry alive until the entry is no longer ARMED, and asks no other
    /// wheel to remove it.
    pub(super) unsafe fn arm(entry: Pin<&Entry>, deadline: Nanos, waker: Waker) -> Node {
        debug_assert_ne!(entry.state(), State::Armed);
        // SAFETY: not ARMED, so the owner may write (invariant 3).
        entry.deadline.with_mut(|at| unsafe { *at = deadline });
        // SAFETY: not ARMED, so the owner may write (invariant 4), and no waker is there.
        entry.waker.with_mut(|place| _ = unsafe { (*place).write(waker) });
        // Relaxed: the wheel finds the entry through its lock.
        entry.state.store(State::Armed as u8, Relaxed);
        Node(NonNull::from(entry.get_ref()))
    }

    fn entry(&self) -> &Entry {
        // SAFETY: a node exists only while the entry is ARMED, hence alive (invariant 1).
        unsafe { self.0.as_ref() }
    }

    /// When the entry wants to fire.
    pub(super) fn deadline(&self) -> Nanos {
        // SAFETY: ARMED, and the caller has the wheel (invariant 3).
        self.entry().deadline.with(|at| unsafe { *at })
    }

    /// Gives the entry another deadline, in the name of its owner.
    pub(super) fn set_deadline(&mut self, deadline: Nanos) {
        // SAFETY: the caller has the wheel, and the owner asked for it (invariant 3).
        self.entry().deadline.with_mut(|at| unsafe { *at = deadline });
    }

    /// Gives the entry back to its owner, and its waker to the caller.
    pub(super) fn finish(self, state: State) -> Waker {
        debug_assert_ne!(state, State::Armed);
        let entry = self.entry();
        // SAFETY: still ARMED, and the caller has the wheel and ends that: it has the waker now, and
        // nobody else takes it (invariant 4).
        let waker = entry.waker.with(|held| unsafe { (*held).assume_init_read() });
        // Pairs with the load in `Entry::state`. The last access: the owner may free it from now on.
        entry.state.store(state as u8, Release);
        waker
    }
}

/// A queue of armed entries, linked in both directions.
pub(super) struct List {
    head: Option<NonNull<Entry>>,
    tail: Option<NonNull<Entry>>,
}

// SAFETY: as for `Node`: the list belongs to the wheel, and the wheel to the holder of its lock.
unsafe impl Send for List {}

/// The links of an entry in a list.
///
/// # Safety
///
/// `entry` is in a list of a wheel that the caller has, so that it is alive (invariant 1) and its
/// links are the caller's (invariant 2).
unsafe fn links<R>(entry: NonNull<Entry>, f: impl FnOnce(&mut Neighbours) -> R) -> R {
    // SAFETY: alive, by the promise of the caller.
    let entry = unsafe { entry.as_ref() };
    // SAFETY: the caller's, and no closure in this file reaches the same links again.
    entry.links.with_mut(|links| f(unsafe { &mut (*links).list }))
}

impl List {
    pub(super) const fn new() -> List {
        List { head: None, tail: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    /// Takes all entries, in order.
    pub(super) fn take(&mut self) -> List {
        std::mem::replace(self, List::new())
    }

    /// Appends `node`, and notes in it that it is in the list number `slot`.
    pub(super) fn push_back(&mut self, node: Node, slot: usize) {
        let new = node.0;
        let list = Neighbours { prev: self.tail, next: None };
        // SAFETY: a node is alive and the caller's, and so are the entries of this list.
        node.entry().links.with_mut(|links| unsafe { (*links).list = list });
        // SAFETY: as above.
        node.entry().slot.with_mut(|at| unsafe { *at = slot as u16 });
        match self.tail.replace(new) {
            // SAFETY: as above.
            Some(old) => unsafe { links(old, |links| links.next = Some(new)) },
            None => self.head = Some(new),
        }
    }

    /// Takes the first entry.
    pub(super) fn pop_front(&mut self) -> Option<Node> {
        let first = self.head?;
        // SAFETY: the first entry of this list is in this list.
        Some(unsafe { self.cut(first) })
    }

    /// Takes the entry that `linked` stands for, which is in this list.
    pub(super) fn unlink(&mut self, linked: Linked<'_>) -> Node {
        // SAFETY: `Linked` promises the right wheel, and `Linked::slot` names the list.
        unsafe { self.cut(linked.entry) }
    }

    /// # Safety
    ///
    /// `entry` is in this list.
    unsafe fn cut(&mut self, entry: NonNull<Entry>) -> Node {
        // SAFETY: in this list, as are its neighbours.
        let (prev, next) = unsafe { links(entry, |links| (links.prev.take(), links.next.take())) };
        match prev {
            // SAFETY: as above.
            Some(prev) => unsafe { links(prev, |links| links.next = next) },
            None => self.head = next,
        }
        match next {
            // SAFETY: as above.
            Some(next) => unsafe { links(next, |links| links.prev = prev) },
            None => self.tail = prev,
        }
        Node(entry)
    }

    /// The earliest deadline, if the list has at most `limit` entries and at least one.
    pub(super) fn earliest(&self, limit: usize) -> Option<Nanos> {
        let mut earliest = None;
        let mut at = self.head;
        for _ in 0..limit {
            let Some(entry) = at else { return earliest };
            // SAFETY: an entry of this list is alive (invariant 1), its deadline may be read
            // (invariant 3).
            let deadline = unsafe { entry.as_ref() }.deadline.with(|at| unsafe { *at });
            earliest = Some(earliest.map_or(deadline, |earliest: Nanos| earliest.min(deadline)));
            // SAFETY: as above.
            at = unsafe { links(entry, |links| links.next) };
        }
        if at.is_none() { earliest } else { None }
    }
}
