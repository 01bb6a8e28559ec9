//! The ring of slots, and who waits.

use super::BroadcastStats;
use super::cloning::{self, Cloning};
use super::error::SendError;
use super::position::Position;
use super::slot::{Found, Slot};
use super::tail::Tail;
use crate::contention::{Backoff, Padded};
use crate::panics::Panics;
use crate::primitives::atomic::{AtomicUsize, Ordering};
use crate::wait_list::WaitList;

/// Everything but the handles.
pub(super) struct Shared<T> {
    /// Written by each send, so it has a cache line of its own.
    pub(super) tail: Padded<Tail>,
    slots: Box<[Slot<T>]>,
    senders: AtomicUsize,
    weak_senders: AtomicUsize,
    /// Those who wait for a value, or for the last sender to go.
    waiting: WaitList,
    /// Those who wait until there is no receiver.
    deserted: WaitList,
}

/// What a receiver gets.
pub(super) enum Received<T> {
    Value(T),
    /// It has missed so many.
    Lagged(u64),
    /// There is nothing at this moment.
    Empty,
    /// A sender is about to put the value in, and the senders of later ones may say already that
    /// they have sent.
    Coming,
    /// There is nothing, and nothing will come.
    Closed,
    /// Somebody else is cloning the value, and takes long.
    Busy,
}

impl<T> Shared<T> {
    /// Makes it with one sender. The first value gets the number `start`.
    #[track_caller]
    pub(super) fn new(capacity: usize, start: Position) -> Shared<T> {
        assert!(capacity > 0, "a broadcast channel needs room for one value at least");
        assert!(
            capacity <= usize::MAX / 2,
            "a broadcast channel has room for `usize::MAX / 2` values at most"
        );
        let capacity = capacity.next_power_of_two();
        let oldest = start.minus(capacity as u64);
        // In the order of the slots, whichever of them the ring begins with.
        let slots = (0..capacity).map(|at| {
            let distance = at.wrapping_sub(oldest.slot(capacity)) & (capacity - 1);
            Slot::new(oldest.plus(distance as u64))
        });
        Shared {
            tail: Padded::new(Tail::new(start)),
            slots: slots.collect(),
            senders: AtomicUsize::new(1),
            weak_senders: AtomicUsize::new(0),
            waiting: WaitList::new(),
            deserted: WaitList::new(),
        }
    }

    /// Sends to those who receive at this moment; returns how many they are.
    pub(super) fn send(&self, value: T) -> Result<usize, SendError<T>> {
        if self.tail.load().receivers == 0 {
            return Err(SendError(value));
        }
        let claim = self.tail.claim();
        let slot = self.slot(claim.position);
        if claim.receivers == 0 {
            // The last one has just gone. The number is taken, so its slot goes empty.
            drop(slot.put(claim.position, 0, None));
            return Err(SendError(value));
        }
        let displaced = slot.put(claim.position, claim.receivers, Some(value));
        self.waiting.wake_all();
        // Foreign code: only now, when all is done.
        drop(displaced);
        Ok(claim.receivers as usize)
    }

    /// Waits until there may be something for a receiver that reads `next`.
    pub(super) async fn wait(&self, next: Position) {
        let slot = self.slot(next);
        self.waiting.wait_unless(|| slot.has_reached(next) || self.is_closed()).await;
    }

    /// Waits until there is no receiver.
    pub(super) async fn deserted(&self) {
        while self.tail.load().receivers != 0 {
            self.deserted.wait_unless(|| self.tail.load().receivers == 0).await;
        }
    }

    /// Whether no sender is left. Never taken back.
    pub(super) fn is_closed(&self) -> bool {
        // Pairs with the subtraction in `drop_sender`: all that was sent is seen.
        self.senders.load(Ordering::Acquire) == 0
    }

    pub(super) fn capacity(&self) -> u64 {
        self.slots.len() as u64
    }

    /// How many values are in the ring because somebody has to read them.
    pub(super) fn len(&self) -> usize {
        let tail = self.tail.load().position;
        // Who has to read a value has to read all later ones, so those that nobody has to read
        // come first.
        let (mut read, mut wanted) = (0, self.capacity());
        while read < wanted {
            let middle = (read + wanted) / 2;
            let position = tail.minus(self.capacity()).plus(middle);
            match self.slot(position).is_wanted(position) {
                true => wanted = middle,
                false => read = middle + 1,
            }
        }
        (self.capacity() - read) as usize
    }

    pub(super) fn is_empty(&self) -> bool {
        let last = self.tail.load().position.minus(1);
        !self.slot(last).is_wanted(last)
    }

    pub(super) fn senders(&self) -> usize {
        self.senders.load(Ordering::Relaxed)
    }

    pub(super) fn weak_senders(&self) -> usize {
        self.weak_senders.load(Ordering::Relaxed)
    }

    pub(super) fn add_sender(&self) {
        // Relaxed: there is one already, so nothing follows from the number yet.
        self.senders.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds a sender unless there is none, in which case none can come any more.
    pub(super) fn revive_sender(&self) -> bool {
        let add = |senders: usize| (senders != 0).then(|| senders + 1);
        // Relaxed: as in `add_sender`.
        self.senders.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }

    pub(super) fn drop_sender(&self) {
        // Pairs with the load in `is_closed`, and with the others that go.
        if self.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.waiting.wake_all();
        }
    }

    pub(super) fn add_weak_sender(&self) {
        // Relaxed, and so below: it is only counted.
        self.weak_senders.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn drop_weak_sender(&self) {
        self.weak_senders.fetch_sub(1, Ordering::Relaxed);
    }

    /// A receiver goes, which would have read `next`.
    pub(super) fn drop_receiver(&self, next: Position) {
        let left = self.tail.leave();
        let end = left.position;
        let lag = end.since(next).saturating_sub(self.capacity());
        let mut panics = Panics::new();
        let mut unread = next.plus(lag);
        while unread != end {
            if let Some(value) = self.slot(unread).forgo(unread) {
                panics.contain(|| drop(value));
            }
            unread = unread.plus(1);
        }
        // Last: who hears that nobody receives any more finds nothing left to be received.
        if left.receivers == 0 {
            panics.contain(|| _ = self.deserted.wake_all());
        }
        panics.pass_on();
    }

    pub(super) fn stats(&self) -> BroadcastStats {
        BroadcastStats {
            len: self.len(),
            capacity: self.slots.len(),
            senders: self.senders(),
            weak_senders: self.weak_senders(),
            receivers: self.tail.load().receivers as usize,
            waiting: self.waiting.lock().len(),
            waiting_closed: self.deserted.lock().len(),
        }
    }

    fn slot(&self, position: Position) -> &Slot<T> {
        &self.slots[position.slot(self.slots.len())]
    }
}

impl<T: Clone> Shared<T> {
    /// Receives for somebody who reads `next`, and brings that up to date.
    #[track_caller]
    pub(super) fn receive(&self, next: &mut Position) -> Received<T> {
        let backoff = Backoff::new();
        let slot = self.slot(*next);
        loop {
            // Asked before the slot: no sender sends after it.
            let closed = self.is_closed();
            match slot.take(*next) {
                Found::Last(value) => {
                    *next = next.plus(1);
                    return Received::Value(value);
                }
                Found::Loan(loan) => {
                    let _cloning = Cloning::value_of(slot, *next);
                    // It counts as read even if the clone panics.
                    *next = next.plus(1);
                    return Received::Value(loan.value().clone());
                }
                Found::Passed => {
                    let oldest = self.tail.load().position.minus(self.capacity());
                    let missed = oldest.since(*next);
                    *next = oldest;
                    return Received::Lagged(missed);
                }
                Found::NotYet if closed => return Received::Closed,
                // The last sender may have sent just before it went.
                Found::NotYet if self.is_closed() => {}
                Found::NotYet => match self.tail.load().position.since(*next) {
                    ..=1 => return Received::Empty,
                    _ => return Received::Coming,
                },
                Found::Busy if backoff.is_completed() => {
                    cloning::assert_not_cloning(slot, *next);
                    return Received::Busy;
                }
                Found::Busy => backoff.snooze(),
            }
        }
    }
}
