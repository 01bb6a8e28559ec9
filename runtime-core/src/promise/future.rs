//! The end of a promise that waits, as often as it is cloned.

use super::{NotReady, PromiseError, Shared};
use crate::callback_list::CallbackId;
use crate::context_var;
use crate::runtime::Handle;
use crate::scheduler::Call;
use crate::task::CancelReason;
use runtime_sync::budget;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The end of a promise that waits for the outcome: a future that may be cloned, and gives a clone of the
/// outcome to each who awaits it, as often as they like.
///
/// The counterpart of the awaiting half of `asyncio.Future`.
///
/// # Errors
///
/// Awaiting it gives what was given to [`set_error`](super::Promise::set_error), or says that the promise
/// was cancelled or dropped.
///
/// # Cancel safety
///
/// Dropping it, or giving up an await of `&mut future`, has no effect on others.
///
/// # Examples
///
/// ```
/// use filch::promise::{NotReady, Promise};
///
/// # let rt = filch::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let promise = Promise::<&str, ()>::new();
/// let future = promise.future();
/// assert_eq!(future.result(), Err(NotReady));
/// promise.set_result("here it is").unwrap();
/// assert_eq!(future.result(), Ok(Ok("here it is")));
/// assert_eq!(future.clone().await, future.await);
/// # });
/// ```
pub struct SharedFuture<T, E> {
    shared: Arc<Shared<T, E>>,
    /// The place in line, once it was polled and had to wait. In a box, so that this may be moved.
    waiting: Option<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>,
}

impl<T, E> SharedFuture<T, E> {
    pub(super) fn new(shared: Arc<Shared<T, E>>) -> SharedFuture<T, E> {
        SharedFuture { shared, waiting: None }
    }

    /// Whether there is an outcome.
    pub fn done(&self) -> bool {
        self.shared.outcome.initialized()
    }

    /// Whether it was cancelled.
    pub fn cancelled(&self) -> bool {
        self.shared.cancelled()
    }

    /// The outcome.
    ///
    /// The counterpart of `Future.result` and `Future.exception`.
    ///
    /// # Errors
    ///
    /// If there is none yet.
    pub fn result(&self) -> Result<Result<T, PromiseError<E>>, NotReady>
    where
        T: Clone,
        E: Clone,
    {
        self.shared.outcome.get().cloned().ok_or(NotReady)
    }

    /// Cancels the promise, for all who wait: as [`Promise::cancel`](super::Promise::cancel).
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        self.shared.cancel(reason.into())
    }

    /// Has `f` called once there is an outcome, by the runtime that this thread is in now.
    ///
    /// Callbacks are called in the order of their registration; if there is an outcome already, `f` is
    /// called soon. More about callbacks: [the module's page](crate::callback).
    ///
    /// The counterpart of `Future.add_done_callback`.
    ///
    /// # Panics
    ///
    /// If this thread is in no runtime; see [`Handle::enter`].
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::promise::Promise;
    ///
    /// # let rt = filch::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let (tell, told) = filch::sync::oneshot::channel();
    /// let promise = Promise::<u32, ()>::new();
    /// promise.future().add_done_callback(|future| tell.send(future.result()).unwrap());
    /// promise.set_result(1).unwrap();
    /// assert_eq!(told.await.unwrap(), Ok(Ok(1)));
    /// # });
    /// ```
    #[track_caller]
    pub fn add_done_callback<F>(&self, f: F) -> CallbackId
    where
        F: FnOnce(&SharedFuture<T, E>) + Send + 'static,
        T: Send + Sync + 'static,
        E: Send + Sync + 'static,
    {
        let location = Location::caller();
        let runtime = Handle::current();
        let context = context_var::copy();
        let tell = Box::new(move |future: SharedFuture<T, E>| {
            // A callback without a key never meets its like.
            let _ = runtime.scheduler().call_soon(Call::new(move || f(&future), context, location));
        });
        match self.shared.callbacks.add(tell) {
            Ok(id) => id,
            Err((id, tell)) => {
                tell(SharedFuture::new(self.shared.clone()));
                id
            }
        }
    }

    /// Takes back a callback of [`add_done_callback`](SharedFuture::add_done_callback). False: there is an
    /// outcome and the callback is on its way, or it was taken back before.
    ///
    /// The counterpart of `Future.remove_done_callback`.
    pub fn remove_done_callback(&self, id: CallbackId) -> bool {
        self.shared.callbacks.remove(id).is_some()
    }
}

impl<T, E> Future for SharedFuture<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    type Output = Result<T, PromiseError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.done() {
            let budget = ready!(budget::poll_proceed(cx));
            this.waiting = None;
            budget.made_progress();
        } else {
            let shared = &this.shared;
            let waiting = this.waiting.get_or_insert_with(|| {
                let shared = shared.clone();
                Box::pin(async move { _ = shared.outcome.wait().await })
            });
            ready!(waiting.as_mut().poll(cx));
            this.waiting = None;
        }
        Poll::Ready(this.shared.outcome.get().expect("what was waited for is there").clone())
    }
}

/// Another end that waits.
impl<T, E> Clone for SharedFuture<T, E> {
    fn clone(&self) -> SharedFuture<T, E> {
        SharedFuture::new(self.shared.clone())
    }
}

impl<T: fmt::Debug, E: fmt::Debug> fmt::Debug for SharedFuture<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedFuture").field("outcome", &self.shared.outcome.get()).finish()
    }
}
