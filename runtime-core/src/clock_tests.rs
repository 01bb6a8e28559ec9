//! What a clock promises.
#![allow(clippy::disallowed_methods)]

use std::time::{Duration, Instant};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const SECOND_NANOS: Nanos = 1_000_000_000;

#[test]
fn a_system_clock_follows_the_system() {
    let clock = Clock::system();
    let before = Instant::now();
    let now = clock.now_instant();
    let after = Instant::now();
    assert!(before <= now && now <= after);
    assert!(clock.nanos(now) <= clock.now());
    assert!(!clock.is_paused());
}

/// What is counted without instants is what instants say, to the nanosecond.
#[cfg(all(target_os = "linux", not(miri)))]
#[test]
fn a_count_is_that_of_instants() {
    for _ in 0..100 {
        let clock = Clock::system();
        assert!(clock.counted.is_some());
        let before = clock.nanos(Instant::now());
        let now = clock.now();
        assert!((before..=clock.nanos(Instant::now())).contains(&now));
    }
}

#[test]
fn a_paused_clock_stands_still_at_its_origin() {
    let clock = Clock::paused();
    assert!(clock.is_paused());
    assert_eq!(clock.now(), 0);
    assert_eq!(clock.now_instant(), clock.origin());
    std::hint::black_box(Instant::now());
    assert_eq!(clock.now(), 0);
}

#[test]
fn advance_and_jump_are_exact_and_never_go_back() {
    let clock = Clock::paused();
    assert!(clock.advance(Duration::from_nanos(3)));
    assert_eq!(clock.now(), 3);
    assert!(clock.jump_to(SECOND_NANOS));
    assert_eq!(clock.now(), SECOND_NANOS);
    assert!(clock.jump_to(5));
    assert_eq!(clock.now(), SECOND_NANOS);
    assert_eq!(clock.now_instant(), clock.origin() + SECOND);
}

#[test]
fn only_a_clock_that_stands_still_is_moved() {
    let clock = Clock::system();
    assert!(!clock.advance(SECOND));
    assert!(!clock.jump_to(NEVER));
    assert!(!clock.resume());
    assert!(clock.now() < SECOND_NANOS);
    assert!(clock.pause());
    assert!(!clock.pause());
    assert!(clock.advance(SECOND));
}

#[test]
fn a_resumed_clock_goes_on_from_where_it_stood() {
    let clock = Clock::paused();
    clock.advance(1000 * SECOND);
    assert!(clock.resume());
    let ahead = clock.now();
    assert!((1000 * SECOND_NANOS..1010 * SECOND_NANOS).contains(&ahead));
    assert!(clock.pause());
    let stands = clock.now();
    assert!(stands >= ahead);
    assert_eq!(clock.now(), stands);
    assert!(clock.resume());
    assert!(clock.now() >= stands);
}

#[test]
fn a_clock_at_the_end_of_time_stays_there() {
    let clock = Clock::paused();
    clock.advance(Duration::MAX);
    assert_eq!(clock.now(), LATEST);
    clock.advance(Duration::MAX);
    clock.jump_to(NEVER);
    assert_eq!(clock.now(), LATEST);
    clock.resume();
    assert_eq!(clock.now(), LATEST);
    clock.pause();
    assert_eq!(clock.now(), LATEST);
}

#[test]
fn instants_and_nanoseconds_convert_both_ways() {
    let clock = Clock::system();
    for at in [0, 1, 999_999_999, SECOND_NANOS, 1 << 60, LATEST] {
        assert_eq!(clock.nanos(clock.instant(at)), at);
    }
}

#[test]
fn what_is_out_of_range_saturates() {
    let clock = Clock::system();
    assert_eq!(clock.nanos(clock.origin() - SECOND), 0);
    assert_eq!(clock.nanos(clock.instant(LATEST) + Duration::from_nanos(1)), NEVER);
    assert_eq!(clock.nanos(clock.instant(NEVER)), NEVER);
    assert_eq!(clock.nanos(far_future(clock.origin())), NEVER);
    assert_eq!(after(LATEST, Duration::ZERO), LATEST);
    assert_eq!(after(LATEST, Duration::from_nanos(1)), NEVER);
    assert_eq!(after(0, Duration::MAX), NEVER);
    assert_eq!(after(NEVER, SECOND), NEVER);
    assert_eq!(after(5, SECOND), SECOND_NANOS + 5);
}
