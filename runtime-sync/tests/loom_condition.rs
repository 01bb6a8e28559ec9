//! The condition under every interleaving: no notification is lost, neither between a look and its
//! wait nor with one who gives up.
//!
//! A lost notification leaves all threads asleep, which loom reports as a deadlock. Twins make one
//! mistake in using the condition, and must fail.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use runtime_sync::block_on;
use runtime_sync::lock::{Condition, Mutex};
use support_loom::Task;

fn poll<F: Future>(future: Pin<&mut F>, task: &Arc<Task>) -> Poll<F::Output> {
    task.with_context(|cx| future.poll(cx))
}

struct Shared {
    lock: Mutex<usize>,
    changed: Condition,
    /// Data beside the lock.
    beside: AtomicBool,
}

fn shared() -> Arc<Shared> {
    let beside = AtomicBool::new(false);
    Arc::new(Shared { lock: Mutex::new(0), changed: Condition::new(), beside })
}

#[derive(Clone, Copy, PartialEq)]
enum Change {
    /// Under the lock, and notified under the lock.
    Under,
    /// Under the lock, and notified after it was given back.
    After,
}

fn one_waits_and_one_notifies(change: Change, all: bool) {
    loom::model(move || {
        let shared = shared();
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let notify = || match all {
                    true => drop(shared.changed.notify_all()),
                    false => drop(shared.changed.notify_one()),
                };
                match change {
                    Change::Under => block_on(async {
                        let mut guard = shared.lock.lock().await;
                        *guard = 1;
                        notify();
                    }),
                    Change::After => {
                        block_on(async { *shared.lock.lock().await = 1 });
                        notify();
                    }
                }
            }
        });
        block_on(async {
            let guard = shared.lock.lock().await;
            drop(shared.changed.wait_for(guard, |value| *value == 1).await);
        });
        thread.join().unwrap();
        assert_eq!(shared.changed.stats().waiters, 0);
        assert!(shared.lock.try_lock().is_ok());
    });
}

#[test]
fn a_change_that_is_notified_under_the_lock_is_not_missed() {
    one_waits_and_one_notifies(Change::Under, false);
}

#[test]
fn a_change_that_is_notified_after_the_lock_is_not_missed() {
    one_waits_and_one_notifies(Change::After, false);
}

#[test]
fn a_change_that_all_are_notified_of_is_not_missed() {
    one_waits_and_one_notifies(Change::After, true);
}

/// What is waited for lies beside the lock.
fn a_change_beside_the_lock(locks: bool) {
    loom::model(move || {
        let shared = shared();
        let task = Task::new();
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let guard = locks.then(|| block_on(shared.lock.lock()));
                shared.beside.store(true, Ordering::SeqCst);
                drop(guard);
                shared.changed.notify_one();
            }
        });
        let mut waits = pin!(async {
            let guard = shared.lock.lock().await;
            let beside = || shared.beside.load(Ordering::SeqCst);
            drop(shared.changed.wait_for(guard, |_| beside()).await);
        });
        let ready = poll(waits.as_mut(), &task).is_ready();
        thread.join().unwrap();
        assert!(ready || task.woken() >= 1, "the notification was lost");
        assert!(ready || poll(waits.as_mut(), &task).is_ready());
    });
}

#[test]
fn a_change_beside_the_lock_is_not_missed_if_it_is_made_under_the_lock() {
    a_change_beside_the_lock(true);
}

#[test]
#[should_panic(expected = "the notification was lost")]
fn twin_that_changes_without_the_lock() {
    a_change_beside_the_lock(false);
}

/// One of two is notified, and gives up.
fn notification_against_giving_up(drops: bool) {
    loom::model(move || {
        let shared = shared();
        let (first, second) = (Task::new(), Task::new());
        let leaves = {
            let shared = Arc::clone(&shared);
            async move {
                let guard = shared.lock.lock().await;
                drop(shared.changed.wait(guard).await);
            }
        };
        let mut leaves = Box::pin(leaves);
        assert!(poll(leaves.as_mut(), &first).is_pending());
        let mut stays = pin!(shared.changed.wait(shared.lock.try_lock().unwrap()));
        assert!(poll(stays.as_mut(), &second).is_pending());
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || assert!(shared.changed.notify_one())
        });
        match drops {
            true => drop(leaves),
            false => drop(Box::leak(Box::new(leaves))),
        }
        thread.join().unwrap();
        assert_eq!(second.woken(), 1, "the notification was lost");
        assert!(poll(stays.as_mut(), &second).is_ready());
    });
}

#[test]
fn who_gives_up_hands_its_notification_on() {
    notification_against_giving_up(true);
}

#[test]
#[should_panic(expected = "the notification was lost")]
fn twin_that_leaks_its_place_in_line() {
    notification_against_giving_up(false);
}

#[test]
fn who_gives_up_in_the_line_of_the_lock_hands_its_notification_on() {
    loom::model(|| {
        let shared = shared();
        let (first, second) = (Task::new(), Task::new());
        let mut leaves = Box::pin(shared.changed.wait(shared.lock.try_lock().unwrap()));
        assert!(poll(leaves.as_mut(), &first).is_pending());
        let mut stays = pin!(shared.changed.wait(shared.lock.try_lock().unwrap()));
        assert!(poll(stays.as_mut(), &second).is_pending());
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                block_on(async {
                    let mut guard = shared.lock.lock().await;
                    *guard = 1;
                    shared.changed.notify_one();
                });
            }
        });
        // Perhaps it is in the line of the condition, perhaps in that of the lock, perhaps it has
        // the lock already and uses the notification up.
        let used = poll(leaves.as_mut(), &first).map(|guard| *guard);
        drop(leaves);
        thread.join().unwrap();
        match used {
            Poll::Ready(value) => assert_eq!((value, second.woken()), (1, 0)),
            Poll::Pending => {
                assert!(second.woken() >= 1, "the notification was lost");
                assert!(poll(stays.as_mut(), &second).is_ready());
            }
        }
        assert!(shared.lock.try_lock().is_ok());
    });
}

#[test]
fn two_that_wait_get_one_item_each() {
    loom::model(|| {
        let shared = shared();
        let take = |shared: Arc<Shared>| {
            block_on(async {
                let guard = shared.lock.lock().await;
                *shared.changed.wait_while(guard, |items| *items == 0).await -= 1;
            });
        };
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || take(shared)
        });
        let notifier = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                block_on(async { *shared.lock.lock().await += 2 });
                shared.changed.notify(2);
            }
        });
        take(Arc::clone(&shared));
        thread.join().unwrap();
        notifier.join().unwrap();
        assert_eq!(*shared.lock.try_lock().unwrap(), 0);
    });
}
