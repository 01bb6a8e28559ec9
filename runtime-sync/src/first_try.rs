//! Futures that mostly need not wait: one try when they are first polled, and only if that is in vain
//! the future that waits.
//!
//! What waits has a place in line inside, and a poll that is too long to be copied into everybody's
//! function. Whoever takes a free lock should pay for neither: here the try is copied, and the rest is
//! made, and called, only when it is needed.

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// Tries with `attempt`, and makes the output with `finish` of what that got; if it was in vain, waits
/// with what `wait` makes.
#[inline(always)]
pub(crate) fn first_try<S, R, A, F, B, W>(
    start: S,
    attempt: A,
    finish: F,
    wait: B,
) -> FirstTry<(S, A, F, B), W>
where
    A: FnOnce(&mut S) -> Option<R>,
    F: FnOnce(S, R) -> W::Output,
    B: FnOnce(S) -> W,
    W: Future,
{
    FirstTry::Fresh { start: Some((start, attempt, finish, wait)) }
}

pin_project! {
    /// The future of [`first_try`].
    #[project = FirstTryProj]
    #[must_use = "futures do nothing unless they are awaited"]
    pub(crate) enum FirstTry<Start, W> {
        // `None` once the try was made.
        Fresh { start: Option<Start> },
        Waiting { #[pin] waiting: W },
    }
}

impl<Start, W: Future> FirstTry<Start, W> {
    /// Begins to wait, if there is something to begin with, or goes on.
    #[inline(never)]
    fn wait<S>(
        mut self: Pin<&mut Self>,
        begin: Option<(S, impl FnOnce(S) -> W)>,
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

impl<S, R, A, F, B, W> Future for FirstTry<(S, A, F, B), W>
where
    A: FnOnce(&mut S) -> Option<R>,
    F: FnOnce(S, R) -> W::Output,
    B: FnOnce(S) -> W,
    W: Future,
{
    type Output = W::Output;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<W::Output> {
        let begin = match self.as_mut().project() {
            FirstTryProj::Fresh { start } => {
                let start = start.take().expect("a future was polled after it was ready");
                let (mut start, attempt, finish, wait) = start;
                if let Some(got) = attempt(&mut start) {
                    return Poll::Ready(finish(start, got));
                }
                Some((start, wait))
            }
            FirstTryProj::Waiting { .. } => None,
        };
        self.wait(begin, cx)
    }
}
