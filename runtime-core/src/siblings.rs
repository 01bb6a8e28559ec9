//! Futures that are awaited together, and given up together: told, asked once more, and awaited while
//! they clean up.

use crate::frame::{Node, Plain, within};
use crate::task::{CancelReason, CancelSource};
use std::sync::Arc;
use std::task::Context;

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

    /// Gives the siblings up, whether or not all have been polled: those that hold nothing up go no
    /// further, so that they do not meet what the others leave behind.
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
