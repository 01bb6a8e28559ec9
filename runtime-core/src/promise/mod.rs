//! A value that one part of a program promises, and any number of others wait for.
//!
//! | | |
//! |---|---|
//! | [`Promise`] | the end that gives the value, or the error |
//! | [`SharedFuture`] | the end that waits: as many clones as you like, each gets a clone of the outcome |
//!
//! Together they are what `asyncio.Future` is in one: written once, awaited by many, with callbacks. For
//! one waiter a [`oneshot`](runtime_sync::channel::oneshot) channel is lighter, for a value that is only
//! looked at a [`SetOnce`].

mod error;
mod future;

pub use error::{InvalidState, NotReady, PromiseError};
pub use future::SharedFuture;

use crate::callback_list::CallbackList;
use crate::task::{CancelReason, polled};
use crate::unwind::{catch, contain};
use runtime_sync::lock::{SetOnce, SetOnceError};
use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;

/// The end of a promise that gives the outcome: a value or an error, once.
///
/// If it is dropped before, those who wait get [`PromiseError::Broken`]. The counterpart of the setting
/// half of `asyncio.Future`.
///
/// # Examples
///
/// ```
/// use filch::promise::{Promise, PromiseError};
///
/// # let rt = filch::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let promise = Promise::<u32, String>::new();
/// let waiters = [1, 2, 3].map(|_| filch::spawn(promise.future()));
/// promise.set_result(42).unwrap();
/// for waiter in waiters {
///     assert_eq!(waiter.await.unwrap(), Ok(42));
/// }
/// assert_eq!(promise.set_error("too late".to_owned()).unwrap_err().0, "too late");
///
/// let future = Promise::<u32, String>::new().future();
/// assert_eq!(future.await, Err(PromiseError::Broken));
/// # });
/// ```
pub struct Promise<T, E> {
    shared: Arc<Shared<T, E>>,
}

/// What both ends hold.
struct Shared<T, E> {
    outcome: SetOnce<Outcome<T, E>>,
    callbacks: CallbackList<OnDone<T, E>>,
}

type Outcome<T, E> = Result<T, PromiseError<E>>;

/// Told of the outcome: what users want to run then is only queued by it.
type OnDone<T, E> = Box<dyn FnOnce(SharedFuture<T, E>) + Send>;

impl<T, E> Promise<T, E> {
    /// A promise that nobody has kept yet.
    pub fn new() -> Promise<T, E> {
        let shared = Shared { outcome: SetOnce::new(), callbacks: CallbackList::new() };
        Promise { shared: Arc::new(shared) }
    }

    /// One more end that waits.
    pub fn future(&self) -> SharedFuture<T, E> {
        SharedFuture::new(self.shared.clone())
    }

    /// Keeps the promise: wakes those who wait, and has the callbacks called.
    ///
    /// The counterpart of `Future.set_result`.
    ///
    /// # Errors
    ///
    /// Gives the value back if there is an outcome already.
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a waker, after all have been woken and the callbacks are queued.
    pub fn set_result(&self, value: T) -> Result<(), InvalidState<T>> {
        match self.shared.settle(Ok(value)) {
            Err(Ok(value)) => Err(InvalidState(value)),
            Ok(()) | Err(Err(_)) => Ok(()),
        }
    }

    /// Gives an error to those who wait.
    ///
    /// The counterpart of `Future.set_exception`.
    ///
    /// # Errors
    ///
    /// Gives the error back if there is an outcome already.
    ///
    /// # Panics
    ///
    /// As [`set_result`](Promise::set_result).
    pub fn set_error(&self, error: E) -> Result<(), InvalidState<E>> {
        match self.shared.settle(Err(PromiseError::Error(error))) {
            Err(Err(PromiseError::Error(error))) => Err(InvalidState(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Cancels the promise: those who wait get [`PromiseError::Cancelled`]. False: there is an outcome
    /// already.
    ///
    /// The counterpart of `Future.cancel`.
    ///
    /// # Panics
    ///
    /// As [`set_result`](Promise::set_result).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = filch::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let promise = filch::promise::Promise::<(), ()>::new();
    /// assert!(promise.cancel("nobody needs it"));
    /// assert!(!promise.cancel("nor now"));
    /// let error = promise.future().await.unwrap_err();
    /// assert_eq!(error.reason().unwrap().message(), Some("nobody needs it"));
    /// # });
    /// ```
    pub fn cancel(&self, reason: impl Into<CancelReason>) -> bool {
        self.shared.cancel(reason.into())
    }

    /// Whether there is an outcome.
    pub fn done(&self) -> bool {
        self.shared.outcome.initialized()
    }

    /// Whether it was cancelled.
    pub fn cancelled(&self) -> bool {
        self.shared.cancelled()
    }
}

impl<T, E> Shared<T, E> {
    /// Sets the outcome and tells everybody.
    ///
    /// # Errors
    ///
    /// Gives it back if there is one already.
    fn settle(self: &Arc<Shared<T, E>>, outcome: Outcome<T, E>) -> Result<(), Outcome<T, E>> {
        // A waker may panic; the callbacks are called all the same.
        let set = catch(|| self.outcome.set(outcome));
        if let Ok(Err(SetOnceError(outcome))) = set {
            return Err(outcome);
        }
        self.callbacks.drain(|tell| contain(|| tell(SharedFuture::new(self.clone()))));
        match set {
            Err(payload) => resume_unwind(payload),
            Ok(_) => Ok(()),
        }
    }

    fn cancel(self: &Arc<Shared<T, E>>, reason: CancelReason) -> bool {
        self.settle(Err(PromiseError::Cancelled(reason.or_by(polled::id())))).is_ok()
    }

    fn cancelled(&self) -> bool {
        matches!(self.outcome.get(), Some(Err(PromiseError::Cancelled(_))))
    }
}

impl<T, E> Drop for Promise<T, E> {
    fn drop(&mut self) {
        if !self.done() {
            contain(|| _ = self.shared.settle(Err(PromiseError::Broken)));
        }
    }
}

impl<T, E> Default for Promise<T, E> {
    fn default() -> Promise<T, E> {
        Promise::new()
    }
}

impl<T: fmt::Debug, E: fmt::Debug> fmt::Debug for Promise<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Promise").field("outcome", &self.shared.outcome.get()).finish()
    }
}
