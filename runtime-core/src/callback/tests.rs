//! What becomes of callbacks whose task is cancelled.

use crate::context_var;
use crate::runtime::{Builder, Runtime};
use crate::scheduler::{Call, Clerk, Scheduler};
use crate::spawn::yield_now;
use runtime_sync::primitives::Mutex;
use std::panic::Location;
use std::sync::Arc;

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

/// A callback that adds a number to the list.
fn adds(list: &Arc<Mutex<Vec<u32>>>, number: u32) -> Call {
    let list = list.clone();
    Call::new(move || list.lock().push(number), context_var::copy(), Location::caller())
}

/// A callback that adds another one.
fn adds_later(scheduler: &Arc<Scheduler>, list: &Arc<Mutex<Vec<u32>>>, number: u32) -> Call {
    let (scheduler, list) = (scheduler.clone(), list.clone());
    let add = move || assert!(scheduler.call_soon(adds(&list, number)).is_ok());
    Call::new(add, context_var::copy(), Location::caller())
}

#[test]
fn a_clerk_that_is_cancelled_calls_what_waits_and_another_one_the_rest() {
    let (runtime, list) = (runtime(), Arc::default());
    let scheduler = runtime.handle().scheduler();
    let calls = vec![adds(&list, 1), adds_later(scheduler, &list, 3), adds(&list, 2)];
    drop(Clerk::for_these(scheduler, calls));
    assert_eq!(*list.lock(), [1, 2]);
    runtime.block_on(async {
        while list.lock().len() < 3 {
            yield_now().await;
        }
    });
    assert_eq!(*list.lock(), [1, 2, 3]);
}

#[test]
fn a_clerk_that_is_dropped_after_the_end_calls_everything() {
    let (runtime, list) = (runtime(), Arc::default());
    let scheduler = runtime.handle().scheduler().clone();
    let calls = vec![adds(&list, 1), adds_later(&scheduler, &list, 3), adds(&list, 2)];
    let clerk = Clerk::for_these(&scheduler, calls);
    drop(runtime);
    drop(clerk);
    assert_eq!(*list.lock(), [1, 2, 3]);
}
