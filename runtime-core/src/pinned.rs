//! Futures that stay where they are, many in a piece of memory, until each is dropped in its place.

use std::pin::Pin;

/// Numbered places, each with a future or without.
pub(crate) struct Pinned<F> {
    /// Each as long as all before it together, but for the first.
    rows: Vec<Pin<Box<[Option<F>]>>>,
    /// How many places were filled.
    len: usize,
}

/// The length of the first row, if nobody knows how many there will be.
const FIRST_ROW: usize = 4;

impl<F> Pinned<F> {
    /// Without any place.
    pub(crate) fn new() -> Pinned<F> {
        Pinned { rows: Vec::new(), len: 0 }
    }

    /// How many places there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// One place more.
    pub(crate) fn push(&mut self, future: F) {
        let room: usize = self.rows.iter().map(|row| row.len()).sum();
        if self.len == room {
            let row = (0..room.max(FIRST_ROW)).map(|_| None).collect::<Box<[_]>>();
            self.rows.push(Box::into_pin(row));
        }
        self.len += 1;
        self.at(self.len - 1).set(Some(future));
    }

    /// What is at a place.
    pub(crate) fn at(&mut self, mut place: usize) -> Pin<&mut Option<F>> {
        let mut rows = self.rows.iter_mut();
        loop {
            let row = rows.next().expect("the number of a place").as_mut();
            if place < row.len() {
                // SAFETY: the row is pinned, and its elements with it: they are reached through this
                // alone, they lie in the row's memory and are dropped there.
                return unsafe { row.map_unchecked_mut(|row| &mut row[place]) };
            }
            place -= row.len();
        }
    }

    /// The futures that are left, in the order of their places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &F> {
        self.rows.iter().flat_map(|row| row.iter()).flatten()
    }

    /// Drops the futures that are left.
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.len = 0;
    }
}

impl<F> FromIterator<F> for Pinned<F> {
    fn from_iter<I: IntoIterator<Item = F>>(futures: I) -> Pinned<F> {
        let row: Box<[_]> = futures.into_iter().map(Some).collect();
        let len = row.len();
        let rows = if len == 0 { Vec::new() } else { vec![Box::into_pin(row)] };
        Pinned { rows, len }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{Future, ready};
    use std::task::{Context, Poll, Waker};

    #[test]
    fn every_place_keeps_its_future_where_it_is() {
        let mut pinned: Pinned<_> = (0..3).map(ready).collect();
        let mut addresses = Vec::new();
        for number in 3..100 {
            pinned.push(ready(number));
            addresses.push(std::ptr::from_ref(&*pinned.at(number)));
        }
        assert!(pinned.len() == 100 && pinned.iter().count() == 100);
        for (number, address) in (3..).zip(addresses) {
            assert_eq!(address, std::ptr::from_ref(&*pinned.at(number)));
        }
        for number in (0..100).rev() {
            let future = pinned.at(number).as_pin_mut().expect("nobody has taken it");
            let output = future.poll(&mut Context::from_waker(Waker::noop()));
            assert_eq!(output, Poll::Ready(number));
            pinned.at(number).set(None);
            assert_eq!(pinned.iter().count(), number);
        }
        pinned.clear();
        pinned.push(ready(0));
        assert_eq!(pinned.len(), 1);
    }
}
