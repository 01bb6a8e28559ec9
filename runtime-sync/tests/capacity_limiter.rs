//! `CapacityLimiter`, promise by promise.
#![allow(clippy::disallowed_methods, missing_docs)]

mod support;

use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::thread;

use runtime_sync::block_on;
use runtime_sync::lock::{
    BorrowError, CapacityLimiter, CapacityToken, OwnedCapacityToken, TryAcquireError,
};
use support::{Count, Event, hooked};

fn poll<F: Future>(future: Pin<&mut F>, task: &Arc<Count>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&task.waker()))
}

/// Total, borrowed, available.
fn counts(limiter: &CapacityLimiter) -> (usize, usize, usize) {
    (limiter.total_tokens(), limiter.borrowed_tokens(), limiter.available_tokens())
}

#[test]
fn types_are_thread_safe() {
    fn all<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}
    all::<CapacityLimiter>();
    all::<CapacityToken<'_>>();
    all::<OwnedCapacityToken>();
    all::<BorrowError>();
    fn sent<T: Send + Sync>(_: T) {}
    let limiter = Arc::new(CapacityLimiter::new(1));
    sent(limiter.acquire());
    sent(limiter.acquire_on_behalf_of(1));
    sent(limiter.clone().acquire_owned());
    sent(limiter.clone().acquire_owned_on_behalf_of(1));
    assert!(size_of::<CapacityLimiter>() <= 96, "{}", size_of::<CapacityLimiter>());
}

#[test]
fn first_come_first_served() {
    let limiter = CapacityLimiter::new(1);
    let held = limiter.try_acquire().unwrap();
    let tasks = [Count::new(), Count::new()];
    let mut first = pin!(limiter.acquire());
    let mut second = pin!(limiter.acquire_on_behalf_of(7));
    assert!(poll(first.as_mut(), &tasks[0]).is_pending());
    assert!(poll(second.as_mut(), &tasks[1]).is_pending());
    assert_eq!(limiter.stats().waiters, 2);
    drop(held);
    assert_eq!((tasks[0].get(), tasks[1].get()), (1, 0));
    assert!(poll(first, &tasks[0]).is_ready());
    assert_eq!(tasks[1].get(), 1);
    assert!(poll(second, &tasks[1]).is_ready());
}

#[test]
fn more_tokens_go_to_those_who_wait() {
    let limiter = CapacityLimiter::new(0);
    let tasks: Vec<_> = (0..40).map(|_| Count::new()).collect();
    let mut waits: Vec<_> = tasks.iter().map(|_| Box::pin(limiter.acquire())).collect();
    for (acquire, task) in waits.iter_mut().zip(&tasks) {
        assert!(poll(acquire.as_mut(), task).is_pending());
    }
    limiter.set_total_tokens(39);
    let mut held = Vec::new();
    for (acquire, task) in waits.iter_mut().zip(&tasks).take(39) {
        assert_eq!(task.get(), 1);
        let Poll::Ready(token) = poll(acquire.as_mut(), task) else { panic!("there are enough") };
        held.push(token);
    }
    assert_eq!(tasks[39].get(), 0);
    assert_eq!(counts(&limiter), (39, 39, 0));
}

#[test]
fn fewer_tokens_than_are_out_come_down_as_they_come_back() {
    let limiter = CapacityLimiter::new(3);
    let mut held: Vec<_> = (0..3).map(|_| limiter.try_acquire().unwrap()).collect();
    let task = Count::new();
    let mut waits = pin!(limiter.acquire());
    assert!(poll(waits.as_mut(), &task).is_pending());
    limiter.set_total_tokens(1);
    assert_eq!(counts(&limiter), (1, 3, 0));
    held.pop();
    assert_eq!(counts(&limiter), (1, 2, 0));
    held.pop();
    assert_eq!((counts(&limiter), task.get()), ((1, 1, 0), 0));
    held.pop();
    assert_eq!((counts(&limiter), task.get()), ((1, 0, 1), 1));
    assert!(poll(waits, &task).is_ready());
}

#[test]
fn more_tokens_waive_the_debt_first() {
    let limiter = CapacityLimiter::new(4);
    let held: Vec<_> = (0..4).map(|_| limiter.try_acquire().unwrap()).collect();
    limiter.set_total_tokens(1);
    limiter.set_total_tokens(3);
    assert_eq!(counts(&limiter), (3, 4, 0));
    limiter.set_total_tokens(5);
    assert_eq!(counts(&limiter), (5, 4, 1));
    drop(held);
    assert_eq!(counts(&limiter), (5, 0, 5));
    limiter.set_total_tokens(0);
    assert_eq!(counts(&limiter), (0, 0, 0));
}

#[test]
fn a_token_that_was_handed_over_and_not_taken_pays_debt_too() {
    let limiter = CapacityLimiter::new(1);
    let held = limiter.try_acquire().unwrap();
    let task = Count::new();
    let mut waits = Box::pin(limiter.acquire());
    assert!(poll(waits.as_mut(), &task).is_pending());
    drop(held);
    let barged = limiter.try_acquire().unwrap();
    assert!(poll(waits.as_mut(), &task).is_pending());
    drop(barged);
    // It has the token and does not know.
    assert_eq!(counts(&limiter), (1, 1, 0));
    limiter.set_total_tokens(0);
    drop(waits);
    assert_eq!(counts(&limiter), (0, 0, 0));
    limiter.set_total_tokens(1);
    assert_eq!(counts(&limiter), (1, 0, 1));
}

#[test]
fn a_borrower_is_refused_a_second_token_until_the_first_is_back() {
    let limiter = Arc::new(CapacityLimiter::new(3));
    let token = limiter.try_acquire_on_behalf_of(7).unwrap();
    let refused = block_on(limiter.acquire_on_behalf_of(7)).unwrap_err();
    assert_eq!(refused, BorrowError::AlreadyBorrowed);
    assert!(block_on(limiter.clone().acquire_owned_on_behalf_of(7)).is_err());
    let refused = limiter.try_acquire_on_behalf_of(7).unwrap_err();
    assert_eq!(refused, BorrowError::AlreadyBorrowed);
    let other = block_on(limiter.clone().acquire_owned_on_behalf_of(3)).unwrap();
    assert_eq!(limiter.borrowers(), [3, 7]);
    assert_eq!((token.borrower(), other.borrower()), (Some(7), Some(3)));
    drop((token, other));
    assert_eq!(limiter.borrowers(), []);
    assert!(block_on(limiter.acquire_on_behalf_of(7)).is_ok());
    assert_eq!(counts(&limiter), (3, 0, 3));
}

#[test]
fn a_borrower_that_waits_is_known_and_one_that_gives_up_is_not() {
    let limiter = CapacityLimiter::new(0);
    let mut waits = Box::pin(limiter.acquire_on_behalf_of(7));
    assert!(poll(waits.as_mut(), &Count::new()).is_pending());
    let refused = limiter.try_acquire_on_behalf_of(7).unwrap_err();
    assert_eq!(refused, BorrowError::AlreadyBorrowed);
    drop(waits);
    let refused = limiter.try_acquire_on_behalf_of(7).unwrap_err();
    assert_eq!(refused, BorrowError::WouldBlock);
    assert_eq!(limiter.borrowers(), []);
}

#[test]
fn what_is_asked_for_in_vain_leaves_nothing_behind() {
    let limiter = Arc::new(CapacityLimiter::new(0));
    assert_eq!(limiter.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    assert!(limiter.clone().try_acquire_owned().is_err());
    assert_eq!((counts(&limiter), Arc::strong_count(&limiter)), ((0, 0, 0), 1));
}

#[test]
fn a_leaked_token_stays_borrowed_and_more_tokens_make_up_for_it() {
    let limiter = CapacityLimiter::new(1);
    std::mem::forget(limiter.try_acquire_on_behalf_of(7).unwrap());
    assert_eq!((counts(&limiter), limiter.borrowers()), ((1, 1, 0), vec![7]));
    limiter.set_total_tokens(2);
    assert!(limiter.try_acquire().is_ok());
}

#[test]
fn more_than_the_maximum_is_refused_and_changes_nothing() {
    let limiter = CapacityLimiter::new(CapacityLimiter::MAX_TOKENS);
    let raised = catch_unwind(|| limiter.set_total_tokens(CapacityLimiter::MAX_TOKENS + 1));
    assert!(raised.is_err());
    assert_eq!(limiter.available_tokens(), CapacityLimiter::MAX_TOKENS);
    let _token = limiter.try_acquire().unwrap();
    limiter.set_total_tokens(0);
    limiter.set_total_tokens(CapacityLimiter::MAX_TOKENS);
    assert_eq!(limiter.borrowed_tokens(), 1);
}

#[test]
fn a_waker_may_panic_or_resize() {
    let limiter = Arc::new(CapacityLimiter::new(0));
    let waker = hooked({
        let limiter = limiter.clone();
        move |event| {
            if event == Event::Wake {
                limiter.set_total_tokens(5);
                panic!("a bad waker");
            }
        }
    });
    let mut waits = Box::pin(limiter.acquire());
    assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| limiter.set_total_tokens(1))).is_err());
    assert_eq!(counts(&limiter), (5, 0, 5));
    drop(block_on(waits));
    assert_eq!(counts(&limiter), (5, 0, 5));
}

#[test]
fn threads_that_borrow_while_the_number_changes_lose_no_token() {
    const ROUNDS: usize = 2_000;
    let limiter = CapacityLimiter::new(3);
    let inside = AtomicUsize::new(0);
    thread::scope(|scope| {
        for number in 0..3u64 {
            let (limiter, inside) = (&limiter, &inside);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    if round % 5 == 0 {
                        let mut waits = pin!(limiter.acquire());
                        let _ = poll(waits.as_mut(), &Count::new());
                        continue;
                    }
                    let token = block_on(limiter.acquire_on_behalf_of(number)).unwrap();
                    assert!(inside.fetch_add(1, Ordering::SeqCst) < 3);
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(token);
                }
            });
        }
        for round in 0..ROUNDS {
            limiter.set_total_tokens(1 + round % 3);
            thread::yield_now();
        }
        limiter.set_total_tokens(2);
    });
    assert_eq!((counts(&limiter), limiter.borrowers()), ((2, 0, 2), vec![]));
}

#[test]
fn a_waker_that_lowers_the_number_and_panics_leaves_no_token_too_many() {
    let limiter = Arc::new(CapacityLimiter::new(1));
    let held = limiter.try_acquire().unwrap();
    let waker = hooked({
        let limiter = limiter.clone();
        move |event| {
            if event == Event::Wake {
                limiter.set_total_tokens(0);
                panic!("a bad waker");
            }
        }
    });
    let mut waits = Box::pin(limiter.acquire());
    assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(held))).is_err());
    assert_eq!(counts(&limiter), (0, 0, 0));
    drop(waits);
    assert!(limiter.try_acquire().is_err());
}
