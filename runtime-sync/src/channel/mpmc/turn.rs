//! Waiting for one's turn: a place in line that is kept until an attempt succeeds.
//!
//! Something can be had by whoever comes first: an item, or room for one. Who finds nothing enters
//! a line. Who brings something [nudges](Side::nudge) the first in line that was not nudged yet;
//! that one is woken, keeps its place, and makes its attempt when it is polled.
//!
//! # Why no wake is lost
//!
//! *If somebody is in line and an attempt would succeed, then a nudge is under way*: somebody in
//! line was nudged and has not looked since, or somebody who brought something has yet to nudge.
//!
//! - Who enters looks under the lock first ([`WaitList`] says why that is enough).
//! - Who looks in vain, looks under the lock: what comes later is followed by a nudge.
//! - Who succeeds from within the line, or leaves it otherwise, nudges the next one if
//!   [another](Attempt::another) attempt could succeed. So a nudge that brought nothing, because
//!   what it announced could not be had yet, is made up for later.
//! - Who succeeds without having been in line takes no nudge away from anybody.
//! - Who brings something while everybody in line is nudged need not nudge, nor lock the line to find
//!   that out: `all_nudged` says so. It is set under the lock. Whoever enters, or is nudged no more,
//!   takes it back under the lock and passes a sequentially consistent fence before the attempt that
//!   follows; who brings something passes one before looking at it. So if the mark is still seen,
//!   each attempt from the line that comes later sees what was brought.
//!   One that gives up takes the mark back too, although the others are still nudged: whoever nudges
//!   next finds out who is the first now.
//!
//! # How far one may be overtaken
//!
//! An attempt that begins outside of the line may succeed while others wait: a woken task takes
//! its time, and what is there should not lie idle. But once the first in line has looked in vain,
//! it is *starving*: until it has got what it waits for, nobody but it may take anything. So each
//! waiter is overtaken only between one nudge and the poll that follows, and only once.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::budget;
use crate::panics::contain;
use crate::primitives::atomic::{AtomicBool, Ordering, fence};
use crate::primitives::const_outside_models;
use crate::wait_list::{Choice, Left, Line, WaitList, Waited, Waiter};
use crate::wake_batch::{self, WakeBatch};

/// How many that were nudged already a nudge walks past. Beyond them those who succeed nudge on.
const WALK_MAX: usize = 32;

/// One line of those who wait for their turn.
#[derive(Debug)]
pub(crate) struct Side {
    line: WaitList<Ask>,
    /// The first in line has looked in vain. Written under the lock of the line.
    starving: AtomicBool,
    /// Everybody in line was nudged and has not looked since. Written under the lock of the line.
    all_nudged: AtomicBool,
}

/// What a waiter in line looks like to those who nudge.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    /// It was nudged, and has not looked since.
    nudged: bool,
    /// It was seen as the first in line, which it remains until it leaves.
    front: bool,
}

impl Side {
    const_outside_models! {
        pub(crate) const fn new() -> Side {
            Side {
                line: WaitList::new(),
                starving: AtomicBool::new(false),
                all_nudged: AtomicBool::new(false),
            }
        }
    }

    /// Whether an attempt may be made by somebody who has not waited.
    #[inline]
    pub(crate) fn admits(&self) -> bool {
        // Relaxed: a hint. A stale value lets one more overtake, or sends one into the line.
        !self.starving.load(Ordering::Relaxed)
    }

    /// Says that up to `count` more attempts could succeed because of what this thread did.
    ///
    /// # Panics
    ///
    /// Passes on a panic of a waker.
    #[inline]
    pub(crate) fn nudge(&self, count: usize) {
        // Relaxed: behind the fence in `has_waiters`, which pairs with the one in `unsettle`.
        if self.line.has_waiters() && !self.all_nudged.load(Ordering::Relaxed) {
            self.nudge_waiters(count);
        }
    }

    /// As [`nudge`](Side::nudge), for one who holds a value that a panic would lose: that of a waker does
    /// not come out.
    #[inline]
    pub(crate) fn nudge_calmly(&self, count: usize) {
        // Relaxed: as there.
        if self.line.has_waiters() && !self.all_nudged.load(Ordering::Relaxed) {
            contain(|| self.nudge_waiters(count));
        }
    }

    /// Says that not everybody in line is nudged any more. Its lock is held, and an attempt follows.
    fn unsettle(&self) {
        if self.all_nudged.load(Ordering::Relaxed) {
            self.all_nudged.store(false, Ordering::Relaxed);
            // Pairs with the fence in `nudge`; see the head of the file.
            fence(Ordering::SeqCst);
        }
    }

    /// Says that everybody in line is nudged. Its lock is held.
    fn settle(&self) {
        self.all_nudged.store(true, Ordering::Relaxed);
    }

    #[cold]
    fn nudge_waiters(&self, count: usize) {
        let mut line = self.line.lock();
        let front_waits = line.front().is_some_and(|ask| !ask.nudged);
        if count == 1 && front_waits {
            if let Some(ask) = line.front() {
                *ask = Ask { nudged: true, front: true };
            }
            let waker = line.nudge_front();
            if line.len() == 1 {
                self.settle();
            }
            drop(line);
            waker.into_iter().for_each(wake_batch::wake);
            return;
        }
        drop(line);
        self.nudge_many(count);
    }

    fn nudge_many(&self, count: usize) {
        let mut batch = WakeBatch::new();
        let (mut rest, mut walked, mut first, mut stopped) = (count, 0, true, false);
        let mut line = self.line.lock();
        // If the batch did not take all, those who were nudged nudge on.
        let ended = line.choose_where(&mut batch, |ask| {
            ask.front |= std::mem::take(&mut first);
            if rest == 0 || walked == WALK_MAX {
                stopped = true;
                return Choice::Stop;
            }
            if std::mem::replace(&mut ask.nudged, true) {
                walked += 1;
                return Choice::Pass;
            }
            rest -= 1;
            Choice::Nudge
        });
        if ended && !stopped {
            self.settle();
        }
        drop(line);
        batch.wake_all();
    }

    /// Lets all go on, because something has come to its end.
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a waker, after all have been woken.
    pub(crate) fn release_all(&self) {
        // Even if a waker panics nobody must be kept out for one who is not in line any more.
        let _settles = Settles(self);
        self.line.wake_all();
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.line.lock().len()
    }

    /// Takes note that one has left the line, who may have been the `front`.
    fn left(&self, line: &Line<'_, Ask>, front: bool) {
        if front || line.is_empty() {
            // Relaxed: see `admits`; all writers hold the lock.
            self.starving.store(false, Ordering::Relaxed);
        }
    }
}

/// Makes sure that an empty line lets newcomers in.
struct Settles<'a>(&'a Side);

impl Drop for Settles<'_> {
    fn drop(&mut self) {
        let line = self.0.line.lock();
        self.0.left(&line, false);
    }
}

/// Something that may not succeed at once.
pub(crate) trait Attempt {
    /// What a success is, before it is worked out.
    type Success;
    /// What the future returns.
    type Output;

    /// Tries. Called under the lock of the line: nothing foreign may be called or dropped.
    fn attempt(&mut self) -> Option<Self::Success>;

    /// Makes the output of a success, and wakes whoever gains by it. Called without any lock.
    fn finish(&mut self, success: Self::Success) -> Self::Output;

    /// Tries and finishes in one go, without any lock.
    #[inline]
    fn at_once(&mut self) -> Option<Self::Output> {
        self.attempt().map(|success| self.finish(success))
    }

    /// Whether the attempt of another one might succeed now. When in doubt, it might.
    fn another(&self) -> bool;
}

pin_project! {
    /// The future that makes an attempt until it succeeds.
    #[must_use = "futures do nothing unless they are awaited"]
    pub(crate) struct Turn<'a, A: Attempt> {
        #[pin]
        waiter: Waiter<'a, Ask>,
        side: &'a Side,
        attempt: A,
        // Whether it has entered the line and does not know that it is out again.
        entered: bool,
    }

    impl<A: Attempt> PinnedDrop for Turn<'_, A> {
        #[inline]
        fn drop(this: Pin<&mut Self>) {
            if this.entered {
                this.give_up();
            }
        }
    }
}

impl<'a, A: Attempt> Turn<'a, A> {
    #[inline]
    pub(crate) fn new(side: &'a Side, attempt: A) -> Turn<'a, A> {
        Turn { waiter: side.line.waiter(), side, attempt, entered: false }
    }

    /// Leaves the line and hands a nudge on. Returns the attempt, as it was made last.
    #[inline(never)]
    pub(crate) fn give_up(self: Pin<&mut Self>) -> &mut A {
        let this = self.project();
        if std::mem::take(this.entered) {
            let side = *this.side;
            let front = Cell::new(false);
            let left = this.waiter.leave_if(
                |ask| {
                    front.set(ask.front);
                    side.unsettle();
                    true
                },
                |line| side.left(line, front.get()),
            );
            if matches!(left, Some(Left::Waiting(_))) && this.attempt.another() {
                side.nudge(1);
            }
        }
        this.attempt
    }

    /// Enters the line although the budget is spent, unless the attempt might succeed: that it may make at the
    /// next poll.
    #[cold]
    fn poll_spent(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<A::Output> {
        let this = self.project();
        let (side, attempt) = (*this.side, this.attempt);
        let stays_out = *this.entered || (side.admits() && attempt.another());
        let enter = |line: &mut Line<'_, Ask>| {
            side.unsettle();
            match (side.admits() || line.is_empty()) && attempt.another() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(Ask { nudged: false, front: false }),
            }
        };
        if stays_out || this.waiter.poll_wait(cx, enter).is_ready() {
            budget::come_back(cx);
        } else {
            *this.entered = true;
        }
        Poll::Pending
    }

    /// The way through the line.
    fn poll_in_line(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<A::Output> {
        let mut this = self.project();
        let side = *this.side;
        loop {
            if *this.entered {
                match look_in_line(this.waiter.as_mut(), side, this.attempt) {
                    Look::Success(output) => {
                        *this.entered = false;
                        return Poll::Ready(output);
                    }
                    Look::Vain => {}
                    Look::Released => *this.entered = false,
                }
            }
            let entered = *this.entered;
            let waited = this.waiter.as_mut().poll_wait(cx, |line| {
                side.unsettle();
                // Whoever starves comes first.
                let admitted = side.admits() || line.is_empty();
                match admitted.then(|| this.attempt.attempt()).flatten() {
                    Some(success) => ControlFlow::Break(success),
                    None => ControlFlow::Continue(Ask { nudged: false, front: false }),
                }
            });
            match waited {
                Poll::Ready(Waited::Never(success)) => {
                    return Poll::Ready(this.attempt.finish(success));
                }
                Poll::Ready(Waited::Woken(_)) => *this.entered = false,
                // A nudge takes the waker along: one that came before the waker was renewed has
                // woken nobody, and has to be noticed here.
                Poll::Pending if entered => {
                    match look_in_line(this.waiter.as_mut(), side, this.attempt) {
                        Look::Success(output) => {
                            *this.entered = false;
                            return Poll::Ready(output);
                        }
                        Look::Vain => return Poll::Pending,
                        Look::Released => *this.entered = false,
                    }
                }
                Poll::Pending => {
                    *this.entered = true;
                    return Poll::Pending;
                }
            }
        }
    }
}

/// What a waiter in line has found.
enum Look<R> {
    /// It succeeded and is out of the line.
    Success(R),
    /// It was not nudged, or has found nothing, and is still in line.
    Vain,
    /// It was let go together with all others.
    Released,
}

/// Makes an attempt from within the line, if there was a nudge.
fn look_in_line<A: Attempt>(
    waiter: Pin<&mut Waiter<'_, Ask>>,
    side: &Side,
    attempt: &mut A,
) -> Look<A::Output> {
    let front = Cell::new(false);
    let mut had = Had { side, attempt, success: None };
    let left = waiter.leave_if(
        |ask| {
            if !std::mem::take(&mut ask.nudged) {
                return false;
            }
            side.unsettle();
            if !(ask.front || side.admits()) {
                return false;
            }
            front.set(ask.front);
            had.success = had.attempt.attempt();
            if had.success.is_none() && ask.front {
                // Relaxed: see `Side::admits`; all writers hold the lock.
                side.starving.store(true, Ordering::Relaxed);
            }
            had.success.is_some()
        },
        |line| side.left(line, front.get()),
    );
    match left {
        None => Look::Vain,
        Some(Left::Waiting(_)) => Look::Success(had.finish()),
        Some(_) => Look::Released,
    }
}

/// A success that is worked out even if a waker's drop panics as the waiter leaves the line.
struct Had<'a, A: Attempt> {
    side: &'a Side,
    attempt: &'a mut A,
    success: Option<A::Success>,
}

impl<A: Attempt> Had<'_, A> {
    fn finish(mut self) -> A::Output {
        let success = self.success.take().expect("whoever leaves the line has succeeded");
        let _hands_on = HandsOn { side: self.side, another: self.attempt.another() };
        self.attempt.finish(success)
    }
}

impl<A: Attempt> Drop for Had<'_, A> {
    fn drop(&mut self) {
        if let Some(success) = self.success.take() {
            let _hands_on = HandsOn { side: self.side, another: self.attempt.another() };
            self.attempt.finish(success);
        }
    }
}

/// Nudges the next one, even if a waker panics before. There may be a value in hand.
struct HandsOn<'a> {
    side: &'a Side,
    another: bool,
}

impl Drop for HandsOn<'_> {
    fn drop(&mut self) {
        if self.another {
            self.side.nudge_calmly(1);
        }
    }
}

impl<A: Attempt> Future for Turn<'_, A> {
    type Output = A::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<A::Output> {
        let Some(unit) = budget::unit_now() else { return self.poll_spent(cx) };
        let this = self.as_mut().project();
        let output = match !*this.entered && this.side.admits() {
            true => this.attempt.at_once(),
            false => None,
        };
        let output = match output {
            Some(output) => output,
            None => ready!(self.poll_in_line(cx)),
        };
        unit.spend();
        Poll::Ready(output)
    }
}
