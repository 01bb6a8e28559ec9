//! Semaphores of all kinds: tokio's, asyncio's bounded one, trio's limiter.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};

use runtime_sync::block_on;
use runtime_sync::lock::permits::Permits;
use runtime_sync::lock::{
    BorrowError, BoundedSemaphore, CapacityLimiter, OwnedSemaphorePermit, Semaphore,
    SemaphorePermit, TryAcquireError,
};
use support::{Count, Event, hooked};

fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

fn is_ready<F: Future>(future: Pin<&mut F>) -> bool {
    poll(future, Waker::noop()).is_ready()
}

#[test]
fn none_is_larger_than_its_counterpart_in_tokio() {
    // As measured with tokio 1.54 on 64 bits, feature parking_lot off.
    assert!(size_of::<Semaphore>() <= 40, "{}", size_of::<Semaphore>());
    assert!(size_of::<SemaphorePermit<'_>>() <= 16);
    assert!(size_of::<OwnedSemaphorePermit>() <= 16);
}

#[test]
fn everything_may_go_to_other_threads() {
    fn check<T: Send + Sync + Unpin>() {}
    check::<Semaphore>();
    check::<SemaphorePermit<'_>>();
    check::<OwnedSemaphorePermit>();
    check::<BoundedSemaphore>();
    check::<CapacityLimiter>();
    fn check_future(_: impl Send) {}
    check_future(Semaphore::new(1).acquire());
    check_future(Arc::new(Semaphore::new(1)).acquire_many_owned(2));
    check_future(CapacityLimiter::new(1).acquire_on_behalf_of(1));
}

#[test]
fn who_waits_is_served_in_order() {
    let semaphore = Semaphore::new(0);
    let counts: Vec<_> = (0..3).map(|_| Count::new()).collect();
    let mut waits: Vec<_> = counts.iter().map(|_| Box::pin(semaphore.acquire())).collect();
    for (wait, count) in waits.iter_mut().zip(&counts) {
        assert!(poll(wait.as_mut(), &count.waker()).is_pending());
    }
    assert_eq!(semaphore.stats().waiters, 3);
    for (n, wait) in waits.iter_mut().enumerate() {
        semaphore.add_permits(1);
        let woken: Vec<_> = counts.iter().map(|count| count.get()).collect();
        assert_eq!(woken, (0..3).map(|m| (m <= n) as usize).collect::<Vec<_>>());
        let Poll::Ready(Ok(permit)) = poll(wait.as_mut(), Waker::noop()) else { panic!("{n}") };
        permit.forget();
    }
    assert_eq!(semaphore.available_permits(), 0);
}

#[test]
fn several_permits_wake_as_many_at_once() {
    for waiters in [3, 40, 100] {
        let semaphore = Semaphore::new(0);
        let count = Count::new();
        let mut waits: Vec<_> = (0..waiters).map(|_| Box::pin(semaphore.acquire())).collect();
        for wait in &mut waits {
            assert!(poll(wait.as_mut(), &count.waker()).is_pending());
        }
        semaphore.add_permits(waiters - 1);
        assert_eq!(count.get(), waiters - 1);
        let ready = waits.iter_mut().filter_map(|wait| match poll(wait.as_mut(), Waker::noop()) {
            Poll::Ready(permit) => Some(permit.unwrap()),
            Poll::Pending => None,
        });
        assert_eq!(ready.map(SemaphorePermit::forget).count(), waiters - 1);
    }
}

#[test]
fn a_running_task_may_take_the_permit_before_the_one_who_is_woken_but_only_once() {
    let semaphore = Semaphore::new(0);
    let count = Count::new();
    let mut wait = pin!(semaphore.acquire());
    assert!(poll(wait.as_mut(), &count.waker()).is_pending());

    semaphore.add_permits(1);
    semaphore.try_acquire().expect("the one who is woken has not looked yet").forget();
    assert!(poll(wait.as_mut(), &count.waker()).is_pending());

    // Now the door is closed: what comes back is handed over.
    semaphore.add_permits(1);
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    assert_eq!(count.get(), 2);
    assert!(is_ready(wait));
    // And open again.
    assert!(semaphore.try_acquire().is_ok());
}

#[test]
fn a_large_request_is_not_starved_by_small_ones() {
    let semaphore = Semaphore::new(2);
    let small = semaphore.try_acquire().unwrap();
    let mut large = pin!(semaphore.acquire_many(2));
    assert!(!is_ready(large.as_mut()));
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    let mut behind = pin!(semaphore.acquire());
    assert!(!is_ready(behind.as_mut()));
    drop(small);
    assert!(!is_ready(behind.as_mut()));
    let Poll::Ready(Ok(permit)) = poll(large, Waker::noop()) else { panic!("not served") };
    drop(permit);
    assert!(is_ready(behind));
}

#[test]
fn who_gives_up_lets_the_next_one_in() {
    let semaphore = Semaphore::new(1);
    let held = semaphore.try_acquire().unwrap();
    let (first, second) = (Count::new(), Count::new());
    let mut front = Box::pin(semaphore.acquire_many(2));
    let mut behind = pin!(semaphore.acquire());
    assert!(poll(front.as_mut(), &first.waker()).is_pending());
    assert!(poll(behind.as_mut(), &second.waker()).is_pending());
    drop(held);
    assert_eq!(second.get(), 0, "the large one is first");
    drop(front);
    assert_eq!(second.get(), 1);
    assert!(is_ready(behind));
}

#[test]
fn permits_that_were_handed_to_one_who_is_dropped_go_to_the_next() {
    let semaphore = Semaphore::new(0);
    let count = Count::new();
    let mut front = Box::pin(semaphore.acquire_many(2));
    let mut behind = pin!(semaphore.acquire_many(2));
    assert!(poll(front.as_mut(), Waker::noop()).is_pending());
    assert!(poll(behind.as_mut(), &count.waker()).is_pending());
    semaphore.add_permits(2);
    drop(front);
    assert_eq!(count.get(), 1);
    assert!(is_ready(behind));
    assert_eq!(semaphore.available_permits(), 2);
}

#[test]
fn one_who_is_never_polled_again_holds_up_no_more_than_it_asked_for() {
    let semaphore = Semaphore::new(0);
    let count = Count::new();
    let mut stuck = Box::pin(semaphore.acquire());
    let mut behind = pin!(semaphore.acquire());
    assert!(poll(stuck.as_mut(), Waker::noop()).is_pending());
    assert!(poll(behind.as_mut(), &count.waker()).is_pending());
    semaphore.add_permits(1);
    assert_eq!(count.get(), 0);
    semaphore.add_permits(1);
    assert_eq!(count.get(), 1);
    assert!(is_ready(behind));
}

#[test]
fn closing_ends_all_waiting_and_nothing_opens_it_again() {
    let semaphore = Arc::new(Semaphore::new(1));
    let held = semaphore.clone().try_acquire_owned().unwrap();
    let count = Count::new();
    let mut wait = pin!(semaphore.acquire());
    assert!(poll(wait.as_mut(), &count.waker()).is_pending());
    semaphore.close();
    assert_eq!(count.get(), 1);
    assert!(matches!(poll(wait, Waker::noop()), Poll::Ready(Err(_))));
    drop(held);
    semaphore.add_permits(5);
    assert_eq!(semaphore.forget_permits(2), 2);
    assert!(semaphore.is_closed());
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::Closed);
    assert!(block_on(semaphore.acquire_many(0)).is_err());
    semaphore.close();
    assert_eq!(semaphore.stats().available, 4);
}

#[test]
fn no_permits_at_all_are_had_at_once() {
    let semaphore = Semaphore::new(0);
    assert_eq!(semaphore.try_acquire_many(0).unwrap().num_permits(), 0);
    let mut large = pin!(semaphore.acquire_many(3));
    assert!(!is_ready(large.as_mut()));
    assert!(is_ready(pin!(semaphore.acquire_many(0))));
    assert!(semaphore.try_acquire_many(0).is_ok());
}

#[test]
fn too_many_permits_are_refused_and_change_nothing() {
    let semaphore = Semaphore::new(Semaphore::MAX_PERMITS);
    assert!(catch_unwind(AssertUnwindSafe(|| semaphore.add_permits(1))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| semaphore.add_permits(usize::MAX))).is_err());
    assert_eq!(semaphore.available_permits(), Semaphore::MAX_PERMITS);
    semaphore.try_acquire_many(u32::MAX).unwrap().forget();
    semaphore.add_permits(7);
    assert!(catch_unwind(|| Semaphore::new(Semaphore::MAX_PERMITS + 1)).is_err());
}

#[test]
fn forgotten_and_leaked_permits_never_come_back() {
    let semaphore = Semaphore::new(3);
    semaphore.try_acquire().unwrap().forget();
    std::mem::forget(semaphore.try_acquire().unwrap());
    assert_eq!(semaphore.available_permits(), 1);
    assert_eq!(semaphore.forget_permits(9), 1);
    assert!(semaphore.try_acquire().is_err());
}

#[test]
fn permits_are_split_and_merged() {
    let semaphore = Arc::new(Semaphore::new(5));
    let mut all = semaphore.clone().try_acquire_many_owned(5).unwrap();
    let two = all.split(2).unwrap();
    assert!(all.split(4).is_none());
    let none = all.split(0).unwrap();
    drop(none);
    assert_eq!((all.num_permits(), two.num_permits()), (3, 2));
    drop(all);
    assert_eq!(semaphore.available_permits(), 3);
    let mut one = semaphore.clone().try_acquire_owned().unwrap();
    one.merge(two);
    assert_eq!(one.num_permits(), 3);
    drop(one);
    assert_eq!(semaphore.available_permits(), 5);

    let other = Semaphore::new(1);
    let mine = Semaphore::new(1);
    let mut permit = mine.try_acquire().unwrap();
    let merged = catch_unwind(AssertUnwindSafe(|| permit.merge(other.try_acquire().unwrap())));
    assert!(merged.is_err());
    drop(permit);
    assert_eq!((mine.available_permits(), other.available_permits()), (1, 1));
}

#[test]
#[cfg(target_pointer_width = "64")]
fn merged_permits_may_be_more_than_any_that_are_taken_at_once() {
    let all = 2 * u32::MAX as usize;
    let semaphore = Semaphore::new(all);
    let mut permit = semaphore.try_acquire_many(u32::MAX).unwrap();
    permit.merge(semaphore.try_acquire_many(u32::MAX).unwrap());
    assert_eq!(permit.num_permits(), all);
    let most = permit.split(all - 1).unwrap();
    assert_eq!((permit.num_permits(), most.num_permits()), (1, all - 1));
    drop(permit);
    drop(most);
    assert_eq!(semaphore.available_permits(), all);
}

#[test]
fn a_waker_that_panics_takes_nothing_along() {
    let semaphore = Semaphore::new(0);
    let count = Count::new();
    let bomb = hooked(|event| assert_ne!(event, Event::Wake, "bomb"));
    let mut front = pin!(semaphore.acquire());
    let mut behind = pin!(semaphore.acquire());
    assert!(poll(front.as_mut(), &bomb).is_pending());
    assert!(poll(behind.as_mut(), &count.waker()).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| semaphore.add_permits(2))).is_err());
    assert_eq!(count.get(), 1);
    let both = [poll(front, Waker::noop()), poll(behind, Waker::noop())];
    for permit in both {
        let Poll::Ready(Ok(permit)) = permit else { panic!("a permit is lost") };
        permit.forget();
    }
}

#[test]
fn a_waker_may_call_back() {
    let semaphore = Arc::new(Semaphore::new(0));
    let taken = Arc::new(AtomicUsize::new(0));
    let waker = hooked({
        let (semaphore, taken) = (semaphore.clone(), taken.clone());
        move |_| {
            semaphore.stats();
            semaphore.add_permits(1);
            if let Ok(permit) = semaphore.try_acquire() {
                permit.forget();
                taken.fetch_add(1, SeqCst);
            }
        }
    });
    let mut wait = pin!(semaphore.acquire());
    assert!(poll(wait.as_mut(), &waker).is_pending());
    semaphore.add_permits(1);
    drop(waker);
    assert!(taken.load(SeqCst) > 0);
    semaphore.add_permits(1);
    assert!(is_ready(wait));
}

#[test]
fn blocking_within_a_task_is_refused_with_a_word_of_advice() {
    let runtime = filch::runtime::Runtime::new().unwrap();
    let semaphore = Arc::new(Semaphore::new(1));
    let refused = {
        let semaphore = semaphore.clone();
        runtime.spawn(async move {
            let _ = semaphore.blocking_acquire();
        })
    };
    let error = runtime.block_on(refused).unwrap_err().into_panic();
    assert!(error.downcast_ref::<String>().unwrap().contains("await `acquire`"));
    let allowed = runtime.spawn_blocking(move || semaphore.blocking_acquire_owned().is_ok());
    assert!(runtime.block_on(allowed).unwrap());
}

#[test]
fn a_bounded_one_notices_what_was_never_taken() {
    let semaphore = BoundedSemaphore::new(2);
    assert!(semaphore.release().is_err());
    block_on(async {
        semaphore.acquire().await.unwrap();
        let permit = semaphore.hold().await.unwrap();
        assert!(semaphore.locked());
        semaphore.release().unwrap();
        drop(permit);
    });
    assert!(semaphore.release().is_err());
    assert_eq!((semaphore.available_permits(), semaphore.bound()), (2, 2));
    semaphore.close();
    assert!(semaphore.try_acquire().is_err());
}

#[test]
fn a_limiter_can_be_made_larger_and_smaller_while_it_is_used() {
    let limiter = CapacityLimiter::new(2);
    let count = Count::new();
    let mut tokens: Vec<_> = (0..2).map(|_| limiter.try_acquire().unwrap()).collect();
    let mut wait = Box::pin(limiter.acquire());
    assert!(poll(wait.as_mut(), &count.waker()).is_pending());
    limiter.set_total_tokens(3);
    assert_eq!(count.get(), 1);
    let Poll::Ready(third) = poll(wait.as_mut(), Waker::noop()) else { panic!("not served") };
    tokens.push(third);
    drop(wait);

    limiter.set_total_tokens(0);
    assert_eq!((limiter.borrowed_tokens(), limiter.available_tokens()), (3, 0));
    tokens.pop();
    assert!(limiter.try_acquire().is_err());
    limiter.set_total_tokens(2);
    assert!(limiter.try_acquire().is_err());
    tokens.pop();
    assert_eq!(limiter.stats().borrowed_tokens, 1);
    assert!(limiter.try_acquire().is_ok());
    drop(tokens);
    assert_eq!((limiter.borrowed_tokens(), limiter.available_tokens()), (0, 2));
}

#[test]
fn nobody_borrows_twice() {
    let limiter = CapacityLimiter::new(1);
    let token = limiter.try_acquire_on_behalf_of(1).unwrap();
    let again = block_on(limiter.acquire_on_behalf_of(1)).unwrap_err();
    assert_eq!(again, BorrowError::AlreadyBorrowed);
    let mut other = Box::pin(limiter.acquire_on_behalf_of(2));
    assert!(!is_ready(other.as_mut()));
    // Who waits has asked already; who gave up may ask again.
    let twice = limiter.try_acquire_on_behalf_of(2).unwrap_err();
    assert_eq!(twice, BorrowError::AlreadyBorrowed);
    drop(other);
    assert_eq!(limiter.try_acquire_on_behalf_of(2).unwrap_err(), BorrowError::WouldBlock);
    drop(token);
    assert!(limiter.try_acquire_on_behalf_of(2).is_ok());
    assert!(limiter.try_acquire_on_behalf_of(1).is_ok());
}

#[test]
fn a_limiter_that_changes_under_load_ends_with_all_its_tokens() {
    let limiter = CapacityLimiter::new(3);
    let inside = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    let token = limiter.blocking_acquire();
                    assert!(inside.fetch_add(1, SeqCst) < 5);
                    inside.fetch_sub(1, SeqCst);
                    drop(token);
                }
            });
        }
        scope.spawn(|| {
            for n in 0..2_000 {
                limiter.set_total_tokens(1 + n % 4);
            }
            limiter.set_total_tokens(3);
        });
    });
    assert_eq!((limiter.available_tokens(), limiter.borrowed_tokens()), (3, 0));
}

#[test]
fn so_many_are_in_at_a_time_and_all_come_through() {
    let permits = Permits::new(2);
    let (inside, through) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (permits, inside, through) = (&permits, &inside, &through);
            scope.spawn(move || {
                for n in 0..10_000 {
                    // Some ask for both, some give up.
                    let count = 1 + (thread + n) % 2;
                    if n % 5 == 0 {
                        let mut gives_up = pin!(permits.acquire(count));
                        if is_ready(gives_up.as_mut()) {
                            permits.release(count);
                        }
                        continue;
                    }
                    block_on(permits.acquire(count)).unwrap();
                    assert!(inside.fetch_add(count, SeqCst) + count <= 2);
                    inside.fetch_sub(count, SeqCst);
                    permits.release(count);
                    through.fetch_add(1, SeqCst);
                }
            });
        }
    });
    assert_eq!(through.into_inner(), 32_000);
    assert_eq!((permits.available(), permits.waiters()), (2, 0));
}

/// The permit comes while the waker of the new task is being cloned, and wakes the old one.
#[test]
fn a_permit_that_comes_while_the_waker_is_renewed_is_seen() {
    let permits = Arc::new(Permits::new(0));
    let waker = hooked({
        let permits = Arc::clone(&permits);
        move |event| {
            if event == Event::Clone {
                permits.release(1);
            }
        }
    });
    let mut waits = pin!(permits.acquire(1));
    assert!(!is_ready(waits.as_mut()));
    assert!(poll(waits, &waker).is_ready());
    assert_eq!((permits.available(), permits.waiters()), (0, 0));
}

/// No permit, until the waker is cloned, whose first drop panics while the number is one.
fn permit_that_comes_with_a_bad_waker() -> (Arc<Permits>, Arc<AtomicUsize>, Waker) {
    let permits = Arc::new(Permits::new(0));
    let armed = Arc::new(AtomicUsize::new(1));
    let waker = hooked({
        let (permits, armed) = (Arc::clone(&permits), Arc::clone(&armed));
        move |event| match event {
            Event::Clone => permits.release(1),
            Event::Drop if armed.swap(0, SeqCst) == 1 => panic!("a bad waker"),
            _ => {}
        }
    });
    (permits, armed, waker)
}

/// The same, and then the drop of that waker panics.
#[test]
fn a_waker_whose_drop_panics_takes_no_permit_along() {
    let (permits, _, waker) = permit_that_comes_with_a_bad_waker();
    let mut waits = pin!(permits.acquire(1));
    assert!(!is_ready(waits.as_mut()));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(waits, &waker))).is_err());
    assert_eq!((permits.available(), permits.waiters()), (1, 0));
}

/// The permit comes while the waker is cloned for the way into the line, where it is not needed then.
#[test]
fn a_waker_whose_drop_panics_before_it_was_needed_takes_no_permit_along() {
    let (permits, armed, waker) = permit_that_comes_with_a_bad_waker();
    let polled = catch_unwind(AssertUnwindSafe(|| poll(pin!(permits.acquire(1)), &waker)));
    assert_eq!(armed.load(SeqCst), 0);
    let taken = polled.is_ok_and(|polled| polled.is_ready());
    assert_eq!(permits.available() + usize::from(taken), 1, "it is lost");
}

/// Who stood before asked for more than there is. Its waker panics as it gives up.
#[test]
fn a_waker_whose_drop_panics_takes_no_wake_along() {
    let permits = Permits::new(1);
    let armed = Arc::new(AtomicUsize::new(1));
    let waker = hooked({
        let armed = Arc::clone(&armed);
        move |event| {
            assert!(event != Event::Drop || armed.swap(0, SeqCst) == 0, "a bad waker");
        }
    });
    let count = Count::new();
    let mut front = Box::pin(permits.acquire(2));
    let mut behind = pin!(permits.acquire(1));
    assert!(poll(front.as_mut(), &waker).is_pending());
    assert!(poll(behind.as_mut(), &count.waker()).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(front))).is_err());
    assert_eq!(count.get(), 1);
    assert!(is_ready(behind));
}
