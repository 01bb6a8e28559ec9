//! `CancelScope::on_exit`: once, the last first, shielded, however the scope is left.

use super::{Dropped, Log, clean, secs, sleep, stuck};
use filch::cancel::{CancelScope, CancelSource, catch_cancel, check_cancelled, with_cleanup};
use filch::task::yield_now;
use filch::time::timeout;
use proptest::prelude::*;
use std::future::{pending, poll_fn};
use std::panic::AssertUnwindSafe;
use std::task::Poll;

/// A scope with two clean-ups of a second each, which waits for ever then.
async fn two(log: &Log, scope: &CancelScope) {
    scope.on_exit(clean(log.clone(), "first", 1));
    sleep(1).await;
    scope.on_exit(clean(log.clone(), "second", 1));
    stuck(log, "body").await;
}

const LEFT_AT_3: [&str; 5] =
    ["3 drop body", "3 second begins", "4 second ends", "4 first begins", "5 first ends"];

#[filch::test(start_paused = true)]
async fn they_run_after_the_output_before_it_is_given() {
    let log = Log::new();
    let scope = CancelScope::new();
    let value = scope.run(async {
        scope.on_exit(clean(log.clone(), "first", 1));
        scope.on_exit(clean(log.clone(), "second", 1));
        log.say("output");
        5
    });
    assert_eq!(value.await, Ok(5));
    log.expect(&["0 output", "0 second begins", "1 second ends", "1 first begins", "2 first ends"]);
    assert!(!scope.cancelled_caught());
}

#[filch::test(start_paused = true)]
async fn they_run_when_the_scope_is_cancelled_or_its_time_is_over() {
    let log = Log::new();
    let scope = CancelScope::after(secs(3));
    let error = scope.run(two(&log, &scope)).await.unwrap_err();
    assert_eq!(error.reason().source(), CancelSource::Deadline);
    log.expect(&LEFT_AT_3);

    let log = Log::new();
    let scope = CancelScope::new();
    let stop = scope.clone();
    filch::spawn(async move {
        sleep(3).await;
        stop.cancel("stop");
        sleep(1).await;
        assert!(!stop.cancel("again"));
    });
    let error = scope.run(two(&log, &scope)).await.unwrap_err();
    assert_eq!(error.reason().message(), Some("stop"));
    log.expect(&LEFT_AT_3);
}

#[filch::test(start_paused = true)]
async fn they_run_when_the_task_is_asked_to_end_and_then_it_ends() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        let scope = CancelScope::new();
        _ = scope.run(two(&inner, &scope)).await;
        inner.say("never");
    });
    sleep(3).await;
    task.cancel("stop");
    sleep(1).await;
    task.cancel("faster");
    let error = task.await.unwrap_err();
    assert!(error.is_cancelled() && error.reason().is_some());
    log.expect(&LEFT_AT_3);
}

#[filch::test(start_paused = true)]
async fn they_run_when_something_around_is_cancelled() {
    let log = Log::new();
    let scope = CancelScope::new();
    assert!(timeout(secs(3), scope.run(two(&log, &scope))).await.is_err());
    log.expect(&LEFT_AT_3);
    assert!(!scope.cancel_called(), "it was not this scope");

    let log = Log::new();
    let (outer, inner) = (CancelScope::after(secs(3)), CancelScope::new());
    let outcome = outer.run(async {
        outer.on_exit(clean(log.clone(), "outer", 1));
        inner.run(two(&log, &inner)).await
    });
    assert!(outcome.await.is_err());
    assert_eq!((outer.cancelled_caught(), inner.cancelled_caught()), (true, false));
    let lines = [&LEFT_AT_3[..], &["5 outer begins", "6 outer ends"]].concat();
    log.expect(&lines);
}

#[filch::test(start_paused = true)]
async fn they_run_when_the_body_panics_and_then_the_panic_goes_on() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        let scope = CancelScope::new();
        let body = async {
            let _dropped = Dropped(inner.clone(), "body");
            scope.on_exit(clean(inner.clone(), "first", 1));
            sleep(3).await;
            scope.on_exit(clean(inner.clone(), "second", 1));
            panic!("boom")
        };
        scope.run(body).await
    });
    let error = task.await.unwrap_err();
    assert_eq!(*error.into_panic().downcast_ref::<&str>().unwrap(), "boom");
    log.expect(&LEFT_AT_3);
}

#[filch::test(start_paused = true)]
async fn one_that_panics_does_not_keep_the_others_and_the_first_panic_goes_on() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        let scope = CancelScope::new();
        let body = async {
            scope.on_exit(clean(inner.clone(), "first", 1));
            scope.on_exit(async { panic!("two") });
            scope.on_exit(async { panic!("three") });
            1
        };
        scope.run(body).await
    });
    let error = task.await.unwrap_err();
    assert_eq!(*error.into_panic().downcast_ref::<&str>().unwrap(), "three");
    log.expect(&["0 first begins", "1 first ends"]);
}

#[filch::test(start_paused = true)]
async fn each_has_its_own_limit() {
    let log = Log::new();
    let scope = CancelScope::new();
    let left = scope.run(async {
        scope.on_exit(clean(log.clone(), "last", 1));
        let held = log.clone();
        scope.on_exit_within(secs(2), async move { stuck(&held, "hangs").await });
        let held = log.clone();
        scope.on_exit(async move { stuck(&held, "hangs longer").await });
        scope.on_exit_within(None, clean(log.clone(), "slow", 100));
    });
    left.await.unwrap();
    log.expect(&[
        "0 slow begins",
        "100 slow ends",
        "130 drop hangs longer",
        "132 drop hangs",
        "132 last begins",
        "133 last ends",
    ]);
}

#[filch::test(start_paused = true)]
async fn inner_frames_go_first_also_those_that_were_open_before() {
    let log = Log::new();
    let scope = CancelScope::new();
    let body = async {
        let cleans = with_cleanup(stuck(&log, "body"), clean(log.clone(), "inner", 2));
        let registers = async {
            // The frame beside is open by now.
            sleep(1).await;
            scope.on_exit(clean(log.clone(), "outer", 1));
        };
        filch::join!(cleans, registers)
    };
    assert!(timeout(secs(2), scope.run(body)).await.is_err());
    log.expect(&[
        "2 drop body",
        "2 inner begins",
        "4 inner ends",
        "4 outer begins",
        "5 outer ends",
    ]);
}

#[filch::test(start_paused = true)]
async fn who_answers_inside_keeps_the_scope_open() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        let scope = CancelScope::new();
        let body = async {
            scope.on_exit(clean(inner.clone(), "exit", 1));
            assert!(catch_cancel(pending::<()>()).await.is_err());
            inner.say("caught");
            sleep(1).await;
            "value"
        };
        scope.run(body).await.unwrap()
    });
    sleep(1).await;
    task.cancel("think again");
    assert_eq!(task.await.unwrap(), "value");
    log.expect(&["1 caught", "2 exit begins", "3 exit ends"]);
}

#[filch::test(start_paused = true)]
async fn who_answers_beside_the_scope_does_not_keep_it_waiting_for_ever() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        let scope = CancelScope::new();
        filch::join!(catch_cancel(pending::<()>()), scope.run(two(&inner, &scope)))
    });
    sleep(3).await;
    task.cancel("stop");
    let ended = timeout(secs(9), task).await.expect("it waits for what was given up");
    assert!(ended.unwrap_err().is_cancelled());
    log.expect(&LEFT_AT_3);
}

#[filch::test(start_paused = true)]
async fn a_scope_among_many_futures_is_reached_too() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        let scope = CancelScope::new();
        filch::gather([scope.run(two(&inner, &scope))]).await.map(drop)
    });
    sleep(3).await;
    task.cancel("stop");
    assert!(task.await.unwrap_err().is_cancelled());
    log.expect(&LEFT_AT_3);
}

#[filch::test(start_paused = true)]
async fn clean_ups_are_shielded_and_may_register_more() {
    let log = Log::new();
    let scope = CancelScope::new();
    let (inner, again) = (log.clone(), scope.clone());
    let body = async {
        scope.on_exit(async move {
            assert_eq!(check_cancelled(), Ok(()));
            again.on_exit(clean(inner.clone(), "more", 1));
            sleep(1).await;
            inner.say("first ends");
        });
        scope.cancel("enough");
        pending::<()>().await;
    };
    assert!(timeout(secs(0), scope.run(body)).await.unwrap().is_err());
    log.expect(&["1 first ends", "1 more begins", "2 more ends"]);
}

#[filch::test(start_paused = true)]
async fn a_shield_has_clean_ups_too_and_holds_on() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        let scope = CancelScope::new().shield(true);
        let body = async {
            scope.on_exit(clean(inner.clone(), "exit", 1));
            sleep(5).await;
            inner.say("done");
        };
        scope.run(body).await.unwrap();
        inner.say("the task goes on to its next wait");
        pending::<()>().await;
    });
    sleep(1).await;
    task.cancel("stop");
    assert!(task.await.unwrap_err().is_cancelled());
    log.expect(&["5 done", "5 exit begins", "6 exit ends", "6 the task goes on to its next wait"]);
}

#[filch::test(start_paused = true)]
async fn they_may_be_registered_from_anywhere_before_and_meanwhile() {
    let log = Log::new();
    let scope = CancelScope::new();
    scope.on_exit(clean(log.clone(), "before", 1));
    let (remote, remote_log) = (scope.clone(), log.clone());
    filch::spawn(async move {
        sleep(1).await;
        remote.on_exit(clean(remote_log, "meanwhile", 1));
    });
    assert!(timeout(secs(2), scope.run(pending::<()>())).await.is_err());
    log.expect(&["2 meanwhile begins", "3 meanwhile ends", "3 before begins", "4 before ends"]);
}

#[filch::test(start_paused = true)]
async fn one_that_comes_from_elsewhere_alone_holds_the_task() {
    let log = Log::new();
    let scope = CancelScope::new();
    let run = scope.clone();
    let task = filch::spawn(async move { run.run(pending::<()>()).await });
    sleep(1).await;
    scope.on_exit(clean(log.clone(), "exit", 1));
    yield_now().await;
    task.cancel("stop");
    assert!(task.await.unwrap_err().is_cancelled());
    log.expect(&["1 exit begins", "2 exit ends"]);
}

#[filch::test(start_paused = true)]
async fn nothing_runs_if_the_scope_is_dropped_by_hand_or_aborted() {
    let log = Log::new();
    for abort in [false, true] {
        let inner = log.clone();
        let task = filch::spawn(async move {
            let scope = CancelScope::new();
            let unused = Dropped(inner.clone(), "clean-up");
            scope.on_exit(async move {
                let _unused = unused;
                unreachable!("nobody awaits it");
            });
            let mut run = Box::pin(scope.run(pending::<()>()));
            assert!(poll_fn(|cx| Poll::Ready(run.as_mut().poll(cx).is_pending())).await);
            if abort {
                (&mut run).await.unwrap();
            }
            drop(run);
            inner.say("left");
            scope
        });
        yield_now().await;
        yield_now().await;
        task.abort();
        let kept = task.await;
        assert_eq!(kept.is_err(), abort);
    }
    log.expect(&["0 drop clean-up", "0 left", "0 drop clean-up"]);
}

#[filch::test(start_paused = true)]
async fn one_that_comes_too_late_is_refused() {
    let log = Log::new();
    let scope = CancelScope::new();
    scope.run(async {}).await.unwrap();
    let late = Dropped(log.clone(), "late");
    let refused = std::panic::catch_unwind(AssertUnwindSafe(|| {
        scope.on_exit(async move { drop(late) });
    }));
    let said = *refused.unwrap_err().downcast::<&str>().unwrap();
    assert!(said.contains("too late"), "{said}");
    log.expect(&["0 drop late"]);
}

/// How a scope is left.
#[derive(Clone, Copy, Debug)]
enum Way {
    Output,
    Panic,
    Cancel,
    Deadline,
    Around,
    Request,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn each_runs_once_and_the_last_goes_first(
        way in prop_oneof![
            Just(Way::Output), Just(Way::Panic), Just(Way::Cancel),
            Just(Way::Deadline), Just(Way::Around), Just(Way::Request)
        ],
        // How long each is after the one before, and how long it takes.
        exits in proptest::collection::vec((0..3_u64, 0..3_u64), 0..6),
        shield in any::<bool>(),
    ) {
        let runtime =
            filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let log = Log::new();
            let (inner, plan) = (log.clone(), exits.clone());
            let task = filch::spawn(async move {
                let scope = match way {
                    Way::Deadline => CancelScope::after(secs(20)),
                    _ => CancelScope::new(),
                };
                let scope = scope.shield(shield && !matches!(way, Way::Around | Way::Request));
                let body = async {
                    for (number, (after, takes)) in plan.into_iter().enumerate() {
                        if after > 0 {
                            sleep(after).await;
                        }
                        let log = inner.clone();
                        scope.on_exit(async move {
                            if takes > 0 {
                                sleep(takes).await;
                            }
                            log.say(number);
                        });
                    }
                    match way {
                        Way::Output => return,
                        Way::Panic => std::panic::resume_unwind(Box::new("boom")),
                        Way::Cancel => _ = scope.cancel("enough"),
                        Way::Deadline | Way::Around | Way::Request => {}
                    }
                    pending::<()>().await
                };
                match way {
                    Way::Around => _ = timeout(secs(20), scope.run(body)).await,
                    _ => _ = scope.run(body).await,
                }
            });
            if let Way::Request = way {
                sleep(20).await;
                task.cancel("stop");
            }
            let ended = task.await;
            prop_assert_eq!(ended.is_err(), matches!(way, Way::Panic | Way::Request));
            let begun: u64 = match way {
                Way::Deadline | Way::Around | Way::Request => 20,
                _ => exits.iter().map(|(after, _)| after).sum(),
            };
            let mut now = begun;
            let mut expected = Vec::new();
            for (number, (_, takes)) in exits.iter().enumerate().rev() {
                now += takes;
                expected.push(format!("{now} {number}"));
            }
            prop_assert_eq!(&*log.lines.lock().unwrap(), &expected);
            Ok(())
        })?;
    }
}
