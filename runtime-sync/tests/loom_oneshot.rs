//! A oneshot channel under every interleaving: the value goes to exactly one place, no wake is
//! lost, and the allocation is freed once, by whoever goes last.
//!
//! loom's `Arc` as the value tells of a value that is leaked or dropped twice.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use runtime_sync::channel::oneshot::error::TryRecvError;
use runtime_sync::channel::oneshot::{self, Receiver, Sender};
use support_loom::Task;

type Value = loom::sync::Arc<u32>;

fn value() -> Value {
    loom::sync::Arc::new(7)
}

fn poll(receiver: &mut Receiver<Value>, task: &Arc<Task>) -> Poll<Option<Value>> {
    task.with_context(|cx| Pin::new(receiver).poll(cx)).map(Result::ok)
}

fn poll_closed(sender: &mut Sender<Value>, task: &Arc<Task>) -> Poll<()> {
    task.with_context(|cx| sender.poll_closed(cx))
}

/// Nobody holds a waker of the task any more.
fn assert_no_waker(task: &Arc<Task>) {
    assert_eq!(Arc::strong_count(task), 1, "a waker is left");
}

/// A receiver waits, with a waker that changes, while the sender sends or goes.
fn wait_against(polls: usize, end: fn(Sender<Value>) -> Option<u32>) {
    loom::model(move || {
        let (sender, mut receiver) = oneshot::channel();
        let thread = thread::spawn(move || end(sender));
        let tasks = [Task::new(), Task::new()];
        let mut last = None;
        for task in &tasks[..polls] {
            if let Poll::Ready(got) = poll(&mut receiver, task) {
                last = Some(got);
                break;
            }
        }
        let sent = thread.join().unwrap();
        let got = last.unwrap_or_else(|| {
            assert_eq!(tasks[polls - 1].woken(), 1, "the wake is lost");
            match poll(&mut receiver, &tasks[0]) {
                Poll::Ready(got) => got,
                Poll::Pending => panic!("woken for nothing"),
            }
        });
        assert_eq!(got.map(|value| *value), sent);
        drop(receiver);
        tasks.iter().for_each(assert_no_waker);
    });
}

fn send(sender: Sender<Value>) -> Option<u32> {
    sender.send(value()).unwrap();
    Some(7)
}

#[test]
fn a_wait_meets_the_send() {
    wait_against(1, send);
}

#[test]
fn a_wait_whose_waker_changes_meets_the_send() {
    wait_against(2, send);
}

#[test]
fn a_wait_whose_waker_changes_meets_the_drop() {
    wait_against(2, |sender| {
        drop(sender);
        None
    });
}

/// What the receiver does about a value that may be on its way.
#[derive(Clone, Copy, PartialEq)]
enum GiveUp {
    /// Closes, and then looks whether the value came before.
    CloseAndLook,
    /// Closes only.
    Close,
    /// Is dropped.
    Drop,
    /// Looks, closes, looks.
    LookCloseLook,
}

/// A send, a close and a `try_recv` at once: what was sent is received, or comes back.
fn send_against(how: GiveUp) {
    loom::model(move || {
        let (sender, mut receiver) = oneshot::channel();
        let thread = thread::spawn(move || sender.send(value()).is_ok());
        let mut got = false;
        if how == GiveUp::LookCloseLook {
            got = match receiver.try_recv() {
                Ok(value) => *value == 7,
                Err(TryRecvError::Empty) => false,
                Err(TryRecvError::Closed) => panic!("closed before anybody closed it"),
            };
        }
        if how != GiveUp::Drop {
            receiver.close();
        }
        if !got && matches!(how, GiveUp::CloseAndLook | GiveUp::LookCloseLook) {
            got = match receiver.try_recv() {
                Ok(value) => *value == 7,
                Err(TryRecvError::Closed) => false,
                Err(TryRecvError::Empty) => panic!("empty after it was closed"),
            };
        }
        drop(receiver);
        let sent = thread.join().unwrap();
        assert!(how == GiveUp::Drop || got == sent, "a value is lost: {got} {sent}");
    });
}

#[test]
fn close_then_look_loses_no_value() {
    send_against(GiveUp::CloseAndLook);
    send_against(GiveUp::LookCloseLook);
}

#[test]
fn a_receiver_that_goes_leaks_nothing() {
    send_against(GiveUp::Drop);
}

#[test]
#[should_panic(expected = "a value is lost")]
fn twin_close_without_a_look_loses_the_value() {
    send_against(GiveUp::Close);
}

/// A receiver that waits is closed and looks, while a sender that waits sends.
#[test]
fn both_wait_and_then_send_meets_close() {
    loom::model(|| {
        let (mut sender, mut receiver) = oneshot::channel();
        let (tx_task, rx_task) = (Task::new(), Task::new());
        assert!(poll_closed(&mut sender, &tx_task).is_pending());
        assert!(poll(&mut receiver, &rx_task).is_pending());
        let thread = thread::spawn(move || sender.send(value()).is_ok());
        receiver.close();
        let got = receiver.try_recv().is_ok();
        let sent = thread.join().unwrap();
        assert_eq!(got, sent);
        assert!(!sent || rx_task.woken() == 1, "the wake is lost");
        assert_eq!(tx_task.woken(), !sent as usize);
        assert_no_waker(&tx_task);
        assert_no_waker(&rx_task);
    });
}

/// A sender waits for the close, with a waker that changes.
#[test]
fn closed_meets_close_and_drop() {
    for drops in [false, true] {
        loom::model(move || {
            let (mut sender, mut receiver) = oneshot::channel();
            let thread = thread::spawn(move || match drops {
                true => drop(receiver),
                false => {
                    receiver.close();
                    drop(receiver);
                }
            });
            let tasks = [Task::new(), Task::new()];
            let ready = tasks.iter().any(|task| poll_closed(&mut sender, task).is_ready());
            thread.join().unwrap();
            assert!(ready || tasks[1].woken() == 1, "the wake is lost");
            assert!(poll_closed(&mut sender, &tasks[0]).is_ready());
            drop(sender);
            tasks.iter().for_each(assert_no_waker);
        });
    }
}

/// Both ends wait, and go at the same time.
#[test]
fn both_ends_go_at_once() {
    loom::model(|| {
        let (mut sender, mut receiver) = oneshot::channel();
        let (tx_task, rx_task) = (Task::new(), Task::new());
        let thread = thread::spawn({
            let tx_task = Arc::clone(&tx_task);
            move || drop((poll_closed(&mut sender, &tx_task).is_ready(), sender))
        });
        let _ = poll(&mut receiver, &rx_task);
        drop(receiver);
        thread.join().unwrap();
        assert_no_waker(&tx_task);
        assert_no_waker(&rx_task);
    });
}

/// The step in which the other end's waker is read before it is owned, in small: a pair stands for
/// the waker, and must come out whole.
fn read_before_owning(with_version: bool) {
    const WAITS: usize = 1;
    const GONE: usize = 2;
    const VERSION: usize = 4;
    loom::model(move || {
        let word = Arc::new(AtomicUsize::new(WAITS));
        let pair = Arc::new([AtomicUsize::new(1), AtomicUsize::new(1)]);
        let thread = thread::spawn({
            let (word, pair) = (Arc::clone(&word), Arc::clone(&pair));
            move || {
                let seen = word.load(Ordering::Acquire);
                if seen & WAITS == 0 {
                    return;
                }
                let read = [0, 1].map(|half: usize| pair[half].load(Ordering::Relaxed));
                let next = seen & !WAITS | GONE;
                if word.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                    assert_eq!(read[0], read[1], "half a waker");
                }
            }
        });
        let version = if with_version { VERSION } else { 0 };
        let taken = word.compare_exchange(WAITS, version, Ordering::AcqRel, Ordering::Acquire);
        if taken.is_ok() {
            pair[0].store(2, Ordering::Relaxed);
            pair[1].store(2, Ordering::Relaxed);
            word.store(version | WAITS, Ordering::Release);
        }
        thread.join().unwrap();
    });
}

#[test]
fn a_waker_is_read_whole() {
    read_before_owning(true);
}

#[test]
#[should_panic(expected = "half a waker")]
fn twin_without_the_version_half_a_waker_is_read() {
    read_before_owning(false);
}
