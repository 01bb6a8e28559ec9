//! The future of a scope: polls what is inside, and leaves the scope in good order.

use super::error::Cancelled;
use super::exits::Leaving;
use super::outcome::Outcome;
use super::scope::{CancelScope, Look};
use crate::frame::{Cause, Holder, Node, within};
use crate::task::{CancelReason, CancelSource};
use crate::time::{Sleep, sleep_until};
use crate::unwind::catch;
use pin_project_lite::pin_project;
use runtime_sync::primitives::Mutex;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

pin_project! {
    /// The future of [`CancelScope::run`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Run<F: Future> {
        #[pin]
        body: Option<F>,
        #[pin]
        timer: Option<Sleep>,
        // Until it is left in good order.
        scope: Option<CancelScope>,
        entry: Entry,
        // Only if there are clean-ups. In a mutex that is never locked, so that the future is `Sync`.
        leaving: Option<Box<Mutex<Leaving<F::Output>>>>,
    }

    impl<F: Future> PinnedDrop for Run<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let (Some(scope), false) = (this.scope, matches!(this.entry, Entry::Outside)) {
                scope.leave();
            }
        }
    }
}

impl<F: Future> Run<F> {
    pub(super) fn new(scope: CancelScope, body: F) -> Run<F> {
        let scope = Some(scope);
        Run { body: Some(body), timer: None, scope, entry: Entry::Outside, leaving: None }
    }
}

/// How the scope stands among the frames around it.
pub(super) enum Entry {
    /// It was not entered yet.
    Outside,
    /// It lets through what is aimed at others. It has a node if somebody inside asked for one.
    Open(Option<Arc<Node>>),
    /// It has clean-ups, and holds up what is aimed at others until they have run.
    Held(Holder),
    /// It holds off what is aimed at others.
    Shield(Holder),
}

impl Entry {
    fn new(shield: bool) -> Entry {
        match shield {
            false => Entry::Open(None),
            true => Entry::Shield(Holder::open_at(Node::here(true))),
        }
    }

    #[inline]
    pub(super) fn within<R>(&mut self, scope: &CancelScope, f: impl FnOnce() -> R) -> R {
        let place = match self {
            Entry::Open(place) => place,
            Entry::Held(holder) | Entry::Shield(holder) => holder.place(),
            Entry::Outside => unreachable!("who is polled in a scope is within it"),
        };
        within(place, scope, f)
    }

    fn node(&self) -> Option<&Arc<Node>> {
        match self {
            Entry::Outside => None,
            Entry::Open(place) => place.as_ref(),
            Entry::Held(holder) | Entry::Shield(holder) => Some(holder.node()),
        }
    }

    fn register(&self, waker: &Waker) {
        if let Entry::Held(holder) | Entry::Shield(holder) = self {
            holder.register(waker);
        }
    }

    /// There are clean-ups from now on. The node stays, as there may be frames inside of it. Returns
    /// the node if it is held only now.
    fn hold(&mut self, waker: &Waker) -> Option<&Arc<Node>> {
        let Entry::Open(place) = self else { return None };
        let node = place.take().unwrap_or_else(|| Node::here(false));
        *self = Entry::Held(Holder::open_at(node));
        self.register(waker);
        self.node()
    }

    /// Why the scope is to be left on behalf of what is around it.
    fn cause(&self) -> Option<Cause> {
        match self {
            Entry::Held(holder) => holder.cause(),
            Entry::Outside | Entry::Open(_) | Entry::Shield(_) => None,
        }
    }

    /// The scope is no frame any more.
    #[inline]
    pub(super) fn leave(&mut self) -> Option<Holder> {
        match std::mem::replace(self, Entry::Open(None)) {
            Entry::Held(holder) | Entry::Shield(holder) => Some(holder),
            Entry::Outside | Entry::Open(_) => None,
        }
    }
}

impl<F: Future> Future for Run<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let scope = this.scope.as_ref().expect("a scope was polled again after it was left");
        if let Some(leaving) = this.leaving {
            return leaving.get_mut().poll(scope, this.entry, cx);
        }
        if let Entry::Outside = this.entry {
            *this.entry = Entry::new(scope.enter());
        }
        let outcome = loop {
            let body = this.body.as_mut().as_pin_mut();
            let body = body.expect("the future is there until the scope is left");
            match catch(|| this.entry.within(scope, || body.poll(cx))) {
                Ok(Poll::Ready(value)) => break Outcome::Value(Ok(value)),
                Err(payload) => break Outcome::Panicked(payload),
                Ok(Poll::Pending) => {}
            }
            // Before the look: what comes after it wakes us.
            scope.register(cx.waker());
            this.entry.register(cx.waker());
            let look = scope.look_with(this.entry.node());
            if look.has_exits
                && let Some(node) = this.entry.hold(cx.waker())
            {
                scope.set_node(node);
            }
            if let Some(reason) = overdue(scope, look, this.timer.as_mut(), cx) {
                match this.entry.node() {
                    // Now that they know, those inside are asked once more.
                    Some(node) if node.cancel(&reason) => continue,
                    Some(node) if node.waits_for_holders(cx.waker()) => return Poll::Pending,
                    _ => {}
                }
                scope.set_caught();
                break Outcome::Value(Err(Cancelled::new(reason)));
            }
            match this.entry.cause() {
                Some(cause) => break Outcome::Cancelled(cause),
                None => return Poll::Pending,
            }
        };
        let outcome = match catch(|| this.body.set(None)) {
            Ok(()) => outcome,
            Err(payload) => outcome.then_panicked(payload),
        };
        this.timer.set(None);
        match this.scope.take().and_then(CancelScope::leave_at_once) {
            None => outcome.into_poll(this.entry.leave()),
            Some((scope, first)) => {
                let leaving = Box::new(Mutex::new(Leaving::new(outcome, first)));
                let leaving = this.leaving.insert(leaving).get_mut();
                leaving.poll(this.scope.insert(scope), this.entry, cx)
            }
        }
    }
}

/// Why the scope is cancelled by now, if it is; otherwise the timer will wake the task.
fn overdue(
    scope: &CancelScope,
    look: Look,
    mut timer: Pin<&mut Option<Sleep>>,
    cx: &mut Context<'_>,
) -> Option<Arc<CancelReason>> {
    if look.reason.is_some() {
        return look.reason;
    }
    let deadline = look.deadline?;
    let set = timer.as_mut().as_pin_mut().map(|timer| timer.deadline());
    match (set, timer.as_mut().as_pin_mut()) {
        (Some(set), _) if set == deadline => {}
        (Some(_), Some(timer)) => timer.reset(deadline),
        _ => timer.set(Some(sleep_until(deadline))),
    }
    let timer = timer.as_pin_mut().expect("it was set just now");
    if timer.poll_elapsed(cx).is_pending() {
        return None;
    }
    scope.set_reason(Arc::new(CancelReason::new(CancelSource::Deadline)));
    scope.reason_shared()
}

impl<F: Future + fmt::Debug> fmt::Debug for Run<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("scope", &self.scope)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}
