//! What the handles of a channel share.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::blocks::Blocks;
use super::buffer::Buffer;
use super::buffered::{Buffered, Popping, Pushing};
use super::error::{RecvError, SendError, TryRecvError, TrySendError};
use super::meeting::{Giving, Meeting, Taking};
use super::ring::Ring;
use super::turn::Turn;
use crate::panics::contain;
use crate::primitives::atomic::{AtomicUsize, Ordering};
use crate::wait_list::WaitList;

/// Up to this capacity the slots of a bounded channel are allocated with it.
pub(super) const RING_MAX: usize = 4096;

/// A channel, and how many there are at each end.
pub(super) struct Channel<T> {
    way: Way<T>,
    /// How many senders there are. At zero for good.
    pub(super) senders: AtomicUsize,
    /// How many receivers there are. At zero for good.
    pub(super) receivers: AtomicUsize,
    /// Those who wait for the channel to be closed.
    closing: WaitList,
}

// No foreign code runs while anything is in disorder, as for tokio's channels.
impl<T> UnwindSafe for Channel<T> {}
impl<T> RefUnwindSafe for Channel<T> {}

/// How values get from one end to the other.
enum Way<T> {
    Ring(Buffered<Ring<T>>),
    Blocks(Buffered<Blocks<T>>),
    Meeting(Meeting<T>),
}

/// Calls a method of whatever way it is.
macro_rules! on_way {
    ($channel:expr, $way:ident => $call:expr) => {
        match &$channel.way {
            Way::Ring($way) => $call,
            Way::Blocks($way) => $call,
            Way::Meeting($way) => $call,
        }
    };
}

impl<T> Channel<T> {
    /// Makes a channel with one handle at each end.
    pub(super) fn new(capacity: Option<usize>) -> Channel<T> {
        let way = match capacity {
            Some(0) => Way::Meeting(Meeting::new()),
            Some(capacity @ 1..=RING_MAX) => Way::Ring(Buffered::new(Ring::new(capacity))),
            limit => Way::Blocks(Buffered::new(Blocks::new(limit))),
        };
        Channel {
            way,
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
            closing: WaitList::new(),
        }
    }

    #[inline]
    pub(super) fn send(&self, value: T) -> Sending<'_, T> {
        match &self.way {
            Way::Ring(way) => Sending::Ring { future: way.sending(value) },
            Way::Blocks(way) => Sending::Blocks { future: way.sending(value) },
            Way::Meeting(way) => Sending::Meeting { future: way.send(value) },
        }
    }

    #[inline]
    pub(super) fn recv(&self) -> Receiving<'_, T> {
        match &self.way {
            Way::Ring(way) => Receiving::Ring { future: way.receiving() },
            Way::Blocks(way) => Receiving::Blocks { future: way.receiving() },
            Way::Meeting(way) => Receiving::Meeting { future: way.recv() },
        }
    }

    #[inline]
    pub(super) fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        on_way!(self, way => way.try_send(value))
    }

    #[inline]
    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        on_way!(self, way => way.try_recv())
    }

    /// Takes up to `limit` values that are there.
    pub(super) fn take_some(&self, values: &mut Vec<T>, limit: usize) {
        match &self.way {
            Way::Ring(way) => way.take_some(values, limit),
            Way::Blocks(way) => way.take_some(values, limit),
            Way::Meeting(way) => {
                for _ in 0..limit {
                    values.reserve(1);
                    let Ok(value) = way.try_recv() else { break };
                    values.push(value);
                }
            }
        }
    }

    /// Closes the channel. Returns whether it was open.
    pub(super) fn close(&self) -> bool {
        // Those who wait for this are told even if a waker panics.
        let _told = Told(self);
        on_way!(self, way => way.close())
    }

    #[inline]
    pub(super) fn is_closed(&self) -> bool {
        on_way!(self, way => way.is_closed())
    }

    /// Waits until the channel is closed.
    pub(super) async fn closed(&self) {
        if !self.is_closed() {
            self.closing.wait_unless(|| self.is_closed()).await;
        }
    }

    /// Drops what nobody will receive.
    pub(super) fn discard(&self) {
        on_way!(self, way => way.discard());
    }

    pub(super) fn len(&self) -> usize {
        match &self.way {
            Way::Ring(way) => way.buffer().len(),
            Way::Blocks(way) => way.buffer().len(),
            Way::Meeting(way) => way.len(),
        }
    }

    pub(super) fn capacity(&self) -> Option<usize> {
        match &self.way {
            Way::Ring(way) => way.buffer().capacity(),
            Way::Blocks(way) => way.buffer().capacity(),
            Way::Meeting(_) => Some(0),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.capacity().is_some_and(|capacity| self.len() >= capacity)
    }

    pub(super) fn stats(&self) -> ChannelStats {
        let (waiting_senders, waiting_receivers) = on_way!(self, way => way.waiting());
        ChannelStats {
            len: self.len(),
            capacity: self.capacity(),
            // Relaxed: numbers to look at.
            senders: self.senders.load(Ordering::Relaxed),
            receivers: self.receivers.load(Ordering::Relaxed),
            waiting_senders,
            waiting_receivers,
            closed: self.is_closed(),
        }
    }

    /// Describes a handle called `name`.
    pub(super) fn describe(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

struct Told<'a, T>(&'a Channel<T>);

impl<T> Drop for Told<'_, T> {
    fn drop(&mut self) {
        self.0.closing.wake_all();
    }
}

/// One more handle at an end, unless there is none left there.
pub(super) fn try_join(count: &AtomicUsize) -> bool {
    let mut seen = count.load(Ordering::Relaxed);
    while seen != 0 {
        // Acquire pairs with `leave`: who joins sees what those who left did before.
        match count.compare_exchange_weak(seen, seen + 1, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => return true,
            Err(now) => seen = now,
        }
    }
    false
}

/// One handle less at an end. Returns whether it was the last one.
pub(super) fn leave(count: &AtomicUsize) -> bool {
    // The last one sees what all others did before they left.
    count.fetch_sub(1, Ordering::AcqRel) == 1
}

/// What a channel looks like at one moment, for people to look at.
///
/// # Examples
///
/// ```
/// let (sender, receiver) = filch::sync::mpmc::bounded(8);
/// sender.try_send(1).unwrap();
/// let stats = receiver.stats();
/// assert_eq!((stats.len, stats.capacity), (1, Some(8)));
/// assert_eq!((stats.senders, stats.receivers), (1, 1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelStats {
    /// How many values are in the channel.
    pub len: usize,
    /// How many may be; `None` if there is no limit.
    pub capacity: Option<usize>,
    /// How many senders there are.
    pub senders: usize,
    /// How many receivers there are.
    pub receivers: usize,
    /// How many futures wait for room, or in a channel without room for a receiver.
    pub waiting_senders: usize,
    /// How many futures wait for a value.
    pub waiting_receivers: usize,
    /// Whether no more values are let in.
    pub closed: bool,
}

pin_project! {
    /// The future that sends, whatever the way.
    #[project = SendingProj]
    #[must_use = "futures do nothing unless they are awaited"]
    pub(super) enum Sending<'a, T> {
        Ring { #[pin] future: Turn<'a, Pushing<'a, Ring<T>>> },
        Blocks { #[pin] future: Turn<'a, Pushing<'a, Blocks<T>>> },
        Meeting { #[pin] future: Giving<'a, T> },
    }
}

impl<T> Sending<'_, T> {
    /// Gives up. Returns the value unless it was sent, also if the waker panics as it is dropped.
    pub(super) fn withdraw(self: Pin<&mut Self>) -> Option<T> {
        match self.project() {
            SendingProj::Ring { future } => withdraw(future),
            SendingProj::Blocks { future } => withdraw(future),
            SendingProj::Meeting { future } => future.withdraw(),
        }
    }
}

fn withdraw<B: Buffer>(mut turn: Pin<&mut Turn<'_, Pushing<'_, B>>>) -> Option<B::Item> {
    contain(|| _ = turn.as_mut().give_up());
    // It is out of the line by now.
    turn.give_up().withdraw()
}

impl<T> Future for Sending<'_, T> {
    type Output = Result<(), SendError<T>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            SendingProj::Ring { future } => future.poll(cx),
            SendingProj::Blocks { future } => future.poll(cx),
            SendingProj::Meeting { future } => future.poll(cx),
        }
    }
}

pin_project! {
    /// The future that receives, whatever the way.
    #[project = ReceivingProj]
    #[must_use = "futures do nothing unless they are awaited"]
    pub(super) enum Receiving<'a, T> {
        Ring { #[pin] future: Turn<'a, Popping<'a, Ring<T>>> },
        Blocks { #[pin] future: Turn<'a, Popping<'a, Blocks<T>>> },
        Meeting { #[pin] future: Taking<'a, T> },
    }
}

impl<T> Future for Receiving<'_, T> {
    type Output = Result<T, RecvError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            ReceivingProj::Ring { future } => future.poll(cx),
            ReceivingProj::Blocks { future } => future.poll(cx),
            ReceivingProj::Meeting { future } => future.poll(cx),
        }
    }
}
