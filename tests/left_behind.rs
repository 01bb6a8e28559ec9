//! What a task leaves behind when it ends: values that it has set, and an output that does something.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use filch::contextvars::ContextVar;
use filch::task::{self, JoinHandle, LocalSet, yield_now};
use std::sync::{Arc, Mutex};
use support::{Census, Citizen, Gate, PanicsOnDrop, on_each_flavour, watch, within};

#[test]
fn a_value_that_panics_as_it_goes_with_its_task_harms_nobody() {
    static LOUD: ContextVar<PanicsOnDrop> = ContextVar::new("loud");
    let _watch = watch();
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let gate = Gate::new();
            let wait = gate.clone();
            let task = filch::spawn(async move {
                LOUD.set(PanicsOnDrop);
                wait.pass().await;
                7
            });
            let waits = filch::spawn(within(task));
            gate.open();
            assert_eq!(within(waits).await.unwrap().unwrap(), 7);
            assert_eq!(within(filch::spawn(async { 8 })).await.unwrap(), 8);
        });
    });
}

/// It may let go of the last that keeps the task's memory.
#[test]
fn what_goes_with_its_task_is_dropped_outside_of_it() {
    #[derive(Clone, Default)]
    struct Last {
        handle: Arc<Mutex<Option<JoinHandle<()>>>>,
        dropped_in: Arc<Mutex<Vec<Option<task::Id>>>>,
    }
    struct Kept(Last);
    impl Drop for Kept {
        fn drop(&mut self) {
            drop(self.0.handle.lock().unwrap().take());
            self.0.dropped_in.lock().unwrap().push(task::try_id());
        }
    }
    static KEPT: ContextVar<Kept> = ContextVar::new("kept");
    let _watch = watch();
    on_each_flavour(|runtime| {
        let last = Last::default();
        runtime.block_on(async {
            let gate = Gate::new();
            let (wait, kept) = (gate.clone(), last.clone());
            let task = filch::spawn(async move {
                wait.pass().await;
                KEPT.set(Kept(kept));
            });
            *last.handle.lock().unwrap() = Some(task);
            gate.open();
            until_async(|| !last.dropped_in.lock().unwrap().is_empty()).await;
        });
        assert_eq!(*last.dropped_in.lock().unwrap(), [None]);
    });
}

/// However it ends: by an abort, with its runtime, with its set, begun or not.
#[test]
fn a_future_is_dropped_under_the_number_of_its_task() {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<Option<task::Id>>>>);
    struct Asks(Log);
    impl Drop for Asks {
        fn drop(&mut self) {
            self.0.0.lock().unwrap().push(task::try_id());
        }
    }
    let _watch = watch();
    on_each_flavour(|runtime| {
        let log = Log::default();
        let waits = || {
            let asks = Asks(log.clone());
            async move {
                let _asks = asks;
                std::future::pending::<()>().await;
            }
        };
        let mut ids = runtime.block_on(async {
            let aborted = filch::spawn(waits());
            let set = LocalSet::new();
            let ids = [aborted.id(), set.spawn_local(waits()).id(), filch::spawn(waits()).id()];
            aborted.abort();
            assert!(aborted.await.unwrap_err().is_cancelled());
            set.run_until(yield_now()).await;
            drop(set);
            assert!(task::try_id().is_none(), "whoever drops it has none");
            ids.to_vec()
        });
        ids.push(runtime.spawn(waits()).id());
        drop(runtime);
        let mut dropped: Vec<_> =
            log.0.lock().unwrap().iter().map(|id| id.expect("a number")).collect();
        ids.sort_unstable_by_key(task::Id::to_string);
        dropped.sort_unstable_by_key(task::Id::to_string);
        assert_eq!(dropped, ids);
        assert!(task::try_id().is_none());
    });
}

#[test]
fn what_an_output_sets_as_it_is_dropped_goes_at_once() {
    static LATE: ContextVar<Citizen> = ContextVar::new("late");
    struct Sets(Option<Citizen>, #[expect(dead_code, reason = "counts")] Citizen);
    impl Drop for Sets {
        fn drop(&mut self) {
            LATE.set(self.0.take().expect("dropped once"));
        }
    }
    let _watch = watch();
    on_each_flavour(|runtime| {
        let (values, outputs) = (Census::default(), Census::default());
        runtime.block_on(async {
            let gate = Gate::new();
            let wait = gate.clone();
            let output = Sets(Some(values.guard()), outputs.guard());
            drop(filch::spawn(async move {
                wait.pass().await;
                output
            }));
            gate.open();
            until_async(|| outputs.dead() > 0).await;
        });
        drop(runtime);
        assert_eq!(values.dead(), 1);
    });
}

async fn until_async(condition: impl Fn() -> bool) {
    while !condition() {
        yield_now().await;
    }
}
