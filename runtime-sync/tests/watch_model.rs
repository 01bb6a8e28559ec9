//! Random programs of senders and receivers that watch, against a number and what was seen of it.
#![allow(missing_docs)]

mod support;
mod support_owned;

use std::task::Poll;

use proptest::prelude::*;
use runtime_sync::channel::watch::{self, Receiver, Sender};
use support_owned::Owned;

/// What `changed` or `wait_for` has found, if it was not closed.
type Output = Option<u64>;

#[derive(Debug, Clone)]
enum Step {
    Send,
    /// Changes the value without telling anybody.
    Hide,
    Panic,
    Changed(usize),
    /// Waits for a value that is divided by this.
    WaitFor(usize, u64),
    GiveUp(usize),
    Borrow(usize),
    BorrowAndUpdate(usize),
    MarkChanged(usize),
    MarkUnchanged(usize),
    Subscribe,
    CloneReceiver(usize),
    DropReceiver(usize),
    CloneSender,
    DropSender,
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..6usize;
    prop_oneof![
        8 => Just(Step::Send),
        1 => Just(Step::Hide),
        1 => Just(Step::Panic),
        6 => who.clone().prop_map(Step::Changed),
        4 => (who.clone(), 1..5u64).prop_map(|(who, by)| Step::WaitFor(who, by)),
        3 => who.clone().prop_map(Step::GiveUp),
        1 => who.clone().prop_map(Step::Borrow),
        1 => who.clone().prop_map(Step::BorrowAndUpdate),
        1 => who.clone().prop_map(Step::MarkChanged),
        1 => who.clone().prop_map(Step::MarkUnchanged),
        1 => Just(Step::Subscribe),
        1 => who.clone().prop_map(Step::CloneReceiver),
        1 => who.prop_map(Step::DropReceiver),
        1 => Just(Step::CloneSender),
        2 => Just(Step::DropSender),
    ]
}

struct Watcher {
    owned: Owned<Receiver<u64>, Output>,
    seen: i64,
    /// What the future that waits asks for: a value divided by this. 0 is anything new.
    asks: u64,
}

struct Model {
    senders: Vec<Sender<u64>>,
    watchers: Vec<Watcher>,
    value: u64,
    version: i64,
}

impl Model {
    fn new() -> Model {
        let (sender, receiver) = watch::channel(1);
        let watcher = Watcher { owned: Owned::new(receiver), seen: 0, asks: 0 };
        Model { senders: vec![sender], watchers: vec![watcher], value: 1, version: 0 }
    }

    fn send(&mut self) {
        let Some(sender) = self.senders.last() else { return };
        match sender.send(self.value + 1) {
            Ok(()) => assert!(!self.watchers.is_empty()),
            Err(error) => {
                assert!(self.watchers.is_empty());
                assert_eq!(error.0, self.value + 1);
                assert_eq!(sender.send_replace(error.0), self.value);
            }
        }
        self.value += 1;
        self.version += 1;
    }

    fn hide(&mut self, panics: bool) {
        let Some(sender) = self.senders.last() else { return };
        let hides = || {
            sender.send_if_modified(|value| {
                *value += 1;
                if panics {
                    // Without a message for each.
                    std::panic::resume_unwind(Box::new("a closure panics"));
                }
                false
            })
        };
        let hidden = std::panic::catch_unwind(std::panic::AssertUnwindSafe(hides));
        assert_eq!(hidden.ok(), (!panics).then_some(false));
        self.value += 1;
    }

    /// Polls what waits, or begins to wait.
    fn poll(&mut self, who: usize, asks: u64) {
        let (value, version, closed) = (self.value, self.version, self.senders.is_empty());
        let watcher = &mut self.watchers[who];
        let begins = !watcher.owned.is_waiting();
        if begins {
            watcher.asks = asks;
        }
        let asks = watcher.asks;
        let polled = match asks {
            0 => watcher.owned.poll(|receiver| {
                Box::pin(async { receiver.changed().await.ok().map(|()| *receiver.borrow()) })
            }),
            _ => watcher.owned.poll(move |receiver| {
                Box::pin(async move {
                    let found = receiver.wait_for(|value| value % asks == 0).await;
                    found.ok().map(|value| *value)
                })
            }),
        };
        let is_new = watcher.seen != version;
        let wanted = match asks {
            0 => is_new,
            // The present value is asked about at first, later only what is new.
            _ => value % asks == 0 && (begins || is_new),
        };
        if asks != 0 && (begins || is_new) || wanted {
            watcher.seen = version;
        }
        let expected = match (wanted, closed) {
            (true, _) => Poll::Ready(Some(value)),
            (false, true) => Poll::Ready(None),
            (false, false) => Poll::Pending,
        };
        assert_eq!(polled, expected);
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Send => self.send(),
            Step::Hide => self.hide(false),
            Step::Panic => self.hide(true),
            Step::CloneSender => self.senders.extend(self.senders.last().cloned()),
            Step::DropSender => drop(self.senders.pop()),
            Step::Subscribe => {
                let version = self.version;
                let fresh = self.senders.last().map(Sender::subscribe);
                let watcher = |fresh| Watcher { owned: Owned::new(fresh), seen: version, asks: 0 };
                self.watchers.extend(fresh.map(watcher));
            }
            _ if self.watchers.is_empty() => {}
            Step::Changed(who) => self.poll(who % self.watchers.len(), 0),
            Step::WaitFor(who, by) => self.poll(who % self.watchers.len(), *by),
            Step::DropReceiver(who) => drop(self.watchers.swap_remove(who % self.watchers.len())),
            Step::CloneReceiver(who) => {
                let who = who % self.watchers.len();
                let watcher = &mut self.watchers[who];
                let (seen, twin) = (watcher.seen, watcher.owned.end().cloned());
                let watcher = |twin| Watcher { owned: Owned::new(twin), seen, asks: 0 };
                self.watchers.extend(twin.map(watcher));
            }
            Step::GiveUp(who) => {
                let who = who % self.watchers.len();
                self.watchers[who].owned.give_up();
            }
            Step::Borrow(who)
            | Step::BorrowAndUpdate(who)
            | Step::MarkChanged(who)
            | Step::MarkUnchanged(who) => self.look(step, who % self.watchers.len()),
        }
        self.check();
    }

    fn look(&mut self, step: &Step, who: usize) {
        let watcher = &mut self.watchers[who];
        let Some(receiver) = watcher.owned.end() else { return };
        let is_new = watcher.seen != self.version;
        match step {
            Step::Borrow(_) => {
                let look = receiver.borrow();
                assert_eq!((*look, look.has_changed()), (self.value, is_new));
            }
            Step::BorrowAndUpdate(_) => {
                let look = receiver.borrow_and_update();
                assert_eq!((*look, look.has_changed()), (self.value, is_new));
                watcher.seen = self.version;
            }
            Step::MarkChanged(_) => {
                receiver.mark_changed();
                watcher.seen = self.version - 1;
            }
            _ => {
                receiver.mark_unchanged();
                watcher.seen = self.version;
            }
        }
    }

    fn check(&mut self) {
        let closed = self.senders.is_empty();
        if let Some(sender) = self.senders.last() {
            let waiting = |one: &&Watcher| one.owned.is_waiting() && !one.owned.is_woken();
            let stats = sender.stats();
            assert_eq!((stats.senders, stats.receivers), (self.senders.len(), self.watchers.len()));
            assert_eq!(stats.waiting, self.watchers.iter().filter(waiting).count());
            assert_eq!(sender.is_closed(), self.watchers.is_empty());
            assert_eq!(*sender.borrow(), self.value);
        }
        for watcher in &mut self.watchers {
            let is_new = watcher.seen != self.version;
            match watcher.owned.end() {
                Some(receiver) => {
                    assert_eq!(receiver.has_changed().ok(), (!closed).then_some(is_new));
                }
                None => assert_eq!(watcher.owned.is_woken(), is_new || closed),
            }
        }
    }

    /// Lets all go on to the end.
    fn finish(mut self) {
        self.senders.clear();
        self.check();
        for who in 0..self.watchers.len() {
            while self.watchers[who].seen != self.version || self.watchers[who].owned.is_waiting() {
                self.poll(who, 0);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn a_watch_does_what_the_versions_say(steps in prop::collection::vec(step(), 1..80)) {
        let mut model = Model::new();
        for step in &steps {
            model.step(step);
        }
        model.finish();
    }
}
