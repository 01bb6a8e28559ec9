//! `catch_cancel`: who is told, of what, and what comes after.

use super::{Log, clean, secs, sleep, stuck};
use filch::cancel::{CancelScope, CancelSource, catch_cancel, check_cancelled, with_cleanup};
use filch::time::timeout;
use std::future::poll_fn;

#[filch::test(start_paused = true)]
async fn the_innermost_is_told_and_the_task_runs_on() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        let outer = catch_cancel(async {
            let told = catch_cancel(stuck(&inner, "body")).await.unwrap_err();
            inner.say(told);
            sleep(5).await;
            inner.say("went on");
        });
        outer.await.unwrap();
        8
    });
    sleep(1).await;
    task.cancel("stop");
    assert_eq!(task.cancelling(), 1);
    assert_eq!(task.await.unwrap(), 8);
    let lines = log.lines.lock().unwrap().clone();
    assert_eq!(lines[0], "1 drop body");
    assert!(lines[1].ends_with("stop"), "{lines:?}");
    assert_eq!(lines[2], "6 went on");
}

#[filch::test(start_paused = true)]
async fn a_second_request_reaches_what_is_open_then() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        for round in 0..2 {
            let told = catch_cancel(stuck(&inner, "body")).await.unwrap_err();
            inner.say(format_args!("{round} {}", told.reason().message().unwrap()));
        }
        sleep(1).await;
        1
    });
    sleep(1).await;
    task.cancel("first");
    sleep(1).await;
    task.cancel("second");
    assert_eq!(task.await.unwrap(), 1);
    log.expect(&["1 drop body", "1 0 first", "2 drop body", "2 1 second"]);
}

#[filch::test(start_paused = true)]
async fn after_the_frame_is_closed_a_request_ends_the_task() {
    let task = filch::spawn(async {
        catch_cancel(sleep(1)).await.unwrap();
        sleep(10).await;
    });
    sleep(2).await;
    task.cancel("now");
    assert_eq!(task.await.unwrap_err().reason().unwrap().message(), Some("now"));
}

#[filch::test(start_paused = true)]
async fn one_that_is_opened_after_the_request_was_answered_is_not_told_of_it() {
    let task = filch::spawn(async {
        catch_cancel(sleep(10)).await.unwrap_err();
        catch_cancel(sleep(10)).await.unwrap();
        3
    });
    sleep(1).await;
    task.cancel("once");
    assert_eq!(task.await.unwrap(), 3);
}

#[filch::test(start_paused = true)]
async fn all_that_are_side_by_side_are_told() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        let (one, two, three) = filch::join!(
            biased;
            catch_cancel(stuck(&inner, "one")),
            catch_cancel(stuck(&inner, "two")),
            catch_cancel(sleep(5)),
        );
        (one.is_err(), two.is_err(), three.is_err())
    });
    sleep(1).await;
    task.cancel("all of you");
    assert_eq!(task.await.unwrap(), (true, true, true));
    log.expect(&["1 drop one", "1 drop two"]);
}

#[filch::test(start_paused = true)]
async fn a_scope_that_is_cancelled_stays_so() {
    let log = Log::new();
    let outcome = timeout(secs(1), async {
        let told = catch_cancel(stuck(&log, "body")).await.unwrap_err();
        assert_eq!(told.reason().source(), CancelSource::Deadline);
        assert!(check_cancelled().is_err());
        log.say("told");
        stuck(&log, "after").await;
    });
    assert!(outcome.await.is_err());
    log.expect(&["1 drop body", "1 told", "1 drop after"]);
}

#[filch::test(start_paused = true)]
async fn who_swallows_it_again_and_again_is_dropped_all_the_same() {
    let log = Log::new();
    let scope = CancelScope::new();
    let outcome = scope.run(async {
        let _dropped = super::Dropped(log.clone(), "swallower");
        scope.cancel("go");
        loop {
            let _ = catch_cancel(std::future::pending::<()>()).await;
        }
    });
    outcome.await.unwrap_err();
    log.expect(&["0 drop swallower"]);
}

#[filch::test(start_paused = true)]
async fn a_value_that_is_ready_beats_the_request() {
    let (send, receive) = filch::sync::oneshot::channel();
    let task = filch::spawn(async move { catch_cancel(receive).await });
    sleep(1).await;
    send.send(5).unwrap();
    task.cancel("too late");
    assert_eq!(task.await.unwrap().unwrap(), Ok(5));
}

#[filch::test(start_paused = true)]
async fn dropping_it_hands_the_request_to_what_is_around() {
    let task = filch::spawn(async {
        let inner = Box::pin(catch_cancel(std::future::pending::<()>()));
        filch::select! {
            biased;
            _ = sleep(1) => {}
            _ = inner => unreachable!(),
        }
        sleep(10).await;
    });
    sleep(2).await;
    task.cancel("ends it");
    assert!(task.await.unwrap_err().is_cancelled());
}

#[filch::test(start_paused = true)]
async fn one_that_comes_late_waits_for_the_clean_up_inside() {
    let log = Log::new();
    let scope = CancelScope::new();
    scope.cancel("early");
    let outcome = scope.run(async {
        catch_cancel(stuck(&log, "first")).await.unwrap_err();
        let body = with_cleanup(stuck(&log, "body"), clean(log.clone(), "cleanup", 2));
        let told = catch_cancel(body).await.unwrap_err();
        log.say(told);
        7
    });
    assert_eq!(outcome.await, Ok(7));
    log.expect(&[
        "0 drop first",
        "0 drop body",
        "0 cleanup begins",
        "2 cleanup ends",
        "2 cancelled: early",
    ]);
}

#[filch::test(start_paused = true)]
async fn what_was_passed_on_is_over_when_it_is_dropped_by_hand_and_one_beside_has_answered() {
    let task = filch::spawn(async {
        let mut first = Box::pin(with_cleanup(std::future::pending::<()>(), async {}));
        let mut second = Box::pin(catch_cancel(std::future::pending::<()>()));
        poll_fn(|cx| {
            assert!(first.as_mut().poll(cx).is_pending());
            second.as_mut().poll(cx).map(|told| assert!(told.is_err()))
        })
        .await;
        drop(first);
        sleep(1).await;
        "went on"
    });
    filch::task::yield_now().await;
    task.cancel("stop");
    assert_eq!(task.await.unwrap(), "went on");
}
