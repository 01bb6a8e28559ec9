//! A task that ends against those who want to be told: each is told once, in the order in which they came.
#![cfg(filch_loom)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support_loom;

use loom::thread;
use runtime_core::task::state::State;
use runtime_core::task::{Ending, JoinHandle, OnEnd, on_end, remove_on_end};
use std::sync::{Arc, Mutex};
use support_loom::fails;
use support_loom::home::Home;
use support_loom::steps::Task;
use support_loom::word::{Mistake, Planted, Word};

/// One thread registers twice while another one runs the task to its end.
fn watch_meets_completion<W: Word>(word: impl Fn() -> W) {
    let task = Task::new(word(), 0);
    let runner = {
        let task = task.clone();
        thread::spawn(move || task.run_all())
    };
    task.on_end(1);
    task.on_end(2);
    runner.join().unwrap();
    assert_eq!(task.told(), [1, 2], "somebody is not told");
    task.drop_handle();
    assert!(task.is_freed(), "never freed");
}

#[test]
fn whoever_wants_to_be_told_is_told() {
    loom::model(|| watch_meets_completion(State::new));
    loom::model(|| watch_meets_completion(|| Planted::new(Mistake::None)));
}

#[test]
fn twins_that_look_only_once() {
    assert!(fails(|| watch_meets_completion(|| Planted::new(Mistake::BlindWatch))));
    assert!(fails(|| watch_meets_completion(|| Planted::new(Mistake::SilentComplete))));
}

/// Who was told of what.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<(u32, Ending)>>>);

impl Told {
    fn watcher(&self, number: u32) -> OnEnd {
        let told = self.0.clone();
        Box::new(move |ending| told.lock().unwrap().push((number, ending)))
    }

    fn all(&self) -> Vec<(u32, Ending)> {
        self.0.lock().unwrap().clone()
    }
}

fn spawn(home: &Home) -> (loom::sync::Arc<JoinHandle<()>>, thread::JoinHandle<()>) {
    let handle = loom::sync::Arc::new(home.spawn(async {}));
    let home = home.clone();
    (handle, thread::spawn(move || home.run_all()))
}

/// A real task, its real table and list.
#[test]
fn a_real_task_tells_in_order() {
    loom::model(|| {
        let (home, told) = (Home::new(), Told::default());
        let (handle, runner) = spawn(&home);
        for number in 1..=3 {
            on_end(&handle, told.watcher(number));
        }
        runner.join().unwrap();
        assert_eq!(told.all(), [1, 2, 3].map(|number| (number, Ending::Finished)));
        drop(handle);
        home.close();
        assert_eq!(home.tasks(), 0, "never freed");
    });
}

#[test]
fn two_who_register_at_the_same_time_are_both_told_once_and_each_in_its_order() {
    loom::model(|| {
        let (home, told) = (Home::new(), Told::default());
        let (handle, runner) = spawn(&home);
        let other = {
            let (handle, told) = (handle.clone(), told.clone());
            thread::spawn(move || {
                on_end(&handle, told.watcher(1));
                on_end(&handle, told.watcher(2));
            })
        };
        on_end(&handle, told.watcher(11));
        on_end(&handle, told.watcher(12));
        other.join().unwrap();
        runner.join().unwrap();
        let numbers = |of: &dyn Fn(u32) -> bool| {
            let all = told.all().into_iter().map(|entry| entry.0);
            all.filter(|number| of(*number)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(&|number| number < 10), [1, 2]);
        assert_eq!(numbers(&|number| number > 10), [11, 12]);
    });
}

#[test]
fn who_takes_it_back_is_told_or_has_it() {
    loom::model(|| {
        let (home, told) = (Home::new(), Told::default());
        let (handle, runner) = spawn(&home);
        let id = on_end(&handle, told.watcher(1));
        let back = remove_on_end(&handle, id).is_some();
        runner.join().unwrap();
        assert_eq!(told.all().len(), usize::from(!back));
    });
}

/// The task is aborted while somebody registers: what is told is how it ended.
#[test]
fn a_task_that_is_aborted_says_so() {
    loom::model(|| {
        let (home, told) = (Home::new(), Told::default());
        let handle = home.spawn(std::future::pending::<()>());
        let runner = {
            let home = home.clone();
            thread::spawn(move || home.run_all())
        };
        handle.abort();
        on_end(&handle, told.watcher(1));
        runner.join().unwrap();
        home.run_all();
        assert_eq!(told.all(), [(1, Ending::Cancelled)]);
    });
}
