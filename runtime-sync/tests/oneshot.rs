//! What a oneshot channel promises.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use runtime_sync::block_on;
use runtime_sync::channel::oneshot::error::{RecvError, TryRecvError};
use runtime_sync::channel::oneshot::{self, Receiver, Sender};
use support::{Count, Event, hooked};

fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

fn poll_closed<T>(sender: &mut Sender<T>, waker: &Waker) -> Poll<()> {
    sender.poll_closed(&mut Context::from_waker(waker))
}

/// Counts how often it is dropped.
#[derive(Debug, Clone, Default)]
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Dropped {
    fn counter() -> (Dropped, Arc<AtomicUsize>) {
        let counter = Arc::default();
        (Dropped(Arc::clone(&counter)), counter)
    }
}

#[test]
fn the_ends_are_as_small_as_tokios_and_go_anywhere() {
    fn anywhere<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}
    anywhere::<Sender<Cell<u8>>>();
    anywhere::<Receiver<Cell<u8>>>();
    anywhere::<RecvError>();
    anywhere::<TryRecvError>();
    assert_eq!(size_of::<Sender<[u64; 9]>>(), 8);
    assert_eq!(size_of::<Receiver<[u64; 9]>>(), 8);
    assert_eq!(size_of::<Option<Sender<u8>>>(), 8);
}

#[test]
fn a_value_that_was_sent_is_received() {
    let (sender, mut receiver) = oneshot::channel();
    assert_eq!(sender.send(7), Ok(()));
    assert!(!receiver.is_empty());
    assert_eq!(poll(&mut receiver, Waker::noop()), Poll::Ready(Ok(7)));
    assert!(receiver.is_terminated() && receiver.is_empty());
}

#[test]
fn a_send_wakes_the_receiver_once() {
    let task = Count::new();
    let (sender, mut receiver) = oneshot::channel();
    assert!(poll(&mut receiver, &task.waker()).is_pending());
    assert!(poll(&mut receiver, &task.waker()).is_pending());
    assert!(receiver.stats().receiver_waits && sender.stats().receiver_waits);
    sender.send(7).unwrap();
    assert_eq!(task.get(), 1);
    assert_eq!(poll(&mut receiver, &task.waker()), Poll::Ready(Ok(7)));
    assert_eq!(Arc::strong_count(&task), 1, "a waker was kept");
}

#[test]
fn the_waker_of_the_last_poll_is_the_one_that_is_woken() {
    let tasks = [Count::new(), Count::new(), Count::new()];
    let (sender, mut receiver) = oneshot::channel();
    for task in &tasks {
        assert!(poll(&mut receiver, &task.waker()).is_pending());
    }
    sender.send(7).unwrap();
    assert_eq!(tasks.each_ref().map(|task| task.get()), [0, 0, 1]);
    assert!(tasks.iter().all(|task| Arc::strong_count(task) == 1));
}

#[test]
fn a_sender_that_is_dropped_ends_the_wait() {
    let task = Count::new();
    let (sender, mut receiver) = oneshot::channel::<u8>();
    assert!(poll(&mut receiver, &task.waker()).is_pending());
    drop(sender);
    assert_eq!(task.get(), 1);
    assert!(matches!(poll(&mut receiver, &task.waker()), Poll::Ready(Err(_))));
    assert!(receiver.is_terminated());
}

#[test]
fn a_receiver_that_is_dropped_or_closed_ends_closed_and_gives_the_value_back() {
    for close in [false, true] {
        let task = Count::new();
        let (mut sender, receiver) = oneshot::channel();
        assert!(poll_closed(&mut sender, &task.waker()).is_pending());
        assert!(!sender.is_closed());
        let mut kept = Some(receiver);
        match close {
            true => kept.as_mut().unwrap().close(),
            false => drop(kept.take()),
        }
        assert_eq!(task.get(), 1);
        assert!(poll_closed(&mut sender, &task.waker()).is_ready());
        assert!(sender.is_closed());
        assert_eq!(sender.send(7), Err(7));
        assert_eq!(Arc::strong_count(&task), 1, "a waker was kept");
        if let Some(mut receiver) = kept {
            assert!(!receiver.is_terminated());
            assert!(matches!(poll(&mut receiver, Waker::noop()), Poll::Ready(Err(_))));
        }
    }
}

#[test]
fn a_value_sent_before_close_is_still_there() {
    let (sender, mut receiver) = oneshot::channel();
    sender.send(7).unwrap();
    receiver.close();
    receiver.close();
    assert_eq!(receiver.try_recv(), Ok(7));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn try_recv_tells_empty_from_closed() {
    let (sender, mut receiver) = oneshot::channel::<u8>();
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert!(!receiver.is_terminated());
    drop(sender);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    assert!(receiver.is_terminated());
    receiver.close();
}

#[test]
fn polling_after_the_end_panics_and_says_so() {
    let (sender, mut receiver) = oneshot::channel();
    sender.send(7).unwrap();
    receiver.try_recv().unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| poll(&mut receiver, Waker::noop()))).unwrap_err();
    let message = panic.downcast_ref::<&str>().unwrap();
    assert!(message.contains("is_terminated"), "{message}");
}

#[test]
fn each_value_is_dropped_once_whoever_goes_last() {
    type Ends = (Sender<Dropped>, Receiver<Dropped>);
    let ways: [fn(Ends, Dropped); 6] = [
        |(sender, receiver), value| {
            sender.send(value).unwrap();
            drop(receiver);
        },
        |(sender, receiver), value| {
            drop(receiver);
            drop(sender.send(value).unwrap_err());
        },
        |(sender, mut receiver), value| {
            sender.send(value).unwrap();
            drop(receiver.try_recv().unwrap());
        },
        |(sender, receiver), value| {
            sender.send(value).unwrap();
            drop(block_on(receiver).unwrap());
        },
        |(sender, mut receiver), value| {
            receiver.close();
            drop(sender.send(value));
            assert!(receiver.try_recv().is_err());
        },
        |ends, value| drop((ends, value)),
    ];
    for way in ways {
        let (value, count) = Dropped::counter();
        way(oneshot::channel(), value);
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert_eq!(Arc::strong_count(&count), 1);
    }
}

#[test]
fn wakers_are_dropped_whoever_goes_first() {
    for sender_first in [false, true] {
        let (tx_task, rx_task) = (Count::new(), Count::new());
        let (mut sender, mut receiver) = oneshot::channel::<u8>();
        assert!(poll_closed(&mut sender, &tx_task.waker()).is_pending());
        assert!(poll(&mut receiver, &rx_task.waker()).is_pending());
        match sender_first {
            true => drop((sender, receiver)),
            false => drop((receiver, sender)),
        }
        assert_eq!(Arc::strong_count(&tx_task), 1);
        assert_eq!(Arc::strong_count(&rx_task), 1);
        assert_eq!((tx_task.get(), rx_task.get()), (!sender_first as usize, sender_first as usize));
    }
}

#[test]
fn a_waker_that_panics_takes_nothing_along() {
    let (sender, mut receiver) = oneshot::channel();
    let waker = hooked(|event| assert_ne!(event, Event::Wake, "a waker panics"));
    assert!(poll(&mut receiver, &waker).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| sender.send(7))).is_err());
    assert_eq!(receiver.try_recv(), Ok(7));

    let (sender, mut receiver) = oneshot::channel();
    assert!(poll(&mut receiver, &Count::new().waker()).is_pending());
    let waker = hooked(|event| assert_ne!(event, Event::Clone, "a waker panics"));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut receiver, &waker))).is_err());
    let task = Count::new();
    assert!(poll(&mut receiver, &task.waker()).is_pending());
    sender.send(7).unwrap();
    assert_eq!(task.get(), 1);
}

#[test]
fn a_waker_may_receive_the_value_itself() {
    let (sender, mut receiver) = oneshot::channel();
    let place: Arc<Mutex<Option<Receiver<u8>>>> = Arc::default();
    let got = Arc::new(Mutex::new(None));
    let waker = hooked({
        let (place, got) = (Arc::clone(&place), Arc::clone(&got));
        move |event| {
            if event == Event::Wake {
                // The allocation goes while the sender is still in `send`.
                let mut receiver = place.lock().unwrap().take().unwrap();
                *got.lock().unwrap() = Some(receiver.try_recv());
            }
        }
    });
    assert!(poll(&mut receiver, &waker).is_pending());
    *place.lock().unwrap() = Some(receiver);
    sender.send(7).unwrap();
    assert_eq!(*got.lock().unwrap(), Some(Ok(7)));
}

#[test]
fn a_receiver_that_leaks_leaks_only_itself() {
    let (mut sender, receiver) = oneshot::channel();
    std::mem::forget(receiver);
    assert!(poll_closed(&mut sender, Waker::noop()).is_pending());
    assert_eq!(sender.send(7), Ok(()));
}

#[test]
fn it_spends_the_budget() {
    use runtime_sync::budget;
    let before = budget::refill();
    for _ in 0..budget::BUDGET {
        let (sender, mut receiver) = oneshot::channel();
        sender.send(1).unwrap();
        assert!(poll(&mut receiver, Waker::noop()).is_ready());
    }
    let (sender, mut receiver) = oneshot::channel();
    sender.send(1).unwrap();
    assert!(poll(&mut receiver, Waker::noop()).is_pending());
    assert_eq!(receiver.try_recv(), Ok(1));
    budget::restore(before);
}

#[test]
fn blocking_within_a_task_panics_and_says_what_to_do() {
    use runtime_sync::budget;
    let (sender, receiver) = oneshot::channel();
    sender.send(1).unwrap();
    let before = budget::refill();
    let panic = catch_unwind(AssertUnwindSafe(|| receiver.blocking_recv())).unwrap_err();
    budget::restore(before);
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains("`blocking_recv`") && message.contains("`receiver`"), "{message}");
}

#[test]
fn each_value_comes_across_threads() {
    const ROUNDS: usize = 20_000;
    let (to, from) = std::sync::mpsc::channel::<Sender<usize>>();
    let thread = std::thread::spawn(move || {
        for (round, sender) in from.into_iter().enumerate() {
            match round % 5 {
                0 => drop(sender),
                _ => drop(sender.send(round)),
            }
        }
    });
    for round in 0..ROUNDS {
        let (sender, mut receiver) = oneshot::channel();
        to.send(sender).unwrap();
        match round % 7 {
            0 => drop(receiver),
            1 => {
                receiver.close();
                assert!(matches!(receiver.try_recv(), Err(TryRecvError::Closed) | Ok(_)));
            }
            _ => {
                let got = block_on(receiver);
                assert_eq!(got.ok(), (round % 5 != 0).then_some(round));
            }
        }
    }
    drop(to);
    thread.join().unwrap();
}

#[test]
fn debug_names_the_flags() {
    let (sender, mut receiver) = oneshot::channel::<u8>();
    assert!(poll(&mut receiver, Waker::noop()).is_pending());
    assert_eq!(format!("{sender:?}"), "Sender { state: {receiver waits} }");
    drop(sender);
    assert_eq!(format!("{receiver:?}"), "Receiver { state: Some({sender gone}) }");
}

/// As tokio's: who sends a request may not care for the answer.
#[test]
#[deny(unused_must_use)]
fn a_receiver_that_comes_out_of_a_call_may_be_ignored() {
    fn request(log: &mut Vec<Sender<u8>>) -> Receiver<u8> {
        let (sender, receiver) = oneshot::channel();
        log.push(sender);
        receiver
    }
    let mut log = Vec::new();
    request(&mut log);
    assert_eq!(log.pop().unwrap().send(1), Err(1));
}
