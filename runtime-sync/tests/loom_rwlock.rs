//! The reader-writer lock under every interleaving: a writer alone or readers together, no wake is
//! lost, and no writer comes in between a downgrade and its reader.
//!
//! A lost wake leaves all threads asleep, which loom reports as a deadlock. Twins make one mistake
//! in using the lock, and must fail.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use loom::thread;
use runtime_sync::block_on;
use runtime_sync::lock::RwLock;
use support_loom::Task;

fn poll<F: Future>(future: Pin<&mut F>, task: &Arc<Task>) -> Poll<F::Output> {
    task.with_context(|cx| future.poll(cx))
}

fn pair() -> Arc<RwLock<(usize, usize)>> {
    Arc::new(RwLock::with_max_readers((0, 0), 2))
}

#[test]
fn a_reader_sees_what_a_writer_wrote_whole() {
    loom::model(|| {
        let lock = pair();
        let thread = thread::spawn({
            let lock = Arc::clone(&lock);
            move || {
                block_on(async {
                    let mut guard = lock.write().await;
                    guard.0 += 1;
                    guard.1 += 1;
                });
            }
        });
        block_on(async {
            let guard = lock.read().await;
            assert_eq!(guard.0, guard.1);
        });
        thread.join().unwrap();
        assert_eq!(*lock.try_read().unwrap(), (1, 1));
    });
}

#[test]
fn two_writers_count_to_two() {
    loom::model(|| {
        let lock = pair();
        let thread = thread::spawn({
            let lock = Arc::clone(&lock);
            move || block_on(async { lock.write_owned().await.0 += 1 })
        });
        block_on(async { lock.write().await.0 += 1 });
        thread.join().unwrap();
        assert_eq!(lock.try_read().unwrap().0, 2);
    });
}

/// Two writers, of which one becomes a reader and relies on what it wrote.
fn a_writer_becomes_a_reader(downgrades: bool) {
    loom::model(move || {
        let lock = pair();
        let thread = thread::spawn({
            let lock = Arc::clone(&lock);
            move || block_on(async { lock.write().await.0 = 2 })
        });
        block_on(async {
            let mut guard = lock.write().await;
            guard.0 = 1;
            let guard = match downgrades {
                true => guard.downgrade(),
                false => {
                    drop(guard);
                    lock.read().await
                }
            };
            assert_eq!(guard.0, 1, "a writer came in between");
        });
        thread.join().unwrap();
        assert!(lock.try_write().is_ok(), "all permits are back");
    });
}

#[test]
fn no_writer_comes_in_between_a_downgrade_and_its_reader() {
    a_writer_becomes_a_reader(true);
}

#[test]
#[should_panic(expected = "a writer came in between")]
fn twin_that_lets_go_and_reads_again() {
    a_writer_becomes_a_reader(false);
}

#[test]
fn a_downgrade_wakes_the_reader_that_waits() {
    loom::model(|| {
        let lock = pair();
        let thread = thread::spawn({
            let lock = Arc::clone(&lock);
            move || block_on(async { lock.read().await.0 })
        });
        let mut guard = block_on(lock.write());
        guard.0 = 1;
        let guard = guard.downgrade();
        let read = thread.join().unwrap();
        assert!(read <= 1);
        drop(guard);
        assert!(lock.try_write().is_ok());
    });
}

/// A writer in line gives up while the last reader leaves; a reader waits behind it.
fn a_writer_gives_up(drops: bool) {
    loom::model(move || {
        let lock = pair();
        let (writes, reads) = (Task::new(), Task::new());
        let reader = Arc::clone(&lock).try_read_owned().unwrap();
        let mut writer = Box::pin(Arc::clone(&lock).write_owned());
        let mut late = pin!(lock.read());
        assert!(poll(writer.as_mut(), &writes).is_pending());
        assert!(poll(late.as_mut(), &reads).is_pending());
        let thread = thread::spawn(move || drop(reader));
        match drops {
            true => drop(writer),
            false => drop(Box::leak(Box::new(writer))),
        }
        thread.join().unwrap();
        assert!(reads.woken() >= 1, "the reader was forgotten");
        let Poll::Ready(guard) = poll(late.as_mut(), &reads) else {
            panic!("nobody else is there")
        };
        drop(guard);
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn a_reader_behind_a_writer_that_gives_up_goes_on() {
    a_writer_gives_up(true);
}

#[test]
#[should_panic(expected = "the reader was forgotten")]
fn twin_that_leaks_the_writer() {
    a_writer_gives_up(false);
}

#[test]
fn a_writer_waits_for_two_readers_that_leave_at_once() {
    loom::model(|| {
        let lock = pair();
        let task = Task::new();
        let first = Arc::clone(&lock).try_read_owned().unwrap();
        let second = lock.try_read().unwrap();
        let mut writer = pin!(lock.write());
        assert!(poll(writer.as_mut(), &task).is_pending());
        let thread = thread::spawn(move || drop(first));
        drop(second);
        thread.join().unwrap();
        assert_eq!(task.woken(), 1);
        assert!(poll(writer.as_mut(), &task).is_ready());
    });
}

#[test]
fn two_readers_and_a_writer_all_get_in() {
    loom::model(|| {
        let lock = pair();
        let read = |lock: &RwLock<(usize, usize)>| {
            block_on(async {
                let guard = lock.read().await;
                assert_eq!(guard.0, guard.1);
            });
        };
        let thread = thread::spawn({
            let lock = Arc::clone(&lock);
            move || read(&lock)
        });
        let writer = thread::spawn({
            let lock = Arc::clone(&lock);
            move || {
                block_on(async {
                    let mut guard = lock.write().await;
                    guard.0 += 1;
                    guard.1 += 1;
                });
            }
        });
        read(&lock);
        thread.join().unwrap();
        writer.join().unwrap();
        assert!(lock.try_write().is_ok());
    });
}
