//! Waiting, and what stands on it: filch's lowest floor, for any executor.
//!
//! Nothing here knows what a task or a runtime is; a [`Waker`](std::task::Waker) is all that is
//! asked of an executor. What the crate is made of, from the ground up:
//!
//! | module | what it is |
//! |---|---|
//! | [`primitives`] | atomics, cells, a mutex, threads: std's, or loom's in a model |
//! | [`contention`] | being kind to the other cores: [`Padded`](contention::Padded), [`Backoff`](contention::Backoff) |
//! | [`wake_batch`] | wakers collected under a lock, woken after it |
//! | [`waker_slot`] | a place for **one** waiter |
//! | [`list`] | an intrusive list of pinned nodes |
//! | [`wait_list`] | a line of **many** waiters, upon that list |
//! | [`budget`] | how much a task may do in one poll before it must let others in |
//! | [`block_on`](mod@block_on) | the smallest executor: one future, this thread |
//! | [`timer`] | a sleep, brought along by the runtime above |
//! | [`lock`] | locks, semaphores and signals |
//! | [`channel`] | from one task to another |
//! | [`queue`] | asyncio's queues |
//!
//! A primitive that waits is a word of state plus one of the two: a slot if there is one waiter
//! at most, a line if there may be many. Both keep the same promises:
//!
//! - No wake is lost: who registers and then looks at the state either sees what a waker did
//!   before it woke, or is woken by it.
//! - No waker is cloned, woken or dropped while a lock is held, so a waker may call back into the
//!   very primitive that wakes it.
//! - A waker that panics does not keep the others from being woken, and leaves everything usable.
#![deny(unsafe_code)]

pub mod block_on;
pub mod budget;
pub mod channel;
pub mod contention;
mod first_try;
#[expect(unsafe_code, reason = "nodes point to each other across the places where they lie")]
pub mod list;
pub mod lock;
pub mod panics;
pub mod primitives;
pub mod queue;
mod reentry;
pub mod timer;
#[expect(unsafe_code, reason = "a line of nodes inside of futures, shared under a lock")]
pub mod wait_list;
pub mod wake_batch;
#[expect(unsafe_code, reason = "one cell that a registrant and takers hand to each other")]
pub mod waker_slot;

pub use block_on::block_on;
