//! What was written and not sent yet, and who waits for that to change.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, BytesMut};
use runtime_core::task_tracker::TaskTrackerToken;
use runtime_core::unwind::contain;
use runtime_sync::primitives::Mutex;

use super::loss::Loss;

/// From how many bytes on a writer is to wait, as in asyncio.
const HIGH: usize = 64 << 10;

/// The bytes of one connection that wait to be sent.
#[derive(Debug)]
pub(super) struct Outbox(Mutex<State>);

#[derive(Debug)]
struct State {
    queue: BytesMut,
    /// Bytes that whoever flushes has taken and not sent yet.
    in_flight: usize,
    /// Somebody sends: the writer itself, or a task.
    flushing: bool,
    /// More than `high` waited, and since then never as few as `low`.
    paused: bool,
    high: usize,
    low: usize,
    end: End,
    /// Something was written that nobody will ever send.
    missed: bool,
    lost: Option<Loss>,
    waiting: Vec<(u64, Waker)>,
    /// The number of the last [`Wait`] that had to.
    last: u64,
    counted: Option<TaskTrackerToken>,
}

/// The number of whoever polls the writer by hand: it is one at a time.
const BY_HAND: u64 = 0;

/// How far the end of the connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Open,
    /// Nothing more will be written: to be told to the peer once all is sent.
    HalfClosing,
    /// The peer was told.
    HalfClosed,
    /// To be closed once all is sent.
    Closing,
    Closed,
}

/// What whoever sends has to do next.
#[derive(Debug, PartialEq)]
pub(super) enum Sent {
    /// To send more.
    More,
    /// Nothing: it sends no longer.
    All,
    /// To tell the peer that no more will come.
    HalfClose,
    /// To close the connection.
    Close,
}

/// What a write meets.
#[derive(Debug, PartialEq)]
pub(super) enum Writable {
    Yes,
    /// The connection is closing, or lost.
    Ignored,
    /// `write_eof` was called.
    Ended,
}

impl Outbox {
    pub(super) fn new(counted: Option<TaskTrackerToken>) -> Outbox {
        Outbox(Mutex::new(State {
            queue: BytesMut::new(),
            in_flight: 0,
            flushing: false,
            paused: false,
            high: HIGH,
            low: HIGH / 4,
            end: End::Open,
            missed: false,
            lost: None,
            waiting: Vec::new(),
            last: BY_HAND,
            counted,
        }))
    }

    /// Changes the state, and wakes who waits if it says so.
    fn change<R>(&self, change: impl FnOnce(&mut State) -> (R, bool)) -> R {
        let mut state = self.0.lock();
        let (result, wake) = change(&mut state);
        let woken = if wake { std::mem::take(&mut state.waiting) } else { Vec::new() };
        drop(state);
        // Each on its own: one that panics keeps nobody from being told, nor us from going on.
        woken.into_iter().for_each(|(_, waker)| contain(|| waker.wake()));
        result
    }

    /// Waits until `look` has something to say, as the one whom `number` gives a number.
    fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        look: Look<R>,
        number: impl FnOnce(&mut State) -> u64,
    ) -> Poll<R> {
        if let Some(result) = look(&self.0.lock()) {
            return Poll::Ready(result);
        }
        // Cloned, and dropped if it is not needed, while no lock is held.
        let waker = cx.waker().clone();
        let _before;
        let mut state = self.0.lock();
        if let Some(result) = look(&state) {
            drop(state);
            return Poll::Ready(result);
        }
        let number = number(&mut state);
        match state.waiting.iter().position(|(other, _)| *other == number) {
            Some(place) => _before = std::mem::replace(&mut state.waiting[place].1, waker),
            None => state.waiting.push((number, waker)),
        }
        Poll::Pending
    }

    fn wait<R>(&self, look: Look<R>) -> Wait<'_, R> {
        Wait { outbox: self, look, number: None }
    }

    /// What a write meets now. One that is ignored is told of by whoever drains.
    pub(super) fn writable(&self) -> Writable {
        let mut state = self.0.lock();
        let writable = match state.end {
            _ if state.lost.is_some() => Writable::Ignored,
            End::Open => Writable::Yes,
            End::HalfClosing | End::HalfClosed => Writable::Ended,
            End::Closing | End::Closed => Writable::Ignored,
        };
        state.missed |= writable == Writable::Ignored;
        writable
    }

    /// Whether nobody sends, and the caller does so from now on, until `finish` says that all is
    /// sent.
    pub(super) fn begin(&self) -> bool {
        self.0.lock().begin()
    }

    /// As [`begin`](Outbox::begin). If somebody sends, these bytes are put with the others, in one step: he
    /// does not go without them.
    pub(super) fn begin_or_push(&self, bytes: &[u8]) -> bool {
        let mut state = self.0.lock();
        let begun = state.begin();
        if !begun {
            state.push(bytes);
        }
        begun
    }

    /// Keeps what has found no room. For whoever sends.
    pub(super) fn push(&self, bytes: &[u8]) {
        self.0.lock().push(bytes);
    }

    /// Everything that waits now, for whoever flushes.
    pub(super) fn take_batch(&self) -> Batch<'_> {
        let mut state = self.0.lock();
        let bytes = state.queue.split();
        state.in_flight = bytes.len();
        Batch { outbox: self, bytes }
    }

    /// So many bytes of the batch are sent.
    fn sent(&self, count: usize) {
        self.change(|state| {
            state.in_flight = state.in_flight.saturating_sub(count);
            let resumed = state.paused && state.len() <= state.low;
            state.paused &= !resumed;
            ((), resumed)
        });
    }

    /// What the caller, who sends, has to do next.
    pub(super) fn finish(&self) -> Sent {
        self.change(|state| {
            if !state.queue.is_empty() && state.end != End::Closed {
                return (Sent::More, false);
            }
            match state.end {
                End::HalfClosing => (Sent::HalfClose, false),
                End::Closing => (Sent::Close, false),
                End::Open | End::HalfClosed | End::Closed => {
                    state.flushing = false;
                    (Sent::All, true)
                }
            }
        })
    }

    pub(super) fn half_close(&self) {
        self.advance(End::HalfClosing);
    }

    pub(super) fn half_closed(&self) {
        self.advance(End::HalfClosed);
    }

    pub(super) fn close(&self) {
        self.advance(End::Closing);
    }

    fn advance(&self, end: End) {
        self.change(|state| {
            state.end = state.end.max(end);
            ((), true)
        });
    }

    /// The connection is closed: nothing is sent any more.
    pub(super) fn closed(&self) {
        let counted = self.change(|state| {
            state.end = End::Closed;
            state.queue.clear();
            state.in_flight = 0;
            state.paused = false;
            (state.counted.take(), true)
        });
        drop(counted);
    }

    /// Nothing is sent any more, and what becomes of the connection is no loss.
    /// [`closed`](Outbox::closed) is to follow.
    pub(super) fn abort(&self) {
        let mut state = self.0.lock();
        state.end = End::Closed;
        state.queue.clear();
    }

    /// The connection is lost because of this, unless it was over before.
    pub(super) fn lose(&self, error: &io::Error) {
        let loss = Loss::from(error);
        self.change(|state| {
            if state.end != End::Closed && state.lost.is_none() {
                state.lost = Some(loss);
            }
            ((), true)
        });
    }

    /// Why the connection was lost.
    pub(super) fn loss(&self) -> Option<Loss> {
        self.0.lock().lost.clone()
    }

    /// Whether the connection is closed.
    pub(super) fn is_over(&self) -> bool {
        self.0.lock().end == End::Closed
    }

    pub(super) fn is_closing(&self) -> bool {
        let state = self.0.lock();
        state.end >= End::Closing || state.lost.is_some()
    }

    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }

    pub(super) fn limits(&self) -> (usize, usize) {
        let state = self.0.lock();
        (state.high, state.low)
    }

    pub(super) fn set_limits(&self, high: usize, low: usize) {
        self.change(|state| {
            (state.high, state.low) = (high, low);
            let len = state.len();
            state.paused = len > high || state.paused && len > low;
            ((), true)
        });
    }

    /// Waits until few enough bytes wait.
    pub(super) fn drained(&self) -> Wait<'_, io::Result<()>> {
        self.wait(State::drained)
    }

    /// The same, by hand.
    pub(super) fn poll_drained(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, State::drained, |_| BY_HAND)
    }

    /// Waits until no byte waits.
    pub(super) fn flushed(&self) -> Wait<'_, io::Result<()>> {
        self.wait(State::flushed)
    }

    /// The same, by hand.
    pub(super) fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, State::flushed, |_| BY_HAND)
    }

    /// Waits, by hand, until the peer was told that no more will come.
    pub(super) fn poll_half_closed(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, State::half_closed, |_| BY_HAND)
    }

    /// Waits until the connection is closed.
    pub(super) fn until_closed(&self) -> Wait<'_, io::Result<()>> {
        self.wait(State::closed)
    }

    /// The same, by hand.
    #[cfg(feature = "tls")]
    pub(super) fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, State::closed, |_| BY_HAND)
    }
}

/// What the state says to those who wait.
type Look<R> = fn(&State) -> Option<R>;

impl State {
    fn begin(&mut self) -> bool {
        let begun = !self.flushing && self.end != End::Closed;
        self.flushing |= begun;
        begun
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.end == End::Closed {
            return;
        }
        self.queue.extend_from_slice(bytes);
        if self.len() > self.high {
            self.paused = true;
        }
    }

    fn len(&self) -> usize {
        self.queue.len() + self.in_flight
    }

    /// Why not all that was written is sent, or will be.
    fn trouble(&self) -> Option<io::Error> {
        let closed = || io::Error::new(io::ErrorKind::BrokenPipe, "written after the close");
        self.lost.as_ref().map(Loss::error).or_else(|| self.missed.then(closed))
    }

    fn unless_lost(&self, holds: bool) -> Option<io::Result<()>> {
        match &self.lost {
            Some(lost) => Some(Err(lost.error())),
            None => holds.then_some(Ok(())),
        }
    }

    fn unless_trouble(&self, holds: bool) -> Option<io::Result<()>> {
        self.trouble().map(Err).or_else(|| holds.then_some(Ok(())))
    }

    fn drained(&self) -> Option<io::Result<()>> {
        self.unless_trouble(!self.paused)
    }

    fn flushed(&self) -> Option<io::Result<()>> {
        self.unless_trouble(!self.flushing && self.len() == 0)
    }

    fn half_closed(&self) -> Option<io::Result<()>> {
        self.unless_lost(matches!(self.end, End::HalfClosed | End::Closed))
    }

    /// One that is lost is going to be closed.
    fn closed(&self) -> Option<io::Result<()>> {
        self.unless_lost(true).filter(|_| self.end == End::Closed)
    }
}

/// Waits until the state has something to say. Dropped, it leaves no waker behind.
#[must_use = "futures do nothing unless they are awaited"]
pub(super) struct Wait<'a, R> {
    outbox: &'a Outbox,
    look: Look<R>,
    /// It has waited.
    number: Option<u64>,
}

impl<R> Future for Wait<'_, R> {
    type Output = R;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let this = self.get_mut();
        this.outbox.poll(cx, this.look, |state| {
            *this.number.get_or_insert_with(|| {
                state.last += 1;
                state.last
            })
        })
    }
}

impl<R> Drop for Wait<'_, R> {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let mut state = self.outbox.0.lock();
        let place = state.waiting.iter().position(|(other, _)| *other == number);
        let left = place.map(|place| state.waiting.swap_remove(place));
        drop(state);
        // Who gives up may have a value in hand that came first.
        contain(|| drop(left));
    }
}

/// Bytes that are being sent. Those that were not when it is dropped wait again, before all others.
pub(super) struct Batch<'a> {
    outbox: &'a Outbox,
    bytes: BytesMut,
}

impl Batch<'_> {
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn sent(&mut self, count: usize) {
        self.bytes.advance(count);
        self.outbox.sent(count);
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        let mut state = self.outbox.0.lock();
        state.in_flight = 0;
        if self.bytes.is_empty() || state.end == End::Closed {
            return;
        }
        let later = state.queue.split();
        self.bytes.unsplit(later);
        state.queue = self.bytes.split();
    }
}
