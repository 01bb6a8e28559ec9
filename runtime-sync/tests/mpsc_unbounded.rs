//! What `mpsc` promises, one promise at a time: the channel without a limit.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::cell::Cell;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use runtime_sync::block_on;
use runtime_sync::channel::mpsc::error::{SendError, SendTimeoutError, TryRecvError, TrySendError};
use runtime_sync::channel::mpsc::{
    UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel,
};
use support::Count;

#[test]
fn messages_come_out_in_the_order_they_went_in() {
    let (send, mut receive) = unbounded_channel();
    for n in 0..1_000 {
        send.send(n).unwrap();
    }
    assert_eq!(receive.len(), 1_000);
    for n in 0..1_000 {
        assert_eq!(block_on(receive.recv()), Some(n));
    }
    assert!(receive.is_empty());
}

#[test]
fn a_closed_channel_gives_the_value_back_and_lets_the_rest_out() {
    let (send, mut receive) = unbounded_channel();
    send.send(1).unwrap();
    receive.close();
    assert!(send.is_closed() && receive.is_closed());
    assert_eq!(send.send(2), Err(SendError(2)));
    assert_eq!(receive.try_recv(), Ok(1));
    assert_eq!(receive.try_recv(), Err(TryRecvError::Disconnected));
    assert_eq!(block_on(receive.recv()), None);
}

#[test]
fn the_drop_of_the_receiver_drops_what_is_queued_and_tells_the_senders() {
    let (send, receive) = unbounded_channel();
    let value = Arc::new(());
    for _ in 0..100 {
        send.send(Arc::clone(&value)).unwrap();
    }
    let count = Count::new();
    let waker = count.waker();
    let mut cx = Context::from_waker(&waker);
    let mut closed = pin!(send.closed());
    assert!(closed.as_mut().poll(&mut cx).is_pending());
    drop(receive);
    assert_eq!(Arc::strong_count(&value), 1);
    assert_eq!(count.get(), 1);
    assert!(closed.poll(&mut cx).is_ready());
}

#[test]
fn the_drop_of_the_receiver_drops_its_waker() {
    let (send, mut receive) = unbounded_channel::<u32>();
    let count = Count::new();
    assert!(receive.poll_recv(&mut Context::from_waker(&count.waker())).is_pending());
    assert_eq!(Arc::strong_count(&count), 2);
    drop(receive);
    assert_eq!(Arc::strong_count(&count), 1);
    assert_eq!(send.send(1), Err(SendError(1)));
    assert_eq!(count.get(), 0);
}

#[test]
fn a_weak_sender_comes_back_as_long_as_there_is_a_sender() {
    let (send, mut receive) = unbounded_channel();
    let weak = send.downgrade();
    let again = weak.upgrade().unwrap();
    assert!(again.same_channel(&send));
    assert_eq!((receive.sender_strong_count(), receive.sender_weak_count()), (2, 1));
    drop(send);
    again.send(1).unwrap();
    drop(again);
    assert!(weak.upgrade().is_none());
    assert_eq!(receive.try_recv(), Ok(1));
    assert_eq!(receive.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn a_waker_that_is_renewed_is_woken_once() {
    let (send, mut receive) = unbounded_channel();
    let (old, new) = (Count::new(), Count::new());
    for count in [&old, &old, &new] {
        assert!(receive.poll_recv(&mut Context::from_waker(&count.waker())).is_pending());
    }
    assert_eq!(Arc::strong_count(&old), 1);
    send.send(1).unwrap();
    send.send(2).unwrap();
    assert_eq!((old.get(), new.get()), (0, 1));
    let polled = receive.poll_recv(&mut Context::from_waker(&old.waker()));
    assert_eq!(polled, Poll::Ready(Some(1)));
}

#[test]
fn stats_tell_what_there_is() {
    let (send, _receive) = unbounded_channel();
    send.send(1).unwrap();
    let stats = send.stats();
    assert_eq!((stats.len, stats.capacity, stats.reserved), (1, None, 0));
    assert!(format!("{send:?}").starts_with("UnboundedSender"));
}

#[test]
fn errors_say_what_is_wrong_and_give_the_value_back() {
    struct Opaque;
    fn error(error: impl std::error::Error) -> String {
        error.to_string()
    }
    assert_eq!(error(SendError(Opaque)), "the channel is closed");
    assert_eq!(error(TrySendError::Full(Opaque)), "the channel is full");
    assert_eq!(error(TrySendError::from(SendError(Opaque))), "the channel is closed");
    assert_eq!(error(SendTimeoutError::Timeout(Opaque)), "the channel stayed full for too long");
    assert_eq!(error(SendTimeoutError::Closed(Opaque)), "the channel is closed");
    assert_eq!(error(TryRecvError::Empty), "the channel is empty");
    assert_eq!(error(TryRecvError::Disconnected), "the channel is empty and closed");
    assert_eq!(format!("{:?}", TrySendError::Full(Opaque)), "Full(..)");
    assert_eq!(SendTimeoutError::Closed(1).into_inner(), 1);
}

#[test]
fn handles_are_as_small_as_tokios_and_as_free() {
    fn free<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}
    fn sends<T: Send>(_: T) {}
    free::<UnboundedSender<Cell<u32>>>();
    free::<UnboundedReceiver<Cell<u32>>>();
    free::<WeakUnboundedSender<Cell<u32>>>();
    assert_eq!(size_of::<UnboundedSender<u64>>(), 8);
    assert_eq!(size_of::<UnboundedReceiver<u64>>(), 8);
    assert_eq!(size_of::<WeakUnboundedSender<u64>>(), 8);
    let (send, mut receive) = unbounded_channel::<u32>();
    sends(send.closed());
    sends(receive.recv());
    sends(receive.recv_many(&mut Vec::new(), 1));
}
