//! Both ends of a channel without a limit.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

use super::WeakUnboundedSender;
use super::chan::{Chan, Consumer};
use super::error::{SendError, TryRecvError};
use super::producer::Producer;
use super::stats::MpscStats;
use crate::block_on::block_outside_of_tasks;
use crate::primitives::Arc;

/// Sends into a channel without a limit; made by [`unbounded_channel`](super::unbounded_channel).
///
/// It can be cloned and shared. The channel is closed when the last one is dropped.
///
/// # Examples
///
/// ```
/// use filch::sync::mpsc;
///
/// let (send, mut receive) = mpsc::unbounded_channel();
/// std::thread::scope(|scope| {
///     for n in 1..=3 {
///         let send = &send;
///         scope.spawn(move || send.send(n).unwrap());
///     }
/// });
/// drop(send);
/// let mut sum = 0;
/// while let Some(n) = receive.blocking_recv() {
///     sum += n;
/// }
/// assert_eq!(sum, 6);
/// ```
pub struct UnboundedSender<T, const BLOCK: usize = 32> {
    producer: Producer<T, BLOCK>,
}

impl<T, const BLOCK: usize> UnboundedSender<T, BLOCK> {
    pub(super) fn first(chan: &Arc<Chan<T, BLOCK>>) -> UnboundedSender<T, BLOCK> {
        UnboundedSender { producer: Producer::first(chan) }
    }

    pub(super) fn of(producer: Producer<T, BLOCK>) -> UnboundedSender<T, BLOCK> {
        UnboundedSender { producer }
    }

    fn chan(&self) -> &Chan<T, BLOCK> {
        &self.producer.chan
    }

    /// Sends a message. It never waits.
    ///
    /// # Errors
    ///
    /// Gives the value back if the receiver has closed the channel or is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, mut receive) = mpsc::unbounded_channel();
    /// send.send(1).unwrap();
    /// assert_eq!(receive.try_recv(), Ok(1));
    /// ```
    #[inline]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.chan().send_unbounded(value).map_err(SendError)
    }

    /// Waits until the receiver closes the channel or is dropped.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// # runtime_sync::block_on(async {
    /// use filch::sync::mpsc;
    ///
    /// let (send, receive) = mpsc::unbounded_channel::<u32>();
    /// drop(receive);
    /// send.closed().await;
    /// # });
    /// ```
    pub async fn closed(&self) {
        self.chan().closed().await;
    }

    /// Whether the receiver has closed the channel or is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, receive) = mpsc::unbounded_channel::<u32>();
    /// assert!(!send.is_closed());
    /// drop(receive);
    /// assert!(send.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.chan().gate().load().is_closed()
    }

    /// Whether both send into the same channel.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::unbounded_channel::<u32>();
    /// assert!(send.same_channel(&send.clone()));
    /// ```
    pub fn same_channel(&self, other: &UnboundedSender<T, BLOCK>) -> bool {
        self.producer.same_channel(&other.producer)
    }

    /// Makes a handle that does not keep the channel open.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::unbounded_channel::<u32>();
    /// let weak = send.downgrade();
    /// drop(send);
    /// assert!(weak.upgrade().is_none());
    /// ```
    #[must_use = "it has no effect on the sender itself"]
    pub fn downgrade(&self) -> WeakUnboundedSender<T, BLOCK> {
        WeakUnboundedSender::of(self.producer.downgrade())
    }

    /// How many senders there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::unbounded_channel::<u32>();
    /// assert_eq!(send.strong_count(), 1);
    /// ```
    pub fn strong_count(&self) -> usize {
        self.chan().strong_count()
    }

    /// How many [`WeakUnboundedSender`]s there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::unbounded_channel::<u32>();
    /// assert_eq!(send.weak_count(), 0);
    /// ```
    pub fn weak_count(&self) -> usize {
        self.chan().weak_count()
    }

    /// What the channel looks like at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::unbounded_channel();
    /// send.send(1).unwrap();
    /// assert_eq!((send.stats().len, send.stats().capacity), (1, None));
    /// ```
    pub fn stats(&self) -> MpscStats {
        self.chan().stats()
    }
}

impl<T, const BLOCK: usize> Clone for UnboundedSender<T, BLOCK> {
    fn clone(&self) -> UnboundedSender<T, BLOCK> {
        UnboundedSender { producer: self.producer.clone() }
    }
}

impl<T, const BLOCK: usize> fmt::Debug for UnboundedSender<T, BLOCK> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedSender").field("chan", &self.stats()).finish()
    }
}

/// Receives from a channel without a limit; made by
/// [`unbounded_channel`](super::unbounded_channel).
///
/// Dropped, it closes the channel and drops the messages that are queued.
///
/// # Examples
///
/// ```
/// use filch::sync::mpsc;
///
/// filch::runtime::Runtime::new().unwrap().block_on(async {
///     let (send, mut receive) = mpsc::unbounded_channel();
///     filch::task::spawn(async move { send.send("hello") });
///     assert_eq!(receive.recv().await, Some("hello"));
///     assert_eq!(receive.recv().await, None);
/// });
/// ```
pub struct UnboundedReceiver<T, const BLOCK: usize = 32> {
    consumer: Consumer<T, BLOCK>,
}

impl<T, const BLOCK: usize> UnboundedReceiver<T, BLOCK> {
    pub(super) fn new(consumer: Consumer<T, BLOCK>) -> UnboundedReceiver<T, BLOCK> {
        UnboundedReceiver { consumer }
    }

    /// Receives the next message, and waits for it.
    ///
    /// `None` means that the channel is closed and everything that was sent has been received.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no message is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// # runtime_sync::block_on(async {
    /// use filch::sync::mpsc;
    ///
    /// let (send, mut receive) = mpsc::unbounded_channel();
    /// send.send(1).unwrap();
    /// drop(send);
    /// assert_eq!(receive.recv().await, Some(1));
    /// assert_eq!(receive.recv().await, None);
    /// # });
    /// ```
    #[inline]
    pub fn recv(&mut self) -> impl Future<Output = Option<T>> {
        self.consumer.recv()
    }

    /// Receives up to `limit` messages into `buffer`, and waits if there are none.
    ///
    /// Returns how many there were. 0 means that the channel is closed and empty, or that `limit`
    /// is 0.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no message is lost, and `buffer` is as it was.
    ///
    /// # Examples
    ///
    /// ```
    /// # runtime_sync::block_on(async {
    /// use filch::sync::mpsc;
    ///
    /// let (send, mut receive) = mpsc::unbounded_channel();
    /// for n in 0..3 {
    ///     send.send(n).unwrap();
    /// }
    /// let mut got = Vec::new();
    /// assert_eq!(receive.recv_many(&mut got, 2).await, 2);
    /// assert_eq!(receive.recv_many(&mut got, 2).await, 1);
    /// assert_eq!(got, [0, 1, 2]);
    /// # });
    /// ```
    pub async fn recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        poll_fn(|cx| self.consumer.poll_recv_many(cx, buffer, limit)).await
    }

    /// Receives a message if there is one at once.
    ///
    /// # Errors
    ///
    /// [`Empty`](TryRecvError::Empty) if there is none now,
    /// [`Disconnected`](TryRecvError::Disconnected) if [`recv`](UnboundedReceiver::recv) would return `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc::{self, error::TryRecvError};
    ///
    /// let (send, mut receive) = mpsc::unbounded_channel();
    /// send.send(1).unwrap();
    /// assert_eq!(receive.try_recv(), Ok(1));
    /// assert_eq!(receive.try_recv(), Err(TryRecvError::Empty));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.consumer.try_recv()
    }

    /// Receives a message on a thread that runs no tasks, and blocks it until there is one.
    ///
    /// # Panics
    ///
    /// Panics within a task; use `recv` there.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, mut receive) = mpsc::unbounded_channel();
    /// let thread = std::thread::spawn(move || send.send(1));
    /// assert_eq!(receive.blocking_recv(), Some(1));
    /// assert_eq!(receive.blocking_recv(), None);
    /// # thread.join().unwrap().unwrap();
    /// ```
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Option<T> {
        block_outside_of_tasks("blocking_recv", "recv", self.recv())
    }

    /// Receives up to `limit` messages on a thread that runs no tasks, and blocks it until there
    /// is one at least; see [`recv_many`](UnboundedReceiver::recv_many).
    ///
    /// # Panics
    ///
    /// Panics within a task; use `recv_many` there.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, mut receive) = mpsc::unbounded_channel();
    /// send.send(1).unwrap();
    /// let mut got = Vec::new();
    /// assert_eq!(receive.blocking_recv_many(&mut got, 10), 1);
    /// ```
    #[track_caller]
    pub fn blocking_recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        block_outside_of_tasks("blocking_recv_many", "recv_many", self.recv_many(buffer, limit))
    }

    /// Lets nobody send any more. What was sent before can still be received.
    ///
    /// [`recv`](UnboundedReceiver::recv) returns `None` after that.
    ///
    /// # Panics
    ///
    /// Passes on a panic of a waker; the channel is closed all the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, mut receive) = mpsc::unbounded_channel();
    /// send.send(1).unwrap();
    /// receive.close();
    /// assert!(send.send(2).is_err());
    /// assert_eq!(receive.blocking_recv(), Some(1));
    /// assert_eq!(receive.blocking_recv(), None);
    /// ```
    pub fn close(&mut self) {
        self.consumer.close();
    }

    /// Whether nothing can be sent any more: it was closed, or all senders were dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, receive) = mpsc::unbounded_channel::<u32>();
    /// assert!(!receive.is_closed());
    /// drop(send);
    /// assert!(receive.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.consumer.chan.gate().load().is_closed()
    }

    /// Whether no message is queued.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, receive) = mpsc::unbounded_channel();
    /// assert!(receive.is_empty());
    /// send.send(1).unwrap();
    /// assert!(!receive.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many messages are queued.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, receive) = mpsc::unbounded_channel();
    /// send.send(1).unwrap();
    /// assert_eq!(receive.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.consumer.chan.len()
    }

    /// Receives the next message, for use in a hand-written future.
    ///
    /// If it is `Pending`, the task of `cx` is woken when there may be a message, or the channel
    /// is closed. Only the task of the last call is. It may be woken for nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    /// use std::future::poll_fn;
    ///
    /// # runtime_sync::block_on(async {
    /// let (send, mut receive) = mpsc::unbounded_channel();
    /// send.send(1).unwrap();
    /// assert_eq!(poll_fn(|cx| receive.poll_recv(cx)).await, Some(1));
    /// # });
    /// ```
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.consumer.poll_recv(cx)
    }

    /// Receives up to `limit` messages, for use in a hand-written future; see
    /// [`recv_many`](UnboundedReceiver::recv_many) and [`poll_recv`](UnboundedReceiver::poll_recv).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    /// use std::future::poll_fn;
    ///
    /// # runtime_sync::block_on(async {
    /// let (send, mut receive) = mpsc::unbounded_channel();
    /// send.send(1).unwrap();
    /// let mut got = Vec::new();
    /// assert_eq!(poll_fn(|cx| receive.poll_recv_many(cx, &mut got, 10)).await, 1);
    /// # });
    /// ```
    pub fn poll_recv_many(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        self.consumer.poll_recv_many(cx, buffer, limit)
    }

    /// How many senders there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, receive) = mpsc::unbounded_channel::<u32>();
    /// assert_eq!(receive.sender_strong_count(), 1);
    /// # drop(send);
    /// ```
    pub fn sender_strong_count(&self) -> usize {
        self.consumer.chan.strong_count()
    }

    /// How many weak senders there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, receive) = mpsc::unbounded_channel::<u32>();
    /// let _weak = send.downgrade();
    /// assert_eq!(receive.sender_weak_count(), 1);
    /// ```
    pub fn sender_weak_count(&self) -> usize {
        self.consumer.chan.weak_count()
    }

    /// What the channel looks like at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, receive) = mpsc::unbounded_channel();
    /// send.send(1).unwrap();
    /// assert_eq!(receive.stats().len, 1);
    /// ```
    pub fn stats(&self) -> MpscStats {
        self.consumer.chan.stats()
    }
}

impl<T, const BLOCK: usize> fmt::Debug for UnboundedReceiver<T, BLOCK> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedReceiver").field("chan", &self.stats()).finish()
    }
}
