//! Random programs of those who take permits, give them back and give up, against plain bookkeeping.
#![allow(missing_docs)]

mod support;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use proptest::prelude::*;
use runtime_sync::lock::TryAcquireError;
use runtime_sync::lock::permits::{Acquire, Permits};
use support::Count;

const TASKS: usize = 6;

#[derive(Debug, Clone)]
enum Step {
    /// Asks for so many, or asks again.
    Poll(usize, usize),
    /// Gives up waiting.
    Drop(usize),
    Try(usize),
    /// Gives back what was taken first.
    Release,
    Add(usize),
    Forget(usize),
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    let task = 0..TASKS;
    prop_oneof![
        10 => (task.clone(), 1..4usize).prop_map(|(task, count)| Step::Poll(task, count)),
        4 => task.prop_map(Step::Drop),
        3 => (0..4usize).prop_map(Step::Try),
        8 => Just(Step::Release),
        2 => (1..4usize).prop_map(Step::Add),
        1 => (1..3usize).prop_map(Step::Forget),
        1 => prop::bool::weighted(0.1).prop_map(|close| if close { Step::Close } else { Step::Release }),
    ]
}

/// One who waits.
struct Waiting<'a> {
    acquire: Pin<Box<Acquire<'a>>>,
    count: usize,
    /// Its place in the order of arrival.
    ticket: usize,
    /// How often it was woken before its last poll.
    seen: usize,
}

struct Run<'a> {
    permits: &'a Permits,
    wakes: Vec<Arc<Count>>,
    waiting: Vec<Option<Waiting<'a>>>,
    /// What was taken and not given back.
    held: Vec<usize>,
    total: usize,
    closed: bool,
    tickets: usize,
}

impl<'a> Run<'a> {
    /// Polls one who waits, or begins to. Returns whether it is done.
    fn poll(&mut self, task: usize, count: usize) -> bool {
        let fresh = self.waiting[task].is_none();
        let mut wait = self.waiting[task].take().unwrap_or_else(|| Waiting {
            acquire: Box::pin(self.permits.acquire(count)),
            count,
            ticket: 0,
            seen: 0,
        });
        wait.seen = self.wakes[task].get();
        if fresh {
            self.tickets += 1;
            wait.ticket = self.tickets;
        }
        let waker = self.wakes[task].waker();
        match wait.acquire.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(Ok(())) => self.held.push(wait.count),
            Poll::Ready(Err(_)) => assert!(self.closed, "refused although it is open"),
            Poll::Pending => {
                self.waiting[task] = Some(wait);
                return false;
            }
        }
        true
    }

    fn was_woken(&self, task: usize) -> bool {
        self.waiting[task].as_ref().is_some_and(|wait| self.wakes[task].get() > wait.seen)
    }

    /// Those in line, from the front.
    fn line(&self) -> Vec<usize> {
        let mut line: Vec<_> = (0..TASKS).filter(|task| self.waiting[*task].is_some()).collect();
        line.sort_by_key(|task| self.waiting[*task].as_ref().unwrap().ticket);
        line
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Poll(task, count) => drop(self.poll(task, count)),
            Step::Drop(task) => drop(self.waiting[task].take()),
            Step::Try(count) => {
                let free = self.permits.available();
                match self.permits.try_acquire(count) {
                    Ok(()) => {
                        prop_assert!(count <= free && !self.closed);
                        self.held.push(count);
                    }
                    Err(TryAcquireError::Closed) => prop_assert!(self.closed),
                    Err(TryAcquireError::NoPermits) => {
                        prop_assert!(count > free || !self.line().is_empty());
                    }
                }
            }
            Step::Release if !self.held.is_empty() => {
                let count = self.held.remove(0);
                self.permits.release(count);
            }
            Step::Release => {}
            Step::Add(count) => {
                self.permits.release(count);
                self.total += count;
            }
            Step::Forget(count) => {
                let free = self.permits.available();
                let gone = self.permits.forget(count);
                prop_assert_eq!(gone, count.min(free));
                self.total -= gone;
            }
            Step::Close => {
                self.permits.close();
                self.closed = true;
            }
        }
        Ok(())
    }

    /// Nobody sleeps for whom there are permits: as many from the front as the free ones are enough
    /// for have been woken.
    fn check(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.permits.is_closed(), self.closed);
        let mut free = self.permits.available();
        let held: usize = self.held.iter().sum();
        prop_assert!(free + held <= self.total, "permits out of nothing");
        for task in self.line() {
            let count = self.waiting[task].as_ref().unwrap().count;
            if self.closed {
                prop_assert!(self.was_woken(task), "{} is not told of the end", task);
            } else if self.was_woken(task) {
                // It was given what it asked for, or has a claim on it.
                free = free.saturating_sub(count);
            } else {
                prop_assert!(count > free, "{} sleeps although it could go on", task);
                break;
            }
        }
        Ok(())
    }

    /// Lets all who are woken go on, and gives everything back, until nothing moves.
    fn drain(&mut self) -> Result<(), TestCaseError> {
        loop {
            let woken: Vec<_> = (0..TASKS).filter(|task| self.was_woken(*task)).collect();
            if woken.is_empty() && self.held.is_empty() {
                break;
            }
            for task in woken {
                self.poll(task, 0);
            }
            for count in std::mem::take(&mut self.held) {
                self.permits.release(count);
            }
        }
        prop_assert_eq!(self.permits.available(), self.total, "permits are lost");
        let line = self.line();
        prop_assert_eq!(self.permits.waiters(), if self.closed { 0 } else { line.len() });
        if let Some(front) = line.first() {
            prop_assert!(self.waiting[*front].as_ref().unwrap().count > self.total);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_permit_is_lost_and_nobody_sleeps_who_could_go_on(
        count in 0..4usize,
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let permits = Permits::new(count);
        let mut run = Run {
            permits: &permits,
            wakes: (0..TASKS).map(|_| Count::new()).collect(),
            waiting: (0..TASKS).map(|_| None).collect(),
            held: Vec::new(),
            total: count,
            closed: false,
            tickets: 0,
        };
        for step in &steps {
            run.step(step)?;
            run.check()?;
        }
        run.drain()?;
    }

    #[test]
    fn without_barging_the_order_is_that_of_arrival(counts in prop::collection::vec(1..4usize, 1..TASKS)) {
        let permits = Permits::new(0);
        let wakes: Vec<_> = counts.iter().map(|_| Count::new()).collect();
        let mut line: Vec<_> = counts.iter().map(|count| Box::pin(permits.acquire(*count))).collect();
        for (acquire, count) in line.iter_mut().zip(&wakes) {
            let pending = acquire.as_mut().poll(&mut Context::from_waker(&count.waker())).is_pending();
            prop_assert!(pending);
        }
        let mut served = 0;
        for given in 1..=counts.iter().sum::<usize>() {
            permits.release(1);
            let mut sum = 0;
            let able = counts.iter().take_while(|count| { sum += **count; sum <= given }).count();
            for n in served..able {
                prop_assert_eq!(wakes[n].get(), 1);
                let ready = line[n].as_mut().poll(&mut Context::from_waker(&wakes[n].waker())).is_ready();
                prop_assert!(ready);
            }
            served = able;
        }
        prop_assert_eq!(served, counts.len());
        prop_assert_eq!(permits.available(), 0);
    }
}
