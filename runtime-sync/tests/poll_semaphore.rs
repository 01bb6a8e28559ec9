//! `PollSemaphore`, promise by promise.
#![allow(missing_docs)]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use runtime_sync::budget;
use runtime_sync::lock::{OwnedSemaphorePermit, PollSemaphore, Semaphore};
use support::{Count, Event, hooked};

fn poll(
    semaphore: &mut PollSemaphore,
    task: &Arc<Count>,
    permits: u32,
) -> Poll<Option<OwnedSemaphorePermit>> {
    semaphore.poll_acquire_many(&mut Context::from_waker(&task.waker()), permits)
}

#[test]
fn it_may_go_to_other_threads() {
    fn check<T: Send + Sync + Unpin + Clone + AsRef<Semaphore>>() {}
    check::<PollSemaphore>();
}

#[test]
fn the_place_in_line_is_kept_between_polls_and_the_last_waker_is_woken() {
    let semaphore = Arc::new(Semaphore::new(0));
    let tasks: Vec<_> = (0..3).map(|_| Count::new()).collect();
    let mut front = PollSemaphore::new(semaphore.clone());
    let mut behind = front.clone();
    assert!(poll(&mut front, &tasks[0], 1).is_pending());
    assert!(poll(&mut behind, &tasks[1], 1).is_pending());
    assert!(poll(&mut front, &tasks[2], 1).is_pending());
    assert_eq!(semaphore.stats().waiters, 2);
    front.add_permits(1);
    assert_eq!([tasks[0].get(), tasks[1].get(), tasks[2].get()], [0, 0, 1]);
    assert!(matches!(poll(&mut front, &tasks[2], 1), Poll::Ready(Some(_))));
}

#[test]
fn who_changes_its_mind_goes_to_the_end_of_the_line() {
    let semaphore = Arc::new(Semaphore::new(0));
    let tasks = [Count::new(), Count::new()];
    let mut first = PollSemaphore::new(semaphore.clone());
    let mut second = PollSemaphore::new(semaphore.clone());
    assert!(poll(&mut first, &tasks[0], 1).is_pending());
    assert!(poll(&mut second, &tasks[1], 1).is_pending());
    assert!(poll(&mut first, &tasks[0], 2).is_pending());
    assert_eq!(semaphore.stats().waiters, 2);
    semaphore.add_permits(1);
    assert_eq!((tasks[0].get(), tasks[1].get()), (0, 1));
}

#[test]
fn who_is_dropped_passes_on_what_it_was_given() {
    let semaphore = Arc::new(Semaphore::new(0));
    let task = Count::new();
    let mut leaves = PollSemaphore::new(semaphore.clone());
    let mut stays = leaves.clone();
    assert!(poll(&mut leaves, &Count::new(), 2).is_pending());
    assert!(poll(&mut stays, &task, 1).is_pending());
    semaphore.add_permits(2);
    drop(leaves.into_inner());
    assert_eq!(task.get(), 1);
    let Poll::Ready(Some(permit)) = poll(&mut stays, &task, 1) else { panic!("two are free") };
    assert_eq!(semaphore.available_permits(), 1);
    drop(permit);
    drop(stays);
    assert_eq!((semaphore.available_permits(), Arc::strong_count(&semaphore)), (2, 1));
}

#[test]
fn none_says_that_it_is_closed() {
    let mut semaphore = PollSemaphore::new(Arc::new(Semaphore::new(0)));
    let task = Count::new();
    assert!(poll(&mut semaphore, &task, 1).is_pending());
    semaphore.close();
    assert_eq!(task.get(), 1);
    assert!(matches!(poll(&mut semaphore, &task, 1), Poll::Ready(None)));
    assert!(matches!(poll(&mut semaphore, &task, 1), Poll::Ready(None)));
}

#[test]
fn a_panic_of_the_waker_gives_up_the_place_and_nothing_else() {
    let inner = Arc::new(Semaphore::new(0));
    let mut semaphore = PollSemaphore::new(inner.clone());
    let bad = hooked(|event| assert!(event != Event::Clone, "a bad waker"));
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let _ = semaphore.poll_acquire(&mut Context::from_waker(&bad));
    }));
    assert!(polled.is_err());
    assert_eq!(inner.stats().waiters, 0);
    inner.add_permits(1);
    assert!(matches!(poll(&mut semaphore, &Count::new(), 1), Poll::Ready(Some(_))));
}

#[test]
fn it_spends_the_budget() {
    let mut semaphore = PollSemaphore::new(Arc::new(Semaphore::new(1)));
    let task = Count::new();
    let before = budget::refill();
    for _ in 0..budget::BUDGET {
        assert!(poll(&mut semaphore, &task, 1).is_ready());
    }
    assert!(poll(&mut semaphore, &task, 1).is_pending());
    assert_eq!(task.get(), 1, "it must be polled again");
    budget::restore(before);
    assert!(poll(&mut semaphore, &task, 1).is_ready());
}
