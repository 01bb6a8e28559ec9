//! Lock, Condition, Event, BoundedSemaphore, and trio's limiter and parking lot.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use filch::sync::{BoundedSemaphore, CapacityLimiter, Condition, Event, Lock, Mutex, ParkingLot};
use futures_lite::future::yield_now;

use crate::{
    executor::{Spawner, all, on_every_executor},
    impatient::{Dice, until_done},
};

on_every_executor!(
    a_lock_lets_one_in,
    a_condition_wakes_who_waits_for_it,
    an_event_lets_all_through,
    a_bounded_semaphore_lets_three_in,
    a_limiter_follows_its_total,
    a_parking_lot_forgets_nobody,
);

const TASKS: usize = 6;
const EACH: usize = 100;

async fn a_lock_lets_one_in(spawner: Spawner) {
    let shared = Arc::new((Lock::new(), AtomicUsize::new(0)));
    let tasks = spawner.tasks(TASKS, |task| {
        let shared = Arc::clone(&shared);
        async move {
            let mut dice = Dice::new(task);
            for _ in 0..EACH {
                let guard = until_done!(dice, shared.0.acquire());
                let before = shared.1.load(SeqCst);
                yield_now().await;
                shared.1.store(before + 1, SeqCst);
                drop(guard);
            }
        }
    });
    all(tasks).await;
    assert!(!shared.0.locked());
    assert_eq!(shared.1.load(SeqCst), TASKS * EACH);
}

async fn a_condition_wakes_who_waits_for_it(spawner: Spawner) {
    let shared = Arc::new((Mutex::new(VecDeque::new()), Condition::new()));
    let getters = spawner.tasks(TASKS, |task| {
        let shared = Arc::clone(&shared);
        async move {
            let (items, filled) = &*shared;
            let mut dice = Dice::new(task);
            let mut got = 0;
            loop {
                let mut guard = items.lock().await;
                // Given up, the wait has let go of the lock.
                if guard.is_empty() {
                    let Some(again) = dice.perhaps(filled.wait(guard)).await else { continue };
                    guard = again;
                }
                match guard.pop_front() {
                    Some(STOP) => return got,
                    Some(_) => got += 1,
                    None => {}
                }
            }
        }
    });
    for item in 0..TASKS * EACH {
        shared.0.lock().await.push_back(item);
        shared.1.notify_one();
        if item % 8 == 0 {
            yield_now().await;
        }
    }
    shared.0.lock().await.extend([STOP; TASKS]);
    shared.1.notify_all();
    assert_eq!(all(getters).await.iter().sum::<usize>(), TASKS * EACH);
}

/// The item that sends a getter home.
const STOP: usize = usize::MAX;

async fn an_event_lets_all_through(spawner: Spawner) {
    for round in 0..20 {
        let event = Arc::new(Event::new());
        let waiters = spawner.tasks(TASKS, |task| {
            let event = Arc::clone(&event);
            async move {
                let mut dice = Dice::new(task + round);
                until_done!(dice, event.wait());
                event.is_set()
            }
        });
        yield_now().await;
        event.set();
        assert!(all(waiters).await.into_iter().all(|set| set));
    }
}

async fn a_bounded_semaphore_lets_three_in(spawner: Spawner) {
    let shared = Arc::new((BoundedSemaphore::new(3), AtomicUsize::new(0)));
    let tasks = spawner.tasks(TASKS, |task| {
        let shared = Arc::clone(&shared);
        async move {
            let mut dice = Dice::new(task);
            for _ in 0..EACH {
                // asyncio's own pair, or a guard.
                let permit = match dice.roll(2) {
                    0 => Some(until_done!(dice, shared.0.hold()).expect("it stays open")),
                    _ => {
                        until_done!(dice, shared.0.acquire()).expect("it stays open");
                        None
                    }
                };
                assert!(shared.1.fetch_add(1, SeqCst) < 3, "three at most");
                yield_now().await;
                shared.1.fetch_sub(1, SeqCst);
                match permit {
                    Some(permit) => drop(permit),
                    None => shared.0.release().expect("it was acquired"),
                }
            }
        }
    });
    all(tasks).await;
    assert_eq!(shared.0.available_permits(), 3);
}

async fn a_limiter_follows_its_total(spawner: Spawner) {
    let shared = Arc::new((CapacityLimiter::new(1), AtomicUsize::new(0)));
    let tasks = spawner.tasks(TASKS, |task| {
        let shared = Arc::clone(&shared);
        async move {
            let mut dice = Dice::new(task);
            for round in 0..EACH {
                let token = until_done!(dice, shared.0.acquire());
                assert!(shared.1.fetch_add(1, SeqCst) < 4, "never more than the largest total");
                if round % 10 == 0 {
                    shared.0.set_total_tokens(task % 4 + 1);
                }
                yield_now().await;
                shared.1.fetch_sub(1, SeqCst);
                drop(token);
            }
        }
    });
    all(tasks).await;
    assert_eq!(shared.0.borrowed_tokens(), 0);
}

async fn a_parking_lot_forgets_nobody(spawner: Spawner) {
    let shared = Arc::new((ParkingLot::new(), AtomicUsize::new(0)));
    let parkers = spawner.tasks(TASKS, |task| {
        let shared = Arc::clone(&shared);
        async move {
            let mut dice = Dice::new(task);
            for _ in 0..EACH {
                until_done!(dice, shared.0.park());
            }
            shared.1.fetch_add(1, SeqCst);
        }
    });
    // An unpark without a parked task is nothing, so it is said again and again.
    while shared.1.load(SeqCst) < TASKS {
        shared.0.unpark(2);
        yield_now().await;
    }
    all(parkers).await;
}
