//! What a channel is beside the messages: who may come in, how far it is filled, who waits.

use super::gate::{Gate, Then, Word};
use super::line::Ask;
use super::sleeper::Sleeper;
use crate::contention::Padded;
use crate::primitives::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::wait_list::WaitList;
use crate::wake_batch;

/// The limit of a channel that has none.
pub(super) const UNBOUNDED: u64 = u64::MAX;

/// What is at the senders' end; all of them write here.
struct Tail {
    gate: Gate,
    /// Where the head was when a sender looked last. It never runs ahead of the head.
    seen_head: AtomicU64,
    /// How many messages and permits there may be together.
    limit: u64,
}

pub(super) struct Entrance {
    tail: Padded<Tail>,
    /// The position of the next message to be received. Only the receiver writes here.
    pub(super) head: Padded<AtomicU64>,
    /// The receiver, when it sleeps.
    pub(super) receiver: Sleeper,
    /// Senders that wait for room.
    pub(super) line: WaitList<Ask>,
    /// Senders that wait for the receiver to close the channel.
    pub(super) closing: WaitList,
    /// How many handles keep the channel open.
    pub(super) senders: AtomicUsize,
    /// How many handles could be made into such.
    pub(super) weak_senders: AtomicUsize,
}

/// Why a sender was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Full,
    Closed,
}

impl Entrance {
    /// Makes the entrance of a channel with one sender.
    pub(super) fn new(limit: u64) -> Entrance {
        let tail = Tail { gate: Gate::new(), seen_head: AtomicU64::new(0), limit };
        Entrance {
            tail: Padded::new(tail),
            head: Padded::new(AtomicU64::new(0)),
            receiver: Sleeper::new(),
            line: WaitList::new(),
            closing: WaitList::new(),
            senders: AtomicUsize::new(1),
            weak_senders: AtomicUsize::new(0),
        }
    }

    #[inline]
    pub(super) fn gate(&self) -> &Gate {
        &self.tail.gate
    }

    /// How many messages and permits there may be together.
    #[inline]
    pub(super) fn limit(&self) -> u64 {
        self.tail.limit
    }

    /// Wakes the receiver, if the transition has found it asleep.
    #[inline]
    pub(super) fn follow(&self, then: Then) {
        if let Then::WakeReceiver(cleared) = then
            && let Some(waker) = self.receiver.take(cleared)
        {
            wake_batch::wake(waker);
        }
    }

    /// The word at the gate, and whether there is room for one, as far as is known without a look
    /// at the receiver's end.
    #[inline]
    pub(super) fn glance(&self) -> (Word, bool) {
        // Acquire, here and in `admission`: the gate that is read next is not older than this.
        let seen_head = self.tail.seen_head.load(Ordering::Acquire);
        let word = self.gate().load();
        (word, word.used(seen_head) < self.limit())
    }

    /// Looks whether there is room for `count` more. Says nothing about those in line.
    pub(super) fn admission(&self, count: usize) -> Result<Word, Refusal> {
        loop {
            let seen_head = self.tail.seen_head.load(Ordering::Acquire);
            let word = self.gate().load();
            if word.is_closed() {
                return Err(Refusal::Closed);
            }
            if self.has_room(word, count, seen_head) {
                return Ok(word);
            }
            self.look_at_head(count)?;
        }
    }

    /// Brings what is known of the head up to date, if there is room for `count` more then.
    #[inline(never)]
    pub(super) fn look_at_head(&self, count: usize) -> Result<(), Refusal> {
        loop {
            let head = self.position();
            let word = self.gate().load();
            if word.is_closed() {
                return Err(Refusal::Closed);
            }
            if self.has_room(word, count, head) {
                // Release pairs with the loads above: the head is carried on. A late store of an old
                // one does no harm, it only makes somebody look again.
                self.tail.seen_head.store(head, Ordering::Release);
                return Ok(());
            }
            // Otherwise the word may be of a moment when the head was further on.
            if self.position() == head {
                return Err(Refusal::Full);
            }
        }
    }

    #[inline]
    pub(super) fn has_room(&self, word: Word, count: usize, head: u64) -> bool {
        // Neither is nearly as much as 64 bits hold.
        word.used(head) + count as u64 <= self.limit()
    }

    /// The position of the head. The tail of a gate that is read afterwards is not before it.
    #[inline]
    pub(super) fn position(&self) -> u64 {
        // Pairs with the store in `pop`.
        self.head.load(Ordering::Acquire)
    }

    /// How many messages are queued, or about to be.
    pub(super) fn len(&self) -> usize {
        let head = self.position();
        self.gate().load().len(head) as usize
    }

    /// How much room there is that is not promised to those in line.
    pub(super) fn room(&self) -> usize {
        let head = self.position();
        let word = self.gate().load();
        match word.has_waiters() {
            true => 0,
            false => self.limit().saturating_sub(word.used(head)) as usize,
        }
    }
}
