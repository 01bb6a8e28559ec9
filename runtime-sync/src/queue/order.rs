//! Which item comes out first.

use std::cmp::Ordering as Compared;
use std::collections::VecDeque;
use std::fmt;

/// A store of items with an opinion about which comes out first. Sealed: see [`Fifo`], [`Lifo`] and
/// [`Priority`].
pub trait Order: sealed::Sealed {
    /// What is stored.
    type Item;

    /// Whether items are compared, which runs code of the user.
    #[doc(hidden)]
    const COMPARES: bool;

    #[doc(hidden)]
    fn new() -> Self;
    #[doc(hidden)]
    fn count(&self) -> usize;
    #[doc(hidden)]
    fn insert(&mut self, item: Self::Item);
    #[doc(hidden)]
    fn take(&mut self) -> Option<Self::Item>;
    #[doc(hidden)]
    fn drain(&mut self) -> Vec<Self::Item>;
}

mod sealed {
    pub trait Sealed {}
}

/// First in, first out; see [`Queue`](super::Queue).
#[derive(Debug)]
pub struct Fifo<T>(VecDeque<T>);

/// Last in, first out; see [`LifoQueue`](super::LifoQueue).
#[derive(Debug)]
pub struct Lifo<T>(Vec<T>);

/// Smallest first; see [`PriorityQueue`](super::PriorityQueue).
pub struct Priority<T> {
    /// A binary heap. Not std's: that one loses an item if a comparison panics.
    heap: Vec<Numbered<T>>,
    next: u64,
}

/// An item and its place in the order of arrival.
struct Numbered<T> {
    item: T,
    number: u64,
}

impl<T> sealed::Sealed for Fifo<T> {}
impl<T> sealed::Sealed for Lifo<T> {}
impl<T> sealed::Sealed for Priority<T> {}

impl<T> Order for Fifo<T> {
    type Item = T;
    const COMPARES: bool = false;

    fn new() -> Fifo<T> {
        Fifo(VecDeque::new())
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn insert(&mut self, item: T) {
        self.0.push_back(item);
    }

    fn take(&mut self) -> Option<T> {
        self.0.pop_front()
    }

    fn drain(&mut self) -> Vec<T> {
        std::mem::take(&mut self.0).into()
    }
}

impl<T> Order for Lifo<T> {
    type Item = T;
    const COMPARES: bool = false;

    fn new() -> Lifo<T> {
        Lifo(Vec::new())
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn insert(&mut self, item: T) {
        self.0.push(item);
    }

    fn take(&mut self) -> Option<T> {
        self.0.pop()
    }

    fn drain(&mut self) -> Vec<T> {
        std::mem::take(&mut self.0)
    }
}

impl<T: Ord> Order for Priority<T> {
    type Item = T;
    const COMPARES: bool = true;

    fn new() -> Priority<T> {
        Priority { heap: Vec::new(), next: 0 }
    }

    fn count(&self) -> usize {
        self.heap.len()
    }

    fn insert(&mut self, item: T) {
        self.heap.push(Numbered { item, number: self.next });
        self.next += 1;
        rise(&mut self.heap);
    }

    fn take(&mut self) -> Option<T> {
        let last = self.heap.len().checked_sub(1)?;
        self.heap.swap(0, last);
        sink(&mut self.heap[..last]);
        self.heap.pop().map(|numbered| numbered.item)
    }

    fn drain(&mut self) -> Vec<T> {
        std::mem::take(&mut self.heap).into_iter().map(|numbered| numbered.item).collect()
    }
}

/// Brings the last one of a heap to its place.
fn rise<T: Ord>(heap: &mut [Numbered<T>]) {
    let mut at = heap.len() - 1;
    while at > 0 {
        let parent = (at - 1) / 2;
        if !heap[at].comes_before(&heap[parent]) {
            return;
        }
        heap.swap(at, parent);
        at = parent;
    }
}

/// Brings the first one of a heap to its place.
fn sink<T: Ord>(heap: &mut [Numbered<T>]) {
    let mut at = 0;
    loop {
        let mut first = at;
        for child in [2 * at + 1, 2 * at + 2] {
            if child < heap.len() && heap[child].comes_before(&heap[first]) {
                first = child;
            }
        }
        if first == at {
            return;
        }
        heap.swap(at, first);
        at = first;
    }
}

impl<T: Ord> Numbered<T> {
    fn comes_before(&self, other: &Numbered<T>) -> bool {
        match self.item.cmp(&other.item) {
            Compared::Less => true,
            Compared::Equal => self.number < other.number,
            Compared::Greater => false,
        }
    }
}

impl<T> fmt::Debug for Priority<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Priority").field("len", &self.heap.len()).finish_non_exhaustive()
    }
}
