//! `OnceCell` and `SetOnce`, promise by promise; the races are in `loom_once.rs`.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, UnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;

use runtime_sync::block_on;
use runtime_sync::lock::{Notify, OnceCell, SetError, SetOnce, SetOnceError};
use support::{Count, Event, hooked};

fn poll<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Makes a value for ever.
type Making = Pin<Box<dyn Future<Output = u32> + Send>>;

type Gets<'a> = Pin<Box<dyn Future<Output = &'a u32> + 'a>>;

/// Somebody who waits for the value or the right to make it, and the count of its wakes.
fn asks(cell: &OnceCell<u32>, value: u32) -> (Gets<'_>, Arc<Count>) {
    let count = Count::new();
    let mut future: Gets<'_> = Box::pin(cell.get_or_init(move || ready(value)));
    assert!(future.as_mut().poll(&mut Context::from_waker(&count.waker())).is_pending());
    (future, count)
}

#[test]
fn the_value_is_made_once() {
    let cell = OnceCell::new();
    assert_eq!((cell.get(), cell.initialized()), (None, false));
    assert_eq!(block_on(cell.get_or_init(|| ready(1))), &1);
    assert_eq!(block_on(cell.get_or_init(|| async { unreachable!() })), &1);
    assert_eq!((cell.get(), cell.initialized()), (Some(&1), true));
    assert_eq!(cell.set(2), Err(SetError::AlreadyInitializedError(2)));
}

#[test]
fn all_who_wait_get_the_value_that_one_makes() {
    let (cell, door) = (OnceCell::new(), Notify::new());
    let mut first = pin!(cell.get_or_init(async || {
        door.notified().await;
        7
    }));
    assert!(poll(first.as_mut()).is_pending());
    let mut others: Vec<_> = (0..40).map(|_| asks(&cell, 8)).collect();
    assert!(cell.stats().initializing);
    assert_eq!(cell.stats().waiters, 40);
    assert!(cell.set(9).unwrap_err().is_initializing_err());
    door.notify_one();
    assert_eq!(poll(first.as_mut()), Poll::Ready(&7));
    assert!(others.iter_mut().all(|one| one.1.get() == 1 && poll(one.0.as_mut()).is_ready()));
    assert_eq!(cell.stats().waiters, 0);
}

#[test]
fn the_first_in_line_tries_after_a_failure_a_panic_and_a_cancellation() {
    let (cell, door) = (OnceCell::new(), Notify::new());
    let mut fails = pin!(cell.get_or_try_init(async || {
        door.notified().await;
        Err("failed")
    }));
    assert!(poll(fails.as_mut()).is_pending());
    let mut panics = Box::pin(cell.get_or_init(async || panic!("angry")));
    let mut stays = Box::pin(cell.get_or_init(pending));
    assert!(poll(panics.as_mut()).is_pending() && poll(stays.as_mut()).is_pending());
    let (mut last, count) = asks(&cell, 3);

    door.notify_one();
    assert_eq!(poll(fails.as_mut()), Poll::Ready(Err("failed")));
    catch_unwind(AssertUnwindSafe(|| poll(panics.as_mut()))).unwrap_err();
    assert!(poll(stays.as_mut()).is_pending());
    assert_eq!(count.get(), 0);
    assert!(cell.stats().initializing, "the right never lies on the floor while somebody waits");
    drop(stays);
    assert_eq!(count.get(), 1);
    assert_eq!(poll(last.as_mut()), Poll::Ready(&3));
}

#[test]
fn who_was_handed_the_right_and_is_dropped_hands_it_on() {
    let cell = OnceCell::new();
    let mut makes = Box::pin(cell.get_or_init(pending));
    assert!(poll(makes.as_mut()).is_pending());
    let (first, _) = asks(&cell, 1);
    let (second, count) = asks(&cell, 2);
    drop(makes);
    drop(first);
    assert_eq!(count.get(), 1);
    drop(second);
    let stats = cell.stats();
    assert_eq!((stats.initializing, stats.initialized, stats.waiters), (false, false, 0));
    assert_eq!(cell.set(3), Ok(()));
}

#[test]
fn the_right_is_handed_on_although_the_waker_panics() {
    let cell = OnceCell::new();
    let mut makes = Box::pin(cell.get_or_init(pending));
    assert!(poll(makes.as_mut()).is_pending());
    let angry = hooked(|event| assert_ne!(event, Event::Wake, "angry"));
    let mut first = Box::pin(cell.get_or_init(|| ready(1)));
    assert!(first.as_mut().poll(&mut Context::from_waker(&angry)).is_pending());
    catch_unwind(AssertUnwindSafe(|| drop(makes))).unwrap_err();
    assert_eq!(poll(first.as_mut()), Poll::Ready(&1));
}

#[test]
fn values_are_dropped_once_and_can_be_taken_out() {
    let value = Rc::new(());
    drop(OnceCell::from(Rc::clone(&value)));
    drop(SetOnce::from(Rc::clone(&value)));
    drop(OnceCell::<Rc<()>>::new());
    assert_eq!(Rc::strong_count(&value), 1);
    let mut cell = OnceCell::new_with(Some(Rc::clone(&value)));
    assert!(cell.get_mut().is_some());
    assert!(cell.take().is_some() && cell.take().is_none() && !cell.initialized());
    assert_eq!(Rc::strong_count(&value), 1);
    assert!(cell.set(Rc::clone(&value)).is_ok());
    assert!(cell.set(Rc::clone(&value)).is_err());
    assert_eq!(Rc::strong_count(&value), 2);
    assert!(cell.into_inner().is_some());
    assert!(SetOnce::new_with(Some(Rc::clone(&value))).into_inner().is_some());
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn cells_compare_clone_and_print_by_value() {
    let (full, empty) = (OnceCell::from(1), OnceCell::default());
    assert_eq!(full.clone(), full);
    assert_ne!(full, empty);
    assert_eq!(
        format!("{full:?} {empty:?}"),
        "OnceCell { value: Some(1) } OnceCell { value: None }"
    );
    let (full, empty) = (SetOnce::from(1), SetOnce::default());
    assert_eq!(full.clone(), full);
    assert_ne!(full, empty);
    assert_eq!(format!("{full:?} {empty:?}"), "SetOnce { value: Some(1) } SetOnce { value: None }");
    assert_eq!(SetOnceError(1).to_string(), "the value has been set already");
}

#[test]
fn all_who_wait_get_the_value_that_is_set() {
    let once = SetOnce::new();
    let count = Count::new();
    let mut all: Vec<_> = (0..40).map(|_| Box::pin(once.wait())).collect();
    for future in &mut all {
        let waker = count.waker();
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    drop(all.pop());
    assert_eq!(once.stats().waiters, 39);
    assert_eq!(once.set(1), Ok(()));
    assert_eq!(once.set(2), Err(SetOnceError(2)));
    assert_eq!(count.get(), 39);
    assert!(all.iter_mut().all(|future| poll(future.as_mut()) == Poll::Ready(&1)));
    assert_eq!(block_on(once.wait()), &1);
    assert_eq!((once.get(), once.initialized()), (Some(&1), true));
}

#[test]
fn the_right_is_not_lost_although_the_drop_of_a_waker_panics_that_was_not_needed() {
    let cell = Arc::new(OnceCell::new());
    let makes: Arc<Mutex<Option<Making>>> = Arc::default();
    let armed = AtomicBool::new(true);
    let waker = hooked({
        let makes = Arc::clone(&makes);
        move |event| match event {
            // Who makes the value gives up while the waker is cloned for the way into the line.
            Event::Clone => drop(makes.lock().unwrap().take()),
            Event::Drop if armed.swap(false, Ordering::SeqCst) => panic!("a bad waker"),
            _ => {}
        }
    });
    let mut making: Making = Box::pin({
        let cell = Arc::clone(&cell);
        async move { *cell.get_or_init(pending).await }
    });
    assert!(poll(making.as_mut()).is_pending());
    *makes.lock().unwrap() = Some(making);
    let mut comes = Box::pin(cell.get_or_init(async || 1));
    let polled = catch_unwind(AssertUnwindSafe(|| {
        comes.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
    }));
    assert!(makes.lock().unwrap().is_none());
    drop(comes);
    assert!(polled.is_ok_and(|made| made) || cell.set(2).is_ok(), "nobody can make it any more");
}

#[test]
fn a_waker_that_panics_does_not_unset_the_value() {
    let once = SetOnce::new();
    let angry = hooked(|event| assert_ne!(event, Event::Wake, "angry"));
    let mut first = pin!(once.wait());
    assert!(first.as_mut().poll(&mut Context::from_waker(&angry)).is_pending());
    catch_unwind(AssertUnwindSafe(|| once.set(1))).unwrap_err();
    assert_eq!(poll(first), Poll::Ready(&1));
}

#[test]
fn they_are_small_and_can_be_shared() {
    fn shared<T: Send + Sync>(_: &T) {}
    fn moves<T: Unpin + UnwindSafe>(_: &T) {}
    let (cell, once) = (OnceCell::<u64>::new(), SetOnce::<u64>::new());
    shared(&cell);
    shared(&once);
    moves(&cell);
    moves(&once);
    shared(&cell.get_or_init(|| ready(1)));
    shared(&once.wait());
    // tokio's are 48, 56, 40 and 48: its line has neither a length nor a hint read without a lock.
    assert!(size_of::<OnceCell<u8>>() <= 48 && size_of::<OnceCell<u64>>() <= 56);
    assert!(size_of::<SetOnce<u8>>() <= 40 && size_of::<SetOnce<u64>>() <= 48);
}

#[test]
fn threads_agree_upon_one_value_although_most_attempts_fail() {
    const ROUNDS: usize = 500;
    for _ in 0..ROUNDS {
        let (cell, once) = (OnceCell::new(), SetOnce::new());
        let attempts = AtomicUsize::new(0);
        let attempt = async || match attempts.fetch_add(1, Ordering::Relaxed) {
            2 => Ok(2),
            n => Err(n),
        };
        let seen: Vec<_> = thread::scope(|scope| {
            let ask = || {
                let value = loop {
                    if let Ok(value) = block_on(cell.get_or_try_init(attempt)) {
                        break *value;
                    }
                };
                let _ = once.set(value);
                *block_on(once.wait())
            };
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!((seen, attempts.into_inner()), (vec![2; 3], 3));
    }
}
