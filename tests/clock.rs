//! The clock: stopped, moved, and let go; timers at the end of a runtime; timers in real time.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// One test hands a pinned `Sleep` out of a block, unawaited on purpose.
#![allow(clippy::async_yields_async)]

mod support;

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use filch::runtime::{Builder, Runtime};
use filch::time::{self, Duration, Instant, Sleep, sleep};
use support::{until, watch};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

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

/// Lets the other tasks run until none of them has anything to do at this moment.
async fn settle() {
    for _ in 0..100 {
        filch::task::yield_now().await;
    }
}

fn paused_runtime() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

fn running_runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// What `f` panics with.
fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(f)) else { panic!("it did not panic") };
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => panic.downcast_ref::<&str>().unwrap().to_string(),
    }
}

// ── the stopped clock ────────────────────────────────────────────────────────────────────────────

#[filch::test(start_paused = true)]
async fn advance_jumps_once_and_wakes_all_that_it_passes() {
    let start = Instant::now();
    let log = Arc::new(Mutex::new(Vec::new()));
    for seconds in [3, 1, 2, 7] {
        let log = log.clone();
        filch::spawn(async move {
            sleep(SECOND * seconds).await;
            log.lock().unwrap().push((seconds, start.elapsed()));
        });
    }
    settle().await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    time::advance(5 * SECOND).await;
    settle().await;
    assert_eq!(start.elapsed(), 5 * SECOND);
    let mut log = log.lock().unwrap();
    log.sort();
    assert_eq!(*log, [(1, 5 * SECOND), (2, 5 * SECOND), (3, 5 * SECOND)]);
}

#[filch::test(start_paused = true)]
async fn a_timer_that_was_dropped_does_not_move_the_clock() {
    let start = Instant::now();
    {
        let mut dropped = pin!(sleep(SECOND));
        assert!(poll(dropped.as_mut()).is_pending());
    }
    // Nothing is left but a thread outside, which takes its real time.
    let is_done = Arc::new(AtomicBool::new(false));
    let mut thread = None;
    poll_fn(|cx| {
        if is_done.load(SeqCst) {
            return Poll::Ready(());
        }
        let (is_done, waker) = (is_done.clone(), cx.waker().clone());
        thread.get_or_insert_with(|| {
            std::thread::spawn(move || {
                std::thread::sleep(20 * MS);
                is_done.store(true, SeqCst);
                waker.wake();
            })
        });
        Poll::Pending
    })
    .await;
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[filch::test]
async fn a_clock_can_be_stopped_and_let_go() {
    time::pause();
    let start = Instant::now();
    sleep(HOUR).await;
    assert_eq!(start.elapsed(), HOUR);
    time::resume();
    sleep(MS).await;
    let elapsed = start.elapsed();
    assert!((HOUR + MS..HOUR + HOUR).contains(&elapsed), "{elapsed:?}");
    time::pause();
    let stands = Instant::now();
    filch::task::yield_now().await;
    assert_eq!(Instant::now(), stands);
}

#[test]
fn misuse_of_the_clock_is_refused() {
    let no_runtime = panic_of(time::pause);
    assert!(no_runtime.contains("no filch runtime"), "{no_runtime}");
    running_runtime().block_on(async {
        assert!(panic_of(time::resume).starts_with("the time is not paused: call"));
        let advance = panic_of(|| poll(pin!(time::advance(SECOND))));
        assert!(advance.starts_with("the time is not paused: call"), "{advance}");
        assert!(advance.contains("clock.rs"), "{advance}");
        time::pause();
        assert_eq!(panic_of(time::pause), "the time is paused already: call `time::resume` first");
    });
}

#[filch::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_of_many_threads_cannot_be_stopped() {
    let refused = "the time can only be paused, advanced and resumed on a current-thread runtime";
    assert!(panic_of(time::pause).starts_with(refused));
    assert!(panic_of(time::resume).starts_with(refused));
    assert!(panic_of(|| poll(pin!(time::advance(SECOND)))).starts_with(refused));
}

#[test]
fn the_same_program_takes_the_same_virtual_time_in_every_run() {
    fn run() -> Vec<(u64, u128)> {
        paused_runtime().block_on(async {
            let start = Instant::now();
            let log = Arc::new(Mutex::new(Vec::new()));
            let tasks: Vec<_> = (0..50u64)
                .map(|n| {
                    let log = log.clone();
                    filch::spawn(async move {
                        let mut state = n;
                        for _ in 0..20 {
                            state = state.wrapping_mul(6_364_136_223_846_793_005) + 1;
                            sleep(Duration::from_nanos(state >> 40)).await;
                            log.lock().unwrap().push((n, start.elapsed().as_nanos()));
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            Arc::into_inner(log).unwrap().into_inner().unwrap()
        })
    }
    let first = run();
    assert_eq!(first.len(), 1000);
    for _ in 0..20 {
        assert_eq!(run(), first);
    }
}

// ── the end of a runtime ─────────────────────────────────────────────────────────────────────────

#[test]
fn a_sleep_that_outlives_its_runtime_is_woken_and_says_why_it_cannot_go_on() {
    let count = Arc::<Count>::default();
    let runtime = running_runtime();
    let mut orphan: Pin<Box<Sleep>> = runtime.block_on(async {
        let mut sleep = Box::pin(sleep(HOUR));
        assert!(poll_as(&count, sleep.as_mut()).is_pending());
        sleep
    });
    drop(runtime);
    assert_eq!(count.get(), 1);
    assert_eq!(Arc::strong_count(&count), 1);
    running_runtime().block_on(async {
        let message = panic_of(|| poll(orphan.as_mut()));
        assert_eq!(message, "a timer was polled after its runtime had shut down");
        // A reset takes it into the runtime that it is polled in.
        orphan.as_mut().reset(Instant::now() + MS);
        orphan.as_mut().await;
    });
}

// ── real time ────────────────────────────────────────────────────────────────────────────────────

#[filch::test]
async fn no_timer_is_ever_early() {
    let tasks: Vec<_> = (0..2000u64)
        .map(|n| {
            filch::spawn(async move {
                let duration = Duration::from_nanos(1 + n * n * 13 % 20_000_000);
                let start = std::time::Instant::now();
                sleep(duration).await;
                start.elapsed() >= duration
            })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
}

#[filch::test]
async fn an_earlier_timer_interrupts_the_wait_for_a_later_one() {
    let _watch = watch();
    let mut long = pin!(sleep(HOUR));
    assert!(poll(long.as_mut()).is_pending());
    for _ in 0..50 {
        let start = std::time::Instant::now();
        filch::spawn(async { sleep(MS).await }).await.unwrap();
        assert!(start.elapsed() >= MS);
    }
}

/// The worker whose wheel it is sleeps until the old deadline, unless it is told.
#[test]
fn a_reset_from_another_thread_wakes_the_worker_that_holds_the_timer() {
    let _watch = watch();
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for _ in 0..20 {
        let shared = Arc::new(Mutex::new(None::<Pin<Box<Sleep>>>));
        let waits = shared.clone();
        let task = runtime.spawn(async move {
            poll_fn(|cx| {
                let mut waits = waits.lock().unwrap();
                waits.get_or_insert_with(|| Box::pin(sleep(HOUR))).as_mut().poll(cx)
            })
            .await
        });
        until(|| shared.lock().unwrap().is_some());
        // Long enough for all workers to fall asleep.
        std::thread::sleep(5 * MS);
        {
            let _guard = runtime.enter();
            let sooner = Instant::now() + 2 * MS;
            shared.lock().unwrap().as_mut().unwrap().as_mut().reset(sooner);
        }
        // Or nobody has told the worker.
        until(|| task.is_finished());
    }
}
