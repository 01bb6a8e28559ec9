//! Real threads at `mpsc`: each message arrives exactly once, and those of a sender in order.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

use std::pin::pin;
use std::task::{Context, Waker};
use std::thread;

use runtime_sync::block_on;
use runtime_sync::channel::mpsc::{Receiver, Sender, channel_in_blocks_of, unbounded_channel};

const SENDERS: u64 = 3;
const EACH: u64 = 20_000;

/// Which sender, and which of its messages.
type Message = (u64, Box<u64>);

/// Checks the messages of each sender one by one.
struct Ledger {
    next: [u64; SENDERS as usize],
}

impl Ledger {
    fn new() -> Ledger {
        Ledger { next: [0; SENDERS as usize] }
    }

    fn enter(&mut self, (sender, message): Message) {
        let next = &mut self.next[sender as usize];
        assert_eq!(*message, *next);
        *next += 1;
    }

    fn close(self) {
        assert_eq!(self.next, [EACH; SENDERS as usize]);
    }
}

fn receive_all<const BLOCK: usize>(mut receive: Receiver<Message, BLOCK>) {
    let mut ledger = Ledger::new();
    block_on(async {
        let mut batch = Vec::new();
        for turn in 0.. {
            // In turn one by one and several at once.
            if turn % 3 == 0 {
                match receive.recv().await {
                    Some(message) => ledger.enter(message),
                    None => break,
                }
            } else if receive.recv_many(&mut batch, 5).await == 0 {
                break;
            }
            batch.drain(..).for_each(|message| ledger.enter(message));
        }
    });
    ledger.close();
}

async fn send_all<const BLOCK: usize>(send: Sender<Message, BLOCK>, sender: u64) {
    let mut at = 0;
    while at < EACH {
        match at % 7 {
            0..4 => send.send((sender, Box::new(at))).await.unwrap(),
            4 => {
                // A wait that is given up, wherever it is.
                {
                    let mut waits = pin!(send.reserve());
                    drop(waits.as_mut().poll(&mut Context::from_waker(Waker::noop())));
                }
                send.reserve().await.unwrap().send((sender, Box::new(at)));
            }
            5 => {
                let mut permits = send.reserve_many(2).await.unwrap();
                permits.next().unwrap().send((sender, Box::new(at)));
            }
            _ => {
                if let Err(error) = send.try_send((sender, Box::new(at))) {
                    send.send(error.into_inner()).await.unwrap();
                }
            }
        }
        at += 1;
    }
}

fn run<const BLOCK: usize>(capacity: usize) {
    let (send, receive) = channel_in_blocks_of::<Message, BLOCK>(capacity);
    thread::scope(|scope| {
        for sender in 0..SENDERS {
            let send = send.clone();
            scope.spawn(move || block_on(send_all(send, sender)));
        }
        drop(send);
        receive_all(receive);
    });
}

#[test]
fn each_message_arrives_once_through_the_smallest_room() {
    run::<1>(2);
}

#[test]
fn each_message_arrives_once_through_a_large_room() {
    run::<32>(1_000);
}

#[test]
fn each_message_arrives_once_without_a_limit() {
    let (send, mut receive) = unbounded_channel();
    thread::scope(|scope| {
        for sender in 0..SENDERS {
            let send = send.clone();
            scope.spawn(move || {
                for at in 0..EACH {
                    send.send((sender, Box::new(at))).unwrap();
                }
            });
        }
        drop(send);
        let mut ledger = Ledger::new();
        while let Some(message) = receive.blocking_recv() {
            ledger.enter(message);
        }
        ledger.close();
    });
}

#[test]
fn what_is_sent_while_the_receiver_goes_is_dropped() {
    for _ in 0..200 {
        let value = std::sync::Arc::new(());
        let (send, mut receive) = unbounded_channel();
        thread::scope(|scope| {
            for _ in 0..2 {
                let (send, value) = (send.clone(), &value);
                scope.spawn(move || while send.send(std::sync::Arc::clone(value)).is_ok() {});
            }
            receive.blocking_recv();
            drop(receive);
        });
        drop(send);
        assert_eq!(std::sync::Arc::strong_count(&value), 1);
    }
}
