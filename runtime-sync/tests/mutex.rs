//! The mutex and asyncio's lock, promise by promise.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::panic::{AssertUnwindSafe, UnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::thread;

use runtime_sync::block_on;
use runtime_sync::budget;
use runtime_sync::lock::{
    Lock, LockGuard, MappedMutexGuard, Mutex, MutexGuard, OwnedLock, OwnedMappedMutexGuard,
    OwnedMutexGuard, TryLockError,
};
use support::{Count, Event, hooked};

/// Polls once with a waker that does nothing.
fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls once with a waker that counts.
fn poll_by<F: Future>(future: std::pin::Pin<&mut F>, count: &Arc<Count>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&count.waker()))
}

fn ready<T>(poll: Poll<T>) -> T {
    match poll {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it should have been ready"),
    }
}

#[test]
fn a_free_mutex_is_taken_in_the_first_poll() {
    let lock = Mutex::new(1);
    *ready(poll(pin!(lock.lock()))) += 1;
    assert_eq!(lock.into_inner(), 2);
}

#[test]
fn one_guard_excludes_all_others() {
    let lock = Arc::new(Mutex::new(1));
    let guard = lock.try_lock().unwrap();
    assert!(lock.try_lock().is_err());
    assert!(Arc::clone(&lock).try_lock_owned().is_err());
    assert!(poll(pin!(lock.lock())).is_pending());
    drop(guard);
    assert!(lock.try_lock().is_ok());
}

#[test]
fn those_who_wait_are_served_in_the_order_they_came() {
    let lock = Mutex::new(Vec::new());
    let counts: Vec<_> = (0..5).map(|_| Count::new()).collect();
    let guard = lock.try_lock().unwrap();
    let mut waits: Vec<_> = (0..5).map(|_| Box::pin(lock.lock())).collect();
    for (wait, count) in waits.iter_mut().zip(&counts) {
        assert!(poll_by(wait.as_mut(), count).is_pending());
    }
    assert_eq!(lock.stats().waiters, 5);
    drop(guard);
    for at in 0..5 {
        assert_eq!(counts[at].get(), 1, "the next in line was not woken");
        assert!(counts[at + 1..].iter().all(|count| count.get() == 0));
        ready(poll_by(waits[at].as_mut(), &counts[at])).push(at);
    }
    assert_eq!(*lock.try_lock().unwrap(), [0, 1, 2, 3, 4]);
}

#[test]
fn who_gives_up_passes_the_lock_on() {
    let lock = Mutex::new(());
    let (first, second) = (Count::new(), Count::new());
    let guard = lock.try_lock().unwrap();
    let mut leaves = Box::pin(lock.lock());
    let mut stays = pin!(lock.lock());
    assert!(poll_by(leaves.as_mut(), &first).is_pending());
    assert!(poll_by(stays.as_mut(), &second).is_pending());
    drop(guard);
    assert_eq!((first.get(), second.get()), (1, 0));
    drop(leaves);
    assert_eq!(second.get(), 1, "the wake was lost with the one who gave up");
    drop(ready(poll_by(stays.as_mut(), &second)));
    assert!(!lock.stats().locked);
}

#[test]
fn one_that_was_overtaken_is_not_overtaken_again() {
    let lock = Mutex::new(());
    let count = Count::new();
    let guard = lock.try_lock().unwrap();
    let mut waits = pin!(lock.lock());
    assert!(poll_by(waits.as_mut(), &count).is_pending());
    drop(guard);
    let overtakes = lock.try_lock().expect("a running task may take a free lock");
    assert!(poll_by(waits.as_mut(), &count).is_pending());
    drop(overtakes);
    assert!(lock.try_lock().is_err(), "the lock belongs to the one who was overtaken");
    drop(ready(poll_by(waits.as_mut(), &count)));
    assert!(lock.try_lock().is_ok());
}

#[test]
fn a_panic_with_the_guard_gives_the_lock_back_and_leaves_no_poison() {
    let lock = Mutex::new(1);
    let panics = catch_unwind(AssertUnwindSafe(|| {
        let _guard = lock.try_lock().unwrap();
        panic!("with the lock");
    }));
    assert!(panics.is_err());
    assert_eq!(*lock.try_lock().unwrap(), 1);
}

#[test]
fn a_mapped_guard_holds_the_lock_and_gives_it_back_once() {
    let lock = Arc::new(Mutex::new((1, vec![2])));
    let mapped = MutexGuard::map(lock.try_lock().unwrap(), |pair| &mut pair.1);
    let mut mapped = MappedMutexGuard::try_map(mapped, |list| list.first_mut()).unwrap();
    *mapped += 1;
    assert!(lock.try_lock().is_err());
    drop(mapped);
    let owned = Arc::clone(&lock).try_lock_owned().unwrap();
    let mapped = OwnedMutexGuard::map(owned, |pair| &mut pair.1);
    let mapped = OwnedMappedMutexGuard::try_map(mapped, |list| list.first_mut()).unwrap();
    assert_eq!(*mapped, 3);
    assert!(lock.try_lock().is_err());
    drop(mapped);
    let first = lock.try_lock().unwrap();
    assert!(lock.try_lock().is_err(), "there is one permit and no more");
    drop(first);
}

#[test]
fn a_panic_while_mapping_gives_the_lock_back() {
    let lock = Arc::new(Mutex::new(1));
    let guard = lock.try_lock().unwrap();
    let map = || drop(MutexGuard::map(guard, |_| -> &mut u8 { panic!("no part") }));
    assert!(catch_unwind(AssertUnwindSafe(map)).is_err());
    let guard = Arc::clone(&lock).try_lock_owned().unwrap();
    let map = || drop(OwnedMutexGuard::try_map(guard, |_| -> Option<&mut u8> { panic!("none") }));
    assert!(catch_unwind(AssertUnwindSafe(map)).is_err());
    assert!(lock.try_lock().is_ok());
}

#[test]
fn the_data_may_be_unsized() {
    let lock: Arc<Mutex<[u8]>> = Arc::new(Mutex::new([1, 2, 3]));
    block_on(async {
        lock.lock().await[0] = 7;
        let guard = Arc::clone(&lock).lock_owned().await;
        let last = OwnedMutexGuard::map(guard, |bytes| bytes.last_mut().unwrap());
        assert_eq!(*last, 3);
    });
    let shown: Arc<Mutex<dyn std::fmt::Debug + Send>> = Arc::new(Mutex::new(5));
    assert_eq!(format!("{:?}", shown.try_lock().unwrap()), "5");
}

#[test]
fn an_owned_guard_keeps_the_mutex_alive_and_frees_it_last() {
    let dropped = Arc::new(());
    let lock = Arc::new(Mutex::new(Arc::clone(&dropped)));
    let guard = lock.try_lock_owned().unwrap();
    assert_eq!(Arc::strong_count(&dropped), 2);
    drop(guard);
    assert_eq!(Arc::strong_count(&dropped), 1);
}

#[test]
fn a_leaked_guard_leaves_the_mutex_locked_and_waiters_can_give_up() {
    let lock = Mutex::new(1);
    std::mem::forget(lock.try_lock().unwrap());
    assert!(lock.try_lock().is_err());
    let mut waits = Box::pin(lock.lock());
    assert!(poll(waits.as_mut()).is_pending());
    drop(waits);
    assert_eq!(lock.stats().waiters, 0);
    assert!(lock.stats().locked);
    assert_eq!(lock.into_inner(), 1);
}

#[test]
fn a_waker_that_panics_takes_no_lock_along() {
    let lock = Arc::new(Mutex::new(1));
    let guard = lock.try_lock().unwrap();
    let mut waits = Box::pin(lock.lock());
    let waker = hooked(|event| assert!(event != Event::Wake, "a bad waker"));
    assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(guard))).is_err());
    drop(ready(poll(waits.as_mut())));
    assert!(lock.try_lock().is_ok());
}

#[test]
fn a_waker_may_take_the_very_lock_that_wakes_it() {
    let lock = Arc::new(Mutex::new(0));
    let guard = lock.try_lock().unwrap();
    let waker = hooked({
        let lock = Arc::clone(&lock);
        move |event| {
            if event == Event::Wake {
                *lock.try_lock().expect("it is free and nobody holds a lock inside") += 1;
            }
        }
    });
    let mut waits = pin!(lock.lock());
    assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(guard);
    assert_eq!(*ready(poll(waits.as_mut())), 1);
}

#[test]
fn debug_shows_the_data_or_that_it_is_locked() {
    let lock = Mutex::new(5);
    assert_eq!(format!("{lock:?}"), "Mutex { data: 5 }");
    let guard = lock.try_lock().unwrap();
    assert_eq!(format!("{lock:?}"), "Mutex { data: <locked> }");
    assert_eq!(format!("{guard:?} {guard}"), "5 5");
    let lock = Lock::new();
    assert_eq!(format!("{lock:?}"), "Lock { locked: false, waiters: 0 }");
}

#[test]
fn a_lock_in_a_task_counts_in_its_budget_and_gives_way_when_it_is_spent() {
    let lock = Mutex::new(());
    let count = Count::new();
    let before = budget::refill();
    let mut taken = 0;
    while let Poll::Ready(guard) = poll_by(pin!(lock.lock()), &count) {
        drop(guard);
        taken += 1;
        assert!(taken <= u32::from(budget::BUDGET), "it never gives way");
    }
    budget::restore(before);
    assert_eq!(taken, u32::from(budget::BUDGET));
    assert_eq!(count.get(), 1, "a task that gives way is woken at once");
    assert!(lock.try_lock().is_ok(), "and has taken nothing");
}

#[test]
fn blocking_within_a_task_says_what_to_do() {
    let before = budget::refill();
    let lock = Mutex::new(());
    let panic = catch_unwind(AssertUnwindSafe(|| drop(lock.blocking_lock())));
    budget::restore(before);
    let message = *panic.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("await `lock` there"), "{message}");
}

#[test]
fn a_lock_without_data_is_released_by_whoever_has_it() {
    let lock = Arc::new(Lock::new());
    let owned = block_on(Arc::clone(&lock).acquire_owned());
    assert!(lock.locked());
    let mut waits = pin!(lock.acquire());
    assert!(poll(waits.as_mut()).is_pending());
    assert_eq!(lock.stats().waiters, 1);
    thread::spawn(move || owned.release()).join().unwrap();
    ready(poll(waits.as_mut())).release();
    assert!(!lock.locked());
    drop(lock.try_acquire().unwrap());
    lock.blocking_acquire().release();
    Arc::clone(&lock).blocking_acquire_owned().release();
    assert!(!lock.locked());
}

#[test]
fn it_takes_no_more_memory_than_tokio_s() {
    assert!(size_of::<Mutex<()>>() <= 40);
    assert!(size_of::<Lock>() <= 40);
    assert!(size_of::<MutexGuard<'_, ()>>() <= 8);
    assert!(size_of::<OwnedMutexGuard<()>>() <= 8);
    assert!(size_of::<MappedMutexGuard<'_, ()>>() <= 16);
    assert!(size_of::<OwnedMappedMutexGuard<(), ()>>() <= 16);
    assert!(size_of::<LockGuard<'_>>() <= 8);
    assert!(size_of_val(&Mutex::new(()).lock()) <= 120);
}

#[test]
fn all_is_send_and_sync_as_the_data_allows() {
    fn send<T: Send>(_: &T) {}
    fn both<T: Send + Sync>() {}
    fn unpin<T: Unpin>() {}
    fn unwinds<T: UnwindSafe>() {}
    type Data = std::cell::Cell<u32>;
    fn is_send<T: Send>() {}

    both::<Mutex<Data>>();
    both::<MutexGuard<'_, u32>>();
    both::<OwnedMutexGuard<u32>>();
    both::<MappedMutexGuard<'_, u32>>();
    both::<OwnedMappedMutexGuard<u32, u8>>();
    both::<(Lock, LockGuard<'_>, OwnedLock, TryLockError)>();
    is_send::<MutexGuard<'_, Data>>();
    is_send::<OwnedMutexGuard<Data>>();
    is_send::<MappedMutexGuard<'_, Data>>();
    is_send::<OwnedMappedMutexGuard<Data, Data>>();
    unpin::<(Mutex<u32>, MutexGuard<'_, u32>, OwnedMutexGuard<u32>, Lock)>();
    unwinds::<(Mutex<u32>, Lock)>();
    let lock = Arc::new(Mutex::new(1));
    send(&lock.lock());
    send(&Arc::clone(&lock).lock_owned());
    send(&Lock::new().acquire());
}

#[test]
fn threads_count_together() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 5_000;
    static LOCK: Mutex<usize> = Mutex::const_new(0);
    static OWNED: OnceLock<Arc<Mutex<usize>>> = OnceLock::new();
    let inside = AtomicUsize::new(0);
    let enter = || {
        assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0, "two are inside");
        inside.fetch_sub(1, Ordering::Relaxed);
    };
    let owned = OWNED.get_or_init(Arc::default);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                block_on(async {
                    for round in 0..ROUNDS {
                        let mut guard = LOCK.lock().await;
                        enter();
                        *guard += 1;
                        if round % 64 == 0 {
                            thread::yield_now();
                        }
                        drop(guard);
                        *Arc::clone(owned).lock_owned().await += 1;
                    }
                });
            });
        }
    });
    assert_eq!(*LOCK.try_lock().unwrap(), THREADS * ROUNDS);
    assert_eq!(*owned.try_lock().unwrap(), THREADS * ROUNDS);
    assert_eq!(LOCK.stats().waiters, 0);
}
