//! Futures that are awaited together, and given up together: told, asked once more, and awaited while
//! they clean up.

use crate::frame::{Node, Plain, within};
use crate::many::AsCompleted;
use crate::task::{CancelReason, CancelSource};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The frame that siblings share.
#[derive(Debug, Default)]
pub struct Siblings {
    /// Only if somebody inside wants to know what becomes of him.
    node: Option<Arc<Node>>,
}

/// What is to be done with siblings that are given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "it says whether they may be dropped"]
pub enum Parting {
    /// Now that they know, they are to be polled once more.
    Again,
    /// Some clean up. The task is woken when they have.
    Wait,
    /// They may be dropped.
    Over,
}

impl Siblings {
    /// A frame in which nobody was polled yet.
    pub fn new() -> Siblings {
        Siblings::default()
    }

    /// Calls `poll`, which polls siblings.
    pub fn within<R>(&mut self, poll: impl FnOnce() -> R) -> R {
        within(&mut self.node, &Plain, poll)
    }

    /// Drops those of `futures` that [hold](Sibling::holds) nothing up, and gives the others up.
    pub(crate) fn part_with<F>(
        &self,
        futures: &mut AsCompleted<Sibling<F>>,
        cx: &Context<'_>,
        why: &'static str,
    ) -> Parting
    where
        F: Future,
    {
        futures.retain(Sibling::holds);
        self.give_up(cx, why)
    }

    /// Gives the siblings up, whether or not all have been polled. Those that [hold](Sibling::holds) nothing
    /// up go no further: they are to be dropped before, so that they neither meet what the others leave
    /// behind, nor work on while the others clean up.
    pub fn give_up(&self, cx: &Context<'_>, why: &'static str) -> Parting {
        let node = match &self.node {
            Some(node) if node.is_held() => node,
            _ => return Parting::Over,
        };
        let reason = CancelReason::new(CancelSource::Sibling).with_message(why);
        if node.cancel(&Arc::new(reason)) {
            return Parting::Again;
        }
        match node.waits_for_holders(cx.waker()) {
            true => Parting::Wait,
            false => Parting::Over,
        }
    }
}

pin_project! {
    /// One of the siblings: a frame of its own, which tells whether it is he who holds the others up.
    pub struct Sibling<F> {
        #[pin]
        future: F,
        // Only if somebody inside wants to know what becomes of him.
        node: Option<Arc<Node>>,
    }
}

impl<F> Sibling<F> {
    /// A sibling that was not polled yet.
    pub fn new(future: F) -> Sibling<F> {
        Sibling { future, node: None }
    }

    /// Whether it has something to do before it may be dropped.
    pub fn holds(&self) -> bool {
        self.node.as_ref().is_some_and(|node| node.is_held())
    }
}

impl<F: Future> Future for Sibling<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        within(this.node, &Plain, || this.future.poll(cx))
    }
}

impl<F: fmt::Debug> fmt::Debug for Sibling<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.future.fmt(f)
    }
}
