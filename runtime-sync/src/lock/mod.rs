//! Locks, semaphores and signals, for any executor.
//!
//! | to | use | it comes from |
//! |---|---|---|
//! | change data by one task at a time, over an await | [`Mutex`] | tokio |
//! | read it by many, change it by one | [`RwLock`] | tokio |
//! | exclude each other without data | [`Lock`] | asyncio |
//! | wait until guarded data has changed | [`Condition`] | asyncio |
//! | let so many in at a time | [`Semaphore`], [`BoundedSemaphore`] | tokio, asyncio |
//! | the same, and know who is in | [`CapacityLimiter`] | trio |
//! | tell one or all waiting tasks to look again | [`Notify`] | tokio |
//! | tell that something has happened, for good or until it is cleared | [`Event`] | asyncio |
//! | go on together | [`Barrier`] | tokio, asyncio |
//! | make a value once | [`OnceCell`], [`SetOnce`] | tokio |
//! | tell a tree of tasks to end | [`CancellationToken`] | tokio-util |
//! | build another one | [`ParkingLot`] | trio |
//!
//! If the data is only touched between two awaits, std's mutex is the better one: it is as fast, and
//! a guard of it cannot be held over an await by mistake.
//!
//! All of them stand in line first come, first served. A task that is running may be faster than one
//! that was just woken, and take a lock before it; how far that goes, and why nobody starves, is
//! said in [`permits`], the base of most of them.

mod acquire_error;
mod barrier;
mod bounded_semaphore;
mod cancellation_token;
mod capacity_limiter;
mod condition;
mod event;
#[expect(unsafe_code, reason = "pointers that behave like references and end with their guard")]
mod guarded;
#[expect(unsafe_code, reason = "permits go back once, or move into another guard")]
mod held;
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

pub use acquire_error::*;
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
