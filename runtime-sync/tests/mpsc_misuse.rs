//! What users do to `mpsc`: wakers that panic or call back, blocking in a task, greed.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use filch::runtime::Runtime;
use runtime_sync::budget;
use runtime_sync::channel::mpsc::error::{SendTimeoutError, TrySendError};
use runtime_sync::channel::mpsc::{channel, channel_in_blocks_of, unbounded_channel};
use support::{Count, Event, hooked};

/// A waker that panics when it is woken.
fn bomb() -> Waker {
    hooked(|event| assert_ne!(event, Event::Wake, "the waker panics"))
}

#[test]
fn a_receivers_waker_that_panics_leaves_the_message_there() {
    let (send, mut receive) = unbounded_channel();
    assert!(receive.poll_recv(&mut Context::from_waker(&bomb())).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| send.send(1))).is_err());
    send.send(2).unwrap();
    assert_eq!(receive.try_recv(), Ok(1));
    assert_eq!(receive.try_recv(), Ok(2));
}

#[test]
fn a_senders_waker_that_panics_keeps_nobody_else_from_being_woken() {
    let (send, mut receive) = channel_in_blocks_of::<_, 2>(3);
    for n in 0..3 {
        send.try_send(n).unwrap();
    }
    let count = Count::new();
    let mut panics = pin!(send.send(3));
    let mut waits = [pin!(send.send(4)), pin!(send.send(5))];
    assert!(panics.as_mut().poll(&mut Context::from_waker(&bomb())).is_pending());
    for wait in &mut waits {
        assert!(wait.as_mut().poll(&mut Context::from_waker(&count.waker())).is_pending());
    }
    let mut got = Vec::new();
    let polled = catch_unwind(AssertUnwindSafe(|| {
        receive.poll_recv_many(&mut Context::from_waker(Waker::noop()), &mut got, 3)
    }));
    assert!(polled.is_err());
    assert_eq!((got.len(), count.get()), (3, 2));
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(panics.poll(cx).is_ready());
    assert!(waits.into_iter().all(|wait| wait.poll(cx).is_ready()));
    assert_eq!(receive.len(), 3);
}

#[test]
fn wakers_that_panic_at_the_drop_of_the_receiver_let_everybody_know() {
    let (send, receive) = channel(1);
    let value = Arc::new(());
    send.try_send(Arc::clone(&value)).unwrap();
    let count = Count::new();
    let mut panics = pin!(send.send(Arc::clone(&value)));
    let mut waits = pin!(send.send(Arc::clone(&value)));
    let mut closed = pin!(send.closed());
    assert!(panics.as_mut().poll(&mut Context::from_waker(&bomb())).is_pending());
    let waker = count.waker();
    let cx = &mut Context::from_waker(&waker);
    assert!(waits.as_mut().poll(cx).is_pending());
    assert!(closed.as_mut().poll(cx).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(receive))).is_err());
    assert_eq!(count.get(), 2);
    assert!(matches!(panics.poll(cx), Poll::Ready(Err(_))));
    assert!(matches!(waits.poll(cx), Poll::Ready(Err(_))));
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn a_waker_may_call_back_into_its_channel() {
    let (send, receive) = channel_in_blocks_of::<_, 1>(2);
    let receive = Arc::new(Mutex::new(receive));
    let got = Arc::new(Mutex::new(Vec::new()));
    let waker = hooked({
        let (send, receive, got) = (send.clone(), Arc::clone(&receive), Arc::clone(&got));
        move |event| {
            if event == Event::Wake {
                // It receives, and sends, from within the send that wakes it.
                let value = receive.lock().unwrap().try_recv();
                got.lock().unwrap().push(value);
                send.try_send(7).unwrap();
            } else {
                // A clone and a drop may look as well.
                _ = send.capacity();
            }
        }
    });
    assert!(receive.lock().unwrap().poll_recv(&mut Context::from_waker(&waker)).is_pending());
    send.try_send(1).unwrap();
    assert_eq!(*got.lock().unwrap(), [Ok(1)]);
    assert_eq!(receive.lock().unwrap().try_recv(), Ok(7));
}

#[test]
fn a_waker_may_send_while_it_is_cloned_and_dropped() {
    let (send, mut receive) = unbounded_channel();
    let waker = hooked({
        let send = send.clone();
        move |event| {
            if event == Event::Clone {
                send.send(1).unwrap();
            }
        }
    });
    // What comes while the waker is left is found by the look that follows.
    let polled = receive.poll_recv(&mut Context::from_waker(&waker));
    assert_eq!(polled, Poll::Ready(Some(1)));
}

#[test]
fn a_waker_may_give_up_its_own_wait() {
    let (send, mut receive) = channel(1);
    send.try_send(0).unwrap();
    let other = Count::new();
    let slot: Arc<Mutex<Option<_>>> = Arc::default();
    let first = {
        let send = send.clone();
        Box::pin(async move { send.send(1).await })
    };
    *slot.lock().unwrap() = Some(first);
    let waker = hooked({
        let slot = Arc::clone(&slot);
        move |event| {
            if event == Event::Wake {
                let future = slot.lock().unwrap().take();
                drop(future);
            }
        }
    });
    let polled =
        slot.lock().unwrap().as_mut().unwrap().as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    let mut second = pin!(send.send(2));
    assert!(second.as_mut().poll(&mut Context::from_waker(&other.waker())).is_pending());
    assert_eq!(receive.try_recv(), Ok(0));
    // The first has dropped its future when it was woken; its room went on to the second.
    assert_eq!(other.get(), 1);
    assert!(second.poll(&mut Context::from_waker(&other.waker())).is_ready());
    assert_eq!(receive.try_recv(), Ok(2));
}

#[test]
fn both_ends_spend_the_budget_of_their_task() {
    let (send, mut receive) = channel(1_000);
    let count = Count::new();
    let waker = count.waker();
    let mut cx = Context::from_waker(&waker);
    let before = budget::refill();
    for n in 0..budget::BUDGET {
        assert!(pin!(send.send(n)).poll(&mut cx).is_ready());
    }
    assert!(pin!(send.send(0)).poll(&mut cx).is_pending());
    assert!(pin!(send.reserve()).poll(&mut cx).is_pending());
    assert!(receive.poll_recv(&mut cx).is_pending());
    assert_eq!(count.get(), 3);
    budget::refill();
    // To find nothing costs nothing.
    let (_send, mut empty) = channel::<u32>(1);
    assert!(empty.poll_recv(&mut cx).is_pending());
    for n in 0..budget::BUDGET {
        assert_eq!(receive.poll_recv(&mut cx), Poll::Ready(Some(n)));
    }
    assert!(!budget::has_budget_remaining());
    assert!(receive.poll_recv(&mut cx).is_pending());
    budget::restore(before);
}

#[test]
fn blocking_within_a_task_panics_with_a_hint() {
    let panic = |result: std::thread::Result<()>| {
        *result.unwrap_err().downcast::<String>().expect("a message")
    };
    let task = async move {
        let (send, mut receive) = channel::<u32>(1);
        let message = panic(catch_unwind(AssertUnwindSafe(|| _ = send.blocking_send(1))));
        assert!(message.contains("await `send`"), "{message}");
        let message = panic(catch_unwind(AssertUnwindSafe(|| _ = receive.blocking_recv())));
        assert!(message.contains("await `recv`"), "{message}");
        assert!(receive.is_empty());
    };
    Runtime::new().unwrap().block_on(async { filch::task::spawn(task).await.unwrap() });
}

#[test]
fn a_send_with_a_time_limit_gives_the_value_back_in_the_end() {
    Runtime::new().unwrap().block_on(async {
        let (send, mut receive) = channel(1);
        assert_eq!(send.send_timeout(1, Duration::from_secs(3_600)).await, Ok(()));
        let late = send.send_timeout(2, Duration::from_millis(1)).await;
        assert_eq!(late, Err(SendTimeoutError::Timeout(2)));
        assert_eq!(receive.recv().await, Some(1));
        assert_eq!(send.capacity(), 1);
        receive.close();
        let closed = send.send_timeout(3, Duration::from_secs(3_600)).await;
        assert_eq!(closed, Err(SendTimeoutError::Closed(3)));
    });
}

#[test]
fn more_permits_than_can_be_out_are_refused() {
    let (send, _receive) = channel::<u32>(10_000_000);
    let _most = send.try_reserve_many(1_048_575).unwrap();
    assert_eq!(send.try_reserve().unwrap_err(), TrySendError::Full(()));
    // Messages without a permit are not concerned.
    assert_eq!(send.try_send(1), Ok(()));
    assert!(runtime_sync::block_on(send.reserve_many(1_048_576)).is_err());
}

#[test]
fn a_value_may_hold_a_sender_of_its_own_channel() {
    struct Message(#[expect(dead_code, reason = "to be dropped")] Option<Box<dyn Send>>);
    let drops = Arc::new(AtomicUsize::new(0));
    struct Last(Arc<AtomicUsize>);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (send, receive) = unbounded_channel();
    send.send(Message(Some(Box::new(send.clone())))).unwrap();
    send.send(Message(Some(Box::new(Last(Arc::clone(&drops)))))).unwrap();
    drop(send);
    // The drop of the first message is that of the last sender.
    drop(receive);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn a_send_that_is_polled_after_it_was_ready_panics_and_takes_no_room() {
    let (send, mut receive) = channel(1);
    send.try_send(1).unwrap();
    let cx = &mut Context::from_waker(Waker::noop());
    let mut waits = pin!(send.send(2));
    assert!(waits.as_mut().poll(cx).is_pending());
    assert_eq!(receive.try_recv(), Ok(1));
    assert!(waits.as_mut().poll(cx).is_ready());
    assert_eq!(receive.try_recv(), Ok(2));
    assert!(catch_unwind(AssertUnwindSafe(|| waits.as_mut().poll(cx))).is_err());
    assert_eq!(send.capacity(), 1);
}
