//! `with_cleanup`: once, whatever happens, innermost first, and the cancellation goes on.

use super::{Log, clean, secs, sleep, stuck};
use filch::cancel::{CancelReason, catch_cancel, with_cleanup};
use filch::time::timeout;
use std::panic::AssertUnwindSafe;

#[filch::test(start_paused = true)]
async fn it_runs_after_the_output() {
    let log = Log::new();
    let value = with_cleanup(async { 5 }, clean(log.clone(), "cleanup", 1)).await;
    assert_eq!(value, 5);
    log.expect(&["0 cleanup begins", "1 cleanup ends"]);
}

#[filch::test(start_paused = true)]
async fn the_innermost_goes_first_and_then_the_task_ends() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        let middle = with_cleanup(stuck(&inner, "body"), clean(inner.clone(), "inner", 1));
        with_cleanup(middle, clean(inner.clone(), "outer", 2)).await;
        inner.say("never");
    });
    sleep(1).await;
    task.cancel("stop");
    let error = task.await.unwrap_err();
    assert_eq!(error.reason().unwrap().message(), Some("stop"));
    log.say("joined");
    log.expect(&[
        "1 drop body",
        "1 inner begins",
        "2 inner ends",
        "2 outer begins",
        "4 outer ends",
        "4 joined",
    ]);
}

#[filch::test(start_paused = true)]
async fn further_requests_do_not_disturb_it() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        with_cleanup(stuck(&inner, "body"), clean(inner.clone(), "cleanup", 3)).await;
    });
    sleep(1).await;
    task.cancel("one");
    sleep(1).await;
    task.cancel("two");
    task.uncancel();
    task.uncancel();
    assert!(task.await.unwrap_err().is_cancelled());
    log.expect(&["1 drop body", "1 cleanup begins", "4 cleanup ends"]);
}

#[filch::test(start_paused = true)]
async fn an_abort_does_not_wait_for_it() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        with_cleanup(stuck(&inner, "body"), clean(inner.clone(), "cleanup", 3)).await;
    });
    sleep(1).await;
    task.cancel("gently");
    sleep(1).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    log.say("joined");
    log.expect(&["1 drop body", "1 cleanup begins", "2 joined"]);
}

#[filch::test(start_paused = true)]
async fn it_is_cut_off_at_its_limit() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        let cleanup = clean(inner.clone(), "cleanup", 100);
        with_cleanup(stuck(&inner, "body"), cleanup).limit(secs(2)).await;
    });
    sleep(1).await;
    task.cancel("stop");
    assert!(task.await.unwrap_err().is_cancelled());
    log.say("joined");
    log.expect(&["1 drop body", "1 cleanup begins", "3 joined"]);
}

#[filch::test(start_paused = true)]
async fn a_timeout_waits_for_it() {
    let log = Log::new();
    let body = with_cleanup(stuck(&log, "body"), clean(log.clone(), "cleanup", 2));
    assert!(timeout(secs(3), body).await.is_err());
    log.say("elapsed");
    log.expect(&["3 drop body", "3 cleanup begins", "5 cleanup ends", "5 elapsed"]);
}

#[filch::test(start_paused = true)]
async fn a_request_that_comes_during_the_clean_up_of_a_timeout_ends_the_next_wait() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        let body = with_cleanup(stuck(&inner, "body"), clean(inner.clone(), "cleanup", 2));
        assert!(timeout(secs(3), body).await.is_err());
        inner.say("elapsed");
        stuck(&inner, "next").await;
    });
    sleep(4).await;
    task.cancel("stop");
    assert!(task.await.unwrap_err().is_cancelled());
    let lines = ["3 drop body", "3 cleanup begins", "5 cleanup ends", "5 elapsed", "5 drop next"];
    log.expect(&lines);
}

#[filch::test(start_paused = true)]
async fn the_value_of_the_body_beats_the_timeout_during_clean_up() {
    let log = Log::new();
    let body = with_cleanup(
        async {
            sleep(2).await;
            1
        },
        clean(log.clone(), "cleanup", 5),
    );
    assert_eq!(timeout(secs(3), body).await, Ok(1));
    log.expect(&["2 cleanup begins", "7 cleanup ends"]);
}

#[filch::test(start_paused = true)]
async fn a_panic_is_resumed_after_it() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        let body = async {
            sleep(1).await;
            panic!("boom");
        };
        with_cleanup(body, clean(inner.clone(), "cleanup", 1)).await;
    });
    let error = task.await.unwrap_err();
    assert_eq!(*error.into_panic().downcast_ref::<&str>().unwrap(), "boom");
    log.expect(&["1 cleanup begins", "2 cleanup ends"]);
}

#[filch::test(start_paused = true)]
async fn a_clean_up_that_panics_is_a_panic_of_the_task() {
    let task = filch::spawn(with_cleanup(std::future::pending::<()>(), async { panic!("clumsy") }));
    sleep(1).await;
    task.cancel("stop");
    assert!(task.await.unwrap_err().is_panic());
}

#[filch::test(start_paused = true)]
async fn one_further_in_may_catch_it_and_one_beside_still_ends_the_task() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        filch::join!(
            biased;
            async {
                catch_cancel(stuck(&inner, "caught")).await.unwrap_err();
                stuck(&inner, "went on").await;
            },
            with_cleanup(stuck(&inner, "cleaned"), clean(inner.clone(), "cleanup", 1)),
        );
    });
    sleep(1).await;
    task.cancel("both");
    assert!(task.await.unwrap_err().is_cancelled());
    log.expect(&[
        "1 drop caught",
        "1 drop cleaned",
        "1 cleanup begins",
        "2 cleanup ends",
        "2 drop went on",
    ]);
}

#[filch::test(start_paused = true)]
async fn what_one_has_passed_on_a_catch_beside_does_not_take_back() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        filch::join!(
            biased;
            with_cleanup(stuck(&inner, "first"), async {}),
            async {
                assert!(catch_cancel(stuck(&inner, "second")).await.is_err());
                inner.say("caught");
                sleep(1).await;
                inner.say("never");
            },
        );
    });
    sleep(1).await;
    task.cancel("stop");
    assert!(timeout(secs(9), task).await.expect("it ends").unwrap_err().is_cancelled());
    log.expect(&["1 drop first", "1 drop second", "1 caught"]);
}

#[filch::test(start_paused = true)]
async fn what_one_has_passed_on_goes_to_the_next_around_whatever_one_beside_does() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        let both = async {
            filch::join!(
                biased;
                with_cleanup(stuck(&inner, "first"), async {}),
                async {
                    assert!(catch_cancel(stuck(&inner, "second")).await.is_err());
                    stuck(&inner, "after").await;
                },
            );
        };
        let told = catch_cancel(both).await.unwrap_err();
        inner.say(told);
        sleep(1).await;
        inner.say("went on");
    });
    sleep(1).await;
    task.cancel(CancelReason::from("stop"));
    timeout(secs(9), task).await.expect("it ends").unwrap();
    let lines = ["1 drop first", "1 drop second", "1 drop after"];
    let last = ["1 cancelled: stop", "2 went on"];
    log.expect(&[&lines[..], &last[..]].concat());
}

#[filch::test(start_paused = true)]
async fn one_around_a_catch_is_not_concerned() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        let body = async {
            catch_cancel(stuck(&inner, "caught")).await.unwrap_err();
            sleep(3).await;
            4
        };
        with_cleanup(body, clean(inner.clone(), "cleanup", 1)).await
    });
    sleep(1).await;
    task.cancel("stop");
    assert_eq!(task.await.unwrap(), 4);
    log.expect(&["1 drop caught", "4 cleanup begins", "5 cleanup ends"]);
}

#[filch::test(start_paused = true)]
async fn a_body_that_panics_when_it_is_dropped_is_a_panic() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("bomb");
        }
    }
    let log = Log::new();
    let cleanup = clean(log.clone(), "cleanup", 1);
    let task = filch::spawn(with_cleanup(
        AssertUnwindSafe(async {
            let _bomb = Bomb;
            std::future::pending::<()>().await;
        })
        .0,
        cleanup,
    ));
    sleep(1).await;
    task.cancel("stop");
    assert!(task.await.unwrap_err().is_panic());
    log.expect(&["1 cleanup begins", "2 cleanup ends"]);
}
