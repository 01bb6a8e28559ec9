//! Broadcast channels between threads: each receiver gets each value once and in order, or is told
//! how many it has missed; and each value is dropped.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use runtime_sync::block_on;
use runtime_sync::channel::broadcast::error::{RecvError, TryRecvError};
use runtime_sync::channel::broadcast::{self, Receiver};

const SENDERS: usize = 2;

/// Not `Sync`: two clones of one value at once would be seen.
struct Value {
    from: usize,
    number: usize,
    cloning: Cell<bool>,
    alive: Arc<AtomicUsize>,
}

impl Value {
    fn new(from: usize, number: usize, alive: &Arc<AtomicUsize>) -> Value {
        alive.fetch_add(1, Ordering::Relaxed);
        Value { from, number, cloning: Cell::new(false), alive: Arc::clone(alive) }
    }
}

impl Clone for Value {
    fn clone(&self) -> Value {
        assert!(!self.cloning.replace(true), "cloned by two at once");
        let clone = Value::new(self.from, self.number, &self.alive);
        self.cloning.set(false);
        clone
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        assert!(!self.cloning.get(), "dropped while it is cloned");
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Receives to the end. Returns how many it has got and missed.
fn receive(mut receiver: Receiver<Value>, tries: bool) -> (usize, usize) {
    let (mut got, mut missed) = (0, 0);
    let mut last = [None; SENDERS];
    loop {
        let received = match tries {
            false => block_on(receiver.recv()),
            true => match receiver.try_recv() {
                Ok(value) => Ok(value),
                Err(TryRecvError::Lagged(missed)) => Err(RecvError::Lagged(missed)),
                Err(TryRecvError::Closed) => Err(RecvError::Closed),
                Err(TryRecvError::Empty) => {
                    thread::yield_now();
                    continue;
                }
            },
        };
        match received {
            Ok(value) => {
                let number = Some(value.number);
                assert!(number > last[value.from], "out of order");
                last[value.from] = number;
                got += 1;
            }
            Err(RecvError::Lagged(count)) => missed += count as usize,
            Err(RecvError::Closed) => return (got, missed),
        }
    }
}

fn stress(capacity: usize, count: usize) {
    let alive = Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = broadcast::channel(capacity);
    thread::scope(|scope| {
        let receivers: [_; 3] = std::array::from_fn(|at| {
            let receiver = receiver.resubscribe();
            scope.spawn(move || receive(receiver, at == 0))
        });
        for from in 0..SENDERS {
            let (sender, alive) = (sender.clone(), &alive);
            scope.spawn(move || {
                for number in 0..count {
                    assert!(sender.send(Value::new(from, number, alive)).is_ok());
                }
            });
        }
        // Comes and goes, and leaves most values unread.
        let comes = sender.downgrade();
        scope.spawn(move || {
            while let Some(sender) = comes.upgrade() {
                let mut receiver = sender.subscribe();
                drop(sender);
                drop(receiver.try_recv());
                drop(block_on(receiver.recv()));
            }
        });
        drop(receiver);
        drop(sender);
        for receiver in receivers {
            let (got, missed) = receiver.join().unwrap();
            assert_eq!(got + missed, SENDERS * count);
            assert!(missed == 0 || capacity < SENDERS * count);
        }
    });
    assert_eq!(alive.load(Ordering::Relaxed), 0, "a value is left");
}

#[test]
fn with_room_each_value_comes_once() {
    stress(8192, 4000);
}

#[test]
fn without_room_each_value_comes_once_or_is_missed() {
    stress(1, 10_000);
    stress(4, 10_000);
}
