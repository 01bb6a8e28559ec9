//! The orderly end of a runtime: tasks are asked and awaited, and what is stuck is named.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
#![allow(clippy::async_yields_async, clippy::let_unit_value)]

mod support;

use filch::cancel::{CancelSource, catch_cancel, with_cleanup};
use filch::runtime::{Builder, LocalRuntime, Runtime, UnhandledKind};
use filch::task::{self, spawn_blocking, yield_now};
use filch::time::{Instant, sleep, timeout};
use std::future::pending;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Census, Gate, ON_PURPOSE, multi, on_each_flavour, panic_of, until, watch};

fn paused() -> Builder {
    let mut builder = Builder::new_current_thread();
    builder.start_paused(true);
    builder
}

/// What happened, in order.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[test]
fn tasks_are_asked_and_their_clean_ups_awaited() {
    let _watch = watch();
    let runtime = paused().build().unwrap();
    let diary = Diary::default();
    runtime.block_on(async {
        for (name, seconds) in [("slow", 5), ("quick", 1)] {
            let diary = diary.clone();
            drop(filch::spawn(with_cleanup(pending::<()>(), async move {
                sleep(Duration::from_secs(seconds)).await;
                diary.note(format!("{name} has cleaned up after {seconds} s"));
            })));
        }
        drop(filch::spawn(sleep(Duration::from_secs(3600))));
        yield_now().await;
    });
    let report = runtime.close();
    diary.note("closed");
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.cancelled(), report.failed()), (3, 0));
    let order = ["quick has cleaned up after 1 s", "slow has cleaned up after 5 s", "closed"];
    assert_eq!(diary.all(), order);
}

#[test]
fn the_reason_is_shutdown() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let told = Arc::new(Mutex::new(None));
        let note = told.clone();
        let begun = Gate::new();
        let open = begun.clone();
        let (asked, plain) = (
            runtime.spawn(async move {
                let wait = async {
                    open.open();
                    pending::<()>().await;
                };
                if let Err(cancelled) = catch_cancel(wait).await {
                    *note.lock().unwrap() = Some(cancelled.reason().clone());
                }
                "good-bye"
            }),
            runtime.spawn(pending::<()>()),
        );
        runtime.block_on(begun.pass());
        let report = runtime.close();
        assert!(report.is_clean(), "{report}");
        assert_eq!(report.cancelled(), 2);
        assert_eq!(told.lock().unwrap().as_ref().unwrap().source(), CancelSource::Shutdown);
        // The handles tell as well: the value that was given, and why there is none.
        let outside = support::current();
        assert_eq!(outside.block_on(asked).unwrap(), "good-bye");
        let error = outside.block_on(plain).unwrap_err();
        assert_eq!(error.reason().unwrap().source(), CancelSource::Shutdown);
    });
}

#[test]
fn tasks_that_have_not_begun_are_asked_as_well() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let census = Census::default();
        for _ in 0..100 {
            let guard = census.guard();
            drop(runtime.spawn(async move {
                let _guard = guard;
                pending::<()>().await;
            }));
        }
        let report = runtime.close();
        assert!(report.is_clean(), "{report}");
        assert_eq!(report.cancelled(), 100);
        assert_eq!(census.dead(), 100);
    });
}

#[test]
fn clean_ups_may_spawn_and_their_tasks_are_awaited_too() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let diary = Diary::default();
        let (helper, left, begun) = (diary.clone(), diary.clone(), Gate::new());
        let open = begun.clone();
        let work = async move {
            open.open();
            pending::<()>().await;
        };
        drop(runtime.spawn(with_cleanup(work, async move {
            // A task that is spawned and awaited in the clean-up is not cut short.
            let helped = filch::spawn(async move {
                yield_now().await;
                helper.note("helped");
            });
            helped.await.unwrap();
            let blocked = spawn_blocking(|| "a blocking job").await.unwrap();
            left.note(blocked);
            // One that is left behind is asked in the next round.
            drop(filch::spawn(with_cleanup(pending::<()>(), async move {
                left.note("left behind");
            })));
        })));
        runtime.block_on(begun.pass());
        let report = runtime.close();
        assert!(report.is_clean(), "{report}");
        assert_eq!(diary.all(), ["helped", "a blocking job", "left behind"]);
    });
}

#[test]
fn who_does_not_end_is_named_at_the_limit() {
    let _watch = watch();
    let reported = Arc::new(Mutex::new(Vec::new()));
    let note = reported.clone();
    let runtime = paused()
        .close_timeout(Duration::from_secs(7))
        .on_unhandled(move |unhandled| {
            let task = unhandled.task().unwrap();
            let name = task.name().unwrap().to_owned();
            note.lock().unwrap().push((unhandled.kind(), name, unhandled.message().to_owned()));
        })
        .build()
        .unwrap();
    let census = Census::default();
    let (guard, clock) = (census.guard(), Arc::new(Mutex::new(None)));
    let seen = clock.clone();
    runtime.block_on(async move {
        let stubborn = async move {
            let _guard = guard;
            loop {
                // Is told, and goes on all the same.
                let _ = catch_cancel(pending::<()>()).await;
            }
        };
        drop(task::Builder::new().name("stubborn").spawn(stubborn));
        drop(filch::spawn(async move {
            let start = Instant::now();
            let _guard = OnDrop(move || *seen.lock().unwrap() = Some(start.elapsed()));
            let _ = catch_cancel(pending::<()>()).await;
            sleep(Duration::from_secs(6)).await; // within the limit
        }));
        yield_now().await;
    });
    let report = runtime.close();
    assert!(!report.is_clean());
    assert_eq!(report.cancelled(), 1);
    let [stuck] = report.stuck() else { panic!("{report}") };
    assert_eq!(stuck.name(), Some("stubborn"));
    assert_eq!(stuck.spawned_at().file(), file!());
    assert!(report.to_string().contains("(stubborn)"), "{report}");
    assert_eq!(*clock.lock().unwrap(), Some(Duration::from_secs(6)));
    assert_eq!(census.dead(), 1, "it is dropped all the same");
    let said = "did not end within 7s of the shutdown of its runtime".to_owned();
    assert_eq!(*reported.lock().unwrap(), [(UnhandledKind::Stuck, "stubborn".to_owned(), said)]);
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn tasks_that_fail_while_they_end_are_counted_and_reported() {
    let _watch = watch();
    let reports = Arc::new(AtomicUsize::new(0));
    let count = reports.clone();
    let runtime = paused().on_unhandled(move |_| _ = count.fetch_add(1, SeqCst)).build().unwrap();
    let held = runtime.block_on(async {
        let bad_clean_up = || with_cleanup(pending::<()>(), async { panic!("{ON_PURPOSE}") });
        drop(filch::spawn(bad_clean_up()));
        let held = filch::spawn(bad_clean_up());
        task::background(async {
            let _ = catch_cancel(pending::<()>()).await;
            Err::<(), _>("could not say good-bye")
        });
        yield_now().await;
        held
    });
    let report = runtime.close();
    assert_eq!((report.cancelled(), report.failed()), (0, 3), "{report}");
    assert_eq!(reports.load(SeqCst), 2, "who holds a handle is told by it");
    drop(held);
    assert_eq!(reports.load(SeqCst), 3);
}

#[test]
fn blocking_jobs_are_awaited_within_their_limit() {
    let _watch = watch();
    for make in [Builder::new_current_thread, Builder::new_multi_thread] {
        let runtime = make().build().unwrap();
        let (begun, census) = (Gate::new(), Census::default());
        let (open, guard) = (begun.clone(), census.guard());
        drop(runtime.spawn_blocking(move || {
            let _guard = guard;
            open.open();
            std::thread::yield_now();
        }));
        begun.block();
        assert!(runtime.close().is_clean());
        assert_eq!(census.dead(), 1);

        let runtime = make().close_blocking_timeout(Duration::ZERO).build().unwrap();
        let (begun, release) = (Gate::new(), Gate::new());
        let (open, wait) = (begun.clone(), release.clone());
        drop(runtime.spawn_blocking(move || {
            open.open();
            wait.block();
        }));
        begun.block();
        let report = runtime.close();
        release.open();
        assert!(report.threads_left() && !report.is_clean(), "{report}");
    }
}

#[test]
fn a_worker_that_is_stuck_in_a_poll_is_reported_and_the_others_end() {
    let _watch = watch();
    let (release, ended) = (Gate::new(), Census::default());
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .on_stall(Duration::from_secs(3600), |_| ())
        .on_unhandled(|unhandled| assert_eq!(unhandled.kind(), UnhandledKind::Stuck))
        // Enough for the other worker to answer.
        .close_timeout(Duration::from_secs(1))
        .close_blocking_timeout(Duration::ZERO)
        .build()
        .unwrap();
    let (begun, wait, guard) = (Gate::new(), release.clone(), ended.guard());
    let open = begun.clone();
    runtime.block_on(async {
        let spin = async move {
            let _guard = guard;
            open.open();
            wait.block();
        };
        drop(task::Builder::new().name("spinner").spawn(spin));
        begun.pass().await;
    });
    let report = runtime.close();
    release.open();
    assert_eq!(report.stuck_workers().len(), 1, "{report}");
    assert!(report.stuck().iter().any(|task| task.name() == Some("spinner")), "{report}");
    assert!(report.threads_left());
    until(|| ended.dead() == 1);
}

#[test]
fn tasks_at_home_with_a_retired_substitute_are_asked() {
    let _watch = watch();
    let runtime = multi(1);
    let (begun, ended) = (Gate::new(), Census::default());
    let (open, guard) = (begun.clone(), ended.guard());
    runtime
        .block_on(runtime.spawn(async move {
            let spawned = filch::spawn(async move {
                let _guard = guard;
                open.open();
                let _ = catch_cancel(pending::<()>()).await;
            });
            // Only a substitute can begin it.
            task::block_in_place(|| begun.block());
            drop(spawned);
        }))
        .unwrap();
    let report = runtime.close();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.cancelled(), ended.dead()), (1, 1));
}

#[test]
fn tasks_that_are_not_send_are_asked_on_their_thread() {
    let _watch = watch();
    let runtime = LocalRuntime::new().unwrap();
    let count = Rc::new(std::cell::Cell::new(0));
    let cleaned = count.clone();
    drop(runtime.spawn_local(with_cleanup(pending::<()>(), async move {
        yield_now().await;
        cleaned.set(cleaned.get() + 1);
    })));
    runtime.block_on(yield_now());
    let report = runtime.close();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.cancelled(), count.get()), (1, 1));

    let runtime = multi(2);
    let begun = Gate::new();
    let open = begun.clone();
    drop(runtime.spawn(async move {
        drop(task::spawn_local(async move {
            let _not_send = Rc::new(());
            open.open();
            pending::<()>().await;
        }));
    }));
    runtime.block_on(begun.pass());
    let report = runtime.close();
    assert!(report.is_clean() && report.cancelled() >= 1, "{report}");
}

#[test]
fn thousands_of_sleepers_end_at_once() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let census = Census::default();
        runtime.block_on(async {
            for _ in 0..5000 {
                let guard = census.guard();
                drop(filch::spawn(async move {
                    let _guard = guard;
                    // A scope is no reason to wait.
                    let _ =
                        timeout(Duration::from_secs(7200), sleep(Duration::from_secs(3600))).await;
                }));
            }
            yield_now().await;
        });
        let report = runtime.close();
        assert!(report.is_clean(), "{report}");
        assert_eq!((report.cancelled(), census.dead()), (5000, 5000));
    });
}

#[test]
fn a_runtime_that_is_dropped_asks_nobody() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let (begun, diary) = (Gate::new(), Diary::default());
        let (open, note) = (begun.clone(), diary.clone());
        let work = async move {
            open.open();
            pending::<()>().await;
        };
        drop(runtime.spawn(with_cleanup(work, async move { note.note("cleaned up") })));
        runtime.block_on(begun.pass());
        drop(runtime);
        assert_eq!(diary.all(), [""; 0]);
    });
}

#[test]
fn closing_inside_of_async_code_says_what_to_do() {
    let _watch = watch();
    let said = panic_of(|| {
        support::current().block_on(async {
            let inner = Runtime::new().unwrap();
            inner.close();
        });
    });
    assert!(said.contains("block_in_place"), "{said}");
}

mod mains {
    use super::{Diary, pending, with_cleanup, yield_now};

    #[filch::main(flavor = "current_thread")]
    pub(crate) async fn main() -> Diary {
        let diary = Diary::default();
        let note = diary.clone();
        drop(filch::spawn(with_cleanup(pending::<()>(), async move {
            yield_now().await;
            note.note("cleaned up");
        })));
        yield_now().await;
        diary
    }
}

#[test]
fn main_ends_in_order() {
    let _watch = watch();
    assert_eq!(mains::main().all(), ["cleaned up"]);
}

#[test]
fn tasks_of_a_substitute_that_has_retired_end_in_the_background_too() {
    let _watch = watch();
    let runtime = multi(1);
    let (census, begun) = (Census::default(), Gate::new());
    let task = {
        let (handle, guard, begun) = (runtime.handle().clone(), census.guard(), begun.clone());
        runtime.spawn(async move {
            task::block_in_place(|| {
                let (tell, told) = std::sync::mpsc::channel();
                // The substitute comes upon it, and is its home from then on.
                let task = handle.spawn(async move {
                    let _guard = guard;
                    tell.send(()).unwrap();
                    begun.open();
                    pending::<()>().await;
                });
                told.recv().unwrap();
                task
            })
        })
    };
    let task = runtime.block_on(task).unwrap();
    let metrics = runtime.metrics();
    until(|| metrics.num_idle_blocking_threads() == 1);
    // The threads are not gone as soon as all that.
    let release = Gate::new();
    let working = Gate::new();
    let job = runtime.spawn_blocking({
        let (working, release) = (working.clone(), release.clone());
        move || {
            working.open();
            release.block();
        }
    });
    working.block();
    assert_eq!(census.dead(), 0);
    runtime.shutdown_background();
    until(|| census.dead() == 1);
    until(|| task.is_finished());
    release.open();
    until(|| job.is_finished());
}
