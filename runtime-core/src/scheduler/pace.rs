//! How long polls are, and so after how many of them a worker looks around.
//!
//! A clock read for each poll would cost as much as a short poll. So the worker reads it after a window of
//! polls, and makes windows so long that one lasts about [`LOOK_AROUND`].

use crate::clock::Nanos;
use std::cell::Cell;

/// The worker looks around after about so long.
const LOOK_AROUND: Nanos = 20_000;
/// A window of so many polls that took so many times longer than those before is not believed at once.
const MANY_POLLS: u64 = 8;
const JUMP: Nanos = 8;
/// Nor is one that is so short.
const SHORT: Nanos = 2_000;
/// So many arrivals in the queue make the worker look around early: a crowd of long polls may have
/// come after short ones, and the sooner help is called the better.
const ARRIVALS: u32 = 16;
/// By so large a part each window without makes long polls less expected.
const FORGET: Nanos = 16;

/// What one worker knows of that.
pub(super) struct Pace {
    /// Polls until the worker looks around, and how many it began with.
    countdown: Cell<u32>,
    window: Cell<u32>,
    began: Cell<Nanos>,
    /// Tasks that came into the queue since.
    arrivals: Cell<u32>,
    mean: Cell<Nanos>,
    long: Cell<Nanos>,
    /// What one window was like, which others have yet to confirm.
    longest: Cell<Nanos>,
}

impl Pace {
    pub(super) fn new() -> Pace {
        Pace {
            countdown: Cell::new(0),
            window: Cell::new(1),
            began: Cell::new(0),
            arrivals: Cell::new(0),
            mean: Cell::new(1_000),
            long: Cell::new(0),
            longest: Cell::new(0),
        }
    }

    /// Whether it is time to look around.
    #[inline]
    pub(super) fn is_due(&self) -> bool {
        self.countdown.get() == 0
    }

    /// A poll begins.
    #[inline]
    pub(super) fn count(&self) {
        self.countdown.set(self.countdown.get().saturating_sub(1));
    }

    /// Polls since the worker looked around.
    pub(super) fn polls(&self) -> u64 {
        self.window.get().saturating_sub(self.countdown.get()).into()
    }

    /// When the worker looked around.
    pub(super) fn began(&self) -> Nanos {
        self.began.get()
    }

    /// An estimate of the length of a poll.
    pub(super) fn mean(&self) -> Nanos {
        self.mean.get()
    }

    /// An estimate of the length of the longest of those that come again and again, as the second of them
    /// tells: a thread may lose its core during any poll. It falls slowly, so that polls are long where long
    /// ones and short ones take turns.
    pub(super) fn long(&self) -> Nanos {
        self.long.get()
    }

    /// A window ends: learns how long polls are, and begins the next one, of so many polls at most.
    pub(super) fn measure(&self, now: Nanos, most: u32) {
        let polls = self.polls();
        if let Some(mean) = now.saturating_sub(self.began.get()).checked_div(polls) {
            let before = self.mean.get();
            if polls >= MANY_POLLS && mean > (JUMP * before).max(SHORT) {
                // Either polls have become long, or this thread lost its core for a while, which is
                // no reason to spread short polls over two. The next poll tells.
                return self.begin(1, now);
            }
            // Half the past, half the present: polls that become long are noticed at once.
            self.mean.set((before + mean) / 2);
            self.learn(mean);
        }
        // After a sleep the first windows are short, as nothing is known about what comes.
        let fits = (LOOK_AROUND / self.mean.get().max(self.long.get()).max(1)).max(1) as u32;
        self.begin((self.window.get() * 2).clamp(1, fits.min(most.max(1))), now);
    }

    fn learn(&self, mean: Nanos) {
        let [long, longest] = [&self.long, &self.longest].map(|it| it.get() - it.get() / FORGET);
        self.long.set(long.max(mean.min(longest)));
        self.longest.set(longest.max(mean));
    }

    /// Begins a window of so many polls.
    pub(super) fn begin(&self, polls: u32, now: Nanos) {
        self.arrivals.set(0);
        self.window.set(polls);
        self.countdown.set(polls);
        self.began.set(now);
    }

    /// A task came into the queue.
    #[inline]
    pub(super) fn arrived(&self) {
        self.arrivals.set(self.arrivals.get() + 1);
        if self.arrivals.get() == ARRIVALS {
            // After the next poll, not at once: that one tells how long they are.
            self.end_after(1);
        }
    }

    /// The window ends after so many polls at the latest.
    pub(super) fn end_after(&self, polls: u32) {
        let sooner = self.countdown.get().saturating_sub(polls);
        self.countdown.set(self.countdown.get() - sooner);
        self.window.set(self.window.get() - sooner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u32 = 61;

    /// A pace after polls of such lengths, one after the other, and the time then.
    fn after(lengths: impl IntoIterator<Item = Nanos>) -> (Pace, Nanos) {
        let pace = Pace::new();
        let mut now = 1;
        for length in lengths {
            if pace.is_due() {
                pace.measure(now, MOST);
            }
            pace.count();
            now += length;
        }
        pace.measure(now, MOST);
        (pace, now)
    }

    #[test]
    fn windows_of_short_polls_grow_and_those_of_long_polls_are_one() {
        let (pace, _) = after([100; 10_000]);
        assert_eq!(pace.window.get(), MOST);
        let (pace, _) = after([4_000; 100]);
        assert!((3..=5).contains(&pace.window.get()), "{}", pace.window.get());
        let (pace, _) = after([100_000; 10]);
        assert_eq!(pace.window.get(), 1);
    }

    #[test]
    fn long_polls_between_short_ones_are_expected_again() {
        let (pace, _) = after([100_000, 5_000, 3_000, 4_000].repeat(10));
        assert!(pace.long() > 60_000, "{}", pace.long());
        assert!(pace.mean() < 50_000, "{}", pace.mean());
        assert_eq!(pace.window.get(), 1);
    }

    #[test]
    fn long_polls_are_forgotten_when_no_more_come() {
        let (pace, _) = after([100_000; 10].into_iter().chain([100; 2_000]));
        assert!(pace.long() < 1_000, "{}", pace.long());
        assert_eq!(pace.window.get(), MOST);
    }

    #[test]
    fn one_poll_that_takes_long_among_short_ones_is_not_expected_again() {
        let (pace, now) = after([4_000; 100]);
        pace.begin(1, now);
        pace.count();
        pace.measure(now + 1_000_000, MOST);
        assert!(pace.long() < 5_000, "{}", pace.long());
        pace.count();
        pace.measure(now + 1_004_000, MOST);
        assert!(pace.long() < 5_000, "{}", pace.long());
    }

    #[test]
    fn one_window_that_takes_long_is_not_believed() {
        let (pace, now) = after([100; 10_000]);
        (0..MOST).for_each(|_| pace.count());
        pace.measure(now + 10_000_000, MOST);
        assert!(pace.mean() < 200 && pace.long() < 200, "{} {}", pace.mean(), pace.long());
        assert_eq!(pace.window.get(), 1, "the next poll tells");
    }

    #[test]
    fn a_crowd_that_arrives_ends_the_window_after_the_next_poll() {
        let (pace, _) = after([100; 10_000]);
        (1..ARRIVALS).for_each(|_| pace.arrived());
        pace.count();
        assert!(!pace.is_due());
        pace.arrived();
        assert!(!pace.is_due());
        assert_eq!(pace.polls(), 1);
        pace.count();
        assert!(pace.is_due());
        assert_eq!(pace.polls(), 2);
    }
}
