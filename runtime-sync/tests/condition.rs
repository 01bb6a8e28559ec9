//! Waiting for a change of guarded data, promise by promise.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use runtime_sync::block_on;
use runtime_sync::lock::{Condition, Lock, Mutex, OwnedMutexGuard};
use support::{Count, Event, hooked};

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn poll_by<F: Future>(future: Pin<&mut F>, count: &Arc<Count>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&count.waker()))
}

#[test]
fn who_waits_gives_the_lock_back_and_has_it_again_afterwards() {
    let (lock, changed) = (Mutex::new(1), Condition::new());
    let mut waits = pin!(changed.wait(lock.try_lock().unwrap()));
    assert!(poll(waits.as_mut()).is_pending());
    assert_eq!(changed.stats().waiters, 1);
    *lock.try_lock().expect("it was given back") += 1;
    assert!(changed.notify_one());
    let Poll::Ready(guard) = poll(waits.as_mut()) else { panic!("it was notified") };
    assert_eq!(*guard, 2);
    assert!(lock.try_lock().is_err());
}

#[test]
fn a_future_that_was_never_polled_holds_the_lock_and_gives_it_back_when_dropped() {
    let (lock, changed) = (Mutex::new(1), Condition::new());
    let waits = changed.wait(lock.try_lock().unwrap());
    assert!(lock.try_lock().is_err());
    assert_eq!(changed.stats().waiters, 0);
    drop(waits);
    assert!(lock.try_lock().is_ok());
}

#[test]
fn a_notified_task_goes_on_when_the_notifier_has_given_the_lock_back() {
    let (lock, changed) = (Mutex::new(1), Condition::new());
    let count = Count::new();
    let mut waits = pin!(changed.wait(lock.try_lock().unwrap()));
    assert!(poll_by(waits.as_mut(), &count).is_pending());
    let notifier = lock.try_lock().unwrap();
    changed.notify_one();
    assert_eq!(count.get(), 1);
    assert!(poll_by(waits.as_mut(), &count).is_pending());
    drop(notifier);
    assert_eq!(count.get(), 2);
    assert!(poll_by(waits.as_mut(), &count).is_ready());
}

#[test]
fn notifications_go_from_the_front_and_to_no_more_than_asked_for() {
    let (lock, changed) = (Mutex::new(()), Condition::new());
    let counts: Vec<_> = (0..6).map(|_| Count::new()).collect();
    let mut waits: Vec<_> = (0..6).map(|_| None).collect();
    for (wait, count) in waits.iter_mut().zip(&counts) {
        let wait = wait.insert(Box::pin(changed.wait(lock.try_lock().unwrap())));
        assert!(poll_by(wait.as_mut(), count).is_pending());
    }
    let woken = || counts.iter().map(|count| count.get()).collect::<Vec<_>>();
    assert!(changed.notify_one());
    assert_eq!(woken(), [1, 0, 0, 0, 0, 0]);
    assert_eq!(changed.notify(2), 2);
    assert_eq!(woken(), [1, 1, 1, 0, 0, 0]);
    assert_eq!(changed.notify(0), 0);
    assert_eq!(changed.notify_all(), 3);
    assert_eq!(woken(), [1; 6]);
    assert!(!changed.notify_one());
    for (wait, count) in waits.iter_mut().zip(&counts) {
        assert!(poll_by(wait.as_mut().unwrap().as_mut(), count).is_ready());
    }
}

#[test]
fn a_notification_without_a_waiter_is_not_kept() {
    let (lock, changed) = (Mutex::new(()), Condition::new());
    changed.notify_one();
    changed.notify_all();
    assert!(poll(pin!(changed.wait(lock.try_lock().unwrap()))).is_pending());
}

#[test]
fn who_is_notified_and_gives_up_hands_the_notification_on() {
    let (lock, changed) = (Mutex::new(()), Condition::new());
    let (first, second) = (Count::new(), Count::new());
    let mut leaves = Box::pin(changed.wait(lock.try_lock().unwrap()));
    assert!(poll_by(leaves.as_mut(), &first).is_pending());
    let mut stays = pin!(changed.wait(lock.try_lock().unwrap()));
    assert!(poll_by(stays.as_mut(), &second).is_pending());
    changed.notify_one();
    drop(leaves);
    assert_eq!((first.get(), second.get()), (1, 1));
    assert!(poll_by(stays.as_mut(), &second).is_ready());
    assert!(lock.try_lock().is_ok(), "who gave up holds nothing");
}

#[test]
fn who_gives_up_while_it_waits_for_the_lock_hands_the_notification_on_too() {
    let (lock, changed) = (Mutex::new(()), Condition::new());
    let (first, second) = (Count::new(), Count::new());
    let mut leaves = Box::pin(changed.wait(lock.try_lock().unwrap()));
    assert!(poll_by(leaves.as_mut(), &first).is_pending());
    let mut stays = pin!(changed.wait(lock.try_lock().unwrap()));
    assert!(poll_by(stays.as_mut(), &second).is_pending());
    let notifier = lock.try_lock().unwrap();
    changed.notify_one();
    assert!(poll_by(leaves.as_mut(), &first).is_pending());
    assert_eq!(lock.stats().waiters, 1);
    drop(leaves);
    assert_eq!(lock.stats().waiters, 0);
    assert_eq!(second.get(), 1, "the notification was lost");
    drop(notifier);
    assert!(poll_by(stays.as_mut(), &second).is_ready());
}

#[test]
fn who_gives_up_after_all_were_notified_has_nothing_to_hand_on() {
    let (lock, changed) = (Mutex::new(()), Condition::new());
    let late = Count::new();
    let mut leaves = Box::pin(changed.wait(lock.try_lock().unwrap()));
    assert!(poll(leaves.as_mut()).is_pending());
    changed.notify_all();
    let mut comes = pin!(changed.wait(lock.try_lock().unwrap()));
    assert!(poll_by(comes.as_mut(), &late).is_pending());
    drop(leaves);
    assert_eq!(late.get(), 0);
}

#[test]
fn waiting_for_what_is_so_already_takes_one_look() {
    let (lock, changed) = (Mutex::new(5), Condition::new());
    let mut looks = 0;
    let guard = block_on(changed.wait_for(lock.try_lock().unwrap(), |value| {
        looks += 1;
        *value == 5
    }));
    assert_eq!((*guard, looks), (5, 1));
}

#[test]
fn waiting_for_something_goes_on_until_it_is_so() {
    let (lock, changed) = (Mutex::new(0), Condition::new());
    let mut waits = pin!(changed.wait_while(lock.try_lock().unwrap(), |value| *value < 2));
    assert!(poll(waits.as_mut()).is_pending());
    for now in 1..=2 {
        *lock.try_lock().unwrap() = now;
        changed.notify_all();
        assert_eq!(poll(waits.as_mut()).is_ready(), now == 2);
    }
}

#[test]
fn a_question_that_panics_gives_the_lock_back() {
    let (lock, changed) = (Mutex::new(0), Condition::new());
    let wait = changed.wait_for(lock.try_lock().unwrap(), |_| panic!("a bad question"));
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(wait))).is_err());
    assert!(lock.try_lock().is_ok());
}

#[test]
fn two_locks_at_a_time_are_refused() {
    let (lock, other, changed) = (Mutex::new(1), Mutex::new(2), Condition::new());
    let mut waits = Box::pin(changed.wait(lock.try_lock().unwrap()));
    assert!(poll(waits.as_mut()).is_pending());
    let wait = changed.wait(other.try_lock().unwrap());
    let panic = catch_unwind(AssertUnwindSafe(|| drop(block_on(wait)))).unwrap_err();
    assert!(panic.downcast_ref::<&str>().unwrap().contains("a condition of its own"));
    assert!(other.try_lock().is_ok(), "the other lock was given back");
    assert_eq!(changed.stats().waiters, 1);
    changed.notify_one();
    drop(block_on(waits));
    let mut waits = Box::pin(changed.wait(other.try_lock().unwrap()));
    assert!(poll(waits.as_mut()).is_pending(), "one after the other is fine");
}

#[test]
fn all_kinds_of_guards_can_wait() {
    let changed = Condition::new();
    let lock = Arc::new(Mutex::new(1));
    let mut waits = Box::pin(changed.wait(Arc::clone(&lock).try_lock_owned().unwrap()));
    assert!(poll(waits.as_mut()).is_pending());
    let mut both = Box::pin(changed.wait(lock.try_lock().unwrap()));
    assert!(poll(both.as_mut()).is_pending(), "owned and borrowed guards of one lock go together");
    changed.notify_all();
    assert_eq!(*block_on(waits), 1);
    assert_eq!(*block_on(both), 1);

    let lock = Arc::new(Lock::new());
    let mut waits = Box::pin(changed.wait(lock.try_acquire().unwrap()));
    assert!(poll(waits.as_mut()).is_pending());
    let mut owned = Box::pin(changed.wait(Arc::clone(&lock).try_acquire_owned().unwrap()));
    assert!(poll(owned.as_mut()).is_pending());
    assert!(!lock.locked());
    changed.notify_all();
    block_on(waits).release();
    block_on(owned).release();
    let mut told = false;
    let guard = block_on(changed.wait_while(lock.try_acquire().unwrap(), |()| {
        told = !told;
        !told
    }));
    drop(guard);
}

#[test]
fn a_waker_that_panics_loses_no_notification() {
    let (lock, changed) = (Mutex::new(()), Condition::new());
    let count = Count::new();
    let mut bad = Box::pin(changed.wait(lock.try_lock().unwrap()));
    let waker = hooked(|event| assert!(event != Event::Wake, "a bad waker"));
    assert!(bad.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let mut good = pin!(changed.wait(lock.try_lock().unwrap()));
    assert!(poll_by(good.as_mut(), &count).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| changed.notify_all())).is_err());
    assert_eq!(count.get(), 1);
    drop(block_on(bad));
    assert!(poll_by(good.as_mut(), &count).is_ready());
}

#[test]
fn a_waker_may_notify_the_very_condition_that_wakes_it() {
    let (lock, changed) = (Mutex::new(()), Arc::new(Condition::new()));
    let count = Count::new();
    let mut first = Box::pin(changed.wait(lock.try_lock().unwrap()));
    let waker = hooked({
        let changed = Arc::clone(&changed);
        move |event| {
            if event == Event::Wake {
                changed.notify_one();
            }
        }
    });
    assert!(first.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let mut second = Box::pin(changed.wait(lock.try_lock().unwrap()));
    assert!(poll_by(second.as_mut(), &count).is_pending());
    changed.notify_one();
    assert_eq!(count.get(), 1);
    drop(block_on(first));
    drop(block_on(second));
}

/// A wait that its lock and its condition need not outlive.
type Wait = Pin<Box<dyn Future<Output = OwnedMutexGuard<()>> + Send>>;

fn wait_in_line(lock: &Arc<Mutex<()>>, changed: &Arc<Condition>, waker: &Waker) -> Wait {
    let (guard, changed) = (Arc::clone(lock).try_lock_owned().unwrap(), Arc::clone(changed));
    let mut wait: Wait = Box::pin(async move { changed.wait(guard).await });
    assert!(wait.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
    wait
}

/// More than are woken under one lock of the line wait, and `meanwhile` is called when the first of them is.
fn crowd(
    lock: &Arc<Mutex<()>>,
    changed: &Arc<Condition>,
    count: &Arc<Count>,
    meanwhile: impl Fn() + Send + Sync + 'static,
) -> Vec<Wait> {
    let first = hooked(move |event| {
        if event == Event::Wake {
            meanwhile();
        }
    });
    let mut waits = vec![wait_in_line(lock, changed, &first)];
    waits.extend((1..40).map(|_| wait_in_line(lock, changed, &count.waker())));
    waits
}

#[test]
fn a_notification_while_a_crowd_is_notified_goes_to_one_who_came_later() {
    for notify in [Condition::notify_all, |changed: &Condition| changed.notify(40)] {
        let (lock, changed) = (Arc::new(Mutex::new(())), Arc::new(Condition::new()));
        let (count, late) = (Count::new(), Count::new());
        let newcomer = Arc::new(std::sync::Mutex::new(None));
        let waits = crowd(&lock, &changed, &count, {
            let (lock, changed) = (lock.clone(), changed.clone());
            let (late, newcomer) = (late.clone(), newcomer.clone());
            move || {
                *newcomer.lock().unwrap() = Some(wait_in_line(&lock, &changed, &late.waker()));
                assert!(changed.notify_one());
            }
        });
        assert_eq!(notify(&changed), 40);
        assert_eq!(late.get(), 1, "its notification went to one who was notified already");
        assert_eq!(count.get(), 39);
        drop(waits);
    }
}

#[test]
fn who_gives_up_while_a_crowd_is_notified_hands_its_notification_on() {
    let (lock, changed) = (Arc::new(Mutex::new(())), Arc::new(Condition::new()));
    let (count, late) = (Count::new(), Count::new());
    let (leaves, newcomer) = (Arc::new(std::sync::Mutex::new(None)), Arc::default());
    let mut waits = crowd(&lock, &changed, &count, {
        let (lock, changed) = (lock.clone(), changed.clone());
        let (late, leaves) = (late.clone(), Arc::clone(&leaves));
        let newcomer: Arc<std::sync::Mutex<Option<Wait>>> = Arc::clone(&newcomer);
        move || {
            *newcomer.lock().unwrap() = Some(wait_in_line(&lock, &changed, &late.waker()));
            drop(leaves.lock().unwrap().take());
        }
    });
    *leaves.lock().unwrap() = waits.pop();
    assert_eq!(changed.notify(40), 40);
    assert_eq!((count.get(), late.get()), (38, 1));
    drop(newcomer);
}

#[test]
fn a_leaked_guard_keeps_notified_tasks_waiting_until_they_are_dropped() {
    let (lock, changed) = (Mutex::new(()), Condition::new());
    let mut waits = Box::pin(changed.wait(lock.try_lock().unwrap()));
    assert!(poll(waits.as_mut()).is_pending());
    std::mem::forget(lock.try_lock().unwrap());
    changed.notify_one();
    assert!(poll(waits.as_mut()).is_pending());
    drop(waits);
    assert_eq!(lock.stats().waiters, 0);
}

#[test]
fn its_types_are_send_and_sync() {
    fn both<T: Send + Sync + Unpin>(_: &T) {}
    fn send<T: Send>(_: &T) {}
    let (lock, changed) = (Mutex::new(1), Condition::default());
    both(&changed);
    both(&changed.stats());
    send(&changed.wait(lock.try_lock().unwrap()));
    send(&changed.wait_for(lock.try_lock().unwrap(), |_| true));
    send(&changed.wait(Arc::new(Mutex::new(1)).try_lock_owned().unwrap()));
    assert_eq!(format!("{changed:?}"), "Condition { waiters: 0 }");
    assert!(size_of::<Condition>() <= 32);
}

#[test]
fn each_item_goes_to_one_thread() {
    const CONSUMERS: usize = 3;
    const ITEMS: usize = 3_000;
    let (queue, changed) = (Mutex::new(VecDeque::new()), Condition::new());
    let mut got: Vec<usize> = thread::scope(|scope| {
        let consume = || {
            let mut got = Vec::new();
            loop {
                let item = block_on(async {
                    let guard = queue.lock().await;
                    let mut guard = changed.wait_while(guard, |queue| queue.is_empty()).await;
                    guard.pop_front().unwrap()
                });
                match item {
                    Some(item) => got.push(item),
                    None => return got,
                }
            }
        };
        let threads: Vec<_> = (0..CONSUMERS).map(|_| scope.spawn(consume)).collect();
        for item in (0..ITEMS).map(Some).chain([None; CONSUMERS]) {
            queue.blocking_lock().push_back(item);
            changed.notify_one();
        }
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    got.sort_unstable();
    assert_eq!(got, (0..ITEMS).collect::<Vec<_>>());
}
