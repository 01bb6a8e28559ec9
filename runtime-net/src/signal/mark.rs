//! What was heard of one kind of signal, and whose turn it is among several.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::kind::SignalKind;

/// What becomes of the signals after the first one.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Later {
    /// They are heard as well.
    AreHeard,
    /// They have their default action, whichever of the kinds they are, and so have those after the
    /// listener is gone.
    HaveDefaultAction,
}

impl Later {
    /// What the marks of one listener share: set by the first signal, if those after it are not heard.
    pub(super) fn first(self) -> Option<Arc<AtomicBool>> {
        (self == Later::HaveDefaultAction).then(Arc::default)
    }
}

/// Says whether a signal is pending. Several are one with it.
#[derive(Debug)]
pub(super) struct Mark {
    kind: SignalKind,
    pending: AtomicBool,
    first: Option<Arc<AtomicBool>>,
}

impl Mark {
    pub(super) fn new(kind: SignalKind, first: Option<Arc<AtomicBool>>) -> Mark {
        Mark { kind, pending: AtomicBool::new(false), first }
    }

    pub(super) fn kind(&self) -> SignalKind {
        self.kind
    }

    /// Marks the signal as pending, unless it is to have its default action: then this is false. May be called
    /// in a signal handler.
    pub(super) fn set(&self) -> bool {
        // Relaxed: nothing else is told by it.
        if self.first.as_ref().is_some_and(|first| first.swap(true, Ordering::Relaxed)) {
            return false;
        }
        // Release pairs with the acquire in `take`; who is to look is told after this.
        self.pending.store(true, Ordering::Release);
        true
    }

    /// Whether it has been set since this was asked the last time.
    pub(super) fn take(&self) -> bool {
        // Relaxed for the common answer. Acquire pairs with the release in `set`: what was written
        // before the signal was raised is seen by who hears it.
        self.pending.load(Ordering::Relaxed) && self.pending.swap(false, Ordering::Acquire)
    }
}

/// Whose turn it is to be looked at first, so that no kind starves the others.
#[derive(Debug, Default)]
pub(super) struct Turns(usize);

impl Turns {
    /// The next kind of `all` that is pending.
    pub(super) fn take<T>(&mut self, all: &[T], mark: impl Fn(&T) -> &Mark) -> Option<SignalKind> {
        let (before, after) = all.split_at(self.0);
        let found = after.iter().chain(before).position(|one| mark(one).take())?;
        let index = (self.0 + found) % all.len();
        self.0 = (index + 1) % all.len();
        Some(mark(&all[index]).kind())
    }
}
