//! Between tasks and threads, in both directions.
//!
//! ```text
//!   a task ── to_thread, run_in_executor ──▶ a thread that a runtime or a pool has started
//!      ▲                                           │
//!      └──────────── from_thread::block_on ────────┘
//!
//!   any other thread ── Portal ──▶ a task
//! ```
//!
//! A closure on such a thread is a *job*: a task that is polled once. Its context is that of whoever
//! sent it there, and a request to end it is told by `from_thread::check_cancelled`.

mod executor;
pub mod from_thread;
mod portal;
mod rest;
mod thread_pool;
mod to_thread;
mod wait;

pub use executor::{Executor, InExecutor, SubmitError, run_in_executor};
pub use portal::{BlockingPortal, Portal, start_blocking_portal};
pub use thread_pool::ThreadPoolExecutor;
pub use to_thread::{ToThread, current_default_thread_limiter, to_thread};
