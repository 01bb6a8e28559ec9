//! `CancelScope`: deadlines that move, nesting, shields, and nobody takes what is not his.

use super::support::{Bell, poll_with};
use super::{Log, clean, secs, sleep, stuck};
use filch::cancel::{
    CancelScope, CancelSource, catch_cancel, check_cancelled, current_effective_deadline,
    with_cleanup,
};
use filch::time::{Instant, timeout};
use std::fmt;
use std::future::{pending, ready};
use std::sync::Arc;

#[filch::test(start_paused = true)]
async fn a_scope_that_nobody_cancels_gives_the_output() {
    let scope = CancelScope::after(secs(5));
    assert_eq!(scope.deadline(), None);
    let value = scope.run(async {
        sleep(2).await;
        assert_eq!(scope.deadline(), Some(Instant::now() + secs(3)));
        9
    });
    assert_eq!(value.await, Ok(9));
    assert!(!scope.cancel_called() && !scope.cancelled_caught());
}

#[filch::test(start_paused = true)]
async fn the_deadline_counts_from_the_entry_and_may_move() {
    let log = Log::new();
    let scope = CancelScope::after(secs(5));
    sleep(10).await;
    let mover = scope.clone();
    let task = filch::spawn(async move {
        sleep(4).await;
        mover.set_deadline(Instant::now() + secs(20));
        sleep(4).await;
        mover.set_deadline(Instant::now() + secs(2));
    });
    let error = scope.run(stuck(&log, "body")).await.unwrap_err();
    assert_eq!(error.reason().source(), CancelSource::Deadline);
    log.expect(&["20 drop body"]);
    assert!(scope.cancelled_caught());
    task.await.unwrap();
}

#[filch::test(start_paused = true)]
async fn a_deadline_may_be_lifted() {
    let scope = CancelScope::after(secs(5));
    let value = scope.run(async {
        scope.set_deadline(None);
        sleep(50).await;
    });
    assert_eq!(value.await, Ok(()));
}

#[filch::test(start_paused = true)]
async fn cancelled_before_it_is_entered_it_drops_at_the_first_wait() {
    let log = Log::new();
    let scope = CancelScope::new();
    assert!(scope.cancel("early"));
    assert!(!scope.cancel("again"));
    let error = scope.run(async {
        log.say("begun");
        stuck(&log, "body").await;
    });
    assert_eq!(error.await.unwrap_err().reason().message(), Some("early"));
    log.expect(&["0 begun", "0 drop body"]);
}

#[filch::test(start_paused = true)]
async fn a_body_that_never_waits_is_not_given_up() {
    let scope = CancelScope::new();
    scope.cancel("early");
    assert_eq!(scope.run(async { 1 }).await, Ok(1));
    assert!(scope.cancel_called() && !scope.cancelled_caught());
}

#[filch::test(start_paused = true)]
#[should_panic = "a `CancelScope` is entered once"]
async fn it_is_entered_once() {
    let scope = CancelScope::new();
    let _ = scope.run(async {}).await;
    let _ = scope.run(async {}).await;
}

#[filch::test(start_paused = true)]
async fn the_outer_one_ends_the_inner_one_which_is_not_caught() {
    let log = Log::new();
    let (outer, inner) = (CancelScope::after(secs(2)), CancelScope::after(secs(5)));
    let outcome = outer.run(async {
        let _ = inner.run(stuck(&log, "body")).await;
        log.say("never");
    });
    assert!(outcome.await.is_err());
    assert!(!inner.cancel_called() && !inner.cancelled_caught());
    log.expect(&["2 drop body"]);
}

#[filch::test(start_paused = true)]
async fn when_both_are_due_the_inner_one_gives_way() {
    let log = Log::new();
    let (outer, inner) = (CancelScope::after(secs(2)), CancelScope::after(secs(2)));
    let outcome = outer.run(async {
        let caught = inner.run(stuck(&log, "body")).await.is_err();
        log.say(format_args!("inner {caught}"));
        sleep(1).await;
        log.say("never");
    });
    assert!(outcome.await.is_err());
    log.expect(&["2 drop body", "2 inner true"]);
}

#[filch::test(start_paused = true)]
async fn a_request_to_the_task_is_not_a_scopes() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        let scope = CancelScope::new();
        let _ = scope.run(stuck(&inner, "body")).await;
        inner.say("never");
    });
    sleep(1).await;
    task.cancel("the task is meant");
    assert!(task.await.unwrap_err().is_cancelled());
    log.expect(&["1 drop body"]);
}

#[filch::test(start_paused = true)]
async fn what_is_shielded_is_finished_and_the_rest_is_not() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move {
        let saved = CancelScope::shielded(secs(10), async {
            sleep(3).await;
            inner.say("saved");
            assert!(check_cancelled().is_ok());
            5
        });
        assert_eq!(saved.await, Ok(5));
        assert!(check_cancelled().is_err());
        stuck(&inner, "rest").await;
    });
    sleep(1).await;
    task.cancel("stop");
    assert!(task.await.unwrap_err().is_cancelled());
    log.expect(&["3 saved", "3 drop rest"]);
}

#[filch::test(start_paused = true)]
async fn a_shield_has_a_deadline_of_its_own() {
    let log = Log::new();
    let outcome = timeout(secs(1), async {
        let shielded = CancelScope::shielded(secs(3), stuck(&log, "body"));
        assert_eq!(shielded.await.unwrap_err().reason().source(), CancelSource::Deadline);
        log.say("gave up");
        sleep(1).await;
        log.say("never");
    });
    assert!(outcome.await.is_err());
    log.expect(&["3 drop body", "3 gave up"]);
}

#[filch::test(start_paused = true)]
async fn what_cleans_up_within_a_shield_waits_for_the_shields_own_end() {
    let log = Log::new();
    let outcome = timeout(secs(1), async {
        let body = with_cleanup(stuck(&log, "body"), clean(log.clone(), "cleanup", 2));
        CancelScope::shielded(secs(5), body).await.unwrap_err();
        log.say("left");
        sleep(1).await;
    });
    assert!(outcome.await.is_err());
    log.say("elapsed");
    log.expect(&["5 drop body", "5 cleanup begins", "7 cleanup ends", "7 left", "7 elapsed"]);
}

#[filch::test(start_paused = true)]
async fn the_effective_deadline_is_the_earliest_up_to_a_shield() {
    let start = Instant::now();
    let outer = CancelScope::until(start + secs(10));
    let all = outer.run(async {
        assert_eq!(current_effective_deadline(), Some(start + secs(10)));
        timeout(secs(3), async {
            assert_eq!(current_effective_deadline(), Some(start + secs(3)));
            sleep(1).await;
            assert_eq!(current_effective_deadline(), Some(start + secs(3)));
            let shielded = CancelScope::shielded(None, async {
                assert_eq!(current_effective_deadline(), None);
            });
            shielded.await.unwrap();
            let task = filch::spawn(async { current_effective_deadline() });
            assert_eq!(task.await.unwrap(), None);
            outer.cancel("there is no time left");
            assert_eq!(current_effective_deadline(), Some(Instant::now()));
            let shielded = CancelScope::shielded(secs(9), async { current_effective_deadline() });
            assert_eq!(shielded.await.unwrap(), Some(Instant::now() + secs(9)));
        })
        .await
        .unwrap();
    });
    all.await.unwrap();
}

#[filch::test(start_paused = true)]
async fn scopes_deep_within_each_other_end_from_the_inside() {
    let log = Log::new();
    let scope = CancelScope::after(secs(1));
    let outcome = scope.run(async {
        let deep = timeout(secs(50), async {
            let mine = with_cleanup(stuck(&log, "body"), clean(log.clone(), "deep", 1));
            timeout(secs(60), mine).await.unwrap();
        });
        with_cleanup(deep, clean(log.clone(), "shallow", 1)).await.unwrap();
    });
    outcome.await.unwrap_err();
    log.expect(&[
        "1 drop body",
        "1 deep begins",
        "2 deep ends",
        "2 shallow begins",
        "3 shallow ends",
    ]);
}

#[filch::test(start_paused = true)]
async fn it_can_be_cancelled_while_it_cleans_up_after_its_deadline() {
    let log = Log::new();
    let scope = CancelScope::after(secs(1));
    let other = scope.clone();
    filch::spawn(async move {
        sleep(2).await;
        assert!(!other.cancel("late"));
    });
    let body = with_cleanup(stuck(&log, "body"), clean(log.clone(), "cleanup", 3));
    let error = scope.run(body).await.unwrap_err();
    assert_eq!(error.reason().source(), CancelSource::Deadline);
    log.expect(&["1 drop body", "1 cleanup begins", "4 cleanup ends"]);
}

#[filch::test(start_paused = true)]
async fn a_catch_within_a_scope_leaves_the_scope_cancelled() {
    let scope = CancelScope::new();
    let outcome = scope.run(async {
        scope.cancel("stop");
        let told = catch_cancel(sleep(1)).await.unwrap_err();
        assert_eq!(told.reason().message(), Some("stop"));
        let again = catch_cancel(sleep(1)).await.unwrap_err();
        assert_eq!(again, told);
        6
    });
    assert_eq!(outcome.await, Ok(6));
}

#[test]
fn a_scope_may_be_printed_by_who_cancels_it() {
    struct Cancels<'a>(&'a CancelScope);
    impl fmt::Write for Cancels<'_> {
        fn write_str(&mut self, _: &str) -> fmt::Result {
            self.0.cancel("as it is printed");
            Ok(())
        }
    }
    let scope = CancelScope::new();
    fmt::write(&mut Cancels(&scope), format_args!("{scope:?}")).unwrap();
    assert!(format!("{scope:?}").contains("as it is printed"));
}

#[filch::test]
async fn who_keeps_a_scope_that_was_left_keeps_no_waker() {
    let (bell, waker) = Bell::new();
    let polled = |scope: &CancelScope| {
        let mut run = Box::pin(scope.run(pending::<()>()));
        assert!(poll_with(&mut run, &waker).is_pending());
        run
    };
    let scopes = [CancelScope::new(), CancelScope::new(), CancelScope::new()];
    let [dropped, cancelled, cleaned] = &scopes;
    drop(polled(dropped));
    let mut run = polled(cancelled);
    cancelled.cancel("enough");
    assert!(poll_with(&mut run, &waker).is_ready());
    drop(run);
    cleaned.on_exit(ready(()));
    let mut run = polled(cleaned);
    cleaned.cancel("enough");
    assert!(poll_with(&mut run, &waker).is_ready());
    drop(run);
    drop(waker);
    assert_eq!(Arc::strong_count(&bell), 1);
}
