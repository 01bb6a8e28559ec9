//! The word that says who may touch what, and who frees the place.
//!
//! ```text
//!   bit   0     1            2              3       4             5               6 and up
//!       ┌──────┬────────────┬──────────────┬────────┬─────────────┬───────────────┬─────────┐
//!       │ SENT │ SENDER_GONE│ RECEIVER_GONE│ CLOSED │ SENDER_WAITS│ RECEIVER_WAITS│ version │
//!       └──────┴────────────┴──────────────┴────────┴─────────────┴───────────────┴─────────┘
//! ```
//!
//! All but the two `WAITS` bits only ever rise. The version rises each time an end takes its own
//! waker back while both are there, so that a word that is equal twice stands for the same wakers.

use std::fmt;

use crate::primitives::atomic::{AtomicU64, Ordering};

/// The value is in its cell. Set by the sender, together with `SENDER_GONE`; never once `CLOSED`.
const SENT: u64 = 1;
/// The sender does not touch the place any more.
const SENDER_GONE: u64 = 1 << 1;
/// The receiver does not touch the place any more. Set together with `CLOSED`.
const RECEIVER_GONE: u64 = 1 << 2;
/// No value is taken any more. Never set once the sender is gone, but by a receiver that is gone.
const CLOSED: u64 = 1 << 3;
/// The sender's waker is in its cell. Never set once `CLOSED`, nor once the sender is gone.
pub(super) const SENDER_WAITS: u64 = 1 << 4;
/// The receiver's waker is in its cell. Never set once either end is gone.
pub(super) const RECEIVER_WAITS: u64 = 1 << 5;
/// One step of the version.
const VERSION: u64 = 1 << 6;

/// The word.
pub(super) struct State(AtomicU64);

/// The word, as it was at some moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Snapshot(u64);

impl State {
    pub(super) fn new() -> State {
        State(AtomicU64::new(0))
    }

    #[inline]
    pub(super) fn load(&self) -> Snapshot {
        // Pairs with the exchange in `change`: what the other end did before is seen, be it the
        // value, a waker, or its last access of the place.
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// Puts `next` in place of `seen`. If the word is another one by now, that comes back.
    #[inline]
    pub(super) fn change(&self, seen: Snapshot, next: Snapshot) -> Result<(), Snapshot> {
        // Release pairs with the acquires here and in `load`: whoever sees the flags sees what they
        // stand for. Acquire, also of a failure: what the other end's flags stand for may be used.
        match self.0.compare_exchange(seen.0, next.0, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(()),
            Err(now) => Err(Snapshot(now)),
        }
    }
}

impl Snapshot {
    #[inline]
    pub(super) fn has_value(self) -> bool {
        self.0 & SENT != 0
    }

    #[inline]
    pub(super) fn is_sender_gone(self) -> bool {
        self.0 & SENDER_GONE != 0
    }

    #[inline]
    pub(super) fn is_receiver_gone(self) -> bool {
        self.0 & RECEIVER_GONE != 0
    }

    #[inline]
    pub(super) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    #[inline]
    pub(super) fn has_sender_waker(self) -> bool {
        self.has(SENDER_WAITS)
    }

    #[inline]
    pub(super) fn has_receiver_waker(self) -> bool {
        self.has(RECEIVER_WAITS)
    }

    #[inline]
    pub(super) fn has(self, waits: u64) -> bool {
        self.0 & waits != 0
    }

    /// The sender leaves a value. Both wakers are whose move this is.
    #[inline]
    pub(super) fn sent(self) -> Snapshot {
        Snapshot(self.without_wakers() | SENT | SENDER_GONE)
    }

    /// The sender goes without a value. Both wakers are whose move this is.
    #[inline]
    pub(super) fn sender_gone(self) -> Snapshot {
        Snapshot(self.without_wakers() | SENDER_GONE)
    }

    /// The receiver goes. Both wakers are whose move this is.
    #[inline]
    pub(super) fn receiver_gone(self) -> Snapshot {
        Snapshot(self.without_wakers() | CLOSED | RECEIVER_GONE)
    }

    /// The receiver stays, and takes no value. The sender's waker is whose move this is.
    #[inline]
    pub(super) fn closed(self) -> Snapshot {
        Snapshot((self.0 | CLOSED) & !SENDER_WAITS)
    }

    /// An end has put its waker into its cell.
    #[inline]
    pub(super) fn with_waker(self, waits: u64) -> Snapshot {
        Snapshot(self.0 | waits)
    }

    /// An end takes its own waker back. The version keeps the other end, which may be reading the
    /// cell at this moment, from taking this word for the one it has seen.
    #[inline]
    pub(super) fn without_waker(self, waits: u64) -> Snapshot {
        Snapshot((self.0 & !waits).wrapping_add(VERSION))
    }

    fn without_wakers(self) -> u64 {
        self.0 & !(SENDER_WAITS | RECEIVER_WAITS)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (SENT, "sent"),
            (SENDER_GONE, "sender gone"),
            (RECEIVER_GONE, "receiver gone"),
            (CLOSED, "closed"),
            (SENDER_WAITS, "sender waits"),
            (RECEIVER_WAITS, "receiver waits"),
        ];
        let mut set = f.debug_set();
        for (_, name) in names.iter().filter(|(flag, _)| self.0 & flag != 0) {
            set.entry(&format_args!("{name}"));
        }
        set.finish()
    }
}
