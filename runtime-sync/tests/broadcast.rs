//! What a broadcast channel promises.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use runtime_sync::budget;
use runtime_sync::channel::broadcast::error::{RecvError, SendError, TryRecvError};
use runtime_sync::channel::broadcast::{self, Receiver, Sender, WeakSender};
use support::{Count, Event, Fragile, hooked};

fn poll<F: Future>(future: Pin<&mut F>, task: &Arc<Count>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&task.waker()))
}

fn panics(f: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}

/// Counts how many of its kind are alive.
#[derive(Debug)]
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(count: &Arc<AtomicUsize>) -> Alive {
        count.fetch_add(1, Ordering::SeqCst);
        Alive(Arc::clone(count))
    }
}

impl Clone for Alive {
    fn clone(&self) -> Alive {
        Alive::new(&self.0)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn counter() -> (Arc<AtomicUsize>, impl Fn() -> usize) {
    let count = Arc::new(AtomicUsize::new(0));
    let reader = Arc::clone(&count);
    (count, move || reader.load(Ordering::SeqCst))
}

#[test]
fn the_ends_are_as_small_as_tokios_and_go_anywhere() {
    fn anywhere<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}
    fn sends<T: Send>(_: T) {}
    anywhere::<Sender<Cell<u8>>>();
    anywhere::<WeakSender<Cell<u8>>>();
    anywhere::<Receiver<Cell<u8>>>();
    anywhere::<(RecvError, TryRecvError, SendError<u8>)>();
    assert_eq!(size_of::<Sender<[u64; 9]>>(), 8);
    assert_eq!(size_of::<WeakSender<[u64; 9]>>(), 8);
    assert_eq!(size_of::<Receiver<[u64; 9]>>(), 16);
    let (sender, mut receiver) = broadcast::channel::<Cell<u8>>(1);
    sends(receiver.recv());
    sends(sender.closed());
}

#[test]
fn each_receiver_gets_each_value_in_order() {
    let (sender, mut first) = broadcast::channel(8);
    let mut second = sender.subscribe();
    assert_eq!(sender.send(1), Ok(2));
    let mut third = first.resubscribe();
    assert_eq!(sender.clone().send(2), Ok(3));
    for receiver in [&mut first, &mut second] {
        assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(1), Ok(2)));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    }
    assert_eq!((third.len(), third.try_recv()), (1, Ok(2)));
    assert!(third.is_empty() && sender.is_empty());
}

#[test]
fn a_send_wakes_all_who_wait_once() {
    let (sender, _keep) = broadcast::channel(4);
    let mut receivers: [_; 40] = std::array::from_fn(|_| sender.subscribe());
    let tasks: [_; 40] = std::array::from_fn(|_| Count::new());
    let mut waits: Vec<_> = receivers.iter_mut().map(|one| Box::pin(one.recv())).collect();
    for (wait, task) in waits.iter_mut().zip(&tasks) {
        assert!(poll(wait.as_mut(), task).is_pending());
    }
    assert_eq!(sender.stats().waiting, 40);
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    assert!(tasks.iter().all(|task| task.get() == 1));
    for (wait, task) in waits.iter_mut().zip(&tasks) {
        assert_eq!(poll(wait.as_mut(), task), Poll::Ready(Ok(1)));
    }
}

#[test]
fn who_lags_is_told_and_goes_on_with_the_oldest() {
    let (sender, mut receiver) = broadcast::channel(3);
    for number in 0..4 {
        sender.send(number).unwrap();
    }
    assert_eq!(receiver.try_recv(), Ok(0), "three are rounded up to four");
    for number in 4..10 {
        sender.send(number).unwrap();
    }
    assert_eq!((receiver.len(), sender.len()), (9, 4));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Lagged(5)));
    assert_eq!(receiver.blocking_recv(), Ok(6));
    drop(sender);
    assert_eq!(
        std::array::from_fn(|_| receiver.try_recv().ok()),
        [Some(7), Some(8), Some(9), None]
    );
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn what_was_sent_is_received_before_the_end() {
    let (sender, mut receiver) = broadcast::channel(4);
    let task = Count::new();
    sender.send(1).unwrap();
    drop(sender.clone());
    drop(sender.downgrade());
    assert!(!receiver.is_closed());
    assert_eq!(receiver.try_recv(), Ok(1));
    {
        let mut recv = pin!(receiver.recv());
        assert!(poll(recv.as_mut(), &task).is_pending());
        sender.send(2).unwrap();
        drop(sender);
        assert_eq!(task.get(), 1);
        assert_eq!(poll(recv, &task), Poll::Ready(Ok(2)));
    }
    assert!(receiver.is_closed());
    assert_eq!(receiver.blocking_recv(), Err(RecvError::Closed));
    assert_eq!(receiver.resubscribe().blocking_recv(), Err(RecvError::Closed));
}

#[test]
fn the_last_sender_wakes_those_who_wait() {
    let (sender, mut receiver) = broadcast::channel::<u8>(4);
    let task = Count::new();
    let weak = sender.downgrade();
    let mut recv = pin!(receiver.recv());
    assert!(poll(recv.as_mut(), &task).is_pending());
    drop(weak.upgrade().unwrap());
    assert_eq!(task.get(), 0);
    drop(sender);
    assert_eq!(task.get(), 1);
    assert_eq!(poll(recv, &task), Poll::Ready(Err(RecvError::Closed)));
    assert!(weak.upgrade().is_none());
}

#[test]
fn senders_and_weak_senders_are_counted() {
    let (sender, receiver) = broadcast::channel::<u8>(4);
    let weak = sender.downgrade();
    let (second, weak_second) = (weak.upgrade().unwrap(), weak.clone());
    assert_eq!((sender.strong_count(), sender.weak_count()), (2, 2));
    assert_eq!((receiver.sender_strong_count(), receiver.sender_weak_count()), (2, 2));
    drop((second, weak_second));
    assert_eq!((weak.strong_count(), weak.weak_count()), (1, 1));
    assert!(sender.same_channel(&weak.upgrade().unwrap()));
    assert!(receiver.same_channel(&sender.subscribe()));
}

#[test]
fn a_send_without_receivers_gives_the_value_back() {
    let (sender, receiver) = broadcast::channel(1);
    drop(receiver);
    assert_eq!(sender.send(1), Err(SendError(1)));
    let mut late = sender.subscribe();
    assert_eq!(late.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(sender.send(2), Ok(1));
    assert_eq!(late.try_recv(), Ok(2));
}

#[test]
fn closed_waits_for_the_last_receiver() {
    let (sender, receiver) = broadcast::channel::<u8>(4);
    let task = Count::new();
    let mut closed = pin!(sender.closed());
    assert!(poll(closed.as_mut(), &task).is_pending());
    let second = receiver.resubscribe();
    drop(receiver);
    assert_eq!((task.get(), sender.receiver_count()), (0, 1));
    drop(second);
    assert_eq!(task.get(), 1);
    assert!(poll(closed, &task).is_ready());
}

#[test]
fn who_hears_that_all_receivers_are_gone_finds_an_empty_channel() {
    let (sender, receiver) = broadcast::channel(4);
    sender.send(1).unwrap();
    let seen = Arc::new(AtomicUsize::new(usize::MAX));
    let waker = hooked({
        let (sender, seen) = (sender.clone(), Arc::clone(&seen));
        move |event| {
            if event == Event::Wake {
                seen.store(sender.len(), Ordering::SeqCst);
            }
        }
    });
    let mut closed = pin!(sender.closed());
    assert!(closed.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(receiver);
    assert_eq!(seen.load(Ordering::SeqCst), 0);
}

#[test]
fn a_value_is_dropped_when_the_last_receiver_has_read_it() {
    let (count, alive) = counter();
    let (sender, mut first) = broadcast::channel(4);
    let mut second = sender.subscribe();
    for _ in 0..3 {
        sender.send(Alive::new(&count)).unwrap();
    }
    drop(first.try_recv().unwrap());
    assert_eq!(alive(), 3);
    drop(second.try_recv().unwrap());
    assert_eq!((alive(), sender.len()), (2, 2));
    drop(first);
    assert_eq!(alive(), 2);
    drop(second);
    assert_eq!((alive(), sender.len()), (0, 0));
}

#[test]
fn a_value_that_is_pushed_out_is_dropped_and_so_is_what_is_left_at_the_end() {
    let (count, alive) = counter();
    let (sender, mut receiver) = broadcast::channel(2);
    for _ in 0..5 {
        sender.send(Alive::new(&count)).unwrap();
    }
    assert_eq!(alive(), 2);
    assert!(matches!(receiver.try_recv(), Err(TryRecvError::Lagged(3))));
    std::mem::forget(receiver);
    drop(sender);
    assert_eq!(alive(), 2, "a receiver that leaks keeps the channel");

    let (sender, receiver) = broadcast::channel(2);
    for _ in 0..5 {
        sender.send(Alive::new(&count)).unwrap();
    }
    drop((sender, receiver));
    assert_eq!(alive(), 2);
}

#[test]
fn the_last_receiver_gets_the_value_itself() {
    struct NoClone;
    impl Clone for NoClone {
        fn clone(&self) -> NoClone {
            panic!("a clone was made for nothing");
        }
    }
    let (sender, mut receiver) = broadcast::channel(2);
    for _ in 0..3 {
        sender.send(NoClone).unwrap_or_else(|_| panic!("there is a receiver"));
        assert!(receiver.try_recv().is_ok());
    }
}

/// What a clone does, once.
type Hook = Arc<dyn Fn() + Send + Sync>;

struct Hooked(u8, Option<Hook>);

impl Clone for Hooked {
    fn clone(&self) -> Hooked {
        if let Some(hook) = &self.1 {
            hook();
        }
        Hooked(self.0, None)
    }
}

fn hook(f: impl Fn() + Send + Sync + 'static) -> Option<Hook> {
    Some(Arc::new(f))
}

fn number(received: Result<Hooked, TryRecvError>) -> Result<u8, TryRecvError> {
    received.map(|value| value.0)
}

#[test]
fn a_clone_may_push_its_own_value_out() {
    let (sender, mut first) = broadcast::channel(1);
    let mut second = sender.subscribe();
    let inner = sender.clone();
    let send = move || drop(inner.send(Hooked(2, None)));
    assert!(sender.send(Hooked(1, hook(send))).is_ok());
    assert_eq!(number(first.try_recv()), Ok(1));
    assert_eq!(number(second.try_recv()), Err(TryRecvError::Lagged(1)));
    assert_eq!(number(second.try_recv()), Ok(2));
    assert_eq!(number(first.try_recv()), Ok(2));
    assert!(sender.is_empty());
}

#[test]
fn a_clone_that_receives_its_own_value_panics_instead_of_hanging() {
    let (sender, mut first) = broadcast::channel(2);
    let second = std::sync::Mutex::new(sender.subscribe());
    let receive = move || {
        let mut second = second.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        drop(second.try_recv());
    };
    assert!(sender.send(Hooked(1, hook(receive))).is_ok());
    let panic = catch_unwind(AssertUnwindSafe(|| first.try_recv().is_ok())).unwrap_err();
    let message = panic.downcast_ref::<&str>().unwrap();
    assert!(message.contains("do not receive in `clone`"), "{message}");
    // It counts as read by the one whose clone it was, and waits for the other.
    assert_eq!(number(first.try_recv()), Err(TryRecvError::Empty));
    assert_eq!(sender.len(), 1);
}

#[test]
fn a_clone_may_drop_the_other_receivers() {
    let (count, alive) = counter();
    let (sender, mut first) = broadcast::channel(2);
    let second = std::sync::Mutex::new(Some(sender.subscribe()));
    let guard = Alive::new(&count);
    let leave = move || {
        let _ = &guard;
        drop(second.lock().unwrap().take());
    };
    assert!(sender.send(Hooked(1, hook(leave))).is_ok());
    assert_eq!(number(first.try_recv()), Ok(1));
    // The one that cloned was the last after all.
    assert_eq!((alive(), sender.len(), sender.receiver_count()), (0, 0, 1));
}

#[test]
fn a_clone_that_panics_leaves_the_value_to_the_others() {
    let (sender, mut first) = broadcast::channel(2);
    let mut second = sender.subscribe();
    let third = sender.subscribe();
    let calls = AtomicUsize::new(0);
    let fail = move || assert!(calls.fetch_add(1, Ordering::SeqCst) > 0, "a clone panics");
    assert!(sender.send(Hooked(1, hook(fail))).is_ok());
    assert!(panics(|| drop(first.try_recv())));
    assert_eq!(number(first.try_recv()), Err(TryRecvError::Empty));
    assert_eq!(number(second.try_recv()), Ok(1));
    assert_eq!(sender.len(), 1);
    drop(third);
    assert!(sender.is_empty());
}

#[test]
fn a_drop_that_panics_leaves_the_channel_usable() {
    struct Bomb(bool, #[allow(dead_code)] Alive);
    impl Clone for Bomb {
        fn clone(&self) -> Bomb {
            Bomb(false, self.1.clone())
        }
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.0, "a drop panics");
        }
    }
    let (count, alive) = counter();
    let send = |sender: &Sender<Bomb>, bomb| drop(sender.send(Bomb(bomb, Alive::new(&count))));
    let (sender, receiver) = broadcast::channel(4);
    (0..4).for_each(|at| send(&sender, at == 1));
    assert!(panics(|| drop(receiver)));
    assert_eq!((alive(), sender.len(), sender.receiver_count()), (0, 0, 0));

    let mut receiver = sender.subscribe();
    let task = Count::new();
    (0..4).for_each(|at| send(&sender, at == 0));
    assert!(panics(|| send(&sender, false)), "the one that is pushed out");
    assert!(matches!(receiver.try_recv(), Err(TryRecvError::Lagged(1))));
    (0..4).for_each(|_| assert!(receiver.try_recv().is_ok()));
    assert!(poll(pin!(receiver.recv()), &task).is_pending());
    drop(receiver);
    assert_eq!(alive(), 0);
}

#[test]
fn a_waker_may_send_receive_and_panic() {
    let (sender, mut first) = broadcast::channel(4);
    let mut second = sender.subscribe();
    let task = Count::new();
    let waker = hooked({
        let (sender, third) = (sender.clone(), std::sync::Mutex::new(sender.subscribe()));
        move |event| {
            if event == Event::Wake {
                assert_eq!(third.lock().unwrap().try_recv(), Ok(1));
                sender.send(2).unwrap();
                panic!("a waker panics");
            }
        }
    });
    {
        let mut one = pin!(first.recv());
        let mut other = pin!(second.recv());
        assert!(one.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert!(poll(other.as_mut(), &task).is_pending());
        assert!(panics(|| _ = sender.send(1)));
        assert_eq!(task.get(), 1, "the panic of one keeps another from being woken");
        assert_eq!(poll(other, &task), Poll::Ready(Ok(1)));
        assert_eq!(poll(one, &task), Poll::Ready(Ok(1)));
    }
    assert_eq!((first.try_recv(), second.try_recv()), (Ok(2), Ok(2)));
}

#[test]
fn a_wait_that_is_dropped_loses_nothing() {
    let (sender, mut receiver) = broadcast::channel(4);
    let task = Count::new();
    {
        let mut recv = Box::pin(receiver.recv());
        assert!(poll(recv.as_mut(), &task).is_pending());
        sender.send(1).unwrap();
    }
    assert_eq!(Arc::strong_count(&task), 1);
    assert_eq!(receiver.try_recv(), Ok(1));
}

#[test]
fn bad_capacities_are_refused() {
    assert!(panics(|| drop(broadcast::channel::<u8>(0))));
    assert!(panics(|| drop(broadcast::channel::<u8>(usize::MAX / 2 + 1))));
    assert!(panics(|| drop(Sender::<u8>::new(usize::MAX / 2))), "there is not so much memory");
}

#[test]
fn too_many_receivers_are_refused() {
    const MAX: usize = (1 << 20) - 1;
    let sender = Sender::new(1);
    let mut receivers: Vec<_> = (0..MAX).map(|_| sender.subscribe()).collect();
    assert!(panics(|| drop(sender.subscribe())));
    assert_eq!(sender.send(7), Ok(MAX));
    let last = receivers.pop().unwrap();
    assert!(receivers.iter_mut().all(|receiver| receiver.try_recv() == Ok(7)));
    assert_eq!(sender.len(), 1);
    drop(last);
    assert_eq!((sender.len(), sender.receiver_count()), (0, MAX - 1));
    drop(sender.subscribe());
}

#[test]
fn it_spends_the_budget() {
    let (sender, mut receiver) = broadcast::channel(4);
    let task = Count::new();
    let before = budget::refill();
    for _ in 0..budget::BUDGET {
        sender.send(1).unwrap();
        assert!(poll(pin!(receiver.recv()), &task).is_ready());
    }
    sender.send(1).unwrap();
    assert!(poll(pin!(receiver.recv()), &task).is_pending());
    assert_eq!((task.get(), receiver.try_recv()), (1, Ok(1)));
    budget::restore(before);
}

#[test]
fn blocking_within_a_task_panics_and_loses_nothing() {
    let (sender, mut receiver) = broadcast::channel(4);
    sender.send(1).unwrap();
    let before = budget::refill();
    assert!(panics(|| _ = receiver.blocking_recv()));
    budget::restore(before);
    assert_eq!(receiver.blocking_recv(), Ok(1));
}

#[test]
fn debug_says_what_there_is() {
    let (sender, receiver) = broadcast::channel(4);
    sender.send(1).unwrap();
    assert_eq!(format!("{sender:?}"), "Sender { len: 1, receivers: 1, .. }");
    assert_eq!(format!("{receiver:?}"), "Receiver { len: 1, .. }");
}

#[test]
fn values_that_panic_as_they_are_dropped_are_all_dropped_and_the_first_panic_is_told() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = broadcast::channel(4);
    for _ in 0..3 {
        assert!(sender.send(Fragile(Arc::clone(&dropped))).is_ok());
    }
    assert!(panics(|| drop(receiver)));
    assert_eq!(dropped.load(Ordering::SeqCst), 3);
    assert!(sender.is_empty());
}
