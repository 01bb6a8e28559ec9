//! Room for one message, together with the sender.

use std::fmt;

use super::Sender;
use super::producer::Producer;

/// Room for one message, taken by [`Sender::reserve_owned`]; it owns the sender.
///
/// Dropped unused, it gives the room back and drops the sender.
///
/// # Examples
///
/// ```
/// use filch::sync::mpsc;
///
/// let (send, mut receive) = mpsc::channel(1);
/// let permit = send.try_reserve_owned().unwrap();
/// let send = permit.send(1);
/// assert_eq!(receive.try_recv(), Ok(1));
/// assert_eq!(send.capacity(), 1);
/// ```
pub struct OwnedPermit<T, const BLOCK: usize = 32> {
    /// `None` once it is used.
    producer: Option<Producer<T, BLOCK>>,
}

impl<T, const BLOCK: usize> OwnedPermit<T, BLOCK> {
    /// Stands for a permit that was taken at the gate.
    pub(super) fn new(producer: Producer<T, BLOCK>) -> OwnedPermit<T, BLOCK> {
        OwnedPermit { producer: Some(producer) }
    }

    /// Sends a message at once and gives the sender back. If the receiver is gone, the message is
    /// dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, mut receive) = mpsc::channel(2);
    /// let send = send.try_reserve_owned().unwrap().send(1);
    /// send.try_send(2).unwrap();
    /// assert_eq!(receive.try_recv(), Ok(1));
    /// ```
    pub fn send(mut self, value: T) -> Sender<T, BLOCK> {
        let producer = self.producer.take().expect("a permit is used once");
        drop(producer.chan.send_for_permit(value));
        Sender::of(producer)
    }

    /// Gives the room back without a message, and the sender.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::channel::<u32>(1);
    /// let send = send.try_reserve_owned().unwrap().release();
    /// assert_eq!(send.capacity(), 1);
    /// ```
    pub fn release(mut self) -> Sender<T, BLOCK> {
        let producer = self.producer.take().expect("a permit is used once");
        producer.chan.release(1);
        Sender::of(producer)
    }

    /// Whether both are for the same channel.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::channel::<u32>(2);
    /// let one = send.clone().try_reserve_owned().unwrap();
    /// let two = send.try_reserve_owned().unwrap();
    /// assert!(one.same_channel(&two));
    /// ```
    pub fn same_channel(&self, other: &OwnedPermit<T, BLOCK>) -> bool {
        match (&self.producer, &other.producer) {
            (Some(this), Some(other)) => this.same_channel(other),
            _ => false,
        }
    }

    /// Whether it is for the channel of `sender`.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::channel::<u32>(2);
    /// let permit = send.clone().try_reserve_owned().unwrap();
    /// assert!(permit.same_channel_as_sender(&send));
    /// ```
    pub fn same_channel_as_sender(&self, sender: &Sender<T, BLOCK>) -> bool {
        let chan: *const _ = sender.chan();
        self.producer.as_ref().is_some_and(|producer| std::ptr::eq(&*producer.chan, chan))
    }
}

impl<T, const BLOCK: usize> Drop for OwnedPermit<T, BLOCK> {
    fn drop(&mut self) {
        if let Some(producer) = &self.producer {
            producer.chan.release(1);
        }
    }
}

impl<T, const BLOCK: usize> fmt::Debug for OwnedPermit<T, BLOCK> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.producer.as_ref().map(|producer| producer.chan.stats());
        f.debug_struct("OwnedPermit").field("chan", &stats).finish()
    }
}
