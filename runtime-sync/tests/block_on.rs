//! The smallest executor.
#![allow(clippy::disallowed_methods, missing_docs)]

use std::future::poll_fn;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use runtime_sync::block_on;
use runtime_sync::block_on::block_on_for;
use runtime_sync::budget::{self, consume_budget, has_budget_remaining};

#[test]
fn a_ready_future_is_polled_once() {
    let mut polls = 0;
    block_on(poll_fn(|_| {
        polls += 1;
        Poll::Ready(())
    }));
    assert_eq!(polls, 1);
}

#[test]
fn a_wake_during_the_poll_is_not_lost() {
    let mut polls = 0;
    block_on(poll_fn(|cx| {
        polls += 1;
        if polls == 100 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    assert_eq!(polls, 100);
}

#[test]
fn stray_unparks_do_not_poll() {
    let polls = AtomicU32::new(0);
    let (to_thread, wakers) = mpsc::channel::<(thread::Thread, Waker)>();
    thread::scope(|scope| {
        let polls = &polls;
        scope.spawn(move || {
            let (sleeper, waker) = wakers.recv().unwrap();
            for _ in 0..100 {
                sleeper.unpark();
                thread::yield_now();
            }
            assert_eq!(polls.load(Ordering::SeqCst), 1);
            waker.wake();
        });
        block_on(poll_fn(|cx| {
            if polls.fetch_add(1, Ordering::SeqCst) == 1 {
                return Poll::Ready(());
            }
            to_thread.send((thread::current(), cx.waker().clone())).unwrap();
            Poll::Pending
        }));
    });
    assert_eq!(polls.into_inner(), 2);
}

#[test]
fn a_future_that_unparks_its_own_thread_goes_on_waiting() {
    let mut polls = 0;
    block_on(poll_fn(|cx| {
        polls += 1;
        if polls == 2 {
            return Poll::Ready(());
        }
        thread::current().unpark();
        let waker = cx.waker().clone();
        thread::spawn(move || waker.wake());
        Poll::Pending
    }));
    assert_eq!(polls, 2);
}

#[test]
fn a_limit_ends_the_wait_and_a_ready_future_needs_no_time() {
    assert_eq!(block_on_for(async { 1 }, Duration::ZERO), Some(1));
    let mut polls = 0;
    let never = poll_fn(|_| {
        polls += 1;
        Poll::<()>::Pending
    });
    assert_eq!(block_on_for(never, Duration::from_millis(1)), None);
    assert_eq!(polls, 1);
    // One that is woken in time gives its output, also at the end of all times.
    for limit in [Duration::from_secs(60), Duration::MAX] {
        let (sender, receiver) = runtime_sync::channel::oneshot::channel();
        let other = thread::spawn(move || sender.send(2));
        assert_eq!(block_on_for(receiver, limit), Some(Ok(2)));
        other.join().unwrap().unwrap();
    }
}

#[test]
fn a_waker_may_outlive_the_call() {
    let mut kept = None;
    block_on(poll_fn(|cx| {
        kept = Some(cx.waker().clone());
        Poll::Ready(())
    }));
    kept.unwrap().wake();
    assert_eq!(block_on(async { 1 }), 1);
}

#[test]
fn calls_may_be_nested() {
    assert_eq!(block_on(async { block_on(async { 1 }) + 1 }), 2);
}

#[test]
fn the_budget_of_the_caller_does_not_apply_inside_and_is_left_alone() {
    budget::refill();
    while has_budget_remaining() {
        let mut cx = std::task::Context::from_waker(Waker::noop());
        if let Poll::Ready(coop) = budget::poll_proceed(&mut cx) {
            coop.made_progress();
        }
    }
    block_on(async {
        for _ in 0..1_000 {
            consume_budget().await;
        }
    });
    assert!(!has_budget_remaining());
}
