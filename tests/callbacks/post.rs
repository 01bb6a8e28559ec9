//! `post` and `post_once`: from any thread, called or given back.

use crate::Log;
use crate::support::{Census, Gate, current, multi, on_each_flavour, until, watch};
use filch::sync::oneshot;
use filch::task::yield_now;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

#[test]
fn what_was_posted_wakes_a_runtime_that_sleeps() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let (tell, told) = oneshot::channel();
        let asleep = Gate::new();
        let poster = {
            let (handle, asleep) = (runtime.handle().clone(), asleep.clone());
            thread::spawn(move || {
                asleep.block();
                handle.post(move || tell.send(1).unwrap()).unwrap();
            })
        };
        let task = runtime.spawn(async move {
            asleep.open();
            told.await
        });
        assert_eq!(runtime.block_on(task).unwrap(), Ok(1));
        poster.join().unwrap();
    });
}

#[test]
fn what_was_accepted_is_called_at_the_latest_by_the_shutdown() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let log = Log::new();
        let handle = runtime.handle().clone();
        for number in 0..100 {
            handle.post(log.adds(number)).unwrap();
        }
        drop(runtime);
        assert_eq!(log.all(), (0..100).collect::<Vec<_>>());
        let refused = handle.post(log.adds(100)).unwrap_err();
        (refused.0)();
        assert_eq!(log.all().len(), 101);
        assert!(handle.post_once("key", || ()).is_err());
        assert!(handle.call_soon(|| unreachable!("the runtime is over")).cancelled());
    });
}

#[test]
fn posting_while_the_runtime_shuts_down_calls_or_gives_back() {
    let _watch = watch();
    for round in 0..50 {
        let runtime = multi(2);
        let (called, refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let started = Gate::new();
        let poster = {
            let (handle, called, refused) =
                (runtime.handle().clone(), called.clone(), refused.clone());
            let started = started.clone();
            thread::spawn(move || {
                for number in 0..200 {
                    if number == round {
                        started.open();
                    }
                    let called = called.clone();
                    if handle.post(move || _ = called.fetch_add(1, SeqCst)).is_err() {
                        refused.fetch_add(1, SeqCst);
                    }
                }
            })
        };
        started.block();
        drop(runtime);
        poster.join().unwrap();
        until(|| called.load(SeqCst) + refused.load(SeqCst) == 200);
    }
}

#[test]
fn what_a_callback_posts_during_the_shutdown_is_given_back() {
    let _watch = watch();
    let log = Log::new();
    let runtime = current();
    {
        let (handle, log) = (runtime.handle().clone(), log.clone());
        runtime.handle().post(move || log.add(handle.post(|| ()).is_err())).unwrap();
    }
    drop(runtime);
    assert_eq!(log.all(), [true]);
}

#[test]
fn a_key_waits_once_and_again_when_its_callback_has_begun() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let (log, census) = (Log::new(), Census::default());
        let handle = runtime.handle().clone();
        let gate = Hold(Gate::new());
        let wait = gate.0.clone();
        // Keeps the line where it is.
        handle.post(move || wait.block()).unwrap();
        assert!(handle.post_once("a", log.adds("first")).unwrap());
        let citizen = census.guard();
        let add = log.adds("second");
        let second = move || {
            drop(citizen);
            add();
        };
        assert!(matches!(handle.post_once("a", second), Ok(false)));
        assert_eq!(census.dead(), 1, "what is not called is dropped");
        assert!(handle.post_once("b".to_owned(), log.adds("another")).unwrap());
        {
            let (handle, log) = (handle.clone(), log.clone());
            let again = move || assert!(handle.post_once("c", log.adds("again")).unwrap());
            runtime.handle().post_once("c", again).unwrap();
        }
        drop(gate);
        runtime.block_on(async {
            while log.all().len() < 3 {
                yield_now().await;
            }
        });
        assert_eq!(log.all(), ["first", "another", "again"]);
        assert!(handle.post_once("a", || ()).unwrap());
    });
}

/// Opens its gate in the end, also when an assertion fails.
struct Hold(Gate);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.open();
    }
}
