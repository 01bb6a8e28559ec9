//! Every value, to every receiver.
//!
//! - [`channel`] makes the two ends, with room for so many values.
//! - [`Sender`] sends and never waits: if there is no room, the oldest value goes.
//! - [`Receiver`] receives a clone of each value that was sent since it was made. If it lags behind
//!   by more than there is room for, it is [told](error::RecvError::Lagged) how many it has missed.
//! - [`WeakSender`] is a sender that does not keep the channel open.
//!
//! Names and semantics are those of `tokio::sync::broadcast`. Inside:
//!
//! | file | what it is |
//! |---|---|
//! | `position.rs` | the number of a value |
//! | `tail.rs` | the word that numbers the values and counts the receivers |
//! | `slot.rs` | a place for one value, and the word that says who may touch it; all `unsafe` lies there |
//! | `shared.rs` | the ring of slots, and who waits |
//! | `cloning.rs` | who would wait for itself |
//! | `sender.rs`, `weak.rs`, `receiver.rs` | what users see |
//!
//! # How a value goes through
//!
//! A sender takes the next number with one fetch-add, which also tells how many receivers there
//! are: they will read this value, and receivers that come later will not. It then has its slot to
//! itself for as long as it takes to put the value in, and wakes those who wait.
//!
//! A receiver knows the number that it reads next. It takes the value *out* of the slot, clones it
//! with nothing locked, and puts it back; the last one keeps it and clones nothing. If a sender
//! needs the slot meanwhile, it does not wait for the clone: the receiver finds the slot taken and
//! drops the value.
//!
//! So there is no lock that a sender and a receiver share. Two receivers of one value do wait for
//! each other: only one thread may clone it at a time, as it need not be `Sync`.
//!
//! # What it costs
//!
//! A send is a fetch-add, a compare-exchange, a store and a fence. Receiving is a compare-exchange
//! and a store for the last receiver of a value, and twice that plus the clone for the others.

mod cloning;
pub mod error;
mod position;
mod receiver;
mod sender;
mod shared;
mod slot;
mod tail;
#[cfg(test)]
mod tests;
mod weak;

pub use receiver::Receiver;
pub use sender::Sender;
pub use weak::WeakSender;

/// Makes a channel with room for `capacity` values, rounded up to a power of two.
///
/// `tokio::sync::broadcast::channel`.
///
/// # Panics
///
/// Panics if `capacity` is 0 or above `usize::MAX / 2`, or if there is not so much memory.
///
/// # Examples
///
/// ```
/// use filch::sync::broadcast;
///
/// filch::runtime::Runtime::new().unwrap().block_on(async {
///     let (sender, mut first) = broadcast::channel(16);
///     let mut second = sender.subscribe();
///     filch::spawn(async move {
///         sender.send("to all").unwrap();
///     });
///     assert_eq!(first.recv().await, Ok("to all"));
///     assert_eq!(second.recv().await, Ok("to all"));
/// });
/// ```
///
/// A receiver that is too slow:
///
/// ```
/// use filch::sync::broadcast::{self, error::TryRecvError};
///
/// let (sender, mut receiver) = broadcast::channel(2);
/// for number in 1..=3 {
///     sender.send(number).unwrap();
/// }
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Lagged(1)));
/// assert_eq!(receiver.try_recv(), Ok(2));
/// assert_eq!(receiver.try_recv(), Ok(3));
/// ```
#[track_caller]
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(capacity);
    let receiver = sender.subscribe();
    (sender, receiver)
}

/// What a channel looked like at one moment.
///
/// # Examples
///
/// ```
/// use filch::sync::broadcast;
///
/// let (sender, _receiver) = broadcast::channel(3);
/// sender.send(1).unwrap();
/// let stats = sender.stats();
/// assert_eq!((stats.len, stats.capacity, stats.receivers), (1, 4, 1));
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BroadcastStats {
    /// How many values are in the channel because some receiver has not read them.
    pub len: usize,
    /// How many values there is room for.
    pub capacity: usize,
    /// How many senders there are.
    pub senders: usize,
    /// How many weak senders there are.
    pub weak_senders: usize,
    /// How many receivers there are.
    pub receivers: usize,
    /// How many tasks wait for the next value.
    pub waiting: usize,
    /// How many tasks wait until no receiver is left.
    pub waiting_closed: usize,
}
