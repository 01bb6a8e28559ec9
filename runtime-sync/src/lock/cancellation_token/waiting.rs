//! The futures that wait until a token is cancelled.

use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::{CancellationToken, Node};
use crate::budget;
use crate::wait_list::{OwnedWaiter, Waiter};

pin_project! {
    /// The future of [`CancellationToken::cancelled`].
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{CancellationToken, WaitForCancellationFuture};
    ///
    /// let token = CancellationToken::new();
    /// let waits: WaitForCancellationFuture<'_> = token.cancelled();
    /// token.cancel();
    /// runtime_sync::block_on(waits);
    /// ```
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct WaitForCancellationFuture<'a> {
        // Nothing is to be handed on when it is dropped: all are woken at once.
        #[pin]
        waiter: Waiter<'a, ()>,
        token: &'a CancellationToken,
    }
}

impl<'a> WaitForCancellationFuture<'a> {
    pub(super) fn new(token: &'a CancellationToken) -> WaitForCancellationFuture<'a> {
        WaitForCancellationFuture { waiter: token.node.line.waiter(), token }
    }
}

impl Future for WaitForCancellationFuture<'_> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.token.node.poll_cancelled(this.waiter, cx)
    }
}

impl fmt::Debug for WaitForCancellationFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WaitForCancellationFuture").field(&self.waiter).finish()
    }
}

pin_project! {
    /// The future of [`CancellationToken::cancelled_owned`].
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{CancellationToken, WaitForCancellationFutureOwned};
    ///
    /// let token = CancellationToken::new();
    /// let waits: WaitForCancellationFutureOwned = token.clone().cancelled_owned();
    /// token.cancel();
    /// runtime_sync::block_on(waits);
    /// ```
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct WaitForCancellationFutureOwned {
        #[pin]
        waiter: OwnedWaiter<Node, ()>,
    }
}

impl WaitForCancellationFutureOwned {
    pub(super) fn new(token: CancellationToken) -> WaitForCancellationFutureOwned {
        let waiter = OwnedWaiter::new(token.node, |node| &node.line);
        WaitForCancellationFutureOwned { waiter }
    }
}

impl Future for WaitForCancellationFutureOwned {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let (waiter, node) = self.project().waiter.waiter_and_owner();
        node.poll_cancelled(waiter, cx)
    }
}

impl fmt::Debug for WaitForCancellationFutureOwned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WaitForCancellationFutureOwned").field(&self.waiter).finish()
    }
}

impl Node {
    #[inline]
    fn poll_cancelled(&self, waiter: Pin<&mut Waiter<'_, ()>>, cx: &mut Context<'_>) -> Poll<()> {
        let coop = ready!(budget::poll_proceed(cx));
        if !self.is_cancelled() {
            ready!(waiter.poll_wait(cx, |_| match self.is_cancelled() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }));
        }
        coop.made_progress();
        Poll::Ready(())
    }
}
