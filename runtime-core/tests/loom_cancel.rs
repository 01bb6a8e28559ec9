//! A request to end a task against its polls, its frames and its completion: the task ends, each
//! clean-up runs once, and no request is taken for another.
#![cfg(filch_loom)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support_loom;

use loom::thread;
use runtime_core::cancel::{CancelScope, catch_cancel, with_cleanup};
use runtime_core::task::state::State;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use support_loom::fails;
use support_loom::home::Home;
use support_loom::steps::Task;
use support_loom::word::{Mistake, Planted, Word};

/// One thread asks while another one polls: the frame, if it was opened, cleans up, and the task ends.
fn request_meets_frame<W: Word>(word: impl Fn() -> W) {
    let task = Task::framed(word());
    let thread = {
        let task = task.clone();
        thread::spawn(move || task.ask())
    };
    task.run_all();
    thread.join().unwrap();
    task.run_all();
    assert!(task.word.is_complete(), "neither polled nor dropped");
    task.stage(|stage| {
        assert!(stage.cancelled);
        assert_eq!(stage.cleaned, stage.polls > 0, "a frame that was opened was not asked");
    });
}

#[test]
fn a_request_finds_the_frame_that_is_open() {
    loom::model(|| request_meets_frame(State::new));
}

#[test]
fn twins_that_lose_the_request() {
    let planted = |mistake| move || Planted::new(mistake);
    loom::model(move || request_meets_frame(planted(Mistake::None)));
    assert!(fails(move || request_meets_frame(planted(Mistake::QuietAsk))));
    assert!(fails(move || request_meets_frame(planted(Mistake::DeafClose))));
    assert!(fails(move || request_meets_frame(planted(Mistake::RudeBegin))));
}

/// What happened to a task: how often it was polled, cleaned up, went on.
#[derive(Default)]
struct Seen {
    polled: AtomicUsize,
    cleaned: AtomicUsize,
    went_on: AtomicUsize,
}

/// A task that cleans up while two threads ask it to end.
fn two_requests(careless: bool) {
    let home = Home::with_care(!careless);
    let seen = Arc::new(Seen::default());
    let handle = {
        let seen = seen.clone();
        home.spawn(async move {
            seen.polled.fetch_add(1, SeqCst);
            let body = with_cleanup(std::future::pending::<()>(), async {
                seen.cleaned.fetch_add(1, SeqCst);
            });
            body.limit(None).await;
            seen.went_on.fetch_add(1, SeqCst);
        })
    };
    let threads = [handle.abort_handle(), handle.abort_handle()]
        .map(|handle| thread::spawn(move || handle.cancel("stop")));
    home.run_all();
    for thread in threads {
        thread.join().unwrap();
    }
    home.run_all();
    assert!(handle.is_finished(), "the request is lost");
    assert_eq!(seen.cleaned.load(SeqCst), seen.polled.load(SeqCst));
    assert_eq!(seen.went_on.load(SeqCst), 0);
    drop(handle);
    home.close();
    assert_eq!(home.tasks(), 0, "never freed");
}

#[test]
fn each_clean_up_runs_once_and_the_task_ends() {
    loom::model(|| two_requests(false));
}

#[test]
fn twin_whose_home_loses_what_is_asked() {
    assert!(fails(|| two_requests(true)));
}

/// A task that catches what comes, and is done with a value, or never began.
#[test]
fn a_catch_answers_the_request_and_nothing_else_is_ended_by_it() {
    loom::model(|| {
        let home = Home::new();
        let seen = Arc::new(Seen::default());
        let handle = {
            let seen = seen.clone();
            home.spawn(async move {
                seen.polled.fetch_add(1, SeqCst);
                catch_cancel(std::future::pending::<()>()).await.unwrap_err();
                // A wait after the answer: the request must not end it.
                let mut waited = false;
                std::future::poll_fn(|cx| {
                    if std::mem::replace(&mut waited, true) {
                        return std::task::Poll::Ready(());
                    }
                    cx.waker().wake_by_ref();
                    std::task::Poll::Pending
                })
                .await;
                seen.went_on.fetch_add(1, SeqCst);
            })
        };
        let asker = handle.abort_handle();
        let thread = thread::spawn(move || asker.cancel("stop"));
        home.run_all();
        assert!(thread.join().unwrap());
        home.run_all();
        assert!(handle.is_finished(), "the request is lost");
        assert_eq!(seen.went_on.load(SeqCst), seen.polled.load(SeqCst));
        drop(handle);
        home.close();
        assert_eq!(home.tasks(), 0, "never freed");
    });
}

/// A scope is cancelled while its task is polled, and the task is asked to end too: the clean-up runs
/// once, and the task ends whichever came first.
#[test]
fn a_scope_and_its_task_are_cancelled_at_the_same_time() {
    loom::model(|| {
        let home = Home::new();
        let seen = Arc::new(Seen::default());
        let scope = CancelScope::new();
        let handle = {
            let (seen, scope) = (seen.clone(), scope.clone());
            home.spawn(async move {
                seen.polled.fetch_add(1, SeqCst);
                let body = with_cleanup(std::future::pending::<()>(), async {
                    seen.cleaned.fetch_add(1, SeqCst);
                });
                assert!(scope.run(body.limit(None)).await.is_err());
                std::future::pending::<()>().await;
            })
        };
        let asker = handle.abort_handle();
        let threads = [
            thread::spawn(move || _ = asker.cancel("stop")),
            thread::spawn(move || _ = scope.cancel("leave")),
        ];
        home.run_all();
        for thread in threads {
            thread.join().unwrap();
        }
        home.run_all();
        assert!(handle.is_finished(), "the request is lost");
        assert_eq!(seen.cleaned.load(SeqCst), seen.polled.load(SeqCst));
        drop(handle);
        home.close();
        assert_eq!(home.tasks(), 0, "never freed");
    });
}
