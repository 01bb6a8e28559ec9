//! A long poll stalls nobody while another worker is free, and is reported to who asked.
//!
//! The monitor's business is real time, so that these tests block threads on purpose. Limits are
//! those of the promise; a machine that stands still for longer gets more tries. A poll that is to be
//! reported lasts until it has been.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// Some handles leave their block unawaited on purpose; a `()` fixes the type of what only panics.
#![allow(clippy::async_yields_async, clippy::let_unit_value)]

mod support;

use filch::io::{AsyncReadExt, AsyncWriteExt};
use filch::net::{TcpListener, TcpStream};
use filch::runtime::{Builder, Stall};
use filch::task::{self, yield_now};
use filch::time::sleep;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use support::{Gate, hand_out_waker, multi, until, watch};

const LONG: Duration = Duration::from_millis(300);
/// How late anything may be that a long poll must not hold up.
const LIMIT: Duration = Duration::from_millis(20);
/// A shared machine takes the processor away now and then: the promise is kept if it is once.
const TRIES: usize = 100;

/// Calls `try_once` until what it measures is below the limit.
fn within_limit(what: &str, mut try_once: impl FnMut() -> Duration) {
    let late: Vec<_> =
        (0..TRIES).map_while(|_| Some(try_once()).filter(|&late| late >= LIMIT)).collect();
    assert!(late.len() < TRIES, "{what} was late each time: {late:?}");
}

/// A task that blocks its worker for long; resolves to the moments when it began and ended.
fn block(runtime: &filch::runtime::Runtime) -> task::JoinHandle<(Instant, Instant)> {
    runtime.spawn(async {
        let began = Instant::now();
        thread::sleep(LONG);
        (began, Instant::now())
    })
}

// Bug 4.
#[test]
fn a_timer_goes_on_while_a_worker_is_blocked() {
    let _watch = watch();
    let runtime = multi(2);
    within_limit("a timer", || {
        // The timer is armed on the worker that is blocked next, as often as chance will have it.
        let timer = runtime.spawn(async {
            let began = Instant::now();
            let sleeps = filch::spawn(async move {
                sleep(Duration::from_millis(5)).await;
                began.elapsed()
            });
            yield_now().await;
            let blocks = filch::spawn(async { thread::sleep(LONG) });
            (sleeps.await.unwrap(), blocks)
        });
        let (took, blocks) = runtime.block_on(timer).unwrap();
        runtime.block_on(blocks).unwrap();
        took.saturating_sub(Duration::from_millis(5))
    });
}

#[test]
fn a_timer_of_the_blocked_worker_itself_is_fired_by_others() {
    let _watch = watch();
    let runtime = multi(2);
    within_limit("a timer", || {
        let task = runtime.spawn(async {
            let slept = Arc::new(Mutex::new(None));
            let began = Instant::now();
            let note = slept.clone();
            let sleeps = filch::spawn(async move {
                sleep(Duration::from_millis(5)).await;
                *note.lock().unwrap() = Some(began.elapsed());
            });
            // Now the timer is in this worker's wheel, if nobody stole the task.
            yield_now().await;
            yield_now().await;
            thread::sleep(LONG);
            let slept = slept.lock().unwrap().take();
            sleeps.await.unwrap();
            slept.unwrap_or(LONG)
        });
        runtime.block_on(task).unwrap().saturating_sub(Duration::from_millis(5))
    });
}

#[test]
fn a_socket_is_heard_while_a_worker_is_blocked() {
    let _watch = watch();
    let runtime = multi(2);
    within_limit("a socket", || {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let ready = Gate::new();
        let open = ready.clone();
        let reader = runtime.spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            open.open();
            let mut byte = [0];
            client.read_exact(&mut byte).await.unwrap();
            Instant::now()
        });
        let mut client = runtime.block_on(TcpStream::connect(address)).unwrap();
        ready.block();
        let began = Gate::new();
        let begin = began.clone();
        let blocks = runtime.spawn(async move {
            begin.open();
            thread::sleep(LONG);
        });
        began.block();
        // Written from this thread, which is no worker.
        let sent = Instant::now();
        runtime.block_on(client.write_all(b"x")).unwrap();
        let late = runtime.block_on(reader).unwrap() - sent;
        runtime.block_on(blocks).unwrap();
        late
    });
}

#[test]
fn the_task_woken_just_before_the_worker_blocks_goes_on_elsewhere() {
    let _watch = watch();
    let runtime = multi(2);
    within_limit("the woken task", || {
        let (send, receive) = mpsc::channel();
        let woken = runtime.spawn(async move {
            hand_out_waker(|waker| send.send(waker).unwrap()).await;
            Instant::now()
        });
        let waker = receive.recv().unwrap();
        let blocks = runtime.spawn(async move {
            let began = Instant::now();
            waker.wake();
            thread::sleep(LONG);
            began
        });
        let at = runtime.block_on(woken).unwrap();
        at.saturating_duration_since(runtime.block_on(blocks).unwrap())
    });
}

#[test]
fn a_spawn_from_outside_is_not_held_up() {
    let _watch = watch();
    let runtime = multi(2);
    within_limit("a new task", || {
        let blocks = block(&runtime);
        until(|| runtime.metrics().num_alive_tasks() > 0);
        let spawned = Instant::now();
        let late = runtime.block_on(runtime.spawn(async move { spawned.elapsed() })).unwrap();
        runtime.block_on(blocks).unwrap();
        late
    });
}

// Bug 4: "also right after block_in_place".
#[test]
fn the_long_poll_may_come_right_after_block_in_place() {
    let _watch = watch();
    let runtime = multi(2);
    within_limit("the woken task", || {
        let (send, receive) = mpsc::channel();
        let woken = runtime.spawn(async move {
            hand_out_waker(|waker| send.send(waker).unwrap()).await;
            Instant::now()
        });
        let waker = receive.recv().unwrap();
        let blocks = runtime.spawn(async move {
            task::block_in_place(|| thread::sleep(LONG / 2));
            let began = Instant::now();
            waker.wake();
            thread::sleep(LONG);
            began
        });
        let at = runtime.block_on(woken).unwrap();
        at.saturating_duration_since(runtime.block_on(blocks).unwrap())
    });
}

/// A runtime that collects its stall reports.
fn reporting(workers: usize, limit: Duration) -> (filch::runtime::Runtime, Arc<Mutex<Vec<Stall>>>) {
    let stalls = Arc::new(Mutex::new(Vec::new()));
    let report = stalls.clone();
    let runtime = Builder::new_multi_thread()
        .worker_threads(workers)
        .on_stall(limit, move |stall| report.lock().unwrap().push(stall.clone()))
        .build()
        .unwrap();
    (runtime, stalls)
}

#[test]
fn a_stall_is_reported_once_with_name_place_and_length() {
    let _watch = watch();
    for workers in [1, 2] {
        let (runtime, stalls) = reporting(workers, Duration::from_millis(30));
        let reports = stalls.clone();
        let (task, line) = runtime.block_on(async {
            let future = async move {
                until(|| !reports.lock().unwrap().is_empty());
                // It goes on, and is not reported again.
                thread::sleep(LONG);
            };
            (task::Builder::new().name("sloth").spawn(future).unwrap(), line!())
        });
        let id = task.id();
        runtime.block_on(task).unwrap();
        let stalls = stalls.lock().unwrap();
        assert_eq!(stalls.len(), 1, "{stalls:?}");
        let stall = &stalls[0];
        assert_eq!((stall.name(), stall.task()), (Some("sloth"), id));
        assert_eq!((stall.spawned_at().file(), stall.spawned_at().line()), (file!(), line));
        assert!(stall.duration() >= Duration::from_millis(30));
        assert!(stall.worker() < workers);
        let said = stall.to_string();
        assert!(said.contains("sloth") && said.contains("tests/monitor.rs"), "{said}");
    }
}

#[test]
fn each_long_poll_is_a_stall_of_its_own() {
    let _watch = watch();
    let (runtime, stalls) = reporting(2, Duration::from_millis(10));
    let reports = stalls.clone();
    let task = runtime.spawn(async move {
        // Three polls, and no short one after them that a busy machine might make a long one.
        for number in 1..=3 {
            if number > 1 {
                yield_now().await;
            }
            until(|| reports.lock().unwrap().len() >= number);
        }
    });
    runtime.block_on(task).unwrap();
    assert_eq!(stalls.lock().unwrap().len(), 3);
}

#[test]
fn a_current_thread_runtime_reports_stalls_too() {
    let _watch = watch();
    let stalls = Arc::new(AtomicUsize::new(0));
    let count = stalls.clone();
    let runtime = Builder::new_current_thread()
        .on_stall(Duration::from_millis(10), move |_| _ = count.fetch_add(1, SeqCst))
        .build()
        .unwrap();
    let seen = stalls.clone();
    runtime.block_on(runtime.spawn(async move { until(|| seen.load(SeqCst) > 0) })).unwrap();
    assert_eq!(stalls.load(SeqCst), 1);
}

#[test]
fn what_blocks_in_place_or_in_the_pool_is_no_stall() {
    let _watch = watch();
    let (runtime, stalls) = reporting(2, LONG / 2);
    let quiet = (0..TRIES).any(|_| {
        stalls.lock().unwrap().clear();
        let task = runtime.spawn(async {
            task::block_in_place(|| thread::sleep(LONG));
            task::spawn_blocking(|| thread::sleep(LONG)).await.unwrap();
        });
        runtime.block_on(task).unwrap();
        stalls.lock().unwrap().is_empty()
    });
    assert!(quiet, "reported each time: {:?}", stalls.lock().unwrap());
}

#[test]
fn a_stall_hook_that_panics_takes_no_monitor_down() {
    let _watch = watch();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .on_stall(Duration::from_millis(5), move |_| {
            count.fetch_add(1, SeqCst);
            panic!("{}", support::ON_PURPOSE);
        })
        .build()
        .unwrap();
    for n in 1..=2 {
        let seen = calls.clone();
        runtime.block_on(runtime.spawn(async move { until(|| seen.load(SeqCst) >= n) })).unwrap();
        assert_eq!(calls.load(SeqCst), n);
    }
}

#[test]
fn absurd_stall_limits_do_no_harm() {
    let _watch = watch();
    for limit in [Duration::ZERO, Duration::MAX] {
        let (runtime, _) = reporting(2, limit);
        let task = runtime.spawn(async { thread::sleep(Duration::from_millis(20)) });
        runtime.block_on(task).unwrap();
    }
}
