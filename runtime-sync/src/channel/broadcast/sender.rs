//! The end that sends.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::BroadcastStats;
use super::error::SendError;
use super::position::Position;
use super::receiver::Receiver;
use super::shared::Shared;
use super::weak::WeakSender;
use crate::budget;
use crate::primitives::Arc;

/// An end of a [`channel`](super::channel) that sends to all receivers.
///
/// # Examples
///
/// ```
/// use filch::sync::broadcast;
///
/// let (sender, mut receiver) = broadcast::channel(4);
/// let second = sender.clone();
/// sender.send(1).unwrap();
/// second.send(2).unwrap();
/// assert_eq!(receiver.try_recv(), Ok(1));
/// assert_eq!(receiver.try_recv(), Ok(2));
/// ```
///
/// What is sent goes to other threads, so it must be `Send`; it need not be `Sync`:
///
/// ```compile_fail,E0277
/// let (sender, _receiver) = filch::sync::broadcast::channel::<std::rc::Rc<()>>(1);
/// std::thread::spawn(move || drop(sender));
/// ```
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

// No foreign code runs while a slot or a line is out of order.
impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}

impl<T> Sender<T> {
    /// Makes a channel with no receiver yet.
    ///
    /// # Panics
    ///
    /// As [`channel`](super::channel).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast::Sender;
    ///
    /// let sender = Sender::new(4);
    /// let mut receiver = sender.subscribe();
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// ```
    #[track_caller]
    pub fn new(capacity: usize) -> Sender<T> {
        Sender::starting_at(capacity, Position::new(0))
    }

    #[track_caller]
    pub(super) fn starting_at(capacity: usize, start: Position) -> Sender<T> {
        Sender { shared: Arc::new(Shared::new(capacity, start)) }
    }

    pub(super) fn from_shared(shared: Arc<Shared<T>>) -> Sender<T> {
        Sender { shared }
    }

    /// Sends a value to all receivers there are at this moment. Returns how many they are.
    ///
    /// This never waits. If there is no room, the oldest value goes, and receivers that have not
    /// read it are told that they lag behind. `Ok` does not mean that all will receive it: they may
    /// be dropped or lag behind before they do.
    ///
    /// # Errors
    ///
    /// Gives the value back if there is no receiver. That may change: see
    /// [`subscribe`](Sender::subscribe).
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a waker, after all have been woken, or of the drop of the value
    /// that had to go. The value was sent then.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast;
    ///
    /// let (sender, receiver) = broadcast::channel(4);
    /// assert_eq!(sender.send(1), Ok(1));
    /// drop(receiver);
    /// assert!(sender.send(2).is_err());
    /// ```
    pub fn send(&self, value: T) -> Result<usize, SendError<T>> {
        self.shared.send(value)
    }

    /// Makes another receiver. It receives what is sent from now on.
    ///
    /// # Panics
    ///
    /// Panics if there are 2^20 - 1 receivers already.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast::{self, error::TryRecvError};
    ///
    /// let (sender, _first) = broadcast::channel(4);
    /// sender.send(1).unwrap();
    /// let mut late = sender.subscribe();
    /// assert_eq!(late.try_recv(), Err(TryRecvError::Empty));
    /// ```
    #[track_caller]
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::new(Arc::clone(&self.shared))
    }

    /// How many values are in the channel: sent, not pushed out by later ones, and not received by
    /// all that are to receive them.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast;
    ///
    /// let (sender, mut first) = broadcast::channel(4);
    /// let mut second = sender.subscribe();
    /// sender.send(1).unwrap();
    /// sender.send(2).unwrap();
    /// assert_eq!(sender.len(), 2);
    /// first.try_recv().unwrap();
    /// assert_eq!(sender.len(), 2);
    /// second.try_recv().unwrap();
    /// assert_eq!(sender.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// Whether all values were received by all that are to receive them.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast;
    ///
    /// let (sender, receiver) = broadcast::channel(4);
    /// assert!(sender.is_empty());
    /// sender.send(1).unwrap();
    /// assert!(!sender.is_empty());
    /// drop(receiver);
    /// assert!(sender.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.shared.is_empty()
    }

    /// How many receivers there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast;
    ///
    /// let (sender, _first) = broadcast::channel::<u32>(4);
    /// let _second = sender.subscribe();
    /// assert_eq!(sender.receiver_count(), 2);
    /// ```
    pub fn receiver_count(&self) -> usize {
        self.shared.tail.load().receivers as usize
    }

    /// Waits until there is no receiver.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast;
    ///
    /// filch::runtime::Runtime::new().unwrap().block_on(async {
    ///     let (sender, receiver) = broadcast::channel::<u32>(4);
    ///     filch::spawn(async move { drop(receiver) });
    ///     sender.closed().await;
    ///     assert_eq!(sender.receiver_count(), 0);
    /// });
    /// ```
    pub async fn closed(&self) {
        budget::cooperative(self.shared.deserted()).await;
    }

    /// Whether both are senders of one channel.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast::Sender;
    ///
    /// let sender = Sender::<u32>::new(4);
    /// assert!(sender.same_channel(&sender.clone()));
    /// assert!(!sender.same_channel(&Sender::new(4)));
    /// ```
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Makes a sender that does not keep the channel open.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast::Sender;
    ///
    /// let sender = Sender::<u32>::new(4);
    /// let weak = sender.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// drop(sender);
    /// assert!(weak.upgrade().is_none());
    /// ```
    #[must_use = "a weak sender does nothing on its own"]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender::new(Arc::clone(&self.shared))
    }

    /// How many senders there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast::Sender;
    ///
    /// let sender = Sender::<u32>::new(4);
    /// let _second = sender.clone();
    /// assert_eq!(sender.strong_count(), 2);
    /// ```
    pub fn strong_count(&self) -> usize {
        self.shared.senders()
    }

    /// How many weak senders there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast::Sender;
    ///
    /// let sender = Sender::<u32>::new(4);
    /// let _weak = sender.downgrade();
    /// assert_eq!(sender.weak_count(), 1);
    /// ```
    pub fn weak_count(&self) -> usize {
        self.shared.weak_senders()
    }

    /// What the channel looks like at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast::Sender;
    ///
    /// assert_eq!(Sender::<u32>::new(3).stats().capacity, 4);
    /// ```
    pub fn stats(&self) -> BroadcastStats {
        self.shared.stats()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.shared.add_sender();
        Sender { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.drop_sender();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("len", &self.len())
            .field("receivers", &self.receiver_count())
            .finish_non_exhaustive()
    }
}
