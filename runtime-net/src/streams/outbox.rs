//! What was written and not sent yet, and who waits for that to change.

use std::io;
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
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
    waiting: Vec<Waker>,
    counted: Option<TaskTrackerToken>,
}

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
        woken.into_iter().for_each(|waker| contain(|| waker.wake()));
        result
    }

    /// Waits until `ready` has something to say.
    fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        mut ready: impl FnMut(&mut State) -> Option<R>,
    ) -> Poll<R> {
        if let Some(result) = ready(&mut self.0.lock()) {
            return Poll::Ready(result);
        }
        // Cloned, and dropped if it is not needed, while no lock is held.
        let waker = cx.waker().clone();
        let mut state = self.0.lock();
        if let Some(result) = ready(&mut state) {
            drop(state);
            return Poll::Ready(result);
        }
        if !state.waiting.iter().any(|other| other.will_wake(&waker)) {
            state.waiting.push(waker);
            return Poll::Pending;
        }
        drop(state);
        Poll::Pending
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
        let mut state = self.0.lock();
        let begun = !state.flushing && state.end != End::Closed;
        state.flushing |= begun;
        begun
    }

    pub(super) fn push(&self, bytes: &[u8]) {
        let mut state = self.0.lock();
        if state.end == End::Closed {
            return;
        }
        state.queue.extend_from_slice(bytes);
        if state.len() > state.high {
            state.paused = true;
        }
    }

    /// Everything that waits now, for whoever flushes.
    pub(super) fn take_batch(&self) -> BytesMut {
        let mut state = self.0.lock();
        let batch = state.queue.split();
        state.in_flight = batch.len();
        batch
    }

    /// So many bytes of the batch are sent.
    pub(super) fn sent(&self, count: usize) {
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
    pub(super) fn poll_drained(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, |state| {
            if let Some(error) = state.trouble() {
                return Some(Err(error));
            }
            (!state.paused).then_some(Ok(()))
        })
    }

    /// Waits until no byte waits.
    pub(super) fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, |state| {
            if let Some(error) = state.trouble() {
                return Some(Err(error));
            }
            (!state.flushing && state.len() == 0).then_some(Ok(()))
        })
    }

    /// Waits until the peer was told that no more will come.
    pub(super) fn poll_half_closed(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, |state| {
            if let Some(lost) = &state.lost {
                return Some(Err(lost.error()));
            }
            matches!(state.end, End::HalfClosed | End::Closed).then_some(Ok(()))
        })
    }

    /// Waits until the connection is closed.
    pub(super) fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, |state| match (&state.lost, state.end) {
            (Some(lost), End::Closed) => Some(Err(lost.error())),
            (None, End::Closed) => Some(Ok(())),
            _ => None,
        })
    }
}

impl State {
    fn len(&self) -> usize {
        self.queue.len() + self.in_flight
    }

    /// Why not all that was written is sent, or will be.
    fn trouble(&self) -> Option<io::Error> {
        let closed = || io::Error::new(io::ErrorKind::BrokenPipe, "written after the close");
        self.lost.as_ref().map(Loss::error).or_else(|| self.missed.then(closed))
    }
}
