//! Channels: from task to task, for any executor.
//!
//! | channel | who sends | who receives | what |
//! |---|---|---|---|
//! | [`oneshot`] | one | one | one value |
//! | [`mpsc`] | many | one | each value |
//! | [`mpmc`] | many | many | each value goes to one of them |
//! | [`broadcast`] | many | many | each value goes to all of them; who is too slow misses some |
//! | [`watch`] | many | many | the latest value |
//!
//! A channel between threads that do not run tasks works as well: each end that waits has a
//! `blocking_` twin. asyncio's queues, which know when their items are done, are in
//! [`queue`](crate::queue).
//!
//! A waker that panics keeps nobody else from being woken, and its panic comes out of the call that has woken
//! it, unless that holds a value that would be lost: who receives gets what there is.

#[expect(unsafe_code, reason = "slots that senders and receivers hand to each other by a word")]
pub mod broadcast;
pub mod mpmc;
pub mod mpsc;
#[expect(unsafe_code, reason = "one allocation that two ends free by a word of state")]
pub mod oneshot;
pub mod watch;
