//! Senders that do not keep their channel open.

use std::fmt;

use super::producer::WeakProducer;
use super::{Sender, UnboundedSender};

/// A [`Sender`] that does not keep the channel open; made by [`Sender::downgrade`].
///
/// # Examples
///
/// ```
/// use filch::sync::mpsc;
///
/// let (send, mut receive) = mpsc::channel(1);
/// let weak = send.downgrade();
/// weak.upgrade().unwrap().try_send(1).unwrap();
/// drop(send);
/// assert!(weak.upgrade().is_none());
/// assert_eq!(receive.blocking_recv(), Some(1));
/// assert_eq!(receive.blocking_recv(), None);
/// ```
pub struct WeakSender<T, const BLOCK: usize = 32> {
    producer: WeakProducer<T, BLOCK>,
}

impl<T, const BLOCK: usize> WeakSender<T, BLOCK> {
    pub(super) fn of(producer: WeakProducer<T, BLOCK>) -> WeakSender<T, BLOCK> {
        WeakSender { producer }
    }

    /// A sender, unless the last one was dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::channel::<u32>(1);
    /// assert!(send.downgrade().upgrade().is_some());
    /// ```
    pub fn upgrade(&self) -> Option<Sender<T, BLOCK>> {
        self.producer.upgrade().map(Sender::of)
    }

    /// How many senders there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::channel::<u32>(1);
    /// assert_eq!(send.downgrade().strong_count(), 1);
    /// ```
    pub fn strong_count(&self) -> usize {
        self.producer.chan.strong_count()
    }

    /// How many weak senders there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::channel::<u32>(1);
    /// assert_eq!(send.downgrade().weak_count(), 1);
    /// ```
    pub fn weak_count(&self) -> usize {
        self.producer.chan.weak_count()
    }
}

impl<T, const BLOCK: usize> Clone for WeakSender<T, BLOCK> {
    fn clone(&self) -> WeakSender<T, BLOCK> {
        WeakSender { producer: self.producer.clone() }
    }
}

impl<T, const BLOCK: usize> fmt::Debug for WeakSender<T, BLOCK> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSender").finish_non_exhaustive()
    }
}

/// An [`UnboundedSender`] that does not keep the channel open; made by
/// [`UnboundedSender::downgrade`].
///
/// # Examples
///
/// ```
/// use filch::sync::mpsc;
///
/// let (send, _receive) = mpsc::unbounded_channel::<u32>();
/// let weak = send.downgrade();
/// assert!(weak.upgrade().is_some());
/// drop(send);
/// assert!(weak.upgrade().is_none());
/// ```
pub struct WeakUnboundedSender<T, const BLOCK: usize = 32> {
    producer: WeakProducer<T, BLOCK>,
}

impl<T, const BLOCK: usize> WeakUnboundedSender<T, BLOCK> {
    pub(super) fn of(producer: WeakProducer<T, BLOCK>) -> WeakUnboundedSender<T, BLOCK> {
        WeakUnboundedSender { producer }
    }

    /// A sender, unless the last one was dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::unbounded_channel::<u32>();
    /// assert!(send.downgrade().upgrade().is_some());
    /// ```
    pub fn upgrade(&self) -> Option<UnboundedSender<T, BLOCK>> {
        self.producer.upgrade().map(UnboundedSender::of)
    }

    /// How many senders there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::unbounded_channel::<u32>();
    /// assert_eq!(send.downgrade().strong_count(), 1);
    /// ```
    pub fn strong_count(&self) -> usize {
        self.producer.chan.strong_count()
    }

    /// How many weak senders there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::unbounded_channel::<u32>();
    /// assert_eq!(send.downgrade().weak_count(), 1);
    /// ```
    pub fn weak_count(&self) -> usize {
        self.producer.chan.weak_count()
    }
}

impl<T, const BLOCK: usize> Clone for WeakUnboundedSender<T, BLOCK> {
    fn clone(&self) -> WeakUnboundedSender<T, BLOCK> {
        WeakUnboundedSender { producer: self.producer.clone() }
    }
}

impl<T, const BLOCK: usize> fmt::Debug for WeakUnboundedSender<T, BLOCK> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakUnboundedSender").finish_non_exhaustive()
    }
}
