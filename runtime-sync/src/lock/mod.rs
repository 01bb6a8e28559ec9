//! Locks, semaphores and signals, for any executor.

mod barrier;
mod bounded_semaphore;
mod cancellation_token;
mod capacity_limiter;
mod condition;
mod event;
#[expect(clippy::module_inception, reason = "asyncio's Lock, which guards no data")]
mod lock;
#[expect(unsafe_code, reason = "the data is reached through guards, which own the permit")]
mod mutex;
mod notify;
#[expect(unsafe_code, reason = "the value is written once, by whoever moved the word there")]
mod once_cell;
mod parking_lot;
pub mod permits;
#[expect(unsafe_code, reason = "the data is reached through guards, which own their permits")]
mod rwlock;
mod semaphore;
#[expect(unsafe_code, reason = "the value is written once, by whoever moved the word there")]
mod set_once;

pub use barrier::*;
pub use bounded_semaphore::*;
pub use cancellation_token::*;
pub use capacity_limiter::*;
pub use condition::*;
pub use event::*;
pub use lock::*;
pub use mutex::*;
pub use notify::*;
pub use once_cell::*;
pub use parking_lot::*;
pub use rwlock::*;
pub use semaphore::*;
pub use set_once::*;
