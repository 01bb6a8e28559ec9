//! The roll against the ends of the tasks that are asked: nobody is freed twice, and the tally is done
//! when all have ended, and not before.
#![cfg(filch_loom)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support_loom;

use loom::thread;
use runtime_core::cancel::{CancelReason, with_cleanup};
use runtime_core::task::{Tally, cancel_for};
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Wake, Waker};
use support_loom::home::Home;

/// Counts its wakes.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Bell>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Asks all tasks of a home, as a worker does. Returns the tally, and how many were asked.
fn call_roll(home: &Home) -> (Arc<Tally>, usize) {
    let (tally, reason) = (Arc::new(Tally::new()), Arc::new(CancelReason::from("the end")));
    tally.enter();
    let tasks = home.living();
    let asked = tasks.iter().filter(|task| cancel_for(task, &reason, &tally)).count();
    tally.leave();
    (tally, asked)
}

fn end(home: &Home, tally: &Tally, asked: usize) {
    home.run_all();
    assert!(tally.is_done(Waker::noop()), "somebody has not ended, or nobody was told");
    let count = tally.count();
    assert_eq!(count.ended + count.failed, asked);
    home.bury_all();
    home.close();
    assert_eq!(home.tasks(), 0, "never freed");
}

/// The owner of a roster walks over it while its detached tasks complete on another thread.
#[test]
fn a_walk_meets_tasks_that_complete() {
    loom::model(|| {
        let home = Home::new();
        drop(home.spawn(async {}));
        drop(home.spawn(pending::<()>()));
        let runner = {
            let home = home.clone();
            thread::spawn(move || home.run_all())
        };
        let (tally, asked) = call_roll(&home);
        runner.join().unwrap();
        assert!(asked > 0, "one of them waits for ever");
        end(&home, &tally, asked);
    });
}

/// Who waits for the tally is told of its end, or sees it.
#[test]
fn the_last_end_wakes_who_waits() {
    loom::model(|| {
        let home = Home::new();
        drop(home.spawn(with_cleanup(pending::<()>(), async {}).limit(None)));
        home.run_all();
        let (tally, asked) = call_roll(&home);
        assert_eq!(asked, 1);
        let runner = {
            let home = home.clone();
            thread::spawn(move || home.run_all())
        };
        let bell = Arc::new(Bell::default());
        let done = tally.is_done(&Waker::from(bell.clone()));
        runner.join().unwrap();
        assert!(done || bell.0.load(SeqCst) > 0, "it waits for ever");
        end(&home, &tally, asked);
    });
}

/// Two ask a task that sleeps without frames, and one of them thinks better of it: it ends all the
/// same, and whoever counts is told.
#[test]
fn a_sleeper_is_asked_twice_and_ends_once() {
    loom::model(|| {
        let home = Home::new();
        let handle = home.spawn(pending::<()>());
        home.run_all();
        let fickle = handle.abort_handle();
        let thread = thread::spawn(move || {
            assert!(fickle.cancel("stop"));
            fickle.uncancel();
        });
        let (tally, asked) = call_roll(&home);
        assert_eq!(asked, 1);
        thread.join().unwrap();
        // If both requests were there when one was taken back, the other one stands; if it was the
        // only one, it was withdrawn, and the roll came later.
        home.run_all();
        assert!(handle.is_finished(), "the request is lost");
        drop(handle);
        end(&home, &tally, asked);
    });
}
