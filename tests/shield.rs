//! What is shielded runs to its end, whatever becomes of those who wait for it.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use filch::cancel::{CancelScope, with_cleanup};
use filch::task::yield_now;
use filch::time::{Duration, Instant, sleep, timeout};
use filch::{Shielded, TaskGroup, shield, spawn};
use std::future::pending;
use support::{Census, Gate, ON_PURPOSE, current, on_each_flavour, panic_here, watch};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A shielded future that is done when its gate is open, and counted while it lives.
fn gated(census: &Census, gate: &Gate) -> Shielded<&'static str> {
    let (citizen, gate) = (census.guard(), gate.clone());
    shield(async move {
        let _citizen = citizen;
        gate.pass().await;
        "done"
    })
}

async fn when_dead(census: &Census) {
    while census.dead() < census.born() {
        yield_now().await;
    }
}

#[test]
fn it_begins_without_being_awaited_and_gives_its_output() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let gate = Gate::new();
            let opener = gate.clone();
            let shielded = shield(async move { opener.open() });
            gate.pass().await;
            shielded.await.unwrap();
        });
    });
}

#[test]
fn a_waiter_that_is_aborted_or_cancelled_leaves_it_running() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            for cancel in [false, true] {
                let (census, gate) = (Census::default(), Gate::new());
                let waiter = spawn({
                    let (census, gate) = (census.clone(), gate.clone());
                    async move { gated(&census, &gate).await }
                });
                while gate.waiting() == 0 {
                    yield_now().await;
                }
                match cancel {
                    true => _ = waiter.cancel("no interest"),
                    false => waiter.abort(),
                }
                assert!(waiter.await.unwrap_err().is_cancelled());
                assert_eq!(census.dead(), 0);
                gate.open();
                when_dead(&census).await;
            }
        });
    });
}

#[filch::test(start_paused = true)]
async fn a_wait_that_was_given_up_can_be_taken_up_again() {
    let start = Instant::now();
    let mut shielded = shield(async {
        sleep(secs(10)).await;
        7
    });
    assert!(timeout(secs(1), &mut shielded).await.is_err());
    assert!(CancelScope::new().run(timeout(secs(1), &mut shielded)).await.unwrap().is_err());
    assert!(!shielded.is_finished());
    assert_eq!(shielded.await.unwrap(), 7);
    assert_eq!(start.elapsed(), secs(10));
}

#[filch::test(start_paused = true)]
async fn a_group_that_fails_does_not_reach_behind_a_shield() {
    let (census, gate) = (Census::default(), Gate::new());
    let ended = TaskGroup::scope(|group| {
        let (census, gate) = (census.clone(), gate.clone());
        async move {
            group.spawn(async move {
                gated(&census, &gate).await.unwrap();
                Ok(())
            });
            group.spawn(async {
                sleep(secs(1)).await;
                Err::<(), _>("fails")
            });
            pending::<Result<(), _>>().await
        }
    });
    assert!(ended.await.is_err());
    assert_eq!(census.dead(), 0);
    gate.open();
    when_dead(&census).await;
}

#[test]
fn what_is_cancelled_by_others_is_an_error_for_the_waiter() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let shielded = shield(pending::<()>());
            assert_eq!(shielded.abort_handle().id(), shielded.id());
            assert!(shielded.abort_handle().cancel("by others"));
            let error = shielded.await.unwrap_err();
            assert_eq!(error.reason().unwrap().message(), Some("by others"));
            let shielded = shield(async { panic!("{ON_PURPOSE}") });
            assert!(shielded.await.unwrap_err().is_panic());
        });
        let orphan = {
            let _here = runtime.enter();
            shield(pending::<()>())
        };
        drop(runtime);
        assert!(current().block_on(orphan).unwrap_err().is_cancelled());
    });
}

#[filch::test(start_paused = true)]
async fn its_own_clean_up_runs_when_it_is_cancelled() {
    let start = Instant::now();
    let shielded = shield(with_cleanup(pending::<()>(), async { sleep(secs(3)).await }));
    yield_now().await;
    shielded.abort_handle().cancel("over");
    assert!(shielded.await.unwrap_err().is_cancelled());
    assert_eq!(start.elapsed(), secs(3));
}

#[test]
fn dropping_it_detaches_and_a_panic_after_that_ends_nothing_else() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let (census, gate) = (Census::default(), Gate::new());
            let (citizen, passage) = (census.guard(), gate.clone());
            drop(shield(async move {
                let _citizen = citizen;
                passage.pass().await;
                panic!("{ON_PURPOSE}");
            }));
            gate.open();
            when_dead(&census).await;
            spawn(async {}).await.unwrap();
        });
    });
}

#[filch::test(start_paused = true)]
async fn a_task_that_there_is_becomes_a_shielded_one_and_back() {
    let task = spawn(async {
        sleep(secs(5)).await;
        1
    });
    let id = task.id();
    let mut shielded = Shielded::from(task);
    assert_eq!(shielded.id(), id);
    assert!(timeout(secs(1), &mut shielded).await.is_err());
    assert_eq!(shielded.into_handle().await.unwrap(), 1);
}

#[test]
fn without_a_runtime_the_caller_is_told() {
    let _watch = watch();
    assert!(panic_here(|| shield(async {})).contains("no filch runtime"));
}
