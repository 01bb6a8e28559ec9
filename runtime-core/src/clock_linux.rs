//! The system's monotonic clock as a number of nanoseconds, on the scale of std's instants.

use super::system_instant;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

const SECOND: u64 = 1_000_000_000;

/// Counts what that clock counts, from the same moment.
#[inline]
pub(super) fn now() -> u64 {
    let mut now = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: there is room for what is written.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, now.as_mut_ptr()) };
    // SAFETY: numbers, all zeros before; and the call cannot fail for this clock.
    let now = unsafe { now.assume_init() };
    (now.tv_sec as u64).wrapping_mul(SECOND).wrapping_add(now.tv_nsec as u64)
}

/// What time it is, with the number that stands for this instant and no other; or without, should
/// instants come to be something else than readings of that clock.
pub(super) fn begin() -> (Instant, Option<u64>) {
    let before = now();
    let instant = system_instant();
    let range = before..=now();
    (instant, number(instant).filter(|number| range.contains(number)))
}

/// An instant tells its number only by how far it is to the last one that can be expressed.
fn number(instant: Instant) -> Option<u64> {
    const END: Duration = Duration::new(i64::MAX as u64, SECOND as u32 - 1);
    let comes = |left| instant.checked_add(left).is_some();
    let secs = highest(64, |secs| comes(Duration::from_secs(secs)));
    let left = |nanos| Duration::new(secs, nanos as u32);
    let nanos = highest(30, |nanos| nanos < SECOND && comes(left(nanos)));
    u64::try_from(END.checked_sub(left(nanos))?.as_nanos()).ok()
}

/// The highest number of so many bits for which, as for all below, `holds` is true.
fn highest(bits: u32, holds: impl Fn(u64) -> bool) -> u64 {
    (0..bits).rev().map(|bit| 1 << bit).fold(0, |high, bit| match holds(high | bit) {
        true => high | bit,
        false => high,
    })
}
