//! What a `JoinHandle` promises: the output once, the right waker woken, nothing kept.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// Some handles leave their block unawaited on purpose; a `()` fixes the type of what only panics.
#![allow(clippy::async_yields_async, clippy::let_unit_value)]

mod support;

use filch::task::{self, JoinHandle, yield_now};
use std::future::pending;
use std::io;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use support::{
    Bell, Census, Gate, ON_PURPOSE, OnWake, current, multi, on_each_flavour, panic_here, panic_of,
    poll_with, until, watch,
};

#[test]
fn the_output_comes_to_the_handle_once() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let census = Census::default();
        let guard = census.guard();
        let mut task = runtime.spawn(async move { guard });
        runtime.block_on(async {
            let guard = (&mut task).await.unwrap();
            assert_eq!(census.dead(), 0);
            drop(guard);
            assert_eq!(census.dead(), 1);
        });
        let message = panic_of(|| poll_with(&mut task, Waker::noop()));
        assert!(message.contains("polled again after it gave its output"), "{message}");
        drop(task);
        assert_eq!(census.dead(), 1);
    });
}

#[test]
fn a_task_without_a_handle_goes_on_and_its_output_is_dropped() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let census = Census::default();
        let (guard, gate, done) = (census.guard(), Gate::new(), Gate::new());
        drop(runtime.spawn({
            let (gate, done) = (gate.clone(), done.clone());
            async move {
                gate.pass().await;
                done.open();
                guard
            }
        }));
        runtime.block_on(async {
            yield_now().await;
            gate.open();
            done.pass().await;
            while census.dead() == 0 {
                yield_now().await;
            }
        });
        assert_eq!(census.dead(), 1);
    });
}

#[test]
fn a_handle_dropped_after_the_end_drops_the_output() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let census = Census::default();
        let guard = census.guard();
        let task = runtime.spawn(async move { guard });
        runtime.block_on(async {
            while !task.is_finished() {
                yield_now().await;
            }
        });
        assert_eq!(census.dead(), 0);
        drop(task);
        assert_eq!(census.dead(), 1);
    });
}

#[test]
fn finished_is_seen_when_the_output_can_be_had_and_not_before() {
    let _watch = watch();
    let runtime = multi(2);
    let gate = Gate::new();
    let pass = gate.clone();
    let mut task = runtime.spawn(async move { pass.pass().await });
    assert!(!task.is_finished());
    assert!(!task.abort_handle().is_finished());
    gate.open();
    until(|| task.is_finished());
    assert!(task.abort_handle().is_finished());
    assert!(poll_with(&mut task, Waker::noop()).is_ready());
}

#[test]
fn only_the_waker_that_polled_last_is_woken() {
    let _watch = watch();
    let runtime = multi(2);
    let gate = Gate::new();
    let pass = gate.clone();
    let mut task = runtime.spawn(async move { pass.pass().await });
    let ((first, first_waker), (second, second_waker)) = (Bell::new(), Bell::new());
    for _ in 0..3 {
        assert!(poll_with(&mut task, &first_waker).is_pending());
    }
    assert!(poll_with(&mut task, &second_waker).is_pending());
    drop((first_waker, second_waker));
    assert_eq!(Arc::strong_count(&first), 1, "the handle keeps a waker it will not wake");
    assert_eq!(Arc::strong_count(&second), 2);
    gate.open();
    until(|| second.rang() == 1);
    assert_eq!(first.rang(), 0);
    assert!(poll_with(&mut task, Waker::noop()).is_ready());
    until(|| Arc::strong_count(&second) == 1);
}

// Bug 22: a waker must not stay behind when either side is gone.
#[test]
fn a_dropped_handle_leaves_no_waker_behind() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let (bell, waker) = Bell::new();
        let mut task = runtime.spawn(pending::<()>());
        assert!(poll_with(&mut task, &waker).is_pending());
        drop(waker);
        assert_eq!(Arc::strong_count(&bell), 2);
        drop(task);
        assert_eq!(Arc::strong_count(&bell), 1);
        assert_eq!(bell.rang(), 0);
    });
}

// Bug 22, the other half.
#[test]
fn a_finished_task_leaves_no_waker_behind() {
    let _watch = watch();
    let (bell, waker) = Bell::new();
    let runtime = multi(1);
    let gate = Gate::new();
    let pass = gate.clone();
    let mut task = runtime.spawn(async move { pass.pass().await });
    assert!(poll_with(&mut task, &waker).is_pending());
    drop(waker);
    gate.open();
    until(|| Arc::strong_count(&bell) == 1);
    assert_eq!(bell.rang(), 1);
    assert!(poll_with(&mut task, Waker::noop()).is_ready());
}

// Bug 22: a runtime that ends.
#[test]
fn a_runtime_that_ends_leaves_no_waker_behind() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let (bell, waker) = Bell::new();
        let mut task = runtime.spawn(pending::<()>());
        assert!(poll_with(&mut task, &waker).is_pending());
        drop(waker);
        drop(runtime);
        assert_eq!(bell.rang(), 1);
        assert_eq!(Arc::strong_count(&bell), 1);
        match poll_with(&mut task, Waker::noop()) {
            Poll::Ready(Err(error)) => assert!(error.is_cancelled()),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_join_waker_may_do_anything_with_the_runtime() {
    let _watch = watch();
    let runtime = multi(1);
    let handle = runtime.handle().clone();
    let (send, receive) = mpsc::channel();
    let slot: Arc<Mutex<Option<JoinHandle<()>>>> = Arc::default();
    let gate = Gate::new();
    let pass = gate.clone();
    let mut task = runtime.spawn(async move { pass.pass().await });
    let waker = Waker::from(Arc::new(OnWake({
        let slot = slot.clone();
        let send = Mutex::new(send);
        move || {
            // Spawns, and polls and drops the very handle that is being woken.
            drop(handle.spawn(async {}));
            until(|| slot.lock().unwrap().is_some());
            let mut task = slot.lock().unwrap().take().unwrap();
            let ready = poll_with(&mut task, Waker::noop()).is_ready();
            drop(task);
            send.lock().unwrap().send(ready).unwrap();
        }
    })));
    assert!(poll_with(&mut task, &waker).is_pending());
    *slot.lock().unwrap() = Some(task);
    gate.open();
    assert!(receive.recv().unwrap());
    runtime.block_on(runtime.spawn(async {})).unwrap();
}

#[test]
fn a_handle_may_be_awaited_on_any_thread_and_runtime() {
    let _watch = watch();
    let (one, other) = (multi(1), multi(1));
    let gate = Gate::new();
    let pass = gate.clone();
    let task = one.spawn(async move {
        pass.pass().await;
        3
    });
    let there = other.spawn(async move { task.await.unwrap() + 1 });
    gate.open();
    let waits = thread::spawn(move || other.block_on(there).unwrap());
    assert_eq!(waits.join().unwrap(), 4);
}

#[test]
fn handles_race_with_ends_and_every_output_is_dropped_once() {
    let _watch = watch();
    let runtime = multi(2);
    let census = Census::default();
    for round in 0..20_000 {
        let (guard, inside) = (census.guard(), census.guard());
        let mut task = runtime.spawn(async move {
            let _inside = inside;
            guard
        });
        match round % 3 {
            0 => drop(task),
            1 => {
                let _ = poll_with(&mut task, Waker::noop());
            }
            _ => drop(runtime.block_on(task).unwrap()),
        }
    }
    until(|| census.dead() == census.born());
    drop(runtime);
    assert_eq!((census.born(), census.dead()), (40_000, 40_000));
}

#[test]
fn an_error_says_what_happened_to_which_task() {
    let _watch = watch();
    let runtime = multi(1);
    let task = runtime.spawn(pending::<()>());
    let id = task.id();
    task.abort();
    let cancelled = runtime.block_on(task).unwrap_err();
    assert!(cancelled.is_cancelled() && !cancelled.is_panic());
    assert_eq!(cancelled.id(), id);
    assert_eq!(cancelled.to_string(), format!("task {id} was cancelled"));
    let cancelled = cancelled.try_into_panic().unwrap_err();
    let message = panic_here(|| cancelled.into_panic());
    assert!(message.contains("`JoinError::into_panic` on an error that is no panic"), "{message}");

    let task = runtime.spawn(async { panic!("{ON_PURPOSE}: {}", 1) });
    let (id, line) = (task.id(), line!() - 1);
    let error = runtime.block_on(task).unwrap_err();
    let () = assert!(error.is_panic() && !error.is_cancelled());
    assert_eq!((error.id(), error.spawned_at().line()), (id, line));
    assert_eq!(error.to_string(), format!("task {id} panicked with message \"on purpose: 1\""));
    assert_eq!(support::said(&*error.into_panic()), "on purpose: 1");

    let task = runtime.spawn(async { std::panic::resume_unwind(Box::new(5u8)) });
    let error = runtime.block_on(task).unwrap_err();
    let () = assert_eq!(error.to_string(), format!("task {} panicked", error.id()));
    assert_eq!(*error.into_panic().downcast::<u8>().unwrap(), 5);
}

#[test]
fn an_error_becomes_one_of_input_and_output() {
    let _watch = watch();
    let runtime = multi(1);
    let task = runtime.spawn(pending::<()>());
    task.abort();
    let error: io::Error = runtime.block_on(task).unwrap_err().into();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (io::ErrorKind::Other, "task was cancelled")
    );
}

// Bug 46: chains of tasks that own each other.
const LINKS: usize = 1_000_000;

#[test]
fn a_million_tasks_that_await_each_other_end_on_a_small_stack() {
    let _watch = watch();
    for runtime in [current(), multi(2)] {
        let gate = Gate::new();
        let pass = gate.clone();
        let first = runtime.spawn(async move {
            pass.pass().await;
            0usize
        });
        let last =
            (0..LINKS).fold(first, |next, _| runtime.spawn(async move { next.await.unwrap() + 1 }));
        gate.open();
        assert_eq!(runtime.block_on(last).unwrap(), LINKS);
    }
}

#[test]
fn a_million_tasks_that_own_each_other_are_dropped_on_a_small_stack() {
    let _watch = watch();
    for runtime in [current(), multi(2)] {
        let census = Census::default();
        let last = (0..LINKS).fold(runtime.spawn(pending::<()>()), |next, _| {
            let guard = census.guard();
            runtime.spawn(async move {
                let _guard = guard;
                let _ = next.await;
            })
        });
        drop(last);
        drop(runtime);
        assert_eq!(census.dead(), LINKS);
    }
}

#[test]
fn a_chain_of_outputs_that_own_each_other_s_handles_is_dropped_on_a_small_stack() {
    struct Link {
        _before: Option<JoinHandle<Link>>,
        _guard: support::Citizen,
    }
    let _watch = watch();
    for runtime in [current(), multi(2)] {
        let census = Census::default();
        let guard = census.guard();
        let mut last = runtime.spawn(async { Link { _before: None, _guard: guard } });
        for _ in 1..LINKS {
            let guard = census.guard();
            last = runtime.spawn(async move { Link { _before: Some(last), _guard: guard } });
        }
        // All are complete, and nothing but the last handle is left.
        runtime.block_on(async {
            while runtime.metrics().num_alive_tasks() > 0 {
                yield_now().await;
            }
        });
        drop(last);
        assert_eq!(census.dead(), LINKS);
    }
}

#[test]
fn aborting_one_of_a_chain_wakes_the_rest_one_after_the_other() {
    let _watch = watch();
    let runtime = multi(2);
    let first = runtime.spawn(pending::<()>());
    let abort = first.abort_handle();
    let last = (0..100_000).fold(first, |next, _| {
        runtime.spawn(async move {
            assert!(next.await.is_ok() || task::try_id().is_some());
        })
    });
    abort.abort();
    runtime.block_on(last).unwrap();
}
