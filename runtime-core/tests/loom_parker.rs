//! A sleep and the token that ends it, on a thread's own bed and on the reactor; and a new deadline
//! against the worker that goes to wait there.
//!
//! The reactor is a bell that stays rung until somebody heard it. The twins leave one step out and
//! must fail.
#![cfg(filch_loom)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support_loom;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering, fence};
use loom::thread;
use runtime_core::scheduler::idle::{Claimed, Idle};
use runtime_core::scheduler::parker::{Parker, Unpark};
use support_loom::fails;

/// Whoever sleeps on its own is woken, and sees what was written before.
fn on_its_own() {
    let shared = Arc::new((Parker::new(), AtomicUsize::new(0)));
    shared.0.settle();
    let waker = {
        let shared = shared.clone();
        thread::spawn(move || {
            shared.1.store(1, Ordering::Relaxed);
            assert_eq!(shared.0.unpark(), Unpark::Nothing);
        })
    };
    while !shared.0.park(thread::park) {}
    assert_eq!(shared.1.load(Ordering::Relaxed), 1);
    waker.join().unwrap();
}

#[test]
fn who_sleeps_on_its_own_is_woken() {
    loom::model(on_its_own);
}

trait Bed: Send + Sync + 'static {
    fn park_on_reactor(&self, sleep: impl FnOnce()) -> bool;
    fn unpark(&self) -> Unpark;
}

impl Bed for Parker {
    fn park_on_reactor(&self, sleep: impl FnOnce()) -> bool {
        Parker::park_on_reactor(self, sleep)
    }
    fn unpark(&self) -> Unpark {
        Parker::unpark(self)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mistake {
    None,
    /// Looks whether somebody sleeps, and sets the token in a second step.
    TwoSteps,
    /// Goes to sleep without a look at the token.
    BlindSleep,
    /// Takes the token without acquire.
    RelaxedToken,
}

/// 0 awake, 2 on the reactor, 3 token.
struct Planted {
    mistake: Mistake,
    state: AtomicU8,
}

impl Bed for Planted {
    fn park_on_reactor(&self, sleep: impl FnOnce()) -> bool {
        let blind = self.mistake == Mistake::BlindSleep;
        let order = match self.mistake {
            Mistake::RelaxedToken => Ordering::Relaxed,
            _ => Ordering::AcqRel,
        };
        let fell_asleep = match blind {
            true => self.state.swap(2, Ordering::AcqRel) != 2,
            false => self.state.compare_exchange(0, 2, order, Ordering::Relaxed).is_ok(),
        };
        if fell_asleep {
            sleep();
        }
        self.state.swap(0, order) == 3
    }

    fn unpark(&self) -> Unpark {
        let before = match self.mistake {
            Mistake::TwoSteps => {
                let before = self.state.load(Ordering::Acquire);
                self.state.swap(3, Ordering::AcqRel);
                before
            }
            _ => self.state.swap(3, Ordering::AcqRel),
        };
        if before == 2 { Unpark::WakeReactor } else { Unpark::Nothing }
    }
}

fn planted(mistake: Mistake) -> impl Fn() -> Planted + Copy + Send + Sync {
    move || Planted { mistake, state: AtomicU8::new(0) }
}

/// Two threads write and unpark. One token may stand for both, but what a writer wrote is seen after
/// the token that came last.
fn on_the_reactor<B: Bed>(bed: impl Fn() -> B) {
    struct Shared<B> {
        bed: B,
        bell: AtomicBool,
        written: [AtomicUsize; 2],
    }
    let written = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let shared = Arc::new(Shared { bed: bed(), bell: AtomicBool::new(false), written });
    let wakers = [0, 1].map(|n| {
        let shared = shared.clone();
        thread::spawn(move || {
            shared.written[n].store(1, Ordering::Relaxed);
            if shared.bed.unpark() == Unpark::WakeReactor {
                shared.bell.swap(true, Ordering::Relaxed);
            }
        })
    });
    // The sleep ends by the bell only; one that nobody ends exceeds the model's limit.
    let sleep = || {
        while !shared.bell.swap(false, Ordering::Relaxed) {
            thread::yield_now();
        }
    };
    let seen = || shared.written.iter().map(|n| n.load(Ordering::Relaxed)).sum::<usize>();
    let mut before = 0;
    while before < 2 {
        if shared.bed.park_on_reactor(sleep) {
            assert!(seen() > before || seen() == 2, "what was written before is not seen");
        }
        before = seen();
    }
    for waker in wakers {
        waker.join().unwrap();
    }
}

#[test]
fn who_sleeps_on_the_reactor_is_woken_and_a_token_is_kept() {
    loom::model(|| on_the_reactor(Parker::new));
    loom::model(|| on_the_reactor(planted(Mistake::None)));
}

#[test]
fn twins_that_lose_the_token_or_what_came_with_it() {
    assert!(fails(|| on_the_reactor(planted(Mistake::TwoSteps))));
    assert!(fails(|| on_the_reactor(planted(Mistake::BlindSleep))));
    assert!(fails(|| on_the_reactor(planted(Mistake::RelaxedToken))));
}

/// A worker looks outside beside the one that sleeps there, and so hears the bell that was meant for that
/// one: `Driver::glance_beside` rings it once more.
fn beside_a_sleeper(rings_again: bool) {
    let shared = Arc::new((Parker::new(), AtomicBool::new(false)));
    let waker = {
        let shared = shared.clone();
        thread::spawn(move || {
            if shared.0.unpark() == Unpark::WakeReactor {
                shared.1.swap(true, Ordering::Relaxed);
            }
        })
    };
    let glancer = {
        let shared = shared.clone();
        thread::spawn(move || {
            if shared.1.swap(false, Ordering::Relaxed) && rings_again {
                shared.1.swap(true, Ordering::Relaxed);
            }
        })
    };
    let sleep = || {
        while !shared.1.swap(false, Ordering::Relaxed) {
            thread::yield_now();
        }
    };
    while !shared.0.park_on_reactor(sleep) {}
    waker.join().unwrap();
    glancer.join().unwrap();
}

#[test]
fn who_looks_beside_a_sleeper_leaves_it_its_bell() {
    loom::model(|| beside_a_sleeper(true));
}

#[test]
fn twin_that_hears_the_bell_for_itself() {
    assert!(fails(|| beside_a_sleeper(false)));
}

/// The steps of `Worker::wait_outside` against those of `Scheduler::recompute_deadline`: a worker goes
/// to wait on the reactor while a timer, for which nobody else looks, becomes the earliest.
fn new_deadline(fenced: bool, wakes_sleepers: bool) {
    const NEVER: usize = usize::MAX;
    struct Shared {
        idle: Idle,
        parker: Parker,
        waiting: AtomicUsize,
        deadline: AtomicUsize,
        bell: AtomicBool,
    }
    let shared = Arc::new(Shared {
        idle: Idle::new(1, 1),
        parker: Parker::new(),
        waiting: AtomicUsize::new(0),
        deadline: AtomicUsize::new(NEVER),
        bell: AtomicBool::new(false),
    });
    assert_eq!(shared.idle.rise(0), Claimed::No);
    let inserter = {
        let shared = shared.clone();
        thread::spawn(move || {
            shared.deadline.store(1, Ordering::Relaxed);
            if fenced {
                fence(Ordering::SeqCst);
            }
            let claimed = if shared.waiting.load(Ordering::Relaxed) != 0 {
                shared.bell.swap(true, Ordering::Relaxed);
                None
            } else if wakes_sleepers && !shared.idle.somebody_awake() {
                shared.idle.claim_any(None)
            } else {
                None
            };
            if claimed.is_some() && shared.parker.unpark() == Unpark::WakeReactor {
                shared.bell.swap(true, Ordering::Relaxed);
            }
        })
    };
    shared.idle.lie_down(0, false);
    shared.waiting.swap(1, Ordering::AcqRel);
    fence(Ordering::SeqCst);
    let mut limit = 0;
    let _token = shared.parker.park_on_reactor(|| limit = shared.deadline.load(Ordering::Relaxed));
    inserter.join().unwrap();
    // It would sleep until its limit, or until the bell is rung, now or a little later.
    assert!(limit != NEVER || shared.bell.load(Ordering::Relaxed), "nobody looks at the deadline");
}

#[test]
fn a_new_deadline_is_seen_by_the_one_who_waits_on_the_reactor() {
    loom::model(|| new_deadline(true, true));
}

#[test]
fn twin_whose_deadline_passes_no_fence() {
    assert!(fails(|| new_deadline(false, true)));
}

#[derive(Clone, Copy, PartialEq)]
enum Lingers {
    /// Takes the token before it looks for work.
    Right,
    /// Clears the token in a second step, after the look.
    LooksFirst,
    /// Takes the token and sees nothing of what came with it.
    WithoutAcquire,
}

/// A worker that lingers takes tokens without going to sleep, and looks for work after each. A pusher
/// that comes twice is never slept through.
fn who_lingers(how: Lingers) {
    struct Shared {
        parker: Parker,
        state: AtomicU8,
        pushed: AtomicUsize,
    }
    let (parker, state) = (Parker::new(), AtomicU8::new(0));
    let shared = Arc::new(Shared { parker, state, pushed: AtomicUsize::new(0) });
    shared.parker.settle();
    let pusher = {
        let shared = shared.clone();
        thread::spawn(move || {
            for n in 1..=2 {
                // Release and acquire come from the token, not from here.
                shared.pushed.store(n, Ordering::Relaxed);
                match how {
                    Lingers::Right => drop(shared.parker.unpark()),
                    _ => drop(shared.state.swap(3, Ordering::AcqRel)),
                }
            }
        })
    };
    let take = || match how {
        Lingers::Right => shared.parker.take_token(),
        _ => shared.state.compare_exchange(3, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok(),
    };
    let pushed = || shared.pushed.load(Ordering::Relaxed);
    let mut seen = 0;
    for _ in 0..2 {
        if how == Lingers::LooksFirst {
            seen = pushed();
            take();
        } else if take() {
            let now = pushed();
            assert!(now > seen || now == 2, "the token came without its push");
            seen = now;
        }
    }
    pusher.join().unwrap();
    let called = match how {
        Lingers::Right => shared.parker.take_token(),
        _ => shared.state.swap(0, Ordering::AcqRel) == 3,
    };
    assert!(called || seen == 2, "it would sleep through a push");
}

#[test]
fn a_worker_that_lingers_sees_what_came_with_the_token() {
    loom::model(|| who_lingers(Lingers::Right));
}

#[test]
fn one_that_looks_before_it_takes_the_token_does_not() {
    assert!(fails(|| who_lingers(Lingers::LooksFirst)));
}

#[test]
fn one_that_takes_the_token_without_acquire_does_not() {
    assert!(fails(|| who_lingers(Lingers::WithoutAcquire)));
}
