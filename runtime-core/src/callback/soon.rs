//! `call_soon`: a function that the runtime calls soon.

use super::slot::{Cancel, Slot};
use crate::context_var::{self, Place};
use crate::runtime::Handle;
use crate::scheduler::Call;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// Has `f` called by the runtime that this thread is in; see [`Handle::call_soon`].
///
/// The counterpart of `loop.call_soon`.
///
/// # Panics
///
/// If this thread is in no runtime.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
///
/// let runtime = filch::runtime::Runtime::new().unwrap();
/// let (send, received) = mpsc::channel();
/// runtime.block_on(async {
///     for number in 1..=3 {
///         let send = send.clone();
///         filch::callback::call_soon(move || send.send(number).unwrap());
///     }
/// });
/// drop((send, runtime));
/// assert_eq!(received.iter().collect::<Vec<_>>(), [1, 2, 3]);
/// ```
#[track_caller]
pub fn call_soon<F>(f: F) -> CallHandle
where
    F: FnOnce() + Send + 'static,
{
    Handle::current().call_soon(f)
}

impl Handle {
    /// Has `f` called by the runtime soon: after the callbacks that wait already, and not before the
    /// caller has let the runtime go on.
    ///
    /// May be called from any thread; a current-thread runtime calls `f` once a thread is in its
    /// `block_on`, or when it shuts down. After the shutdown `f` is dropped at once, and the handle says
    /// "cancelled"; to have it back, use [`post`](Handle::post). Dropping the handle changes nothing.
    /// More about callbacks: [the module's page](crate::callback).
    ///
    /// The counterpart of `loop.call_soon` and `loop.call_soon_threadsafe`.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new().unwrap();
    /// let (tell, told) = filch::sync::oneshot::channel();
    /// runtime.handle().call_soon(|| tell.send("called").unwrap());
    /// assert_eq!(runtime.block_on(told).unwrap(), "called");
    /// ```
    #[track_caller]
    pub fn call_soon<F>(&self, f: F) -> CallHandle
    where
        F: FnOnce() + Send + 'static,
    {
        let slot = Arc::new(Slot::new(f));
        if self.scheduler().is_closed() {
            slot.cancel();
        } else {
            call_slot(self, slot.clone(), context_var::copy(), Location::caller());
        }
        CallHandle { slot }
    }
}

/// Has the function in a slot called, if it is still there when its turn comes.
pub(super) fn call_slot<F>(
    handle: &Handle,
    slot: Arc<Slot<F>>,
    context: Place,
    location: &'static Location<'static>,
) where
    F: FnOnce() + Send + 'static,
{
    // A callback without a key never meets its like.
    let _ = handle.scheduler().call_soon(Call::new(move || slot.call(), context, location));
}

/// A function that was given to [`call_soon`]: can be cancelled as long as it was not called.
///
/// Dropping it changes nothing. The counterpart of `asyncio.Handle`.
///
/// # Examples
///
/// ```
/// # let rt = filch::runtime::Builder::new_current_thread().build().unwrap();
/// # rt.block_on(async {
/// let call = filch::callback::call_soon(|| unreachable!("it is cancelled"));
/// assert!(call.cancel());
/// assert!(call.cancelled());
/// # });
/// ```
#[derive(Clone)]
pub struct CallHandle {
    slot: Arc<dyn Cancel>,
}

impl CallHandle {
    /// Drops the function without calling it. False: it was called, is being called, or was cancelled
    /// before.
    pub fn cancel(&self) -> bool {
        self.slot.cancel()
    }

    /// Whether it was cancelled, and so is never called.
    pub fn cancelled(&self) -> bool {
        self.slot.cancelled()
    }
}

impl fmt::Debug for CallHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallHandle").field("cancelled", &self.cancelled()).finish_non_exhaustive()
    }
}
