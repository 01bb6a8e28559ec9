//! Entering a line with a budget that is spent, against who brings what the line waits for: whether that
//! comes before or after, the task is woken and gets it at its next poll.
//!
//! The twin brings nothing, and must fail.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use loom::thread;
use runtime_sync::budget;
use runtime_sync::channel::mpmc::buffered::Buffered;
use runtime_sync::channel::mpmc::meeting::Meeting;
use runtime_sync::channel::mpmc::ring::Ring;
use runtime_sync::channel::mpsc::channel_in_blocks_of;
use runtime_sync::lock::Notify;
use runtime_sync::lock::permits::Permits;
use support_loom::{Task, model};

/// Polls as a task does that has nothing left to spend.
fn poll_spent<F: Future>(future: Pin<&mut F>, task: &Arc<Task>) -> Poll<F::Output> {
    let outside = budget::refill();
    while let Poll::Ready(unit) = budget::poll_proceed(&mut Context::from_waker(Waker::noop())) {
        unit.made_progress();
    }
    let polled = task.with_context(|cx| future.poll(cx));
    budget::restore(outside);
    polled
}

/// Polls `future` with a spent budget while another thread does `brings`, and with a full one after that.
fn enter_against<F: Future>(
    future: F,
    others_first: bool,
    brings: impl FnOnce() + Send + 'static,
) -> F::Output {
    let task = Task::new();
    let mut waits = pin!(future);
    let thread = thread::spawn(brings);
    others_first.then(thread::yield_now);
    assert!(poll_spent(waits.as_mut(), &task).is_pending());
    thread.join().unwrap();
    assert!(task.woken() > 0, "the wake is lost");
    match task.with_context(|cx| waits.poll(cx)) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("what was brought is lost"),
    }
}

fn enter_for_permits(count: usize, brought: usize) {
    model(move |others_first| {
        let permits = loom::sync::Arc::new(Permits::new(0));
        let brings = loom::sync::Arc::clone(&permits);
        let got = enter_against(permits.acquire(count), others_first, move || {
            (0..brought).for_each(|_| brings.release(1));
        });
        got.unwrap();
        assert_eq!((permits.available(), permits.waiters()), (0, 0));
    });
}

#[test]
fn permits_come_to_who_has_entered() {
    enter_for_permits(1, 1);
    enter_for_permits(2, 2);
}

#[test]
#[should_panic(expected = "the wake is lost")]
fn twin_that_brings_nothing() {
    enter_for_permits(1, 0);
}

#[test]
fn permits_that_are_closed_are_told_of() {
    model(|others_first| {
        let permits = loom::sync::Arc::new(Permits::new(0));
        let closes = loom::sync::Arc::clone(&permits);
        let got = enter_against(permits.acquire(1), others_first, move || closes.close());
        assert!(got.is_err());
    });
}

#[test]
fn room_comes_to_a_sender_who_has_entered() {
    model(|others_first| {
        let (send, mut receive) = channel_in_blocks_of::<_, 2>(1);
        send.try_send(1).unwrap();
        let (back, received) = loom::sync::mpsc::channel();
        let sent = enter_against(send.send(2), others_first, move || {
            assert_eq!(receive.try_recv(), Ok(1));
            back.send(receive).unwrap();
        });
        sent.unwrap();
        assert_eq!(received.recv().unwrap().try_recv(), Ok(2));
    });
}

#[test]
fn a_value_comes_to_a_receiver_who_has_entered() {
    model(|others_first| {
        let channel = Arc::new(Buffered::new(Ring::new(1)));
        let sends = Arc::clone(&channel);
        let received =
            enter_against(channel.recv(), others_first, move || sends.try_send(7).unwrap());
        assert_eq!(received, Ok(7));
    });
}

#[test]
fn the_end_of_a_channel_is_told_to_a_sender_who_has_entered() {
    model(|others_first| {
        let channel = Arc::new(Buffered::new(Ring::new(1)));
        channel.try_send(7).unwrap();
        let closes = Arc::clone(&channel);
        let sent = enter_against(channel.send(8), others_first, move || _ = closes.close());
        assert!(sent.is_err());
    });
}

#[test]
fn who_has_entered_is_met() {
    model(|others_first| {
        let meeting = Arc::new(Meeting::new());
        let mut gives = Box::pin(meeting.send(1));
        let taken = Arc::clone(&meeting);
        let mut waits = pin!(meeting.recv());
        let task = Task::new();
        let thread = thread::spawn(move || taken.try_send(2).is_ok());
        others_first.then(thread::yield_now);
        assert!(poll_spent(waits.as_mut(), &task).is_pending());
        if thread.join().unwrap() {
            assert_eq!(task.woken(), 1, "the wake is lost");
            assert_eq!(task.with_context(|cx| waits.poll(cx)), Poll::Ready(Ok(2)));
        } else {
            // It is in line for the next one.
            assert!(task.with_context(|cx| gives.as_mut().poll(cx)).is_ready());
            assert_eq!(task.with_context(|cx| waits.poll(cx)), Poll::Ready(Ok(1)));
        }
    });
}

#[test]
fn a_notification_comes_to_who_has_entered() {
    for notify_all in [false, true] {
        model(move |others_first| {
            let notify = Arc::new(Notify::new());
            let notifies = Arc::clone(&notify);
            enter_against(notify.notified(), others_first, move || match notify_all {
                true => notifies.notify_waiters(),
                false => notifies.notify_one(),
            });
            assert!(!notify.stats().permit);
        });
    }
}
