//! How far those who run may go before those who wait, in random programs: nobody barges past one who
//! has looked in vain or asks for several, no permit idles beside a sleeper that could have it, and
//! in the end nobody sleeps for ever.
#![allow(missing_docs)]

mod support;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use proptest::prelude::*;
use runtime_sync::lock::TryAcquireError;
use runtime_sync::lock::permits::{Acquire, Permits};
use support::Count;

const PLACES: usize = 5;

#[derive(Debug, Clone)]
enum Step {
    /// Ask for so many in this place, if it is free.
    Ask {
        place: usize,
        count: usize,
    },
    /// Poll who is there.
    Poll {
        place: usize,
    },
    /// Drop who is there.
    GiveUp {
        place: usize,
    },
    /// Take without waiting.
    Try {
        count: usize,
    },
    /// Give back some of what is held, or add new ones.
    Release {
        count: usize,
    },
    /// Take free ones away.
    Forget {
        count: usize,
    },
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    let place = 0..PLACES;
    let count = || prop_oneof![1 => Just(0usize), 6 => Just(1), 4 => Just(2), 3 => Just(3)];
    prop_oneof![
        6 => (place.clone(), count()).prop_map(|(place, count)| Step::Ask { place, count }),
        6 => place.clone().prop_map(|place| Step::Poll { place }),
        2 => place.prop_map(|place| Step::GiveUp { place }),
        3 => count().prop_map(|count| Step::Try { count }),
        6 => count().prop_map(|count| Step::Release { count }),
        1 => count().prop_map(|count| Step::Forget { count }),
    ]
}

/// One who waits.
struct Waits<'a> {
    acquire: Pin<Box<Acquire<'a>>>,
    count: usize,
    task: Arc<Count>,
    /// How many wakes it has answered by a poll.
    answered: usize,
    /// Whether it was polled at all.
    asked: bool,
    /// Whether it was woken, has looked and has found too little.
    vain: bool,
    /// The order of arrival.
    ticket: usize,
}

impl Waits<'_> {
    fn is_woken(&self) -> bool {
        self.task.get() > self.answered
    }
}

struct Run<'a> {
    permits: &'a Permits,
    places: [Option<Waits<'a>>; PLACES],
    /// Taken, by whomever.
    held: usize,
    /// All there are.
    total: usize,
    closed: bool,
    tickets: usize,
}

impl Run<'_> {
    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Ask { place, count } if self.places[place].is_none() => {
                let expected = if self.closed { Some(true) } else { self.is_to_be_had(count) };
                self.tickets += 1;
                self.places[place] = Some(Waits {
                    acquire: Box::pin(self.permits.acquire(count)),
                    count,
                    task: Count::new(),
                    answered: 0,
                    asked: false,
                    vain: false,
                    ticket: self.tickets,
                });
                let ended = self.poll(place)?.is_some();
                prop_assert_eq!(ended, expected.unwrap_or(ended));
            }
            Step::Ask { place, .. } | Step::Poll { place } => {
                self.poll(place)?;
            }
            Step::GiveUp { place } => self.places[place] = None,
            Step::Try { count } => self.try_acquire(count)?,
            Step::Release { count } => {
                self.total += count.saturating_sub(self.held);
                self.held -= count.min(self.held);
                self.permits.release(count);
            }
            Step::Forget { count } => {
                let gone = self.permits.forget(count);
                prop_assert!(gone <= count);
                self.total -= gone;
            }
            Step::Close => {
                self.permits.close();
                self.closed = true;
            }
        }
        self.check()
    }

    /// Polls who is in this place. Returns how it ended, if it did.
    fn poll(&mut self, place: usize) -> Result<Option<bool>, TestCaseError> {
        let closed = self.closed;
        let Some(waits) = &mut self.places[place] else { return Ok(None) };
        let first = !std::mem::replace(&mut waits.asked, true);
        let woken = waits.is_woken();
        waits.answered = waits.task.get();
        let waker = waits.task.waker();
        match waits.acquire.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => {
                prop_assert!(!closed, "it waits for what is closed");
                waits.vain |= woken;
                Ok(None)
            }
            Poll::Ready(result) => {
                prop_assert!(woken || first, "it could go on, and was not woken");
                prop_assert!(result.is_ok() || closed);
                if result.is_ok() {
                    self.held += waits.count;
                }
                self.places[place] = None;
                Ok(Some(result.is_ok()))
            }
        }
    }

    fn try_acquire(&mut self, count: usize) -> Result<(), TestCaseError> {
        let to_be_had = self.is_to_be_had(count);
        let result = self.permits.try_acquire(count);
        match (self.closed, to_be_had) {
            (true, _) => prop_assert_eq!(result, Err(TryAcquireError::Closed)),
            (false, Some(true)) => prop_assert_eq!(result, Ok(())),
            (false, Some(false)) => prop_assert_eq!(result, Err(TryAcquireError::NoPermits)),
            (false, None) => {}
        }
        if result.is_ok() {
            self.held += count;
        }
        Ok(())
    }

    /// In the order of arrival.
    fn line(&self) -> Vec<&Waits<'_>> {
        let mut line: Vec<_> = self.places.iter().flatten().collect();
        line.sort_by_key(|waits| waits.ticket);
        line
    }

    /// Whether nobody may barge, as far as it shows from outside: one who has looked in vain sleeps
    /// again, or the first in line sleeps and asks for several.
    fn is_barred(&self) -> bool {
        let line = self.line();
        let first = line.first().is_some_and(|waits| !waits.is_woken() && waits.count > 1);
        first || line.iter().any(|waits| !waits.is_woken() && waits.vain)
    }

    /// Whether so many must, or must not, be had without waiting at this moment.
    fn is_to_be_had(&self, count: usize) -> Option<bool> {
        match () {
            _ if count == 0 => Some(true),
            _ if count > self.permits.available() || self.is_barred() => Some(false),
            _ if self.line().is_empty() => Some(true),
            // Whoever is woken may have closed the door, if only for those who ask for several.
            _ => None,
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let available = self.permits.available();
        let line = self.line();
        // What is missing was handed to some that were woken and do not know yet.
        let handed = (self.total - self.held).checked_sub(available);
        prop_assert!(handed.is_some(), "there are more permits than there are");
        let woken: usize =
            line.iter().filter(|waits| waits.is_woken()).map(|waits| waits.count).sum();
        prop_assert!(handed.unwrap() <= woken, "a permit is lost");
        if self.closed {
            prop_assert_eq!(self.permits.waiters(), 0);
            prop_assert!(line.iter().all(|waits| waits.is_woken()), "nobody told it of the end");
            return Ok(());
        }
        // Nothing idles: the first sleeper cannot be served beside those before it who were woken.
        let mut before = 0;
        for waits in line {
            before += waits.count;
            if !waits.is_woken() {
                prop_assert!(available < before, "a permit idles");
                break;
            }
        }
        Ok(())
    }

    /// Polls who is woken and gives back what they get, until nobody moves.
    fn drain(&mut self) -> Result<(), TestCaseError> {
        let wanted = self.line().iter().map(|waits| waits.count).max().unwrap_or(0);
        self.step(Step::Release { count: self.held.max(wanted) })?;
        loop {
            let woken =
                self.places.iter().position(|waits| waits.as_ref().is_some_and(Waits::is_woken));
            let Some(place) = woken else { break };
            self.poll(place)?;
            self.step(Step::Release { count: self.held })?;
        }
        prop_assert!(self.places.iter().all(Option::is_none), "somebody sleeps for ever");
        prop_assert_eq!(self.permits.available(), self.total);
        Ok(())
    }
}

fn run(start: usize, steps: Vec<Step>, close: bool) -> Result<(), TestCaseError> {
    let permits = Permits::new(start);
    let mut run = Run {
        permits: &permits,
        places: Default::default(),
        held: 0,
        total: start,
        closed: false,
        tickets: 0,
    };
    for step in steps {
        run.step(step)?;
    }
    if close {
        run.step(Step::Close)?;
        run.step(Step::Ask { place: 0, count: 1 })?;
        run.step(Step::Try { count: 1 })?;
    }
    let tasks: Vec<_> = run.places.iter().flatten().map(|waits| waits.task.clone()).collect();
    run.drain()?;
    prop_assert!(tasks.iter().all(|task| Arc::strong_count(task) == 1), "a waker was kept");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nobody_barges_further_than_promised(
        start in 0..4usize,
        steps in prop::collection::vec(step(), 0..60),
        close in any::<bool>(),
    ) {
        run(start, steps, close)?;
    }
}
