//! `JoinMap`, `JoinQueue` and handles that abort on drop: keys, orders, nothing lost, nothing left.
#![allow(missing_docs, clippy::disallowed_types)]

mod support;

use filch::spawn;
use filch::sync::oneshot;
use filch::task::{AbortOnDrop, AbortOnDropHandle, JoinMap, JoinQueue, LocalSet, yield_now};
use filch::time::{sleep, timeout};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::hash::{BuildHasherDefault, Hasher};
use std::pin::pin;
use std::rc::Rc;
use support::{Census, Gate, after, once, panic_here, secs};

#[filch::test(start_paused = true)]
async fn keys_come_with_outputs_in_the_order_of_finishing() {
    let mut map = JoinMap::new();
    for seconds in [3, 1, 2] {
        map.spawn(seconds.to_string(), after(seconds, seconds));
    }
    assert_eq!((map.len(), map.keys().len()), (3, 3));
    assert!(map.contains_key("2") && !map.contains_key("4"));
    for expected in 1..=3 {
        let (key, output) = map.join_next().await.unwrap();
        assert_eq!((key, output.unwrap()), (expected.to_string(), expected));
    }
    assert!(map.is_empty() && map.join_next().await.is_none());
}

#[filch::test(start_paused = true)]
async fn one_with_the_same_key_takes_the_place_and_the_other_is_aborted() {
    let census = Census::default();
    let mut map = JoinMap::new();
    for round in 0..3 {
        let guard = census.guard();
        map.spawn("key", async move {
            let _guard = guard;
            after(1, round).await
        });
        yield_now().await;
    }
    assert_eq!(map.len(), 1);
    yield_now().await;
    assert_eq!(census.dead(), 2, "the replaced do not run on");
    assert_eq!(map.join_next().await.map(|(key, output)| (key, output.unwrap())), Some(("key", 2)));
    assert!(map.join_next().await.is_none(), "the replaced are told of by nobody");
}

#[filch::test(start_paused = true)]
async fn one_that_has_finished_is_replaced_as_well() {
    let mut map = JoinMap::new();
    map.spawn(1, async { "one" });
    yield_now().await;
    assert!(map.contains_key(&1), "it was not joined");
    map.spawn(1, async { "two" });
    assert_eq!(map.join_next().await.unwrap().1.unwrap(), "two");
    assert!(map.join_next().await.is_none());
}

#[filch::test(start_paused = true)]
async fn the_aborted_and_the_panicked_come_with_their_keys() {
    let mut map = JoinMap::new();
    map.spawn("stuck", pending());
    map.spawn("panics", async { panic!("boom") });
    map.spawn("fine", after(1, ()));
    assert!(map.abort("stuck") && !map.abort("nobody"));
    assert!(map.contains_key("stuck"), "until it is joined");
    let mut ends = BTreeMap::new();
    while let Some((key, end)) = map.join_next().await {
        ends.insert(key, end);
    }
    assert!(ends["stuck"].as_ref().unwrap_err().is_cancelled());
    assert!(ends["panics"].as_ref().unwrap_err().is_panic());
    assert!(ends["fine"].is_ok());
}

#[filch::test(start_paused = true)]
async fn some_can_be_aborted_by_their_keys() {
    let mut map = JoinMap::new();
    (0..10).for_each(|key| map.spawn(key, after(1, ())));
    map.abort_matching(|key| key % 3 == 0);
    while let Some((key, end)) = map.join_next().await {
        assert_eq!(end.is_err(), key % 3 == 0);
    }
    (0..10).for_each(|key| map.spawn(key, pending()));
    map.abort_all();
    assert_eq!(map.len(), 10);
    while let Some((_, end)) = map.join_next().await {
        assert!(end.unwrap_err().is_cancelled());
    }
}

#[filch::test(start_paused = true)]
async fn dropping_and_shutting_down_abort_and_detaching_does_not() {
    let census = Census::default();
    let fill = |seconds| {
        let mut map = JoinMap::new();
        for key in 0..5 {
            let guard = census.guard();
            map.spawn(key, async move {
                let _guard = guard;
                sleep(secs(seconds)).await;
            });
        }
        map
    };
    let map = fill(100);
    yield_now().await;
    drop(map);
    yield_now().await;
    assert_eq!(census.dead(), 5);
    let mut map = fill(100);
    map.spawn(0, pending());
    map.shutdown().await;
    assert_eq!((census.dead(), map.len()), (10, 0));
    assert!(!map.contains_key(&0));
    let mut map = fill(1);
    map.detach_all();
    assert!(map.is_empty() && !map.contains_key(&0) && map.keys().next().is_none());
    map.spawn(0, async {});
    assert_eq!(map.join_next().await.unwrap().0, 0);
    assert!(map.join_next().await.is_none());
    sleep(secs(2)).await;
    assert_eq!(census.dead(), 15);
}

#[filch::test]
async fn a_shutdown_that_is_given_up_has_forgotten_whom_it_has_joined() {
    let gate = Gate::new();
    let (began, begun) = oneshot::channel();
    let mut map = JoinMap::new();
    map.spawn("ends", pending());
    let blocks = gate.clone();
    map.spawn_blocking("stays", move || {
        began.send(()).unwrap();
        blocks.block();
    });
    begun.await.unwrap();
    {
        let mut shutdown = pin!(map.shutdown());
        for _ in 0..9 {
            _ = once(shutdown.as_mut()).await;
            yield_now().await;
        }
    }
    let left: Vec<_> = map.keys().copied().collect();
    let known = ["ends", "stays"].map(|key| map.contains_key(key));
    gate.open();
    assert_eq!((left, known, map.len()), (vec!["stays"], [false, true], 1));
    assert_eq!(map.join_next().await.unwrap().0, "stays");
    assert!(map.is_empty() && map.join_next().await.is_none());
}

#[filch::test(start_paused = true)]
async fn a_wait_for_the_next_that_is_dropped_loses_nothing() {
    let mut map = JoinMap::new();
    map.spawn(1, after(2, "late"));
    assert!(timeout(secs(1), map.join_next()).await.is_err());
    sleep(secs(5)).await;
    let (key, output) = map.join_next().await.unwrap();
    assert_eq!((key, output.unwrap()), (1, "late"));
}

#[test]
fn tasks_of_every_kind_go_into_a_map_and_a_queue() {
    let runtime = filch::runtime::Builder::new_current_thread().build().unwrap();
    let (mut map, mut queue) = (JoinMap::with_capacity(4), JoinQueue::with_capacity(4));
    assert!(map.capacity() >= 4);
    map.spawn_on("on", async { 1 }, runtime.handle());
    map.spawn_blocking_on("blocking on", || 2, runtime.handle());
    queue.spawn_on(async { 1 }, runtime.handle());
    queue.spawn_blocking_on(|| 2, runtime.handle());
    let local = LocalSet::new();
    let rc = Rc::new(3);
    let (one, two) = (rc.clone(), rc.clone());
    map.spawn_local_on("local on", async move { *one }, &local);
    queue.spawn_local_on(async move { *two }, &local);
    let (one, two) = (rc.clone(), rc);
    local.block_on(&runtime, async move {
        map.spawn_local("local", async move { *one + 1 });
        queue.spawn_local(async move { *two + 1 });
        map.spawn_blocking("blocking", || 5);
        queue.spawn_blocking(|| 5);
        let mut sum = 0;
        while let Some((_, output)) = map.join_next().await {
            sum += output.unwrap();
        }
        assert_eq!(sum, 15);
        assert_eq!(queue.join_all().await, [1, 2, 3, 4, 5]);
        map.shrink_to_fit();
    });
}

/// Gives all keys one hash.
#[derive(Default)]
struct Same;

impl Hasher for Same {
    fn finish(&self) -> u64 {
        7
    }
    fn write(&mut self, _: &[u8]) {}
}

#[filch::test(start_paused = true)]
async fn keys_with_one_hash_are_told_apart() {
    let mut map = JoinMap::with_hasher(BuildHasherDefault::<Same>::default());
    (0..5_u64).for_each(|key| map.spawn(key, after(key + 1, key)));
    map.spawn(3, after(1, 33));
    assert!(map.abort(&1));
    let mut ends = BTreeMap::new();
    while let Some((key, end)) = map.join_next().await {
        ends.insert(key, end.ok());
    }
    let expected = [(0, Some(0)), (1, None), (2, Some(2)), (3, Some(33)), (4, Some(4))];
    assert_eq!(ends, expected.into());
}

#[test]
fn spawning_outside_of_a_runtime_is_told_where_it_happens() {
    let mut map = JoinMap::new();
    panic_here(|| map.spawn(1, async {}));
    assert!(map.is_empty());
    let mut queue = JoinQueue::new();
    panic_here(|| queue.spawn(async {}));
}

#[filch::test(start_paused = true)]
async fn a_queue_gives_outputs_in_the_order_of_spawning() {
    let mut queue: JoinQueue<u64> =
        [3, 1, 2].map(|seconds| after(seconds, seconds)).into_iter().collect();
    sleep(secs(1)).await;
    assert!(queue.try_join_next().is_none(), "the first has not finished");
    assert!(timeout(secs(1), queue.join_next()).await.is_err());
    for expected in [3, 1, 2] {
        assert_eq!(queue.join_next().await.unwrap().unwrap(), expected);
    }
    assert!(
        queue.is_empty() && queue.join_next().await.is_none() && queue.try_join_next().is_none()
    );

    let aborts = queue.spawn(pending());
    let panics = queue.spawn(async { panic!("boom") });
    aborts.abort();
    let error = queue.join_next_with_id().await.unwrap().unwrap_err();
    assert!(error.is_cancelled() && error.id() == aborts.id());
    let error = queue.join_next().await.unwrap().unwrap_err();
    assert!(error.is_panic() && error.id() == panics.id());
    queue.spawn(pending());
    queue.shutdown().await;
    assert_eq!(queue.len(), 0);
}

#[filch::test(start_paused = true)]
async fn a_queue_that_is_dropped_aborts_and_one_that_is_detached_does_not() {
    let census = Census::default();
    for detach in [false, true] {
        let mut queue = JoinQueue::new();
        let guard = census.guard();
        queue.spawn(async move {
            let _guard = guard;
            sleep(secs(1)).await;
        });
        yield_now().await;
        if detach {
            queue.detach_all();
        }
        drop(queue);
        yield_now().await;
        assert_eq!(census.dead(), 1);
    }
    sleep(secs(2)).await;
    assert_eq!(census.dead(), 2);
}

#[filch::test(start_paused = true)]
async fn handles_abort_on_drop_unless_they_are_detached() {
    let task = AbortOnDropHandle::new(spawn(pending::<()>()));
    let watch = task.abort_handle();
    drop(task);
    yield_now().await;
    assert!(watch.is_finished());

    let task = AbortOnDropHandle::from(spawn(after(1, 5)));
    assert_eq!(task.as_ref().id(), task.abort_handle().id());
    let task = task.detach();
    assert_eq!(AbortOnDropHandle::new(task).await.unwrap(), 5);

    let task = spawn(pending::<()>());
    drop(AbortOnDrop::new(task.abort_handle()));
    assert!(task.await.unwrap_err().is_cancelled());

    let task = spawn(after(1, 5));
    let guard = AbortOnDrop::new(task.abort_handle());
    assert!(!guard.is_finished());
    drop(guard.detach());
    assert_eq!(task.await.unwrap(), 5);

    // Awaiting by reference takes the output and leaves the handle.
    let mut task = AbortOnDropHandle::new(spawn(after(1, 5)));
    assert!(timeout(secs(0), &mut task).await.is_err());
    assert_eq!((&mut task).await.unwrap(), 5);
    assert!(task.is_finished());
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Spawn(u8, u64),
    Abort(u8),
    Sleep(u64),
    Join,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..5_u8, 1..9_u64).prop_map(|(key, at)| Step::Spawn(key, at)),
        (0..5_u8).prop_map(Step::Abort),
        (1..4_u64).prop_map(Step::Sleep),
        Just(Step::Join),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn a_map_does_what_a_plain_map_does(steps in proptest::collection::vec(step(), 0..60)) {
        let _watch = support::watch();
        let runtime = filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut map = JoinMap::new();
            // Which number the task with this key gives, and whether it may have been aborted.
            let mut plain: BTreeMap<u8, (usize, bool)> = BTreeMap::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Spawn(key, at) => {
                        map.spawn(key, after(at, number));
                        plain.insert(key, (number, false));
                    }
                    Step::Abort(key) => {
                        prop_assert_eq!(map.abort(&key), plain.contains_key(&key));
                        if let Some((_, aborted)) = plain.get_mut(&key) {
                            *aborted = true;
                        }
                    }
                    Step::Sleep(seconds) => sleep(secs(seconds)).await,
                    Step::Join => match map.join_next().await {
                        None => prop_assert!(plain.is_empty()),
                        Some((key, end)) => {
                            let (number, aborted) = plain.remove(&key).unwrap();
                            match end {
                                Ok(output) => prop_assert_eq!(output, number),
                                Err(error) => prop_assert!(error.is_cancelled() && aborted),
                            }
                        }
                    },
                }
                prop_assert_eq!(map.len(), plain.len());
                let mut keys: Vec<u8> = map.keys().copied().collect();
                keys.sort_unstable();
                prop_assert_eq!(keys, plain.keys().copied().collect::<Vec<_>>());
                for key in 0..5 {
                    prop_assert_eq!(map.contains_key(&key), plain.contains_key(&key));
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_queue_gives_all_outputs_in_order(times in proptest::collection::vec(1..9_u64, 0..30)) {
        let runtime = filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut queue = JoinQueue::new();
            let mut plain = VecDeque::new();
            for (number, at) in times.into_iter().enumerate() {
                queue.spawn(after(at, number));
                plain.push_back(number);
                if at > 6 {
                    let output = queue.join_next().await.unwrap().unwrap();
                    prop_assert_eq!(Some(output), plain.pop_front());
                }
            }
            prop_assert_eq!(queue.join_all().await, Vec::from(plain));
            Ok(())
        })?;
    }
}
