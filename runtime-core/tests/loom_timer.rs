#![allow(missing_docs)]
#![cfg(filch_loom)]
//! A timer between its owner, the worker that fires it, and others that come along.
//!
//! Every model has a twin in which the owner makes a mistake that the model must notice.
#![allow(unsafe_code, clippy::disallowed_methods, clippy::disallowed_types)]

use std::pin::Pin;
use std::task::{Wake, Waker};

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use loom::sync::{Arc, Mutex};
use loom::thread;
use runtime_core::clock::NEVER;
use runtime_core::timer::{Entry, Inserted, State, Timers};
use runtime_sync::wake_batch::WakeBatch;

/// Counts its wakes.
struct Task(AtomicUsize);

impl Task {
    fn new() -> std::sync::Arc<Task> {
        std::sync::Arc::new(Task(AtomicUsize::new(0)))
    }

    fn woken(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

impl Wake for Task {
    fn wake(self: std::sync::Arc<Task>) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

fn waker(task: &std::sync::Arc<Task>) -> Waker {
    Waker::from(task.clone())
}

/// The owner of an entry in `timers`.
struct Owner {
    entry: Pin<Box<Entry>>,
    timers: Arc<Timers>,
}

impl Owner {
    fn new(timers: &Arc<Timers>) -> Owner {
        Owner { entry: Box::pin(Entry::new(NEVER, 0)), timers: timers.clone() }
    }

    fn insert(&self, deadline: u64, waker: &Waker) -> Inserted {
        // SAFETY: the models that do nothing wrong remove it from these timers.
        unsafe { self.timers.insert(self.entry.as_ref(), deadline, waker) }
    }

    fn remove(&self) {
        // SAFETY: as above.
        unsafe { self.timers.remove(self.entry.as_ref()) }
    }

    fn reset(&self, deadline: u64) -> bool {
        // SAFETY: as above.
        unsafe { self.timers.reset(self.entry.as_ref(), deadline, 0) }
    }

    fn update_waker(&self, waker: &Waker) -> State {
        // SAFETY: as above.
        unsafe { self.timers.update_waker(self.entry.as_ref(), waker) }
    }

    /// Touches all of the entry as whoever gets its memory next would: nobody else may be there.
    fn reuse(self, other: &Timers) {
        let task = Task::new();
        // SAFETY: the question of the models. It is removed before it is freed.
        unsafe {
            let inserted = other.insert(self.entry.as_ref(), 1, &waker(&task));
            assert!(matches!(inserted, Inserted::Armed { .. }));
            other.remove(self.entry.as_ref());
        }
    }
}

fn expire(timers: &Timers, now: u64) -> usize {
    let mut wakes = WakeBatch::new();
    let fired = timers.expire(now, &mut wakes);
    wakes.wake_all();
    fired
}

/// A timer that fires on another thread, while its owner does something else with it.
struct Firing {
    timers: Arc<Timers>,
    owner: Owner,
    task: std::sync::Arc<Task>,
    worker: thread::JoinHandle<usize>,
}

impl Firing {
    fn begin() -> Firing {
        let timers = Arc::new(Timers::new());
        let owner = Owner::new(&timers);
        let task = Task::new();
        assert_eq!(owner.insert(5, &waker(&task)), Inserted::Armed { earliest: true });
        let firing = timers.clone();
        let worker = thread::spawn(move || expire(&firing, 10));
        Firing { timers, owner, task, worker }
    }
}

/// Runs a model that must fail, in a process of its own: a failure inside loom may abort.
fn fails(name: &str, model: impl Fn() + Send + Sync + 'static) {
    if std::env::var_os("FILCH_TWIN").is_some() {
        loom::model(model);
        return;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env("FILCH_TWIN", "1")
        .output()
        .unwrap();
    assert!(!output.status.success(), "the planted bug was not noticed");
}

// ── fire against drop ────────────────────────────────────────────────────────────────────────────

#[derive(Clone, Copy, PartialEq)]
enum Leave {
    /// By the rules: removed, whatever its state seems to be.
    Properly,
    /// The memory is given away without a look.
    AtOnce,
    /// The entry is taken out of other timers than its own, under the wrong lock.
    ByTheWrongDoor,
}

fn fire_against_drop(leave: Leave) {
    let Firing { timers, owner, task, worker } = Firing::begin();
    let other = Timers::new();
    match leave {
        Leave::Properly => owner.remove(),
        Leave::AtOnce => {}
        // SAFETY: none, it is a planted bug.
        Leave::ByTheWrongDoor => unsafe { other.remove(owner.entry.as_ref()) },
    }
    owner.reuse(&other);
    let fired = worker.join().unwrap();
    assert_eq!(task.woken(), fired);
    assert!(timers.is_empty());
    assert_eq!(std::sync::Arc::strong_count(&task), 1);
}

#[test]
fn a_dropped_timer_is_not_touched_again() {
    loom::model(|| fire_against_drop(Leave::Properly));
}

#[test]
fn twin_a_timer_is_dropped_without_a_look() {
    fails("twin_a_timer_is_dropped_without_a_look", || fire_against_drop(Leave::AtOnce));
}

#[test]
fn twin_a_timer_is_removed_under_another_lock() {
    fails("twin_a_timer_is_removed_under_another_lock", || {
        fire_against_drop(Leave::ByTheWrongDoor);
    });
}

// ── what the owner sees without the lock ─────────────────────────────────────────────────────────

fn fired_means_free(looks: bool) {
    let Firing { owner, worker, .. } = Firing::begin();
    if !looks || owner.entry.state() == State::Fired {
        owner.reuse(&Timers::new());
        worker.join().unwrap();
    } else {
        worker.join().unwrap();
        assert_eq!(owner.entry.state(), State::Fired);
    }
}

#[test]
fn who_sees_fired_may_reuse_the_memory_without_the_lock() {
    loom::model(|| fired_means_free(true));
}

#[test]
fn twin_the_memory_is_reused_before_it_has_fired() {
    fails("twin_the_memory_is_reused_before_it_has_fired", || fired_means_free(false));
}

// ── fire against reset ───────────────────────────────────────────────────────────────────────────

fn fire_against_reset(properly: bool) {
    let Firing { timers, owner, task, worker } = Firing::begin();
    if properly {
        owner.reset(100);
    } else {
        // Arms it for the second time, believing that an old deadline is simply forgotten.
        let _ = owner.insert(100, &waker(&task));
    }
    match owner.entry.state() {
        // Too late: it fired for the old deadline, its task is woken, and may wait again.
        State::Idle => {
            worker.join().unwrap();
            assert_eq!(task.woken(), 1);
            assert!(timers.is_empty());
            assert_eq!(owner.insert(100, &waker(&task)), Inserted::Armed { earliest: true });
        }
        // In time: nothing fires before the new deadline.
        State::Armed => {
            assert_eq!(worker.join().unwrap(), 0);
            assert_eq!(task.woken(), 0);
            assert_eq!(owner.entry.state(), State::Armed);
            assert_eq!(timers.len(), 1);
        }
        state => panic!("{state:?}"),
    }
    let wakes = task.woken();
    assert_eq!(timers.next_deadline(), Some(100));
    assert_eq!(expire(&timers, 100), 1);
    assert_eq!(task.woken(), wakes + 1);
    assert_eq!(owner.entry.state(), State::Fired);
}

#[test]
fn a_reset_timer_fires_for_one_deadline_or_the_other_and_then_again() {
    loom::model(|| fire_against_reset(true));
}

#[test]
fn twin_a_reset_that_does_not_take_the_timer_out() {
    fails("twin_a_reset_that_does_not_take_the_timer_out", || fire_against_reset(false));
}

// ── fire against a new waker ─────────────────────────────────────────────────────────────────────

fn fire_against_update(believes_the_answer: bool) {
    let Firing { owner, task: first, worker, .. } = Firing::begin();
    let second = Task::new();
    let mut is_ready = owner.entry.state() == State::Fired;
    if !is_ready {
        let answer = owner.update_waker(&waker(&second));
        is_ready = believes_the_answer && answer == State::Fired;
    }
    worker.join().unwrap();
    // The second task is the one that polls: it knows, or it is told.
    assert!(is_ready || second.woken() == 1);
    assert_eq!(first.woken() + second.woken(), 1);
    assert_eq!(std::sync::Arc::strong_count(&first), 1);
    assert_eq!(std::sync::Arc::strong_count(&second), 1);
    owner.remove();
}

#[test]
fn the_task_that_polled_last_knows_or_is_told() {
    loom::model(|| fire_against_update(true));
}

#[test]
fn twin_the_answer_of_a_waker_update_is_ignored() {
    fails("twin_the_answer_of_a_waker_update_is_ignored", || fire_against_update(false));
}

/// The task polls again, with the waker that is there, and so without the lock; once it knows that the
/// timer has fired, it arms it anew for another task.
#[test]
fn a_look_without_the_lock_meets_the_one_who_fires() {
    loom::model(|| {
        let Firing { owner, task: first, worker, .. } = Firing::begin();
        let second = Task::new();
        let has_fired = owner.update_waker(&waker(&first)) == State::Fired;
        if has_fired {
            assert_eq!(owner.insert(20, &waker(&second)), Inserted::Armed { earliest: true });
        }
        worker.join().unwrap();
        assert_eq!((first.woken(), second.woken()), (1, 0));
        let state = if has_fired { State::Armed } else { State::Fired };
        assert_eq!(owner.entry.state(), state);
        owner.remove();
        assert_eq!(std::sync::Arc::strong_count(&first), 1);
        assert_eq!(std::sync::Arc::strong_count(&second), 1);
    });
}

// ── insert against expire ────────────────────────────────────────────────────────────────────────

fn insert_against_expire(believes_the_answer: bool) {
    let timers = Arc::new(Timers::new());
    let task = Task::new();
    let early = Owner::new(&timers);
    assert_eq!(early.insert(1, &waker(&task)), Inserted::Armed { earliest: true });
    let worker = {
        let timers = timers.clone();
        thread::spawn(move || expire(&timers, 10))
    };
    let owner = Owner::new(&timers);
    let late = Task::new();
    let answer = owner.insert(5, &waker(&late));
    assert_ne!(answer, Inserted::Closed);
    let is_due = believes_the_answer && answer == Inserted::Due;
    let fired = worker.join().unwrap();
    // Its time has come; or it has fired; or the hint says that somebody has to look.
    let is_hinted = timers.next_deadline().is_some_and(|next| next <= 5);
    assert!(is_due || owner.entry.state() == State::Fired || is_hinted);
    assert_eq!(fired, task.woken() + late.woken());
    assert_eq!(expire(&timers, 10), if is_hinted { 1 } else { 0 });
    early.remove();
    owner.remove();
}

#[test]
fn a_timer_inserted_while_others_fire_is_not_forgotten() {
    loom::model(|| insert_against_expire(true));
}

#[test]
fn twin_the_answer_of_an_insertion_is_ignored() {
    fails("twin_the_answer_of_an_insertion_is_ignored", || insert_against_expire(false));
}

// ── an earlier deadline against a worker that goes to sleep ──────────────────────────────────────

fn earlier_against_sleep(announces_first: bool) {
    let timers = Arc::new(Timers::new());
    let sleeps = Arc::new(AtomicBool::new(false));
    let told = Arc::new(AtomicBool::new(false));
    let worker = {
        let (timers, sleeps) = (timers.clone(), sleeps.clone());
        thread::spawn(move || {
            // The protocol that `Timers::next_deadline` describes.
            if announces_first {
                sleeps.swap(true, Ordering::Relaxed);
                fence(Ordering::SeqCst);
                timers.next_deadline()
            } else {
                let next = timers.next_deadline();
                sleeps.swap(true, Ordering::Relaxed);
                fence(Ordering::SeqCst);
                next
            }
        })
    };
    let owner = Owner::new(&timers);
    let task = Task::new();
    if owner.insert(5, &waker(&task)) == (Inserted::Armed { earliest: true }) {
        fence(Ordering::SeqCst);
        if sleeps.load(Ordering::Relaxed) {
            told.swap(true, Ordering::Relaxed);
        }
    }
    let sleeps_until = worker.join().unwrap();
    assert!(sleeps_until == Some(5) || told.load(Ordering::Relaxed), "it oversleeps");
    owner.remove();
}

#[test]
fn a_sleeper_sees_an_earlier_deadline_or_is_told() {
    loom::model(|| earlier_against_sleep(true));
}

#[test]
fn twin_a_sleeper_reads_the_hint_before_it_announces_itself() {
    fails("twin_a_sleeper_reads_the_hint_before_it_announces_itself", || {
        earlier_against_sleep(false);
    });
}

// ── two workers that fire the same timers ────────────────────────────────────────────────────────

fn two_fire(with_one_lock: bool) {
    let timers = Arc::new(Timers::new());
    let task = Task::new();
    let owners = [Owner::new(&timers), Owner::new(&timers)];
    for owner in &owners {
        let _ = owner.insert(5, &waker(&task));
    }
    let rescuer = {
        let timers = timers.clone();
        thread::spawn(move || expire(&timers, 10))
    };
    let here = if with_one_lock {
        expire(&timers, 8)
    } else {
        // Believes that whoever finds a timer armed may take it for its own.
        owners.iter().filter(|owner| owner.entry.state() == State::Armed).count()
    };
    assert_eq!(here + rescuer.join().unwrap(), 2);
    assert_eq!(task.woken(), 2);
    assert!(owners.iter().all(|owner| owner.entry.state() == State::Fired));
    assert_eq!(timers.next_deadline(), None);
}

#[test]
fn a_timer_fires_once_whoever_comes() {
    loom::model(|| two_fire(true));
}

#[test]
fn twin_a_rescuer_that_fires_without_the_lock() {
    fails("twin_a_rescuer_that_fires_without_the_lock", || two_fire(false));
}

// ── close ────────────────────────────────────────────────────────────────────────────────────────

fn close_against_insert(believes_the_answer: bool) {
    let timers = Arc::new(Timers::new());
    let owner = Owner::new(&timers);
    let task = Task::new();
    let closer = {
        let timers = timers.clone();
        thread::spawn(move || timers.close())
    };
    let answer = owner.insert(5, &waker(&task));
    let knows = believes_the_answer && answer == Inserted::Closed;
    closer.join().unwrap();
    assert!(knows || (owner.entry.state() == State::Closed && task.woken() == 1));
    assert!(timers.is_empty());
    owner.remove();
}

#[test]
fn who_waits_when_the_timers_close_knows_or_is_told() {
    loom::model(|| close_against_insert(true));
}

#[test]
fn twin_the_answer_of_closed_timers_is_ignored() {
    fails("twin_the_answer_of_closed_timers_is_ignored", || close_against_insert(false));
}

fn close_against_reset(looks_again: bool) {
    let timers = Arc::new(Timers::new());
    let owner = Owner::new(&timers);
    let task = Task::new();
    assert_eq!(owner.insert(5, &waker(&task)), Inserted::Armed { earliest: true });
    let closer = {
        let timers = timers.clone();
        thread::spawn(move || timers.close())
    };
    owner.reset(50);
    let before = owner.entry.state();
    closer.join().unwrap();
    let state = if looks_again { owner.entry.state() } else { before };
    // Closed, or made idle after it was closed: the next poll finds the timers closed.
    assert!(matches!(state, State::Closed | State::Idle));
    assert_eq!(task.woken(), 1);
    assert!(timers.is_empty());
    assert_eq!(owner.insert(100, &waker(&task)), Inserted::Closed);
}

#[test]
fn a_reset_does_not_escape_from_a_close() {
    loom::model(|| close_against_reset(true));
}

#[test]
fn twin_a_timer_is_believed_to_stay_armed() {
    fails("twin_a_timer_is_believed_to_stay_armed", || close_against_reset(false));
}

// ── a waker that comes back for the timer ────────────────────────────────────────────────────────

/// Arms its own timer again when it is woken, on the thread that fires it.
struct Rearm {
    again: Mutex<Option<(std::sync::Arc<Owner>, u64)>>,
    woken: AtomicUsize,
}

impl Wake for Rearm {
    fn wake(self: std::sync::Arc<Rearm>) {
        self.woken.fetch_add(1, Ordering::AcqRel);
        let again = self.again.lock().unwrap().take();
        if let Some((owner, deadline)) = again {
            let answer = owner.insert(deadline, &Waker::from(self.clone()));
            assert_ne!(answer, Inserted::Closed);
        }
    }
}

fn rearm_while_firing(second_deadline: u64) {
    let timers = Arc::new(Timers::new());
    let owner = std::sync::Arc::new(Owner::new(&timers));
    let task = std::sync::Arc::new(Rearm {
        again: Mutex::new(Some((owner.clone(), second_deadline))),
        woken: AtomicUsize::new(0),
    });
    let _ = owner.insert(5, &Waker::from(task.clone()));
    let rescuer = {
        let timers = timers.clone();
        thread::spawn(move || expire(&timers, 10))
    };
    let here = expire(&timers, 10);
    // Both end, although the timer is armed again at once, and neither takes the lock twice.
    assert_eq!(here + rescuer.join().unwrap(), 1);
    assert_eq!(task.woken.load(Ordering::Acquire), 1);
    assert_eq!(owner.entry.state(), State::Armed);
    assert_eq!(timers.next_deadline(), Some(20));
    owner.remove();
}

#[test]
fn a_timer_armed_again_from_its_own_wake_waits_for_the_next_time() {
    loom::model(|| rearm_while_firing(20));
}

#[test]
fn twin_a_timer_armed_again_for_a_time_that_has_passed() {
    fails("twin_a_timer_armed_again_for_a_time_that_has_passed", || rearm_while_firing(10));
}
