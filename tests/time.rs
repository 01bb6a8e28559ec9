//! Sleep, interval and timeout under virtual time, exact to the nanosecond.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// One test hands a pinned `Sleep` out of a block, unawaited on purpose.
#![allow(clippy::async_yields_async)]

use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use filch::time::{
    self, Duration, Instant, Interval, MissedTickBehavior, interval, interval_at, sleep,
    sleep_until, timeout, timeout_at,
};

const NS: Duration = Duration::from_nanos(1);
const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    fn get(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Polls once, in the name of nobody.
fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls once; `count` is woken.
fn poll_as<F: Future>(count: &Arc<Count>, future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&Waker::from(count.clone())))
}

/// What `f` panics with.
fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(f)) else { panic!("it did not panic") };
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => panic.downcast_ref::<&str>().unwrap().to_string(),
    }
}

// ── sleep ────────────────────────────────────────────────────────────────────────────────────────

#[filch::test(start_paused = true)]
async fn virtual_time_is_exact_to_the_nanosecond() {
    let start = Instant::now();
    let mut expected = Duration::ZERO;
    for exponent in 0..54 {
        for duration in [NS * (1 << exponent.min(30)), Duration::from_nanos((1 << exponent) + 1)] {
            sleep(duration).await;
            expected += duration;
            assert_eq!(start.elapsed(), expected);
        }
    }
}

#[filch::test(start_paused = true)]
async fn sleeps_end_in_the_order_of_their_deadlines() {
    let start = Instant::now();
    let log = Arc::new(Mutex::new(Vec::new()));
    let tasks: Vec<_> = (0..1000u64)
        .map(|n| {
            let log = log.clone();
            let nanos = n * 7_919_993 % 1_000_003;
            filch::spawn(async move {
                sleep(Duration::from_nanos(nanos + 1)).await;
                log.lock().unwrap().push((nanos + 1, start.elapsed().as_nanos() as u64));
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let log = log.lock().unwrap();
    assert!(log.is_sorted());
    assert!(log.iter().all(|(deadline, woken)| deadline == woken));
    assert_eq!(log.len(), 1000);
}

#[filch::test(start_paused = true)]
async fn equal_deadlines_are_woken_in_the_order_in_which_they_were_waited_for() {
    struct Log(usize, Arc<Mutex<Vec<usize>>>);
    impl Wake for Log {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0);
        }
    }
    let log = Arc::new(Mutex::new(Vec::new()));
    let deadline = Instant::now() + SECOND;
    let mut sleeps: Vec<_> = (0..200).map(|_| Box::pin(sleep_until(deadline))).collect();
    for (n, sleep) in sleeps.iter_mut().enumerate() {
        let waker = Waker::from(Arc::new(Log(n, log.clone())));
        assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    sleep(2 * SECOND).await;
    assert_eq!(*log.lock().unwrap(), (0..200).collect::<Vec<_>>());
}

#[filch::test(start_paused = true)]
async fn sleeping_for_no_time_lets_others_run_exactly_once() {
    let start = Instant::now();
    let mut zero = pin!(sleep(Duration::ZERO));
    assert_eq!(zero.deadline(), start);
    let count = Arc::<Count>::default();
    assert!(poll_as(&count, zero.as_mut()).is_pending());
    assert_eq!(count.get(), 1);
    assert!(poll_as(&count, zero.as_mut()).is_ready());
    assert_eq!(count.get(), 1);

    let ran = Arc::new(AtomicUsize::new(0));
    filch::spawn({
        let ran = ran.clone();
        async move { ran.fetch_add(1, SeqCst) }
    });
    sleep(Duration::ZERO).await;
    assert_eq!(ran.load(SeqCst), 1);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[filch::test(start_paused = true)]
async fn a_deadline_that_has_passed_is_ready_at_once() {
    let now = Instant::now();
    assert!(poll(pin!(sleep_until(now))).is_ready());
    time::advance(SECOND).await;
    assert!(poll(pin!(sleep_until(now + SECOND))).is_ready());
    assert!(poll(pin!(sleep_until(now + SECOND + NS))).is_pending());
    if let Some(before_the_runtime) = now.checked_sub(HOUR) {
        assert!(poll(pin!(sleep_until(before_the_runtime))).is_ready());
    }
    let mut unpolled = pin!(sleep(MS));
    time::advance(MS).await;
    assert!(!unpolled.is_elapsed());
    assert!(poll(unpolled.as_mut()).is_ready());
    assert!(unpolled.is_elapsed());
    assert!(poll(unpolled).is_ready());
}

#[filch::test(start_paused = true)]
async fn a_sleep_that_was_reset_has_elapsed_without_a_poll() {
    let start = Instant::now();
    let mut unpolled = pin!(sleep(HOUR));
    let mut ready = pin!(sleep(MS));
    ready.as_mut().await;
    for sleep in [&mut unpolled, &mut ready] {
        sleep.as_mut().reset(start + SECOND);
    }
    time::advance(SECOND - MS - NS).await;
    assert!(!unpolled.is_elapsed() && !ready.is_elapsed());
    time::advance(NS).await;
    assert!(unpolled.is_elapsed() && ready.is_elapsed());
    assert!(poll(unpolled).is_ready() && poll(ready).is_ready());
}

#[filch::test(start_paused = true)]
async fn absurd_durations_never_end_and_disturb_nobody() {
    let start = Instant::now();
    let far: Vec<Duration> = (0..64)
        .map(|bit| Duration::from_secs(1 << bit))
        .filter(|duration| *duration > 200 * 365 * DAY)
        .chain([Duration::MAX, Duration::MAX - NS])
        .collect();
    let mut sleeps: Vec<_> = far.iter().map(|&duration| Box::pin(sleep(duration))).collect();
    for sleep in &mut sleeps {
        assert!(poll(sleep.as_mut()).is_pending());
        assert!(sleep.deadline() > start + 100 * 365 * DAY);
    }
    sleep(100 * 365 * DAY).await;
    assert_eq!(start.elapsed(), 100 * 365 * DAY);
    for sleep in &mut sleeps {
        assert!(poll(sleep.as_mut()).is_pending());
        assert!(!sleep.is_elapsed());
    }
    assert!(timeout(MS, timeout(Duration::MAX, pending::<()>())).await.is_err());
    let mut ticks = interval(Duration::MAX);
    ticks.tick().await;
    assert!(timeout(MS, ticks.tick()).await.is_err());
    assert_eq!(start.elapsed(), 100 * 365 * DAY + 2 * MS);
}

#[filch::test(start_paused = true)]
async fn the_clock_ignores_timers_that_were_dropped() {
    let start = Instant::now();
    let count = Arc::<Count>::default();
    let mut sleeps = Vec::new();
    for n in 0..100_000u64 {
        let mut sleep = Box::pin(sleep(NS * 1000 + Duration::from_nanos(n * n)));
        assert!(poll_as(&count, sleep.as_mut()).is_pending());
        sleeps.push(sleep);
    }
    assert!(Arc::strong_count(&count) > 100_000);
    drop(sleeps);
    assert_eq!(Arc::strong_count(&count), 1, "a dropped timer keeps its waker");
    let hour = filch::spawn(async { sleep(HOUR).await });
    hour.await.unwrap();
    assert_eq!(start.elapsed(), HOUR);
    assert_eq!(count.get(), 0);
}

#[filch::test(start_paused = true)]
async fn the_first_of_several_timers_wins() {
    let start = Instant::now();
    let mut sleeps: Vec<_> = [30u32, 10, 20].iter().map(|&ms| Box::pin(sleep(MS * ms))).collect();
    for expected in [1, 1, 0] {
        let first = poll_fn(|cx| {
            let ready = sleeps.iter_mut().position(|sleep| sleep.as_mut().poll(cx).is_ready());
            ready.map_or(Poll::Pending, Poll::Ready)
        });
        let index = first.await;
        assert_eq!(index, expected);
        drop(sleeps.remove(index));
    }
    assert_eq!(start.elapsed(), 30 * MS);
}

#[filch::test(start_paused = true)]
async fn a_timer_wakes_the_task_that_polled_it_last() {
    let (first, second) = (Arc::<Count>::default(), Arc::<Count>::default());
    let mut sleep = pin!(sleep(SECOND));
    assert!(poll_as(&first, sleep.as_mut()).is_pending());
    assert!(poll_as(&second, sleep.as_mut()).is_pending());
    assert_eq!(Arc::strong_count(&first), 1, "the replaced waker is kept");
    time::advance(SECOND).await;
    assert_eq!((first.get(), second.get()), (0, 1));
    assert!(poll(sleep).is_ready());
}

#[filch::test(start_paused = true)]
async fn a_sleep_may_move_to_another_task() {
    let start = Instant::now();
    let mut sleep = Box::pin(sleep(SECOND));
    assert!(poll(sleep.as_mut()).is_pending());
    let task = filch::spawn(async move {
        sleep.as_mut().await;
        sleep.as_mut().reset(Instant::now() + SECOND);
        assert!(poll(sleep.as_mut()).is_pending());
        sleep
    });
    let sleep = task.await.unwrap();
    assert_eq!(start.elapsed(), SECOND);
    sleep.await;
    assert_eq!(start.elapsed(), 2 * SECOND);
}

// ── reset ────────────────────────────────────────────────────────────────────────────────────────

#[filch::test(start_paused = true)]
async fn a_reset_moves_a_waiting_sleep_both_ways() {
    let start = Instant::now();
    let mut sleep = pin!(sleep(10 * SECOND));
    assert!(poll(sleep.as_mut()).is_pending());
    sleep.as_mut().reset(start + SECOND);
    assert_eq!(sleep.deadline(), start + SECOND);
    sleep.as_mut().await;
    assert_eq!(start.elapsed(), SECOND);

    sleep.as_mut().reset(start + 5 * SECOND);
    assert!(!sleep.is_elapsed());
    assert!(poll(sleep.as_mut()).is_pending());
    sleep.as_mut().reset(start + 20 * SECOND);
    assert!(poll(sleep.as_mut()).is_pending());
    sleep.as_mut().await;
    assert_eq!(start.elapsed(), 20 * SECOND);
}

/// Also one from before there was a runtime, on whose clock it cannot be told.
#[test]
fn a_deadline_that_was_reset_to_the_past_is_given_back() {
    let before = Instant::now();
    let runtime = filch::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (count, mut pause) = (Arc::<Count>::default(), pin!(sleep(HOUR)));
        assert!(poll_as(&count, pause.as_mut()).is_pending());
        let past = before.checked_sub(NS).unwrap_or(before);
        pause.as_mut().reset(past);
        assert_eq!(count.get(), 1);
        assert!(pause.is_elapsed());
        assert_eq!(pause.deadline(), past);
        assert!(poll_as(&count, pause.as_mut()).is_ready());
        assert_eq!(pause.deadline(), past);
        pause.as_mut().reset(Instant::now() + HOUR);
        assert!(poll_as(&count, pause.as_mut()).is_pending());
    });
}

#[filch::test(start_paused = true)]
async fn a_reset_sleep_wakes_its_task_without_another_poll() {
    let count = Arc::<Count>::default();
    let start = Instant::now();
    let mut sleep = pin!(sleep(Duration::MAX));
    assert!(poll_as(&count, sleep.as_mut()).is_pending());
    // From never to soon, to later, and to a deadline that has passed.
    sleep.as_mut().reset(start + SECOND);
    sleep.as_mut().reset(start + 2 * SECOND);
    time::advance(SECOND).await;
    assert_eq!(count.get(), 0);
    time::advance(SECOND).await;
    assert_eq!(count.get(), 1);
    assert!(sleep.is_elapsed());

    sleep.as_mut().reset(start + HOUR);
    assert!(!sleep.is_elapsed());
    assert!(poll_as(&count, sleep.as_mut()).is_pending());
    sleep.as_mut().reset(start);
    assert_eq!(
        count.get(),
        2,
        "its time has come, and it wakes without waiting for the runtime to look"
    );
    assert!(poll(sleep).is_ready());
}

#[filch::test(start_paused = true)]
async fn a_sleep_that_was_never_polled_can_be_reset() {
    let start = Instant::now();
    let mut first = pin!(sleep(HOUR));
    first.as_mut().reset(start + SECOND);
    first.await;
    assert_eq!(start.elapsed(), SECOND);

    let mut zero = pin!(sleep(Duration::ZERO));
    zero.as_mut().reset(start + 2 * SECOND);
    zero.await;
    assert_eq!(start.elapsed(), 2 * SECOND);
}

// ── wakers that panic ────────────────────────────────────────────────────────────────────────────

/// Panics as it is dropped, which is counted.
struct Bomb(Arc<AtomicUsize>);

impl Wake for Bomb {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
        panic!("a user's waker");
    }
}

/// Who drops a sleep may have a value in hand that came in time. And two of them in one scope would otherwise end
/// the process: the second panics while the first unwinds.
#[filch::test(start_paused = true)]
async fn wakers_that_panic_as_their_sleeps_are_dropped_harm_nobody() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut sleeps = [(); 2].map(|()| Box::pin(sleep(HOUR)));
    for sleep in &mut sleeps {
        let waker = Waker::from(Arc::new(Bomb(dropped.clone())));
        assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    drop(sleeps);
    assert_eq!(dropped.load(SeqCst), 2);
    sleep(HOUR).await;
}

// ── interval ─────────────────────────────────────────────────────────────────────────────────────

/// The ticks of `ticks`, each with the time at which it came, in milliseconds after `start`. After
/// the tick number `n` the task works for `work[n]`.
async fn ticks_of(mut ticks: Interval, start: Instant, work: &[u32]) -> Vec<(u128, u128)> {
    let mut log = Vec::new();
    for &ms in work {
        let due = ticks.tick().await;
        log.push(((due - start).as_millis(), start.elapsed().as_millis()));
        time::advance(MS * ms).await;
    }
    log
}

#[filch::test(start_paused = true)]
async fn the_first_tick_comes_at_once_and_the_rest_in_step() {
    let start = Instant::now();
    let log = ticks_of(interval(50 * MS), start, &[0, 20, 49, 0, 0]).await;
    assert_eq!(log, [(0, 0), (50, 50), (100, 100), (150, 150), (200, 200)]);

    let start = Instant::now();
    let log = ticks_of(interval_at(start + 30 * MS, 50 * MS), start, &[0, 0, 0]).await;
    assert_eq!(log, [(30, 30), (80, 80), (130, 130)]);
}

#[filch::test(start_paused = true)]
async fn a_bursting_interval_catches_up() {
    let start = Instant::now();
    let log = ticks_of(interval(50 * MS), start, &[0, 220, 0, 0, 0, 0, 0]).await;
    assert_eq!(log, [(0, 0), (50, 50), (100, 270), (150, 270), (200, 270), (250, 270), (300, 300)]);
}

#[filch::test(start_paused = true)]
async fn a_delaying_interval_counts_from_the_late_tick() {
    let start = Instant::now();
    let mut ticks = interval(50 * MS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    assert_eq!(ticks.missed_tick_behavior(), MissedTickBehavior::Delay);
    let log = ticks_of(ticks, start, &[0, 220, 0, 0, 0]).await;
    assert_eq!(log, [(0, 0), (50, 50), (100, 270), (320, 320), (370, 370)]);
}

#[filch::test(start_paused = true)]
async fn a_skipping_interval_stays_in_step() {
    let start = Instant::now();
    let mut ticks = interval(50 * MS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let log = ticks_of(ticks, start, &[0, 220, 0, 0, 0]).await;
    assert_eq!(log, [(0, 0), (50, 50), (100, 270), (300, 300), (350, 350)]);
}

#[filch::test(start_paused = true)]
async fn an_interval_can_be_reset() {
    let start = Instant::now();
    let mut ticks = interval(50 * MS);
    assert_eq!(ticks.period(), 50 * MS);
    ticks.tick().await;
    time::advance(20 * MS).await;
    ticks.reset();
    assert_eq!(ticks.tick().await, start + 70 * MS);
    ticks.reset_after(5 * MS);
    assert_eq!(ticks.tick().await, start + 75 * MS);
    ticks.reset_immediately();
    assert_eq!(ticks.tick().await, start + 75 * MS);
    assert_eq!(ticks.tick().await, start + 125 * MS);
    ticks.reset_at(start + HOUR);
    assert_eq!(ticks.tick().await, start + HOUR);
    assert_eq!(ticks.tick().await, start + HOUR + 50 * MS);
    assert_eq!(start.elapsed(), HOUR + 50 * MS);
}

#[filch::test(start_paused = true)]
async fn a_dropped_tick_is_not_lost() {
    let start = Instant::now();
    let mut ticks = interval_at(start + 50 * MS, 50 * MS);
    assert!(timeout(20 * MS, ticks.tick()).await.is_err());
    assert_eq!(ticks.tick().await, start + 50 * MS);
    assert_eq!(start.elapsed(), 50 * MS);
}

#[filch::test(start_paused = true)]
async fn a_period_of_zero_is_refused() {
    assert_eq!(panic_of(|| interval(Duration::ZERO)), "`period` must be non-zero.");
    let start = Instant::now();
    assert_eq!(panic_of(|| interval_at(start, Duration::ZERO)), "`period` must be non-zero.");
}

// ── timeout ──────────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_timeout_around_a_ready_future_needs_no_runtime() {
    assert_eq!(poll(pin!(timeout(SECOND, ready(1)))), Poll::Ready(Ok(1)));
    let deadline = Instant::now();
    assert_eq!(poll(pin!(timeout_at(deadline, ready(1)))), Poll::Ready(Ok(1)));
    assert!(poll(pin!(timeout(Duration::ZERO, pending::<()>()))) == Poll::Ready(Err(elapsed())));
}

fn elapsed() -> time::error::Elapsed {
    match poll(pin!(timeout(Duration::ZERO, pending::<()>()))) {
        Poll::Ready(Err(elapsed)) => elapsed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn elapsed_is_an_error_of_input_and_output_too() {
    assert_eq!(elapsed().to_string(), "deadline has elapsed");
    let error = std::io::Error::from(elapsed());
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert_eq!(error.to_string(), "deadline has elapsed");
}

#[filch::test(start_paused = true)]
async fn a_timeout_ends_when_its_time_is_over_and_drops_the_future() {
    let held = Arc::new(());
    let start = Instant::now();
    let inside = held.clone();
    let result = timeout(SECOND, async move {
        pending::<()>().await;
        drop(inside);
    })
    .await;
    assert!(result.is_err());
    assert_eq!(start.elapsed(), SECOND);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[filch::test(start_paused = true)]
async fn a_value_that_comes_with_the_deadline_wins() {
    let start = Instant::now();
    assert_eq!(timeout(SECOND, async { sleep(SECOND).await }).await, Ok(()));
    assert_eq!(timeout_at(start + 2 * SECOND, sleep_until(start + 2 * SECOND)).await, Ok(()));
    assert!(timeout(SECOND - NS, sleep(SECOND)).await.is_err());
    // Both are over by far when the task looks.
    let mut late = pin!(timeout(SECOND, sleep(2 * SECOND)));
    assert!(poll(late.as_mut()).is_pending());
    time::advance(HOUR).await;
    assert_eq!(poll(late), Poll::Ready(Ok(())));
}

#[filch::test(start_paused = true)]
async fn the_time_of_a_timeout_counts_from_its_first_poll() {
    let start = Instant::now();
    let late = timeout(SECOND, pending::<()>());
    time::advance(HOUR).await;
    assert!(late.await.is_err());
    assert_eq!(start.elapsed(), HOUR + SECOND);
}

#[filch::test(start_paused = true)]
async fn a_timeout_until_a_moment_that_has_passed_still_polls_once() {
    let start = Instant::now();
    time::advance(SECOND).await;
    assert_eq!(timeout_at(start, ready(1)).await, Ok(1));
    assert!(timeout_at(start, pending::<()>()).await.is_err());
    assert!(timeout(Duration::ZERO, pending::<()>()).await.is_err());
    assert_eq!(start.elapsed(), SECOND);
}

#[filch::test(start_paused = true)]
async fn a_future_that_is_always_busy_cannot_hide_its_deadline() {
    let start = Instant::now();
    // Spends the whole budget in every poll, and pretends that time passes meanwhile.
    let busy = async {
        loop {
            filch::task::coop::consume_budget().await;
            if !filch::task::coop::has_budget_remaining() {
                time::advance(MS).await;
            }
        }
    };
    assert!(timeout(SECOND, busy).await.is_err());
    // It counts from the end of the first poll, which took a millisecond.
    assert_eq!(start.elapsed(), SECOND + MS);
}

#[filch::test(start_paused = true)]
async fn timers_that_are_ready_at_once_spend_the_budget() {
    let ran = Arc::new(AtomicUsize::new(0));
    filch::spawn({
        let ran = ran.clone();
        async move { ran.store(1, SeqCst) }
    });
    let now = Instant::now();
    let mut rounds = 0;
    while ran.load(SeqCst) == 0 {
        match rounds % 3 {
            0 => sleep_until(now).await,
            1 => drop(timeout_at(now, pending::<()>()).await),
            _ => drop(timeout(Duration::ZERO, pending::<()>()).await),
        }
        rounds += 1;
        assert!(rounds <= 1000, "the other task never gets its turn");
    }
}

#[filch::test(start_paused = true)]
async fn nested_timeouts_end_by_the_shorter_one() {
    let start = Instant::now();
    let inner_first = timeout(2 * SECOND, timeout(SECOND, pending::<()>())).await;
    assert!(matches!(inner_first, Ok(Err(_))));
    assert_eq!(start.elapsed(), SECOND);
    let outer_first = timeout(SECOND, timeout(2 * SECOND, pending::<()>())).await;
    assert!(outer_first.is_err());
    assert_eq!(start.elapsed(), 2 * SECOND);
}
