//! `wait`: which tasks have finished, nothing taken, nothing cancelled, and O(1) wakes.
#![allow(missing_docs, clippy::disallowed_types)]

mod support;

use filch::ReturnWhen::{self, AllCompleted, FirstCompleted, FirstException};
use filch::runtime::Builder;
use filch::task::JoinHandle;
use filch::time::{Duration, Instant, sleep, timeout};
use filch::{spawn, wait};
use proptest::prelude::*;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use support::{Bell, PanicsOnDrop, after, panic_here, poll_with, said, secs};

const FOREVER: Option<Duration> = None;

#[filch::test(start_paused = true)]
async fn the_first_is_enough_or_all_are_needed() {
    let start = Instant::now();
    let mut tasks = [3, 1, 2].map(|at| spawn(after(at, at)));
    let result = wait(&mut tasks, FirstCompleted, FOREVER).await;
    assert_eq!((result.done, result.pending), (vec![1], vec![0, 2]));
    assert_eq!(start.elapsed(), secs(1));
    let result = wait(&mut tasks, AllCompleted, FOREVER).await;
    assert_eq!((result.done, result.pending), (vec![0, 1, 2], vec![]));
    assert_eq!(start.elapsed(), secs(3));
    let [three, one, two] = tasks;
    assert_eq!((one.await.unwrap(), two.await.unwrap(), three.await.unwrap()), (1, 2, 3));
}

#[filch::test(start_paused = true)]
async fn the_end_of_the_time_is_no_error_and_cancels_nobody() {
    let start = Instant::now();
    let mut tasks = [1, 5].map(|at| spawn(after(at, at)));
    let result = wait(&mut tasks, AllCompleted, secs(2)).await;
    assert_eq!((result.done, result.pending), (vec![0], vec![1]));
    assert_eq!((start.elapsed(), tasks[1].cancelling()), (secs(2), 0));
    let result = wait(&mut tasks[1..], AllCompleted, secs(0)).await;
    assert_eq!((result.done, result.pending), (vec![], vec![0]), "it only looks");
    assert_eq!(start.elapsed(), secs(2));
    let [_, five] = tasks;
    assert_eq!(five.await.unwrap(), 5);
}

#[filch::test(start_paused = true)]
async fn one_that_panicked_has_failed_and_one_that_was_cancelled_has_not() {
    let panics = async {
        sleep(secs(2)).await;
        panic!("boom")
    };
    let mut tasks =
        [spawn(after(1, ())), spawn(after(100, ())), spawn(panics), spawn(after(9, ()))];
    tasks[3].cancel("not needed");
    let result = wait(&mut tasks, FirstException, FOREVER).await;
    assert_eq!((result.done, result.pending), (vec![0, 2, 3], vec![1]));
    let error = (&mut tasks[2]).await.unwrap_err();
    assert_eq!(said(&*error.into_panic()), "boom", "the output is still there");

    let start = Instant::now();
    let mut tasks = [spawn(after(1, ())), spawn(after(2, ()))];
    tasks[1].abort();
    let result = wait(&mut tasks, FirstException, FOREVER).await;
    assert_eq!((result.done.len(), start.elapsed()), (2, secs(1)), "none failed: as all");
}

#[filch::test(start_paused = true)]
async fn what_a_task_returns_may_count_as_failure() {
    let make = || [spawn(after(1, Ok(()))), spawn(after(2, Err("no"))), spawn(after(9, Ok(())))];
    let mut tasks = make();
    let first = wait(&mut tasks, FirstException, FOREVER).failed_if(Result::is_err);
    assert_eq!(first.await.pending, [2]);
    let mut tasks = make();
    assert_eq!(wait(&mut tasks, FirstException, FOREVER).await.pending, [0; 0]);
    let [_, no, _] = tasks;
    assert_eq!(no.await.unwrap(), Err("no"));
}

#[filch::test(start_paused = true)]
async fn the_finished_are_counted_late_and_also_if_their_output_was_taken() {
    let mut tasks = [1, 2, 9].map(|at| spawn(after(at, at)));
    assert_eq!((&mut tasks[0]).await.unwrap(), 1);
    sleep(secs(5)).await;
    let result = wait(&mut tasks, FirstCompleted, FOREVER).await;
    assert_eq!((result.done, result.pending), (vec![0, 1], vec![2]));
    let result = wait(&mut tasks, FirstException, FOREVER).failed_if(|at| *at == 1).await;
    assert_eq!(result.done, [0, 1, 2], "what was taken cannot be asked");
}

#[filch::test(start_paused = true)]
async fn a_wait_that_is_dropped_cancels_nobody_and_may_be_repeated() {
    let mut tasks = [3, 4].map(|at| spawn(after(at, at)));
    assert!(timeout(secs(1), wait(&mut tasks, FirstCompleted, FOREVER)).await.is_err());
    assert_eq!(tasks.each_ref().map(JoinHandle::cancelling), [0, 0]);
    assert_eq!(wait(&mut tasks, FirstCompleted, FOREVER).await.done, [0]);
    let mut waiter = spawn(async move { wait(&mut tasks, AllCompleted, FOREVER).await });
    waiter.cancel("no more patience");
    assert!((&mut waiter).await.unwrap_err().is_cancelled());
}

#[filch::test(start_paused = true)]
async fn the_idiom_of_asyncio() {
    let mut pending: Vec<_> = [3, 1, 2, 1].map(|at| spawn(after(at, at))).into();
    let mut outputs = Vec::new();
    while !pending.is_empty() {
        let result = wait(&mut pending, FirstCompleted, FOREVER).await;
        let (done, rest) = result.partition(pending);
        pending = rest;
        for task in done {
            outputs.push(task.await.unwrap());
        }
    }
    assert_eq!(outputs, [1, 1, 2, 3]);
}

#[test]
fn misuse_is_explained_at_the_place_of_the_call() {
    let mut nothing: [JoinHandle<()>; 0] = [];
    let said = panic_here(|| drop(wait(&mut nothing, AllCompleted, FOREVER)));
    assert!(said.starts_with("`wait` needs at least one handle"));
    let said = panic_here(|| filch::WaitResult::default().partition(vec![1]));
    assert!(said.contains("needs the handles that were waited for"));
}

#[test]
fn one_that_finishes_among_many_is_looked_at_alone() {
    const MANY: usize = 10_000;
    let runtime = Builder::new_current_thread().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut tasks: Vec<_> = (0..MANY).map(|at| spawn(after(at as u64, at))).collect();
        let (bell, waker) = Bell::new();
        let mut all = Box::pin(wait(&mut tasks, AllCompleted, FOREVER));
        assert!(poll_with(&mut all, &waker).is_pending());
        let holds = Arc::strong_count(&bell);
        for seconds in 0..100 {
            sleep(secs(1)).await;
            assert!(bell.rang() <= seconds + 2, "one end, one wake");
            assert!(poll_with(&mut all, &waker).is_pending());
        }
        assert_eq!(Arc::strong_count(&bell), holds);
        drop(all);
        assert_eq!(Arc::strong_count(&bell), 2, "who waits no more leaves no waker");
    });
}

#[test]
fn it_is_woken_from_other_threads() {
    let _watch = support::watch();
    let runtime = Builder::new_multi_thread().worker_threads(4).build().unwrap();
    runtime.block_on(async {
        for _ in 0..200 {
            let mut tasks: Vec<_> = (0..8)
                .map(|n| {
                    spawn(async move {
                        filch::task::yield_now().await;
                        n
                    })
                })
                .collect();
            let mut sum = 0;
            let mut pending = tasks.split_off(0);
            while !pending.is_empty() {
                let result = wait(&mut pending, FirstCompleted, FOREVER).await;
                assert!(!result.done.is_empty());
                let (done, rest) = result.partition(pending);
                pending = rest;
                for task in done {
                    sum += task.await.unwrap();
                }
            }
            assert_eq!(sum, 28);
        }
    });
}

#[filch::test(start_paused = true)]
async fn a_loop_of_waits_lets_others_in() {
    let _watch = support::watch();
    let turns = Arc::new(AtomicUsize::new(0));
    let count = turns.clone();
    let other = spawn(async move {
        while count.fetch_add(1, Ordering::SeqCst) < 1000 {
            filch::task::yield_now().await;
        }
    });
    let mut tasks = [spawn(async {})];
    while turns.load(Ordering::SeqCst) < 1000 {
        wait(&mut tasks, AllCompleted, FOREVER).await;
    }
    other.await.unwrap();
}

#[filch::test(start_paused = true)]
async fn an_output_that_was_looked_at_is_dropped_once() {
    let mut tasks = [spawn(async { PanicsOnDrop })];
    let first = wait(&mut tasks, FirstException, FOREVER).failed_if(|_| true);
    assert_eq!(first.await.done, [0]);
    let output = { tasks }.into_iter().next().unwrap().await.unwrap();
    std::mem::forget(output);
}

/// What becomes of a task, and when.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Gives(u64),
    Panics(u64),
    IsAborted(u64),
}

impl Fate {
    fn at(self) -> u64 {
        match self {
            Fate::Gives(at) | Fate::Panics(at) | Fate::IsAborted(at) => at,
        }
    }
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        (1..6_u64).prop_map(Fate::Gives),
        (1..6_u64).prop_map(Fate::Panics),
        (1..6_u64).prop_map(Fate::IsAborted),
    ]
}

/// When a wait is over, by the rules.
fn over(fates: &[Fate], when: ReturnWhen, limit: Option<u64>) -> u64 {
    let times = fates.iter().map(|fate| fate.at());
    let last = times.clone().max().unwrap();
    let panics = fates.iter().filter(|fate| matches!(fate, Fate::Panics(_)));
    let over = match when {
        FirstCompleted => times.min().unwrap(),
        FirstException => panics.map(|fate| fate.at()).min().unwrap_or(last),
        AllCompleted => last,
    };
    limit.map_or(over, |limit| over.min(limit))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn it_is_over_when_the_rules_say(
        fates in proptest::collection::vec(fate(), 1..8),
        when in prop_oneof![Just(FirstCompleted), Just(FirstException), Just(AllCompleted)],
        limit in proptest::option::of(0..7_u64),
    ) {
        let _watch = support::watch();
        let runtime = Builder::new_current_thread().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let start = Instant::now();
            let mut tasks: Vec<_> = fates.iter().map(|fate| match *fate {
                Fate::Gives(at) => spawn(after(at, ())),
                Fate::Panics(at) => spawn(async move {
                    sleep(secs(at)).await;
                    panic!("{}", support::ON_PURPOSE)
                }),
                Fate::IsAborted(at) => {
                    let task = spawn(std::future::pending());
                    let abort = task.abort_handle();
                    spawn(async move {
                        sleep(secs(at)).await;
                        abort.abort();
                    });
                    task
                }
            }).collect();
            let result = wait(&mut tasks, when, limit.map(secs)).await;
            let ended = start.elapsed().as_secs();
            prop_assert_eq!(ended, over(&fates, when, limit));
            for (place, fate) in fates.iter().enumerate() {
                let done = result.done.contains(&place);
                prop_assert_eq!(done, !result.pending.contains(&place));
                // At the very moment either is right.
                let fits = if done { fate.at() <= ended } else { fate.at() >= ended };
                prop_assert!(fits);
            }
            Ok(())
        })?;
    }
}

#[filch::test(start_paused = true)]
async fn the_future_may_be_polled_by_hand() {
    let mut tasks = [spawn(after(1, ()))];
    let mut waits = pin!(wait(&mut tasks, AllCompleted, FOREVER));
    let (bell, waker) = Bell::new();
    assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    sleep(secs(2)).await;
    assert_eq!(bell.rang(), 1);
    let polled = waits.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(matches!(polled, Poll::Ready(result) if result.done == [0]));
}
