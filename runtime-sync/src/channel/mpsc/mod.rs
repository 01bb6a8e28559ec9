//! Many senders, one receiver: each message goes to the one receiver, in the order of sending.
//!
//! A channel is [bounded](channel), so that senders wait while it is full, or
//! [unbounded](unbounded_channel), so that they never wait. It is closed when the last sender is
//! dropped, or when the receiver closes it or is dropped; what was sent before the senders left
//! can still be received. Names and semantics are those of `tokio::sync::mpsc`.
//!
//! - Sending never copies a message more than once, allocates only when a block of messages is
//!   full and none is free, and takes no lock while there is room.
//! - Senders that wait for room are served strictly first come, first served.
//! - Dropping a future of this module at any moment loses no message, no permit and no place in
//!   line but its own.
//!
//! What to expect of misuse:
//!
//! - A capacity of 0, or above `usize::MAX >> 3`, panics.
//! - A [`Permit`] that is leaked with [`mem::forget`](std::mem::forget) takes its place with it. After
//!   [`close`](Receiver::close), `recv` waits for such a permit until the last sender is dropped.
//! - A waker that panics inside of `send` or `recv` passes its panic on to the caller; the channel
//!   goes on, and nobody else's wake is lost. A message that was just received is dropped with it.
//! - A waker may call back into the channel: no lock is held when it is called.
//! - Not more than 1048575 permits can be out at a time; who wants more waits.
//!
//! # Map
//!
//! | file | what it is |
//! |---|---|
//! | `gate` | the word that lets senders in |
//! | `block` | the blocks that messages lie in |
//! | `entrance` | who may come in, how far it is filled, who waits |
//! | `chan` | what the handles share: taking a slot, reading one |
//! | `line` | waiting for room |
//! | `sleeper` | the receiver's waker |
//! | `consumer`, `producer` | the two ends, bounded or not |
//! | `sender`, `receiver`, `unbounded`, `weak`, `permit`, `owned_permit` | the handles |

#[expect(unsafe_code, reason = "slots are written and read by whoever owns their position")]
mod block;
#[expect(unsafe_code, reason = "who moves the tail owns a slot; one consumer reads them")]
mod chan;
mod consumer;
mod entrance;
pub mod error;
mod gate;
mod line;
mod owned_permit;
mod permit;
mod producer;
mod receiver;
mod sender;
#[expect(unsafe_code, reason = "a cell that is handed over with a mark at the gate")]
mod sleeper;
mod stats;
mod unbounded;
mod weak;

pub use owned_permit::OwnedPermit;
pub use permit::{Permit, PermitIterator};
pub use receiver::Receiver;
pub use sender::Sender;
pub use stats::MpscStats;
pub use unbounded::{UnboundedReceiver, UnboundedSender};
pub use weak::{WeakSender, WeakUnboundedSender};

use chan::Consumer;
use entrance::UNBOUNDED;

/// The greatest capacity of a channel.
const CAPACITY_MAX: usize = usize::MAX >> 3;

/// Makes a channel for up to `capacity` messages.
///
/// Senders wait while it is full. Permits that are out count like messages. Memory is taken as
/// messages come, not for the whole capacity.
///
/// # Panics
///
/// Panics if `capacity` is 0 or greater than `usize::MAX >> 3`.
///
/// # Examples
///
/// ```
/// use filch::sync::mpsc;
///
/// filch::runtime::Runtime::new().unwrap().block_on(async {
///     let (send, mut receive) = mpsc::channel(2);
///     filch::task::spawn(async move {
///         for n in 0..10 {
///             send.send(n).await.unwrap();
///         }
///     });
///     let mut sum = 0;
///     while let Some(n) = receive.recv().await {
///         sum += n;
///     }
///     assert_eq!(sum, 45);
/// });
/// ```
#[track_caller]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    channel_in_blocks_of(capacity)
}

/// Makes a channel without a limit: sending never waits.
///
/// If the receiver is slower than the senders, the queue grows until memory is used up.
///
/// # Examples
///
/// ```
/// use filch::sync::mpsc;
///
/// let (send, mut receive) = mpsc::unbounded_channel();
/// send.send("hello").unwrap();
/// assert_eq!(receive.try_recv(), Ok("hello"));
/// ```
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    unbounded_channel_in_blocks_of()
}

/// Like [`channel`], with blocks of another size, so that tests get to their ends.
#[doc(hidden)]
#[track_caller]
pub fn channel_in_blocks_of<T, const BLOCK: usize>(
    capacity: usize,
) -> (Sender<T, BLOCK>, Receiver<T, BLOCK>) {
    assert!(
        capacity > 0,
        "a channel needs room for one message at least: `mpsc::channel(0)` could never send; \
         use `mpmc` with capacity 0 if both sides shall meet"
    );
    assert!(
        capacity <= CAPACITY_MAX,
        "the capacity of a channel is {CAPACITY_MAX} at most; use `mpsc::unbounded_channel` for \
         one without a limit"
    );
    let consumer = Consumer::new(capacity as u64);
    (Sender::first(&consumer.chan), Receiver::new(consumer))
}

/// Like [`unbounded_channel`], with blocks of another size, so that tests get to their ends.
#[doc(hidden)]
pub fn unbounded_channel_in_blocks_of<T, const BLOCK: usize>()
-> (UnboundedSender<T, BLOCK>, UnboundedReceiver<T, BLOCK>) {
    let consumer = Consumer::new(UNBOUNDED);
    (UnboundedSender::first(&consumer.chan), UnboundedReceiver::new(consumer))
}
