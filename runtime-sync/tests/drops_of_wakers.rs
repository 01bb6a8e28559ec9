//! Futures that are dropped in one scope, whose wakers panic as they are dropped: the first panic comes out, and
//! the others are no end of the process.
#![allow(missing_docs)]

mod support;

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Waker};

use runtime_sync::channel::{broadcast, mpmc, mpsc, oneshot, watch};
use runtime_sync::lock::{
    Barrier, CancellationToken, Condition, Event, Mutex, Notify, ParkingLot, RwLock, Semaphore,
};
use runtime_sync::primitives::Mutex as PlainMutex;
use runtime_sync::queue::Queue;
use runtime_sync::wake_batch::WakeBatch;
use support::{Count, Event as Happens, hooked};

/// Makes two futures of each kind, has both wait with such a waker, and drops them one after the other.
fn drop_two<F: Future>(kind: &str, mut make: impl FnMut() -> F) {
    let waker = hooked(|event| assert_ne!(event, Happens::Drop, "a waker is dropped"));
    // Its own drop is nobody's business here.
    let waker = ManuallyDrop::new(waker);
    let two = [(); 2].map(|()| {
        let mut future: Pin<Box<F>> = Box::pin(make());
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "{kind}");
        future
    });
    assert!(catch_unwind(AssertUnwindSafe(|| drop(two))).is_err(), "{kind}");
}

#[test]
fn who_waits_for_a_lock() {
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    drop_two("a mutex", || mutex.lock());
    drop(guard);
    let rwlock = RwLock::new(());
    let guard = rwlock.try_write().unwrap();
    drop_two("a reader", || rwlock.read());
    drop_two("a writer", || rwlock.write());
    drop(guard);
    let semaphore = Semaphore::new(0);
    drop_two("a semaphore", || semaphore.acquire());
    let queue = Queue::<u32>::new(0);
    drop_two("a queue", || queue.get());
    assert_eq!((semaphore.stats().waiters, queue.stats().getters), (0, 0));
}

#[test]
fn who_waits_for_a_signal() {
    let notify = Notify::new();
    drop_two("notify", || notify.notified());
    let event = Event::new();
    drop_two("an event", || event.wait());
    let barrier = Barrier::new(9);
    drop_two("a barrier", || barrier.wait());
    let lot = ParkingLot::new();
    drop_two("a parking lot", || lot.park());
    let token = CancellationToken::new();
    drop_two("a token", || token.cancelled());
    drop_two("a token of its own", || token.clone().cancelled_owned());
    assert_eq!(notify.stats().waiters, 0);
}

#[test]
fn who_waits_at_a_channel() {
    let (sender, _receiver) = mpsc::channel(1);
    sender.try_send(1).unwrap();
    drop_two("a sender", || sender.send(2));
    let (sender, receiver) = mpmc::bounded(1);
    drop_two("a receiver of many", || receiver.recv());
    sender.try_send(1).unwrap();
    drop_two("a sender of many", || sender.send(2));
    let (sender, receiver) = mpmc::bounded(0);
    drop_two("who wants to be met", || receiver.recv());
    drop_two("who wants to meet", || sender.send(2));
    let (_sender, receiver) = watch::channel(1);
    drop_two("who watches", || {
        let mut receiver = receiver.clone();
        async move { receiver.changed().await }
    });
    let (sender, _receiver) = broadcast::channel::<u32>(1);
    drop_two("a listener", || {
        let mut receiver = sender.subscribe();
        async move { receiver.recv().await }
    });
    let mut senders = Vec::new();
    drop_two("who wants one value", || {
        let (sender, receiver) = oneshot::channel::<u32>();
        senders.push(sender);
        receiver
    });
    let mut senders = Vec::new();
    drop_two("a receiver that is dropped", || {
        let (sender, mut receiver) = mpsc::channel::<u32>(1);
        senders.push(sender);
        async move { receiver.recv().await }
    });
    let mut receivers = Vec::new();
    drop_two("a sender that waits for the end", || {
        let (mut sender, receiver) = oneshot::channel::<u32>();
        receivers.push(receiver);
        async move { sender.closed().await }
    });
}

#[test]
fn who_waits_for_a_condition() {
    let mutex = Mutex::new(());
    let condition = Condition::new();
    drop_two("a condition", || async {
        let guard = mutex.lock().await;
        drop(condition.wait(guard).await);
    });
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn those_behind_who_ask_for_less_are_served_all_the_same() {
    let (sender, _receiver) = mpsc::channel(2);
    sender.try_send(1).unwrap();
    let waker = ManuallyDrop::new(hooked(|event| assert_ne!(event, Happens::Drop)));
    let mut much = Box::pin(sender.reserve_many(2));
    assert!(much.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let task = Count::new();
    let mut little = pin!(sender.send(2));
    assert!(little.as_mut().poll(&mut Context::from_waker(&task.waker())).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(much))).is_err());
    assert_eq!(task.get(), 1);
    assert!(little.poll(&mut Context::from_waker(Waker::noop())).is_ready());
}

/// A crowd is woken in batches. One of the second that gives up while the first is being woken has been notified,
/// and hands that on.
#[test]
fn a_notification_is_handed_on_all_the_same() {
    type Waits = Pin<Box<dyn Future<Output = ()> + Send>>;
    let condition: &Condition = Box::leak(Box::default());
    let mutex: &Mutex<()> = Box::leak(Box::default());
    let wait = || -> Waits { Box::pin(async { drop(condition.wait(mutex.lock().await).await) }) };
    let gives_up: Arc<PlainMutex<Option<Waits>>> = Arc::new(PlainMutex::new(None));
    let given_up = gives_up.clone();
    let first = hooked(move |event| {
        if event == Happens::Wake {
            drop(given_up.lock().take());
        }
    });
    let panics = ManuallyDrop::new(hooked(|event| assert_ne!(event, Happens::Drop)));
    let (others, behind) = (Count::new(), Count::new());
    let mut crowd = Vec::new();
    for number in 1..=WakeBatch::CAPACITY + 2 {
        let waker = match number {
            1 => first.clone(),
            n if n == WakeBatch::CAPACITY + 1 => Waker::clone(&panics),
            n if n == WakeBatch::CAPACITY + 2 => behind.waker(),
            _ => others.waker(),
        };
        // Its own drop is nobody's business here.
        let waker = ManuallyDrop::new(waker);
        let mut waits = wait();
        assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        crowd.push(waits);
    }
    *gives_up.lock() = Some(crowd.remove(WakeBatch::CAPACITY));
    let notify = || condition.notify(WakeBatch::CAPACITY + 1);
    assert!(catch_unwind(AssertUnwindSafe(notify)).is_err());
    assert_eq!(others.get(), WakeBatch::CAPACITY - 1);
    assert_eq!(behind.get(), 1, "the notification of the one that gave up");
}
