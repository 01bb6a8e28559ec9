//! Frames: parts of a task that can be cancelled by themselves, or that answer a cancellation in
//! their own way.
//!
//! Futures are cancelled by dropping them, which cannot wait. A *frame* is a future around another
//! one that knows what is going on around it:
//!
//! ```text
//!  task ── requests (task/requests.rs)              a request comes from anywhere
//!   └─ scope: deadline, cancel()                    drops its body, once nothing inside is held
//!       └─ with_cleanup                             holds: drops its body, cleans up, lets go
//!           └─ timeout                              a scope
//!               └─ catch_cancel                     holds: drops its body, tells its caller
//! ```
//!
//! There are two kinds. A *scope* (`timeout`, `CancelScope`) is the aim of a cancellation: its own
//! deadline, or its own `cancel`. It concerns itself with nobody else's. A *holder* (`with_cleanup`,
//! `catch_cancel`, a shield, a group of tasks) answers what is aimed at anything around it, the task
//! included: the innermost first, since each holder looks only after what is inside of it was polled,
//! is pending, and is held by nobody.
//!
//! What costs what: a scope writes two thread-local words per poll ([`link`]) and has a [`Node`] only
//! if a holder opens inside of it. A holder makes nodes for what is around it when it is polled
//! first, counts itself in each of them, and enters its waker in the list of its task, so that a
//! cancellation reaches it also behind a `FuturesUnordered` that polls only what was woken.
//!
//! A frame belongs to the task that polled it first. One that is moved to another task while it
//! waits still works as a future, but is reached by no cancellation from then on.

mod holder;
#[expect(unsafe_code, reason = "a thread-local chain of links that lie on the stack")]
mod link;
mod node;

pub(crate) use holder::{Cause, Holder, Passage};
pub(crate) use link::{About, Plain, Until, earliest, in_effect, within};
pub(crate) use node::Node;
