//! `to_thread`: a closure that blocks, on a thread of the runtime, as a part of the task that calls it.

use crate::frame::{self, Holder, Node, Passage};
use crate::runtime::Handle;
use crate::spawn;
use crate::task::{CancelReason, JoinError, JoinHandle};
use runtime_sync::lock::{CapacityLimiter, OwnedCapacityToken};
use runtime_sync::primitives::Mutex;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Runs a closure that may block on a thread of the blocking pool, when it is awaited, and gives its
/// result.
///
/// The closure runs in a copy of the caller's [context](crate::context_var). It belongs to the caller:
/// a request to end the task, or a cancelled scope around, waits for it, and the closure can learn of
/// it by [`from_thread::check_cancelled`](crate::threads::from_thread::check_cancelled). Its result is
/// given all the same; the cancellation acts at the next suspension.
/// [`abandon_on_cancel`](ToThread::abandon_on_cancel) changes that. If no thread has begun to run it,
/// it never will.
///
/// So many run at a time as the [limiter](ToThread::limiter) has tokens, and the others wait.
///
/// The counterpart of `asyncio.to_thread` and of trio's `to_thread.run_sync`.
///
/// # Errors
///
/// A [`JoinError`] if the closure panicked, or if the runtime has shut down before it began.
///
/// # Cancel safety
///
/// Dropping the future cannot wait for the thread: as with a plain abort, a closure that has begun is
/// left to itself, and its result is lost. It is told.
///
/// # Panics
///
/// When it is awaited, if this thread is in no runtime, or if no thread can be started.
///
/// # Examples
///
/// ```
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let sum = filch::task::to_thread(|| (1..=1000u64).sum::<u64>()).await.unwrap();
/// assert_eq!(sum, 500_500);
/// # });
/// ```
#[track_caller]
pub fn to_thread<F, R>(f: F) -> ToThread<F, R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    ToThread {
        stage: Stage::New(f),
        limiter: None,
        abandon_on_cancel: false,
        location: Location::caller(),
    }
}

/// What limits the calls of [`to_thread`] in this runtime that name no limiter: 40 at a time, and it
/// can be changed.
///
/// The counterpart of trio's function of this name.
///
/// # Panics
///
/// If this thread is in no runtime.
///
/// # Examples
///
/// ```
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let limiter = filch::task::current_default_thread_limiter();
/// assert_eq!(limiter.total_tokens(), 40);
/// limiter.set_total_tokens(8);
/// # });
/// ```
#[track_caller]
pub fn current_default_thread_limiter() -> Arc<CapacityLimiter> {
    Handle::current().scheduler().threads().clone()
}

/// The future of [`to_thread`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct ToThread<F, R> {
    stage: Stage<F, R>,
    limiter: Option<Arc<CapacityLimiter>>,
    abandon_on_cancel: bool,
    location: &'static Location<'static>,
}

impl<F, R> Unpin for ToThread<F, R> {}

enum Stage<F, R> {
    New(F),
    /// For its turn.
    Waiting(F, Pin<Box<dyn Future<Output = OwnedCapacityToken> + Send>>),
    Started(Started<R>),
    /// It is cancelled and nothing has begun: whatever cancels it drops it, and with it the passage, while
    /// which lives a request that is withdrawn ends the task all the same.
    GivenUp {
        _passage: Option<Passage>,
    },
    /// It gave its result, or is between two stages.
    Over,
}

struct Started<R> {
    job: JoinHandle<Option<R>>,
    /// Whether it is decided what becomes of the closure: by the thread, which begins, or by the task,
    /// which gives up.
    decided: Arc<Mutex<bool>>,
    /// Holds up cancellations; none if the thread is to be abandoned.
    holder: Option<Holder>,
    /// The thread knows that its result is not wanted.
    told: bool,
}

impl<F, R> ToThread<F, R> {
    /// Whether a cancellation leaves the thread to itself and does not wait: for closures of which it
    /// does not matter whether and when they end. The token of the limiter is given back when it does.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    ///
    /// # filch::runtime::Runtime::new().unwrap().block_on(async {
    /// let (sender, receiver) = mpsc::channel::<()>();
    /// let stuck = filch::task::to_thread(move || receiver.recv()).abandon_on_cancel(true);
    /// assert!(filch::time::timeout(Duration::from_millis(1), stuck).await.is_err());
    /// drop(sender); // and the thread goes on
    /// # });
    /// ```
    pub fn abandon_on_cancel(mut self, abandon: bool) -> ToThread<F, R> {
        self.abandon_on_cancel = abandon;
        self
    }

    /// What limits how many run at a time, instead of [the runtime's](current_default_thread_limiter).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CapacityLimiter;
    /// use std::sync::Arc;
    ///
    /// # filch::runtime::Runtime::new().unwrap().block_on(async {
    /// let one_by_one = Arc::new(CapacityLimiter::new(1));
    /// let call = || filch::task::to_thread(|| 1).limiter(&one_by_one);
    /// let (a, b) = filch::join!(call(), call());
    /// assert_eq!(a.unwrap() + b.unwrap(), 2);
    /// # });
    /// ```
    pub fn limiter(mut self, limiter: &Arc<CapacityLimiter>) -> ToThread<F, R> {
        self.limiter = Some(limiter.clone());
        self
    }
}

impl<F, R> ToThread<F, R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    /// Sends the closure to a thread, unless a cancellation is in effect already.
    #[track_caller]
    fn start(&self, f: F, token: OwnedCapacityToken) -> Stage<F, R> {
        // A scope that was cancelled before it was polled tells no holder.
        let Ok(holder) = Holder::open_unless_cancelled(Node::here(false)) else {
            return Stage::GivenUp { _passage: None };
        };
        if let Some(cause) = holder.cause() {
            return Stage::GivenUp { _passage: Some(holder.pass_on(&cause)) };
        }
        let holder = (!self.abandon_on_cancel).then_some(holder);
        let decided = Arc::new(Mutex::new(false));
        let job = {
            let decided = decided.clone();
            move || {
                let _token = token;
                let given_up = mem::replace(&mut *decided.lock(), true);
                (!given_up).then(f)
            }
        };
        let handle = Handle::current();
        let job = spawn::spawn_blocking_on(handle.scheduler(), job, None, self.location);
        Stage::Started(Started { job, decided, holder, told: false })
    }
}

impl<R> Started<R> {
    /// Tells the thread why its result is not wanted. True: it never began.
    fn give_up(&self, reason: CancelReason) -> bool {
        self.job.cancel(reason);
        !mem::replace(&mut *self.decided.lock(), true)
    }

    /// Waits for the thread. Ready with an error: it was given up before it began.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Result<R, JoinError>, Option<Passage>>> {
        if let Some(holder) = &self.holder {
            holder.register(cx.waker());
        }
        if let Poll::Ready(result) = Pin::new(&mut self.job).poll(cx) {
            return Poll::Ready(result.transpose().ok_or(None));
        }
        let Some(holder) = &self.holder else { return Poll::Pending };
        let Some(cause) = holder.cause() else { return Poll::Pending };
        if mem::replace(&mut self.told, true) || !self.give_up(CancelReason::clone(cause.reason()))
        {
            // It has begun. What it gives in the end is the result.
            return Poll::Pending;
        }
        Poll::Ready(Err(Some(holder.pass_on(&cause))))
    }
}

impl<F, R> Future for ToThread<F, R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    type Output = Result<R, JoinError>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            match &mut this.stage {
                Stage::New(_) => {
                    let Stage::New(f) = mem::replace(&mut this.stage, Stage::Over) else {
                        unreachable!("it was new just now")
                    };
                    let limiter =
                        this.limiter.clone().unwrap_or_else(current_default_thread_limiter);
                    this.stage = match limiter.clone().try_acquire_owned() {
                        Ok(token) => this.start(f, token),
                        Err(_) => Stage::Waiting(f, Box::pin(limiter.acquire_owned())),
                    };
                }
                Stage::Waiting(_, turn) => {
                    let token = ready!(turn.as_mut().poll(cx));
                    let Stage::Waiting(f, _) = mem::replace(&mut this.stage, Stage::Over) else {
                        unreachable!("it waited just now")
                    };
                    this.stage = this.start(f, token);
                }
                Stage::Started(started) => {
                    let result = ready!(started.poll(cx));
                    let (stage, result) = match result {
                        Ok(result) => (Stage::Over, Poll::Ready(result)),
                        Err(_passage) => (Stage::GivenUp { _passage }, Poll::Pending),
                    };
                    this.stage = stage;
                    return result;
                }
                Stage::GivenUp { .. } => return Poll::Pending,
                Stage::Over => panic!("a `ToThread` was polled again after it gave its result"),
            }
        }
    }
}

impl<F, R> Drop for ToThread<F, R> {
    fn drop(&mut self) {
        if let Stage::Started(started) = &self.stage {
            let reason = frame::in_effect().map_or_else(
                || CancelReason::from("the future of `to_thread` was dropped"),
                Arc::unwrap_or_clone,
            );
            started.give_up(reason);
        }
    }
}

impl<F, R> fmt::Debug for ToThread<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToThread")
            .field("abandon_on_cancel", &self.abandon_on_cancel)
            .finish_non_exhaustive()
    }
}
