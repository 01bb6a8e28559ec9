//! Room for messages that were not made yet.

use std::fmt;
use std::iter::FusedIterator;
use std::mem;

use super::chan::Chan;

/// Room for one message, taken by [`Sender::reserve`](super::Sender::reserve).
///
/// Dropped unused, it gives the room back. It can be used even after the receiver has closed the
/// channel, and the message will be received.
///
/// # Examples
///
/// ```
/// use filch::sync::mpsc;
///
/// let (send, mut receive) = mpsc::channel(1);
/// let permit = send.try_reserve().unwrap();
/// receive.close();
/// permit.send("in time");
/// assert_eq!(receive.blocking_recv(), Some("in time"));
/// assert_eq!(receive.blocking_recv(), None);
/// ```
pub struct Permit<'a, T, const BLOCK: usize = 32> {
    chan: &'a Chan<T, BLOCK>,
}

impl<'a, T, const BLOCK: usize> Permit<'a, T, BLOCK> {
    /// Stands for a permit that was taken at the gate.
    pub(super) fn new(chan: &'a Chan<T, BLOCK>) -> Permit<'a, T, BLOCK> {
        Permit { chan }
    }

    /// Sends a message at once. If the receiver is gone, the message is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, mut receive) = mpsc::channel(1);
    /// send.try_reserve().unwrap().send(1);
    /// assert_eq!(receive.try_recv(), Ok(1));
    /// ```
    pub fn send(self, value: T) {
        let chan = self.chan;
        // The permit is used up by what follows.
        mem::forget(self);
        // With nobody there to receive it, the message is dropped.
        drop(chan.send_for_permit(value));
    }
}

impl<T, const BLOCK: usize> Drop for Permit<'_, T, BLOCK> {
    fn drop(&mut self) {
        self.chan.release(1);
    }
}

impl<T, const BLOCK: usize> fmt::Debug for Permit<'_, T, BLOCK> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("chan", &self.chan.stats()).finish()
    }
}

/// Room for several messages, taken by [`Sender::reserve_many`](super::Sender::reserve_many).
///
/// What is left when it is dropped is given back.
///
/// # Examples
///
/// ```
/// use filch::sync::mpsc;
///
/// let (send, mut receive) = mpsc::channel(3);
/// let mut permits = send.try_reserve_many(3).unwrap();
/// permits.next().unwrap().send('a');
/// assert_eq!(permits.len(), 2);
/// drop(permits);
/// assert_eq!(send.capacity(), 2);
/// ```
pub struct PermitIterator<'a, T, const BLOCK: usize = 32> {
    chan: &'a Chan<T, BLOCK>,
    count: usize,
}

impl<'a, T, const BLOCK: usize> PermitIterator<'a, T, BLOCK> {
    /// Stands for `count` permits that were taken at the gate.
    pub(super) fn new(chan: &'a Chan<T, BLOCK>, count: usize) -> PermitIterator<'a, T, BLOCK> {
        PermitIterator { chan, count }
    }
}

impl<'a, T, const BLOCK: usize> Iterator for PermitIterator<'a, T, BLOCK> {
    type Item = Permit<'a, T, BLOCK>;

    fn next(&mut self) -> Option<Permit<'a, T, BLOCK>> {
        self.count = self.count.checked_sub(1)?;
        Some(Permit::new(self.chan))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl<T, const BLOCK: usize> ExactSizeIterator for PermitIterator<'_, T, BLOCK> {}
impl<T, const BLOCK: usize> FusedIterator for PermitIterator<'_, T, BLOCK> {}

impl<T, const BLOCK: usize> Drop for PermitIterator<'_, T, BLOCK> {
    fn drop(&mut self) {
        if self.count > 0 {
            self.chan.release(self.count);
        }
    }
}

impl<T, const BLOCK: usize> fmt::Debug for PermitIterator<'_, T, BLOCK> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitIterator")
            .field("chan", &self.chan.stats())
            .field("count", &self.count)
            .finish()
    }
}
