//! `CancellationToken`, promise by promise; the races are in `loom_cancellation_token.rs`, random
//! trees in `cancellation_token_model.rs`.
#![allow(clippy::disallowed_methods, missing_docs)]

mod support;

use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

use runtime_sync::lock::{
    CancellationToken, DropGuard, DropGuardRef, WaitForCancellationFuture,
    WaitForCancellationFutureOwned,
};
use runtime_sync::{block_on, budget};
use support::{Count, Event, hooked};

fn poll<T>(future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Somebody who waits, and the count of its wakes.
fn waits(token: &CancellationToken) -> (Pin<Box<WaitForCancellationFuture<'_>>>, Arc<Count>) {
    let count = Count::new();
    let mut future = Box::pin(token.cancelled());
    assert!(future.as_mut().poll(&mut Context::from_waker(&count.waker())).is_pending());
    (future, count)
}

/// A chain of tokens, each the child of the one before.
fn chain(length: usize) -> Vec<CancellationToken> {
    let mut tokens = vec![CancellationToken::new()];
    while tokens.len() < length {
        tokens.push(tokens.last().unwrap().child_token());
    }
    tokens
}

#[test]
fn cancelling_wakes_all_who_wait_and_stays() {
    let token = CancellationToken::new();
    let mut all: Vec<_> = (0..70).map(|_| waits(&token)).collect();
    let mut owned = pin!(token.clone().cancelled_owned());
    assert!(poll(owned.as_mut()).is_pending());
    assert_eq!(token.stats().waiters, 71);
    token.cancel();
    token.cancel();
    assert!(all.iter_mut().all(|one| one.1.get() == 1 && poll(one.0.as_mut()).is_ready()));
    assert!(poll(owned).is_ready());
    assert!(poll(pin!(token.cancelled())).is_ready());
}

#[test]
fn a_parent_takes_its_descendants_along_but_not_the_other_way_round() {
    let root = CancellationToken::new();
    let (left, right) = (root.child_token(), root.child_token());
    let below = left.child_token();
    let (_future, count) = waits(&below);
    left.cancel();
    assert!(left.is_cancelled() && below.is_cancelled());
    assert!(!root.is_cancelled() && !right.is_cancelled());
    assert_eq!(count.get(), 1);
    root.cancel();
    assert!(right.is_cancelled());
}

#[test]
fn a_child_of_a_cancelled_token_is_born_cancelled() {
    let root = CancellationToken::new();
    let child = root.child_token();
    root.cancel();
    let late = child.child_token();
    assert!(late.is_cancelled() && late.child_token().is_cancelled());
    assert_eq!(root.stats().below_root, 0);
}

#[test]
fn children_of_a_token_that_is_gone_belong_to_its_parent() {
    let root = CancellationToken::new();
    let middle = root.child_token();
    let below: Vec<_> = (0..3).map(|_| middle.child_token()).collect();
    drop(middle);
    assert!(!below[0].is_cancelled(), "a drop is no cancellation");
    root.cancel();
    assert!(below.iter().all(CancellationToken::is_cancelled));
}

#[test]
fn children_that_are_gone_leave_nothing_behind_in_a_long_life() {
    let root = CancellationToken::new();
    for _ in 0..1_000 {
        let child = root.child_token();
        drop((child.child_token(), child.child_token(), child));
    }
    assert_eq!(root.stats().below_root, 0);
    // A chain that grows at its end and loses its beginning.
    let mut last = root.child_token();
    for _ in 0..1_000 {
        last = last.child_token();
        assert_eq!(root.stats().below_root, 1);
    }
    // The same with branches: at most as many places without a token as there are tokens.
    let mut leaves = Vec::new();
    for _ in 0..1_000 {
        leaves.push(last.child_token());
        last = last.child_token();
    }
    assert!(root.stats().below_root <= 2 * (leaves.len() + 1));
    drop(leaves);
    assert_eq!(root.stats().below_root, 1);
    last.cancel();
    assert_eq!(root.stats().below_root, 0);
}

#[test]
fn a_waiting_future_keeps_its_token_in_the_tree() {
    let root = CancellationToken::new();
    let mut owned = pin!(root.child_token().cancelled_owned());
    assert!(poll(owned.as_mut()).is_pending());
    root.cancel();
    assert!(poll(owned).is_ready());
}

#[test]
fn descendants_outlive_their_root() {
    let root = CancellationToken::new();
    let child = root.child_token();
    let below = child.child_token();
    drop(root);
    child.cancel();
    assert!(below.is_cancelled());
}

#[test]
fn a_chain_of_a_million_is_cancelled_and_dropped_without_recursion() {
    let tokens = chain(1_000_000);
    tokens[0].cancel();
    assert!(tokens.iter().all(CancellationToken::is_cancelled));
    drop(tokens);
    // From the root on, from the leaf on, and by the leaf alone.
    drop(chain(1_000_000));
    let mut tokens = chain(1_000_000);
    let leaf = tokens.last().unwrap().clone();
    while tokens.pop().is_some() {}
    leaf.cancel();
}

#[test]
fn wakers_that_panic_do_not_keep_others_from_being_woken() {
    let root = CancellationToken::new();
    let child = root.child_token();
    let below = child.child_token();
    let angry = hooked(|event| assert_ne!(event, Event::Wake, "angry"));
    let mut futures = [Box::pin(root.cancelled()), Box::pin(child.cancelled())];
    for future in &mut futures {
        assert!(future.as_mut().poll(&mut Context::from_waker(&angry)).is_pending());
    }
    let (_calm, count) = waits(&below);
    catch_unwind(AssertUnwindSafe(|| root.cancel())).unwrap_err();
    assert_eq!(count.get(), 1);
    assert!(root.is_cancelled() && child.is_cancelled() && below.is_cancelled());
}

#[test]
fn a_waker_may_use_the_tree() {
    let root = CancellationToken::new();
    let child = root.child_token();
    let waker = hooked({
        let (root, child) = (root.clone(), child.clone());
        move |event| {
            if event == Event::Wake {
                assert!(root.is_cancelled() && child.is_cancelled());
                assert!(child.child_token().is_cancelled());
                root.cancel();
                drop(root.child_token());
            }
        }
    });
    let mut future = pin!(child.cancelled());
    assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    root.cancel();
    assert!(poll(future).is_ready());
}

#[test]
fn guards_cancel_unless_disarmed() {
    let token = CancellationToken::new();
    assert_eq!(token.clone().drop_guard().disarm(), token);
    assert_eq!(token.drop_guard_ref().disarm(), &token);
    assert!(!token.is_cancelled());
    let child = token.child_token();
    drop(child.drop_guard_ref());
    assert!(child.is_cancelled() && !token.is_cancelled());
    drop(token.clone().drop_guard());
    assert!(token.is_cancelled());
}

#[test]
fn clones_are_equal_and_relatives_are_not() {
    let token = CancellationToken::new();
    assert_eq!(token, token.clone());
    assert_ne!(token, token.child_token());
    assert_ne!(token, CancellationToken::default());
    assert_eq!(format!("{token:?}"), "CancellationToken { is_cancelled: false }");
}

#[test]
fn a_future_runs_until_the_token_is_cancelled() {
    let token = CancellationToken::new();
    assert_eq!(block_on(token.run_until_cancelled(ready(1))), Some(1));
    let mut runs = pin!(token.run_until_cancelled(pending::<()>()));
    let mut owned = pin!(token.clone().run_until_cancelled_owned(pending::<()>()));
    assert!(poll(runs.as_mut()).is_pending() && poll(owned.as_mut()).is_pending());
    token.cancel();
    assert_eq!((poll(runs), poll(owned)), (Poll::Ready(None), Poll::Ready(None)));
    let unpolled = async { unreachable!() };
    assert_eq!(block_on(token.run_until_cancelled(unpolled)), None);
}

#[test]
fn a_future_that_is_ready_as_the_token_is_cancelled_gives_its_value() {
    let token = CancellationToken::new();
    let done = AtomicUsize::new(0);
    let future = || {
        poll_fn(|_| match done.load(Ordering::SeqCst) {
            0 => Poll::Pending,
            value => Poll::Ready(value),
        })
    };
    let mut runs = pin!(token.run_until_cancelled(future()));
    let mut owned = pin!(token.clone().run_until_cancelled_owned(future()));
    assert!(poll(runs.as_mut()).is_pending() && poll(owned.as_mut()).is_pending());
    done.store(7, Ordering::SeqCst);
    token.cancel();
    assert_eq!((poll(runs), poll(owned)), (Poll::Ready(Some(7)), Poll::Ready(Some(7))));
}

#[test]
fn a_future_that_spends_the_budget_is_cancelled_nevertheless() {
    let token = CancellationToken::new();
    let greedy = poll_fn(|cx| {
        while let Poll::Ready(step) = budget::poll_proceed(cx) {
            step.made_progress();
        }
        Poll::<()>::Pending
    });
    let mut runs = pin!(token.run_until_cancelled(greedy));
    budget::refill();
    assert!(poll(runs.as_mut()).is_pending());
    token.cancel();
    budget::refill();
    assert_eq!(poll(runs), Poll::Ready(None));
}

#[test]
fn everything_of_it_can_be_shared() {
    fn shared<T: Send + Sync>() {}
    fn moves<T: Unpin + UnwindSafe + RefUnwindSafe>() {}
    shared::<CancellationToken>();
    shared::<DropGuard>();
    shared::<DropGuardRef<'static>>();
    shared::<WaitForCancellationFuture<'static>>();
    shared::<WaitForCancellationFutureOwned>();
    moves::<CancellationToken>();
    moves::<DropGuard>();
    moves::<DropGuardRef<'static>>();
    assert_eq!(size_of::<CancellationToken>(), 8);
    assert_eq!(size_of::<DropGuard>(), 8);
}

/// Threads make, clone, drop and cancel branches of one tree; everybody who waits is woken.
#[test]
fn threads_in_one_tree_never_hang() {
    const ROUNDS: usize = 300;
    let woken = AtomicUsize::new(0);
    for _ in 0..ROUNDS {
        let root = CancellationToken::new();
        thread::scope(|scope| {
            for _ in 0..3 {
                let branch = root.child_token();
                let leaf = branch.child_token();
                let woken = &woken;
                scope.spawn(move || {
                    drop(branch.child_token());
                    drop(branch);
                    block_on(leaf.cancelled());
                    assert!(leaf.child_token().is_cancelled());
                    woken.fetch_add(1, Ordering::Relaxed);
                });
            }
            root.cancel();
        });
    }
    assert_eq!(woken.into_inner(), 3 * ROUNDS);
}
