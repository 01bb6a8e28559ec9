//! asyncio's queues under every interleaving of putting, getting, giving up, joining and shutting
//! down. A lost wake is a model in which nobody can go on.
//!
//! Twins make one mistake, and must fail.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use loom::thread;
use runtime_sync::block_on;
use runtime_sync::queue::{PriorityQueue, Queue, QueueShutDown};
use support_loom::{Task, model};

fn poll<F: Future>(future: Pin<&mut F>, task: &Arc<Task>) -> Poll<F::Output> {
    task.with_context(|cx| future.poll(cx))
}

#[test]
fn a_getter_is_woken_or_sees_the_item() {
    model(|others_first| {
        let queue = Queue::new(0);
        let puts = thread::spawn({
            let queue = queue.clone();
            move || queue.put_nowait(1).unwrap()
        });
        others_first.then(thread::yield_now);
        assert_eq!(block_on(queue.get()), Ok(1));
        puts.join().unwrap();
    });
}

#[test]
fn a_putter_is_woken_or_sees_the_room() {
    model(|others_first| {
        let queue = PriorityQueue::new(1);
        queue.put_nowait(1).unwrap();
        let puts = thread::spawn({
            let queue = queue.clone();
            move || block_on(queue.put(2)).unwrap()
        });
        others_first.then(thread::yield_now);
        assert_eq!(queue.get_nowait(), Ok(1));
        puts.join().unwrap();
        assert_eq!(queue.get_nowait(), Ok(2));
    });
}

/// One of two getters gives up while an item comes.
fn give_up_against_put(forgets: bool) {
    model(move |others_first| {
        let queue = Queue::new(0);
        let (first, second) = (Task::new(), Task::new());
        let mut leaves = Box::pin(queue.get());
        let mut stays = pin!(queue.get());
        assert!(poll(leaves.as_mut(), &first).is_pending());
        assert!(poll(stays.as_mut(), &second).is_pending());
        let puts = thread::spawn({
            let queue = queue.clone();
            move || queue.put_nowait(1).unwrap()
        });
        others_first.then(thread::yield_now);
        match forgets {
            false => drop(leaves),
            // Neither polled nor dropped.
            true => first.with_context(|_| ()),
        }
        puts.join().unwrap();
        assert_eq!(second.woken(), 1, "the wake is lost");
        assert_eq!(poll(stays.as_mut(), &second), Poll::Ready(Ok(1)));
    });
}

#[test]
fn a_getter_that_gives_up_hands_its_wake_on() {
    give_up_against_put(false);
}

#[test]
#[should_panic(expected = "the wake is lost")]
fn twin_that_does_not_give_up() {
    give_up_against_put(true);
}

#[test]
fn two_getters_share_two_items() {
    model(|others_first| {
        let queue = Queue::new(0);
        let gets = thread::spawn({
            let queue = queue.clone();
            move || block_on(queue.get()).unwrap()
        });
        others_first.then(thread::yield_now);
        queue.put_nowait(1).unwrap();
        let overtakes = queue.get_nowait();
        queue.put_nowait(2).unwrap();
        let got = gets.join().unwrap();
        match overtakes {
            Ok(1) => assert_eq!(got, 2),
            _ => assert_eq!((got, queue.get_nowait()), (1, Ok(2))),
        }
    });
}

#[test]
fn a_shutdown_leaves_nobody_behind() {
    model(|others_first| {
        let queue = Queue::new(1);
        queue.put_nowait(1).unwrap();
        let puts = thread::spawn({
            let queue = queue.clone();
            move || block_on(queue.put(2))
        });
        others_first.then(thread::yield_now);
        queue.shutdown();
        assert_eq!(puts.join().unwrap(), Err(QueueShutDown(2)));
        assert_eq!(block_on(queue.get()), Ok(1));
        assert_eq!(block_on(queue.get()), Err(QueueShutDown(())));
    });
}

#[test]
fn an_immediate_shutdown_and_a_getter_share_the_items() {
    model(|others_first| {
        let queue = Queue::new(0);
        let gets = thread::spawn({
            let queue = queue.clone();
            move || block_on(queue.get())
        });
        others_first.then(thread::yield_now);
        queue.put_nowait(1).unwrap();
        let taken = queue.shutdown_now();
        match gets.join().unwrap() {
            Ok(1) => assert_eq!((taken.len(), queue.stats().unfinished), (0, 1)),
            _ => assert_eq!((taken.len(), queue.stats().unfinished), (1, 0)),
        }
    });
}

/// Two are done with one item each; a twin says so once only.
fn join_against_done(items: usize) {
    model(move |others_first| {
        let queue = Queue::new(0);
        (0..items).for_each(|n| queue.put_nowait(n).unwrap());
        let work = |queue: &Queue<usize>| drop(block_on(queue.get_tracked()).unwrap());
        let works = thread::spawn({
            let queue = queue.clone();
            move || work(&queue)
        });
        others_first.then(thread::yield_now);
        work(&queue);
        block_on(queue.join());
        assert_eq!(queue.stats().unfinished, 0);
        works.join().unwrap();
    });
}

#[test]
fn a_joiner_is_woken_when_all_is_done() {
    join_against_done(2);
}

#[test]
#[should_panic(expected = "deadlock")]
fn twin_that_leaves_an_item_undone() {
    join_against_done(3);
}
