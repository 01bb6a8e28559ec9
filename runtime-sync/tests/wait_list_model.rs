//! Random programs of waiters and wakers, against a `VecDeque`.
#![allow(missing_docs)]

mod support;

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use proptest::prelude::*;
use runtime_sync::wait_list::{Choice, Left, WaitList, Waited, Waiter};
use support::Count;

const WAITERS: usize = 6;

#[derive(Debug, Clone)]
enum Step {
    /// Poll with the first or second waker of the task.
    Poll {
        who: usize,
        waker: usize,
        payload: u32,
    },
    /// Enter without a waker, unless `refuse`.
    Enter {
        who: usize,
        refuse: bool,
        payload: u32,
    },
    /// Leave, and hand on what must be handed on.
    Leave {
        who: usize,
    },
    /// Leave if the payload is even; say so to the line.
    LeaveIf {
        who: usize,
    },
    WakeOne,
    /// Wake the first in line, which stays.
    NudgeFront,
    /// Wake the even, which stay.
    NudgeWhere,
    WakeSome(usize),
    /// Wakes the even, passes the odd, stops at `stop`.
    WakeWhere {
        stop: u32,
    },
    WakeAll,
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..WAITERS;
    prop_oneof![
        8 => (who.clone(), 0..2usize, 0..10u32)
            .prop_map(|(who, waker, payload)| Step::Poll { who, waker, payload }),
        1 => (who.clone(), any::<bool>(), 0..10u32)
            .prop_map(|(who, refuse, payload)| Step::Enter { who, refuse, payload }),
        3 => who.clone().prop_map(|who| Step::Leave { who }),
        3 => who.prop_map(|who| Step::LeaveIf { who }),
        1 => Just(Step::NudgeFront),
        1 => Just(Step::NudgeWhere),
        2 => Just(Step::WakeOne),
        1 => (0..4usize).prop_map(Step::WakeSome),
        2 => (0..10u32).prop_map(|stop| Step::WakeWhere { stop }),
        1 => Just(Step::WakeAll),
    ]
}

/// What a line is meant to be.
#[derive(Default)]
struct Model {
    line: VecDeque<usize>,
    state: [Option<Seat>; WAITERS],
    wakes: [[usize; 2]; WAITERS],
}

#[derive(Clone, Copy)]
struct Seat {
    payload: u32,
    waker: Option<usize>,
    /// Whether it was woken, and if so, whether alone.
    woken: Option<Alone>,
}

type Alone = bool;

impl Model {
    fn wake(&mut self, at: usize, alone: Alone) {
        let who = self.line.remove(at).unwrap();
        let seat = self.state[who].as_mut().unwrap();
        seat.woken = Some(alone);
        if alone {
            seat.payload += 100;
        }
        if let Some(waker) = seat.waker.take() {
            self.wakes[who][waker] += 1;
        }
    }

    /// Wakes without taking out of the line.
    fn nudge(&mut self, who: usize) {
        if let Some(waker) = self.state[who].as_mut().unwrap().waker.take() {
            self.wakes[who][waker] += 1;
        }
    }

    fn wake_some(&mut self, count: usize, alone: Alone) -> usize {
        let count = count.min(self.line.len());
        for _ in 0..count {
            self.wake(0, alone);
        }
        count
    }

    fn wake_where(&mut self, stop: u32) -> usize {
        let (mut at, mut woken) = (0, 0);
        while at < self.line.len() {
            let payload = self.state[self.line[at]].unwrap().payload;
            if payload == stop {
                break;
            }
            if payload.is_multiple_of(2) {
                self.wake(at, true);
                woken += 1;
            } else {
                at += 1;
            }
        }
        woken
    }
}

/// Runs a program upon both, and compares what each step returns and everything that is visible.
fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let list: WaitList<u32> = WaitList::new();
    let mut waiters: Vec<Pin<Box<Waiter<'_, u32>>>> =
        (0..WAITERS).map(|_| Box::pin(list.waiter())).collect();
    let counts: Vec<[Arc<Count>; 2]> = (0..WAITERS).map(|_| [Count::new(), Count::new()]).collect();
    let mut model = Model::default();
    // Marks the payload, as the model does, to see that the mark arrives.
    let mark = |payload: &mut u32| {
        *payload += 100;
        Choice::Wake
    };

    for step in steps {
        match step {
            Step::Poll { who, waker, payload } => {
                let task = counts[who][waker].waker();
                let polled =
                    waiters[who].as_mut().poll_wait(&mut Context::from_waker(&task), |_| {
                        ControlFlow::<(), u32>::Continue(payload)
                    });
                match &mut model.state[who] {
                    Some(Seat { payload, woken: Some(_), .. }) => {
                        prop_assert_eq!(polled, Poll::Ready(Waited::Woken(*payload)));
                        model.state[who] = None;
                    }
                    Some(seat) => {
                        prop_assert!(polled.is_pending());
                        seat.waker = Some(waker);
                    }
                    empty => {
                        prop_assert!(polled.is_pending());
                        *empty = Some(Seat { payload, waker: Some(waker), woken: None });
                        model.line.push_back(who);
                    }
                }
            }
            Step::Enter { who, refuse, payload } => {
                let entered = waiters[who].as_mut().enter(|_| match refuse {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(payload),
                });
                prop_assert_eq!(entered.is_break(), refuse && model.state[who].is_none());
                if model.state[who].is_none() && !refuse {
                    model.state[who] = Some(Seat { payload, waker: None, woken: None });
                    model.line.push_back(who);
                }
            }
            Step::Leave { who } => {
                let left = waiters[who].as_mut().leave();
                let expected = match model.state[who].take() {
                    None => Left::Outside,
                    Some(Seat { payload, woken: None, .. }) => Left::Waiting(payload),
                    Some(Seat { payload, woken: Some(true), .. }) => Left::Chosen(payload),
                    Some(Seat { payload, .. }) => Left::Released(payload),
                };
                prop_assert_eq!(left, expected);
                model.line.retain(|other| *other != who);
                if let Left::Chosen(_) = left {
                    list.wake_some_marked(1, mark);
                    model.wake_some(1, true);
                }
            }
            Step::LeaveIf { who } => {
                let left_behind = std::cell::Cell::new(None);
                let left = waiters[who].as_mut().leave_if(
                    |payload| payload.is_multiple_of(2),
                    |line| left_behind.set(Some(line.len())),
                );
                let expected = match model.state[who] {
                    None => Some(Left::Outside),
                    Some(Seat { payload, woken: None, .. }) if payload % 2 == 0 => {
                        prop_assert_eq!(left_behind.get(), Some(model.line.len() - 1));
                        Some(Left::Waiting(payload))
                    }
                    Some(Seat { woken: None, .. }) => None,
                    Some(Seat { payload, woken: Some(true), .. }) => Some(Left::Chosen(payload)),
                    Some(Seat { payload, .. }) => Some(Left::Released(payload)),
                };
                prop_assert_eq!(left, expected);
                if left.is_some() {
                    model.state[who] = None;
                    model.line.retain(|other| *other != who);
                }
            }
            Step::NudgeFront => {
                let waker = list.lock().nudge_front();
                if let Some(waker) = waker {
                    waker.wake();
                }
                if let Some(who) = model.line.front().copied() {
                    model.nudge(who);
                }
            }
            Step::NudgeWhere => {
                list.lock().wake_where(|payload| match *payload % 2 {
                    0 => Choice::Nudge,
                    _ => Choice::Pass,
                });
                for who in model.line.clone() {
                    if model.state[who].unwrap().payload % 2 == 0 {
                        model.nudge(who);
                    }
                }
            }
            Step::WakeOne => {
                let woken = list.wake_some_marked(1, mark);
                prop_assert_eq!(woken, model.wake_some(1, true));
            }
            Step::WakeSome(count) => {
                let woken = list.wake_some_marked(count, mark);
                prop_assert_eq!(woken, model.wake_some(count, true));
            }
            Step::WakeWhere { stop } => {
                let mut woken = 0;
                list.lock().wake_where(|payload| match *payload {
                    n if n == stop => Choice::Stop,
                    n if n.is_multiple_of(2) => {
                        woken += 1;
                        mark(payload)
                    }
                    _ => Choice::Pass,
                });
                prop_assert_eq!(woken, model.wake_where(stop));
            }
            Step::WakeAll => {
                let woken = list.wake_all();
                prop_assert_eq!(woken, model.wake_some(usize::MAX, false));
            }
        }
        let woken: Vec<_> = counts.iter().map(|two| [two[0].get(), two[1].get()]).collect();
        prop_assert_eq!(&woken[..], &model.wakes[..]);
        prop_assert_eq!(list.lock().len(), model.line.len());
        prop_assert_eq!(list.has_waiters(), !model.line.is_empty());
        let front = model.line.front().map(|who| model.state[*who].unwrap().payload);
        prop_assert_eq!(list.lock().front().copied(), front);
    }

    drop(waiters);
    for count in counts.iter().flatten() {
        prop_assert_eq!(Arc::strong_count(count), 1, "a waker was kept");
    }
    Ok(())
}

trait WakeSomeMarked {
    /// Wakes up to `count` from the front, each after `mark` has seen its payload.
    fn wake_some_marked(&self, count: usize, mark: impl Fn(&mut u32) -> Choice) -> usize;
}

impl WakeSomeMarked for WaitList<u32> {
    fn wake_some_marked(&self, count: usize, mark: impl Fn(&mut u32) -> Choice) -> usize {
        let mut woken = 0;
        self.lock().wake_where(|payload| {
            if woken == count {
                return Choice::Stop;
            }
            woken += 1;
            mark(payload)
        });
        woken
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn it_behaves_like_a_deque_of_waiters(steps in prop::collection::vec(step(), 0..80)) {
        run(steps)?;
    }
}
