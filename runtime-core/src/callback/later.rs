//! `call_later`, `call_at`: a function that the runtime calls when its time has come.

use super::slot::{Cancel, Slot};
use super::soon::call_slot;
use crate::context_var;
use crate::runtime::Handle;
use crate::spawn;
use crate::task::AbortHandle;
use crate::time::{Instant, sleep_until};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// Has `f` called by the runtime that this thread is in, `delay` from now; see [`Handle::call_later`].
///
/// The counterpart of `loop.call_later`.
///
/// # Panics
///
/// If this thread is in no runtime.
///
/// # Examples
///
/// ```
/// use filch::time::{Duration, Instant};
///
/// # let rt = filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap();
/// # rt.block_on(async {
/// let start = Instant::now();
/// let (tell, told) = filch::sync::oneshot::channel();
/// filch::callback::call_later(Duration::from_secs(5), || tell.send(Instant::now()).unwrap());
/// assert_eq!(told.await.unwrap() - start, Duration::from_secs(5));
/// # });
/// ```
#[track_caller]
pub fn call_later<F>(delay: Duration, f: F) -> TimerHandle
where
    F: FnOnce() + Send + 'static,
{
    Handle::current().call_later(delay, f)
}

/// Has `f` called by the runtime that this thread is in, at `when` or, if that is over, soon; see
/// [`Handle::call_at`].
///
/// The counterpart of `loop.call_at`.
///
/// # Panics
///
/// If this thread is in no runtime.
///
/// # Examples
///
/// ```
/// use filch::time::{Duration, Instant};
///
/// # let rt = filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap();
/// # rt.block_on(async {
/// let noon = Instant::now() + Duration::from_secs(60);
/// let timer = filch::callback::call_at(noon, || unreachable!("it is cancelled"));
/// assert_eq!(timer.when(), noon);
/// timer.cancel();
/// # });
/// ```
#[track_caller]
pub fn call_at<F>(when: Instant, f: F) -> TimerHandle
where
    F: FnOnce() + Send + 'static,
{
    Handle::current().call_at(when, f)
}

impl Handle {
    /// Has `f` called by the runtime `delay` from now, on its clock.
    ///
    /// May be called from any thread. When the time has come, `f` joins the line of
    /// [`call_soon`](Handle::call_soon). Timers whose times differ join it in their order on a
    /// current-thread runtime, and nearly so on others. A timer that has not fired when the runtime shuts
    /// down is cancelled, and so is one that is set later. Dropping the handle changes nothing.
    ///
    /// The counterpart of `loop.call_later`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = filch::runtime::Runtime::new().unwrap();
    /// let (tell, told) = filch::sync::oneshot::channel();
    /// runtime.handle().call_later(Duration::from_millis(1), || tell.send(()).unwrap());
    /// runtime.block_on(told).unwrap();
    /// ```
    #[track_caller]
    pub fn call_later<F>(&self, delay: Duration, f: F) -> TimerHandle
    where
        F: FnOnce() + Send + 'static,
    {
        let now = {
            let _here = self.enter();
            Instant::now()
        };
        self.call_at(now.plus(delay), f)
    }

    /// Has `f` called by the runtime at `when`, on its clock, or soon if that is over; see
    /// [`call_later`](Handle::call_later).
    ///
    /// The counterpart of `loop.call_at`.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::Instant;
    ///
    /// let runtime = filch::runtime::Runtime::new().unwrap();
    /// let (tell, told) = filch::sync::oneshot::channel();
    /// runtime.handle().call_at(Instant::now(), || tell.send(()).unwrap());
    /// runtime.block_on(told).unwrap();
    /// ```
    #[track_caller]
    pub fn call_at<F>(&self, when: Instant, f: F) -> TimerHandle
    where
        F: FnOnce() + Send + 'static,
    {
        let slot = Arc::new(Slot::new(f));
        let location = Location::caller();
        let mut timer = Timer(Some(slot.clone()));
        let handle = self.clone();
        let context = context_var::copy();
        let wait = async move {
            sleep_until(when).await;
            if let Some(slot) = timer.0.take() {
                call_slot(&handle, slot, context, location);
            }
        };
        let task = spawn::spawn_on(self.scheduler(), wait, None, location).abort_handle();
        TimerHandle { slot, when, task }
    }
}

/// A timer that has not fired: dropped, it cancels what it would have called.
struct Timer<F: FnOnce() + Send>(Option<Arc<Slot<F>>>);

impl<F: FnOnce() + Send> Drop for Timer<F> {
    fn drop(&mut self) {
        if let Some(slot) = &self.0 {
            slot.cancel();
        }
    }
}

/// A function that was given to [`call_later`] or [`call_at`]: can be cancelled as long as it was not
/// called.
///
/// Dropping it changes nothing. The counterpart of `asyncio.TimerHandle`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// # let rt = filch::runtime::Builder::new_current_thread().build().unwrap();
/// # rt.block_on(async {
/// let timer = filch::callback::call_later(Duration::from_secs(60), || unreachable!());
/// assert!(timer.cancel());
/// assert!(timer.cancelled());
/// assert!(!timer.cancel());
/// # });
/// ```
#[derive(Clone)]
pub struct TimerHandle {
    slot: Arc<dyn Cancel>,
    when: Instant,
    task: AbortHandle,
}

impl TimerHandle {
    /// Drops the function without calling it, and stops the timer. False: it was called, is being called,
    /// or was cancelled before.
    pub fn cancel(&self) -> bool {
        let cancelled = self.slot.cancel();
        if cancelled {
            self.task.abort();
        }
        cancelled
    }

    /// Whether it was cancelled, and so is never called.
    pub fn cancelled(&self) -> bool {
        self.slot.cancelled()
    }

    /// When the function is due.
    pub fn when(&self) -> Instant {
        self.when
    }
}

impl fmt::Debug for TimerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimerHandle")
            .field("when", &self.when)
            .field("cancelled", &self.cancelled())
            .finish_non_exhaustive()
    }
}
