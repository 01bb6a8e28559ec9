//! When a worker that has work looks outside for what has become ready there.
//!
//! A look that comes early finds little, and what it finds waits behind everything that waits already; one
//! that comes late keeps the outside waiting although its turn has come. So the time to look is when those
//! who waited at the last look have had their turn, within bounds. And whose timers it looks after beside its
//! own, each time that it looks up or wakes up.

use crate::clock::Nanos;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// Not before nobody has looked for so long,
const SOONEST: Nanos = 200_000;
/// at once if that was so long ago,
const LATEST: Nanos = 1_000_000;
/// and after each poll if polls are so long that a look costs next to nothing beside them.
const LONG_POLL: Nanos = 50_000;
/// Looks that find nothing take a fiftieth of each worker's time at most, however slow system calls are here:
/// they are under a tracer, or in a sandbox.
const SHARE: Nanos = 50;
/// A larger part, for some milliseconds, while who waits outside has no core: what comes there has waited for
/// long, and nobody else sees it.
const SHARE_ALONE: Nanos = 5;
/// What a look is taken to cost before one was timed.
const COST: Nanos = 1_000;
/// What it may cost more for each descriptor that it finds ready, which has to be paid some time anyway.
const EACH: Nanos = 500;

/// When the workers last saw what is outside.
pub(super) struct Looks {
    looked: AtomicU64,
    waited: AtomicU64,
    overslept: AtomicU64,
}

/// The same, as it was now.
#[derive(Clone, Copy)]
pub(super) struct Times {
    now: Nanos,
    /// Somebody looked outside.
    looked: Nanos,
    /// Somebody came back from waiting there, with nothing else to do. Who is idle so often serves those
    /// outside sooner than a worker that looks in passing; where nobody is, that another has looked is no
    /// reason not to.
    waited: Nanos,
    /// Somebody waits there who should have come back, and has not.
    overslept: bool,
}

// Relaxed throughout: nothing is published with these times, and one that is missed costs a look.
impl Looks {
    pub(super) fn new() -> Looks {
        let [looked, waited, overslept] = [const { AtomicU64::new(0) }; 3];
        Looks { looked, waited, overslept }
    }

    /// A worker that has work looked.
    pub(super) fn looked(&self, now: Nanos) {
        self.looked.store(now, Ordering::Relaxed);
    }

    /// A worker without work came back from waiting.
    pub(super) fn waited(&self, now: Nanos) {
        self.looked.store(now, Ordering::Relaxed);
        self.waited.store(now, Ordering::Relaxed);
    }

    /// A timer has not brought back the worker that waits outside, so that it is without a core, and sees
    /// nothing of what happens there.
    pub(super) fn who_waits_overslept(&self, now: Nanos) {
        self.overslept.store(now, Ordering::Relaxed);
    }

    /// When anybody last looked or came back.
    pub(super) fn last(&self) -> Nanos {
        self.looked.load(Ordering::Relaxed)
    }

    /// What is known, while somebody waits outside or nobody does.
    pub(super) fn times(&self, now: Nanos, is_watched: bool) -> Times {
        let waited = self.waited.load(Ordering::Relaxed);
        let overslept = is_watched && self.overslept.load(Ordering::Relaxed) > waited;
        Times { now, looked: self.last(), waited, overslept }
    }
}

impl Times {
    fn since(&self, then: Nanos) -> Nanos {
        self.now.saturating_sub(then)
    }

    pub(super) fn now(&self) -> Nanos {
        self.now
    }

    /// Whether who waits outside should have come back, and has not.
    pub(super) fn overslept(&self) -> bool {
        self.overslept
    }
}

/// What one worker knows for that.
pub(super) struct Outlook {
    /// Polls until those who waited at the last look have had their turn.
    round: Cell<u64>,
    /// When this worker looked.
    last: Cell<Nanos>,
    /// An estimate of what a look costs.
    cost: Cell<Nanos>,
    /// How many neighbours were looked after.
    visits: Cell<usize>,
    /// A look that was due was left out, as the worker was about to wait outside anyway.
    left_out: Cell<bool>,
}

impl Outlook {
    pub(super) fn new() -> Outlook {
        Outlook {
            round: Cell::new(0),
            last: Cell::new(0),
            cost: Cell::new(COST),
            visits: Cell::new(0),
            left_out: Cell::new(false),
        }
    }

    /// Whether to look, after so many `polls` more, which last up to `poll`, while so many tasks are `queued`.
    pub(super) fn is_due(&self, polls: u64, poll: Nanos, queued: u64, times: Times) -> bool {
        self.round.set(self.round.get().saturating_sub(polls).min(queued));
        let alone = times.overslept;
        let share = if alone { SHARE_ALONE } else { SHARE };
        let is_due = times.since(self.last.get().max(times.waited)) >= share * self.cost.get()
            && match times.since(times.looked) {
                _ if alone || poll >= LONG_POLL => true,
                LATEST.. => true,
                SOONEST.. => self.round.get() == 0,
                _ => false,
            };
        // Left out once only: there may be work elsewhere, so that the worker does not come to wait.
        is_due && (queued > 0 || alone || self.left_out.replace(true))
    }

    /// This worker has looked at that time, and so many tasks are `queued` now.
    pub(super) fn looked(&self, now: Nanos, queued: u64) {
        self.last.set(now);
        self.round.set(queued);
        self.left_out.set(false);
    }

    /// Whose timers to look after beside: all other workers' in turn. A substitute, whose number is behind
    /// theirs, is none of them, and has no wheel of its own.
    pub(super) fn neighbour(&self, me: usize, workers: usize) -> Option<usize> {
        let others = workers - usize::from(me < workers);
        let turn = self.visits.get().checked_rem(others)?;
        self.visits.set(turn + 1);
        Some((me + 1 + turn) % workers)
    }

    /// A look took so long and found so much.
    pub(super) fn took(&self, cost: Nanos, found: usize) {
        let cost = cost.saturating_sub(EACH * found as u64);
        let before = self.cost.get();
        self.cost.set(match cost < before {
            true => (before + cost).div_ceil(2),
            // It was interrupted, or the cache was cold: what they cost at their best counts, and rises if
            // all of them take longer.
            false => before + (cost.min(4 * before) - before).div_ceil(8),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Nanos = 100;

    /// Nobody has looked for so long.
    fn at(now: Nanos) -> Times {
        Times { now, looked: 0, waited: 0, overslept: false }
    }

    #[test]
    fn it_is_time_when_those_who_waited_have_had_their_turn() {
        let outlook = Outlook::new();
        outlook.looked(0, 100);
        assert!(!outlook.is_due(60, SHORT, 80, at(SOONEST)), "40 of them wait");
        assert!(!outlook.is_due(40, SHORT, 80, at(SOONEST - 1)), "somebody looked just now");
        assert!(outlook.is_due(0, SHORT, 80, at(SOONEST)));
    }

    #[test]
    fn who_was_robbed_has_a_shorter_round() {
        let outlook = Outlook::new();
        outlook.looked(0, 100);
        assert!(!outlook.is_due(10, SHORT, 20, at(SOONEST)), "80 are gone, 20 wait");
        assert!(outlook.is_due(20, SHORT, 20, at(SOONEST)));
    }

    #[test]
    fn a_long_round_is_not_waited_for() {
        let outlook = Outlook::new();
        outlook.looked(0, 1_000_000);
        assert!(!outlook.is_due(64, SHORT, 1_000_000, at(LATEST - 1)));
        assert!(outlook.is_due(64, SHORT, 1_000_000, at(LATEST)));
    }

    #[test]
    fn long_polls_are_followed_by_a_look_each() {
        let outlook = Outlook::new();
        outlook.looked(0, 100);
        (0..20).for_each(|_| outlook.took(1_000, 0));
        assert!(outlook.is_due(1, LONG_POLL, 100, at(LONG_POLL)));
    }

    #[test]
    fn who_has_nothing_to_do_leaves_a_look_out_and_not_two() {
        let outlook = Outlook::new();
        outlook.looked(0, 0);
        assert!(!outlook.is_due(1, SHORT, 0, at(SOONEST)));
        assert!(outlook.is_due(1, SHORT, 0, at(SOONEST)));
        outlook.looked(0, 0);
        assert!(!outlook.is_due(1, SHORT, 0, at(SOONEST)));
    }

    #[test]
    fn who_waits_outside_and_oversleeps_is_done_without_until_it_comes_back() {
        let looks = Looks::new();
        let outlook = Outlook::new();
        looks.waited(1_000_000);
        outlook.looked(1_000_000, 0);
        assert!(!looks.times(1_010_000, true).overslept());
        looks.who_waits_overslept(1_010_000);
        let times = looks.times(1_010_000, true);
        assert!(times.overslept() && outlook.is_due(1, SHORT, 0, times));
        assert!(outlook.is_due(1, SHORT, 100, times), "each time");
        assert!(
            !outlook.is_due(1, SHORT, 0, looks.times(1_004_000, true)),
            "and no more than that"
        );
        assert!(!looks.times(1_010_000, false).overslept(), "it is back");
        looks.waited(1_020_000);
        let times = looks.times(1_030_000, true);
        assert!(!times.overslept() && !outlook.is_due(1, SHORT, 100, times), "and waits again");
    }

    #[test]
    fn slow_looks_are_rare_and_one_slow_look_is_forgotten() {
        let outlook = Outlook::new();
        (0..60).for_each(|_| outlook.took(100_000, 0));
        assert!(!outlook.is_due(1, LONG_POLL, 1, at(4_900_000)));
        assert!(outlook.is_due(1, LONG_POLL, 1, at(5_000_000)));
        (0..20).for_each(|_| outlook.took(1_000, 0));
        outlook.took(50_000_000, 0);
        assert!(outlook.is_due(1, LONG_POLL, 1, at(90_000)), "a single one");
        (0..5).for_each(|_| outlook.took(1_000, 0));
        assert!(outlook.is_due(1, LONG_POLL, 1, at(60_000)));
        (0..10).for_each(|_| outlook.took(0, 0));
        (0..20).for_each(|_| outlook.took(1_000, 0));
        assert!(
            !outlook.is_due(1, LONG_POLL, 1, at(30_000)),
            "a clock that stood still is no reason"
        );
    }

    #[test]
    fn all_others_are_looked_after_in_turn() {
        let outlook = Outlook::new();
        let seen: Vec<_> = (0..6).map(|_| outlook.neighbour(2, 4).unwrap()).collect();
        assert_eq!(seen, [3, 0, 1, 3, 0, 1]);
        assert_eq!(outlook.neighbour(0, 1), None);
    }

    #[test]
    fn a_substitute_looks_after_all_workers() {
        let outlook = Outlook::new();
        let seen: Vec<_> = (0..6).map(|_| outlook.neighbour(4, 3).unwrap()).collect();
        assert_eq!(seen, [2, 0, 1, 2, 0, 1]);
        assert_eq!(Outlook::new().neighbour(1, 1), Some(0));
    }

    #[test]
    fn a_look_is_worth_what_it_finds() {
        let outlook = Outlook::new();
        (0..20).for_each(|_| outlook.took(2_000 + 63 * EACH, 63));
        assert!(outlook.is_due(1, LONG_POLL, 1, at(SHARE * 2_000)));
        assert!(!outlook.is_due(1, LONG_POLL, 1, at(SHARE * 1_000)), "but not for nothing");
    }

    #[test]
    fn beside_long_polls_a_worker_looks_although_another_has_looked_just_now() {
        let outlook = Outlook::new();
        outlook.looked(0, 1);
        (0..20).for_each(|_| outlook.took(2_000, 0));
        let cost = SHARE * outlook.cost.get();
        let busy = Times { looked: cost - 1, ..at(cost) };
        assert!(outlook.is_due(1, LONG_POLL, 1, busy));
        assert!(!outlook.is_due(1, LONG_POLL, 1, Times { now: cost - 1, ..busy }), "too dear");
        assert!(!outlook.is_due(1, SHORT, 1, busy), "the polls are short");
        assert!(!outlook.is_due(1, LONG_POLL, 1, Times { waited: 1, ..busy }), "another is idle");
    }
}
