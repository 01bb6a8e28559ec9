//! One value, once, from one task to another.
//!
//! - [`channel`] makes the two ends.
//! - [`Sender`] sends by value and never waits for that.
//! - [`Receiver`] is itself the future of the value.
//!
//! Names and semantics are those of `tokio::sync::oneshot`. Inside:
//!
//! | file | what it is |
//! |---|---|
//! | `state.rs` | the word that says who may touch what, and who frees it |
//! | `place.rs` | the one allocation, and the two ends that hold it; all `unsafe` lies there |
//! | `sender.rs`, `receiver.rs` | what users see |
//!
//! # What it costs
//!
//! One allocation. A send is one compare-exchange, also if it wakes the receiver. Receiving a value
//! that is there is one load. Whoever goes last knows it from the word and frees the allocation
//! without writing to it, so a value that is sent and received takes one read-modify-write, and one
//! more if the receiver had to wait.

pub mod error;
mod place;
mod receiver;
mod sender;
mod state;

pub use receiver::Receiver;
pub use sender::Sender;

use state::Snapshot;

/// Makes a channel for one value.
///
/// `tokio::sync::oneshot::channel`.
///
/// # Examples
///
/// ```
/// use filch::sync::oneshot;
///
/// filch::runtime::Runtime::new().unwrap().block_on(async {
///     let (sender, receiver) = oneshot::channel();
///     filch::spawn(async move {
///         sender.send(42).unwrap();
///     });
///     assert_eq!(receiver.await, Ok(42));
/// });
/// ```
///
/// If the sender is dropped, the receiver learns of it:
///
/// ```
/// use filch::sync::oneshot;
///
/// let (sender, receiver) = oneshot::channel::<u32>();
/// drop(sender);
/// assert!(runtime_sync::block_on(receiver).is_err());
/// ```
#[inline]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = place::ends();
    (Sender::new(sender), Receiver::new(receiver))
}

/// What a channel looked like at one moment.
///
/// # Examples
///
/// ```
/// use filch::sync::oneshot;
///
/// let (sender, receiver) = oneshot::channel();
/// assert!(!receiver.stats().has_value);
/// sender.send(1).unwrap();
/// assert!(receiver.stats().has_value);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OneshotStats {
    /// Whether a value was sent and not received.
    pub has_value: bool,
    /// Whether the receiver refuses values, or is dropped.
    pub is_closed: bool,
    /// Whether the sender has sent, or is dropped.
    pub is_sender_gone: bool,
    /// Whether a task waits for the value.
    pub receiver_waits: bool,
    /// Whether a task waits in [`Sender::closed`].
    pub sender_waits: bool,
}

impl OneshotStats {
    fn of(state: Snapshot) -> OneshotStats {
        OneshotStats {
            has_value: state.has_value(),
            is_closed: state.is_closed(),
            is_sender_gone: state.is_sender_gone(),
            receiver_waits: state.has_receiver_waker(),
            sender_waits: state.has_sender_waker(),
        }
    }

    /// What a receiver sees that is done with its channel.
    const OVER: OneshotStats = OneshotStats {
        has_value: false,
        is_closed: true,
        is_sender_gone: true,
        receiver_waits: false,
        sender_waits: false,
    };
}
