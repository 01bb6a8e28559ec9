//! Who takes a value out and wakes somebody whose waker panics has the value all the same.
#![allow(missing_docs)]

mod support;

use std::fmt::Debug;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use runtime_sync::channel::{mpmc, mpsc, watch};
use runtime_sync::panics::LetGo;
use runtime_sync::queue::Queue;
use runtime_sync::timer;
use support::{Count, Event, hooked};

/// Has the first of `waits` wait with a waker that panics, and the second behind it. What `takes` takes
/// arrives, and the first is done then; returns whether the second was woken too.
fn takes_all_the_same<T: Debug + PartialEq>(
    waits: [impl Future; 2],
    takes: impl FnOnce() -> T,
    value: T,
) -> bool {
    let panics = hooked(|event| assert_ne!(event, Event::Wake, "the waker panics"));
    let task = Count::new();
    let [first, second] = waits;
    let (mut first, mut second) = (pin!(first), pin!(second));
    assert!(first.as_mut().poll(&mut Context::from_waker(&panics)).is_pending());
    assert!(second.as_mut().poll(&mut Context::from_waker(&task.waker())).is_pending());
    assert_eq!(takes(), value);
    assert!(first.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    task.get() > 0
}

/// Polls once, outside of tasks.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it should have been ready"),
    }
}

#[test]
fn an_item_of_a_queue_is_not_lost() {
    let queue = Queue::new(1);
    queue.put_nowait(1).unwrap();
    takes_all_the_same([queue.put(2), queue.put(3)], || at_once(queue.get()), Ok(1));
    takes_all_the_same([queue.put(4), queue.put(5)], || queue.get_nowait(), Ok(2));
    takes_all_the_same([queue.put(6), queue.put(7)], || queue.blocking_get(), Ok(4));
}

#[test]
fn what_is_left_in_a_queue_that_ends_is_not_lost() {
    let queue = Queue::new(1);
    queue.put_nowait(1).unwrap();
    assert!(takes_all_the_same([queue.put(2), queue.put(3)], || queue.shutdown_now(), vec![1]));
    let queue = Queue::new(1);
    queue.put_nowait(1).unwrap();
    assert!(takes_all_the_same([queue.join(), queue.join()], || queue.shutdown_now(), vec![1]));
}

#[test]
fn a_message_of_a_channel_with_one_receiver_is_not_lost() {
    let (send, mut receive) = mpsc::channel(1);
    send.try_send(1).unwrap();
    takes_all_the_same([send.send(2), send.send(3)], || receive.try_recv(), Ok(1));
    takes_all_the_same([send.send(4), send.send(5)], || at_once(receive.recv()), Some(2));
    takes_all_the_same([send.send(6), send.send(7)], || receive.blocking_recv(), Some(4));
    let polled = || receive.poll_recv(&mut Context::from_waker(Waker::noop()));
    takes_all_the_same([send.send(8), send.send(9)], polled, Poll::Ready(Some(6)));
}

#[test]
fn a_value_of_a_channel_with_many_receivers_is_not_lost() {
    // By a ring, and by blocks.
    for capacity in [1, 1_000] {
        let (sender, receiver) = mpmc::bounded(capacity);
        (0..capacity).for_each(|_| sender.try_send(1).unwrap());
        let sends = || [sender.send(1), sender.send(1)];
        takes_all_the_same(sends(), || receiver.try_recv(), Ok(1));
        takes_all_the_same(sends(), || at_once(receiver.recv()), Ok(1));
    }
}

#[test]
fn a_value_that_is_met_is_not_lost() {
    let (sender, receiver) = mpmc::bounded(0);
    takes_all_the_same([sender.send(1), sender.send(2)], || receiver.try_recv(), Ok(1));
    takes_all_the_same([sender.send(1), sender.send(2)], || at_once(receiver.recv()), Ok(1));
}

/// One that has waited for a value tells the next one that there are more.
#[test]
fn a_value_that_was_waited_for_is_not_lost() {
    let (sender, receiver) = mpmc::unbounded();
    let panics = hooked(|event| assert_ne!(event, Event::Wake, "the waker panics"));
    let wakers = [Waker::noop(), Waker::noop(), &panics];
    let mut waits = wakers.map(|_| Box::pin(receiver.recv()));
    for (wait, waker) in waits.iter_mut().zip(wakers) {
        assert!(wait.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
    }
    sender.try_send(1).unwrap();
    sender.try_send(2).unwrap();
    assert_eq!(at_once(waits[0].as_mut()), Ok(1));
    assert_eq!(at_once(waits[1].as_mut()), Ok(2));
}

/// A sleep that is over at its second poll, and leaves a waker until it is dropped.
struct Nap(LetGo);

impl Future for Nap {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0.0 {
            Some(_) => Poll::Ready(()),
            place => {
                *place = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Polls once with a waker that panics when a clone of it is dropped, then does `between`, and polls again.
fn gives_back<T>(sends: impl Future<Output = T>, between: impl FnOnce()) -> T {
    timer::provide(|_| Box::pin(Nap(LetGo(None))));
    let panics = hooked(|event| assert_ne!(event, Event::Drop, "the waker panics"));
    // Its own drop is nobody's business here.
    let panics = ManuallyDrop::new(panics);
    let mut sends = pin!(sends);
    assert!(sends.as_mut().poll(&mut Context::from_waker(&panics)).is_pending());
    between();
    match sends.poll(&mut Context::from_waker(&panics)) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it should have been ready"),
    }
}

#[test]
fn a_value_that_finds_no_room_in_time_is_given_back() {
    let wait = Duration::from_secs(1);
    let (send, _receive) = mpsc::channel(1);
    send.try_send(1).unwrap();
    let late = gives_back(send.send_timeout(2, wait), || ());
    assert_eq!(late, Err(mpsc::error::SendTimeoutError::Timeout(2)));
    // Without room, by a ring, and by blocks.
    for capacity in [0, 1, 5_000] {
        let (sender, _receiver) = mpmc::bounded(capacity);
        (0..capacity).for_each(|_| sender.try_send(1).unwrap());
        let late = gives_back(sender.send_timeout(2, wait), || ());
        assert_eq!(late, Err(mpmc::SendTimeoutError::Timeout(2)));
    }
}

#[test]
fn a_value_whose_channel_ends_while_it_waits_is_given_back() {
    let wait = Duration::from_secs(1);
    let (send, mut receive) = mpsc::channel(1);
    send.try_send(1).unwrap();
    let late = gives_back(send.send_timeout(2, wait), || closes(|| receive.close()));
    assert_eq!(late, Err(mpsc::error::SendTimeoutError::Closed(2)));
    for capacity in [0, 1, 5_000] {
        let (sender, receiver) = mpmc::bounded(capacity);
        (0..capacity).for_each(|_| sender.try_send(1).unwrap());
        let late = gives_back(sender.send_timeout(2, wait), || closes(|| _ = receiver.close()));
        assert_eq!(late, Err(mpmc::SendTimeoutError::Closed(2)));
    }
}

/// Closes a channel. The waker that it wakes panics.
fn closes(close: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(close)).is_err());
}

#[test]
fn a_value_that_is_replaced_is_not_lost() {
    let (sender, receiver) = watch::channel(1);
    let (mut one, mut other) = (receiver.clone(), receiver);
    assert!(takes_all_the_same([one.changed(), other.changed()], || sender.send_replace(2), 1));
}
