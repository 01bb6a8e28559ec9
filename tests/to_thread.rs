//! `to_thread`: closures that belong to the task which awaits them; and the way back.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// A function that is passed on panics in the name of whoever calls it.
#![allow(clippy::redundant_closure)]

mod support;

use filch::cancel::{CancelScope, catch_cancel, with_cleanup};
use filch::contextvars::ContextVar;
use filch::from_thread::{self, check_cancelled, is_cancelled};
use filch::runtime::{Builder, Handle, Runtime};
use filch::sync::CapacityLimiter;
use filch::task::{self, AbortHandle, current_default_thread_limiter, to_thread, yield_now};
use filch::time::{Duration, Instant, sleep, timeout};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use support::{
    Census, Gate, ON_PURPOSE, current, multi, on_each_flavour, panic_here, panic_of, poll_with,
    said, until, watch,
};

fn paused() -> Runtime {
    Builder::new_current_thread().start_paused(true).build().unwrap()
}

/// A runtime whose one blocking thread is busy until the gate opens.
fn with_busy_pool() -> (Runtime, Gate) {
    let runtime = Builder::new_multi_thread().worker_threads(1).max_blocking_threads(1).build();
    let runtime = runtime.unwrap();
    let (begun, hold) = (Gate::new(), Gate::new());
    let (tell, wait) = (begun.clone(), hold.clone());
    drop(runtime.spawn_blocking(move || {
        tell.open();
        wait.block();
    }));
    begun.block();
    (runtime, hold)
}

// ── there ────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn it_runs_on_another_thread_when_it_is_awaited() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let ran = Arc::new(AtomicBool::new(false));
            let tell = ran.clone();
            let call = to_thread(move || {
                tell.store(true, SeqCst);
                thread::current().id()
            });
            yield_now().await;
            assert!(!ran.load(SeqCst));
            assert_ne!(call.await.unwrap(), thread::current().id());
        });
    });
}

#[test]
fn a_panic_comes_back_as_an_error() {
    let _watch = watch();
    current().block_on(async {
        let error = to_thread(|| panic!("{ON_PURPOSE}: there")).await.unwrap_err();
        assert_eq!(error.spawned_at().file(), file!());
        assert_eq!(said(&*error.into_panic()), format!("{ON_PURPOSE}: there"));
        assert_eq!(current_default_thread_limiter().borrowed_tokens(), 0);
    });
}

#[test]
fn it_has_the_context_of_the_task() {
    let _watch = watch();
    static WHO: ContextVar<u32> = ContextVar::new("who");
    multi(2).block_on(async {
        let task = filch::spawn(async {
            WHO.set(1);
            let call = to_thread(|| {
                let inherited = WHO.get();
                WHO.set(3);
                (inherited, from_thread::block_on(async { WHO.get() }).unwrap())
            });
            WHO.set(2);
            (call.await.unwrap(), WHO.get())
        });
        assert_eq!(task.await.unwrap(), ((2, 3), 2));
    });
}

#[test]
fn awaiting_it_again_is_a_mistake() {
    let _watch = watch();
    current().block_on(async {
        let mut call = to_thread(|| 1);
        assert_eq!((&mut call).await.unwrap(), 1);
        let mut cx = std::task::Context::from_waker(Waker::noop());
        let said = panic_here(|| pin!(call).poll(&mut cx));
        assert!(said.contains("polled again"), "{said}");
    });
    let mut call = pin!(to_thread(|| 1));
    assert!(panic_of(|| poll_with(&mut call, Waker::noop())).contains("no filch runtime"));
}

// ── limits ───────────────────────────────────────────────────────────────────────────────────────

#[test]
fn no_more_run_at_a_time_than_the_limiter_has_tokens() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let limiter = Arc::new(CapacityLimiter::new(2));
            let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let calls = (0..20).map(|n| {
                let (running, most) = (running.clone(), most.clone());
                to_thread(move || {
                    most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                    thread::yield_now();
                    running.fetch_sub(1, SeqCst);
                    n
                })
                .limiter(&limiter)
            });
            let results = filch::gather_all(calls).await;
            let results: Vec<_> = results.into_iter().map(Result::unwrap).collect();
            assert_eq!(results, (0..20).collect::<Vec<_>>());
            assert!(most.load(SeqCst) <= 2);
            assert_eq!(limiter.borrowed_tokens(), 0);
        });
    });
}

#[test]
fn each_runtime_has_a_limiter_of_its_own() {
    let _watch = watch();
    let (one, other) = (current(), current());
    let change = || current_default_thread_limiter().set_total_tokens(1);
    one.block_on(async { change() });
    let total = || current_default_thread_limiter().total_tokens();
    assert_eq!((one.block_on(async { total() }), other.block_on(async { total() })), (1, 40));
}

#[test]
fn who_waits_for_a_token_is_cancelled_at_once() {
    let _watch = watch();
    current().block_on(async {
        let limiter = Arc::new(CapacityLimiter::new(0));
        let census = Census::default();
        let guard = census.guard();
        let of_task = limiter.clone();
        let task =
            filch::spawn(async move { to_thread(move || drop(guard)).limiter(&of_task).await });
        yield_now().await;
        assert_eq!(limiter.stats().waiters, 1);
        task.cancel("enough");
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!((limiter.stats().waiters, census.dead()), (0, 1));
    });
}

// ── cancellation ─────────────────────────────────────────────────────────────────────────────────

/// A task that has begun to run a closure in a thread, which goes on until the gate is opened, and
/// whether the task has gone on after it.
fn begun(hold: &Gate) -> impl Future<Output = bool> + Send + use<> {
    let hold = hold.clone();
    async move {
        let result = to_thread(move || {
            hold.block();
            is_cancelled()
        });
        let told = result.await.unwrap();
        yield_now().await;
        told
    }
}

#[test]
fn a_request_waits_for_the_thread_which_learns_of_it() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let (begun, told) = (Gate::new(), Arc::new(Mutex::new(None)));
            let (tell, reason) = (begun.clone(), told.clone());
            let after = Arc::new(AtomicUsize::new(0));
            let steps = after.clone();
            let task = filch::spawn(async move {
                let call = to_thread(move || {
                    tell.open();
                    until(|| check_cancelled().is_err());
                    *reason.lock().unwrap() =
                        check_cancelled().unwrap_err().reason().message().map(str::to_owned);
                    7
                });
                assert_eq!(call.await.unwrap(), 7);
                steps.fetch_add(1, SeqCst);
                std::future::pending::<()>().await;
            });
            begun.pass().await;
            task.cancel("enough");
            let error = task.await.unwrap_err();
            assert_eq!(error.reason().unwrap().message(), Some("enough"));
            // The result was given, and the next suspension was the end.
            assert_eq!(after.load(SeqCst), 1);
            assert_eq!(told.lock().unwrap().as_deref(), Some("enough"));
            assert_eq!(current_default_thread_limiter().borrowed_tokens(), 0);
        });
    });
}

#[test]
fn a_scope_waits_for_the_thread() {
    let _watch = watch();
    current().block_on(async {
        let hold = Gate::new();
        let scope = CancelScope::new();
        let run = scope.run(begun(&hold));
        let end = async {
            for _ in 0..10 {
                yield_now().await;
            }
            scope.cancel("enough");
            yield_now().await;
            hold.open();
        };
        let (result, ()) = filch::join!(run, end);
        assert_eq!(result.unwrap_err().reason().message(), Some("enough"));
    });
}

#[test]
fn a_shield_keeps_the_thread_from_being_told() {
    let _watch = watch();
    current().block_on(async {
        let hold = Gate::new();
        let shielded = begun(&hold);
        let task = filch::spawn(async move {
            assert!(!CancelScope::shielded(Duration::from_secs(60), shielded).await.unwrap());
        });
        for _ in 0..5 {
            yield_now().await;
        }
        task.cancel("enough");
        for _ in 0..5 {
            yield_now().await;
        }
        hold.open();
        let _ = task.await;
    });
}

#[test]
fn a_thread_that_is_abandoned_holds_up_nobody_and_keeps_its_token() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let (begun, hold) = (Gate::new(), Gate::new());
            let (tell, wait) = (begun.clone(), hold.clone());
            let end = Gate::new();
            let ended = end.clone();
            let task = filch::spawn(async move {
                let call = to_thread(move || {
                    tell.open();
                    wait.block();
                    until(is_cancelled);
                    ended.open();
                });
                call.abandon_on_cancel(true).await
            });
            begun.pass().await;
            task.cancel("enough");
            assert!(task.await.unwrap_err().is_cancelled());
            assert_eq!(current_default_thread_limiter().borrowed_tokens(), 1);
            hold.open();
            end.pass().await;
            until(|| current_default_thread_limiter().borrowed_tokens() == 0);
        });
    });
}

#[test]
fn an_abort_leaves_the_thread_to_itself_and_tells_it() {
    let _watch = watch();
    multi(2).block_on(async {
        let (begun, end) = (Gate::new(), Gate::new());
        let (tell, ended) = (begun.clone(), end.clone());
        let task = filch::spawn(to_thread(move || {
            tell.open();
            until(is_cancelled);
            ended.open();
        }));
        begun.pass().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        end.pass().await;
    });
}

#[test]
fn what_no_thread_has_begun_is_not_waited_for_and_never_run() {
    let _watch = watch();
    for abandon in [false, true] {
        let (runtime, hold) = with_busy_pool();
        let ran = Arc::new(AtomicBool::new(false));
        runtime.block_on(async {
            let tell = ran.clone();
            let queued = Gate::new();
            let tell_queued = queued.clone();
            let task = filch::spawn(async move {
                let call = to_thread(move || tell.store(true, SeqCst)).abandon_on_cancel(abandon);
                let mut call = pin!(call);
                assert!(poll_with(&mut call, Waker::noop()).is_pending());
                tell_queued.open();
                call.await
            });
            queued.pass().await;
            task.cancel("enough");
            assert!(task.await.unwrap_err().is_cancelled());
        });
        hold.open();
        // The one thread comes to this after that.
        runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
        assert!(!ran.load(SeqCst));
        assert_eq!(
            runtime.block_on(async { current_default_thread_limiter().borrowed_tokens() }),
            0
        );
    }
}

#[test]
fn a_request_that_was_withdrawn_in_time_changes_nothing() {
    let _watch = watch();
    let (runtime, hold) = with_busy_pool();
    runtime.block_on(async {
        let task = filch::spawn(to_thread(|| 1));
        for _ in 0..100 {
            // The runtime has one worker, which may come in between.
            if !task.cancel("enough") || task.uncancel() > 0 {
                break;
            }
        }
        hold.open();
        match task.await {
            Ok(result) => assert_eq!(result.unwrap(), 1),
            Err(error) => assert!(error.is_cancelled()),
        }
    });
}

#[test]
fn a_request_that_is_withdrawn_too_late_ends_the_task_all_the_same() {
    let _watch = watch();
    let (runtime, hold) = with_busy_pool();
    runtime.block_on(async {
        let (tell, told) = filch::sync::oneshot::channel::<AbortHandle>();
        let task = filch::spawn(async move {
            let own = told.await.unwrap();
            let mut job = pin!(to_thread(|| 1));
            poll_fn(|cx| {
                assert!(job.as_mut().poll(cx).is_pending());
                assert!(own.cancel("enough"));
                // It gives the thread up.
                assert!(job.as_mut().poll(cx).is_pending());
                assert_eq!(own.uncancel(), 0);
                Poll::<()>::Pending
            })
            .await
        });
        tell.send(task.abort_handle()).unwrap();
        assert!(task.await.unwrap_err().is_cancelled());
    });
    hold.open();
}

#[test]
fn in_a_cancelled_scope_nothing_begins() {
    let _watch = watch();
    current().block_on(async {
        let ran = Arc::new(AtomicBool::new(false));
        let tell = ran.clone();
        let scope = CancelScope::new();
        scope.cancel("before");
        assert!(scope.run(to_thread(move || tell.store(true, SeqCst))).await.is_err());
        task::spawn_blocking(|| ()).await.unwrap();
        assert!(!ran.load(SeqCst));
    });
}

#[test]
fn a_timeout_waits_and_the_value_counts_if_it_is_there() {
    let _watch = watch();
    paused().block_on(async {
        // Virtual time stands still while the thread is busy: the timeout cannot come.
        let start = Instant::now();
        assert_eq!(timeout(Duration::from_secs(1), to_thread(|| 3)).await.unwrap().unwrap(), 3);
        assert_eq!(start.elapsed(), Duration::ZERO);
    });
}

#[test]
fn requests_race_with_threads_and_nothing_is_lost() {
    let _watch = watch();
    multi(2).block_on(async {
        for round in 0..500 {
            let ran = Arc::new(AtomicUsize::new(0));
            let count = ran.clone();
            let task = filch::spawn(async move {
                let result = catch_cancel(to_thread(move || count.fetch_add(1, SeqCst))).await;
                result.map(Result::unwrap)
            });
            for _ in 0..round % 7 {
                yield_now().await;
            }
            task.cancel("enough");
            if let Ok(Ok(before)) = task.await {
                assert_eq!((before, ran.load(SeqCst)), (0, 1));
            }
            assert!(ran.load(SeqCst) <= 1);
        }
        until(|| current_default_thread_limiter().borrowed_tokens() == 0);
    });
}

// ── and back ─────────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_thread_runs_futures_on_the_runtime_it_works_for() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let there = || {
                let here = thread::current().id();
                let ran = from_thread::block_on(async {
                    sleep(Duration::from_micros(10)).await;
                    (thread::current().id(), task::try_id().is_some())
                });
                let (thread, in_task) = ran.unwrap();
                assert!(thread != here && in_task);
                from_thread::block_on(async { panic!("{ON_PURPOSE}: here") }).unwrap_err()
            };
            assert!(to_thread(there).await.unwrap().is_panic());
            assert!(task::spawn_blocking(there).await.unwrap().is_panic());
        });
    });
    multi(2).block_on(async {
        let task = filch::spawn(async {
            task::block_in_place(|| from_thread::block_on(async { 5 }).unwrap())
        });
        assert_eq!(task.await.unwrap(), 5);
    });
}

#[test]
fn virtual_time_goes_on_while_a_thread_waits_for_a_task_and_only_then() {
    let _watch = watch();
    let runtime = paused();
    runtime.block_on(async {
        let start = Instant::now();
        let call = to_thread(move || {
            for hours in 1..=100 {
                from_thread::block_on(sleep(Duration::from_secs(3600))).unwrap();
                assert_eq!(start.elapsed(), Duration::from_secs(3600 * hours));
            }
        });
        let other = filch::spawn(sleep(Duration::from_secs(3600 * 100)));
        call.await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(3600 * 100));
        other.await.unwrap();
    });
}

#[test]
fn a_request_ends_what_the_thread_waits_for_which_may_clean_up() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let (begun, cleaned) = (Gate::new(), Gate::new());
            let (tell, clean) = (begun.clone(), cleaned.clone());
            let task = filch::spawn(async move {
                let call = to_thread(move || {
                    let waits = async move {
                        tell.open();
                        std::future::pending::<()>().await;
                    };
                    let cleans = async move {
                        yield_now().await;
                        clean.open();
                    };
                    let error = from_thread::block_on(with_cleanup(waits, cleans)).unwrap_err();
                    assert_eq!(error.reason().unwrap().message(), Some("enough"));
                    // It stays so: what comes next does not begin.
                    let error = from_thread::block_on(async { unreachable!() as u32 }).unwrap_err();
                    assert_eq!(error.reason().unwrap().message(), Some("enough"));
                    // But for what goes round it.
                    assert_eq!(Handle::current().block_on(async { 1 }), 1);
                });
                call.await.unwrap();
            });
            begun.pass().await;
            task.cancel("enough");
            let _ = task.await;
            assert!(cleaned.is_open());
        });
    });
}

#[test]
fn a_shutdown_ends_the_wait_of_a_thread() {
    let _watch = watch();
    for runtime in [current(), multi(2)] {
        let (begun, end) = (Gate::new(), Gate::new());
        let (tell, ended) = (begun.clone(), end.clone());
        drop(runtime.spawn_blocking(move || {
            let waits = async move {
                tell.open();
                std::future::pending::<()>().await;
            };
            assert!(from_thread::block_on(waits).unwrap_err().is_cancelled());
            assert!(from_thread::block_on(async {}).unwrap_err().is_cancelled());
            ended.open();
        }));
        runtime.block_on(begun.pass());
        drop(runtime);
        assert!(end.is_open());
    }
}

#[test]
fn a_blocking_job_learns_of_its_abort() {
    let _watch = watch();
    current().block_on(async {
        let begun = Gate::new();
        let tell = begun.clone();
        let job = task::spawn_blocking(move || {
            assert!(!is_cancelled());
            tell.open();
            until(is_cancelled);
            check_cancelled().unwrap_err().to_string()
        });
        begun.pass().await;
        job.abort();
        assert!(job.await.unwrap().contains("the job was aborted"));
    });
}

#[test]
fn elsewhere_there_is_no_way_back() {
    let _watch = watch();
    let outside = panic_here(|| from_thread::block_on(async {}));
    assert!(outside.contains("use a `Portal`"), "{outside}");
    assert!(panic_here(|| check_cancelled()).contains("does no job"));
    assert!(panic_here(|| is_cancelled()).contains("does no job"));
    on_each_flavour(|runtime| {
        let task = runtime.spawn(async { panic_here(|| from_thread::block_on(async {})) });
        let inside = runtime.block_on(task).unwrap();
        assert!(inside.contains("await the future instead"), "{inside}");
    });
}
