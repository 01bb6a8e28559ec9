//! A place in a line that keeps what owns the line alive.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::{WaitList, Waiter};

/// A [`Waiter`] that owns a share of what its line lies in, for futures that borrow nothing.
///
/// # Examples
///
/// ```
/// use runtime_sync::wait_list::{Line, OwnedWaiter, WaitList, Waited};
/// use std::ops::ControlFlow;
/// use std::pin::pin;
/// use std::sync::Arc;
/// use std::task::{Context, Poll, Waker};
///
/// struct Bell {
///     listeners: WaitList,
/// }
///
/// let bell = Arc::new(Bell { listeners: WaitList::new() });
/// let mut waiter = pin!(OwnedWaiter::new(Arc::clone(&bell), |bell| &bell.listeners));
/// let mut cx = Context::from_waker(Waker::noop());
/// let enter = |_: &mut Line<'_, ()>| ControlFlow::<(), ()>::Continue(());
/// assert!(waiter.as_mut().waiter().poll_wait(&mut cx, enter).is_pending());
/// bell.listeners.wake_all();
/// assert_eq!(waiter.waiter().poll_wait(&mut cx, enter), Poll::Ready(Waited::Woken(())));
/// ```
pub struct OwnedWaiter<O, T: 'static> {
    // Dropped first: it leaves the line while the line is alive. It never comes out of here with
    // this lifetime.
    waiter: Waiter<'static, T>,
    owner: Arc<O>,
}

impl<O, T> OwnedWaiter<O, T> {
    /// Makes a waiter of the list to which `list` leads, that is not in line yet.
    pub fn new(owner: Arc<O>, list: fn(&O) -> &WaitList<T>) -> OwnedWaiter<O, T> {
        let list: *const WaitList<T> = list(&owner);
        // SAFETY: the list is borrowed from the owner, which does not move and, as its share is
        // given back after the waiter is dropped, lives longer than that.
        let list = unsafe { &*list };
        OwnedWaiter { waiter: Waiter::new(list), owner }
    }

    /// What the line lies in.
    pub fn owner(&self) -> &Arc<O> {
        &self.owner
    }

    /// The waiter, for as long as this is borrowed.
    pub fn waiter<'a>(self: Pin<&'a mut Self>) -> Pin<&'a mut Waiter<'a, T>> {
        self.waiter_and_owner().0
    }

    /// The waiter, and what its line lies in.
    pub fn waiter_and_owner<'a>(self: Pin<&'a mut Self>) -> (Pin<&'a mut Waiter<'a, T>>, &'a O) {
        // SAFETY: the waiter is not moved below.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: the waiter is pinned with this, and dropped in place.
        let waiter = unsafe { Pin::new_unchecked(&mut this.waiter) };
        // SAFETY: only the lifetime of the list is made shorter. Behind a pin the waiter cannot be
        // replaced by one of another list.
        let waiter = unsafe {
            std::mem::transmute::<Pin<&'a mut Waiter<'static, T>>, Pin<&'a mut Waiter<'a, T>>>(
                waiter,
            )
        };
        (waiter, &this.owner)
    }
}

impl<O, T> fmt::Debug for OwnedWaiter<O, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.waiter.fmt(f)
    }
}
