//! A limiter whose number changes under every interleaving: no token is lost, none is made up, and
//! debt does not stay beside free tokens.
//!
//! The twins make one mistake in a small copy of the step, and must fail.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use std::pin::pin;
use std::sync::Arc;

use loom::future::block_on;
use loom::sync::atomic::{AtomicUsize, Ordering, fence};
use loom::thread;
use runtime_sync::lock::CapacityLimiter;
use runtime_sync::lock::permits::Permits;
use support_loom::Task;

/// Total, borrowed, available.
fn counts(limiter: &CapacityLimiter) -> (usize, usize, usize) {
    (limiter.total_tokens(), limiter.borrowed_tokens(), limiter.available_tokens())
}

#[test]
fn a_token_that_comes_back_while_the_number_is_lowered_pays() {
    loom::model(|| {
        let limiter = Arc::new(CapacityLimiter::new(1));
        let token = limiter.clone().try_acquire_owned().unwrap();
        let thread = thread::spawn(move || drop(token));
        limiter.set_total_tokens(0);
        thread.join().unwrap();
        assert_eq!(counts(&limiter), (0, 0, 0));
        limiter.set_total_tokens(1);
        assert_eq!(counts(&limiter), (1, 0, 1));
    });
}

#[test]
fn two_tokens_that_come_back_pay_a_debt_of_one_once() {
    loom::model(|| {
        let limiter = Arc::new(CapacityLimiter::new(2));
        let first = limiter.clone().try_acquire_owned().unwrap();
        let second = limiter.clone().try_acquire_owned().unwrap();
        let thread = thread::spawn(move || drop(first));
        let other = thread::spawn(move || drop(second));
        limiter.set_total_tokens(1);
        thread.join().unwrap();
        other.join().unwrap();
        assert_eq!(counts(&limiter), (1, 0, 1));
    });
}

#[test]
fn raising_and_lowering_at_once_end_with_what_was_said_last() {
    loom::model(|| {
        let limiter = Arc::new(CapacityLimiter::new(1));
        let _token = limiter.try_acquire().unwrap();
        let thread = thread::spawn({
            let limiter = limiter.clone();
            move || limiter.set_total_tokens(3)
        });
        limiter.set_total_tokens(0);
        thread.join().unwrap();
        let (total, borrowed, available) = counts(&limiter);
        assert!(total == 3 || total == 0);
        assert_eq!((borrowed, available), (1, total.saturating_sub(1)));
    });
}

#[test]
fn one_who_gives_up_while_the_number_is_lowered_pays_with_what_it_was_given() {
    loom::model(|| {
        let limiter = Arc::new(CapacityLimiter::new(1));
        let task = Task::new();
        let held = limiter.try_acquire().unwrap();
        let mut waits = Box::pin(limiter.acquire());
        assert!(task.with_context(|cx| waits.as_mut().poll(cx)).is_pending());
        drop(held);
        // The door is closed by one who barged, and the token is handed over.
        let barged = limiter.try_acquire().unwrap();
        assert!(task.with_context(|cx| waits.as_mut().poll(cx)).is_pending());
        drop(barged);
        let thread = thread::spawn({
            let limiter = limiter.clone();
            move || limiter.set_total_tokens(0)
        });
        drop(waits);
        thread.join().unwrap();
        assert_eq!(counts(&limiter), (0, 0, 0));
    });
}

#[test]
fn one_who_waits_is_served_by_a_raise_or_by_a_token_that_comes_back() {
    loom::model(|| {
        let limiter = Arc::new(CapacityLimiter::new(1));
        let token = limiter.clone().try_acquire_owned().unwrap();
        let thread = thread::spawn({
            let limiter = limiter.clone();
            move || {
                limiter.set_total_tokens(0);
                drop(token);
                limiter.set_total_tokens(1);
            }
        });
        drop(block_on(limiter.acquire()));
        thread.join().unwrap();
        assert_eq!(counts(&limiter), (1, 0, 1));
    });
}

#[test]
fn a_borrower_gets_one_token_however_often_it_asks() {
    loom::model(|| {
        let limiter = Arc::new(CapacityLimiter::new(2));
        let thread = thread::spawn({
            let limiter = limiter.clone();
            move || limiter.try_acquire_on_behalf_of(7).map(std::mem::forget).is_ok()
        });
        let got = limiter.try_acquire_on_behalf_of(7).map(std::mem::forget).is_ok();
        assert_eq!(usize::from(got) + usize::from(thread.join().unwrap()), 1);
        assert_eq!(limiter.available_tokens(), 1);
    });
}

/// The step of a token that comes back, against the one that makes debt: a copy without the lock.
fn debt_against_a_token(looks_again: bool, fences: bool) {
    loom::model(move || {
        let shared = Arc::new((Permits::new(0), AtomicUsize::new(0)));
        let thread = thread::spawn({
            let shared = shared.clone();
            move || {
                shared.1.store(1, Ordering::Relaxed);
                if fences {
                    fence(Ordering::SeqCst);
                }
                shared.0.forget(1)
            }
        });
        let (permits, debt) = &*shared;
        let mut paid = debt.load(Ordering::Relaxed);
        if paid == 0 {
            permits.release(1);
            if fences {
                fence(Ordering::SeqCst);
            }
            if looks_again && debt.load(Ordering::Relaxed) == 1 {
                paid = permits.forget(1);
            }
        }
        let paid = paid + thread.join().unwrap();
        assert_eq!(paid, 1, "debt stays beside a free token");
    });
}

#[test]
fn a_copy_of_the_step() {
    debt_against_a_token(true, true);
}

#[test]
#[should_panic(expected = "debt stays beside a free token")]
fn twin_that_looks_for_debt_only_before() {
    debt_against_a_token(false, true);
}

#[test]
#[should_panic(expected = "debt stays beside a free token")]
fn twin_without_fences() {
    debt_against_a_token(true, false);
}

/// What the second of two who wait for one token sees, if the first gives up.
#[test]
fn who_gives_up_lets_the_next_one_have_it() {
    loom::model(|| {
        let limiter = Arc::new(CapacityLimiter::new(0));
        let (first, second) = (Task::new(), Task::new());
        let mut leaves = Box::pin(limiter.acquire_on_behalf_of(7));
        let mut stays = pin!(limiter.acquire());
        assert!(first.with_context(|cx| leaves.as_mut().poll(cx)).is_pending());
        assert!(second.with_context(|cx| stays.as_mut().poll(cx)).is_pending());
        let thread = thread::spawn({
            let limiter = limiter.clone();
            move || limiter.set_total_tokens(1)
        });
        drop(leaves);
        thread.join().unwrap();
        assert!(second.woken() > 0, "nobody told the one behind");
        assert!(second.with_context(|cx| stays.as_mut().poll(cx)).is_ready());
        assert!(limiter.borrowers().is_empty());
    });
}
