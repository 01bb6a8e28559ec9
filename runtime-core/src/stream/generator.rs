//! A stream whose values an async block gives, within whoever polls it.

use runtime_sync::primitives::Mutex;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A stream without a task: the block runs when the stream is polled.
pub(super) struct Generator<T> {
    /// `None` when it has ended. In a mutex that is never locked, so that the stream is `Sync`.
    block: Option<Mutex<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    hand: Arc<Mutex<Option<T>>>,
}

/// What the block gives its values with.
pub(super) struct Hand<T>(Arc<Mutex<Option<T>>>);

impl<T> Hand<T> {
    /// Gives a value, and goes on when the next one is wanted.
    pub(super) async fn give(&self, value: T) {
        *self.0.lock() = Some(value);
        // No waker is needed: the block is polled again when the value was taken.
        poll_fn(|_| match self.0.lock().is_none() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }
}

impl<T> Generator<T> {
    pub(super) fn new<B, F>(block: B) -> Generator<T>
    where
        B: FnOnce(Hand<T>) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let hand = Arc::new(Mutex::new(None));
        let block = block(Hand(hand.clone()));
        Generator { block: Some(Mutex::new(Box::pin(block))), hand }
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        // Taken out for the poll: after a panic it has ended.
        let Some(mut block) = self.block.take() else { return Poll::Ready(None) };
        let polled = block.get_mut().as_mut().poll(cx);
        if polled.is_pending() {
            self.block = Some(block);
        }
        let value = self.hand.lock().take();
        match value {
            Some(value) => Poll::Ready(Some(value)),
            None => polled.map(|()| None),
        }
    }
}
