//! When the root future of a current-thread runtime is polled, beside tasks that do not let up.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use filch::sync::Notify;
use filch::task::{coop, yield_now};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use support::{at_once, current, watch};

/// As often as each of the tasks that do nothing but give way, whether they say so or have spent their
/// budget, and not once in so many polls.
#[test]
fn a_root_that_gives_way_takes_turns_with_tasks_that_do() {
    let _watch = watch();
    for tasks in [1, 3, 10] {
        let steps = Arc::new(AtomicUsize::new(0));
        let between = async |each: usize| {
            yield_now().await;
            for _ in 0..10 {
                let before = steps.load(SeqCst);
                yield_now().await;
                assert_eq!(steps.load(SeqCst) - before, tasks * each);
            }
        };
        let step = || {
            let steps = steps.clone();
            move || steps.fetch_add(1, SeqCst)
        };
        current().block_on(async {
            for step in (0..tasks).map(|_| step()) {
                drop(filch::spawn(async move {
                    loop {
                        step();
                        yield_now().await;
                    }
                }));
            }
            between(1).await;
        });
        current().block_on(async {
            for step in (0..tasks).map(|_| step()) {
                drop(filch::spawn(async move {
                    loop {
                        step();
                        coop::consume_budget().await;
                    }
                }));
            }
            between(128).await;
        });
    }
}

/// It comes back when all others wait: what they do for one another is done by then.
#[test]
fn a_root_that_gives_way_lets_a_chain_of_tasks_go_to_its_end() {
    let _watch = watch();
    current().block_on(async {
        drop(filch::spawn(async {
            loop {
                yield_now().await;
            }
        }));
        let bells: Vec<_> = (0..20).map(|_| Arc::new(Notify::new())).collect();
        let last = bells[19].clone();
        for pair in bells.windows(2) {
            let (hear, ring) = (pair[0].clone(), pair[1].clone());
            drop(filch::spawn(async move {
                hear.notified().await;
                ring.notify_one();
            }));
        }
        yield_now().await;
        bells[0].notify_one();
        yield_now().await;
        assert!(at_once(last.notified()).is_some());
    });
}

/// Also if it was woken meanwhile: they take one turn each before it, and not so many as they like.
#[test]
fn a_root_that_was_woken_does_not_wait_for_tasks_that_give_way() {
    let _watch = watch();
    let runtime = filch::runtime::Builder::new_current_thread().build().unwrap();
    let (polls, bell) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    runtime.block_on(async {
        for task in 0..3 {
            let (polls, bell) = (polls.clone(), bell.clone());
            drop(filch::spawn(async move {
                loop {
                    // One of them rings in the middle of a round that has gone on for long.
                    if polls.fetch_add(1, SeqCst) == 30 + task {
                        bell.notify_one();
                    }
                    yield_now().await;
                }
            }));
        }
        bell.notified().await;
        let polls = polls.load(SeqCst);
        assert!((30..=36).contains(&polls), "{polls} polls");
    });
}
