//! What a watch channel promises.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use runtime_sync::channel::watch::error::{RecvError, SendError};
use runtime_sync::channel::watch::{self, Receiver, Ref, Sender};
use runtime_sync::{block_on, budget};
use support::{Count, Event, hooked};

fn poll<F: Future>(future: Pin<&mut F>, task: &Arc<Count>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&task.waker()))
}

fn panics(f: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}

#[test]
fn the_ends_are_as_small_as_tokios_and_go_anywhere() {
    fn anywhere<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}
    fn sends<T: Send>(_: T) {}
    anywhere::<Sender<String>>();
    anywhere::<Receiver<String>>();
    anywhere::<RecvError>();
    anywhere::<SendError<u8>>();
    fn syncs<T: Sync + Unpin>() {}
    syncs::<Ref<'_, String>>();
    assert_eq!(size_of::<Sender<[u64; 9]>>(), 8);
    assert_eq!(size_of::<Receiver<[u64; 9]>>(), 16);
    let (sender, mut receiver) = watch::channel(1);
    sends(sender.closed());
    sends(receiver.changed());
    sends(receiver.wait_for(|_| true));
    // What is not `Sync` may be watched on one thread.
    let (sender, receiver) = watch::channel(Cell::new(1));
    sender.send(Cell::new(2)).unwrap();
    assert_eq!(receiver.borrow().get(), 2);
}

#[test]
fn the_first_value_counts_as_seen() {
    let (_sender, mut receiver) = watch::channel(1);
    assert!(!receiver.has_changed().unwrap());
    assert!(!receiver.borrow().has_changed());
    assert!(poll(pin!(receiver.changed()), &Count::new()).is_pending());
    receiver.mark_changed();
    assert!(receiver.has_changed().unwrap());
    assert!(poll(pin!(receiver.changed()), &Count::new()).is_ready());
    assert!(!receiver.has_changed().unwrap());
}

#[test]
fn a_send_wakes_all_who_wait_once() {
    let (sender, receiver) = watch::channel(0);
    let mut receivers: [_; 40] = std::array::from_fn(|_| receiver.clone());
    let tasks: [_; 40] = std::array::from_fn(|_| Count::new());
    let mut waits: Vec<_> = receivers.iter_mut().map(|one| Box::pin(one.changed())).collect();
    for (wait, task) in waits.iter_mut().zip(&tasks) {
        assert!(poll(wait.as_mut(), task).is_pending());
    }
    assert_eq!(sender.stats().waiting, 40);
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    assert_eq!(sender.stats().waiting, 0);
    assert!(tasks.iter().all(|task| task.get() == 1));
    for (wait, task) in waits.iter_mut().zip(&tasks) {
        assert_eq!(poll(wait.as_mut(), task), Poll::Ready(Ok(())));
    }
}

#[test]
fn borrow_does_not_mark_and_borrow_and_update_does() {
    let (sender, mut receiver) = watch::channel(0);
    sender.send(1).unwrap();
    assert!(receiver.borrow().has_changed());
    assert!(receiver.borrow_and_update().has_changed());
    assert!(!receiver.borrow_and_update().has_changed());
    sender.send(2).unwrap();
    receiver.mark_unchanged();
    assert!(!receiver.has_changed().unwrap());
    assert_eq!(*receiver.borrow(), 2);
}

#[test]
fn a_clone_remembers_what_the_original_has_seen() {
    let (sender, mut receiver) = watch::channel(0);
    sender.send(1).unwrap();
    let late = receiver.clone();
    receiver.mark_unchanged();
    let early = receiver.clone();
    assert!(late.has_changed().unwrap() && !early.has_changed().unwrap());
    assert!(late.same_channel(&early) && !late.same_channel(&watch::channel(0).1));
    assert!(!sender.subscribe().has_changed().unwrap());
}

#[test]
fn the_last_value_is_seen_before_the_end() {
    let (sender, mut receiver) = watch::channel(0);
    let second = sender.clone();
    sender.send(1).unwrap();
    drop(sender);
    assert!(receiver.has_changed().unwrap());
    drop(second);
    assert!(receiver.has_changed().is_err());
    assert!(block_on(receiver.changed()).is_ok());
    assert!(block_on(receiver.changed()).is_err());
    assert_eq!(*receiver.borrow(), 1);
}

#[test]
fn the_last_sender_wakes_those_who_wait() {
    let (sender, mut receiver) = watch::channel(0);
    let task = Count::new();
    let mut second = receiver.clone();
    let mut changed = pin!(receiver.changed());
    let mut wait_for = pin!(second.wait_for(|_| false));
    assert!(poll(changed.as_mut(), &task).is_pending());
    assert!(poll(wait_for.as_mut(), &task).is_pending());
    drop(sender.clone());
    assert_eq!(task.get(), 0);
    drop(sender);
    assert_eq!(task.get(), 2);
    assert!(matches!(poll(changed, &task), Poll::Ready(Err(_))));
    assert!(matches!(poll(wait_for, &task), Poll::Ready(Err(_))));
}

#[test]
fn a_send_without_receivers_gives_the_value_back() {
    let (sender, receiver) = watch::channel(0);
    drop(receiver);
    assert_eq!(sender.send(1), Err(SendError(1)));
    assert_eq!(*sender.borrow(), 0);
    assert_eq!(sender.send_replace(2), 0);
    sender.send_modify(|value| *value += 1);
    let mut receiver = sender.subscribe();
    assert!(!sender.is_closed());
    assert_eq!(*receiver.borrow_and_update(), 3);
    sender.send(4).unwrap();
    assert!(block_on(receiver.changed()).is_ok());
}

#[test]
fn closed_waits_for_the_last_receiver() {
    let (sender, receiver) = watch::channel(0);
    let task = Count::new();
    let mut closed = pin!(sender.closed());
    assert!(poll(closed.as_mut(), &task).is_pending());
    assert_eq!(sender.stats().waiting_closed, 1);
    let second = receiver.clone();
    drop(receiver);
    assert_eq!(task.get(), 0);
    drop(second);
    assert_eq!(task.get(), 1);
    // A receiver that comes in between is waited for as well.
    let third = sender.subscribe();
    assert!(poll(closed.as_mut(), &task).is_pending());
    drop(third);
    assert_eq!(task.get(), 2);
    assert!(poll(closed.as_mut(), &task).is_ready());
}

#[test]
fn send_if_modified_tells_nobody_unless_told_to() {
    let (sender, mut receiver) = watch::channel(0);
    let task = Count::new();
    {
        let mut changed = pin!(receiver.changed());
        assert!(poll(changed.as_mut(), &task).is_pending());
        assert!(!sender.send_if_modified(|value| {
            *value = 1;
            false
        }));
        assert_eq!(task.get(), 0);
        assert!(poll(changed.as_mut(), &task).is_pending());
    }
    assert_eq!(*receiver.borrow(), 1);
    assert!(!receiver.has_changed().unwrap());
    assert!(sender.send_if_modified(|_| true));
    assert!(receiver.has_changed().unwrap());
}

#[test]
fn a_panic_in_modify_leaves_the_channel_usable() {
    let (sender, mut receiver) = watch::channel(0);
    let mut second = receiver.clone();
    let task = Count::new();
    let mut changed = pin!(second.changed());
    assert!(poll(changed.as_mut(), &task).is_pending());
    assert!(panics(|| sender.send_modify(|value| {
        *value = 1;
        panic!("a closure panics");
    })));
    // As in tokio: the change is there for those who look, but nobody is told.
    assert_eq!(task.get(), 0);
    assert_eq!(*receiver.borrow(), 1);
    assert!(!receiver.has_changed().unwrap());
    sender.send(2).unwrap();
    assert_eq!(task.get(), 1);
    assert!(poll(changed, &task).is_ready());
    assert_eq!(*receiver.borrow_and_update(), 2);
}

#[test]
fn a_panic_in_wait_for_leaves_the_channel_usable() {
    let (sender, mut receiver) = watch::channel(0);
    let task = Count::new();
    assert!(panics(|| drop(poll(pin!(receiver.wait_for(|_| panic!("a closure panics"))), &task))));
    sender.send(1).unwrap();
    assert_eq!(*block_on(receiver.wait_for(|value| *value == 1)).unwrap(), 1);
}

#[test]
fn wait_for_asks_about_the_present_value_and_each_later_one() {
    let (sender, mut receiver) = watch::channel(3);
    assert_eq!(*block_on(receiver.wait_for(|value| *value == 3)).unwrap(), 3);
    let task = Count::new();
    let asked = Cell::new(0);
    let mut wait = pin!(receiver.wait_for(|value| {
        asked.set(asked.get() + 1);
        *value >= 5
    }));
    assert!(poll(wait.as_mut(), &task).is_pending());
    assert!(poll(wait.as_mut(), &task).is_pending());
    sender.send(4).unwrap();
    assert!(poll(wait.as_mut(), &task).is_pending());
    sender.send(5).unwrap();
    drop(sender);
    match poll(wait.as_mut(), &task) {
        Poll::Ready(Ok(value)) => assert!(*value == 5 && value.has_changed()),
        _ => panic!("it has what it waits for"),
    }
    assert_eq!((task.get(), asked.get()), (2, 3));
}

#[test]
fn wait_for_looks_at_the_last_value_of_a_closed_channel() {
    let (sender, mut receiver) = watch::channel(1);
    drop(sender);
    assert_eq!(*block_on(receiver.wait_for(|value| *value == 1)).unwrap(), 1);
    assert!(block_on(receiver.wait_for(|value| *value == 2)).is_err());
}

#[test]
fn a_wait_that_is_dropped_sees_nothing_and_leaves_nothing() {
    let (sender, mut receiver) = watch::channel(0);
    let task = Count::new();
    {
        let mut changed = Box::pin(receiver.changed());
        assert!(poll(changed.as_mut(), &task).is_pending());
        sender.send(1).unwrap();
    }
    assert!(receiver.has_changed().unwrap());
    drop(receiver.clone().changed());
    assert_eq!(Arc::strong_count(&task), 1);
    assert_eq!(sender.stats().waiting, 0);
}

#[test]
fn the_value_before_is_dropped_outside_of_the_lock() {
    struct Looks(Option<Receiver<Looks>>, Arc<AtomicUsize>);
    impl Drop for Looks {
        fn drop(&mut self) {
            if let Some(receiver) = &self.0 {
                // Would wait for the sender if that held the lock.
                drop(receiver.borrow());
                self.1.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
    let count = Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = watch::channel(Looks(None, Arc::clone(&count)));
    sender.send_modify(|value| value.0 = Some(receiver.clone()));
    sender.send(Looks(None, Arc::clone(&count))).unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn a_waker_may_send_look_and_panic() {
    let (sender, mut receiver) = watch::channel(0);
    let (sender, mut second) = (Arc::new(sender), receiver.clone());
    let task = Count::new();
    let waker = hooked({
        let (sender, receiver) = (Arc::clone(&sender), receiver.clone());
        move |event| {
            if event == Event::Wake {
                assert_eq!(*receiver.borrow(), 1);
                sender.send(2).unwrap();
                panic!("a waker panics");
            }
        }
    });
    let mut first = pin!(receiver.changed());
    let mut other = pin!(second.changed());
    assert!(first.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(poll(other.as_mut(), &task).is_pending());
    assert!(panics(|| _ = sender.send(1)));
    assert_eq!(task.get(), 1, "the panic of one keeps another from being woken");
    assert!(poll(other, &task).is_ready());
    assert_eq!(*sender.borrow(), 2);
}

#[test]
fn it_spends_the_budget() {
    let (sender, mut receiver) = watch::channel(0);
    let before = budget::refill();
    let task = Count::new();
    for _ in 0..budget::BUDGET {
        sender.send(1).unwrap();
        assert!(poll(pin!(receiver.changed()), &task).is_ready());
    }
    assert!(poll(pin!(receiver.wait_for(|_| true)), &task).is_pending());
    assert!(receiver.borrow().eq(&1));
    drop(receiver);
    assert!(poll(pin!(sender.closed()), &task).is_pending());
    assert_eq!(task.get(), 2);
    budget::restore(before);
}

#[test]
fn receivers_on_threads_see_values_rise_and_the_last_one() {
    const LAST: u64 = 30_000;
    let (sender, receiver) = watch::channel(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let mut receiver = receiver.clone();
            scope.spawn(move || {
                let mut last = 0;
                while block_on(receiver.changed()).is_ok() {
                    let now = *receiver.borrow_and_update();
                    assert!(now > last || now == LAST, "{now} after {last}");
                    last = now;
                }
                assert_eq!(last, LAST);
            });
        }
        drop(receiver);
        let second = sender.clone();
        let half = |sender: Sender<u64>| {
            move || (0..LAST / 2).for_each(|_| sender.send_modify(|value| *value += 1))
        };
        scope.spawn(half(second));
        half(sender)();
    });
}

#[test]
fn debug_says_what_there_is() {
    let (sender, receiver) = watch::channel(0);
    assert_eq!(format!("{sender:?}"), "Sender { senders: 1, receivers: 1, .. }");
    assert_eq!(format!("{receiver:?}"), "Receiver { has_changed: false, is_closed: false, .. }");
    assert!(format!("{:?}", receiver.borrow()).contains('0'));
    assert_eq!(Sender::<u32>::default().borrow().to_string(), "0");
}

#[test]
fn what_changes_the_value_must_not_come_back_to_the_channel() {
    /// Looks at the value of its channel when it is dropped, and counts that this was refused.
    struct Looks(Option<(Receiver<Looks>, Arc<AtomicUsize>)>);
    impl Drop for Looks {
        fn drop(&mut self) {
            let Some((receiver, refused)) = self.0.take() else { return };
            let looked = panics(|| _ = receiver.borrow().0.is_some());
            refused.fetch_add(usize::from(looked), Ordering::SeqCst);
        }
    }
    let refused = Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = watch::channel(Looks(None));
    sender.send_replace(Looks(Some((receiver.clone(), refused.clone()))));
    // Dropped as it is changed, and after it.
    sender.send_modify(|value| *value = Looks(None));
    assert_eq!(refused.load(Ordering::SeqCst), 1);
    sender.send_replace(Looks(Some((receiver.clone(), refused.clone()))));
    drop(sender.send_replace(Looks(None)));
    assert_eq!(refused.load(Ordering::SeqCst), 1);
    sender.send_modify(|_| {
        assert!(panics(|| sender.send_modify(|_| ())));
        assert!(panics(|| _ = receiver.borrow()));
        // Those that look at no value are free.
        assert!(receiver.has_changed().is_ok() && sender.receiver_count() == 1);
    });
    assert!(panics(|| sender.send_modify(|_| panic!("in between"))));
    drop((sender.borrow(), receiver.borrow()));
    sender.send_modify(|_| ());
}
