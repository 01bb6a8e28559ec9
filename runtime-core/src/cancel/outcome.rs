//! How a future has ended that is cleaned up after.

use crate::frame::{Cause, Holder, Passage};
use crate::unwind::{Payload, contain, discard};
use std::panic::resume_unwind;
use std::task::Poll;

/// What a future has come to, kept while clean-up runs.
pub(super) enum Outcome<T> {
    /// Nothing yet, or it was given.
    None,
    Value(T),
    Panicked(Payload),
    /// It was dropped because of this.
    Cancelled(Cause),
    /// As above, and the cancellation was passed on: nothing will ever come of this frame.
    Passed(#[expect(dead_code, reason = "its drop is what matters")] Option<Passage>),
}

impl<T> Outcome<T> {
    /// Something panicked after it: the first panic is what counts.
    pub(super) fn panic(&mut self, payload: Payload) {
        if let Outcome::Panicked(_) = self {
            discard(payload);
            return;
        }
        let before = std::mem::replace(self, Outcome::Panicked(payload));
        contain(|| drop(before));
    }

    /// The same by value.
    #[cold]
    pub(super) fn then_panicked(mut self, payload: Payload) -> Outcome<T> {
        self.panic(payload);
        self
    }

    /// As [`give`](Outcome::give), when there is no clean-up.
    #[inline]
    pub(super) fn into_poll(self, holder: Option<Holder>) -> Poll<T> {
        match self {
            Outcome::Value(value) => {
                drop(holder);
                Poll::Ready(value)
            }
            mut other => other.give(holder),
        }
    }

    /// Gives it to whoever awaits, and closes the holder.
    pub(super) fn give(&mut self, holder: Option<Holder>) -> Poll<T> {
        match std::mem::replace(self, Outcome::None) {
            Outcome::Value(value) => {
                drop(holder);
                Poll::Ready(value)
            }
            Outcome::Panicked(payload) => {
                drop(holder);
                resume_unwind(payload)
            }
            Outcome::Cancelled(cause) => {
                *self = Outcome::Passed(holder.map(|holder| holder.pass_on(&cause)));
                Poll::Pending
            }
            passed @ Outcome::Passed(_) => {
                *self = passed;
                Poll::Pending
            }
            Outcome::None => panic!("a future with clean-up was polled again after it was ready"),
        }
    }

    /// Nobody awaits it any more.
    pub(super) fn forget(&mut self) {
        if let Outcome::Panicked(payload) = std::mem::replace(self, Outcome::None) {
            discard(payload);
        }
    }
}
