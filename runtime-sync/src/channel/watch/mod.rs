//! The latest value, for everybody who looks.
//!
//! - [`channel`] makes the two ends, with a first value.
//! - [`Sender`] puts another value in the place of the one that is there.
//! - [`Receiver`] looks at the value, and waits for the next one. Values that it does not look at
//!   in time are never seen.
//! - [`Ref`] is a look at the value; it keeps senders out, so it should be short.
//!
//! Names and semantics are those of `tokio::sync::watch`. Inside, `shared.rs` is what all ends
//! share: the value in a lock for many readers or one writer, its version beside it, and the lines
//! of those who wait.
//!
//! # What it costs
//!
//! A send takes the value's lock, and passes a fence to see that nobody waits. Asking whether there
//! is something new is one load.

pub mod error;
mod receiver;
mod sender;
mod shared;

pub use receiver::{Receiver, Ref};
pub use sender::Sender;

/// Makes a channel that holds `init`, which counts as seen by the receiver.
///
/// `tokio::sync::watch::channel`.
///
/// # Examples
///
/// ```
/// use filch::sync::watch;
///
/// filch::runtime::Runtime::new().unwrap().block_on(async {
///     let (sender, mut receiver) = watch::channel("starting");
///     filch::spawn(async move { sender.send("running").unwrap() });
///     while receiver.changed().await.is_ok() {
///         println!("{}", *receiver.borrow_and_update());
///     }
///     assert_eq!(*receiver.borrow(), "running");
/// });
/// ```
pub fn channel<T>(init: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(init);
    let receiver = sender.subscribe();
    (sender, receiver)
}

/// What a channel looked like at one moment.
///
/// # Examples
///
/// ```
/// use filch::sync::watch;
///
/// let (sender, _receiver) = watch::channel(1);
/// assert_eq!(sender.stats().receivers, 1);
/// assert_eq!(sender.stats().waiting, 0);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchStats {
    /// How many senders there are.
    pub senders: usize,
    /// How many receivers there are.
    pub receivers: usize,
    /// How many tasks wait for the next value.
    pub waiting: usize,
    /// How many tasks wait until no receiver is left.
    pub waiting_closed: usize,
}
