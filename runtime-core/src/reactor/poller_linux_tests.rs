//! What the poller promises of time, wake-ups and descriptors.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;

fn descriptors(poller: &Poller) -> [RawFd; 2] {
    [poller.epoll.as_raw_fd(), poller.alarm.as_raw_fd()]
}

#[test]
fn a_wait_is_never_shorter_than_asked_and_never_spins() {
    for coarse in [false, true] {
        let poller = Poller::new().unwrap();
        poller.coarse.store(coarse, Ordering::Relaxed);
        let mut events = Events::new();
        for micros in [1, 50, 300, 900, 1_000, 1_001, 2_500] {
            let timeout = Duration::from_micros(micros);
            let start = Instant::now();
            poller.wait(&mut events, Some(timeout)).unwrap();
            assert!(start.elapsed() >= timeout, "{timeout:?}, coarse: {coarse}");
            assert!(events.is_empty());
        }
    }
}

#[test]
fn no_timeout_is_too_long() {
    for coarse in [false, true] {
        let poller = Poller::new().unwrap();
        poller.coarse.store(coarse, Ordering::Relaxed);
        poller.wake().unwrap();
        for timeout in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_secs(1 << 40)]
        {
            poller.wake().unwrap();
            poller.wait(&mut Events::new(), Some(timeout)).unwrap();
        }
    }
}

#[test]
fn milliseconds_are_rounded_up() {
    for (nanos, millis) in [(0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2)] {
        assert_eq!(whole_millis(Duration::from_nanos(nanos)), millis);
    }
    assert_eq!(whole_millis(Duration::MAX), libc::c_int::MAX);
}

#[test]
fn a_wake_ends_the_present_wait_or_the_next() {
    let poller = Arc::new(Poller::new().unwrap());
    let mut events = Events::new();
    for _ in 0..3 {
        poller.wake().unwrap();
        poller.wake().unwrap();
        poller.wait(&mut events, None).unwrap();
        assert!(events.is_empty());
    }
    // Both wakes of a round are one edge: nothing of them is left.
    let start = Instant::now();
    poller.wait(&mut events, Some(Duration::from_millis(5))).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(5));

    let waking = poller.clone();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(10));
        waking.wake().unwrap();
    });
    poller.wait(&mut events, None).unwrap();
    thread.join().unwrap();
}

#[test]
fn a_glance_beside_a_wait_leaves_it_its_wake_and_takes_events() {
    let poller = Arc::new(Poller::new().unwrap());
    let mut events = Events::new();
    poller.wake().unwrap();
    poller.glance_beside(&mut events).unwrap();
    assert!(events.is_empty());
    poller.wait(&mut events, None).unwrap();

    let over = Arc::new(AtomicBool::new(false));
    let glancing = (poller.clone(), over.clone());
    let thread = std::thread::spawn(move || {
        let (poller, over) = glancing;
        while !over.load(Ordering::SeqCst) {
            poller.glance_beside(&mut Events::new()).unwrap();
        }
    });
    for _ in 0..1_000 {
        poller.wake().unwrap();
        poller.wait(&mut events, None).unwrap();
    }
    over.store(true, Ordering::SeqCst);
    thread.join().unwrap();

    let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
    poller.add(near.as_raw_fd(), 7, Interest::READABLE).unwrap();
    rustix::io::write(&far, b"x").unwrap();
    poller.wake().unwrap();
    poller.glance_beside(&mut events).unwrap();
    let found: Vec<_> = events.iter().map(|event| (event.token, event.ready)).collect();
    assert_eq!(found, [(7, Ready::READABLE)]);
}

#[test]
fn a_wake_succeeds_although_the_counter_is_full() {
    let poller = Poller::new().unwrap();
    rustix::io::write(&poller.alarm, &(u64::MAX - 1).to_ne_bytes()).unwrap();
    poller.wait(&mut Events::new(), Some(Duration::ZERO)).unwrap();
    poller.wake().unwrap();
    poller.wait(&mut Events::new(), None).unwrap();
}

#[test]
fn no_descriptor_is_inherited() {
    let poller = Poller::new().unwrap();
    for descriptor in descriptors(&poller) {
        let flags = std::fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}")).unwrap();
        let flags = flags.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
        let flags = i32::from_str_radix(flags, 8).unwrap();
        assert_ne!(flags & libc::O_CLOEXEC, 0);
    }
}

#[test]
fn errors_and_hang_ups_are_worth_a_try_in_both_directions() {
    for flag in [libc::EPOLLERR, libc::EPOLLHUP] {
        assert!(ready(flag).is_readable() && ready(flag).is_writable());
    }
    assert!(ready(libc::EPOLLRDHUP).is_read_closed());
    assert!(!ready(libc::EPOLLRDHUP).is_writable());
    assert!(!ready(libc::EPOLLERR).is_write_closed(), "a datagram socket goes on after an error");
}

#[test]
fn a_wait_brings_no_more_events_than_there_is_room_for() {
    let poller = Poller::new().unwrap();
    let pairs: Vec<_> = (0..5).map(|_| std::os::unix::net::UnixStream::pair().unwrap()).collect();
    for (token, (one, _)) in (0..).zip(&pairs) {
        poller.add(one.as_raw_fd(), token, Interest::WRITABLE).unwrap();
    }
    let mut events = Events::new();
    let mut seen = Vec::new();
    for (room, count) in [(2, 2), (0, 1), (9, 2), (9, 0)] {
        events.set_room(room);
        poller.wait(&mut events, Some(Duration::ZERO)).unwrap();
        assert_eq!(events.len(), count);
        seen.extend(events.iter().map(|event| event.token));
    }
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2, 3, 4], "what was left behind comes with the next waits");
}
