//! A child of a group: what its task does, and the handle to its output.

use super::shared::Member;
use crate::frame;
use crate::task::{AbortHandle, CancelReason, Id, JoinHandle};
use crate::unwind::catch;
use pin_project_lite::pin_project;
use runtime_sync::channel::oneshot;
use runtime_sync::lock::{OwnedSemaphorePermit, Semaphore};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The right to a child's output. Dropping it changes nothing for the child.
///
/// If the child has none and whoever waits for it is being cancelled, the cancellation goes first: the
/// body of a group does not see the failure for which it is given up. asyncio does the same.
///
/// # Cancel safety
///
/// Awaiting `&mut handle` is cancel safe.
#[derive(Debug)]
pub struct GroupHandle<T> {
    task: JoinHandle<Option<T>>,
    /// What is told if nobody gives up the one who waits.
    late: Option<ChildError>,
}

/// Why a child has no output.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChildError {
    /// It returned an error, or panicked: the group tells.
    Failed,
    /// It was cancelled or aborted, with a reason if there was one.
    Cancelled(Option<CancelReason>),
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChildError::Failed => f.write_str("the task failed, as its group will tell"),
            ChildError::Cancelled(None) => f.write_str("the task was cancelled"),
            ChildError::Cancelled(Some(reason)) => write!(f, "the task was {reason}"),
        }
    }
}

impl std::error::Error for ChildError {}

impl<T> GroupHandle<T> {
    pub(super) fn new(task: JoinHandle<Option<T>>) -> GroupHandle<T> {
        GroupHandle { task, late: None }
    }

    /// Asks the child to end; see [`JoinHandle::cancel`]. The group goes on.
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        self.task.cancel(reason)
    }

    /// Drops the child's future at its next suspension. The group goes on.
    pub fn abort(&self) {
        self.task.abort();
    }

    /// A handle that can end the child, and no more.
    pub fn abort_handle(&self) -> AbortHandle {
        self.task.abort_handle()
    }

    /// Whether the child has ended.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// The number of the child's task.
    pub fn id(&self) -> Id {
        self.task.id()
    }
}

impl<T> Future for GroupHandle<T> {
    type Output = Result<T, ChildError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(error) = self.late.take() {
            return Poll::Ready(Err(error));
        }
        let error = match ready!(Pin::new(&mut self.task).poll(cx)) {
            Ok(Some(value)) => return Poll::Ready(Ok(value)),
            Ok(None) => ChildError::Failed,
            Err(error) if error.is_panic() => ChildError::Failed,
            Err(error) => ChildError::Cancelled(error.reason().cloned()),
        };
        if frame::in_effect().is_none() {
            return Poll::Ready(Err(error));
        }
        // Who waits is given up now, unless it is polled by somebody who knows nothing of that.
        self.late = Some(error);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Says to [`TaskGroup::start`](super::TaskGroup::start) that a child is ready.
#[derive(Debug)]
pub struct Started<V>(pub(super) oneshot::Sender<V>);

impl<V> Started<V> {
    /// The child is ready, and this is what whoever started it wants to know. trio's `started`.
    pub fn send(self, value: V) {
        // Nobody waits any more: the child need not care.
        let _ = self.0.send(value);
    }
}

pin_project! {
    /// What the task of a child does: waits for its turn if there is a limit, then does as it was told.
    ///
    /// Not an `async fn`, which would keep two places for the future. The child leaves the group when all
    /// else of it is gone.
    #[project = ChildProj]
    pub(super) struct Child<F, E> {
        #[pin]
        future: Option<F>,
        turn: Turn,
        member: Member<E>,
    }

    impl<F, E> PinnedDrop for Child<F, E> {
        #[inline]
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // It was cancelled or aborted.
            if this.future.is_some() {
                this.let_go();
            }
        }
    }
}

impl<F, E> ChildProj<'_, F, E> {
    /// Drops the future, and tells the group if that panics.
    #[inline]
    fn let_go(&mut self) {
        if let Err(payload) = catch(|| self.future.set(None)) {
            self.member.panic(payload);
        }
    }
}

/// Whether a child of a group with a limit may run.
enum Turn {
    NoLimit,
    Waits(Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>),
    Has { _permit: Option<OwnedSemaphorePermit> },
}

impl<F, E> Child<F, E> {
    pub(super) fn new(future: F, member: Member<E>, limit: Option<Arc<Semaphore>>) -> Child<F, E> {
        let turn = match limit {
            None => Turn::NoLimit,
            // The semaphore of a group is never closed.
            Some(limit) => Turn::Waits(Box::pin(async { limit.acquire_owned().await.ok() })),
        };
        Child { future: Some(future), turn, member }
    }
}

impl<F, T, E> Future for Child<F, E>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut this = self.project();
        if let Turn::Waits(turn) = this.turn {
            let permit = ready!(turn.as_mut().poll(cx));
            *this.turn = Turn::Has { _permit: permit };
        }
        let future =
            this.future.as_mut().as_pin_mut().expect("a child is polled until it has ended");
        let outcome = match catch(|| future.poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(outcome)) => Ok(outcome),
            Err(payload) => Err(payload),
        };
        let value = match outcome {
            Ok(Ok(value)) => Some(value),
            Ok(Err(error)) => {
                this.member.fail(error);
                None
            }
            Err(payload) => {
                this.member.panic(payload);
                None
            }
        };
        this.let_go();
        Poll::Ready(value)
    }
}
