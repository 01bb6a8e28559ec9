//! The locks under random programs, with futures polled by hand and dropped at any time, against
//! what a lock is meant to be.
//!
//! Who may barge, and whom a wake goes to, is not fixed to the letter, so a model of the outcome
//! alone would say too little or too much. What is checked after each step are the promises
//! themselves: who is in together, who may not be overtaken, and that whoever could go on has been
//! woken.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use runtime_sync::lock::{
    Mutex, OwnedMutexGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock,
};
use support::Count;

const SEATS: usize = 6;

/// The lock under test.
#[derive(Clone)]
enum Subject {
    Mutex(Arc<Mutex<()>>),
    RwLock(Arc<RwLock<()>>, usize),
}

enum Guard {
    Mutex(#[expect(dead_code, reason = "held")] OwnedMutexGuard<()>),
    Read(#[expect(dead_code, reason = "held")] OwnedRwLockReadGuard<()>),
    Write(OwnedRwLockWriteGuard<()>),
}

impl Subject {
    /// How many readers may be in at once. A mutex is written only.
    fn room(&self) -> usize {
        match self {
            Subject::Mutex(_) => 1,
            Subject::RwLock(_, room) => *room,
        }
    }

    fn begin(&self, writes: bool) -> Pin<Box<dyn Future<Output = Guard>>> {
        match (self.clone(), writes) {
            (Subject::Mutex(lock), _) => Box::pin(async { Guard::Mutex(lock.lock_owned().await) }),
            (Subject::RwLock(lock, _), false) => {
                Box::pin(async { Guard::Read(lock.read_owned().await) })
            }
            (Subject::RwLock(lock, _), true) => {
                Box::pin(async { Guard::Write(lock.write_owned().await) })
            }
        }
    }

    fn attempt(&self, writes: bool) -> Option<Guard> {
        match (self.clone(), writes) {
            (Subject::Mutex(lock), _) => lock.try_lock_owned().map(Guard::Mutex).ok(),
            (Subject::RwLock(lock, _), false) => lock.try_read_owned().map(Guard::Read).ok(),
            (Subject::RwLock(lock, _), true) => lock.try_write_owned().map(Guard::Write).ok(),
        }
    }

    fn waiters(&self) -> usize {
        match self {
            Subject::Mutex(lock) => lock.stats().waiters,
            Subject::RwLock(lock, _) => lock.stats().waiters,
        }
    }
}

/// What happens at one seat.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// An empty seat asks for the lock, one that waits is polled.
    Poll { seat: usize, writes: bool },
    /// An empty seat asks for the lock without waiting.
    Try { seat: usize, writes: bool },
    /// Whatever is there goes: a guard, or a future that waits.
    Drop { seat: usize },
    /// A writer becomes a reader.
    Downgrade { seat: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let seat = 0..SEATS;
    prop_oneof![
        6 => (seat.clone(), any::<bool>()).prop_map(|(seat, writes)| Step::Poll { seat, writes }),
        2 => (seat.clone(), any::<bool>()).prop_map(|(seat, writes)| Step::Try { seat, writes }),
        4 => seat.clone().prop_map(|seat| Step::Drop { seat }),
        1 => seat.prop_map(|seat| Step::Downgrade { seat }),
    ]
}

enum Seat {
    Empty,
    Holds { guard: Guard, permits: usize },
    Waits { future: Pin<Box<dyn Future<Output = Guard>>>, place: Place },
}

#[derive(Clone, Copy)]
struct Place {
    /// Its number in the order of arrival.
    arrival: usize,
    permits: usize,
    /// How often it had been woken when it was polled last.
    seen: usize,
    /// Whether it was woken and has found nothing.
    overtaken: bool,
}

struct World {
    subject: Subject,
    seats: Vec<Seat>,
    counts: Vec<Arc<Count>>,
    arrivals: usize,
}

impl World {
    fn new(subject: Subject) -> World {
        let seats = (0..SEATS).map(|_| Seat::Empty).collect();
        World { subject, seats, counts: (0..SEATS).map(|_| Count::new()).collect(), arrivals: 0 }
    }

    fn permits(&self, writes: bool) -> usize {
        if writes { self.subject.room() } else { 1 }
    }

    /// Those who wait, in the order they came.
    fn line(&self) -> Vec<(usize, Place)> {
        let places = self.seats.iter().enumerate().filter_map(|(seat, at)| match at {
            Seat::Waits { place, .. } => Some((seat, *place)),
            _ => None,
        });
        let mut line: Vec<_> = places.collect();
        line.sort_by_key(|(_, place)| place.arrival);
        line
    }

    fn woken(&self, seat: usize, place: Place) -> bool {
        self.counts[seat].get() > place.seen
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Poll { seat, writes } => {
                match std::mem::replace(&mut self.seats[seat], Seat::Empty) {
                    Seat::Empty => {
                        let future = self.subject.begin(writes);
                        let permits = self.permits(writes);
                        self.arrivals += 1;
                        let seen = self.counts[seat].get();
                        let place =
                            Place { arrival: self.arrivals, permits, seen, overtaken: false };
                        self.poll(seat, future, place, true)?;
                    }
                    Seat::Waits { future, place } => self.poll(seat, future, place, false)?,
                    holds => self.seats[seat] = holds,
                }
            }
            Step::Try { seat, writes } => {
                if matches!(self.seats[seat], Seat::Empty)
                    && let Some(guard) = self.subject.attempt(writes)
                {
                    let permits = self.permits(writes);
                    self.may_barge(permits)?;
                    self.seats[seat] = Seat::Holds { guard, permits };
                }
            }
            Step::Drop { seat } => self.seats[seat] = Seat::Empty,
            Step::Downgrade { seat } => match std::mem::replace(&mut self.seats[seat], Seat::Empty)
            {
                Seat::Holds { guard: Guard::Write(guard), .. } => {
                    let guard = Guard::Read(guard.downgrade());
                    self.seats[seat] = Seat::Holds { guard, permits: 1 };
                }
                other => self.seats[seat] = other,
            },
        }
        self.check()
    }

    fn poll(
        &mut self,
        seat: usize,
        mut future: Pin<Box<dyn Future<Output = Guard>>>,
        mut place: Place,
        first: bool,
    ) -> Result<(), TestCaseError> {
        let woken = self.woken(seat, place);
        place.seen = self.counts[seat].get();
        let waker = self.counts[seat].waker();
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(guard) => {
                if first {
                    self.may_barge(place.permits)?;
                } else {
                    prop_assert!(woken, "what was not woken got the lock");
                    self.overtakes_nobody(place)?;
                }
                self.seats[seat] = Seat::Holds { guard, permits: place.permits };
            }
            Poll::Pending => {
                place.overtaken |= woken;
                self.seats[seat] = Seat::Waits { future, place };
            }
        }
        Ok(())
    }

    /// One that has never waited takes so many permits: those who must not be overtaken still get
    /// theirs. That is who was overtaken once, and a writer in front.
    fn may_barge(&self, permits: usize) -> Result<(), TestCaseError> {
        let free = self.free()?.checked_sub(permits);
        prop_assert!(free.is_some(), "too many are in");
        let mut needed = 0;
        for (at, (_, place)) in self.line().into_iter().enumerate() {
            needed += place.permits;
            let protected = place.overtaken || (at == 0 && place.permits > 1);
            prop_assert!(!protected || free >= Some(needed), "somebody was overtaken");
        }
        Ok(())
    }

    /// Readers may go in together in any order, others in the order they came.
    fn overtakes_nobody(&self, mine: Place) -> Result<(), TestCaseError> {
        for (_, other) in self.line() {
            let together = mine.permits == 1 && other.permits == 1 && self.subject.room() > 1;
            prop_assert!(other.arrival > mine.arrival || together, "one in line was overtaken");
        }
        Ok(())
    }

    fn free(&self) -> Result<usize, TestCaseError> {
        let permits = self.seats.iter().map(|seat| match seat {
            Seat::Holds { permits, .. } => *permits,
            _ => 0,
        });
        let held: usize = permits.sum();
        prop_assert!(held <= self.subject.room(), "too many are in");
        Ok(self.subject.room() - held)
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let mut free = self.free()?;
        let line = self.line();
        prop_assert!(self.subject.waiters() <= line.len());
        for (seat, place) in line {
            let Some(rest) = free.checked_sub(place.permits) else { break };
            prop_assert!(self.woken(seat, place), "seat {} could go on and was not woken", seat);
            free = rest;
        }
        Ok(())
    }

    /// Lets all finish, polling only those who were woken.
    fn drain(mut self) -> Result<(), TestCaseError> {
        for seat in 0..SEATS {
            if matches!(self.seats[seat], Seat::Holds { .. }) {
                self.step(Step::Drop { seat })?;
            }
        }
        while let Some((seat, _)) =
            self.line().into_iter().find(|(seat, place)| self.woken(*seat, *place))
        {
            self.step(Step::Poll { seat, writes: false })?;
            if matches!(self.seats[seat], Seat::Holds { .. }) {
                self.step(Step::Drop { seat })?;
            }
        }
        prop_assert!(self.line().is_empty(), "somebody sleeps for ever");
        prop_assert!(self.subject.attempt(true).is_some(), "a permit is lost");
        for count in self.counts {
            prop_assert_eq!(Arc::strong_count(&count), 1, "a waker was kept");
        }
        Ok(())
    }
}

fn run(subject: Subject, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut world = World::new(subject);
    for step in steps {
        world.step(step)?;
    }
    world.drain()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_mutex_keeps_its_promises(steps in prop::collection::vec(step(), 0..100)) {
        run(Subject::Mutex(Arc::default()), steps)?;
    }

    #[test]
    fn a_reader_writer_lock_keeps_its_promises(
        room in 1..5u32,
        steps in prop::collection::vec(step(), 0..100),
    ) {
        let lock = Arc::new(RwLock::with_max_readers((), room));
        run(Subject::RwLock(lock, room as usize), steps)?;
    }
}
