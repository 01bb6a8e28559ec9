//! Cancellation that lets a task clean up.
//!
//! | to | use |
//! |---|---|
//! | ask a task to end | [`JoinHandle::cancel`](crate::task::JoinHandle::cancel) |
//! | have a part of a task ended, now or at a deadline | [`CancelScope`], [`move_on_after`], [`fail_after`], [`timeout_scope`] |
//! | clean up with awaits, whatever happens | [`with_cleanup`], [`CancelScope::on_exit`] |
//! | learn of a cancellation, and decide oneself | [`catch_cancel`] |
//! | finish something in spite of it | [`CancelScope::shielded`] |
//! | stop early in a loop that does not wait | [`check_cancelled`] |
//!
//! # Two strengths
//!
//! `abort` drops a task's future at its next suspension, and that is all. `cancel` is a request: it
//! goes to the innermost of those parts of the task that want to know, its *frames*, and from there
//! outwards, until one of them answers it or the task ends. A task without frames ends as by `abort`;
//! it pays nothing for the possibility.
//!
//! A value that is ready beats a cancellation: a future is polled before anybody looks whether it
//! is cancelled, and if it gives its value then, that is the outcome.
//!
//! # Scopes are their own business
//!
//! A [`CancelScope`], and so a timeout, ends what is inside when *its* time has come or *its*
//! [`cancel`](CancelScope::cancel) is called. Cancellation inside of it is a state, not an event: from
//! then on whatever waits in there is dropped, until the scope is left. A request that is aimed at
//! something else goes through a scope as if it were not there; no scope ever takes it for its own.
//!
//! # Order
//!
//! What is innermost goes first. A scope drops its body at the first suspension in which nobody
//! inside holds it: a `with_cleanup` that is not done, say. So a timeout whose body cleans up takes
//! longer than its time, and a timeout whose body does not takes no longer.
//!
//! A body is dropped as a whole. What runs in it beside a clean-up, as another branch of a `join!` or of
//! `gather`, say, runs on until that is done. The children of a
//! [`TaskGroup`](crate::task_group::TaskGroup) are told to end each by itself.
//!
//! ```
//! use filch::cancel::with_cleanup;
//! use filch::time::{Duration, sleep, timeout};
//!
//! # filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap().block_on(async {
//! let start = filch::time::Instant::now();
//! let work = with_cleanup(sleep(Duration::from_secs(60)), async {
//!     sleep(Duration::from_secs(2)).await; // say good-bye to the server
//! });
//! assert!(timeout(Duration::from_secs(5), work).await.is_err());
//! assert_eq!(start.elapsed(), Duration::from_secs(7));
//! # });
//! ```
//!
//! # What it is in asyncio and trio
//!
//! Requests to tasks, `cancelling` and `uncancel` are asyncio's, scopes and shields are trio's.
//! Nothing can be thrown into a future, so that `try: … finally: await …` becomes [`with_cleanup`]
//! and `except CancelledError` becomes [`catch_cancel`]; code without either is dropped where it
//! waits. A task that is cancelled while it awaits the handle of another one leaves that one running,
//! where asyncio cancels both: [`TaskGroup`](crate::task_group::TaskGroup) and
//! [`gather_handles`](crate::gather::gather_handles) are for tasks that belong together. Of two
//! nested timeouts that are over together it is the inner one that tells, and the outer one ends the next
//! wait; in asyncio only the outer one tells. If a request comes while the body of a timeout that is over
//! cleans up, the timeout tells that it is over, and the request ends the next wait; in asyncio the
//! request goes first.

mod catch;
mod cleanup;
mod deadline;
mod error;
mod exits;
mod outcome;
#[doc(hidden)]
pub mod root;
mod run;
mod scope;
mod timeout_scope;

pub use catch::{CatchCancel, catch_cancel};
pub use cleanup::{CLEANUP_LIMIT, WithCleanup, with_cleanup};
pub use deadline::{
    MoveOn, current_effective_deadline, fail_after, fail_at, move_on_after, move_on_at,
};
pub use error::Cancelled;
pub use run::Run;
pub use scope::CancelScope;
pub use timeout_scope::{NotActive, TimeoutScope, timeout_scope};

pub use crate::task::{CancelReason, CancelSource};

use crate::frame;

/// Says whether a cancellation is in effect here: whether a wait at this place would be given up.
///
/// For loops that compute without waiting, and so are never dropped in between. It looks at the
/// scopes around the caller, up to a shield, and at requests to the task that no frame has answered.
///
/// The counterpart of trio's `checkpoint_if_cancelled`.
///
/// # Errors
///
/// [`Cancelled`], with the reason, if so.
///
/// # Examples
///
/// ```
/// use filch::cancel::{CancelScope, check_cancelled};
///
/// # filch::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let scope = CancelScope::new();
/// let rounds = scope
///     .run(async {
///         for round in 0.. {
///             if round == 3 {
///                 scope.cancel("that will do");
///             }
///             if check_cancelled().is_err() {
///                 return round;
///             }
///         }
///         unreachable!()
///     })
///     .await;
/// assert_eq!(rounds, Ok(3));
/// # });
/// ```
pub fn check_cancelled() -> Result<(), Cancelled> {
    match frame::in_effect() {
        Some(reason) => Err(Cancelled::new(reason)),
        None => Ok(()),
    }
}
