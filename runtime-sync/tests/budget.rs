//! The cooperative budget: what is counted, what is given back, and when a task must wait.
#![allow(missing_docs)]

mod support;

use std::cell::Cell;
use std::future::{pending, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use filch::sync::{BoundedSemaphore, Mutex, Notify, RwLock, Semaphore, broadcast, mpmc, mpsc};
use runtime_sync::budget::{
    self, BUDGET, consume_budget, cooperative, has_budget_remaining, poll_proceed, unconstrained,
};
use support::Count;

/// Spends units until there are none left, and returns how many there were.
fn spend_all() -> usize {
    let mut cx = Context::from_waker(Waker::noop());
    let mut spent = 0;
    while let Poll::Ready(coop) = poll_proceed(&mut cx) {
        coop.made_progress();
        spent += 1;
        assert!(spent < 1_000, "there is no limit");
    }
    spent
}

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn there_is_no_limit_outside_of_tasks() {
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..1_000 {
        let Poll::Ready(coop) = poll_proceed(&mut cx) else { panic!("there is a limit") };
        coop.made_progress();
    }
    assert!(has_budget_remaining());
}

#[test]
fn what_foreign_code_spends_in_the_middle_of_a_leaf_counts() {
    struct Costly;
    impl Clone for Costly {
        fn clone(&self) -> Costly {
            assert!(poll_once(consume_budget()).is_ready());
            Costly
        }
    }
    let (sender, mut receiver) = broadcast::channel(8);
    let _other = sender.subscribe();
    let mut receive = || {
        assert!(sender.send(Costly).is_ok());
        assert!(matches!(poll_once(receiver.recv()), Poll::Ready(Ok(Costly))));
    };
    budget::refill();
    receive();
    assert_eq!(spend_all(), 126);
    // The last unit is spent twice, which makes no debt.
    budget::refill();
    (0..127).for_each(|_| assert!(poll_once(consume_budget()).is_ready()));
    receive();
    assert!(!has_budget_remaining());
}

#[test]
fn a_poll_has_128_units() {
    budget::refill();
    assert_eq!(spend_all(), 128);
    assert_eq!(BUDGET, 128);
    assert!(!has_budget_remaining());
    budget::refill();
    assert_eq!(spend_all(), 128);
}

#[test]
fn at_zero_the_task_is_woken_and_must_wait() {
    budget::refill();
    spend_all();
    let count = Count::new();
    let waker = count.waker();
    assert!(poll_proceed(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(count.get(), 1);
}

#[test]
fn a_leaf_that_was_not_ready_gives_its_unit_back() {
    budget::refill();
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..1_000 {
        assert!(poll_proceed(&mut cx).is_ready());
    }
    assert_eq!(spend_all(), 128);
}

#[test]
fn what_was_spent_inside_of_a_leaf_that_waits_stays_spent() {
    budget::refill();
    let future = cooperative(async {
        for _ in 0..10 {
            consume_budget().await;
        }
        pending::<()>().await;
    });
    assert!(poll_once(future).is_pending());
    assert_eq!(spend_all(), 118);
}

#[test]
fn a_unit_is_not_given_back_to_another_poll() {
    budget::refill();
    let mut cx = Context::from_waker(Waker::noop());
    let first = poll_proceed(&mut cx);
    budget::refill();
    drop(first);
    assert_eq!(spend_all(), 128);
}

#[test]
fn a_unit_is_not_given_back_where_there_is_no_limit() {
    budget::refill();
    let mut cx = Context::from_waker(Waker::noop());
    let taken = poll_proceed(&mut cx);
    let unlimited = budget::clear();
    assert_ne!(unlimited, budget::clear());
    drop(taken);
    let before = budget::clear();
    assert_eq!(before, budget::clear(), "there is no limit still");
}

#[test]
fn a_unit_that_was_never_taken_is_not_given_back() {
    budget::clear();
    let mut cx = Context::from_waker(Waker::noop());
    let unlimited = poll_proceed(&mut cx);
    budget::refill();
    spend_all();
    drop(unlimited);
    assert!(!has_budget_remaining());
}

#[test]
fn refill_and_clear_return_what_was_there() {
    let outside = budget::refill();
    spend_all();
    let spent = budget::clear();
    assert!(has_budget_remaining());
    budget::restore(spent);
    assert!(!has_budget_remaining());
    budget::restore(outside);
    assert!(has_budget_remaining());
}

#[test]
fn consume_budget_lets_others_in_after_128() {
    budget::refill();
    let mut done = 0;
    let polled = poll_once(async {
        loop {
            consume_budget().await;
            done += 1;
        }
    });
    let _: Poll<()> = polled;
    assert_eq!(done, 128);
}

#[test]
fn cooperative_counts_each_time_its_future_is_ready() {
    budget::refill();
    for _ in 0..128 {
        assert!(poll_once(cooperative(ready(()))).is_ready());
    }
    assert!(poll_once(cooperative(ready(()))).is_pending());
}

#[test]
fn unconstrained_has_no_limit_and_spends_nothing() {
    budget::refill();
    let polled = poll_once(unconstrained(async {
        for _ in 0..1_000 {
            consume_budget().await;
        }
    }));
    assert!(polled.is_ready());
    assert_eq!(spend_all(), 128);
}

#[test]
fn a_panic_in_unconstrained_leaves_the_budget_as_it_was() {
    budget::refill();
    let caught = std::panic::catch_unwind(|| {
        let _ = poll_once(unconstrained(async { panic!("on purpose") }));
    });
    assert!(caught.is_err());
    assert_eq!(spend_all(), 128);
}

#[test]
fn each_thread_has_a_budget_of_its_own() {
    budget::refill();
    spend_all();
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(has_budget_remaining()));
    });
    assert!(!has_budget_remaining());
}

/// Does something that is always ready without end, and counts how far two polls of a task get.
fn how_far(mut ready: impl AsyncFnMut()) -> [usize; 2] {
    let done = Cell::new(0);
    let mut works = pin!(async {
        loop {
            ready().await;
            done.set(done.get() + 1);
        }
    });
    let count = Count::new();
    [1, 2].map(|round| {
        let before = budget::refill();
        let polled = works.as_mut().poll(&mut Context::from_waker(&count.waker()));
        budget::restore(before);
        assert!(polled.is_pending());
        assert_eq!(count.get(), round, "it must come back by itself");
        done.get()
    })
}

const TWO_ROUNDS: [usize; 2] = [128, 256];

#[test]
fn free_locks_without_end_let_others_in() {
    let mutex = Arc::new(Mutex::new(0));
    assert_eq!(how_far(async || *mutex.lock().await += 1), TWO_ROUNDS);
    assert_eq!(how_far(async || *Arc::clone(&mutex).lock_owned().await += 1), TWO_ROUNDS);
    let rwlock = RwLock::new(0);
    assert_eq!(how_far(async || _ = *rwlock.read().await), TWO_ROUNDS);
    assert_eq!(how_far(async || *rwlock.write().await += 1), TWO_ROUNDS);
    let semaphore = Arc::new(Semaphore::new(2));
    assert_eq!(how_far(async || drop(semaphore.acquire().await)), TWO_ROUNDS);
    assert_eq!(how_far(async || drop(Arc::clone(&semaphore).acquire_owned().await)), TWO_ROUNDS);
    let bounded = BoundedSemaphore::new(1);
    assert_eq!(
        how_far(async || {
            bounded.acquire().await.unwrap();
            bounded.release().unwrap();
        }),
        TWO_ROUNDS
    );
    let notify = Notify::new();
    assert_eq!(
        how_far(async || {
            notify.notify_one();
            notify.notified().await;
        }),
        TWO_ROUNDS
    );
    assert_eq!((*mutex.try_lock().unwrap(), *rwlock.try_read().unwrap()), (512, 256));
    assert_eq!((semaphore.available_permits(), notify.stats().permit), (2, true));
}

#[test]
fn channels_that_are_always_ready_let_others_in() {
    let (sender, mut receiver) = mpsc::channel(1_000);
    assert_eq!(how_far(async || sender.send(()).await.unwrap()), TWO_ROUNDS);
    assert_eq!(how_far(async || receiver.recv().await.unwrap_or(())), TWO_ROUNDS);
    let (sender, mut receiver) = mpsc::unbounded_channel();
    (0..256).for_each(|_| sender.send(()).unwrap());
    assert_eq!(how_far(async || receiver.recv().await.unwrap_or(())), TWO_ROUNDS);
    let (sender, receiver) = mpmc::bounded(1_000);
    assert_eq!(how_far(async || sender.send(()).await.unwrap()), TWO_ROUNDS);
    assert_eq!(how_far(async || receiver.recv().await.unwrap_or(())), TWO_ROUNDS);
    let (sender, mut receiver) = broadcast::channel(1_000);
    (0..256).for_each(|_| _ = sender.send(()));
    assert_eq!(how_far(async || receiver.recv().await.unwrap_or(())), TWO_ROUNDS);
}

/// What has come to its end is ready too.
#[test]
fn closed_channels_let_others_in() {
    let (sender, receiver) = mpsc::channel(1);
    drop(receiver);
    assert_eq!(how_far(async || _ = sender.send(()).await), TWO_ROUNDS);
    let (sender, mut receiver) = mpsc::channel::<()>(1);
    drop(sender);
    assert_eq!(how_far(async || _ = receiver.recv().await), TWO_ROUNDS);
    let (sender, mut receiver) = broadcast::channel::<()>(1);
    drop(sender);
    assert_eq!(how_far(async || _ = receiver.recv().await), TWO_ROUNDS);
    let semaphore = Semaphore::new(1);
    semaphore.close();
    assert_eq!(how_far(async || _ = semaphore.acquire().await), TWO_ROUNDS);
}
