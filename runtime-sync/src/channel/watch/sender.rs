//! The end that changes the value.

use std::fmt;

use super::WatchStats;
use super::error::SendError;
use super::receiver::{Receiver, Ref};
use super::shared::Shared;
use crate::budget;
use crate::primitives::Arc;

/// An end of a [`channel`](super::channel) that changes the value.
///
/// The methods that change it wait for those who look at it through a [`Ref`] at that moment, so
/// a thread that holds a `Ref` must not call them: it would wait for itself.
///
/// # Examples
///
/// ```
/// use filch::sync::watch;
///
/// let (sender, receiver) = watch::channel(1);
/// sender.send(2).unwrap();
/// assert_eq!(*receiver.borrow(), 2);
/// ```
///
/// What is sent goes to other threads, which all look at it at once, so it must be `Send + Sync`:
///
/// ```compile_fail,E0277
/// let (sender, _receiver) = filch::sync::watch::channel(std::cell::Cell::new(1));
/// std::thread::spawn(move || drop(sender));
/// ```
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Makes a channel with no receiver yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch::Sender;
    ///
    /// let sender = Sender::new(1);
    /// assert_eq!(sender.receiver_count(), 0);
    /// assert_eq!(*sender.subscribe().borrow(), 1);
    /// ```
    pub fn new(init: T) -> Sender<T> {
        Sender { shared: Arc::new(Shared::new(init)) }
    }

    /// Puts `value` in place of the one that is there, and wakes all receivers that wait.
    ///
    /// The value before is dropped once the lock is given back.
    ///
    /// # Errors
    ///
    /// Gives `value` back if there is no receiver, and changes nothing. See
    /// [`send_replace`](Sender::send_replace) for changing it all the same.
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a waker, after all have been woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch;
    ///
    /// let (sender, mut receiver) = watch::channel(1);
    /// sender.send(2).unwrap();
    /// assert_eq!(*receiver.borrow_and_update(), 2);
    /// drop(receiver);
    /// assert_eq!(sender.send(3).unwrap_err().0, 3);
    /// ```
    #[inline]
    #[track_caller]
    pub fn send(&self, mut value: T) -> Result<(), SendError<T>> {
        if self.receiver_count() == 0 {
            return Err(SendError(value));
        }
        self.shared.swap(&mut value);
        Ok(())
    }

    /// Changes the value in place, and wakes all receivers that wait, also if there are none.
    ///
    /// # Panics
    ///
    /// Passes on a panic of `modify`. The value is as it was left then, receivers can look at it,
    /// and it counts as not changed. Also passes on a panic of a waker.
    ///
    /// If what `modify` does, or drops, looks at the value through this channel or changes it, that panics.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch;
    ///
    /// let (sender, receiver) = watch::channel(vec![1]);
    /// sender.send_modify(|list| list.push(2));
    /// assert_eq!(*receiver.borrow(), [1, 2]);
    /// ```
    #[track_caller]
    pub fn send_modify<F>(&self, modify: F)
    where
        F: FnOnce(&mut T),
    {
        self.send_if_modified(|value| {
            modify(value);
            true
        });
    }

    /// Changes the value in place, and wakes all receivers that wait if `modify` says that it has.
    /// Returns what that said.
    ///
    /// If `modify` changes the value and denies it, receivers see the new value when they look, but
    /// nobody tells them to.
    ///
    /// # Panics
    ///
    /// As [`send_modify`](Sender::send_modify).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch;
    ///
    /// let (sender, receiver) = watch::channel(5);
    /// let raise = |to: u32| {
    ///     sender.send_if_modified(|value| {
    ///         let higher = to > *value;
    ///         *value = to.max(*value);
    ///         higher
    ///     })
    /// };
    /// assert!(!raise(3));
    /// assert!(!receiver.has_changed().unwrap());
    /// assert!(raise(7));
    /// assert!(receiver.has_changed().unwrap());
    /// ```
    #[track_caller]
    pub fn send_if_modified<F>(&self, modify: F) -> bool
    where
        F: FnOnce(&mut T) -> bool,
    {
        self.shared.modify(modify)
    }

    /// Puts `value` in place of the one that is there, which comes back, and wakes all receivers
    /// that wait. Does so also if there are none.
    ///
    /// A panic of a waker does not come out, as the value would go with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch::Sender;
    ///
    /// let sender = Sender::new(1);
    /// assert_eq!(sender.send_replace(2), 1);
    /// assert_eq!(*sender.borrow(), 2);
    /// ```
    #[inline]
    #[track_caller]
    pub fn send_replace(&self, mut value: T) -> T {
        self.shared.swap_calmly(&mut value);
        value
    }

    /// Looks at the value.
    ///
    /// As long as the [`Ref`] is there, nobody can change the value. Do not hold it across an
    /// `.await`, and do not send on this thread meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch::Sender;
    ///
    /// assert_eq!(*Sender::new(1).borrow(), 1);
    /// ```
    #[track_caller]
    pub fn borrow(&self) -> Ref<'_, T> {
        // A sender has seen everything.
        Ref::new(self.shared.look(), false)
    }

    /// Whether there is no receiver at this moment. It can change: see
    /// [`subscribe`](Sender::subscribe).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch;
    ///
    /// let (sender, receiver) = watch::channel(1);
    /// assert!(!sender.is_closed());
    /// drop(receiver);
    /// assert!(sender.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
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
    /// use filch::sync::watch;
    ///
    /// filch::runtime::Runtime::new().unwrap().block_on(async {
    ///     let (sender, receiver) = watch::channel(1);
    ///     filch::spawn(async move { drop(receiver) });
    ///     sender.closed().await;
    /// });
    /// ```
    pub async fn closed(&self) {
        budget::cooperative(self.shared.deserted()).await;
    }

    /// Makes another receiver, for which the present value counts as seen.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch;
    ///
    /// let (sender, receiver) = watch::channel(1);
    /// drop(receiver);
    /// let receiver = sender.subscribe();
    /// assert!(!receiver.has_changed().unwrap());
    /// sender.send(2).unwrap();
    /// assert!(receiver.has_changed().unwrap());
    /// ```
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::new(Arc::clone(&self.shared), self.shared.version())
    }

    /// How many receivers there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch;
    ///
    /// let (sender, receiver) = watch::channel(1);
    /// let _second = receiver.clone();
    /// assert_eq!(sender.receiver_count(), 2);
    /// ```
    pub fn receiver_count(&self) -> usize {
        self.shared.receivers()
    }

    /// How many senders there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch::Sender;
    ///
    /// let sender = Sender::new(1);
    /// let _second = sender.clone();
    /// assert_eq!(sender.sender_count(), 2);
    /// ```
    pub fn sender_count(&self) -> usize {
        self.shared.senders()
    }

    /// Whether both are senders of one channel.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch::Sender;
    ///
    /// let sender = Sender::new(1);
    /// assert!(sender.same_channel(&sender.clone()));
    /// assert!(!sender.same_channel(&Sender::new(1)));
    /// ```
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// What the channel looks like at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch::Sender;
    ///
    /// assert_eq!(Sender::new(1).stats().senders, 1);
    /// ```
    pub fn stats(&self) -> WatchStats {
        self.shared.stats()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.shared.add_sender();
        Sender { shared: Arc::clone(&self.shared) }
    }
}

impl<T: Default> Default for Sender<T> {
    fn default() -> Sender<T> {
        Sender::new(T::default())
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
            .field("senders", &self.sender_count())
            .field("receivers", &self.receiver_count())
            .finish_non_exhaustive()
    }
}
