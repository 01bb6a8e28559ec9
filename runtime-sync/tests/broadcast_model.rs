//! Random programs of senders and receivers that broadcast, against numbers alone.
#![allow(missing_docs)]

mod support;
mod support_owned;

use std::sync::Arc;
use std::task::Poll;

use proptest::prelude::*;
use runtime_sync::channel::broadcast::error::{RecvError, TryRecvError};
use runtime_sync::channel::broadcast::{self, Receiver, Sender};
use support_owned::Owned;

/// The number of the value; alive as long as the `Arc` says.
type Value = Arc<usize>;
type Output = Result<Value, RecvError>;

#[derive(Debug, Clone)]
enum Step {
    Send,
    TryRecv(usize),
    Poll(usize),
    GiveUp(usize),
    Subscribe,
    Resubscribe(usize),
    DropReceiver(usize),
    CloneSender,
    DropSender,
    Upgrade,
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..6usize;
    prop_oneof![
        8 => Just(Step::Send),
        5 => who.clone().prop_map(Step::TryRecv),
        8 => who.clone().prop_map(Step::Poll),
        3 => who.clone().prop_map(Step::GiveUp),
        1 => Just(Step::Subscribe),
        1 => who.clone().prop_map(Step::Resubscribe),
        1 => who.prop_map(Step::DropReceiver),
        1 => Just(Step::CloneSender),
        2 => Just(Step::DropSender),
        1 => Just(Step::Upgrade),
    ]
}

/// A receiver, and the number that it reads next.
struct Reader {
    owned: Owned<Receiver<Value>, Output>,
    next: usize,
}

struct Model {
    capacity: usize,
    senders: Vec<Sender<Value>>,
    readers: Vec<Reader>,
    /// The values that were sent, as far as they are alive.
    values: Vec<std::sync::Weak<usize>>,
}

impl Model {
    fn new(capacity: usize) -> Model {
        let (sender, receiver) = broadcast::channel(capacity);
        let reader = Reader { owned: Owned::new(receiver), next: 0 };
        let capacity = capacity.next_power_of_two();
        Model { capacity, senders: vec![sender], readers: vec![reader], values: Vec::new() }
    }

    fn oldest(&self) -> usize {
        self.values.len().saturating_sub(self.capacity)
    }

    /// What the reader has to get now.
    fn expected(&mut self, who: usize) -> Result<usize, TryRecvError> {
        let (sent, oldest, closed) = (self.values.len(), self.oldest(), self.senders.is_empty());
        let next = &mut self.readers[who].next;
        if *next < oldest {
            let missed = oldest - *next;
            *next = oldest;
            Err(TryRecvError::Lagged(missed as u64))
        } else if *next < sent {
            *next += 1;
            Ok(*next - 1)
        } else if closed {
            Err(TryRecvError::Closed)
        } else {
            Err(TryRecvError::Empty)
        }
    }

    fn send(&mut self) -> Result<(), TestCaseError> {
        let Some(sender) = self.senders.last() else { return Ok(()) };
        let value = Arc::new(self.values.len());
        let weak = Arc::downgrade(&value);
        match sender.send(value) {
            Ok(count) => {
                prop_assert_eq!(count, self.readers.len());
                self.values.push(weak);
            }
            Err(_) => prop_assert!(self.readers.is_empty()),
        }
        Ok(())
    }

    fn try_recv(&mut self, who: usize) -> Result<(), TestCaseError> {
        let Some(receiver) = self.readers[who].owned.end() else { return Ok(()) };
        let got = receiver.try_recv().map(|value| *value);
        prop_assert_eq!(got, self.expected(who));
        Ok(())
    }

    fn poll(&mut self, who: usize) -> Result<(), TestCaseError> {
        let polled = self.readers[who].owned.poll(|receiver| Box::pin(receiver.recv()));
        let got = match polled {
            Poll::Pending => Err(TryRecvError::Empty),
            Poll::Ready(Err(RecvError::Closed)) => Err(TryRecvError::Closed),
            Poll::Ready(Err(RecvError::Lagged(missed))) => Err(TryRecvError::Lagged(missed)),
            Poll::Ready(Ok(value)) => Ok(*value),
        };
        prop_assert_eq!(got, self.expected(who));
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let among = |who: &usize, readers: &[Reader]| who % readers.len();
        let needs_one = !matches!(
            step,
            Step::Send | Step::Subscribe | Step::CloneSender | Step::DropSender | Step::Upgrade
        );
        if needs_one && self.readers.is_empty() {
            return Ok(());
        }
        match step {
            Step::Send => self.send()?,
            Step::TryRecv(who) => self.try_recv(among(who, &self.readers))?,
            Step::Poll(who) => self.poll(among(who, &self.readers))?,
            Step::GiveUp(who) => {
                let who = among(who, &self.readers);
                self.readers[who].owned.give_up();
            }
            Step::Subscribe => {
                if let Some(sender) = self.senders.last() {
                    let owned = Owned::new(sender.subscribe());
                    self.readers.push(Reader { owned, next: self.values.len() });
                }
            }
            Step::Resubscribe(who) => {
                let who = among(who, &self.readers);
                if let Some(receiver) = self.readers[who].owned.end() {
                    let owned = Owned::new(receiver.resubscribe());
                    self.readers.push(Reader { owned, next: self.values.len() });
                }
            }
            Step::DropReceiver(who) => {
                let who = among(who, &self.readers);
                drop(self.readers.swap_remove(who));
            }
            Step::CloneSender => self.senders.extend(self.senders.last().cloned()),
            Step::DropSender => drop(self.senders.pop()),
            Step::Upgrade => {
                let weak = self.senders.last().map(Sender::downgrade);
                if self.values.len().is_multiple_of(2) {
                    self.senders.extend(weak.and_then(|weak| weak.upgrade()));
                } else if self.senders.len() == 1 {
                    self.senders.pop();
                    prop_assert!(weak.is_none_or(|weak| weak.upgrade().is_none()));
                }
            }
        }
        self.check()
    }

    /// Everything that is to be seen without changing anything.
    fn check(&mut self) -> Result<(), TestCaseError> {
        let (sent, oldest, closed) = (self.values.len(), self.oldest(), self.senders.is_empty());
        let wanted = |at: usize| {
            (oldest..sent).contains(&at) && self.readers.iter().any(|one| one.next <= at)
        };
        for (at, value) in self.values.iter().enumerate() {
            prop_assert_eq!(value.strong_count(), wanted(at) as usize, "value {}", at);
        }
        if let Some(sender) = self.senders.last() {
            let stats = sender.stats();
            let waiting = |one: &Reader| one.owned.is_waiting() && !one.owned.is_woken();
            prop_assert_eq!(sender.len(), (oldest..sent).filter(|at| wanted(*at)).count());
            prop_assert_eq!(sender.is_empty(), !wanted(sent.wrapping_sub(1)));
            prop_assert_eq!(stats.receivers, self.readers.len());
            prop_assert_eq!(stats.senders, self.senders.len());
            prop_assert_eq!(stats.weak_senders, 0);
            prop_assert_eq!(stats.waiting, self.readers.iter().filter(|one| waiting(one)).count());
        }
        for reader in &mut self.readers {
            if let Some(receiver) = reader.owned.end() {
                prop_assert_eq!(receiver.len(), sent - reader.next);
                prop_assert_eq!(receiver.is_closed(), closed);
            } else {
                let can_go_on = reader.next < sent || closed;
                prop_assert_eq!(reader.owned.is_woken(), can_go_on, "woken for nothing, or not");
            }
        }
        Ok(())
    }

    /// Lets all go on until there is nothing more to get.
    fn finish(mut self) -> Result<(), TestCaseError> {
        self.senders.clear();
        for who in 0..self.readers.len() {
            while self.expected_more(who) {
                self.poll(who)?;
            }
            self.check()?;
        }
        self.readers.clear();
        prop_assert!(self.values.iter().all(|value| value.strong_count() == 0));
        Ok(())
    }

    fn expected_more(&self, who: usize) -> bool {
        self.readers[who].next < self.values.len() || self.readers[who].owned.is_waiting()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_broadcast_does_what_the_numbers_say(
        capacity in 1..6usize,
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut model = Model::new(capacity);
        for step in &steps {
            model.step(step)?;
        }
        model.finish()?;
    }
}
