//! What becomes of callbacks whose task is cancelled.

use crate::context_var;
use crate::runtime::{Builder, Runtime};
use crate::scheduler::{Call, Clerk};
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

#[test]
fn another_clerk_takes_over_from_one_that_is_cancelled() {
    let (runtime, list) = (runtime(), Arc::default());
    let scheduler = runtime.handle().scheduler();
    drop(Clerk::for_these(scheduler, vec![adds(&list, 1), adds(&list, 2)]));
    assert!(list.lock().is_empty(), "called by whoever cancels");
    runtime.block_on(async {
        while list.lock().len() < 2 {
            yield_now().await;
        }
    });
    assert_eq!(*list.lock(), [1, 2]);
}

#[test]
fn a_clerk_that_is_cancelled_by_the_shutdown_calls_what_is_left() {
    let (runtime, list) = (runtime(), Arc::default());
    let scheduler = runtime.handle().scheduler().clone();
    // What is told of ends during a shutdown comes in late.
    let late = {
        let (scheduler, list) = (scheduler.clone(), Arc::clone(&list));
        move || assert!(scheduler.call_soon(adds(&list, 3)).is_ok())
    };
    let late = Call::new(late, context_var::copy(), Location::caller());
    let clerk = Clerk::for_these(&scheduler, vec![adds(&list, 1), late, adds(&list, 2)]);
    drop(runtime);
    drop(clerk);
    assert_eq!(*list.lock(), [1, 2, 3]);
}
