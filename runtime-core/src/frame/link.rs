//! The frames that are being polled on this thread, from the innermost outwards.
//!
//! # Invariants
//!
//! 1. `INNERMOST` is null, or points to a link in the stack frame of a [`within`] that is running on
//!    this thread, whose guard sets it back to what it was, also when unwinding.
//! 2. The same holds for the pointer `outer` of each link, which is older than the link.

use super::node::Node;
use crate::task::{CancelReason, Header, Requests, polled};
use std::cell::Cell;
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A frame that is being polled.
struct Link<'a> {
    outer: *const Link<'static>,
    /// The task in which it is polled: what lies beyond belongs to another one.
    task: *const Header,
    node: &'a Cell<Option<Arc<Node>>>,
    about: &'a dyn About,
}

/// What a frame says of itself while it is polled.
pub(crate) trait About {
    /// Its own deadline.
    fn until(&self) -> Until {
        Until::Never
    }

    /// Whether what is around it does not concern those inside.
    fn is_shield(&self) -> bool {
        false
    }

    /// Why it is cancelled, if it is, also when its node does not know it yet.
    fn cancelled(&self) -> Option<Arc<CancelReason>> {
        None
    }
}

/// A frame about which there is nothing to be said.
pub(crate) struct Plain;

impl About for Plain {}

/// When a frame's own deadline is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// It has none.
    Never,
    /// Then.
    At(Instant),
    /// So long after it will have had to wait, which it has not yet.
    After(Duration),
}

thread_local! {
    static INNERMOST: Cell<*const Link<'static>> = const { Cell::new(ptr::null()) };
}

/// Calls `f` within a frame, whose node is, or will be if one is needed, in `place`.
#[inline]
pub(crate) fn within<R>(
    place: &mut Option<Arc<Node>>,
    about: &dyn About,
    f: impl FnOnce() -> R,
) -> R {
    /// Leaves the frame.
    struct Leave(*const Link<'static>);
    impl Drop for Leave {
        #[inline]
        fn drop(&mut self) {
            INNERMOST.set(self.0);
        }
    }
    let outer = INNERMOST.get();
    let link = Link { outer, task: polled::pointer(), node: Cell::from_mut(place), about };
    // The link stays where it is until the guard is dropped (invariant 1).
    let _leave = Leave(outer);
    INNERMOST.set(ptr::from_ref(&link).cast());
    f()
}

/// The innermost link, if it belongs to the task that is being polled.
fn innermost<'a>() -> Option<&'a Link<'static>> {
    follow(INNERMOST.get())
}

fn follow<'a>(link: *const Link<'static>) -> Option<&'a Link<'static>> {
    // SAFETY: invariants 1 and 2; the callers are called by what runs within the link.
    let link = unsafe { link.as_ref() }?;
    (link.task == polled::pointer()).then_some(link)
}

/// The links of the task that is being polled, from the innermost outwards.
fn links<'a>() -> impl Iterator<Item = &'a Link<'static>> {
    std::iter::successors(innermost(), |link| follow(link.outer))
}

impl Link<'_> {
    /// The frame's node, if there is one.
    fn node(&self) -> Option<Arc<Node>> {
        let node = self.node.take();
        self.node.set(node.clone());
        node
    }

    /// The frame's node, made if need be, with those of the frames around it.
    fn make_node(&self) -> Arc<Node> {
        if let Some(node) = self.node() {
            return node;
        }
        let node = Node::inside(follow(self.outer).map(Link::make_node), self.about.is_shield());
        self.node.set(Some(node.clone()));
        node
    }
}

/// The node of the innermost frame that is being polled, made if need be.
pub(super) fn node_here() -> Option<Arc<Node>> {
    innermost().map(Link::make_node)
}

/// Whether `node` is that of the innermost frame, or both are none.
pub(super) fn is_here(node: Option<&Arc<Node>>) -> bool {
    let here = innermost().and_then(Link::node);
    match (node, here) {
        (None, None) => innermost().is_none(),
        (Some(node), Some(here)) => Arc::ptr_eq(node, &here),
        _ => false,
    }
}

/// What one meets first on the way from a frame outwards.
pub(super) enum Around {
    /// A scope that is cancelled.
    Cancelled(Arc<CancelReason>),
    /// A shield.
    Shield,
    /// The task itself.
    Task,
}

/// What is around what is being polled on this thread, also where a frame's node does not know it yet.
/// `pass` is called with the nodes on the way.
fn around_here(mut pass: impl FnMut(Arc<Node>)) -> Around {
    for link in links() {
        let node = link.node();
        let known = node.as_ref().and_then(|node| node.cancelled());
        if let Some(reason) = known.or_else(|| link.about.cancelled()) {
            return Around::Cancelled(reason);
        }
        if link.about.is_shield() {
            return Around::Shield;
        }
        node.into_iter().for_each(&mut pass);
    }
    Around::Task
}

/// Why a scope is cancelled in which this is being polled, if one is.
pub(super) fn cancelled_scope() -> Option<Arc<CancelReason>> {
    match around_here(drop) {
        Around::Cancelled(reason) => Some(reason),
        Around::Shield | Around::Task => None,
    }
}

/// Why what is being polled on this thread is cancelled, if it is.
pub(crate) fn in_effect() -> Option<Arc<CancelReason>> {
    let mut requests = None;
    match around_here(|node| requests = Some(node.requests().clone())) {
        Around::Cancelled(reason) => Some(reason),
        Around::Shield => None,
        Around::Task => requests.or_else(Requests::find_here)?.unanswered(),
    }
}

/// The earliest deadline of the frames that are being polled on this thread.
pub(crate) fn earliest(now: impl Fn() -> Instant) -> Option<Instant> {
    let mut earliest: Option<Instant> = None;
    for link in links() {
        let own = match link.about.until() {
            Until::Never => None,
            Until::At(at) => Some(at),
            Until::After(duration) => now().checked_add(duration),
        };
        earliest = match (earliest, own) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        if link.about.is_shield() {
            break;
        }
    }
    earliest
}
