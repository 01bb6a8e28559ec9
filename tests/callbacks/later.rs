//! `call_later` and `call_at`: at their time, or cancelled.

use crate::Log;
use crate::support::{Census, on_each_flavour, watch};
use filch::callback::{call_at, call_later};
use filch::runtime::{Builder, Runtime};
use filch::sync::oneshot;
use filch::task::yield_now;
use filch::time::{Duration, Instant, advance, sleep};
use std::thread;

fn paused() -> Runtime {
    Builder::new_current_thread().start_paused(true).build().unwrap()
}

#[test]
fn timers_are_called_at_their_time_in_the_order_of_their_times() {
    let _watch = watch();
    let log = Log::new();
    paused().block_on(async {
        let start = Instant::now();
        for seconds in [3, 1, 2, 0] {
            let log = log.clone();
            call_later(Duration::from_secs(seconds), move || {
                log.add((seconds, start.elapsed().as_secs()));
            });
        }
        sleep(Duration::from_secs(10)).await;
    });
    assert_eq!(log.all(), [(0, 0), (1, 1), (2, 2), (3, 3)]);
}

#[test]
fn a_timer_of_the_past_is_called_soon_and_one_of_never_is_not() {
    let _watch = watch();
    let log = Log::new();
    paused().block_on(async {
        advance(Duration::from_secs(5)).await;
        let past = Instant::now() - Duration::from_secs(2);
        assert_eq!(call_at(past, log.adds("past")).when(), past);
        let never = call_later(Duration::MAX, log.adds("never"));
        sleep(Duration::from_millis(1)).await;
        assert_eq!(log.all(), ["past"]);
        assert!(never.cancel() && never.cancelled());
        sleep(Duration::from_secs(1_000_000)).await;
    });
    assert_eq!(log.all(), ["past"]);
}

#[test]
fn a_timer_that_is_cancelled_lets_go_of_its_function_and_of_the_clock() {
    let _watch = watch();
    let census = Census::default();
    let runtime = paused();
    runtime.block_on(async {
        let start = Instant::now();
        let citizen = census.guard();
        let timer = call_later(Duration::from_secs(5), move || drop(citizen));
        let other = timer.clone();
        assert!(timer.cancel());
        assert_eq!(census.dead(), 1);
        assert!(!other.cancel() && other.cancelled());
        sleep(Duration::from_secs(1)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(1));
        yield_now().await;
        assert_eq!(runtime.metrics().num_alive_tasks(), 0, "the timer's task is left");
    });
}

#[test]
fn timers_may_be_set_from_any_thread_on_the_clock_of_their_runtime() {
    let _watch = watch();
    let runtime = paused();
    let handle = runtime.handle().clone();
    let (tell, told) = oneshot::channel();
    let ahead = runtime.block_on(async {
        advance(Duration::from_secs(1000)).await;
        Instant::now()
    });
    let timer = thread::spawn(move || {
        handle.call_later(Duration::from_secs(7), move || tell.send(Instant::now()).unwrap())
    });
    let timer = timer.join().unwrap();
    assert_eq!(timer.when(), ahead + Duration::from_secs(7));
    // The wheel counts in milliseconds.
    let late = runtime.block_on(told).unwrap() - timer.when();
    assert!(late <= Duration::from_millis(1), "{late:?}");
}

#[test]
fn timers_that_have_not_fired_are_cancelled_by_the_shutdown_and_those_set_after_it() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let census = Census::default();
        let citizen = census.guard();
        let handle = runtime.handle().clone();
        let timer = handle.call_later(Duration::from_secs(3600), move || drop(citizen));
        runtime.block_on(yield_now());
        drop(runtime);
        assert!(timer.cancelled() && !timer.cancel());
        assert_eq!(census.dead(), 1);
        let late = handle.call_later(Duration::ZERO, || unreachable!("the runtime is over"));
        assert!(late.cancelled());
    });
}
