//! The block of a group: awaits the body, then the children, whatever happens.

use super::error::{GroupError, TaskError};
use super::shared::{Rest, Shared};
use crate::frame::{Cause, Holder, Node, Passage, Plain};
use crate::unwind::{catch, contain};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

pin_project! {
    /// The future of [`TaskGroup::scope`](super::TaskGroup::scope).
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Scope<F, T, E> {
        #[pin]
        body: Option<F>,
        value: Option<T>,
        shared: Arc<Shared<E>>,
        holder: Option<Holder>,
        stage: Stage,
    }

    impl<F, T, E> PinnedDrop for Scope<F, T, E> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            // Who keeps the group keeps no task. If nobody does, it goes with the group.
            if Arc::strong_count(this.shared) > 1 {
                this.shared.runner().let_go();
            }
            this.shared.set_node(None);
            if !matches!(this.stage, Stage::Over) {
                this.shared.abandon();
            }
        }
    }
}

enum Stage {
    /// The body and the children run.
    Running,
    /// As above; what is around was cancelled, and so they are.
    Leaving(Cause),
    /// The outcome was given.
    Over,
    /// There is no outcome: the cancellation of what is around was passed on.
    Passed(#[expect(dead_code, reason = "its drop is what matters")] Passage),
}

impl<F, T, E> Scope<F, T, E> {
    pub(super) fn new(body: F, shared: Arc<Shared<E>>) -> Scope<F, T, E> {
        Scope { body: Some(body), value: None, shared, holder: None, stage: Stage::Running }
    }
}

impl<F, T, E> Future for Scope<F, T, E>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<T, GroupError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        match this.stage {
            Stage::Running | Stage::Leaving(_) => {}
            Stage::Passed(_) => return Poll::Pending,
            Stage::Over => panic!("the scope of a `TaskGroup` was polled again after it was ready"),
        }
        let shared = &*this.shared;
        let mut has_begun = this.holder.is_some();
        let holder = this.holder.get_or_insert_with(|| {
            let node = Node::here(false);
            shared.set_node(Some(node.clone()));
            Holder::open_at(node)
        });
        shared.runner().register(cx.waker());
        holder.register(cx.waker());
        while let Some(body) = this.body.as_mut().as_pin_mut() {
            // A body that is given up shall not meet what its children leave behind as they end, a channel
            // that is closed, say, and take that for the failure, or for their end.
            if !shared.gives_up(has_begun) || holder.node().is_held() {
                has_begun = true;
                match catch(|| holder.within(&Plain, || body.poll(cx))) {
                    Ok(Poll::Ready(Ok(value))) => *this.value = Some(value),
                    Ok(Poll::Ready(Err(error))) => shared.fail(TaskError::new(error, None)),
                    Err(payload) => shared.panic(payload),
                    Ok(Poll::Pending) => {
                        if let (Stage::Running, Some(cause)) = (&*this.stage, holder.cause()) {
                            shared.cancel(cause.reason().clone());
                            *this.stage = Stage::Leaving(cause);
                        }
                        let Some(reason) = shared.reason() else { return Poll::Pending };
                        if holder.node().cancel(&reason) {
                            // Now that those inside know, they are asked once more.
                            continue;
                        }
                        if holder.node().waits_for_holders(cx.waker()) {
                            return Poll::Pending;
                        }
                    }
                }
            }
            if let Err(payload) = catch(|| this.body.set(None)) {
                shared.panic(payload);
            }
        }
        // Without children it has nothing to wait for: what is ready beats a cancellation.
        if !shared.close_if_empty() {
            if let (Stage::Running, Some(cause)) = (&*this.stage, holder.cause()) {
                shared.cancel(cause.reason().clone());
                *this.stage = Stage::Leaving(cause);
            }
            return Poll::Pending;
        }
        shared.set_node(None);
        let Rest { errors, panic } = shared.rest();
        let stage = std::mem::replace(this.stage, Stage::Over);
        let holder = this.holder.take().expect("it was opened above");
        if let Some(payload) = panic {
            contain(|| drop(errors));
            resume_unwind(payload);
        }
        if let (Stage::Leaving(cause), true) = (&stage, errors.is_empty()) {
            *this.stage = Stage::Passed(holder.pass_on(cause));
            return Poll::Pending;
        }
        match this.value.take() {
            Some(value) if errors.is_empty() => Poll::Ready(Ok(value)),
            _ => Poll::Ready(Err(GroupError::new(errors))),
        }
    }
}

impl<F, T, E> fmt::Debug for Scope<F, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("children", &self.shared.len()).finish_non_exhaustive()
    }
}
