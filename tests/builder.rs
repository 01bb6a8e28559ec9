//! What a builder accepts, what it refuses and where it says so.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// Some handles leave their block unawaited on purpose; a `()` fixes the type of what only panics.
#![allow(clippy::async_yields_async, clippy::let_unit_value)]

mod support;

use filch::runtime::{Builder, Handle, Runtime};
use filch::time::Duration;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use support::{is_child, panic_here, run_child, watch};

#[test]
fn zeros_are_refused_at_the_callers_line() {
    let _watch = watch();
    let mut builder = Builder::new_multi_thread();
    let said = panic_here(|| _ = builder.worker_threads(0));
    assert_eq!(said, "a runtime needs at least one worker: `worker_threads` cannot be 0");
    let said = panic_here(|| _ = builder.max_blocking_threads(0));
    assert!(said.starts_with("`max_blocking_threads` cannot be 0"), "{said}");
    let said = panic_here(|| _ = builder.event_interval(0));
    assert!(said.starts_with("`event_interval` cannot be 0"), "{said}");
    let said = panic_here(|| _ = builder.global_queue_interval(0));
    assert!(said.starts_with("`event_interval` cannot be 0"), "{said}");
    let said = panic_here(|| _ = builder.max_io_events_per_tick(0));
    assert!(said.starts_with("`max_io_events_per_tick` cannot be 0"), "{said}");
    let said = panic_here(|| _ = builder.max_io_events_per_busy_tick(0));
    assert!(said.starts_with("`max_io_events_per_busy_tick` cannot be 0"), "{said}");
    // A builder that refused something can be used all the same.
    builder.worker_threads(1).build().unwrap().block_on(async {});
}

#[test]
fn a_clock_that_stands_still_needs_one_worker() {
    let _watch = watch();
    let said = panic_here(|| Builder::new_multi_thread().start_paused(true).build());
    assert!(said.starts_with("`start_paused` needs a current-thread runtime"), "{said}");
}

#[test]
fn one_builder_builds_many() {
    let _watch = watch();
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).name("many").enable_all().enable_io().enable_time();
    for _ in 0..3 {
        let runtime = builder.build().unwrap();
        assert_eq!(runtime.handle().name(), Some("many"));
        runtime.block_on(async {});
    }
}

#[test]
fn threads_are_named_as_told() {
    let _watch = watch();
    let name = |runtime: &Runtime| {
        let name = || thread::current().name().map(str::to_owned);
        let worker = runtime.block_on(runtime.spawn(async move { name() })).unwrap();
        (worker.unwrap(), runtime.block_on(runtime.spawn_blocking(name)).unwrap().unwrap())
    };
    let both = |name: &str| (name.to_owned(), name.to_owned());
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1);
    assert_eq!(name(&builder.build().unwrap()), both("filch-worker"));
    assert_eq!(name(&builder.thread_name("mine").build().unwrap()), both("mine"));
    let count = Arc::new(AtomicUsize::new(0));
    let next = move || format!("thread-{}", count.fetch_add(1, SeqCst));
    let runtime = builder.thread_name_fn(next).build().unwrap();
    assert_eq!(name(&runtime), ("thread-0".to_owned(), "thread-1".to_owned()));
}

#[test]
fn a_name_that_cannot_be_is_an_error() {
    let _watch = watch();
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2);
    assert!(builder.thread_name("nul\0in the middle").build().is_err());
    let count = Arc::new(AtomicUsize::new(0));
    let panics = move || match count.fetch_add(1, SeqCst) {
        0 => "first".to_owned(),
        _ => panic!("{}", support::ON_PURPOSE),
    };
    assert!(builder.thread_name_fn(panics).build().is_err());
}

#[test]
fn extreme_options_still_run_tasks() {
    let _watch = watch();
    for mut builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
        for interval in [1, u32::MAX] {
            let runtime = builder
                .event_interval(interval)
                .disable_lifo_slot()
                .rng_seed(u64::MAX)
                .max_blocking_threads(1)
                .thread_keep_alive(Duration::MAX)
                .thread_stack_size(256 * 1024)
                .build()
                .unwrap();
            runtime.block_on(async {
                let mut sum = 0;
                for n in 0..200 {
                    sum += filch::spawn(async move { n }).await.unwrap();
                }
                assert_eq!(sum, 19_900);
                filch::task::spawn_blocking(|| ()).await.unwrap();
                filch::time::sleep(Duration::from_nanos(1)).await;
            });
        }
    }
    // More workers than there are cores, and than fit in one word of the idle book.
    let runtime = Builder::new_multi_thread().worker_threads(70).build().unwrap();
    assert_eq!(runtime.metrics().num_workers(), 70);
    runtime.block_on(runtime.spawn(async {})).unwrap();
}

#[test]
fn more_than_there_can_be_is_an_error_that_says_so() {
    let _watch = watch();
    for count in [usize::MAX, usize::MAX - 100, 32_769] {
        let error = Builder::new_multi_thread().worker_threads(count).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let said = format!("{count} workers are more than a runtime can have: 32768 at most");
        assert_eq!(error.to_string(), said);
    }
    // Which has one worker, whatever it is told.
    Builder::new_current_thread().worker_threads(usize::MAX).build().unwrap().block_on(async {});
    assert!(Builder::new_multi_thread().thread_stack_size(usize::MAX).build().is_err());
}

#[test]
fn the_largest_options_run_tasks() {
    let _watch = watch();
    for mut builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
        for (events, limit) in [(1, Duration::ZERO), (usize::MAX, Duration::MAX)] {
            let runtime = builder
                .worker_threads(2)
                .max_blocking_threads(usize::MAX)
                .max_io_events_per_tick(events)
                .max_io_events_per_busy_tick(events)
                .thread_keep_alive(limit)
                .close_timeout(limit)
                .close_blocking_timeout(limit)
                .on_stall(limit, |_| ())
                .build()
                .unwrap();
            runtime.block_on(async {
                filch::spawn(async {}).await.unwrap();
                filch::task::spawn_blocking(|| ()).await.unwrap();
                filch::time::sleep(Duration::from_nanos(1)).await;
            });
            let report = runtime.close();
            assert!(limit.is_zero() || report.is_clean(), "{report:?}");
        }
    }
}

#[test]
fn the_environment_sets_the_number_of_workers() {
    let _watch = watch();
    const TEST: &str = "the_environment_sets_the_number_of_workers";
    if is_child() {
        let workers = Runtime::new().unwrap().metrics().num_workers();
        let told = Builder::new_multi_thread().worker_threads(2).build().unwrap();
        println!("workers {workers} told {}", told.metrics().num_workers());
        return;
    }
    let run = |value| {
        let output = run_child(TEST, "", &[("FILCH_WORKER_THREADS", value)]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), said)
    };
    let (well, said) = run("3");
    assert!(well && said.contains("workers 3 told 2"), "{said}");
    let (well, said) = run(" 5 ");
    assert!(well && said.contains("workers 5 told 2"), "{said}");
    for wrong in ["0", "-1", "many", "", "99999999999999999999999"] {
        let (well, said) = run(wrong);
        assert!(!well && said.contains("FILCH_WORKER_THREADS must be a number above 0"), "{said}");
        assert!(said.contains("tests/builder.rs"), "{said}");
    }
}

#[test]
fn a_runtime_without_options_works() {
    let _watch = watch();
    let runtime = Runtime::new().unwrap();
    assert_eq!(runtime.block_on(async { Handle::current().metrics().num_workers() }), {
        thread::available_parallelism().unwrap().get()
    });
    assert!(format!("{runtime:?} {:?}", Builder::new_multi_thread()).contains("Runtime"));
}
