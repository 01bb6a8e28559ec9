//! Timers: a hierarchical wheel of intrusive entries behind one short lock, one wheel per worker.
//!
//! | file | what it knows |
//! |---|---|
//! | `entry.rs` | one timer: deadline, waker, links, state; and the list that strings them up |
//! | `wheel.rs` | which list a deadline belongs into, and which list comes next; no clock, no lock |
//! | `timers.rs` | the lock around a wheel, the hint for sleepers, and who is woken when |
//!
//! # A timer's life
//!
//! ```text
//!              insert                     expire, close
//!   IDLE ───────────────────▶ ARMED ──────────────────────▶ FIRED, CLOSED
//!    ▲                         │ ▲                                │
//!    └──────── remove ─────────┘ └─ reset: to another deadline    │
//!    └──────────────────────── remove, reset ─────────────────────┘
//! ```
//!
//! The owner of an entry (a `Sleep`) makes it ARMED and IDLE; the wheel makes it FIRED or CLOSED,
//! once, and does not touch it afterwards. So an owner who has read anything but ARMED knows that
//! the entry is its own again, without the lock.
//!
//! # Precision
//!
//! A timer never fires before its exact deadline: a slot of the lowest level holds the deadlines of
//! one tick of 2^14 ns (16.384 µs), and those of the tick in progress are compared one by one. How
//! late it fires is up to those who call `expire`.

#[expect(unsafe_code, reason = "intrusive entries live in their owners' memory")]
mod entry;
#[expect(unsafe_code, reason = "callers promise that an entry stays with one wheel, pinned")]
mod timers;
mod wheel;

pub use entry::{Entry, State};
pub use timers::{Inserted, Timers};
