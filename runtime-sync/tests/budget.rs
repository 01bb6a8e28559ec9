//! The cooperative budget: what is counted, what is given back, and when a task must wait.
#![allow(missing_docs)]

mod support;

use std::cell::Cell;
use std::future::{pending, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use filch::sync::{
    BoundedSemaphore, CapacityLimiter, Mutex, Notify, RwLock, Semaphore, broadcast, mpmc, mpsc,
};
use runtime_sync::budget::{
    self, BUDGET, consume_budget, cooperative, has_budget_remaining, poll_proceed, unconstrained,
};
use support::Count;

/// Spends units until there are none left, and returns how many there were.
fn spend_all() -> usize {
    let mut cx = Context::from_waker(Waker::noop());
    let mut spent = 0;
    while let Poll::Ready(coop) = poll_proceed(&mut cx) {
        coop.made_progress();
        spent += 1;
        assert!(spent < 1_000, "there is no limit");
    }
    spent
}

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn there_is_no_limit_outside_of_tasks() {
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..1_000 {
        let Poll::Ready(coop) = poll_proceed(&mut cx) else { panic!("there is a limit") };
        coop.made_progress();
    }
    assert!(has_budget_remaining());
}

#[test]
fn what_foreign_code_spends_in_the_middle_of_a_leaf_counts() {
    struct Costly;
    impl Clone for Costly {
        fn clone(&self) -> Costly {
            assert!(poll_once(consume_budget()).is_ready());
            Costly
        }
    }
    let (sender, mut receiver) = broadcast::channel(8);
    let _other = sender.subscribe();
    let mut receive = || {
        assert!(sender.send(Costly).is_ok());
        assert!(matches!(poll_once(receiver.recv()), Poll::Ready(Ok(Costly))));
    };
    budget::refill();
    receive();
    assert_eq!(spend_all(), 126);
    // The last unit is spent twice, which makes no debt.
    budget::refill();
    (0..127).for_each(|_| assert!(poll_once(consume_budget()).is_ready()));
    receive();
    assert!(!has_budget_remaining());
}

#[test]
fn a_poll_has_128_units() {
    budget::refill();
    assert_eq!(spend_all(), 128);
    assert_eq!(BUDGET, 128);
    assert!(!has_budget_remaining());
    budget::refill();
    assert_eq!(spend_all(), 128);
}

#[test]
fn at_zero_the_task_is_woken_and_must_wait() {
    budget::refill();
    spend_all();
    let count = Count::new();
    let waker = count.waker();
    assert!(poll_proceed(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(count.get(), 1);
}

#[test]
fn a_leaf_that_was_not_ready_gives_its_unit_back() {
    budget::refill();
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..1_000 {
        assert!(poll_proceed(&mut cx).is_ready());
    }
    assert_eq!(spend_all(), 128);
}

#[test]
fn what_was_spent_inside_of_a_leaf_that_waits_stays_spent() {
    budget::refill();
    let future = cooperative(async {
        for _ in 0..10 {
            consume_budget().await;
        }
        pending::<()>().await;
    });
    assert!(poll_once(future).is_pending());
    assert_eq!(spend_all(), 118);
}

#[test]
fn a_unit_is_not_given_back_to_another_poll() {
    budget::refill();
    let mut cx = Context::from_waker(Waker::noop());
    let first = poll_proceed(&mut cx);
    budget::refill();
    drop(first);
    assert_eq!(spend_all(), 128);
}

#[test]
fn a_unit_is_not_given_back_where_there_is_no_limit() {
    budget::refill();
    let mut cx = Context::from_waker(Waker::noop());
    let taken = poll_proceed(&mut cx);
    let unlimited = budget::clear();
    assert_ne!(unlimited, budget::clear());
    drop(taken);
    let before = budget::clear();
    assert_eq!(before, budget::clear(), "there is no limit still");
}

#[test]
fn a_unit_that_was_never_taken_is_not_given_back() {
    budget::clear();
    let mut cx = Context::from_waker(Waker::noop());
    let unlimited = poll_proceed(&mut cx);
    budget::refill();
    spend_all();
    drop(unlimited);
    assert!(!has_budget_remaining());
}

#[test]
fn refill_and_clear_return_what_was_there() {
    let outside = budget::refill();
    spend_all();
    let spent = budget::clear();
    assert!(has_budget_remaining());
    budget::restore(spent);
    assert!(!has_budget_remaining());
    budget::restore(outside);
    assert!(has_budget_remaining());
}

#[test]
fn consume_budget_lets_others_in_after_128() {
    budget::refill();
    let mut done = 0;
    let polled = poll_once(async {
        loop {
            consume_budget().await;
            done += 1;
        }
    });
    let _: Poll<()> = polled;
    assert_eq!(done, 128);
}

#[test]
fn cooperative_counts_each_time_its_future_is_ready() {
    budget::refill();
    for _ in 0..128 {
        assert!(poll_once(cooperative(ready(()))).is_ready());
    }
    assert!(poll_once(cooperative(ready(()))).is_pending());
}

#[test]
fn unconstrained_has_no_limit_and_spends_nothing() {
    budget::refill();
    let polled = poll_once(unconstrained(async {
        for _ in 0..1_000 {
            consume_budget().await;
        }
    }));
    assert!(polled.is_ready());
    assert_eq!(spend_all(), 128);
}

#[test]
fn a_panic_in_unconstrained_leaves_the_budget_as_it_was() {
    budget::refill();
    let caught = std::panic::catch_unwind(|| {
        let _ = poll_once(unconstrained(async { panic!("on purpose") }));
    });
    assert!(caught.is_err());
    assert_eq!(spend_all(), 128);
}

#[test]
fn each_thread_has_a_budget_of_its_own() {
    budget::refill();
    spend_all();
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(has_budget_remaining()));
    });
    assert!(!has_budget_remaining());
}

/// Does something that is always ready without end, and counts how far two polls of a task get.
fn how_far(mut ready: impl AsyncFnMut()) -> [usize; 2] {
    let done = Cell::new(0);
    let mut works = pin!(async {
        loop {
            ready().await;
            done.set(done.get() + 1);
        }
    });
    let count = Count::new();
    [1, 2].map(|round| {
        let before = budget::refill();
        let polled = works.as_mut().poll(&mut Context::from_waker(&count.waker()));
        budget::restore(before);
        assert!(polled.is_pending());
        assert_eq!(count.get(), round, "it must come back by itself");
        done.get()
    })
}

/// Polls `first` with a budget that is spent and `second` after it, and says whether `give` wakes the first.
fn keeps_its_place<F: Future>(mut make: impl FnMut() -> F, give: impl FnOnce()) -> bool {
    let (one, other) = (Count::new(), Count::new());
    let (mut first, mut second) = (Box::pin(make()), Box::pin(make()));
    let outside = budget::refill();
    spend_all();
    assert!(first.as_mut().poll(&mut Context::from_waker(&one.waker())).is_pending());
    budget::restore(outside);
    assert!(second.as_mut().poll(&mut Context::from_waker(&other.waker())).is_pending());
    let before = one.get();
    give();
    assert_eq!(one.get() + other.get(), before + 1, "one of them is woken");
    let woken = one.get() > before;
    if woken {
        assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }
    woken
}

#[test]
fn who_has_spent_its_budget_elsewhere_takes_its_place_in_line_all_the_same() {
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    assert!(keeps_its_place(|| mutex.lock(), || drop(guard)));
    let rwlock = RwLock::new(());
    let guard = rwlock.try_write().unwrap();
    assert!(keeps_its_place(|| rwlock.write(), || drop(guard)));
    let semaphore = Semaphore::new(0);
    assert!(keeps_its_place(|| semaphore.acquire_many(2), || semaphore.add_permits(2)));
    let bounded = BoundedSemaphore::new(1);
    bounded.try_acquire().unwrap();
    assert!(keeps_its_place(|| bounded.acquire(), || bounded.release().unwrap()));
    let limiter = CapacityLimiter::new(0);
    assert!(keeps_its_place(|| limiter.acquire(), || limiter.set_total_tokens(1)));
    let notify = Notify::new();
    assert!(keeps_its_place(|| notify.notified(), || notify.notify_one()));
    let (sender, mut receiver) = mpsc::channel(1);
    sender.try_send(()).unwrap();
    assert!(keeps_its_place(|| sender.send(()), || receiver.try_recv().unwrap()));
    let (sender, mut receiver) = mpsc::channel(2);
    sender.try_send(()).unwrap();
    assert!(keeps_its_place(|| sender.reserve_many(2), || receiver.try_recv().unwrap()));
    let (sender, receiver) = mpmc::bounded(1);
    sender.try_send(()).unwrap();
    assert!(keeps_its_place(|| sender.send(()), || receiver.try_recv().unwrap()));
    let (sender, receiver) = mpmc::unbounded();
    assert!(keeps_its_place(|| receiver.recv(), || sender.try_send(()).unwrap()));
    let (sender, receiver) = mpmc::bounded(0);
    assert!(keeps_its_place(|| sender.send(()), || receiver.try_recv().unwrap()));
    let (sender, receiver) = mpmc::bounded(0);
    assert!(keeps_its_place(|| receiver.recv(), || sender.try_send(()).unwrap()));
}

/// Polls with a budget that is spent, and drops.
fn gives_up_spent<F: Future>(future: F) {
    let mut future = Box::pin(future);
    let task = Count::new();
    let outside = budget::refill();
    spend_all();
    for woken in 1..=3 {
        // Each time as a task that is woken: nobody waits for something that is there.
        assert!(future.as_mut().poll(&mut Context::from_waker(&task.waker())).is_pending());
        assert_eq!(task.get(), woken, "it must come back by itself");
    }
    budget::restore(outside);
}

#[test]
fn who_gives_up_with_its_budget_spent_has_taken_nothing() {
    let mutex = Mutex::new(());
    gives_up_spent(mutex.lock());
    assert!(mutex.try_lock().is_ok());
    let rwlock = RwLock::new(());
    gives_up_spent(rwlock.write());
    assert!(rwlock.try_write().is_ok());
    gives_up_spent(rwlock.read());
    assert!(rwlock.try_write().is_ok());
    let semaphore = Semaphore::new(3);
    gives_up_spent(semaphore.acquire_many(3));
    gives_up_spent(semaphore.acquire_many(0));
    assert!(semaphore.try_acquire_many(3).is_ok());
    let notify = Notify::new();
    notify.notify_one();
    gives_up_spent(notify.notified());
    assert!(notify.stats().permit);
    let (sender, mut receiver) = mpsc::channel(2);
    gives_up_spent(sender.reserve_many(2));
    gives_up_spent(sender.send(1));
    assert_eq!(sender.capacity(), 2);
    assert!(receiver.try_recv().is_err());
    let (sender, receiver) = mpmc::bounded(1);
    gives_up_spent(sender.send(1));
    assert!(sender.try_send(2).is_ok());
    gives_up_spent(receiver.recv());
    assert_eq!(receiver.try_recv(), Ok(2));
    let (sender, receiver) = mpmc::bounded(0);
    let mut waits = pin!(sender.send(3));
    assert!(waits.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    gives_up_spent(receiver.recv());
    assert_eq!(receiver.try_recv(), Ok(3));
}

/// Or all who give something back had to look after it until it is polled again.
#[test]
fn who_finds_what_it_waits_for_free_stays_out_of_the_line() {
    let semaphore = Semaphore::new(1);
    let (sender, receiver) = mpmc::bounded::<u32>(1);
    let mut waits = pin!(semaphore.acquire());
    let mut sends = pin!(sender.send(1));
    let mut cx = Context::from_waker(Waker::noop());
    let outside = budget::refill();
    spend_all();
    assert!(waits.as_mut().poll(&mut cx).is_pending() && sends.as_mut().poll(&mut cx).is_pending());
    budget::restore(outside);
    assert_eq!((semaphore.stats().waiters, sender.stats().waiting_senders), (0, 0));
    drop(receiver);
}

/// What is free is had once there is a budget again.
#[test]
fn what_is_free_is_had_once_there_is_a_budget_again() {
    fn gets<F: Future>(future: F) -> F::Output {
        let mut future = Box::pin(future);
        let outside = budget::refill();
        spend_all();
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        budget::refill();
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let left = spend_all();
        budget::restore(outside);
        assert_eq!(left, 127, "it is paid for");
        let Poll::Ready(output) = polled else { panic!("it should be ready") };
        output
    }
    let mutex = Mutex::new(1);
    assert_eq!(*gets(mutex.lock()), 1);
    let rwlock = RwLock::new(1);
    assert_eq!(*gets(rwlock.read()), 1);
    *gets(rwlock.write()) += 1;
    let semaphore = Semaphore::new(3);
    drop(gets(semaphore.acquire()).unwrap());
    assert_eq!(gets(semaphore.acquire_many(3)).unwrap().num_permits(), 3);
    semaphore.close();
    assert!(gets(semaphore.acquire()).is_err());
    let (sender, receiver) = mpsc::channel(2);
    gets(sender.send(1)).unwrap();
    drop(receiver);
    assert!(gets(sender.send(1)).is_err());
    let (sender, receiver) = mpmc::bounded(2);
    gets(sender.send(1)).unwrap();
    assert_eq!(gets(receiver.recv()), Ok(1));
    drop(sender);
    assert!(gets(receiver.recv()).is_err());
    let notify = Notify::new();
    let waits = notify.notified();
    notify.notify_waiters();
    gets(waits);
}

const TWO_ROUNDS: [usize; 2] = [128, 256];

#[test]
fn free_locks_without_end_let_others_in() {
    let mutex = Arc::new(Mutex::new(0));
    assert_eq!(how_far(async || *mutex.lock().await += 1), TWO_ROUNDS);
    assert_eq!(how_far(async || *Arc::clone(&mutex).lock_owned().await += 1), TWO_ROUNDS);
    let rwlock = RwLock::new(0);
    assert_eq!(how_far(async || _ = *rwlock.read().await), TWO_ROUNDS);
    assert_eq!(how_far(async || *rwlock.write().await += 1), TWO_ROUNDS);
    let semaphore = Arc::new(Semaphore::new(2));
    assert_eq!(how_far(async || drop(semaphore.acquire().await)), TWO_ROUNDS);
    assert_eq!(how_far(async || drop(Arc::clone(&semaphore).acquire_owned().await)), TWO_ROUNDS);
    let bounded = BoundedSemaphore::new(1);
    assert_eq!(
        how_far(async || {
            bounded.acquire().await.unwrap();
            bounded.release().unwrap();
        }),
        TWO_ROUNDS
    );
    let notify = Notify::new();
    assert_eq!(
        how_far(async || {
            notify.notify_one();
            notify.notified().await;
        }),
        TWO_ROUNDS
    );
    assert_eq!((*mutex.try_lock().unwrap(), *rwlock.try_read().unwrap()), (512, 256));
    assert_eq!((semaphore.available_permits(), notify.stats().permit), (2, true));
}

#[test]
fn channels_that_are_always_ready_let_others_in() {
    let (sender, mut receiver) = mpsc::channel(1_000);
    assert_eq!(how_far(async || sender.send(()).await.unwrap()), TWO_ROUNDS);
    assert_eq!(how_far(async || receiver.recv().await.unwrap_or(())), TWO_ROUNDS);
    let (sender, mut receiver) = mpsc::unbounded_channel();
    (0..256).for_each(|_| sender.send(()).unwrap());
    assert_eq!(how_far(async || receiver.recv().await.unwrap_or(())), TWO_ROUNDS);
    let (sender, receiver) = mpmc::bounded(1_000);
    assert_eq!(how_far(async || sender.send(()).await.unwrap()), TWO_ROUNDS);
    // One more than is received, or who has received all would wait.
    sender.try_send(()).unwrap();
    assert_eq!(how_far(async || receiver.recv().await.unwrap_or(())), TWO_ROUNDS);
    let (sender, mut receiver) = broadcast::channel(1_000);
    (0..256).for_each(|_| _ = sender.send(()));
    assert_eq!(how_far(async || receiver.recv().await.unwrap_or(())), TWO_ROUNDS);
}

/// What has come to its end is ready too.
#[test]
fn closed_channels_let_others_in() {
    let (sender, receiver) = mpsc::channel(1);
    drop(receiver);
    assert_eq!(how_far(async || _ = sender.send(()).await), TWO_ROUNDS);
    let (sender, mut receiver) = mpsc::channel::<()>(1);
    drop(sender);
    assert_eq!(how_far(async || _ = receiver.recv().await), TWO_ROUNDS);
    let (sender, mut receiver) = broadcast::channel::<()>(1);
    drop(sender);
    assert_eq!(how_far(async || _ = receiver.recv().await), TWO_ROUNDS);
    let semaphore = Semaphore::new(1);
    semaphore.close();
    assert_eq!(how_far(async || _ = semaphore.acquire().await), TWO_ROUNDS);
}
