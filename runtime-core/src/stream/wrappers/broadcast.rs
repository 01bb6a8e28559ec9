//! `BroadcastStream`: the values of a broadcast channel as a stream.

use super::super::generator::Generator;
use futures_core::Stream;
use runtime_sync::channel::broadcast::{Receiver, error::RecvError};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The values of a broadcast [`Receiver`] as a stream. One that was too slow and has missed values is
/// told so, and goes on with the oldest that is there.
///
/// # Panics
///
/// Passes on a panic of the value's `clone`; the stream has ended then.
///
/// # Examples
///
/// ```
/// use filch::stream::{Stream, wrappers::BroadcastStream, wrappers::errors::BroadcastStreamRecvError};
/// use std::{future::poll_fn, pin::Pin};
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let (sender, receiver) = filch::sync::broadcast::channel(1);
/// let mut values = BroadcastStream::new(receiver);
/// sender.send("one").unwrap();
/// sender.send("two").unwrap();
/// drop(sender);
/// let mut seen = Vec::new();
/// while let Some(value) = poll_fn(|cx| Pin::new(&mut values).poll_next(cx)).await {
///     seen.push(value);
/// }
/// assert_eq!(seen, [Err(BroadcastStreamRecvError::Lagged(1)), Ok("two")]);
/// # });
/// ```
pub struct BroadcastStream<T> {
    values: Generator<Result<T, BroadcastStreamRecvError>>,
}

/// Why a [`BroadcastStream`] has an error instead of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BroadcastStreamRecvError {
    /// It was too slow and has missed so many values.
    Lagged(u64),
}

impl fmt::Display for BroadcastStreamRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BroadcastStreamRecvError::Lagged(missed) = self;
        RecvError::Lagged(*missed).fmt(f)
    }
}

impl std::error::Error for BroadcastStreamRecvError {}

impl<T: Clone + Send + 'static> BroadcastStream<T> {
    /// A stream of the values of `receiver`.
    pub fn new(mut receiver: Receiver<T>) -> BroadcastStream<T> {
        let values = Generator::new(|hand| async move {
            loop {
                match receiver.recv().await {
                    Ok(value) => hand.give(Ok(value)).await,
                    Err(RecvError::Lagged(missed)) => {
                        hand.give(Err(BroadcastStreamRecvError::Lagged(missed))).await;
                    }
                    Err(RecvError::Closed) => break,
                }
            }
        });
        BroadcastStream { values }
    }
}

impl<T> Stream for BroadcastStream<T> {
    type Item = Result<T, BroadcastStreamRecvError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.values.poll_next(cx)
    }
}

impl<T: Clone + Send + 'static> From<Receiver<T>> for BroadcastStream<T> {
    fn from(receiver: Receiver<T>) -> BroadcastStream<T> {
        BroadcastStream::new(receiver)
    }
}

impl<T> fmt::Debug for BroadcastStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BroadcastStream").finish_non_exhaustive()
    }
}
