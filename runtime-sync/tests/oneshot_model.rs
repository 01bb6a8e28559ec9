//! Random programs of the two ends of a oneshot channel, against a few flags.
#![allow(missing_docs)]

mod support;

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use proptest::prelude::*;
use runtime_sync::channel::oneshot::error::TryRecvError;
use runtime_sync::channel::oneshot::{self, Receiver, Sender};
use support::Count;

#[derive(Debug, Clone, Copy)]
enum Step {
    Send,
    DropSender,
    /// With the first or second waker of the task.
    PollClosed(usize),
    Poll(usize),
    TryRecv,
    Close,
    DropReceiver,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Send),
        1 => Just(Step::DropSender),
        4 => (0..2usize).prop_map(Step::PollClosed),
        4 => (0..2usize).prop_map(Step::Poll),
        1 => Just(Step::TryRecv),
        1 => Just(Step::Close),
        1 => Just(Step::DropReceiver),
    ]
}

/// A task with two wakers, and what is to be known about it.
struct Task {
    wakers: [Arc<Count>; 2],
    /// Which waker is in the channel.
    waits: Option<usize>,
    woken: [usize; 2],
}

impl Task {
    fn new() -> Task {
        Task { wakers: [Count::new(), Count::new()], waits: None, woken: [0; 2] }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waits.take() {
            self.woken[waker] += 1;
        }
    }

    fn check(&self) {
        for (at, waker) in self.wakers.iter().enumerate() {
            assert_eq!(waker.get(), self.woken[at], "woken for nothing, or not");
            assert_eq!(Arc::strong_count(waker), 1 + (self.waits == Some(at)) as usize);
        }
    }
}

struct Model {
    sender: Option<Sender<Arc<()>>>,
    receiver: Option<Receiver<Arc<()>>>,
    tx_task: Task,
    rx_task: Task,
    value: Option<Weak<()>>,
    /// Whether the value is in the channel.
    is_sent: bool,
    is_closed: bool,
    is_terminated: bool,
}

impl Model {
    fn new() -> Model {
        let (sender, receiver) = oneshot::channel();
        Model {
            sender: Some(sender),
            receiver: Some(receiver),
            tx_task: Task::new(),
            rx_task: Task::new(),
            value: None,
            is_sent: false,
            is_closed: false,
            is_terminated: false,
        }
    }

    fn send(&mut self) {
        let Some(sender) = self.sender.take() else { return };
        let value = Arc::new(());
        self.value = Some(Arc::downgrade(&value));
        let sent = sender.send(value);
        assert_eq!(sent.is_err(), self.is_closed);
        self.is_sent = sent.is_ok();
        self.sender_goes();
    }

    fn sender_goes(&mut self) {
        self.tx_task.waits = None;
        self.rx_task.wake();
    }

    fn receiver_goes(&mut self) {
        self.is_sent = false;
        self.is_closed = true;
        self.rx_task.waits = None;
        self.tx_task.wake();
    }

    /// What the receiver is to get.
    fn expected(&self) -> Result<(), TryRecvError> {
        if self.is_sent {
            Ok(())
        } else if self.is_terminated || self.is_closed || self.sender.is_none() {
            Err(TryRecvError::Closed)
        } else {
            Err(TryRecvError::Empty)
        }
    }

    fn poll(&mut self, waker: usize) {
        let expected = self.expected();
        let Some(receiver) = self.receiver.as_mut() else { return };
        if self.is_terminated {
            return;
        }
        let task = self.rx_task.wakers[waker].waker();
        let polled = Pin::new(receiver).poll(&mut Context::from_waker(&task));
        let got = match polled {
            Poll::Pending => Err(TryRecvError::Empty),
            Poll::Ready(Err(_)) => Err(TryRecvError::Closed),
            Poll::Ready(Ok(_)) => Ok(()),
        };
        assert_eq!(got, expected);
        match got {
            Err(TryRecvError::Empty) => self.rx_task.waits = Some(waker),
            _ => self.terminate(),
        }
    }

    fn try_recv(&mut self) {
        let expected = self.expected();
        let Some(receiver) = self.receiver.as_mut() else { return };
        let got = receiver.try_recv().map(drop);
        assert_eq!(got, expected);
        if got != Err(TryRecvError::Empty) {
            self.terminate();
        }
    }

    fn terminate(&mut self) {
        self.is_terminated = true;
        self.receiver_goes();
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Send => self.send(),
            Step::DropSender => {
                if self.sender.take().is_some() {
                    self.sender_goes();
                }
            }
            Step::PollClosed(waker) => {
                let Some(sender) = self.sender.as_mut() else { return };
                let task = self.tx_task.wakers[waker].waker();
                let polled = sender.poll_closed(&mut Context::from_waker(&task));
                assert_eq!(polled.is_ready(), self.is_closed);
                if polled.is_pending() {
                    self.tx_task.waits = Some(waker);
                }
            }
            Step::Poll(waker) => self.poll(waker),
            Step::TryRecv => self.try_recv(),
            Step::Close => {
                let Some(receiver) = self.receiver.as_mut() else { return };
                receiver.close();
                self.is_closed |= self.sender.is_some();
                if self.sender.is_some() {
                    self.tx_task.wake();
                }
            }
            Step::DropReceiver => {
                if self.receiver.take().is_some() {
                    self.receiver_goes();
                }
            }
        }
        self.check();
    }

    fn check(&self) {
        self.tx_task.check();
        self.rx_task.check();
        let alive = self.value.as_ref().is_some_and(|value| value.strong_count() > 0);
        assert_eq!(alive, self.is_sent);
        if let Some(sender) = &self.sender {
            assert_eq!(sender.is_closed(), self.is_closed);
            assert_eq!(sender.stats().sender_waits, self.tx_task.waits.is_some());
        }
        if let Some(receiver) = &self.receiver {
            assert_eq!(receiver.is_empty(), !self.is_sent);
            assert_eq!(receiver.is_terminated(), self.is_terminated);
            assert_eq!(receiver.stats().has_value, self.is_sent);
            assert_eq!(receiver.stats().receiver_waits, self.rx_task.waits.is_some());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn a_oneshot_does_what_the_flags_say(steps in prop::collection::vec(step(), 1..16)) {
        let mut model = Model::new();
        for step in steps {
            model.step(step);
        }
        model.step(Step::DropSender);
        model.step(Step::DropReceiver);
    }
}
