//! The end that values come out at.

use std::fmt;
use std::sync::Arc;

use super::channel::{self, Channel};
use super::{ChannelStats, RecvError, TryRecvError};
use crate::block_on::block_outside_of_tasks;
use crate::primitives::atomic::Ordering;

/// The end of a channel that values come out at. Can be cloned and shared; each value goes to one
/// receiver.
///
/// # Examples
///
/// ```
/// use filch::sync::mpmc::{self, Receiver};
///
/// let (sender, receiver) = mpmc::bounded(4);
/// let another: Receiver<u32> = receiver.clone();
/// sender.try_send(1).unwrap();
/// sender.try_send(2).unwrap();
/// assert_eq!((receiver.try_recv(), another.try_recv()), (Ok(1), Ok(2)));
/// ```
pub struct Receiver<T> {
    pub(super) channel: Arc<Channel<T>>,
}

impl<T> Receiver<T> {
    /// Receives the next value, as soon as there is one.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if the channel is closed and nothing is left in it.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, no value is lost, and if it was woken for one,
    /// the next in line is woken.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the waker of a sender.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpmc;
    ///
    /// runtime_sync::block_on(async {
    ///     let (sender, receiver) = mpmc::unbounded();
    ///     sender.send(1).await.unwrap();
    ///     drop(sender);
    ///     assert_eq!(receiver.recv().await, Ok(1));
    ///     assert!(receiver.recv().await.is_err());
    /// });
    /// ```
    #[inline]
    pub fn recv(&self) -> impl Future<Output = Result<T, RecvError>> + use<'_, T> {
        self.channel.recv()
    }

    /// Receives a value if that is possible without waiting.
    ///
    /// # Errors
    ///
    /// [`Empty`](TryRecvError::Empty) if nothing is there, if what is there belongs to a receiver
    /// that waits (see [the module](super#order-and-fairness)), or if a sender was interrupted
    /// while it puts the next value in. [`Disconnected`](TryRecvError::Disconnected) if the
    /// channel is closed and nothing is left in it.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpmc::{self, TryRecvError};
    ///
    /// let (sender, receiver) = mpmc::bounded(1);
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// sender.try_send(1).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.channel.try_recv()
    }

    /// Receives up to `limit` values, as soon as there is one, and puts them behind those in
    /// `values`. Returns how many there were: zero if the channel is closed and nothing is left in
    /// it, or if `limit` is zero.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, no value was received.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpmc;
    ///
    /// runtime_sync::block_on(async {
    ///     let (sender, receiver) = mpmc::unbounded();
    ///     for n in 0..5 {
    ///         sender.send(n).await.unwrap();
    ///     }
    ///     let mut values = Vec::new();
    ///     assert_eq!(receiver.recv_many(&mut values, 3).await, 3);
    ///     assert_eq!(receiver.recv_many(&mut values, 3).await, 2);
    ///     assert_eq!(values, [0, 1, 2, 3, 4]);
    /// });
    /// ```
    pub async fn recv_many(&self, values: &mut Vec<T>, limit: usize) -> usize {
        if limit == 0 {
            return 0;
        }
        let Ok(value) = self.channel.recv().await else { return 0 };
        let before = values.len();
        values.push(value);
        self.channel.take_some(values, limit - 1);
        values.len() - before
    }

    /// Receives the next value, and blocks the thread while there is none.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if the channel is closed and nothing is left in it.
    ///
    /// # Panics
    ///
    /// Panics within a task.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = filch::sync::mpmc::unbounded();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| sender.blocking_send(1).unwrap());
    ///     assert_eq!(receiver.blocking_recv(), Ok(1));
    /// });
    /// ```
    #[track_caller]
    pub fn blocking_recv(&self) -> Result<T, RecvError> {
        block_outside_of_tasks("blocking_recv", "recv", self.recv())
    }

    /// Closes the channel: nothing can be sent any more, what is in it can still be received.
    ///
    /// Those who wait for room get their values back. Returns whether the channel was open.
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a waker, after all have been woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpmc;
    ///
    /// let (sender, receiver) = mpmc::bounded(1);
    /// sender.try_send(1).unwrap();
    /// assert!(receiver.close());
    /// assert!(sender.try_send(2).is_err());
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// assert_eq!(receiver.try_recv(), Err(mpmc::TryRecvError::Disconnected));
    /// ```
    pub fn close(&self) -> bool {
        self.channel.close()
    }

    /// Whether nothing can be sent any more.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = filch::sync::mpmc::unbounded::<u32>();
    /// assert!(!receiver.is_closed());
    /// drop(sender);
    /// assert!(receiver.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.channel.is_closed()
    }

    /// Waits until the channel is closed: by hand, or because one of its ends is gone.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = filch::sync::mpmc::unbounded::<u32>();
    /// drop(sender);
    /// runtime_sync::block_on(receiver.closed());
    /// ```
    pub async fn closed(&self) {
        self.channel.closed().await;
    }

    /// How many values are in the channel. Others may change that at any moment.
    ///
    /// Values that are being put in or taken out at this moment count. In a channel without room
    /// those count that were handed to a receiver which was dropped before it knew.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = filch::sync::mpmc::unbounded();
    /// sender.try_send(1).unwrap();
    /// assert_eq!(receiver.len(), 1);
    /// # drop(receiver);
    /// ```
    pub fn len(&self) -> usize {
        self.channel.len()
    }

    /// Whether no value is in the channel.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = filch::sync::mpmc::unbounded::<u32>();
    /// assert!(receiver.is_empty());
    /// # drop((sender, receiver));
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room: never in an unbounded channel, always in one of capacity zero.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = filch::sync::mpmc::bounded(1);
    /// sender.try_send(1).unwrap();
    /// assert!(receiver.is_full());
    /// # drop(receiver);
    /// ```
    pub fn is_full(&self) -> bool {
        self.channel.is_full()
    }

    /// How many values the channel holds at most; `None` if there is no limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpmc;
    ///
    /// let (sender, receiver) = mpmc::bounded::<u32>(3);
    /// assert_eq!(receiver.capacity(), Some(3));
    /// # drop((sender, receiver));
    /// let (sender, receiver) = mpmc::unbounded::<u32>();
    /// assert_eq!(receiver.capacity(), None);
    /// # drop((sender, receiver));
    /// ```
    pub fn capacity(&self) -> Option<usize> {
        self.channel.capacity()
    }

    /// How many senders there are. Weak ones do not count.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = filch::sync::mpmc::unbounded::<u32>();
    /// let another = sender.clone();
    /// assert_eq!(receiver.sender_count(), 2);
    /// # drop((sender, another, receiver));
    /// ```
    pub fn sender_count(&self) -> usize {
        // Relaxed: a number to look at.
        self.channel.senders.load(Ordering::Relaxed)
    }

    /// How many receivers there are. Weak ones do not count.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = filch::sync::mpmc::unbounded::<u32>();
    /// let another = receiver.clone();
    /// assert_eq!(receiver.receiver_count(), 2);
    /// # drop((sender, another, receiver));
    /// ```
    pub fn receiver_count(&self) -> usize {
        // Relaxed: a number to look at.
        self.channel.receivers.load(Ordering::Relaxed)
    }

    /// Whether both belong to the same channel.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = filch::sync::mpmc::unbounded::<u32>();
    /// assert!(receiver.same_channel(&receiver.clone()));
    /// # drop((sender, receiver));
    /// ```
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        Arc::ptr_eq(&self.channel, &other.channel)
    }

    /// Makes a handle that does not keep the channel open.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = filch::sync::mpmc::unbounded::<u32>();
    /// let weak = receiver.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// drop(receiver);
    /// assert!(weak.upgrade().is_none());
    /// # drop(sender);
    /// ```
    pub fn downgrade(&self) -> WeakReceiver<T> {
        WeakReceiver { channel: Arc::clone(&self.channel) }
    }

    /// What the channel looks like at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = filch::sync::mpmc::bounded::<u32>(1);
    /// assert_eq!(receiver.stats().waiting_receivers, 0);
    /// # drop((sender, receiver));
    /// ```
    pub fn stats(&self) -> ChannelStats {
        self.channel.stats()
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        // Relaxed: there is one already, which keeps the count from being zero.
        self.channel.receivers.fetch_add(1, Ordering::Relaxed);
        Receiver { channel: Arc::clone(&self.channel) }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if channel::leave(&self.channel.receivers) {
            // Even if a waker panics, or the drop of a value.
            let _rest = Rest(&self.channel);
            self.channel.close();
        }
    }
}

/// What is in a channel that nobody will receive from.
struct Rest<'a, T>(&'a Channel<T>);

impl<T> Drop for Rest<'_, T> {
    fn drop(&mut self) {
        self.0.discard();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.channel.describe("Receiver", f)
    }
}

/// A receiver that does not keep the channel open.
///
/// # Examples
///
/// ```
/// use filch::sync::mpmc::{self, WeakReceiver};
///
/// let (sender, receiver) = mpmc::unbounded::<u32>();
/// let weak: WeakReceiver<u32> = receiver.downgrade();
/// assert!(weak.upgrade().is_some());
/// # drop((sender, receiver));
/// ```
pub struct WeakReceiver<T> {
    channel: Arc<Channel<T>>,
}

impl<T> WeakReceiver<T> {
    /// Makes a receiver, unless there is none any more.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = filch::sync::mpmc::unbounded::<u32>();
    /// let weak = receiver.downgrade();
    /// let receiver = weak.upgrade().unwrap();
    /// assert_eq!(receiver.receiver_count(), 2);
    /// # drop(sender);
    /// ```
    pub fn upgrade(&self) -> Option<Receiver<T>> {
        channel::try_join(&self.channel.receivers)
            .then(|| Receiver { channel: Arc::clone(&self.channel) })
    }
}

impl<T> Clone for WeakReceiver<T> {
    fn clone(&self) -> WeakReceiver<T> {
        WeakReceiver { channel: Arc::clone(&self.channel) }
    }
}

impl<T> fmt::Debug for WeakReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.channel.describe("WeakReceiver", f)
    }
}
