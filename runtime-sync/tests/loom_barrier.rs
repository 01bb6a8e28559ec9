//! `Barrier` under every interleaving: all of a round go on, one leads, and who stops waiting is not
//! counted.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use runtime_sync::lock::{Barrier, BarrierWaitResult, BrokenBarrierError};
use support_loom::Task;

fn poll<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>, task: &Arc<Task>) -> Poll<T> {
    task.with_context(|cx| future.poll(cx))
}

/// Waits to the end, by polling on each wake.
fn wait(barrier: &Barrier) -> Result<BarrierWaitResult, BrokenBarrierError> {
    let task = Task::new();
    let mut waits = pin!(barrier.wait_or_broken());
    loop {
        match poll(waits.as_mut(), &task) {
            Poll::Ready(outcome) => return outcome,
            Poll::Pending => {
                while task.woken() == 0 {
                    thread::yield_now();
                }
            }
        }
    }
}

#[test]
fn two_go_on_together_one_of_them_leading_and_see_what_was_done_before() {
    loom::model(|| {
        let shared = Arc::new((Barrier::new(2), AtomicUsize::new(0)));
        let arrive = |shared: &(Barrier, AtomicUsize)| {
            shared.1.fetch_add(1, Ordering::Relaxed);
            let result = wait(&shared.0).unwrap();
            assert_eq!(shared.1.load(Ordering::Relaxed), 2, "somebody went on alone");
            result
        };
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || arrive(&shared)
        });
        let (mine, theirs) = (arrive(&shared), thread.join().unwrap());
        assert_eq!(mine.index() + theirs.index(), 1);
        assert!(mine.is_leader() ^ theirs.is_leader());
        assert_eq!(shared.0.n_waiting(), 0);
    });
}

/// One of two who wait gives up while the third arrives.
fn leave_against_arrival(leaves: bool) {
    loom::model(move || {
        let barrier = Arc::new(Barrier::new(3));
        let (one, two, three) = (Task::new(), Task::new(), Task::new());
        let mut first = Box::pin(barrier.wait_or_broken());
        let mut second = Box::pin(barrier.wait_or_broken());
        assert!(poll(first.as_mut(), &one).is_pending());
        assert!(poll(second.as_mut(), &two).is_pending());
        let thread = thread::spawn({
            let barrier = Arc::clone(&barrier);
            move || {
                let mut third = Box::pin(barrier.wait_or_broken());
                let led = poll(third.as_mut(), &three).is_ready();
                // It gives up if it must wait.
                led
            }
        });
        match leaves {
            true => drop(first),
            false => std::mem::forget(first),
        }
        let led = thread.join().unwrap();
        assert_eq!(two.woken(), usize::from(led));
        assert_eq!(barrier.n_waiting(), if led { 0 } else { 1 }, "the count is wrong");
        assert_eq!(poll(second.as_mut(), &two).is_ready(), led);
    });
}

#[test]
fn who_gives_up_is_not_counted_unless_the_round_was_complete() {
    leave_against_arrival(true);
}

/// A future that is leaked stays in the count, so that the third always completes the round; the
/// model notices.
#[test]
fn who_is_leaked_is_counted() {
    leave_against_arrival(false);
}

#[test]
fn an_abort_fails_all_or_none_of_a_round() {
    loom::model(|| {
        let barrier = Arc::new(Barrier::new(2));
        let one = Task::new();
        let mut first = Box::pin(barrier.wait_or_broken());
        assert!(poll(first.as_mut(), &one).is_pending());
        let thread = thread::spawn({
            let barrier = Arc::clone(&barrier);
            move || barrier.abort()
        });
        let mut second = Box::pin(barrier.wait_or_broken());
        let Poll::Ready(second) = poll(second.as_mut(), &Task::new()) else {
            panic!("it neither completes the round nor finds it broken")
        };
        thread.join().unwrap();
        assert_eq!(one.woken(), 1, "the wake is lost");
        let Poll::Ready(first) = poll(first.as_mut(), &one) else { panic!("it was woken") };
        assert_eq!(first.is_ok(), second.is_ok(), "one failed alone");
        assert!(barrier.is_broken());
    });
}

#[test]
fn a_reset_fails_those_of_the_round_only() {
    loom::model(|| {
        let barrier = Arc::new(Barrier::new(2));
        let one = Task::new();
        let mut first = Box::pin(barrier.wait_or_broken());
        assert!(poll(first.as_mut(), &one).is_pending());
        let thread = thread::spawn({
            let barrier = Arc::clone(&barrier);
            move || barrier.reset()
        });
        let two = Task::new();
        let mut second = Box::pin(barrier.wait_or_broken());
        let early = poll(second.as_mut(), &two);
        thread.join().unwrap();
        assert_eq!(one.woken(), 1, "the wake is lost");
        let Poll::Ready(first) = poll(first.as_mut(), &one) else { panic!("it was woken") };
        match early {
            Poll::Ready(second) => assert!(first.is_ok() && second.is_ok()),
            // It came after the reset and waits in the new round.
            Poll::Pending => {
                assert!(first.is_err());
                assert_eq!((two.woken(), barrier.n_waiting()), (0, 1));
            }
        }
    });
}

/// The barrier as one would first write it: a counter, and a line that is woken when it is full,
/// looked at before the line is entered.
#[test]
#[should_panic(expected = "somebody sleeps forever")]
fn twin_that_counts_outside_of_the_line() {
    use runtime_sync::wait_list::WaitList;
    loom::model(|| {
        let shared = Arc::new((AtomicUsize::new(0), WaitList::new()));
        let arrive = |shared: &(AtomicUsize, WaitList), task: &Arc<Task>| {
            if shared.0.fetch_add(1, Ordering::AcqRel) + 1 == 2 {
                shared.1.wake_all();
                return true;
            }
            let mut waits = pin!(shared.1.wait_unless(|| false));
            poll(waits.as_mut(), task).is_ready() || {
                // As long as the other one may still come.
                thread::yield_now();
                task.woken() == 1 || shared.0.load(Ordering::Acquire) < 2
            }
        };
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || arrive(&shared, &Task::new())
        });
        let mine = arrive(&shared, &Task::new());
        assert!(mine && thread.join().unwrap(), "somebody sleeps forever");
    });
}
