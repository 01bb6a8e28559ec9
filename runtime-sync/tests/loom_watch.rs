//! A watch channel under every interleaving: no change goes unnoticed, the end comes after the last
//! value, and the version is that of the value.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use loom::thread;
use runtime_sync::channel::watch;
use support_loom::Task;

fn poll<F: Future>(future: Pin<&mut F>, task: &Arc<Task>) -> Poll<F::Output> {
    task.with_context(|cx| future.poll(cx))
}

/// A receiver waits while a sender sends and goes.
#[test]
fn a_wait_meets_the_send_and_the_end() {
    loom::model(|| {
        let (sender, mut receiver) = watch::channel(0);
        let thread = thread::spawn(move || {
            sender.send(1).unwrap();
            drop(sender);
        });
        let task = Task::new();
        {
            let mut changed = pin!(receiver.changed());
            if poll(changed.as_mut(), &task).is_pending() {
                thread.join().unwrap();
                assert_eq!(task.woken(), 1, "the wake is lost");
                assert_eq!(poll(changed, &task), Poll::Ready(Ok(())));
            } else {
                thread.join().unwrap();
            }
        }
        assert_eq!(*receiver.borrow(), 1);
        assert!(matches!(poll(pin!(receiver.changed()), &task), Poll::Ready(Err(_))));
    });
}

/// A receiver waits while the last sender goes.
#[test]
fn a_wait_meets_the_end() {
    loom::model(|| {
        let (sender, mut receiver) = watch::channel(0);
        let thread = thread::spawn(move || drop(sender));
        let task = Task::new();
        let mut changed = pin!(receiver.changed());
        let first = poll(changed.as_mut(), &task);
        thread.join().unwrap();
        assert!(first.is_ready() || task.woken() == 1, "the wake is lost");
        assert!(first.is_ready() || poll(changed, &task).is_ready());
    });
}

/// How a receiver looks at what has changed.
#[derive(Clone, Copy, PartialEq)]
enum Look {
    AndUpdate,
    /// Looks, and then lets the present value count as seen: it may be another one by then.
    ThenMark,
}

/// What counts as seen was seen: after the loop a receiver has the last value.
fn looks_against_sends(how: Look) {
    loom::model(move || {
        let (sender, mut receiver) = watch::channel(0);
        let sender = Arc::new(sender);
        let thread = thread::spawn({
            let sender = Arc::clone(&sender);
            move || {
                sender.send_modify(|value| *value = 1);
                sender.send_modify(|value| *value = 2);
            }
        });
        let mut last = match how {
            Look::AndUpdate => *receiver.borrow_and_update(),
            Look::ThenMark => {
                let value = *receiver.borrow();
                receiver.mark_unchanged();
                value
            }
        };
        thread.join().unwrap();
        let task = Task::new();
        loop {
            let changed = poll(pin!(receiver.changed()), &task);
            if changed.is_pending() {
                break;
            }
            last = *receiver.borrow_and_update();
        }
        assert_eq!(last, 2, "a change went unnoticed");
    });
}

#[test]
fn what_counts_as_seen_was_seen() {
    looks_against_sends(Look::AndUpdate);
}

#[test]
#[should_panic(expected = "a change went unnoticed")]
fn twin_who_marks_later_misses_a_change() {
    looks_against_sends(Look::ThenMark);
}

/// Two senders: the versions of both count, and the last one that goes closes.
#[test]
fn two_senders_go_at_once() {
    loom::model(|| {
        let (sender, mut receiver) = watch::channel(0);
        let second = sender.clone();
        let thread = thread::spawn(move || second.send_modify(|value| *value += 1));
        sender.send_modify(|value| *value += 1);
        drop(sender);
        let task = Task::new();
        {
            let mut wait = pin!(receiver.wait_for(|value| *value == 2));
            let first = poll(wait.as_mut(), &task).map(|found| found.map(|value| *value));
            thread.join().unwrap();
            match first {
                Poll::Ready(found) => assert_eq!(found, Ok(2)),
                Poll::Pending => {
                    assert!(task.woken() > 0, "the wake is lost");
                    assert!(matches!(poll(wait, &task), Poll::Ready(Ok(_))));
                }
            }
        }
        assert!(matches!(poll(pin!(receiver.changed()), &task), Poll::Ready(Err(_))));
    });
}

/// A sender waits until nobody is left while two receivers go.
#[test]
fn closed_meets_the_last_receivers() {
    loom::model(|| {
        let (sender, receiver) = watch::channel(0);
        let second = receiver.clone();
        let thread = thread::spawn(move || drop(second));
        let other = thread::spawn(move || drop(receiver));
        let task = Task::new();
        let mut closed = pin!(sender.closed());
        let ready = poll(closed.as_mut(), &task).is_ready();
        thread.join().unwrap();
        other.join().unwrap();
        assert!(ready || task.woken() == 1, "the wake is lost");
        assert!(ready || poll(closed, &task).is_ready());
        assert!(sender.send(1).is_err());
    });
}

/// A wait is given up while a send wakes it; the other one that waits is woken all the same.
#[test]
fn a_wait_that_is_dropped_takes_no_wake_along() {
    loom::model(|| {
        let (sender, mut receiver) = watch::channel(0);
        let mut second = receiver.clone();
        let (task, second_task) = (Task::new(), Task::new());
        let mut wait = Box::pin(receiver.changed());
        let mut second_wait = Box::pin(second.changed());
        assert!(poll(wait.as_mut(), &task).is_pending());
        assert!(poll(second_wait.as_mut(), &second_task).is_pending());
        let thread = thread::spawn(move || sender.send(1).unwrap());
        drop(wait);
        thread.join().unwrap();
        assert_eq!(second_task.woken(), 1, "the wake is lost");
        assert!(poll(second_wait.as_mut(), &second_task).is_ready());
        drop(second_wait);
        assert_eq!(Arc::strong_count(&task), 1);
    });
}
