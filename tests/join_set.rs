//! `JoinSet`: in the order of finishing, nothing lost, nothing left, and only who has finished is polled.
#![allow(missing_docs, clippy::disallowed_types)]

mod support;

use filch::runtime::{Builder, Handle};
use filch::task::{JoinSet, LocalSet, yield_now};
use filch::time::{Instant, sleep, timeout};
use proptest::prelude::*;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::secs;

#[filch::test(start_paused = true)]
async fn outputs_come_in_the_order_of_finishing() {
    let mut set = JoinSet::new();
    for seconds in [3, 1, 2] {
        set.spawn(async move {
            sleep(secs(seconds)).await;
            seconds
        });
    }
    assert_eq!(set.len(), 3);
    assert!(set.try_join_next().is_none());
    for expected in 1..=3 {
        assert_eq!(set.join_next().await.unwrap().unwrap(), expected);
    }
    assert!(set.is_empty());
    assert!(set.join_next().await.is_none());
}

#[filch::test(start_paused = true)]
async fn errors_tell_which_task_it_was() {
    let mut set = JoinSet::new();
    let panics = set.spawn(async { panic!("boom") });
    let stuck = set.spawn(std::future::pending::<()>());
    let error = set.join_next_with_id().await.unwrap().unwrap_err();
    assert!(error.is_panic() && error.id() == panics.id());
    stuck.abort();
    let error = set.join_next().await.unwrap().unwrap_err();
    assert!(error.is_cancelled() && error.id() == stuck.id());
}

#[filch::test(start_paused = true)]
async fn a_wait_that_is_dropped_loses_no_output() {
    let mut set = JoinSet::new();
    set.spawn(async {
        sleep(secs(2)).await;
        1
    });
    assert!(timeout(secs(1), set.join_next()).await.is_err());
    sleep(secs(5)).await;
    assert_eq!(set.join_next().await.unwrap().unwrap(), 1);
}

#[filch::test(start_paused = true)]
async fn dropping_aborts_and_detaching_does_not() {
    let ended = Arc::new(AtomicUsize::new(0));
    let task = |ended: Arc<AtomicUsize>| async move {
        sleep(secs(1)).await;
        ended.fetch_add(1, Ordering::SeqCst);
    };
    let mut set = JoinSet::new();
    set.spawn(task(ended.clone()));
    drop(set);
    let mut set = JoinSet::new();
    set.spawn(task(ended.clone()));
    set.detach_all();
    assert!(set.is_empty());
    drop(set);
    sleep(secs(2)).await;
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}

#[filch::test(start_paused = true)]
async fn what_was_detached_is_not_joined_when_it_ends() {
    let mut set = JoinSet::new();
    set.spawn(async { 1 });
    set.spawn(async {
        sleep(secs(1)).await;
        2
    });
    sleep(secs(0)).await;
    yield_now().await;
    set.detach_all();
    assert!(set.join_next().await.is_none());
    set.spawn(async {
        sleep(secs(2)).await;
        3
    });
    assert_eq!(set.join_next().await.unwrap().unwrap(), 3);
    assert!(set.join_next().await.is_none());
}

#[filch::test(start_paused = true)]
async fn outputs_that_are_not_joined_are_dropped_with_the_set() {
    let output = Arc::new(());
    let mut set: JoinSet<_> = [output.clone(), output.clone(), output.clone()]
        .into_iter()
        .map(|output| async move { output })
        .collect();
    sleep(secs(1)).await;
    set.join_next().await.unwrap().unwrap();
    assert_eq!(Arc::strong_count(&output), 3);
    drop(set);
    assert_eq!(Arc::strong_count(&output), 1);
}

#[filch::test(start_paused = true)]
async fn all_are_aborted_in_the_order_in_which_they_were_spawned() {
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut set = JoinSet::new();
    for number in 0..50 {
        let gone = OnDrop(Some(Box::new({
            let order = order.clone();
            move || order.lock().unwrap().push(number)
        })));
        set.spawn(async move {
            let _gone = gone;
            std::future::pending::<()>().await;
        });
    }
    sleep(secs(1)).await;
    set.shutdown().await;
    assert!(order.lock().unwrap().iter().copied().eq(0..50));
}

struct OnDrop(Option<Box<dyn FnOnce() + Send>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.take().unwrap()();
    }
}

#[filch::test(start_paused = true)]
async fn a_shutdown_waits_for_all() {
    let mut set: JoinSet<()> = (0..10).map(|_| std::future::pending()).collect();
    set.shutdown().await;
    assert!(set.is_empty());
    set.spawn(async {});
    set.join_next().await.unwrap().unwrap();
}

#[filch::test(start_paused = true)]
async fn join_all_gives_all() {
    let mut set: JoinSet<u32> = (0..50).map(|number| async move { number }).collect();
    set.extend((50..100).map(|number| async move { number }));
    let mut outputs = set.join_all().await;
    outputs.sort_unstable();
    assert_eq!(outputs, (0..100).collect::<Vec<_>>());
}

#[filch::test(start_paused = true)]
#[should_panic = "boom"]
async fn join_all_passes_a_panic_on() {
    let mut set = JoinSet::new();
    set.spawn(async { panic!("boom") });
    set.spawn(std::future::pending::<()>());
    set.join_all().await;
}

#[filch::test(start_paused = true)]
async fn all_kinds_of_tasks_may_be_in_a_set() {
    let local = LocalSet::new();
    let mut set = JoinSet::new();
    set.spawn_on(async { 1 }, &Handle::current());
    set.spawn_blocking(|| 2);
    set.spawn_blocking_on(|| 3, &Handle::current());
    set.spawn_local_on(async { 4 }, &local);
    let sum = local.run_until(async {
        set.spawn_local(async { 5 });
        set.join_all().await.into_iter().sum::<i32>()
    });
    assert_eq!(sum.await, 15);
}

#[filch::test(start_paused = true)]
async fn a_set_does_not_keep_its_task_from_yielding() {
    let mut set: JoinSet<()> = (0..1000).map(|_| async {}).collect();
    sleep(secs(1)).await;
    let other = filch::spawn(async {});
    let mut joined = 0;
    while let Some(output) = set.join_next().await {
        output.unwrap();
        joined += 1;
        if joined == 500 {
            assert!(other.is_finished(), "500 outputs in one poll");
        }
    }
    assert_eq!(joined, 1000);
}

#[filch::test(start_paused = true)]
async fn one_that_is_spawned_while_somebody_waits_is_waited_for() {
    let mut set = JoinSet::new();
    set.spawn(sleep(secs(9)));
    let start = Instant::now();
    let first = poll_fn(|cx| {
        let joined = set.poll_join_next(cx);
        if joined.is_pending() && set.len() == 1 {
            set.spawn(sleep(secs(1)));
        }
        joined
    });
    first.await.unwrap().unwrap();
    assert_eq!(start.elapsed(), secs(1));
}

#[test]
fn many_tasks_on_two_workers() {
    let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        for round in 0..20 {
            let mut set = JoinSet::new();
            for number in 0..500_usize {
                set.spawn(async move {
                    if (number + round) % 3 == 0 {
                        yield_now().await;
                    }
                    number
                });
            }
            let mut seen = vec![false; 500];
            while let Some(number) = set.join_next().await {
                assert!(!std::mem::replace(&mut seen[number.unwrap()], true));
            }
            assert!(seen.iter().all(|seen| *seen));
        }
    });
}

#[derive(Clone, Debug)]
enum Step {
    Spawn(u64),
    Abort(usize),
    AbortAll,
    DetachAll,
    Pass(u64),
    Try,
    Join,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..6_u64).prop_map(Step::Spawn),
        2 => (0..8_usize).prop_map(Step::Abort),
        1 => Just(Step::AbortAll),
        1 => Just(Step::DetachAll),
        4 => (0..4_u64).prop_map(Step::Pass),
        4 => Just(Step::Try),
        2 => Just(Step::Join),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn every_task_is_joined_once_whatever_happens(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = Builder::new_current_thread().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut set = JoinSet::new();
            let mut living = Vec::new();
            let mut spawned = 0;
            let take = |living: &mut Vec<filch::task::AbortHandle>, id| {
                let place = living.iter().position(|handle| handle.id() == id);
                drop(living.remove(place.expect("joined twice, or never spawned")));
            };
            for step in steps {
                match step {
                    Step::Spawn(seconds) => {
                        spawned += 1;
                        living.push(set.spawn(async move { sleep(secs(seconds)).await }));
                    }
                    Step::Abort(which) => {
                        if let Some(handle) = living.get(which) {
                            handle.abort();
                        }
                    }
                    Step::AbortAll => set.abort_all(),
                    Step::DetachAll => {
                        set.detach_all();
                        living.clear();
                    }
                    Step::Pass(seconds) => sleep(secs(seconds)).await,
                    Step::Try => if let Some(output) = set.try_join_next_with_id() {
                        take(&mut living, output.map_or_else(|error| error.id(), |(id, ())| id));
                    },
                    Step::Join => if let Some(output) = set.join_next_with_id().await {
                        take(&mut living, output.map_or_else(|error| error.id(), |(id, ())| id));
                    },
                }
                assert_eq!(set.len(), living.len());
            }
            while let Some(output) = set.join_next_with_id().await {
                take(&mut living, output.map_or_else(|error| error.id(), |(id, ())| id));
            }
            assert!(living.is_empty() && spawned >= living.len());
        });
    }
}
