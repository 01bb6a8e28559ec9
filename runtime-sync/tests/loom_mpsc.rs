//! Messages under every interleaving: none is lost, doubled or out of order, blocks are freed in
//! time and not before, and a receiver that sleeps is woken.
//!
//! Some models have a twin that makes one mistake in using the channel, and must fail.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use runtime_sync::channel::mpsc::error::TryRecvError;
use runtime_sync::channel::mpsc::{
    UnboundedReceiver, channel_in_blocks_of, unbounded_channel_in_blocks_of,
};
use support_loom::Task;

/// Polls for a message as a task would: only when it is new or was woken.
struct Polled {
    task: Arc<Task>,
    seen: usize,
}

impl Polled {
    fn new() -> Polled {
        Polled { task: Task::new(), seen: 0 }
    }

    fn poll<R>(&mut self, mut poll: impl FnMut(&mut std::task::Context<'_>) -> Poll<R>) -> Poll<R> {
        self.seen = self.task.woken();
        self.task.with_context(&mut poll)
    }

    /// Polls until it is ready; between two polls there must be a wake.
    fn wait<R>(&mut self, mut poll: impl FnMut(&mut std::task::Context<'_>) -> Poll<R>) -> R {
        loop {
            if let Poll::Ready(result) = self.poll(&mut poll) {
                return result;
            }
            // In a model a wake that never comes is found as a branch without end.
            while self.task.woken() == self.seen {
                thread::yield_now();
            }
        }
    }
}

/// Two messages and the end go to a receiver that polls all the while, over a block's end.
#[test]
fn each_message_and_the_end_reach_a_receiver_that_waits() {
    loom::model(|| {
        let (send, mut receive) = unbounded_channel_in_blocks_of::<_, 1>();
        let thread = thread::spawn(move || {
            send.send(Box::new(1)).unwrap();
            send.send(Box::new(2)).unwrap();
        });
        let mut polled = Polled::new();
        assert_eq!(polled.wait(|cx| receive.poll_recv(cx)), Some(Box::new(1)));
        assert_eq!(polled.wait(|cx| receive.poll_recv(cx)), Some(Box::new(2)));
        assert_eq!(polled.wait(|cx| receive.poll_recv(cx)), None);
        thread.join().unwrap();
    });
}

/// One poll against one send: it is seen, or the task is woken.
fn one_poll_against_one_send(keeps_waker: bool) {
    loom::model(move || {
        let (send, mut receive) = unbounded_channel_in_blocks_of::<_, 2>();
        let thread = thread::spawn({
            let send = send.clone();
            move || send.send(1).unwrap()
        });
        let mut polled = Polled::new();
        let first = match keeps_waker {
            true => polled.poll(|cx| receive.poll_recv(cx)),
            // The twin looks, but does not wait.
            false => receive.try_recv().map_or(Poll::Pending, |value| Poll::Ready(Some(value))),
        };
        thread.join().unwrap();
        if first.is_pending() {
            assert!(polled.task.woken() > 0, "the wake is lost");
            assert_eq!(polled.poll(|cx| receive.poll_recv(cx)), Poll::Ready(Some(1)));
        }
        drop(send);
    });
}

#[test]
fn a_send_is_seen_or_wakes() {
    one_poll_against_one_send(true);
}

#[test]
#[should_panic(expected = "the wake is lost")]
fn twin_that_leaves_no_waker() {
    one_poll_against_one_send(false);
}

/// The last sender goes while the receiver is about to sleep.
#[test]
fn the_last_sender_wakes_the_receiver() {
    loom::model(|| {
        let (send, mut receive) = unbounded_channel_in_blocks_of::<u32, 2>();
        let another = send.clone();
        let thread = thread::spawn(move || drop(another));
        drop(send);
        let mut polled = Polled::new();
        let first = polled.poll(|cx| receive.poll_recv(cx));
        thread.join().unwrap();
        if first.is_pending() {
            assert!(polled.task.woken() > 0, "the wake is lost");
            assert_eq!(polled.poll(|cx| receive.poll_recv(cx)), Poll::Ready(None));
        }
    });
}

/// Another waker comes while a message comes.
#[test]
fn the_new_waker_is_woken_if_the_old_one_was_not_asked_in_time() {
    loom::model(|| {
        let (send, mut receive) = unbounded_channel_in_blocks_of::<_, 2>();
        let (old, new) = (Task::new(), Task::new());
        assert!(old.with_context(|cx| receive.poll_recv(cx)).is_pending());
        let thread = thread::spawn(move || {
            send.send(1).unwrap();
            send
        });
        let second = new.with_context(|cx| receive.poll_recv(cx));
        let send = thread.join().unwrap();
        assert!(second.is_ready() || new.woken() > 0, "the wake is lost");
        drop((send, receive));
        assert_eq!((Arc::strong_count(&old), Arc::strong_count(&new)), (1, 1), "a waker was kept");
    });
}

/// The receiver finds a message whose sender is still about to wake it, and sleeps again: the old
/// waker is taken out before the new one comes in, and the new one is woken.
#[test]
fn a_receiver_sleeps_again_before_it_was_woken() {
    loom::model(|| {
        let (send, mut receive) = unbounded_channel_in_blocks_of::<_, 2>();
        let (old, new) = (Task::new(), Task::new());
        assert!(old.with_context(|cx| receive.poll_recv(cx)).is_pending());
        let thread = thread::spawn({
            let send = send.clone();
            move || send.send(1).unwrap()
        });
        let mut first = new.with_context(|cx| receive.poll_recv(cx));
        if first.is_ready() {
            first = new.with_context(|cx| receive.poll_recv(cx));
            assert!(first.is_pending(), "there was one message");
            send.send(2).unwrap();
        }
        thread.join().unwrap();
        assert!(new.woken() > 0, "the wake is lost");
        assert!(new.with_context(|cx| receive.poll_recv(cx)).is_ready());
        drop((send, receive));
        assert_eq!((Arc::strong_count(&old), Arc::strong_count(&new)), (1, 1), "a waker was kept");
    });
}

/// The receiver is dropped while a sender is about to wake it.
#[test]
fn the_receiver_goes_while_it_is_woken() {
    loom::model(|| {
        let (send, mut receive) = unbounded_channel_in_blocks_of::<_, 2>();
        let task = Task::new();
        assert!(task.with_context(|cx| receive.poll_recv(cx)).is_pending());
        let thread = thread::spawn(move || drop(send.send(1)));
        drop(receive);
        thread.join().unwrap();
        assert_eq!(Arc::strong_count(&task), 1, "a waker was kept");
    });
}

fn drain(receive: &mut UnboundedReceiver<Box<u32>, 2>) -> Vec<u32> {
    let mut got = Vec::new();
    loop {
        match receive.try_recv() {
            Ok(value) => got.push(*value),
            Err(TryRecvError::Disconnected) => return got,
            Err(TryRecvError::Empty) => thread::yield_now(),
        }
    }
}

/// Two senders race for the last slot of a block, and the messages of each keep their order.
#[test]
fn two_senders_cross_the_end_of_a_block() {
    loom::model(|| {
        let (send, mut receive) = unbounded_channel_in_blocks_of::<_, 2>();
        send.send(Box::new(0)).unwrap();
        let another = send.clone();
        let thread = thread::spawn(move || {
            another.send(Box::new(11)).unwrap();
            another.send(Box::new(12)).unwrap();
        });
        send.send(Box::new(21)).unwrap();
        drop(send);
        thread.join().unwrap();
        let got = drain(&mut receive);
        assert_eq!(got.len(), 4);
        assert_eq!(got.iter().filter(|n| **n / 10 == 1).collect::<Vec<_>>(), [&11, &12]);
    });
}

/// The receiver frees and reuses blocks while a sender fills them.
#[test]
fn blocks_are_reused_while_messages_flow() {
    loom::model(|| {
        let (send, mut receive) = unbounded_channel_in_blocks_of::<_, 1>();
        let thread = thread::spawn(move || {
            for n in 0..3 {
                send.send(Box::new(n)).unwrap();
            }
        });
        let mut got = Vec::new();
        for _ in 0..2 {
            got.extend(receive.try_recv().map(|value| *value));
        }
        thread.join().unwrap();
        while let Ok(value) = receive.try_recv() {
            got.push(*value);
        }
        assert_eq!(got, [0, 1, 2]);
    });
}

/// A message whose drop is counted.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The receiver goes while a message is sent: it is dropped once, here or there.
fn receiver_drop_against_send(counts_own: bool) {
    loom::model(move || {
        let (send, receive) = unbounded_channel_in_blocks_of::<_, 1>();
        let drops = Arc::new(AtomicUsize::new(0));
        let thread = thread::spawn({
            let drops = Arc::clone(&drops);
            move || {
                for _ in 0..2 {
                    if let Err(error) = send.send(Counted(Arc::clone(&drops)))
                        && !counts_own
                    {
                        // The twin believes that a failed send has dropped its message.
                        std::mem::forget(error);
                    }
                }
            }
        });
        drop(receive);
        thread.join().unwrap();
        assert_eq!(drops.load(Ordering::Relaxed), 2, "a message is lost");
    });
}

#[test]
fn a_message_that_meets_the_drop_of_the_receiver_is_dropped_once() {
    receiver_drop_against_send(true);
}

#[test]
#[should_panic(expected = "a message is lost")]
fn twin_that_forgets_what_came_back() {
    receiver_drop_against_send(false);
}

/// The receiver closes while messages are sent: those whose send was a success come out, and
/// nothing else, and then the end.
#[test]
fn what_was_sent_before_close_is_received() {
    loom::model(|| {
        let (send, mut receive) = channel_in_blocks_of::<_, 1>(4);
        let thread =
            thread::spawn(move || (0..2).filter(|n| send.try_send(*n).is_ok()).collect::<Vec<_>>());
        receive.close();
        let mut got = Vec::new();
        let mut polled = Polled::new();
        while let Some(value) = polled.wait(|cx| receive.poll_recv(cx)) {
            got.push(value);
        }
        assert_eq!(got, thread.join().unwrap());
    });
}

/// Who looks from outside never sees the head in front of the tail.
#[test]
fn the_length_is_seen_as_it_was_at_some_time() {
    loom::model(|| {
        let (send, mut receive) = unbounded_channel_in_blocks_of::<_, 2>();
        let observer = thread::spawn({
            let send = send.clone();
            move || assert!(send.stats().len <= 1, "the head is in front of the tail")
        });
        let receiver = thread::spawn(move || {
            drop(receive.try_recv());
            receive
        });
        send.send(1).unwrap();
        observer.join().unwrap();
        receiver.join().unwrap();
    });
}

/// A weak sender is upgraded while the last sender goes: it is a sender, or the channel is closed.
#[test]
fn an_upgrade_meets_the_last_drop() {
    loom::model(|| {
        let (send, mut receive) = unbounded_channel_in_blocks_of::<_, 2>();
        let weak = send.downgrade();
        let thread = thread::spawn(move || match weak.upgrade() {
            Some(send) => send.send(1).is_ok(),
            None => false,
        });
        drop(send);
        let sent = thread.join().unwrap();
        assert_eq!(receive.try_recv(), if sent { Ok(1) } else { Err(TryRecvError::Disconnected) });
        assert_eq!(receive.try_recv(), Err(TryRecvError::Disconnected));
    });
}

/// `closed` is told about the drop of the receiver.
#[test]
fn who_waits_for_the_close_is_woken() {
    loom::model(|| {
        let (send, receive) = unbounded_channel_in_blocks_of::<u32, 1>();
        let thread = thread::spawn(move || drop(receive));
        let task = Task::new();
        let mut closed = pin!(send.closed());
        let ready = task.with_context(|cx| closed.as_mut().poll(cx)).is_ready();
        thread.join().unwrap();
        assert!(ready || task.woken() == 1, "the wake is lost");
        assert!(ready || task.with_context(|cx| closed.as_mut().poll(cx)).is_ready());
    });
}
