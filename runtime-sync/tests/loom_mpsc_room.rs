//! Room under every interleaving: no more is taken than there is, none is lost, and a sender that
//! waits for it is woken when it comes, or when it never will.
//!
//! Some models have a twin that makes one mistake in using the channel, and must fail.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use runtime_sync::channel::mpsc::channel_in_blocks_of;
use runtime_sync::channel::mpsc::error::TrySendError;
use support_loom::Task;

fn poll<F: Future>(future: Pin<&mut F>, task: &Arc<Task>) -> Poll<F::Output> {
    task.with_context(|cx| future.poll(cx))
}

/// A sender finds the channel full while the receiver makes room.
fn wait_against_recv(receives: bool) {
    loom::model(move || {
        let (send, mut receive) = channel_in_blocks_of::<_, 1>(1);
        send.try_send(1).unwrap();
        let thread = thread::spawn(move || {
            if receives {
                assert_eq!(receive.try_recv(), Ok(1));
            }
            receive
        });
        let task = Task::new();
        let mut waits = pin!(send.send(2));
        let ready = poll(waits.as_mut(), &task).is_ready();
        let mut receive = thread.join().unwrap();
        assert!(ready || task.woken() == 1, "the wake is lost");
        assert!(ready || poll(waits.as_mut(), &task).is_ready());
        assert_eq!(receive.try_recv(), Ok(2));
        assert_eq!(receive.capacity(), 1);
    });
}

#[test]
fn a_sender_that_finds_no_room_is_woken_when_there_is_some() {
    wait_against_recv(true);
}

#[test]
#[should_panic(expected = "the wake is lost")]
fn twin_that_makes_no_room() {
    wait_against_recv(false);
}

/// The same when a permit is given back, or leaked.
fn wait_against_permit_drop(leaks: bool) {
    loom::model(move || {
        let (send, mut receive) = channel_in_blocks_of::<_, 2>(1);
        let permit = send.clone().try_reserve_owned().unwrap();
        let thread = thread::spawn(move || match leaks {
            true => drop(permit.send(1)),
            false => drop(permit),
        });
        let task = Task::new();
        let mut waits = pin!(send.send(2));
        let ready = poll(waits.as_mut(), &task).is_ready();
        thread.join().unwrap();
        assert!(ready || task.woken() == 1, "the room is lost");
        assert!(ready || poll(waits.as_mut(), &task).is_ready());
        assert_eq!(receive.try_recv(), Ok(2));
    });
}

#[test]
fn a_permit_that_is_dropped_serves_who_waits() {
    wait_against_permit_drop(false);
}

#[test]
#[should_panic(expected = "the room is lost")]
fn twin_that_uses_its_permit() {
    wait_against_permit_drop(true);
}

/// The first in line gives up while room comes, which must go to the second.
#[test]
fn room_is_handed_on_when_its_owner_gives_up() {
    loom::model(|| {
        let (send, mut receive) = channel_in_blocks_of::<_, 2>(1);
        send.try_send(0).unwrap();
        let (first, second) = (Task::new(), Task::new());
        let mut leaves = Box::pin(send.reserve());
        let mut stays = pin!(send.reserve());
        assert!(poll(leaves.as_mut(), &first).is_pending());
        assert!(poll(stays.as_mut(), &second).is_pending());
        let thread = thread::spawn(move || {
            assert_eq!(receive.try_recv(), Ok(0));
            receive
        });
        drop(leaves);
        let receive = thread.join().unwrap();
        assert_eq!(second.woken(), 1, "the room is lost");
        let Poll::Ready(Ok(permit)) = poll(stays.as_mut(), &second) else { panic!("no permit") };
        drop(permit);
        assert_eq!(receive.capacity(), 1);
        assert_eq!(receive.stats().reserved, 0);
    });
}

/// The only one in line gives up while another one comes: it does not wait for nobody.
#[test]
fn who_comes_while_the_line_empties_is_served() {
    loom::model(|| {
        let (send, receive) = channel_in_blocks_of::<u32, 2>(2);
        let taken = send.try_reserve().unwrap();
        let another = send.clone();
        let thread = thread::spawn(move || {
            let task = Task::new();
            // Wants more than there is.
            let mut much = Box::pin(another.reserve_many(2));
            assert!(poll(much.as_mut(), &task).is_pending());
            drop(much);
        });
        let task = Task::new();
        let mut little = pin!(send.reserve());
        let ready = poll(little.as_mut(), &task);
        thread.join().unwrap();
        assert!(ready.is_ready() || task.woken() == 1, "the room is lost");
        let permit = match ready {
            Poll::Ready(permit) => permit.unwrap(),
            Poll::Pending => match poll(little.as_mut(), &task) {
                Poll::Ready(permit) => permit.unwrap(),
                Poll::Pending => panic!("no permit"),
            },
        };
        drop((permit, taken));
        assert_eq!(receive.capacity(), 2);
    });
}

/// Two senders and one place: one gets it.
fn two_for_one_place(capacity: usize) {
    loom::model(move || {
        let (send, mut receive) = channel_in_blocks_of::<_, 1>(capacity);
        let another = send.clone();
        let thread = thread::spawn(move || another.try_send(1).is_ok());
        let here = send.try_send(2);
        let there = thread.join().unwrap();
        assert_eq!(here.is_ok() as u32 + there as u32, 1, "not one of them was let in");
        let got = receive.try_recv().unwrap();
        assert_eq!(got, if there { 1 } else { 2 });
        // The refused one does not shut the door.
        send.try_send(3).unwrap();
    });
}

#[test]
fn no_more_is_let_in_than_there_is_room() {
    two_for_one_place(1);
}

#[test]
#[should_panic(expected = "not one of them was let in")]
fn twin_with_room_for_two() {
    two_for_one_place(2);
}

/// A place that is freed is known to be free by whoever learns of it.
/// There are never more than `others` messages beside the sender's own, whatever it sees of the head.
fn room_at_all_times(others: usize) {
    let mut builder = loom::model::Builder::new();
    // The head moves before a look at it, and in the middle of it.
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let (send, mut receive) = channel_in_blocks_of::<_, 2>(2);
        for _ in 0..others {
            send.try_send(1).unwrap();
        }
        let other = send.clone();
        let thread = thread::spawn(move || {
            let sent = [(); 2].map(|()| {
                receive.try_recv().unwrap();
                other.try_send(1)
            });
            (receive, sent)
        });
        let mine = send.try_send(2);
        let (receive, others) = thread.join().unwrap();
        drop((send, receive));
        let all = [mine, others[0], others[1]];
        assert_eq!(all, [Ok(()); 3], "there is room at all times");
    });
}

#[test]
fn who_looks_at_the_head_while_it_moves_finds_room_that_was_there_at_all_times() {
    room_at_all_times(1);
}

#[test]
#[should_panic(expected = "there is room at all times")]
fn twin_without_room_at_first() {
    room_at_all_times(2);
}

#[test]
fn room_that_somebody_was_told_of_is_there() {
    loom::model(|| {
        let (send, mut receive) = channel_in_blocks_of::<_, 1>(1);
        send.try_send(1).unwrap();
        let told = Arc::new(AtomicUsize::new(0));
        let thread = thread::spawn({
            let told = Arc::clone(&told);
            move || {
                receive.try_recv().unwrap();
                told.store(1, Ordering::Release);
                receive
            }
        });
        if told.load(Ordering::Acquire) == 1 {
            assert_eq!(send.try_send(2), Ok(()));
        }
        thread.join().unwrap();
    });
}

/// The receiver closes while a sender is about to wait.
#[test]
fn close_wakes_or_refuses_who_waits() {
    loom::model(|| {
        let (send, mut receive) = channel_in_blocks_of::<_, 2>(1);
        send.try_send(0).unwrap();
        let thread = thread::spawn(move || {
            receive.close();
            receive
        });
        let task = Task::new();
        let mut waits = pin!(send.send(1));
        let first = poll(waits.as_mut(), &task);
        let mut receive = thread.join().unwrap();
        assert!(first.is_ready() || task.woken() == 1, "the wake is lost");
        let result = match first {
            Poll::Ready(result) => result,
            Poll::Pending => match poll(waits.as_mut(), &task) {
                Poll::Ready(result) => result,
                Poll::Pending => panic!("it still waits"),
            },
        };
        assert_eq!(result.unwrap_err().0, 1);
        assert_eq!(receive.try_recv(), Ok(0));
    });
}

/// A permit is used or dropped while the receiver of a closed channel goes to sleep.
fn permit_after_close(uses: bool) {
    loom::model(move || {
        let (send, mut receive) = channel_in_blocks_of::<_, 1>(2);
        let permit = send.clone().try_reserve_owned().unwrap();
        receive.close();
        let thread = thread::spawn(move || match uses {
            true => drop(permit.send(1)),
            false => drop(permit),
        });
        let task = Task::new();
        let first = task.with_context(|cx| receive.poll_recv(cx));
        thread.join().unwrap();
        assert!(first.is_ready() || task.woken() > 0, "the wake is lost");
        let first = match first {
            Poll::Pending => task.with_context(|cx| receive.poll_recv(cx)),
            ready => ready,
        };
        assert_eq!(first, Poll::Ready(uses.then_some(1)));
        if uses {
            assert_eq!(task.with_context(|cx| receive.poll_recv(cx)), Poll::Ready(None));
        }
        drop(send);
    });
}

#[test]
fn a_permit_used_after_close_arrives() {
    permit_after_close(true);
}

#[test]
fn a_permit_dropped_after_close_brings_the_end() {
    permit_after_close(false);
}

/// A permit is dropped, which serves the line, while the receiver closes: whoever was served still
/// counts, and the end comes after it.
#[test]
fn a_grant_meets_the_close() {
    loom::model(|| {
        let (send, mut receive) = channel_in_blocks_of::<_, 2>(1);
        let permit = send.clone().try_reserve_owned().unwrap();
        let task = Task::new();
        let mut waits = pin!(send.send(1));
        assert!(poll(waits.as_mut(), &task).is_pending());
        let thread = thread::spawn(move || drop(permit));
        receive.close();
        thread.join().unwrap();
        assert_eq!(task.woken(), 1, "the wake is lost");
        let Poll::Ready(sent) = poll(waits.as_mut(), &task) else { panic!("it still waits") };
        let receiver = Task::new();
        let first = receiver.with_context(|cx| receive.poll_recv(cx));
        assert_eq!(first, Poll::Ready(sent.is_ok().then_some(1)));
        if sent.is_ok() {
            assert_eq!(receiver.with_context(|cx| receive.poll_recv(cx)), Poll::Ready(None));
        }
    });
}

/// Two senders wait, the receiver takes all, one after the other: each gets its turn.
#[test]
fn a_line_of_two_is_served_to_the_end() {
    loom::model(|| {
        let (send, mut receive) = channel_in_blocks_of::<_, 1>(1);
        send.try_send(0).unwrap();
        let another = send.clone();
        let thread = thread::spawn(move || {
            let task = Task::new();
            let mut waits = Box::pin(another.send(1));
            let mut seen = 0;
            while poll(waits.as_mut(), &task).is_pending() {
                while task.woken() == seen {
                    thread::yield_now();
                }
                seen = task.woken();
            }
        });
        assert_eq!(receive.try_recv(), Ok(0));
        let task = Task::new();
        loop {
            let seen = task.woken();
            match task.with_context(|cx| receive.poll_recv(cx)) {
                Poll::Ready(value) => break assert_eq!(value, Some(1)),
                Poll::Pending => {
                    while task.woken() == seen {
                        thread::yield_now();
                    }
                }
            }
        }
        thread.join().unwrap();
        assert_eq!(send.try_send(2), Ok(()));
        assert_eq!(send.try_send(3), Err(TrySendError::Full(3)));
    });
}
