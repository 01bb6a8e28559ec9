//! Handles that abort their task when they are dropped.

use super::join::{AbortHandle, JoinHandle};
use super::join_error::JoinError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A [`JoinHandle`] that aborts its task when it is dropped.
///
/// The counterpart of tokio-util's `task::AbortOnDropHandle`.
///
/// # Cancel safety
///
/// Dropping it aborts the task. Awaiting `&mut handle` is cancel safe.
///
/// # Examples
///
/// ```
/// use filch::task::AbortOnDropHandle;
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let task = AbortOnDropHandle::new(filch::spawn(std::future::pending::<()>()));
/// let watch = task.abort_handle();
/// drop(task);
/// while !watch.is_finished() {
///     filch::task::yield_now().await;
/// }
/// # });
/// ```
#[must_use = "dropping the handle aborts the task at once"]
pub struct AbortOnDropHandle<T> {
    /// Always there until it is detached.
    handle: Option<JoinHandle<T>>,
}

impl<T> AbortOnDropHandle<T> {
    /// A handle that aborts the task when it is dropped.
    pub fn new(handle: JoinHandle<T>) -> AbortOnDropHandle<T> {
        AbortOnDropHandle { handle: Some(handle) }
    }

    fn handle(&self) -> &JoinHandle<T> {
        self.handle.as_ref().expect("the handle is there until it is detached")
    }

    /// Aborts the task now; see [`JoinHandle::abort`].
    pub fn abort(&self) {
        self.handle().abort();
    }

    /// Whether the task has finished.
    pub fn is_finished(&self) -> bool {
        self.handle().is_finished()
    }

    /// A handle that can abort the task, and no more.
    pub fn abort_handle(&self) -> AbortHandle {
        self.handle().abort_handle()
    }

    /// The plain handle: the task runs on when that is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::task::AbortOnDropHandle;
    ///
    /// # filch::runtime::Runtime::new().unwrap().block_on(async {
    /// let task = AbortOnDropHandle::new(filch::spawn(async { 1 }));
    /// assert_eq!(task.detach().await.unwrap(), 1);
    /// # });
    /// ```
    pub fn detach(mut self) -> JoinHandle<T> {
        self.handle.take().expect("the handle is there until it is detached")
    }
}

impl<T> Drop for AbortOnDropHandle<T> {
    fn drop(&mut self) {
        if let Some(handle) = &self.handle {
            handle.abort();
        }
    }
}

impl<T> Future for AbortOnDropHandle<T> {
    type Output = Result<T, JoinError>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let handle = self.handle.as_mut().expect("the handle is there until it is detached");
        Pin::new(handle).poll(cx)
    }
}

impl<T> AsRef<JoinHandle<T>> for AbortOnDropHandle<T> {
    fn as_ref(&self) -> &JoinHandle<T> {
        self.handle()
    }
}

impl<T> From<JoinHandle<T>> for AbortOnDropHandle<T> {
    fn from(handle: JoinHandle<T>) -> AbortOnDropHandle<T> {
        AbortOnDropHandle::new(handle)
    }
}

impl<T> fmt::Debug for AbortOnDropHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AbortOnDropHandle").field(self.handle()).finish()
    }
}

/// An [`AbortHandle`] that aborts its task when it is dropped: for those who do not care for the
/// output, and so need not name its type.
///
/// The counterpart of tokio-util's `task::AbortOnDrop`.
///
/// # Examples
///
/// ```
/// use filch::task::AbortOnDrop;
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let task = filch::spawn(std::future::pending::<()>());
/// drop(AbortOnDrop::new(task.abort_handle()));
/// assert!(task.await.unwrap_err().is_cancelled());
/// # });
/// ```
#[must_use = "dropping the handle aborts the task at once"]
pub struct AbortOnDrop {
    handle: AbortHandle,
    detached: bool,
}

impl AbortOnDrop {
    /// A handle that aborts the task when it is dropped.
    pub fn new(handle: AbortHandle) -> AbortOnDrop {
        AbortOnDrop { handle, detached: false }
    }

    /// Aborts the task now.
    pub fn abort(&self) {
        self.handle.abort();
    }

    /// Whether the task has finished.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// The plain handle: the task runs on when that is dropped.
    pub fn detach(mut self) -> AbortHandle {
        self.detached = true;
        self.handle.clone()
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if !self.detached {
            self.handle.abort();
        }
    }
}

impl fmt::Debug for AbortOnDrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AbortOnDrop").field(&self.handle).finish()
    }
}
