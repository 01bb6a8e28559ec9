//! Which runtime a thread is in, and who may block where.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// Some handles leave their block unawaited on purpose; a `()` fixes the type of what only panics.
#![allow(clippy::async_yields_async, clippy::let_unit_value)]

mod support;

use filch::runtime::{Handle, LocalRuntime, RuntimeFlavor};
use filch::task::{self, LocalSet, yield_now};
use filch::time::{Duration, sleep};
use std::sync::{Arc, Barrier};
use std::thread;
use support::{Gate, current, multi, on_each_flavour, panic_here, panic_of, watch};

const NESTED: &str = "`block_on` was called on a thread that drives async work already";

#[test]
fn outside_of_a_runtime_there_is_none() {
    let _watch = watch();
    let error = Handle::try_current().unwrap_err();
    assert!(error.is_missing_context() && !error.is_thread_local_destroyed());
    let said = "there is no filch runtime on this thread: call this from a task, inside \
                `Runtime::block_on` or under `Handle::enter`";
    assert_eq!(error.to_string(), said);
    assert_eq!(panic_here(|| Handle::current()), said);
}

#[test]
fn tasks_roots_jobs_and_guards_are_inside() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let name_of = |handle: Handle| handle.metrics().num_workers();
        let workers = name_of(runtime.handle().clone());
        let here = move || name_of(Handle::current());
        assert_eq!(runtime.block_on(async { here() }), workers);
        assert_eq!(runtime.block_on(runtime.spawn(async move { here() })).unwrap(), workers);
        assert_eq!(runtime.block_on(runtime.spawn_blocking(here)).unwrap(), workers);
        let _guard = runtime.enter();
        assert_eq!(here(), workers);
    });
    assert!(Handle::try_current().is_err());
}

#[test]
fn a_handle_knows_its_flavour() {
    assert_eq!(current().handle().runtime_flavor(), RuntimeFlavor::CurrentThread);
    assert_eq!(multi(1).handle().runtime_flavor(), RuntimeFlavor::MultiThread);
}

#[test]
fn guards_nest_and_lead_back() {
    let _watch = watch();
    let (one, two) = (multi(1), multi(2));
    let workers = || Handle::current().metrics().num_workers();
    {
        let _one = one.enter();
        assert_eq!(workers(), 1);
        {
            let _two = two.enter();
            assert_eq!(workers(), 2);
            {
                let _one = one.enter();
                assert_eq!(workers(), 1);
            }
            assert_eq!(workers(), 2);
        }
        assert_eq!(workers(), 1);
    }
    assert!(Handle::try_current().is_err());
}

#[test]
fn guards_dropped_in_another_order_panic() {
    let _watch = watch();
    let message = thread::spawn(|| {
        let (one, two) = (multi(1), multi(2));
        let first = one.enter();
        let second = two.enter();
        let message = panic_of(|| drop(first));
        drop(second);
        // The thread is in some runtime still, and that one is safe to use.
        if let Ok(handle) = Handle::try_current() {
            let _ = handle.metrics().num_workers();
        }
        message
    });
    let message = message.join().unwrap();
    assert!(
        message.starts_with("guards of `Handle::enter` were dropped in another order"),
        "{message}"
    );
}

#[test]
fn a_guard_held_while_unwinding_in_another_order_does_not_abort() {
    let _watch = watch();
    let thread = thread::spawn(|| {
        let (one, two) = (multi(1), multi(2));
        panic_of(move || {
            let first = one.enter();
            let second = two.enter();
            let _wrong = (first, second);
            panic!("{}", support::ON_PURPOSE);
        })
    });
    assert_eq!(thread.join().unwrap(), support::ON_PURPOSE);
}

// Bug 45: nested `block_on` is a clear panic at the caller's line, never a hang.
#[test]
fn block_on_inside_of_async_code_panics_at_the_callers_line() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let runtime = Arc::new(runtime);
        for other in [runtime.clone(), Arc::new(current()), Arc::new(multi(1))] {
            let message = runtime.block_on(async { panic_here(|| other.block_on(async {})) });
            assert!(message.starts_with(NESTED), "{message}");
            let handle = other.handle().clone();
            let nested = runtime.spawn(async move { panic_here(|| handle.block_on(async {})) });
            let message = runtime.block_on(nested).unwrap();
            assert!(message.starts_with(NESTED), "{message}");
        }
        let message = runtime.block_on(async {
            let local = LocalRuntime::new().unwrap();
            let message = panic_here(|| local.block_on(async {}));
            local.shutdown_background();
            message
        });
        assert!(message.starts_with(NESTED), "{message}");
        let message = runtime.block_on(async {
            let (set, other) = (LocalSet::new(), current());
            let message = panic_here(|| set.block_on(&other, async {}));
            other.shutdown_background();
            message
        });
        assert!(message.starts_with(NESTED), "{message}");
        // The thread drives as before.
        runtime.block_on(async { filch::spawn(yield_now()).await.unwrap() });
    });
}

#[test]
fn block_on_under_a_guard_or_in_a_job_is_fine() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let _inside = runtime.enter();
        assert_eq!(runtime.block_on(async { filch::spawn(async { 1 }).await.unwrap() }), 1);
        let other = multi(1);
        let job = runtime.spawn_blocking(move || {
            let sum = other.block_on(async { filch::spawn(async { 2 }).await.unwrap() });
            drop(other);
            sum
        });
        assert_eq!(runtime.block_on(job).unwrap(), 2);
    });
}

#[test]
fn runtimes_live_side_by_side() {
    let _watch = watch();
    let (one, two, three) = (multi(1), multi(2), current());
    let first = one.spawn(async {
        sleep(Duration::from_micros(10)).await;
        1
    });
    let second = two.spawn(async move { first.await.unwrap() + 1 });
    let third = three.spawn(async move { second.await.unwrap() + 1 });
    assert_eq!(three.block_on(third).unwrap(), 3);
    // A current-thread runtime driven from the blocking pool of another.
    let inner = one.spawn_blocking(move || three.block_on(async { task::yield_now().await }));
    two.block_on(inner).unwrap();
}

#[test]
fn several_threads_may_block_on_one_runtime_at_once() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let together = Barrier::new(4);
        thread::scope(|scope| {
            for n in 0..4u64 {
                let (runtime, together) = (&runtime, &together);
                scope.spawn(move || {
                    together.wait();
                    for round in 0..200 {
                        let task = runtime.spawn(async move { n + round });
                        let sum = runtime.block_on(async {
                            yield_now().await;
                            if round % 20 == 0 {
                                sleep(Duration::from_micros(10 * n)).await;
                            }
                            task.await.unwrap()
                        });
                        assert_eq!(sum, n + round);
                    }
                });
            }
        });
    });
}

#[test]
fn who_drives_passes_the_seat_on() {
    let _watch = watch();
    let runtime = current();
    let (first, second) = (Gate::new(), Gate::new());
    // Must be run by whoever has the seat.
    let opens = runtime.spawn({
        let (first, second) = (first.clone(), second.clone());
        async move {
            first.pass().await;
            second.open();
        }
    });
    thread::scope(|scope| {
        let (runtime, first, second) = (&runtime, &first, &second);
        // Sits first, perhaps, and leaves at once: the one below has to take over.
        for _ in 0..3 {
            scope.spawn(move || runtime.block_on(yield_now()));
        }
        scope.spawn(move || runtime.block_on(second.pass()));
        scope.spawn(move || runtime.block_on(async move { first.open() }));
    });
    runtime.block_on(opens).unwrap();
}

#[test]
fn a_root_that_panics_passes_the_seat_on_too() {
    let _watch = watch();
    let runtime = current();
    for _ in 0..50 {
        let gate = Gate::new();
        let pass = gate.clone();
        let task = runtime.spawn(async move { pass.pass().await });
        thread::scope(|scope| {
            let runtime = &runtime;
            scope.spawn(move || runtime.block_on(task).unwrap());
            scope.spawn(move || {
                panic_of(|| {
                    runtime.block_on(async {
                        yield_now().await;
                        panic!("{}", support::ON_PURPOSE);
                    })
                });
                gate.open();
            });
        });
    }
}

#[test]
fn the_context_is_there_while_a_future_is_dropped() {
    let _watch = watch();
    struct Looks(Gate);
    impl Drop for Looks {
        fn drop(&mut self) {
            Handle::current();
            self.0.open();
        }
    }
    on_each_flavour(|runtime| {
        let gates = [Gate::new(), Gate::new(), Gate::new()];
        let looks = Looks(gates[0].clone());
        runtime.block_on(runtime.spawn(async move { drop(looks) })).unwrap();
        let looks = Looks(gates[1].clone());
        let abort = runtime.spawn(async move {
            let _looks = looks;
            std::future::pending::<()>().await;
        });
        abort.abort();
        assert!(runtime.block_on(abort).unwrap_err().is_cancelled());
        let looks = Looks(gates[2].clone());
        drop(runtime.spawn(async move {
            let _looks = looks;
            std::future::pending::<()>().await;
        }));
        runtime.block_on(yield_now());
        drop(runtime);
        assert!(gates.iter().all(Gate::is_open));
    });
}
