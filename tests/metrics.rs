//! The counters of a runtime add up.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// Some handles leave their block unawaited on purpose; a `()` fixes the type of what only panics.
#![allow(clippy::async_yields_async, clippy::let_unit_value)]

mod support;

use filch::task::{self, yield_now};
use filch::time::{Duration, sleep};
use std::future::pending;
use support::{Gate, current, multi, on_each_flavour, panic_here, until, watch};

#[test]
fn living_tasks_are_counted_until_the_last_is_gone() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let metrics = runtime.metrics();
        assert_eq!((metrics.num_alive_tasks(), metrics.spawned_tasks_count()), (0, 0));
        let gate = Gate::new();
        let tasks: Vec<_> = (0..10)
            .map(|n| {
                let pass = gate.clone();
                runtime.spawn(async move {
                    pass.pass().await;
                    assert!(n != 3, "{}", support::ON_PURPOSE);
                })
            })
            .collect();
        tasks[5].abort();
        let counted = metrics.clone();
        runtime.block_on(async {
            while counted.num_alive_tasks() != 9 {
                yield_now().await;
            }
            gate.open();
            for task in tasks {
                let _ = task.await;
            }
            while counted.num_alive_tasks() != 0 {
                yield_now().await;
            }
        });
        assert_eq!(metrics.spawned_tasks_count(), 10);
        // What a shutdown drops is gone as well.
        for _ in 0..10 {
            drop(runtime.spawn(pending::<()>()));
        }
        runtime.block_on(yield_now());
        drop(runtime);
        assert_eq!((metrics.num_alive_tasks(), metrics.spawned_tasks_count()), (0, 20));
    });
}

#[test]
fn each_poll_is_counted_by_its_worker() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let task = runtime.spawn(async {
            for _ in 0..100 {
                yield_now().await;
            }
        });
        runtime.block_on(task).unwrap();
        let metrics = runtime.metrics();
        let sum = |read: &dyn Fn(usize) -> u64| (0..metrics.num_workers()).map(read).sum::<u64>();
        until(|| sum(&|worker| metrics.worker_poll_count(worker)) == 101);
        until(|| metrics.num_alive_tasks() == 0);
        assert_eq!(metrics.budget_forced_yield_count(), 100);
        assert_eq!(metrics.remote_schedule_count(), 1);
        assert_eq!(metrics.global_queue_depth(), 0);
        for worker in 0..metrics.num_workers() {
            assert_eq!(metrics.worker_local_queue_depth(worker), 0);
        }
    });
}

#[test]
fn queues_show_what_waits_in_them() {
    let _watch = watch();
    let runtime = current();
    for _ in 0..7 {
        drop(runtime.spawn(async {}));
    }
    assert_eq!(runtime.metrics().global_queue_depth(), 7);
    runtime.block_on(async {
        let metrics = filch::runtime::Handle::current().metrics();
        let task = filch::spawn(async move {
            for _ in 0..5 {
                drop(filch::spawn(async {}));
            }
            metrics.worker_local_queue_depth(0)
        });
        assert!(task.await.unwrap() >= 5);
    });
    assert!(runtime.metrics().worker_local_schedule_count(0) >= 6);
}

#[test]
fn thefts_parks_and_busy_time_are_counted() {
    let _watch = watch();
    let runtime = multi(2);
    let metrics = runtime.metrics();
    let task = runtime.spawn(async {
        let (send, receive) = std::sync::mpsc::channel();
        drop(filch::spawn(async move { send.send(()).unwrap() }));
        // The other worker must steal it, since this one waits.
        receive.recv().unwrap();
    });
    runtime.block_on(task).unwrap();
    let sum = |read: &dyn Fn(usize) -> u64| (0..2).map(read).sum::<u64>();
    until(|| {
        sum(&|worker| metrics.worker_steal_operations(worker)) >= 1 || {
            // By way of the injector, if the monitor was quicker.
            sum(&|worker| metrics.worker_poll_count(worker)) >= 2
        }
    });
    runtime.block_on(runtime.spawn(async { sleep(Duration::from_millis(2)).await })).unwrap();
    until(|| (0..2).all(|worker| metrics.worker_park_count(worker) > 0));
    for worker in 0..2 {
        assert!(metrics.worker_park_unpark_count(worker) >= metrics.worker_park_count(worker));
        let _ = (metrics.worker_noop_count(worker), metrics.worker_mean_poll_time(worker));
    }
    until(|| (0..2).any(|worker| metrics.worker_total_busy_duration(worker) > Duration::ZERO));
}

#[test]
fn the_blocking_pool_is_counted() {
    let _watch = watch();
    let runtime = current();
    let metrics = runtime.metrics();
    assert_eq!((metrics.num_blocking_threads(), metrics.num_idle_blocking_threads()), (0, 0));
    let hold = Gate::new();
    let wait = hold.clone();
    let job = runtime.spawn_blocking(move || wait.block());
    until(|| metrics.num_blocking_threads() == 1 && metrics.blocking_queue_depth() == 0);
    hold.open();
    runtime.block_on(job).unwrap();
    until(|| metrics.num_idle_blocking_threads() == 1);
    drop(runtime);
    assert_eq!((metrics.num_blocking_threads(), metrics.num_idle_blocking_threads()), (0, 0));
}

#[test]
fn sockets_are_counted_while_they_live() {
    let _watch = watch();
    let runtime = multi(1);
    let metrics = runtime.metrics();
    let registered = metrics.io_driver_fd_registered_count();
    let listener = runtime.block_on(filch::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let (client, server) = runtime.block_on(async {
        let client = filch::net::TcpStream::connect(address).await.unwrap();
        (client, listener.accept().await.unwrap())
    });
    assert_eq!(metrics.io_driver_fd_registered_count(), registered + 3);
    assert!(metrics.io_driver_ready_count() > 0);
    let deregistered = metrics.io_driver_fd_deregistered_count();
    drop((listener, client, server));
    assert_eq!(metrics.io_driver_fd_deregistered_count(), deregistered + 3);
}

#[test]
fn a_worker_that_is_not_there_is_refused_at_the_callers_line() {
    let _watch = watch();
    let metrics = multi(1).metrics();
    let said = panic_here(|| metrics.worker_park_count(1));
    assert_eq!(said, "there is no worker 1: the runtime has 1");
    panic_here(|| metrics.worker_total_busy_duration(1));
    panic_here(|| metrics.worker_mean_poll_time(1));
    panic_here(|| metrics.worker_overflow_count(1));
    panic_here(|| metrics.worker_local_queue_depth(usize::MAX));
}

#[test]
fn the_queue_of_a_worker_takes_a_crowd_and_passes_none_of_it_on() {
    let _watch = watch();
    // The only worker is in this poll, so that whatever is queued is still there.
    let runtime = current();
    let metrics = runtime.metrics();
    runtime.block_on(async {
        for _ in 0..2000 {
            drop(filch::spawn(async {}));
        }
        // One may be in the slot for the next task.
        let waiting = metrics.worker_local_queue_depth(0);
        assert!(waiting >= 1999, "{waiting} of 2000 are in the queue of their worker");
        assert_eq!(metrics.worker_overflow_count(0), 0);
    });
}

#[test]
fn tasks_that_block_in_place_are_counted_once() {
    let _watch = watch();
    let runtime = multi(2);
    for _ in 0..50 {
        let task = runtime.spawn(async {
            task::block_in_place(|| drop(filch::spawn(async {})));
            yield_now().await;
        });
        runtime.block_on(task).unwrap();
    }
    let metrics = runtime.metrics();
    until(|| metrics.num_alive_tasks() == 0);
    assert_eq!(metrics.spawned_tasks_count(), 100);
}

#[test]
fn a_worker_knows_its_number() {
    use filch::runtime::{Builder, worker_index};
    assert_eq!(worker_index(), None);
    let one = Builder::new_current_thread().build().unwrap();
    assert_eq!(one.block_on(async { worker_index() }), Some(0));
    assert_eq!(one.handle().block_on(async { worker_index() }), None);

    let many = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    many.block_on(async {
        assert_eq!(worker_index(), None);
        assert_eq!(filch::task::spawn_blocking(worker_index).await.unwrap(), None);
        let task = filch::spawn(async {
            filch::task::block_in_place(|| assert_eq!(worker_index(), None));
            worker_index()
        });
        assert!(task.await.unwrap().is_some_and(|index| index < 2));
    });
}
