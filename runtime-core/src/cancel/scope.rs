//! `CancelScope`: a part of a task that can be cancelled by itself.

use super::cleanup::CLEANUP_LIMIT;
use super::exits::{Exit, Exits, exit};
use super::run::Run;
use crate::frame::{About, Node, Until};
use crate::task::{CancelReason, polled};
use crate::time::{Duration, Instant};
use runtime_sync::primitives::Mutex;
use runtime_sync::waker_slot::WakerSlot;
use std::cell::Cell;
use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::task::Waker;

/// A part of a task that can be cancelled by itself: at a deadline, or by [`cancel`](CancelScope::cancel)
/// from anywhere.
///
/// The scope is a handle, which may be cloned and sent; [`run`](CancelScope::run) awaits a future in
/// it, once. What happens when it is cancelled: see [the module](crate::cancel).
///
/// The counterpart of trio's `CancelScope`.
///
/// # Examples
///
/// ```
/// use filch::cancel::CancelScope;
/// use filch::time::{Duration, sleep};
///
/// # filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap().block_on(async {
/// let scope = CancelScope::after(Duration::from_secs(10));
/// let stop = scope.clone();
/// filch::spawn(async move {
///     sleep(Duration::from_secs(1)).await;
///     stop.cancel("found it elsewhere");
/// });
/// let found = scope.run(sleep(Duration::from_secs(5))).await;
/// assert!(found.is_err() && scope.cancelled_caught());
/// # });
/// ```
#[derive(Clone)]
pub struct CancelScope(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Who runs the scope.
    runner: WakerSlot,
}

runtime_sync::primitives::thread_local! {
    #[allow(clippy::missing_const_for_thread_local, reason = "loom's has no such form")]
    /// That of a scope that was left, as good as new, for the next one.
    static SPARE: Cell<Option<Arc<Shared>>> = Cell::new(None);
}

struct State {
    deadline: Deadline,
    shield: bool,
    reason: Option<Arc<CancelReason>>,
    caught: bool,
    entered: bool,
    /// The node of the future inside, while there is one.
    node: Option<Arc<Node>>,
    exits: Exits,
}

/// What whoever runs a scope has to know of it when the future inside is pending.
pub(super) struct Look {
    pub(super) reason: Option<Arc<CancelReason>>,
    pub(super) deadline: Option<Instant>,
    /// Whether clean-ups are registered.
    pub(super) has_exits: bool,
}

#[derive(Clone, Copy)]
enum Deadline {
    Never,
    At(Instant),
    /// So long after the scope will be entered.
    After(Duration),
}

impl Deadline {
    /// The scope is entered: the time begins to run.
    fn begin(&mut self) {
        if let Deadline::After(limit) = *self {
            *self = Deadline::At(Instant::after(limit));
        }
    }

    fn moment(self) -> Option<Instant> {
        match self {
            Deadline::At(deadline) => Some(deadline),
            Deadline::Never | Deadline::After(_) => None,
        }
    }
}

impl Shared {
    fn new() -> Shared {
        let state = State {
            deadline: Deadline::Never,
            shield: false,
            reason: None,
            caught: false,
            entered: false,
            node: None,
            exits: Exits::default(),
        };
        Shared { state: Mutex::new(state), runner: WakerSlot::new() }
    }
}

impl State {
    /// The node does not change while there is one.
    fn know(&mut self, node: Option<&Arc<Node>>) {
        if self.node.is_none() {
            self.node = node.cloned();
        }
    }
}

impl CancelScope {
    /// A scope without a deadline.
    pub fn new() -> CancelScope {
        CancelScope::with(Deadline::Never)
    }

    /// A scope that is cancelled so long after it is entered.
    pub fn after(limit: Duration) -> CancelScope {
        CancelScope::with(Deadline::After(limit))
    }

    /// A scope that is cancelled at this moment.
    pub fn until(deadline: Instant) -> CancelScope {
        CancelScope::with(Deadline::At(deadline))
    }

    fn with(deadline: Deadline) -> CancelScope {
        let spare = SPARE.try_with(Cell::take).ok().flatten();
        let mut shared = spare.unwrap_or_else(|| Arc::new(Shared::new()));
        let state = Arc::get_mut(&mut shared).expect("nobody else has it").state.get_mut();
        state.deadline = deadline;
        CancelScope(shared)
    }

    /// The same scope, before it is entered, as one whose inside no cancellation from outside
    /// reaches, or as one that it reaches again.
    ///
    /// # Panics
    ///
    /// If it was entered.
    #[must_use = "this returns the scope, to be run"]
    #[track_caller]
    pub fn shield(self, shield: bool) -> CancelScope {
        let mut state = self.0.state.lock();
        let entered = state.entered;
        if !entered {
            state.shield = shield;
        }
        drop(state);
        assert!(!entered, "`CancelScope::shield` is to be called before the scope is entered");
        self
    }

    /// Awaits `future` in a shielded scope of its own, at most for `limit`: what has to be finished
    /// although everything around is cancelled.
    ///
    /// # Errors
    ///
    /// [`Cancelled`](super::Cancelled) if the time is over first.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::cancel::{CancelScope, catch_cancel};
    /// use filch::time::{Duration, sleep, timeout};
    ///
    /// # filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap().block_on(async {
    /// let said = timeout(Duration::from_secs(1), async {
    ///     let Err(cancelled) = catch_cancel(std::future::pending::<()>()).await else { return "never" };
    ///     // Whatever waits here is dropped, but what is shielded.
    ///     let bye = CancelScope::shielded(Duration::from_secs(5), async {
    ///         sleep(Duration::from_secs(2)).await;
    ///         "good-bye"
    ///     });
    ///     bye.await.unwrap()
    /// });
    /// assert_eq!(said.await, Ok("good-bye"));
    /// # });
    /// ```
    pub fn shielded<F: IntoFuture>(
        limit: impl Into<Option<Duration>>,
        future: F,
    ) -> Run<F::IntoFuture> {
        let deadline = limit.into().map_or(Deadline::Never, Deadline::After);
        CancelScope::with(deadline).shield(true).run(future)
    }

    /// Awaits `future` in this scope.
    ///
    /// # Errors
    ///
    /// [`Cancelled`](super::Cancelled) if the future did not give its output because this scope was cancelled. A
    /// cancellation of something else is no error of this scope: it drops it, or is answered inside.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the future.
    ///
    /// # Panics
    ///
    /// When it is polled, if the scope was entered before.
    pub fn run<F: IntoFuture>(&self, future: F) -> Run<F::IntoFuture> {
        Run::new(self.clone(), future.into_future())
    }

    /// Registers a clean-up, which runs when the scope is left: before [`run`](CancelScope::run) gives
    /// the output, passes a panic on, or lets a cancellation go on, of this scope or of what is
    /// around.
    ///
    /// The last clean-up that was registered runs first, and each runs once. Each is shielded from
    /// cancellation and may take [30 s](CLEANUP_LIMIT); it is dropped then. If one panics the others
    /// run all the same, and the first panic goes on in the end. A clean-up may register further
    /// ones.
    ///
    /// Mostly it is called inside of the scope, when something was acquired that has to be given
    /// back. From elsewhere it takes effect as soon as the scope is polled.
    ///
    /// As with [`with_cleanup`](super::with_cleanup), no clean-up runs if the future of `run` is
    /// dropped by hand, or the task is *aborted*; nor if the scope is never run.
    ///
    /// The counterpart of Python's `AsyncExitStack.push_async_callback`.
    ///
    /// # Panics
    ///
    /// If the scope was left: the clean-up would never run.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::cancel::CancelScope;
    /// use std::sync::{Arc, Mutex};
    ///
    /// # filch::runtime::Runtime::new().unwrap().block_on(async {
    /// let log = Arc::new(Mutex::new(Vec::new()));
    /// let scope = CancelScope::new();
    /// let work = scope.run(async {
    ///     for name in ["connection", "transaction"] {
    ///         let log = log.clone();
    ///         scope.on_exit(async move { log.lock().unwrap().push(name) });
    ///     }
    ///     42
    /// });
    /// assert_eq!(work.await, Ok(42));
    /// assert_eq!(*log.lock().unwrap(), ["transaction", "connection"]);
    /// # });
    /// ```
    #[track_caller]
    pub fn on_exit<C>(&self, cleanup: C)
    where
        C: IntoFuture<Output = ()>,
        C::IntoFuture: Send + 'static,
    {
        self.on_exit_within(CLEANUP_LIMIT, cleanup);
    }

    /// As [`on_exit`](CancelScope::on_exit), with another limit, or with none.
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn on_exit_within<C>(&self, limit: impl Into<Option<Duration>>, cleanup: C)
    where
        C: IntoFuture<Output = ()>,
        C::IntoFuture: Send + 'static,
    {
        let exit = exit(limit.into(), cleanup);
        let taken = self.0.state.lock().exits.push(exit);
        assert!(
            taken.is_ok(),
            "`CancelScope::on_exit` is too late: the scope was left, the clean-up would never run"
        );
        self.0.runner.wake();
    }

    /// Cancels what is inside, now and for good; before the scope is entered: as soon as it is. False
    /// if it was cancelled before, which then is what counts.
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        self.set_reason(Arc::new(reason.into().or_by(polled::id())))
    }

    pub(super) fn set_reason(&self, reason: Arc<CancelReason>) -> bool {
        let mut state = self.0.state.lock();
        if state.reason.is_some() {
            return false;
        }
        state.reason = Some(reason.clone());
        let node = state.node.clone();
        drop(state);
        if let Some(node) = node {
            node.cancel(&reason);
        }
        self.0.runner.wake();
        true
    }

    /// When it is cancelled by itself. `None`: never, or so long after it will be entered.
    pub fn deadline(&self) -> Option<Instant> {
        self.0.state.lock().deadline.moment()
    }

    /// Sets another deadline, or none; at any time, from anywhere. A scope that is cancelled stays so.
    pub fn set_deadline(&self, deadline: impl Into<Option<Instant>>) {
        self.0.state.lock().deadline = deadline.into().map_or(Deadline::Never, Deadline::At);
        self.0.runner.wake();
    }

    /// Whether it is cancelled: by [`cancel`](CancelScope::cancel), or because its deadline came
    /// while it was run.
    pub fn cancel_called(&self) -> bool {
        self.0.state.lock().reason.is_some()
    }

    /// Whether something inside was given up because of it.
    pub fn cancelled_caught(&self) -> bool {
        self.0.state.lock().caught
    }

    /// Why it is cancelled.
    pub fn reason(&self) -> Option<CancelReason> {
        self.reason_shared().map(|reason| (*reason).clone())
    }

    pub(super) fn reason_shared(&self) -> Option<Arc<CancelReason>> {
        self.0.state.lock().reason.clone()
    }

    /// Whether its inside is shielded from outside.
    pub fn is_shield(&self) -> bool {
        self.0.state.lock().shield
    }

    /// Begins to run it. True: as a shield.
    pub(super) fn enter(&self) -> bool {
        let mut state = self.0.state.lock();
        let entered = std::mem::replace(&mut state.entered, true);
        if !entered {
            state.deadline.begin();
        }
        let shield = state.shield;
        drop(state);
        assert!(!entered, "a `CancelScope` is entered once: make another one");
        shield
    }

    /// The scope has come to need a node.
    pub(super) fn set_node(&self, node: &Arc<Node>) {
        self.0.state.lock().know(Some(node));
    }

    /// Leaves the waker of whoever runs the scope.
    pub(super) fn register(&self, waker: &Waker) {
        self.0.runner.register(waker);
    }

    /// What there is to be known now that the future inside is pending. Scopes and holders in it may
    /// have come to need a node.
    pub(super) fn look_with(&self, node: Option<&Arc<Node>>) -> Look {
        let mut state = self.0.state.lock();
        state.know(node);
        Look {
            reason: state.reason.clone(),
            deadline: state.deadline.moment(),
            has_exits: !state.exits.is_empty(),
        }
    }

    pub(super) fn set_caught(&self) {
        self.0.state.lock().caught = true;
    }

    /// Leaves the scope, unless there is a clean-up to run, which is returned.
    #[inline]
    pub(super) fn leave_at_once(mut self) -> Option<(CancelScope, Exit)> {
        // No lock: `get_mut` finds nobody else who has the scope, or will. Its acquire pairs with the
        // release with which others let go of theirs, so that what they did here is seen.
        if let Some(shared) = Arc::get_mut(&mut self.0)
            && shared.state.get_mut().exits.is_empty()
        {
            // Nor can anybody ask whether it was left.
            *shared = Shared::new();
            _ = SPARE.try_with(|spare| spare.set(Some(self.0)));
            return None;
        }
        self.next_exit().map(|exit| (self, exit))
    }

    /// The next clean-up to run. With `None` the scope is left.
    pub(super) fn next_exit(&self) -> Option<Exit> {
        let mut state = self.0.state.lock();
        let exit = state.exits.pop();
        if exit.is_none() {
            let node = state.node.take();
            drop(state);
            // Who keeps a clone keeps no task.
            self.0.runner.let_go();
            drop(node);
        }
        exit
    }

    /// The scope's future is gone; clean-ups that did not run by then are dropped.
    pub(super) fn leave(&self) {
        let mut state = self.0.state.lock();
        let gone = (state.node.take(), state.exits.close());
        drop(state);
        self.0.runner.let_go();
        drop(gone);
    }
}

impl Default for CancelScope {
    fn default() -> CancelScope {
        CancelScope::new()
    }
}

impl fmt::Debug for CancelScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not under the lock: what is printed may go anywhere.
        let (reason, caught, shield) = {
            let state = self.0.state.lock();
            (state.reason.clone(), state.caught, state.shield)
        };
        f.debug_struct("CancelScope")
            .field("reason", &reason)
            .field("caught", &caught)
            .field("shield", &shield)
            .finish_non_exhaustive()
    }
}

impl About for CancelScope {
    fn until(&self) -> Until {
        self.deadline().map_or(Until::Never, |deadline| Until::At(deadline.into()))
    }

    fn is_shield(&self) -> bool {
        CancelScope::is_shield(self)
    }

    fn cancelled(&self) -> Option<Arc<CancelReason>> {
        self.reason_shared()
    }
}
