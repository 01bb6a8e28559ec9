//! To learn of a cancellation, and to decide what to do about it.

use super::error::Cancelled;
use crate::frame::{Cause, Holder, Node, Plain, within};
use crate::task::CancelReason;
use pin_project_lite::pin_project;
use runtime_sync::budget;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Awaits `future`, and gives [`Cancelled`] instead of its output if it is cancelled meanwhile.
///
/// A request to the *task* ends here: the future is dropped, the caller is told, and the task runs
/// on. Whoever wants to pass it on after some clean-up returns, or
/// [asks again](crate::task::JoinHandle::cancel); [`with_cleanup`](super::with_cleanup) does that by
/// itself. A *scope* that is cancelled stays so: the caller is told, but its next wait in the scope
/// is given up. Each `catch_cancel` is told of what comes after it has begun.
///
/// The counterpart of `try: … except asyncio.CancelledError`.
///
/// # Errors
///
/// [`Cancelled`], with the reason.
///
/// # Cancel safety
///
/// Dropping it drops the future. A request that came and was not answered yet goes to the frames
/// around.
///
/// # Examples
///
/// ```
/// use filch::cancel::catch_cancel;
///
/// # filch::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let task = filch::spawn(async {
///     match catch_cancel(std::future::pending::<()>()).await {
///         Ok(()) => "never".to_owned(),
///         Err(cancelled) => format!("I was told: {cancelled}"),
///     }
/// });
/// filch::task::yield_now().await;
/// task.cancel("the shop closes");
/// let told = task.await.unwrap();
/// assert!(told.ends_with("the shop closes"));
/// # });
/// ```
pub fn catch_cancel<F: IntoFuture>(future: F) -> CatchCancel<F::IntoFuture> {
    CatchCancel { future: Some(future.into_future()), stage: Stage::New }
}

pin_project! {
    /// The future of [`catch_cancel`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct CatchCancel<F> {
        #[pin]
        future: Option<F>,
        stage: Stage,
    }
}

enum Stage {
    New,
    Open(Holder),
    /// A scope around was cancelled before: nothing is held up for this one.
    Late(Option<Arc<Node>>, Arc<CancelReason>),
}

impl<F: Future> Future for CatchCancel<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Stage::New = this.stage {
            let node = Node::here(false);
            *this.stage = match Holder::open_unless_cancelled(node.clone()) {
                Ok(holder) => Stage::Open(holder),
                Err(reason) => Stage::Late(Some(node), reason),
            };
        }
        let future = this.future.as_mut().as_pin_mut();
        let future = future.expect("a `CatchCancel` was polled again after it was ready");
        let cause = match this.stage {
            Stage::New => unreachable!("it has just been opened"),
            Stage::Open(holder) => {
                holder.register(cx.waker());
                match holder.within(&Plain, || future.poll(cx)) {
                    Poll::Ready(value) => {
                        this.future.set(None);
                        *this.stage = Stage::New;
                        return Poll::Ready(Ok(value));
                    }
                    Poll::Pending => holder.cause(),
                }
            }
            Stage::Late(place, reason) => match within(place, &Plain, || future.poll(cx)) {
                Poll::Ready(value) => {
                    this.future.set(None);
                    return Poll::Ready(Ok(value));
                }
                Poll::Pending if place.as_ref().is_some_and(|node| node.is_held()) => None,
                Poll::Pending => {
                    // Whoever tries again and again shall not do so for ever within one poll.
                    ready!(budget::poll_proceed(cx)).made_progress();
                    Some(Cause::Scope(reason.clone()))
                }
            },
        };
        let Some(cause) = cause else { return Poll::Pending };
        this.future.set(None);
        if let Stage::Open(holder) = this.stage {
            holder.answer(&cause);
        }
        *this.stage = Stage::New;
        Poll::Ready(Err(Cancelled::new(cause.reason().clone())))
    }
}

impl<F: fmt::Debug> fmt::Debug for CatchCancel<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatchCancel").field("future", &self.future).finish_non_exhaustive()
    }
}
