//! Random programs upon Event, SetOnce and ParkingLot, with futures that are given up, against plain
//! bookkeeping.
#![allow(missing_docs)]

mod support;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use proptest::prelude::*;
use runtime_sync::lock::{Event, ParkingLot, SetOnce};
use support::Count;

const TASKS: usize = 5;

type Waits<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

#[derive(Debug, Clone)]
enum Step {
    Poll(usize),
    Drop(usize),
    /// `set`, or unpark so many.
    Give(usize),
    /// `clear`, or unpark all.
    Other,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let task = 0..TASKS;
    let step = prop_oneof![
        6 => task.clone().prop_map(Step::Poll),
        2 => task.prop_map(Step::Drop),
        2 => (0..4usize).prop_map(Step::Give),
        1 => Just(Step::Other),
    ];
    prop::collection::vec(step, 0..60)
}

/// A task that waits, or has been told to go on and does not know yet.
struct Waiting<'a> {
    future: Waits<'a>,
    count: Arc<Count>,
    /// Whether it was told, and by one of several wakes that would go to another one.
    told: Option<bool>,
    ticket: usize,
}

/// Polls, and returns whether it was ready.
fn poll(waiting: &mut Waiting<'_>) -> bool {
    let waker = waiting.count.waker();
    waiting.future.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Ready(())
}

#[derive(Default)]
struct Run<'a> {
    tasks: [Option<Waiting<'a>>; TASKS],
    tickets: usize,
}

impl<'a> Run<'a> {
    /// Polls a task, which `begin`s to wait if it does not. `open` says whether it need not.
    fn poll(
        &mut self,
        at: usize,
        open: bool,
        begin: impl FnOnce() -> Waits<'a>,
    ) -> Result<(), TestCaseError> {
        let fresh = self.tasks[at].is_none();
        let mut waiting = self.tasks[at].take().unwrap_or_else(|| {
            self.tickets += 1;
            let (count, ticket) = (Count::new(), self.tickets);
            Waiting { future: begin(), count, told: None, ticket }
        });
        let expected = waiting.told.is_some() || (fresh && open);
        prop_assert_eq!(poll(&mut waiting), expected);
        if !expected {
            self.tasks[at] = Some(waiting);
        }
        Ok(())
    }

    /// Those who wait and were not told, the first first.
    fn line(&mut self) -> Vec<&mut Waiting<'a>> {
        let mut line: Vec<_> =
            self.tasks.iter_mut().flatten().filter(|it| it.told.is_none()).collect();
        line.sort_by_key(|it| it.ticket);
        line
    }

    fn tell(&mut self, count: usize, alone: bool) -> usize {
        self.line().into_iter().take(count).map(|it| it.told = Some(alone)).count()
    }

    fn check(&self) -> Result<(), TestCaseError> {
        for waiting in self.tasks.iter().flatten() {
            prop_assert_eq!(waiting.count.get() > 0, waiting.told.is_some());
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn an_event_wakes_those_who_are_there_and_lets_in_while_it_is_set(steps in steps()) {
        let event = Event::new();
        let (mut run, mut set) = (Run::default(), false);
        for step in steps {
            match step {
                Step::Poll(at) => run.poll(at, set, || Box::pin(event.wait()))?,
                Step::Drop(at) => run.tasks[at] = None,
                Step::Give(_) => {
                    event.set();
                    if !std::mem::replace(&mut set, true) {
                        run.tell(usize::MAX, false);
                    }
                }
                Step::Other => {
                    event.clear();
                    set = false;
                }
            }
            run.check()?;
            prop_assert_eq!(event.is_set(), set);
        }
    }

    #[test]
    fn a_value_is_set_once_and_told_to_all(steps in steps()) {
        let once = SetOnce::new();
        let (mut run, mut value) = (Run::default(), None);
        for step in steps {
            match step {
                Step::Poll(at) => {
                    run.poll(at, value.is_some(), || Box::pin(async { _ = once.wait().await }))?;
                }
                Step::Drop(at) => run.tasks[at] = None,
                Step::Give(n) => {
                    prop_assert_eq!(once.set(n.to_string()).is_ok(), value.is_none());
                    if value.is_none() {
                        value = Some(n.to_string());
                        run.tell(usize::MAX, false);
                    }
                }
                Step::Other => {}
            }
            run.check()?;
            prop_assert_eq!(once.get(), value.as_ref());
        }
    }

    #[test]
    fn a_parking_lot_wakes_in_order_and_passes_on_what_is_given_up(steps in steps()) {
        let lot = ParkingLot::new();
        let mut run = Run::default();
        for step in steps {
            match step {
                Step::Poll(at) => run.poll(at, false, || Box::pin(lot.park()))?,
                Step::Drop(at) => {
                    let gone = run.tasks[at].take();
                    let passes_on = gone.as_ref().is_some_and(|it| it.told == Some(true));
                    drop(gone);
                    if passes_on {
                        run.tell(1, true);
                    }
                }
                Step::Give(count) => {
                    let woken = lot.unpark(count);
                    prop_assert_eq!(woken, run.tell(count, true));
                }
                Step::Other => {
                    let woken = lot.unpark_all();
                    prop_assert_eq!(woken, run.tell(usize::MAX, false));
                }
            }
            run.check()?;
            prop_assert_eq!(lot.len(), run.line().len());
        }
    }
}
