//! `WatchStream`: the latest values of a watch channel as a stream.

use super::super::generator::{Generator, Hand};
use futures_core::Stream;
use runtime_sync::channel::watch::Receiver;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The values of a watch [`Receiver`] as a stream. Values that are replaced before the stream is
/// polled are skipped.
///
/// # Panics
///
/// Passes on a panic of the value's `clone`; the stream has ended then.
///
/// # Examples
///
/// ```
/// use filch::stream::{Stream, wrappers::WatchStream};
/// use std::{future::poll_fn, pin::Pin};
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let (sender, receiver) = filch::sync::watch::channel(1);
/// let mut values = WatchStream::new(receiver);
/// assert_eq!(poll_fn(|cx| Pin::new(&mut values).poll_next(cx)).await, Some(1));
/// sender.send(2).unwrap();
/// sender.send(3).unwrap();
/// assert_eq!(poll_fn(|cx| Pin::new(&mut values).poll_next(cx)).await, Some(3));
/// drop(sender);
/// assert_eq!(poll_fn(|cx| Pin::new(&mut values).poll_next(cx)).await, None);
/// # });
/// ```
pub struct WatchStream<T> {
    values: Generator<T>,
}

impl<T: Clone + Send + Sync + 'static> WatchStream<T> {
    /// A stream of the present value, and of those that come.
    pub fn new(mut receiver: Receiver<T>) -> WatchStream<T> {
        WatchStream {
            values: Generator::new(|hand| async move {
                let present = receiver.borrow_and_update().clone();
                hand.give(present).await;
                give_changes(receiver, hand).await;
            }),
        }
    }

    /// A stream of the values that come, without the present one if it was seen.
    pub fn from_changes(receiver: Receiver<T>) -> WatchStream<T> {
        WatchStream { values: Generator::new(|hand| give_changes(receiver, hand)) }
    }
}

async fn give_changes<T: Clone>(mut receiver: Receiver<T>, hand: Hand<T>) {
    while receiver.changed().await.is_ok() {
        let value = receiver.borrow_and_update().clone();
        hand.give(value).await;
    }
}

impl<T> Stream for WatchStream<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.values.poll_next(cx)
    }
}

impl<T: Clone + Send + Sync + 'static> From<Receiver<T>> for WatchStream<T> {
    fn from(receiver: Receiver<T>) -> WatchStream<T> {
        WatchStream::new(receiver)
    }
}

impl<T> fmt::Debug for WatchStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchStream").finish_non_exhaustive()
    }
}
