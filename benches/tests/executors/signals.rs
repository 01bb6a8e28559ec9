//! Notify, Barrier, OnceCell, SetOnce: what tasks tell each other without a channel.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use filch::sync::{Barrier, Notify, OnceCell, SetOnce};
use futures_lite::future::{pending, yield_now};

use crate::{
    executor::{Spawner, all, on_every_executor},
    impatient::{Dice, until_done},
};

on_every_executor!(
    no_notification_is_lost,
    notify_waiters_reaches_all_who_wait,
    a_barrier_lets_all_through_at_once,
    a_cell_is_made_once_though_makers_give_up,
    all_see_what_was_set_once,
);

const TASKS: usize = 6;
const EACH: usize = 200;

async fn no_notification_is_lost(spawner: Spawner) {
    let work = Arc::new((Notify::new(), AtomicUsize::new(0)));
    let workers = spawner.tasks(3, |task| {
        let work = Arc::clone(&work);
        async move {
            let mut dice = Dice::new(task);
            let mut done = 0;
            loop {
                until_done!(dice, work.0.notified());
                if work.1.compare_exchange(1, 0, SeqCst, SeqCst).is_ok() {
                    done += 1;
                }
                if work.1.load(SeqCst) == STOP {
                    // The next one shall see it too.
                    work.0.notify_one();
                    return done;
                }
            }
        }
    });
    for _ in 0..EACH {
        work.1.fetch_add(1, SeqCst);
        work.0.notify_one();
        // The next notification would make good for one that got lost: there is none until then.
        while work.1.load(SeqCst) > 0 {
            yield_now().await;
        }
    }
    work.1.store(STOP, SeqCst);
    work.0.notify_one();
    assert_eq!(all(workers).await.iter().sum::<usize>(), EACH);
}

/// In the place of work: no more will come.
const STOP: usize = 2;

async fn notify_waiters_reaches_all_who_wait(spawner: Spawner) {
    let shared = Arc::new((Notify::new(), AtomicUsize::new(0)));
    let waiters = spawner.tasks(TASKS, |_| {
        let shared = Arc::clone(&shared);
        async move {
            for _ in 0..EACH {
                // Made before it is counted, it is reached even if it is polled later.
                let notified = shared.0.notified();
                shared.1.fetch_add(1, SeqCst);
                notified.await;
            }
        }
    });
    for round in 1..=EACH {
        while shared.1.load(SeqCst) < round * TASKS {
            yield_now().await;
        }
        shared.0.notify_waiters();
    }
    all(waiters).await;
}

async fn a_barrier_lets_all_through_at_once(spawner: Spawner) {
    let shared = Arc::new((Barrier::new(TASKS), AtomicUsize::new(0)));
    let tasks = spawner.tasks(TASKS, |task| {
        let shared = Arc::clone(&shared);
        async move {
            let mut dice = Dice::new(task);
            let mut led = 0;
            for round in 1..=EACH {
                shared.1.fetch_add(1, SeqCst);
                if dice.roll(3) == 0 {
                    yield_now().await;
                }
                led += usize::from(shared.0.wait().await.is_leader());
                assert!(shared.1.load(SeqCst) >= round * TASKS, "all have come to this round");
            }
            led
        }
    });
    assert_eq!(all(tasks).await.iter().sum::<usize>(), EACH, "one leads each round");
}

async fn a_cell_is_made_once_though_makers_give_up(spawner: Spawner) {
    for round in 0..20 {
        let shared = Arc::new((OnceCell::new(), AtomicUsize::new(0)));
        let tasks = spawner.tasks(TASKS, |task| {
            let shared = Arc::clone(&shared);
            async move {
                let mut dice = Dice::new(task + round);
                let make = |fails: bool, gives_up: bool| {
                    let shared = Arc::clone(&shared);
                    async move {
                        yield_now().await;
                        if fails {
                            return Err("not this time");
                        }
                        if gives_up {
                            pending::<Infallible>().await;
                        }
                        shared.1.fetch_add(1, SeqCst);
                        Ok(task)
                    }
                };
                loop {
                    let fails = dice.roll(2) == 0;
                    // Who never finishes is dropped in the middle.
                    let made = match dice.roll(3) {
                        0 => {
                            let mut maker =
                                Box::pin(shared.0.get_or_try_init(|| make(fails, true)));
                            let once = futures_lite::future::poll_once(&mut maker).await;
                            yield_now().await;
                            match once {
                                Some(made) => Some(made),
                                None => futures_lite::future::poll_once(maker).await,
                            }
                        }
                        _ => Some(shared.0.get_or_try_init(|| make(fails, false)).await),
                    };
                    if let Some(Ok(made)) = made {
                        return *made;
                    }
                }
            }
        });
        let seen = all(tasks).await;
        assert!(seen.iter().all(|made| *made == seen[0]), "all see the same");
        assert_eq!(shared.1.load(SeqCst), 1, "made once");
    }
}

async fn all_see_what_was_set_once(spawner: Spawner) {
    for round in 0..20 {
        let cell = Arc::new(SetOnce::new());
        let waiters = spawner.tasks(TASKS, |task| {
            let cell = Arc::clone(&cell);
            async move {
                let mut dice = Dice::new(task + round);
                *until_done!(dice, cell.wait())
            }
        });
        let setters = spawner.tasks(2, |task| {
            let cell = Arc::clone(&cell);
            async move { cell.set(task).is_ok() }
        });
        let won = all(setters).await;
        assert_ne!(won[0], won[1], "one of them sets it");
        assert!(all(waiters).await.into_iter().all(|seen| won[seen]));
    }
}
