//! A broadcast channel under every interleaving: each receiver gets each value or is told that it
//! has missed it, no wake is lost, and each value is dropped once nobody has to read it.
//!
//! loom's `Arc` in the value tells of a value that is leaked or dropped twice; its cell tells of
//! two clones at once.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use runtime_sync::channel::broadcast::error::{RecvError, TryRecvError};
use runtime_sync::channel::broadcast::{self, Receiver, Sender};
use support_loom::Task;

fn poll<F: Future>(future: Pin<&mut F>, task: &Arc<Task>) -> Poll<F::Output> {
    task.with_context(|cx| future.poll(cx))
}

/// A value that is not `Sync`, and whose clone takes its time.
struct Value {
    number: usize,
    cloned: UnsafeCell<usize>,
    _alive: loom::sync::Arc<()>,
}

impl Value {
    fn new(number: usize) -> Value {
        Value { number, cloned: UnsafeCell::new(0), _alive: loom::sync::Arc::new(()) }
    }
}

impl Clone for Value {
    #[expect(unsafe_code, reason = "loom's cell watches the access")]
    fn clone(&self) -> Value {
        self.cloned.with_mut(|cloned| {
            thread::yield_now();
            // SAFETY: loom fails if another thread is here.
            unsafe { *cloned += 1 };
        });
        Value::new(self.number)
    }
}

impl Drop for Value {
    #[expect(unsafe_code, reason = "loom's cell watches the access")]
    fn drop(&mut self) {
        // SAFETY: loom fails if another thread clones it.
        self.cloned.with_mut(|cloned| unsafe { *cloned += 1 });
    }
}

/// Receives until there is nothing. Returns the numbers that came, and how many were missed.
fn drain(receiver: &mut Receiver<Value>) -> (Vec<usize>, u64) {
    let (mut got, mut missed) = (Vec::new(), 0);
    loop {
        match receiver.try_recv() {
            Ok(value) => got.push(value.number),
            Err(TryRecvError::Lagged(count)) => missed += count,
            Err(TryRecvError::Empty | TryRecvError::Closed) => return (got, missed),
        }
    }
}

#[test]
fn a_wait_meets_the_send_and_the_end() {
    loom::model(|| {
        let (sender, mut receiver) = broadcast::channel(1);
        let thread = thread::spawn(move || {
            assert!(sender.send(Value::new(7)).is_ok());
        });
        let task = Task::new();
        {
            let mut recv = pin!(receiver.recv());
            let first = poll(recv.as_mut(), &task);
            thread.join().unwrap();
            let value = match first {
                Poll::Ready(value) => Poll::Ready(value),
                Poll::Pending => {
                    assert!(task.woken() > 0, "the wake is lost");
                    poll(recv, &task)
                }
            };
            assert!(matches!(value, Poll::Ready(Ok(Value { number: 7, .. }))));
        }
        assert!(matches!(poll(pin!(receiver.recv()), &task), Poll::Ready(Err(RecvError::Closed))));
        assert_eq!(Arc::strong_count(&task), 1);
    });
}

#[test]
fn a_wait_meets_the_end() {
    loom::model(|| {
        let (sender, mut receiver) = broadcast::channel::<Value>(1);
        let thread = thread::spawn(move || drop(sender));
        let task = Task::new();
        let mut recv = pin!(receiver.recv());
        let first = poll(recv.as_mut(), &task);
        thread.join().unwrap();
        assert!(first.is_ready() || task.woken() == 1, "the wake is lost");
        assert!(first.is_ready() || poll(recv, &task).is_ready());
    });
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    /// Believes the channel, which asks for senders before it looks.
    Asks,
    /// Looks, and then asks for senders.
    LooksBefore,
}

fn last_value_before_the_end(how: End) {
    loom::model(move || {
        let (sender, mut receiver) = broadcast::channel(1);
        let thread = thread::spawn(move || assert!(sender.send(Value::new(7)).is_ok()));
        let first = receiver.try_recv();
        let over = match how {
            End::Asks => matches!(first, Err(TryRecvError::Closed)),
            End::LooksBefore => first.is_err() && receiver.is_closed(),
        };
        assert!(!over, "the last value is lost");
        thread.join().unwrap();
        assert!(first.is_ok() || receiver.try_recv().is_ok());
    });
}

#[test]
fn the_last_value_comes_before_the_end() {
    last_value_before_the_end(End::Asks);
}

#[test]
#[should_panic(expected = "the last value is lost")]
fn twin_who_looks_before_asking_loses_the_last_value() {
    last_value_before_the_end(End::LooksBefore);
}

/// Two senders for one slot; one may come a round later and be faster.
#[test]
fn two_senders_meet_in_a_slot() {
    loom::model(|| {
        let (sender, mut receiver) = broadcast::channel(1);
        let second = sender.clone();
        let thread = thread::spawn(move || assert!(second.send(Value::new(1)).is_ok()));
        assert!(sender.send(Value::new(2)).is_ok());
        let (early, early_missed) = drain(&mut receiver);
        thread.join().unwrap();
        let (late, missed) = drain(&mut receiver);
        assert_eq!(early.len() + late.len() + (early_missed + missed) as usize, 2);
        assert!(sender.is_empty());
    });
}

/// Two receivers of one value: not two clones at once, and the last one takes the value.
#[test]
fn two_receivers_meet_at_a_value() {
    loom::model(|| {
        let (sender, mut first) = broadcast::channel(1);
        let mut second = sender.subscribe();
        assert!(sender.send(Value::new(7)).is_ok());
        let thread = thread::spawn(move || assert!(second.try_recv().is_ok()));
        assert!(first.try_recv().is_ok());
        thread.join().unwrap();
        assert!(sender.is_empty());
    });
}

/// A value is pushed out while it is cloned, and read by another one, or dropped unread.
fn push_out(other: fn(&Sender<Value>, Receiver<Value>)) {
    loom::model(move || {
        let (sender, mut first) = broadcast::channel(1);
        let second = sender.subscribe();
        assert!(sender.send(Value::new(1)).is_ok());
        let thread = thread::spawn(move || {
            other(&sender, second);
            sender
        });
        let (got, missed) = drain(&mut first);
        let sender = thread.join().unwrap();
        let (mut rest, more_missed) = drain(&mut first);
        let mut all = got;
        all.append(&mut rest);
        // One value is missed, or none; and none comes in the place of another.
        let missed = (missed + more_missed) as usize;
        assert_eq!(all, [1, 2][missed..]);
        assert!(sender.is_empty(), "somebody is still counted");
    });
}

fn send_second(sender: &Sender<Value>) {
    assert!(sender.send(Value::new(2)).is_ok());
}

#[test]
fn a_clone_meets_the_sender_that_needs_the_slot() {
    push_out(|sender, mut receiver| {
        send_second(sender);
        assert!(matches!(receiver.try_recv(), Err(TryRecvError::Lagged(1))));
        assert!(receiver.try_recv().is_ok());
    });
}

#[test]
fn a_clone_meets_the_sender_after_another_clone() {
    push_out(|sender, mut receiver| {
        assert!(receiver.try_recv().is_ok());
        send_second(sender);
    });
}

#[test]
fn a_clone_meets_a_receiver_that_goes_and_the_sender() {
    push_out(|sender, receiver| {
        drop(receiver);
        send_second(sender);
    });
    push_out(|sender, receiver| {
        send_second(sender);
        drop(receiver);
    });
}

/// A receiver goes while a value is sent: it is counted by it or not, but not for good.
#[test]
fn a_send_meets_the_last_receiver_that_goes() {
    loom::model(|| {
        let (sender, receiver) = broadcast::channel(2);
        let thread = thread::spawn(move || drop(receiver));
        let sent = sender.send(Value::new(1)).is_ok();
        let mut late = sender.subscribe();
        thread.join().unwrap();
        assert!(sender.is_empty(), "somebody is still counted: {sent}");
        assert!(sender.send(Value::new(2)).is_ok());
        assert_eq!(drain(&mut late), (vec![2], 0));
    });
}

/// A receiver comes while a value is sent: it gets it and is counted, or neither.
#[test]
fn a_send_meets_a_receiver_that_comes() {
    loom::model(|| {
        let (sender, mut receiver) = broadcast::channel(2);
        let thread = thread::spawn({
            let late = receiver.resubscribe();
            move || {
                let mut newcomer = late.resubscribe();
                drop(late);
                drain(&mut newcomer);
                newcomer
            }
        });
        assert!(sender.send(Value::new(1)).is_ok());
        assert!(receiver.try_recv().is_ok());
        let mut newcomer = thread.join().unwrap();
        drain(&mut newcomer);
        assert!(sender.is_empty(), "somebody is still counted");
    });
}

/// The tail in small: a sender takes a number and the count of receivers, while one comes, which
/// reads from the number on that it finds.
fn count_and_number(in_one_word: bool) {
    loom::model(move || {
        let words = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        // In one word the number goes up by 16, the count by 1.
        let (number, count) = if in_one_word { (0, 0) } else { (0, 1) };
        let newcomer = thread::spawn({
            let words = Arc::clone(&words);
            move || {
                let word = words[count].fetch_add(1, Ordering::AcqRel);
                let word = if in_one_word { word } else { words[number].load(Ordering::Acquire) };
                word / 16
            }
        });
        let word = words[number].fetch_add(16, Ordering::AcqRel);
        let word = if in_one_word { word } else { words[count].load(Ordering::Acquire) };
        let counted = word % 16 == 1;
        let reads = newcomer.join().unwrap() == 0;
        assert_eq!(counted, reads, "they disagree");
    });
}

#[test]
fn a_number_and_a_count_in_one_word_agree() {
    count_and_number(true);
}

#[test]
#[should_panic(expected = "they disagree")]
fn twin_a_number_and_a_count_in_two_words_disagree() {
    count_and_number(false);
}

/// A sender waits until nobody is left while two receivers go.
#[test]
fn closed_meets_the_last_receivers() {
    loom::model(|| {
        let (sender, receiver) = broadcast::channel::<u8>(1);
        let second = receiver.resubscribe();
        let thread = thread::spawn(move || drop(second));
        let other = thread::spawn(move || drop(receiver));
        let task = Task::new();
        let mut closed = pin!(sender.closed());
        let ready = poll(closed.as_mut(), &task).is_ready();
        thread.join().unwrap();
        other.join().unwrap();
        assert!(ready || task.woken() == 1, "the wake is lost");
        assert!(ready || poll(closed, &task).is_ready());
    });
}

/// The last sender goes while a weak one becomes a sender: either it does, and what it sends is
/// received, or the channel is closed for good.
#[test]
fn an_upgrade_meets_the_last_sender_that_goes() {
    loom::model(|| {
        let (sender, mut receiver) = broadcast::channel(1);
        let weak = sender.downgrade();
        let thread = thread::spawn(move || drop(sender));
        let upgraded = weak.upgrade().map(|sender| assert!(sender.send(Value::new(1)).is_ok()));
        let first = receiver.try_recv();
        thread.join().unwrap();
        assert!(weak.upgrade().is_none());
        assert_eq!(first.is_ok(), upgraded.is_some());
        assert!(matches!(receiver.try_recv(), Err(TryRecvError::Closed)));
    });
}
