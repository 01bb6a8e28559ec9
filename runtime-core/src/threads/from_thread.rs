//! From a thread that does a job back to the runtime it is done for.
//!
//! Jobs are the closures of [`to_thread`](crate::threads::to_thread),
//! [`spawn_blocking`](crate::spawn::spawn_blocking) and
//! [`run_in_executor`](crate::threads::run_in_executor). These functions may be called in them, and in
//! [`block_in_place`](crate::spawn::block_in_place). On any other thread, use a
//! [`Portal`](crate::threads::Portal).
//!
//! The counterpart of anyio's and trio's modules `from_thread`.

use super::rest::awaited_by_job;
use super::wait::assert_may_block;
use crate::cancel::Cancelled;
use crate::frame::{self, Holder};
use crate::runtime::{Handle, context};
use crate::scheduler::refuse;
use crate::spawn;
use crate::task::{CancelReason, JoinError, polled};
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;

/// Runs a future as a task of the runtime that this thread does a job for, and blocks the thread until
/// the task has finished.
///
/// The task has a copy of the thread's context. If the job is asked to end meanwhile, the task is asked
/// to, and the thread goes on when it has cleaned up; if the job was asked before, the future is not
/// run at all. To say good-bye with awaits all the same, use
/// [`Handle::block_on`](crate::runtime::Handle::block_on), during which a clock that is paused stands
/// still, as it does while a job runs; here it may go on.
///
/// # Errors
///
/// If the task panicked, or was cancelled: with the job, or because the runtime has shut down.
///
/// # Panics
///
/// In a task, and on a thread that does no job for a runtime.
///
/// # Examples
///
/// ```
/// use filch::from_thread;
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let (sender, mut receiver) = filch::sync::mpsc::channel(1);
/// let reader = filch::task::to_thread(move || {
///     let mut sum = 0;
///     while let Ok((Some(number), rest)) = from_thread::block_on(async move {
///         (receiver.recv().await, receiver)
///     }) {
///         sum += number;
///         receiver = rest;
///     }
///     sum
/// });
/// let writer = async move {
///     for number in [1, 2, 3] {
///         sender.send(number).await.unwrap();
///     }
/// };
/// assert_eq!(filch::join!(reader, writer).0.unwrap(), 6);
/// # });
/// ```
#[track_caller]
pub fn block_on<F>(future: F) -> Result<F::Output, JoinError>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let location = Location::caller();
    let handle = runtime("from_thread::block_on");
    assert_may_block("from_thread::block_on", "await the future");
    if let Some(reason) = asked() {
        let reason = Arc::unwrap_or_clone(reason);
        return runtime_sync::block_on(refuse(reason, location));
    }
    let future = awaited_by_job(handle.scheduler(), future);
    let mut task = spawn::spawn_on(handle.scheduler(), future, None, location);
    let holder = Holder::open();
    let mut told = false;
    runtime_sync::block_on(poll_fn(|cx| {
        holder.register(cx.waker());
        if let Some(cause) = holder.cause()
            && !std::mem::replace(&mut told, true)
        {
            task.cancel(CancelReason::clone(cause.reason()));
        }
        Pin::new(&mut task).poll(cx)
    }))
}

/// Says whether this job was asked to end: because the task that waits for it is cancelled, or has
/// given it up, or by its `JoinHandle`.
///
/// Nothing ends a thread but its own code: a job that takes long should ask now and then, and return
/// if so.
///
/// # Errors
///
/// [`Cancelled`], with the reason, if so.
///
/// # Panics
///
/// On a thread that does no job for a runtime.
///
/// # Examples
///
/// ```
/// use filch::cancel::Cancelled;
/// use filch::from_thread::check_cancelled;
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let counting = filch::task::spawn_blocking(|| -> Result<(), Cancelled> {
///     loop {
///         check_cancelled()?;
///         std::thread::yield_now();
///     }
/// });
/// counting.cancel("enough");
/// // It has learned of it, or had not begun and never will.
/// assert!(!matches!(counting.await, Ok(Ok(()))));
/// # });
/// ```
#[track_caller]
pub fn check_cancelled() -> Result<(), Cancelled> {
    runtime("from_thread::check_cancelled");
    match asked() {
        Some(reason) => Err(Cancelled::new(reason)),
        None => Ok(()),
    }
}

/// Whether this job was asked to end; see [`check_cancelled`].
///
/// # Panics
///
/// On a thread that does no job for a runtime.
#[track_caller]
pub fn is_cancelled() -> bool {
    runtime("from_thread::is_cancelled");
    asked().is_some()
}

fn asked() -> Option<Arc<CancelReason>> {
    let aborted = || polled::is_aborted().then(|| Arc::new("the job was aborted".into()));
    frame::in_effect().or_else(aborted)
}

/// The runtime for which this thread does a job.
#[track_caller]
fn runtime(what: &str) -> Handle {
    let job = polled::id().and(context::handle());
    match job {
        Some(handle) => handle,
        None => panic!(
            "`{what}` was called on a thread that does no job for a filch runtime: call it inside of \
             `to_thread`, `spawn_blocking` or `run_in_executor`, and use a `Portal` on other threads"
        ),
    }
}
