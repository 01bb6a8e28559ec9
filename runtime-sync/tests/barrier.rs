//! `Barrier`, promise by promise; its races are in `loom_barrier.rs`.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

use runtime_sync::block_on;
use runtime_sync::lock::{Barrier, BarrierWaitResult, BrokenBarrierError};
use support::{Count, Event, hooked};

type Outcome = Result<BarrierWaitResult, BrokenBarrierError>;

fn poll<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Somebody who has arrived, and the count of its wakes.
fn arrives(barrier: &Barrier) -> (Pin<Box<impl Future<Output = Outcome>>>, Arc<Count>) {
    let count = Count::new();
    let mut future = Box::pin(barrier.wait_or_broken());
    assert!(future.as_mut().poll(&mut Context::from_waker(&count.waker())).is_pending());
    (future, count)
}

fn indexes(outcomes: impl Iterator<Item = Poll<Outcome>>) -> Vec<Option<usize>> {
    let index = |outcome| match outcome {
        Poll::Ready(Ok(result)) => Some(BarrierWaitResult::index(&result)),
        _ => None,
    };
    outcomes.map(index).collect()
}

#[test]
fn all_go_on_when_the_last_arrives_who_leads() {
    const PARTIES: usize = 100;
    let barrier = Barrier::new(PARTIES);
    for _ in 0..3 {
        let mut others: Vec<_> = (1..PARTIES).map(|_| arrives(&barrier)).collect();
        assert_eq!(barrier.n_waiting(), PARTIES - 1);
        let Poll::Ready(leader) = poll(pin!(barrier.wait())) else { panic!("it is the last") };
        assert!(leader.is_leader());
        assert_eq!(leader.index(), PARTIES - 1);
        assert_eq!(barrier.n_waiting(), 0);
        for (index, (future, count)) in others.iter_mut().enumerate() {
            let Poll::Ready(Ok(result)) = poll(future.as_mut()) else { panic!("not released") };
            assert_eq!((result.is_leader(), result.index(), count.get()), (false, index, 1));
        }
    }
    assert_eq!(barrier.stats().rounds, 3);
}

#[test]
fn zero_parties_count_as_one() {
    let barrier = Barrier::new(0);
    assert_eq!(barrier.parties(), 1);
    assert!(matches!(poll(pin!(barrier.wait())), Poll::Ready(result) if result.is_leader()));
}

#[test]
fn who_stops_waiting_has_not_arrived_and_breaks_nothing() {
    let barrier = Barrier::new(3);
    let (first, _) = arrives(&barrier);
    let (mut second, _) = arrives(&barrier);
    drop(first);
    assert_eq!(barrier.n_waiting(), 1);
    let (mut third, _) = arrives(&barrier);
    let fourth = poll(pin!(barrier.wait_or_broken()));
    let all = [poll(second.as_mut()), poll(third.as_mut()), fourth];
    assert_eq!(indexes(all.into_iter()), [Some(0), Some(1), Some(2)]);
}

#[test]
fn who_stops_after_the_round_is_complete_is_not_in_the_count_of_the_next() {
    let barrier = Barrier::new(2);
    let (first, _) = arrives(&barrier);
    assert!(poll(pin!(barrier.wait())).is_ready());
    let (_next, _) = arrives(&barrier);
    drop(first);
    assert_eq!(barrier.n_waiting(), 1);
}

/// A waker of the first batch arrives for the next round, while most of this one is still in line.
#[test]
fn those_who_come_while_others_go_out_wait_for_the_next_round() {
    const PARTIES: usize = 70;
    let barrier = Arc::new(Barrier::new(PARTIES));
    let waiting = Arc::new(AtomicUsize::new(0));
    let late = Arc::new(std::sync::Mutex::new(None));
    let waker = hooked({
        let (barrier, waiting, late) =
            (Arc::clone(&barrier), Arc::clone(&waiting), Arc::clone(&late));
        move |event| {
            if event == Event::Wake {
                let own = Arc::clone(&barrier);
                let mut future: Pin<Box<dyn Future<Output = Outcome> + Send + Sync>> =
                    Box::pin(async move { own.wait_or_broken().await });
                assert!(poll(future.as_mut()).is_pending());
                waiting.store(barrier.n_waiting(), Ordering::Relaxed);
                *late.lock().unwrap() = Some(future);
            }
        }
    });
    let mut first = Box::pin(barrier.wait_or_broken());
    assert!(first.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let mut others: Vec<_> = (2..PARTIES).map(|_| arrives(&barrier)).collect();
    assert!(poll(pin!(barrier.wait())).is_ready());
    assert_eq!(waiting.load(Ordering::Relaxed), 1);
    assert!(others.iter_mut().all(|one| poll(one.0.as_mut()).is_ready()));
    let mut late = late.lock().unwrap().take().unwrap();
    assert!(poll(late.as_mut()).is_pending());
    let _rest: Vec<_> = (2..PARTIES).map(|_| arrives(&barrier)).collect();
    assert!(poll(pin!(barrier.wait())).is_ready());
    assert_eq!(indexes([poll(late.as_mut())].into_iter()), [Some(0)]);
}

#[test]
fn abort_fails_those_who_wait_and_those_who_come_until_the_reset() {
    let barrier = Barrier::new(40);
    let mut all: Vec<_> = (0..39).map(|_| arrives(&barrier)).collect();
    barrier.abort();
    barrier.abort();
    assert!(barrier.is_broken());
    assert_eq!(barrier.n_waiting(), 0);
    let broken = Poll::Ready(Err(BrokenBarrierError::default()));
    assert!(all.iter_mut().all(|one| one.1.get() == 1 && poll(one.0.as_mut()) == broken));
    assert_eq!(poll(pin!(barrier.wait_or_broken())), broken);
    barrier.reset();
    assert!(!barrier.is_broken());
    let _again = arrives(&barrier);
    assert_eq!(barrier.n_waiting(), 1);
}

#[test]
fn reset_fails_those_who_wait_only() {
    let barrier = Barrier::new(2);
    let (mut first, _) = arrives(&barrier);
    barrier.reset();
    let (mut second, _) = arrives(&barrier);
    assert_eq!(poll(first.as_mut()), Poll::Ready(Err(BrokenBarrierError::default())));
    assert!(poll(second.as_mut()).is_pending());
    assert_eq!(barrier.n_waiting(), 1);
}

#[test]
fn those_who_were_released_are_not_hurt_by_an_abort() {
    let barrier = Barrier::new(2);
    let (mut first, _) = arrives(&barrier);
    assert!(poll(pin!(barrier.wait())).is_ready());
    barrier.abort();
    assert_eq!(indexes([poll(first.as_mut())].into_iter()), [Some(0)]);
}

#[test]
#[should_panic(expected = "wait_or_broken")]
fn a_plain_wait_on_a_broken_barrier_says_what_to_do() {
    let barrier = Barrier::new(2);
    barrier.abort();
    block_on(barrier.wait());
}

#[test]
fn the_others_go_on_although_wakers_panic() {
    const PARTIES: usize = 70;
    let barrier = Barrier::new(PARTIES);
    let angry = hooked(|event| assert_ne!(event, Event::Wake, "angry"));
    let mut first = Box::pin(barrier.wait_or_broken());
    assert!(first.as_mut().poll(&mut Context::from_waker(&angry)).is_pending());
    let mut others: Vec<_> = (2..PARTIES).map(|_| arrives(&barrier)).collect();
    // The drop of the leader's own waker panics, before anybody was woken.
    let leader = hooked(|event| assert_ne!(event, Event::Drop, "angry too"));
    let mut last = Box::pin(barrier.wait_or_broken());
    let arrival = || last.as_mut().poll(&mut Context::from_waker(&leader));
    catch_unwind(AssertUnwindSafe(arrival)).unwrap_err();
    std::mem::forget(leader);
    assert!(others.iter_mut().all(|one| one.1.get() == 1 && poll(one.0.as_mut()).is_ready()));
    assert!(poll(first.as_mut()).is_ready());
    assert_eq!(barrier.n_waiting(), 0);
}

#[test]
fn it_can_be_shared() {
    fn shared<T: Send + Sync>(_: &T) {}
    fn moves<T: Unpin + UnwindSafe + RefUnwindSafe>(_: &T) {}
    let barrier = Barrier::new(2);
    shared(&barrier);
    moves(&barrier);
    shared(&barrier.wait());
    shared(&barrier.wait_or_broken());
    shared(&BrokenBarrierError::default());
    // tokio's is 56 and refers to two allocations; this is all of it.
    assert!(size_of::<Barrier>() <= 56, "{}", size_of::<Barrier>());
}

/// Threads count in rounds; nobody is ever a round ahead.
#[test]
fn threads_go_round_by_round() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 1_000;
    let barrier = Barrier::new(THREADS);
    let (arrived, leaders) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    arrived.fetch_add(1, Ordering::Relaxed);
                    let result = block_on(barrier.wait());
                    leaders.fetch_add(usize::from(result.is_leader()), Ordering::Relaxed);
                    let seen = arrived.load(Ordering::Relaxed);
                    assert!((THREADS * (round + 1)..=THREADS * (round + 2)).contains(&seen));
                }
            });
        }
    });
    assert_eq!(leaders.load(Ordering::Relaxed), ROUNDS);
}
