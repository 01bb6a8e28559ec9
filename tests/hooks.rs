//! Hooks are called when they should be, and may do as they please.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// Some handles leave their block unawaited on purpose; a `()` fixes the type of what only panics.
#![allow(clippy::async_yields_async, clippy::let_unit_value)]

mod support;

use filch::runtime::{Builder, Handle, TaskMeta};
use filch::task::{self, yield_now};
use filch::time::{Duration, sleep};
use std::collections::HashMap;
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use support::{Gate, ON_PURPOSE, until, watch};

fn both() -> [Builder; 2] {
    let mut multi = Builder::new_multi_thread();
    multi.worker_threads(2);
    [multi, Builder::new_current_thread()]
}

#[test]
fn each_thread_is_announced_at_its_start_and_end_before_the_shutdown_returns() {
    let _watch = watch();
    for (mut builder, workers) in both().into_iter().zip([2, 0]) {
        let (started, stopped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..20 {
            started.store(0, SeqCst);
            stopped.store(0, SeqCst);
            let (start, stop) = (started.clone(), stopped.clone());
            let runtime = builder
                .on_thread_start(move || {
                    Handle::current();
                    start.fetch_add(1, SeqCst);
                })
                .on_thread_stop(move || {
                    Handle::current();
                    (0..20).for_each(|_| thread::yield_now());
                    stop.fetch_add(1, SeqCst);
                })
                .build()
                .unwrap();
            runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
            drop(runtime);
            assert_eq!((started.load(SeqCst), stopped.load(SeqCst)), (workers + 1, workers + 1));
        }
    }
}

#[test]
fn parking_and_unparking_alternate() {
    let _watch = watch();
    for mut builder in both() {
        let counts: Arc<Mutex<HashMap<thread::ThreadId, (u32, u32)>>> = Arc::default();
        let (park, unpark) = (counts.clone(), counts.clone());
        let runtime = builder
            .on_thread_park(move || {
                let mut counts = park.lock().unwrap();
                let (parks, unparks) = counts.entry(thread::current().id()).or_default();
                assert_eq!(parks, unparks);
                *parks += 1;
            })
            .on_thread_unpark(move || {
                let mut counts = unpark.lock().unwrap();
                let (parks, unparks) = counts.entry(thread::current().id()).or_default();
                *unparks += 1;
                assert_eq!(parks, unparks);
            })
            .build()
            .unwrap();
        for _ in 0..20 {
            runtime.block_on(sleep_a_little(&runtime));
        }
        drop(runtime);
        let counts = counts.lock().unwrap();
        assert!(counts.values().map(|counts| counts.0).sum::<u32>() > 0);
        assert!(counts.values().all(|(parks, unparks)| parks == unparks));
    }
}

// Bug 6: a hook that makes work must not be followed by sleep.
#[test]
fn what_a_hook_spawns_or_wakes_before_sleep_is_run() {
    let _watch = watch();
    for mut builder in both() {
        for way in 0..4 {
            let (armed, gate) = (Arc::new(AtomicBool::new(false)), Gate::new());
            let (arm, open) = (armed.clone(), gate.clone());
            let hook = move || {
                if arm.swap(false, SeqCst) {
                    let open = open.clone();
                    match way % 2 {
                        0 => drop(filch::spawn(async move { open.open() })),
                        _ => open.open(),
                    }
                }
            };
            let runtime = match way / 2 {
                0 => builder.on_thread_park(hook).on_thread_unpark(|| ()).build().unwrap(),
                _ => builder.on_thread_unpark(hook).on_thread_park(|| ()).build().unwrap(),
            };
            for _ in 0..20 {
                armed.store(true, SeqCst);
                let pass = gate.clone();
                let waits = runtime.spawn(async move { pass.pass().await });
                if way / 2 == 1 {
                    // Somebody has to have slept.
                    runtime.block_on(sleep_a_little(&runtime));
                }
                runtime.block_on(waits).unwrap();
            }
        }
    }
}

/// Sleeps long enough for workers to lie down and get up.
async fn sleep_a_little(runtime: &filch::runtime::Runtime) {
    runtime.spawn(async { sleep(Duration::from_micros(100)).await }).await.unwrap();
}

/// Counts a hook's calls for each task.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<HashMap<task::Id, Told>>>);

/// Which hooks were called, with the line they were told.
type Told = Vec<(&'static str, u32)>;

impl Calls {
    fn hook(&self, what: &'static str) -> impl Fn(&TaskMeta) + Send + Sync + 'static {
        let calls = self.clone();
        move |meta| {
            let line = meta.spawned_at().line();
            calls.0.lock().unwrap().entry(meta.id()).or_default().push((what, line));
        }
    }

    fn of(&self, id: task::Id) -> Vec<&'static str> {
        let calls = self.0.lock().unwrap();
        calls.get(&id).map(|calls| calls.iter().map(|call| call.0).collect()).unwrap_or_default()
    }
}

#[test]
fn the_life_of_a_task_is_told_in_order_wherever_it_was_spawned() {
    let _watch = watch();
    for mut builder in both() {
        let calls = Calls::default();
        let runtime = builder
            .on_task_spawn(calls.hook("spawn"))
            .on_before_task_poll(calls.hook("before"))
            .on_after_task_poll(calls.hook("after"))
            .on_task_terminate(calls.hook("end"))
            .build()
            .unwrap();
        let life = ["spawn", "before", "after", "before", "after", "end"];
        let outside = runtime.spawn(yield_now());
        let line = line!() - 1;
        let id = outside.id();
        runtime.block_on(outside).unwrap();
        until(|| calls.of(id).len() == life.len());
        assert_eq!(calls.of(id), life);
        assert!(calls.0.lock().unwrap()[&id].iter().all(|call| call.1 == line));

        let by_root = runtime.block_on(async { filch::spawn(yield_now()) });
        let by_task = runtime.block_on(runtime.spawn(async { filch::spawn(yield_now()) })).unwrap();
        for task in [by_root, by_task] {
            let id = task.id();
            runtime.block_on(task).unwrap();
            until(|| calls.of(id).len() == life.len());
            assert_eq!(calls.of(id), life);
        }

        let aborted = runtime.spawn(pending::<()>());
        let id = aborted.id();
        aborted.abort();
        assert!(runtime.block_on(aborted).unwrap_err().is_cancelled());
        until(|| calls.of(id).contains(&"end"));

        let panics = runtime.spawn(async { panic!("{ON_PURPOSE}") });
        let id = panics.id();
        let () = assert!(runtime.block_on(panics).is_err_and(|error| error.is_panic()));
        until(|| calls.of(id).contains(&"end"));
    }
}

#[test]
fn local_tasks_of_workers_are_told_of_too() {
    let _watch = watch();
    let calls = Calls::default();
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .on_task_spawn(calls.hook("spawn"))
        .on_before_task_poll(calls.hook("before"))
        .on_after_task_poll(calls.hook("after"))
        .on_task_terminate(calls.hook("end"))
        .build()
        .unwrap();
    let task = runtime.spawn(async {
        let local = task::spawn_local(async {});
        let id = local.id();
        local.await.unwrap();
        id
    });
    let id = runtime.block_on(task).unwrap();
    until(|| calls.of(id).len() == 4);
    assert_eq!(calls.of(id), ["spawn", "before", "after", "end"]);
}

// Bugs 6 and 18: whatever a hook throws is caught.
#[test]
fn hooks_that_panic_hurt_nobody() {
    let _watch = watch();
    fn bad() {
        panic!("{ON_PURPOSE}: hook");
    }
    fn bad_task(_: &TaskMeta) {
        panic!("{ON_PURPOSE}: hook");
    }
    for mut builder in both() {
        let runtime = builder
            .on_thread_start(bad)
            .on_thread_stop(bad)
            .on_thread_park(bad)
            .on_thread_unpark(bad)
            .on_task_spawn(bad_task)
            .on_before_task_poll(bad_task)
            .on_after_task_poll(bad_task)
            .on_task_terminate(bad_task)
            .build()
            .unwrap();
        let task = runtime.spawn(async {
            let mut sum = 0;
            for n in 0..20 {
                sum += filch::spawn(async move { n }).await.unwrap();
            }
            sleep(Duration::from_nanos(1)).await;
            task::spawn_blocking(move || sum).await.unwrap()
        });
        assert_eq!(runtime.block_on(task).unwrap(), 190);
    }
}

#[test]
fn task_hooks_may_spawn() {
    let _watch = watch();
    for mut builder in both() {
        let (left, ran) = (Arc::new(AtomicUsize::new(50)), Arc::new(AtomicUsize::new(0)));
        let hook = || {
            let (left, ran) = (left.clone(), ran.clone());
            move |_: &TaskMeta| {
                let some = left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
                if some.is_ok() {
                    let ran = ran.clone();
                    drop(filch::spawn(async move { ran.fetch_add(1, SeqCst) }));
                }
            }
        };
        let runtime = builder
            .on_before_task_poll(hook())
            .on_after_task_poll(hook())
            .on_task_terminate(hook())
            .build()
            .unwrap();
        runtime.block_on(async {
            filch::spawn(yield_now()).await.unwrap();
            while ran.load(SeqCst) < 50 {
                yield_now().await;
            }
        });
    }
}
