//! `Listener` on Windows: hears some events of the console.
//!
//! Events that come while one of their kind is pending are one with it. An event is marked before its
//! listener is woken, and a listener leaves its waker before it looks at the marks: nothing is missed.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use runtime_core::runtime::context;
use runtime_sync::budget;
use runtime_sync::waker_slot::WakerSlot;

use super::handler::{self, Heard};
use super::kind::SignalKind;
use super::mark::{Later, Mark, Turns};

/// Hears some events from when it is made until it is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    kinds: Vec<Arc<Heard>>,
    bell: Arc<WakerSlot>,
    turns: Turns,
}

impl Listener {
    /// Begins to listen.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub(super) fn new(
        kinds: impl IntoIterator<Item = SignalKind>,
        later: Later,
    ) -> io::Result<Listener> {
        assert!(context::reactor().is_some(), "{}", context::NO_RUNTIME);
        let bell = Arc::new(WakerSlot::new());
        let first = later.first();
        let mut listener = Listener { kinds: Vec::new(), bell, turns: Turns::default() };
        for kind in kinds {
            if listener.kinds.iter().any(|other| other.mark().kind() == kind) {
                // Or one event would count as two.
                continue;
            }
            let heard = Arc::new(Heard::new(Mark::new(kind, first.clone()), listener.bell.clone()));
            if later == Later::AreHeard {
                handler::keep(kind);
            }
            handler::listen(&heard)?;
            listener.kinds.push(heard);
        }
        Ok(listener)
    }

    /// Waits for an event. It is never `None`, as no runtime has a part in it.
    pub(super) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<SignalKind>> {
        let turn = ready!(budget::poll_proceed(cx));
        let mut found = self.take();
        if found.is_none() {
            self.bell.register(cx.waker());
            found = self.take();
        }
        let Some(kind) = found else { return Poll::Pending };
        turn.made_progress();
        Poll::Ready(Some(kind))
    }

    /// The next kind that is pending.
    fn take(&mut self) -> Option<SignalKind> {
        self.turns.take(&self.kinds, |heard| heard.mark())
    }
}
