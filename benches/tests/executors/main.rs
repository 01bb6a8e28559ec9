//! filch's locks, channels and queues under every executor: nothing in them asks whose tasks wait.
//!
//! | file | what |
//! |---|---|
//! | `executor.rs` | the executors, and how a test is run on each |
//! | `impatient.rs` | futures dropped in the middle, on purpose |
//! | `locks.rs`, `signals.rs`, `channels.rs` | what tokio has too |
//! | `mpmc.rs`, `queues.rs`, `asyncio.rs` | what it has not |
//! | `mixed.rs` | one channel between tasks of two executors |
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod asyncio;
mod channels;
mod executor;
mod impatient;
mod locks;
mod mixed;
mod mpmc;
mod queues;
mod signals;
