//! `Notify`, promise by promise; the races are in `loom_notify.rs`.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::thread;

use runtime_sync::block_on;
use runtime_sync::lock::Notify;
use runtime_sync::lock::futures::{Notified, OwnedNotified};
use support::{Count, Event, hooked};

fn is_ready(future: Pin<&mut impl Future<Output = ()>>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// A future that waits in line, and the count of its wakes.
fn waits(notify: &Notify) -> (Pin<Box<Notified<'_>>>, Arc<Count>) {
    let count = Count::new();
    let mut future = Box::pin(notify.notified());
    assert!(future.as_mut().poll(&mut Context::from_waker(&count.waker())).is_pending());
    (future, count)
}

#[test]
fn several_wakes_with_nobody_waiting_make_one_permit() {
    let notify = Notify::new();
    notify.notify_one();
    notify.notify_one();
    assert!(is_ready(pin!(notify.notified())));
    assert!(!is_ready(pin!(notify.notified())));
}

#[test]
fn the_first_is_woken_first_and_notify_last_wakes_the_last() {
    let notify = Notify::new();
    let mut all: Vec<_> = (0..4).map(|_| waits(&notify)).collect();
    let woken = |all: &[(_, Arc<Count>)]| all.iter().map(|one| one.1.get()).collect::<Vec<_>>();
    notify.notify_one();
    assert_eq!(woken(&all), [1, 0, 0, 0]);
    notify.notify_last();
    assert_eq!(woken(&all), [1, 0, 0, 1]);
    notify.notify_one();
    assert_eq!(woken(&all), [1, 1, 0, 1]);
    let ready: Vec<_> = all.iter_mut().map(|one| is_ready(one.0.as_mut())).collect();
    assert_eq!(ready, [true, true, false, true]);
    assert_eq!(notify.stats().waiters, 1);
}

#[test]
fn notify_waiters_wakes_all_and_stores_nothing() {
    let notify = Notify::new();
    let mut all: Vec<_> = (0..100).map(|_| waits(&notify)).collect();
    notify.notify_waiters();
    assert!(all.iter().all(|one| one.1.get() == 1));
    assert!(all.iter_mut().all(|one| is_ready(one.0.as_mut())));
    assert!(!is_ready(pin!(notify.notified())));
}

#[test]
fn a_future_made_before_notify_waiters_gets_it_although_never_polled() {
    let notify = Arc::new(Notify::new());
    let before = notify.notified();
    let owned = Arc::clone(&notify).notified_owned();
    notify.notify_waiters();
    let after = notify.notified();
    assert!(is_ready(pin!(before)));
    assert!(is_ready(pin!(owned)));
    assert!(!is_ready(pin!(after)));
}

#[test]
fn notify_waiters_leaves_the_permit_to_others() {
    let notify = Notify::new();
    let before = notify.notified();
    notify.notify_one();
    notify.notify_waiters();
    assert!(is_ready(pin!(before)));
    assert!(notify.stats().permit);
    assert!(is_ready(pin!(notify.notified())));
    assert!(!notify.stats().permit);
}

#[test]
fn a_chosen_future_that_is_dropped_hands_its_wake_to_the_next() {
    let notify = Notify::new();
    let (first, _) = waits(&notify);
    let (mut second, count) = waits(&notify);
    notify.notify_one();
    drop(first);
    assert_eq!(count.get(), 1);
    assert!(is_ready(second.as_mut()));
    assert!(!notify.stats().permit);
}

#[test]
fn a_wake_of_notify_last_is_handed_on_from_the_back() {
    let notify = Notify::new();
    let (_first, first) = waits(&notify);
    let (_second, second) = waits(&notify);
    let (third, _) = waits(&notify);
    notify.notify_last();
    drop(third);
    assert_eq!((first.get(), second.get()), (0, 1));
}

#[test]
fn a_wake_that_nobody_is_left_for_is_stored() {
    let notify = Notify::new();
    let (only, _) = waits(&notify);
    notify.notify_one();
    drop(only);
    assert!(notify.stats().permit);
}

#[test]
fn a_wake_for_all_is_not_handed_on() {
    let notify = Notify::new();
    let (only, _) = waits(&notify);
    notify.notify_waiters();
    drop(only);
    assert!(!notify.stats().permit);
}

#[test]
fn a_waiter_that_leaves_takes_its_mark_along() {
    let notify = Notify::new();
    let (first, _) = waits(&notify);
    let (second, _) = waits(&notify);
    drop(first);
    assert_eq!(notify.stats().waiters, 1);
    drop(second);
    assert_eq!(format!("{notify:?}"), "Notify(empty)");
    notify.notify_one();
    assert_eq!(format!("{notify:?}"), "Notify(permit)");
}

#[test]
fn enable_enters_the_line_without_a_poll() {
    let notify = Notify::new();
    let mut early = pin!(notify.notified());
    assert!(!early.as_mut().enable());
    assert!(!early.as_mut().enable());
    let (mut late, _) = waits(&notify);
    notify.notify_one();
    assert!(!is_ready(late.as_mut()));
    assert!(early.as_mut().enable());
    assert!(is_ready(early));
}

#[test]
fn enable_takes_a_permit_and_learns_of_a_wake_for_all() {
    let notify = Notify::new();
    let mut first = pin!(notify.notified());
    let mut second = pin!(notify.notified());
    notify.notify_one();
    assert!(first.as_mut().enable());
    assert!(!notify.stats().permit);
    notify.notify_waiters();
    assert!(second.as_mut().enable());
    assert!(is_ready(first) && is_ready(second));
}

#[test]
fn an_enabled_future_that_is_dropped_hands_its_wake_on() {
    let notify = Notify::new();
    let mut enabled = Box::pin(notify.notified());
    enabled.as_mut().enable();
    let (_second, count) = waits(&notify);
    notify.notify_one();
    drop(enabled);
    assert_eq!(count.get(), 1);
}

#[test]
fn a_future_that_was_ready_stays_so() {
    let notify = Notify::new();
    notify.notify_one();
    let mut future = pin!(notify.notified());
    assert!(is_ready(future.as_mut()));
    assert!(is_ready(future.as_mut()));
}

#[test]
fn owned_futures_wait_in_the_same_line() {
    let notify = Arc::new(Notify::new());
    let mut owned = Box::pin(Arc::clone(&notify).notified_owned());
    assert!(!is_ready(owned.as_mut()));
    let (mut borrowed, _) = waits(&notify);
    notify.notify_one();
    assert!(!is_ready(borrowed.as_mut()));
    assert!(is_ready(owned.as_mut()));
    let mut owned = Box::pin(Arc::clone(&notify).notified_owned());
    assert!(!owned.as_mut().enable());
    notify.notify_last();
    drop(owned);
    assert!(is_ready(borrowed.as_mut()), "the wake was handed on");
}

/// A waker of the first batch calls `notify_one` while the others of its generation still stand in
/// line: the wake is for somebody else.
#[test]
fn a_wake_in_the_midst_of_notify_waiters_is_not_lost_on_those_it_wakes() {
    let notify = Arc::new(Notify::new());
    let stored = Arc::new(AtomicUsize::new(0));
    let waker = hooked({
        let (notify, stored) = (Arc::clone(&notify), Arc::clone(&stored));
        move |event| {
            if event == Event::Wake {
                notify.notify_one();
                notify.notify_last();
                stored.fetch_add(notify.stats().permit as usize, Ordering::Relaxed);
            }
        }
    });
    let mut first = Box::pin(notify.notified());
    assert!(first.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let mut rest: Vec<_> = (0..70).map(|_| waits(&notify)).collect();
    notify.notify_waiters();
    assert_eq!(stored.load(Ordering::Relaxed), 1, "it should have become a permit");
    assert!(rest.iter_mut().all(|one| is_ready(one.0.as_mut())));
    assert!(is_ready(pin!(notify.notified())));
    assert!(is_ready(first.as_mut()));
    drop(first);
}

/// The same, with somebody who entered in the midst of it: the wake finds it behind the others.
#[test]
fn who_enters_in_the_midst_of_notify_waiters_can_be_chosen() {
    let notify = Arc::new(Notify::new());
    let late = Arc::new(std::sync::Mutex::new(None));
    let count = Count::new();
    let waker = hooked({
        let (notify, late, count) = (Arc::clone(&notify), Arc::clone(&late), Arc::clone(&count));
        move |event| {
            if event == Event::Wake {
                let mut future = Box::pin(Arc::clone(&notify).notified_owned());
                let mut cx = Context::from_waker(Waker::noop());
                assert!(future.as_mut().poll(&mut cx).is_pending());
                let waker = count.waker();
                assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
                notify.notify_one();
                assert_eq!(count.get(), 1);
                *late.lock().unwrap() = Some(future);
            }
        }
    });
    let mut first = Box::pin(notify.notified());
    assert!(first.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let rest: Vec<_> = (0..70).map(|_| waits(&notify)).collect();
    notify.notify_waiters();
    assert!(rest.iter().all(|one| one.1.get() == 1));
    assert!(is_ready(late.lock().unwrap().take().unwrap().as_mut()));
    assert_eq!(format!("{notify:?}"), "Notify(empty)");
}

#[test]
fn wakers_that_panic_leave_it_usable() {
    let notify = Notify::new();
    let angry = || hooked(|event| assert_ne!(event, Event::Wake, "angry"));
    let mut futures: Vec<_> = (0..3).map(|_| Box::pin(notify.notified())).collect();
    for future in &mut futures {
        assert!(future.as_mut().poll(&mut Context::from_waker(&angry())).is_pending());
    }
    let (mut calm, count) = waits(&notify);
    catch_unwind(AssertUnwindSafe(|| notify.notify_one())).unwrap_err();
    assert!(is_ready(futures[0].as_mut()), "it was woken, in a way");
    catch_unwind(AssertUnwindSafe(|| notify.notify_waiters())).unwrap_err();
    assert_eq!(count.get(), 1);
    assert!(is_ready(calm.as_mut()));
    notify.notify_one();
    assert!(is_ready(pin!(notify.notified())));
}

#[test]
fn waiting_spends_the_budget() {
    let before = runtime_sync::budget::refill();
    let notify = Notify::new();
    let mut rounds = 0;
    loop {
        notify.notify_one();
        if !is_ready(pin!(notify.notified())) {
            break;
        }
        rounds += 1;
    }
    runtime_sync::budget::restore(before);
    assert_eq!(rounds, usize::from(runtime_sync::budget::BUDGET));
    assert!(notify.stats().permit, "the wake stays for the next poll");
}

#[test]
fn it_is_small_and_can_be_shared() {
    fn shared<T: Send + Sync>() {}
    fn moves<T: Unpin + UnwindSafe + RefUnwindSafe>() {}
    shared::<Notify>();
    shared::<Notified<'static>>();
    shared::<OwnedNotified>();
    moves::<Notify>();
    // tokio's is 32: its line has neither a length nor a hint that is read without the lock.
    assert!(size_of::<Notify>() <= 32, "{}", size_of::<Notify>());
    assert!(size_of::<Notified<'_>>() <= 104, "{}", size_of::<Notified<'_>>());
}

/// As many wakes as there are items: each is consumed by somebody, and nobody sleeps forever.
#[test]
fn no_wake_is_lost_between_threads() {
    const THREADS: usize = 3;
    const ITEMS: usize = 3_000;
    let notify = Notify::new();
    let items = AtomicUsize::new(0);
    let taken = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                block_on(async {
                    while taken.load(Ordering::Relaxed) < ITEMS {
                        let mut waits = pin!(notify.notified());
                        waits.as_mut().enable();
                        let decrement = |n: usize| n.checked_sub(1);
                        let order = Ordering::AcqRel;
                        if items.fetch_update(order, Ordering::Acquire, decrement).is_ok() {
                            if taken.fetch_add(1, Ordering::AcqRel) + 1 == ITEMS {
                                notify.notify_waiters();
                            }
                        } else if taken.load(Ordering::Acquire) < ITEMS {
                            waits.await;
                        }
                    }
                });
            });
        }
        for n in 0..ITEMS {
            items.fetch_add(1, Ordering::Release);
            match n % 3 {
                0 => notify.notify_last(),
                _ => notify.notify_one(),
            }
        }
    });
    assert_eq!(taken.load(Ordering::Relaxed), ITEMS);
}
