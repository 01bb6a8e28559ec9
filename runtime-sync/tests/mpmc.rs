//! Channels of many to many: what each function promises.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::future::Future;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use filch::sync::mpmc::{
    self, MAX_CAPACITY, Receiver, RecvError, SendError, SendTimeoutError, Sender, TryRecvError,
    TrySendError, WeakReceiver, WeakSender,
};
use runtime_sync::block_on;
use support::{Count, Event, Fragile, hooked};

/// One channel of each kind: without room, small, allocated as needed, without limit.
fn kinds<T>() -> [(Sender<T>, Receiver<T>); 4] {
    [mpmc::bounded(0), mpmc::bounded(1), mpmc::bounded(5_000), mpmc::unbounded()]
}

fn poll<F: Future>(future: Pin<&mut F>, count: &Arc<Count>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&count.waker()))
}

#[test]
fn values_come_out_in_the_order_in_which_they_went_in() {
    for (sender, receiver) in [mpmc::bounded(200), mpmc::bounded(5_000), mpmc::unbounded()] {
        for round in 0..3 {
            for n in 0..150 {
                sender.try_send(round * 150 + n).unwrap();
            }
            assert_eq!(receiver.len(), 150);
            for n in 0..150 {
                assert_eq!(receiver.try_recv(), Ok(round * 150 + n));
            }
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        }
    }
}

#[test]
fn a_ring_of_any_size_takes_as_many_as_it_says() {
    for capacity in [1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65] {
        let (sender, receiver) = mpmc::bounded(capacity);
        for round in 0..5 {
            for n in 0..capacity {
                assert_eq!(sender.len(), n);
                assert!(!sender.is_full());
                sender.try_send(n + round).unwrap();
            }
            assert!(sender.is_full());
            assert_eq!(sender.try_send(0), Err(TrySendError::Full(0)));
            // Half a lap further each time.
            for n in 0..capacity {
                assert_eq!(receiver.try_recv(), Ok(n + round));
            }
            for _ in 0..capacity / 2 {
                sender.try_send(1).unwrap();
                receiver.try_recv().unwrap();
            }
            assert!(receiver.is_empty());
        }
    }
}

#[test]
fn a_large_capacity_is_kept_and_not_allocated() {
    let (sender, receiver) = mpmc::bounded(5_000);
    for n in 0..5_000 {
        sender.try_send(n).unwrap();
    }
    assert_eq!(sender.try_send(0), Err(TrySendError::Full(0)));
    assert_eq!(receiver.try_recv(), Ok(0));
    sender.try_send(5_000).unwrap();
    assert_eq!(sender.len(), 5_000);
    // Would not fit into any memory.
    let (sender, _receiver) = mpmc::bounded::<[u8; 1024]>(MAX_CAPACITY);
    sender.try_send([0; 1024]).unwrap();
}

#[test]
#[should_panic(expected = "for a channel without a limit use `unbounded`")]
fn a_capacity_above_the_maximum_panics() {
    let _ = mpmc::bounded::<u8>(MAX_CAPACITY + 1);
}

#[test]
fn a_receiver_is_woken_by_a_value() {
    for (sender, receiver) in kinds() {
        let task = Count::new();
        let mut recv = pin!(receiver.recv());
        assert!(poll(recv.as_mut(), &task).is_pending());
        assert_eq!(receiver.stats().waiting_receivers, 1);
        sender.try_send(1).unwrap();
        assert_eq!(task.get(), 1);
        assert_eq!(poll(recv.as_mut(), &task), Poll::Ready(Ok(1)));
    }
}

#[test]
fn a_sender_is_woken_by_room() {
    for (sender, receiver) in [mpmc::bounded(0), mpmc::bounded(1), mpmc::bounded(5_000)] {
        while sender.try_send(0).is_ok() {}
        let task = Count::new();
        let mut send = pin!(sender.send(7));
        assert!(poll(send.as_mut(), &task).is_pending());
        assert_eq!(sender.stats().waiting_senders, 1);
        let first = receiver.try_recv().unwrap();
        assert_eq!(task.get(), 1);
        assert_eq!(poll(send.as_mut(), &task), Poll::Ready(Ok(())));
        let mut last = first;
        while let Ok(next) = receiver.try_recv() {
            last = next;
        }
        assert_eq!(last, 7);
    }
}

#[test]
fn without_room_a_send_is_ready_when_the_value_was_taken() {
    let (sender, receiver) = mpmc::bounded(0);
    let task = Count::new();
    let mut send = pin!(sender.send(1));
    for _ in 0..3 {
        assert!(poll(send.as_mut(), &task).is_pending());
    }
    assert_eq!((sender.len(), sender.is_full(), sender.is_empty()), (0, true, true));
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(poll(send.as_mut(), &task), Poll::Ready(Ok(())));
}

#[test]
fn receivers_are_served_in_the_order_in_which_they_came() {
    for capacity in [Some(0), Some(5), Some(5_000), None] {
        let (sender, receiver) = capacity.map_or_else(mpmc::unbounded, mpmc::bounded);
        let tasks: Vec<_> = (0..5).map(|_| Count::new()).collect();
        let mut recvs: Vec<_> = (0..5).map(|_| Box::pin(receiver.recv())).collect();
        for (recv, task) in recvs.iter_mut().zip(&tasks) {
            assert!(poll(recv.as_mut(), task).is_pending());
        }
        for n in 0..5 {
            sender.try_send(n).unwrap();
            assert_eq!(tasks.iter().filter(|task| task.get() == 1).count(), n + 1);
            assert_eq!(tasks[n].get(), 1);
        }
        for (n, (recv, task)) in recvs.iter_mut().zip(&tasks).enumerate() {
            assert_eq!(poll(recv.as_mut(), task), Poll::Ready(Ok(n)));
        }
    }
}

#[test]
fn senders_are_served_in_the_order_in_which_they_came() {
    for (sender, receiver) in [mpmc::bounded(0), mpmc::bounded(1)] {
        let room = sender.capacity().unwrap();
        (0..room).for_each(|_| sender.try_send(9).unwrap());
        let tasks: Vec<_> = (0..5).map(|_| Count::new()).collect();
        let mut sends: Vec<_> = (0..5).map(|n| Box::pin(sender.send(n))).collect();
        for (send, task) in sends.iter_mut().zip(&tasks) {
            assert!(poll(send.as_mut(), task).is_pending());
        }
        (0..room).for_each(|_| assert_eq!(receiver.try_recv(), Ok(9)));
        for n in 0..5 {
            assert_eq!(tasks[n].get(), usize::from(room != 0));
            if room != 0 {
                assert!(poll(sends[n].as_mut(), &tasks[n]).is_ready());
            }
            assert_eq!(receiver.try_recv(), Ok(n));
        }
    }
}

#[test]
fn a_woken_receiver_that_is_dropped_hands_its_wake_on() {
    for (sender, receiver) in kinds() {
        let (first, second) = (Count::new(), Count::new());
        let mut leaves = Box::pin(receiver.recv());
        let mut stays = pin!(receiver.recv());
        assert!(poll(leaves.as_mut(), &first).is_pending());
        assert!(poll(stays.as_mut(), &second).is_pending());
        sender.try_send(1).unwrap();
        assert_eq!((first.get(), second.get()), (1, 0));
        drop(leaves);
        assert_eq!(second.get(), 1);
        assert_eq!(poll(stays.as_mut(), &second), Poll::Ready(Ok(1)));
    }
}

#[test]
fn a_woken_sender_that_is_dropped_hands_its_wake_on() {
    let (sender, receiver) = mpmc::bounded(1);
    sender.try_send(0).unwrap();
    let (first, second) = (Count::new(), Count::new());
    let mut leaves = Box::pin(sender.send(1));
    let mut stays = pin!(sender.send(2));
    assert!(poll(leaves.as_mut(), &first).is_pending());
    assert!(poll(stays.as_mut(), &second).is_pending());
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!((first.get(), second.get()), (1, 0));
    drop(leaves);
    assert_eq!(second.get(), 1);
    assert!(poll(stays.as_mut(), &second).is_ready());
    assert_eq!(receiver.try_recv(), Ok(2));
}

#[test]
fn a_value_handed_to_a_receiver_that_is_dropped_is_kept_for_the_next() {
    let (sender, receiver) = mpmc::bounded(0);
    let task = Count::new();
    let mut recv = Box::pin(receiver.recv());
    assert!(poll(recv.as_mut(), &task).is_pending());
    sender.try_send(1).unwrap();
    drop(recv);
    assert_eq!(sender.len(), 1);
    // It comes before those who wait.
    let mut send = pin!(sender.send(2));
    assert!(poll(send.as_mut(), &task).is_pending());
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(sender.len(), 0);
    assert_eq!(receiver.try_recv(), Ok(2));
}

#[test]
fn a_kept_value_outlives_the_close() {
    let (sender, receiver) = mpmc::bounded(0);
    let task = Count::new();
    let mut recv = Box::pin(receiver.recv());
    assert!(poll(recv.as_mut(), &task).is_pending());
    sender.try_send(1).unwrap();
    drop(sender);
    drop(recv);
    assert_eq!(block_on(receiver.recv()), Ok(1));
    assert_eq!(block_on(receiver.recv()), Err(RecvError));
}

#[test]
fn whoever_has_looked_in_vain_is_not_overtaken_any_more() {
    for (sender, receiver) in [mpmc::bounded(1), mpmc::bounded(5_000), mpmc::unbounded()] {
        let task = Count::new();
        let mut recv = pin!(receiver.recv());
        assert!(poll(recv.as_mut(), &task).is_pending());
        sender.try_send(1).unwrap();
        // Until it has run, another one may come first …
        assert_eq!(receiver.try_recv(), Ok(1));
        assert!(poll(recv.as_mut(), &task).is_pending());
        // … but only once.
        sender.try_send(2).unwrap();
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        let late = Count::new();
        let mut latecomer = pin!(receiver.recv());
        assert!(poll(latecomer.as_mut(), &late).is_pending());
        assert_eq!(poll(recv.as_mut(), &task), Poll::Ready(Ok(2)));
        // Then all is as before.
        sender.try_send(3).unwrap();
        assert_eq!(late.get(), 1);
        assert_eq!(receiver.try_recv(), Ok(3));
    }
}

#[test]
fn a_starving_receiver_that_is_dropped_lets_the_others_in() {
    let (sender, receiver) = mpmc::bounded(4);
    let task = Count::new();
    let mut starves = Box::pin(receiver.recv());
    assert!(poll(starves.as_mut(), &task).is_pending());
    sender.try_send(1).unwrap();
    receiver.try_recv().unwrap();
    assert!(poll(starves.as_mut(), &task).is_pending());
    let other = Count::new();
    let mut waits = pin!(receiver.recv());
    sender.try_send(2).unwrap();
    assert!(poll(waits.as_mut(), &other).is_pending());
    drop(starves);
    assert_eq!(other.get(), 1);
    assert_eq!(poll(waits.as_mut(), &other), Poll::Ready(Ok(2)));
    sender.try_send(3).unwrap();
    assert_eq!(receiver.try_recv(), Ok(3));
}

#[test]
fn a_sender_that_has_looked_in_vain_is_not_overtaken_any_more() {
    let (sender, receiver) = mpmc::bounded(1);
    sender.try_send(0).unwrap();
    let task = Count::new();
    let mut send = pin!(sender.send(1));
    assert!(poll(send.as_mut(), &task).is_pending());
    receiver.try_recv().unwrap();
    sender.try_send(2).unwrap();
    assert!(poll(send.as_mut(), &task).is_pending());
    receiver.try_recv().unwrap();
    assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
    assert!(poll(send.as_mut(), &task).is_ready());
    assert_eq!(receiver.try_recv(), Ok(1));
}

#[test]
fn closing_lets_receivers_drain_and_gives_values_back_to_senders() {
    for (sender, receiver) in [mpmc::bounded(0), mpmc::bounded(2)] {
        let room = sender.capacity().unwrap();
        (0..room).for_each(|n| sender.try_send(n).unwrap());
        let task = Count::new();
        let mut send = pin!(sender.send(7));
        let mut closed = pin!(sender.closed());
        assert!(poll(send.as_mut(), &task).is_pending());
        assert!(poll(closed.as_mut(), &task).is_pending());
        assert!(receiver.close());
        assert!(!sender.close(), "it is closed already");
        assert_eq!(task.get(), 2);
        assert_eq!(poll(send.as_mut(), &task), Poll::Ready(Err(SendError(7))));
        assert!(poll(closed.as_mut(), &task).is_ready());
        assert_eq!(block_on(sender.send(8)), Err(SendError(8)));
        assert_eq!(sender.try_send(8), Err(TrySendError::Closed(8)));
        for n in 0..room {
            assert_eq!(block_on(receiver.recv()), Ok(n));
        }
        assert_eq!(block_on(receiver.recv()), Err(RecvError));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    }
}

#[test]
fn the_last_sender_closes_the_channel() {
    for (sender, receiver) in kinds::<u32>() {
        let tasks = [Count::new(), Count::new()];
        let mut recvs = [Box::pin(receiver.recv()), Box::pin(receiver.recv())];
        for (recv, task) in recvs.iter_mut().zip(&tasks) {
            assert!(poll(recv.as_mut(), task).is_pending());
        }
        let another = sender.clone();
        drop(sender);
        assert_eq!(tasks[0].get(), 0);
        drop(another);
        for (recv, task) in recvs.iter_mut().zip(&tasks) {
            assert_eq!(task.get(), 1);
            assert_eq!(poll(recv.as_mut(), task), Poll::Ready(Err(RecvError)));
        }
    }
}

#[test]
fn the_last_receiver_closes_the_channel_and_drops_what_is_in_it() {
    for (sender, receiver) in kinds() {
        let value = Arc::new(());
        while sender.len() < 100 && sender.try_send(Arc::clone(&value)).is_ok() {}
        let task = Count::new();
        let waits = sender.is_full();
        let mut send = pin!(sender.send(Arc::clone(&value)));
        assert_eq!(poll(send.as_mut(), &task).is_pending(), waits);
        drop(receiver.clone());
        assert!(!sender.is_closed());
        drop(receiver);
        assert!(sender.is_closed());
        if waits {
            assert_eq!(task.get(), 1);
            let Poll::Ready(Err(SendError(back))) = poll(send.as_mut(), &task) else { panic!() };
            drop(back);
        }
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

#[test]
fn weak_handles_do_not_keep_a_channel_open() {
    for (sender, receiver) in kinds::<u32>() {
        let (weak_sender, weak_receiver) = (sender.downgrade(), receiver.downgrade());
        let again = weak_sender.upgrade().unwrap();
        assert_eq!((sender.sender_count(), receiver.receiver_count()), (2, 1));
        assert!(again.same_channel(&sender));
        drop((sender, again));
        assert!(weak_sender.upgrade().is_none());
        assert!(receiver.is_closed());
        assert!(weak_receiver.upgrade().unwrap().same_channel(&receiver));
        drop(receiver);
        assert!(weak_receiver.upgrade().is_none());
        assert!(weak_receiver.clone().upgrade().is_none());
    }
}

#[test]
fn recv_many_takes_what_is_there_and_wakes_as_many_senders() {
    let (sender, receiver) = mpmc::bounded(3);
    (0..3).for_each(|n| sender.try_send(n).unwrap());
    let task = Count::new();
    let mut sends: Vec<_> = (3..8).map(|n| Box::pin(sender.send(n))).collect();
    for send in &mut sends {
        assert!(poll(send.as_mut(), &task).is_pending());
    }
    let mut values = vec![100];
    assert_eq!(block_on(receiver.recv_many(&mut values, 0)), 0);
    assert_eq!(block_on(receiver.recv_many(&mut values, 10)), 3);
    assert_eq!(values, [100, 0, 1, 2]);
    assert_eq!(task.get(), 3, "three places, three senders");
    for send in &mut sends[..3] {
        assert!(poll(send.as_mut(), &task).is_ready());
    }
    drop(sends);
    assert_eq!(block_on(receiver.recv_many(&mut values, 2)), 2);
    drop(sender);
    assert_eq!(block_on(receiver.recv_many(&mut values, 2)), 1);
    assert_eq!(block_on(receiver.recv_many(&mut values, 2)), 0);
    assert_eq!(values, [100, 0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_send_that_comes_too_late_gives_the_value_back() {
    filch::runtime::Runtime::new().unwrap().block_on(async {
        use std::time::Duration;
        for capacity in [0, 1] {
            let (sender, receiver) = mpmc::bounded(capacity);
            (0..capacity).for_each(|_| sender.try_send(0).unwrap());
            let short = Duration::from_millis(1);
            let late = sender.send_timeout(1, short).await;
            assert_eq!(late, Err(SendTimeoutError::Timeout(1)));
            assert_eq!(receiver.stats().waiting_senders, 0);
            receiver.close();
            let late = sender.send_timeout(2, short).await;
            assert_eq!(late, Err(SendTimeoutError::Closed(2)));
        }
    });
}

#[test]
fn blocking_functions_refuse_to_block_a_task() {
    let runtime = filch::runtime::Runtime::new().unwrap();
    let task = runtime.spawn(async {
        let (sender, receiver) = mpmc::bounded(1);
        let send = catch_unwind(AssertUnwindSafe(|| sender.blocking_send(1)));
        let recv = catch_unwind(AssertUnwindSafe(|| receiver.blocking_recv()));
        for message in [send.map(drop).unwrap_err(), recv.map(drop).unwrap_err()] {
            let message = message.downcast_ref::<String>().unwrap();
            assert!(message.contains("was called within a task"), "{message}");
        }
    });
    runtime.block_on(task).unwrap();
}

#[test]
fn the_budget_makes_a_busy_receiver_give_way() {
    use runtime_sync::budget;
    let (sender, receiver) = mpmc::unbounded();
    (0..200).for_each(|n| sender.try_send(n).unwrap());
    let task = Count::new();
    let before = budget::refill();
    let mut received = 0;
    while poll(pin!(receiver.recv()), &task).is_ready() {
        received += 1;
    }
    budget::restore(before);
    assert_eq!(received, usize::from(budget::BUDGET));
    assert_eq!(task.get(), 1);
    assert_eq!(receiver.len(), 200 - received);
}

#[test]
fn a_waker_may_use_the_channel_that_wakes_it() {
    for (sender, receiver) in kinds::<u32>() {
        let task = hooked({
            let (sender, receiver) = (sender.clone(), receiver.clone());
            move |_: Event| {
                let _ = sender.try_send(5);
                let _ = receiver.try_recv();
                let _ = (sender.stats(), receiver.len());
            }
        });
        let mut recv = Box::pin(receiver.recv());
        let mut cx = Context::from_waker(&task);
        let _ = recv.as_mut().poll(&mut cx);
        let _ = recv.as_mut().poll(&mut cx);
        let _ = sender.try_send(1);
        sender.close();
        drop(recv);
    }
}

#[test]
fn a_waker_that_panics_keeps_nobody_from_being_woken() {
    for (sender, receiver) in kinds::<u32>() {
        let panics = hooked(|event| assert!(event != Event::Wake, "the waker panics"));
        let task = Count::new();
        let mut first = Box::pin(receiver.recv());
        let mut second = pin!(receiver.recv());
        assert!(first.as_mut().poll(&mut Context::from_waker(&panics)).is_pending());
        assert!(poll(second.as_mut(), &task).is_pending());
        assert!(catch_unwind(AssertUnwindSafe(|| sender.close())).is_err());
        assert_eq!(task.get(), 1);
        assert_eq!(poll(second.as_mut(), &task), Poll::Ready(Err(RecvError)));
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(first.as_mut().poll(&mut cx), Poll::Ready(Err(RecvError)));
        assert!(receiver.is_closed());
    }
}

#[test]
fn a_value_whose_drop_panics_does_not_keep_the_others() {
    struct Panics(Arc<AtomicUsize>, bool);
    impl Drop for Panics {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
            assert!(!self.1, "the drop panics");
        }
    }
    for (sender, receiver) in [mpmc::bounded(100), mpmc::bounded(5_000), mpmc::unbounded()] {
        let dropped = Arc::new(AtomicUsize::new(0));
        for n in 0..100 {
            assert!(sender.try_send(Panics(Arc::clone(&dropped), n == 40)).is_ok());
        }
        assert!(catch_unwind(AssertUnwindSafe(|| drop(receiver))).is_err());
        assert_eq!(dropped.load(Ordering::SeqCst), 100);
        assert!(sender.is_closed());
    }
}

#[test]
fn what_is_in_a_channel_is_dropped_with_it() {
    let value = Arc::new(());
    for (sender, receiver) in kinds() {
        let weak = receiver.downgrade();
        while sender.len() < 100 && sender.try_send(Arc::clone(&value)).is_ok() {}
        drop(sender);
        drop(receiver);
        assert_eq!(Arc::strong_count(&value), 1);
        drop(weak);
    }
}

#[test]
fn values_of_no_size_and_of_great_size_pass() {
    let (sender, receiver) = mpmc::unbounded();
    (0..100).for_each(|_| sender.try_send(()).unwrap());
    assert_eq!((0..200).filter(|_| receiver.try_recv().is_ok()).count(), 100);
    let (sender, receiver) = mpmc::unbounded();
    sender.try_send(Box::new([1u8; 100_000])).unwrap();
    assert_eq!(receiver.try_recv().unwrap()[99_999], 1);
}

#[test]
fn handles_are_as_small_as_a_pointer_and_cross_threads() {
    fn is<T: Send + Sync + Unpin>() {}
    fn unwinds<T: UnwindSafe + RefUnwindSafe>() {}
    fn sends<T: Send>(_: T) {}
    is::<(Sender<u32>, Receiver<u32>, WeakSender<u32>, WeakReceiver<u32>)>();
    // The contents need not be `Sync`, as for tokio's.
    is::<(Sender<std::cell::Cell<u32>>, Receiver<std::cell::Cell<u32>>)>();
    unwinds::<(SendError<u32>, TrySendError<u32>, RecvError, TryRecvError)>();
    assert_eq!(size_of::<Sender<[u64; 9]>>(), size_of::<usize>());
    assert_eq!(size_of::<Receiver<[u64; 9]>>(), size_of::<usize>());
    let (sender, receiver) = mpmc::bounded(1);
    sends(sender.send(std::cell::Cell::new(1)));
    sends(receiver.recv());
    sends(sender.closed());
    sends(receiver.recv_many(&mut Vec::new(), 1));
}

#[test]
fn errors_say_what_happened() {
    assert_eq!(SendError(1).to_string(), "channel closed");
    assert_eq!(TrySendError::Full(1).to_string(), "no room in the channel");
    assert_eq!(TrySendError::from(SendError(1)).to_string(), "channel closed");
    assert_eq!(SendTimeoutError::Timeout(1).to_string(), "timed out waiting to send");
    assert_eq!(RecvError.to_string(), "channel closed");
    assert_eq!(TryRecvError::from(RecvError), TryRecvError::Disconnected);
    assert_eq!(TryRecvError::Empty.to_string(), "channel empty");
    assert_eq!(format!("{:?}", SendError(1)), "SendError { .. }");
}

#[test]
fn values_that_panic_as_they_are_dropped_are_all_dropped_and_the_first_panic_is_told() {
    for (sender, receiver) in [mpmc::bounded(5), mpmc::bounded(5_000), mpmc::unbounded()] {
        let dropped = Arc::new(AtomicUsize::new(0));
        for _ in 0..3 {
            assert!(sender.try_send(Fragile(Arc::clone(&dropped))).is_ok());
        }
        assert!(catch_unwind(AssertUnwindSafe(|| drop(receiver))).is_err());
        assert_eq!(dropped.load(Ordering::SeqCst), 3);
        assert!(sender.is_empty());
    }
}

#[test]
fn values_that_were_given_to_nobody_are_all_dropped_although_they_panic() {
    let (sender, receiver) = mpmc::bounded(0);
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut takings: Vec<_> = (0..3).map(|_| Box::pin(receiver.recv())).collect();
    for taking in &mut takings {
        assert!(poll(taking.as_mut(), &Count::new()).is_pending());
        assert!(sender.try_send(Fragile(Arc::clone(&dropped))).is_ok());
    }
    drop(takings);
    assert_eq!((receiver.len(), dropped.load(Ordering::SeqCst)), (3, 0));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(receiver))).is_err());
    assert_eq!((sender.len(), dropped.load(Ordering::SeqCst)), (0, 3));
}
