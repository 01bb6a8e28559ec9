//! `CancelScope`: a part of a task that can be cancelled by itself.

use super::error::Cancelled;
use crate::frame::{About, Holder, Node, Until, within};
use crate::task::{CancelReason, CancelSource, polled};
use crate::time::{Duration, Instant, Sleep, sleep_until};
use pin_project_lite::pin_project;
use runtime_sync::primitives::Mutex;
use runtime_sync::waker_slot::WakerSlot;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

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

struct State {
    deadline: Deadline,
    shield: bool,
    reason: Option<Arc<CancelReason>>,
    caught: bool,
    entered: bool,
    /// The node of the future inside, while there is one.
    node: Option<Arc<Node>>,
}

#[derive(Clone, Copy)]
enum Deadline {
    Never,
    At(Instant),
    /// So long after the scope will be entered.
    After(Duration),
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
        let state = State {
            deadline,
            shield: false,
            reason: None,
            caught: false,
            entered: false,
            node: None,
        };
        CancelScope(Arc::new(Shared { state: Mutex::new(state), runner: WakerSlot::new() }))
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
        assert!(
            !state.entered,
            "`CancelScope::shield` is to be called before the scope is entered"
        );
        state.shield = shield;
        drop(state);
        self
    }

    /// Awaits `future` in a shielded scope of its own, at most for `limit`: what has to be finished
    /// although everything around is cancelled.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the time is over first.
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
    /// [`Cancelled`] if the future did not give its output because this scope was cancelled. A
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
        Run {
            body: Some(future.into_future()),
            timer: None,
            scope: self.clone(),
            entry: Entry::Outside,
        }
    }

    /// Cancels what is inside, now and for good; before the scope is entered: as soon as it is. False
    /// if it was cancelled before, which then is what counts.
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        self.set_reason(Arc::new(reason.into().or_by(polled::id())))
    }

    fn set_reason(&self, reason: Arc<CancelReason>) -> bool {
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
        match self.0.state.lock().deadline {
            Deadline::At(deadline) => Some(deadline),
            Deadline::Never | Deadline::After(_) => None,
        }
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

    fn reason_shared(&self) -> Option<Arc<CancelReason>> {
        self.0.state.lock().reason.clone()
    }

    /// Whether its inside is shielded from outside.
    pub fn is_shield(&self) -> bool {
        self.0.state.lock().shield
    }

    fn enter(&self) -> bool {
        let mut state = self.0.state.lock();
        assert!(!state.entered, "a `CancelScope` is entered once: make another one");
        state.entered = true;
        if let Deadline::After(limit) = state.deadline {
            state.deadline = Deadline::At(Instant::now() + limit);
        }
        state.shield
    }

    fn set_node(&self, node: Option<Arc<Node>>) {
        let before = std::mem::replace(&mut self.0.state.lock().node, node);
        drop(before);
    }
}

impl Default for CancelScope {
    fn default() -> CancelScope {
        CancelScope::new()
    }
}

impl fmt::Debug for CancelScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state.lock();
        f.debug_struct("CancelScope")
            .field("reason", &state.reason)
            .field("caught", &state.caught)
            .field("shield", &state.shield)
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

pin_project! {
    /// The future of [`CancelScope::run`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Run<F> {
        #[pin]
        body: Option<F>,
        #[pin]
        timer: Option<Sleep>,
        scope: CancelScope,
        entry: Entry,
    }

    impl<F> PinnedDrop for Run<F> {
        fn drop(this: Pin<&mut Self>) {
            this.project().scope.set_node(None);
        }
    }
}

/// How the scope stands among the frames around it.
enum Entry {
    /// It was not entered yet.
    Outside,
    /// It lets through what is aimed at others. It has a node if somebody inside asked for one.
    Open(Option<Arc<Node>>),
    /// It holds off what is aimed at others.
    Shield(Holder),
}

impl Entry {
    fn new(shield: bool) -> Entry {
        match shield {
            false => Entry::Open(None),
            true => Entry::Shield(Holder::open_at(Node::here(true))),
        }
    }

    fn within<R>(&mut self, scope: &CancelScope, f: impl FnOnce() -> R) -> R {
        match self {
            Entry::Outside => f(),
            Entry::Open(place) => within(place, scope, f),
            Entry::Shield(holder) => holder.within(scope, f),
        }
    }

    fn node(&self) -> Option<&Arc<Node>> {
        match self {
            Entry::Outside => None,
            Entry::Open(place) => place.as_ref(),
            Entry::Shield(holder) => Some(holder.node()),
        }
    }
}

impl<F: Future> Future for Run<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let scope = &*this.scope;
        if let Entry::Outside = this.entry {
            *this.entry = Entry::new(scope.enter());
        }
        scope.0.runner.register(cx.waker());
        if let Entry::Shield(holder) = &this.entry {
            holder.register(cx.waker());
        }
        loop {
            let body = this.body.as_mut().as_pin_mut();
            let body = body.expect("a scope was polled again after it was left");
            let knew = this.entry.node().is_some();
            if let Poll::Ready(value) = this.entry.within(scope, || body.poll(cx)) {
                this.body.set(None);
                *this.entry = Entry::Open(None);
                return Poll::Ready(Ok(value));
            }
            if let (false, Some(node)) = (knew, this.entry.node()) {
                scope.set_node(Some(node.clone()));
            }
            let Some(reason) = overdue(scope, this.timer.as_mut(), cx) else {
                return Poll::Pending;
            };
            match this.entry.node() {
                // Now that they know, those inside are asked once more.
                Some(node) if node.cancel(&reason) => continue,
                Some(node) if node.waits_for_holders(cx.waker()) => return Poll::Pending,
                _ => {}
            }
            this.body.set(None);
            *this.entry = Entry::Open(None);
            scope.0.state.lock().caught = true;
            return Poll::Ready(Err(Cancelled::new(reason)));
        }
    }
}

/// Why the scope is cancelled by now, if it is; otherwise the timer will wake the task.
fn overdue(
    scope: &CancelScope,
    mut timer: Pin<&mut Option<Sleep>>,
    cx: &mut Context<'_>,
) -> Option<Arc<CancelReason>> {
    let reason = scope.reason_shared();
    if reason.is_some() {
        return reason;
    }
    let deadline = scope.deadline()?;
    let set = timer.as_mut().as_pin_mut().map(|timer| timer.deadline());
    match (set, timer.as_mut().as_pin_mut()) {
        (Some(set), _) if set == deadline => {}
        (Some(_), Some(timer)) => timer.reset(deadline),
        _ => timer.set(Some(sleep_until(deadline))),
    }
    let timer = timer.as_pin_mut().expect("it was set just now");
    if timer.poll_elapsed(cx).is_pending() {
        return None;
    }
    scope.set_reason(Arc::new(CancelReason::new(CancelSource::Deadline)));
    scope.reason_shared()
}

impl<F: fmt::Debug> fmt::Debug for Run<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("scope", &self.scope)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}
