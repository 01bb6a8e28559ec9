//! Waiting for a task on a thread that may block.

use crate::scheduler::current;
use crate::task::{JoinError, JoinHandle};
use crate::time::error::Elapsed;
use runtime_sync::block_on::block_on_for;
use std::time::Duration;

impl<T> JoinHandle<T> {
    /// Blocks this thread until the task has finished, or until `limit` is over, which is real time;
    /// `None` is no limit.
    ///
    /// When the time is over the task runs on, and one may wait again. The task's runtime must be
    /// driven by other threads, or nothing will come of it. The counterpart of `result(timeout)` of
    /// what asyncio's `run_coroutine_threadsafe` returns, which is
    /// [`Handle::spawn`](crate::runtime::Handle::spawn).
    ///
    /// # Errors
    ///
    /// [`Elapsed`]: the time is over. Inside: what awaiting the handle gives.
    ///
    /// # Panics
    ///
    /// On a thread that drives async work: in a task, or inside of `block_on`. And after it gave its
    /// output, as awaiting it does.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = filch::runtime::Runtime::new().unwrap();
    /// let mut task = runtime.spawn(async { 42 });
    /// assert_eq!(task.blocking_wait(None).unwrap().unwrap(), 42);
    ///
    /// let mut stuck = runtime.spawn(std::future::pending::<()>());
    /// assert!(stuck.blocking_wait(Duration::from_millis(1)).is_err());
    /// stuck.abort();
    /// assert!(stuck.blocking_wait(None).unwrap().unwrap_err().is_cancelled());
    /// ```
    #[track_caller]
    pub fn blocking_wait(
        &mut self,
        limit: impl Into<Option<Duration>>,
    ) -> Result<Result<T, JoinError>, Elapsed> {
        assert_may_block("JoinHandle::blocking_wait", "await the handle");
        block_on_for(self, limit).ok_or_else(Elapsed::new)
    }
}

/// Panics on a thread that drives async work, where the task that is waited for may need this very
/// thread.
#[track_caller]
pub(super) fn assert_may_block(what: &str, instead: &str) {
    assert!(
        !current::is_driving(),
        "`{what}` was called on a thread that drives async work, which it would stall: {instead} \
         instead, or wrap the call in `task::block_in_place`"
    );
}
