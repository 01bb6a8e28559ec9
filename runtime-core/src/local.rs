//! Tasks that stay on one thread: `spawn_local` and `LocalSet`.
//!
//! # Invariants
//!
//! 1. The roster, the futures and the outputs of a set's tasks are touched on the set's own thread
//!    only. `LocalSet` is not `Send`, and a `Line` knows its thread by a token that no other thread ever
//!    has.
//! 2. `CURRENT_LINE` is null, or points to a line that the guard which set it keeps alive. Guards end in
//!    the reverse order of their beginning; one that does not leaks its line.
//!
//! On a worker of a multi-thread runtime and in a `LocalRuntime`, pinned tasks are the worker's own
//! business. A `LocalSet` is for threads that have no such worker, or to run a group of tasks only
//! while one future is awaited. It is a line of tasks polled from inside of that future.

use crate::context_var;
use crate::runtime::{Id, Runtime};
use crate::scheduler::worker::Worker;
use crate::scheduler::{Inbox, current, next_number};
use crate::task::{self, Dead, JoinHandle, Ran, Roster, Runnable, Schedule, UnhandledHook};
use crate::unwind::contain;
use pin_project_lite::pin_project;
use runtime_sync::budget;
use runtime_sync::primitives::Mutex;
use runtime_sync::waker_slot::WakerSlot;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::num::NonZeroU64;
use std::panic::Location;
use std::pin::Pin;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

/// So many tasks are polled before the set lets others in.
const TASKS_PER_POLL: usize = 64;

thread_local! {
    static CURRENT_LINE: Cell<*const Line> = const { Cell::new(ptr::null()) };
}

/// Spawns a task that need not be `Send` and stays on this thread.
///
/// It goes to the innermost [`LocalSet`] that is running or entered here, or else to the worker this
/// thread runs: of a multi-thread runtime or of a [`LocalRuntime`](crate::runtime::LocalRuntime). One
/// that was made on this thread and is only entered will do. The counterpart of
/// `tokio::task::spawn_local`.
///
/// # Panics
///
/// If there is neither. A plain current-thread runtime will not do, since its next `block_on` may come
/// from another thread.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
///
/// let runtime = filch::runtime::Runtime::new().unwrap();
/// let on_a_worker = runtime.spawn(async {
///     filch::task::spawn_local(async {
///         let not_send = Rc::new(1);
///         filch::task::yield_now().await;
///         *not_send
///     })
///     .await
///     .unwrap()
/// });
/// assert_eq!(runtime.block_on(on_a_worker).unwrap(), 1);
/// ```
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    spawn_here(future, None, Location::caller())
}

#[track_caller]
pub(crate) fn spawn_here<F>(
    future: F,
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    match context_var::inherited() {
        Some(place) => spawn_small(place.hold_local(future), name, location),
        None => spawn_small(future, name, location),
    }
}

#[track_caller]
pub(crate) fn spawn_small<F>(
    future: F,
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let line = CURRENT_LINE.get();
    if !line.is_null() {
        // SAFETY: invariant 2. The count goes up for the new reference.
        let line = unsafe {
            Arc::increment_strong_count(line);
            Arc::from_raw(line)
        };
        return line.spawn(future, name, location);
    }
    let mut future = Some((future, name));
    let mut spawn = |worker: &Worker| {
        let (future, name) = future.take().expect("called once");
        worker.spawn_pinned(future, name, location)
    };
    let spawned =
        current::with_worker(|worker| worker.filter(|worker| worker.may_pin()).map(&mut spawn))
            // Under `LocalRuntime::enter`, before it is driven.
            .or_else(|| {
                current::with_scheduler(|scheduler| scheduler?.with_lent_worker(&mut spawn))
            });
    match spawned {
        Some(handle) => handle,
        None => panic!(
            "`spawn_local` was called where no task can be kept on this thread: call it in a \
             `LocalSet`, a `LocalRuntime` or a task of a multi-thread runtime"
        ),
    }
}

/// A group of tasks that need not be `Send`, run on the thread that awaits it.
///
/// The tasks make progress while [`run_until`](LocalSet::run_until), [`block_on`](LocalSet::block_on) or
/// the set itself is awaited. Dropping the set drops its tasks. The counterpart of
/// `tokio::task::LocalSet`.
///
/// # Examples
///
/// ```
/// use std::{cell::Cell, rc::Rc};
///
/// let runtime = filch::runtime::Builder::new_current_thread().build().unwrap();
/// let set = filch::task::LocalSet::new();
/// let sum = Rc::new(Cell::new(0));
/// for n in 1..=3 {
///     let sum = sum.clone();
///     drop(set.spawn_local(async move { sum.set(sum.get() + n) }));
/// }
/// runtime.block_on(set);
/// assert_eq!(sum.get(), 6);
/// ```
pub struct LocalSet {
    line: Arc<Line>,
    number: NonZeroU64,
    not_send: PhantomData<*const ()>,
}

/// The part of a set that its tasks know.
struct Line {
    owner: u64,
    inbox: Inbox<Runnable<LineRef>>,
    roster: Roster,
    /// How many futures of `run_until` have begun.
    awaiting: AtomicUsize,
    /// Whoever awaits the set, if it is one.
    waker: WakerSlot,
    /// If they are several, those who began after the first.
    others: Mutex<Vec<Waker>>,
    /// Somebody is among the others.
    has_others: AtomicBool,
    /// The set is being polled: it will look into the inbox before it sleeps.
    polling: AtomicBool,
    living: AtomicUsize,
    closed: AtomicBool,
}

/// The home of a set's tasks.
#[derive(Clone)]
struct LineRef(Arc<Line>);

impl Schedule for LineRef {
    fn schedule(runnable: Runnable<LineRef>) {
        // Held across the push: after it, task and line may be gone.
        let line = runnable.home().cloned().expect("a local task is born at home").0;
        line.inbox.push(runnable);
        line.call();
    }

    fn reclaim(self, dead: Dead) {
        if self.0.is_here() && !self.0.closed.load(Ordering::Relaxed) {
            // SAFETY: invariant 1: this is the owner's thread, and every task is linked at birth.
            unsafe { self.0.roster.bury(dead) };
        } else {
            self.0.roster.send_home(dead);
        }
    }

    fn may_touch_future(&self) -> bool {
        self.0.is_here()
    }

    fn unhandled_hook(_: Option<&LineRef>) -> Option<UnhandledHook> {
        current::unhandled_hook()
    }
}

impl Line {
    fn is_here(&self) -> bool {
        self.owner == current::thread_token()
    }

    /// Something was pushed: the set is to be polled.
    fn call(&self) {
        // SeqCst pairs with the swap in `poll_tasks`: either it sees our push, or we see that it is
        // over and wake it.
        if !self.polling.load(Ordering::SeqCst) || !self.is_here() {
            self.waker.wake();
            // Pairs with the store in `register`, in the same way.
            if self.has_others.load(Ordering::SeqCst) {
                self.wake_others();
            }
        }
    }

    #[cold]
    fn wake_others(&self) {
        let mut others = self.others.lock();
        // Under the lock, as all stores to it.
        self.has_others.store(false, Ordering::SeqCst);
        let woken = std::mem::take(&mut *others);
        drop(others);
        woken.into_iter().for_each(|waker| contain(|| waker.wake()));
    }

    /// Leaves a waker, for `call`. Nobody takes another one's place who goes on waiting.
    fn register(&self, waker: &Waker) {
        if self.awaiting.load(Ordering::Relaxed) < 2 {
            return self.waker.register(waker);
        }
        let waker = waker.clone();
        let mut others = self.others.lock();
        // Pairs with the load in `call`: who finds that the poll which follows is over sees this.
        self.has_others.store(true, Ordering::SeqCst);
        if !others.iter().any(|other| other.will_wake(&waker)) {
            return others.push(waker);
        }
        drop(others);
    }

    fn spawn<F>(
        self: Arc<Line>,
        future: F,
        name: Option<Arc<str>>,
        location: &'static Location<'static>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let home = LineRef(self.clone());
        // SAFETY: only the owner's thread gets here, by invariants 1 and 2, and `LineRef` says where
        // futures may be touched.
        let (runnable, handle) = unsafe { task::new_pinned(future, Some(home), name, location) };
        if self.closed.load(Ordering::Relaxed) {
            // The set is being dropped. Unlinked, the task must free itself: `send_home` sees to it.
            drop(runnable);
            return handle;
        }
        // SAFETY: invariant 1.
        unsafe { runnable.enroll(&self.roster) };
        self.living.fetch_add(1, Ordering::Relaxed);
        self.inbox.push(runnable);
        self.call();
        handle
    }

    /// Polls tasks, as many as are fair. True: there are more.
    fn poll_tasks(self: &Arc<Line>) -> bool {
        let _entered = LineGuard::enter(self);
        // One of the tasks may await the set in turn.
        let polling = self.polling.swap(true, Ordering::SeqCst);
        let budget = budget::refill();
        for _ in 0..TASKS_PER_POLL {
            let Some(runnable) = self.inbox.pop() else { break };
            budget::refill();
            let before = task::polled::set(runnable.as_ptr());
            let ran = runnable.run(current::take_yielded);
            task::polled::set(before);
            match ran {
                Ran::Again(runnable) => self.inbox.push(runnable),
                Ran::Complete => _ = self.living.fetch_sub(1, Ordering::Relaxed),
                Ran::Idle => {}
            }
        }
        budget::restore(budget);
        // SAFETY: invariant 1.
        unsafe { self.roster.bury_all() };
        // Pairs with the load in `call`.
        self.polling.swap(polling, Ordering::SeqCst);
        !self.inbox.is_empty()
    }
}

impl LocalSet {
    /// An empty set, for this thread.
    pub fn new() -> LocalSet {
        let line = Line {
            owner: current::thread_token(),
            inbox: Inbox::new(),
            roster: Roster::new(),
            awaiting: AtomicUsize::new(0),
            waker: WakerSlot::new(),
            others: Mutex::new(Vec::new()),
            has_others: AtomicBool::new(false),
            polling: AtomicBool::new(false),
            living: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        };
        LocalSet { line: Arc::new(line), number: next_number(), not_send: PhantomData }
    }

    /// Spawns a task into the set. It runs when the set is awaited.
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let line = self.line.clone();
        match context_var::inherited() {
            Some(place) => line.spawn(place.hold_local(future), None, Location::caller()),
            None => line.spawn(future, None, Location::caller()),
        }
    }

    /// Runs the set's tasks until `future` is ready. [`spawn_local`] inside of it spawns into this set.
    ///
    /// Several may run at a time, also within tasks of the set: unlike with tokio, none of them waits for
    /// ever because another one was polled after it.
    ///
    /// # Cancel safety
    ///
    /// The tasks keep their state, and go on when the set is awaited again.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = filch::runtime::Runtime::new().unwrap();
    /// let set = filch::task::LocalSet::new();
    /// let answer = rt.block_on(set.run_until(async {
    ///     filch::task::spawn_local(async { 42 }).await.unwrap()
    /// }));
    /// assert_eq!(answer, 42);
    /// ```
    pub fn run_until<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<'_, F> {
        RunUntil { awaits: Awaits { set: self, begun: false }, future }
    }

    /// Runs `future` and the set's tasks on this thread; [`run_until`](LocalSet::run_until) inside of
    /// [`Runtime::block_on`].
    ///
    /// # Panics
    ///
    /// As [`Runtime::block_on`].
    #[track_caller]
    pub fn block_on<F: Future>(&self, runtime: &Runtime, future: F) -> F::Output {
        runtime.block_on(self.run_until(future))
    }

    /// While the guard lives, [`spawn_local`] on this thread spawns into this set.
    ///
    /// # Panics
    ///
    /// The guard does, if guards are dropped in another order than the reverse of their making.
    pub fn enter(&self) -> LocalEnterGuard {
        LocalEnterGuard { _guard: LineGuard::enter(&self.line) }
    }

    /// The number of the set. tokio's `LocalSet::id`.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::task::LocalSet;
    ///
    /// let (one, other) = (LocalSet::new(), LocalSet::new());
    /// assert_eq!(one.id(), one.id());
    /// assert_ne!(one.id(), other.id());
    /// ```
    pub fn id(&self) -> Id {
        Id::new(self.number)
    }

    fn poll_set(&self, cx: &mut Context<'_>) {
        self.line.register(cx.waker());
        if self.line.poll_tasks() {
            cx.waker().wake_by_ref();
        }
    }
}

impl Default for LocalSet {
    fn default() -> LocalSet {
        LocalSet::new()
    }
}

/// Ready when all of the set's tasks are done.
impl Future for LocalSet {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_set(cx);
        match self.line.living.load(Ordering::Relaxed) {
            0 => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }
}

impl Drop for LocalSet {
    fn drop(&mut self) {
        // Nobody polls the set again: whom it would wake is gone before the walks over its tasks, in
        // which no code of users may run.
        self.line.waker.let_go();
        let others = std::mem::take(&mut *self.line.others.lock());
        others.into_iter().for_each(|waker| contain(|| drop(waker)));
        let _entered = LineGuard::enter(&self.line);
        loop {
            while let Some(runnable) = self.line.inbox.pop() {
                drop(runnable);
            }
            // SAFETY: invariant 1; scheduling a local task pushes to the inbox and no more, as there is no
            // waker.
            if !unsafe { self.line.roster.abort_all() } {
                break;
            }
            if self.line.inbox.is_empty() {
                // A waker on another thread is about to push.
                std::thread::yield_now();
            }
        }
        self.line.closed.store(true, Ordering::Relaxed);
        // SAFETY: invariant 1; no task is living.
        unsafe { self.line.roster.close() };
    }
}

impl fmt::Debug for LocalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let living = self.line.living.load(Ordering::Relaxed);
        f.debug_struct("LocalSet").field("living", &living).finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of `LocalSet::run_until`.
    struct RunUntil<'a, F> {
        awaits: Awaits<'a>,
        #[pin]
        future: F,
    }
}

/// Counts among those who await the set, from the first poll on.
struct Awaits<'a> {
    set: &'a LocalSet,
    begun: bool,
}

impl Awaits<'_> {
    fn begin(&mut self) {
        if !std::mem::replace(&mut self.begun, true) {
            self.set.line.awaiting.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Awaits<'_> {
    fn drop(&mut self) {
        if self.begun {
            self.set.line.awaiting.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl<F: Future> Future for RunUntil<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        {
            let _entered = LineGuard::enter(&this.awaits.set.line);
            if let Poll::Ready(output) = this.future.poll(cx) {
                return Poll::Ready(output);
            }
        }
        this.awaits.begin();
        this.awaits.set.poll_set(cx);
        Poll::Pending
    }
}

/// Makes a [`LocalSet`] the one that [`spawn_local`] finds; see [`LocalSet::enter`].
#[must_use = "the set is left when the guard is dropped"]
pub struct LocalEnterGuard {
    _guard: LineGuard,
}

impl fmt::Debug for LocalEnterGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalEnterGuard")
    }
}

struct LineGuard {
    line: Option<Arc<Line>>,
    before: *const Line,
}

impl LineGuard {
    fn enter(line: &Arc<Line>) -> LineGuard {
        let before = CURRENT_LINE.replace(Arc::as_ptr(line));
        LineGuard { line: Some(line.clone()), before }
    }
}

impl Drop for LineGuard {
    fn drop(&mut self) {
        let is_newest =
            self.line.as_ref().is_some_and(|line| ptr::eq(CURRENT_LINE.get(), Arc::as_ptr(line)));
        if is_newest {
            return CURRENT_LINE.set(self.before);
        }
        // A newer guard will restore a pointer to our line, so that it must never go.
        std::mem::forget(self.line.take());
        if !std::thread::panicking() {
            panic!(
                "guards of `LocalSet::enter` were dropped in another order than the reverse of their \
                 making: drop the newest first"
            );
        }
    }
}
