//! Who sleeps and whom to wake: what is pushed is seen by somebody before all sleep, and the book's
//! counts are right in the end.
//!
//! The queue is the model's own and as weak as can be: all its order comes from the book's fences.
//! "To sleep" is to end one's thread; who is found unparked in the end goes on. The twins use a copy
//! of the book with one mistake, or leave a step out, and must fail.
#![cfg(filch_loom)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support_loom;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering, fence};
use loom::thread;
use runtime_core::scheduler::idle::{Claimed, Idle};
use runtime_core::scheduler::parker::{Parker, Unpark};
use support_loom::fails;

trait Book: Send + Sync + 'static {
    fn lie_down(&self, worker: usize, searching: bool);
    fn rise(&self, worker: usize) -> Claimed;
    fn must_wake(&self) -> bool;
    fn claim_any(&self) -> Option<usize>;
    fn claim(&self, worker: usize) -> bool;
    fn join(&self);
    fn leave(&self) -> bool;
    fn is_at_rest(&self, workers: usize) -> bool;
}

impl Book for Idle {
    fn lie_down(&self, worker: usize, searching: bool) {
        Idle::lie_down(self, worker, searching);
    }
    fn rise(&self, worker: usize) -> Claimed {
        Idle::rise(self, worker)
    }
    fn must_wake(&self) -> bool {
        Idle::must_wake(self)
    }
    fn claim_any(&self) -> Option<usize> {
        Idle::claim_any(self, None)
    }
    fn claim(&self, worker: usize) -> bool {
        Idle::claim(self, worker)
    }
    fn join(&self) {
        Idle::join(self);
    }
    fn leave(&self) -> bool {
        Idle::leave(self)
    }
    fn is_at_rest(&self, workers: usize) -> bool {
        !self.somebody_awake()
            && !self.somebody_searches()
            && (0..workers).all(|worker| self.sleeps(worker))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mistake {
    None,
    /// No fence between lying down and the last look.
    SleeperWithoutFence,
    /// No fence between a push and the look at the book.
    PusherWithoutFence,
    /// Who rises counts itself although it was claimed and counted.
    CountedTwice,
}

const SEARCHING: usize = 1 << 16;

struct Planted {
    mistake: Mistake,
    counts: AtomicUsize,
    sleepers: AtomicUsize,
}

impl Planted {
    fn new(mistake: Mistake, workers: usize) -> Planted {
        let sleepers = AtomicUsize::new((1 << workers) - 1);
        Planted { mistake, counts: AtomicUsize::new(0), sleepers }
    }

    fn take(&self, worker: usize) -> bool {
        self.sleepers.fetch_and(!(1 << worker), Ordering::AcqRel) & (1 << worker) != 0
    }
}

impl Book for Planted {
    fn lie_down(&self, worker: usize, searching: bool) {
        self.sleepers.fetch_or(1 << worker, Ordering::AcqRel);
        self.counts.fetch_sub(1 + if searching { SEARCHING } else { 0 }, Ordering::AcqRel);
        if self.mistake != Mistake::SleeperWithoutFence {
            fence(Ordering::SeqCst);
        }
    }

    fn rise(&self, worker: usize) -> Claimed {
        let by_waker = !self.take(worker);
        if !by_waker || self.mistake == Mistake::CountedTwice {
            self.counts.fetch_add(1, Ordering::AcqRel);
        }
        if by_waker { Claimed::ByWaker } else { Claimed::No }
    }

    fn must_wake(&self) -> bool {
        if self.mistake != Mistake::PusherWithoutFence {
            fence(Ordering::SeqCst);
        }
        self.counts.load(Ordering::Relaxed) % SEARCHING == 0
    }

    fn claim_any(&self) -> Option<usize> {
        (0..2).find(|&worker| self.claim(worker))
    }

    fn claim(&self, worker: usize) -> bool {
        let claimed = self.take(worker);
        if claimed {
            self.counts.fetch_add(1 + SEARCHING, Ordering::AcqRel);
        }
        claimed
    }

    fn join(&self) {
        self.counts.fetch_add(1, Ordering::AcqRel);
    }

    fn leave(&self) -> bool {
        self.counts.fetch_sub(1, Ordering::AcqRel);
        self.must_wake()
    }

    fn is_at_rest(&self, workers: usize) -> bool {
        self.counts.load(Ordering::Acquire) == 0
            && self.sleepers.load(Ordering::Acquire) == (1 << workers) - 1
    }
}

fn planted(mistake: Mistake) -> impl Fn(usize) -> Planted + Copy + Send + Sync {
    move |workers| Planted::new(mistake, workers)
}

fn real(workers: usize) -> Idle {
    Idle::new(workers, workers)
}

struct Office<B> {
    book: B,
    queue: AtomicUsize,
    inbox: AtomicUsize,
    parkers: Vec<Parker>,
    looks_again: bool,
}

impl<B: Book> Office<B> {
    /// All workers sleep.
    fn new(book: B, workers: usize) -> Office<B> {
        Office {
            book,
            queue: AtomicUsize::new(0),
            inbox: AtomicUsize::new(0),
            parkers: (0..workers).map(|_| Parker::new()).collect(),
            looks_again: true,
        }
    }

    fn push(&self) {
        self.queue.fetch_add(1, Ordering::Relaxed);
        if self.book.must_wake() {
            self.wake_one();
        }
    }

    fn wake_one(&self) {
        if let Some(worker) = self.book.claim_any() {
            self.unpark(worker);
        }
    }

    fn unpark(&self, worker: usize) {
        assert_eq!(self.parkers[worker].unpark(), Unpark::Nothing);
    }

    /// As `Scheduler::push_pinned`, to worker 0.
    fn push_pinned(&self) {
        self.inbox.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if self.book.claim(0) {
            self.unpark(0);
        }
    }

    fn pop(&self, worker: usize) -> bool {
        let one = |queue: &AtomicUsize| {
            queue.load(Ordering::Relaxed) > 0
                && queue
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                    .is_ok()
        };
        one(&self.queue) || worker == 0 && one(&self.inbox)
    }

    fn is_called(&self, worker: usize) -> bool {
        self.queue.load(Ordering::Relaxed) > 0
            || worker == 0 && self.inbox.load(Ordering::Relaxed) > 0
    }

    /// The life of a worker from when it is awake until it sleeps.
    fn work(&self, worker: usize, mut searching: bool) {
        loop {
            while self.pop(worker) {}
            self.book.lie_down(worker, searching);
            let sleeps = !self.looks_again || !self.is_called(worker);
            if sleeps && !self.parkers[worker].park(|| ()) {
                return;
            }
            searching = self.book.rise(worker) == Claimed::ByWaker;
        }
    }

    fn get_up_and_work(&self, worker: usize) {
        let searching = self.book.rise(worker) == Claimed::ByWaker;
        self.work(worker, searching);
    }

    /// Everybody sleeps, or was unparked and goes on now: nothing may be left in the end.
    fn end(&self) {
        for worker in 0..self.parkers.len() {
            if self.parkers[worker].park(|| ()) {
                self.get_up_and_work(worker);
            }
        }
        assert_eq!(self.queue.load(Ordering::Relaxed), 0, "the wake is lost");
        assert_eq!(self.inbox.load(Ordering::Relaxed), 0, "the pinned wake is lost");
        assert!(self.book.is_at_rest(self.parkers.len()), "the counts are wrong");
    }
}

type Step<B> = fn(&Office<B>);

/// Runs the steps against each other, the first on this thread.
fn run<B: Book>(office: Office<B>, first: Step<B>, others: &[Step<B>]) {
    let office = Arc::new(office);
    let threads: Vec<_> = others
        .iter()
        .map(|&step| {
            let office = office.clone();
            thread::spawn(move || step(&office))
        })
        .collect();
    first(&office);
    for thread in threads {
        thread.join().unwrap();
    }
    office.end();
}

/// A worker lies down while two outsiders push.
fn two_pushers<B: Book>(book: impl Fn(usize) -> B, looks_again: bool) {
    let mut office = Office::new(book(1), 1);
    office.looks_again = looks_again;
    run(office, |o| o.get_up_and_work(0), &[Office::push, Office::push]);
}

#[test]
fn a_push_is_seen_by_a_worker_that_lies_down() {
    loom::model(|| two_pushers(real, true));
    loom::model(|| two_pushers(planted(Mistake::None), true));
}

#[test]
fn twins_without_a_last_look_or_a_fence() {
    assert!(fails(|| two_pushers(real, false)));
    assert!(fails(|| two_pushers(planted(Mistake::SleeperWithoutFence), true)));
    assert!(fails(|| two_pushers(planted(Mistake::PusherWithoutFence), true)));
}

/// Two workers lie down while an outsider pushes.
fn two_workers<B: Book>(book: impl Fn(usize) -> B) {
    let office = Office::new(book(2), 2);
    run(office, Office::push, &[|o| o.get_up_and_work(0), |o| o.get_up_and_work(1)]);
}

#[test]
fn a_push_is_seen_by_one_of_two_workers() {
    loom::model(|| two_workers(real));
}

#[test]
fn twin_of_two_workers_without_a_fence() {
    assert!(fails(|| two_workers(planted(Mistake::SleeperWithoutFence))));
}

/// A worker rises by itself, for a timer, while an outsider claims it.
fn rise_meets_claim<B: Book>(book: impl Fn(usize) -> B) {
    let office = Office::new(book(1), 1);
    run(office, |o| o.get_up_and_work(0), &[Office::wake_one]);
}

#[test]
fn who_rises_while_it_is_claimed_is_counted_once() {
    loom::model(|| rise_meets_claim(real));
}

#[test]
fn twin_that_counts_a_claimed_worker_twice() {
    assert!(fails(|| rise_meets_claim(planted(Mistake::CountedTwice))));
}

/// A pinned task is woken from outside while its worker lies down and another push claims a worker.
fn pinned<B: Book>(book: impl Fn(usize) -> B) {
    let office = Office::new(book(1), 1);
    run(office, |o| o.get_up_and_work(0), &[Office::push_pinned, Office::push]);
}

#[test]
fn a_pinned_wake_is_seen_by_its_worker() {
    loom::model(|| pinned(real));
}

#[test]
fn twin_of_the_pinned_wake_without_a_fence() {
    assert!(fails(|| pinned(planted(Mistake::SleeperWithoutFence))));
}

/// A substitute comes, finds nothing and goes without lying down, while an outsider pushes.
fn substitute<B: Book>(book: impl Fn(usize) -> B, wakes: bool) {
    let office = Office::new(book(1), 1);
    let life: Step<B> = match wakes {
        true => |o| {
            o.book.join();
            if o.book.leave() {
                o.wake_one();
            }
        },
        false => |o| {
            o.book.join();
            o.book.leave();
        },
    };
    run(office, life, &[Office::push]);
}

#[test]
fn a_substitute_that_goes_passes_the_look_on() {
    loom::model(|| substitute(real, true));
}

#[test]
fn twin_whose_substitute_goes_without_a_word() {
    assert!(fails(|| substitute(real, false)));
}
