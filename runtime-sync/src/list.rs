//! Intrusive doubly linked list of pinned nodes.
//!
//! The links lie inside of what is linked, so entering and leaving a list allocates nothing and
//! takes constant time. The price is a promise the compiler cannot check.
//!
//! # Invariants
//!
//! 1. A node that is in a list is pinned, and its owner removes it before it is dropped.
//! 2. A node is in one list at most.
//! 3. The links of a node in a list are touched only through `&mut` (to change) or `&` (to read)
//!    of that list; those of a node in no list are touched by nobody but `push_back`.
//!
//! From these follows that each pointer in a list, and in a node that is in a list, is valid.

use std::fmt;
use std::marker::PhantomPinned;
use std::ops::Deref;
use std::pin::Pin;
use std::ptr::NonNull;

use crate::primitives::{UnsafeCell, const_outside_models};

/// A value that can be linked into a [`List`].
///
/// The list hands out the nodes as shared references; what must change in a value while it is
/// linked needs a cell of its own.
///
/// # Examples
///
/// ```
/// use runtime_sync::list::Node;
///
/// let node = Node::new(7);
/// assert_eq!(*node, 7);
/// ```
pub struct Node<T> {
    links: UnsafeCell<Links<T>>,
    value: T,
    /// Others point to this place.
    _pinned: PhantomPinned,
}

struct Links<T> {
    /// The back of the list, if the node is its front.
    previous: Option<NonNull<Node<T>>>,
    next: Option<NonNull<Node<T>>>,
}

impl<T> Node<T> {
    const_outside_models! {
        /// Makes a node that is in no list.
        pub const fn new(value: T) -> Node<T> {
            let links = Links { previous: None, next: None };
            Node { links: UnsafeCell::new(links), value, _pinned: PhantomPinned }
        }
    }
}

impl<T> Deref for Node<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Node<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Node").field(&self.value).finish()
    }
}

/// A first-in-first-out line of pinned [`Node`]s, any of which can leave early.
///
/// The list owns nothing. It is neither `Send` nor `Sync`; whoever puts it behind a lock answers
/// for the nodes being reachable from other threads.
///
/// # Examples
///
/// ```
/// use runtime_sync::list::{List, Node};
/// use std::pin::pin;
///
/// let (first, second) = (pin!(Node::new(1)), pin!(Node::new(2)));
/// let mut list = List::new();
/// // SAFETY: both are pinned, in no list, and removed below.
/// unsafe {
///     list.push_back(first.as_ref());
///     list.push_back(second.as_ref());
///     list.remove(first.as_ref());
/// }
/// // SAFETY: a node that comes out of a list is still alive.
/// assert_eq!(unsafe { **list.pop_front().unwrap().as_ref() }, 2);
/// assert!(list.is_empty());
/// ```
pub struct List<T> {
    /// The way to the back leads over the front, so that an empty list is one word.
    front: Option<NonNull<Node<T>>>,
}

impl<T> List<T> {
    /// Makes an empty list.
    pub const fn new() -> List<T> {
        List { front: None }
    }

    /// Whether no node is in it.
    pub const fn is_empty(&self) -> bool {
        self.front.is_none()
    }

    /// The node that has been in the list for longest. It is valid as long as it is in the list.
    pub const fn front(&self) -> Option<NonNull<Node<T>>> {
        self.front
    }

    /// The node that came last. It is valid as long as it is in the list.
    pub fn back(&self) -> Option<NonNull<Node<T>>> {
        let front = self.front?;
        // SAFETY: it is in this list, so it is valid.
        let front = unsafe { front.as_ref() };
        front.links.with(|links| {
            // SAFETY: invariant 3, `&self` is held.
            unsafe { (*links).previous }
        })
    }

    /// The node behind `node`.
    ///
    /// # Safety
    ///
    /// `node` is in this list.
    pub unsafe fn after(&self, node: NonNull<Node<T>>) -> Option<NonNull<Node<T>>> {
        // SAFETY: the caller says it is in this list, so it is valid.
        let node = unsafe { node.as_ref() };
        node.links.with(|links| {
            // SAFETY: invariant 3, `&self` is held.
            unsafe { (*links).next }
        })
    }

    /// Links a node in behind all others.
    ///
    /// # Safety
    ///
    /// - `node` is in no list.
    /// - It comes out of this list, by `remove` or `pop_front`, before it is dropped.
    pub unsafe fn push_back(&mut self, node: Pin<&Node<T>>) {
        let this = NonNull::from(node.get_ref());
        let back = self.back();
        node.links.with_mut(|links| {
            // SAFETY: invariant 3, the node is in no list.
            unsafe { *links = Links { previous: back.or(Some(this)), next: None } };
        });
        match (self.front, back) {
            (Some(front), Some(back)) => {
                // SAFETY: `back` is in this list.
                unsafe { self.change(back, |links| links.next = Some(this)) };
                // SAFETY: `front` is in this list.
                unsafe { self.change(front, |links| links.previous = Some(this)) };
            }
            _ => self.front = Some(this),
        }
    }

    /// Takes out the node that has been in the list for longest.
    ///
    /// The pointer is valid until its owner learns that the node is out.
    pub fn pop_front(&mut self) -> Option<NonNull<Node<T>>> {
        let front = self.front?;
        // SAFETY: it is in this list.
        unsafe { self.unlink(front) };
        Some(front)
    }

    /// Takes out a node, wherever it is in the list.
    ///
    /// # Safety
    ///
    /// `node` is in this list.
    pub unsafe fn remove(&mut self, node: Pin<&Node<T>>) {
        // SAFETY: passed on to the caller.
        unsafe { self.unlink(NonNull::from(node.get_ref())) };
    }

    /// # Safety
    ///
    /// `node` is in this list.
    pub(crate) unsafe fn unlink(&mut self, node: NonNull<Node<T>>) {
        let mut previous = None;
        let mut next = None;
        let take = |links: &mut Links<T>| {
            previous = links.previous.take();
            next = links.next.take();
        };
        // SAFETY: passed on to the caller.
        unsafe { self.change(node, take) };
        let is_front = self.front == Some(node);
        if is_front {
            self.front = next;
        } else if let Some(previous) = previous {
            // SAFETY: the neighbour of a node in this list is in this list.
            unsafe { self.change(previous, |links| links.next = next) };
        }
        // Who follows, or else the front, has had the node before it; alone, the node had itself.
        if let Some(behind) = next.or(self.front) {
            // SAFETY: as above.
            unsafe { self.change(behind, |links| links.previous = previous) };
        }
    }

    /// # Safety
    ///
    /// `node` is in this list.
    unsafe fn change(&mut self, node: NonNull<Node<T>>, change: impl FnOnce(&mut Links<T>)) {
        // SAFETY: invariant 1, a node in a list is alive.
        let node = unsafe { node.as_ref() };
        node.links.with_mut(|links| {
            // SAFETY: invariant 3, `&mut self` is held.
            change(unsafe { &mut *links });
        });
    }
}

impl<T> Default for List<T> {
    fn default() -> List<T> {
        List::new()
    }
}

impl<T> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List").field("is_empty", &self.is_empty()).finish_non_exhaustive()
    }
}
