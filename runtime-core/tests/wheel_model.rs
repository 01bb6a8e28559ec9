//! The timer wheel against a `BTreeMap`, under random operations.
#![cfg(not(filch_loom))]
#![allow(unsafe_code, clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Wake, Waker};

use proptest::prelude::*;
use runtime_core::clock::{NEVER, Nanos};
use runtime_core::timer::{Entry, Inserted, State, Timers};
use runtime_sync::wake_batch::WakeBatch;

const TIMERS: usize = 24;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// A wheel whose entries are given back before they are freed.
struct Wheel {
    entries: Vec<Pin<Box<Entry>>>,
    wakes: Vec<Arc<Count>>,
    timers: Timers,
}

impl Wheel {
    fn new(entries: usize) -> Wheel {
        Wheel {
            entries: (0..entries).map(|_| Box::pin(Entry::new(NEVER, 0))).collect(),
            wakes: (0..entries).map(|_| Arc::default()).collect(),
            timers: Timers::new(),
        }
    }

    fn insert(&self, id: usize, deadline: Nanos) -> Inserted {
        let waker = Waker::from(self.wakes[id].clone());
        // SAFETY: removed in `Drop`; one wheel; one thread.
        unsafe { self.timers.insert(self.entries[id].as_ref(), deadline, &waker) }
    }

    fn remove(&self, id: usize) {
        // SAFETY: as above.
        unsafe { self.timers.remove(self.entries[id].as_ref()) }
    }

    fn reset(&self, id: usize, deadline: Nanos) -> bool {
        // SAFETY: as above.
        unsafe { self.timers.reset(self.entries[id].as_ref(), deadline, 0) }
    }

    fn expire(&self, now: Nanos) -> usize {
        let mut wakes = WakeBatch::new();
        let fired = self.timers.expire(now, &mut wakes);
        wakes.wake_all();
        fired
    }

    fn state(&self, id: usize) -> State {
        self.entries[id].state()
    }

    fn in_state(&self, state: State) -> BTreeSet<usize> {
        (0..self.entries.len()).filter(|&id| self.state(id) == state).collect()
    }

    fn wakes(&self, id: usize) -> usize {
        self.wakes[id].0.load(Relaxed)
    }
}

impl Drop for Wheel {
    fn drop(&mut self) {
        for id in 0..self.entries.len() {
            self.remove(id);
            assert_eq!(Arc::strong_count(&self.wakes[id]), 1, "a waker was kept");
        }
        assert!(self.timers.is_empty());
    }
}

/// Distances in time: around ticks, around the digits of the wheel, and anything at all.
fn distance() -> impl Strategy<Value = Nanos> {
    prop_oneof![
        3 => 0..40_000u64,
        3 => (0..62u32, -2..=2i64).prop_map(|(bit, by)| (1u64 << bit).saturating_add_signed(by)),
        3 => (0..8u32, 0..70u64, 0..16_384u64).prop_map(|(digit, n, rest)| (n << (14 + 6 * digit)) + rest),
        2 => 0..=10_000_000_000u64,
        1 => any::<u64>(),
        1 => Just(NEVER),
    ]
}

#[derive(Clone, Debug)]
enum Op {
    Insert(usize, Nanos),
    Remove(usize),
    Reset(usize, Nanos),
    Advance(Nanos),
    ToNext,
    ToEarliest,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..TIMERS, distance()).prop_map(|(id, by)| Op::Insert(id, by)),
        2 => (0..TIMERS).prop_map(Op::Remove),
        2 => (0..TIMERS, distance()).prop_map(|(id, by)| Op::Reset(id, by)),
        3 => distance().prop_map(|by| Op::Advance(by.min(1 << 58))),
        2 => Just(Op::ToNext),
        2 => Just(Op::ToEarliest),
    ]
}

/// What the wheel should do, in the plainest way.
#[derive(Default)]
struct Model {
    now: Nanos,
    armed: BTreeMap<usize, Nanos>,
    fired: BTreeSet<usize>,
}

impl Model {
    fn arm(&mut self, id: usize, deadline: Nanos) {
        self.fired.remove(&id);
        self.armed.insert(id, deadline);
    }

    fn earliest(&self) -> Option<Nanos> {
        self.armed.values().copied().filter(|&at| at != NEVER).min()
    }

    /// Moves on to `now`; says how many fired.
    fn advance(&mut self, now: Nanos) -> usize {
        self.now = now;
        let due: Vec<_> =
            self.armed.iter().filter(|&(_, &at)| at <= now).map(|(&id, _)| id).collect();
        for id in &due {
            self.armed.remove(id);
            self.fired.insert(*id);
        }
        due.len()
    }
}

fn run(ops: Vec<Op>) {
    let wheel = Wheel::new(TIMERS);
    let mut model = Model::default();
    let mut wakes = [0; TIMERS];
    for op in ops {
        let before = model.fired.clone();
        match op {
            Op::Insert(id, by) => {
                if !model.armed.contains_key(&id) {
                    let deadline = model.now.saturating_add(by);
                    match wheel.insert(id, deadline) {
                        Inserted::Armed { .. } => model.arm(id, deadline),
                        // The wheel knows of no time that has not been.
                        Inserted::Due => assert!(deadline <= model.now),
                        Inserted::Closed => unreachable!("nobody closes it"),
                    }
                }
            }
            Op::Remove(id) => {
                wheel.remove(id);
                model.armed.remove(&id);
                model.fired.remove(&id);
                assert_eq!(wheel.state(id), State::Idle);
            }
            Op::Reset(id, by) => {
                let deadline = model.now.saturating_add(by);
                wheel.reset(id, deadline);
                if model.armed.contains_key(&id) {
                    if wheel.state(id) == State::Fired {
                        assert!(deadline <= model.now);
                        model.armed.remove(&id);
                        model.fired.insert(id);
                    } else {
                        model.arm(id, deadline);
                    }
                } else {
                    model.fired.remove(&id);
                    assert_eq!(wheel.state(id), State::Idle);
                }
            }
            Op::Advance(by) => {
                let now = model.now.saturating_add(by).min(NEVER - 1);
                assert_eq!(wheel.expire(now), model.advance(now));
            }
            Op::ToNext => {
                if let Some(next) = wheel.timers.next_deadline() {
                    let now = next.max(model.now);
                    assert_eq!(wheel.expire(now), model.advance(now));
                }
            }
            Op::ToEarliest => {
                assert_eq!(wheel.timers.earliest(), model.earliest());
                if let Some(earliest) = model.earliest() {
                    let now = earliest.max(model.now);
                    let fired = wheel.expire(now);
                    assert!(fired > 0);
                    assert_eq!(fired, model.advance(now));
                }
            }
        }
        for id in model.fired.difference(&before) {
            wakes[*id] += 1;
        }
        assert_eq!(wheel.in_state(State::Fired), model.fired);
        assert_eq!(wheel.in_state(State::Armed), model.armed.keys().copied().collect());
        assert_eq!(wheel.timers.len(), model.armed.len());
        assert_eq!((0..TIMERS).map(|id| wheel.wakes(id)).collect::<Vec<_>>(), wakes);
        let next = wheel.timers.next_deadline();
        assert!(model.earliest().is_none_or(|earliest| next.is_some_and(|next| next <= earliest)));
    }
}

/// As many cases as `PROPTEST_CASES` says, else what takes a few seconds.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: cases.unwrap_or(1_000),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_wheel_fires_exactly_what_a_map_would(ops in prop::collection::vec(op(), 1..120)) {
        run(ops);
    }

    #[test]
    fn a_wheel_that_is_followed_by_its_hint_reaches_every_deadline_exactly(
        distances in prop::collection::vec(distance(), 1..200),
    ) {
        let wheel = Wheel::new(distances.len());
        let mut expected = BTreeMap::<Nanos, usize>::new();
        for (id, &deadline) in distances.iter().enumerate() {
            match wheel.insert(id, deadline) {
                Inserted::Armed { .. } if deadline != NEVER => *expected.entry(deadline).or_default() += 1,
                _ => {}
            }
        }
        let (mut calls, mut idle_calls) = (0, 0);
        while let Some(next) = wheel.timers.next_deadline() {
            calls += 1;
            let fired = wheel.expire(next);
            prop_assert_eq!(fired, expected.remove(&next).unwrap_or(0));
            if fired == 0 {
                idle_calls += 1;
            }
            prop_assert!(calls < 10_000);
        }
        prop_assert!(expected.is_empty());
        // Lists no longer than 32 cause none; longer ones at most one a level.
        prop_assert!(idle_calls <= 8 * (distances.len() / 33), "{} of {}", idle_calls, calls);
    }
}

#[test]
fn timers_of_one_tick_fire_each_at_its_own_nanosecond() {
    let wheel = Wheel::new(100);
    for id in 0..100 {
        assert!(matches!(wheel.insert(id, 16_384 + id as u64), Inserted::Armed { .. }));
    }
    for id in 0..100 {
        assert_eq!(wheel.timers.next_deadline(), Some(16_384 + id as u64));
        assert_eq!(wheel.expire(16_384 + id as u64), 1);
        assert_eq!(wheel.state(id), State::Fired);
    }
    assert_eq!(wheel.timers.next_deadline(), None);
}

#[test]
fn a_removed_timer_costs_one_look_and_no_more() {
    let wheel = Wheel::new(1);
    assert_eq!(wheel.insert(0, 1_000_000), Inserted::Armed { earliest: true });
    wheel.remove(0);
    // A later one under the stale hint needs nobody to be told.
    assert_eq!(wheel.insert(0, 2_000_000), Inserted::Armed { earliest: false });
    wheel.remove(0);
    assert_eq!(wheel.timers.next_deadline(), Some(1_000_000));
    assert_eq!(wheel.expire(1_000_000), 0);
    assert_eq!(wheel.timers.next_deadline(), None);
}

#[test]
fn timers_fire_in_the_order_of_their_ticks() {
    struct Log(usize, Arc<std::sync::Mutex<Vec<usize>>>);
    impl Wake for Log {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0);
        }
    }
    let wheel = Wheel::new(500);
    let log = Arc::<std::sync::Mutex<Vec<usize>>>::default();
    for id in (0..500).rev() {
        let waker = Waker::from(Arc::new(Log(id, log.clone())));
        let deadline = (id as u64 * id as u64 + 1) << 14;
        // SAFETY: removed in `Drop`; one wheel; one thread.
        let inserted = unsafe { wheel.timers.insert(wheel.entries[id].as_ref(), deadline, &waker) };
        assert!(matches!(inserted, Inserted::Armed { .. }));
    }
    assert_eq!(wheel.expire(1 << 40), 500);
    assert_eq!(*log.lock().unwrap(), (0..500).collect::<Vec<_>>());
}

#[test]
fn close_wakes_all_and_lets_none_in() {
    let wheel = Wheel::new(100);
    for id in 0..99 {
        let deadline = if id == 0 { NEVER } else { 1 << (id % 60) };
        assert!(matches!(wheel.insert(id, deadline), Inserted::Armed { .. }));
    }
    wheel.timers.close();
    assert!(wheel.timers.is_closed());
    assert_eq!(wheel.in_state(State::Closed).len(), 99);
    assert!((0..99).all(|id| wheel.wakes(id) == 1));
    assert_eq!(wheel.insert(99, 5), Inserted::Closed);
    assert_eq!(wheel.timers.next_deadline(), None);
    assert_eq!(wheel.expire(NEVER - 1), 0);
}

#[test]
fn a_waker_may_call_back_into_the_wheel() {
    /// Arms the next timer when it is woken, cloned or dropped: the lock must be free each time.
    struct Touch(Arc<Timers>);
    impl Wake for Touch {
        fn wake(self: Arc<Self>) {
            self.0.len();
        }
    }
    impl Drop for Touch {
        fn drop(&mut self) {
            self.0.len();
        }
    }
    let timers = Arc::new(Timers::new());
    let waker = || Waker::from(Arc::new(Touch(timers.clone())));
    let entry = Box::pin(Entry::new(NEVER, 0));
    let other = Box::pin(Entry::new(NEVER, 0));
    // SAFETY: removed below; one wheel; one thread.
    unsafe {
        assert!(matches!(timers.insert(entry.as_ref(), 5, &waker()), Inserted::Armed { .. }));
        assert_eq!(timers.update_waker(entry.as_ref(), &waker()), State::Armed);
        timers.remove(entry.as_ref());
        assert!(matches!(timers.insert(entry.as_ref(), 5, &waker()), Inserted::Armed { .. }));
        let mut wakes = WakeBatch::new();
        assert_eq!(timers.expire(5, &mut wakes), 1);
        wakes.wake_all();
        assert_eq!(timers.insert(other.as_ref(), 5, &waker()), Inserted::Due);
        assert!(matches!(timers.insert(other.as_ref(), 9, &waker()), Inserted::Armed { .. }));
        timers.reset(other.as_ref(), 1, 0);
        assert_eq!(other.state(), State::Fired);
        timers.reset(other.as_ref(), 9, 0);
        assert!(matches!(timers.insert(other.as_ref(), 9, &waker()), Inserted::Armed { .. }));
        timers.close();
        assert_eq!(timers.insert(entry.as_ref(), 50, &waker()), Inserted::Closed);
    }
}

/// A waker whose panic is followed by another one when the payload is dropped.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        std::panic::panic_any(PanicsAgain);
    }
}

struct PanicsAgain;

impl Drop for PanicsAgain {
    fn drop(&mut self) {
        panic!("a payload's own fault");
    }
}

/// 200 timers of which some panic: in the first batch of wakers, in a later one, and in the last.
fn with_bad_ones() -> (Wheel, [usize; 3]) {
    let (wheel, bad) = (Wheel::new(200), [3, 100, 199]);
    for id in 0..200 {
        if bad.contains(&id) {
            let waker = Waker::from(Arc::new(Panics));
            // SAFETY: removed in `Drop`; one wheel; one thread.
            let inserted = unsafe { wheel.timers.insert(wheel.entries[id].as_ref(), 100, &waker) };
            assert!(matches!(inserted, Inserted::Armed { .. }));
        } else {
            assert!(matches!(wheel.insert(id, 100), Inserted::Armed { .. }));
        }
    }
    (wheel, bad)
}

/// The first panic, and no other, comes out of `f`.
fn assert_panics(f: impl FnOnce()) {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_err();
    assert!(panic.is::<PanicsAgain>());
    std::mem::forget(panic);
}

#[test]
fn all_fire_although_wakers_panic() {
    let (wheel, bad) = with_bad_ones();
    assert_panics(|| _ = wheel.expire(100));
    assert_eq!(wheel.timers.next_deadline(), None);
    assert_eq!(wheel.in_state(State::Fired).len(), 200);
    assert!((0..200).all(|id| bad.contains(&id) || wheel.wakes(id) == 1));
}

#[test]
fn all_learn_of_the_close_although_wakers_panic() {
    let (wheel, bad) = with_bad_ones();
    assert_panics(|| wheel.timers.close());
    assert_eq!(wheel.in_state(State::Closed).len(), 200);
    assert!((0..200).all(|id| bad.contains(&id) || wheel.wakes(id) == 1));
}

#[test]
fn an_entry_is_small() {
    assert!(size_of::<Entry>() <= 48, "{}", size_of::<Entry>());
}
