//! `shield`: a future that runs on when nobody waits for it any more.

use crate::spawn;
use crate::task::{AbortHandle, Id, JoinError, JoinHandle};
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Runs a future as a task of its own, which goes on when whoever waits for it is cancelled.
///
/// The task begins at once, whether or not the shield is awaited. If the waiter is cancelled, dropped or
/// times out, the task runs on to its end; await `&mut shield` to be able to wait again afterwards. If it
/// is the task that is cancelled, by its [`abort_handle`](Shielded::abort_handle) or because the runtime
/// shuts down, the waiter gets an error.
///
/// To shield a part of a task from cancellation and wait for it in any case, as clean-up wants it, use
/// [`CancelScope::shielded`](crate::cancel::CancelScope::shielded): it spawns nothing and may borrow. To
/// shield a task that there is already, keep its `JoinHandle`, or turn it into a `Shielded` by `into()`.
///
/// The counterpart of `asyncio.shield`.
///
/// # Panics
///
/// If this thread is in no runtime.
///
/// # Examples
///
/// ```
/// use filch::time::{Duration, sleep, timeout};
///
/// # let rt = filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap();
/// # rt.block_on(async {
/// let mut payment = filch::shield(async {
///     sleep(Duration::from_secs(10)).await;
///     "paid"
/// });
/// assert!(timeout(Duration::from_secs(1), &mut payment).await.is_err()); // too slow for the client
/// assert_eq!(payment.await.unwrap(), "paid"); // but not torn in the middle
/// # });
/// ```
#[track_caller]
pub fn shield<F>(future: F) -> Shielded<F::Output>
where
    F: IntoFuture,
    F::IntoFuture: Send + 'static,
    F::Output: Send + 'static,
{
    Shielded { task: spawn::spawn(future.into_future()) }
}

/// The right to wait for what [`shield`] runs. Dropping it leaves the task to itself.
///
/// # Errors
///
/// Awaiting it gives an error if the task panicked or was cancelled.
///
/// # Cancel safety
///
/// Awaiting `&mut shielded` is cancel safe: the output is still there for the next await.
///
/// # Panics
///
/// Awaiting it again after it gave its output panics.
///
/// # Examples
///
/// ```
/// # let rt = filch::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let shielded = filch::Shielded::from(filch::spawn(async { 1 }));
/// assert_eq!(shielded.await.unwrap(), 1);
/// # });
/// ```
#[derive(Debug)]
pub struct Shielded<T> {
    task: JoinHandle<T>,
}

impl<T> Shielded<T> {
    /// A handle that can cancel or abort the task in spite of the shield.
    pub fn abort_handle(&self) -> AbortHandle {
        self.task.abort_handle()
    }

    /// Whether the task has finished.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// The task's number.
    pub fn id(&self) -> Id {
        self.task.id()
    }

    /// The task's own handle.
    pub fn into_handle(self) -> JoinHandle<T> {
        self.task
    }
}

impl<T> From<JoinHandle<T>> for Shielded<T> {
    fn from(task: JoinHandle<T>) -> Shielded<T> {
        Shielded { task }
    }
}

impl<T> Future for Shielded<T> {
    type Output = Result<T, JoinError>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.task).poll(cx)
    }
}
