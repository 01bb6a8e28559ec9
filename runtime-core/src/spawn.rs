//! `spawn`, `spawn_blocking`, `block_in_place`, `yield_now`, and the task builder.

use crate::context_var;
use crate::runtime::{Handle, context};
use crate::scheduler::substitute::Blocked;
use crate::scheduler::{Birth, Scheduler, current};
use crate::task::{self, Id, JoinHandle};
use runtime_sync::budget;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Spawns a task onto the runtime that this thread is in. It begins to run soon, whether or not the
/// handle is awaited; dropping the handle detaches it.
///
/// Tasks that are spawned by one task begin in the order they were spawned, unless another worker
/// takes some of them over. The counterpart of `tokio::spawn` and of `asyncio.create_task`.
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
/// let task = filch::spawn(async { 40 + 2 });
/// assert_eq!(task.await.unwrap(), 42);
/// # });
/// ```
#[track_caller]
#[inline]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_here(future, None, Location::caller())
}

/// A future of more bytes than this is put into a box of its own first, so that the frames between
/// here and the task's cell do not each hold a copy of it.
const LARGE_FUTURE: usize = if cfg!(debug_assertions) { 2 << 10 } else { 16 << 10 };
/// A future in a box is of one type for each output: a task's code is not made a second time for each future.
type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

#[track_caller]
#[inline]
pub(crate) fn spawn_here<F>(
    future: F,
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    if size_of::<F>() > LARGE_FUTURE {
        let future: Boxed<F::Output> = Box::pin(future);
        return spawn_at(birth(), future, name, location);
    }
    spawn_at(birth(), future, name, location)
}

/// Where this thread spawns.
#[track_caller]
#[inline]
fn birth() -> Birth {
    match Birth::current() {
        Some(birth) => birth,
        None => panic!("{}", context::NO_RUNTIME),
    }
}

#[inline]
fn spawn_at<F>(
    birth: Birth,
    future: F,
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match context_var::inherited() {
        Some(place) => birth.spawn(place.hold(future), name, location),
        None => birth.spawn(future, name, location),
    }
}

/// Spawns a task onto a runtime, from wherever this thread is.
pub(crate) fn spawn_on<F>(
    scheduler: &Arc<Scheduler>,
    future: F,
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    if size_of::<F>() > LARGE_FUTURE {
        let future: Boxed<F::Output> = Box::pin(future);
        return spawn_at(Birth::on(scheduler), future, name, location);
    }
    spawn_at(Birth::on(scheduler), future, name, location)
}

/// Runs a closure that may block on a thread of the runtime's blocking pool.
///
/// The pool starts threads as they are needed, up to
/// [`Builder::max_blocking_threads`](crate::runtime::Builder::max_blocking_threads); jobs beyond that
/// wait. A job that has begun cannot be aborted; one that has not, can. The end of the runtime waits for
/// both, as in asyncio, unless it has a [limit](crate::runtime::Runtime::shutdown_timeout). The
/// counterpart of `tokio::task::spawn_blocking` and of `asyncio.to_thread`.
///
/// # Panics
///
/// If this thread is in no runtime, or if the pool has no thread and none can be started.
///
/// # Examples
///
/// ```
/// # let rt = filch::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let sum = filch::task::spawn_blocking(|| (1..=1000u64).sum::<u64>()).await.unwrap();
/// assert_eq!(sum, 500_500);
/// # });
/// ```
#[track_caller]
pub fn spawn_blocking<F, R>(f: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    spawn_blocking_on(Handle::current().scheduler(), f, None, Location::caller())
}

/// Runs a closure that looks up a name, on a thread of a pool that is for this alone: at most sixteen
/// at a time, and whatever [`spawn_blocking`] is busy with.
///
/// # Errors
///
/// The pool has no thread and none can be started.
///
/// # Panics
///
/// If this thread is in no runtime.
#[track_caller]
pub fn spawn_lookup<F, R>(f: F) -> io::Result<JoinHandle<R>>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    Handle::current().scheduler().resolver().spawn(f, None, Location::caller())
}

#[track_caller]
pub(crate) fn spawn_blocking_on<F, R>(
    scheduler: &Arc<Scheduler>,
    f: F,
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    match scheduler.pool().spawn(context_var::carry(f), name, location) {
        Ok(handle) => handle,
        Err(error) => panic!("{error}"),
    }
}

/// Runs a closure that may block on this very thread, while another thread takes over the worker's
/// other tasks.
///
/// Cheaper than [`spawn_blocking`] for a task that has what the closure needs on its stack. The other
/// futures of the *same* task wait until the closure is done. Inside of it,
/// [`Handle::block_on`] may be called. The counterpart of
/// `tokio::task::block_in_place`.
///
/// # Panics
///
/// On the thread of a current-thread runtime, as no other could take over.
///
/// # Examples
///
/// ```
/// # let rt = filch::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let lines = filch::spawn(async {
///     filch::task::block_in_place(|| "one\ntwo".lines().count())
/// });
/// assert_eq!(lines.await.unwrap(), 2);
/// # });
/// ```
#[track_caller]
pub fn block_in_place<F, R>(f: F) -> R
where
    F: FnOnce() -> R,
{
    let location = Location::caller();
    let drives = current::drives();
    if drives == current::Drives::Nothing {
        return f();
    }
    assert!(
        drives == current::Drives::Future || !context::is_current_thread(),
        "`block_in_place` needs a multi-thread runtime: here it would stall every task; use \
         `spawn_blocking`"
    );
    let _budget = NoBudget(budget::clear());
    let _paused = current::Driving::pause();
    current::with_worker(|worker| match worker {
        // The thread of a root future: the workers are elsewhere anyway.
        None => f(),
        Some(worker) => {
            let _blocked = Blocked::begin(worker, location);
            current::step_out(f)
        }
    })
}

/// For a closure that may take as long as it likes; the budget is back when this is dropped.
struct NoBudget(budget::Budget);

impl Drop for NoBudget {
    fn drop(&mut self) {
        budget::restore(self.0);
    }
}

/// Lets the other tasks of this worker run first: the task goes to the end of its queue.
///
/// It wakes no other worker. Outside of a task it wakes itself and is pending once. The counterpart
/// of `tokio::task::yield_now` and of `asyncio.sleep(0)`.
///
/// # Cancel safety
///
/// Dropping it early does nothing.
///
/// # Examples
///
/// ```
/// # let rt = filch::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// filch::task::yield_now().await;
/// # });
/// ```
#[inline]
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future of [`yield_now`].
#[must_use = "a future does nothing until it is awaited"]
#[derive(Debug)]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.yielded, true) {
            return Poll::Ready(());
        }
        // A wish that the worker grants after the poll, for nothing. It counts for this task only if
        // the waker is the task's own: under a `join!` of some other crate it need not be.
        if !current::yield_task(cx.waker()) {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

/// The number of the task that is running; in the drop of a future or of an output that nobody took,
/// that of the task whose it is.
///
/// # Panics
///
/// Outside of a task; see [`try_id`].
///
/// # Examples
///
/// ```
/// # let rt = filch::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let task = filch::spawn(async { filch::task::id() });
/// let id = task.id();
/// assert_eq!(task.await.unwrap(), id);
/// # });
/// ```
#[track_caller]
pub fn id() -> Id {
    match try_id() {
        Some(id) => id,
        None => {
            panic!("`task::id` was called outside of a task; `task::try_id` may be called there")
        }
    }
}

/// The number of the task that is running, if one is.
///
/// # Examples
///
/// ```
/// assert!(filch::task::try_id().is_none());
/// ```
pub fn try_id() -> Option<Id> {
    task::polled::id_of_code()
}

/// Options of a task: a name for it, and its context.
///
/// The counterpart of tokio's `task::Builder`, and of `name=` and `context=` of
/// `asyncio.create_task`.
///
/// # Examples
///
/// ```
/// # let rt = filch::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let task = filch::task::Builder::new().name("greeter").spawn(async { "hello" }).unwrap();
/// assert_eq!(task.abort_handle().name(), Some("greeter"));
/// assert_eq!(task.await.unwrap(), "hello");
/// # });
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing until it spawns"]
pub struct Builder<'a> {
    name: Option<&'a str>,
    context: Option<context_var::Context>,
}

impl<'a> Builder<'a> {
    /// A task without a name.
    pub fn new() -> Builder<'a> {
        Builder::default()
    }

    /// The task's name: shown by stall reports, and by [`AbortHandle::name`](crate::task::AbortHandle::name).
    pub fn name(mut self, name: &'a str) -> Builder<'a> {
        self.name = Some(name);
        self
    }

    /// The task's context: it is shared with the task, and no copy is made. Without this, a task has a
    /// copy of what is current where it is spawned.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::contextvars::{Context, ContextVar};
    ///
    /// static DONE: ContextVar<bool> = ContextVar::with_default("done", || false);
    ///
    /// # let rt = filch::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let context = Context::current();
    /// let builder = filch::task::Builder::new().context(&context);
    /// builder.spawn(async { drop(DONE.set(true)) }).unwrap().await.unwrap();
    /// assert_eq!((context.get(&DONE), DONE.get()), (Some(true), false));
    /// # });
    /// ```
    pub fn context(mut self, context: &context_var::Context) -> Builder<'a> {
        self.context = Some(context.clone());
        self
    }

    pub(crate) fn shared_name(&self) -> Option<Arc<str>> {
        self.name.map(Arc::from)
    }

    /// Spawns a task; see [`spawn`].
    ///
    /// # Errors
    ///
    /// None at present; the type is tokio's.
    ///
    /// # Panics
    ///
    /// If this thread is in no runtime.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> io::Result<JoinHandle<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let name = self.shared_name();
        Ok(self.spawn_as(name, future, Location::caller()))
    }

    /// Spawns a task under a name that need not be the builder's.
    #[track_caller]
    pub(crate) fn spawn_as<F>(
        self,
        name: Option<Arc<str>>,
        future: F,
        location: &'static Location<'static>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match self.context {
            Some(context) => birth().spawn(context.hold(future), name, location),
            None => spawn_here(future, name, location),
        }
    }

    /// Spawns a task onto a runtime; see [`Handle::spawn`].
    ///
    /// # Errors
    ///
    /// None at present.
    #[track_caller]
    pub fn spawn_on<F>(self, future: F, handle: &Handle) -> io::Result<JoinHandle<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (name, location) = (self.shared_name(), Location::caller());
        let scheduler = handle.scheduler();
        Ok(match self.context {
            Some(context) => Birth::on(scheduler).spawn(context.hold(future), name, location),
            None => spawn_on(scheduler, future, name, location),
        })
    }

    /// Spawns a task that stays on this thread; see [`spawn_local`](crate::local::spawn_local).
    ///
    /// # Errors
    ///
    /// None at present.
    ///
    /// # Panics
    ///
    /// As [`spawn_local`](crate::local::spawn_local).
    #[track_caller]
    pub fn spawn_local<F>(self, future: F) -> io::Result<JoinHandle<F::Output>>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let (name, location) = (self.shared_name(), Location::caller());
        Ok(match self.context {
            Some(context) => crate::local::spawn_small(context.hold_local(future), name, location),
            None => crate::local::spawn_here(future, name, location),
        })
    }

    /// Runs a closure that may block on another thread; see [`spawn_blocking`].
    ///
    /// # Errors
    ///
    /// If the pool has no thread and none can be started.
    ///
    /// # Panics
    ///
    /// If this thread is in no runtime.
    #[track_caller]
    pub fn spawn_blocking<F, R>(self, f: F) -> io::Result<JoinHandle<R>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let (name, location) = (self.shared_name(), Location::caller());
        let handle = Handle::current();
        let pool = handle.scheduler().pool();
        match self.context {
            Some(context) => pool.spawn(move || context.run(f), name, location),
            None => pool.spawn(context_var::carry(f), name, location),
        }
    }
}
