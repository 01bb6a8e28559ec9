//! A moment on the clock of the runtime.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::time::{Duration, Instant as SystemInstant};

use crate::clock::{self, Clock};
use crate::runtime::context;

/// A moment on a clock that never goes back.
///
/// Like [`std::time::Instant`], into and from which it converts, but [`now`](Instant::now) asks
/// the clock of the runtime: with the time [paused](crate::time::pause) it stands still. Outside
/// of a runtime it is the system's time.
///
/// # Examples
///
/// ```
/// use filch::time::{Duration, Instant, sleep};
///
/// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let start = Instant::now();
/// sleep(Duration::from_millis(2)).await;
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// # });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(SystemInstant);

impl Instant {
    /// What time it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::Instant;
    ///
    /// assert!(Instant::now() <= Instant::now());
    /// ```
    pub fn now() -> Instant {
        Instant(context::with_clock(|clock| {
            clock.map_or_else(clock::system_instant, Clock::now_instant)
        }))
    }

    /// The same moment, from std's type.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::Instant;
    ///
    /// let now = std::time::Instant::now();
    /// assert_eq!(Instant::from_std(now).into_std(), now);
    /// ```
    pub const fn from_std(std: SystemInstant) -> Instant {
        Instant(std)
    }

    /// The same moment, as std's type.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::Instant;
    ///
    /// let std: std::time::Instant = Instant::now().into_std();
    /// ```
    pub const fn into_std(self) -> SystemInstant {
        self.0
    }

    /// The moment `delay` from now, or one that never comes.
    pub(crate) fn after(delay: Duration) -> Instant {
        Instant::now().plus(delay)
    }

    /// The moment `delay` after this one, or one that never comes.
    pub(crate) fn plus(self, delay: Duration) -> Instant {
        self.checked_add(delay).unwrap_or_else(|| Instant(clock::far_future(self.0)))
    }

    /// The time since `earlier`; zero if that is later.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, Instant};
    ///
    /// let now = Instant::now();
    /// let later = now + Duration::from_secs(1);
    /// assert_eq!(later.duration_since(now), Duration::from_secs(1));
    /// assert_eq!(now.duration_since(later), Duration::ZERO);
    /// ```
    pub fn duration_since(&self, earlier: Instant) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// The time since `earlier`; `None` if that is later.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, Instant};
    ///
    /// let now = Instant::now();
    /// let later = now + Duration::from_secs(1);
    /// assert_eq!(later.checked_duration_since(now), Some(Duration::from_secs(1)));
    /// assert_eq!(now.checked_duration_since(later), None);
    /// ```
    pub fn checked_duration_since(&self, earlier: Instant) -> Option<Duration> {
        self.0.checked_duration_since(earlier.0)
    }

    /// The time since `earlier`; zero if that is later.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, Instant};
    ///
    /// let now = Instant::now();
    /// assert_eq!(now.saturating_duration_since(now + Duration::from_secs(1)), Duration::ZERO);
    /// ```
    pub fn saturating_duration_since(&self, earlier: Instant) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// The time since this moment; zero if it has not come yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, Instant};
    ///
    /// let start = Instant::now();
    /// assert!(start.elapsed() < Duration::from_secs(3600));
    /// ```
    pub fn elapsed(&self) -> Duration {
        Instant::now().duration_since(*self)
    }

    /// The moment `duration` later; `None` if that cannot be expressed.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, Instant};
    ///
    /// assert!(Instant::now().checked_add(Duration::from_secs(1)).is_some());
    /// assert!(Instant::now().checked_add(Duration::MAX).is_none());
    /// ```
    pub fn checked_add(&self, duration: Duration) -> Option<Instant> {
        self.0.checked_add(duration).map(Instant)
    }

    /// The moment `duration` earlier; `None` if that cannot be expressed.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, Instant};
    ///
    /// let now = Instant::now();
    /// assert_eq!(now.checked_sub(Duration::ZERO), Some(now));
    /// ```
    pub fn checked_sub(&self, duration: Duration) -> Option<Instant> {
        self.0.checked_sub(duration).map(Instant)
    }
}

impl From<SystemInstant> for Instant {
    fn from(std: SystemInstant) -> Instant {
        Instant(std)
    }
}

impl From<Instant> for SystemInstant {
    fn from(instant: Instant) -> SystemInstant {
        instant.0
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// # Panics
    ///
    /// If the sum cannot be expressed; see [`Instant::checked_add`].
    #[track_caller]
    fn add(self, duration: Duration) -> Instant {
        Instant(self.0 + duration)
    }
}

impl AddAssign<Duration> for Instant {
    #[track_caller]
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// The time between the two; zero if `earlier` is later.
    fn sub(self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    /// # Panics
    ///
    /// If the difference cannot be expressed; see [`Instant::checked_sub`].
    #[track_caller]
    fn sub(self, duration: Duration) -> Instant {
        Instant(self.0 - duration)
    }
}

impl SubAssign<Duration> for Instant {
    #[track_caller]
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
