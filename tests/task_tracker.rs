//! `TaskTracker`, promise by promise.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};

use filch::runtime::Runtime;
use filch::sync::{CancellationToken, Notify};
use filch::task::{
    LocalSet, TaskTracker, TaskTrackerToken, TaskTrackerWaitFuture, TrackedFuture, yield_now,
};

fn is_ready(future: Pin<&mut impl Future<Output = ()>>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[test]
fn wait_needs_both_closed_and_empty() {
    let tracker = TaskTracker::new();
    let token = tracker.token();
    let mut waits = pin!(tracker.wait());
    assert!(!is_ready(waits.as_mut()));
    drop(token);
    assert!(!is_ready(waits.as_mut()), "it is open");
    let token = tracker.token();
    assert!(tracker.close());
    assert!(!is_ready(waits.as_mut()), "it is not empty");
    let stats = tracker.stats();
    assert_eq!((stats.len, stats.closed, stats.waiters), (1, true, 1));
    drop(token);
    assert!(is_ready(waits.as_mut()));
    assert!(is_ready(waits.as_mut()), "and stays so");
    assert!(is_ready(pin!(tracker.wait())));
}

#[test]
fn an_end_is_not_missed_although_it_went_on_after_it() {
    let tracker = TaskTracker::new();
    let mut never_polled = pin!(tracker.wait());
    let mut polled = pin!(tracker.wait());
    assert!(!is_ready(polled.as_mut()));
    tracker.close();
    assert!(tracker.reopen() && !tracker.reopen());
    let _token = tracker.token();
    assert!(is_ready(never_polled.as_mut()));
    assert!(is_ready(polled.as_mut()));
    assert!(!is_ready(pin!(tracker.wait())));
}

#[test]
fn the_wait_of_an_ended_tracker_is_ready_although_it_is_reopened_before_the_poll() {
    let tracker = TaskTracker::new();
    tracker.close();
    let waits = tracker.wait();
    tracker.reopen();
    assert!(is_ready(pin!(waits)));
}

#[test]
fn a_closed_tracker_takes_tasks() {
    let tracker = TaskTracker::new();
    tracker.close();
    let token = tracker.token();
    assert!(tracker.is_closed() && !tracker.is_empty());
    let second = token.clone();
    drop(token);
    assert!(!is_ready(pin!(tracker.wait())));
    drop(second);
    assert!(is_ready(pin!(tracker.wait())));
}

#[test]
fn each_way_to_spawn_counts_until_the_task_is_gone() {
    let rt = Runtime::new().unwrap();
    let tracker = TaskTracker::new();
    let local = LocalSet::new();
    let door = Arc::new(Notify::new());
    let (thread_door, behind) = std::sync::mpsc::channel::<()>();
    let outcome = local.block_on(&rt, async {
        let opened = |door: &Arc<Notify>| Arc::clone(door).notified_owned();
        let not_send = Rc::new(());
        tracker.spawn(opened(&door));
        tracker.spawn_on(opened(&door), rt.handle());
        let (held, waits) = (Rc::clone(&not_send), opened(&door));
        tracker.spawn_local(async move {
            waits.await;
            drop(held);
        });
        let (held, waits) = (Rc::clone(&not_send), opened(&door));
        tracker.spawn_local_on(
            async move {
                waits.await;
                drop(held);
            },
            &local,
        );
        let behind = Arc::new(std::sync::Mutex::new(behind));
        let wait_for_door = |behind: &Arc<std::sync::Mutex<std::sync::mpsc::Receiver<()>>>| {
            let behind = Arc::clone(behind);
            move || behind.lock().unwrap().recv().unwrap()
        };
        tracker.spawn_blocking(wait_for_door(&behind));
        tracker.spawn_blocking_on(wait_for_door(&behind), rt.handle());
        let tracked = tracker.track_future(async { 1 });
        assert_eq!(tracker.len(), 7);
        assert_eq!(tracked.await, 1);
        assert_eq!(tracker.len(), 6);
        tracker.close();
        door.notify_waiters();
        thread_door.send(()).unwrap();
        thread_door.send(()).unwrap();
        tracker.wait().await;
        Rc::strong_count(&not_send)
    });
    assert_eq!(outcome, 1, "tasks are gone before they cease to count");
    assert!(tracker.is_empty());
}

#[test]
fn aborted_and_panicking_tasks_cease_to_count() {
    Runtime::new().unwrap().block_on(async {
        let tracker = TaskTracker::new();
        let forever = tracker.spawn(std::future::pending::<()>());
        let angry = tracker.spawn(async { panic!("angry") });
        forever.abort();
        tracker.close();
        tracker.wait().await;
        assert!(forever.await.unwrap_err().is_cancelled());
        assert!(angry.await.unwrap_err().is_panic());
    });
}

#[test]
fn an_orderly_shutdown_waits_for_the_last_words() {
    const TASKS: usize = 200;
    Runtime::new().unwrap().block_on(async {
        let (tracker, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let said = Arc::new(AtomicUsize::new(0));
        for n in 0..TASKS {
            let (shutdown, said) = (shutdown.child_token(), Arc::clone(&said));
            tracker.spawn(async move {
                shutdown.cancelled().await;
                for _ in 0..n % 5 {
                    yield_now().await;
                }
                said.fetch_add(1, Ordering::Relaxed);
            });
        }
        shutdown.cancel();
        tracker.close();
        tracker.wait().await;
        assert_eq!(said.load(Ordering::Relaxed), TASKS);
    });
}

#[test]
fn everything_of_it_can_be_shared() {
    fn shared<T: Send + Sync>() {}
    fn moves<T: Unpin>() {}
    shared::<TaskTracker>();
    shared::<TaskTrackerToken>();
    shared::<TrackedFuture<()>>();
    shared::<TaskTrackerWaitFuture<'static>>();
    moves::<TaskTracker>();
    moves::<TaskTrackerToken>();
    moves::<TrackedFuture<()>>();
    assert_eq!(size_of::<TaskTracker>(), 8);
    assert_eq!(size_of::<TaskTrackerToken>(), 8);
}
