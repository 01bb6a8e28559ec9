//! What a frame shows to those inside of it.

use super::link;
use crate::task::{CancelReason, Requests};
use crate::unwind::contain;
use runtime_sync::primitives::Mutex;
use runtime_sync::waker_slot::WakerSlot;
use std::sync::Arc;
use std::task::Waker;

/// A frame, as a link in the chain from a holder to its task.
#[derive(Debug)]
pub(crate) struct Node {
    outer: Option<Arc<Node>>,
    requests: Arc<Requests>,
    state: Mutex<State>,
    /// Who waits until nobody holds the frame.
    waiting: WakerSlot,
}

#[derive(Debug)]
struct State {
    /// What is outside does not concern those inside.
    shield: bool,
    /// Why the frame is cancelled, from that moment to its end.
    cancelled: Option<Arc<CancelReason>>,
    /// How many holders are open inside.
    held: usize,
    /// The number of the last request to the task that a holder inside has answered.
    answered: u64,
    /// How many frames inside have passed a request to the task on, and wait to be dropped.
    passed: usize,
}

impl Node {
    /// The node of a frame within `outer`, or directly within what is being polled.
    pub(super) fn inside(outer: Option<Arc<Node>>, shield: bool) -> Arc<Node> {
        let requests = match &outer {
            Some(outer) => outer.requests.clone(),
            None => Requests::here(),
        };
        let state = State { shield, cancelled: None, held: 0, answered: 0, passed: 0 };
        Arc::new(Node { outer, requests, state: Mutex::new(state), waiting: WakerSlot::new() })
    }

    /// The node of a frame that is polled for the first time, here.
    pub(crate) fn here(shield: bool) -> Arc<Node> {
        Node::inside(link::node_here(), shield)
    }

    pub(crate) fn requests(&self) -> &Arc<Requests> {
        &self.requests
    }

    pub(super) fn outer(&self) -> Option<&Arc<Node>> {
        self.outer.as_ref()
    }

    /// The frames around this one.
    pub(super) fn outers(&self) -> impl Iterator<Item = &Node> {
        std::iter::successors(self.outer.as_deref(), |node| node.outer.as_deref())
    }

    /// Cancels what is inside, for good. False: it was cancelled before, and keeps the first reason.
    pub(crate) fn cancel(&self, reason: &Arc<CancelReason>) -> bool {
        let mut state = self.state.lock();
        if state.cancelled.is_some() {
            return false;
        }
        state.cancelled = Some(reason.clone());
        let held = state.held > 0;
        drop(state);
        if held {
            self.requests.wake_frames();
        }
        true
    }

    /// Why it is cancelled, if it is.
    pub(crate) fn cancelled(&self) -> Option<Arc<CancelReason>> {
        self.state.lock().cancelled.clone()
    }

    /// What is outside concerns those inside no more.
    pub(crate) fn shield(&self) {
        self.state.lock().shield = true;
    }

    pub(super) fn is_shield(&self) -> bool {
        self.state.lock().shield
    }

    /// Whether a holder is open inside.
    pub(crate) fn is_held(&self) -> bool {
        self.state.lock().held > 0
    }

    /// Whether a holder is open inside; if so, `waker` is woken when the last one closes.
    pub(crate) fn waits_for_holders(&self, waker: &Waker) -> bool {
        if !self.is_held() {
            return false;
        }
        self.waiting.register(waker);
        self.is_held()
    }

    /// A holder opens inside.
    pub(super) fn hold(&self) {
        self.state.lock().held += 1;
    }

    /// A holder inside closes.
    pub(super) fn let_go(&self) {
        let mut state = self.state.lock();
        state.held -= 1;
        let last = state.held == 0 && state.cancelled.is_some();
        drop(state);
        if last {
            // Those further out are to be let go of all the same.
            contain(|| self.waiting.wake());
        }
    }

    pub(super) fn answered(&self) -> u64 {
        self.state.lock().answered
    }

    /// A holder inside has answered the requests up to `number`.
    pub(super) fn answer(&self, number: u64) {
        let mut state = self.state.lock();
        state.answered = state.answered.max(number);
    }

    /// A frame inside passes a request on.
    pub(super) fn pass(&self) {
        self.state.lock().passed += 1;
    }

    /// A frame inside that has passed a request on is dropped.
    pub(super) fn take_back(&self) {
        self.state.lock().passed -= 1;
    }

    /// Whether a frame inside has passed a request on.
    pub(super) fn is_passed(&self) -> bool {
        self.state.lock().passed > 0
    }
}
