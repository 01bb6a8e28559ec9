//! Portals: plain threads call async functions.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use filch::cancel::with_cleanup;
use filch::contextvars::{Context, ContextVar};
use filch::portal::{BlockingPortal, Portal, start_blocking_portal};
use filch::runtime::{Builder, Handle};
use filch::task::{self, yield_now};
use filch::time::sleep;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;
use support::{Census, Gate, ON_PURPOSE, current, multi, panic_here, panic_of, said, until, watch};

#[test]
fn plain_threads_call_async_functions() {
    let _watch = watch();
    let portal = start_blocking_portal().unwrap();
    let called_from = thread::current().id();
    let name = "Ann".to_owned();
    let (greeting, ran_on) = portal
        .call(async move || {
            sleep(Duration::from_micros(10)).await;
            drop(filch::spawn(async {}));
            (format!("hello {name}"), thread::current().id())
        })
        .unwrap();
    assert_eq!(greeting, "hello Ann");
    assert_ne!(ran_on, called_from);
    async fn function() -> u32 {
        yield_now().await;
        3
    }
    assert_eq!(portal.call(function).unwrap(), 3);
    thread::scope(|scope| {
        for n in 0..8 {
            let portal = &portal;
            scope.spawn(move || {
                for k in 0..50 {
                    assert_eq!(portal.call(move || async move { n * k }).unwrap(), n * k);
                }
            });
        }
    });
}

#[test]
fn a_panic_comes_back_as_an_error() {
    let _watch = watch();
    let portal = start_blocking_portal().unwrap();
    let error = portal.call(async || panic!("{ON_PURPOSE}: in a call")).unwrap_err();
    assert_eq!(error.spawned_at().file(), file!());
    assert_eq!(said(&*error.into_panic()), format!("{ON_PURPOSE}: in a call"));
    // Also one before the first await, in the function itself.
    fn early() -> std::future::Ready<()> {
        panic!("{ON_PURPOSE}: early")
    }
    assert!(portal.call(early).unwrap_err().is_panic());
    assert_eq!(portal.call(async || 1).unwrap(), 1);
}

#[test]
fn a_call_has_the_context_of_its_thread() {
    let _watch = watch();
    static WHO: ContextVar<u32> = ContextVar::new("who");
    let portal = start_blocking_portal().unwrap();
    Context::new().run(|| {
        WHO.set(1);
        let inside = portal.call(async || {
            let inherited = WHO.get();
            WHO.set(2);
            inherited
        });
        assert_eq!((inside.unwrap(), WHO.get()), (1, 1));
    });
}

#[test]
fn tasks_are_waited_for_with_a_limit_or_without() {
    let _watch = watch();
    for runtime in [current(), multi(2)] {
        let portal = BlockingPortal::start(runtime).unwrap();
        let hold = Gate::new();
        let wait = hold.clone();
        let mut task = portal.start_task_soon(async move {
            wait.pass().await;
            7
        });
        assert!(task.blocking_wait(Duration::ZERO).is_err());
        assert!(task.blocking_wait(Duration::from_millis(2)).is_err());
        hold.open();
        assert_eq!(task.blocking_wait(Duration::MAX).unwrap().unwrap(), 7);
        assert!(panic_of(|| task.blocking_wait(None)).contains("polled again"));
    }
}

#[test]
fn a_wait_on_a_thread_that_others_need_is_a_mistake() {
    let _watch = watch();
    let portal = Arc::new(start_blocking_portal().unwrap());
    for runtime in [current(), multi(1)] {
        let portal = portal.clone();
        let misuse = async move {
            let said = panic_here(|| portal.call(async || 1));
            assert!(said.contains("`Portal::call`") && said.contains("await"), "{said}");
            let mut task = filch::spawn(async {});
            let said = panic_here(|| task.blocking_wait(None));
            assert!(said.contains("await the handle"), "{said}");
            task.await.unwrap();
            // Elsewhere it is none, and spawning never is.
            assert_eq!(portal.start_task_soon(async { 1 }).await.unwrap(), 1);
            let elsewhere = task::spawn_blocking(move || portal.call(async || 2).unwrap());
            assert_eq!(elsewhere.await.unwrap(), 2);
        };
        runtime.block_on(runtime.spawn(misuse)).unwrap();
    }
    multi(1).block_on(async {
        let portal = portal.clone();
        let task =
            filch::spawn(async move { task::block_in_place(|| portal.call(async || 3).unwrap()) });
        assert_eq!(task.await.unwrap(), 3);
    });
}

#[test]
fn virtual_time_goes_on_while_a_job_waits_for_a_call() {
    let _watch = watch();
    let runtime = Builder::new_current_thread().start_paused(true).build().unwrap();
    let portal = Portal::new(runtime.handle());
    runtime.block_on(async {
        let start = filch::time::Instant::now();
        let job = task::spawn_blocking(move || {
            portal.call(|| sleep(Duration::from_secs(3600))).unwrap();
            start.elapsed()
        });
        assert_eq!(job.await.unwrap(), Duration::from_secs(3600));
    });
}

// ── the end ──────────────────────────────────────────────────────────────────────────────────────

#[test]
fn the_end_waits_for_the_tasks() {
    let _watch = watch();
    let portal = start_blocking_portal().unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    for _ in 0..100 {
        let done = done.clone();
        drop(portal.start_task_soon(async move {
            for _ in 0..3 {
                yield_now().await;
            }
            done.fetch_add(1, SeqCst);
        }));
    }
    drop(portal);
    assert_eq!(done.load(SeqCst), 100);
}

#[test]
fn or_it_cancels_them_and_they_may_clean_up() {
    let _watch = watch();
    let portal = start_blocking_portal().unwrap();
    let cleaned = Arc::new(AtomicUsize::new(0));
    let begun = Arc::new(AtomicUsize::new(0));
    let mut tasks: Vec<_> = (0..40)
        .map(|_| {
            let (cleaned, begun) = (cleaned.clone(), begun.clone());
            let waits = async move {
                begun.fetch_add(1, SeqCst);
                std::future::pending::<()>().await;
            };
            portal.start_task_soon(with_cleanup(waits, async move {
                yield_now().await;
                cleaned.fetch_add(1, SeqCst);
            }))
        })
        .collect();
    until(|| begun.load(SeqCst) == 40);
    portal.stop(true);
    for task in &mut tasks {
        let error = task.blocking_wait(None).unwrap().unwrap_err();
        assert_eq!(error.reason().unwrap().message(), Some("the portal was stopped"));
    }
    assert_eq!(cleaned.load(SeqCst), 40);
}

#[test]
fn after_the_end_nothing_begins() {
    let _watch = watch();
    let runtime = multi(1);
    for runtime_lives in [true, false] {
        let portal = Portal::new(runtime.handle());
        if runtime_lives {
            portal.stop(false);
        } else {
            let other = multi(1);
            let portal = Portal::new(other.handle());
            drop(other);
            assert!(portal.call(async || 1).unwrap_err().is_cancelled());
            continue;
        }
        let census = Census::default();
        let guard = census.guard();
        let mut task = portal.start_task_soon(async move { drop(guard) });
        assert_eq!(census.dead(), 1);
        let error = task.blocking_wait(None).unwrap().unwrap_err();
        assert!(error.to_string().contains("the portal was stopped"), "{error}");
        assert!(portal.call(async || unreachable!()).unwrap_err().is_cancelled());
    }
}

/// Without anybody who drives the runtime: nothing has to be polled for that.
#[test]
fn after_the_end_the_answer_comes_at_once() {
    let _watch = watch();
    let runtime = current();
    let portal = Portal::new(runtime.handle());
    portal.stop(false);
    let mut task = portal.start_task_soon(async {});
    assert!(task.is_finished());
    let error = task.blocking_wait(None).unwrap().unwrap_err();
    assert_eq!(error.reason().unwrap().message(), Some("the portal was stopped"));
    assert_eq!(error.spawned_at().file(), file!());
    assert!(portal.call(async || unreachable!()).unwrap_err().is_cancelled());
    assert_eq!(runtime.metrics().num_alive_tasks(), 0);
}

#[test]
fn a_portal_of_a_runtime_waits_for_its_own_tasks_only() {
    let _watch = watch();
    let runtime = current();
    runtime.block_on(async {
        let other = filch::spawn(std::future::pending::<()>());
        let portal = Portal::new(&Handle::current());
        let from_outside = portal.clone();
        let outside = thread::spawn(move || {
            let sum: u32 =
                (1..=3).map(|n| from_outside.call(move || async move { n }).unwrap()).sum();
            from_outside.stop(false);
            sum
        });
        portal.stopped().await;
        assert_eq!(outside.join().unwrap(), 6);
        assert!(!other.is_finished());
        assert_eq!(format!("{portal:?}"), "Portal { stopped: true, tasks: 0, .. }");
    });
}

#[test]
fn tasks_that_finish_are_forgotten() {
    let _watch = watch();
    let portal = start_blocking_portal().unwrap();
    let census = Census::default();
    for _ in 0..1000 {
        let guard = census.guard();
        portal.call(async move || drop(guard)).unwrap();
    }
    assert_eq!(census.dead(), 1000);
    until(|| format!("{portal:?}").contains("tasks: 0"));
}

#[test]
fn while_its_thread_panics_the_tasks_are_cancelled() {
    let _watch = watch();
    let hold = Gate::new();
    let wait = hold.clone();
    panic_of(move || {
        let portal = start_blocking_portal().unwrap();
        drop(portal.start_task_soon(async move { wait.pass().await }));
        panic!("{ON_PURPOSE}: and the drop does not wait for ever");
    });
    assert!(!hold.is_open());
}

#[test]
fn dropping_one_in_async_code_is_a_mistake_that_hangs_nobody() {
    let _watch = watch();
    let runtime = current();
    runtime.block_on(async {
        let portal = start_blocking_portal().unwrap();
        let mut stuck = portal.start_task_soon(std::future::pending::<()>());
        let said = panic_of(move || drop(portal));
        assert!(said.contains("dropped inside of async code"), "{said}");
        assert!((&mut stuck).await.unwrap_err().is_cancelled());
    });
}

#[test]
fn one_that_is_dropped_on_a_thread_of_its_own_runtime_does_not_wait_for_itself() {
    let _watch = watch();
    let portal = start_blocking_portal().unwrap();
    let (handle, hold) = (portal.handle().clone(), Gate::new());
    let end = hold.clone();
    drop(handle.spawn_blocking(move || {
        drop(portal);
        end.open();
    }));
    hold.block();
}

#[test]
fn calls_race_with_the_end_and_each_is_answered() {
    let _watch = watch();
    for round in 0..40 {
        let portal = start_blocking_portal().unwrap();
        thread::scope(|scope| {
            let calls = || {
                while let Ok(one) = portal.call(async || 1) {
                    assert_eq!(one, 1);
                }
            };
            scope.spawn(calls);
            scope.spawn(calls);
            (0..round).for_each(|_| thread::yield_now());
            portal.stop(round % 2 == 0);
        });
    }
}
