//! Backing off takes longer at each step, and comes to an end.
#![allow(missing_docs)]

use runtime_sync::contention::{Backoff, Padded};

#[test]
fn snoozing_comes_to_an_end_where_spinning_does_not() {
    let backoff = Backoff::new();
    for _ in 0..100 {
        backoff.spin();
        assert!(!backoff.is_completed());
    }
    let snoozes = (0..100).take_while(|_| {
        backoff.snooze();
        !backoff.is_completed()
    });
    assert_eq!(snoozes.count(), 3);
    assert!(backoff.is_completed());
}

#[test]
fn neighbours_share_no_cache_line() {
    let pair = [Padded::new(0u8), Padded::new(1)];
    assert_eq!(&raw const *pair[1] as usize - &raw const *pair[0] as usize, 128);
    assert_eq!(pair[1].into_inner(), 1);
}
