//! The word at the entrance of a channel: how far it is filled, who may come in, who sleeps.
//!
//! ```text
//!   63                              25 24              5 4                     0
//!  ┌──────────────────────────────────┬─────────────────┬───────────────────────┐
//!  │ tail: messages that got a slot   │ permits that    │ flags                 │
//!  │ (modulo 2^39)                    │ are out         │                       │
//!  └──────────────────────────────────┴─────────────────┴───────────────────────┘
//! ```
//!
//! Whoever sends takes a slot by moving the tail in one exchange, which at the same time finds out
//! whether the channel is open, whether others wait before it, and whether the receiver sleeps.
//! A reservation moves the permits; a permit that is used moves both; one that is dropped moves the
//! permits back. The head of the queue is a word of its own, which the receiver alone writes.

use std::fmt;

use crate::primitives::atomic::{AtomicU64, Ordering};

/// Nobody gets a slot or a permit any more; permits that are out may still be used. Never cleared.
const CLOSED: u64 = 1 << 0;
/// Somebody waits in line: the room that there may be is theirs. Changed under the lock of the line
/// only, and never set once `CLOSED` is.
const WAITERS: u64 = 1 << 1;
/// The receiver has left its waker and found nothing. Set by the receiver while the tail is at the
/// head; cleared by whoever gives it a reason to look, and who then wakes it.
const SLEEPING: u64 = 1 << 2;
/// The tail has left a block and the next one is not in place yet. No slot is given meanwhile.
const INSTALLING: u64 = 1 << 3;
/// The receiver is dropped. Set together with `CLOSED`.
const ABANDONED: u64 = 1 << 4;

const PERMIT_SHIFT: u32 = 5;
const TAIL_SHIFT: u32 = 25;
const PERMIT: u64 = 1 << PERMIT_SHIFT;
const SLOT: u64 = 1 << TAIL_SHIFT;

/// How many permits can be out at a time.
pub(super) const PERMITS_MAX: usize = (1 << (TAIL_SHIFT - PERMIT_SHIFT)) - 1;

/// Positions are counted modulo one more than this.
pub(super) const POSITION_MASK: u64 = (1 << (64 - TAIL_SHIFT)) - 1;

/// What the gate held at some moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Word(u64);

impl Word {
    /// The position of the next slot to be given.
    #[inline]
    pub(super) fn tail(self) -> u64 {
        self.0 >> TAIL_SHIFT
    }

    /// How many permits are out.
    #[inline]
    pub(super) fn permits(self) -> usize {
        (self.0 >> PERMIT_SHIFT) as usize & PERMITS_MAX
    }

    /// How many slots are taken that lie behind `head`.
    #[inline]
    pub(super) fn len(self, head: u64) -> u64 {
        self.tail().wrapping_sub(head) & POSITION_MASK
    }

    /// How much of the capacity is in use, by messages and by permits.
    #[inline]
    pub(super) fn used(self, head: u64) -> u64 {
        self.len(head) + self.permits() as u64
    }

    #[inline]
    pub(super) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    #[inline]
    pub(super) fn is_abandoned(self) -> bool {
        self.0 & ABANDONED != 0
    }

    #[inline]
    pub(super) fn has_waiters(self) -> bool {
        self.0 & WAITERS != 0
    }

    #[inline]
    pub(super) fn is_installing(self) -> bool {
        self.0 & INSTALLING != 0
    }

    #[inline]
    pub(super) fn is_sleeping(self) -> bool {
        self.0 & SLEEPING != 0
    }

    /// Whether no flag forbids to take a slot at once.
    #[inline]
    pub(super) fn lets_in(self) -> bool {
        self.0 & (CLOSED | WAITERS | INSTALLING) == 0
    }

    /// Whether nothing is queued and nothing can come any more.
    #[inline]
    pub(super) fn is_ended(self, head: u64) -> bool {
        self.is_closed() && self.used(head) == 0
    }

    /// Whether `count` more permits fit into their field.
    #[inline]
    pub(super) fn holds(self, count: usize) -> bool {
        self.permits() + count <= PERMITS_MAX
    }

    fn without(self, flags: u64) -> Word {
        Word(self.0 & !flags)
    }
}

/// Proves that whoever has it has cleared `SLEEPING`.
#[derive(Debug)]
pub(super) struct Cleared(());

/// What to do after a transition.
#[derive(Debug)]
#[must_use = "a receiver that sleeps must be woken"]
pub(super) enum Then {
    /// Nothing: the receiver does not sleep.
    GoOn,
    /// Wake the receiver, once what it is to find can be found.
    WakeReceiver(Cleared),
}

impl Then {
    /// After an exchange from `before` to a word without `SLEEPING`.
    #[inline]
    fn after(before: Word) -> Then {
        if before.is_sleeping() { Then::WakeReceiver(Cleared(())) } else { Then::GoOn }
    }
}

/// The word and its transitions.
///
/// All exchanges are `AcqRel`, and all loads `Acquire`: a thread that sees a word sees what those
/// did who made it. That is how a sender finds the block that the tail is in, and how the receiver
/// finds, once the channel is closed, all that was sent before.
pub(super) struct Gate(AtomicU64);

impl Gate {
    pub(super) fn new() -> Gate {
        Gate(AtomicU64::new(0))
    }

    #[inline]
    pub(super) fn load(&self) -> Word {
        // Pairs with the exchanges below; see the type.
        Word(self.0.load(Ordering::Acquire))
    }

    /// Takes the slot at the tail. `last` says whether it is the last of its block: then the caller
    /// must put the next block in place and say so by [`installed`](Gate::installed).
    ///
    /// The caller has looked whether `seen` allows it. May fail for no reason.
    #[inline]
    pub(super) fn take_slot(&self, seen: Word, last: bool) -> Result<Then, Word> {
        let to = Gate::with_slot(seen, last);
        self.exchange(seen, to).map(|()| Then::after(seen))
    }

    /// The same for one who has a permit, which is used up.
    #[inline]
    pub(super) fn take_slot_for_permit(&self, seen: Word, last: bool) -> Result<Then, Word> {
        let to = Gate::with_slot(seen, last);
        self.exchange(seen, Word(to.0 - PERMIT)).map(|()| Then::after(seen))
    }

    #[inline]
    fn with_slot(seen: Word, last: bool) -> Word {
        let installing = if last { INSTALLING } else { 0 };
        Word((seen.0.wrapping_add(SLOT) & !SLEEPING) | installing)
    }

    /// The next block is in place.
    pub(super) fn installed(&self) {
        // Release pairs with `load`: who sees the flag gone sees the block.
        self.0.fetch_and(!INSTALLING, Ordering::AcqRel);
    }

    /// Gives out `count` permits. The caller has looked whether `seen` allows it.
    #[inline]
    pub(super) fn reserve(&self, seen: Word, count: usize) -> Result<(), Word> {
        self.exchange(seen, Word(seen.0 + PERMIT * count as u64))
    }

    /// Gives out `count` permits to one who leaves the line, or need not enter it. `last` says
    /// whether nobody is in line then. The lock of the line is held.
    #[inline]
    pub(super) fn grant(&self, seen: Word, count: usize, last: bool) -> Result<(), Word> {
        let to = Word(seen.0 + PERMIT * count as u64);
        self.exchange(seen, if last { to.without(WAITERS) } else { to })
    }

    /// Takes back permits that were not used.
    pub(super) fn release(&self, count: usize) -> Then {
        self.update(|seen| {
            let to = Word(seen.0 - PERMIT * count as u64);
            // In a closed channel the receiver waits for the last permit to be used or dropped.
            match to.is_closed() && to.permits() == 0 {
                true => (to.without(SLEEPING), Then::after(seen)),
                false => (to, Then::GoOn),
            }
        })
    }

    /// Keeps others from passing those in line. The caller has looked whether `seen` allows it. The
    /// lock of the line is held.
    #[inline]
    pub(super) fn mark_waiters(&self, seen: Word) -> Result<(), Word> {
        match seen.has_waiters() {
            true => Ok(()),
            false => self.exchange(seen, Word(seen.0 | WAITERS)),
        }
    }

    /// Nobody is in line any more. The lock of the line is held.
    pub(super) fn clear_waiters(&self) {
        self.0.fetch_and(!WAITERS, Ordering::AcqRel);
    }

    /// The receiver, which has left its waker, goes to sleep. Fails if there is anything new.
    #[inline]
    pub(super) fn sleep(&self, seen: Word) -> Result<(), Word> {
        self.exchange(seen, Word(seen.0 | SLEEPING))
    }

    /// The receiver, whose mark is in `seen`, takes it away. Fails if there is anything new.
    pub(super) fn rise(&self, seen: Word) -> Result<(Word, Cleared), Word> {
        debug_assert!(seen.is_sleeping());
        let awake = seen.without(SLEEPING);
        self.exchange(seen, awake).map(|()| (awake, Cleared(())))
    }

    /// The receiver wants nothing more, but takes what was sent and what permits still send.
    pub(super) fn close(&self) {
        self.update(|seen| (Word(seen.0 | CLOSED).without(WAITERS), ()));
    }

    /// The receiver is dropped. Its own waker is what is left to be dropped.
    pub(super) fn abandon(&self) -> Then {
        let flags = CLOSED | ABANDONED;
        self.update(|seen| (Word(seen.0 | flags).without(WAITERS | SLEEPING), Then::after(seen)))
    }

    /// The last sender is dropped. Whatever permits are out were leaked: they borrow a sender, or
    /// own one.
    pub(super) fn close_by_senders(&self) -> Then {
        let permits = PERMIT * PERMITS_MAX as u64;
        self.update(|seen| (Word(seen.0 | CLOSED).without(permits | SLEEPING), Then::after(seen)))
    }

    #[inline]
    fn exchange(&self, seen: Word, to: Word) -> Result<(), Word> {
        match self.0.compare_exchange_weak(seen.0, to.0, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(()),
            Err(now) => Err(Word(now)),
        }
    }

    fn update<R>(&self, change: impl Fn(Word) -> (Word, R)) -> R {
        let mut seen = self.load();
        loop {
            let (to, result) = change(seen);
            match self.exchange(seen, to) {
                Ok(()) => return result,
                Err(now) => seen = now,
            }
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load().fmt(f)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (CLOSED, "closed"),
            (WAITERS, "waiters"),
            (SLEEPING, "sleeping"),
            (INSTALLING, "installing"),
            (ABANDONED, "abandoned"),
        ];
        let set = names.iter().filter(|flag| self.0 & flag.0 != 0).map(|flag| flag.1);
        f.debug_struct("Gate")
            .field("tail", &self.tail())
            .field("permits", &self.permits())
            .field("flags", &set.collect::<Vec<_>>())
            .finish()
    }
}
