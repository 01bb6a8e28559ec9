//! The end that receives.

use std::fmt;
use std::future::poll_fn;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::task::Poll;

use super::BroadcastStats;
use super::error::{RecvError, TryRecvError};
use super::position::Position;
use super::shared::{Received, Shared};
use crate::block_on::block_outside_of_tasks;
use crate::budget;
use crate::first_try::first_try;
use crate::primitives::{Arc, thread};

/// An end of a [`channel`](super::channel) that receives a clone of each value.
///
/// Each receiver has to read all values that are sent as long as it is there, so one that nobody
/// reads keeps values alive until later ones push them out.
///
/// The last receiver of a value gets the value itself. The `clone` of a value must not receive that
/// same value from another receiver; it panics if it does.
///
/// # Examples
///
/// ```
/// use filch::sync::broadcast;
///
/// let (sender, mut receiver) = broadcast::channel(4);
/// let thread = std::thread::spawn(move || sender.send("hello").unwrap());
/// assert_eq!(runtime_sync::block_on(receiver.recv()), Ok("hello"));
/// # thread.join().unwrap();
/// ```
///
/// What is received comes from another thread, so it must be `Send`:
///
/// ```compile_fail,E0277
/// let (_sender, receiver) = filch::sync::broadcast::channel::<std::rc::Rc<()>>(1);
/// std::thread::spawn(move || drop(receiver));
/// ```
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The value that it reads next.
    next: Position,
}

// No foreign code runs while a slot or a line is out of order.
impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> Receiver<T> {
    #[track_caller]
    pub(super) fn new(shared: Arc<Shared<T>>) -> Receiver<T> {
        let next = shared.tail.join();
        Receiver { shared, next }
    }

    /// How many values were sent that this receiver has not received, with those that it has
    /// missed.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast;
    ///
    /// let (sender, receiver) = broadcast::channel(1);
    /// sender.send(1).unwrap();
    /// sender.send(2).unwrap();
    /// assert_eq!(receiver.len(), 2);
    /// assert_eq!(sender.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        let len = self.shared.tail.load().position.since(self.next);
        usize::try_from(len).unwrap_or(usize::MAX)
    }

    /// Whether everything that was sent was received.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast;
    ///
    /// let (sender, receiver) = broadcast::channel(1);
    /// assert!(receiver.is_empty());
    /// sender.send(1).unwrap();
    /// assert!(!receiver.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether both are receivers of one channel.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast;
    ///
    /// let (_sender, receiver) = broadcast::channel::<u32>(1);
    /// assert!(receiver.same_channel(&receiver.resubscribe()));
    /// ```
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// How many senders there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast;
    ///
    /// let (_sender, receiver) = broadcast::channel::<u32>(1);
    /// assert_eq!(receiver.sender_strong_count(), 1);
    /// ```
    pub fn sender_strong_count(&self) -> usize {
        self.shared.senders()
    }

    /// How many weak senders there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast;
    ///
    /// let (_sender, receiver) = broadcast::channel::<u32>(1);
    /// assert_eq!(receiver.sender_weak_count(), 0);
    /// ```
    pub fn sender_weak_count(&self) -> usize {
        self.shared.weak_senders()
    }

    /// Whether all senders are dropped, so that nothing comes but what is in the channel.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast;
    ///
    /// let (sender, mut receiver) = broadcast::channel(1);
    /// sender.send(1).unwrap();
    /// drop(sender);
    /// assert!(receiver.is_closed());
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// What the channel looks like at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast;
    ///
    /// let (_sender, receiver) = broadcast::channel::<u32>(1);
    /// assert_eq!(receiver.stats().receivers, 1);
    /// ```
    pub fn stats(&self) -> BroadcastStats {
        self.shared.stats()
    }
}

impl<T: Clone> Receiver<T> {
    /// Makes another receiver. It receives what is sent from now on, and nothing that this one has
    /// yet to receive.
    ///
    /// # Panics
    ///
    /// As [`Sender::subscribe`](super::Sender::subscribe).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast;
    ///
    /// let (sender, mut receiver) = broadcast::channel(2);
    /// sender.send(1).unwrap();
    /// let mut late = receiver.resubscribe();
    /// sender.send(2).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// assert_eq!(late.try_recv(), Ok(2));
    /// ```
    #[track_caller]
    pub fn resubscribe(&self) -> Receiver<T> {
        Receiver::new(Arc::clone(&self.shared))
    }

    /// Waits for the next value.
    ///
    /// # Errors
    ///
    /// [`RecvError::Lagged`] if this receiver was too slow; the next call goes on with the oldest
    /// value that is there. [`RecvError::Closed`] if all senders are dropped and everything was
    /// received.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the value's `clone`. That value counts as received then; the other
    /// receivers get it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no value.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast::{self, error::RecvError};
    ///
    /// filch::runtime::Runtime::new().unwrap().block_on(async {
    ///     let (sender, mut receiver) = broadcast::channel(16);
    ///     filch::spawn(async move {
    ///         for number in 0..10 {
    ///             sender.send(number).unwrap();
    ///         }
    ///     });
    ///     let mut sum = 0;
    ///     loop {
    ///         match receiver.recv().await {
    ///             Ok(number) => sum += number,
    ///             Err(RecvError::Lagged(missed)) => eprintln!("{missed} were lost"),
    ///             Err(RecvError::Closed) => break,
    ///         }
    ///     }
    ///     assert_eq!(sum, 45);
    /// });
    /// ```
    #[inline]
    pub fn recv(&mut self) -> impl Future<Output = Result<T, RecvError>> {
        first_try(
            self,
            |receiver| receiver.recv_now(),
            |_, received| received,
            |receiver| receiver.recv_in_line(),
        )
    }

    /// On behalf of a task: it spends a unit of its budget, and takes nothing if there is none.
    #[inline]
    fn recv_now(&mut self) -> Option<Result<T, RecvError>> {
        let unit = budget::unit_now()?;
        let received = match self.shared.receive(&mut self.next) {
            Received::Value(value) => Ok(value),
            Received::Lagged(missed) => Err(RecvError::Lagged(missed)),
            Received::Closed => Err(RecvError::Closed),
            Received::Empty | Received::Coming | Received::Busy => return None,
        };
        unit.spend();
        Some(received)
    }

    async fn recv_in_line(&mut self) -> Result<T, RecvError> {
        let Receiver { shared, next } = self;
        budget::cooperative(async move {
            loop {
                // What was received does not live across an await, so that the future is `Sync`.
                let is_busy = match shared.receive(next) {
                    Received::Value(value) => return Ok(value),
                    Received::Lagged(missed) => return Err(RecvError::Lagged(missed)),
                    Received::Closed => return Err(RecvError::Closed),
                    Received::Empty | Received::Coming => false,
                    Received::Busy => true,
                };
                if is_busy {
                    yield_now().await;
                } else {
                    shared.wait(*next).await;
                }
            }
        })
        .await
    }

    /// Takes the next value if it is there.
    ///
    /// If another receiver is cloning that very value at this moment, this waits until it has; and
    /// if later values were sent, but another thread is still about to put this one in, likewise.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] if there is none; otherwise as [`recv`](Receiver::recv).
    ///
    /// # Panics
    ///
    /// As [`recv`](Receiver::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast::{self, error::TryRecvError};
    ///
    /// let (sender, mut receiver) = broadcast::channel(1);
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// ```
    #[track_caller]
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        loop {
            match self.shared.receive(&mut self.next) {
                Received::Value(value) => return Ok(value),
                Received::Lagged(missed) => return Err(TryRecvError::Lagged(missed)),
                Received::Closed => return Err(TryRecvError::Closed),
                Received::Empty => return Err(TryRecvError::Empty),
                Received::Coming | Received::Busy => thread::yield_now(),
            }
        }
    }

    /// Blocks the thread until the next value comes.
    ///
    /// # Errors
    ///
    /// As [`recv`](Receiver::recv).
    ///
    /// # Panics
    ///
    /// Panics within a task. Otherwise as [`recv`](Receiver::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::broadcast;
    ///
    /// let (sender, mut receiver) = broadcast::channel(1);
    /// let thread = std::thread::spawn(move || receiver.blocking_recv());
    /// sender.send(1).unwrap();
    /// assert_eq!(thread.join().unwrap(), Ok(1));
    /// ```
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Result<T, RecvError> {
        block_outside_of_tasks("blocking_recv", "recv", self.recv())
    }
}

/// Lets other tasks run, perhaps the one that is cloning.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| match yielded {
        true => Poll::Ready(()),
        false => {
            yielded = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.drop_receiver(self.next);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("len", &self.len()).finish_non_exhaustive()
    }
}
