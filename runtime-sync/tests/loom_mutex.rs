//! The mutex under every interleaving: one at a time, no wake is lost, and who gives up passes the
//! lock on.
//!
//! A lost wake leaves all threads asleep, which loom reports as a deadlock. Twins make one mistake
//! in using the lock, and must fail.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use loom::cell::UnsafeCell;
use loom::thread;
use runtime_sync::block_on;
use runtime_sync::lock::{Lock, Mutex, MutexGuard};
use support_loom::Task;

fn poll<F: Future>(future: Pin<&mut F>, task: &Arc<Task>) -> Poll<F::Output> {
    task.with_context(|cx| future.poll(cx))
}

/// Threads count together, so many times each.
fn threads_count(others: usize, rounds: usize) {
    loom::model(move || {
        let lock = Arc::new(Mutex::new(0));
        let count = move |lock: &Mutex<usize>| {
            for _ in 0..rounds {
                block_on(async { *lock.lock().await += 1 });
            }
        };
        let spawn = |_| {
            let lock = Arc::clone(&lock);
            thread::spawn(move || count(&lock))
        };
        let threads: Vec<_> = (0..others).map(spawn).collect();
        count(&lock);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*lock.try_lock().unwrap(), (others + 1) * rounds);
        assert_eq!(lock.stats().waiters, 0);
    });
}

#[test]
fn two_threads_count_to_four() {
    threads_count(1, 2);
}

#[test]
fn three_threads_count_to_three() {
    threads_count(2, 1);
}

#[test]
fn owned_and_mapped_guards_exclude_each_other_too() {
    loom::model(|| {
        let lock = Arc::new(Mutex::new((0, 0)));
        let thread = thread::spawn({
            let lock = Arc::clone(&lock);
            move || {
                block_on(async {
                    let guard = lock.lock_owned().await;
                    *runtime_sync::lock::OwnedMutexGuard::map(guard, |pair| &mut pair.1) += 1;
                });
            }
        });
        block_on(async {
            let mut guard = lock.lock().await;
            let second = guard.1;
            guard.0 = second;
            *MutexGuard::map(guard, |pair| &mut pair.1) += 1;
        });
        thread.join().unwrap();
        let guard = lock.try_lock().unwrap();
        assert!(guard.0 <= 1 && guard.1 == 2);
    });
}

#[test]
fn who_fails_to_take_the_lock_or_takes_it_never_overlaps() {
    loom::model(|| {
        let lock = Arc::new(Mutex::new(0));
        let thread = thread::spawn({
            let lock = Arc::clone(&lock);
            move || lock.try_lock().map(|mut guard| *guard += 1).is_ok() as usize
        });
        let here = lock.try_lock().map(|mut guard| *guard += 1).is_ok() as usize;
        let there = thread.join().unwrap();
        assert!(here + there >= 1, "it was free");
        assert_eq!(*lock.try_lock().unwrap(), here + there);
    });
}

/// A bare lock around a cell beside it.
#[expect(clippy::arc_with_non_send_sync, reason = "loom finds out whether it may be shared")]
fn a_lock_guards_a_cell(releases_first: bool) {
    loom::model(move || {
        let shared = Arc::new((Lock::new(), UnsafeCell::new(0)));
        let add = move |shared: Arc<(Lock, UnsafeCell<usize>)>| {
            block_on(async {
                let guard = shared.0.acquire().await;
                if releases_first {
                    guard.release();
                    return add_one(&shared.1);
                }
                add_one(&shared.1);
                guard.release();
            });
        };
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || add(shared)
        });
        add(Arc::clone(&shared));
        thread.join().unwrap();
        assert!(!shared.0.locked());
    });
}

#[expect(unsafe_code, reason = "loom finds out whether it is a race")]
fn add_one(cell: &UnsafeCell<usize>) {
    // SAFETY: as above.
    cell.with_mut(|cell| unsafe { *cell += 1 });
}

#[test]
fn what_a_lock_guards_is_seen_by_the_next() {
    a_lock_guards_a_cell(false);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn twin_that_releases_before_it_writes() {
    a_lock_guards_a_cell(true);
}

/// The first of two in line gives up while the lock is given back.
fn giving_up_against_giving_back(drops: bool) {
    loom::model(move || {
        let lock = Arc::new(Mutex::new(0));
        let (first, second) = (Task::new(), Task::new());
        let guard = Arc::clone(&lock).try_lock_owned().unwrap();
        let mut leaves = Box::pin(Arc::clone(&lock).lock_owned());
        let mut stays = pin!(lock.lock());
        assert!(poll(leaves.as_mut(), &first).is_pending());
        assert!(poll(stays.as_mut(), &second).is_pending());
        let thread = thread::spawn(move || drop(guard));
        match drops {
            true => drop(leaves),
            false => drop(Box::leak(Box::new(leaves))),
        }
        thread.join().unwrap();
        assert!(second.woken() >= 1, "the lock was not passed on");
        assert!(poll(stays.as_mut(), &second).is_ready());
    });
}

#[test]
fn who_gives_up_passes_the_lock_on() {
    giving_up_against_giving_back(true);
}

#[test]
#[should_panic(expected = "the lock was not passed on")]
fn twin_that_leaks_its_place_in_line() {
    giving_up_against_giving_back(false);
}

#[test]
fn a_waiter_and_one_that_barges_both_get_the_lock() {
    loom::model(|| {
        let lock = Arc::new(Mutex::new(0));
        let task = Task::new();
        let guard = lock.try_lock().unwrap();
        let mut waits = pin!(lock.lock());
        assert!(poll(waits.as_mut(), &task).is_pending());
        let thread = thread::spawn({
            let lock = Arc::clone(&lock);
            move || block_on(async { *lock.lock().await += 1 })
        });
        drop(guard);
        let mut guard = block_on(waits);
        *guard += 1;
        drop(guard);
        thread.join().unwrap();
        assert_eq!(*lock.try_lock().unwrap(), 2);
        assert_eq!(lock.stats().waiters, 0);
    });
}
