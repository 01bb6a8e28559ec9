//! The end that sends.

use std::fmt;
use std::future::poll_fn;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::task::{Context, Poll, ready};

use super::OneshotStats;
use super::place::SenderEnd;
use crate::budget;

/// The end of a [`channel`](super::channel) that sends a value.
///
/// Dropping it without having sent lets the receiver end with an error.
///
/// # Examples
///
/// ```
/// use filch::sync::oneshot;
///
/// let (sender, receiver) = oneshot::channel();
/// sender.send("hello").unwrap();
/// assert_eq!(runtime_sync::block_on(receiver), Ok("hello"));
/// ```
///
/// What is sent goes to another thread, so it must be `Send`:
///
/// ```compile_fail,E0277
/// let (sender, _receiver) = filch::sync::oneshot::channel::<std::rc::Rc<()>>();
/// std::thread::spawn(move || drop(sender));
/// ```
pub struct Sender<T> {
    end: SenderEnd<T>,
}

// The word is whole at any moment at which foreign code may panic.
impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}

impl<T> Sender<T> {
    #[inline]
    pub(super) fn new(end: SenderEnd<T>) -> Sender<T> {
        Sender { end }
    }

    /// Sends the value. This never waits, so it may be called anywhere.
    ///
    /// `Ok` means that the receiver can have the value, not that it will: it may be dropped before
    /// it looks.
    ///
    /// # Errors
    ///
    /// Gives the value back if the receiver was dropped or closed before.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the receiver's waker. The value was sent then.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::oneshot;
    ///
    /// let (sender, receiver) = oneshot::channel();
    /// drop(receiver);
    /// assert_eq!(sender.send(1), Err(1));
    /// ```
    #[inline]
    pub fn send(self, value: T) -> Result<(), T> {
        self.end.send(value)
    }

    /// Waits until the receiver is dropped or closed, so that work for nobody can be given up.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::oneshot;
    ///
    /// filch::runtime::Runtime::new().unwrap().block_on(async {
    ///     let (mut sender, receiver) = oneshot::channel::<u32>();
    ///     filch::spawn(async move { drop(receiver) });
    ///     sender.closed().await;
    ///     assert!(sender.is_closed());
    /// });
    /// ```
    pub async fn closed(&mut self) {
        poll_fn(|cx| self.poll_closed(cx)).await;
    }

    /// Whether the receiver was dropped or closed. If so, [`send`](Sender::send) fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::oneshot;
    ///
    /// let (sender, mut receiver) = oneshot::channel::<u32>();
    /// assert!(!sender.is_closed());
    /// receiver.close();
    /// assert!(sender.is_closed());
    /// ```
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.end.state().is_closed()
    }

    /// Ready once the receiver is dropped or closed. Until then, the task of the last call is woken
    /// when it happens.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::oneshot;
    /// use std::future::poll_fn;
    ///
    /// let (mut sender, mut receiver) = oneshot::channel::<u32>();
    /// receiver.close();
    /// runtime_sync::block_on(poll_fn(|cx| sender.poll_closed(cx)));
    /// ```
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let unit = ready!(budget::poll_unit(cx));
        ready!(self.end.poll_closed(cx));
        unit.spend();
        Poll::Ready(())
    }

    /// What the channel looks like at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::oneshot;
    ///
    /// let (sender, _receiver) = oneshot::channel::<u32>();
    /// assert!(!sender.stats().receiver_waits);
    /// ```
    pub fn stats(&self) -> OneshotStats {
        OneshotStats::of(self.end.state())
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("state", &self.end).finish()
    }
}
