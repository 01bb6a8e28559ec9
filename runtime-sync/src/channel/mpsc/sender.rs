//! The sending end of a bounded channel.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::chan::Chan;
use super::entrance::Refusal;
use super::error::{SendError, SendTimeoutError, TrySendError};
use super::producer::Producer;
use super::stats::MpscStats;
use super::{OwnedPermit, Permit, PermitIterator, WeakSender};
use crate::block_on::block_outside_of_tasks;
use crate::first_try::first_try;
use crate::panics::contain;
use crate::primitives::Arc;
use crate::timer;

/// Sends into a bounded channel; made by [`channel`](super::channel).
///
/// It can be cloned and shared. The channel is closed when the last one is dropped.
///
/// `BLOCK` is how many messages lie together in memory. There is no reason to choose another one,
/// except in tests of this module.
///
/// # Examples
///
/// ```
/// use filch::sync::mpsc;
///
/// filch::runtime::Runtime::new().unwrap().block_on(async {
///     let (send, mut receive) = mpsc::channel(1);
///     for n in 0..3 {
///         let send = send.clone();
///         filch::task::spawn(async move { send.send(n).await });
///     }
///     drop(send);
///     let mut got = Vec::new();
///     while let Some(n) = receive.recv().await {
///         got.push(n);
///     }
///     got.sort();
///     assert_eq!(got, [0, 1, 2]);
/// });
/// ```
pub struct Sender<T, const BLOCK: usize = 32> {
    producer: Producer<T, BLOCK>,
}

impl<T, const BLOCK: usize> Sender<T, BLOCK> {
    pub(super) fn first(chan: &Arc<Chan<T, BLOCK>>) -> Sender<T, BLOCK> {
        Sender { producer: Producer::first(chan) }
    }

    pub(super) fn of(producer: Producer<T, BLOCK>) -> Sender<T, BLOCK> {
        Sender { producer }
    }

    pub(super) fn chan(&self) -> &Chan<T, BLOCK> {
        &self.producer.chan
    }

    /// Sends a message, and waits for room if there is none.
    ///
    /// That it was sent does not mean that it will be received: the receiver may be dropped.
    ///
    /// # Errors
    ///
    /// Gives the value back if the receiver has closed the channel or is gone.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, nothing was sent, the value is dropped, and
    /// the place in line is lost. To keep the value, [`reserve`](Sender::reserve) first.
    ///
    /// # Examples
    ///
    /// ```
    /// # runtime_sync::block_on(async {
    /// use filch::sync::mpsc;
    ///
    /// let (send, mut receive) = mpsc::channel(1);
    /// send.send(1).await.unwrap();
    /// assert_eq!(receive.recv().await, Some(1));
    /// # });
    /// ```
    #[inline]
    pub fn send(&self, value: T) -> impl Future<Output = Result<(), SendError<T>>> {
        first_try(
            (self.chan(), value),
            |(chan, _)| chan.claim_now(),
            |(_, value), claim| {
                claim.write(value);
                Ok(())
            },
            |(chan, value)| {
                chan.reserve_in_line(move |reserved| match reserved {
                    Ok(()) => chan.send_for_permit(value).map_err(SendError),
                    Err(_) => Err(SendError(value)),
                })
            },
        )
    }

    /// Sends a message if there is room at once.
    ///
    /// # Errors
    ///
    /// Gives the value back if there is no room, or others wait for it, or the channel is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc::{self, error::TrySendError};
    ///
    /// let (send, _receive) = mpsc::channel(1);
    /// assert_eq!(send.try_send(1), Ok(()));
    /// assert_eq!(send.try_send(2), Err(TrySendError::Full(2)));
    /// ```
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        match self.chan().claim() {
            Ok(claim) => {
                claim.write(value);
                Ok(())
            }
            Err(Refusal::Full) => Err(TrySendError::Full(value)),
            Err(Refusal::Closed) => Err(TrySendError::Closed(value)),
        }
    }

    /// Sends a message, and waits for room, but not longer than `timeout`.
    ///
    /// # Errors
    ///
    /// Gives the value back if there was no room in time, or the channel is closed.
    ///
    /// # Panics
    ///
    /// Panics if it has to wait outside of a runtime with timers.
    ///
    /// # Cancel safety
    ///
    /// That of [`send`](Sender::send).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc::{self, error::SendTimeoutError};
    /// use std::time::Duration;
    ///
    /// filch::runtime::Runtime::new().unwrap().block_on(async {
    ///     let (send, _receive) = mpsc::channel(1);
    ///     let wait = Duration::from_millis(1);
    ///     assert_eq!(send.send_timeout(1, wait).await, Ok(()));
    ///     assert_eq!(send.send_timeout(2, wait).await, Err(SendTimeoutError::Timeout(2)));
    /// });
    /// ```
    pub async fn send_timeout(
        &self,
        value: T,
        timeout: Duration,
    ) -> Result<(), SendTimeoutError<T>> {
        let mut reserve = pin!(self.chan().reserve(1));
        let mut sleep = None;
        let reserved = poll_fn(|cx| {
            if let Poll::Ready(reserved) = reserve.as_mut().poll(cx) {
                return Poll::Ready(Some(reserved));
            }
            let sleep = sleep.get_or_insert_with(|| timer::sleep(timeout));
            sleep.as_mut().poll(cx).map(|()| None)
        })
        .await;
        // A waker that panics does not take the value along.
        contain(|| drop(sleep));
        contain(|| reserve.as_mut().leave());
        match reserved {
            None => Err(SendTimeoutError::Timeout(value)),
            Some(Err(_)) => Err(SendTimeoutError::Closed(value)),
            Some(Ok(())) => self.chan().send_for_permit(value).map_err(SendTimeoutError::Closed),
        }
    }

    /// Sends a message from a thread that runs no tasks, and blocks it while there is no room.
    ///
    /// # Errors
    ///
    /// Gives the value back if the channel is closed.
    ///
    /// # Panics
    ///
    /// Panics within a task; use [`send`](Sender::send) there.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, mut receive) = mpsc::channel(1);
    /// let thread = std::thread::spawn(move || {
    ///     send.blocking_send(1).unwrap();
    ///     send.blocking_send(2).unwrap();
    /// });
    /// assert_eq!(receive.blocking_recv(), Some(1));
    /// assert_eq!(receive.blocking_recv(), Some(2));
    /// thread.join().unwrap();
    /// ```
    #[track_caller]
    pub fn blocking_send(&self, value: T) -> Result<(), SendError<T>> {
        block_outside_of_tasks("blocking_send", "send", self.send(value))
    }

    /// Waits for room for one message and takes it, without a message yet.
    ///
    /// # Errors
    ///
    /// Fails if the receiver has closed the channel or is gone.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the place in line is lost and nothing else.
    ///
    /// # Examples
    ///
    /// ```
    /// # runtime_sync::block_on(async {
    /// use filch::sync::mpsc;
    ///
    /// let (send, mut receive) = mpsc::channel(1);
    /// let permit = send.reserve().await.unwrap();
    /// assert!(send.try_send(0).is_err());
    /// permit.send(1);
    /// assert_eq!(receive.recv().await, Some(1));
    /// # });
    /// ```
    pub async fn reserve(&self) -> Result<Permit<'_, T, BLOCK>, SendError<()>> {
        let reserved = self.chan().reserve(1).await;
        reserved.map(|()| Permit::new(self.chan())).map_err(|_| SendError(()))
    }

    /// Waits for room for `count` messages and takes it at once.
    ///
    /// Those behind in line wait until there is room for all `count`.
    ///
    /// # Errors
    ///
    /// Fails if the channel is closed, or can never have so much room: if `count` is greater than
    /// [`max_capacity`](Sender::max_capacity) or than 1048575.
    ///
    /// # Cancel safety
    ///
    /// That of [`reserve`](Sender::reserve).
    ///
    /// # Examples
    ///
    /// ```
    /// # runtime_sync::block_on(async {
    /// use filch::sync::mpsc;
    ///
    /// let (send, mut receive) = mpsc::channel(3);
    /// for (n, permit) in send.reserve_many(2).await.unwrap().enumerate() {
    ///     permit.send(n);
    /// }
    /// let mut got = Vec::new();
    /// assert_eq!(receive.recv_many(&mut got, 10).await, 2);
    /// assert_eq!(got, [0, 1]);
    /// # });
    /// ```
    pub async fn reserve_many(
        &self,
        count: usize,
    ) -> Result<PermitIterator<'_, T, BLOCK>, SendError<()>> {
        let chan = self.chan();
        if !chan.can_ever_hold(count) || chan.reserve(count).await.is_err() {
            return Err(SendError(()));
        }
        Ok(PermitIterator::new(chan, count))
    }

    /// Waits for room for one message and takes it; the permit owns this sender.
    ///
    /// # Errors
    ///
    /// Fails if the receiver has closed the channel or is gone; the sender is dropped then.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the place in line is lost, and the sender is dropped. Clone it
    /// before, or use [`reserve`](Sender::reserve).
    ///
    /// # Examples
    ///
    /// ```
    /// # runtime_sync::block_on(async {
    /// use filch::sync::mpsc;
    ///
    /// let (send, mut receive) = mpsc::channel(1);
    /// let permit = send.reserve_owned().await.unwrap();
    /// let send = permit.send(1);
    /// assert_eq!(receive.recv().await, Some(1));
    /// # drop(send);
    /// # });
    /// ```
    pub async fn reserve_owned(self) -> Result<OwnedPermit<T, BLOCK>, SendError<()>> {
        match self.chan().reserve(1).await {
            Ok(()) => Ok(OwnedPermit::new(self.producer)),
            Err(_) => Err(SendError(())),
        }
    }

    /// Takes room for one message if there is some at once.
    ///
    /// # Errors
    ///
    /// Fails if there is no room, or others wait for it, or the channel is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc::{self, error::TrySendError};
    ///
    /// let (send, _receive) = mpsc::channel(1);
    /// let permit = send.try_reserve().unwrap();
    /// assert_eq!(send.try_reserve().unwrap_err(), TrySendError::Full(()));
    /// permit.send('a');
    /// ```
    pub fn try_reserve(&self) -> Result<Permit<'_, T, BLOCK>, TrySendError<()>> {
        match self.chan().try_reserve(1) {
            Ok(()) => Ok(Permit::new(self.chan())),
            Err(refusal) => Err(refusal.with(())),
        }
    }

    /// Takes room for `count` messages if there is so much at once.
    ///
    /// # Errors
    ///
    /// Fails if there is not, or others wait for it, or the channel is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc::{self, error::TrySendError};
    ///
    /// let (send, _receive) = mpsc::channel::<char>(3);
    /// let permits = send.try_reserve_many(2).unwrap();
    /// assert_eq!(send.try_reserve_many(2).unwrap_err(), TrySendError::Full(()));
    /// assert_eq!(permits.len(), 2);
    /// ```
    pub fn try_reserve_many(
        &self,
        count: usize,
    ) -> Result<PermitIterator<'_, T, BLOCK>, TrySendError<()>> {
        if !self.chan().can_ever_hold(count) {
            return Err(TrySendError::Full(()));
        }
        match self.chan().try_reserve(count) {
            Ok(()) => Ok(PermitIterator::new(self.chan(), count)),
            Err(refusal) => Err(refusal.with(())),
        }
    }

    /// Takes room for one message if there is some at once; the permit owns this sender.
    ///
    /// # Errors
    ///
    /// Gives the sender back if there is no room, or others wait for it, or the channel is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, mut receive) = mpsc::channel(1);
    /// let permit = send.clone().try_reserve_owned().unwrap();
    /// let send = send.try_reserve_owned().unwrap_err().into_inner();
    /// permit.send(1);
    /// assert_eq!(receive.try_recv(), Ok(1));
    /// # drop(send);
    /// ```
    pub fn try_reserve_owned(
        self,
    ) -> Result<OwnedPermit<T, BLOCK>, TrySendError<Sender<T, BLOCK>>> {
        match self.chan().try_reserve(1) {
            Ok(()) => Ok(OwnedPermit::new(self.producer)),
            Err(refusal) => Err(refusal.with(self)),
        }
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
    /// let (send, receive) = mpsc::channel::<u32>(1);
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
    /// let (send, receive) = mpsc::channel::<u32>(1);
    /// assert!(!send.is_closed());
    /// drop(receive);
    /// assert!(send.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.chan().gate().load().is_closed()
    }

    /// How many messages could be sent at once.
    ///
    /// It is 0 while senders wait in line, even if there is some room, but not enough for the
    /// first of them.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::channel(5);
    /// let _permit = send.try_reserve().unwrap();
    /// send.try_send(1).unwrap();
    /// assert_eq!(send.capacity(), 3);
    /// ```
    pub fn capacity(&self) -> usize {
        self.chan().room()
    }

    /// The capacity that the channel was made with.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::channel(5);
    /// send.try_send(1).unwrap();
    /// assert_eq!(send.max_capacity(), 5);
    /// ```
    pub fn max_capacity(&self) -> usize {
        self.chan().limit() as usize
    }

    /// Whether both send into the same channel.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::channel::<u32>(1);
    /// let (other, _receive) = mpsc::channel::<u32>(1);
    /// assert!(send.same_channel(&send.clone()));
    /// assert!(!send.same_channel(&other));
    /// ```
    pub fn same_channel(&self, other: &Sender<T, BLOCK>) -> bool {
        self.producer.same_channel(&other.producer)
    }

    /// Makes a handle that does not keep the channel open.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::channel::<u32>(1);
    /// let weak = send.downgrade();
    /// drop(send);
    /// assert!(weak.upgrade().is_none());
    /// ```
    #[must_use = "it has no effect on the sender itself"]
    pub fn downgrade(&self) -> WeakSender<T, BLOCK> {
        WeakSender::of(self.producer.downgrade())
    }

    /// How many senders there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::channel::<u32>(1);
    /// let _another = send.clone();
    /// assert_eq!(send.strong_count(), 2);
    /// ```
    pub fn strong_count(&self) -> usize {
        self.chan().strong_count()
    }

    /// How many [`WeakSender`]s there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::mpsc;
    ///
    /// let (send, _receive) = mpsc::channel::<u32>(1);
    /// let _weak = send.downgrade();
    /// assert_eq!(send.weak_count(), 1);
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
    /// let (send, _receive) = mpsc::channel(5);
    /// send.try_send(1).unwrap();
    /// assert_eq!(send.stats().len, 1);
    /// ```
    pub fn stats(&self) -> MpscStats {
        self.chan().stats()
    }
}

impl Refusal {
    fn with<T>(self, value: T) -> TrySendError<T> {
        match self {
            Refusal::Full => TrySendError::Full(value),
            Refusal::Closed => TrySendError::Closed(value),
        }
    }
}

impl<T, const BLOCK: usize> Clone for Sender<T, BLOCK> {
    fn clone(&self) -> Sender<T, BLOCK> {
        Sender { producer: self.producer.clone() }
    }
}

impl<T, const BLOCK: usize> fmt::Debug for Sender<T, BLOCK> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("chan", &self.chan().stats()).finish()
    }
}
