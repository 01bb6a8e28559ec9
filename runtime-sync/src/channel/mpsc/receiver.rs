//! The receiving end of a bounded channel.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

use super::chan::Consumer;
use super::error::TryRecvError;
use super::stats::MpscStats;
use crate::block_on::block_outside_of_tasks;

/// Receives from a bounded channel; made by [`channel`](super::channel).
///
/// Dropped, it closes the channel and drops the messages that are queued.
///
/// # Examples
///
/// ```
/// use filch::sync::mpsc;
///
/// filch::runtime::Runtime::new().unwrap().block_on(async {
///     let (send, mut receive) = mpsc::channel(16);
///     filch::task::spawn(async move { send.send("hello").await });
///     assert_eq!(receive.recv().await, Some("hello"));
///     assert_eq!(receive.recv().await, None);
/// });
/// ```
///
/// It cannot be cloned; there is one receiver.
///
/// ```compile_fail,E0599
/// let (_send, receive) = filch::sync::mpsc::channel::<u32>(1);
/// receive.clone();
/// ```
pub struct Receiver<T, const BLOCK: usize = 32> {
    consumer: Consumer<T, BLOCK>,
}

impl<T, const BLOCK: usize> Receiver<T, BLOCK> {
    pub(super) fn new(consumer: Consumer<T, BLOCK>) -> Receiver<T, BLOCK> {
        Receiver { consumer }
    }

    /// Receives the next message, and waits for it.
    ///
    /// `None` means that the channel is closed and everything that was sent has been received,
    /// and that no permit is out with which more could be sent.
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
    /// let (send, mut receive) = mpsc::channel(1);
    /// send.send(1).await.unwrap();
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
    /// let (send, mut receive) = mpsc::channel(3);
    /// for n in 0..3 {
    ///     send.send(n).await.unwrap();
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
    /// [`Disconnected`](TryRecvError::Disconnected) if [`recv`](Receiver::recv) would return `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc::{self, error::TryRecvError};
    ///
    /// let (send, mut receive) = mpsc::channel(1);
    /// send.try_send(1).unwrap();
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
    /// let (send, mut receive) = mpsc::channel(1);
    /// let thread = std::thread::spawn(move || send.blocking_send(1));
    /// assert_eq!(receive.blocking_recv(), Some(1));
    /// assert_eq!(receive.blocking_recv(), None);
    /// # thread.join().unwrap().unwrap();
    /// ```
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Option<T> {
        block_outside_of_tasks("blocking_recv", "recv", self.recv())
    }

    /// Receives up to `limit` messages on a thread that runs no tasks, and blocks it until there
    /// is one at least; see [`recv_many`](Receiver::recv_many).
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
    /// let (send, mut receive) = mpsc::channel(1);
    /// send.try_send(1).unwrap();
    /// let mut got = Vec::new();
    /// assert_eq!(receive.blocking_recv_many(&mut got, 10), 1);
    /// ```
    #[track_caller]
    pub fn blocking_recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        block_outside_of_tasks("blocking_recv_many", "recv_many", self.recv_many(buffer, limit))
    }

    /// Lets nobody send any more. What was sent before can still be received.
    ///
    /// Those who wait for room are woken and get their values back. Permits that are out can still be
    /// used: [`recv`](Receiver::recv) returns `None` when they were used or dropped.
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
    /// let (send, mut receive) = mpsc::channel(1);
    /// send.try_send(1).unwrap();
    /// receive.close();
    /// assert!(send.try_send(2).is_err());
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
    /// let (send, receive) = mpsc::channel::<u32>(1);
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
    /// let (send, receive) = mpsc::channel(1);
    /// assert!(receive.is_empty());
    /// send.try_send(1).unwrap();
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
    /// let (send, receive) = mpsc::channel(1);
    /// send.try_send(1).unwrap();
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
    /// let (send, mut receive) = mpsc::channel(1);
    /// send.try_send(1).unwrap();
    /// assert_eq!(poll_fn(|cx| receive.poll_recv(cx)).await, Some(1));
    /// # });
    /// ```
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.consumer.poll_recv(cx)
    }

    /// Receives up to `limit` messages, for use in a hand-written future; see
    /// [`recv_many`](Receiver::recv_many) and [`poll_recv`](Receiver::poll_recv).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    /// use std::future::poll_fn;
    ///
    /// # runtime_sync::block_on(async {
    /// let (send, mut receive) = mpsc::channel(1);
    /// send.try_send(1).unwrap();
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

    /// How many messages could be sent at once; see [`Sender::capacity`](super::Sender::capacity).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, receive) = mpsc::channel(5);
    /// send.try_send(1).unwrap();
    /// assert_eq!(receive.capacity(), 4);
    /// ```
    pub fn capacity(&self) -> usize {
        self.consumer.chan.room()
    }

    /// The capacity that the channel was made with.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (_send, receive) = mpsc::channel::<u32>(5);
    /// assert_eq!(receive.max_capacity(), 5);
    /// ```
    pub fn max_capacity(&self) -> usize {
        self.consumer.chan.limit() as usize
    }

    /// How many senders there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, receive) = mpsc::channel::<u32>(1);
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
    /// let (send, receive) = mpsc::channel::<u32>(1);
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
    /// let (send, receive) = mpsc::channel(1);
    /// send.try_send(1).unwrap();
    /// assert_eq!(receive.stats().len, 1);
    /// ```
    pub fn stats(&self) -> MpscStats {
        self.consumer.chan.stats()
    }
}

impl<T, const BLOCK: usize> fmt::Debug for Receiver<T, BLOCK> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("chan", &self.stats()).finish()
    }
}
