//! `timeout_scope`: a timeout that can be moved while it runs.

use crate::clock::{NEVER, Nanos, whole_nanos};
use crate::frame::{About, Node, Until, within};
use crate::time::error::Elapsed;
use crate::time::{Duration, Instant, Sleep, poll_given_up, sleep_until};
use pin_project_lite::pin_project;
use runtime_sync::primitives::{Arc, Mutex, MutexGuard};
use runtime_sync::waker_slot::WakerSlot;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, ready};

/// Awaits what `body` does, at most for `limit`, which `body` may move meanwhile, also by a clone of the
/// scope that it gives to others.
///
/// `None` sets no limit to begin with. As with [`timeout`](crate::time::timeout), the time counts from the
/// first poll that finds the future not ready; or from before, if somebody asked for the
/// [deadline](TimeoutScope::deadline). If the time is over when the future waits, it is given up; a
/// future that gives its output without waiting is in time.
///
/// The counterpart of `async with asyncio.timeout(limit) as scope`. There the time counts from the
/// call: for that, call `scope.deadline()` first, or [`reschedule`](TimeoutScope::reschedule) to a moment.
///
/// # Errors
///
/// [`Elapsed`] if the time is over first.
///
/// # Cancel safety
///
/// Dropping it drops the future.
///
/// # Examples
///
/// ```
/// use filch::cancel::timeout_scope;
/// use filch::time::{Duration, Instant, sleep};
///
/// # filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap().block_on(async {
/// let done = timeout_scope(Duration::from_secs(1), async |scope| {
///     // It turns out that there is more to do.
///     scope.reschedule(Instant::now() + Duration::from_secs(10)).unwrap();
///     sleep(Duration::from_secs(5)).await;
///     "done"
/// });
/// assert_eq!(done.await, Ok("done"));
/// # });
/// ```
pub async fn timeout_scope<B, T>(limit: impl Into<Option<Duration>>, body: B) -> Result<T, Elapsed>
where
    B: AsyncFnOnce(&TimeoutScope) -> T,
{
    let entered = Entered(TimeoutScope::new(limit.into()));
    let scope = &entered.0;
    Scoped { body: body(scope), timer: None, node: None, scope }.await
}

/// A timeout that can be moved while it runs; see [`timeout_scope`].
///
/// The counterpart of asyncio's `Timeout`. A clone of it may be kept, and used from elsewhere.
pub struct TimeoutScope {
    /// What holds until somebody moves it; [`NEVER`]: none.
    limit: Nanos,
    /// Made when there is something to be said.
    shared: OnceLock<Arc<Shared>>,
}

struct Shared {
    state: Mutex<State>,
    /// Who awaits the future inside.
    runner: WakerSlot,
}

struct State {
    deadline: Deadline,
    expired: bool,
    left: bool,
}

#[derive(Clone, Copy)]
enum Deadline {
    /// The time does not run yet.
    Limit,
    Never,
    At(Instant),
}

runtime_sync::primitives::thread_local! {
    #[allow(clippy::missing_const_for_thread_local, reason = "loom's has no such form")]
    /// What a scope that was left shares with nobody, as good as new, for the next one.
    static SPARE: Cell<Option<Arc<Shared>>> = Cell::new(None);
}

/// The timeout has expired, or its block was left: it can no longer be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotActive;

impl std::fmt::Display for NotActive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the timeout has expired or was left")
    }
}

impl std::error::Error for NotActive {}

impl Shared {
    fn new() -> Shared {
        let state = State { deadline: Deadline::Limit, expired: false, left: false };
        Shared { state: Mutex::new(state), runner: WakerSlot::new() }
    }
}

impl State {
    /// When the time is over; it runs from now on if it does not yet.
    fn begin(&mut self, limit: Nanos) -> Option<Instant> {
        if let Deadline::Limit = self.deadline {
            self.deadline = match limit {
                NEVER => Deadline::Never,
                limit => Deadline::At(Instant::after(Duration::from_nanos(limit))),
            };
        }
        match self.deadline {
            Deadline::At(deadline) => Some(deadline),
            Deadline::Never | Deadline::Limit => None,
        }
    }
}

impl TimeoutScope {
    #[inline(always)]
    fn new(limit: Option<Duration>) -> TimeoutScope {
        TimeoutScope { limit: limit.map_or(NEVER, whole_nanos), shared: OnceLock::new() }
    }

    fn shared(&self) -> &Arc<Shared> {
        self.shared.get_or_init(|| {
            let spare = SPARE.try_with(Cell::take).ok().flatten();
            spare.unwrap_or_else(|| Arc::new(Shared::new()))
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared().state.lock()
    }

    /// When the time will be over, or would have been; `None`: never. If it does not run yet, it does from
    /// now on. asyncio's `when`.
    pub fn deadline(&self) -> Option<Instant> {
        self.state().begin(self.limit)
    }

    /// Moves the deadline, to earlier or later or to never, whether the time runs already or not.
    ///
    /// # Errors
    ///
    /// [`NotActive`] if the time was over, or the block was left.
    pub fn reschedule(&self, deadline: impl Into<Option<Instant>>) -> Result<(), NotActive> {
        let deadline = deadline.into().map_or(Deadline::Never, Deadline::At);
        let mut state = self.state();
        if state.expired || state.left {
            return Err(NotActive);
        }
        state.deadline = deadline;
        drop(state);
        self.shared().runner.wake();
        Ok(())
    }

    /// Whether the time was over before the block was left.
    pub fn expired(&self) -> bool {
        self.state().expired
    }

    /// Whether the time is over, now that the future inside is pending; if not, the task is woken
    /// when it is, or when it is moved.
    fn poll_expired(&self, mut timer: Pin<&mut Option<Sleep>>, cx: &mut Context<'_>) -> Poll<()> {
        // Before the look: what comes after it wakes us.
        self.shared().runner.register(cx.waker());
        loop {
            let mut state = self.state();
            if state.expired {
                return Poll::Ready(());
            }
            let deadline = state.begin(self.limit);
            drop(state);
            let Some(deadline) = deadline else { return Poll::Pending };
            match timer.as_mut().as_pin_mut() {
                None => timer.set(Some(sleep_until(deadline))),
                Some(timer) if timer.deadline() == deadline => {}
                Some(timer) => timer.reset(deadline),
            }
            let sleep = timer.as_mut().as_pin_mut().expect("it was set just now");
            ready!(sleep.poll_elapsed(cx));
            let mut state = self.state();
            // Unless it was moved meanwhile.
            state.expired = state.begin(self.limit) == Some(deadline);
        }
    }
}

impl Clone for TimeoutScope {
    fn clone(&self) -> TimeoutScope {
        TimeoutScope { limit: self.limit, shared: Arc::clone(self.shared()).into() }
    }
}

/// The scope itself, as long as its block runs.
struct Entered(TimeoutScope);

impl Drop for Entered {
    /// The deadline moves no more, also if nobody had to wait for it.
    #[inline(always)]
    fn drop(&mut self) {
        if self.0.shared.get().is_some() {
            leave(&mut self.0);
        }
    }
}

#[inline(never)]
fn leave(scope: &mut TimeoutScope) {
    let Some(mut shared) = scope.shared.take() else { return };
    if let Some(alone) = Arc::get_mut(&mut shared) {
        *alone = Shared::new();
        _ = SPARE.try_with(|spare| spare.set(Some(shared)));
        return;
    }
    let mut state = shared.state.lock();
    state.begin(scope.limit);
    state.left = true;
    drop(state);
    // Who keeps a clone keeps no task.
    shared.runner.let_go();
}

impl fmt::Debug for TimeoutScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let State { expired, left, deadline } = *self.state();
        let mut debug = f.debug_struct("TimeoutScope");
        match deadline {
            Deadline::Limit if self.limit != NEVER => {
                debug.field("limit", &Duration::from_nanos(self.limit))
            }
            Deadline::Limit | Deadline::Never => &mut debug,
            Deadline::At(deadline) => debug.field("deadline", &deadline),
        };
        debug.field("expired", &expired).field("left", &left).finish()
    }
}

impl About for TimeoutScope {
    fn until(&self) -> Until {
        self.deadline().map_or(Until::Never, |deadline| Until::At(deadline.into()))
    }
}

pin_project! {
    struct Scoped<'a, F> {
        #[pin]
        body: F,
        #[pin]
        timer: Option<Sleep>,
        // Only if somebody inside wants to know when the time is over.
        node: Option<std::sync::Arc<Node>>,
        scope: &'a TimeoutScope,
    }
}

impl<F: Future> Future for Scoped<'_, F> {
    type Output = Result<F::Output, Elapsed>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let scope = *this.scope;
        if let Poll::Ready(value) = within(this.node, scope, || this.body.as_mut().poll(cx)) {
            return Poll::Ready(Ok(value));
        }
        ready!(scope.poll_expired(this.timer, cx));
        poll_given_up(this.body, scope, this.node, cx)
    }
}
