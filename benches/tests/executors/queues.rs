//! asyncio's queues between impatient tasks: each item exactly once, and join waits for all.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use filch::sync::queue::{LifoQueue, PriorityQueue, Queue};
use futures_lite::future::yield_now;

use crate::{
    executor::{Spawner, all, on_every_executor},
    impatient::{Dice, until_done},
};

on_every_executor!(
    each_item_is_got_once,
    join_waits_until_all_is_done,
    a_shut_down_queue_is_drained,
    an_immediate_shutdown_lets_join_finish,
    a_lifo_queue_loses_nothing,
    a_priority_queue_gives_the_smallest,
);

const TASKS: usize = 4;
const EACH: usize = 200;

async fn each_item_is_got_once(spawner: Spawner) {
    for maxsize in [0, 1, 3] {
        let queue = Queue::new(maxsize);
        let putters = spawner.tasks(TASKS, |task| {
            let queue = queue.clone();
            async move {
                let mut dice = Dice::new(task);
                for number in 0..EACH {
                    // A put that is given up has put nothing.
                    until_done!(dice, queue.put((task, number))).expect("it is open");
                }
            }
        });
        let getters = spawner.tasks(TASKS, |task| {
            let queue = queue.clone();
            async move {
                let mut dice = Dice::new(TASKS + task);
                let mut got = Vec::new();
                while let Ok(item) = until_done!(dice, queue.get()) {
                    got.push(item);
                }
                got
            }
        });
        all(putters).await;
        queue.shutdown();
        let mut got: Vec<_> = all(getters).await.into_iter().flatten().collect();
        got.sort_unstable();
        let put: Vec<_> =
            (0..TASKS).flat_map(|task| (0..EACH).map(move |number| (task, number))).collect();
        assert!(got == put, "each item is got once");
    }
}

async fn join_waits_until_all_is_done(spawner: Spawner) {
    let queue = Queue::new(2);
    let done = Arc::new(AtomicUsize::new(0));
    let workers = spawner.tasks(TASKS, |task| {
        let (queue, done) = (queue.clone(), Arc::clone(&done));
        async move {
            let mut dice = Dice::new(task);
            loop {
                // An item that is tracked is done when it is dropped.
                match dice.roll(2) {
                    0 => {
                        let Ok(item) = until_done!(dice, queue.get_tracked()) else { return };
                        yield_now().await;
                        done.fetch_add(1, SeqCst);
                        drop(item);
                    }
                    _ => {
                        let Ok(_) = until_done!(dice, queue.get()) else { return };
                        yield_now().await;
                        done.fetch_add(1, SeqCst);
                        queue.task_done();
                    }
                }
            }
        }
    });
    for round in 1..=3 {
        for number in 0..EACH {
            queue.put(number).await.expect("it is open");
        }
        let mut dice = Dice::new(round);
        until_done!(dice, queue.join());
        assert_eq!(done.load(SeqCst), round * EACH, "all of it is done");
    }
    queue.shutdown();
    all(workers).await;
}

async fn a_shut_down_queue_is_drained(spawner: Spawner) {
    let queue = Queue::new(2);
    let putters = spawner.tasks(TASKS, |task| {
        let queue = queue.clone();
        async move {
            let mut put = 0;
            while queue.put(task).await.is_ok() {
                put += 1;
            }
            put
        }
    });
    let getters = spawner.tasks(TASKS, |_| {
        let queue = queue.clone();
        async move {
            let mut got = 0;
            while queue.get().await.is_ok() {
                got += 1;
            }
            got
        }
    });
    for _ in 0..EACH {
        yield_now().await;
    }
    queue.shutdown();
    let put: usize = all(putters).await.iter().sum();
    assert_eq!(all(getters).await.iter().sum::<usize>(), put);
}

async fn an_immediate_shutdown_lets_join_finish(spawner: Spawner) {
    let queue = Queue::new(0);
    for number in 0..EACH {
        queue.put_nowait(number).expect("there is no limit");
    }
    let joiner = spawner.task({
        let queue = queue.clone();
        async move { queue.join().await }
    });
    yield_now().await;
    assert_eq!(queue.shutdown_now().len(), EACH, "what nobody got comes back");
    joiner.await;
    assert!(queue.get().await.is_err());
}

async fn a_lifo_queue_loses_nothing(spawner: Spawner) {
    let queue = LifoQueue::new(3);
    let getters = spawner.tasks(TASKS, |task| {
        let queue = queue.clone();
        async move {
            let mut dice = Dice::new(task);
            let mut sum = 0;
            while let Ok(number) = until_done!(dice, queue.get()) {
                sum += number;
            }
            sum
        }
    });
    for number in 0..EACH {
        queue.put(number).await.expect("it is open");
    }
    queue.shutdown();
    assert_eq!(all(getters).await.iter().sum::<usize>(), (0..EACH).sum());
}

async fn a_priority_queue_gives_the_smallest(spawner: Spawner) {
    let queue = PriorityQueue::new(0);
    let putters = spawner.tasks(TASKS, |task| {
        let queue = queue.clone();
        async move {
            for number in (0..EACH).rev() {
                queue.put(TASKS * number + task).await.expect("it is open");
                if number % 8 == 0 {
                    yield_now().await;
                }
            }
        }
    });
    all(putters).await;
    for number in 0..TASKS * EACH {
        assert_eq!(queue.get().await.ok(), Some(number));
    }
}
