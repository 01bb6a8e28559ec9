//! `from_task`: a stream whose values a task sends.

use crate::spawn::spawn;
use crate::task::{JoinError, JoinHandle};
use futures_core::Stream;
use runtime_sync::channel::mpsc::{self, Sender};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A stream of what `producer` sends. It runs as a task of its own, at most `capacity` values ahead
/// of who reads.
///
/// The stream ends when the producer has ended, all its senders are dropped, and all values were
/// read. If the producer panics, its panic comes out of the stream, after what it sent before.
///
/// When the stream is dropped, the producer is [cancelled](JoinHandle::cancel): it may clean up, for
/// which nobody waits. [`aclose`](FromTask::aclose) does.
///
/// The counterpart of asyncio's async generators, and of trio's `as_safe_channel`: since the producer
/// is a task, a scope or a timeout in it never reaches whoever reads.
///
/// # Panics
///
/// If `capacity` is 0, or this thread is in no runtime.
///
/// # Examples
///
/// ```
/// use filch::stream;
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let mut countdown = stream::from_task(1, async |numbers| {
///     for number in (1..=3).rev() {
///         numbers.send(number).await.unwrap();
///     }
/// });
/// let mut seen = Vec::new();
/// while let Some(number) = countdown.next().await {
///     seen.push(number);
/// }
/// assert_eq!(seen, [3, 2, 1]);
/// # });
/// ```
#[track_caller]
pub fn from_task<T, P, F>(capacity: usize, producer: P) -> FromTask<T>
where
    P: FnOnce(Sender<T>) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(capacity);
    let producer = Producer::Running(spawn(producer(sender)));
    FromTask { receiver, producer }
}

/// The stream that [`from_task`] makes.
#[must_use = "the producer is cancelled when the stream is dropped"]
pub struct FromTask<T> {
    receiver: mpsc::Receiver<T>,
    producer: Producer,
}

enum Producer {
    Running(JoinHandle<()>),
    /// What it sent before is to be read first.
    Failed(JoinError),
    Ended,
}

impl<T> FromTask<T> {
    /// The next value; `None` if there will be no more.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the producer, once. And if the producer's runtime was shut down, as
    /// values may be missing.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no value is lost.
    pub async fn next(&mut self) -> Option<T> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Polls for what [`next`](FromTask::next) waits for.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        loop {
            let received = self.receiver.poll_recv(cx);
            if let Poll::Ready(Some(_)) = received {
                return received;
            }
            match &mut self.producer {
                // What it sent last may have come since: look once more.
                Producer::Running(task) => {
                    self.producer = match ready!(Pin::new(task).poll(cx)) {
                        Ok(()) => Producer::Ended,
                        Err(error) => Producer::Failed(error),
                    }
                }
                // The budget is spent.
                Producer::Failed(_) if received.is_pending() && !self.receiver.is_empty() => {
                    return Poll::Pending;
                }
                Producer::Failed(_) => self.fail(),
                Producer::Ended => return received,
            }
        }
    }

    fn fail(&mut self) {
        if let Producer::Failed(error) = std::mem::replace(&mut self.producer, Producer::Ended) {
            match error.try_into_panic() {
                Ok(payload) => std::panic::resume_unwind(payload),
                Err(error) => panic!("the producer of a stream did not end by itself: {error}"),
            }
        }
    }

    /// Cancels the producer, and waits until it has ended. asyncio's `aclose`.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the producer.
    ///
    /// # Cancel safety
    ///
    /// The producer is cancelled in any case.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::cancel::with_cleanup;
    /// use filch::stream;
    ///
    /// # filch::runtime::Runtime::new().unwrap().block_on(async {
    /// let mut lines = stream::from_task(1, |lines| {
    ///     let read = async move {
    ///         lines.send("a line").await.unwrap();
    ///         std::future::pending().await
    ///     };
    ///     with_cleanup(read, async { /* close the file */ })
    /// });
    /// assert_eq!(lines.next().await, Some("a line"));
    /// lines.aclose().await;
    /// # });
    /// ```
    pub async fn aclose(mut self) {
        self.receiver.close();
        self.cancel();
        if let Producer::Running(task) = &mut self.producer {
            let ended = task.await;
            self.producer = match ended {
                Err(error) if error.is_panic() => Producer::Failed(error),
                Ok(()) | Err(_) => Producer::Ended,
            };
        }
        self.fail();
    }

    fn cancel(&self) {
        if let Producer::Running(task) = &self.producer {
            task.cancel("the stream was dropped");
        }
    }
}

impl<T> Drop for FromTask<T> {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl<T> Stream for FromTask<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        FromTask::poll_next(self.get_mut(), cx)
    }
}

impl<T> fmt::Debug for FromTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromTask").field("receiver", &self.receiver).finish_non_exhaustive()
    }
}
