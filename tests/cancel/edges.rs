//! Frames where they are hard to reach: behind sub-executors, in other tasks, in root futures.

use super::support::{Bell, ON_PURPOSE, OnWake};
use super::{Dropped, Log, clean, secs, sleep, stuck};
use filch::TaskGroup;
use filch::cancel::{CancelScope, catch_cancel, with_cleanup};
use filch::time::{Instant, timeout};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Polls what is inside only if it was woken, as sets of futures do.
async fn only_if_woken<F: Future>(future: F) -> F::Output {
    struct Flag {
        woken: AtomicBool,
        outer: Waker,
    }
    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.woken.store(true, Ordering::SeqCst);
            self.outer.wake_by_ref();
        }
    }
    let mut future = pin!(future);
    let mut flag: Option<Arc<Flag>> = None;
    poll_fn(move |cx| {
        let flag = flag.get_or_insert_with(|| {
            Arc::new(Flag { woken: AtomicBool::new(true), outer: cx.waker().clone() })
        });
        if !flag.woken.swap(false, Ordering::SeqCst) {
            return Poll::Pending;
        }
        let waker = Waker::from(flag.clone());
        future.as_mut().poll(&mut Context::from_waker(&waker))
    })
    .await
}

#[filch::test(start_paused = true)]
async fn a_request_reaches_what_is_polled_only_when_it_is_woken() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        let body = with_cleanup(stuck(&inner, "body"), clean(inner.clone(), "cleanup", 1));
        only_if_woken(body).await;
    });
    sleep(1).await;
    task.cancel("stop");
    assert!(task.await.unwrap_err().is_cancelled());
    log.expect(&["1 drop body", "1 cleanup begins", "2 cleanup ends"]);
}

#[filch::test(start_paused = true)]
async fn a_request_reaches_every_kind_of_frame_that_is_polled_only_when_it_is_woken() {
    let catch = filch::spawn(only_if_woken(async { catch_cancel(sleep(9)).await.is_err() }));
    let group = filch::spawn(only_if_woken(async {
        let _ = TaskGroup::<()>::scope(async |_| {
            sleep(9).await;
            Ok(())
        })
        .await;
    }));
    sleep(1).await;
    for task in [catch.abort_handle(), group.abort_handle()] {
        task.cancel("stop");
    }
    let start = Instant::now();
    assert!(catch.await.unwrap());
    assert!(group.await.unwrap_err().is_cancelled());
    assert_eq!(start.elapsed(), secs(0));
}

#[filch::test(start_paused = true)]
async fn a_scope_waits_for_a_frame_that_was_moved_away_and_does_not_tell_it() {
    let log = Log::new();
    let (send, receive) = filch::sync::oneshot::channel();
    let second = filch::spawn(async move {
        let frame: std::pin::Pin<Box<dyn Future<Output = bool> + Send>> = receive.await.unwrap();
        frame.await
    });
    let outcome = timeout(secs(2), async {
        let mut frame = Box::pin(async { catch_cancel(sleep(5)).await.is_ok() });
        poll_fn(|cx| {
            assert!(frame.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        assert!(send.send(frame).is_ok());
        stuck(&log, "body").await;
    });
    assert!(outcome.await.is_err());
    assert!(second.await.unwrap(), "it was told in a task that nobody has asked");
    log.expect(&["5 drop body"]);
}

#[filch::test(start_paused = true)]
async fn a_deadline_reaches_what_is_polled_only_when_it_is_woken() {
    let log = Log::new();
    let body = with_cleanup(stuck(&log, "body"), clean(log.clone(), "cleanup", 1));
    assert!(timeout(secs(1), only_if_woken(body)).await.is_err());
    log.say("elapsed");
    log.expect(&["1 drop body", "1 cleanup begins", "2 cleanup ends", "2 elapsed"]);
}

#[filch::test(start_paused = true)]
async fn a_scope_around_two_branches_waits_for_both() {
    let log = Log::new();
    let scope = CancelScope::after(secs(1));
    let both = async {
        filch::join!(
            biased;
            with_cleanup(stuck(&log, "one"), clean(log.clone(), "short", 1)),
            only_if_woken(with_cleanup(stuck(&log, "two"), clean(log.clone(), "long", 3))),
        );
    };
    scope.run(both).await.unwrap_err();
    log.say("left");
    log.expect(&[
        "1 drop one",
        "1 short begins",
        "1 drop two",
        "1 long begins",
        "2 short ends",
        "4 long ends",
        "4 left",
    ]);
}

#[filch::test(start_paused = true)]
async fn a_branch_beside_a_clean_up_runs_until_that_is_done_and_a_task_does_not() {
    async fn ticks(log: Log) -> Result<(), ()> {
        let _dropped = Dropped(log.clone(), "ticks");
        loop {
            sleep(2).await;
            log.say("tick");
        }
    }
    let log = Log::new();
    let held = with_cleanup(stuck(&log, "body"), clean(log.clone(), "cleanup", 2));
    let both = async {
        _ = filch::join!(biased; held, ticks(log.clone()));
    };
    assert!(timeout(secs(3), both).await.is_err());
    log.expect(&[
        "2 tick",
        "3 drop body",
        "3 cleanup begins",
        "4 tick",
        "5 cleanup ends",
        "5 drop ticks",
    ]);

    let log = Log::new();
    let other = log.clone();
    let tasks = TaskGroup::<()>::scope(|group| async move {
        let beside = other.clone();
        group.spawn(async move { ticks(beside).await });
        group.spawn(async move {
            with_cleanup(stuck(&other, "body"), clean(other.clone(), "cleanup", 2)).await;
            Ok(())
        });
        Ok(())
    });
    assert!(timeout(secs(3), tasks).await.is_err());
    log.expect(&["2 tick", "3 drop ticks", "3 drop body", "3 cleanup begins", "5 cleanup ends"]);
}

#[filch::test(start_paused = true)]
async fn a_frame_that_is_dropped_by_hand_holds_nothing_up() {
    let log = Log::new();
    let scope = CancelScope::after(secs(2));
    let outcome = scope.run(async {
        let held = Box::pin(with_cleanup(stuck(&log, "held"), clean(log.clone(), "never", 9)));
        filch::select! {
            biased;
            _ = sleep(1) => {}
            () = held => {}
        }
        stuck(&log, "body").await;
    });
    outcome.await.unwrap_err();
    log.expect(&["1 drop held", "2 drop body"]);
}

#[filch::test(start_paused = true)]
async fn a_frame_that_moves_to_another_task_is_a_plain_future_there() {
    let log = Log::new();
    let inner = log.clone();
    let (send, receive) = filch::sync::oneshot::channel();
    let first = filch::spawn(async move {
        let mut frame = Box::pin(catch_cancel(sleep(5)));
        poll_fn(|cx| {
            assert!(frame.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        assert!(send.send(frame).is_ok());
        stuck(&inner, "first").await;
    });
    let second = filch::spawn(async move { receive.await.unwrap().await.is_ok() });
    sleep(1).await;
    // The frame is still counted in its first task, which ends when it closes.
    first.cancel("stop");
    assert!(second.await.unwrap());
    assert!(first.await.unwrap_err().is_cancelled());
    log.expect(&["5 drop first"]);
}

#[test]
fn scopes_and_clean_up_need_no_task() {
    let runtime = filch::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let cleaned = AtomicBool::new(false);
    let scope = CancelScope::new();
    let stop = scope.clone();
    let outcome = runtime.block_on(async {
        filch::spawn(async move {
            filch::task::yield_now().await;
            stop.cancel("main is over")
        });
        let cleanup = async { cleaned.store(true, Ordering::SeqCst) };
        scope.run(with_cleanup(std::future::pending::<()>(), cleanup)).await
    });
    assert_eq!(outcome.unwrap_err().reason().message(), Some("main is over"));
    assert!(cleaned.load(Ordering::SeqCst));
}

#[filch::test(start_paused = true)]
async fn a_local_task_has_requests_of_its_own() {
    let log = Log::new();
    let set = filch::task::LocalSet::new();
    let inner = log.clone();
    let outcome = timeout(
        secs(3),
        set.run_until(async move {
            let log = inner.clone();
            let task = filch::task::spawn_local(async move {
                with_cleanup(stuck(&log, "body"), clean(log.clone(), "cleanup", 1)).await;
            });
            sleep(1).await;
            task.cancel("stop");
            assert!(task.await.unwrap_err().is_cancelled());
        }),
    );
    outcome.await.unwrap();
    log.expect(&["1 drop body", "1 cleanup begins", "2 cleanup ends"]);
}

#[filch::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_meet_clean_ups_on_two_workers() {
    for round in 0..200 {
        let (begun, cleaned) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (first, told) = (begun.clone(), cleaned.clone());
        let task = filch::spawn(async move {
            let work = async {
                first.store(true, Ordering::SeqCst);
                for _ in 0..round % 7 {
                    filch::task::yield_now().await;
                }
                std::future::pending::<()>().await;
            };
            let cleanup = async move {
                filch::task::yield_now().await;
                told.store(true, Ordering::SeqCst);
            };
            with_cleanup(work, cleanup).await;
        });
        for _ in 0..round % 5 {
            filch::task::yield_now().await;
        }
        // It may be cancelled before its first poll, but never between its clean-up's two halves.
        task.cancel("stop");
        assert!(task.await.unwrap_err().is_cancelled());
        let (begun, ended) = (begun.load(Ordering::SeqCst), cleaned.load(Ordering::SeqCst));
        assert_eq!(begun, ended, "round {round}");
    }
}

/// A waker that panics when it is used.
fn panics() -> Waker {
    Waker::from(Arc::new(OnWake(|| panic!("{ON_PURPOSE}: in wake"))))
}

#[filch::test(start_paused = true)]
async fn a_waker_that_panics_keeps_no_other_frame_from_being_told() {
    let (bell, waker) = Bell::new();
    let task = filch::spawn(async move {
        let (mut one, mut other) = (pin!(catch_cancel(sleep(9))), pin!(catch_cancel(sleep(9))));
        poll_fn(|_| {
            let one = one.as_mut().poll(&mut Context::from_waker(&panics()));
            let other = other.as_mut().poll(&mut Context::from_waker(&waker));
            assert_eq!(one.is_ready(), other.is_ready());
            one.map(|outcome| outcome.is_err())
        })
        .await
    });
    filch::task::yield_now().await;
    assert!(task.cancel("stop"));
    assert_eq!(bell.rang(), 1);
    assert!(task.await.unwrap());
}

#[filch::test(start_paused = true)]
async fn a_runtime_forgets_its_requests() {
    let task = filch::spawn(async { catch_cancel(sleep(1)).await.is_err() });
    let handle = task.abort_handle();
    filch::task::yield_now().await;
    task.cancel("stop");
    assert_eq!(handle.cancelling(), 1);
    assert!(task.await.unwrap());
    assert_eq!(handle.cancelling(), 0);
}
