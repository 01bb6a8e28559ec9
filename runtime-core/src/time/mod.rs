//! Waiting for time to pass: sleeping, ticking, and giving up on what takes too long.
//!
//! | to | use |
//! |---|---|
//! | wait for a while | [`sleep`], [`sleep_until`] |
//! | do something again and again | [`interval`], [`interval_at`] |
//! | give up on a future | [`timeout`], [`timeout_at`] |
//! | know what time it is | [`Instant`] |
//! | test all that without waiting | [`pause`], [`advance`], [`resume`] |
//!
//! # Precision
//!
//! Deadlines are kept to the nanosecond, and no timer is ever early. On an idle machine it is some
//! 20 to 100 µs late, which is what the system needs to wake a thread; a worker that is busy fires
//! its timers when it looks up from its tasks, every few hundred microseconds, and when one poll
//! keeps it for longer another worker does it.
//!
//! Any [`Duration`] will do, [`Duration::MAX`] too. What lies more than 146 years after the start
//! of the runtime never comes.
//!
//! # Virtual time
//!
//! On a current-thread runtime the clock can be stopped, by [`pause`] or by
//! `#[filch::test(start_paused = true)]`. It then stands still while tasks run, and when all of
//! them wait it jumps to the earliest deadline at once. A test of an hour's time-outs takes no
//! time, and all that it measures is exact and the same in every run.
//!
//! ```
//! use filch::time::{self, Duration, Instant};
//!
//! # filch::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
//! let start = Instant::now();
//! time::sleep(Duration::from_secs(3600)).await;
//! assert_eq!(start.elapsed(), Duration::from_secs(3600));
//! # });
//! ```
//!
//! # Shutdown
//!
//! The tasks of a runtime that shuts down are dropped, and their timers with them. A timer that
//! survives elsewhere, because another runtime polls it, is woken once, and panics when it is
//! polled again: its time would never come.

pub mod error;
mod instant;
mod interval;
#[expect(unsafe_code, reason = "a Sleep keeps its timer's entry pinned, and takes it back on drop")]
mod sleep;
mod stopped;
mod timeout;

pub use std::time::Duration;

pub use instant::Instant;
pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
pub use sleep::{Sleep, sleep, sleep_until};
pub use stopped::{advance, pause, resume};
pub(crate) use timeout::poll_given_up;
pub use timeout::{Timeout, timeout, timeout_at, wait_for};

#[cfg(all(test, not(filch_loom)))]
mod tests;
