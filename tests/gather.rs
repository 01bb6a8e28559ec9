//! `gather`, `gather_all`, `as_completed`, `race`, `select_ok`: order, errors, clean-up, and O(1) wakes.
#![allow(missing_docs, clippy::disallowed_types)]

use filch::cancel::with_cleanup;
use filch::time::{Duration, Instant, sleep, timeout};
use filch::{as_completed, gather, gather_all, race, select_ok};
use proptest::prelude::*;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn after<T>(seconds: u64, outcome: T) -> T {
    sleep(secs(seconds)).await;
    outcome
}

#[filch::test(start_paused = true)]
async fn outputs_are_in_order_and_all_run_together() {
    let start = Instant::now();
    let outputs = gather((1..=3).rev().map(|number| after(number, Ok::<_, ()>(number)))).await;
    assert_eq!(outputs, Ok(vec![3, 2, 1]));
    assert_eq!(start.elapsed(), secs(3));
    let nothing: Vec<std::future::Ready<Result<(), ()>>> = Vec::new();
    assert_eq!(gather(nothing).await, Ok(vec![]));
}

#[filch::test(start_paused = true)]
async fn the_first_error_ends_the_others() {
    struct Dropped(Arc<AtomicUsize>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let start = Instant::now();
    let dropped = Arc::new(AtomicUsize::new(0));
    let futures = [(5, Ok(())), (1, Err("first")), (2, Err("second"))].map(|(at, outcome)| {
        let guard = Dropped(dropped.clone());
        async move {
            let _guard = guard;
            after(at, outcome).await
        }
    });
    assert_eq!(gather(futures).await, Err("first"));
    assert_eq!((start.elapsed(), dropped.load(Ordering::SeqCst)), (secs(1), 3));
}

#[filch::test(start_paused = true)]
async fn those_that_are_ended_clean_up_first() {
    let start = Instant::now();
    let cleaned = AtomicUsize::new(0);
    let count = &cleaned;
    let futures = (1..4).map(|seconds| async move {
        if seconds == 1 {
            return after(1, Err("failed")).await;
        }
        let cleanup = async move {
            sleep(secs(seconds)).await;
            count.fetch_add(1, Ordering::SeqCst);
        };
        with_cleanup(after(100, Ok(())), cleanup).await
    });
    assert_eq!(gather(futures).await, Err("failed"));
    assert_eq!((start.elapsed(), cleaned.load(Ordering::SeqCst)), (secs(4), 2));
}

#[filch::test(start_paused = true)]
async fn a_timeout_reaches_what_is_within() {
    let start = Instant::now();
    let cleaned = AtomicUsize::new(0);
    let count = &cleaned;
    let futures = (0..3).map(|_| {
        with_cleanup(after(100, Ok::<_, ()>(())), async move {
            sleep(secs(1)).await;
            count.fetch_add(1, Ordering::SeqCst);
        })
    });
    assert!(timeout(secs(2), gather(futures)).await.is_err());
    assert_eq!((start.elapsed(), cleaned.load(Ordering::SeqCst)), (secs(3), 3));
}

#[filch::test(start_paused = true)]
async fn gather_all_keeps_errors_where_they_are() {
    let outcomes = gather_all([after(2, Ok(1)), after(1, Err("no")), after(3, Ok(3))]).await;
    assert_eq!(outcomes, [Ok(1), Err("no"), Ok(3)]);
}

#[filch::test(start_paused = true)]
async fn handles_may_be_gathered() {
    let tasks = (0..10).map(|number| filch::spawn(after(number, number)));
    let outputs = gather(tasks).await.unwrap();
    assert_eq!(outputs, (0..10).collect::<Vec<_>>());
}

#[filch::test(start_paused = true)]
async fn the_first_wins_a_race_and_the_first_success_a_selection() {
    let start = Instant::now();
    assert_eq!(race([after(3, "c"), after(1, "a"), after(2, "b")]).await, "a");
    let some = select_ok([after(1, Err("x")), after(3, Ok(3)), after(2, Ok(2))]).await;
    assert_eq!(some, Ok(2));
    assert_eq!(start.elapsed(), secs(3));
    let none = select_ok([after(2, Err::<(), _>("x")), after(1, Err("y"))]).await;
    assert_eq!(none, Err(vec!["x", "y"]), "in order");
    let nothing: [std::future::Ready<Result<(), ()>>; 0] = [];
    assert_eq!(select_ok(nothing).await, Err(vec![]));
}

#[filch::test]
#[should_panic = "`race` needs at least one future"]
async fn a_race_of_nobody_is_a_mistake() {
    let nobody: [std::future::Ready<()>; 0] = [];
    race(nobody).await;
}

#[filch::test(start_paused = true)]
async fn a_wait_for_the_next_that_is_dropped_loses_nothing() {
    let mut completed = as_completed([after(2, "two"), after(3, "three")]);
    assert!(timeout(secs(1), completed.next()).await.is_err());
    assert_eq!(completed.len(), 2);
    assert_eq!(completed.next().await, Some((0, "two")));
    assert_eq!(completed.next().await, Some((1, "three")));
    assert_eq!(completed.next().await, None);
    assert!(completed.is_empty());
}

#[test]
fn one_that_is_woken_among_many_is_polled_alone() {
    const MANY: usize = 10_000;
    let polls = Arc::new(AtomicUsize::new(0));
    let wakers = Arc::new(Mutex::new(Vec::<Waker>::new()));
    let futures = (0..MANY).map(|_| {
        let (polls, wakers) = (polls.clone(), wakers.clone());
        poll_fn(move |cx| {
            polls.fetch_add(1, Ordering::SeqCst);
            wakers.lock().unwrap().push(cx.waker().clone());
            Poll::<()>::Pending
        })
    });
    let mut all = pin!(gather_all(futures));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(all.as_mut().poll(&mut cx).is_pending());
    assert_eq!(polls.load(Ordering::SeqCst), MANY);
    let one = wakers.lock().unwrap()[7].clone();
    one.wake();
    assert!(all.as_mut().poll(&mut cx).is_pending());
    assert_eq!(polls.load(Ordering::SeqCst), MANY + 1);
}

#[test]
fn one_that_wakes_itself_for_ever_does_not_keep_the_thread() {
    let busy = poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    });
    let mut all = pin!(gather_all([busy]));
    for _ in 0..3 {
        assert!(all.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
}

#[filch::test(start_paused = true)]
async fn one_that_panics_is_gone_and_the_others_go_on() {
    let mut completed = as_completed((1..=3).map(|number| async move {
        sleep(secs(number)).await;
        assert_ne!(number, 2, "boom");
        number
    }));
    let mut outcomes = Vec::new();
    loop {
        let mut next = pin!(completed.next());
        let polled = poll_fn(|cx| {
            let poll = || next.as_mut().poll(cx);
            match std::panic::catch_unwind(std::panic::AssertUnwindSafe(poll)) {
                Ok(polled) => polled.map(Some),
                Err(_) => Poll::Ready(None),
            }
        });
        match polled.await {
            Some(None) => break,
            Some(Some((_, number))) => outcomes.push(number),
            None => outcomes.push(0),
        }
    }
    assert_eq!(outcomes, [1, 0, 3]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn every_output_comes_once_by_its_time(times in proptest::collection::vec(1..6_u64, 0..20)) {
        let runtime = filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap();
        let mut expected: Vec<(usize, u64)> = times.iter().copied().enumerate().collect();
        expected.sort_by_key(|(number, time)| (*time, *number));
        let got = runtime.block_on(async {
            let mut completed = as_completed(times.iter().map(|time| after(*time, *time)));
            let mut got = Vec::new();
            while let Some(next) = completed.next().await {
                got.push(next);
            }
            got
        });
        let times = |list: &[(usize, u64)]| list.iter().map(|(_, time)| *time).collect::<Vec<_>>();
        prop_assert_eq!(times(&got), times(&expected));
        let mut numbers: Vec<_> = got.iter().map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        prop_assert_eq!(numbers, (0..expected.len()).collect::<Vec<_>>());
    }
}
