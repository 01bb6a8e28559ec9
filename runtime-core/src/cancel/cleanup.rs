//! To clean up with awaits, whatever happens.

use super::outcome::Outcome;
use crate::frame::{About, Holder, Plain};
use crate::time::{Duration, Sleep, sleep};
use crate::unwind::catch;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// How long a clean-up may take unless [`WithCleanup::limit`] says otherwise: 30 s.
pub const CLEANUP_LIMIT: Duration = Duration::from_secs(30);

/// Awaits `future`, then `cleanup`, and gives the output of `future`.
///
/// The clean-up runs once, however `future` ends: by its output, by a panic, or because the task, or
/// a scope around, is cancelled. It is shielded from cancellation, and may take
/// [30 s](CLEANUP_LIMIT) unless [`limit`](WithCleanup::limit) says otherwise; it is dropped then. A
/// cancellation goes on outwards after it, and a panic is resumed after it.
///
/// The clean-up does not run if the whole is dropped by hand, or its task is *aborted*: then nobody
/// is left to await it.
///
/// The counterpart of `try: … finally: await …`.
///
/// # Cancel safety
///
/// Dropping it drops the future, or the clean-up where it stands.
///
/// # Panics
///
/// Passes on a panic of the future, after the clean-up, and of the clean-up. And when the clean-up
/// begins, if there is no runtime on this thread, unless the limit is lifted.
///
/// # Examples
///
/// ```
/// use filch::cancel::with_cleanup;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use std::sync::Arc;
///
/// # filch::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let closed = Arc::new(AtomicUsize::new(0));
/// let count = closed.clone();
/// let task = filch::spawn(with_cleanup(std::future::pending::<()>(), async move {
///     filch::task::yield_now().await;
///     count.fetch_add(1, Ordering::Relaxed);
/// }));
/// filch::task::yield_now().await;
/// task.cancel("enough");
/// assert!(task.await.unwrap_err().is_cancelled());
/// assert_eq!(closed.load(Ordering::Relaxed), 1);
/// # });
/// ```
pub fn with_cleanup<F, C>(future: F, cleanup: C) -> WithCleanup<F::IntoFuture, C::IntoFuture>
where
    F: IntoFuture,
    C: IntoFuture<Output = ()>,
{
    WithCleanup {
        future: Some(future.into_future()),
        cleanup: Some(cleanup.into_future()),
        timer: None,
        limit: Some(CLEANUP_LIMIT),
        holder: None,
        outcome: Outcome::None,
    }
}

pin_project! {
    /// The future of [`with_cleanup`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct WithCleanup<F: Future, C> {
        #[pin]
        future: Option<F>,
        #[pin]
        cleanup: Option<C>,
        #[pin]
        timer: Option<Sleep>,
        limit: Option<Duration>,
        holder: Option<Holder>,
        outcome: Outcome<F::Output>,
    }

    impl<F: Future, C> PinnedDrop for WithCleanup<F, C> {
        fn drop(this: Pin<&mut Self>) {
            this.project().outcome.forget();
        }
    }
}

impl<F: Future, C> WithCleanup<F, C> {
    /// Gives the clean-up at most this long; `None` as long as it takes.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::cancel::with_cleanup;
    /// use filch::time::Duration;
    ///
    /// # filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap().block_on(async {
    /// let hangs = with_cleanup(async { 1 }, std::future::pending());
    /// assert_eq!(hangs.limit(Duration::from_secs(1)).await, 1);
    /// # });
    /// ```
    pub fn limit(mut self, limit: impl Into<Option<Duration>>) -> WithCleanup<F, C> {
        self.limit = limit.into();
        self
    }
}

/// A clean-up: what is around does not concern it.
struct Shield;

impl About for Shield {
    fn is_shield(&self) -> bool {
        true
    }
}

impl<F, C> Future for WithCleanup<F, C>
where
    F: Future,
    C: Future<Output = ()>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        if let Outcome::Passed(_) = this.outcome {
            return Poll::Pending;
        }
        let holder = this.holder.get_or_insert_with(Holder::open);
        if let Some(future) = this.future.as_mut().as_pin_mut() {
            holder.register(cx.waker());
            let polled = catch(|| holder.within(&Plain, || future.poll(cx)));
            let outcome = match polled {
                Ok(Poll::Ready(value)) => Outcome::Value(value),
                Ok(Poll::Pending) => match holder.cause() {
                    None => return Poll::Pending,
                    Some(cause) => Outcome::Cancelled(cause),
                },
                Err(payload) => Outcome::Panicked(payload),
            };
            // From here on, so that a panic of the drop finds everything in its place.
            holder.node().shield();
            *this.outcome = outcome;
            if let Err(payload) = catch(|| this.future.set(None)) {
                this.outcome.panic(payload);
            }
            if let Some(limit) = *this.limit {
                this.timer.set(Some(sleep(limit)));
            }
        }
        if let Some(cleanup) = this.cleanup.as_mut().as_pin_mut() {
            if holder.within(&Shield, || cleanup.poll(cx)).is_pending() {
                let Some(timer) = this.timer.as_mut().as_pin_mut() else { return Poll::Pending };
                ready!(timer.poll(cx));
                tracing::warn!(
                    limit = ?this.limit,
                    "a clean-up was dropped because it did not end within its limit"
                );
            }
            this.cleanup.set(None);
            this.timer.set(None);
        }
        this.outcome.give(this.holder.take())
    }
}

impl<F: Future + fmt::Debug, C: fmt::Debug> fmt::Debug for WithCleanup<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithCleanup")
            .field("future", &self.future)
            .field("cleanup", &self.cleanup)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
