//! The line of waiters under every interleaving: no wake is lost, each goes to one waiter, and a
//! waiter that leaves hands on what it was given.
//!
//! Each model has a twin that makes one mistake in using the line, and must fail.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;
use runtime_sync::wait_list::{Choice, Left, WaitList, Waited, Waiter};
use support_loom::Task;

/// A line and what one waits for.
struct Gate {
    open: AtomicBool,
    line: WaitList,
    /// Used by twins only: a hint of their own.
    hint: AtomicUsize,
}

impl Gate {
    fn new() -> Arc<Gate> {
        let open = AtomicBool::new(false);
        Arc::new(Gate { open, line: WaitList::new(), hint: AtomicUsize::new(0) })
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }
}

/// Polls a waiter that enters unconditionally.
fn poll<T>(waiter: Pin<&mut Waiter<'_, T>>, task: &Arc<Task>, payload: T) -> Poll<Waited<(), T>> {
    task.with_context(|cx| waiter.poll_wait(cx, |_| ControlFlow::Continue(payload)))
}

/// Polls a waiter that need not wait if the gate is open.
fn poll_gate(waiter: Pin<&mut Waiter<'_, ()>>, task: &Arc<Task>, gate: &Gate) -> Poll<()> {
    let look = || match gate.is_open() {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    };
    task.with_context(|cx| waiter.poll_wait(cx, |_| look())).map(|_| ())
}

#[derive(Clone, Copy, PartialEq)]
enum First {
    Right,
    /// Looks first and then enters.
    LooksBefore,
    /// Whoever wakes reads a hint of its own without fences.
    HintWithoutFence,
}

/// The first waiter enters while somebody opens the gate and wakes.
fn first_wait_against_wake(how: First, all: bool) {
    loom::model(move || {
        let gate = Gate::new();
        let thread = thread::spawn({
            let gate = Arc::clone(&gate);
            move || {
                gate.open.store(true, Ordering::Release);
                if how == First::HintWithoutFence && gate.hint.load(Ordering::Relaxed) == 0 {
                    return;
                }
                match all {
                    true => drop(gate.line.wake_all()),
                    false => drop(gate.line.wake_one()),
                }
            }
        });
        let task = Task::new();
        let mut waiter = pin!(gate.line.waiter());
        let passed = match how {
            First::Right => poll_gate(waiter.as_mut(), &task, &gate).is_ready(),
            First::LooksBefore => gate.is_open() || poll(waiter.as_mut(), &task, ()).is_ready(),
            First::HintWithoutFence => {
                gate.hint.store(1, Ordering::Relaxed);
                gate.is_open() || poll(waiter.as_mut(), &task, ()).is_ready()
            }
        };
        thread.join().unwrap();
        assert!(passed || task.woken() == 1, "the wake is lost");
        assert!(passed || poll(waiter.as_mut(), &task, ()).is_ready());
        assert!(!gate.line.has_waiters());
    });
}

#[test]
fn the_first_waiter_sees_the_change_or_is_woken_alone() {
    first_wait_against_wake(First::Right, false);
}

#[test]
fn the_first_waiter_sees_the_change_or_is_woken_with_all() {
    first_wait_against_wake(First::Right, true);
}

#[test]
#[should_panic(expected = "the wake is lost")]
fn twin_that_looks_before_it_enters() {
    first_wait_against_wake(First::LooksBefore, false);
}

#[test]
#[should_panic(expected = "the wake is lost")]
fn twin_that_reads_a_hint_without_a_fence() {
    first_wait_against_wake(First::HintWithoutFence, false);
}

/// One of two waiters is woken while the first gives up.
fn wake_against_drop(hands_on: bool) {
    loom::model(move || {
        let gate = Gate::new();
        let (first, second) = (Task::new(), Task::new());
        let mut leaves = Box::pin(gate.line.waiter());
        let mut stays = pin!(gate.line.waiter());
        assert!(poll(leaves.as_mut(), &first, ()).is_pending());
        assert!(poll(stays.as_mut(), &second, ()).is_pending());
        let thread = thread::spawn({
            let gate = Arc::clone(&gate);
            move || gate.line.wake_one()
        });
        if let Left::Chosen(()) = leaves.as_mut().leave()
            && hands_on
        {
            gate.line.wake_one();
        }
        drop(leaves);
        assert!(thread.join().unwrap());
        assert_eq!(second.woken(), 1, "the wake was not handed on");
        assert!(poll(stays.as_mut(), &second, ()).is_ready());
        assert!(first.woken() <= 1);
        assert_eq!(Arc::strong_count(&first), 1, "a waker was kept");
    });
}

#[test]
fn a_waiter_that_gives_up_hands_on_the_wake_it_was_given() {
    wake_against_drop(true);
}

#[test]
#[should_panic(expected = "the wake was not handed on")]
fn twin_that_keeps_the_wake() {
    wake_against_drop(false);
}

/// The same through the ready-made future, dropped while it is woken.
#[test]
fn the_ready_made_future_hands_on_the_wake_when_dropped() {
    loom::model(|| {
        let gate = Gate::new();
        let (first, second) = (Task::new(), Task::new());
        let mut leaves = Box::pin(gate.line.wait_unless(|| false));
        let mut stays = pin!(gate.line.wait_unless(|| false));
        assert!(first.with_context(|cx| leaves.as_mut().poll(cx)).is_pending());
        assert!(second.with_context(|cx| stays.as_mut().poll(cx)).is_pending());
        let thread = thread::spawn({
            let gate = Arc::clone(&gate);
            move || gate.line.wake_one()
        });
        drop(leaves);
        assert!(thread.join().unwrap());
        assert_eq!(second.woken(), 1);
        assert!(second.with_context(|cx| stays.as_mut().poll(cx)).is_ready());
    });
}

/// One is in line and another enters while all are woken.
fn wake_all_against_push(looks: bool) {
    loom::model(move || {
        let gate = Gate::new();
        let (first, second) = (Task::new(), Task::new());
        let mut there = pin!(gate.line.waiter());
        let mut comes = pin!(gate.line.waiter());
        assert!(poll(there.as_mut(), &first, ()).is_pending());
        let thread = thread::spawn({
            let gate = Arc::clone(&gate);
            move || {
                gate.open.store(true, Ordering::Release);
                gate.line.wake_all()
            }
        });
        let passed = match looks {
            true => poll_gate(comes.as_mut(), &second, &gate).is_ready(),
            false => poll(comes.as_mut(), &second, ()).is_ready(),
        };
        let woken = thread.join().unwrap();
        assert_eq!(first.woken(), 1);
        assert!(passed || second.woken() == 1, "the wake is lost");
        assert_eq!(woken, first.woken() + second.woken());
        assert_eq!(comes.leave(), if passed { Left::Outside } else { Left::Released(()) });
        assert_eq!(there.leave(), Left::Released(()));
    });
}

#[test]
fn who_enters_while_all_are_woken_sees_the_change_or_is_woken_too() {
    wake_all_against_push(true);
}

#[test]
#[should_panic(expected = "the wake is lost")]
fn twin_that_enters_without_a_look() {
    wake_all_against_push(false);
}

/// A new waker comes in a poll while the waiter is woken.
fn renewal_against_wake(renews: bool) {
    loom::model(move || {
        let gate = Gate::new();
        let (old, new) = (Task::new(), Task::new());
        let mut waiter = pin!(gate.line.waiter());
        assert!(poll(waiter.as_mut(), &old, ()).is_pending());
        let thread = thread::spawn({
            let gate = Arc::clone(&gate);
            move || gate.line.wake_one()
        });
        let ready = renews && poll(waiter.as_mut(), &new, ()).is_ready();
        assert!(thread.join().unwrap());
        assert!(ready || new.woken() == 1, "the new waker was not woken");
        assert_eq!(old.woken() + new.woken(), 1);
        assert_eq!(Arc::strong_count(&old), 1, "a waker was kept");
    });
}

#[test]
fn a_wake_that_meets_a_change_of_wakers_is_seen_or_goes_to_the_new_one() {
    renewal_against_wake(true);
}

#[test]
#[should_panic(expected = "the new waker was not woken")]
fn twin_that_does_not_renew() {
    renewal_against_wake(false);
}

/// A waiter learns without the lock that it was woken, reads what it was given and what was
/// written before, and frees its node at once.
fn woken_sees_what_was_written(wakes_last: bool) {
    loom::model(move || {
        let shared = Arc::new((WaitList::<u32>::new(), UnsafeCell::new(0)));
        let task = Task::new();
        let mut waiter = Box::pin(shared.0.waiter());
        assert!(poll(waiter.as_mut(), &task, 1).is_pending());
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let give = |payload: &mut u32| {
                    *payload += 1;
                    Choice::Wake
                };
                if wakes_last {
                    write(&shared.1);
                    shared.0.lock().wake_where(give);
                } else {
                    shared.0.lock().wake_where(give);
                    write(&shared.1);
                }
            }
        });
        if let Poll::Ready(waited) = poll(waiter.as_mut(), &task, 0) {
            drop(waiter);
            assert_eq!(waited, Waited::Woken(2));
            assert_eq!(read(&shared.1), 1);
        }
        thread.join().unwrap();
    });
}

#[expect(unsafe_code, reason = "loom finds out whether it is a race")]
fn write(cell: &UnsafeCell<u32>) {
    // SAFETY: as above.
    cell.with_mut(|cell| unsafe { *cell = 1 });
}

#[expect(unsafe_code, reason = "loom finds out whether it is a race")]
fn read(cell: &UnsafeCell<u32>) -> u32 {
    // SAFETY: as above.
    cell.with(|cell| unsafe { *cell })
}

#[test]
fn a_woken_waiter_sees_what_was_written_before() {
    woken_sees_what_was_written(true);
}

#[test]
#[should_panic]
fn twin_that_writes_after_the_wake() {
    woken_sees_what_was_written(false);
}

/// Two permits are given out by two threads to waiters that ask for one each, while one of them
/// gives up. None is lost and none is given twice.
fn permits_are_conserved(returns: bool) {
    loom::model(move || {
        let shared = Arc::new((WaitList::<u32>::new(), AtomicUsize::new(0)));
        let tasks = [Task::new(), Task::new()];
        let mut first = pin!(shared.0.waiter());
        let mut second = pin!(shared.0.waiter());
        assert!(poll(first.as_mut(), &tasks[0], 1).is_pending());
        assert!(poll(second.as_mut(), &tasks[1], 1).is_pending());
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || release(&shared, 1)
        });
        if let Left::Chosen(_) = first.leave()
            && returns
        {
            release(&shared, 1);
        }
        release(&shared, 1);
        thread.join().unwrap();
        let got = poll(second.as_mut(), &tasks[1], 1).is_ready() as usize;
        assert_eq!(got + shared.1.load(Ordering::Relaxed), 2, "a permit is lost");
    });
}

/// Gives permits to those in line; what nobody asks for goes to the store.
fn release(shared: &(WaitList<u32>, AtomicUsize), mut permits: u32) {
    shared.0.lock().wake_where(|wanted| match permits.checked_sub(*wanted) {
        Some(rest) => {
            permits = rest;
            Choice::Wake
        }
        None => Choice::Stop,
    });
    shared.1.fetch_add(permits as usize, Ordering::Relaxed);
}

#[test]
fn permits_are_neither_lost_nor_given_twice() {
    permits_are_conserved(true);
}

#[test]
#[should_panic(expected = "a permit is lost")]
fn twin_that_does_not_return_a_permit() {
    permits_are_conserved(false);
}

#[derive(Clone, Copy, PartialEq)]
enum Looks {
    Right,
    /// Goes to sleep after a look that failed, without leaving a waker again.
    SleepsAtOnce,
}

/// A token that goes to whoever looks first: the nudged waiter, or a thread that barges in.
/// Afterwards it is there again, and the next wake must reach the waiter.
fn nudge_against_barging(how: Looks) {
    loom::model(move || {
        let gate = Gate::new();
        let line = Arc::new(WaitList::<bool>::new());
        let task = Task::new();
        let mut waiter = Box::pin(line.waiter());
        assert!(poll(waiter.as_mut(), &task, false).is_pending());
        let thread = thread::spawn({
            let (gate, line) = (Arc::clone(&gate), Arc::clone(&line));
            move || {
                // Frees the token, takes it again if it can, and hands it over at last.
                gate.open.store(true, Ordering::Release);
                let nudged = line.lock().nudge_front();
                if let Some(waker) = nudged {
                    waker.wake();
                }
                if gate.open.swap(false, Ordering::AcqRel) {
                    let popped = line.lock().pop_front();
                    if let Some(Some(waker)) = popped {
                        waker.wake();
                    }
                }
            }
        });
        let mut has = false;
        let seen = task.woken();
        if seen > 0 {
            let take = |_: &mut bool| gate.open.swap(false, Ordering::AcqRel);
            match waiter.as_mut().leave_if(take, |_| ()) {
                Some(_) => has = true,
                None if how == Looks::SleepsAtOnce => {}
                None => has = poll(waiter.as_mut(), &task, false).is_ready(),
            }
        }
        thread.join().unwrap();
        if !has {
            // It sleeps, and something was done for it since.
            assert!(task.woken() > seen, "the wake is lost");
            has = matches!(waiter.as_mut().leave(), Left::Chosen(_))
                || gate.open.swap(false, Ordering::AcqRel);
        }
        assert!(has, "the token is lost");
    });
}

#[test]
fn a_nudged_waiter_that_comes_too_late_is_woken_again() {
    nudge_against_barging(Looks::Right);
}

#[test]
#[should_panic(expected = "the wake is lost")]
fn twin_that_sleeps_without_a_waker() {
    nudge_against_barging(Looks::SleepsAtOnce);
}
