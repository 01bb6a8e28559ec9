//! A buffer between two lines: those who wait for room, and those who wait for values.

use std::fmt;

use super::buffer::{Buffer, Pop, Push};
use super::error::{RecvError, SendError, TryRecvError, TrySendError};
use super::turn::{Attempt, Side, Turn};
use crate::contention::Backoff;

/// A channel that holds values.
pub struct Buffered<B> {
    buffer: B,
    /// Those who wait for room.
    senders: Side,
    /// Those who wait for values.
    receivers: Side,
}

impl<B: Buffer> Buffered<B> {
    /// Makes a channel upon an empty buffer.
    pub fn new(buffer: B) -> Buffered<B> {
        Buffered { buffer, senders: Side::new(), receivers: Side::new() }
    }

    /// Sends as soon as there is room.
    #[inline]
    pub fn send(
        &self,
        value: B::Item,
    ) -> impl Future<Output = Result<(), SendError<B::Item>>> + use<'_, B> {
        self.sending(value)
    }

    /// Receives as soon as there is a value.
    #[inline]
    pub fn recv(&self) -> impl Future<Output = Result<B::Item, RecvError>> + use<'_, B> {
        self.receiving()
    }

    #[inline]
    pub(super) fn sending(&self, value: B::Item) -> Turn<'_, Pushing<'_, B>> {
        Turn::new(&self.senders, Pushing { channel: self, value: Some(value) })
    }

    #[inline]
    pub(super) fn receiving(&self) -> Turn<'_, Popping<'_, B>> {
        Turn::new(&self.receivers, Popping { channel: self })
    }

    /// Sends if there is room, and nobody in line who must not be overtaken.
    #[inline]
    pub fn try_send(&self, value: B::Item) -> Result<(), TrySendError<B::Item>> {
        let mut value = Some(value);
        let backoff = Backoff::new();
        let closed = loop {
            let pushed = match self.senders.admits() {
                true => self.buffer.push(&mut value),
                false if self.is_closed() => Push::Closed,
                false => Push::Full,
            };
            match pushed {
                Push::Done => {
                    self.receivers.nudge(1);
                    return Ok(());
                }
                Push::Busy if !backoff.is_completed() => backoff.snooze(),
                Push::Full | Push::Busy => break false,
                Push::Closed => break true,
            }
        };
        let value = value.expect("what was not sent is still here");
        Err(match closed {
            true => TrySendError::Closed(value),
            false => TrySendError::Full(value),
        })
    }

    /// Receives if there is a value, and nobody in line who must not be overtaken.
    #[inline]
    pub fn try_recv(&self) -> Result<B::Item, TryRecvError> {
        let backoff = Backoff::new();
        loop {
            if !self.receivers.admits() {
                return Err(TryRecvError::Empty);
            }
            match self.buffer.pop() {
                Pop::Value(value) => {
                    self.made_room_calmly();
                    return Ok(value);
                }
                Pop::Busy if !backoff.is_completed() => backoff.snooze(),
                Pop::Empty | Pop::Busy => return Err(TryRecvError::Empty),
                Pop::Closed => return Err(TryRecvError::Disconnected),
            }
        }
    }

    /// Takes up to `limit` values that are there and puts them behind those in `values`.
    pub(super) fn take_some(&self, values: &mut Vec<B::Item>, limit: usize) {
        // Even if the vector cannot grow, those who wait for room must learn of it.
        let mut taken = Taken { channel: self, count: 0 };
        while taken.count < limit && self.receivers.admits() {
            values.reserve(1);
            let Pop::Value(value) = self.buffer.pop() else { break };
            taken.count += 1;
            values.push(value);
        }
    }

    /// Lets no more values in. Returns whether it did so far.
    pub fn close(&self) -> bool {
        if !self.buffer.close() {
            return false;
        }
        let _receivers = Released(&self.receivers);
        self.senders.release_all();
        true
    }

    /// Whether no more values are let in.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.buffer.is_closed()
    }

    /// Drops the values that nobody will receive.
    pub(super) fn discard(&self) {
        self.buffer.discard();
    }

    pub(super) fn buffer(&self) -> &B {
        &self.buffer
    }

    /// How many wait to send and to receive.
    pub fn waiting(&self) -> (usize, usize) {
        (self.senders.waiting(), self.receivers.waiting())
    }

    /// After one value was taken out, which is still in hand.
    #[inline]
    fn made_room_calmly(&self) {
        if self.buffer.capacity().is_some() {
            self.senders.nudge_calmly(1);
        }
    }

    #[inline]
    fn made_room(&self, count: usize) {
        if self.buffer.capacity().is_some() {
            self.senders.nudge(count);
        }
    }
}

impl<B: Buffer + fmt::Debug> fmt::Debug for Buffered<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.buffer.fmt(f)
    }
}

/// Releases those who wait to receive, even if a waker of a sender panics.
struct Released<'a>(&'a Side);

impl Drop for Released<'_> {
    fn drop(&mut self) {
        self.0.release_all();
    }
}

/// Values that were taken, and whose room is to be given to others.
struct Taken<'a, B: Buffer> {
    channel: &'a Buffered<B>,
    count: usize,
}

impl<B: Buffer> Drop for Taken<'_, B> {
    fn drop(&mut self) {
        if self.count != 0 {
            self.channel.made_room(self.count);
        }
    }
}

/// The attempt to send.
pub(super) struct Pushing<'a, B: Buffer> {
    channel: &'a Buffered<B>,
    value: Option<B::Item>,
}

impl<B: Buffer> Pushing<'_, B> {
    /// What was not sent.
    pub(super) fn withdraw(&mut self) -> Option<B::Item> {
        self.value.take()
    }
}

impl<B: Buffer> Attempt for Pushing<'_, B> {
    /// Whether the channel was open.
    type Success = bool;
    type Output = Result<(), SendError<B::Item>>;

    #[inline]
    fn attempt(&mut self) -> Option<bool> {
        assert!(self.value.is_some(), "`send` was polled after it was ready");
        match self.channel.buffer.push(&mut self.value) {
            Push::Done => Some(true),
            Push::Closed => Some(false),
            Push::Full | Push::Busy => None,
        }
    }

    #[inline]
    fn finish(&mut self, open: bool) -> Result<(), SendError<B::Item>> {
        if open {
            self.channel.receivers.nudge(1);
            return Ok(());
        }
        Err(SendError(self.value.take().expect("what was not sent is still here")))
    }

    fn another(&self) -> bool {
        !self.channel.buffer.is_full() || self.channel.is_closed()
    }
}

/// The attempt to receive.
pub(super) struct Popping<'a, B> {
    channel: &'a Buffered<B>,
}

impl<B: Buffer> Attempt for Popping<'_, B> {
    type Success = Result<B::Item, RecvError>;
    type Output = Result<B::Item, RecvError>;

    #[inline]
    fn attempt(&mut self) -> Option<Result<B::Item, RecvError>> {
        match self.channel.buffer.pop() {
            Pop::Value(value) => Some(Ok(value)),
            Pop::Closed => Some(Err(RecvError)),
            Pop::Empty | Pop::Busy => None,
        }
    }

    #[inline]
    fn finish(&mut self, success: Result<B::Item, RecvError>) -> Result<B::Item, RecvError> {
        if success.is_ok() {
            self.channel.made_room_calmly();
        }
        success
    }

    fn another(&self) -> bool {
        !self.channel.buffer.is_empty() || self.channel.is_closed()
    }
}
