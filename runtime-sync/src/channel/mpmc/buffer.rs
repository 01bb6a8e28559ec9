//! What a buffer of a channel can do, however it is made.

use crate::panics::Panics;

/// Where values lie between a sender and a receiver. No call waits for another thread to do
/// anything that takes long, and none drops a value.
pub trait Buffer {
    /// What lies in it.
    type Item;

    /// Puts the value in, if there is room.
    fn push(&self, value: &mut Option<Self::Item>) -> Push;

    /// Takes the oldest value out.
    fn pop(&self) -> Pop<Self::Item>;

    /// Lets no more values in. Returns whether it did so far.
    fn close(&self) -> bool;

    /// Whether it lets no values in any more.
    fn is_closed(&self) -> bool;

    /// How many values are in it, or are being put in or taken out at this moment.
    fn len(&self) -> usize;

    /// How many may be in it; `None` if there is no limit.
    fn capacity(&self) -> Option<usize>;

    /// Whether nothing is in it.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room.
    fn is_full(&self) -> bool {
        self.capacity().is_some_and(|capacity| self.len() >= capacity)
    }

    /// Drops what is in it. Even if a drop panics, the others are dropped.
    fn discard(&self) {
        let mut panics = Panics::new();
        while let Pop::Value(value) = self.pop() {
            panics.contain(|| drop(value));
        }
        panics.pass_on();
    }
}

/// How a push ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Push {
    /// The value was taken.
    Done,
    /// There is no room.
    Full,
    /// There may be room in a moment: somebody is taking out the value that lies in it.
    Busy,
    /// It is closed.
    Closed,
}

/// How a pop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pop<T> {
    /// The oldest value.
    Value(T),
    /// Nothing is in it.
    Empty,
    /// There may be something in a moment: somebody is putting in the value that comes next.
    Busy,
    /// Nothing is in it, and nothing will come.
    Closed,
}
