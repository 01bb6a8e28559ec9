//! Ticks at a steady pace, and what to do about missed ones.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::Instant;
use super::sleep::{Sleep, check_runtime, now_in_runtime, sleep_until};

/// How late a tick may be before [`Delay`](MissedTickBehavior::Delay) counts it as missed. Were
/// there no such allowance, the few microseconds by which each tick is late would add up.
const LATENESS_ALLOWED: Duration = Duration::from_millis(5);

/// Ticks every `period`; the first tick comes at once.
///
/// The interval keeps its pace however long the work between two ticks takes, as long as it is
/// less than a period; for the rest see [`MissedTickBehavior`].
///
/// # Panics
///
/// If `period` is zero, or if there is no runtime on this thread.
///
/// # Examples
///
/// ```
/// use filch::time::{Duration, interval};
///
/// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let mut interval = interval(Duration::from_millis(2));
/// interval.tick().await; // at once
/// interval.tick().await;
/// interval.tick().await;
/// // About 4 ms have passed.
/// # });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    check_period(period);
    Interval::new(now_in_runtime(), period)
}

/// Ticks every `period`; the first tick comes at `start`.
///
/// # Panics
///
/// If `period` is zero, or if there is no runtime on this thread.
///
/// # Examples
///
/// ```
/// use filch::time::{Duration, Instant, interval_at};
///
/// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let start = Instant::now() + Duration::from_millis(3);
/// let mut interval = interval_at(start, Duration::from_millis(2));
/// assert_eq!(interval.tick().await, start);
/// # });
/// ```
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    check_period(period);
    check_runtime();
    Interval::new(start, period)
}

#[track_caller]
fn check_period(period: Duration) {
    assert!(!period.is_zero(), "`period` must be non-zero.");
}

/// What an [`Interval`] does when a tick comes too late, because the work between two ticks took
/// longer than a period or because the machine was busy.
///
/// With a period of 50 ms and work that takes 200 ms once:
///
/// ```text
/// expected:  |    1    |    2    |    3    |    4    |    5    |    6    |
/// Burst:     |    work                     | 2| 3| 4 |    5    |    6    |
/// Delay:     |    work                     | 2       |    3    |    4    |
/// Skip:      |    work                     | 2  |    5    |    6    |
/// ```
///
/// # Examples
///
/// ```
/// use filch::time::{Duration, MissedTickBehavior, interval};
///
/// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let mut interval = interval(Duration::from_millis(2));
/// interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTickBehavior {
    /// Ticks as fast as it can until it has caught up: the number of ticks is right in the end.
    #[default]
    Burst,
    /// Ticks late, and counts the next period from that moment: ticks are never closer than a
    /// period, and lie anywhere from then on. A tick that is less than 5 ms late does not count as
    /// missed.
    Delay,
    /// Ticks late, and then at the next multiple of the period: what was missed is left out, and
    /// ticks stay where they would have been. That is so from the first nanosecond on, also for
    /// periods below 5 ms.
    Skip,
}

impl MissedTickBehavior {
    /// When the tick after the one that was due at `due` and came at `now` is due.
    pub(super) fn next(self, due: Instant, now: Instant, period: Duration) -> Instant {
        let late = now.saturating_duration_since(due);
        match self {
            MissedTickBehavior::Burst => due.plus(period),
            MissedTickBehavior::Delay if late > LATENESS_ALLOWED => now.plus(period),
            MissedTickBehavior::Delay => due.plus(period),
            MissedTickBehavior::Skip => {
                let since_last = rest(late, period);
                now.plus(period).checked_sub(since_last).unwrap_or(now)
            }
        }
    }
}

/// `duration` modulo `period`.
fn rest(duration: Duration, period: Duration) -> Duration {
    if duration < period {
        return duration;
    }
    const NANOS_PER_SECOND: u128 = 1_000_000_000;
    let nanos = duration.as_nanos() % period.as_nanos();
    Duration::new((nanos / NANOS_PER_SECOND) as u64, (nanos % NANOS_PER_SECOND) as u32)
}

/// Ticks at a steady pace. Made by [`interval`] and [`interval_at`].
///
/// # Examples
///
/// ```
/// use filch::time::{Duration, Interval, interval};
///
/// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let mut interval: Interval = interval(Duration::from_millis(2));
/// interval.tick().await;
/// # });
/// ```
pub struct Interval {
    /// Waits for the tick to come. Boxed, so that an interval may be moved.
    delay: Pin<Box<Sleep>>,
    period: Duration,
    missed_tick_behavior: MissedTickBehavior,
}

impl Interval {
    fn new(start: Instant, period: Duration) -> Interval {
        Interval {
            delay: Box::pin(sleep_until(start)),
            period,
            missed_tick_behavior: MissedTickBehavior::default(),
        }
    }

    /// Waits for the next tick, and returns the moment for which it was set.
    ///
    /// # Cancel safety
    ///
    /// No tick is lost when the future is dropped: the next call waits for the same one.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, interval};
    ///
    /// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let mut interval = interval(Duration::from_millis(2));
    /// let first = interval.tick().await;
    /// let second = interval.tick().await;
    /// assert_eq!(second - first, Duration::from_millis(2));
    /// # });
    /// ```
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// Looks whether the next tick has come, and has the task woken when it comes.
    ///
    /// Only the task of the last call is woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, interval};
    /// use std::future::poll_fn;
    ///
    /// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let mut interval = interval(Duration::from_millis(2));
    /// poll_fn(|cx| interval.poll_tick(cx)).await;
    /// # });
    /// ```
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        ready!(self.delay.as_mut().poll(cx));
        let due = self.delay.deadline();
        // Who bursts has no use for the time, so it is not read.
        let now = match self.missed_tick_behavior {
            MissedTickBehavior::Burst => due,
            _ => Instant::now(),
        };
        self.delay.as_mut().reset(self.missed_tick_behavior.next(due, now, self.period));
        Poll::Ready(due)
    }

    /// Lets the next tick come a period from now.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, Instant, interval};
    ///
    /// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let mut interval = interval(Duration::from_millis(2));
    /// let start = Instant::now();
    /// interval.reset();
    /// assert!(interval.tick().await - start >= Duration::from_millis(2));
    /// # });
    /// ```
    pub fn reset(&mut self) {
        self.reset_after(self.period);
    }

    /// Lets the next tick come at once, and those after it a period apart.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, interval};
    ///
    /// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let mut interval = interval(Duration::from_secs(3600));
    /// interval.tick().await;
    /// interval.reset_immediately();
    /// interval.tick().await; // does not take an hour
    /// # });
    /// ```
    pub fn reset_immediately(&mut self) {
        self.reset_at(Instant::now());
    }

    /// Lets the next tick come `after` from now, and those after it a period apart.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, interval};
    ///
    /// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let mut interval = interval(Duration::from_secs(3600));
    /// interval.tick().await;
    /// interval.reset_after(Duration::from_millis(1));
    /// interval.tick().await;
    /// # });
    /// ```
    pub fn reset_after(&mut self, after: Duration) {
        self.reset_at(Instant::after(after));
    }

    /// Lets the next tick come at `deadline`, and those after it a period apart.
    ///
    /// A deadline that has passed is a tick missed, see [`MissedTickBehavior`].
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, Instant, interval};
    ///
    /// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let mut interval = interval(Duration::from_secs(3600));
    /// let deadline = Instant::now() + Duration::from_millis(1);
    /// interval.reset_at(deadline);
    /// assert_eq!(interval.tick().await, deadline);
    /// # });
    /// ```
    pub fn reset_at(&mut self, deadline: Instant) {
        self.delay.as_mut().reset(deadline);
    }

    /// What it does about missed ticks.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, MissedTickBehavior, interval};
    ///
    /// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let interval = interval(Duration::from_millis(2));
    /// assert_eq!(interval.missed_tick_behavior(), MissedTickBehavior::Burst);
    /// # });
    /// ```
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.missed_tick_behavior
    }

    /// Sets what it does about missed ticks, from the next one on.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, MissedTickBehavior, interval};
    ///
    /// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let mut interval = interval(Duration::from_millis(2));
    /// interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    /// # });
    /// ```
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.missed_tick_behavior = behavior;
    }

    /// The time between two ticks.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, interval};
    ///
    /// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// assert_eq!(interval(Duration::from_millis(2)).period(), Duration::from_millis(2));
    /// # });
    /// ```
    pub fn period(&self) -> Duration {
        self.period
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interval")
            .field("next", &self.delay.deadline())
            .field("period", &self.period)
            .field("missed_tick_behavior", &self.missed_tick_behavior)
            .finish()
    }
}
