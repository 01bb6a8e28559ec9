//! What becomes of callbacks whose task is cancelled.

use super::Scheduler;
use super::calls::{Call, Clerk};
use crate::runtime::{Builder, Runtime};
use runtime_sync::primitives::Mutex;
use std::panic::Location;
use std::sync::Arc;

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

/// A callback that adds a number to the list.
fn adds(list: &Arc<Mutex<Vec<u32>>>, number: u32) -> Call {
    let list = list.clone();
    Call::new(move || list.lock().push(number), Location::caller())
}

fn waits(scheduler: &Scheduler, call: Call) {
    assert!(scheduler.calls.push(call).is_ok());
}

#[test]
fn another_clerk_takes_over_from_one_that_is_cancelled() {
    let (runtime, list) = (runtime(), Arc::default());
    let scheduler = runtime.handle().scheduler();
    waits(scheduler, adds(&list, 1));
    waits(scheduler, adds(&list, 2));
    drop(Clerk::new(scheduler));
    assert!(list.lock().is_empty(), "called by whoever cancels");
    runtime.block_on(crate::spawn::yield_now());
    runtime.block_on(async {
        while list.lock().len() < 2 {
            crate::spawn::yield_now().await;
        }
    });
    assert_eq!(*list.lock(), [1, 2]);
}

#[test]
fn a_clerk_that_is_cancelled_by_the_shutdown_calls_what_is_left() {
    let (runtime, list) = (runtime(), Arc::default());
    let scheduler = runtime.handle().scheduler().clone();
    waits(&scheduler, adds(&list, 1));
    {
        let (again, scheduler, list) = (list.clone(), scheduler.clone(), list.clone());
        // What is told of ends during a shutdown comes in late.
        let late = move || assert!(scheduler.call_soon(adds(&again, 3)).is_ok());
        waits(runtime.handle().scheduler(), Call::new(late, Location::caller()));
        waits(runtime.handle().scheduler(), adds(&list, 2));
    }
    let clerk = Clerk::new(&scheduler);
    drop(runtime);
    drop(clerk);
    assert_eq!(*list.lock(), [1, 2, 3]);
}
