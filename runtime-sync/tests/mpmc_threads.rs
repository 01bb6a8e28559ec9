//! Channels of many to many between real threads: each value comes out exactly once.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use filch::sync::mpmc::{self, RecvError};

#[test]
fn each_value_is_received_exactly_once() {
    const THREADS: usize = 3;
    const EACH: usize = 10_000;
    for (sender, receiver) in [
        mpmc::bounded(0),
        mpmc::bounded(1),
        mpmc::bounded(7),
        mpmc::bounded(5_000),
        mpmc::unbounded(),
    ] {
        let each = if sender.capacity() == Some(0) { EACH / 10 } else { EACH };
        let received: Vec<Vec<usize>> = std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let sender = sender.clone();
                scope.spawn(move || {
                    for n in 0..each {
                        sender.blocking_send(thread * each + n).unwrap();
                    }
                });
            }
            drop(sender);
            let receivers: Vec<_> = (0..THREADS)
                .map(|_| {
                    let receiver = receiver.clone();
                    scope.spawn(move || {
                        let mut values = Vec::new();
                        loop {
                            // A future that is dropped now and then.
                            if values.len() % 7 == 0 {
                                let mut cx = Context::from_waker(Waker::noop());
                                if let Poll::Ready(value) = pin!(receiver.recv()).poll(&mut cx) {
                                    match value {
                                        Ok(value) => values.push(value),
                                        Err(RecvError) => return values,
                                    }
                                }
                            }
                            match receiver.blocking_recv() {
                                Ok(value) => values.push(value),
                                Err(RecvError) => return values,
                            }
                        }
                    })
                })
                .collect();
            receivers.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for values in &received {
            for thread in 0..THREADS {
                let own: Vec<_> = values.iter().filter(|value| **value / each == thread).collect();
                // A kept value of a channel without room may be received later than others.
                assert!(
                    receiver.capacity() == Some(0) || own.is_sorted(),
                    "the values of one sender came out of order"
                );
            }
        }
        let mut all: Vec<_> = received.into_iter().flatten().collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..THREADS * each));
    }
}
