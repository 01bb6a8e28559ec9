//! `OnceCell` and `SetOnce` under every interleaving: one value, made once, seen whole by all, and
//! the right to make it never lies on the floor.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use std::future::{Future, pending, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use runtime_sync::lock::{OnceCell, SetOnce};
use support_loom::Task;

fn poll<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>, task: &Arc<Task>) -> Poll<T> {
    task.with_context(|cx| future.poll(cx))
}

/// Two ask for the value at the same time: one makes it.
#[test]
fn two_who_ask_get_the_same_value() {
    loom::model(|| {
        let shared = Arc::new((OnceCell::new(), AtomicUsize::new(0)));
        let ask = |shared: &(OnceCell<Box<usize>>, AtomicUsize), task: &Arc<Task>| {
            let make = async || Box::new(shared.1.fetch_add(1, Ordering::Relaxed));
            let mut asks = pin!(shared.0.get_or_init(make));
            loop {
                match poll(asks.as_mut(), task) {
                    Poll::Ready(value) => return **value,
                    Poll::Pending => thread::yield_now(),
                }
            }
        };
        let other = Task::new();
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || ask(&shared, &other)
        });
        let mine = ask(&shared, &Task::new());
        assert_eq!((mine, thread.join().unwrap()), (0, 0));
        assert_eq!(shared.1.load(Ordering::Relaxed), 1, "it was made twice");
    });
}

/// One gives up making the value while another one comes.
fn give_up_against_ask(fails: bool) {
    loom::model(move || {
        let cell = Arc::new(OnceCell::new());
        let task = Task::new();
        let thread = thread::spawn({
            let cell = Arc::clone(&cell);
            move || {
                // Makes it for a while, unless the other one was first.
                let mut makes = Box::pin(cell.get_or_init(pending));
                let _ = poll(makes.as_mut(), &Task::new());
                match fails {
                    true => drop(makes),
                    false => std::mem::forget(makes),
                }
            }
        });
        let mut asks = Box::pin(cell.get_or_init(|| ready(Box::new(1))));
        let mut polled = poll(asks.as_mut(), &task);
        thread.join().unwrap();
        if polled.is_pending() {
            assert_eq!(task.woken(), 1, "the right was not handed on");
            polled = poll(asks.as_mut(), &task);
        }
        assert_eq!(polled, Poll::Ready(&Box::new(1)));
        drop(asks);
        assert_eq!(cell.get(), Some(&Box::new(1)));
        assert_eq!(cell.stats().waiters, 0);
    });
}

#[test]
fn the_right_of_one_who_gives_up_goes_to_who_asks() {
    give_up_against_ask(true);
}

#[test]
#[should_panic(expected = "the right was not handed on")]
fn twin_that_leaks_the_right() {
    give_up_against_ask(false);
}

/// The maker gives up, and the next in line too: the third gets the right.
#[test]
fn the_right_is_handed_on_by_who_was_handed_it() {
    loom::model(|| {
        let cell = Arc::new(OnceCell::new());
        let (second, third) = (Task::new(), Task::new());
        let mut makes = Box::pin(cell.get_or_init(pending));
        assert!(poll(makes.as_mut(), &Task::new()).is_pending());
        let mut leaves = Box::pin(cell.get_or_init(|| ready(2)));
        let mut stays = Box::pin(cell.get_or_init(|| ready(3)));
        assert!(poll(leaves.as_mut(), &second).is_pending());
        assert!(poll(stays.as_mut(), &third).is_pending());
        let thread = thread::spawn({
            let cell = Arc::clone(&cell);
            move || {
                // Nobody overtakes those in line.
                assert!(cell.set(4).is_err());
            }
        });
        drop(makes);
        drop(leaves);
        thread.join().unwrap();
        assert_eq!(third.woken(), 1, "the right was not handed on");
        assert_eq!(poll(stays.as_mut(), &third), Poll::Ready(&3));
    });
}

#[test]
fn a_value_that_is_put_in_wakes_who_waits_and_is_whole() {
    loom::model(|| {
        let cell = Arc::new(OnceCell::new());
        let task = Task::new();
        let thread = thread::spawn({
            let cell = Arc::clone(&cell);
            move || cell.set(Box::new(1)).is_ok()
        });
        if let Some(value) = cell.get() {
            assert_eq!(**value, 1);
        }
        let mut asks = Box::pin(cell.get_or_init(|| ready(Box::new(2))));
        let mut polled = poll(asks.as_mut(), &task);
        let put = thread.join().unwrap();
        if polled.is_pending() {
            assert_eq!(task.woken(), 1, "the wake is lost");
            polled = poll(asks.as_mut(), &task);
        }
        assert_eq!(polled, Poll::Ready(&Box::new(if put { 1 } else { 2 })));
    });
}

#[test]
fn one_of_two_sets_and_the_other_finds_the_value() {
    loom::model(|| {
        let once = Arc::new(SetOnce::new());
        let task = Task::new();
        let set = |once: &SetOnce<Box<u32>>, value| match once.set(Box::new(value)) {
            Ok(()) => value,
            Err(error) => {
                assert_eq!(*error.0, value, "it is given back");
                **once.get().expect("who fails finds a value")
            }
        };
        let mut waits = Box::pin(once.wait());
        let ready = poll(waits.as_mut(), &task).is_ready();
        let thread = thread::spawn({
            let once = Arc::clone(&once);
            move || set(&once, 1)
        });
        let mine = set(&once, 2);
        assert_eq!(thread.join().unwrap(), mine);
        assert!(!ready && task.woken() == 1, "the wake is lost");
        assert_eq!(poll(waits.as_mut(), &task), Poll::Ready(&Box::new(mine)));
    });
}

#[test]
fn who_waits_for_a_value_sees_it_or_is_woken() {
    loom::model(|| {
        let once = Arc::new(SetOnce::new());
        let task = Task::new();
        let thread = thread::spawn({
            let once = Arc::clone(&once);
            move || once.set(Box::new(1)).unwrap()
        });
        let mut waits = Box::pin(once.wait());
        let mut polled = poll(waits.as_mut(), &task);
        thread.join().unwrap();
        if polled.is_pending() {
            assert_eq!(task.woken(), 1, "the wake is lost");
            polled = poll(waits.as_mut(), &task);
        }
        assert_eq!(polled, Poll::Ready(&Box::new(1)));
    });
}
