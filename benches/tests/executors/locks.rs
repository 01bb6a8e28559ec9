//! Mutex, RwLock and Semaphore, waited for by impatient tasks.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use filch::sync::{
    Mutex, OwnedRwLockWriteGuard, OwnedSemaphorePermit, RwLock, RwLockWriteGuard, Semaphore,
};
use futures_lite::future::yield_now;

use crate::{
    executor::{Spawner, all, on_every_executor},
    impatient::{Dice, until_done},
};

on_every_executor!(
    a_mutex_lets_one_in,
    an_owned_mutex_guard_moves_between_tasks,
    a_rwlock_keeps_writers_alone,
    a_rwlock_reads_what_was_downgraded,
    a_semaphore_lets_three_in,
    a_semaphore_serves_small_and_large,
    a_closed_semaphore_lets_all_go,
);

const TASKS: usize = 6;
const EACH: usize = 200;

async fn a_mutex_lets_one_in(spawner: Spawner) {
    let count = Arc::new(Mutex::new(0));
    let tasks = spawner.tasks(TASKS, |task| {
        let count = Arc::clone(&count);
        async move {
            let mut dice = Dice::new(task);
            for _ in 0..EACH {
                let mut guard = until_done!(dice, count.lock());
                let before = *guard;
                if dice.roll(4) == 0 {
                    yield_now().await;
                }
                *guard = before + 1;
            }
        }
    });
    all(tasks).await;
    assert_eq!(*count.try_lock().expect("nobody holds it"), TASKS * EACH);
}

async fn an_owned_mutex_guard_moves_between_tasks(spawner: Spawner) {
    let count = Arc::new(Mutex::new(0));
    let tasks = spawner.tasks(TASKS, |task| {
        let (count, spawner) = (Arc::clone(&count), spawner.clone());
        async move {
            let mut dice = Dice::new(task);
            for _ in 0..EACH / 10 {
                let mut guard = until_done!(dice, Arc::clone(&count).lock_owned());
                let elsewhere = spawner.task(async move {
                    *guard += 1;
                });
                if dice.roll(2) == 0 {
                    elsewhere.await;
                }
            }
        }
    });
    all(tasks).await;
    let mut guard = count.lock().await;
    // The last ones may be under way still, each with the lock or waiting for its turn.
    while *guard < TASKS * (EACH / 10) {
        drop(guard);
        yield_now().await;
        guard = count.lock().await;
    }
    assert_eq!(*guard, TASKS * (EACH / 10));
}

async fn a_rwlock_keeps_writers_alone(spawner: Spawner) {
    let pair = Arc::new(RwLock::new((0, 0)));
    let tasks = spawner.tasks(TASKS, |task| {
        let pair = Arc::clone(&pair);
        async move {
            let mut dice = Dice::new(task);
            for _ in 0..EACH {
                if dice.roll(3) == 0 {
                    let mut both = until_done!(dice, pair.write());
                    both.0 += 1;
                    yield_now().await;
                    both.1 += 1;
                } else {
                    let both = until_done!(dice, pair.read());
                    let first = both.0;
                    yield_now().await;
                    assert_eq!((both.0, both.1), (first, first), "no writer in between");
                }
            }
        }
    });
    all(tasks).await;
    assert!(pair.try_write().is_ok(), "nobody holds it");
}

async fn a_rwlock_reads_what_was_downgraded(spawner: Spawner) {
    let count = Arc::new(RwLock::new(0));
    let tasks = spawner.tasks(TASKS, |task| {
        let count = Arc::clone(&count);
        async move {
            let mut dice = Dice::new(task);
            for _ in 0..EACH {
                if dice.roll(2) == 0 {
                    let mut guard = until_done!(dice, count.write());
                    *guard += 1;
                    let written = *guard;
                    let guard = RwLockWriteGuard::downgrade(guard);
                    yield_now().await;
                    assert_eq!(*guard, written, "no writer came in between");
                } else {
                    let mut guard = until_done!(dice, Arc::clone(&count).write_owned());
                    *guard += 1;
                    let written = *guard;
                    let guard = OwnedRwLockWriteGuard::downgrade(guard);
                    yield_now().await;
                    assert_eq!(*guard, written, "no writer came in between");
                }
            }
        }
    });
    all(tasks).await;
    assert_eq!(*count.try_read().expect("no writer is left"), TASKS * EACH);
}

async fn a_semaphore_lets_three_in(spawner: Spawner) {
    let permits = Arc::new(Semaphore::new(3));
    let inside = Arc::new(AtomicUsize::new(0));
    let tasks = spawner.tasks(TASKS, |task| {
        let (permits, inside) = (Arc::clone(&permits), Arc::clone(&inside));
        async move {
            let mut dice = Dice::new(task);
            for _ in 0..EACH {
                let permit = until_done!(dice, permits.acquire()).expect("it stays open");
                assert!(inside.fetch_add(1, SeqCst) < 3, "three at most");
                yield_now().await;
                inside.fetch_sub(1, SeqCst);
                drop(permit);
            }
        }
    });
    all(tasks).await;
    assert_eq!(permits.available_permits(), 3);
}

async fn a_semaphore_serves_small_and_large(spawner: Spawner) {
    let permits = Arc::new(Semaphore::new(4));
    let taken = Arc::new(AtomicUsize::new(0));
    let tasks = spawner.tasks(TASKS, |task| {
        let (permits, taken) = (Arc::clone(&permits), Arc::clone(&taken));
        async move {
            let mut dice = Dice::new(task);
            for _ in 0..EACH {
                let many = dice.roll(4) as u32 + 1;
                let future = || Arc::clone(&permits).acquire_many_owned(many);
                let permit: OwnedSemaphorePermit =
                    until_done!(dice, future()).expect("it stays open");
                let many = many as usize;
                assert!(taken.fetch_add(many, SeqCst) + many <= 4, "four at most");
                yield_now().await;
                taken.fetch_sub(many, SeqCst);
                drop(permit);
            }
        }
    });
    all(tasks).await;
    assert_eq!(permits.available_permits(), 4);
}

async fn a_closed_semaphore_lets_all_go(spawner: Spawner) {
    let permits = Arc::new(Semaphore::new(0));
    let tasks = spawner.tasks(TASKS, |_| {
        let permits = Arc::clone(&permits);
        async move { permits.acquire().await.is_err() }
    });
    yield_now().await;
    permits.close();
    assert!(all(tasks).await.into_iter().all(|refused| refused));
}
