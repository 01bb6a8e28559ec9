//! A task that completes against its `JoinHandle`, and dead tasks that come home.
//!
//! The joiner is woken or sees the output, the output is dropped once, no waker stays behind. A dead
//! task is freed once, by its home or, when that is closed, by whoever let it go last. The twins make
//! one mistake each and must fail.
#![cfg(filch_loom)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs, unsafe_code)]

mod support_loom;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use runtime_core::many::as_completed;
use runtime_core::task::state::State;
use runtime_core::task::{Id, JoinHandle, JoinLine};
use runtime_sync::waker_slot::WakerSlot;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize as StdAtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use support_loom::fails;
use support_loom::home::{Counted, Home};
use support_loom::steps::Task;
use support_loom::word::{Mistake, Planted, Word};

fn planted(mistake: Mistake) -> impl Fn() -> Planted + Copy + Send + Sync {
    move || Planted::new(mistake)
}

/// The handle asks twice, with two wakers, while the task completes.
fn join_meets_completion<W: Word>(word: impl Fn() -> W) {
    let task = Task::new(word(), 0);
    let wakers = [0, 1].map(|_| Arc::new(AtomicUsize::new(0)));
    let runner = {
        let task = task.clone();
        thread::spawn(move || task.run_all())
    };
    let ready = wakers.iter().any(|waker| task.poll_join(waker));
    runner.join().unwrap();
    let woken = wakers[1].load(Ordering::Acquire) > 0;
    assert!(ready || woken, "the joiner waits for ever");
    assert!(task.poll_join(&wakers[1]));
    task.drop_handle();
    assert!(task.is_freed(), "never freed");
    assert_eq!(task.stage(|stage| stage.outputs_gone), 1);
    assert!(wakers.iter().all(|waker| Arc::strong_count(waker) == 1), "a waker stays behind");
}

#[test]
fn a_joiner_is_woken_by_its_newest_waker_or_sees_the_output() {
    loom::model(|| join_meets_completion(State::new));
    loom::model(|| join_meets_completion(planted(Mistake::None)));
}

#[test]
fn twins_that_forget_the_joiner_or_race_for_its_place() {
    assert!(fails(|| join_meets_completion(planted(Mistake::BlindSet))));
    assert!(fails(|| join_meets_completion(planted(Mistake::BlindUnset))));
    assert!(fails(|| join_meets_completion(planted(Mistake::RelaxedComplete))));
}

/// The handle goes while the task completes; it may have asked before.
fn drop_meets_completion<W: Word>(word: impl Fn() -> W, asks: bool) {
    let task = Task::new(word(), 0);
    let waker = Arc::new(AtomicUsize::new(0));
    if asks {
        assert!(!task.poll_join(&waker));
    }
    let runner = {
        let task = task.clone();
        thread::spawn(move || task.run_all())
    };
    task.drop_handle();
    runner.join().unwrap();
    assert!(task.is_freed(), "never freed");
    assert_eq!(task.stage(|stage| stage.outputs_gone), 1);
    assert_eq!(Arc::strong_count(&waker), 1, "a waker stays behind");
}

#[test]
fn the_output_is_dropped_once_by_the_handle_or_the_task() {
    for asks in [false, true] {
        loom::model(move || drop_meets_completion(State::new, asks));
        loom::model(move || drop_meets_completion(planted(Mistake::None), asks));
    }
}

#[test]
fn twins_whose_handle_goes_blindly() {
    assert!(fails(|| drop_meets_completion(planted(Mistake::BlindDetach), false)));
    assert!(fails(|| drop_meets_completion(planted(Mistake::BlindDetach), true)));
    assert!(fails(|| drop_meets_completion(planted(Mistake::NoRefAtCompletion), true)));
}

struct Woken(StdAtomicUsize);

impl Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A real task and its real handle, which asks, or goes, while the task completes elsewhere.
fn real_join(asks: usize) {
    let home = Home::new();
    let drops = std::sync::Arc::new(StdAtomicUsize::new(0));
    let output = Counted(drops.clone());
    let mut handle = home.spawn(async move { output });
    let runner = {
        let home = home.clone();
        thread::spawn(move || home.run_all())
    };
    let woken = std::sync::Arc::new(Woken(StdAtomicUsize::new(0)));
    let mut got = None;
    for _ in 0..asks {
        let waker = Waker::from(woken.clone());
        if got.is_none()
            && let Poll::Ready(output) =
                Pin::new(&mut handle).poll(&mut Context::from_waker(&waker))
        {
            got = Some(output);
        }
    }
    let ready = got.map(|output| drop(output.expect("it does not panic"))).is_some();
    if asks == 0 || ready {
        drop(handle);
        runner.join().unwrap();
    } else {
        runner.join().unwrap();
        assert_eq!(woken.0.load(SeqCst), 1, "the joiner waits for ever");
        drop(handle);
    }
    assert_eq!(drops.load(SeqCst), 100);
    assert_eq!(std::sync::Arc::strong_count(&woken), 1, "a waker stays behind");
    home.close();
    assert_eq!(home.tasks(), 0, "never freed");
}

#[test]
fn a_real_handle_is_served_like_the_model() {
    for asks in 0..=2 {
        loom::model(move || real_join(asks));
    }
}

/// One of many is woken from two threads while it is looked at: what each did before is seen by a look
/// that follows, though the second finds it listed already.
#[test]
fn one_of_many_is_looked_at_after_each_wake() {
    loom::model(|| {
        let done = Arc::new([0, 1].map(|_| AtomicUsize::new(0)));
        let waker = std::rc::Rc::new(std::cell::RefCell::new(None));
        let both = {
            let (done, waker) = (done.clone(), waker.clone());
            poll_fn(move |cx| {
                waker.replace(Some(cx.waker().clone()));
                // Relaxed, so that it is the wake that makes them seen.
                match done.iter().all(|done| done.load(Ordering::Relaxed) == 1) {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
        };
        let woken = std::sync::Arc::new(Woken(StdAtomicUsize::new(0)));
        let parent = Waker::from(woken.clone());
        let mut many = as_completed([both]);
        let mut looks = 0;
        let mut is_over = || {
            looks += 1;
            many.poll_next(&mut Context::from_waker(&parent)).is_ready()
        };
        assert!(!is_over());
        let threads = [0, 1].map(|number| {
            let (done, waker) = (done.clone(), waker.borrow().clone().expect("it was polled"));
            thread::spawn(move || {
                done[number].store(1, Ordering::Relaxed);
                waker.wake();
            })
        });
        // The threads may run here.
        done[0].load(Ordering::Relaxed);
        let mut over = woken.0.swap(0, SeqCst) > 0 && is_over();
        for thread in threads {
            thread.join().unwrap();
        }
        if !over && woken.0.swap(0, SeqCst) > 0 {
            over = is_over();
        }
        assert!(over, "a wake is lost");
        waker.take();
    });
}

/// A joiner of several, who is woken by as many threads as there are.
struct Joins {
    home: Home,
    line: JoinLine,
    handles: Vec<JoinHandle<Counted>>,
    drops: std::sync::Arc<StdAtomicUsize>,
    woken: std::sync::Arc<Woken>,
    finished: Vec<Id>,
}

impl Joins {
    fn of(tasks: usize) -> Joins {
        let (home, drops) = (Home::new(), std::sync::Arc::new(StdAtomicUsize::new(0)));
        let spawn = |_| {
            let output = Counted(drops.clone());
            home.spawn(async move { output })
        };
        Joins {
            handles: (0..tasks).map(spawn).collect(),
            home,
            line: JoinLine::new(),
            woken: std::sync::Arc::new(Woken(StdAtomicUsize::new(0))),
            finished: Vec::new(),
            drops,
        }
    }

    fn enter_all(&mut self) {
        self.handles.iter_mut().for_each(|handle| self.line.enter(handle));
    }

    fn run_elsewhere(&self) -> thread::JoinHandle<()> {
        let home = self.home.clone();
        thread::spawn(move || assert!(home.run_one()))
    }

    /// Joins what has finished. True: it waits for more.
    fn join(&mut self) -> bool {
        let waker = Waker::from(self.woken.clone());
        while self.finished.len() < self.handles.len() {
            let Poll::Ready(task) = self.line.poll_pop(&waker) else { return true };
            assert!(!self.finished.contains(&task), "joined twice");
            self.finished.push(task);
        }
        false
    }

    /// Joins the rest, when all have ended.
    fn join_rest(&mut self, waits: bool) {
        assert!(!waits || self.woken.0.load(SeqCst) > 0, "the joiner waits for ever");
        assert!(!self.join(), "one that has ended does not come");
        for handle in &mut self.handles {
            let output = Pin::new(handle).poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(output, Poll::Ready(Ok(_))));
        }
    }

    fn end(mut self) {
        let tasks = self.handles.len();
        self.handles.clear();
        drop(self.line);
        assert_eq!(self.drops.load(SeqCst), 100 * tasks, "an output is lost");
        assert_eq!(std::sync::Arc::strong_count(&self.woken), 1, "a waker stays behind");
        self.home.close();
        assert_eq!(self.home.tasks(), 0, "never freed");
    }
}

#[test]
fn many_that_finish_elsewhere_are_joined_once_each() {
    loom::model(|| {
        let mut joins = Joins::of(2);
        joins.enter_all();
        let threads = [0, 1].map(|_| joins.run_elsewhere());
        let waits = joins.join();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        joins.join_rest(waits);
        joins.end();
    });
}

#[test]
fn one_that_finishes_while_it_enters_is_joined() {
    loom::model(|| {
        let mut joins = Joins::of(1);
        let thread = joins.run_elsewhere();
        // Somebody waits already.
        assert!(joins.join());
        joins.enter_all();
        thread.join().unwrap();
        joins.join_rest(true);
        joins.end();
    });
}

#[test]
fn one_that_is_given_up_while_it_finishes_is_freed() {
    for first in [false, true] {
        loom::model(move || {
            let mut joins = Joins::of(1);
            joins.enter_all();
            let thread = joins.run_elsewhere();
            match first {
                true => joins.handles.clear(),
                false => joins.line = JoinLine::new(),
            }
            joins.handles.clear();
            joins.line.clear();
            thread.join().unwrap();
            drop(joins.line);
            assert_eq!(joins.drops.load(SeqCst), 100);
            joins.home.close();
            assert_eq!(joins.home.tasks(), 0, "never freed");
        });
    }
}

/// The steps of `JoinLine::poll_pop` against two pushes, one of which finds the stack empty and wakes.
fn wait_meets_pushes(looks_again: bool) {
    let stack = Arc::new((AtomicUsize::new(0), WakerSlot::new()));
    let threads = [0, 1].map(|_| {
        let stack = stack.clone();
        thread::spawn(move || {
            if stack.0.fetch_add(1, Ordering::Release) == 0 {
                stack.1.wake();
            }
        })
    });
    let woken = std::sync::Arc::new(Woken(StdAtomicUsize::new(0)));
    let mut got = stack.0.swap(0, Ordering::Acquire);
    if got == 0 {
        stack.1.register(&Waker::from(woken.clone()));
        got = if looks_again { stack.0.swap(0, Ordering::Acquire) } else { 0 };
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(got > 0 || woken.0.load(SeqCst) > 0, "the joiner waits for ever");
}

#[test]
fn the_first_on_an_empty_stack_wakes_for_all() {
    loom::model(|| wait_meets_pushes(true));
}

#[test]
fn twin_that_does_not_look_again() {
    assert!(fails(|| wait_meets_pushes(false)));
}

/// Two neighbours die elsewhere, while the owner buries and closes, unless it forgets to.
fn homecoming(closes: bool) {
    let home = Home::new();
    let [oldest, middle, newest] = [0, 1, 2].map(|_| home.spawn(async {}));
    home.run_all();
    let elsewhere = thread::spawn(move || {
        drop(newest);
        drop(middle);
    });
    let mut buried = home.bury_all();
    if closes {
        buried += home.close();
    }
    assert!(buried <= 2);
    elsewhere.join().unwrap();
    if closes {
        drop(oldest);
        assert_eq!(home.tasks(), 0, "never freed");
    } else {
        assert!(home.holds_no_dead(), "never freed");
    }
}

#[test]
fn the_dead_are_freed_once_by_their_home_or_after_it_closed() {
    loom::model(|| homecoming(true));
}

#[test]
fn twin_whose_owner_forgets_to_close() {
    assert!(fails(|| homecoming(false)));
}

/// The steps of `Roster::close`, upon memory that loom watches: `first` lies on the stack of the
/// dead, its neighbour `second` dies now. 0 is the empty stack, 3 the closed one.
fn close_meets_death(closes_first: bool) {
    struct Memory {
        stack: AtomicUsize,
        /// The links of `second`, which the burial of `first` writes; true once it is freed.
        second: UnsafeCell<bool>,
    }
    // SAFETY: loom checks the accesses to the cell, which is what the model is for.
    unsafe impl Sync for Memory {}
    // SAFETY: as above.
    unsafe impl Send for Memory {}
    let memory = Arc::new(Memory { stack: AtomicUsize::new(1), second: UnsafeCell::new(false) });
    let dies = {
        let memory = memory.clone();
        thread::spawn(move || {
            let pushed = memory
                .stack
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, |top| (top != 3).then_some(2))
                .is_ok();
            if !pushed {
                // SAFETY: loom finds out whether it is.
                memory.second.with_mut(|freed| unsafe { *freed = true });
            }
        })
    };
    let bury_first = || {
        // SAFETY: as above.
        memory.second.with_mut(|freed| assert!(!unsafe { *freed }, "used after it was freed"));
    };
    if closes_first {
        memory.stack.swap(3, Ordering::AcqRel);
        bury_first();
    } else {
        while memory.stack.compare_exchange(0, 3, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            memory.stack.swap(0, Ordering::AcqRel);
            bury_first();
        }
    }
    dies.join().unwrap();
}

#[test]
fn a_neighbour_that_dies_while_the_roster_closes_is_not_freed_too_early() {
    loom::model(|| close_meets_death(false));
}

#[test]
fn twin_that_closes_before_it_buries() {
    assert!(fails(|| close_meets_death(true)));
}
