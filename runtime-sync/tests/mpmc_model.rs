//! Random programs of senders and receivers that wait, give up and close, against plain queues.
#![allow(missing_docs)]

mod support;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use filch::sync::mpmc::{self, Receiver, SendError, Sender, TryRecvError, TrySendError};
use proptest::prelude::*;
use support::Count;

const PLACES: usize = 4;

#[derive(Debug, Clone)]
enum Step {
    /// Poll the send or the receive at this place; begin one if there is none.
    Send(usize),
    Recv(usize),
    /// Give it up.
    DropSend(usize),
    DropRecv(usize),
    TrySend,
    TryRecv,
    RecvMany(usize),
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    let place = 0..PLACES;
    prop_oneof![
        6 => place.clone().prop_map(Step::Send),
        6 => place.clone().prop_map(Step::Recv),
        2 => place.clone().prop_map(Step::DropSend),
        2 => place.prop_map(Step::DropRecv),
        3 => Just(Step::TrySend),
        3 => Just(Step::TryRecv),
        1 => (0..4usize).prop_map(Step::RecvMany),
        1 => prop::sample::select(vec![Step::TrySend, Step::TryRecv, Step::Close]),
    ]
}

type Send<'a> = Pin<Box<dyn Future<Output = Result<(), SendError<u32>>> + 'a>>;
type Recv<'a> = Pin<Box<dyn Future<Output = Result<u32, mpmc::RecvError>> + 'a>>;

/// A future that has been polled, and what is known about it.
struct Waits<F> {
    future: F,
    value: u32,
    task: Arc<Count>,
    /// How often it was woken when it was polled last.
    seen: usize,
}

impl<F> Waits<F> {
    fn woken(&self) -> bool {
        self.task.get() > self.seen
    }
}

/// The two ends, what was sent and is not received, and all who wait.
struct Run<'a> {
    sender: &'a Sender<u32>,
    receiver: &'a Receiver<u32>,
    sends: [Option<Waits<Send<'a>>>; PLACES],
    recvs: [Option<Waits<Recv<'a>>>; PLACES],
    next: u32,
    /// Values that are in the channel for sure, in order.
    inside: VecDeque<u32>,
    closed: bool,
}

impl<'a> Run<'a> {
    fn new(sender: &'a Sender<u32>, receiver: &'a Receiver<u32>) -> Run<'a> {
        Run {
            sender,
            receiver,
            sends: Default::default(),
            recvs: Default::default(),
            next: 0,
            inside: VecDeque::new(),
            closed: false,
        }
    }

    fn capacity(&self) -> usize {
        self.sender.capacity().unwrap_or(usize::MAX)
    }

    fn value(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn received(&mut self, value: u32) -> Result<(), TestCaseError> {
        prop_assert_eq!(
            self.inside.pop_front(),
            Some(value),
            "out of order, twice or from nowhere"
        );
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Send(place) => self.send(place)?,
            Step::Recv(place) => self.recv(place)?,
            Step::DropSend(place) => drop(self.sends[place].take()),
            Step::DropRecv(place) => drop(self.recvs[place].take()),
            Step::TrySend => {
                let value = self.value();
                match self.sender.try_send(value) {
                    Ok(()) => {
                        prop_assert!(!self.closed && self.inside.len() < self.capacity());
                        self.inside.push_back(value);
                    }
                    Err(TrySendError::Closed(back)) => prop_assert!(back == value && self.closed),
                    Err(TrySendError::Full(back)) => {
                        prop_assert!(back == value && !self.closed);
                        // Or room is kept for one that was woken before and has looked in vain.
                        let kept = self.sends.iter().flatten().any(Waits::woken);
                        prop_assert!(kept || self.inside.len() >= self.capacity());
                    }
                }
            }
            Step::TryRecv => match self.receiver.try_recv() {
                Ok(value) => self.received(value)?,
                Err(TryRecvError::Disconnected) => {
                    prop_assert!(self.closed && self.inside.is_empty());
                }
                Err(TryRecvError::Empty) => {
                    let kept = self.recvs.iter().flatten().any(Waits::woken);
                    prop_assert!(kept || self.inside.is_empty());
                }
            },
            Step::RecvMany(limit) => {
                if self.inside.is_empty() || self.recvs.iter().any(Option::is_some) {
                    return Ok(());
                }
                let mut values = Vec::new();
                let count = runtime_sync::block_on(self.receiver.recv_many(&mut values, limit));
                prop_assert_eq!(count, limit.min(self.inside.len()));
                for value in values {
                    self.received(value)?;
                }
            }
            Step::Close => {
                prop_assert_eq!(self.sender.close(), !self.closed);
                self.closed = true;
            }
        }
        Ok(())
    }

    fn send(&mut self, place: usize) -> Result<(), TestCaseError> {
        let mut waits = match self.sends[place].take() {
            Some(waits) => waits,
            None => {
                let value = self.value();
                let future: Send<'a> = Box::pin(self.sender.send(value));
                Waits { future, value, task: Count::new(), seen: 0 }
            }
        };
        waits.seen = waits.task.get();
        match waits.future.as_mut().poll(&mut Context::from_waker(&waits.task.waker())) {
            Poll::Ready(Ok(())) => {
                prop_assert!(!self.closed && self.inside.len() < self.capacity());
                self.inside.push_back(waits.value);
            }
            Poll::Ready(Err(SendError(back))) => {
                prop_assert!(back == waits.value && self.closed);
            }
            Poll::Pending => {
                prop_assert!(!self.closed);
                self.sends[place] = Some(waits);
            }
        }
        Ok(())
    }

    fn recv(&mut self, place: usize) -> Result<(), TestCaseError> {
        let mut waits = self.recvs[place].take().unwrap_or_else(|| Waits {
            future: Box::pin(self.receiver.recv()),
            value: 0,
            task: Count::new(),
            seen: 0,
        });
        waits.seen = waits.task.get();
        match waits.future.as_mut().poll(&mut Context::from_waker(&waits.task.waker())) {
            Poll::Ready(Ok(value)) => self.received(value)?,
            Poll::Ready(Err(_)) => prop_assert!(self.closed && self.inside.is_empty()),
            Poll::Pending => self.recvs[place] = Some(waits),
        }
        Ok(())
    }

    /// Whoever could go on was woken, or somebody else was who goes first.
    fn check(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.sender.len(), self.inside.len());
        prop_assert_eq!(self.sender.is_closed(), self.closed);
        let stats = self.sender.stats();
        let room = self.inside.len() < self.capacity();
        if room && stats.waiting_senders > 0 {
            prop_assert!(self.sends.iter().flatten().any(Waits::woken), "a sender sleeps");
        }
        if !self.inside.is_empty() && stats.waiting_receivers > 0 {
            prop_assert!(self.recvs.iter().flatten().any(Waits::woken), "a receiver sleeps");
        }
        if self.closed {
            prop_assert!(self.sends.iter().flatten().all(Waits::woken));
            prop_assert!(self.recvs.iter().flatten().all(Waits::woken));
        }
        Ok(())
    }

    /// Polls who was woken until nobody is any more: then nobody waits who need not.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        loop {
            let send = self.sends.iter().position(|waits| waits.as_ref().is_some_and(Waits::woken));
            let recv = self.recvs.iter().position(|waits| waits.as_ref().is_some_and(Waits::woken));
            match (send, recv) {
                (Some(place), _) => self.send(place)?,
                (_, Some(place)) => self.recv(place)?,
                (None, None) => break,
            }
            self.check()?;
        }
        let sends = self.sends.iter().flatten().count();
        let recvs = self.recvs.iter().flatten().count();
        prop_assert!(sends == 0 || self.inside.len() >= self.capacity(), "senders are left");
        prop_assert!(recvs == 0 || self.inside.is_empty(), "receivers are left");
        let stats = self.sender.stats();
        prop_assert_eq!((stats.waiting_senders, stats.waiting_receivers), (sends, recvs));
        Ok(())
    }
}

fn with_a_buffer(capacity: Option<usize>, steps: &[Step]) -> Result<(), TestCaseError> {
    let (sender, receiver) = capacity.map_or_else(mpmc::unbounded, mpmc::bounded);
    let mut run = Run::new(&sender, &receiver);
    for step in steps {
        run.step(step)?;
        run.check()?;
    }
    run.settle()?;
    let left = run.inside.clone();
    drop(run);
    let rest: Vec<_> = std::iter::from_fn(|| receiver.try_recv().ok()).collect();
    prop_assert!(left.iter().eq(&rest));
    Ok(())
}

/// Without room: what is handed over is known when a receiver has it; a value that was taken from
/// its sender is received once.
fn without_room(steps: &[Step]) -> Result<(), TestCaseError> {
    let (sender, receiver) = mpmc::bounded(0);
    let mut run = Run::new(&sender, &receiver);
    let (mut sent, mut received) = (Vec::new(), Vec::new());
    let mut dropped_senders = Vec::new();
    for step in steps {
        match *step {
            Step::TrySend => {
                let value = run.value();
                let waiting = run.sender.stats().waiting_receivers;
                match run.sender.try_send(value) {
                    Ok(()) => {
                        prop_assert!(waiting > 0 && !run.closed);
                        sent.push(value);
                    }
                    Err(TrySendError::Full(_)) => prop_assert!(waiting == 0 && !run.closed),
                    Err(TrySendError::Closed(_)) => prop_assert!(run.closed),
                }
            }
            Step::TryRecv | Step::RecvMany(_) => {
                let stats = run.sender.stats();
                match run.receiver.try_recv() {
                    Ok(value) => received.push(value),
                    Err(_) => prop_assert_eq!((stats.waiting_senders, stats.len), (0, 0)),
                }
            }
            Step::Send(place) => {
                let had = run.sends[place].as_ref().map(|waits| waits.value);
                let value = had.unwrap_or(run.next + 1);
                // `inside` is not used here.
                let waits = run.sends[place].take();
                let mut waits = waits.unwrap_or_else(|| {
                    run.next += 1;
                    let future: Send<'_> = Box::pin(run.sender.send(value));
                    Waits { future, value, task: Count::new(), seen: 0 }
                });
                waits.seen = waits.task.get();
                let waker = waits.task.waker();
                match waits.future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    Poll::Ready(Ok(())) => sent.push(value),
                    Poll::Ready(Err(SendError(back))) => prop_assert!(back == value && run.closed),
                    Poll::Pending => run.sends[place] = Some(waits),
                }
            }
            Step::Recv(place) => {
                let waits = run.recvs[place].take();
                let mut waits = waits.unwrap_or_else(|| {
                    let future: Recv<'_> = Box::pin(run.receiver.recv());
                    Waits { future, value: 0, task: Count::new(), seen: 0 }
                });
                waits.seen = waits.task.get();
                let waker = waits.task.waker();
                match waits.future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    Poll::Ready(Ok(value)) => received.push(value),
                    Poll::Ready(Err(_)) => prop_assert!(run.closed),
                    Poll::Pending => run.recvs[place] = Some(waits),
                }
            }
            Step::DropSend(place) => {
                dropped_senders.extend(run.sends[place].take().map(|waits| waits.value));
            }
            Step::DropRecv(place) => drop(run.recvs[place].take()),
            Step::Close => {
                prop_assert_eq!(run.sender.close(), !run.closed);
                run.closed = true;
            }
        }
        let stats = run.sender.stats();
        let both = stats.waiting_senders.min(stats.waiting_receivers);
        prop_assert_eq!(both, 0, "a sender and a receiver wait for each other");
        prop_assert!(stats.len == 0 || stats.waiting_receivers == 0, "a value lies there");
    }
    // Everybody who was handed something takes it; nothing more is given away.
    for recv in run.recvs.iter_mut().flatten().filter(|recv| recv.woken()) {
        let waker = recv.task.waker();
        if let Poll::Ready(Ok(value)) = recv.future.as_mut().poll(&mut Context::from_waker(&waker))
        {
            received.push(value);
        }
    }
    for send in run.sends.iter_mut().flatten().filter(|send| send.woken()) {
        let waker = send.task.waker();
        if send.future.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Ready(Ok(())) {
            sent.push(send.value);
        }
    }
    run.recvs = Default::default();
    while !run.sender.is_empty() {
        received.push(run.receiver.try_recv().unwrap());
    }
    // A sender that gave up may have been served before it knew.
    received.sort_unstable();
    let unique = received.windows(2).all(|pair| pair[0] != pair[1]);
    prop_assert!(unique, "a value came twice: {:?}", received);
    for value in &sent {
        prop_assert!(received.contains(value), "the value {} is lost", value);
    }
    for value in &received {
        let known = sent.contains(value) || dropped_senders.contains(value);
        prop_assert!(known, "the value {} was never sent", value);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_ring_behaves_like_a_queue(
        capacity in 1..4usize,
        steps in prop::collection::vec(step(), 0..80),
    ) {
        with_a_buffer(Some(capacity), &steps)?;
    }

    #[test]
    fn blocks_behave_like_a_queue(steps in prop::collection::vec(step(), 0..120)) {
        with_a_buffer(None, &steps)?;
    }

    #[test]
    fn a_meeting_hands_each_value_over_once(steps in prop::collection::vec(step(), 0..80)) {
        without_room(&steps)?;
    }
}
