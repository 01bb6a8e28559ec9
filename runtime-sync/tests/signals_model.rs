//! Random programs upon `Notify`, `Barrier` and `OnceCell`, against what they are meant to be.
//!
//! Futures are polled by hand, and dropped at any point. After each step everything that can be
//! seen is compared: who is woken, who is ready with what, and what is left.
#![allow(missing_docs)]

mod support;

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;
use runtime_sync::lock::futures::Notified;
use runtime_sync::lock::{Barrier, BarrierWaitResult, BrokenBarrierError, Notify, OnceCell};
use support::Count;

const TASKS: usize = 6;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

fn counts() -> Vec<Arc<Count>> {
    (0..TASKS).map(|_| Count::new()).collect()
}

fn gets(counts: &[Arc<Count>]) -> Vec<usize> {
    counts.iter().map(|count| count.get()).collect()
}

fn poll<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>, waker: &Waker) -> Poll<T> {
    future.poll(&mut Context::from_waker(waker))
}

#[derive(Debug, Clone, Copy)]
enum Signal {
    Make(usize),
    Poll(usize),
    Enable(usize),
    Drop(usize),
    One,
    Last,
    All,
}

fn signal() -> impl Strategy<Value = Signal> {
    prop_oneof![
        2 => (0..TASKS).prop_map(Signal::Make),
        6 => (0..TASKS).prop_map(Signal::Poll),
        2 => (0..TASKS).prop_map(Signal::Enable),
        3 => (0..TASKS).prop_map(Signal::Drop),
        3 => Just(Signal::One),
        2 => Just(Signal::Last),
        1 => Just(Signal::All),
    ]
}

/// What a future is meant to be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Fresh { generation: usize },
    InLine,
    Chosen { last: bool },
    Ready,
}

#[derive(Default)]
struct Notifier {
    line: VecDeque<usize>,
    stages: [Option<Stage>; TASKS],
    /// Whether it has left a waker.
    polled: [bool; TASKS],
    wakes: [usize; TASKS],
    permit: bool,
    generation: usize,
}

impl Notifier {
    fn notify(&mut self, last: bool) {
        match if last { self.line.pop_back() } else { self.line.pop_front() } {
            Some(who) => self.wake(who, Stage::Chosen { last }),
            None => self.permit = true,
        }
    }

    fn wake(&mut self, who: usize, stage: Stage) {
        self.stages[who] = Some(stage);
        self.wakes[who] += usize::from(self.polled[who]);
    }

    /// Polls or enables. Returns whether it is ready.
    fn advance(&mut self, who: usize, poll: bool) -> bool {
        let ready = match self.stages[who].unwrap() {
            Stage::Fresh { generation } if generation != self.generation => true,
            Stage::Fresh { .. } if self.permit => {
                self.permit = false;
                true
            }
            Stage::Fresh { .. } => {
                self.line.push_back(who);
                false
            }
            Stage::InLine => false,
            Stage::Chosen { .. } | Stage::Ready => true,
        };
        self.stages[who] = Some(if ready { Stage::Ready } else { Stage::InLine });
        self.polled[who] |= poll && !ready;
        ready
    }

    fn drop(&mut self, who: usize) {
        self.line.retain(|other| *other != who);
        self.polled[who] = false;
        if let Some(Stage::Chosen { last }) = self.stages[who].take() {
            self.notify(last);
        }
    }
}

fn run_notify(steps: Vec<Signal>) -> Result<(), TestCaseError> {
    let notify = Notify::new();
    let counts = counts();
    let mut model = Notifier::default();
    let mut futures: Vec<Option<Pin<Box<Notified<'_>>>>> = (0..TASKS).map(|_| None).collect();
    for step in steps {
        match step {
            Signal::Make(who) => {
                model.drop(who);
                futures[who] = None;
                futures[who] = Some(Box::pin(notify.notified()));
                model.stages[who] = Some(Stage::Fresh { generation: model.generation });
            }
            Signal::Poll(who) => {
                let Some(future) = &mut futures[who] else { continue };
                let ready = poll(future.as_mut(), &counts[who].waker()).is_ready();
                prop_assert_eq!(ready, model.advance(who, true));
            }
            Signal::Enable(who) => {
                let Some(future) = &mut futures[who] else { continue };
                prop_assert_eq!(future.as_mut().enable(), model.advance(who, false));
            }
            Signal::Drop(who) => {
                futures[who] = None;
                model.drop(who);
            }
            Signal::One => {
                notify.notify_one();
                model.notify(false);
            }
            Signal::Last => {
                notify.notify_last();
                model.notify(true);
            }
            Signal::All => {
                notify.notify_waiters();
                model.generation += 1;
                while let Some(who) = model.line.pop_front() {
                    model.wake(who, Stage::Ready);
                }
            }
        }
        prop_assert_eq!(gets(&counts), model.wakes);
        let stats = notify.stats();
        prop_assert_eq!((stats.waiters, stats.permit), (model.line.len(), model.permit));
    }
    drop(futures);
    prop_assert!(counts.iter().all(|count| Arc::strong_count(count) == 1), "a waker was kept");
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Meeting {
    Poll(usize),
    Drop(usize),
    Abort,
    Reset,
}

fn meeting() -> impl Strategy<Value = Meeting> {
    prop_oneof![
        12 => (0..TASKS).prop_map(Meeting::Poll),
        4 => (0..TASKS).prop_map(Meeting::Drop),
        1 => Just(Meeting::Abort),
        2 => Just(Meeting::Reset),
    ]
}

type Outcome = Result<(usize, bool), BrokenBarrierError>;

fn outcome(result: Result<BarrierWaitResult, BrokenBarrierError>) -> Outcome {
    result.map(|result| (result.index(), result.is_leader()))
}

fn run_barrier(parties: usize, steps: Vec<Meeting>) -> Result<(), TestCaseError> {
    let barrier = Barrier::new(parties);
    let counts = counts();
    let mut futures: Vec<Option<Boxed<'_, _>>> = (0..TASKS).map(|_| None).collect();
    // The model: who waits, what those who were released will be told, and whether it is broken.
    let (mut line, mut broken) = (Vec::new(), false);
    let mut told: [Option<Outcome>; TASKS] = [None; TASKS];
    let mut wakes = [0; TASKS];
    for step in steps {
        match step {
            Meeting::Poll(who) => {
                let future = futures[who].get_or_insert_with(|| Box::pin(barrier.wait_or_broken()));
                let polled = poll(future.as_mut(), &counts[who].waker()).map(outcome);
                let expected = if line.contains(&who) {
                    Poll::Pending
                } else if let Some(outcome) = told[who].take() {
                    Poll::Ready(outcome)
                } else if broken {
                    Poll::Ready(Err(BrokenBarrierError::default()))
                } else if line.len() + 1 < parties {
                    line.push(who);
                    Poll::Pending
                } else {
                    for (index, other) in line.drain(..).enumerate() {
                        told[other] = Some(Ok((index, false)));
                        wakes[other] += 1;
                    }
                    Poll::Ready(Ok((parties - 1, true)))
                };
                prop_assert_eq!(polled, expected);
                if polled.is_ready() {
                    futures[who] = None;
                }
            }
            Meeting::Drop(who) => {
                futures[who] = None;
                told[who] = None;
                line.retain(|other| *other != who);
            }
            Meeting::Abort | Meeting::Reset => {
                broken = matches!(step, Meeting::Abort);
                if broken {
                    barrier.abort()
                } else {
                    barrier.reset()
                }
                for other in line.drain(..) {
                    told[other] = Some(Err(BrokenBarrierError::default()));
                    wakes[other] += 1;
                }
            }
        }
        prop_assert_eq!(gets(&counts), wakes);
        prop_assert_eq!((barrier.n_waiting(), barrier.is_broken()), (line.len(), broken));
    }
    drop(futures);
    prop_assert_eq!(barrier.n_waiting(), 0);
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Making {
    Poll(usize),
    Drop(usize),
    /// The attempts of this one end so from now on.
    Decide(usize, Option<bool>),
    Set,
    Take,
}

fn making() -> impl Strategy<Value = Making> {
    prop_oneof![
        10 => (0..TASKS).prop_map(Making::Poll),
        3 => (0..TASKS).prop_map(Making::Drop),
        6 => (0..TASKS, prop::option::weighted(0.3, any::<bool>()))
            .prop_map(|(who, end)| Making::Decide(who, end)),
        1 => Just(Making::Set),
        1 => Just(Making::Take),
    ]
}

#[derive(Default)]
struct Maker {
    line: VecDeque<usize>,
    holder: Option<usize>,
    value: Option<usize>,
    wakes: [usize; TASKS],
}

impl Maker {
    /// Whoever held the right does so no longer.
    fn hand_over(&mut self) {
        self.holder = self.line.pop_front();
        if let Some(next) = self.holder {
            self.wakes[next] += 1;
        }
    }

    fn fill(&mut self, value: usize) {
        (self.value, self.holder) = (Some(value), None);
        while let Some(who) = self.line.pop_front() {
            self.wakes[who] += 1;
        }
    }

    fn poll(&mut self, who: usize, end: Option<bool>) -> Poll<Result<usize, usize>> {
        if let Some(value) = self.value {
            return Poll::Ready(Ok(value));
        }
        if self.holder.is_some_and(|holder| holder != who) {
            if !self.line.contains(&who) {
                self.line.push_back(who);
            }
            return Poll::Pending;
        }
        self.holder = Some(who);
        match end {
            None => Poll::Pending,
            Some(true) => {
                self.fill(who);
                Poll::Ready(Ok(who))
            }
            Some(false) => {
                self.hand_over();
                Poll::Ready(Err(who))
            }
        }
    }
}

fn run_once_cell(steps: Vec<Making>) -> Result<(), TestCaseError> {
    let mut cell = OnceCell::new();
    let ends: [Cell<Option<bool>>; TASKS] = Default::default();
    let counts = counts();
    let mut model = Maker::default();
    let mut steps = steps.into_iter();
    // What takes the value out needs the cell for itself, so all futures are dropped before.
    loop {
        let mut futures: Vec<Option<Boxed<'_, Result<usize, usize>>>> =
            (0..TASKS).map(|_| None).collect();
        let mut takes = false;
        for step in steps.by_ref() {
            match step {
                Making::Poll(who) => {
                    let (cell, end) = (&cell, &ends[who]);
                    let future = futures[who].get_or_insert_with(|| {
                        let make = move || {
                            poll_fn(move |_| match end.get() {
                                None => Poll::Pending,
                                Some(true) => Poll::Ready(Ok(who)),
                                Some(false) => Poll::Ready(Err(who)),
                            })
                        };
                        Box::pin(async move { cell.get_or_try_init(make).await.copied() })
                    });
                    let polled = poll(future.as_mut(), &counts[who].waker());
                    prop_assert_eq!(polled, model.poll(who, end.get()));
                    if polled.is_ready() {
                        futures[who] = None;
                    }
                }
                Making::Drop(who) => {
                    futures[who] = None;
                    model.line.retain(|other| *other != who);
                    if model.holder == Some(who) {
                        model.hand_over();
                    }
                }
                Making::Decide(who, end) => ends[who].set(end),
                Making::Set => {
                    let may = model.value.is_none() && model.holder.is_none();
                    prop_assert_eq!(cell.set(100).is_ok(), may);
                    if may {
                        model.fill(100);
                    }
                }
                Making::Take => {
                    takes = true;
                    break;
                }
            }
            prop_assert_eq!(gets(&counts), model.wakes);
            prop_assert_eq!(cell.get().copied(), model.value);
            let stats = cell.stats();
            let expected = (model.line.len(), model.holder.is_some());
            prop_assert_eq!((stats.waiters, stats.initializing), expected);
        }
        for (who, future) in futures.iter_mut().enumerate() {
            *future = None;
            model.line.retain(|other| *other != who);
            if model.holder == Some(who) {
                model.hand_over();
            }
        }
        drop(futures);
        if !takes {
            return Ok(());
        }
        prop_assert_eq!(cell.take(), model.value.take());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_notify_is_a_line_and_a_permit(steps in prop::collection::vec(signal(), 0..80)) {
        run_notify(steps)?;
    }

    #[test]
    fn a_barrier_is_a_line_that_goes_when_it_is_full(
        parties in 1..5usize,
        steps in prop::collection::vec(meeting(), 0..80),
    ) {
        run_barrier(parties, steps)?;
    }

    #[test]
    fn a_cell_is_a_value_or_a_right_that_is_handed_on(
        steps in prop::collection::vec(making(), 0..80),
    ) {
        run_once_cell(steps)?;
    }
}
