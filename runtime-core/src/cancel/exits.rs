//! The clean-ups of a scope, which run when it is left: the last that was registered goes first.

use super::cleanup::with_cleanup;
use super::error::Cancelled;
use super::outcome::Outcome;
use super::run::Entry;
use super::scope::CancelScope;
use crate::time::Duration;
use crate::unwind::catch;
use std::future::{Future, IntoFuture, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A clean-up: shielded, and within its limit.
pub(super) type Exit = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(super) fn exit<C>(limit: Option<Duration>, cleanup: C) -> Exit
where
    C: IntoFuture<Output = ()>,
    C::IntoFuture: Send + 'static,
{
    Box::pin(with_cleanup(ready(()), cleanup).limit(limit))
}

/// Those that have not begun.
#[derive(Default)]
pub(super) struct Exits {
    /// Most scopes have none.
    line: Option<Vec<Exit>>,
    /// The scope was left: no more are taken.
    left: bool,
}

impl Exits {
    /// Registers one, or gives it back if the scope was left.
    pub(super) fn push(&mut self, exit: Exit) -> Result<(), Exit> {
        if self.left {
            return Err(exit);
        }
        self.line.get_or_insert_default().push(exit);
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.line.as_ref().is_none_or(Vec::is_empty)
    }

    /// The next one to run. With `None` the scope is left.
    pub(super) fn pop(&mut self) -> Option<Exit> {
        let exit = self.line.as_mut().and_then(Vec::pop);
        self.left |= exit.is_none();
        exit
    }

    /// The scope is left without clean-up.
    #[must_use = "what is in it is dropped when no lock is held"]
    pub(super) fn close(&mut self) -> Option<Vec<Exit>> {
        self.left = true;
        self.line.take()
    }
}

/// A scope whose future has ended, and whose clean-ups run.
pub(super) struct Leaving<T> {
    outcome: Outcome<Result<T, Cancelled>>,
    running: Option<Exit>,
}

impl<T> Leaving<T> {
    pub(super) fn new(outcome: Outcome<Result<T, Cancelled>>, first: Exit) -> Leaving<T> {
        Leaving { outcome, running: Some(first) }
    }

    /// Runs the clean-ups one after the other, then gives the outcome.
    pub(super) fn poll(
        &mut self,
        scope: &CancelScope,
        entry: &mut Entry,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, Cancelled>> {
        while let Some(exit) = &mut self.running {
            match catch(|| entry.within(scope, || exit.as_mut().poll(cx))) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(())) => {}
                // The others run all the same.
                Err(payload) => self.outcome.panic(payload),
            }
            let next = scope.next_exit();
            let ended = std::mem::replace(&mut self.running, next);
            if let Err(payload) = catch(|| drop(ended)) {
                self.outcome.panic(payload);
            }
        }
        self.outcome.give(entry.leave())
    }
}

impl<T> Drop for Leaving<T> {
    fn drop(&mut self) {
        self.outcome.forget();
    }
}
