//! What `mpsc` promises, one promise at a time: the bounded channel.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use runtime_sync::block_on;
use runtime_sync::channel::mpsc::error::{SendError, TryRecvError, TrySendError};
use runtime_sync::channel::mpsc::{
    OwnedPermit, Permit, PermitIterator, Receiver, Sender, WeakSender, channel,
    channel_in_blocks_of,
};
use support::Count;

/// Polls a future once, with a waker that counts.
fn poll<F: Future>(future: Pin<&mut F>, count: &Arc<Count>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&count.waker()))
}

#[test]
fn messages_come_out_in_the_order_they_went_in() {
    let (send, mut receive) = channel(100);
    for n in 0..100 {
        send.try_send(n).unwrap();
    }
    assert_eq!(receive.len(), 100);
    for n in 0..100 {
        assert_eq!(receive.try_recv(), Ok(n));
    }
    assert_eq!(receive.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn a_full_channel_gives_the_value_back() {
    let (send, mut receive) = channel(2);
    assert_eq!(send.try_send(1), Ok(()));
    assert_eq!(send.try_send(2), Ok(()));
    assert_eq!(send.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!(receive.try_recv(), Ok(1));
    assert_eq!(send.try_send(3), Ok(()));
}

#[test]
#[should_panic(expected = "room for one message at least")]
fn a_capacity_of_0_panics() {
    channel::<u32>(0);
}

#[test]
#[should_panic(expected = "use `mpsc::unbounded_channel`")]
fn a_capacity_beyond_the_maximum_panics() {
    channel::<u32>((usize::MAX >> 3) + 1);
}

#[test]
fn the_greatest_capacity_is_told_and_works() {
    let (send, mut receive) = channel(usize::MAX >> 3);
    assert_eq!(send.max_capacity(), usize::MAX >> 3);
    assert_eq!(receive.max_capacity(), usize::MAX >> 3);
    send.try_send(1).unwrap();
    assert_eq!(send.capacity(), (usize::MAX >> 3) - 1);
    assert_eq!(receive.try_recv(), Ok(1));
}

#[test]
fn senders_that_wait_are_served_in_order() {
    let (send, mut receive) = channel(1);
    send.try_send(0).unwrap();
    let (first, second) = (Count::new(), Count::new());
    let mut one = pin!(send.send(1));
    let mut two = pin!(send.send(2));
    assert!(poll(one.as_mut(), &first).is_pending());
    assert!(poll(two.as_mut(), &second).is_pending());
    assert_eq!(receive.stats().waiting_senders, 2);
    assert_eq!(receive.try_recv(), Ok(0));
    assert_eq!((first.get(), second.get()), (1, 0));
    // The room is promised to the first.
    assert_eq!(send.try_send(9), Err(TrySendError::Full(9)));
    assert!(poll(two.as_mut(), &second).is_pending());
    assert!(poll(one.as_mut(), &first).is_ready());
    assert_eq!(receive.try_recv(), Ok(1));
    assert_eq!(second.get(), 1);
    assert!(poll(two.as_mut(), &second).is_ready());
    assert_eq!(receive.try_recv(), Ok(2));
    assert_eq!(send.try_send(9), Ok(()));
}

#[test]
fn a_sender_that_gives_up_hands_its_room_to_the_next() {
    let (send, mut receive) = channel(1);
    send.try_send(0).unwrap();
    let (first, second) = (Count::new(), Count::new());
    let mut one = Box::pin(send.send(1));
    let mut two = pin!(send.send(2));
    assert!(poll(one.as_mut(), &first).is_pending());
    assert!(poll(two.as_mut(), &second).is_pending());
    assert_eq!(receive.try_recv(), Ok(0));
    drop(one);
    assert_eq!(second.get(), 1);
    assert!(poll(two.as_mut(), &second).is_ready());
    assert_eq!(receive.try_recv(), Ok(2));
}

#[test]
fn who_wants_much_leaves_the_line_to_who_wants_less() {
    let (send, _receive) = channel::<u32>(3);
    let taken = send.try_reserve().unwrap();
    let (first, second) = (Count::new(), Count::new());
    let mut much = Box::pin(send.reserve_many(3));
    let mut less = pin!(send.reserve());
    assert!(poll(much.as_mut(), &first).is_pending());
    assert!(poll(less.as_mut(), &second).is_pending());
    // There is room for two, but the first in line wants three.
    assert_eq!(send.capacity(), 0);
    assert_eq!(send.try_reserve().unwrap_err(), TrySendError::Full(()));
    drop(much);
    assert_eq!(second.get(), 1);
    assert!(poll(less.as_mut(), &second).is_ready());
    drop(taken);
}

#[test]
fn a_permit_keeps_room_and_gives_it_back_unused() {
    let (send, mut receive) = channel(1);
    let permit = send.try_reserve().unwrap();
    assert_eq!(send.capacity(), 0);
    assert_eq!(receive.stats().reserved, 1);
    assert_eq!(send.try_send(1), Err(TrySendError::Full(1)));
    let count = Count::new();
    let mut waits = pin!(send.send(2));
    assert!(poll(waits.as_mut(), &count).is_pending());
    drop(permit);
    assert_eq!(count.get(), 1);
    assert!(poll(waits.as_mut(), &count).is_ready());
    assert_eq!(receive.try_recv(), Ok(2));
    assert_eq!(send.capacity(), 1);
}

#[test]
fn many_permits_are_used_one_by_one_and_the_rest_goes_back() {
    let (send, mut receive) = channel(4);
    let mut permits = send.try_reserve_many(3).unwrap();
    assert_eq!(permits.len(), 3);
    permits.next().unwrap().send(1);
    drop(permits.next());
    assert_eq!(send.capacity(), 2);
    drop(permits);
    assert_eq!(send.capacity(), 3);
    assert_eq!(receive.try_recv(), Ok(1));
    assert_eq!(send.try_reserve_many(0).unwrap().len(), 0);
    assert_eq!(send.try_reserve_many(5).unwrap_err(), TrySendError::Full(()));
    assert_eq!(block_on(send.reserve_many(5)).unwrap_err(), SendError(()));
}

#[test]
fn an_owned_permit_gives_the_sender_back() {
    let (send, mut receive) = channel(1);
    let permit = block_on(send.reserve_owned()).unwrap();
    let send = permit.send(1);
    let send = send.try_reserve_owned().unwrap_err().into_inner();
    assert_eq!(receive.try_recv(), Ok(1));
    let send = send.try_reserve_owned().unwrap().release();
    assert_eq!(send.capacity(), 1);
    let permit = send.clone().try_reserve_owned().unwrap();
    assert!(permit.same_channel_as_sender(&send));
    drop(send);
    // The permit keeps the channel open.
    assert_eq!(receive.try_recv(), Err(TryRecvError::Empty));
    drop(permit);
    assert_eq!(receive.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn permits_that_are_out_can_be_used_after_close() {
    let (send, mut receive) = channel(4);
    let used = send.try_reserve().unwrap();
    let unused = send.try_reserve().unwrap();
    receive.close();
    assert_eq!(send.try_send(1), Err(TrySendError::Closed(1)));
    assert_eq!(receive.try_recv(), Err(TryRecvError::Empty));
    let count = Count::new();
    {
        let mut recv = pin!(receive.recv());
        assert!(poll(recv.as_mut(), &count).is_pending());
        used.send(2);
        assert_eq!(count.get(), 1);
        assert_eq!(poll(recv.as_mut(), &count), Poll::Ready(Some(2)));
    }
    let mut recv = pin!(receive.recv());
    assert!(poll(recv.as_mut(), &count).is_pending());
    drop(unused);
    assert_eq!(count.get(), 2);
    assert_eq!(poll(recv.as_mut(), &count), Poll::Ready(None));
}

#[test]
fn a_forgotten_permit_ends_with_the_last_sender() {
    let (send, mut receive) = channel::<u32>(1);
    std::mem::forget(send.try_reserve().unwrap());
    receive.close();
    let count = Count::new();
    let mut recv = pin!(receive.recv());
    assert!(poll(recv.as_mut(), &count).is_pending());
    drop(send);
    assert_eq!(count.get(), 1);
    assert_eq!(poll(recv.as_mut(), &count), Poll::Ready(None));
}

#[test]
fn close_wakes_those_who_wait_and_gives_their_values_back() {
    let (send, mut receive) = channel(1);
    send.try_send(0).unwrap();
    let count = Count::new();
    let mut waits = pin!(send.send(1));
    let mut closed = pin!(send.closed());
    assert!(poll(waits.as_mut(), &count).is_pending());
    assert!(poll(closed.as_mut(), &count).is_pending());
    receive.close();
    assert!(send.is_closed() && receive.is_closed());
    assert_eq!(count.get(), 2);
    assert_eq!(poll(waits.as_mut(), &count), Poll::Ready(Err(SendError(1))));
    assert!(poll(closed.as_mut(), &count).is_ready());
    assert_eq!(receive.try_recv(), Ok(0));
    assert_eq!(receive.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn a_sender_with_its_turn_is_refused_once_the_channel_is_closed() {
    let (send, mut receive) = channel(1);
    send.try_send(0).unwrap();
    let count = Count::new();
    let mut waits = pin!(send.send(1));
    assert!(poll(waits.as_mut(), &count).is_pending());
    assert_eq!(receive.try_recv(), Ok(0));
    receive.close();
    // It might still come.
    assert_eq!(receive.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(poll(waits.as_mut(), &count), Poll::Ready(Err(SendError(1))));
    assert_eq!(receive.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn no_permits_at_all_are_always_there() {
    let (send, mut receive) = channel::<u32>(1);
    let _permit = send.try_reserve().unwrap();
    let mut waits = pin!(send.reserve());
    assert!(poll(waits.as_mut(), &Count::new()).is_pending());
    assert_eq!(send.try_reserve_many(0).unwrap().len(), 0);
    assert_eq!(block_on(send.reserve_many(0)).unwrap().len(), 0);
    receive.close();
    assert_eq!(send.try_reserve_many(0).unwrap_err(), TrySendError::Closed(()));
}

#[test]
fn the_drop_of_the_receiver_fails_those_who_wait_and_drops_what_is_queued() {
    let (send, receive) = channel(1);
    let value = Arc::new(());
    send.try_send(Arc::clone(&value)).unwrap();
    let count = Count::new();
    let mut waits = pin!(send.send(Arc::clone(&value)));
    assert!(poll(waits.as_mut(), &count).is_pending());
    drop(receive);
    assert_eq!(count.get(), 1);
    assert!(matches!(poll(waits.as_mut(), &count), Poll::Ready(Err(SendError(_)))));
    assert_eq!(Arc::strong_count(&value), 1);
    block_on(send.closed());
}

#[test]
fn a_permit_sends_into_nothing_once_the_receiver_is_gone() {
    let (send, receive) = channel(1);
    let permit = send.try_reserve().unwrap();
    drop(receive);
    let value = Arc::new(());
    permit.send(Arc::clone(&value));
    assert_eq!(Arc::strong_count(&value), 1);
    assert_eq!(send.stats().reserved, 0);
}

#[test]
fn a_sender_with_its_turn_gets_its_value_back_once_the_receiver_is_gone() {
    let (send, mut receive) = channel(1);
    send.try_send(0).unwrap();
    let count = Count::new();
    let mut waits = pin!(send.send(1));
    assert!(poll(waits.as_mut(), &count).is_pending());
    assert_eq!(receive.try_recv(), Ok(0));
    drop(receive);
    assert_eq!(poll(waits.as_mut(), &count), Poll::Ready(Err(SendError(1))));
}

#[test]
fn the_last_sender_closes_the_channel() {
    let (send, mut receive) = channel(2);
    let another = send.clone();
    assert_eq!((send.strong_count(), receive.sender_strong_count()), (2, 2));
    send.try_send(1).unwrap();
    drop(send);
    assert!(!receive.is_closed());
    let count = Count::new();
    assert_eq!(block_on(receive.recv()), Some(1));
    let mut recv = pin!(receive.recv());
    assert!(poll(recv.as_mut(), &count).is_pending());
    drop(another);
    assert_eq!(count.get(), 1);
    assert_eq!(poll(recv.as_mut(), &count), Poll::Ready(None));
}

#[test]
fn a_weak_sender_does_not_keep_the_channel_open() {
    let (send, mut receive) = channel(1);
    let weak = send.downgrade();
    let clone = weak.clone();
    assert_eq!((weak.strong_count(), weak.weak_count()), (1, 2));
    weak.upgrade().unwrap().try_send(1).unwrap();
    drop(clone);
    assert_eq!(receive.sender_weak_count(), 1);
    drop(send);
    assert!(weak.upgrade().is_none());
    assert_eq!(receive.try_recv(), Ok(1));
    assert_eq!(receive.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn many_are_received_at_once_and_their_room_is_handed_on() {
    let (send, mut receive) = channel_in_blocks_of::<u32, 2>(4);
    for n in 0..4 {
        send.try_send(n).unwrap();
    }
    let counts: Vec<_> = (4..7).map(|_| Count::new()).collect();
    let mut waits: Vec<_> = (4..7).map(|n| Box::pin(send.send(n))).collect();
    for (wait, count) in waits.iter_mut().zip(&counts) {
        assert!(poll(wait.as_mut(), count).is_pending());
    }
    let mut got = vec![100];
    assert_eq!(block_on(receive.recv_many(&mut got, 0)), 0);
    assert_eq!(block_on(receive.recv_many(&mut got, 2)), 2);
    assert_eq!(counts.iter().map(|count| count.get()).collect::<Vec<_>>(), [1, 1, 0]);
    assert_eq!(block_on(receive.recv_many(&mut got, 10)), 2);
    assert_eq!(got, [100, 0, 1, 2, 3]);
    for (wait, count) in waits.iter_mut().zip(&counts) {
        assert!(poll(wait.as_mut(), count).is_ready());
    }
    assert_eq!(block_on(receive.recv_many(&mut got, 10)), 3);
    drop(waits);
    drop(send);
    assert_eq!(block_on(receive.recv_many(&mut got, 10)), 0);
}

#[test]
fn a_dropped_recv_loses_nothing() {
    let (send, mut receive) = channel(1);
    let count = Count::new();
    let mut recv = Box::pin(receive.recv());
    assert!(poll(recv.as_mut(), &count).is_pending());
    send.try_send(1).unwrap();
    assert_eq!(count.get(), 1);
    drop(recv);
    assert_eq!(block_on(receive.recv()), Some(1));
}

#[test]
fn only_the_last_waker_is_woken_and_once() {
    let (send, mut receive) = channel(4);
    let (old, new) = (Count::new(), Count::new());
    let mut recv = pin!(receive.recv());
    assert!(poll(recv.as_mut(), &old).is_pending());
    assert!(poll(recv.as_mut(), &new).is_pending());
    send.try_send(1).unwrap();
    send.try_send(2).unwrap();
    assert_eq!((old.get(), new.get()), (0, 1));
}

#[test]
fn a_sent_value_is_dropped_once_whatever_happens() {
    struct Counted(Arc<Count>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.waker().wake();
        }
    }
    let drops = Count::new();
    let (send, mut receive) = channel_in_blocks_of::<Counted, 2>(10);
    for _ in 0..7 {
        assert!(send.try_send(Counted(Arc::clone(&drops))).is_ok());
    }
    drop(receive.try_recv());
    assert_eq!(drops.get(), 1);
    drop(receive);
    assert_eq!(drops.get(), 7);
    drop(send.try_send(Counted(Arc::clone(&drops))));
    assert_eq!(drops.get(), 8);
}

#[test]
fn a_drop_that_panics_leaves_the_others_to_be_dropped() {
    struct Bomb(Arc<Count>, bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.waker().wake();
            assert!(!self.1, "the drop of a message");
        }
    }
    let drops = Count::new();
    let (send, receive) = channel_in_blocks_of::<Bomb, 2>(10);
    for n in 0..7 {
        assert!(send.try_send(Bomb(Arc::clone(&drops), n % 2 == 1)).is_ok());
    }
    assert!(catch_unwind(AssertUnwindSafe(|| drop(receive))).is_err());
    assert_eq!(drops.get(), 7);
    assert!(send.is_closed());
    drop(send);
    assert_eq!(Arc::strong_count(&drops), 1);
}

#[test]
fn a_long_queue_is_dropped_without_recursion() {
    let (send, receive) = channel(1_000_000);
    for n in 0..1_000_000u32 {
        send.try_send(n).unwrap();
    }
    drop(receive);
}

#[test]
fn values_of_any_size_go_through() {
    let (send, mut receive) = channel(3);
    send.try_send(()).unwrap();
    assert_eq!(receive.try_recv(), Ok(()));
    let (send, mut receive) = channel(3);
    // 32 of them would not fit on the stack of a thread.
    send.try_send([7u8; 1 << 16]).unwrap();
    assert!(receive.try_recv().unwrap() == [7; 1 << 16]);
}

#[test]
fn stats_tell_what_there_is() {
    let (send, mut receive) = channel(3);
    let _weak = send.downgrade();
    let _permit = send.try_reserve().unwrap();
    send.try_send(1).unwrap();
    let stats = receive.stats();
    assert_eq!((stats.len, stats.capacity, stats.reserved), (1, Some(3), 1));
    assert_eq!((stats.senders, stats.weak_senders, stats.waiting_senders), (1, 1, 0));
    assert!(!stats.is_closed);
    receive.close();
    assert!(send.stats().is_closed);
    assert!(format!("{send:?}{receive:?}").contains("capacity: Some(3)"));
}

#[test]
fn handles_are_as_small_as_tokios_and_as_free() {
    fn free<T: Send + Sync + Unpin + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    fn sends<T: Send>(_: T) {}
    free::<Sender<u32>>();
    free::<Receiver<u32>>();
    free::<WeakSender<u32>>();
    free::<Permit<'_, u32>>();
    free::<PermitIterator<'_, u32>>();
    free::<OwnedPermit<u32>>();
    // What is sent need not be `Sync`.
    free::<Sender<std::cell::Cell<u32>>>();
    free::<Receiver<std::cell::Cell<u32>>>();
    assert_eq!(size_of::<Sender<u64>>(), 8);
    assert_eq!(size_of::<Receiver<u64>>(), 8);
    assert_eq!(size_of::<WeakSender<u64>>(), 8);
    assert_eq!(size_of::<Permit<'_, u64>>(), 8);
    assert_eq!(size_of::<PermitIterator<'_, u64>>(), 16);
    assert_eq!(size_of::<OwnedPermit<u64>>(), 8);
    let (send, mut receive) = channel::<u32>(1);
    sends(send.send(1));
    sends(send.reserve());
    sends(send.reserve_many(1));
    sends(send.clone().reserve_owned());
    sends(send.closed());
    sends(send.send_timeout(1, std::time::Duration::ZERO));
    sends(receive.recv());
    sends(receive.recv_many(&mut Vec::new(), 1));
}
