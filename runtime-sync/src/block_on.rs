//! The smallest executor: one future, this thread.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use crate::budget;
use crate::primitives::atomic::{AtomicBool, Ordering};
use crate::primitives::thread::{self, Thread};

/// Polls `future` on this thread until it is ready; the thread sleeps in between.
///
/// There is no reactor and there are no timers here: whatever the future waits for must be done
/// by other threads. The cooperative [budget] does not apply inside.
///
/// # Examples
///
/// ```
/// use runtime_sync::block_on;
///
/// assert_eq!(block_on(async { 6 * 7 }), 42);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    match block_on_for(future, None) {
        Some(output) => output,
        None => unreachable!("a wait without a limit has no end but its output"),
    }
}

/// As [`block_on`], for as long as `limit` at the most: `None` says that the time is over. It is real
/// time, whatever clock a runtime goes by.
///
/// # Examples
///
/// ```
/// use runtime_sync::block_on::block_on_for;
/// use std::time::Duration;
///
/// assert_eq!(block_on_for(async { 1 }, Duration::ZERO), Some(1));
/// assert_eq!(block_on_for(std::future::pending::<()>(), Duration::from_millis(1)), None);
/// ```
pub fn block_on_for<F: Future>(future: F, limit: impl Into<Option<Duration>>) -> Option<F::Output> {
    // One that leads beyond what an `Instant` can say is a wait without end.
    let deadline = limit.into().and_then(|limit| now().checked_add(limit));
    let mut future = pin!(future);
    let alarm = Arc::new(Alarm { rung: AtomicBool::new(false), sleeper: thread::current() });
    let waker = Waker::from(Arc::clone(&alarm));
    let mut cx = Context::from_waker(&waker);
    // A task that has spent its budget and then blocks on something would find no budget here
    // either, and nobody who gives it more: it would be woken and refused without end.
    let _unlimited = budget::Restore::after(budget::lift());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Some(output);
        }
        if !alarm.wait(deadline) {
            return None;
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a thread that waits outside of runtimes has no other clock"
)]
fn now() -> Instant {
    Instant::now()
}

/// Blocks this thread until `future` is ready, unless it is a thread that runs tasks.
///
/// `what` is the function that the caller called, and `instead` what it should use in a task.
///
/// # Panics
///
/// Panics within a task: the thread would keep all other tasks from running, perhaps the very one
/// that this one waits for.
///
/// # Examples
///
/// ```
/// use runtime_sync::block_on::block_outside_of_tasks;
///
/// assert_eq!(block_outside_of_tasks("blocking_recv", "recv", async { 1 }), 1);
/// ```
#[track_caller]
pub fn block_outside_of_tasks<F: Future>(what: &str, instead: &str, future: F) -> F::Output {
    assert!(
        budget::may_block(),
        "`{what}` was called within a task, where it would block the thread that other tasks run \
         on: await `{instead}` there, or call it inside of `spawn_blocking` or `block_in_place`"
    );
    block_on(future)
}

/// Wakes one thread, and remembers that it did.
struct Alarm {
    /// Set by a wake, cleared by the sleeper. It, not the token of `unpark`, is what counts: the
    /// future may park and unpark this thread for purposes of its own.
    rung: AtomicBool,
    sleeper: Thread,
}

impl Alarm {
    /// Sleeps until the alarm has rung since the last time. False: the deadline came first.
    fn wait(&self, deadline: Option<Instant>) -> bool {
        // Pairs with the swap in `wake_by_ref`: the next poll sees what was done before the wake.
        while !self.rung.swap(false, Ordering::Acquire) {
            let Some(deadline) = deadline else {
                thread::park();
                continue;
            };
            let left = deadline.saturating_duration_since(now());
            if left.is_zero() {
                return false;
            }
            thread::park_timeout(left);
        }
        true
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Pairs with the swap in `wait`. It is done even if the flag is up already: the chain of
        // swaps carries what this thread did over to the sleeper as well.
        if !self.rung.swap(true, Ordering::Release) {
            self.sleeper.unpark();
        }
    }
}
