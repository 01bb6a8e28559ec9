//! A channel without room: a value goes from the hand of a sender into that of a receiver.
//!
//! There is one line. Either senders are in it, each with its value, or receivers, each with an
//! empty hand: if there were both, they would have met. A receiver that was given a value and is
//! dropped before it learns of it gives the value to the next one; if nobody waits, the value is
//! *kept* for whoever comes next. Its sender has gone long since, so it cannot be given back.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use pin_project_lite::pin_project;

use super::error::{RecvError, SendError, TryRecvError, TrySendError};
use crate::budget;
use crate::panics::{Panics, contain};
use crate::primitives::Mutex;
use crate::primitives::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::wait_list::{Left, Line, WaitList, Waited, Waiter};
use crate::wake_batch;

/// A channel that holds no values.
pub struct Meeting<T> {
    line: WaitList<Hand<T>>,
    /// Values whose receivers were dropped. Locked under the lock of the line; if there are any,
    /// no receiver is in line.
    kept: Mutex<VecDeque<T>>,
    /// How many are kept. Written under the lock.
    kept_len: AtomicUsize,
    closed: AtomicBool,
}

/// What one in line holds out to the others.
enum Hand<T> {
    /// A sender with its value.
    Gives(T),
    /// A sender whose value was taken.
    Given,
    /// A receiver.
    Wants,
    /// A receiver that was given a value.
    Got(T),
}

impl<T> Meeting<T> {
    /// Makes a channel.
    #[expect(clippy::new_without_default, reason = "made by the functions of the module")]
    pub fn new() -> Meeting<T> {
        Meeting {
            line: WaitList::new(),
            kept: Mutex::new(VecDeque::new()),
            kept_len: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        }
    }

    /// Sends as soon as there is a receiver.
    pub fn send(&self, value: T) -> Giving<'_, T> {
        Giving { meeting: self, waiter: self.line.waiter(), value: Some(value), over: false }
    }

    /// Receives as soon as there is a sender.
    pub fn recv(&self) -> Taking<'_, T> {
        Taking { meeting: self, waiter: self.line.waiter() }
    }

    /// Sends if there is a receiver that waits.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let mut met = Met::new();
        let mut value = Some(value);
        let gave = self.give(&mut self.line.lock(), &mut value, &mut met);
        let left = || value.expect("what was not taken is still here");
        match gave {
            Some(true) => Ok(()),
            Some(false) => Err(TrySendError::Closed(left())),
            None => Err(TrySendError::Full(left())),
        }
    }

    /// Receives if there is a sender that waits.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut met = Met::new();
        let taken = self.take(&mut self.line.lock(), &mut met);
        met.wake_calmly();
        match taken {
            Some(Ok(value)) => Ok(value),
            Some(Err(RecvError)) => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Gives the value to the first receiver in line; `false` if the channel is closed.
    fn give(
        &self,
        line: &mut Line<'_, Hand<T>>,
        value: &mut Option<T>,
        met: &mut Met,
    ) -> Option<bool> {
        if self.is_closed() {
            return Some(false);
        }
        let front = line.front()?;
        if !matches!(front, Hand::Wants) {
            return None;
        }
        *front = Hand::Got(value.take().expect("a sender has a value"));
        met.wakes(line);
        Some(true)
    }

    /// Takes what is kept, or the value of the first sender in line.
    fn take(&self, line: &mut Line<'_, Hand<T>>, met: &mut Met) -> Option<Result<T, RecvError>> {
        // Relaxed: the line is locked.
        if self.kept_len.load(Ordering::Relaxed) != 0 {
            let mut kept = self.kept.lock();
            let value = kept.pop_front();
            self.kept_len.store(kept.len(), Ordering::Relaxed);
            return value.map(Ok);
        }
        if let Some(front @ Hand::Gives(_)) = line.front() {
            let Hand::Gives(value) = mem::replace(front, Hand::Given) else { unreachable!() };
            met.wakes(line);
            return Some(Ok(value));
        }
        self.is_closed().then_some(Err(RecvError))
    }

    /// Gives to somebody else what a receiver will not use.
    fn hand_on(&self, value: T) {
        let mut met = Met::new();
        let mut line = self.line.lock();
        match line.front() {
            Some(front @ Hand::Wants) => {
                *front = Hand::Got(value);
                met.wakes(&mut line);
            }
            _ => {
                let mut kept = self.kept.lock();
                // It came before all that wait.
                kept.push_front(value);
                // Relaxed: the line is locked; others read it as a hint.
                self.kept_len.store(kept.len(), Ordering::Relaxed);
            }
        }
    }

    /// Lets nobody meet any more. Returns whether they could so far.
    pub fn close(&self) -> bool {
        // Pairs with the load in `is_closed`; who is in line or enters it is told by the lock.
        if self.closed.swap(true, Ordering::AcqRel) {
            return false;
        }
        self.line.wake_all();
        true
    }

    /// Whether nobody meets any more.
    pub fn is_closed(&self) -> bool {
        // Pairs with the swap in `close`.
        self.closed.load(Ordering::Acquire)
    }

    /// How many values are kept.
    pub fn len(&self) -> usize {
        // Relaxed: a number to look at.
        self.kept_len.load(Ordering::Relaxed)
    }

    /// Whether no value is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops the values that nobody will receive. Even if a drop panics, the others are dropped.
    pub(super) fn discard(&self) {
        let kept = {
            let _line = self.line.lock();
            let mut kept = self.kept.lock();
            self.kept_len.store(0, Ordering::Relaxed);
            mem::take(&mut *kept)
        };
        let mut panics = Panics::new();
        kept.into_iter().for_each(|value| panics.contain(|| drop(value)));
        panics.pass_on();
    }

    /// How many wait to send and to receive.
    pub fn waiting(&self) -> (usize, usize) {
        let mut line = self.line.lock();
        let count = line.len();
        match line.front() {
            Some(Hand::Gives(_)) => (count, 0),
            Some(_) => (0, count),
            None => (0, 0),
        }
    }
}

impl<T> fmt::Debug for Meeting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meeting").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The one that was met, to be woken when the lock is given back.
struct Met(Option<Waker>);

impl Met {
    fn new() -> Met {
        Met(None)
    }

    /// Takes the first out of the line, to be woken when this is dropped.
    fn wakes<T>(&mut self, line: &mut Line<'_, T>) {
        self.0 = line.pop_front().flatten();
    }
}

impl Met {
    /// For one who holds a value that a panic would lose: that of a waker does not come out.
    fn wake_calmly(mut self) {
        if let Some(waker) = self.0.take() {
            contain(|| waker.wake());
        }
    }
}

impl Drop for Met {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(wake_batch::wake);
    }
}

pin_project! {
    /// The future that sends.
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Giving<'a, T> {
        meeting: &'a Meeting<T>,
        #[pin]
        waiter: Waiter<'a, Hand<T>>,
        value: Option<T>,
        // It was ready, or its value was withdrawn. Asked without the lock, under which nobody panics.
        over: bool,
    }
}

impl<T> Giving<'_, T> {
    /// Leaves the line. Returns the value unless somebody has taken it, also if the waker panics as it is
    /// dropped.
    pub(super) fn withdraw(self: Pin<&mut Self>) -> Option<T> {
        let this = self.project();
        *this.over = true;
        let (waiter, place) = (this.waiter, this.value);
        contain(|| {
            let take_back = |hand: &mut Hand<T>| {
                if let Hand::Gives(value) = mem::replace(hand, Hand::Given) {
                    *place = Some(value);
                }
                true
            };
            if let Some(Left::Released(Hand::Gives(value))) = waiter.leave_if(take_back, |_| ()) {
                *place = Some(value);
            }
        });
        place.take()
    }
}

impl<T> Future for Giving<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        let this = self.project();
        assert!(!*this.over, "`send` was polled after it was ready");
        let Some(coop) = budget::proceed_now() else {
            let (meeting, value) = (*this.meeting, this.value);
            return enter_spent(this.waiter, cx, |line| {
                let waits = !meeting.is_closed() && !matches!(line.front(), Some(Hand::Wants));
                waits.then(|| value.take().map(Hand::Gives)).flatten()
            });
        };
        let mut met = Met::new();
        let waited =
            this.waiter.poll_wait(cx, |line| match this.meeting.give(line, this.value, &mut met) {
                Some(open) => ControlFlow::Break(open),
                None => ControlFlow::Continue(Hand::Gives(
                    this.value.take().expect("a sender has a value"),
                )),
            });
        let waited = ready!(waited);
        *this.over = true;
        let output = match waited {
            Waited::Never(true) | Waited::Woken(Hand::Given) => Ok(()),
            Waited::Woken(Hand::Gives(value)) => Err(SendError(value)),
            _ => Err(SendError(this.value.take().expect("what was not taken is still here"))),
        };
        coop.made_progress();
        Poll::Ready(output)
    }
}

pin_project! {
    /// The future that receives.
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Taking<'a, T> {
        meeting: &'a Meeting<T>,
        #[pin]
        waiter: Waiter<'a, Hand<T>>,
    }

    impl<T> PinnedDrop for Taking<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Left::Chosen(Hand::Got(value)) = this.waiter.leave() {
                this.meeting.hand_on(value);
            }
        }
    }
}

impl<T> Future for Taking<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, RecvError>> {
        let mut this = self.project();
        let Some(coop) = budget::proceed_now() else {
            let meeting = *this.meeting;
            return enter_spent(this.waiter, cx, |line| {
                // Relaxed: the line is locked.
                let is_kept = meeting.kept_len.load(Ordering::Relaxed) != 0;
                let finds = is_kept || matches!(line.front(), Some(Hand::Gives(_)));
                (!finds && !meeting.is_closed()).then_some(Hand::Wants)
            });
        };
        loop {
            let mut met = Met::new();
            let waited = this.waiter.as_mut().poll_wait(cx, |line| {
                match this.meeting.take(line, &mut met) {
                    Some(taken) => ControlFlow::Break(taken),
                    None => ControlFlow::Continue(Hand::Wants),
                }
            });
            met.wake_calmly();
            let output = match ready!(waited) {
                Waited::Never(taken) => taken,
                Waited::Woken(Hand::Got(value)) => Ok(value),
                // Closed: what is kept is still to be had.
                Waited::Woken(_) => continue,
            };
            coop.made_progress();
            return Poll::Ready(output);
        }
    }
}

/// Enters the line although the budget is spent, with the hand that is held out if nobody is there to be
/// met: whoever is, is met at the next poll.
#[cold]
fn enter_spent<T, R>(
    waiter: Pin<&mut Waiter<'_, Hand<T>>>,
    cx: &mut Context<'_>,
    hand: impl FnOnce(&mut Line<'_, Hand<T>>) -> Option<Hand<T>>,
) -> Poll<R> {
    let enter = |line: &mut Line<'_, Hand<T>>| match hand(line) {
        Some(hand) => ControlFlow::Continue(hand),
        None => ControlFlow::Break(()),
    };
    if !waiter.is_outside() || waiter.poll_wait(cx, enter).is_ready() {
        budget::come_back(cx);
    }
    Poll::Pending
}
