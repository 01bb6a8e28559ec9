//! Random programs of senders, permits and a receiver, against a queue, a line and two numbers.
//!
//! After each step everything that can be seen is compared: what is queued and in which order, how
//! much room there is, who was woken and how often.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use proptest::prelude::*;
use runtime_sync::channel::mpsc::error::{SendError, TryRecvError, TrySendError};
use runtime_sync::channel::mpsc::{Permit, Receiver, Sender, channel_in_blocks_of};
use support::Count;

/// So small that most programs cross many ends of blocks.
const BLOCK: usize = 2;
const SEATS: usize = 5;

#[derive(Debug, Clone)]
enum Step {
    TrySend,
    TryReserve {
        count: usize,
    },
    /// Begins, or polls, a wait in this seat.
    Wait {
        seat: usize,
        wait: Wait,
    },
    /// Drops the future in this seat, wherever it is.
    GiveUp {
        seat: usize,
    },
    UsePermit {
        at: usize,
    },
    DropPermit {
        at: usize,
    },
    TryRecv,
    PollRecv {
        waker: usize,
    },
    RecvMany {
        limit: usize,
    },
    Close,
}

#[derive(Debug, Clone, Copy)]
enum Wait {
    Send,
    Reserve,
    ReserveMany(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let seat = 0..SEATS;
    let wait = prop_oneof![
        3 => Just(Wait::Send),
        2 => Just(Wait::Reserve),
        1 => (0..5usize).prop_map(Wait::ReserveMany),
    ];
    prop_oneof![
        20 => Just(Step::TrySend),
        6 => (0..5usize).prop_map(|count| Step::TryReserve { count }),
        30 => (seat.clone(), wait).prop_map(|(seat, wait)| Step::Wait { seat, wait }),
        10 => seat.prop_map(|seat| Step::GiveUp { seat }),
        8 => (0..4usize).prop_map(|at| Step::UsePermit { at }),
        8 => (0..4usize).prop_map(|at| Step::DropPermit { at }),
        16 => Just(Step::TryRecv),
        16 => (0..2usize).prop_map(|waker| Step::PollRecv { waker }),
        8 => (0..4usize).prop_map(|limit| Step::RecvMany { limit }),
        1 => Just(Step::Close),
    ]
}

/// What a channel is meant to be.
struct Model {
    capacity: usize,
    queue: VecDeque<u32>,
    /// Permits in somebody's hand, and those that were granted to a seat that does not know yet.
    permits: usize,
    /// Who waits, and for how much.
    line: VecDeque<(usize, usize)>,
    closed: bool,
    /// Which waker of the receiver waits.
    asleep: Option<usize>,
    seats: [Seat; SEATS],
    woken: [usize; SEATS],
    receiver_woken: [usize; 2],
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Seat {
    Free,
    Waiting,
    Granted(usize),
    Refused,
}

impl Model {
    fn room(&self) -> usize {
        self.capacity - self.queue.len() - self.permits
    }

    fn is_ended(&self) -> bool {
        self.closed && self.queue.is_empty() && self.permits == 0
    }

    fn push(&mut self, value: u32) {
        self.queue.push_back(value);
        self.wake_receiver();
    }

    fn wake_receiver(&mut self) {
        if let Some(waker) = self.asleep.take() {
            self.receiver_woken[waker] += 1;
        }
    }

    fn serve(&mut self) {
        while let Some((seat, count)) = self.line.front().copied()
            && count <= self.room()
            && !self.closed
        {
            self.line.pop_front();
            self.permits += count;
            self.seats[seat] = Seat::Granted(count);
            self.woken[seat] += 1;
        }
    }

    fn release(&mut self, count: usize) {
        self.permits -= count;
        if self.closed && self.permits == 0 {
            self.wake_receiver();
        }
        self.serve();
    }

    /// Takes room if there is some and nobody waits for it.
    fn take(&self, count: usize) -> Result<(), TrySendError<()>> {
        match () {
            () if self.closed => Err(TrySendError::Closed(())),
            () if count == 0 => Ok(()),
            () if !self.line.is_empty() || count > self.room() => Err(TrySendError::Full(())),
            () => Ok(()),
        }
    }

    fn close(&mut self) {
        self.closed = true;
        for (seat, _) in self.line.drain(..) {
            self.seats[seat] = Seat::Refused;
            self.woken[seat] += 1;
        }
    }
}

/// How a wait ended.
enum Ended<'a> {
    Sent(Result<(), SendError<u32>>),
    Permits(Result<Vec<Permit<'a, u32, BLOCK>>, SendError<()>>),
}

type Waits<'a> = Pin<Box<dyn Future<Output = Ended<'a>> + 'a>>;

fn wait<'a>(send: &'a Sender<u32, BLOCK>, wait: Wait, value: u32) -> Waits<'a> {
    Box::pin(async move {
        match wait {
            Wait::Send => Ended::Sent(send.send(value).await),
            Wait::Reserve => Ended::Permits(send.reserve().await.map(|permit| vec![permit])),
            Wait::ReserveMany(count) => {
                Ended::Permits(send.reserve_many(count).await.map(|permits| permits.collect()))
            }
        }
    })
}

/// A wait that has begun.
struct Begun<'a> {
    future: Waits<'a>,
    wait: Wait,
    value: u32,
}

/// The channel beside its model.
struct Pair<'a> {
    model: Model,
    send: &'a Sender<u32, BLOCK>,
    receive: Receiver<u32, BLOCK>,
    waits: [Option<Begun<'a>>; SEATS],
    permits: Vec<Permit<'a, u32, BLOCK>>,
    counts: [Arc<Count>; SEATS],
    receiver_counts: [Arc<Count>; 2],
    /// The next value to be sent; each is another one.
    value: u32,
}

impl<'a> Pair<'a> {
    fn new(
        capacity: usize,
        send: &'a Sender<u32, BLOCK>,
        receive: Receiver<u32, BLOCK>,
    ) -> Pair<'a> {
        let model = Model {
            capacity,
            queue: VecDeque::new(),
            permits: 0,
            line: VecDeque::new(),
            closed: false,
            asleep: None,
            seats: [Seat::Free; SEATS],
            woken: [0; SEATS],
            receiver_woken: [0; 2],
        };
        Pair {
            model,
            send,
            receive,
            waits: [const { None }; SEATS],
            permits: Vec::new(),
            counts: std::array::from_fn(|_| Count::new()),
            receiver_counts: [Count::new(), Count::new()],
            value: 0,
        }
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::TrySend => {
                self.value += 1;
                let sent = self.send.try_send(self.value);
                let expected = self.model.take(1).map_err(|error| match error {
                    TrySendError::Full(()) => TrySendError::Full(self.value),
                    TrySendError::Closed(()) => TrySendError::Closed(self.value),
                });
                prop_assert_eq!(sent, expected);
                if sent.is_ok() {
                    self.model.push(self.value);
                }
            }
            Step::TryReserve { count } => {
                let permits = self.send.try_reserve_many(count);
                let mut expected = self.model.take(count);
                if count > self.model.capacity {
                    expected = Err(TrySendError::Full(()));
                }
                prop_assert_eq!(permits.as_ref().map(|_| ()).map_err(|error| *error), expected);
                if let Ok(permits) = permits {
                    prop_assert_eq!(permits.len(), count);
                    self.permits.extend(permits);
                    self.model.permits += count;
                }
            }
            Step::Wait { seat, wait } => self.wait(seat, wait)?,
            Step::GiveUp { seat } => self.give_up(seat),
            Step::UsePermit { at } if at < self.permits.len() => {
                self.value += 1;
                self.permits.remove(at).send(self.value);
                self.model.permits -= 1;
                self.model.push(self.value);
            }
            Step::DropPermit { at } if at < self.permits.len() => {
                drop(self.permits.remove(at));
                self.model.release(1);
            }
            Step::UsePermit { .. } | Step::DropPermit { .. } => {}
            Step::TryRecv => {
                let expected = match self.model.queue.pop_front() {
                    Some(value) => Ok(value),
                    None if self.model.is_ended() => Err(TryRecvError::Disconnected),
                    None => Err(TryRecvError::Empty),
                };
                prop_assert_eq!(self.receive.try_recv(), expected);
                self.model.serve();
            }
            Step::PollRecv { waker } => self.poll_recv(waker)?,
            Step::RecvMany { limit } => self.recv_many(limit)?,
            Step::Close => {
                self.receive.close();
                self.model.close();
            }
        }
        self.compare()
    }

    fn wait(&mut self, seat: usize, kind: Wait) -> Result<(), TestCaseError> {
        let fresh = self.waits[seat].is_none();
        if fresh {
            self.value += 1;
            let future = wait(self.send, kind, self.value);
            self.waits[seat] = Some(Begun { future, wait: kind, value: self.value });
        }
        let begun = self.waits[seat].as_mut().unwrap();
        let (kind, value) = (begun.wait, begun.value);
        let waker = self.counts[seat].waker();
        let polled = begun.future.as_mut().poll(&mut Context::from_waker(&waker));
        let count = match kind {
            Wait::Send | Wait::Reserve => 1,
            Wait::ReserveMany(count) => count,
        };
        if fresh {
            self.model.seats[seat] = match self.model.take(count) {
                Err(TrySendError::Closed(())) => Seat::Refused,
                _ if count > self.model.capacity => Seat::Refused,
                Err(TrySendError::Full(())) => {
                    self.model.line.push_back((seat, count));
                    Seat::Waiting
                }
                Ok(()) => {
                    self.model.permits += count;
                    Seat::Granted(count)
                }
            };
        }
        let Poll::Ready(ended) = polled else {
            prop_assert_eq!(self.model.seats[seat], Seat::Waiting);
            return Ok(());
        };
        self.waits[seat] = None;
        let granted = match std::mem::replace(&mut self.model.seats[seat], Seat::Free) {
            // It was granted before the close, and has not noticed in time.
            Seat::Granted(count) if self.model.closed => {
                self.model.release(count);
                false
            }
            Seat::Granted(_) => true,
            Seat::Refused => false,
            other => return Err(TestCaseError::fail(format!("ready, but {other:?}"))),
        };
        match ended {
            Ended::Sent(sent) => {
                prop_assert_eq!(sent, if granted { Ok(()) } else { Err(SendError(value)) });
                if granted {
                    self.model.permits -= 1;
                    self.model.push(value);
                }
            }
            Ended::Permits(permits) => {
                prop_assert_eq!(permits.is_ok(), granted);
                let permits = permits.unwrap_or_default();
                prop_assert_eq!(permits.len(), if granted { count } else { 0 });
                self.permits.extend(permits);
            }
        }
        Ok(())
    }

    fn give_up(&mut self, seat: usize) {
        self.waits[seat] = None;
        self.model.line.retain(|waiting| waiting.0 != seat);
        match std::mem::replace(&mut self.model.seats[seat], Seat::Free) {
            Seat::Granted(count) => self.model.release(count),
            _ => self.model.serve(),
        }
    }

    fn poll_recv(&mut self, waker: usize) -> Result<(), TestCaseError> {
        let task = self.receiver_counts[waker].waker();
        let polled = self.receive.poll_recv(&mut Context::from_waker(&task));
        let expected = match self.model.queue.pop_front() {
            Some(value) => Poll::Ready(Some(value)),
            None if self.model.is_ended() => Poll::Ready(None),
            None => Poll::Pending,
        };
        if expected.is_pending() {
            self.model.asleep = Some(waker);
        }
        prop_assert_eq!(polled, expected);
        self.model.serve();
        Ok(())
    }

    fn recv_many(&mut self, limit: usize) -> Result<(), TestCaseError> {
        let task = self.receiver_counts[0].waker();
        let mut got = Vec::new();
        let polled = self.receive.poll_recv_many(&mut Context::from_waker(&task), &mut got, limit);
        let count = limit.min(self.model.queue.len());
        if limit > 0 && count == 0 && !self.model.is_ended() {
            prop_assert!(polled.is_pending());
            self.model.asleep = Some(0);
        } else {
            prop_assert_eq!(polled, Poll::Ready(count));
        }
        prop_assert_eq!(got, self.model.queue.drain(..count).collect::<Vec<_>>());
        self.model.serve();
        Ok(())
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        let model = &self.model;
        let stats = self.receive.stats();
        prop_assert_eq!(stats.len, model.queue.len());
        prop_assert_eq!(stats.reserved, model.permits);
        prop_assert_eq!(stats.waiting_senders, model.line.len());
        prop_assert_eq!(stats.is_closed, model.closed);
        prop_assert_eq!(self.receive.is_empty(), model.queue.is_empty());
        let room = if model.line.is_empty() { model.room() } else { 0 };
        prop_assert_eq!(self.send.capacity(), room);
        let woken = self.counts.each_ref().map(|count| count.get());
        prop_assert_eq!(woken, model.woken);
        let woken = self.receiver_counts.each_ref().map(|count| count.get());
        prop_assert_eq!(woken, model.receiver_woken);
        Ok(())
    }

    /// Everybody who was woken goes on, and the receiver takes what comes, until nothing moves.
    fn drain(&mut self) -> Result<(), TestCaseError> {
        while !self.permits.is_empty() {
            self.step(Step::DropPermit { at: 0 })?;
        }
        for _ in 0..2 * SEATS {
            for seat in 0..SEATS {
                if self.waits[seat].is_some() {
                    self.step(Step::Wait { seat, wait: Wait::Send })?;
                }
            }
            while !self.permits.is_empty() {
                self.step(Step::UsePermit { at: 0 })?;
            }
            self.step(Step::RecvMany { limit: 3 })?;
            self.step(Step::RecvMany { limit: 3 })?;
        }
        prop_assert!(self.waits.iter().all(Option::is_none), "somebody waits for ever");
        Ok(())
    }
}

fn run(capacity: usize, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let (send, receive) = channel_in_blocks_of(capacity);
    let (mut receive, counts) = run_with(capacity, &send, receive, steps)?;
    drop(send);
    prop_assert_eq!(receive.try_recv(), Err(TryRecvError::Disconnected));
    drop(receive);
    for count in counts {
        prop_assert_eq!(Arc::strong_count(&count), 1, "a waker was kept");
    }
    Ok(())
}

fn run_with(
    capacity: usize,
    send: &Sender<u32, BLOCK>,
    receive: Receiver<u32, BLOCK>,
    steps: Vec<Step>,
) -> Result<(Receiver<u32, BLOCK>, Vec<Arc<Count>>), TestCaseError> {
    let mut pair = Pair::new(capacity, send, receive);
    for step in steps {
        pair.step(step)?;
    }
    pair.drain()?;
    let counts = pair.counts.into_iter().chain(pair.receiver_counts).collect();
    Ok((pair.receive, counts))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn it_behaves_like_a_queue_with_a_line(
        capacity in 1..5usize,
        steps in prop::collection::vec(step(), 0..120),
    ) {
        run(capacity, steps)?;
    }
}
