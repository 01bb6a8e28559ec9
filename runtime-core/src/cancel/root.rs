//! A future outside of tasks that can be asked to end as a task can: what `main` is.

use super::error::Cancelled;
use crate::frame::{Node, Plain, within};
use crate::task::CancelReason;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Awaits `future`, which a root of a runtime drives, and asks it to end when `requests` says so.
///
/// A request goes to the innermost open frame, as one to a task does. Unless a frame answers it, or the
/// future is ready first, the future is dropped. Further requests are requests of their own.
pub fn interruptible<F, R>(future: F, requests: R) -> Interruptible<F, R>
where
    F: Future,
    R: FnMut(&mut Context<'_>) -> Poll<CancelReason>,
{
    Interruptible { future: Some(future), requests, place: None }
}

pin_project! {
    /// The future of [`interruptible`].
    #[must_use = "futures do nothing unless they are awaited"]
    #[derive(Debug)]
    pub struct Interruptible<F, R> {
        #[pin]
        future: Option<F>,
        requests: R,
        // The node from which those inside learn of requests.
        place: Option<Arc<Node>>,
    }
}

impl<F, R> Future for Interruptible<F, R>
where
    F: Future,
    R: FnMut(&mut Context<'_>) -> Poll<CancelReason>,
{
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let future = this.future.as_mut().as_pin_mut();
        let future = future.expect("an `Interruptible` was polled again after it was ready");
        let node = this.place.get_or_insert_with(|| Node::here(false)).clone();
        // Before the future, so that what is ready all the time hears of it at its next wait.
        while let Poll::Ready(reason) = (this.requests)(cx) {
            node.requests().ask_nobody(Arc::new(reason));
        }
        if let Poll::Ready(value) = within(this.place, &Plain, || future.poll(cx)) {
            this.future.set(None);
            return Poll::Ready(Ok(value));
        }
        match node.requests().unanswered() {
            Some(reason) if !node.is_held() => {
                this.future.set(None);
                Poll::Ready(Err(Cancelled::new(reason)))
            }
            _ => Poll::Pending,
        }
    }
}
