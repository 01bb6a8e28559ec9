//! Waiting until all of many futures have ended, without keeping their outputs.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use runtime_sync::lock::Notify;
use runtime_sync::lock::futures::Notified;
use runtime_sync::primitives::atomic::{AtomicUsize, Ordering};

use crate::local::{self, LocalSet};
use crate::runtime::Handle;
use crate::spawn;
use crate::task::JoinHandle;

/// The tracker is closed. The rest of the word counts tokens.
const CLOSED: usize = 1;
/// One token.
const TOKEN: usize = 2;

/// Counts tasks, and lets others wait until all of them have ended.
///
/// Unlike a collection of join handles it keeps nothing of a task that has ended: neither its
/// output nor its memory. Together with a
/// [`CancellationToken`](runtime_sync::lock::CancellationToken) it makes an orderly shutdown: the
/// token tells tasks to end, the tracker tells when they have.
///
/// [`wait`](TaskTracker::wait) is ready when the tracker is [closed](TaskTracker::close) *and*
/// empty, so that a moment without tasks in the midst of things does not count. A closed tracker
/// may still take tasks.
///
/// Clones are the same tracker. Names and meaning are tokio-util's.
///
/// # Bad input
///
/// A future or token that is leaked, with [`std::mem::forget`], counts forever. More than
/// `usize::MAX / 4` tokens panic.
///
/// # Examples
///
/// ```
/// use filch::sync::CancellationToken;
/// use filch::task::TaskTracker;
///
/// filch::runtime::Runtime::new().unwrap().block_on(async {
///     let tracker = TaskTracker::new();
///     let shutdown = CancellationToken::new();
///     for _ in 0..10 {
///         tracker.spawn(shutdown.clone().cancelled_owned());
///     }
///     shutdown.cancel();
///     tracker.close();
///     tracker.wait().await;
///     assert!(tracker.is_empty());
/// });
/// ```
pub struct TaskTracker {
    tally: Arc<Tally>,
}

/// What all clones of a tracker share.
struct Tally {
    state: AtomicUsize,
    /// Told each time that the tracker becomes closed and empty.
    ended: Notify,
}

/// What a [`TaskTracker`] looked like at some moment.
///
/// # Examples
///
/// ```
/// let stats = filch::task::TaskTracker::new().stats();
/// assert_eq!((stats.len, stats.closed, stats.waiters), (0, false, 0));
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskTrackerStats {
    /// How many futures and tokens it counted.
    pub len: usize,
    /// Whether it was closed.
    pub closed: bool,
    /// How many waited for its end.
    pub waiters: usize,
}

impl TaskTracker {
    /// Makes a tracker that is open and empty.
    ///
    /// # Examples
    ///
    /// ```
    /// let tracker = filch::task::TaskTracker::new();
    /// assert!(tracker.is_empty() && !tracker.is_closed());
    /// ```
    #[must_use]
    pub fn new() -> TaskTracker {
        let tally = Tally { state: AtomicUsize::new(0), ended: Notify::new() };
        TaskTracker { tally: Arc::new(tally) }
    }

    /// Waits until the tracker is closed and empty.
    ///
    /// It is enough that it was so at some moment after this call, even if it was
    /// [reopened](TaskTracker::reopen) or got new tasks since.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on others.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::task::TaskTracker;
    ///
    /// filch::runtime::Runtime::new().unwrap().block_on(async {
    ///     let tracker = TaskTracker::new();
    ///     tracker.spawn(async {});
    ///     tracker.close();
    ///     tracker.wait().await;
    /// });
    /// ```
    pub fn wait(&self) -> TaskTrackerWaitFuture<'_> {
        // The order matters: an end after the look is told to a future that exists already.
        let ended = self.tally.ended.notified();
        let open = if self.tally.has_ended() { None } else { Some(&*self.tally) };
        TaskTrackerWaitFuture { ended, open }
    }

    /// Closes the tracker, so that it can be waited for. Returns whether it was open.
    ///
    /// Tasks may still be added.
    ///
    /// # Examples
    ///
    /// ```
    /// let tracker = filch::task::TaskTracker::new();
    /// assert!(tracker.close());
    /// assert!(!tracker.close());
    /// ```
    pub fn close(&self) -> bool {
        // Release pairs with the load in `has_ended`; acquire makes those who are told that it ended
        // by this thread see what the tasks did.
        let before = self.tally.state.fetch_or(CLOSED, Ordering::AcqRel);
        if before == 0 {
            self.tally.ended.notify_waiters();
        }
        before & CLOSED == 0
    }

    /// Opens the tracker again. Returns whether it was closed.
    ///
    /// # Examples
    ///
    /// ```
    /// let tracker = filch::task::TaskTracker::new();
    /// tracker.close();
    /// assert!(tracker.reopen());
    /// assert!(!tracker.is_closed());
    /// ```
    pub fn reopen(&self) -> bool {
        // As in `close`.
        self.tally.state.fetch_and(!CLOSED, Ordering::AcqRel) & CLOSED != 0
    }

    /// Whether it is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!filch::task::TaskTracker::new().is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        // Pairs with the exchange in `close`.
        self.tally.state.load(Ordering::Acquire) & CLOSED != 0
    }

    /// How many futures and tokens it counts.
    ///
    /// # Examples
    ///
    /// ```
    /// let tracker = filch::task::TaskTracker::new();
    /// let token = tracker.token();
    /// assert_eq!(tracker.len(), 1);
    /// # drop(token);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        // Pairs with the release in `TaskTrackerToken::drop`: who finds that a task has ended sees
        // what it did.
        self.tally.state.load(Ordering::Acquire) / TOKEN
    }

    /// Whether it counts nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(filch::task::TaskTracker::new().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Spawns a task on the runtime of this thread and counts it.
    ///
    /// # Panics
    ///
    /// If this thread is in no runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = filch::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let tracker = filch::task::TaskTracker::new();
    /// assert_eq!(tracker.spawn(async { 1 }).await.unwrap(), 1);
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        spawn::spawn(self.track_future(task))
    }

    /// Spawns a task on the runtime of `handle` and counts it.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = filch::runtime::Runtime::new().unwrap();
    /// let tracker = filch::task::TaskTracker::new();
    /// let task = tracker.spawn_on(async { 1 }, rt.handle());
    /// assert_eq!(rt.block_on(task).unwrap(), 1);
    /// ```
    #[track_caller]
    pub fn spawn_on<F>(&self, task: F, handle: &Handle) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        handle.spawn(self.track_future(task))
    }

    /// Spawns a task that stays on this thread and counts it; see [`local::spawn_local`].
    ///
    /// # Panics
    ///
    /// Like [`local::spawn_local`].
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::task::{LocalSet, TaskTracker};
    ///
    /// let rt = filch::runtime::Runtime::new().unwrap();
    /// LocalSet::new().block_on(&rt, async {
    ///     let tracker = TaskTracker::new();
    ///     assert_eq!(tracker.spawn_local(async { 1 }).await.unwrap(), 1);
    /// });
    /// ```
    #[track_caller]
    pub fn spawn_local<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        local::spawn_local(self.track_future(task))
    }

    /// Spawns a task onto `local_set` and counts it.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::task::{LocalSet, TaskTracker};
    ///
    /// let rt = filch::runtime::Runtime::new().unwrap();
    /// let local = LocalSet::new();
    /// let tracker = TaskTracker::new();
    /// let task = tracker.spawn_local_on(async { 1 }, &local);
    /// assert_eq!(local.block_on(&rt, task).unwrap(), 1);
    /// ```
    #[track_caller]
    pub fn spawn_local_on<F>(&self, task: F, local_set: &LocalSet) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        local_set.spawn_local(self.track_future(task))
    }

    /// Runs a closure on the blocking pool of this thread's runtime and counts it.
    ///
    /// # Panics
    ///
    /// Like [`spawn::spawn_blocking`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = filch::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let tracker = filch::task::TaskTracker::new();
    /// assert_eq!(tracker.spawn_blocking(|| 1).await.unwrap(), 1);
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, T>(&self, task: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_blocking_on(task, &Handle::current())
    }

    /// Runs a closure on the blocking pool of `handle`'s runtime and counts it.
    ///
    /// # Panics
    ///
    /// Like [`spawn::spawn_blocking`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = filch::runtime::Runtime::new().unwrap();
    /// let tracker = filch::task::TaskTracker::new();
    /// let task = tracker.spawn_blocking_on(|| 1, rt.handle());
    /// assert_eq!(rt.block_on(task).unwrap(), 1);
    /// ```
    #[track_caller]
    pub fn spawn_blocking_on<F, T>(&self, task: F, handle: &Handle) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let token = self.token();
        let counted = move || {
            // Given back after the closure, or with it if it never runs.
            let _token = token;
            task()
        };
        spawn::spawn_blocking_on(handle.scheduler(), counted, None, Location::caller())
    }

    /// Counts a future until it is dropped; it need not be spawned.
    ///
    /// # Cancel safety
    ///
    /// That of `future`.
    ///
    /// # Examples
    ///
    /// ```
    /// let tracker = filch::task::TaskTracker::new();
    /// let future = tracker.track_future(async { 1 });
    /// assert_eq!(tracker.len(), 1);
    /// drop(future);
    /// assert_eq!(tracker.len(), 0);
    /// ```
    pub fn track_future<F: Future>(&self, future: F) -> TrackedFuture<F> {
        TrackedFuture { future, token: self.token() }
    }

    /// Makes a token that counts until it is dropped, for what is neither future nor closure.
    ///
    /// # Panics
    ///
    /// If there are more than `usize::MAX / 4` of them.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::task::TaskTracker;
    ///
    /// let tracker = TaskTracker::new();
    /// let token = tracker.token();
    /// std::thread::spawn(move || drop(token));
    /// tracker.close();
    /// runtime_sync::block_on(tracker.wait());
    /// ```
    pub fn token(&self) -> TaskTrackerToken {
        // Relaxed: what counts is the end of it.
        let before = self.tally.state.fetch_add(TOKEN, Ordering::Relaxed);
        let token = TaskTrackerToken { tracker: self.clone() };
        assert!(before <= usize::MAX / 2, "a task tracker counts no more than usize::MAX / 4");
        token
    }

    /// What it looks like at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(filch::task::TaskTracker::new().stats().len, 0);
    /// ```
    #[must_use]
    pub fn stats(&self) -> TaskTrackerStats {
        // Acquire as in `len`.
        let state = self.tally.state.load(Ordering::Acquire);
        let waiters = self.tally.ended.stats().waiters;
        TaskTrackerStats { len: state / TOKEN, closed: state & CLOSED != 0, waiters }
    }

    /// Whether both are clones of the same tracker.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::task::TaskTracker;
    ///
    /// let tracker = TaskTracker::new();
    /// assert!(TaskTracker::ptr_eq(&tracker, &tracker.clone()));
    /// assert!(!TaskTracker::ptr_eq(&tracker, &TaskTracker::new()));
    /// ```
    #[must_use]
    pub fn ptr_eq(left: &TaskTracker, right: &TaskTracker) -> bool {
        Arc::ptr_eq(&left.tally, &right.tally)
    }
}

impl Tally {
    fn has_ended(&self) -> bool {
        // Pairs with `close` and the drop of a token: who finds it ended sees what the tasks did.
        self.state.load(Ordering::Acquire) == CLOSED
    }
}

impl Default for TaskTracker {
    fn default() -> TaskTracker {
        TaskTracker::new()
    }
}

impl Clone for TaskTracker {
    /// The same tracker. A clone does not count; see [`token`](TaskTracker::token).
    fn clone(&self) -> TaskTracker {
        TaskTracker { tally: Arc::clone(&self.tally) }
    }
}

impl fmt::Debug for TaskTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskTracker")
            .field("len", &self.len())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// Counts as one in a [`TaskTracker`] until it is dropped.
///
/// # Examples
///
/// ```
/// use filch::task::{TaskTracker, TaskTrackerToken};
///
/// let tracker = TaskTracker::new();
/// let token: TaskTrackerToken = tracker.token();
/// let second = token.clone();
/// assert_eq!(tracker.len(), 2);
/// # drop((token, second));
/// ```
#[must_use = "dropped at once, it does not count"]
pub struct TaskTrackerToken {
    tracker: TaskTracker,
}

impl TaskTrackerToken {
    /// The tracker that it counts in.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::task::TaskTracker;
    ///
    /// let tracker = TaskTracker::new();
    /// assert!(TaskTracker::ptr_eq(tracker.token().task_tracker(), &tracker));
    /// ```
    #[must_use]
    pub fn task_tracker(&self) -> &TaskTracker {
        &self.tracker
    }
}

impl Clone for TaskTrackerToken {
    /// One more that counts.
    fn clone(&self) -> TaskTrackerToken {
        self.tracker.token()
    }
}

impl Drop for TaskTrackerToken {
    fn drop(&mut self) {
        let tally = &self.tracker.tally;
        // Release pairs with the loads of those who find it gone; acquire makes the last one see
        // what the others did, before it tells those who wait.
        let before = tally.state.fetch_sub(TOKEN, Ordering::AcqRel);
        if before == CLOSED + TOKEN {
            tally.ended.notify_waiters();
        }
    }
}

impl fmt::Debug for TaskTrackerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskTrackerToken").finish_non_exhaustive()
    }
}

pin_project! {
    /// A future that counts in a [`TaskTracker`] until it is dropped; made by
    /// [`track_future`](TaskTracker::track_future).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::task::{TaskTracker, TrackedFuture};
    ///
    /// let tracker = TaskTracker::new();
    /// let future: TrackedFuture<_> = tracker.track_future(async { 1 });
    /// assert_eq!(runtime_sync::block_on(future), 1);
    /// ```
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct TrackedFuture<F> {
        // Dropped first: the end is told when everything of it is gone.
        #[pin]
        future: F,
        token: TaskTrackerToken,
    }
}

impl<F: Future> Future for TrackedFuture<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(cx)
    }
}

impl<F: fmt::Debug> fmt::Debug for TrackedFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrackedFuture").field("future", &self.future).finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`TaskTracker::wait`].
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::task::{TaskTracker, TaskTrackerWaitFuture};
    ///
    /// let tracker = TaskTracker::new();
    /// let waits: TaskTrackerWaitFuture<'_> = tracker.wait();
    /// tracker.close();
    /// runtime_sync::block_on(waits);
    /// ```
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct TaskTrackerWaitFuture<'a> {
        #[pin]
        ended: Notified<'a>,
        // `None` once it has ended.
        open: Option<&'a Tally>,
    }
}

impl Future for TaskTrackerWaitFuture<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let Some(tally) = this.open else { return Poll::Ready(()) };
        if tally.has_ended() || this.ended.poll(cx).is_ready() {
            *this.open = None;
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl fmt::Debug for TaskTrackerWaitFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskTrackerWaitFuture").finish_non_exhaustive()
    }
}
