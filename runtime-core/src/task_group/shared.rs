//! What a group, its block and its children share.

use super::ErrorPolicy;
use super::error::TaskError;
use crate::frame::Node;
use crate::number_map::{self, NumberMap};
use crate::runtime::context;
use crate::task::{AbortHandle, CancelReason, CancelSource, polled};
use crate::unwind::Payload;
use runtime_sync::lock::Semaphore;
use runtime_sync::primitives::Mutex;
use runtime_sync::waker_slot::WakerSlot;
use std::sync::Arc;

pub(super) struct Shared<E> {
    policy: ErrorPolicy,
    limit: Option<Arc<Semaphore>>,
    state: Mutex<State<E>>,
    /// Who runs the block.
    runner: WakerSlot,
}

struct State<E> {
    /// The living children; without a handle while they are being spawned.
    children: NumberMap<u64, Option<AbortHandle>>,
    next: u64,
    errors: Vec<TaskError<E>>,
    panic: Option<Payload>,
    reason: Option<Arc<CancelReason>>,
    /// The body and all children have ended, or the block was dropped.
    closed: bool,
    /// The node of the body, while there is one.
    node: Option<Arc<Node>>,
}

/// A living child; it leaves the group when this is dropped.
pub(super) struct Member<E> {
    shared: Arc<Shared<E>>,
    number: u64,
}

/// What a group leaves behind.
pub(super) struct Rest<E> {
    pub(super) errors: Vec<TaskError<E>>,
    pub(super) panic: Option<Payload>,
}

impl<E> Shared<E> {
    pub(super) fn new(policy: ErrorPolicy, limit: Option<Arc<Semaphore>>) -> Shared<E> {
        let state = State {
            children: number_map::new(),
            next: 0,
            errors: Vec::new(),
            panic: None,
            reason: None,
            closed: false,
            node: None,
        };
        Shared { policy, limit, state: Mutex::new(state), runner: WakerSlot::new() }
    }

    pub(super) fn limit(&self) -> Option<Arc<Semaphore>> {
        self.limit.clone()
    }

    pub(super) fn runner(&self) -> &WakerSlot {
        &self.runner
    }

    /// A child is about to be spawned. `None`: the group is over.
    pub(super) fn enter(shared: &Arc<Shared<E>>) -> Option<Member<E>> {
        let mut state = shared.state.lock();
        if state.closed {
            return None;
        }
        let number = state.next;
        state.next += 1;
        state.children.insert(number, None);
        Some(Member { shared: shared.clone(), number })
    }

    /// A child was spawned.
    pub(super) fn know(&self, number: u64, handle: AbortHandle) {
        let mut state = self.state.lock();
        let reason = state.reason.clone();
        let late = match state.children.get_mut(&number) {
            Some(child) if reason.is_none() => {
                *child = Some(handle);
                return;
            }
            Some(child) => {
                *child = Some(handle.clone());
                Some(handle)
            }
            // It has ended already.
            None => None,
        };
        drop(state);
        if let (Some(handle), Some(reason)) = (late, reason) {
            handle.cancel((*reason).clone());
        }
    }

    /// The body has a frame now.
    pub(super) fn set_node(&self, node: Option<Arc<Node>>) {
        let before = std::mem::replace(&mut self.state.lock().node, node);
        drop(before);
    }

    /// Cancels the body and all children, once.
    pub(super) fn cancel(&self, reason: Arc<CancelReason>) {
        let mut state = self.state.lock();
        if state.reason.is_some() || state.closed {
            return;
        }
        state.reason = Some(reason.clone());
        let node = state.node.clone();
        let mut children: Vec<_> = state
            .children
            .iter()
            .filter_map(|(number, handle)| Some((*number, handle.clone()?)))
            .collect();
        drop(state);
        children.sort_unstable_by_key(|(number, _)| *number);
        if let Some(node) = node {
            node.cancel(&reason);
        }
        for (_, child) in children {
            child.cancel((*reason).clone());
        }
        self.runner.wake();
    }

    pub(super) fn reason(&self) -> Option<Arc<CancelReason>> {
        self.state.lock().reason.clone()
    }

    /// Whether it is being cancelled, so that its body goes no further. One that has not begun does begin,
    /// unless there will be an error or a panic to tell, whatever comes.
    pub(super) fn gives_up(&self, has_begun: bool) -> bool {
        let state = self.state.lock();
        let has_error = self.policy != ErrorPolicy::Collect && !state.errors.is_empty();
        state.reason.is_some() && (has_begun || state.panic.is_some() || has_error)
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().children.len()
    }

    pub(super) fn take_errors(&self) -> Vec<TaskError<E>> {
        std::mem::take(&mut self.state.lock().errors)
    }

    /// A child, or the body, has returned an error.
    pub(super) fn fail(&self, error: TaskError<E>) {
        self.state.lock().errors.push(error);
        if self.policy == ErrorPolicy::CancelSiblings {
            self.cancel_siblings("a sibling failed");
        }
    }

    /// A child, or the body, has panicked. Only the first panic goes on; the others are reported.
    pub(super) fn panic(&self, payload: Payload) {
        let mut state = self.state.lock();
        let unseen = match state.panic {
            None if !state.closed => {
                state.panic = Some(payload);
                None
            }
            _ => Some(payload),
        };
        drop(state);
        unseen.into_iter().for_each(context::report_panic);
        self.cancel_siblings("a sibling panicked");
    }

    fn cancel_siblings(&self, why: &'static str) {
        let reason = CancelReason::new(CancelSource::Sibling).with_message(why);
        self.cancel(Arc::new(reason.or_by(polled::id())));
    }

    /// Closes the group if no child is left.
    pub(super) fn close_if_empty(&self) -> bool {
        let mut state = self.state.lock();
        state.closed |= state.children.is_empty();
        state.closed
    }

    /// What has come of it all.
    pub(super) fn rest(&self) -> Rest<E> {
        let mut state = self.state.lock();
        let errors = match self.policy {
            // Those of the children are left for whoever takes them.
            ErrorPolicy::Collect => {
                state.errors.extract_if(.., |error| error.task().is_none()).collect()
            }
            ErrorPolicy::CancelSiblings | ErrorPolicy::WaitAll => std::mem::take(&mut state.errors),
        };
        Rest { errors, panic: state.panic.take() }
    }

    /// The block was dropped: nobody waits for the children any more.
    pub(super) fn abandon(&self) {
        self.cancel(Arc::new(
            CancelReason::default().with_message("the block of the group was dropped"),
        ));
        let mut state = self.state.lock();
        state.closed = true;
        let panic = state.panic.take();
        drop(state);
        panic.into_iter().for_each(context::report_panic);
    }
}

impl<E> Member<E> {
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn fail(&self, error: E) {
        self.shared.fail(TaskError::new(error, polled::id()));
    }

    pub(super) fn panic(&self, payload: Payload) {
        self.shared.panic(payload);
    }
}

impl<E> Drop for Member<E> {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        let gone = state.children.remove(&self.number);
        let last = state.children.is_empty();
        drop(state);
        drop(gone);
        if last {
            self.shared.runner.wake();
        }
    }
}
