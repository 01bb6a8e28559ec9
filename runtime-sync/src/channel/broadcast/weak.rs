//! A sender that does not keep the channel open.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::sender::Sender;
use super::shared::Shared;
use crate::primitives::Arc;

/// A sender that does not keep the channel open, made by [`Sender::downgrade`].
///
/// # Examples
///
/// ```
/// use filch::sync::broadcast::{Sender, WeakSender};
///
/// let sender = Sender::new(4);
/// let mut receiver = sender.subscribe();
/// let weak: WeakSender<u32> = sender.downgrade();
/// weak.upgrade().expect("there is a sender").send(1).unwrap();
/// drop(sender);
/// assert_eq!(receiver.blocking_recv(), Ok(1));
/// assert!(receiver.blocking_recv().is_err());
/// ```
pub struct WeakSender<T> {
    shared: Arc<Shared<T>>,
}

// As for `Sender`.
impl<T> UnwindSafe for WeakSender<T> {}
impl<T> RefUnwindSafe for WeakSender<T> {}

impl<T> WeakSender<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> WeakSender<T> {
        shared.add_weak_sender();
        WeakSender { shared }
    }

    /// Makes a sender, unless all were dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast::Sender;
    ///
    /// let sender = Sender::<u32>::new(4);
    /// let weak = sender.downgrade();
    /// drop(sender);
    /// assert!(weak.upgrade().is_none());
    /// ```
    #[must_use = "a sender that is dropped at once does nothing"]
    pub fn upgrade(&self) -> Option<Sender<T>> {
        self.shared.revive_sender().then(|| Sender::from_shared(Arc::clone(&self.shared)))
    }

    /// How many senders there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast::Sender;
    ///
    /// let sender = Sender::<u32>::new(4);
    /// let weak = sender.downgrade();
    /// drop(sender);
    /// assert_eq!(weak.strong_count(), 0);
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
    /// let weak = Sender::<u32>::new(4).downgrade();
    /// let _second = weak.clone();
    /// assert_eq!(weak.weak_count(), 2);
    /// ```
    pub fn weak_count(&self) -> usize {
        self.shared.weak_senders()
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> WeakSender<T> {
        WeakSender::new(Arc::clone(&self.shared))
    }
}

impl<T> Drop for WeakSender<T> {
    fn drop(&mut self) {
        self.shared.drop_weak_sender();
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSender").finish_non_exhaustive()
    }
}
