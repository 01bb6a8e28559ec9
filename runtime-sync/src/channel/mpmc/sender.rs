//! The end that values go in at.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::channel::{self, Channel};
use super::{ChannelStats, SendError, SendTimeoutError, TrySendError};
use crate::block_on::block_outside_of_tasks;
use crate::panics::contain;
use crate::primitives::atomic::Ordering;
use crate::timer;

/// The end of a channel that values go in at. Can be cloned and shared.
///
/// # Examples
///
/// ```
/// use filch::sync::mpmc::{self, Sender};
///
/// let (sender, receiver) = mpmc::bounded(4);
/// let another: Sender<u32> = sender.clone();
/// sender.try_send(1).unwrap();
/// another.try_send(2).unwrap();
/// assert_eq!(receiver.len(), 2);
/// ```
pub struct Sender<T> {
    pub(super) channel: Arc<Channel<T>>,
}

impl<T> Sender<T> {
    /// Sends a value, as soon as there is room; in a channel of capacity zero, as soon as a
    /// receiver takes it.
    ///
    /// # Errors
    ///
    /// Gives the value back if the channel is closed, or is closed while this waits.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the value is dropped with it and was not sent,
    /// and its place in line goes to the next one. In a channel of capacity zero a receiver may
    /// have taken the value already.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the waker of a receiver; the value was sent then.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpmc;
    ///
    /// filch::runtime::Runtime::new().unwrap().block_on(async {
    ///     let (sender, receiver) = mpmc::bounded(0);
    ///     let sends = filch::spawn(async move { sender.send(1).await });
    ///     assert_eq!(receiver.recv().await, Ok(1));
    ///     sends.await.unwrap().unwrap();
    /// });
    /// ```
    #[inline]
    pub fn send(&self, value: T) -> impl Future<Output = Result<(), SendError<T>>> + use<'_, T> {
        self.channel.send(value)
    }

    /// Sends a value if that is possible without waiting.
    ///
    /// # Errors
    ///
    /// [`Full`](TrySendError::Full) if there is no room, if what room there is belongs to a sender
    /// that waits (see [the module](super#order-and-fairness)), or if a receiver was interrupted
    /// while it takes a value out. In a channel of capacity zero, if no receiver waits.
    /// [`Closed`](TrySendError::Closed) if the channel is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpmc::{self, TrySendError};
    ///
    /// let (sender, _receiver) = mpmc::bounded(0);
    /// assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
    /// ```
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.channel.try_send(value)
    }

    /// Sends a value, but waits for no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// Gives the value back if the channel is closed, or when the time has passed.
    ///
    /// # Panics
    ///
    /// Panics if it has to wait and there is no timer, which a filch runtime brings along.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Sender::send).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpmc;
    /// use std::time::Duration;
    ///
    /// filch::runtime::Runtime::new().unwrap().block_on(async {
    ///     let (sender, receiver) = mpmc::bounded(1);
    ///     sender.send_timeout(1, Duration::from_secs(1)).await.unwrap();
    ///     let late = sender.send_timeout(2, Duration::from_millis(1)).await;
    ///     assert_eq!(late.unwrap_err().into_inner(), 2);
    ///     # drop(receiver);
    /// });
    /// ```
    pub async fn send_timeout(
        &self,
        value: T,
        timeout: Duration,
    ) -> Result<(), SendTimeoutError<T>> {
        let mut sending = pin!(self.channel.send(value));
        let mut sleep = None;
        let outcome = poll_fn(|cx| {
            if let Poll::Ready(sent) = sending.as_mut().poll(cx) {
                return Poll::Ready(
                    sent.map_err(|SendError(value)| SendTimeoutError::Closed(value)),
                );
            }
            let sleep = sleep.get_or_insert_with(|| timer::sleep(timeout));
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            Poll::Ready(match sending.as_mut().withdraw() {
                Some(value) => Err(SendTimeoutError::Timeout(value)),
                // In the last moment.
                None => Ok(()),
            })
        })
        .await;
        // A waker that panics does not take the value along.
        contain(|| drop(sleep));
        outcome
    }

    /// Sends a value, and blocks the thread while there is no room.
    ///
    /// # Errors
    ///
    /// Gives the value back if the channel is closed, or is closed while this waits.
    ///
    /// # Panics
    ///
    /// Panics within a task.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpmc;
    ///
    /// let (sender, receiver) = mpmc::bounded(0);
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| sender.blocking_send(1).unwrap());
    ///     assert_eq!(receiver.blocking_recv(), Ok(1));
    /// });
    /// ```
    #[track_caller]
    pub fn blocking_send(&self, value: T) -> Result<(), SendError<T>> {
        block_outside_of_tasks("blocking_send", "send", self.send(value))
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
    /// assert!(sender.close());
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
    /// assert!(!sender.is_closed());
    /// drop(receiver);
    /// assert!(sender.is_closed());
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
    /// drop(receiver);
    /// runtime_sync::block_on(sender.closed());
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
    /// assert_eq!(sender.len(), 1);
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
    /// assert!(sender.is_empty());
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
    /// assert!(sender.is_full());
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
    /// assert_eq!(sender.capacity(), Some(3));
    /// # drop((sender, receiver));
    /// let (sender, receiver) = mpmc::unbounded::<u32>();
    /// assert_eq!(sender.capacity(), None);
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
    /// assert_eq!(sender.sender_count(), 2);
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
    /// assert_eq!(sender.receiver_count(), 2);
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
    /// assert!(sender.same_channel(&sender.clone()));
    /// # drop((sender, receiver));
    /// ```
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        Arc::ptr_eq(&self.channel, &other.channel)
    }

    /// Makes a handle that does not keep the channel open.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = filch::sync::mpmc::unbounded::<u32>();
    /// let weak = sender.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// drop(sender);
    /// assert!(weak.upgrade().is_none());
    /// # drop(receiver);
    /// ```
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender { channel: Arc::clone(&self.channel) }
    }

    /// What the channel looks like at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = filch::sync::mpmc::bounded::<u32>(1);
    /// assert_eq!(sender.stats().waiting_receivers, 0);
    /// # drop((sender, receiver));
    /// ```
    pub fn stats(&self) -> ChannelStats {
        self.channel.stats()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        // Relaxed: there is one already, which keeps the count from being zero.
        self.channel.senders.fetch_add(1, Ordering::Relaxed);
        Sender { channel: Arc::clone(&self.channel) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if channel::leave(&self.channel.senders) {
            self.channel.close();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.channel.describe("Sender", f)
    }
}

/// A sender that does not keep the channel open.
///
/// # Examples
///
/// ```
/// use filch::sync::mpmc::{self, WeakSender};
///
/// let (sender, receiver) = mpmc::unbounded::<u32>();
/// let weak: WeakSender<u32> = sender.downgrade();
/// assert!(weak.upgrade().is_some());
/// # drop((sender, receiver));
/// ```
pub struct WeakSender<T> {
    channel: Arc<Channel<T>>,
}

impl<T> WeakSender<T> {
    /// Makes a sender, unless there is none any more.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = filch::sync::mpmc::unbounded::<u32>();
    /// let weak = sender.downgrade();
    /// let sender = weak.upgrade().unwrap();
    /// assert_eq!(sender.sender_count(), 2);
    /// # drop(receiver);
    /// ```
    pub fn upgrade(&self) -> Option<Sender<T>> {
        channel::try_join(&self.channel.senders)
            .then(|| Sender { channel: Arc::clone(&self.channel) })
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> WeakSender<T> {
        WeakSender { channel: Arc::clone(&self.channel) }
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.channel.describe("WeakSender", f)
    }
}
