//! Permits under every interleaving: none is lost or given twice, who waits is woken, and who leaves
//! passes on what was meant for it.
//!
//! The twins make one mistake in using them, and must fail.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use std::pin::{Pin, pin};
use std::sync::Arc as StdArc;
use std::task::Poll;

use loom::cell::UnsafeCell;
use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use runtime_sync::lock::permits::{Acquire, Permits};
use support_loom::{Task, model};

fn poll(acquire: Pin<&mut Acquire<'_>>, task: &StdArc<Task>) -> Poll<bool> {
    task.with_context(|cx| acquire.poll(cx)).map(|result| result.is_ok())
}

/// Two threads pass one permit to and fro, and touch what it guards.
fn exclusion(asks: bool) {
    struct Guarded {
        permits: Permits,
        data: UnsafeCell<usize>,
    }
    let guarded = Arc::new(Guarded { permits: Permits::new(1), data: UnsafeCell::new(0) });
    let work = move |guarded: &Guarded, asks: bool| {
        if asks {
            block_on(guarded.permits.acquire(1)).unwrap();
        }
        guarded.data.with_mut(|data| {
            // SAFETY: the permit is held.
            #[allow(unsafe_code)]
            unsafe {
                *data += 1
            }
        });
        if asks {
            guarded.permits.release(1);
        }
    };
    let thread = thread::spawn({
        let guarded = guarded.clone();
        move || work(&guarded, true)
    });
    work(&guarded, asks);
    thread.join().unwrap();
    assert_eq!(guarded.permits.available(), 1);
    assert_eq!(guarded.permits.waiters(), 0);
}

#[test]
fn one_permit_excludes_and_is_passed_on() {
    loom::model(|| exclusion(true));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn twin_that_does_not_ask() {
    loom::model(|| exclusion(false));
}

/// One waits while another barges in and gives back; the waiter is woken in the end.
#[test]
fn a_waiter_is_not_slept_through_by_those_who_barge() {
    loom::model(|| {
        let permits = Arc::new(Permits::new(0));
        let thread = thread::spawn({
            let permits = permits.clone();
            move || {
                permits.release(1);
                if permits.try_acquire(1).is_ok() {
                    permits.release(1);
                }
            }
        });
        block_on(permits.acquire(1)).unwrap();
        thread.join().unwrap();
        assert_eq!((permits.available(), permits.waiters()), (0, 0));
    });
}

/// One in line is polled by another task while the permit comes: the nudge may wake the old task only.
#[test]
fn a_waiter_that_moves_to_another_task_is_woken_there_or_sees_the_permit() {
    model(|others_first| {
        let permits = Arc::new(Permits::new(0));
        let (old, new) = (Task::new(), Task::new());
        let mut waits = pin!(permits.acquire(1));
        assert!(poll(waits.as_mut(), &old).is_pending());
        let thread = thread::spawn({
            let permits = permits.clone();
            move || permits.release(1)
        });
        others_first.then(thread::yield_now);
        let early = poll(waits.as_mut(), &new);
        thread.join().unwrap();
        if early.is_pending() {
            assert_eq!(new.woken(), 1, "the wake is lost");
            assert_eq!(poll(waits.as_mut(), &new), Poll::Ready(true));
        }
    });
}

/// Two wait for one permit; the first gives up while the permit comes.
fn cancelled(forgets: bool) {
    let permits = Arc::new(Permits::new(0));
    let (first, second) = (Task::new(), Task::new());
    let mut front = Box::pin(permits.acquire(1));
    let mut behind = pin!(permits.acquire(1));
    assert!(poll(front.as_mut(), &first).is_pending());
    assert!(poll(behind.as_mut(), &second).is_pending());
    let thread = thread::spawn({
        let permits = permits.clone();
        move || permits.release(1)
    });
    match forgets {
        // Its place stays in line, and nobody ever looks after it.
        true => std::mem::forget(front),
        false => drop(front),
    }
    thread.join().unwrap();
    assert!(second.woken() > 0, "the wake went away with the one who gave up");
    assert_eq!(poll(behind, &second), Poll::Ready(true));
    assert_eq!(permits.available(), 0);
}

#[test]
fn who_gives_up_passes_the_permit_on() {
    loom::model(|| cancelled(false));
}

#[test]
#[should_panic(expected = "the wake went away")]
fn twin_that_leaks_its_place() {
    loom::model(|| cancelled(true));
}

/// One who looked in vain and gives up, against the release that hands it the permit.
#[test]
fn a_permit_that_was_handed_over_is_passed_on_too() {
    loom::model(|| {
        let permits = Arc::new(Permits::new(0));
        let (first, second) = (Task::new(), Task::new());
        let mut front = Box::pin(permits.acquire(1));
        let mut behind = pin!(permits.acquire(1));
        assert!(poll(front.as_mut(), &first).is_pending());
        assert!(poll(behind.as_mut(), &second).is_pending());
        permits.release(1);
        permits.try_acquire(1).unwrap();
        assert!(poll(front.as_mut(), &first).is_pending());
        // The door is closed now.
        let thread = thread::spawn({
            let permits = permits.clone();
            move || {
                permits.release(1);
                permits.try_acquire(1).is_ok()
            }
        });
        drop(front);
        let barged = thread.join().unwrap();
        if barged {
            permits.release(1);
        }
        assert!(second.woken() > 0, "nobody told the one behind");
        assert_eq!(poll(behind, &second), Poll::Ready(true));
        assert_eq!(permits.available(), 0);
    });
}

/// Permits come one by one from two threads; one wants two, and another one wants one.
#[test]
fn a_large_request_is_served_in_its_turn() {
    loom::model(|| {
        let permits = Arc::new(Permits::new(0));
        let (first, second) = (Task::new(), Task::new());
        let mut front = pin!(permits.acquire(2));
        let mut behind = pin!(permits.acquire(1));
        assert!(poll(front.as_mut(), &first).is_pending());
        assert!(poll(behind.as_mut(), &second).is_pending());
        let thread = thread::spawn({
            let permits = permits.clone();
            move || permits.release(1)
        });
        permits.release(2);
        thread.join().unwrap();
        assert_eq!(poll(front, &first), Poll::Ready(true));
        assert!(second.woken() > 0, "nobody told the one behind");
        assert_eq!(poll(behind, &second), Poll::Ready(true));
        assert_eq!((permits.available(), permits.waiters()), (0, 0));
    });
}

/// Two are nudged for two permits, and look at the same time as a third comes in between.
#[test]
fn two_who_are_nudged_both_get_theirs() {
    loom::model(|| {
        let permits = Arc::new(Permits::new(0));
        let waiter = |permits: Arc<Permits>| move || block_on(permits.acquire(1)).unwrap();
        let thread = thread::spawn(waiter(permits.clone()));
        let other = thread::spawn({
            let permits = permits.clone();
            move || permits.release(2)
        });
        waiter(permits.clone())();
        thread.join().unwrap();
        other.join().unwrap();
        assert_eq!((permits.available(), permits.waiters()), (0, 0));
    });
}

/// Closing against one who enters, and against one who is given its permit.
#[test]
fn nobody_waits_for_what_is_closed() {
    loom::model(|| {
        let permits = Arc::new(Permits::new(0));
        let thread = thread::spawn({
            let permits = permits.clone();
            move || permits.close()
        });
        let refused = block_on(permits.acquire(1)).is_err();
        thread.join().unwrap();
        assert!(refused);
        assert!(permits.is_closed());
    });
}

#[test]
fn a_permit_that_meets_the_end_is_not_lost() {
    loom::model(|| {
        let permits = Arc::new(Permits::new(0));
        let thread = thread::spawn({
            let permits = permits.clone();
            move || permits.release(1)
        });
        let task = Task::new();
        let mut acquire = Box::pin(permits.acquire(1));
        let early = poll(acquire.as_mut(), &task);
        permits.close();
        // A wake may be on its way from there.
        thread.join().unwrap();
        let got = match early {
            Poll::Ready(got) => got,
            Poll::Pending => {
                assert!(task.woken() > 0, "it is not told of the end");
                poll(acquire.as_mut(), &task) == Poll::Ready(true)
            }
        };
        drop(acquire);
        assert_eq!(permits.available() + got as usize, 1);
        assert!(permits.is_closed());
    });
}
