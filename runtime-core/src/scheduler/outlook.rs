//! When a worker that has work looks outside for what has become ready there.
//!
//! A look that comes early finds little, and what it finds waits behind everything that waits already; one
//! that comes late keeps the outside waiting although its turn has come. So the time to look is when those
//! who waited at the last look have had their turn, within bounds.

use crate::clock::Nanos;
use std::cell::Cell;

/// Not before nobody has looked for so long,
const SOONEST: Nanos = 200_000;
/// at once if that was so long ago,
const LATEST: Nanos = 1_000_000;
/// and after each poll if polls are so long that a look costs next to nothing beside them.
const LONG_POLL: Nanos = 50_000;
/// Looks that find nothing take a fiftieth of the time at most, however slow system calls are here: they are
/// under a tracer, or in a sandbox.
const SHARE: Nanos = 50;
/// What a look is taken to cost before one was timed.
const COST: Nanos = 1_000;

/// What one worker knows for that.
pub(super) struct Outlook {
    /// Polls until those who waited at the last look have had their turn.
    round: Cell<u64>,
    /// An estimate of what a look costs.
    cost: Cell<Nanos>,
    /// A look that was due was left out, as the worker was about to wait outside anyway.
    left_out: Cell<bool>,
}

impl Outlook {
    pub(super) fn new() -> Outlook {
        Outlook { round: Cell::new(0), cost: Cell::new(COST), left_out: Cell::new(false) }
    }

    /// Whether to look, after so many `polls` more of such a length, if nobody has looked `since` and so
    /// many tasks are `queued`.
    pub(super) fn is_due(&self, polls: u64, mean_poll: Nanos, since: Nanos, queued: u64) -> bool {
        self.round.set(self.round.get().saturating_sub(polls).min(queued));
        let is_due = since >= SHARE * self.cost.get()
            && match since {
                _ if mean_poll >= LONG_POLL => true,
                LATEST.. => true,
                SOONEST.. => self.round.get() == 0,
                _ => false,
            };
        // Left out once only: there may be work elsewhere, so that the worker does not come to wait.
        is_due && (queued > 0 || self.left_out.replace(true))
    }

    /// This worker has looked, and so many tasks are `queued` now.
    pub(super) fn looked(&self, queued: u64) {
        self.round.set(queued);
        self.left_out.set(false);
    }

    /// A look took so long and found so much.
    pub(super) fn took(&self, cost: Nanos, found: usize) {
        let cost = cost / (1 + found as u64);
        // One that took much longer was interrupted.
        let before = self.cost.get();
        self.cost.set(((before + cost.min(4 * before)) / 2).max(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Nanos = 100;

    #[test]
    fn it_is_time_when_those_who_waited_have_had_their_turn() {
        let outlook = Outlook::new();
        outlook.looked(100);
        assert!(!outlook.is_due(60, SHORT, SOONEST, 80), "40 of them wait");
        assert!(!outlook.is_due(40, SHORT, SOONEST - 1, 80), "somebody looked just now");
        assert!(outlook.is_due(0, SHORT, SOONEST, 80));
    }

    #[test]
    fn who_was_robbed_has_a_shorter_round() {
        let outlook = Outlook::new();
        outlook.looked(100);
        assert!(!outlook.is_due(10, SHORT, SOONEST, 20), "80 are gone, 20 wait");
        assert!(outlook.is_due(20, SHORT, SOONEST, 20));
    }

    #[test]
    fn a_long_round_is_not_waited_for() {
        let outlook = Outlook::new();
        outlook.looked(1_000_000);
        assert!(!outlook.is_due(64, SHORT, LATEST - 1, 1_000_000));
        assert!(outlook.is_due(64, SHORT, LATEST, 1_000_000));
    }

    #[test]
    fn long_polls_are_followed_by_a_look_each() {
        let outlook = Outlook::new();
        outlook.looked(100);
        (0..20).for_each(|_| outlook.took(1_000, 0));
        assert!(outlook.is_due(1, LONG_POLL, LONG_POLL, 100));
    }

    #[test]
    fn who_has_nothing_to_do_leaves_a_look_out_and_not_two() {
        let outlook = Outlook::new();
        outlook.looked(0);
        assert!(!outlook.is_due(1, SHORT, SOONEST, 0));
        assert!(outlook.is_due(1, SHORT, SOONEST, 0));
        outlook.looked(0);
        assert!(!outlook.is_due(1, SHORT, SOONEST, 0));
    }

    #[test]
    fn slow_looks_are_rare_and_one_slow_look_is_forgotten() {
        let outlook = Outlook::new();
        (0..20).for_each(|_| outlook.took(100_000, 0));
        assert!(!outlook.is_due(1, LONG_POLL, 4_900_000, 1));
        assert!(outlook.is_due(1, LONG_POLL, 5_000_000, 1));
        (0..20).for_each(|_| outlook.took(1_000, 0));
        outlook.took(50_000_000, 0);
        assert!(outlook.is_due(1, LONG_POLL, LATEST, 1));
        (0..5).for_each(|_| outlook.took(1_000, 0));
        assert!(outlook.is_due(1, LONG_POLL, 60_000, 1));
    }

    #[test]
    fn a_look_is_worth_what_it_finds() {
        let outlook = Outlook::new();
        (0..20).for_each(|_| outlook.took(64_000, 63));
        assert!(outlook.is_due(1, LONG_POLL, 100_000, 1));
    }
}
