//! `timeout_scope`: a timeout that can be moved while it runs.

use crate::clock::{NEVER, Nanos, whole_nanos};
use crate::frame::{About, Node, Until, within};
use crate::time::error::Elapsed;
use crate::time::{Duration, Instant, Sleep, poll_given_up, sleep_until};
use pin_project_lite::pin_project;
use runtime_sync::primitives::atomic::{
    AtomicBool,
    Ordering::{Acquire, Relaxed},
    fence,
};
use runtime_sync::primitives::{Arc, Mutex, MutexGuard};
use runtime_sync::waker_slot::WakerSlot;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Awaits the future that `body` makes, at most for `limit`, which `body` may move meanwhile.
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
pub async fn timeout_scope<F, B>(
    limit: impl Into<Option<Duration>>,
    body: B,
) -> Result<F::Output, Elapsed>
where
    B: FnOnce(TimeoutScope) -> F,
    F: Future,
{
    let scope = TimeoutScope::new(limit.into());
    let body = body(scope.clone());
    Scoped { body, timer: None, node: None, scope: Some(scope) }.await
}

/// A timeout that can be moved while it runs; see [`timeout_scope`].
///
/// The counterpart of asyncio's `Timeout`.
#[derive(Clone)]
pub struct TimeoutScope {
    /// What holds until somebody moves it; [`NEVER`]: none.
    limit: Nanos,
    shared: Arc<Shared>,
}

struct Shared {
    /// Whether anything else here may be other than new.
    used: AtomicBool,
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
    /// What a scope that was left has shared with nobody, as good as new, for the next one.
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
        Shared { used: AtomicBool::new(false), state: Mutex::new(state), runner: WakerSlot::new() }
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
    #[inline]
    fn new(limit: Option<Duration>) -> TimeoutScope {
        let spare = SPARE.try_with(Cell::take).ok().flatten();
        let shared = spare.unwrap_or_else(|| Arc::new(Shared::new()));
        TimeoutScope { limit: limit.map_or(NEVER, whole_nanos), shared }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Relaxed: it is read by whoever has found that nobody else has the scope any more, and so
        // sees what they did; see `leave`.
        self.shared.used.store(true, Relaxed);
        self.shared.state.lock()
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
        self.shared.runner.wake();
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
        self.shared.runner.register(cx.waker());
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

    /// The block was left: the deadline moves no more, also if nobody had to wait for it.
    #[inline]
    fn leave(self) {
        // Acquire: pairs with the release with which others let go of the scope, so that what they
        // did to it is seen. The count itself need not be: nobody can take it up from one but us.
        let alone = Arc::strong_count(&self.shared) == 1;
        fence(Acquire);
        if alone && !self.shared.used.load(Relaxed) {
            _ = SPARE.try_with(|spare| spare.set(Some(self.shared)));
        } else {
            self.leave_used();
        }
    }

    fn leave_used(mut self) {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            *shared = Shared::new();
            _ = SPARE.try_with(|spare| spare.set(Some(self.shared)));
            return;
        }
        let mut state = self.state();
        state.begin(self.limit);
        state.left = true;
    }
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
    struct Scoped<F> {
        #[pin]
        body: F,
        #[pin]
        timer: Option<Sleep>,
        // Only if somebody inside wants to know when the time is over.
        node: Option<std::sync::Arc<Node>>,
        // Until it is left.
        scope: Option<TimeoutScope>,
    }

    impl<F> PinnedDrop for Scoped<F> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(scope) = this.project().scope.take() {
                scope.leave();
            }
        }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = Result<F::Output, Elapsed>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let scope = this.scope.as_ref().expect("it is polled until it is ready");
        if let Poll::Ready(value) = within(this.node, scope, || this.body.as_mut().poll(cx)) {
            return Poll::Ready(Ok(value));
        }
        ready!(scope.poll_expired(this.timer, cx));
        poll_given_up(this.body, scope, this.node, cx)
    }
}
