//! `Executor`: whatever runs jobs somewhere else.

use crate::context_var;
use crate::runtime::Handle;
use crate::task::{JoinError, JoinHandle};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Whatever runs jobs somewhere else: on its threads, say. What a job is, is its own business: those
/// of threads are closures.
///
/// A runtime is one too: by its [`Handle`], jobs go to its blocking pool. That is the executor which
/// asyncio's `run_in_executor` takes for `None`.
///
/// The counterpart of `concurrent.futures.Executor`.
///
/// # Examples
///
/// ```
/// use filch::executor::{Executor, ThreadPoolExecutor};
///
/// fn twice<E>(executor: &E) -> u32
/// where
///     E: Executor<fn() -> u32, Output = u32>,
/// {
///     let mut jobs = [executor.submit(|| 20).unwrap(), executor.submit(|| 22).unwrap()];
///     jobs.iter_mut().map(|job| job.blocking_wait(None).unwrap().unwrap()).sum()
/// }
/// assert_eq!(twice(&ThreadPoolExecutor::new(2)), 42);
/// assert_eq!(twice(filch::runtime::Runtime::new().unwrap().handle()), 42);
/// ```
pub trait Executor<J> {
    /// What such a job gives.
    type Output;

    /// Takes a job, to be run soon. The handle can be awaited in tasks of any runtime, and
    /// [waited for](JoinHandle::blocking_wait) elsewhere; to abort it keeps a job from being run that
    /// has not begun.
    ///
    /// # Errors
    ///
    /// [`SubmitError`]: it was shut down, or cannot run anything.
    fn submit(&self, job: J) -> Result<JoinHandle<Self::Output>, SubmitError>;
}

impl<F, R> Executor<F> for Handle
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    type Output = R;

    /// As [`spawn_blocking`](Handle::spawn_blocking); after a shutdown the handle says "cancelled".
    #[track_caller]
    fn submit(&self, f: F) -> Result<JoinHandle<R>, SubmitError> {
        let pool = self.scheduler().pool();
        pool.spawn(context_var::carry(f), None, Location::caller()).map_err(SubmitError::no_thread)
    }
}

/// A job was not taken.
#[derive(Debug)]
pub struct SubmitError {
    /// Why no thread could be started; without it, the executor was shut down.
    no_thread: Option<io::Error>,
}

impl SubmitError {
    pub(super) fn shut_down() -> SubmitError {
        SubmitError { no_thread: None }
    }

    pub(super) fn no_thread(error: io::Error) -> SubmitError {
        SubmitError { no_thread: Some(error) }
    }

    /// Whether the executor was shut down. Otherwise it has no thread, and none could be started.
    pub fn is_shut_down(&self) -> bool {
        self.no_thread.is_none()
    }
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.no_thread {
            None => f.write_str("the executor was shut down"),
            Some(error) => error.fmt(f),
        }
    }
}

impl Error for SubmitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.no_thread.as_ref().map(|error| error as _)
    }
}

impl From<SubmitError> for io::Error {
    fn from(error: SubmitError) -> io::Error {
        error.no_thread.unwrap_or_else(|| io::Error::other("the executor was shut down"))
    }
}

/// Submits a job at once, and gives its output when awaited.
///
/// The counterpart of asyncio's `loop.run_in_executor`; the executor that it takes for `None` is
/// `&Handle::current()`.
///
/// # Errors
///
/// [`SubmitError`] if the executor does not take it. Awaited: as a [`JoinHandle`].
///
/// # Cancel safety
///
/// Dropping the future cancels the job if it has not begun. One that has is left to itself, and
/// [told](crate::threads::from_thread::check_cancelled).
///
/// # Examples
///
/// ```
/// use filch::executor::{ThreadPoolExecutor, run_in_executor};
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let pool = ThreadPoolExecutor::new(2);
/// let sum = run_in_executor(&pool, || (1..=1000u64).sum::<u64>())?.await?;
/// assert_eq!(sum, 500_500);
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[track_caller]
pub fn run_in_executor<E, J>(executor: &E, job: J) -> Result<InExecutor<E::Output>, SubmitError>
where
    E: Executor<J> + ?Sized,
{
    Ok(InExecutor { job: executor.submit(job)? })
}

/// The future of [`run_in_executor`].
#[must_use = "dropping it cancels the job"]
#[derive(Debug)]
pub struct InExecutor<T> {
    job: JoinHandle<T>,
}

impl<T> Future for InExecutor<T> {
    type Output = Result<T, JoinError>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.job).poll(cx)
    }
}

impl<T> Drop for InExecutor<T> {
    fn drop(&mut self) {
        self.job.cancel("the future of `run_in_executor` was dropped");
    }
}
