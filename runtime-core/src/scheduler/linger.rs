//! Whether a worker that has nothing to do waits a moment for the next call before it sleeps.
//!
//! To put a thread to sleep and to wake it up again takes longer than many a question takes to be answered:
//! by a thread of the blocking pool, or by one outside of the runtime that works together with a task. And
//! where both ends sleep in turn, their cores fall asleep with them, which makes each wake-up several times
//! as long. So a worker that was called soon after it fell asleep expects the next call as soon, and stays
//! awake for it. How long a call takes is not known, only whether it came in time: a worker that waited in
//! vain sleeps at once the next time, and after each further time in vain twice as often, so that callers
//! who are slow cost it next to nothing.

use crate::clock::Nanos;
use std::cell::Cell;

/// A call is soon after so long a sleep, much of which may be the time that it took to wake up.
const SOON: Nanos = 150_000;
/// A worker stays awake for the next one for so long,
pub(super) const LINGER: Nanos = 50_000;
/// and looks outside and at its neighbours' queues after each time so long.
pub(super) const LOOK: Nanos = 15_000;
/// After so many times in vain, or more, it tries once in `2.pow(IN_VAIN)` times.
const IN_VAIN: u32 = 6;

/// What one worker knows for that.
pub(super) struct Linger {
    /// The last wait was short, and ended because somebody called.
    soon: Cell<bool>,
    /// Times in vain since it was worth it.
    in_vain: Cell<u32>,
    /// Times to be left out.
    rest: Cell<u32>,
}

impl Linger {
    pub(super) fn new() -> Linger {
        Linger { soon: Cell::new(false), in_vain: Cell::new(0), rest: Cell::new(0) }
    }

    /// The worker slept for so long, until somebody `called` it or for another reason.
    pub(super) fn slept(&self, length: Nanos, called: bool) {
        self.soon.set(called && length < SOON);
    }

    /// Whether to stay awake, this time.
    pub(super) fn is_worth_it(&self) -> bool {
        if !self.soon.replace(false) {
            return false;
        }
        let rest = self.rest.get();
        self.rest.set(rest.saturating_sub(1));
        rest == 0
    }

    /// It stayed awake, and was `called`; or it was not, within [`LINGER`].
    pub(super) fn ended(&self, called: bool) {
        self.soon.set(called);
        let in_vain = if called { 0 } else { (self.in_vain.get() + 1).min(IN_VAIN) };
        self.in_vain.set(in_vain);
        self.rest.set((1 << in_vain) - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of so many short sleeps with a call are followed by a wait.
    fn waits(linger: &Linger, sleeps: u32, in_time: bool) -> u32 {
        let waits = (0..sleeps).filter(|_| {
            linger.slept(SOON - 1, true);
            let worth_it = linger.is_worth_it();
            if worth_it {
                linger.ended(in_time);
            }
            worth_it
        });
        waits.count() as u32
    }

    #[test]
    fn only_who_was_called_soon_expects_a_call() {
        let linger = Linger::new();
        assert!(!linger.is_worth_it(), "nothing is known");
        linger.slept(SOON - 1, true);
        assert!(linger.is_worth_it());
        assert!(!linger.is_worth_it(), "once for each call");
        linger.slept(SOON, true);
        assert!(!linger.is_worth_it(), "it came late");
        linger.slept(SOON - 1, false);
        assert!(!linger.is_worth_it(), "nobody called");
    }

    #[test]
    fn who_is_called_in_time_goes_on_without_sleeping() {
        let linger = Linger::new();
        linger.slept(SOON - 1, true);
        for _ in 0..100 {
            assert!(linger.is_worth_it());
            linger.ended(true);
        }
    }

    #[test]
    fn who_waits_in_vain_waits_less_and_less_often() {
        let linger = Linger::new();
        assert_eq!(waits(&linger, 1 + 2 + 4 + 8 + 16 + 32, false), 6);
        assert_eq!(waits(&linger, 10 << IN_VAIN, false), 10, "and no less than so often");
    }

    #[test]
    fn one_call_in_time_makes_up_for_all_in_vain() {
        let linger = Linger::new();
        waits(&linger, 1_000, false);
        while waits(&linger, 1, true) == 0 {}
        assert_eq!(waits(&linger, 100, true), 100);
    }
}
