//! `ParkingLot` under every interleaving: nobody sleeps through a wake, on the way to another line either.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use runtime_sync::lock::ParkingLot;
use support_loom::{Task, model};

type Parked = Pin<Box<dyn Future<Output = bool>>>;

fn park_if(lot: &ParkingLot, reason: impl FnOnce() -> bool + 'static) -> Parked {
    let lot = lot.clone();
    Box::pin(async move { lot.park_if(reason).await })
}

fn is_ready(parked: &mut Parked, task: &Arc<Task>) -> bool {
    task.with_context(|cx| parked.as_mut().poll(cx)).is_ready()
}

/// Somebody who is parked by now.
fn parked(lot: &ParkingLot, task: &Arc<Task>) -> Parked {
    let mut parked = park_if(lot, || true);
    assert!(!is_ready(&mut parked, task));
    parked
}

/// One parks as long as there is a reason, which another one takes away before it unparks, or after.
fn park_against_unpark(takes_away_first: bool) {
    model(move |others_first| {
        let lot = ParkingLot::new();
        let over = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (lot, over) = (lot.clone(), Arc::clone(&over));
            move || {
                if takes_away_first {
                    over.store(true, Ordering::Relaxed);
                    lot.unpark(1);
                } else {
                    lot.unpark(1);
                    over.store(true, Ordering::Relaxed);
                }
            }
        });
        others_first.then(thread::yield_now);
        let task = Task::new();
        let mut parks = park_if(&lot, move || !over.load(Ordering::Relaxed));
        let ready = is_ready(&mut parks, &task);
        thread.join().unwrap();
        assert!(ready || task.woken() == 1, "it sleeps without a reason");
        assert!(ready || is_ready(&mut parks, &task));
        assert!(lot.is_empty());
    });
}

#[test]
fn who_parks_sees_that_there_is_no_reason_or_is_unparked() {
    park_against_unpark(true);
}

#[test]
#[should_panic(expected = "it sleeps without a reason")]
fn twin_that_unparks_first() {
    park_against_unpark(false);
}

/// The first in line gives up, or is forgotten, while one is unparked.
fn leaving_against_unpark(drops: bool) {
    loom::model(move || {
        let lot = ParkingLot::new();
        let (first, second) = (Task::new(), Task::new());
        let leaves = parked(&lot, &first);
        let mut stays = parked(&lot, &second);
        let thread = thread::spawn({
            let lot = lot.clone();
            move || assert_eq!(lot.unpark(1), 1)
        });
        match drops {
            true => drop(leaves),
            false => std::mem::forget(leaves),
        }
        thread.join().unwrap();
        assert_eq!(second.woken(), 1, "the wake is lost");
        assert!(is_ready(&mut stays, &second));
        assert!(lot.is_empty());
    });
}

#[test]
fn who_leaves_passes_its_wake_on() {
    leaving_against_unpark(true);
}

#[test]
#[should_panic(expected = "the wake is lost")]
fn twin_that_leaks_its_place() {
    leaving_against_unpark(false);
}

/// One is moved to another line and unparked there, while it comes with another waker, or does not.
fn moving_against_renewal(renews: bool) {
    loom::model(move || {
        let (from, to) = (ParkingLot::new(), ParkingLot::new());
        let (old, new) = (Task::new(), Task::new());
        let mut parked = parked(&from, &old);
        let thread = thread::spawn({
            let (from, to) = (from.clone(), to.clone());
            move || {
                assert_eq!(from.repark(1, &to), 1);
                assert_eq!(to.unpark(1), 1);
            }
        });
        let ready = renews && is_ready(&mut parked, &new);
        thread.join().unwrap();
        assert!(ready || new.woken() == 1, "another task was woken");
        assert!(ready || is_ready(&mut parked, &new));
        assert!(from.is_empty() && to.is_empty());
    });
}

#[test]
fn who_is_moved_is_woken_by_its_last_waker() {
    moving_against_renewal(true);
}

#[test]
#[should_panic(expected = "another task was woken")]
fn twin_that_does_not_renew() {
    moving_against_renewal(false);
}

/// One is moved while it gives up: it is in no line afterwards.
#[test]
fn who_leaves_while_it_is_moved_is_gone_from_both_lines() {
    loom::model(|| {
        let (from, to) = (ParkingLot::new(), ParkingLot::new());
        let count = Task::new();
        let leaves = parked(&from, &count);
        let thread = thread::spawn({
            let (from, to) = (from.clone(), to.clone());
            move || from.repark(1, &to)
        });
        drop(leaves);
        assert!(thread.join().unwrap() <= 1);
        assert!(from.is_empty() && to.is_empty());
        assert_eq!((from.unpark_all(), to.unpark_all(), count.woken()), (0, 0, 0));
    });
}

/// Two move those of each other's lots while one of them is unparked.
#[test]
fn who_is_moved_crosswise_is_in_one_line() {
    loom::model(|| {
        let (one, two) = (ParkingLot::new(), ParkingLot::new());
        let (first, second) = (Task::new(), Task::new());
        let _parked = (parked(&one, &first), parked(&two, &second));
        let thread = thread::spawn({
            let (one, two) = (one.clone(), two.clone());
            move || one.repark(1, &two)
        });
        two.repark(1, &one);
        thread.join().unwrap();
        assert_eq!(one.len() + two.len(), 2);
        assert_eq!(one.unpark_all() + two.unpark_all(), 2);
        assert_eq!((first.woken(), second.woken()), (1, 1));
    });
}
