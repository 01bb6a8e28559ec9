//! A promise is kept once, and everybody who waits learns of it; random programs against a plain model.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use filch::callback::CallbackId;
use filch::cancel::CancelReason;
use filch::promise::{InvalidState, NotReady, Promise, PromiseError, SharedFuture};
use filch::runtime::{Handle, Runtime};
use filch::task::yield_now;
use filch::time::{Duration, sleep, timeout};
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use support::{
    Bell, Census, ON_PURPOSE, OnWake, PanicsOnDrop, current, multi, on_each_flavour, panic_here,
    panic_of, poll_with, until, watch,
};

type Said = Result<u32, PromiseError<&'static str>>;
type Settle = fn(Promise<u32, &'static str>);

fn promise() -> (Promise<u32, &'static str>, SharedFuture<u32, &'static str>) {
    let promise = Promise::new();
    let future = promise.future();
    (promise, future)
}

#[test]
fn everybody_who_waits_gets_a_clone_of_the_outcome() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let ways: [(Settle, Said); 4] = [
            (|promise| promise.set_result(1).unwrap(), Ok(1)),
            (|promise| promise.set_error("no").unwrap(), Err(PromiseError::Error("no"))),
            (
                |promise| assert!(promise.cancel("enough")),
                Err(PromiseError::Cancelled(CancelReason::from("enough"))),
            ),
            (drop, Err(PromiseError::Broken)),
        ];
        for (settle, outcome) in ways {
            let (promise, future) = promise();
            let waiters: Vec<_> = (0..10).map(|_| runtime.spawn(future.clone())).collect();
            runtime.block_on(yield_now());
            assert!(!future.done() && future.result() == Err(NotReady));
            settle(promise);
            for waiter in waiters {
                assert_eq!(runtime.block_on(waiter).unwrap(), outcome);
            }
            assert_eq!(future.result(), Ok(outcome.clone()));
            assert_eq!(future.cancelled(), matches!(outcome, Err(PromiseError::Cancelled(_))));
            // Also those who come later, and as often as they like.
            let mut late = future.clone();
            assert_eq!(runtime.block_on(&mut late), outcome);
            assert_eq!(runtime.block_on(late), outcome);
        }
    });
}

#[test]
fn the_second_outcome_is_given_back() {
    let _watch = watch();
    let (promise, future) = promise();
    promise.set_result(1).unwrap();
    assert_eq!(promise.set_result(2), Err(InvalidState(2)));
    assert_eq!(promise.set_error("no"), Err(InvalidState("no")));
    assert!(!promise.cancel("too late") && !future.cancel("too late"));
    assert!(promise.done() && !promise.cancelled());
    drop(promise);
    assert_eq!(future.result(), Ok(Ok(1)));
}

#[test]
fn whoever_waits_may_cancel_for_all_and_the_promise_learns_of_it() {
    let _watch = watch();
    current().block_on(async {
        let (promise, future) = promise();
        let task = filch::spawn(future.clone());
        let canceller = filch::spawn({
            let future = future.clone();
            async move { future.cancel("I have seen enough") }
        });
        let by = canceller.id();
        assert!(canceller.await.unwrap());
        assert!(promise.cancelled() && future.cancelled());
        let error = task.await.unwrap().unwrap_err();
        assert!(error.is_cancelled() && !error.is_broken());
        let reason = error.reason().unwrap();
        assert_eq!((reason.message(), reason.task()), (Some("I have seen enough"), Some(by)));
        assert_eq!(promise.set_result(1), Err(InvalidState(1)));
    });
}

#[filch::test(start_paused = true)]
async fn giving_up_a_wait_has_no_effect_on_others() {
    let (promise, mut future) = promise();
    let other = filch::spawn(future.clone());
    assert!(timeout(Duration::from_secs(1), &mut future).await.is_err());
    assert!(timeout(Duration::from_secs(1), future.clone()).await.is_err());
    let cancelled = filch::spawn(future.clone());
    yield_now().await;
    cancelled.abort();
    assert!(cancelled.await.unwrap_err().is_cancelled());
    filch::spawn(async move {
        sleep(Duration::from_secs(1)).await;
        promise.set_result(1).unwrap();
    });
    assert_eq!(future.await, Ok(1));
    assert_eq!(other.await.unwrap(), Ok(1));
}

#[test]
fn the_newest_waker_is_woken_once_and_none_is_kept() {
    let _watch = watch();
    let (promise, mut future) = promise();
    let (old, old_waker) = Bell::new();
    let (new, new_waker) = Bell::new();
    assert!(poll_with(&mut future, &old_waker).is_pending());
    assert!(poll_with(&mut future, &new_waker).is_pending());
    let (gone, gone_waker) = Bell::new();
    let mut leaver = future.clone();
    assert!(poll_with(&mut leaver, &gone_waker).is_pending());
    drop((leaver, gone_waker, old_waker, new_waker));
    assert_eq!(Arc::strong_count(&gone), 1, "a waker stays behind");
    promise.set_result(1).unwrap();
    assert_eq!((old.rang(), new.rang(), gone.rang()), (0, 1, 0));
    assert_eq!((Arc::strong_count(&old), Arc::strong_count(&new)), (1, 1));
    assert_eq!(poll_with(&mut future, Waker::noop()), Poll::Ready(Ok(1)));
}

#[test]
fn a_wait_that_is_always_ready_lets_others_in() {
    let _watch = watch();
    current().block_on(async {
        let (promise, future) = promise();
        promise.set_result(1).unwrap();
        let other = filch::spawn(async {});
        let busy = filch::spawn(async move {
            while !other.is_finished() {
                let _ = future.clone().await;
            }
        });
        busy.await.unwrap();
    });
}

#[test]
fn the_value_lives_as_long_as_somebody_can_ask_for_it() {
    let _watch = watch();
    let census = Census::default();
    let promise = Promise::<Arc<support::Citizen>, ()>::new();
    let (one, two) = (promise.future(), promise.future());
    assert!(promise.set_result(Arc::new(census.guard())).is_ok());
    drop((promise, one));
    assert_eq!(census.dead(), 0);
    drop(two);
    assert_eq!(census.dead(), 1);
}

// ── callbacks ────────────────────────────────────────────────────────────────────────────────────

#[test]
fn callbacks_see_the_outcome_in_the_order_of_their_registration() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let (promise, future) = promise();
        let log = Arc::new(Mutex::new(Vec::new()));
        let add = |number: u32| {
            let log = log.clone();
            future.add_done_callback(move |future| {
                log.lock().unwrap().push((number, future.result().unwrap()));
            })
        };
        let entered = runtime.enter();
        let ids: Vec<CallbackId> = (0..5).map(add).collect();
        assert!(future.remove_done_callback(ids[1]) && !future.remove_done_callback(ids[1]));
        assert!(!promise.future().remove_done_callback(ids[1]));
        promise.set_result(7).unwrap();
        assert!(!future.remove_done_callback(ids[2]), "it is on its way");
        add(5);
        drop(entered);
        runtime.block_on(async {
            while log.lock().unwrap().len() < 5 {
                yield_now().await;
            }
        });
        let seen = log.lock().unwrap().clone();
        assert_eq!(seen, [0, 2, 3, 4, 5].map(|number| (number, Ok(7))));
    });
}

#[test]
fn a_callback_is_not_called_by_whoever_sets() {
    let _watch = watch();
    let runtime = current();
    let called = Arc::new(AtomicUsize::new(0));
    let (promise, future) = promise();
    {
        let _here = runtime.enter();
        let called = called.clone();
        future.add_done_callback(move |_| _ = called.fetch_add(1, SeqCst));
    }
    drop(promise);
    assert_eq!(called.load(SeqCst), 0);
    runtime.block_on(async {
        while called.load(SeqCst) == 0 {
            yield_now().await;
        }
    });
}

#[test]
fn a_callback_needs_a_runtime() {
    let _watch = watch();
    let (_promise, future) = promise();
    assert!(panic_here(|| future.add_done_callback(|_| ())).contains("no filch runtime"));
}

#[test]
fn a_callback_that_holds_its_own_future_is_let_go() {
    let _watch = watch();
    let census = Census::default();
    let runtime = current();
    let (promise, future) = promise();
    {
        let _here = runtime.enter();
        let (own, citizen) = (future.clone(), census.guard());
        future.add_done_callback(move |_| drop((own, citizen)));
    }
    drop((promise, future));
    runtime.block_on(yield_now());
    drop(runtime);
    assert_eq!(census.dead(), 1);
}

#[test]
fn a_waker_that_panics_keeps_nobody_from_learning() {
    let _watch = watch();
    let runtime = current();
    let _here = runtime.enter();
    let (promise, future) = promise();
    let panics = Waker::from(Arc::new(OnWake(|| panic!("{ON_PURPOSE}"))));
    let (bell, waker) = Bell::new();
    let mut waiters = [future.clone(), future.clone()];
    assert!(poll_with(&mut waiters[0], &panics).is_pending());
    assert!(poll_with(&mut waiters[1], &waker).is_pending());
    let called = Arc::new(AtomicUsize::new(0));
    {
        let called = called.clone();
        future.add_done_callback(move |_| _ = called.fetch_add(1, SeqCst));
    }
    assert!(panic_of(|| promise.set_result(1)).starts_with(ON_PURPOSE));
    assert_eq!((bell.rang(), future.result()), (1, Ok(Ok(1))));
    runtime.block_on(async {
        while called.load(SeqCst) == 0 {
            yield_now().await;
        }
    });
    // A promise that is dropped does not panic.
    let (promise, mut future) = self::promise();
    assert!(poll_with(&mut future, &panics).is_pending());
    drop(promise);
    assert_eq!(future.result(), Ok(Err(PromiseError::Broken)));
}

#[test]
fn a_value_whose_drop_panics_is_the_last_owners_business() {
    let _watch = watch();
    let promise = Promise::<Arc<PanicsOnDrop>, ()>::new();
    let future = promise.future();
    assert!(promise.set_result(Arc::new(PanicsOnDrop)).is_ok());
    drop(promise);
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(future)));
    assert!(dropped.is_err());
}

// ── races ────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn of_several_who_set_one_wins_and_the_others_get_their_values_back() {
    let _watch = watch();
    for _ in 0..200 {
        let promise = Arc::new(Promise::<u32, &str>::new());
        let future = promise.future();
        let threads: Vec<_> = (0..3)
            .map(|number| {
                let promise = promise.clone();
                thread::spawn(move || (number, promise.set_result(number)))
            })
            .collect();
        let (mut won, mut lost) = (Vec::new(), 0);
        for thread in threads {
            match thread.join().unwrap() {
                (number, Ok(())) => won.push(number),
                (number, Err(InvalidState(back))) => {
                    assert_eq!(number, back);
                    lost += 1;
                }
            }
        }
        assert_eq!((won.len(), lost), (1, 2));
        assert_eq!(future.result(), Ok(Ok(won[0])));
    }
}

#[test]
fn registering_while_the_outcome_comes_loses_nothing_and_keeps_the_order() {
    let _watch = watch();
    let runtime = multi(2);
    for round in 0..200 {
        let (promise, future) = promise();
        let log = Arc::new(Mutex::new(Vec::new()));
        let setter = thread::spawn(move || {
            (0..round % 7).for_each(|_| thread::yield_now());
            promise.set_result(1).unwrap();
        });
        let _here = runtime.enter();
        for number in 0..20 {
            let log = log.clone();
            future.add_done_callback(move |_| log.lock().unwrap().push(number));
        }
        setter.join().unwrap();
        until(|| log.lock().unwrap().len() == 20);
        assert_eq!(*log.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }
}

// ── random programs ──────────────────────────────────────────────────────────────────────────────

#[derive(Clone, Copy, Debug)]
enum Step {
    SetResult(u32),
    SetError,
    Cancel,
    CancelFuture,
    DropPromise,
    /// A new future.
    Clone,
    /// The one of this number, modulo how many there are.
    Poll(usize),
    DropFuture(usize),
    AddCallback,
    RemoveCallback(usize),
    /// Lets the runtime call what waits.
    Run,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..9u32).prop_map(Step::SetResult),
        1 => Just(Step::SetError),
        1 => Just(Step::Cancel),
        1 => Just(Step::CancelFuture),
        1 => Just(Step::DropPromise),
        4 => Just(Step::Clone),
        8 => (0..8usize).prop_map(Step::Poll),
        3 => (0..8usize).prop_map(Step::DropFuture),
        5 => Just(Step::AddCallback),
        3 => (0..8usize).prop_map(Step::RemoveCallback),
        3 => Just(Step::Run),
    ]
}

/// One future, and what is to be known about it.
struct Waiter {
    future: SharedFuture<u32, &'static str>,
    bell: Arc<Bell>,
    waker: Waker,
    waits: bool,
    rings: usize,
}

impl Waiter {
    fn new(future: SharedFuture<u32, &'static str>) -> Waiter {
        let (bell, waker) = Bell::new();
        Waiter { future, bell, waker, waits: false, rings: 0 }
    }
}

/// The real thing beside the plain one.
struct World {
    runtime: Runtime,
    promise: Option<Promise<u32, &'static str>>,
    /// Never polled, so that there is always one to clone.
    origin: SharedFuture<u32, &'static str>,
    waiters: Vec<Waiter>,
    outcome: Option<Said>,
    /// Those that wait for the outcome: number and name.
    callbacks: Vec<(usize, CallbackId)>,
    registered: usize,
    expected: Vec<usize>,
    queued: usize,
    called: Arc<Mutex<Vec<(usize, Said)>>>,
}

impl World {
    fn new() -> World {
        let (promise, origin) = promise();
        World {
            runtime: current(),
            promise: Some(promise),
            waiters: vec![Waiter::new(origin.clone())],
            origin,
            outcome: None,
            callbacks: Vec::new(),
            registered: 0,
            expected: Vec::new(),
            queued: 0,
            called: Arc::default(),
        }
    }

    /// What the plain model makes of an outcome: true if it is the first.
    fn settle(&mut self, outcome: Said) -> bool {
        if self.outcome.is_some() {
            return false;
        }
        self.outcome = Some(outcome);
        for waiter in &mut self.waiters {
            waiter.rings += usize::from(std::mem::take(&mut waiter.waits));
        }
        self.expected.extend(self.callbacks.drain(..).map(|callback| callback.0));
        true
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::SetResult(value) => {
                let Some(promise) = self.promise.take() else { return };
                let set = promise.set_result(value);
                let first = self.settle(Ok(value));
                assert_eq!(set, if first { Ok(()) } else { Err(InvalidState(value)) });
                self.promise = Some(promise);
            }
            Step::SetError => {
                let Some(promise) = self.promise.take() else { return };
                let set = promise.set_error("no").is_ok();
                assert_eq!(set, self.settle(Err(PromiseError::Error("no"))));
                self.promise = Some(promise);
            }
            Step::Cancel => {
                let Some(promise) = self.promise.take() else { return };
                let reason = CancelReason::from("stop");
                let cancelled = promise.cancel(reason.clone());
                assert_eq!(cancelled, self.settle(Err(PromiseError::Cancelled(reason))));
                self.promise = Some(promise);
            }
            Step::CancelFuture => {
                let reason = CancelReason::from("I stop");
                let cancelled = self.origin.cancel(reason.clone());
                assert_eq!(cancelled, self.settle(Err(PromiseError::Cancelled(reason))));
            }
            Step::DropPromise => {
                if let Some(promise) = self.promise.take() {
                    drop(promise);
                    self.settle(Err(PromiseError::Broken));
                }
            }
            Step::Clone => self.waiters.push(Waiter::new(self.origin.clone())),
            Step::Poll(at) => {
                let count = self.waiters.len();
                let Some(waiter) = self.waiters.get_mut(at % count.max(1)) else { return };
                let polled = poll_with(&mut waiter.future, &waiter.waker);
                match &self.outcome {
                    None => {
                        assert!(polled.is_pending());
                        waiter.waits = true;
                    }
                    Some(outcome) => assert_eq!(polled, Poll::Ready(outcome.clone())),
                }
            }
            Step::DropFuture(at) => {
                if !self.waiters.is_empty() {
                    let waiter = self.waiters.remove(at % self.waiters.len());
                    let bell = waiter.bell.clone();
                    drop(waiter);
                    assert_eq!(Arc::strong_count(&bell), 1, "a waker stays behind");
                }
            }
            Step::AddCallback => {
                let _here = self.runtime.enter();
                let (number, called) = (self.registered, self.called.clone());
                self.registered += 1;
                let id = self.origin.add_done_callback(move |future| {
                    called.lock().unwrap().push((number, future.result().unwrap()));
                });
                match self.outcome {
                    None => self.callbacks.push((number, id)),
                    Some(_) => self.expected.push(number),
                }
            }
            Step::RemoveCallback(at) => {
                if !self.callbacks.is_empty() {
                    let (_, id) = self.callbacks.remove(at % self.callbacks.len());
                    assert!(self.origin.remove_done_callback(id));
                    assert!(!self.origin.remove_done_callback(id));
                }
            }
            Step::Run => {
                self.queued = self.expected.len();
                let (queued, called) = (self.queued, self.called.clone());
                self.runtime.block_on(async move {
                    while called.lock().unwrap().len() < queued {
                        yield_now().await;
                    }
                });
            }
        }
    }

    fn check(&self) {
        assert_eq!(self.origin.result().ok(), self.outcome);
        assert_eq!(self.origin.done(), self.outcome.is_some());
        let cancelled = matches!(self.outcome, Some(Err(PromiseError::Cancelled(_))));
        assert_eq!(self.origin.cancelled(), cancelled);
        for waiter in &self.waiters {
            assert_eq!(waiter.bell.rang(), waiter.rings, "woken for nothing, or not");
        }
        let called = self.called.lock().unwrap();
        assert_eq!(called.len(), self.queued, "called too soon, or not");
        for (at, (number, outcome)) in called.iter().enumerate() {
            assert_eq!((*number, Some(outcome)), (self.expected[at], self.outcome.as_ref()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn promise_is_like_a_plain_one(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        world.check();
        for step in steps {
            world.step(step);
            world.check();
        }
        world.step(Step::DropPromise);
        world.step(Step::Run);
        world.check();
    }
}

#[test]
fn the_callbacks_of_a_promise_know_the_runtime_they_were_registered_in() {
    let _watch = watch();
    let mut builder = filch::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).name("mine").build().unwrap();
    let (promise, future) = promise();
    let (tell, told) = filch::sync::oneshot::channel();
    {
        let _here = runtime.enter();
        future.add_done_callback(|_| {
            tell.send(Handle::current().name().map(str::to_owned)).unwrap();
        });
    }
    thread::spawn(move || promise.set_result(1).unwrap()).join().unwrap();
    assert_eq!(runtime.block_on(told).unwrap().as_deref(), Some("mine"));
}
