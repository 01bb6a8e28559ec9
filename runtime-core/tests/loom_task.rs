//! A task between those who wake, run, abort and forget it: no wake is lost, one thread polls at a
//! time and sees what was written before the wake, and the memory is freed once.
//!
//! Each model runs the steps of a task upon the real state word. Its twins run them upon `Planted`, a
//! copy with one mistake, and must fail. What follows runs real tasks.
#![cfg(filch_loom)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support_loom;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use runtime_core::task::state::State;
use support_loom::fails;
use support_loom::home::{Home, Waits};
use support_loom::steps::Task;
use support_loom::word::{Mistake, Planted, Word};

fn planted(mistake: Mistake) -> impl Fn() -> Planted + Copy + Send + Sync {
    move || Planted::new(mistake)
}

#[test]
fn the_copy_without_a_mistake_passes() {
    loom::model(|| two_wakes(planted(Mistake::None)));
    loom::model(|| two_runners(planted(Mistake::None)));
    loom::model(|| last_references(planted(Mistake::None)));
    loom::model(|| abort_meets_poll(planted(Mistake::None)));
}

/// Two threads bring one half each and wake. Whatever the last poll has not seen comes with a poll
/// that is still to be made.
fn two_wakes<W: Word>(word: impl Fn() -> W) {
    let task = Task::new(word(), 2);
    let threads = [0, 1].map(|half| {
        let task = task.clone();
        thread::spawn(move || {
            task.bring(half);
            task.wake();
        })
    });
    task.run_all();
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(task.word.is_complete() || task.is_queued(), "the wake is lost");
    task.run_all();
    assert!(task.word.is_complete());
}

#[test]
fn no_wake_is_lost_and_the_poll_sees_what_was_written_before() {
    loom::model(|| two_wakes(State::new));
}

#[test]
fn twins_that_lose_a_wake_or_what_came_with_it() {
    assert!(fails(|| two_wakes(planted(Mistake::BlindPend))));
    assert!(fails(|| two_wakes(planted(Mistake::SilentWake))));
}

/// A task that is woken on one thread and polled on two.
fn two_runners<W: Word>(word: impl Fn() -> W) {
    let task = Task::new(word(), 1);
    let thread = {
        let task = task.clone();
        thread::spawn(move || {
            task.wake();
            task.run_all();
        })
    };
    task.run_all();
    thread.join().unwrap();
    task.bring(0);
    task.wake();
    task.run_all();
    assert!(task.word.is_complete());
    assert!(task.stage(|stage| (2..=3).contains(&stage.polls)));
}

#[test]
fn one_thread_polls_at_a_time_and_sees_the_poll_before() {
    loom::model(|| two_runners(State::new));
}

#[test]
fn twins_that_poll_at_the_same_time() {
    assert!(fails(|| two_runners(planted(Mistake::GreedyWake))));
    assert!(fails(|| two_runners(planted(Mistake::RelaxedPend))));
}

/// The last wakers of a task that completes.
fn last_references<W: Word>(word: impl Fn() -> W) {
    let task = Task::new(word(), 0);
    task.word.add_ref();
    task.word.add_ref();
    let waker = {
        let task = task.clone();
        thread::spawn(move || task.wake_by_value())
    };
    let handle = {
        let task = task.clone();
        thread::spawn(move || {
            task.drop_ref();
            task.drop_handle();
        })
    };
    task.run_all();
    waker.join().unwrap();
    handle.join().unwrap();
    assert!(task.is_freed(), "never freed");
    assert_eq!(task.stage(|stage| stage.outputs_gone), 1);
}

#[test]
fn the_memory_is_freed_once_by_whoever_comes_last() {
    loom::model(|| last_references(State::new));
}

#[test]
fn twins_that_free_too_early() {
    assert!(fails(|| last_references(planted(Mistake::NoRefAtCompletion))));
    assert!(fails(|| last_references(planted(Mistake::RelaxedDrop))));
}

/// An abort meets a poll, a wake and a completion.
fn abort_meets_wake<W: Word>(word: impl Fn() -> W) {
    let task = Task::new(word(), 1);
    task.word.add_ref();
    task.word.add_ref();
    let waker = {
        let task = task.clone();
        thread::spawn(move || {
            task.bring(0);
            task.wake_by_value();
        })
    };
    let aborter = {
        let task = task.clone();
        thread::spawn(move || {
            task.abort();
            task.drop_ref();
        })
    };
    task.run_all();
    waker.join().unwrap();
    aborter.join().unwrap();
    task.run_all();
    assert!(task.word.is_complete(), "it is neither polled nor dropped");
    task.drop_handle();
    assert!(task.is_freed());
}

#[test]
fn an_abort_or_a_wake_completes_the_task_once() {
    loom::model(|| abort_meets_wake(State::new));
}

#[test]
fn an_abort_alone_is_enough() {
    loom::model(|| abort_meets_poll(State::new));
}

#[test]
fn twin_that_does_not_note_an_abort() {
    assert!(fails(|| abort_meets_poll(planted(Mistake::QuietAbort))));
}

/// An abort of a task that nobody wakes.
fn abort_meets_poll<W: Word>(word: impl Fn() -> W) {
    let task = Task::new(word(), 1);
    let aborter = {
        let task = task.clone();
        thread::spawn(move || task.abort())
    };
    task.run_all();
    aborter.join().unwrap();
    task.run_all();
    assert!(task.word.is_complete(), "it is neither polled nor dropped");
    assert!(task.stage(|stage| stage.cancelled));
}

/// Real tasks: two wakers, one by value, an abort if asked for, and the last of them all frees.
fn real_task(careless: bool, abort: bool) {
    let home = Home::with_care(!careless);
    let data = Arc::new([AtomicUsize::new(0), AtomicUsize::new(usize::from(abort))]);
    let wakers = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let drops = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let handle = home.spawn(Waits {
        ready: {
            let data = data.clone();
            Box::new(move || data.iter().all(|half| half.load(Ordering::Relaxed) == 1))
        },
        wakers: wakers.clone(),
        drops: drops.clone(),
    });
    home.run_all();
    let waker = wakers.lock().unwrap().pop().expect("polled once");
    let other = {
        let (data, waker, aborter) = (data.clone(), waker.clone(), handle.abort_handle());
        thread::spawn(move || match abort {
            true => aborter.abort(),
            false => {
                data[1].store(1, Ordering::Relaxed);
                waker.wake_by_ref();
            }
        })
    };
    let thread = thread::spawn(move || {
        data[0].store(1, Ordering::Relaxed);
        waker.wake();
    });
    home.run_all();
    other.join().unwrap();
    thread.join().unwrap();
    home.run_all();
    assert!(handle.is_finished(), "the wake is lost");
    drop(handle);
    let cancelled = drops.load(std::sync::atomic::Ordering::SeqCst) == 1;
    assert!(cancelled && abort || drops.load(std::sync::atomic::Ordering::SeqCst) == 101);
    wakers.lock().unwrap().clear();
    home.close();
    assert_eq!(home.tasks(), 0, "never freed");
}

#[test]
fn a_real_task_is_woken_by_two_threads() {
    loom::model(|| real_task(false, false));
}

#[test]
fn a_real_task_is_woken_and_aborted() {
    loom::model(|| real_task(false, true));
}

#[test]
fn twin_whose_home_loses_tasks() {
    assert!(fails(|| real_task(true, false)));
}
