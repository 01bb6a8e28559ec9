//! `TaskGroup`: no child outlives its block, every error comes out, every clean-up runs.
#![allow(missing_docs, clippy::disallowed_types)]

mod support;

use filch::cancel::{CancelSource, with_cleanup};
use filch::task::yield_now;
use filch::task_group::{ChildError, ErrorPolicy, GroupError};
use filch::time::{Instant, sleep, timeout};
use filch::{TaskGroup, spawn};
use proptest::prelude::*;
use std::future::{pending, poll_fn, ready};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use support::{Bell, after, poll_with, secs};

async fn panic_after(seconds: u64) -> Result<(), &'static str> {
    sleep(secs(seconds)).await;
    panic!("panicked")
}

fn said<E: Clone>(error: &GroupError<E>) -> Vec<E> {
    error.errors().iter().map(|error| error.error().clone()).collect()
}

#[filch::test(start_paused = true)]
async fn the_block_waits_for_its_children() {
    let start = Instant::now();
    let value = TaskGroup::scope(|group| async move {
        group.spawn(after(3, Ok::<_, ()>(())));
        group.spawn(after(5, Ok(())));
        Ok("body")
    });
    assert_eq!(value.await, Ok("body"));
    assert_eq!(start.elapsed(), secs(5));
}

#[filch::test(start_paused = true)]
async fn the_body_may_borrow_and_an_async_closure_will_do() {
    let words = vec!["one", "two"];
    let count = TaskGroup::<()>::scope(async |group: TaskGroup<()>| {
        let child = group.spawn(async { Ok(5) });
        Ok(words.len() + child.await.unwrap())
    });
    assert_eq!(count.await, Ok(7));
    drop(words);
}

#[filch::test(start_paused = true)]
async fn children_spawn_siblings_while_the_block_closes() {
    let count = Arc::new(AtomicUsize::new(0));
    fn grow(group: TaskGroup<()>, depth: u32, count: Arc<AtomicUsize>) {
        let again = group.clone();
        group.spawn(async move {
            count.fetch_add(1, Ordering::SeqCst);
            sleep(secs(1)).await;
            if depth > 0 {
                grow(again.clone(), depth - 1, count.clone());
                grow(again, depth - 1, count);
            }
            Ok(())
        });
    }
    let start = Instant::now();
    let kept = TaskGroup::scope(|group| {
        grow(group.clone(), 4, count.clone());
        async move { Ok(group) }
    });
    let group = kept.await.unwrap();
    assert_eq!((count.load(Ordering::SeqCst), start.elapsed()), (31, secs(5)));
    let refused = group.try_spawn(async { Ok(()) }).unwrap_err();
    assert_eq!(refused.0.await, Ok(()), "the future comes back");
}

#[filch::test(start_paused = true)]
async fn a_failure_cancels_the_body_and_the_siblings_which_clean_up() {
    let cleaned = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let count = cleaned.clone();
    let outcome = TaskGroup::scope(|group| async move {
        for _ in 0..3 {
            let count = count.clone();
            group.spawn(with_cleanup(after(100, Ok(())), async move {
                sleep(secs(2)).await;
                count.fetch_add(1, Ordering::SeqCst);
            }));
        }
        group.spawn(after(1, Err::<(), _>("first")));
        with_cleanup(after(100, Ok(())), async move {
            sleep(secs(1)).await;
            count.fetch_add(10, Ordering::SeqCst);
        })
        .await
    });
    let error = outcome.await.unwrap_err();
    assert_eq!(said(&error), ["first"]);
    assert!(error.errors()[0].task().is_some());
    assert_eq!((cleaned.load(Ordering::SeqCst), start.elapsed()), (13, secs(3)));
}

#[filch::test(start_paused = true)]
async fn errors_during_the_clean_up_are_told_too() {
    let outcome = TaskGroup::scope(|group| async move {
        group.spawn(async {
            let told = filch::cancel::catch_cancel(after(100, ())).await.unwrap_err();
            assert_eq!(told.reason().source(), CancelSource::Sibling);
            Err::<(), _>("second")
        });
        group.spawn(after(1, Err::<(), _>("first")));
        Ok(())
    });
    let error = outcome.await.unwrap_err();
    assert_eq!(said(&error), ["first", "second"]);
    assert_eq!(error.to_string(), "2 tasks of a group failed: first; second");
    assert_eq!(error.first(), Some(&"first"));
    assert!(error.into_single().is_err());
}

#[filch::test(start_paused = true)]
async fn an_error_of_the_body_is_one_of_the_group() {
    let start = Instant::now();
    let outcome = TaskGroup::scope(|group| async move {
        group.spawn(after(100, Ok(())));
        after(1, Err::<(), _>("body")).await
    });
    let error = outcome.await.unwrap_err();
    assert_eq!((error.errors()[0].task(), start.elapsed()), (None, secs(1)));
    assert_eq!(error.into_single(), Ok("body"));
}

#[filch::test(start_paused = true)]
async fn a_child_that_is_cancelled_or_aborted_is_no_error() {
    let outcome = TaskGroup::<()>::scope(|group| async move {
        let (one, two) = (group.spawn(after(9, Ok(1))), group.spawn(after(9, Ok(2))));
        yield_now().await;
        assert!(one.cancel("not needed"));
        two.abort();
        let Err(ChildError::Cancelled(Some(reason))) = one.await else { panic!("it has ended") };
        assert_eq!(reason.message(), Some("not needed"));
        assert_eq!(two.await, Err(ChildError::Cancelled(None)));
        Ok(3)
    });
    assert_eq!(outcome.await, Ok(3));
}

#[filch::test(start_paused = true)]
async fn a_panic_is_resumed_after_all_have_ended() {
    let cleaned = Arc::new(AtomicUsize::new(0));
    let count = cleaned.clone();
    let task = spawn(TaskGroup::scope(|group| async move {
        group.spawn(with_cleanup(after(100, Ok(())), async move {
            sleep(secs(2)).await;
            count.fetch_add(1, Ordering::SeqCst);
        }));
        group.spawn(async { panic_after(1).await });
        after(100, Err::<(), _>("never")).await
    }));
    let error = task.await.unwrap_err();
    assert_eq!(*error.into_panic().downcast_ref::<&str>().unwrap(), "panicked");
    assert_eq!(cleaned.load(Ordering::SeqCst), 1);
}

#[filch::test(start_paused = true)]
async fn children_are_cancelled_in_the_order_in_which_they_were_spawned() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let noted = order.clone();
    let outcome = TaskGroup::scope(|group| async move {
        for number in 0..50 {
            let noted = noted.clone();
            group.spawn(with_cleanup(after(100, Ok::<(), ()>(())), async move {
                noted.lock().unwrap().push(number);
            }));
        }
        yield_now().await;
        group.cancel("enough");
        Ok(())
    });
    assert_eq!(outcome.await, Ok(()));
    assert_eq!(*order.lock().unwrap(), Vec::from_iter(0..50));
}

struct Bad;

impl Drop for Bad {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[filch::test(start_paused = true)]
async fn a_child_whose_future_panics_as_it_is_cancelled_is_known_to_have_panicked() {
    let task = spawn(TaskGroup::<()>::scope(|group| async move {
        let child = group.spawn(async {
            let _bad = Bad;
            pending().await
        });
        yield_now().await;
        child.cancel("no more");
        let _: Result<(), _> = child.await;
        pending::<Result<(), ()>>().await
    }));
    let error = task.await.unwrap_err();
    assert_eq!(*error.into_panic().downcast_ref::<&str>().unwrap(), "dropped");
}

#[filch::test(start_paused = true)]
async fn a_child_whose_future_panics_as_it_is_dropped_is_known_to_have_panicked() {
    let task = spawn(TaskGroup::scope(|group| async move {
        let bad = Bad;
        group.spawn(poll_fn(move |_| {
            let _kept = &bad;
            Poll::Ready(Ok::<(), ()>(()))
        }));
        after(100, Err::<(), _>(())).await
    }));
    let error = task.await.unwrap_err();
    assert_eq!(*error.into_panic().downcast_ref::<&str>().unwrap(), "dropped");
}

#[filch::test(start_paused = true)]
async fn a_cancellation_from_outside_takes_the_children_along_and_goes_on() {
    let cleaned = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let count = cleaned.clone();
    let outcome = timeout(secs(5), async {
        let _ = TaskGroup::<()>::scope(|group| async move {
            group.spawn(with_cleanup(after(100, Ok(())), async move {
                sleep(secs(3)).await;
                count.fetch_add(1, Ordering::SeqCst);
            }));
            Ok(())
        })
        .await;
        unreachable!("the timeout is not the group's");
    });
    assert!(outcome.await.is_err());
    assert_eq!((cleaned.load(Ordering::SeqCst), start.elapsed()), (1, secs(8)));

    let task = spawn(TaskGroup::<()>::scope(|group| async move {
        group.spawn(after(100, Ok(())));
        after(100, Ok(())).await
    }));
    sleep(secs(1)).await;
    task.cancel("stop");
    assert_eq!(task.await.unwrap_err().reason().unwrap().message(), Some("stop"));
}

#[filch::test(start_paused = true)]
async fn errors_win_over_a_cancellation_that_is_not_lost() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let inner = log.clone();
    let task = spawn(async move {
        let outcome = TaskGroup::scope(|group| async move {
            group.spawn(async {
                filch::cancel::catch_cancel(after(100, ())).await.unwrap_err();
                Err::<(), _>("failed while leaving")
            });
            after(100, Ok(())).await
        });
        let error = outcome.await.unwrap_err();
        inner.lock().unwrap().push(said(&error)[0]);
        sleep(secs(1)).await;
        inner.lock().unwrap().push("never");
    });
    sleep(secs(1)).await;
    task.cancel("stop");
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(*log.lock().unwrap(), ["failed while leaving"]);
}

#[filch::test(start_paused = true)]
async fn a_block_that_is_dropped_cancels_its_children_which_clean_up_in_the_background() {
    let cleaned = Arc::new(AtomicUsize::new(0));
    let count = cleaned.clone();
    let mut block = Box::pin(TaskGroup::<()>::scope(|group| async move {
        group.spawn(with_cleanup(after(100, Ok(())), async move {
            sleep(secs(1)).await;
            count.fetch_add(1, Ordering::SeqCst);
        }));
        after(100, Ok(())).await
    }));
    filch::select! {
        biased;
        _ = &mut block => unreachable!(),
        () = sleep(secs(1)) => drop(block),
    }
    sleep(secs(2)).await;
    assert_eq!(cleaned.load(Ordering::SeqCst), 1);
}

#[filch::test(start_paused = true)]
async fn a_request_does_not_take_the_value_of_a_block_that_has_nothing_to_wait_for() {
    // While the body, which has its value, cleans up.
    let task = filch::spawn(async {
        let block = TaskGroup::<()>::scope(|group| async move {
            group.spawn(after(1, Ok(())));
            with_cleanup(after(2, Ok("value")), after(2, ())).await
        });
        block.await
    });
    sleep(secs(3)).await;
    task.cancel("too late");
    assert_eq!(task.await.unwrap(), Ok("value"));

    // With a child that still runs there is something to wait for.
    let task = filch::spawn(TaskGroup::<()>::scope(|group| async move {
        group.spawn(after(9, Ok(())));
        with_cleanup(after(2, Ok("value")), after(2, ())).await
    }));
    sleep(secs(3)).await;
    task.cancel("in time");
    assert!(task.await.unwrap_err().is_cancelled());
}

#[filch::test(start_paused = true)]
async fn a_group_may_be_ended_early() {
    let start = Instant::now();
    let outcome = TaskGroup::<()>::scope(|group| async move {
        group.spawn(after(100, Ok(())));
        let other = group.clone();
        group.spawn(async move {
            sleep(secs(2)).await;
            other.cancel("found");
            other.cancel("again");
            Ok(())
        });
        Ok("value")
    });
    assert_eq!(outcome.await, Ok("value"));
    assert_eq!(start.elapsed(), secs(2));

    let outcome = TaskGroup::<()>::scope(|group| async move {
        group.cancel("at once");
        assert!(group.is_cancelled());
        let late = group.spawn(after(100, Ok(())));
        late.await.expect("the body is given up here, before it is told of the child");
        Ok(())
    });
    assert!(outcome.await.unwrap_err().errors().is_empty());
}

#[filch::test(start_paused = true)]
async fn a_child_that_comes_while_the_group_is_cancelled_never_begins() {
    let begun = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let count = begun.clone();
    let outcome = TaskGroup::<()>::scope(|group| async move {
        let late = group.clone();
        let cleanup = async move {
            late.spawn(async move {
                count.fetch_add(1, Ordering::SeqCst);
                after(100, Ok(())).await
            });
        };
        group.spawn(with_cleanup(after(100, Ok(())), cleanup));
        sleep(secs(1)).await;
        group.cancel("enough");
        Ok(())
    });
    assert_eq!(outcome.await, Ok(()));
    assert_eq!((begun.load(Ordering::SeqCst), start.elapsed()), (0, secs(1)));
}

#[filch::test(start_paused = true)]
async fn policies_let_siblings_go_on() {
    let children = |group: &TaskGroup<&'static str>| {
        group.spawn(after(1, Err::<(), _>("one")));
        group.spawn(after(2, Err::<(), _>("two")));
    };
    let polite = TaskGroup::builder().policy(ErrorPolicy::WaitAll);
    let outcome = polite.scope(|group| {
        children(&group);
        after(3, Ok(()))
    });
    assert_eq!(said(&outcome.await.unwrap_err()), ["one", "two"]);

    let collecting = TaskGroup::builder().policy(ErrorPolicy::Collect);
    let outcome = collecting.scope(|group| async move {
        children(&group);
        sleep(secs(3)).await;
        Ok(group.take_errors().len())
    });
    assert_eq!(outcome.await, Ok(2));
}

#[filch::test(start_paused = true)]
async fn who_collects_errors_is_told_that_of_the_body_all_the_same() {
    let mut kept = None;
    let outcome = TaskGroup::builder().policy(ErrorPolicy::Collect).scope(|group| {
        kept = Some(group.clone());
        async move {
            group.spawn(after(1, Err::<(), _>("child")));
            after(2, Err::<(), _>("body")).await
        }
    });
    assert_eq!(said(&outcome.await.unwrap_err()), ["body"]);
    let collected = kept.unwrap().take_errors();
    assert_eq!(collected.len(), 1);
    assert_eq!(*collected[0].error(), "child");
}

#[filch::test(start_paused = true)]
async fn no_more_than_the_limit_run_at_a_time_in_order() {
    let start = Instant::now();
    let order = Arc::new(Mutex::new(Vec::new()));
    let outcome = TaskGroup::<()>::builder().limit(2).scope(|group| {
        for number in 0..6 {
            let order = order.clone();
            group.spawn(async move {
                order.lock().unwrap().push(number);
                sleep(secs(1)).await;
                Ok(())
            });
        }
        async { Ok(()) }
    });
    outcome.await.unwrap();
    assert_eq!(start.elapsed(), secs(3));
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4, 5]);
}

#[filch::test(start_paused = true)]
async fn start_waits_until_the_child_is_ready() {
    let start = Instant::now();
    let outcome = TaskGroup::scope(|group| async move {
        let ready = group.start(|started| async move {
            sleep(secs(2)).await;
            started.send(7);
            after(5, Ok(())).await
        });
        assert_eq!(ready.await, Ok(7));
        assert_eq!(start.elapsed(), secs(2));
        let early = group.start(|started| async move {
            drop::<filch::task_group::Started<()>>(started);
            Ok(())
        });
        assert_eq!(early.await, Err(ChildError::Failed));
        let fails = group.start(|_started: filch::task_group::Started<()>| async { Err("no") });
        assert_eq!(fails.await, Err(ChildError::Failed));
        Ok(())
    });
    assert_eq!(outcome.await.unwrap_err().into_single(), Ok("no"));
}

#[filch::test(start_paused = true)]
async fn groups_within_groups_flatten() {
    let outcome = TaskGroup::scope(|group| async move {
        for name in ["one", "two"] {
            let inner = TaskGroup::scope(move |group| async move {
                group.spawn(async move { Err::<(), _>(name) });
                Ok(())
            });
            group.spawn(inner);
        }
        Ok(())
    });
    let flat = outcome.await.unwrap_err().flatten();
    assert!(!flat.errors().is_empty() && said(&flat).contains(&"one"));
}

#[derive(Clone, Debug)]
enum Life {
    Gives(u64),
    Fails(u64),
    Panics(u64),
    Cleans(u64, u64),
}

fn life() -> impl Strategy<Value = Life> {
    prop_oneof![
        3 => (0..8_u64).prop_map(Life::Gives),
        1 => (0..8_u64).prop_map(Life::Fails),
        1 => (0..8_u64).prop_map(Life::Panics),
        2 => (0..8_u64, 0..4_u64).prop_map(|(life, cleanup)| Life::Cleans(life, cleanup)),
    ]
}

/// What a plain calculation says about a group whose children live so, with a timeout around.
fn expected(lives: &[Life], limit: u64) -> (Option<u64>, u64) {
    let first = lives.iter().filter_map(|life| match life {
        Life::Fails(at) | Life::Panics(at) => Some(*at),
        _ => None,
    });
    let failure = first.min();
    // When the rest is cancelled, if it is.
    let cut = failure.unwrap_or(u64::MAX).min(limit);
    let end = lives.iter().map(|life| match life {
        Life::Gives(at) | Life::Fails(at) | Life::Panics(at) => (*at).min(cut),
        Life::Cleans(at, cleanup) => (*at).min(cut) + cleanup,
    });
    (failure.filter(|at| *at < limit), end.max().unwrap_or(0))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn every_child_ends_and_every_clean_up_runs_once(
        lives in proptest::collection::vec(life(), 0..8),
        limit in 1..10_u64,
    ) {
        let runtime = filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap();
        let (failure, end) = expected(&lives, limit);
        let living = Arc::new(AtomicUsize::new(0));
        let cleaned = Arc::new(AtomicUsize::new(0));
        let cleanups = lives.iter().filter(|life| matches!(life, Life::Cleans(..))).count();
        let (alive, clean) = (living.clone(), cleaned.clone());
        let (outcome, took) = runtime.block_on(async move {
            struct Alive(Arc<AtomicUsize>);
            impl Drop for Alive {
                fn drop(&mut self) {
                    self.0.fetch_sub(1, Ordering::SeqCst);
                }
            }
            let start = Instant::now();
            let block = TaskGroup::scope(|group| async move {
                for life in lives {
                    alive.fetch_add(1, Ordering::SeqCst);
                    let (guard, clean) = (Alive(alive.clone()), clean.clone());
                    group.spawn(async move {
                        let _guard = guard;
                        match life {
                            Life::Gives(at) => after(at, Ok(())).await,
                            Life::Fails(at) => after(at, Err("failed")).await,
                            Life::Panics(at) => panic_after(at).await,
                            Life::Cleans(at, cleanup) => {
                                with_cleanup(after(at, Ok(())), async move {
                                    sleep(secs(cleanup)).await;
                                    clean.fetch_add(1, Ordering::SeqCst);
                                })
                                .await
                            }
                        }
                    });
                }
                Ok(())
            });
            let outcome = spawn(timeout(secs(limit), block)).await;
            (outcome, start.elapsed().as_secs())
        });
        prop_assert_eq!(living.load(Ordering::SeqCst), 0, "a child outlives its block");
        prop_assert_eq!(cleaned.load(Ordering::SeqCst), cleanups);
        // A sleep of nothing takes one turn, in which others go first.
        prop_assert_eq!(took, end);
        if let Some(at) = failure && at > 0 {
            prop_assert!(!matches!(outcome, Ok(Ok(Ok(())))), "{:?}", outcome);
        }
    }
}

#[test]
fn many_children_on_two_workers() {
    let runtime = filch::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for round in 0..50 {
        let living = Arc::new(AtomicUsize::new(0));
        let alive = living.clone();
        let outcome = runtime.block_on(TaskGroup::scope(|group| async move {
            for number in 0..100 {
                let alive = alive.clone();
                group.spawn(async move {
                    alive.fetch_add(1, Ordering::SeqCst);
                    let work = AssertUnwindSafe(async {
                        yield_now().await;
                        if number == 50 && round % 2 == 0 { Err("failed") } else { Ok(()) }
                    });
                    let outcome = with_cleanup(work.0, async {
                        yield_now().await;
                        alive.fetch_sub(1, Ordering::SeqCst);
                    });
                    outcome.await
                });
            }
            Ok(())
        }));
        assert_eq!(outcome.is_err(), round % 2 == 0);
        assert_eq!(living.load(Ordering::SeqCst), 0);
    }
}

#[filch::test]
async fn who_keeps_a_group_that_is_over_keeps_no_waker() {
    let (bell, waker) = Bell::new();
    let mut over = Box::pin(TaskGroup::<()>::scope(|group| ready(Ok(group))));
    let Poll::Ready(Ok(kept)) = poll_with(&mut over, &waker) else { panic!("it has no children") };
    let mut dropped = Box::pin(TaskGroup::<()>::scope(|group| {
        let kept = group.clone();
        async move {
            let _kept = kept;
            pending::<Result<(), ()>>().await
        }
    }));
    assert!(poll_with(&mut dropped, &waker).is_pending());
    drop((over, dropped, waker));
    assert_eq!((Arc::strong_count(&bell), kept.len()), (1, 0));
}
