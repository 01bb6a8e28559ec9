//! `Context`: all variables with their values, to be copied, shared and run in.

use super::ContextVar;
use super::place::{self, Held, HeldLocal, Place};
use super::vars::{Key, Value, Vars};
use pin_project_lite::pin_project;
use runtime_sync::primitives::Mutex;
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

/// All variables that are set, with their values.
///
/// Clones are the same context: what is [run](Context::run) in one is seen in the others, on any
/// thread. [`copy`](Context::copy) makes another one, in constant time. Unlike in Python, a context
/// may be entered while it is entered already, as several tasks that share it may be polled at the
/// same time.
///
/// The counterpart of `contextvars.Context`.
///
/// # Examples
///
/// ```
/// use filch::contextvars::{Context, ContextVar};
///
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// USER.set("Ann");
/// let context = Context::current();
/// context.run(|| USER.set("Bob"));
/// assert_eq!((USER.get(), context.get(&USER)), ("Ann", Some("Bob")));
/// ```
#[derive(Clone, Default)]
pub struct Context(Arc<Mutex<Vars>>);

/// A copy of the current context: [`Context::current`] by its name in Python.
///
/// # Examples
///
/// ```
/// assert!(filch::contextvars::copy_context().is_empty());
/// ```
pub fn copy_context() -> Context {
    Context::current()
}

impl Context {
    /// A context in which nothing is set.
    pub fn new() -> Context {
        Context::default()
    }

    /// A copy of the current context.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::contextvars::{Context, ContextVar};
    ///
    /// static DEPTH: ContextVar<u32> = ContextVar::new("depth");
    ///
    /// let before = Context::current();
    /// DEPTH.set(1);
    /// assert_eq!(before.get(&DEPTH), None);
    /// ```
    pub fn current() -> Context {
        Context::of(place::vars())
    }

    /// Another context with the same values.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::contextvars::{Context, ContextVar};
    ///
    /// static DEPTH: ContextVar<u32> = ContextVar::new("depth");
    ///
    /// let (one, same) = (Context::new(), Context::new());
    /// let other = one.copy();
    /// one.run(|| DEPTH.set(1));
    /// assert_eq!((one.len(), other.len(), same.len()), (1, 0, 0));
    /// ```
    #[must_use = "this makes a context and does nothing with it"]
    pub fn copy(&self) -> Context {
        Context::of(self.vars())
    }

    /// Calls `f` in this context: what it sets stays in here.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::contextvars::{Context, ContextVar};
    ///
    /// static DEPTH: ContextVar<u32> = ContextVar::with_default("depth", || 0);
    ///
    /// let context = Context::new();
    /// for _ in 0..3 {
    ///     context.run(|| DEPTH.set(DEPTH.get() + 1));
    /// }
    /// assert_eq!((context.run(|| DEPTH.get()), DEPTH.get()), (3, 0));
    /// ```
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        Place::Own(self.clone()).within(f)
    }

    /// Awaits `future` in this context: it is polled and dropped in here, and what it sets stays in
    /// here. To share a context with a *task*, give it to
    /// [`task::Builder::context`](crate::spawn::Builder::context).
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the future.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::contextvars::{Context, ContextVar};
    ///
    /// static DEPTH: ContextVar<u32> = ContextVar::with_default("depth", || 0);
    ///
    /// # filch::runtime::Runtime::new().unwrap().block_on(async {
    /// let deep = Context::current().scope(async {
    ///     DEPTH.set(1);
    ///     filch::task::yield_now().await;
    ///     DEPTH.get()
    /// });
    /// assert_eq!((deep.await, DEPTH.get()), (1, 0));
    /// # });
    /// ```
    pub fn scope<F: Future>(&self, future: F) -> InContext<F> {
        InContext::new(Place::Own(self.clone()), future)
    }

    /// A copy of a variable's value in here; its default is none.
    pub fn get<T: Clone + Send + Sync>(&self, var: &'static ContextVar<T>) -> Option<T> {
        let value = self.vars().get(var.key())?;
        value.downcast_ref::<T>().cloned()
    }

    /// How many variables are set in here.
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A future that is polled and dropped in here.
    pub(crate) fn hold<F>(self, future: F) -> Held<F::Output>
    where
        F: Future + Send + 'static,
    {
        Place::Own(self).hold(future)
    }

    /// The same for a future that stays on this thread.
    pub(crate) fn hold_local<F>(self, future: F) -> HeldLocal<F::Output>
    where
        F: Future + 'static,
    {
        Place::Own(self).hold_local(future)
    }

    pub(super) fn of(vars: Vars) -> Context {
        Context(Arc::new(Mutex::new(vars)))
    }

    pub(super) fn vars(&self) -> Vars {
        self.0.lock().clone()
    }

    pub(super) fn replace(&self, key: Key, value: Option<Value>) -> Option<Value> {
        self.0.lock().replace(key, value)
    }

    /// Whether both are the same, and not only alike.
    pub(super) fn is(&self, other: &Context) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// As something that a task, which knows of no contexts, may keep.
    pub(super) fn into_kept(self) -> Arc<dyn Any + Send + Sync> {
        self.0
    }

    /// Back from [`into_kept`](Context::into_kept).
    pub(super) fn restore(kept: Arc<dyn Any + Send + Sync>) -> Context {
        Context(kept.downcast().expect("a task keeps its context and nothing else"))
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("len", &self.len()).finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Context::scope`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct InContext<F> {
        place: Place,
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for InContext<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                this.place.within(|| this.future.set(None));
            }
        }
    }
}

impl<F> InContext<F> {
    pub(super) fn new(place: Place, future: F) -> InContext<F> {
        InContext { place, future: Some(future) }
    }
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let mut future = this.future.as_mut();
        assert!(future.is_some(), "an `InContext` was polled again after it was ready");
        this.place.within(|| {
            let running = future.as_mut().as_pin_mut();
            let polled = running.expect("it is not over, as was seen above").poll(cx);
            if polled.is_ready() {
                // In here: its drop sees the values too.
                future.set(None);
            }
            polled
        })
    }
}

impl<F: fmt::Debug> fmt::Debug for InContext<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InContext").field("future", &self.future).finish_non_exhaustive()
    }
}
