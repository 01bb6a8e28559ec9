//! The reader-writer lock, promise by promise.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::panic::{AssertUnwindSafe, UnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

use runtime_sync::block_on;
use runtime_sync::budget;
use runtime_sync::lock::{
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock,
    RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard,
};
use support::{Count, Event, hooked};

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn poll_by<F: Future>(future: Pin<&mut F>, count: &Arc<Count>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&count.waker()))
}

fn ready<T>(poll: Poll<T>) -> T {
    match poll {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it should have been ready"),
    }
}

#[test]
fn readers_share_and_a_writer_excludes() {
    let lock = RwLock::new(1);
    let readers = (lock.try_read().unwrap(), lock.try_read().unwrap());
    assert!(lock.try_write().is_err());
    drop(readers);
    let writer = lock.try_write().unwrap();
    assert!(lock.try_read().is_err());
    assert!(lock.try_write().is_err());
    drop(writer);
    assert_eq!(lock.stats().readers, 0);
    assert!(!lock.stats().written);
}

#[test]
fn a_free_lock_is_taken_in_the_first_poll() {
    let lock = Arc::new(RwLock::new(1));
    *ready(poll(pin!(lock.write()))) += 1;
    *ready(poll(pin!(Arc::clone(&lock).write_owned()))) += 1;
    assert_eq!(*ready(poll(pin!(lock.read()))), 3);
    assert_eq!(*ready(poll(pin!(Arc::clone(&lock).read_owned()))), 3);
}

#[test]
fn a_writer_that_waits_is_not_overtaken_by_readers() {
    let lock = RwLock::new(0);
    let (writes, reads) = (Count::new(), Count::new());
    let reader = lock.try_read().unwrap();
    let mut writer = pin!(lock.write());
    assert!(poll_by(writer.as_mut(), &writes).is_pending());
    assert!(lock.try_read().is_err(), "a reader overtakes the writer");
    let mut late = pin!(lock.read());
    assert!(poll_by(late.as_mut(), &reads).is_pending());
    drop(reader);
    assert_eq!((writes.get(), reads.get()), (1, 0));
    *ready(poll_by(writer.as_mut(), &writes)) += 1;
    assert_eq!(reads.get(), 1);
    assert_eq!(*ready(poll_by(late.as_mut(), &reads)), 1);
}

#[test]
fn readers_behind_a_writer_that_gives_up_go_on() {
    let lock = RwLock::new(());
    let reads: Vec<_> = (0..3).map(|_| Count::new()).collect();
    let reader = lock.try_read().unwrap();
    let mut writer = Box::pin(lock.write());
    assert!(poll(writer.as_mut()).is_pending());
    let mut late: Vec<_> = (0..3).map(|_| Box::pin(lock.read())).collect();
    for (late, count) in late.iter_mut().zip(&reads) {
        assert!(poll_by(late.as_mut(), count).is_pending());
    }
    drop(writer);
    assert!(reads.iter().all(|count| count.get() == 1), "readers wait for nobody");
    let guards: Vec<_> = late
        .iter_mut()
        .zip(&reads)
        .map(|(late, count)| ready(poll_by(late.as_mut(), count)))
        .collect();
    assert_eq!(lock.stats().readers, 4);
    drop((reader, guards));
    assert!(lock.try_write().is_ok());
}

#[test]
fn a_writer_that_was_given_the_lock_and_gives_up_passes_it_on() {
    let lock = RwLock::new(());
    let (first, second) = (Count::new(), Count::new());
    let writer = lock.try_write().unwrap();
    let mut leaves = Box::pin(lock.write());
    let mut stays = pin!(lock.write());
    assert!(poll_by(leaves.as_mut(), &first).is_pending());
    assert!(poll_by(stays.as_mut(), &second).is_pending());
    drop(writer);
    assert_eq!((first.get(), second.get()), (1, 0));
    drop(leaves);
    assert_eq!(second.get(), 1);
    drop(ready(poll_by(stays.as_mut(), &second)));
    assert!(lock.try_write().is_ok());
}

#[test]
fn a_downgrade_lets_readers_in_and_no_writer_between() {
    let lock = Arc::new(RwLock::new(1));
    let (reads, writes) = (Count::new(), Count::new());
    let writer = lock.try_write().unwrap();
    let mut reader = pin!(lock.read());
    let mut next = pin!(lock.write());
    assert!(poll_by(reader.as_mut(), &reads).is_pending());
    assert!(poll_by(next.as_mut(), &writes).is_pending());
    let downgraded = writer.downgrade();
    assert_eq!((reads.get(), writes.get()), (1, 0));
    let reader = ready(poll_by(reader.as_mut(), &reads));
    assert_eq!(*downgraded, *reader);
    drop((downgraded, reader));
    *ready(poll_by(next.as_mut(), &writes)) += 1;
    let owned = Arc::clone(&lock).try_write_owned().unwrap().downgrade();
    assert_eq!(*owned, *lock.try_read().unwrap());
    assert!(lock.try_write().is_err());
    drop(owned);
    assert!(lock.try_write().is_ok());
}

#[test]
fn mapped_guards_hold_the_lock_and_give_it_back_once() {
    let lock = Arc::new(RwLock::new((1, vec![2])));
    let second = RwLockWriteGuard::map(lock.try_write().unwrap(), |pair| &mut pair.1);
    let mut first = RwLockMappedWriteGuard::try_map(second, |list| list.first_mut()).unwrap();
    *first += 1;
    assert!(lock.try_read().is_err());
    drop(first);
    let owned = Arc::clone(&lock).try_write_owned().unwrap();
    let second = OwnedRwLockWriteGuard::map(owned, |pair| &mut pair.1);
    let mut first = OwnedRwLockMappedWriteGuard::try_map(second, |list| list.first_mut()).unwrap();
    *first += 1;
    assert!(lock.try_read().is_err());
    drop(first);
    let owned = OwnedRwLockWriteGuard::downgrade_map(
        Arc::clone(&lock).try_write_owned().unwrap(),
        |pair| &pair.1,
    );
    let first = OwnedRwLockReadGuard::map(owned, |list| &list[0]);
    let borrowed = RwLockReadGuard::map(lock.try_read().unwrap(), |pair| &pair.1[0]);
    assert_eq!((*first, *borrowed), (4, 4));
    assert!(lock.try_write().is_err());
    drop((first, borrowed));
    assert!(lock.try_write().is_ok(), "all permits are back");
    assert_eq!(lock.stats().readers, 0);
}

#[test]
fn a_panic_while_mapping_or_downgrading_gives_the_lock_back() {
    let lock = Arc::new(RwLock::new(1));
    let guard = lock.try_write().unwrap();
    let map = || drop(RwLockWriteGuard::map(guard, |_| -> &mut u8 { panic!("no part") }));
    assert!(catch_unwind(AssertUnwindSafe(map)).is_err());
    let guard = Arc::clone(&lock).try_write_owned().unwrap();
    let map =
        || drop(OwnedRwLockWriteGuard::downgrade_map(guard, |_| -> &u8 { panic!("no part") }));
    assert!(catch_unwind(AssertUnwindSafe(map)).is_err());
    let guard = lock.try_read().unwrap();
    let map = || drop(RwLockReadGuard::try_map(guard, |_| -> Option<&u8> { panic!("none") }));
    assert!(catch_unwind(AssertUnwindSafe(map)).is_err());
    assert!(lock.try_write().is_ok());
}

#[test]
fn a_waker_that_panics_at_a_downgrade_takes_no_permit_along() {
    let lock = RwLock::new(1);
    let guard = lock.try_write().unwrap();
    let mut reader = Box::pin(lock.read());
    let waker = hooked(|event| assert!(event != Event::Wake, "a bad waker"));
    assert!(reader.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(guard.downgrade()))).is_err());
    drop(ready(poll(reader.as_mut())));
    assert!(lock.try_write().is_ok());
}

#[test]
fn no_more_readers_come_in_than_are_admitted() {
    let lock = RwLock::with_max_readers(1, 2);
    let count = Count::new();
    let readers = (lock.try_read().unwrap(), lock.try_read().unwrap());
    assert!(lock.try_read().is_err());
    let mut third = pin!(lock.read());
    assert!(poll_by(third.as_mut(), &count).is_pending());
    drop(readers.0);
    assert_eq!(count.get(), 1);
    drop(ready(poll_by(third.as_mut(), &count)));
    drop(readers.1);
    assert!(lock.try_write().is_ok());
}

#[test]
fn a_lock_for_one_reader_can_be_written_and_downgraded() {
    let lock = RwLock::with_max_readers(1, 1);
    let guard = lock.try_write().unwrap().downgrade();
    assert!(lock.try_read().is_err());
    drop(guard);
    assert!(lock.try_read().is_ok());
}

#[test]
#[should_panic(expected = "admits no reader")]
fn a_lock_for_no_readers_is_refused() {
    RwLock::with_max_readers(1, 0);
}

#[test]
#[should_panic(expected = "no more than u32::MAX >> 3 readers")]
fn a_lock_for_too_many_readers_is_refused() {
    RwLock::with_max_readers(1, (u32::MAX >> 3) + 1);
}

#[test]
fn behind_a_leaked_read_guard_there_is_reading_but_no_writing() {
    let lock = RwLock::with_max_readers(1, u32::MAX >> 3);
    std::mem::forget(lock.try_read().unwrap());
    assert!(lock.try_write().is_err());
    assert!(lock.try_read().is_ok());
    let mut writer = Box::pin(lock.write());
    assert!(poll(writer.as_mut()).is_pending());
    drop(writer);
    assert!(lock.try_read().is_ok());
    assert_eq!(lock.stats().readers, 1);
}

#[test]
fn a_waker_may_read_the_very_lock_that_wakes_it() {
    let lock = Arc::new(RwLock::new(1));
    let reads = Arc::new(AtomicUsize::new(0));
    let guard = lock.try_write().unwrap();
    let waker = hooked({
        let (lock, reads) = (Arc::clone(&lock), Arc::clone(&reads));
        move |event| {
            if event == Event::Wake {
                reads.fetch_add(*lock.try_read().expect("the writer is gone"), Ordering::Relaxed);
            }
        }
    });
    let mut reader = pin!(lock.read());
    assert!(reader.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(guard);
    assert_eq!(reads.load(Ordering::Relaxed), 1);
    drop(ready(poll(reader.as_mut())));
}

#[test]
fn debug_shows_the_data_or_that_it_is_locked() {
    let lock = RwLock::new(5);
    let reader = lock.try_read().unwrap();
    assert_eq!(format!("{lock:?} {reader:?} {reader}"), "RwLock { data: 5 } 5 5");
    drop(reader);
    let writer = lock.try_write().unwrap();
    assert_eq!(format!("{lock:?} {writer:?}"), "RwLock { data: <locked> } 5");
}

#[test]
fn blocking_within_a_task_says_what_to_do() {
    let before = budget::refill();
    let lock = RwLock::new(());
    let panics = [
        catch_unwind(AssertUnwindSafe(|| drop(lock.blocking_read()))),
        catch_unwind(AssertUnwindSafe(|| drop(lock.blocking_write()))),
    ];
    budget::restore(before);
    let messages = panics.map(|panic| *panic.unwrap_err().downcast::<String>().unwrap());
    assert!(messages[0].contains("await `read` there"), "{}", messages[0]);
    assert!(messages[1].contains("await `write` there"), "{}", messages[1]);
}

#[test]
fn a_lock_in_a_task_counts_in_its_budget() {
    let lock = RwLock::new(());
    let before = budget::refill();
    for _ in 0..budget::BUDGET / 2 {
        drop(ready(poll(pin!(lock.read()))));
        drop(ready(poll(pin!(lock.write()))));
    }
    let ends = poll(pin!(lock.read())).is_pending() && poll(pin!(lock.write())).is_pending();
    budget::restore(before);
    assert!(ends, "it never gives way");
    assert!(lock.try_write().is_ok());
}

#[test]
fn the_data_may_be_unsized() {
    let lock: Arc<RwLock<[u8]>> = Arc::new(RwLock::new([1, 2, 3]));
    block_on(async {
        lock.write().await[0] = 7;
        let guard = Arc::clone(&lock).read_owned().await;
        assert_eq!(*OwnedRwLockReadGuard::map(guard, |bytes| &bytes[0]), 7);
    });
}

#[test]
fn it_takes_no_more_memory_than_tokio_s() {
    assert!(size_of::<RwLock<()>>() <= 48);
    assert!(size_of::<RwLockReadGuard<'_, ()>>() <= 16);
    assert!(size_of::<OwnedRwLockReadGuard<(), ()>>() <= 16);
    // tokio's are 24.
    assert!(size_of::<RwLockWriteGuard<'_, ()>>() <= 8);
    assert!(size_of::<OwnedRwLockWriteGuard<()>>() <= 8);
    assert!(size_of::<RwLockMappedWriteGuard<'_, ()>>() <= 16);
    assert!(size_of::<OwnedRwLockMappedWriteGuard<(), ()>>() <= 16);
}

#[test]
fn all_is_send_and_sync_as_the_data_allows() {
    fn both<T: Send + Sync>() {}
    fn send<T: Send>(_: &T) {}
    fn is_send<T: Send>() {}
    fn unpin<T: Unpin>() {}
    fn unwinds<T: UnwindSafe>() {}

    both::<RwLock<u32>>();
    both::<(RwLockReadGuard<'_, u32>, OwnedRwLockReadGuard<u32, u8>)>();
    both::<(RwLockWriteGuard<'_, u32>, OwnedRwLockWriteGuard<u32>)>();
    both::<(RwLockMappedWriteGuard<'_, u32>, OwnedRwLockMappedWriteGuard<u32, u8>)>();
    is_send::<RwLock<std::cell::Cell<u32>>>();
    unpin::<(RwLock<u32>, RwLockReadGuard<'_, u32>, RwLockWriteGuard<'_, u32>)>();
    unwinds::<RwLock<u32>>();
    let lock = Arc::new(RwLock::new(1));
    send(&lock.read());
    send(&lock.write());
    send(&Arc::clone(&lock).read_owned());
    send(&Arc::clone(&lock).write_owned());
}

#[test]
fn threads_read_what_threads_wrote_whole() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 3_000;
    let lock = RwLock::with_max_readers((0, 0), 2);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let lock = &lock;
            scope.spawn(move || {
                block_on(async {
                    for round in 0..ROUNDS {
                        if (round + thread) % 3 == 0 {
                            let mut guard = lock.write().await;
                            guard.0 += 1;
                            if round % 64 == 0 {
                                thread::yield_now();
                            }
                            guard.1 += 1;
                            let guard = guard.downgrade();
                            assert_eq!(guard.0, guard.1);
                        } else {
                            let guard = lock.read().await;
                            assert_eq!(guard.0, guard.1, "a writer was inside");
                        }
                    }
                });
            });
        }
    });
    let (one, other) = lock.into_inner();
    assert_eq!((one, other), (THREADS * ROUNDS / 3, THREADS * ROUNDS / 3));
}
