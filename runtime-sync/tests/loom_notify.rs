//! `Notify`, `Event` and `ParkingLot` under every interleaving: no wake is lost, none is given
//! twice, and whoever is woken sees what was done before.
//!
//! The twins make one mistake in how the thing is used, and must fail.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use std::pin::{Pin, pin};
use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;
use runtime_sync::lock::{Event, Notify, ParkingLot};
use support_loom::Task;

fn is_ready<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>, task: &Arc<Task>) -> bool {
    task.with_context(|cx| future.poll(cx)).is_ready()
}

/// What is written without atomics before a wake and read after it.
struct Letter(UnsafeCell<u32>);

// SAFETY: loom finds out whether it is a race.
#[expect(unsafe_code, reason = "loom finds out whether it is a race")]
unsafe impl Send for Letter {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "loom finds out whether it is a race")]
unsafe impl Sync for Letter {}

impl Letter {
    fn new() -> Letter {
        Letter(UnsafeCell::new(0))
    }

    #[expect(unsafe_code, reason = "loom finds out whether it is a race")]
    fn write(&self) {
        // SAFETY: as above.
        self.0.with_mut(|letter| unsafe { *letter += 1 });
    }

    #[expect(unsafe_code, reason = "loom finds out whether it is a race")]
    fn read(&self) -> u32 {
        // SAFETY: as above.
        self.0.with(|letter| unsafe { *letter })
    }
}

/// One waits while another one notifies, once.
fn wait_against_notify(notifies: fn(&Notify), writes_first: bool) {
    loom::model(move || {
        let shared = Arc::new((Notify::new(), Letter::new()));
        let task = Task::new();
        let mut waits = Box::pin(shared.0.notified());
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                if writes_first {
                    shared.1.write();
                }
                notifies(&shared.0);
                if !writes_first {
                    shared.1.write();
                }
            }
        });
        let mut ready = is_ready(waits.as_mut(), &task);
        if ready {
            assert_eq!(shared.1.read(), 1);
        }
        ready |= is_ready(waits.as_mut(), &task);
        thread.join().unwrap();
        assert!(ready || task.woken() == 1, "the wake is lost");
        assert!(is_ready(waits.as_mut(), &task));
        assert!(!shared.0.stats().permit);
    });
}

#[test]
fn a_wake_reaches_who_comes_at_the_same_time() {
    wait_against_notify(Notify::notify_one, true);
}

#[test]
fn a_wake_from_the_back_reaches_who_comes_at_the_same_time() {
    wait_against_notify(Notify::notify_last, true);
}

#[test]
fn a_wake_for_all_reaches_who_was_made_before() {
    wait_against_notify(Notify::notify_waiters, true);
}

#[test]
#[should_panic]
fn twin_that_writes_after_the_wake() {
    wait_against_notify(Notify::notify_one, false);
}

/// Two wakes, two who wait, one of whom gives up: the other one is woken, and of the two wakes none
/// is lost.
fn wakes_are_conserved(second: fn(&Notify)) {
    loom::model(move || {
        let notify = Arc::new(Notify::new());
        let (one, two) = (Task::new(), Task::new());
        let mut leaves = Box::pin(notify.notified());
        let mut stays = pin!(notify.notified());
        assert!(!is_ready(leaves.as_mut(), &one));
        assert!(!is_ready(stays.as_mut(), &two));
        let thread = thread::spawn({
            let notify = Arc::clone(&notify);
            move || {
                notify.notify_one();
                second(&notify);
            }
        });
        drop(leaves);
        thread.join().unwrap();
        assert_eq!(two.woken(), 1);
        assert!(is_ready(stays.as_mut(), &two));
        assert!(notify.stats().permit, "a wake is lost");
        assert_eq!(notify.stats().waiters, 0);
    });
}

#[test]
fn who_gives_up_hands_on_the_wake_or_is_not_chosen() {
    wakes_are_conserved(Notify::notify_one);
}

#[test]
fn who_gives_up_hands_on_the_wake_from_the_back() {
    wakes_are_conserved(Notify::notify_last);
}

#[test]
#[should_panic(expected = "a wake is lost")]
fn twin_that_wakes_all_instead_of_one_more() {
    wakes_are_conserved(Notify::notify_waiters);
}

/// One permit for two who come: one gets it, and the other one gets the wake of the second call.
#[test]
fn permits_are_taken_once() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let other = Task::new();
        notify.notify_one();
        let thread = thread::spawn({
            let notify = Arc::clone(&notify);
            move || is_ready(pin!(notify.notified()), &other)
        });
        let mine = is_ready(pin!(notify.notified()), &Task::new());
        // Who did not get it gave up again.
        let theirs = thread.join().unwrap();
        assert!(mine ^ theirs, "mine {mine}, theirs {theirs}");
        assert!(!notify.stats().permit);
    });
}

/// `notify_one` races with `notify_waiters`: the two who wait are woken, and if the wake of the one
/// came after, it is stored.
#[test]
fn one_and_all_at_the_same_time() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let (one, two) = (Task::new(), Task::new());
        let mut first = pin!(notify.notified());
        let mut second = pin!(notify.notified());
        assert!(!is_ready(first.as_mut(), &one));
        assert!(!is_ready(second.as_mut(), &two));
        let thread = thread::spawn({
            let notify = Arc::clone(&notify);
            move || notify.notify_waiters()
        });
        notify.notify_one();
        thread.join().unwrap();
        assert_eq!((one.woken(), two.woken()), (1, 1));
        assert!(is_ready(first.as_mut(), &one) && is_ready(second.as_mut(), &two));
    });
}

/// Made first, looked second: whoever changes what is looked at and then wakes all is seen.
fn look_after_making(makes_first: bool) {
    loom::model(move || {
        let shared = Arc::new((Notify::new(), AtomicBool::new(false)));
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                shared.1.store(true, Ordering::Relaxed);
                shared.0.notify_waiters();
            }
        });
        let task = Task::new();
        let (seen, mut waits);
        if makes_first {
            waits = Box::pin(shared.0.notified());
            seen = shared.1.load(Ordering::Relaxed);
        } else {
            seen = shared.1.load(Ordering::Relaxed);
            waits = Box::pin(shared.0.notified());
        }
        let ready = seen || is_ready(waits.as_mut(), &task);
        thread.join().unwrap();
        assert!(ready || task.woken() == 1, "the change was missed");
    });
}

#[test]
fn a_change_before_a_wake_for_all_is_seen_or_the_wake_is() {
    look_after_making(true);
}

#[test]
#[should_panic(expected = "the change was missed")]
fn twin_that_looks_before_it_makes_the_future() {
    look_after_making(false);
}

/// Two who take items, one wake for each item: enabled first, looked second.
fn look_after_enabling(enables: bool) {
    loom::model(move || {
        let shared = Arc::new((Notify::new(), AtomicUsize::new(0)));
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for _ in 0..2 {
                    shared.1.fetch_add(1, Ordering::Relaxed);
                    shared.0.notify_one();
                }
            }
        });
        let take = || {
            let order = Ordering::Relaxed;
            shared.1.fetch_update(order, order, |n| n.checked_sub(1)).is_ok()
        };
        let tasks = [Task::new(), Task::new()];
        let mut waits = [Box::pin(shared.0.notified()), Box::pin(shared.0.notified())];
        let mut sleeps = [true; 2];
        // Both look, then both begin to wait.
        for n in 0..2 {
            if enables {
                waits[n].as_mut().enable();
            }
            sleeps[n] = !take();
        }
        for n in 0..2 {
            while sleeps[n] && is_ready(waits[n].as_mut(), &tasks[n]) {
                waits[n].set(shared.0.notified());
                waits[n].as_mut().enable();
                sleeps[n] = !take();
            }
            if !sleeps[n] {
                // Hands on what it was given.
                waits[n].set(shared.0.notified());
            }
        }
        thread.join().unwrap();
        let mut some_go_on = false;
        for n in 0..2 {
            some_go_on |= sleeps[n] && is_ready(waits[n].as_mut(), &tasks[n]);
        }
        let left = shared.1.load(Ordering::Relaxed);
        assert!(left == 0 || some_go_on || sleeps == [false; 2], "all sleep before an item");
    });
}

#[test]
fn a_change_before_a_wake_for_one_is_seen_by_who_enabled_before_the_look() {
    look_after_enabling(true);
}

#[test]
#[should_panic(expected = "all sleep before an item")]
fn twin_that_looks_without_having_enabled() {
    look_after_enabling(false);
}

#[test]
fn an_event_that_is_set_is_seen_or_wakes() {
    loom::model(|| {
        let shared = Arc::new((Event::new(), Letter::new()));
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                shared.1.write();
                shared.0.set();
            }
        });
        let task = Task::new();
        let mut waits = pin!(shared.0.wait());
        let ready = is_ready(waits.as_mut(), &task);
        if ready {
            assert_eq!(shared.1.read(), 1);
        }
        thread.join().unwrap();
        assert!(ready || task.woken() == 1, "the wake is lost");
        assert!(ready || is_ready(waits.as_mut(), &task));
    });
}

/// Those who wait before the event is set are woken although it is cleared at once; who waits after
/// the clear is not.
fn set_and_clear(present: bool) {
    loom::model(move || {
        let event = Arc::new(Event::new());
        let task = Task::new();
        let mut waits = Box::pin(event.wait());
        if present {
            assert!(!is_ready(waits.as_mut(), &task));
        }
        let thread = thread::spawn({
            let event = Arc::clone(&event);
            move || event.set()
        });
        // Waits until it is set, in a way that loom can follow: a clear before that does nothing.
        let was_set = event.is_set();
        event.clear();
        if present {
            thread.join().unwrap();
            assert!(is_ready(waits.as_mut(), &task), "a wake is lost");
        } else if was_set {
            assert!(!is_ready(waits.as_mut(), &task), "it was cleared");
            thread.join().unwrap();
            assert!(!is_ready(waits.as_mut(), &task), "a set before the clear woke it");
        }
    });
}

#[test]
fn a_set_wakes_those_present_although_it_is_cleared_at_once() {
    set_and_clear(true);
}

#[test]
fn a_set_does_not_wake_who_comes_after_the_clear() {
    set_and_clear(false);
}

/// A reason is taken away and the lot unparked while somebody parks.
fn park_against_unpark(takes_away_first: bool) {
    loom::model(move || {
        let shared = Arc::new((ParkingLot::new(), AtomicBool::new(true)));
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                if takes_away_first {
                    shared.1.store(false, Ordering::Relaxed);
                }
                shared.0.unpark(1);
                if !takes_away_first {
                    shared.1.store(false, Ordering::Relaxed);
                }
            }
        });
        let task = Task::new();
        let mut parks = pin!(shared.0.park_if(|| shared.1.load(Ordering::Relaxed)));
        let ready = is_ready(parks.as_mut(), &task);
        thread.join().unwrap();
        assert!(ready || task.woken() == 1, "the wake is lost");
        assert!(ready || is_ready(parks.as_mut(), &task));
    });
}

#[test]
fn a_reason_that_goes_is_seen_or_the_task_is_unparked() {
    park_against_unpark(true);
}

#[test]
#[should_panic(expected = "the wake is lost")]
fn twin_that_unparks_before_the_reason_goes() {
    park_against_unpark(false);
}

/// One of two gives up while it is moved to another lot, and one of the other lot is unparked.
#[test]
fn who_gives_up_while_moved_is_in_neither_line() {
    loom::model(|| {
        let lots = Arc::new((ParkingLot::new(), ParkingLot::new()));
        let (one, two) = (Task::new(), Task::new());
        let mut leaves = Box::pin(lots.0.park());
        let mut stays = Box::pin(lots.0.park());
        assert!(!is_ready(leaves.as_mut(), &one));
        assert!(!is_ready(stays.as_mut(), &two));
        let thread = thread::spawn({
            let lots = Arc::clone(&lots);
            move || {
                lots.0.repark_all(&lots.1);
                lots.1.unpark(1)
            }
        });
        drop(leaves);
        assert_eq!(thread.join().unwrap(), 1);
        assert_eq!(two.woken(), 1, "the wake was not handed on");
        assert!(is_ready(stays.as_mut(), &two));
        assert!(lots.0.is_empty() && lots.1.is_empty());
        assert_eq!(Arc::strong_count(&one), 1, "a waker was kept");
    });
}

/// A new waker comes while the task is moved, and then unparked where it is.
#[test]
fn a_new_waker_follows_its_task_to_the_other_lot() {
    loom::model(|| {
        let lots = Arc::new((ParkingLot::new(), ParkingLot::new()));
        let (old, new) = (Task::new(), Task::new());
        let mut parks = Box::pin(lots.0.park());
        assert!(!is_ready(parks.as_mut(), &old));
        let thread = thread::spawn({
            let lots = Arc::clone(&lots);
            move || {
                lots.0.repark(1, &lots.1);
                lots.1.unpark(1)
            }
        });
        let ready = is_ready(parks.as_mut(), &new);
        assert_eq!(thread.join().unwrap(), 1);
        assert!(ready || new.woken() == 1, "the new waker was not woken");
        assert!(ready || is_ready(parks.as_mut(), &new));
        drop(parks);
        assert_eq!(Arc::strong_count(&old), 1, "a waker was kept");
    });
}

/// Two lots are moved into each other at the same time: no deadlock, nobody lost.
#[test]
fn lots_can_be_moved_crosswise() {
    loom::model(|| {
        let lots = Arc::new((ParkingLot::new(), ParkingLot::new()));
        let task = Task::new();
        let mut parks = Box::pin(lots.0.park());
        assert!(!is_ready(parks.as_mut(), &task));
        let thread = thread::spawn({
            let lots = Arc::clone(&lots);
            move || lots.0.repark(1, &lots.1)
        });
        lots.1.repark(1, &lots.0);
        thread.join().unwrap();
        assert_eq!(lots.0.unpark(1) + lots.1.unpark(1), 1);
        assert!(is_ready(parks.as_mut(), &task));
    });
}
