//! A frame that answers cancellations in its own way, and holds what is around it until it has.

use super::link::{self, About, Around, within};
use super::node::Node;
use crate::task::CancelReason;
use runtime_sync::waker_slot::WakerSlot;
use std::sync::Arc;
use std::task::Waker;

/// An open holder; it closes when it is dropped.
#[derive(Debug)]
pub(crate) struct Holder {
    /// Its node. Always there: an option because that is what [`within`] lends to those inside.
    node: Option<Arc<Node>>,
    wake: Arc<WakerSlot>,
    /// The number of the last request to the task that was over when it was opened.
    over: u64,
}

/// What a holder has to answer.
#[derive(Clone, Debug)]
pub(crate) enum Cause {
    /// A scope around it is cancelled, and stays so.
    Scope(Arc<CancelReason>),
    /// The task was asked to end. The number is that of the request.
    Task(Arc<CancelReason>, u64),
}

impl Cause {
    pub(crate) fn reason(&self) -> &Arc<CancelReason> {
        match self {
            Cause::Scope(reason) | Cause::Task(reason, _) => reason,
        }
    }
}

impl Holder {
    /// Opens a holder with a node that was made here, or says that a scope around is cancelled
    /// already.
    pub(crate) fn open_unless_cancelled(node: Arc<Node>) -> Result<Holder, Arc<CancelReason>> {
        match link::cancelled_scope() {
            Some(reason) => Err(reason),
            None => Ok(Holder::open_at(node)),
        }
    }

    /// Opens a holder within what is being polled.
    pub(crate) fn open() -> Holder {
        Holder::open_at(Node::here(false))
    }

    /// Opens a holder with a node that was made here.
    pub(crate) fn open_at(node: Arc<Node>) -> Holder {
        let wake = Arc::new(WakerSlot::new());
        node.outers().for_each(Node::hold);
        node.requests().open_frame(wake.clone());
        let over = node.requests().over();
        Holder { node: Some(node), wake, over }
    }

    /// Leaves the waker of the task, to be called whenever there may be something to answer. To be
    /// called before what is inside is polled.
    pub(crate) fn register(&self, waker: &Waker) {
        self.wake.register(waker);
    }

    /// Where those inside find its node.
    pub(crate) fn place(&mut self) -> &mut Option<Arc<Node>> {
        &mut self.node
    }

    /// Calls `f`, which polls what is inside.
    pub(crate) fn within<R>(&mut self, about: &dyn About, f: impl FnOnce() -> R) -> R {
        within(&mut self.node, about, f)
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        self.node.as_ref().expect("a holder always has its node")
    }

    /// What is to be answered, if anything, now that what is inside is pending: nothing while a
    /// holder is open further in, which goes first.
    pub(crate) fn cause(&self) -> Option<Cause> {
        let node = self.node();
        if node.is_held() || !link::is_here(node.outer()) {
            return None;
        }
        match around(node) {
            Around::Cancelled(reason) => Some(Cause::Scope(reason)),
            Around::Shield => None,
            Around::Task => {
                let requests = node.requests();
                let over = (!node.is_passed()).then(|| self.over.max(node.answered()));
                let (reason, number) = requests.is_here().then(|| requests.last(over))??;
                Some(Cause::Task(reason, number))
            }
        }
    }

    /// The cancellation ends here, if it was aimed at the task. One that is aimed at a scope goes on.
    pub(crate) fn answer(&self, cause: &Cause) {
        if let Cause::Task(_, number) = cause {
            self.node().outers().for_each(|outer| outer.answer(*number));
            self.node().requests().answer(*number);
        }
    }

    /// The cancellation goes on outwards when this holder closes, and the future it belongs to will
    /// never be ready: whatever it is aimed at drops it, and what is returned here with it.
    pub(crate) fn pass_on(&self, cause: &Cause) -> Passage {
        let passed = match cause {
            Cause::Scope(_) => None,
            Cause::Task(..) => Some(self.node().clone()),
        };
        if let Some(node) = &passed {
            node.outers().for_each(Node::pass);
            node.requests().pass_on();
        }
        Passage(passed)
    }
}

/// While it lives, a request to the task was passed on here: it is answered further out, or the task
/// ends, whatever is done about it beside.
#[derive(Debug)]
#[must_use = "a request that is withdrawn beside leaves the task waiting for ever, once this is dropped"]
pub(crate) struct Passage(Option<Arc<Node>>);

impl Drop for Passage {
    fn drop(&mut self) {
        if let Some(node) = &self.0 {
            node.outers().for_each(Node::take_back);
            node.requests().take_back();
        }
    }
}

fn around(node: &Node) -> Around {
    for outer in node.outers() {
        if let Some(reason) = outer.cancelled() {
            return Around::Cancelled(reason);
        }
        if outer.is_shield() {
            return Around::Shield;
        }
    }
    Around::Task
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.node().outers().for_each(Node::let_go);
        self.node().requests().close_frame(&self.wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl Wake for Bell {
        fn wake(self: Arc<Bell>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    struct Panics;

    impl Wake for Panics {
        fn wake(self: Arc<Panics>) {
            std::panic::resume_unwind(Box::new("on purpose"));
        }
    }

    #[test]
    fn a_waker_that_panics_does_not_keep_those_further_out_from_being_let_go_of() {
        let outer = Node::inside(None, false);
        let inner = Node::inside(Some(outer.clone()), false);
        let holder = Holder::open_at(Node::inside(Some(inner.clone()), false));
        let bell = Arc::new(Bell::default());
        let wakers = [Waker::from(Arc::new(Panics)), Waker::from(bell.clone())];
        for (node, waker) in [&inner, &outer].into_iter().zip(wakers) {
            assert!(node.cancel(&Arc::default()) && node.waits_for_holders(&waker));
        }
        drop(holder);
        assert!(!inner.is_held() && !outer.is_held());
        assert_eq!(bell.0.load(Ordering::Relaxed), 1);
    }
}
