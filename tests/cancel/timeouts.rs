//! `timeout` as a scope, `move_on_after`, `timeout_scope`.

use super::{Cell, Log, secs, sleep, stuck};
use filch::cancel::{
    CancelScope, NotActive, TimeoutScope, catch_cancel, current_effective_deadline, move_on_after,
    timeout_scope,
};
use filch::time::{Instant, timeout};

#[filch::test(start_paused = true)]
async fn a_plain_future_is_dropped_at_once() {
    let log = Log::new();
    assert_eq!(move_on_after(secs(2), stuck(&log, "body")).await, None);
    log.expect(&["2 drop body"]);
}

#[filch::test(start_paused = true)]
async fn the_value_that_a_body_gives_when_it_is_told_wins() {
    let told = timeout(secs(1), async { catch_cancel(sleep(5)).await.is_err() });
    assert_eq!(told.await, Ok(true));
}

#[filch::test(start_paused = true)]
async fn of_two_that_are_over_together_the_inner_one_tells_and_the_outer_one_ends_the_next_wait() {
    let log = Log::new();
    let inner = || timeout(secs(2), stuck(&log, "body"));
    let both = timeout(secs(2), async { inner().await.is_err() });
    assert_eq!(both.await, Ok(true));
    let both = timeout(secs(2), async {
        assert!(inner().await.is_err());
        stuck(&log, "next").await;
    });
    assert!(both.await.is_err());
    log.expect(&["2 drop body", "4 drop body", "4 drop next"]);
}

#[filch::test(start_paused = true)]
async fn the_deadline_is_still_in_effect_for_what_comes_after_a_catch() {
    let due = Instant::now() + secs(1);
    let told = timeout(secs(1), async {
        assert!(catch_cancel(sleep(5)).await.is_err());
        current_effective_deadline()
    });
    assert_eq!(told.await, Ok(Some(due)));
}

#[filch::test(start_paused = true)]
async fn it_may_be_moved_while_it_is_active() {
    let start = Instant::now();
    let kept: Cell<TimeoutScope> = Cell::default();
    let outcome = timeout_scope(secs(1), async |scope| {
        *kept.borrow_mut() = Some(scope.clone());
        assert_eq!(scope.deadline(), Some(start + secs(1)));
        scope.reschedule(None).unwrap();
        sleep(5).await;
        scope.reschedule(Instant::now() + secs(3)).unwrap();
        sleep(10).await;
    });
    assert!(outcome.await.is_err());
    assert_eq!(start.elapsed(), secs(8));
    let scope = kept.borrow_mut().take().unwrap();
    assert!(scope.expired());
    assert_eq!(scope.reschedule(None), Err(NotActive));
}

#[filch::test(start_paused = true)]
async fn one_that_was_left_in_time_has_not_expired() {
    let kept: Cell<TimeoutScope> = Cell::default();
    let outcome = timeout_scope(None, async |scope| {
        *kept.borrow_mut() = Some(scope.clone());
        4
    });
    assert_eq!(outcome.await, Ok(4));
    let scope = kept.borrow_mut().take().unwrap();
    assert!(!scope.expired());
    assert_eq!(scope.reschedule(Instant::now()), Err(NotActive));
}

#[filch::test(start_paused = true)]
async fn a_block_without_a_wait_is_in_time() {
    let outcome = timeout_scope(secs(0), async |_| 1);
    assert_eq!(outcome.await, Ok(1));
}

#[filch::test(start_paused = true)]
async fn it_tells_what_time_there_is_before_it_has_waited() {
    let due = Instant::now() + secs(3);
    let outcome = timeout_scope(secs(3), async |scope| {
        let told = current_effective_deadline();
        sleep(2).await;
        (told, scope.deadline())
    });
    assert_eq!(outcome.await, Ok((Some(due), Some(due))));
}

#[filch::test(start_paused = true)]
async fn what_it_tells_after_it_was_left_stays_true() {
    let due = Instant::now() + secs(3);
    let scope = timeout_scope(secs(3), async |scope| scope.clone()).await.unwrap();
    sleep(1).await;
    assert_eq!(scope.deadline(), Some(due));
    assert!(!scope.expired());
}

#[filch::test(start_paused = true)]
async fn it_can_be_moved_before_it_has_waited() {
    for (due, body) in [(Some(2), 1), (Some(0), 1), (None, 9)] {
        let due = due.map(|due| Instant::now() + secs(due));
        let outcome = timeout_scope(secs(5), async |scope| {
            scope.reschedule(due).unwrap();
            assert_eq!((scope.deadline(), current_effective_deadline()), (due, due));
            sleep(body).await;
        });
        assert_eq!(outcome.await.is_ok(), due.is_none_or(|due| due > Instant::now()));
    }
    // There was no time to begin with.
    let outcome = timeout_scope(None, async |scope| {
        assert_eq!(scope.deadline(), None);
        scope.reschedule(Instant::now() + secs(1)).unwrap();
        sleep(2).await;
    });
    assert!(outcome.await.is_err());
}

#[filch::test(start_paused = true)]
async fn a_time_beyond_all_times_is_never_over() {
    let limit = std::time::Duration::MAX;
    assert_eq!(timeout_scope(limit, async |_| sleep(5).await).await, Ok(()));
    assert!(CancelScope::after(limit).run(sleep(5)).await.is_ok());
}

#[filch::test(start_paused = true)]
async fn a_scope_has_nothing_from_the_one_before() {
    for _ in 0..3 {
        assert!(CancelScope::shielded(secs(1), sleep(5)).await.is_err());
        let scope = CancelScope::new();
        assert!(!scope.is_shield() && !scope.cancel_called() && !scope.cancelled_caught());
        assert_eq!((scope.deadline(), scope.reason()), (None, None));
        assert!(scope.run(sleep(5)).await.is_ok());
        assert!(timeout_scope(secs(1), async |_| sleep(5).await).await.is_err());
    }
}

#[filch::test(start_paused = true)]
async fn a_timeout_has_nothing_from_the_one_before() {
    for round in 0..3 {
        let due = Instant::now() + secs(1);
        let ready = timeout_scope(secs(1), |scope: &TimeoutScope| {
            let told = scope.deadline();
            scope.reschedule(None).unwrap();
            std::future::ready((told, scope.deadline(), scope.expired()))
        });
        assert_eq!(ready.await, Ok((Some(due), None, false)));
        let late = timeout_scope(secs(1), async |scope| {
            assert_eq!(scope.deadline(), Some(due));
            sleep(5).await;
        });
        assert!(late.await.is_err());
        assert_eq!(timeout_scope(None, async |_| round).await, Ok(round));
    }
}

#[filch::test(start_paused = true)]
async fn a_handle_that_stays_is_of_its_own_timeout() {
    let before = timeout_scope(secs(1), async |scope| scope.clone()).await.unwrap();
    let outcome = timeout_scope(secs(3), async |scope| {
        assert_eq!(before.reschedule(Instant::now()), Err(NotActive));
        sleep(2).await;
        scope.expired()
    });
    assert_eq!(outcome.await, Ok(false));
    assert!(!before.expired());
}

#[filch::test(start_paused = true)]
async fn one_that_is_moved_from_another_task_while_it_waits_wakes() {
    let start = Instant::now();
    let outcome = timeout_scope(None, async |scope| {
        let scope = scope.clone();
        filch::spawn(async move {
            sleep(1).await;
            scope.reschedule(start + secs(2)).unwrap();
        });
        sleep(9).await;
    });
    assert!(outcome.await.is_err());
    assert_eq!(start.elapsed(), secs(2));
}

#[filch::test(start_paused = true)]
async fn it_may_run_in_a_task_and_be_moved_by_what_it_borrows_from() {
    let start = Instant::now();
    let task = filch::spawn(async move {
        let log = [1, 2, 3];
        let outcome = timeout_scope(secs(2), async |scope| {
            for hour in &log {
                sleep(1).await;
                scope.reschedule(Instant::now() + secs(*hour)).unwrap();
            }
            sleep(9).await;
        });
        outcome.await.is_err()
    });
    assert!(task.await.unwrap());
    assert_eq!(start.elapsed(), secs(6));
}

#[filch::test(start_paused = true)]
async fn a_clone_that_stays_keeps_no_task() {
    let alive = std::sync::Arc::new(());
    let in_task = alive.clone();
    let (kept, keep) = filch::sync::oneshot::channel();
    let task = filch::spawn(async move {
        let _in_task = in_task;
        _ = timeout_scope(secs(1), async |scope| {
            assert!(kept.send(scope.clone()).is_ok());
            sleep(9).await;
        })
        .await;
    });
    let scope = keep.await.unwrap();
    task.await.unwrap();
    assert!(scope.expired());
    assert_eq!(std::sync::Arc::strong_count(&alive), 1);
}

#[filch::test(start_paused = true)]
async fn who_cleans_up_in_a_timeout_scope_is_waited_for() {
    let start = Instant::now();
    let outcome = timeout_scope(secs(1), async |_| {
        assert!(catch_cancel(sleep(5)).await.is_err());
        CancelScope::shielded(None, sleep(2)).await.unwrap();
        "cleaned"
    });
    assert_eq!(outcome.await, Ok("cleaned"));
    assert_eq!(start.elapsed(), secs(3));
}
