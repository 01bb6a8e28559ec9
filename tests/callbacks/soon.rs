//! `call_soon`: in order, one at a time, and each for itself.

use crate::support::{
    Census, ON_PURPOSE, PanicsOnDrop, current, multi, on_each_flavour, panic_here, until, watch,
};
use crate::{Log, called};
use filch::callback::{call_at, call_later, call_soon};
use filch::runtime::{Builder, Handle};
use filch::sync::oneshot;
use filch::task::{self, yield_now};
use filch::time::{Duration, Instant};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;

#[test]
fn callbacks_are_called_in_order_and_not_before_the_caller_waits() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let log = Log::new();
        runtime.block_on(async {
            for number in 0..1000 {
                call_soon(log.adds(number));
            }
            called().await;
        });
        assert_eq!(log.all(), (0..1000).collect::<Vec<_>>());
    });
    current().block_on(async {
        let log = Log::new();
        call_soon(log.adds(1));
        assert!(log.all().is_empty(), "called at once");
        called().await;
        assert_eq!(log.all(), [1]);
    });
}

#[test]
fn two_callbacks_are_never_called_at_once() {
    let _watch = watch();
    let runtime = multi(4);
    let (busy, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (handle, busy, count) = (runtime.handle().clone(), busy.clone(), count.clone());
            thread::spawn(move || {
                for _ in 0..200 {
                    let (busy, count) = (busy.clone(), count.clone());
                    handle.call_soon(move || {
                        assert!(!busy.swap(true, SeqCst), "two at once");
                        thread::yield_now();
                        busy.store(false, SeqCst);
                        count.fetch_add(1, SeqCst);
                    });
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    until(|| count.load(SeqCst) == 800);
}

#[test]
fn what_one_thread_posts_is_called_in_its_order() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let log = Log::new();
        let threads: Vec<_> = (0..3)
            .map(|thread| {
                let (handle, log) = (runtime.handle().clone(), log.clone());
                thread::spawn(move || {
                    (0..200).for_each(|number| handle.post(log.adds((thread, number))).unwrap());
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        runtime.block_on(called());
        for thread in 0..3 {
            let its: Vec<_> = log.all().into_iter().filter(|entry| entry.0 == thread).collect();
            assert_eq!(its, (0..200).map(|number| (thread, number)).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_callback_that_calls_itself_lets_tasks_run() {
    fn again(left: Arc<AtomicBool>, calls: Arc<AtomicUsize>) {
        calls.fetch_add(1, SeqCst);
        if !left.load(SeqCst) {
            call_soon(move || again(left, calls));
        }
    }
    let _watch = watch();
    on_each_flavour(|runtime| {
        let (over, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let task = {
            let (over, calls) = (over.clone(), calls.clone());
            async move {
                call_soon({
                    let (over, calls) = (over.clone(), calls.clone());
                    move || again(over, calls)
                });
                while calls.load(SeqCst) < 100 {
                    yield_now().await;
                }
                over.store(true, SeqCst);
            }
        };
        runtime.block_on(runtime.spawn(task)).unwrap();
    });
}

#[test]
fn a_panic_in_a_callback_ends_nothing_else() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let log = Log::new();
        runtime.block_on(async {
            call_soon(log.adds(1));
            call_soon(|| panic!("{ON_PURPOSE}"));
            call_soon(|| std::panic::panic_any(PanicsOnDrop));
            call_soon(log.adds(2));
            called().await;
            filch::spawn(async {}).await.unwrap();
        });
        assert_eq!(log.all(), [1, 2]);
    });
}

#[test]
fn a_callback_is_part_of_no_task() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let log = Log::new();
        let handle = runtime.handle().clone();
        runtime.block_on(async {
            let log = log.clone();
            call_soon(move || log.add((task::try_id(), Handle::current().name().is_none())));
            called().await;
        });
        drop(handle);
        assert_eq!(log.all(), [(None, true)]);
    });
}

#[test]
fn a_callback_may_spawn_and_call_soon() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let (tell, told) = oneshot::channel();
        runtime.handle().call_soon(|| {
            filch::spawn(async {
                yield_now().await;
                call_soon(|| tell.send(1).unwrap());
            });
        });
        assert_eq!(runtime.block_on(told), Ok(1));
    });
}

#[test]
fn cancelling_drops_the_function_at_once_and_dropping_the_handle_does_not_cancel() {
    let _watch = watch();
    let runtime = current();
    let (census, log) = (Census::default(), Log::new());
    runtime.block_on(async {
        let citizen = census.guard();
        let add = log.adds("cancelled");
        let call = call_soon(move || {
            let _citizen = citizen;
            add();
        });
        drop(call_soon(log.adds("called")));
        assert!(!call.cancelled());
        assert!(call.cancel());
        assert_eq!(census.dead(), 1);
        assert!(call.cancelled() && !call.cancel());
        called().await;
        let late = call_soon(log.adds("late"));
        called().await;
        assert!(!late.cancel() && !late.cancelled());
    });
    assert_eq!(log.all(), ["called", "late"]);
}

#[test]
fn a_callback_may_cancel_the_one_behind_it_and_itself() {
    let _watch = watch();
    let log = Log::new();
    current().block_on(async {
        let own = Arc::new(Mutex::new(None::<filch::callback::CallHandle>));
        let first = {
            let (own, log) = (own.clone(), log.clone());
            call_soon(move || log.add(own.lock().unwrap().take().unwrap().cancel()))
        };
        *own.lock().unwrap() = Some(first);
        let behind = Arc::new(Mutex::new(None::<filch::callback::CallHandle>));
        {
            let (behind, log) = (behind.clone(), log.clone());
            call_soon(move || log.add(behind.lock().unwrap().take().unwrap().cancel()));
        }
        *behind.lock().unwrap() = Some(call_soon(|| unreachable!("it was cancelled")));
        called().await;
    });
    assert_eq!(log.all(), [false, true]);
}

#[test]
fn without_a_runtime_the_caller_is_told() {
    let _watch = watch();
    assert!(panic_here(|| call_soon(|| ())).contains("no filch runtime"));
    assert!(panic_here(|| call_later(Duration::ZERO, || ())).contains("no filch runtime"));
    assert!(panic_here(|| call_at(Instant::now(), || ())).contains("no filch runtime"));
    let runtime = current();
    let task = runtime.spawn(async {});
    assert!(panic_here(|| task.on_done(|_| ())).contains("no filch runtime"));
}

#[test]
fn a_burst_of_callbacks_costs_one_task() {
    let _watch = watch();
    let spawned = Arc::new(AtomicUsize::new(0));
    let count = spawned.clone();
    let mut builder = Builder::new_current_thread();
    let runtime = builder.on_task_spawn(move |_| _ = count.fetch_add(1, SeqCst)).build().unwrap();
    let log = Log::new();
    runtime.block_on(async {
        (0..100).for_each(|number| _ = call_soon(log.adds(number)));
        called().await;
    });
    assert_eq!(log.all().len(), 100);
    assert_eq!(spawned.load(SeqCst), 1);
}

#[test]
fn a_callback_may_block_in_place() {
    let _watch = watch();
    let runtime = multi(2);
    let (tell, told) = oneshot::channel();
    runtime.handle().call_soon(|| {
        let sum = task::block_in_place(|| Handle::current().block_on(filch::spawn(async { 3 })));
        tell.send(sum.unwrap()).unwrap();
    });
    assert_eq!(runtime.block_on(told), Ok(3));
}

#[test]
fn the_orderly_end_is_not_held_up_by_a_callback_that_calls_itself() {
    fn again(calls: Arc<AtomicUsize>) {
        calls.fetch_add(1, SeqCst);
        call_soon(move || again(calls));
    }
    let _watch = watch();
    let builders = [Builder::new_current_thread(), Builder::new_multi_thread()];
    for mut builder in builders {
        let runtime = builder.close_timeout(Duration::from_millis(10)).build().unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let first = calls.clone();
        runtime.handle().call_soon(move || again(first));
        runtime.close();
        assert!(calls.load(SeqCst) > 0);
        assert_eq!(Arc::strong_count(&calls), 1, "it is still called, or kept");
    }
}
