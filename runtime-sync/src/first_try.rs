//! Futures that mostly need not wait: one try when they are first polled, and only if that is in vain
//! the future that waits.
//!
//! What waits has a place in line inside, and a poll that is too long to be copied into everybody's
//! function. Whoever takes a free lock should pay for neither: here the try is copied, and the rest is
//! made, and called, only when it is needed.

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// Tries with `attempt`, which gives `start` back if it was in vain; then waits with what `wait` makes
/// of it.
#[inline(always)]
pub(crate) fn first_try<S, A, B, W>(start: S, attempt: A, wait: B) -> FirstTry<S, A, B, W>
where
    A: FnOnce(S) -> Result<W::Output, S>,
    B: FnOnce(S) -> W,
    W: Future,
{
    FirstTry::Fresh { start: Some((start, attempt, wait)) }
}

pin_project! {
    /// The future of [`first_try`].
    #[project = FirstTryProj]
    #[must_use = "futures do nothing unless they are awaited"]
    pub(crate) enum FirstTry<S, A, B, W> {
        // `None` once the try was made.
        Fresh { start: Option<(S, A, B)> },
        Waiting { #[pin] waiting: W },
    }
}

impl<S, A, B, W> FirstTry<S, A, B, W>
where
    B: FnOnce(S) -> W,
    W: Future,
{
    /// Begins to wait, if there is something to begin with, or goes on.
    #[inline(never)]
    fn wait(
        mut self: Pin<&mut Self>,
        begin: Option<(S, B)>,
        cx: &mut Context<'_>,
    ) -> Poll<W::Output> {
        if let Some((start, wait)) = begin {
            self.set(FirstTry::Waiting { waiting: wait(start) });
        }
        match self.project() {
            FirstTryProj::Waiting { waiting } => waiting.poll(cx),
            FirstTryProj::Fresh { .. } => unreachable!("it waits"),
        }
    }
}

impl<S, A, B, W> Future for FirstTry<S, A, B, W>
where
    A: FnOnce(S) -> Result<W::Output, S>,
    B: FnOnce(S) -> W,
    W: Future,
{
    type Output = W::Output;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<W::Output> {
        let FirstTryProj::Fresh { start } = self.as_mut().project() else {
            return self.wait(None, cx);
        };
        let (start, attempt, wait) = start.take().expect("a future was polled after it was ready");
        match attempt(start) {
            Ok(output) => Poll::Ready(output),
            Err(start) => self.wait(Some((start, wait)), cx),
        }
    }
}
