//! `cancel`, `cancelling` and `uncancel` of a task without frames, and what its error says.

use super::support::Gate;
use super::{Log, sleep, stuck};
use filch::cancel::{CancelReason, CancelSource, catch_cancel};
use filch::task::JoinHandle;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

#[filch::test(start_paused = true)]
async fn a_task_without_frames_is_dropped_and_its_error_says_why() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move { stuck(&inner, "task").await });
    sleep(1).await;
    assert!(task.cancel(CancelReason::new(CancelSource::Signal).with_message("SIGINT")));
    let error = task.await.unwrap_err();
    assert!(error.is_cancelled());
    let reason = error.reason().unwrap();
    assert_eq!((reason.source(), reason.message()), (CancelSource::Signal, Some("SIGINT")));
    assert_eq!(error.to_string(), format!("task {} was cancelled by a signal: SIGINT", error.id()));
    assert!(format!("{error:?}").contains("SIGINT"));
    log.expect(&["1 drop task"]);
}

#[filch::test(start_paused = true)]
async fn the_reason_names_the_task_that_asked() {
    let victim = filch::spawn(std::future::pending::<()>());
    let stop = victim.abort_handle();
    let killer = filch::spawn(async move { stop.cancel("by me") });
    let id = killer.id();
    assert!(killer.await.unwrap());
    assert_eq!(victim.await.unwrap_err().reason().unwrap().task(), Some(id));
}

#[filch::test(start_paused = true)]
async fn a_request_to_a_task_that_is_over_is_refused() {
    let mut task = filch::spawn(async { 1 });
    assert_eq!((&mut task).await.unwrap(), 1);
    assert!(!task.cancel("too late"));
    assert_eq!(task.cancelling(), 0);
}

#[filch::test(start_paused = true)]
async fn a_task_that_was_never_polled_is_never_polled() {
    let log = Log::new();
    let inner = log.clone();
    let task = filch::spawn(async move { inner.say("polled") });
    task.cancel("");
    assert!(task.await.unwrap_err().is_cancelled());
    log.expect(&[]);
}

#[filch::test(start_paused = true)]
async fn a_value_that_comes_without_another_wait_beats_the_request() {
    let (send, receive) = filch::sync::oneshot::channel::<filch::task::AbortHandle>();
    let task = filch::spawn(async move {
        let me = receive.await.unwrap();
        me.cancel("myself");
        assert_eq!(me.cancelling(), 1);
        7
    });
    send.send(task.abort_handle()).unwrap();
    assert_eq!(task.await.unwrap(), 7);
}

#[filch::test(start_paused = true)]
async fn requests_are_counted_and_taken_back() {
    let task = filch::spawn(async { sleep(1).await });
    assert_eq!(task.cancelling(), 0);
    assert_eq!(task.uncancel(), 0);
    task.cancel("one");
    task.cancel("two");
    assert_eq!(task.cancelling(), 2);
    assert_eq!(task.uncancel(), 1);
    assert_eq!(task.uncancel(), 0);
    assert_eq!(task.uncancel(), 0);
    task.await.unwrap();
}

/// A task that sleeps until the gate opens, without a frame, and how often it was polled.
async fn sleeper(gate: &Gate) -> (JoinHandle<u32>, Arc<AtomicUsize>) {
    let (polls, pass) = (Arc::new(AtomicUsize::new(0)), gate.clone());
    let count = polls.clone();
    let task = filch::spawn(async move {
        let mut pass = pin!(pass.pass());
        poll_fn(|cx| {
            count.fetch_add(1, SeqCst);
            pass.as_mut().poll(cx)
        })
        .await;
        7
    });
    filch::task::yield_now().await;
    assert_eq!(polls.load(SeqCst), 1);
    (task, polls)
}

#[filch::test(start_paused = true)]
async fn a_sleeper_whose_request_is_withdrawn_sleeps_on() {
    let gate = Gate::new();
    let (task, polls) = sleeper(&gate).await;
    for round in 2..5 {
        assert!(task.cancel("stop"));
        assert_eq!((task.cancelling(), task.uncancel(), task.cancelling()), (1, 0, 0));
        assert_eq!(task.uncancel(), 0);
        filch::task::yield_now().await;
        assert_eq!((task.is_finished(), polls.load(SeqCst)), (false, round), "looked at, no more");
    }
    gate.open();
    assert_eq!(task.await.unwrap(), 7);
}

#[filch::test(start_paused = true)]
async fn a_sleeper_that_is_asked_again_ends_for_the_last_reason() {
    let gate = Gate::new();
    let (task, polls) = sleeper(&gate).await;
    task.cancel("withdrawn");
    task.uncancel();
    task.cancel("meant");
    assert_eq!(task.cancelling(), 1);
    assert_eq!(task.await.unwrap_err().reason().unwrap().message(), Some("meant"));
    assert_eq!(polls.load(SeqCst), 1);
}

#[filch::test(start_paused = true)]
async fn a_sleeper_that_is_asked_twice_and_let_off_once_ends() {
    let gate = Gate::new();
    let (task, polls) = sleeper(&gate).await;
    task.cancel("one");
    task.cancel("two");
    assert_eq!((task.cancelling(), task.uncancel(), task.cancelling()), (2, 1, 1));
    assert_eq!(task.await.unwrap_err().reason().unwrap().message(), Some("two"));
    assert_eq!(polls.load(SeqCst), 1);
}

#[filch::test(start_paused = true)]
async fn the_last_reason_is_the_one_that_is_told() {
    let task = filch::spawn(std::future::pending::<()>());
    task.cancel("first");
    task.cancel("second");
    assert_eq!(task.await.unwrap_err().reason().unwrap().message(), Some("second"));
}

#[filch::test(start_paused = true)]
async fn an_abort_has_no_reason() {
    let task = filch::spawn(std::future::pending::<()>());
    task.abort();
    assert!(task.await.unwrap_err().reason().is_none());
}

#[filch::test(start_paused = true)]
async fn an_abort_after_an_answer_has_no_reason_either() {
    let task = filch::spawn(async {
        let _ = catch_cancel(std::future::pending::<()>()).await;
        std::future::pending::<()>().await;
    });
    filch::task::yield_now().await;
    task.cancel("answered");
    filch::task::yield_now().await;
    task.abort();
    assert_eq!(task.await.unwrap_err().reason(), None);
}

#[filch::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_are_cancelled_from_anywhere() {
    let tasks: Vec<_> = (0..1000).map(|_| filch::spawn(std::future::pending::<()>())).collect();
    let stops: Vec<_> = tasks.iter().map(|task| task.abort_handle()).collect();
    filch::task::spawn_blocking(move || {
        for (number, stop) in stops.iter().enumerate() {
            assert!(stop.cancel(format!("number {number}")));
        }
    })
    .await
    .unwrap();
    for (number, task) in tasks.into_iter().enumerate() {
        let error = task.await.unwrap_err();
        assert_eq!(error.reason().unwrap().message(), Some(&*format!("number {number}")));
    }
}
