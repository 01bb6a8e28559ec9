//! Waiting in line for room: permits are handed to the front as room appears.
//!
//! Whoever makes room, by receiving or by giving back a permit, then looks whether somebody waits,
//! and if so takes permits at the gate on behalf of the first in line, as long as there is enough
//! for it. While somebody waits the gate says so, and nobody passes the line: the order is strict.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use pin_project_lite::pin_project;

use super::entrance::{Entrance, Refusal, UNBOUNDED};
use super::gate::PERMITS_MAX;
use crate::budget::{come_back, poll_proceed, unit_now};
use crate::panics::contain;
use crate::wait_list::{Left, Line, Waited, Waiter};
use crate::wake_batch::{self, WakeBatch};

/// What a sender in line asks for, and whether it got it.
#[derive(Debug)]
pub(super) struct Ask {
    count: usize,
    granted: bool,
}

/// The channel is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed;

impl Entrance {
    /// Takes `count` permits, if there is room and nobody waits for it.
    pub(super) fn try_reserve(&self, count: usize) -> Result<(), Refusal> {
        loop {
            let word = self.admission(count)?;
            if count == 0 {
                // Nothing that those in line wait for.
                return Ok(());
            }
            if word.has_waiters() || !word.holds(count) {
                return Err(Refusal::Full);
            }
            if self.gate().reserve(word, count).is_ok() {
                return Ok(());
            }
        }
    }

    /// Waits for `count` permits.
    pub(super) fn reserve(&self, count: usize) -> Reserve<'_> {
        Reserve { waiter: self.line.waiter(), entrance: self, count, tried: false }
    }

    /// Waits in line for one permit, after there seemed to be no room, and then calls a function.
    #[inline]
    pub(super) fn reserve_in_line<R, F>(&self, then: F) -> ReserveThen<'_, F>
    where
        F: FnOnce(Result<(), Closed>) -> R,
    {
        let waiter = self.line.waiter();
        let reserve = Reserve { waiter, entrance: self, count: 1, tried: true };
        ReserveThen { reserve, then: Some(then) }
    }

    /// Gives back `count` permits that were not used.
    pub(super) fn release(&self, count: usize) {
        let then = self.gate().release(count);
        // Even if one waker panics the other is woken.
        let _line = Deferred(Some(|| self.serve()));
        self.follow(then);
    }

    /// Hands room that has appeared to those in line. Called after each change that makes room.
    #[inline]
    pub(super) fn serve(&self) {
        if self.limit() != UNBOUNDED && self.line.has_waiters() {
            self.serve_line();
        }
    }

    /// As [`serve`](Entrance::serve), for one who holds a message that a panic would lose: that of a waker
    /// does not come out.
    #[inline]
    pub(super) fn serve_calmly(&self) {
        if self.limit() != UNBOUNDED && self.line.has_waiters() {
            self.serve_line_calmly();
        }
    }

    #[inline(never)]
    fn serve_line_calmly(&self) {
        contain(|| self.serve_line());
    }

    #[inline(never)]
    fn serve_line(&self) {
        let mut line = self.line.lock();
        let Some(first) = self.grant_front(&mut line) else { return };
        // Most often there is room for one only, and no batch is needed.
        let second = self.grant_front(&mut line);
        drop(line);
        match (first, second) {
            (Some(first), None) => wake_batch::wake(first),
            (None, None) => {}
            (first, Some(second)) => self.serve_rest([first, second]),
        }
    }

    /// Wakes the first two, and serves the others.
    #[inline(never)]
    fn serve_rest(&self, wakers: [Option<Waker>; 2]) {
        let mut batch = WakeBatch::new();
        wakers.into_iter().flatten().for_each(|waker| batch.push(waker));
        loop {
            let mut line = self.line.lock();
            let mut ended = false;
            while !batch.is_full() && !ended {
                match self.grant_front(&mut line) {
                    Some(waker) => waker.into_iter().for_each(|waker| batch.push(waker)),
                    None => ended = true,
                }
            }
            drop(line);
            // The batches to come shall be woken even if a waker in this one panics.
            batch.wake_and_keep_panic();
            if ended {
                return batch.wake_all();
            }
        }
    }

    /// Gives the first in line what it asks for, if there is room. The inner option is its waker.
    fn grant_front(&self, line: &mut Line<'_, Ask>) -> Option<Option<Waker>> {
        loop {
            let last = line.len() == 1;
            let front = line.front()?;
            let count = front.count;
            let head = self.position();
            let word = self.gate().load();
            let is_open = !word.is_closed() && self.has_room(word, count, head);
            if !is_open || !word.holds(count) {
                return None;
            }
            if self.gate().grant(word, front.count, last).is_ok() {
                front.granted = true;
                return line.pop_front();
            }
        }
    }

    /// The look of one who is about to enter the line. Its lock is held. Room that appears during the
    /// look may be missed: who makes it looks after the line next.
    #[inline]
    fn look(&self, line: &mut Line<'_, Ask>, count: usize) -> ControlFlow<Result<(), Closed>, Ask> {
        loop {
            let head = self.position();
            let word = self.gate().load();
            if word.is_closed() {
                return ControlFlow::Break(Err(Closed));
            }
            if line.is_empty() && self.has_room(word, count, head) && word.holds(count) {
                if self.gate().grant(word, count, true).is_ok() {
                    return ControlFlow::Break(Ok(()));
                }
            } else if self.gate().mark_waiters(word).is_ok() {
                return ControlFlow::Continue(Ask { count, granted: false });
            }
        }
    }

    /// The same for one who may take nothing now, and need not wait for what it could have.
    fn queue(&self, line: &mut Line<'_, Ask>, count: usize) -> ControlFlow<(), Ask> {
        loop {
            let head = self.position();
            let word = self.gate().load();
            let fits = line.is_empty() && self.has_room(word, count, head) && word.holds(count);
            if fits || word.is_closed() {
                return ControlFlow::Break(());
            }
            if self.gate().mark_waiters(word).is_ok() {
                return ControlFlow::Continue(Ask { count, granted: false });
            }
        }
    }

    /// Whether one who came now would not have to wait for `count` permits.
    fn may_take(&self, count: usize) -> bool {
        let head = self.position();
        let word = self.gate().load();
        word.is_closed() || !word.has_waiters() && self.has_room(word, count, head)
    }

    /// Whether there could ever be room for `count` permits.
    pub(super) fn can_ever_hold(&self, count: usize) -> bool {
        count as u64 <= self.limit() && count <= PERMITS_MAX
    }

    /// Waits until the channel is closed.
    pub(super) async fn closed(&self) {
        poll_fn(|cx| poll_proceed(cx).map(|coop| coop.made_progress())).await;
        self.closing.wait_unless(|| self.gate().load().is_closed()).await;
    }

    /// Wakes all who wait for anything, after the receiver has closed the channel.
    pub(super) fn wake_all_senders(&self) {
        // Even if a waker in one line panics the other line is woken.
        let _closing = Deferred(Some(|| _ = self.closing.wake_all()));
        self.line.wake_all();
    }
}

/// Calls a function at the end of a scope, also if it ends in a panic.
pub(super) struct Deferred<F: FnOnce()>(pub(super) Option<F>);

impl<F: FnOnce()> Drop for Deferred<F> {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            call();
        }
    }
}

pin_project! {
    /// Waits for permits. Dropped while it has some that nobody knows of, it gives them back.
    pub(super) struct Reserve<'a> {
        #[pin]
        waiter: Waiter<'a, Ask>,
        entrance: &'a Entrance,
        count: usize,
        // Whether the way without the line was tried.
        tried: bool,
    }

    impl PinnedDrop for Reserve<'_> {
        #[inline]
        fn drop(this: Pin<&mut Self>) {
            this.leave();
        }
    }
}

impl Reserve<'_> {
    /// Gives up its place in line, or what it was given there.
    #[inline]
    pub(super) fn leave(self: Pin<&mut Self>) {
        if !self.waiter.is_outside() {
            self.leave_line();
        }
    }

    #[inline(never)]
    fn leave_line(self: Pin<&mut Self>) {
        let this = self.project();
        let entrance = *this.entrance;
        // Those behind may ask for less, and are served also if the waker that is dropped panics.
        let _behind = Deferred(Some(|| entrance.serve()));
        let left = this.waiter.leave_if(
            |_| true,
            |line| {
                if line.is_empty() {
                    entrance.gate().clear_waiters();
                }
            },
        );
        if let Some(Left::Chosen(Ask { count, granted: true })) = left {
            entrance.release(count);
        }
    }
}

impl Reserve<'_> {
    /// Enters the line although the budget is spent, unless there is room: that it may have at the next poll.
    #[cold]
    fn poll_spent(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        let this = self.project();
        let (entrance, count) = (*this.entrance, *this.count);
        // Who wants nothing never waits.
        let stays_out = count == 0 || !this.waiter.is_outside() || entrance.may_take(count);
        if stays_out || this.waiter.poll_wait(cx, |line| entrance.queue(line, count)).is_ready() {
            come_back(cx);
        } else {
            *this.tried = true;
        }
        Poll::Pending
    }
}

impl Future for Reserve<'_> {
    type Output = Result<(), Closed>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        let Some(unit) = unit_now() else { return self.poll_spent(cx) };
        let this = self.project();
        let (entrance, count) = (*this.entrance, *this.count);
        if !std::mem::replace(this.tried, true) {
            let tried = entrance.try_reserve(count);
            if tried != Err(Refusal::Full) {
                unit.spend();
                return Poll::Ready(tried.map_err(|_| Closed));
            }
        }
        let waited = ready!(this.waiter.poll_wait(cx, |line| entrance.look(line, count)));
        unit.spend();
        Poll::Ready(match waited {
            Waited::Never(result) => result,
            Waited::Woken(Ask { granted: false, .. }) => Err(Closed),
            // Whoever has not begun to send by the time of the close does not any more.
            Waited::Woken(_) if entrance.gate().load().is_closed() => {
                entrance.release(count);
                Err(Closed)
            }
            Waited::Woken(_) => Ok(()),
        })
    }
}

pin_project! {
    /// Waits in line for a permit, and then calls a function.
    pub(super) struct ReserveThen<'a, F> {
        #[pin]
        reserve: Reserve<'a>,
        // `None` once it was called.
        then: Option<F>,
    }
}

impl<R, F: FnOnce(Result<(), Closed>) -> R> Future for ReserveThen<'_, F> {
    type Output = R;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let this = self.project();
        // Before it enters the line once more.
        assert!(this.then.is_some(), "a future was polled after it was ready");
        let reserved = ready!(this.reserve.poll(cx));
        let then = this.then.take().expect("it was there a moment ago");
        Poll::Ready(then(reserved))
    }
}
