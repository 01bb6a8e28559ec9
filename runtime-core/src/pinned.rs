//! Futures that stay where they are, many in a piece of memory, until each is dropped in its place.

use std::pin::Pin;

/// Numbered places, each with a future or without.
///
/// They lie in rows, whose memory is given back one by one: a row goes when all of its places were left.
pub(crate) struct Pinned<F> {
    /// Of [`ROW`] places each, but for the first.
    rows: Vec<Row<F>>,
    /// The length of the first row.
    first: usize,
    /// How many places were filled.
    len: usize,
}

struct Row<F> {
    places: Pin<Box<[Option<F>]>>,
    /// How many places nobody has left.
    left: usize,
}

/// The length of the first row, if nobody knows how many there will be.
const FIRST_ROW: usize = 4;
/// The length of the others, which the first one does not exceed.
const ROW: usize = 64;

impl<F> Row<F> {
    fn of(places: Box<[Option<F>]>) -> Row<F> {
        Row { left: places.len(), places: Box::into_pin(places) }
    }

    fn empty(len: usize) -> Row<F> {
        Row::of((0..len).map(|_| None).collect())
    }

    #[inline]
    fn at(&mut self, place: usize) -> Pin<&mut Option<F>> {
        // SAFETY: the row is pinned, and its elements with it: they are reached through this alone,
        // they lie in the row's memory and are dropped there.
        unsafe { self.places.as_mut().map_unchecked_mut(|row| &mut row[place]) }
    }
}

impl<F> Pinned<F> {
    /// Without any place.
    pub(crate) fn new() -> Pinned<F> {
        Pinned { rows: Vec::new(), first: FIRST_ROW, len: 0 }
    }

    /// How many places there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// One place more.
    pub(crate) fn push(&mut self, future: F) {
        let (row, place) = self.find(self.len);
        if row == self.rows.len() {
            self.rows.push(Row::empty(if row == 0 { self.first } else { ROW }));
        }
        self.len += 1;
        self.rows[row].at(place).set(Some(future));
    }

    /// What is at a place.
    #[inline]
    pub(crate) fn at(&mut self, place: usize) -> Pin<&mut Option<F>> {
        let (row, place) = self.find(place);
        self.rows[row].at(place)
    }

    /// The future at a place was dropped, and nobody will look there again.
    #[inline]
    pub(crate) fn leave(&mut self, place: usize) {
        let (row, _) = self.find(place);
        let row = &mut self.rows[row];
        row.left -= 1;
        if row.left == 0 {
            row.places = Box::into_pin(Box::default());
        }
    }

    /// The row that a place lies in, and where in it.
    #[inline]
    fn find(&self, place: usize) -> (usize, usize) {
        match place.checked_sub(self.first) {
            None => (0, place),
            Some(rest) => (1 + rest / ROW, rest % ROW),
        }
    }

    /// The futures that are left, in the order of their places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &F> {
        self.rows.iter().flat_map(|row| row.places.iter()).flatten()
    }

    /// Drops the futures that are left.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
        self.rows.clear();
    }
}

impl<F> FromIterator<F> for Pinned<F> {
    fn from_iter<I: IntoIterator<Item = F>>(futures: I) -> Pinned<F> {
        let mut pinned = Pinned::new();
        let mut futures = futures.into_iter().map(Some).fuse();
        loop {
            // All of the row at once, lest it is moved as it grows.
            let mut row = Vec::with_capacity(futures.size_hint().0.min(ROW));
            row.extend(futures.by_ref().take(ROW));
            let len = row.len();
            match pinned.rows.is_empty() {
                true if len > 0 => pinned.first = len,
                false if len > 0 => row.resize_with(ROW, || None),
                _ => return pinned,
            }
            pinned.len += len;
            pinned.rows.push(Row::of(row.into_boxed_slice()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{Future, ready};
    use std::task::{Context, Poll, Waker};

    fn at<F>(pinned: &mut Pinned<F>, place: usize) -> Pin<&mut F> {
        pinned.at(place).as_pin_mut().expect("nobody has dropped it")
    }

    fn go<F>(pinned: &mut Pinned<F>, place: usize) {
        pinned.at(place).set(None);
        pinned.leave(place);
    }

    #[test]
    fn every_place_keeps_its_future_where_it_is() {
        for known in [0, 1, 3, ROW, ROW + 1, 2 * ROW, 300] {
            let mut pinned: Pinned<_> = (0..known).map(ready).collect();
            let mut addresses: Vec<_> =
                (0..known).map(|place| std::ptr::from_ref(&*at(&mut pinned, place))).collect();
            for number in known..300 {
                pinned.push(ready(number));
                addresses.push(std::ptr::from_ref(&*at(&mut pinned, number)));
            }
            assert!(pinned.len() == 300 && pinned.iter().count() == 300);
            for (number, address) in addresses.into_iter().enumerate() {
                assert_eq!(address, std::ptr::from_ref(&*at(&mut pinned, number)));
            }
            for number in (0..300).rev() {
                let output = at(&mut pinned, number).poll(&mut Context::from_waker(Waker::noop()));
                assert_eq!(output, Poll::Ready(number));
                go(&mut pinned, number);
                assert_eq!(pinned.iter().count(), number);
            }
            pinned.clear();
            pinned.push(ready(0));
            assert_eq!(pinned.len(), 1);
        }
    }

    #[test]
    fn a_row_goes_when_all_of_its_places_were_left() {
        let rooms = |pinned: &Pinned<_>| -> Vec<_> {
            pinned.rows.iter().map(|row: &Row<std::future::Ready<()>>| row.places.len()).collect()
        };
        let mut pinned: Pinned<_> = (0..2 * ROW).map(|_| ready(())).collect();
        pinned.push(ready(()));
        assert_eq!(rooms(&pinned), [ROW; 3]);
        (0..ROW).for_each(|place| go(&mut pinned, place));
        assert_eq!(rooms(&pinned), [0, ROW, ROW]);
        // Others are still to come into the last one.
        go(&mut pinned, 2 * ROW);
        assert_eq!(rooms(&pinned), [0, ROW, ROW]);
        (ROW..2 * ROW).for_each(|place| go(&mut pinned, place));
        assert_eq!(rooms(&pinned), [0, 0, ROW]);
        pinned.push(ready(()));
        assert!(pinned.at(2 * ROW).is_none() && pinned.at(2 * ROW + 1).is_some());
    }
}
