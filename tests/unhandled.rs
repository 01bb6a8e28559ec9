//! What goes wrong where nobody is left to learn of it is reported: once, and with all that is known.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
#![allow(clippy::async_yields_async, clippy::let_unit_value)]

mod support;

use filch::cancel::catch_cancel;
use filch::runtime::{Builder, Runtime, Unhandled, UnhandledKind};
use filch::task::{self, JoinError, JoinSet, LocalSet, yield_now};
use filch::task_group::TaskGroup;
use std::collections::HashSet;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::thread;
use support::{Gate, ON_PURPOSE, PanicsOnDrop, panic_of, until, watch};

/// What was reported, and where it came from.
#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<Report>>>);

#[derive(Clone, Debug)]
struct Report {
    kind: UnhandledKind,
    id: Option<task::Id>,
    name: Option<String>,
    line: Option<u32>,
    message: String,
}

impl Reports {
    fn note(&self, unhandled: &Unhandled) {
        let task = unhandled.task();
        self.0.lock().unwrap().push(Report {
            kind: unhandled.kind(),
            id: task.map(|task| task.id()),
            name: task.and_then(|task| task.name()).map(str::to_owned),
            line: task.map(|task| task.spawned_at().line()),
            message: unhandled.message().to_owned(),
        });
    }

    fn all(&self) -> Vec<Report> {
        self.0.lock().unwrap().clone()
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn wait_for(&self, count: usize) {
        until(|| self.count() >= count);
    }
}

fn built(mut builder: Builder) -> (Runtime, Reports) {
    let reports = Reports::default();
    let noted = reports.clone();
    let runtime = builder.on_unhandled(move |unhandled| noted.note(unhandled)).build().unwrap();
    (runtime, reports)
}

fn on_each(test: impl Fn(Runtime, Reports)) {
    let current = built(Builder::new_current_thread());
    test(current.0, current.1);
    for workers in [1, 2, 4] {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(workers);
        let (runtime, reports) = built(builder);
        test(runtime, reports);
    }
}

async fn fails() {
    yield_now().await;
    panic!("{ON_PURPOSE}: nobody waits");
}

#[test]
fn a_panic_of_a_detached_task_is_reported_with_its_id_name_and_birthplace() {
    let _watch = watch();
    on_each(|runtime, reports| {
        let begun = Gate::new();
        let (id, line) = runtime.block_on(async {
            let wait = begun.clone();
            let careless = async move {
                wait.pass().await;
                fails().await;
            };
            let builder = task::Builder::new().name("careless");
            let line = line!() + 1;
            let task = builder.spawn(careless).unwrap();
            let id = task.id();
            drop(task);
            begun.open();
            while reports.count() == 0 {
                yield_now().await;
            }
            (id, line)
        });
        drop(runtime);
        let [report] = &reports.all()[..] else { panic!("{:?}", reports.all()) };
        assert_eq!(report.kind, UnhandledKind::Panic);
        assert_eq!(report.id, Some(id));
        assert_eq!(report.name.as_deref(), Some("careless"));
        assert_eq!(report.line, Some(line));
        assert_eq!(report.message, "panicked: on purpose: nobody waits");
    });
}

#[test]
fn a_panic_is_reported_when_the_handle_is_dropped_that_could_have_told() {
    let _watch = watch();
    on_each(|runtime, reports| {
        let task = runtime.spawn(fails());
        runtime.block_on(async { until_finished(&task).await });
        assert_eq!(reports.count(), 0, "somebody may still ask");
        drop(task);
        assert_eq!(reports.count(), 1);
        // Also when the runtime is gone by then, and on a thread that was never in it.
        let late = runtime.spawn(fails());
        runtime.block_on(async { until_finished(&late).await });
        drop(runtime);
        thread::spawn(move || drop(late)).join().unwrap();
        assert_eq!(reports.count(), 2);
    });
}

async fn until_finished<T>(task: &task::JoinHandle<T>) {
    while !task.is_finished() {
        yield_now().await;
    }
}

#[test]
fn what_somebody_has_seen_is_not_reported() {
    let _watch = watch();
    on_each(|runtime, reports| {
        runtime.block_on(async {
            // Awaited, also while it runs.
            assert!(filch::spawn(fails()).await.unwrap_err().is_panic());
            // Its error is dropped unread: that is a decision.
            drop(filch::spawn(fails()).await);
            // Cancelled, aborted, and done: no panics.
            let stopped = [filch::spawn(pending::<()>()), filch::spawn(pending::<()>())];
            stopped[0].abort();
            stopped[1].cancel("enough");
            for task in &stopped {
                until_finished(task).await;
            }
            let mut set = JoinSet::new();
            set.spawn(fails());
            assert!(set.join_next().await.unwrap().unwrap_err().is_panic());
            drop(filch::spawn(async { 1 }));
        });
        drop(runtime);
        assert_eq!(reports.count(), 0, "{:?}", reports.all());
    });
}

fn fails_as(number: u32) {
    panic!("{ON_PURPOSE}: {number}");
}

#[test]
fn a_panic_in_a_group_goes_on_once_and_the_others_are_reported() {
    let _watch = watch();
    let (runtime, reports) = built(Builder::new_current_thread());
    let said = panic_of(|| {
        runtime.block_on(TaskGroup::<()>::scope(async |group| {
            for number in [1, 2, 0] {
                group.spawn(async move {
                    if number > 0 {
                        // They are asked to end because of the third one.
                        let _ = catch_cancel(pending::<()>()).await;
                    }
                    fails_as(number);
                    Ok(())
                });
            }
            Ok(())
        }))
    });
    assert_eq!(said, "on purpose: 0");
    let messages: Vec<_> = reports.all().into_iter().map(|report| report.message).collect();
    assert_eq!(messages, ["panicked: on purpose: 1", "panicked: on purpose: 2"]);
}

#[test]
fn a_panicked_member_of_a_set_that_nobody_joins_is_reported_when_the_set_goes() {
    let _watch = watch();
    on_each(|runtime, reports| {
        runtime.block_on(async {
            let mut set = JoinSet::new();
            let member = set.spawn(fails());
            while !member.is_finished() {
                yield_now().await;
            }
            assert_eq!(reports.count(), 0);
            drop(set);
        });
        assert_eq!(reports.count(), 1);
    });
}

#[test]
fn blocking_jobs_and_local_tasks_report_to_the_runtime_they_ran_in() {
    let _watch = watch();
    on_each(|runtime, reports| {
        drop(runtime.spawn_blocking(|| panic!("{ON_PURPOSE}: detached job")));
        reports.wait_for(1);
        // Dropped outside of the runtime.
        let job = runtime.spawn_blocking(|| panic!("{ON_PURPOSE}: job"));
        until(|| job.is_finished());
        drop(job);
        assert_eq!(reports.count(), 2);
        let set = LocalSet::new();
        let local = set.spawn_local(fails());
        runtime.block_on(set);
        drop(runtime);
        drop(local);
        assert_eq!(reports.count(), 3);
        assert_eq!(reports.all()[1].message, "panicked: on purpose: job");
    });
}

#[test]
fn a_future_that_panics_when_it_is_dropped_at_the_end_is_reported() {
    let _watch = watch();
    on_each(|runtime, reports| {
        let begun = Gate::new();
        let open = begun.clone();
        drop(runtime.spawn(async move {
            let _bomb = PanicsOnDrop;
            open.open();
            pending::<()>().await;
        }));
        runtime.block_on(begun.pass());
        drop(runtime);
        assert_eq!(reports.count(), 1);
        assert_eq!(reports.all()[0].message, "panicked: on purpose: in drop");
    });
}

#[test]
fn each_of_many_is_reported_once_whoever_comes_first() {
    let _watch = watch();
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(4);
    let (runtime, reports) = built(builder);
    // The handles are dropped while the tasks complete: here before, there after.
    let handles: Vec<_> = (0..4000).map(|_| runtime.spawn(fails())).collect();
    let (front, back) = {
        let mut handles = handles;
        let back = handles.split_off(2000);
        (handles, back)
    };
    let dropper = thread::spawn(move || drop(front));
    back.into_iter().rev().for_each(drop);
    dropper.join().unwrap();
    reports.wait_for(4000);
    drop(runtime);
    assert_eq!(reports.count(), 4000);
    let ids: HashSet<_> = reports.all().iter().map(|report| report.id).collect();
    assert_eq!(ids.len(), 4000);
}

#[test]
fn a_hook_that_panics_harms_nobody() {
    let _watch = watch();
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .on_unhandled(|_| panic!("{ON_PURPOSE}: hook"))
        .build()
        .unwrap();
    for _ in 0..10 {
        drop(runtime.spawn(fails()));
    }
    let task = runtime.spawn(fails());
    until(|| task.is_finished());
    drop(task);
    assert_eq!(runtime.block_on(runtime.spawn(async { 5 })).unwrap(), 5);
}

#[test]
fn a_hook_may_use_the_runtime() {
    let _watch = watch();
    let done = Gate::new();
    let open = done.clone();
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .on_unhandled(move |unhandled| {
            let open = open.clone();
            let kind = unhandled.kind();
            drop(filch::spawn(async move {
                assert_eq!(kind, UnhandledKind::Panic);
                open.open();
            }));
        })
        .build()
        .unwrap();
    runtime.block_on(async {
        // The last chance passes on a thread of the runtime's, or on this one, which is in it.
        drop(filch::spawn(fails()));
        done.pass().await;
    });
}

async fn refuses() -> std::io::Result<()> {
    Err(std::io::Error::other("no such luck"))
}

#[test]
fn an_error_of_a_background_task_is_reported_and_has_a_name() {
    let _watch = watch();
    let errors = Arc::new(Mutex::new(Vec::new()));
    let noted = errors.clone();
    let runtime = Builder::new_current_thread()
        .on_unhandled(move |unhandled| {
            let error = unhandled.error_ref().unwrap();
            let io = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
            let panicked = error.downcast_ref::<JoinError>().is_some_and(JoinError::is_panic);
            let name = unhandled.task().unwrap().name().unwrap().to_owned();
            noted.lock().unwrap().push((unhandled.kind(), io, panicked, name));
        })
        .build()
        .unwrap();
    runtime.block_on(async {
        let tasks = [
            task::background(refuses()),
            task::Builder::new().name("janitor").background(async { Err::<(), _>("a string") }),
            task::background(fails()),
            task::background(async { Ok::<_, std::fmt::Error>(1) }),
            task::background(async {}),
        ];
        // One that never returns fails never.
        task::background(async {
            loop {
                yield_now().await
            }
        })
        .abort();
        for task in tasks {
            while !task.is_finished() {
                yield_now().await;
            }
        }
    });
    let errors = errors.lock().unwrap();
    assert_eq!(errors.len(), 3, "{errors:?}");
    let error = std::io::ErrorKind::Other;
    assert_eq!(errors[0], (UnhandledKind::Error, Some(error), false, "unhandled::refuses".into()));
    assert_eq!(errors[1], (UnhandledKind::Error, None, false, "janitor".into()));
    assert_eq!(errors[2], (UnhandledKind::Panic, None, true, "unhandled::fails".into()));
}

#[test]
fn an_error_that_no_hook_takes_is_written_where_somebody_may_see_it() {
    let test = "an_error_that_no_hook_takes_is_written_where_somebody_may_see_it";
    if support::is_child() {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let task = task::background(refuses());
            while !task.is_finished() {
                yield_now().await;
            }
        });
        return;
    }
    let output = support::run_child(test, "", &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("(unhandled::refuses), spawned at tests/unhandled.rs:"), "{said}");
    assert!(said.contains("failed: no such luck"), "{said}");
}

#[test]
fn a_callback_that_panics_is_reported() {
    let _watch = watch();
    on_each(|runtime, reports| {
        let line = line!() + 1;
        runtime.block_on(async { filch::callback::call_soon(|| panic!("{ON_PURPOSE}")) });
        runtime.block_on(async { until_async(|| reports.count() > 0).await });
        let report = &reports.all()[0];
        assert_eq!((report.kind, report.id), (UnhandledKind::Panic, None));
        assert!(report.message.contains(ON_PURPOSE), "{}", report.message);
        assert!(report.message.contains(&format!("unhandled.rs:{line}")), "{}", report.message);
    });
}

async fn until_async(condition: impl Fn() -> bool) {
    while !condition() {
        yield_now().await;
    }
}

#[test]
fn a_shielded_future_that_nobody_waits_for_any_more_is_reported_if_it_panics() {
    let _watch = watch();
    on_each(|runtime, reports| {
        runtime.block_on(async {
            let gate = Gate::new();
            let wait = gate.clone();
            let shielded = filch::shield(async move {
                wait.pass().await;
                panic!("{ON_PURPOSE}");
            });
            drop(shielded);
            gate.open();
            until_async(|| reports.count() > 0).await;
        });
        drop(runtime);
        assert_eq!(reports.count(), 1);
        assert!(reports.all()[0].message.contains(ON_PURPOSE));
    });
}
