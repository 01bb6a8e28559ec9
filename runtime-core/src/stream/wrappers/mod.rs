//! Streams around what has a method that gives one value after the other.
//!
//! The counterpart of `tokio_stream::wrappers`. Signals, lines and frames of this crate are streams
//! without a wrapper.

mod broadcast;
mod watch;

pub use broadcast::BroadcastStream;
pub use watch::WatchStream;

/// Why a stream has an error instead of a value.
pub mod errors {
    pub use super::broadcast::BroadcastStreamRecvError;
}

use crate::time::{Instant, Interval};
use futures_core::Stream;
use runtime_sync::channel::mpsc::{Receiver, UnboundedReceiver};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The messages of a [`Receiver`] as a stream.
///
/// # Examples
///
/// ```
/// use filch::stream::{Stream, wrappers::ReceiverStream};
/// use std::{future::poll_fn, pin::Pin};
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let (sender, receiver) = filch::sync::mpsc::channel(1);
/// let mut messages = ReceiverStream::new(receiver);
/// sender.send("hello").await.unwrap();
/// let next = poll_fn(|cx| Pin::new(&mut messages).poll_next(cx));
/// assert_eq!(next.await, Some("hello"));
/// # });
/// ```
#[derive(Debug)]
pub struct ReceiverStream<T> {
    receiver: Receiver<T>,
}

impl<T> ReceiverStream<T> {
    /// A stream of the messages of `receiver`.
    pub fn new(receiver: Receiver<T>) -> ReceiverStream<T> {
        ReceiverStream { receiver }
    }

    /// The receiver itself.
    pub fn into_inner(self) -> Receiver<T> {
        self.receiver
    }

    /// Takes no more messages, but those that were sent; see [`Receiver::close`].
    pub fn close(&mut self) {
        self.receiver.close();
    }
}

impl<T> Stream for ReceiverStream<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.receiver.poll_recv(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let receiver = &self.receiver;
        // After a close, permits that are out may still bring messages.
        let most = || receiver.max_capacity() - receiver.capacity();
        let most = receiver.is_closed().then(most);
        (receiver.len(), most)
    }
}

impl<T> AsRef<Receiver<T>> for ReceiverStream<T> {
    fn as_ref(&self) -> &Receiver<T> {
        &self.receiver
    }
}

impl<T> AsMut<Receiver<T>> for ReceiverStream<T> {
    fn as_mut(&mut self) -> &mut Receiver<T> {
        &mut self.receiver
    }
}

impl<T> From<Receiver<T>> for ReceiverStream<T> {
    fn from(receiver: Receiver<T>) -> ReceiverStream<T> {
        ReceiverStream::new(receiver)
    }
}

/// The messages of an [`UnboundedReceiver`] as a stream.
///
/// # Examples
///
/// ```
/// use filch::stream::{Stream, wrappers::UnboundedReceiverStream};
/// use std::{future::poll_fn, pin::Pin};
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let (sender, receiver) = filch::sync::mpsc::unbounded_channel();
/// let mut messages = UnboundedReceiverStream::new(receiver);
/// sender.send("hello").unwrap();
/// let next = poll_fn(|cx| Pin::new(&mut messages).poll_next(cx));
/// assert_eq!(next.await, Some("hello"));
/// # });
/// ```
#[derive(Debug)]
pub struct UnboundedReceiverStream<T> {
    receiver: UnboundedReceiver<T>,
}

impl<T> UnboundedReceiverStream<T> {
    /// A stream of the messages of `receiver`.
    pub fn new(receiver: UnboundedReceiver<T>) -> UnboundedReceiverStream<T> {
        UnboundedReceiverStream { receiver }
    }

    /// The receiver itself.
    pub fn into_inner(self) -> UnboundedReceiver<T> {
        self.receiver
    }

    /// Takes no more messages, but those that were sent; see [`UnboundedReceiver::close`].
    pub fn close(&mut self) {
        self.receiver.close();
    }
}

impl<T> Stream for UnboundedReceiverStream<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.receiver.poll_recv(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = self.receiver.len();
        (count, self.receiver.is_closed().then_some(count))
    }
}

impl<T> AsRef<UnboundedReceiver<T>> for UnboundedReceiverStream<T> {
    fn as_ref(&self) -> &UnboundedReceiver<T> {
        &self.receiver
    }
}

impl<T> AsMut<UnboundedReceiver<T>> for UnboundedReceiverStream<T> {
    fn as_mut(&mut self) -> &mut UnboundedReceiver<T> {
        &mut self.receiver
    }
}

impl<T> From<UnboundedReceiver<T>> for UnboundedReceiverStream<T> {
    fn from(receiver: UnboundedReceiver<T>) -> UnboundedReceiverStream<T> {
        UnboundedReceiverStream::new(receiver)
    }
}

/// The ticks of an [`Interval`] as a stream, which never ends.
///
/// # Examples
///
/// ```
/// use filch::stream::{Stream, wrappers::IntervalStream};
/// use filch::time::{Duration, Instant, interval};
/// use std::{future::poll_fn, pin::Pin};
///
/// # filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap().block_on(async {
/// let start = Instant::now();
/// let mut ticks = IntervalStream::new(interval(Duration::from_secs(1)));
/// for seconds in 0..3 {
///     let tick = poll_fn(|cx| Pin::new(&mut ticks).poll_next(cx)).await;
///     assert_eq!(tick, Some(start + Duration::from_secs(seconds)));
/// }
/// # });
/// ```
#[derive(Debug)]
pub struct IntervalStream {
    interval: Interval,
}

impl IntervalStream {
    /// A stream of the ticks of `interval`.
    pub fn new(interval: Interval) -> IntervalStream {
        IntervalStream { interval }
    }

    /// The interval itself.
    pub fn into_inner(self) -> Interval {
        self.interval
    }
}

impl Stream for IntervalStream {
    type Item = Instant;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.interval.poll_tick(cx).map(Some)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

impl AsRef<Interval> for IntervalStream {
    fn as_ref(&self) -> &Interval {
        &self.interval
    }
}

impl AsMut<Interval> for IntervalStream {
    fn as_mut(&mut self) -> &mut Interval {
        &mut self.interval
    }
}
