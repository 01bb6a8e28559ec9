//! Threads for those who block: `spawn_blocking` and `block_in_place`.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// Some handles leave their block unawaited on purpose; a `()` fixes the type of what only panics.
#![allow(clippy::async_yields_async, clippy::let_unit_value)]

mod support;

use filch::runtime::{Builder, Handle, Runtime};
use filch::task::{self, yield_now};
use filch::time::{Duration, Instant, sleep};
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use support::{
    Census, Gate, ON_PURPOSE, current, multi, on_each_flavour, panic_here, panic_of, until, watch,
};

fn with_pool(threads: usize, keep_alive: Duration) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(threads)
        .thread_keep_alive(keep_alive)
        .build()
        .unwrap()
}

#[test]
fn a_job_runs_on_a_thread_of_its_own_inside_of_the_runtime() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let root = thread::current().id();
        let worker = runtime.block_on(runtime.spawn(async { thread::current().id() })).unwrap();
        let job = runtime.spawn_blocking(|| {
            drop(filch::spawn(async {}));
            assert_eq!(Handle::current().block_on(async { 1 }), 1);
            (thread::current().id(), task::try_id())
        });
        let id = job.id();
        let (thread, seen) = runtime.block_on(job).unwrap();
        assert!(thread != root && thread != worker);
        assert_eq!(seen, Some(id));
    });
}

#[test]
fn jobs_that_wait_for_each_other_get_a_thread_each() {
    let _watch = watch();
    let runtime = with_pool(32, Duration::from_secs(10));
    let together = Arc::new(Barrier::new(32));
    let jobs: Vec<_> = (0..32)
        .map(|_| {
            let together = together.clone();
            runtime.spawn_blocking(move || together.wait())
        })
        .collect();
    for job in jobs {
        runtime.block_on(job).unwrap();
    }
}

#[test]
fn more_jobs_than_threads_wait_in_a_queue() {
    let _watch = watch();
    let runtime = with_pool(2, Duration::from_secs(10));
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let hold = Gate::new();
    let jobs: Vec<_> = (0..50)
        .map(|_| {
            let (running, most, hold) = (running.clone(), most.clone(), hold.clone());
            runtime.spawn_blocking(move || {
                most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                hold.block();
                running.fetch_sub(1, SeqCst);
            })
        })
        .collect();
    until(|| running.load(SeqCst) == 2);
    let metrics = runtime.metrics();
    assert_eq!((metrics.num_blocking_threads(), metrics.blocking_queue_depth()), (2, 48));
    hold.open();
    for job in jobs {
        runtime.block_on(job).unwrap();
    }
    assert_eq!(most.load(SeqCst), 2);
}

#[test]
fn idle_threads_are_used_again_and_end_after_a_while() {
    let _watch = watch();
    let runtime = with_pool(8, Duration::from_millis(20));
    let mut seen = HashSet::new();
    for _ in 0..20 {
        seen.insert(runtime.block_on(runtime.spawn_blocking(|| thread::current().id())).unwrap());
    }
    until(|| runtime.metrics().num_blocking_threads() == 0);
    // And the pool grows again.
    let again = runtime.block_on(runtime.spawn_blocking(|| thread::current().id())).unwrap();
    assert!(!seen.contains(&again));
}

#[test]
fn jobs_race_with_threads_that_end_and_none_is_forgotten() {
    let _watch = watch();
    let runtime = with_pool(2, Duration::ZERO);
    for round in 0..2_000usize {
        let job = runtime.spawn_blocking(move || round);
        assert_eq!(runtime.block_on(job).unwrap(), round);
    }
    let jobs: Vec<_> = (0..2_000).map(|n| runtime.spawn_blocking(move || n)).collect();
    for (n, job) in jobs.into_iter().enumerate() {
        assert_eq!(runtime.block_on(job).unwrap(), n);
    }
}

#[test]
fn absurd_sizes_and_durations_are_taken_as_no_limit() {
    let _watch = watch();
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(usize::MAX)
        .thread_keep_alive(Duration::MAX)
        .build()
        .unwrap();
    assert_eq!(runtime.block_on(runtime.spawn_blocking(|| 1)).unwrap(), 1);
    runtime.block_on(runtime.spawn(async { task::block_in_place(|| ()) })).unwrap();
}

#[test]
fn a_job_that_has_not_begun_can_be_aborted_and_one_that_has_cannot() {
    let _watch = watch();
    let runtime = with_pool(1, Duration::from_secs(10));
    let (begun, hold, census) = (Gate::new(), Gate::new(), Census::default());
    let (begin, wait) = (begun.clone(), hold.clone());
    let first = runtime.spawn_blocking(move || {
        begin.open();
        wait.block();
        1
    });
    let guard = census.guard();
    let second = runtime.spawn_blocking(move || drop(guard));
    begun.block();
    first.abort();
    second.abort();
    hold.open();
    assert_eq!(runtime.block_on(first).unwrap(), 1);
    let error = runtime.block_on(second).unwrap_err();
    let () = assert!(error.is_cancelled());
    assert_eq!(census.dead(), 1);
}

#[test]
fn jobs_may_have_names() {
    let _watch = watch();
    multi(1).block_on(async {
        let job = task::Builder::new().name("dig").spawn_blocking(|| 9).unwrap();
        assert_eq!(job.abort_handle().name(), Some("dig"));
        assert_eq!(job.await.unwrap(), 9);
    });
}

#[test]
fn virtual_time_stands_still_while_a_job_runs_and_goes_on_after_it() {
    let _watch = watch();
    let runtime = Builder::new_current_thread().start_paused(true).build().unwrap();
    runtime.block_on(async {
        for _ in 0..200 {
            let start = Instant::now();
            let hold = Gate::new();
            let wait = hold.clone();
            // Nobody waits for this job: its end alone must let the time go on.
            drop(task::spawn_blocking(move || wait.block()));
            let sleeps = filch::spawn(async move {
                sleep(Duration::from_secs(3600)).await;
                start.elapsed()
            });
            for _ in 0..5 {
                yield_now().await;
            }
            assert_eq!(start.elapsed(), Duration::ZERO);
            hold.open();
            assert_eq!(sleeps.await.unwrap(), Duration::from_secs(3600));
        }
    });
}

#[test]
fn a_job_awaited_under_virtual_time_does_not_let_it_jump() {
    let _watch = watch();
    let runtime = Builder::new_current_thread().start_paused(true).build().unwrap();
    runtime.block_on(async {
        for _ in 0..500 {
            let start = Instant::now();
            let job = task::spawn_blocking(|| 4);
            assert_eq!(
                filch::time::timeout(Duration::from_secs(1), job).await.unwrap().unwrap(),
                4
            );
            assert_eq!(start.elapsed(), Duration::ZERO);
        }
    });
}

#[test]
fn virtual_time_goes_on_after_jobs_for_which_no_thread_could_be_started() {
    let _watch = watch();
    for _ in 0..20 {
        let (starting, asleep) = (Gate::new(), Gate::new());
        let (begun, looked, sleeps) = (starting.clone(), starting.clone(), asleep.clone());
        let runtime = Builder::new_current_thread()
            .start_paused(true)
            .thread_name_fn(move || {
                begun.open();
                sleeps.block();
                // The moment between the hook and the sleep itself.
                (0..1000).for_each(|_| thread::yield_now());
                panic!("{ON_PURPOSE}")
            })
            .on_thread_park(move || {
                if starting.is_open() {
                    asleep.open()
                }
            })
            .build()
            .unwrap();
        let handle = runtime.handle().clone();
        let refused = thread::spawn(move || panic_of(|| drop(handle.spawn_blocking(|| ()))));
        runtime.block_on(async {
            while !looked.is_open() {
                yield_now().await;
            }
            sleep(Duration::from_secs(36_000)).await;
        });
        refused.join().unwrap();
    }
}

// ── block_in_place ───────────────────────────────────────────────────────────────────────────────

#[test]
fn others_go_on_while_a_task_blocks_in_place() {
    let _watch = watch();
    for workers in [1, 2] {
        let runtime = multi(workers);
        for _ in 0..20 {
            let task = runtime.spawn(async {
                let (send, receive) = mpsc::channel();
                // Queued here, woken from here, on a timer of this worker, and from outside.
                let here = filch::spawn({
                    let send = send.clone();
                    async move { send.send(1).unwrap() }
                });
                let timer = filch::spawn({
                    let send = send.clone();
                    async move {
                        sleep(Duration::from_micros(200)).await;
                        send.send(2).unwrap();
                    }
                });
                yield_now().await;
                let sum: i32 = task::block_in_place(|| {
                    let handle = Handle::current();
                    drop(thread::spawn(move || handle.spawn(async move { send.send(4).unwrap() })));
                    receive.iter().sum()
                });
                here.await.unwrap();
                timer.await.unwrap();
                sum
            });
            assert_eq!(runtime.block_on(task).unwrap(), 7);
        }
    }
}

#[test]
fn inside_of_block_in_place_one_may_block_on_futures() {
    let _watch = watch();
    let runtime = multi(1);
    let task = runtime.spawn(async {
        let id = task::id();
        let inner = task::block_in_place(|| {
            Handle::current().block_on(async {
                sleep(Duration::from_micros(50)).await;
                // Once more, and deeper.
                let deep = task::block_in_place(|| task::block_in_place(|| 1));
                deep + filch::spawn(async { 2 }).await.unwrap()
            })
        });
        assert_eq!(task::id(), id);
        yield_now().await;
        inner
    });
    assert_eq!(runtime.block_on(task).unwrap(), 3);
    // In the root future, and where nothing is driven, it just calls.
    assert_eq!(runtime.block_on(async { task::block_in_place(|| 5) }), 5);
    assert_eq!(task::block_in_place(|| 6), 6);
    // A pool's thread blocks anyway.
    assert_eq!(runtime.block_on(runtime.spawn_blocking(|| task::block_in_place(|| 7))).unwrap(), 7);
}

#[test]
fn who_drives_no_task_may_block_in_place_whatever_the_runtime() {
    let _watch = watch();
    let runtime = current();
    let handle = runtime.handle().clone();
    let job = runtime.spawn_blocking(move || {
        handle.block_on(async {
            let sum = task::block_in_place(|| handle.block_on(async { 1 + 1 }));
            task::yield_now().await;
            sum
        })
    });
    assert_eq!(runtime.block_on(job).unwrap(), 2);
}

#[test]
fn a_current_thread_runtime_refuses_block_in_place_at_the_callers_line() {
    let _watch = watch();
    let runtime = current();
    let task = runtime.spawn(async { panic_here(|| task::block_in_place(|| ())) });
    let message = runtime.block_on(task).unwrap();
    assert!(message.starts_with("`block_in_place` needs a multi-thread runtime"), "{message}");
}

#[test]
fn pinned_tasks_wait_for_their_blocked_thread_and_go_on() {
    let _watch = watch();
    let runtime = multi(2);
    let task = runtime.spawn(async {
        task::spawn_local(async {
            let home = thread::current().id();
            let gate = Gate::new();
            let waits = task::spawn_local({
                let (gate, rc) = (gate.clone(), Rc::new(1));
                async move {
                    gate.pass().await;
                    assert_eq!(thread::current().id(), home);
                    *rc
                }
            });
            yield_now().await;
            task::block_in_place(|| {
                gate.open();
                assert!(!waits.is_finished());
                // A local task may be spawned by its own thread only, which is blocked: by nobody.
                let free = filch::spawn(async { thread::current().id() });
                assert_ne!(Handle::current().block_on(free).unwrap(), home);
                assert!(!waits.is_finished());
            });
            assert_eq!(thread::current().id(), home);
            waits.await.unwrap()
        })
        .await
        .unwrap()
    });
    assert_eq!(runtime.block_on(task).unwrap(), 1);
}

#[test]
fn a_closure_that_panics_in_place_leaves_the_worker_whole() {
    let _watch = watch();
    let runtime = multi(1);
    for _ in 0..20 {
        let task = runtime.spawn(async {
            task::block_in_place(|| panic!("{}", support::ON_PURPOSE));
        });
        assert!(runtime.block_on(task).unwrap_err().is_panic());
        assert_eq!(runtime.block_on(runtime.spawn(async { 2 })).unwrap(), 2);
    }
}

#[test]
fn the_budget_does_not_count_in_place_and_is_back_after() {
    let _watch = watch();
    let runtime = multi(1);
    let task = runtime.spawn(async {
        for _ in 0..128 {
            task::consume_budget().await;
        }
        assert!(!task::coop::has_budget_remaining());
        task::block_in_place(|| {
            assert!(task::coop::has_budget_remaining());
            Handle::current().block_on(async {
                for _ in 0..1_000 {
                    task::consume_budget().await;
                }
            });
        });
        assert!(!task::coop::has_budget_remaining());
    });
    runtime.block_on(task).unwrap();
}

#[test]
fn a_shutdown_waits_for_what_blocks_in_place() {
    let _watch = watch();
    let runtime = multi(2);
    let (begun, hold, census) = (Gate::new(), Gate::new(), Census::default());
    let guard = census.guard();
    let (begin, wait, inside) = (begun.clone(), hold.clone(), census.guard());
    drop(runtime.spawn(async move {
        let _guard = guard;
        task::block_in_place(move || {
            begin.open();
            wait.block();
            drop(inside);
        });
        yield_now().await;
        unreachable!();
    }));
    begun.block();
    let ends = thread::spawn(move || drop(runtime));
    (0..100).for_each(|_| thread::yield_now());
    assert!(!ends.is_finished());
    assert_eq!(census.dead(), 0);
    hold.open();
    ends.join().unwrap();
    assert_eq!(census.dead(), 2);
}

#[test]
fn all_workers_may_block_in_place_even_when_the_pool_is_full() {
    let _watch = watch();
    let runtime =
        Builder::new_multi_thread().worker_threads(3).max_blocking_threads(1).build().unwrap();
    let hold = Gate::new();
    let wait = hold.clone();
    let job = runtime.spawn_blocking(move || wait.block());
    let begun = Arc::new(AtomicUsize::new(0));
    let blocked: Vec<_> = (0..2)
        .map(|_| {
            let (hold, begun) = (hold.clone(), begun.clone());
            runtime.spawn(async move {
                task::block_in_place(|| {
                    begun.fetch_add(1, SeqCst);
                    hold.block();
                });
            })
        })
        .collect();
    until(|| begun.load(SeqCst) == 2);
    // One worker is left, and does all.
    for _ in 0..100 {
        let task = runtime.spawn(async { filch::spawn(yield_now()).await.unwrap() });
        runtime.block_on(task).unwrap();
    }
    hold.open();
    runtime.block_on(job).unwrap();
    for task in blocked {
        runtime.block_on(task).unwrap();
    }
}

#[test]
fn many_tasks_block_in_place_over_and_over() {
    let _watch = watch();
    let runtime = multi(2);
    let ran = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let ran = ran.clone();
            runtime.spawn(async move {
                for _ in 0..100 {
                    let ran = ran.clone();
                    task::block_in_place(|| {
                        let handle = Handle::current();
                        handle
                            .block_on(filch::spawn(async move { ran.fetch_add(1, SeqCst) }))
                            .unwrap();
                    });
                    yield_now().await;
                }
            })
        })
        .collect();
    for task in tasks {
        runtime.block_on(task).unwrap();
    }
    assert_eq!(ran.load(SeqCst), 800);
    until(|| runtime.metrics().num_alive_tasks() == 0);
}
