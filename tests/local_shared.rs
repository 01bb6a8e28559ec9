//! A `LocalSet` that several tasks run at a time.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use filch::runtime::Builder;
use filch::sync::{Notify, oneshot};
use filch::task::{LocalSet, spawn_local, yield_now};
use std::rc::Rc;
use std::thread;
use support::{Gate, current, watch, within};

#[test]
fn who_goes_on_waiting_is_told_after_another_one_was_there() {
    let _watch = watch();
    LocalSet::new().block_on(&current(), async {
        let (set, go) = (Rc::new(LocalSet::new()), Rc::new(Notify::new()));
        let stays = spawn_local({
            let (set, go) = (set.clone(), go.clone());
            async move {
                let inside = set.spawn_local(async move { go.notified().await });
                set.run_until(inside).await.unwrap();
            }
        });
        yield_now().await;
        for gives_up in [false, true] {
            let set = set.clone();
            let goes = spawn_local(async move {
                match gives_up {
                    true => drop(Box::pin(set.run_until(yield_now()))),
                    false => set.run_until(yield_now()).await,
                }
            });
            within(goes).await.unwrap();
        }
        go.notify_one();
        within(stays).await.unwrap();
    });
}

#[test]
fn a_task_of_the_set_may_run_it_too() {
    let _watch = watch();
    let set = Rc::new(LocalSet::new());
    let inner = set.clone();
    let parked = Gate::new();
    let park = parked.clone();
    let runtime =
        Builder::new_current_thread().on_thread_park(move || park.open()).build().unwrap();
    let sum = set.block_on(&runtime, async move {
        let (first, second) = (oneshot::channel(), oneshot::channel());
        let outer = spawn_local(first.1);
        let runs = spawn_local(async move { inner.run_until(second.1).await });
        let sends = thread::spawn(move || {
            parked.block();
            first.0.send(1).unwrap();
        });
        let one = within(outer).await.unwrap().unwrap();
        second.0.send(2).unwrap();
        sends.join().unwrap();
        one + within(runs).await.unwrap().unwrap()
    });
    assert_eq!(sum, 3);
}

#[test]
fn all_who_run_it_take_turns() {
    let _watch = watch();
    LocalSet::new().block_on(&current(), async {
        let set = Rc::new(LocalSet::new());
        let runs: Vec<_> = (0..10)
            .map(|number| {
                let set = set.clone();
                spawn_local(async move {
                    let (send, receive) = oneshot::channel();
                    let inside = set.spawn_local(receive);
                    // From another thread: nobody is polled by chance.
                    let thread = thread::spawn(move || send.send(number).unwrap());
                    let got = set.run_until(inside).await.unwrap().unwrap();
                    thread.join().unwrap();
                    got
                })
            })
            .collect();
        for (number, run) in runs.into_iter().enumerate() {
            assert_eq!(within(run).await.unwrap(), number);
        }
    });
}
