//! `CancellationToken` under every interleaving: nobody who waits is missed, no child slips through,
//! and who sees a token cancelled sees all below it cancelled.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use runtime_sync::lock::CancellationToken;
use support_loom::Task;

fn is_ready<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>, task: &Arc<Task>) -> bool {
    task.with_context(|cx| future.poll(cx)).is_ready()
}

/// Somebody begins to wait for a child while the parent is cancelled.
fn wait_against_cancel(looks: bool) {
    loom::model(move || {
        let root = CancellationToken::new();
        let child = root.child_token();
        let thread = thread::spawn(move || root.cancel());
        let task = Task::new();
        let mut waits = Box::pin(child.cancelled());
        let ready = looks && is_ready(waits.as_mut(), &task);
        thread.join().unwrap();
        assert!(ready || task.woken() == 1, "the wake is lost");
        assert!(is_ready(waits.as_mut(), &task));
    });
}

#[test]
fn who_waits_for_a_child_is_woken_or_finds_it_cancelled() {
    wait_against_cancel(true);
}

#[test]
#[should_panic(expected = "the wake is lost")]
fn twin_that_is_not_polled() {
    wait_against_cancel(false);
}

#[test]
fn a_child_that_is_made_meanwhile_does_not_slip_through() {
    loom::model(|| {
        let root = CancellationToken::new();
        let middle = root.child_token();
        let thread = thread::spawn(move || root.cancel());
        let child = middle.child_token();
        thread.join().unwrap();
        assert!(child.is_cancelled() && middle.is_cancelled());
    });
}

/// The twin of the above: children in a list of their own, and a flag that is looked at first.
#[test]
#[should_panic(expected = "a child slipped through")]
fn twin_that_looks_before_it_joins() {
    loom::model(|| {
        type Shared = (AtomicBool, loom::sync::Mutex<Vec<Arc<AtomicBool>>>);
        let shared: Arc<Shared> = Arc::default();
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                shared.0.store(true, Ordering::SeqCst);
                let children = shared.1.lock().unwrap();
                children.iter().for_each(|child| child.store(true, Ordering::SeqCst));
            }
        });
        let child = Arc::new(AtomicBool::new(shared.0.load(Ordering::SeqCst)));
        shared.1.lock().unwrap().push(Arc::clone(&child));
        thread.join().unwrap();
        assert!(child.load(Ordering::SeqCst), "a child slipped through");
    });
}

#[test]
fn who_sees_a_token_cancelled_sees_those_below_and_what_was_done_before() {
    loom::model(|| {
        let root = CancellationToken::new();
        let child = root.child_token();
        let below = child.child_token();
        let written = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (root, written) = (root.clone(), Arc::clone(&written));
            move || {
                written.store(true, Ordering::Relaxed);
                root.cancel();
            }
        });
        if root.is_cancelled() {
            assert!(child.is_cancelled(), "the parent alone is cancelled");
        }
        if child.is_cancelled() {
            assert!(below.is_cancelled() && written.load(Ordering::Relaxed));
        }
        thread.join().unwrap();
    });
}

#[test]
fn two_who_cancel_both_return_with_everything_cancelled() {
    loom::model(|| {
        let root = CancellationToken::new();
        let child = root.child_token();
        let thread = thread::spawn({
            let (root, child) = (root.clone(), child.clone());
            move || {
                root.cancel();
                assert!(child.is_cancelled());
            }
        });
        root.cancel();
        assert!(child.is_cancelled());
        thread.join().unwrap();
    });
}

#[test]
fn a_token_that_is_dropped_while_its_tree_is_cancelled_takes_nobody_along() {
    loom::model(|| {
        let root = CancellationToken::new();
        let middle = root.child_token();
        let leaves = [middle.child_token(), middle.child_token()];
        let thread = thread::spawn({
            let root = root.clone();
            move || root.cancel()
        });
        drop(middle);
        thread.join().unwrap();
        assert!(leaves.iter().all(CancellationToken::is_cancelled));
        assert_eq!(root.stats().below_root, 0);
    });
}

#[test]
fn parent_and_child_are_dropped_at_the_same_time() {
    loom::model(|| {
        let root = CancellationToken::new();
        let middle = root.child_token();
        let [left, right] = [middle.child_token(), middle.child_token()];
        let thread = thread::spawn(move || drop(left));
        drop(middle);
        thread.join().unwrap();
        assert_eq!(root.stats().below_root, 1, "a place is left behind");
        root.cancel();
        assert!(right.is_cancelled());
    });
}

#[test]
fn branches_are_cancelled_and_dropped_at_the_same_time() {
    loom::model(|| {
        let root = CancellationToken::new();
        let middle = root.child_token();
        let [left, right] = [middle.child_token(), middle.child_token()];
        drop(middle);
        let thread = thread::spawn({
            let left = left.clone();
            move || left.cancel()
        });
        drop(right);
        drop(left);
        thread.join().unwrap();
        assert_eq!(root.stats().below_root, 0, "a place is left behind");
    });
}
