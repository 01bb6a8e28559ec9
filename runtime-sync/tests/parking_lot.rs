//! `ParkingLot`, promise by promise; its races are in `loom_parking_lot.rs`.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread;

use runtime_sync::block_on;
use runtime_sync::lock::ParkingLot;
use support::{Count, Event, hooked};

type Parked<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

fn is_ready<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// Somebody who is parked, and the count of its wakes.
fn parks(lot: &ParkingLot) -> (Parked<'_>, Arc<Count>) {
    let count = Count::new();
    let mut future: Parked<'_> = Box::pin(lot.park());
    assert!(future.as_mut().poll(&mut Context::from_waker(&count.waker())).is_pending());
    (future, count)
}

fn woken(all: &[(Parked<'_>, Arc<Count>)]) -> Vec<usize> {
    all.iter().map(|one| one.1.get()).collect()
}

#[test]
fn unpark_wakes_that_many_from_the_front() {
    let lot = ParkingLot::new();
    assert_eq!(lot.unpark(1), 0);
    let mut all: Vec<_> = (0..4).map(|_| parks(&lot)).collect();
    assert_eq!(lot.unpark(0), 0);
    assert_eq!(lot.unpark(2), 2);
    assert_eq!(woken(&all), [1, 1, 0, 0]);
    assert_eq!(lot.unpark(5), 2);
    assert_eq!(woken(&all), [1, 1, 1, 1]);
    assert!(all.iter_mut().all(|one| is_ready(one.0.as_mut())));
    assert!(!is_ready(pin!(lot.park())), "no wake is kept");
}

#[test]
fn unpark_all_wakes_those_who_are_parked_only() {
    let lot = ParkingLot::new();
    let all: Vec<_> = (0..70).map(|_| parks(&lot)).collect();
    assert_eq!(lot.stats().waiters, 70);
    assert_eq!(lot.unpark_all(), 70);
    assert!(all.iter().all(|one| one.1.get() == 1));
    assert!(lot.is_empty());
}

#[test]
fn a_chosen_task_that_is_dropped_passes_its_wake_on() {
    let lot = ParkingLot::new();
    let (first, _) = parks(&lot);
    let (second, _) = parks(&lot);
    let (_third, count) = parks(&lot);
    lot.unpark(2);
    drop(first);
    assert_eq!(count.get(), 1);
    lot.unpark_all();
    drop(second);
    assert_eq!(lot.len(), 0);
}

#[test]
fn a_task_that_leaves_is_not_woken() {
    let lot = ParkingLot::new();
    let (first, count) = parks(&lot);
    let (_second, second) = parks(&lot);
    drop(first);
    assert_eq!(lot.unpark(1), 1);
    assert_eq!((count.get(), second.get()), (0, 1));
    assert_eq!(Arc::strong_count(&count), 1, "a waker was kept");
}

#[test]
fn repark_moves_tasks_behind_those_of_the_other_lot() {
    let (source, target) = (ParkingLot::new(), ParkingLot::new());
    let mut moved: Vec<_> = (0..3).map(|_| parks(&source)).collect();
    let mut there = vec![parks(&target)];
    assert_eq!(source.repark(2, &target), 2);
    assert_eq!((source.len(), target.len()), (1, 3));
    assert_eq!((woken(&moved), woken(&there)), (vec![0; 3], vec![0]));
    assert_eq!(source.unpark_all(), 1);
    assert_eq!(woken(&moved), [0, 0, 1]);
    assert_eq!(target.unpark(2), 2);
    assert_eq!((woken(&moved), woken(&there)), (vec![1, 0, 1], vec![1]));
    assert!(is_ready(there[0].0.as_mut()) && is_ready(moved[0].0.as_mut()));
    assert!(!is_ready(moved[1].0.as_mut()));
    assert_eq!(target.unpark(1), 1);
    assert!(is_ready(moved[1].0.as_mut()));
    assert_eq!(target.repark_all(&source), 0);
    assert_eq!(target.repark_all(&target), 0);
}

#[test]
fn a_task_that_was_moved_passes_its_wake_on_where_it_is() {
    let (source, target) = (ParkingLot::new(), ParkingLot::new());
    let (first, _) = parks(&source);
    let (_stays, stays) = parks(&source);
    source.repark(1, &target);
    let (_other, other) = parks(&target);
    target.unpark(1);
    drop(first);
    assert_eq!((stays.get(), other.get()), (0, 1));
}

#[test]
fn a_task_that_was_moved_can_leave_and_outlives_the_handle_of_its_lot() {
    let (source, target) = (ParkingLot::new(), ParkingLot::new());
    let (first, _) = parks(&source);
    let (mut second, _) = parks(&source);
    source.repark_all(&target);
    let handle = target.clone();
    drop(target);
    drop(first);
    assert_eq!(handle.len(), 1);
    drop(handle);
    assert!(!is_ready(second.as_mut()));
    drop(second);
    assert!(source.is_empty());
}

#[test]
fn the_reason_is_looked_at_in_line_and_without_a_lock() {
    let lot = ParkingLot::new();
    let seen = Cell::new(0);
    let reason = || {
        seen.set(lot.len());
        lot.unpark(1);
        false
    };
    assert!(!block_on(lot.park_if(reason)));
    assert_eq!((seen.get(), lot.len()), (1, 0));
    // A wake that was given meanwhile counts if the reason holds.
    assert!(block_on(lot.park_if(|| lot.unpark(1) == 1)));
}

#[test]
fn a_wake_given_to_one_without_a_reason_is_passed_on() {
    let lot = ParkingLot::new();
    let other = Cell::new(None);
    let reason = || {
        other.set(Some(parks(&lot)));
        lot.unpark(1);
        false
    };
    assert!(!block_on(lot.park_if(reason)));
    assert_eq!(other.take().unwrap().1.get(), 1);
}

#[test]
fn panics_of_wakers_and_reasons_leave_it_usable() {
    let lot = ParkingLot::new();
    let panics = || block_on(lot.park_if(|| panic!("angry")));
    catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
    assert!(lot.is_empty());
    let angry = hooked(|event| assert_ne!(event, Event::Wake, "angry"));
    let mut first = pin!(lot.park());
    assert!(first.as_mut().poll(&mut Context::from_waker(&angry)).is_pending());
    let others: Vec<_> = (0..40).map(|_| parks(&lot)).collect();
    catch_unwind(AssertUnwindSafe(|| lot.unpark_all())).unwrap_err();
    assert!(others.iter().all(|one| one.1.get() == 1));
    assert!(is_ready(first));
    // A waker whose clone panics is not parked.
    let angry = hooked(|event| assert_ne!(event, Event::Clone, "angry"));
    let mut second = Box::pin(lot.park());
    let polls = || second.as_mut().poll(&mut Context::from_waker(&angry));
    catch_unwind(AssertUnwindSafe(polls)).unwrap_err();
    assert!(lot.is_empty());
}

/// Somebody who is parked with this waker, and need not be outlived by the lot.
fn parks_by(lot: &ParkingLot, waker: &Waker) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let lot = lot.clone();
    let mut future = Box::pin(async move { lot.park().await });
    assert!(future.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
    future
}

/// More are parked than are woken under one lock, and `meanwhile` is called when the first of them is.
fn crowd(
    lot: &ParkingLot,
    count: &Arc<Count>,
    meanwhile: impl Fn() + Send + Sync + 'static,
) -> Vec<Pin<Box<dyn Future<Output = ()> + Send>>> {
    let first = hooked(move |event| {
        if event == Event::Wake {
            meanwhile();
        }
    });
    let mut all = vec![parks_by(lot, &first)];
    all.extend((1..40).map(|_| parks_by(lot, &count.waker())));
    all
}

#[test]
fn a_wake_while_a_crowd_is_unparked_goes_to_one_who_came_later() {
    for unpark in [ParkingLot::unpark_all, |lot: &ParkingLot| lot.unpark(40)] {
        let lot = ParkingLot::new();
        let (count, late) = (Count::new(), Count::new());
        let newcomer = Arc::new(Mutex::new(None));
        let all = crowd(&lot, &count, {
            let (lot, late, newcomer) = (lot.clone(), late.clone(), newcomer.clone());
            move || {
                *newcomer.lock().unwrap() = Some(parks_by(&lot, &late.waker()));
                assert_eq!(lot.unpark(1), 1);
            }
        });
        assert_eq!(unpark(&lot), 40);
        assert_eq!(late.get(), 1, "its wake went to one who was unparked already");
        assert_eq!(count.get(), 39);
        drop(all);
    }
}

#[test]
fn who_is_unparked_with_a_crowd_is_not_moved_away() {
    let (lot, other) = (ParkingLot::new(), ParkingLot::new());
    let count = Count::new();
    let all = crowd(&lot, &count, {
        let (lot, other) = (lot.clone(), other.clone());
        move || assert_eq!(lot.repark_all(&other), 0)
    });
    assert_eq!(lot.unpark_all(), 40);
    assert_eq!((count.get(), other.len()), (39, 0));
    drop(all);
}

#[test]
fn who_leaves_while_a_crowd_is_unparked_passes_its_wake_on() {
    let lot = ParkingLot::new();
    let (count, late) = (Count::new(), Count::new());
    let (leaves, newcomer) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(None)));
    let mut all = crowd(&lot, &count, {
        let (lot, late) = (lot.clone(), late.clone());
        let (leaves, newcomer) = (leaves.clone(), newcomer.clone());
        move || {
            *newcomer.lock().unwrap() = Some(parks_by(&lot, &late.waker()));
            drop(leaves.lock().unwrap().take());
        }
    });
    *leaves.lock().unwrap() = all.pop();
    assert_eq!(lot.unpark(40), 40);
    assert_eq!((count.get(), late.get()), (38, 1));
    drop(newcomer);
}

#[test]
fn it_can_be_shared() {
    fn shared<T: Send + Sync>(_: &T) {}
    fn moves<T: Unpin + UnwindSafe + RefUnwindSafe>(_: &T) {}
    let lot = ParkingLot::new();
    shared(&lot);
    moves(&lot);
    shared(&lot.park());
    shared(&lot.park_if(|| true));
    assert_eq!(size_of::<ParkingLot>(), 8);
}

/// A lock that parks those who wait, next to a lot from which sleepers are moved to it: nobody is
/// lost on the way.
#[test]
fn threads_that_are_moved_between_lots_never_hang() {
    const THREADS: usize = 3;
    const ROUNDS: usize = 1_000;
    let (asleep, queue) = (ParkingLot::new(), ParkingLot::new());
    let held = AtomicBool::new(false);
    let done = AtomicUsize::new(0);
    let lock = || async {
        while held.swap(true, Ordering::Acquire) {
            queue.park_if(|| held.load(Ordering::Relaxed)).await;
        }
    };
    let unlock = || {
        held.store(false, Ordering::Release);
        queue.unpark(1);
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    block_on(async {
                        asleep.park().await;
                        lock().await;
                        done.fetch_add(1, Ordering::Relaxed);
                        unlock();
                    });
                }
            });
        }
        while done.load(Ordering::Relaxed) < THREADS * ROUNDS {
            block_on(async {
                lock().await;
                asleep.repark_all(&queue);
                unlock();
            });
            thread::yield_now();
        }
    });
    assert!(asleep.is_empty() && queue.is_empty());
}
