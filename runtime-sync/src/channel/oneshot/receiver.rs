//! The end that receives: a future.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::OneshotStats;
use super::error::{RecvError, TryRecvError};
use super::place::ReceiverEnd;
use crate::block_on::block_outside_of_tasks;
use crate::budget;

/// The end of a [`channel`](super::channel) that receives: the future of the value.
///
/// To wait for the value among other things, poll `&mut receiver`.
///
/// # Errors
///
/// It ends with [`RecvError`] if the sender was dropped without having sent, or if the receiver was
/// [closed](Receiver::close) before the sender sent.
///
/// # Panics
///
/// Panics if it is polled again after it was ready, or after [`try_recv`](Receiver::try_recv) has
/// returned a value or [`TryRecvError::Closed`]. [`is_terminated`](Receiver::is_terminated) tells.
///
/// # Cancel safety
///
/// Polling a reference loses nothing. Dropping the receiver itself drops a value that was sent.
///
/// # Examples
///
/// ```
/// use filch::sync::oneshot;
///
/// let (sender, mut receiver) = oneshot::channel();
/// let thread = std::thread::spawn(move || sender.send(1).unwrap());
/// assert_eq!(runtime_sync::block_on(&mut receiver), Ok(1));
/// # thread.join().unwrap();
/// ```
///
/// What is received comes from another thread, so it must be `Send`:
///
/// ```compile_fail,E0277
/// let (_sender, receiver) = filch::sync::oneshot::channel::<std::rc::Rc<()>>();
/// std::thread::spawn(move || drop(receiver));
/// ```
pub struct Receiver<T> {
    /// `None` once the value, or the news that none comes, was handed out.
    end: Option<ReceiverEnd<T>>,
}

impl<T> Unpin for Receiver<T> {}
// The word is whole at any moment at which foreign code may panic.
impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> Receiver<T> {
    #[inline]
    pub(super) fn new(end: ReceiverEnd<T>) -> Receiver<T> {
        Receiver { end: Some(end) }
    }

    /// Takes no value from now on. One that was sent before can still be received.
    ///
    /// Does nothing if it was called before, or if the sender has gone.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the waker of a task in [`Sender::closed`](super::Sender::closed).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::oneshot::{self, error::TryRecvError};
    ///
    /// let (sender, mut receiver) = oneshot::channel();
    /// receiver.close();
    /// assert_eq!(sender.send(1), Err(1));
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    /// ```
    ///
    /// To give up waiting without losing a value that comes at the last moment:
    ///
    /// ```
    /// use filch::sync::oneshot;
    ///
    /// let (sender, mut receiver) = oneshot::channel();
    /// sender.send(1).unwrap();
    /// receiver.close();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// ```
    pub fn close(&mut self) {
        if let Some(end) = &mut self.end {
            end.close();
        }
    }

    /// Takes the value if it is there.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] if nothing was sent yet; [`TryRecvError::Closed`] if nothing can
    /// come any more, also because the value was received before.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::oneshot::{self, error::TryRecvError};
    ///
    /// let (sender, mut receiver) = oneshot::channel();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let end = self.end.as_ref().ok_or(TryRecvError::Closed)?;
        let state = end.state();
        if !state.has_value() && !state.is_sender_gone() && !state.is_closed() {
            return Err(TryRecvError::Empty);
        }
        self.finish().ok_or(TryRecvError::Closed)
    }

    /// Blocks the thread until the value comes.
    ///
    /// # Errors
    ///
    /// As for awaiting it.
    ///
    /// # Panics
    ///
    /// Panics within a task, and if the receiver was ready before.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::oneshot;
    ///
    /// let (sender, receiver) = oneshot::channel();
    /// let thread = std::thread::spawn(move || receiver.blocking_recv());
    /// sender.send(1).unwrap();
    /// assert_eq!(thread.join().unwrap(), Ok(1));
    /// ```
    #[track_caller]
    pub fn blocking_recv(self) -> Result<T, RecvError> {
        block_outside_of_tasks("blocking_recv", "receiver", self)
    }

    /// Whether there is no value to be had at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::oneshot;
    ///
    /// let (sender, mut receiver) = oneshot::channel();
    /// assert!(receiver.is_empty());
    /// sender.send(1).unwrap();
    /// assert!(!receiver.is_empty());
    /// receiver.try_recv().unwrap();
    /// assert!(receiver.is_empty());
    /// ```
    #[inline]
    pub fn is_empty(&self) -> bool {
        !self.end.as_ref().is_some_and(|end| end.state().has_value())
    }

    /// Whether the value, or the news that none comes, was handed out, so that polling would panic.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::oneshot;
    ///
    /// let (sender, mut receiver) = oneshot::channel();
    /// sender.send(1).unwrap();
    /// assert!(!receiver.is_terminated());
    /// receiver.try_recv().unwrap();
    /// assert!(receiver.is_terminated());
    /// ```
    #[inline]
    pub fn is_terminated(&self) -> bool {
        self.end.is_none()
    }

    /// What the channel looks like at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::oneshot;
    ///
    /// let (sender, receiver) = oneshot::channel::<u32>();
    /// drop(sender);
    /// assert!(receiver.stats().is_sender_gone);
    /// ```
    pub fn stats(&self) -> OneshotStats {
        self.end.as_ref().map_or(OneshotStats::OVER, |end| OneshotStats::of(end.state()))
    }

    #[inline]
    fn finish(&mut self) -> Option<T> {
        self.end.take().and_then(ReceiverEnd::finish)
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    #[inline]
    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, RecvError>> {
        let Some(end) = &mut self.end else { polled_after_ready() };
        let unit = ready!(budget::poll_unit(cx));
        ready!(end.poll_over(cx));
        unit.spend();
        Poll::Ready(self.finish().ok_or(RecvError(())))
    }
}

#[cold]
#[track_caller]
fn polled_after_ready() -> ! {
    panic!(
        "a `oneshot::Receiver` was polled after it was ready: it gives one value only, so drop it \
         then, or ask `is_terminated` before"
    )
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("state", &self.end).finish()
    }
}
