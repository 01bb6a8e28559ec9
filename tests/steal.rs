//! Idle workers take what others cannot get to; nothing is lost or run twice on the way.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// Some handles leave their block unawaited on purpose; a `()` fixes the type of what only panics.
#![allow(clippy::async_yields_async, clippy::let_unit_value)]

mod support;

use filch::task::{self, yield_now};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, mpsc};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};
use support::{Gate, hand_out_waker, multi, until, watch};

#[test]
fn a_task_queued_behind_a_blocked_poll_is_taken_by_another_worker() {
    let _watch = watch();
    let runtime = multi(2);
    for _ in 0..50 {
        let task = runtime.spawn(async {
            let (send, receive) = mpsc::channel();
            drop(filch::spawn(async move { send.send(thread::current().id()).unwrap() }));
            // Blocks the worker until another one has run the task.
            receive.recv().unwrap()
        });
        runtime.block_on(task).unwrap();
    }
}

#[test]
fn a_task_in_the_lifo_slot_of_a_blocked_worker_is_taken_too() {
    let _watch = watch();
    let runtime = multi(2);
    for _ in 0..50 {
        let (send_waker, wakers) = mpsc::channel::<Waker>();
        let (send, receive) = mpsc::channel();
        drop(runtime.spawn(async move {
            hand_out_waker(|waker| send_waker.send(waker).unwrap()).await;
            send.send(()).unwrap();
        }));
        let waker = wakers.recv().unwrap();
        let task = runtime.spawn(async move {
            waker.wake();
            receive.recv().unwrap();
        });
        runtime.block_on(task).unwrap();
    }
}

#[test]
fn every_worker_gets_its_share() {
    let _watch = watch();
    let runtime = multi(4);
    for _ in 0..20 {
        // Four polls that wait for each other: only four workers can end them.
        let together = Arc::new(Barrier::new(4));
        let task = runtime.spawn(async move {
            let tasks: Vec<_> = (0..4)
                .map(|_| {
                    let together = together.clone();
                    filch::spawn(async move { together.wait().is_leader() })
                })
                .collect();
            let mut leaders = 0;
            for task in tasks {
                leaders += usize::from(task.await.unwrap());
            }
            leaders
        });
        assert_eq!(runtime.block_on(task).unwrap(), 1);
    }
}

#[test]
fn a_storm_of_nested_tasks_runs_each_exactly_once() {
    let _watch = watch();
    for workers in [2, 8] {
        let runtime = multi(workers);
        let ran: Arc<Vec<AtomicUsize>> =
            Arc::new((0..100_000).map(|_| AtomicUsize::new(0)).collect());
        fn grow(ran: Arc<Vec<AtomicUsize>>, from: usize, to: usize) {
            drop(filch::spawn(async move {
                ran[from].fetch_add(1, SeqCst);
                let (low, high) = (from + 1, to);
                let middle = low.midpoint(high);
                if low < middle {
                    grow(ran.clone(), low, middle);
                }
                if from.is_multiple_of(7) {
                    yield_now().await;
                }
                if middle < high {
                    grow(ran, middle, high);
                }
            }));
        }
        let all = ran.clone();
        runtime.block_on(async move { grow(all, 0, 100_000) });
        until(|| {
            runtime.metrics().spawned_tasks_count() >= 100_000
                && runtime.metrics().num_alive_tasks() == 0
        });
        assert!(ran.iter().all(|ran| ran.load(SeqCst) == 1));
    }
}

#[test]
fn no_wake_from_outside_is_lost_while_workers_fall_asleep() {
    let _watch = watch();
    for workers in [1, 2, 4] {
        let runtime = multi(workers);
        let (send_waker, wakers) = mpsc::channel::<Waker>();
        let (send, receive) = mpsc::channel();
        drop(runtime.spawn(async move {
            loop {
                let send_waker = send_waker.clone();
                hand_out_waker(move |waker| drop(send_waker.send(waker))).await;
                if send.send(()).is_err() {
                    break;
                }
            }
        }));
        for round in 0..3_000 {
            let waker = wakers.recv().unwrap();
            if round % 3 == 0 {
                // Until the workers have had time to lie down, more or less. Not by yielding, which
                // takes long where there are others to yield to.
                let enough = Instant::now() + Duration::from_micros(round % 50);
                while Instant::now() < enough {
                    std::hint::spin_loop();
                }
            }
            waker.wake();
            receive.recv().unwrap();
        }
    }
}

#[test]
fn spawns_from_many_threads_all_run() {
    let _watch = watch();
    let runtime = multi(2);
    let ran = Arc::new(AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    let ran = ran.clone();
                    drop(runtime.spawn(async move { ran.fetch_add(1, SeqCst) }));
                }
            });
        }
    });
    until(|| ran.load(SeqCst) == 20_000);
}

// Bug 4: "also right after block_in_place".
#[test]
fn workers_still_steal_after_threads_have_stepped_in_and_out() {
    let _watch = watch();
    let runtime = multi(2);
    for _ in 0..20 {
        let idle = runtime.spawn(async {
            // Long enough, mostly, for the one who stepped in to find nothing and fall asleep.
            task::block_in_place(|| thread::sleep(Duration::from_millis(2)));
        });
        runtime.block_on(idle).unwrap();
        let task = runtime.spawn(async {
            let (send, receive) = mpsc::channel();
            drop(filch::spawn(async move { send.send(()).unwrap() }));
            receive.recv().unwrap();
        });
        runtime.block_on(task).unwrap();
    }
}

#[test]
fn tasks_go_on_while_every_worker_but_one_is_blocked() {
    let _watch = watch();
    let runtime = multi(3);
    let stop = Gate::new();
    let blocked: Vec<_> = (0..2)
        .map(|_| {
            let stop = stop.clone();
            runtime.spawn(async move { stop.block() })
        })
        .collect();
    let work = runtime.spawn(async {
        let mut sum = 0;
        for n in 0..1_000 {
            sum += filch::spawn(async move { n }).await.unwrap();
        }
        sum
    });
    assert_eq!(runtime.block_on(work).unwrap(), 499_500);
    stop.open();
    for task in blocked {
        runtime.block_on(task).unwrap();
    }
}

#[test]
fn a_task_may_use_up_its_threads_own_parking_token() {
    let _watch = watch();
    let runtime = multi(2);
    for _ in 0..200 {
        let task = runtime.spawn(async {
            thread::current().unpark();
            thread::park();
            yield_now().await;
            thread::current().unpark();
        });
        runtime.block_on(task).unwrap();
    }
}
