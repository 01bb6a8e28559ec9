//! What time it is: the system's time, or a virtual one that stands still and jumps.
//!
//! Inside the runtime a moment is a count of nanoseconds since the clock's origin, so that wheels
//! and hints are plain integers. 2^62 of them are 146 years; what lies further away is [`NEVER`].
//!
//! Besides `clock_linux.rs`, this is the only file that reads the system's monotonic clock.

use std::fmt;
use std::time::{Duration, Instant};

use runtime_sync::primitives::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts nanoseconds as instants do: the difference of two of those takes longer than reading one.
#[cfg(all(target_os = "linux", not(miri)))]
#[expect(unsafe_code, reason = "the C library's clock has no safe binding that valgrind bears")]
#[path = "clock_linux.rs"]
mod count;

/// Elsewhere there are instants alone.
#[cfg(not(all(target_os = "linux", not(miri))))]
mod count {
    pub(super) fn now() -> u64 {
        0
    }

    pub(super) fn begin() -> (std::time::Instant, Option<u64>) {
        (super::system_instant(), None)
    }
}

/// A moment: nanoseconds since the origin of a [`Clock`].
pub type Nanos = u64;

/// The moment that does not come.
pub const NEVER: Nanos = Nanos::MAX;

/// The last moment that comes: a clock that would go beyond stays there.
pub const LATEST: Nanos = (1 << 62) - 1;

/// The system's monotonic clock, for those who ask outside of any runtime.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
#[inline]
pub fn system_instant() -> Instant {
    Instant::now()
}

/// The nanoseconds of `duration`, or the most that there are.
#[inline]
pub fn whole_nanos(duration: Duration) -> Nanos {
    duration
        .as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(Nanos::from(duration.subsec_nanos()))
}

/// The moment `delay` after `now`, or [`NEVER`] if it does not come.
#[inline]
pub fn after(now: Nanos, delay: Duration) -> Nanos {
    comes_or_never(now.saturating_add(whole_nanos(delay)))
}

fn comes_or_never(at: Nanos) -> Nanos {
    if at <= LATEST { at } else { NEVER }
}

/// A source of time that one runtime lives by.
///
/// A running clock is the system's plus a shift; the shift is zero unless the clock has been frozen
/// before. A frozen clock stands at a value until somebody moves it. No clock ever goes back, and
/// none goes beyond [`LATEST`].
pub struct Clock {
    origin: Instant,
    /// What [`count::now`] said at the origin.
    counted: Option<u64>,
    mode: AtomicU64,
}

/// How a [`Clock`] runs, in one word, so that reading the time takes one load.
///
/// With [`FROZEN`](Mode::FROZEN) set, the other 63 bits are the time at which the clock stands.
/// Without it they are the signed shift, in two's complement, between the system's time and ours.
#[derive(Clone, Copy)]
struct Mode(u64);

enum Run {
    Frozen(Nanos),
    Shifted(i64),
}

impl Mode {
    const FROZEN: u64 = 1 << 63;

    fn frozen(at: Nanos) -> Mode {
        Mode(at.min(LATEST) | Mode::FROZEN)
    }

    /// The difference of two times fits into 63 bits, because neither is beyond [`LATEST`].
    fn shifted(by: i64) -> Mode {
        Mode(by as u64 & !Mode::FROZEN)
    }

    #[inline]
    fn run(self) -> Run {
        if self.0 & Mode::FROZEN != 0 {
            Run::Frozen(self.0 & !Mode::FROZEN)
        } else {
            Run::Shifted((self.0 << 1) as i64 >> 1)
        }
    }
}

impl Clock {
    /// A clock that follows the system's.
    pub fn system() -> Clock {
        Clock::with(Mode::shifted(0))
    }

    /// A clock that stands still at its origin.
    pub fn paused() -> Clock {
        Clock::with(Mode::frozen(0))
    }

    fn with(mode: Mode) -> Clock {
        let (origin, counted) = count::begin();
        Clock { origin, counted, mode: AtomicU64::new(mode.0) }
    }

    /// The moment from which this clock counts.
    pub fn origin(&self) -> Instant {
        self.origin
    }

    /// The time on this clock.
    #[inline]
    pub fn now(&self) -> Nanos {
        // Relaxed: a time carries no other data along.
        match Mode(self.mode.load(Relaxed)).run() {
            Run::Frozen(at) => at,
            Run::Shifted(by) => self.running(by),
        }
    }

    /// The time on this clock as an instant: `instant(now())`, without the detour while it runs.
    #[inline]
    pub fn now_instant(&self) -> Instant {
        match Mode(self.mode.load(Relaxed)).run() {
            Run::Shifted(0) => system_instant(),
            _ => self.instant(self.now()),
        }
    }

    /// The time on a clock that runs.
    #[inline]
    fn running(&self, shift: i64) -> Nanos {
        (self.elapsed() as i64).saturating_add(shift).clamp(0, LATEST as i64) as Nanos
    }

    /// What the system's clock has counted since the origin.
    #[inline]
    fn elapsed(&self) -> Nanos {
        let elapsed = match self.counted {
            Some(counted) => count::now().saturating_sub(counted),
            None => whole_nanos(system_instant().saturating_duration_since(self.origin)),
        };
        elapsed.min(LATEST)
    }

    /// The instant that is `at` nanoseconds after the origin.
    ///
    /// Where the platform cannot express it, the latest round one that it can.
    pub fn instant(&self, at: Nanos) -> Instant {
        self.origin.checked_add(Duration::from_nanos(at)).unwrap_or_else(|| far_future(self.origin))
    }

    /// The nanoseconds from the origin to `instant`: 0 if it lies before, [`NEVER`] if it lies
    /// beyond [`LATEST`].
    #[inline]
    pub fn nanos(&self, instant: Instant) -> Nanos {
        comes_or_never(whole_nanos(instant.saturating_duration_since(self.origin)))
    }

    /// Whether the clock stands still.
    pub fn is_paused(&self) -> bool {
        matches!(Mode(self.mode.load(Relaxed)).run(), Run::Frozen(_))
    }

    /// Stops the clock where it is. Says `false` if it stood still already.
    pub fn pause(&self) -> bool {
        self.change(|run| match run {
            Run::Frozen(_) => None,
            Run::Shifted(by) => Some(Mode::frozen(self.running(by))),
        })
    }

    /// Lets the clock run on from where it stands. Says `false` if it was running.
    pub fn resume(&self) -> bool {
        self.change(|run| match run {
            Run::Frozen(at) => Some(Mode::shifted(at as i64 - self.elapsed() as i64)),
            Run::Shifted(_) => None,
        })
    }

    /// Moves a clock that stands still forward by `by`. Says `false` if it was running.
    pub fn advance(&self, by: Duration) -> bool {
        self.change(|run| match run {
            Run::Frozen(at) => Some(Mode::frozen(at.saturating_add(whole_nanos(by)))),
            Run::Shifted(_) => None,
        })
    }

    /// Moves a clock that stands still forward to `at`, never back. Says `false` if it was running.
    pub fn jump_to(&self, at: Nanos) -> bool {
        self.change(|run| match run {
            Run::Frozen(from) => Some(Mode::frozen(from.max(at))),
            Run::Shifted(_) => None,
        })
    }

    /// Puts what `next` makes of the present mode in its place, unless `next` refuses.
    fn change(&self, next: impl Fn(Run) -> Option<Mode>) -> bool {
        self.mode
            .fetch_update(Relaxed, Relaxed, |word| next(Mode(word).run()).map(|mode| mode.0))
            .is_ok()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock")
            .field("now", &Duration::from_nanos(self.now()))
            .field("paused", &self.is_paused())
            .finish()
    }
}

/// An instant so far after `from` that every [`Clock`] calls it [`NEVER`], where the platform has
/// such instants; else the latest round one that it has.
pub fn far_future(from: Instant) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    [1000, 500, 250, 100, 30, 1]
        .into_iter()
        .find_map(|years| from.checked_add(YEAR * years))
        .unwrap_or(from)
}

#[cfg(all(test, not(filch_loom)))]
#[path = "clock_tests.rs"]
mod tests;
