//! The condition under random programs, with waits polled by hand and dropped at any time, against
//! a plain line of those who wait.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use runtime_sync::lock::{Condition, Mutex, OwnedMutexGuard};
use support::Count;

const SEATS: usize = 5;

type Wait = Pin<Box<dyn Future<Output = OwnedMutexGuard<()>>>>;

/// What happens, most of it at one seat.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// An empty seat takes the lock, if it is free; one that has it waits for the condition.
    Go {
        seat: usize,
    },
    /// One that waits is polled.
    Poll {
        seat: usize,
    },
    /// A guard or a future is dropped.
    Drop {
        seat: usize,
    },
    NotifyOne,
    Notify(usize),
    NotifyAll,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..SEATS).prop_map(|seat| Step::Go { seat }),
        4 => (0..SEATS).prop_map(|seat| Step::Poll { seat }),
        2 => (0..SEATS).prop_map(|seat| Step::Drop { seat }),
        2 => Just(Step::NotifyOne),
        1 => (0..4usize).prop_map(Step::Notify),
        1 => Just(Step::NotifyAll),
    ]
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Stage {
    InLine,
    /// As one of several that could have been.
    Alone,
    /// Together with all.
    WithAll,
}

enum Seat {
    Empty,
    Holds(OwnedMutexGuard<()>),
    /// With how often it had been woken when it was polled last.
    Waits(Wait, Stage, usize),
}

struct World {
    lock: Arc<Mutex<()>>,
    condition: Arc<Condition>,
    seats: Vec<Seat>,
    counts: Vec<Arc<Count>>,
    /// The model: who waits to be notified, in order.
    line: VecDeque<usize>,
}

impl World {
    fn new() -> World {
        World {
            lock: Arc::default(),
            condition: Arc::default(),
            seats: (0..SEATS).map(|_| Seat::Empty).collect(),
            counts: (0..SEATS).map(|_| Count::new()).collect(),
            line: VecDeque::new(),
        }
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Go { seat } => match std::mem::replace(&mut self.seats[seat], Seat::Empty) {
                Seat::Empty => {
                    if let Ok(guard) = Arc::clone(&self.lock).try_lock_owned() {
                        self.seats[seat] = Seat::Holds(guard);
                    }
                }
                Seat::Holds(guard) => {
                    let condition = Arc::clone(&self.condition);
                    let wait: Wait = Box::pin(async move { condition.wait(guard).await });
                    self.line.push_back(seat);
                    self.poll(seat, wait, Stage::InLine)?;
                }
                waits => self.seats[seat] = waits,
            },
            Step::Poll { seat } => match std::mem::replace(&mut self.seats[seat], Seat::Empty) {
                Seat::Waits(wait, stage, _) => self.poll(seat, wait, stage)?,
                other => self.seats[seat] = other,
            },
            Step::Drop { seat } => {
                let left = std::mem::replace(&mut self.seats[seat], Seat::Empty);
                let stage = match &left {
                    Seat::Waits(_, stage, _) => Some(*stage),
                    _ => None,
                };
                drop(left);
                self.line.retain(|other| *other != seat);
                if stage == Some(Stage::Alone) {
                    self.notified(1, Stage::Alone)?;
                }
            }
            Step::NotifyOne => {
                let any = self.condition.notify_one();
                prop_assert_eq!(any, self.notified(1, Stage::Alone)? == 1);
            }
            Step::Notify(count) => {
                let notified = self.condition.notify(count);
                prop_assert_eq!(notified, self.notified(count, Stage::Alone)?);
            }
            Step::NotifyAll => {
                let notified = self.condition.notify_all();
                prop_assert_eq!(notified, self.notified(SEATS, Stage::WithAll)?);
            }
        }
        self.check()
    }

    fn poll(&mut self, seat: usize, mut wait: Wait, stage: Stage) -> Result<(), TestCaseError> {
        let seen = self.counts[seat].get();
        let waker = self.counts[seat].waker();
        match wait.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(guard) => {
                prop_assert_ne!(stage, Stage::InLine, "it was not notified");
                self.seats[seat] = Seat::Holds(guard);
            }
            Poll::Pending => self.seats[seat] = Seat::Waits(wait, stage, seen),
        }
        Ok(())
    }

    /// What a notification does in the model. Who gets one must have been woken for it.
    fn notified(&mut self, count: usize, how: Stage) -> Result<usize, TestCaseError> {
        let count = count.min(self.line.len());
        for seat in self.line.drain(..count) {
            let Seat::Waits(_, stage, seen) = &mut self.seats[seat] else {
                panic!("the model's line is wrong");
            };
            *stage = how;
            prop_assert!(self.counts[seat].get() > *seen, "it was notified and not woken");
        }
        Ok(count)
    }

    fn check(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.condition.stats().waiters, self.line.len());
        let held = self.seats.iter().filter(|seat| matches!(seat, Seat::Holds(_))).count();
        prop_assert!(held <= 1, "two have the lock");
        for (seat, count) in self.seats.iter().zip(&self.counts) {
            if let Seat::Waits(_, Stage::InLine, seen) = seat {
                prop_assert_eq!(count.get(), *seen, "woken for nothing");
            }
        }
        let mut notified =
            self.seats.iter().zip(&self.counts).filter_map(|(seat, count)| match seat {
                Seat::Waits(_, Stage::Alone | Stage::WithAll, seen) => Some(count.get() > *seen),
                _ => None,
            });
        let (any, woken) =
            notified.by_ref().fold((false, false), |(_, woken), it| (true, woken || it));
        prop_assert!(held == 1 || !any || woken, "the lock is free, and all sleep");
        Ok(())
    }

    /// Lets all finish, polling only those who were woken.
    fn drain(mut self) -> Result<(), TestCaseError> {
        self.step(Step::NotifyAll)?;
        for seat in 0..SEATS {
            if matches!(self.seats[seat], Seat::Holds(_)) {
                self.step(Step::Drop { seat })?;
            }
        }
        let woken = |world: &World| {
            let seats = world.seats.iter().zip(&world.counts);
            seats.enumerate().find_map(|(seat, (at, count))| match at {
                Seat::Waits(_, _, seen) if count.get() > *seen => Some(seat),
                _ => None,
            })
        };
        while let Some(seat) = woken(&self) {
            self.step(Step::Poll { seat })?;
            if matches!(self.seats[seat], Seat::Holds(_)) {
                self.step(Step::Drop { seat })?;
            }
        }
        let sleeps = self.seats.iter().any(|seat| matches!(seat, Seat::Waits(..)));
        prop_assert!(!sleeps, "somebody sleeps for ever");
        prop_assert!(self.lock.try_lock().is_ok());
        for count in self.counts {
            prop_assert_eq!(Arc::strong_count(&count), 1, "a waker was kept");
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_condition_behaves_like_a_line(steps in prop::collection::vec(step(), 0..100)) {
        let mut world = World::new();
        for step in steps {
            world.step(step)?;
        }
        world.drain()?;
    }
}
