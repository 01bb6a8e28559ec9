//! Many to many: any number of senders, any number of receivers, each value to one of them.
//!
//! | to | use |
//! |---|---|
//! | share work among some tasks, and let the senders wait if it piles up | [`bounded`] |
//! | never wait to send | [`unbounded`] |
//! | hand values over, from hand to hand | [`bounded`]`(0)` |
//!
//! Both ends can be cloned and shared, and have the same types in each kind of channel. asyncio's
//! counterpart is [`queue`](crate::queue); names and errors are those of [`mpsc`](super::mpsc)
//! and tokio where they mean the same. What a capacity of zero means is as in trio.
//!
//! # The end of a channel
//!
//! A channel is closed when the last sender is dropped, when the last receiver is dropped, or by
//! [`Sender::close`] or [`Receiver::close`]. From then on nothing can be sent; those who wait for
//! room get their values back. Receivers still get what is in the channel, and then
//! [`RecvError`]. What is in it when the last receiver is dropped is dropped with it.
//!
//! # Order and fairness
//!
//! Values come out in the order in which they were put in, but for a channel without room: a value
//! whose receiver gave up goes to another one, which may have got a later value already. Those who wait are served in the order
//! in which they came, at both ends. One that comes when there is something to be had need not
//! queue up, even if others were woken for it and have not run yet; but a waiter that has run in
//! vain is not overtaken any more: until it is served all others queue up, and the `try_`
//! functions say that there is nothing. So a future that was polled and is then neither polled nor
//! dropped can keep others waiting, as with any fair lock.
//!
//! # What it costs
//!
//! Sending with room and receiving with something there take no lock and allocate nothing, except
//! that an unbounded channel allocates a block of 31 slots at a time as long as it grows. Waiting
//! allocates nothing. A bounded channel of up to 4096 values allocates its slots when it is made;
//! beyond that they are allocated as they are needed.
//!
//! How it is made, from the ground up:
//!
//! | file | what it is |
//! |---|---|
//! | `buffer` | what a buffer can do |
//! | `ring` | a buffer of fixed size |
//! | `blocks` | a buffer that grows |
//! | `turn` | a line in which one keeps its place until there is something to be had |
//! | `buffered` | a buffer between two lines |
//! | `meeting` | no buffer: senders and receivers in one line |
//! | `channel` | one of these, with its handles counted |
//!
//! # Examples
//!
//! Three workers share what comes in:
//!
//! ```
//! use filch::sync::mpmc;
//!
//! filch::runtime::Runtime::new().unwrap().block_on(async {
//!     let (sender, receiver) = mpmc::bounded(16);
//!     let workers: Vec<_> = (0..3)
//!         .map(|_| {
//!             let receiver = receiver.clone();
//!             filch::spawn(async move {
//!                 let mut sum = 0;
//!                 while let Ok(n) = receiver.recv().await {
//!                     sum += n;
//!                 }
//!                 sum
//!             })
//!         })
//!         .collect();
//!     for n in 1..=100 {
//!         sender.send(n).await.unwrap();
//!     }
//!     drop(sender);
//!     let mut sum = 0;
//!     for worker in workers {
//!         sum += worker.await.unwrap();
//!     }
//!     assert_eq!(sum, 5050);
//! });
//! ```
//!
//! What is not [`Send`] stays on its thread:
//!
//! ```compile_fail
//! fn sends<T: Send>(_: T) {}
//! sends(filch::sync::mpmc::unbounded::<std::rc::Rc<u32>>().0);
//! ```

#[doc(hidden)]
#[expect(unsafe_code, reason = "cells in linked blocks, handed over by positions and states")]
pub mod blocks;
#[doc(hidden)]
pub mod buffer;
#[doc(hidden)]
pub mod buffered;
mod channel;
mod error;
#[doc(hidden)]
pub mod meeting;
mod receiver;
#[doc(hidden)]
#[expect(unsafe_code, reason = "cells in a ring, handed over by stamps")]
pub mod ring;
mod sender;
pub(crate) mod turn;

pub use channel::ChannelStats;
pub use error::{RecvError, SendError, SendTimeoutError, TryRecvError, TrySendError};
pub use receiver::{Receiver, WeakReceiver};
pub use sender::{Sender, WeakSender};

use std::sync::Arc;

use channel::Channel;

/// The largest capacity of a bounded channel.
///
/// # Examples
///
/// ```
/// let (sender, _receiver) = filch::sync::mpmc::bounded::<u8>(filch::sync::mpmc::MAX_CAPACITY);
/// assert_eq!(sender.capacity(), Some(filch::sync::mpmc::MAX_CAPACITY));
/// ```
pub const MAX_CAPACITY: usize = usize::MAX >> 3;

/// Makes a channel that holds up to `capacity` values.
///
/// With a capacity of zero it holds none: each send waits for a receiver that takes the value out
/// of its hand.
///
/// # Panics
///
/// Panics if `capacity` is above [`MAX_CAPACITY`].
///
/// # Examples
///
/// ```
/// use filch::sync::mpmc;
///
/// runtime_sync::block_on(async {
///     let (sender, receiver) = mpmc::bounded(1);
///     sender.send("hello").await.unwrap();
///     assert_eq!(receiver.recv().await, Ok("hello"));
/// });
/// ```
#[track_caller]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(
        capacity <= MAX_CAPACITY,
        "the capacity of a channel is at most {MAX_CAPACITY}, not {capacity}: for a channel \
         without a limit use `unbounded`"
    );
    both_ends(Some(capacity))
}

/// Makes a channel that holds up to `capacity` values: [`bounded`] by tokio's name.
///
/// Unlike a channel of `mpsc` it may have a capacity of zero.
///
/// # Panics
///
/// Panics if `capacity` is above [`MAX_CAPACITY`].
///
/// # Examples
///
/// ```
/// let (sender, receiver) = filch::sync::mpmc::channel(1);
/// sender.try_send(1).unwrap();
/// assert_eq!(receiver.try_recv(), Ok(1));
/// ```
#[track_caller]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    bounded(capacity)
}

/// Makes a channel that holds any number of values.
///
/// Nothing keeps it from eating all memory if values come in faster than they are taken out.
///
/// # Examples
///
/// ```
/// let (sender, receiver) = filch::sync::mpmc::unbounded();
/// for n in 0..1_000 {
///     sender.try_send(n).unwrap();
/// }
/// assert_eq!(receiver.len(), 1_000);
/// ```
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    both_ends(None)
}

fn both_ends<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    let channel = Arc::new(Channel::new(capacity));
    (Sender { channel: Arc::clone(&channel) }, Receiver { channel })
}
