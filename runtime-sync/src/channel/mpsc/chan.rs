//! What the handles of a channel share: the gate, the blocks, and who waits at either end.
//!
//! # Invariants
//!
//! 1. While the tail is in a block and the gate is not `INSTALLING`, `tail_block` is that block. So
//!    a sender that reads the gate, then the block, and then moves the tail from what it read owns
//!    a position in the block it read: nobody moved the tail in between.
//! 2. Each position that was taken at the gate is written, by the one who took it.
//! 3. `head` and `head_block` are changed by the one [`Consumer`] only, and by `Drop`.
//! 4. `head_block` is the block that the head is in.
//!
//! # Sending
//!
//! One exchange at the gate takes a slot; the message is written; a store stamps it. The last one of
//! a block puts the next block in place before it writes, and keeps the gate shut for that moment.
//! The head is read only when what is known of it does not suffice.
//!
//! # Receiving
//!
//! The stamp of the slot at the head says whether a message is there, so the gate is not touched
//! as long as there is one. Otherwise the receiver leaves its waker and marks the gate, and the
//! exchange of the next sender finds the mark. A slot that is taken but not stamped yet belongs to a
//! sender that is about to write it, some instructions away: the receiver looks again for a moment,
//! and then lets other tasks run before it does.

use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;
use std::task::Waker;

use super::block::{Block, Spare, is_last};
use super::entrance::{Entrance, Refusal};
use super::gate::{Gate, POSITION_MASK, Then, Word};
use crate::budget;
use crate::contention::Backoff;
use crate::panics::Panics;
use crate::primitives::atomic::{AtomicPtr, Ordering};
use crate::primitives::{Arc, UnsafeCell};

pub(super) struct Chan<T, const BLOCK: usize> {
    entrance: Entrance,
    /// The block that the tail is in.
    tail_block: AtomicPtr<Block<T, BLOCK>>,
    /// The block that the head is in.
    head_block: UnsafeCell<NonNull<Block<T, BLOCK>>>,
    spare: Spare<T, BLOCK>,
}

// SAFETY: messages are written by one thread and read by another (`T: Send`); nobody gets a
// reference to one that lies in the channel. The rest is shared by the rules above.
unsafe impl<T: Send, const BLOCK: usize> Send for Chan<T, BLOCK> {}
// SAFETY: as above.
unsafe impl<T: Send, const BLOCK: usize> Sync for Chan<T, BLOCK> {}

// No message can be looked at through the channel, so none can be seen half changed.
impl<T, const BLOCK: usize> UnwindSafe for Chan<T, BLOCK> {}
impl<T, const BLOCK: usize> RefUnwindSafe for Chan<T, BLOCK> {}

impl<T, const BLOCK: usize> Deref for Chan<T, BLOCK> {
    type Target = Entrance;
    #[inline]
    fn deref(&self) -> &Entrance {
        &self.entrance
    }
}

/// A slot that was taken and must be written.
#[must_use = "the receiver waits for this slot to be written"]
pub(super) struct Claim<'a, T, const BLOCK: usize> {
    chan: &'a Chan<T, BLOCK>,
    block: NonNull<Block<T, BLOCK>>,
    position: u64,
    then: Then,
}

impl<T, const BLOCK: usize> Claim<'_, T, BLOCK> {
    /// Puts the message in.
    #[inline(always)]
    pub(super) fn write(self, value: T) {
        // SAFETY: a claim is made for a position that was taken, and used once.
        unsafe { Block::write(self.block, self.position, value) };
        self.chan.follow(self.then);
    }
}

impl<T, const BLOCK: usize> Chan<T, BLOCK> {
    /// Makes a channel with one sender.
    pub(super) fn new(limit: u64) -> Chan<T, BLOCK> {
        let block = Block::new();
        Chan {
            entrance: Entrance::new(limit),
            tail_block: AtomicPtr::new(block.as_ptr()),
            head_block: UnsafeCell::new(block),
            spare: Spare::new(),
        }
    }

    /// Takes a slot, if there is room and nobody waits for it.
    #[inline]
    pub(super) fn claim(&self) -> Result<Claim<'_, T, BLOCK>, Refusal> {
        let (word, has_room) = self.glance();
        if !has_room {
            self.look_at_head(1)?;
        } else if let Some(claim) = self.claim_seen(word) {
            return Ok(claim);
        }
        self.claim_with_care()
    }

    /// Takes the slot at the tail that was seen, for which there is room, if nothing is in the way.
    #[inline(always)]
    fn claim_seen(&self, word: Word) -> Option<Claim<'_, T, BLOCK>> {
        if !word.lets_in() || is_last::<BLOCK>(word.tail()) {
            return None;
        }
        // Relaxed: the gate's word carries it (invariant 1).
        let block = self.tail_block.load(Ordering::Relaxed);
        let then = self.gate().take_slot(word, false).ok()?;
        Some(self.claimed(block, word, then))
    }

    /// Sends a message into a channel without a limit. It comes back if the channel is closed.
    #[inline]
    pub(super) fn send_unbounded(&self, value: T) -> Result<(), T> {
        match self.claim_seen(self.gate().load()) {
            Some(claim) => {
                claim.write(value);
                Ok(())
            }
            None => self.send_with_care(value),
        }
    }

    /// The same when the quick look did not suffice.
    #[inline(never)]
    fn send_with_care(&self, value: T) -> Result<(), T> {
        match self.claim_with_care() {
            Ok(claim) => {
                claim.write(value);
                Ok(())
            }
            Err(_) => Err(value),
        }
    }

    /// As [`claim`](Chan::claim), on behalf of a task: it spends a unit of its budget, and takes
    /// nothing if there is none. Who gets nothing waits in line next, and pays then.
    #[inline]
    pub(super) fn claim_now(&self) -> Option<Claim<'_, T, BLOCK>> {
        let unit = budget::unit_now()?;
        let claim = self.claim().ok()?;
        unit.spend();
        Some(claim)
    }

    /// The same when the quick look did not suffice.
    #[inline(never)]
    fn claim_with_care(&self) -> Result<Claim<'_, T, BLOCK>, Refusal> {
        let backoff = Backoff::new();
        let mut next = Next { block: None, chan: self };
        loop {
            let word = self.admission(1)?;
            if word.has_waiters() {
                return Err(Refusal::Full);
            }
            if word.is_installing() {
                backoff.snooze();
            } else if let Some(claim) = self.take(word, &mut next, Gate::take_slot) {
                return Ok(claim);
            }
        }
    }

    /// Takes a slot for a permit, which is used up. `None` if the receiver is gone; so is the
    /// permit then.
    #[inline]
    fn claim_for_permit(&self) -> Option<Claim<'_, T, BLOCK>> {
        let word = self.gate().load();
        if !word.is_abandoned() && !word.is_installing() && !is_last::<BLOCK>(word.tail()) {
            // Relaxed: as in `claim`.
            let block = self.tail_block.load(Ordering::Relaxed);
            if let Ok(then) = self.gate().take_slot_for_permit(word, false) {
                return Some(self.claimed(block, word, then));
            }
        }
        self.claim_for_permit_with_care()
    }

    /// The same when the quick look did not suffice.
    #[inline(never)]
    fn claim_for_permit_with_care(&self) -> Option<Claim<'_, T, BLOCK>> {
        let backoff = Backoff::new();
        let mut next = Next { block: None, chan: self };
        loop {
            let word = self.gate().load();
            if word.is_abandoned() {
                self.release(1);
                return None;
            }
            if word.is_installing() {
                backoff.snooze();
            } else if let Some(claim) = self.take(word, &mut next, Gate::take_slot_for_permit) {
                return Some(claim);
            }
        }
    }

    /// Moves the tail from where `word` says it is.
    #[inline]
    fn take(
        &self,
        word: Word,
        next: &mut Next<'_, T, BLOCK>,
        step: impl FnOnce(&Gate, Word, bool) -> Result<Then, Word>,
    ) -> Option<Claim<'_, T, BLOCK>> {
        let last = is_last::<BLOCK>(word.tail());
        if last {
            // Before the step: nothing that takes long happens while the gate is shut.
            next.prepare();
        }
        // Relaxed: as in `claim`.
        let block = self.tail_block.load(Ordering::Relaxed);
        let then = step(self.gate(), word, last).ok()?;
        let claim = self.claimed(block, word, then);
        if last {
            self.install(claim.block, next.prepare());
            next.block = None;
        }
        Some(claim)
    }

    #[inline]
    fn claimed(&self, block: *mut Block<T, BLOCK>, word: Word, then: Then) -> Claim<'_, T, BLOCK> {
        debug_assert!(!block.is_null());
        // SAFETY: invariant 1, there is a block at each position.
        let block = unsafe { NonNull::new_unchecked(block) };
        Claim { chan: self, block, position: word.tail(), then }
    }

    /// Puts `next` behind `full`, whose last position the caller has just taken.
    fn install(&self, full: NonNull<Block<T, BLOCK>>, next: NonNull<Block<T, BLOCK>>) {
        // SAFETY: the caller has taken the last position, and writes it later.
        unsafe { Block::link(full, next) };
        // Relaxed: `installed` publishes it.
        self.tail_block.store(next.as_ptr(), Ordering::Relaxed);
        self.gate().installed();
    }

    /// Sends with a permit, which is used up. The value comes back if the receiver is gone.
    #[inline]
    pub(super) fn send_for_permit(&self, value: T) -> Result<(), T> {
        match self.claim_for_permit() {
            Some(claim) => {
                claim.write(value);
                Ok(())
            }
            None => Err(value),
        }
    }

    /// Takes the first message out.
    ///
    /// # Safety
    ///
    /// The caller is the one consumer, or alone with the channel.
    #[inline]
    unsafe fn pop(&self) -> Option<T> {
        let (block, position) = self.at_head();
        // SAFETY: invariants 3 and 4.
        let value = unsafe { Block::read(block, position) }?;
        if is_last::<BLOCK>(position) {
            // SAFETY: passed on to the caller.
            unsafe { self.leave_block(block) };
        }
        // Release pairs with the load in `position`.
        self.head.store(position.wrapping_add(1) & POSITION_MASK, Ordering::Release);
        Some(value)
    }

    #[inline]
    fn at_head(&self) -> (NonNull<Block<T, BLOCK>>, u64) {
        let block = self.head_block.with(|block| {
            // SAFETY: invariant 3; this is called by the consumer and by `Drop` only.
            unsafe { *block }
        });
        // Relaxed: what this thread stored itself.
        (block, self.head.load(Ordering::Relaxed))
    }

    /// Goes on to the next block, after all of this one was read.
    ///
    /// # Safety
    ///
    /// As for `pop`.
    #[inline(never)]
    unsafe fn leave_block(&self, block: NonNull<Block<T, BLOCK>>) {
        // SAFETY: passed on to the caller.
        let next = unsafe { Block::unlink(block) };
        let next = next.expect("who takes the last slot of a block links the next");
        self.head_block.with_mut(|block| {
            // SAFETY: invariant 3.
            unsafe { *block = next };
        });
        // SAFETY: all of it was read, so nobody else touches it.
        unsafe { self.spare.put(block) };
    }

    /// Drops all messages that are there, even if the drop of some panics.
    ///
    /// # Safety
    ///
    /// As for `pop`.
    unsafe fn drop_messages(&self) {
        let mut panics = Panics::new();
        // SAFETY: passed on to the caller.
        while let Some(value) = unsafe { self.pop() } {
            panics.contain(|| drop(value));
        }
        panics.pass_on();
    }
}

impl<T, const BLOCK: usize> Drop for Chan<T, BLOCK> {
    fn drop(&mut self) {
        // The blocks are freed even if the drop of a message panics.
        let _blocks = FreeLast(self);
        // SAFETY: nobody else is there.
        unsafe { self.drop_messages() };
    }
}

/// Frees the block that the head is in, which is the last one once all messages are out.
struct FreeLast<'a, T, const BLOCK: usize>(&'a Chan<T, BLOCK>);

impl<T, const BLOCK: usize> Drop for FreeLast<'_, T, BLOCK> {
    fn drop(&mut self) {
        let (block, _) = self.0.at_head();
        // SAFETY: the channel is being dropped, and all blocks before this one are freed. There is
        // none behind it: all positions that were taken are written, and read by now.
        unsafe { Block::free(block) };
    }
}

/// The block that a sender brings along in case it takes the last slot of one.
struct Next<'a, T, const BLOCK: usize> {
    block: Option<NonNull<Block<T, BLOCK>>>,
    chan: &'a Chan<T, BLOCK>,
}

impl<T, const BLOCK: usize> Next<'_, T, BLOCK> {
    fn prepare(&mut self) -> NonNull<Block<T, BLOCK>> {
        *self.block.get_or_insert_with(|| self.chan.spare.take())
    }
}

impl<T, const BLOCK: usize> Drop for Next<'_, T, BLOCK> {
    fn drop(&mut self) {
        if let Some(block) = self.block {
            // SAFETY: nobody has seen it.
            unsafe { self.chan.spare.put(block) };
        }
    }
}

/// How an attempt to fall asleep ended.
pub(super) enum Sleep {
    /// Who changes anything wakes the receiver.
    Asleep,
    /// There is something new to look at.
    Changed,
    /// A sender is about to take the waker that was left before.
    Busy,
}

/// The one end where messages come out.
pub(super) struct Consumer<T, const BLOCK: usize> {
    pub(super) chan: Arc<Chan<T, BLOCK>>,
}

impl<T, const BLOCK: usize> Consumer<T, BLOCK> {
    /// Makes a channel with one sender, whose handle is up to the caller, and its one consumer.
    pub(super) fn new(limit: u64) -> Consumer<T, BLOCK> {
        Consumer { chan: Arc::new(Chan::new(limit)) }
    }

    /// Takes the first message out.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<T> {
        // SAFETY: there is one consumer, and it is borrowed for itself.
        unsafe { self.chan.pop() }
    }

    /// Whether `pop` would give a message.
    pub(super) fn has_message(&mut self) -> bool {
        let (block, position) = self.chan.at_head();
        // SAFETY: there is one consumer, and it is borrowed for itself.
        unsafe { Block::is_written(block, position) }
    }

    /// Leaves `waker` and marks the gate, unless it is not as in `seen` any more.
    #[inline]
    pub(super) fn sleep(&mut self, seen: Word, waker: &Waker) -> Sleep {
        let (gate, sleeper) = (self.chan.gate(), &self.chan.receiver);
        let mut word = seen;
        if seen.is_sleeping() {
            // The mark of an earlier poll: the waker may be another one now.
            let Ok((awake, cleared)) = gate.rise(seen) else { return Sleep::Changed };
            sleeper.give_back(cleared);
            word = awake;
        } else if sleeper.is_held() {
            return Sleep::Busy;
        }
        // SAFETY: there is one consumer, and nobody holds the cell.
        unsafe { sleeper.leave(waker) };
        // SAFETY: as above.
        unsafe { sleeper.hold(true) };
        if gate.sleep(word).is_ok() {
            return Sleep::Asleep;
        }
        // SAFETY: as above; the mark was not set.
        unsafe { sleeper.hold(false) };
        Sleep::Changed
    }

    /// Tells all that there is no receiver any more. Returns the waker that it has left.
    pub(super) fn abandon(&mut self) -> Option<Waker> {
        let sleeper = &self.chan.receiver;
        match self.chan.gate().abandon() {
            Then::WakeReceiver(cleared) => sleeper.take(cleared),
            // A sender has it, and wakes.
            Then::GoOn if sleeper.is_held() => None,
            // SAFETY: there is one consumer, and nobody holds the cell.
            Then::GoOn => unsafe { sleeper.clear() },
        }
    }

    /// Drops all messages that are there, even if the drop of some panics.
    pub(super) fn drop_messages(&mut self) {
        // SAFETY: there is one consumer, and it is borrowed for itself.
        unsafe { self.chan.drop_messages() };
    }
}
