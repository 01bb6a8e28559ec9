//! What is written while the background is about to have sent all is sent, too, under every interleaving.
//!
//! The outbox is compiled into this test: nothing leads to it from outside but sockets, which no model has.
#![cfg(filch_loom)]
#![allow(dead_code, missing_docs)]

use loom::sync::Arc;
use loom::thread;

#[path = "../src/streams/loss.rs"]
mod loss;
#[path = "../src/streams/outbox.rs"]
mod outbox;

use outbox::{Outbox, Sent};

/// Does as `Connection::flush` does, over a socket that always has room: how much it has sent, and what is
/// left to do.
fn flush(outbox: &Outbox) -> (usize, Sent) {
    let mut count = 0;
    loop {
        match outbox.finish() {
            Sent::More => {}
            rest => return (count, rest),
        }
        let mut batch = outbox.take_batch();
        let len = batch.rest().len();
        batch.sent(len);
        count += len;
    }
}

/// An outbox with two bytes for which there was no room, and who sends them in the background.
fn sending() -> (Arc<Outbox>, thread::JoinHandle<(usize, Sent)>) {
    let outbox = Arc::new(Outbox::new(None));
    assert!(outbox.begin_or_push(b"ab"));
    outbox.push(b"ab");
    let shared = outbox.clone();
    let background = thread::spawn(move || flush(&shared));
    (outbox, background)
}

/// Does as `Connection::write` does, over a socket that has room at once. The twin looks whether somebody
/// sends, and leaves the bytes to him in a second step.
fn a_write_as_the_background_ends(in_one_step: bool) {
    let (outbox, background) = sending();
    let begun = match in_one_step {
        true => outbox.begin_or_push(b"c"),
        false => {
            outbox.begin() || {
                outbox.push(b"c");
                false
            }
        }
    };
    let at_once = if begun { 1 + flush(&outbox).0 } else { 0 };
    let sent = at_once + background.join().unwrap().0;
    assert_eq!((sent, outbox.len()), (3, 0));
}

#[test]
fn what_is_written_as_the_background_ends_is_sent() {
    loom::model(|| a_write_as_the_background_ends(true));
}

#[test]
fn a_twin_that_leaves_its_bytes_to_who_has_gone() {
    let model = || loom::model(|| a_write_as_the_background_ends(false));
    assert!(std::panic::catch_unwind(model).is_err());
}

#[test]
fn a_close_that_comes_as_the_background_ends_is_found() {
    loom::model(|| {
        let (outbox, background) = sending();
        outbox.close();
        let by_us = outbox.begin() && outbox.finish() == Sent::Close;
        let by_background = background.join().unwrap().1 == Sent::Close;
        assert!(by_us != by_background, "one of the two closes");
    });
}
