//! A value that is set once and waited for.
//!
//! # Invariants
//!
//! 1. The value is written once, under the lock of the line, before the flag is set. Nobody touches
//!    it before.
//! 2. The flag stays set until the value is taken out or dropped through ownership, so a reference
//!    to the value lives no longer than the value.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use crate::budget;
use crate::primitives::UnsafeCell;
use crate::primitives::atomic::{AtomicBool, Ordering};
use crate::primitives::const_outside_models;
use crate::wait_list::{WaitList, Waiter};

/// A value that is set once, and that any number of tasks wait for.
///
/// Names and meaning are tokio's. Where the tasks that need the value also know how to make it, use
/// a [`OnceCell`](crate::lock::OnceCell).
///
/// # Bad input
///
/// A second value is given back. If nobody ever sets a value, those who wait do so forever. Wakers
/// may call back, and may panic: the others are woken first.
///
/// # Examples
///
/// ```
/// use filch::sync::SetOnce;
/// use std::sync::Arc;
///
/// filch::runtime::Runtime::new().unwrap().block_on(async {
///     let address = Arc::new(SetOnce::new());
///     let client = filch::spawn({
///         let address = Arc::clone(&address);
///         async move { format!("connecting to {}", address.wait().await) }
///     });
///     address.set("localhost").unwrap();
///     assert_eq!(client.await.unwrap(), "connecting to localhost");
/// });
/// ```
///
/// What is in it is shared between threads once it is there:
///
/// ```compile_fail
/// fn shared<T: Sync>() {}
/// shared::<filch::sync::SetOnce<std::cell::Cell<u8>>>();
/// ```
pub struct SetOnce<T> {
    set: AtomicBool,
    line: WaitList,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: a shared one hands out `&T` (`T: Sync`), and a value that one thread puts in may be
// dropped by another one (`T: Send`).
unsafe impl<T: Send + Sync> Sync for SetOnce<T> {}
// SAFETY: it owns its value.
unsafe impl<T: Send> Send for SetOnce<T> {}

// No foreign code runs while it changes.
impl<T: UnwindSafe> UnwindSafe for SetOnce<T> {}
impl<T: UnwindSafe + RefUnwindSafe> RefUnwindSafe for SetOnce<T> {}

/// There was a value already; this is the one that [`SetOnce::set`] did not take.
///
/// # Examples
///
/// ```
/// use filch::sync::{SetOnce, SetOnceError};
///
/// let once = SetOnce::from(1);
/// assert_eq!(once.set(2), Err(SetOnceError(2)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetOnceError<T>(pub T);

impl<T> fmt::Display for SetOnceError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value has been set already")
    }
}

impl<T: fmt::Debug> Error for SetOnceError<T> {}

/// What a [`SetOnce`] looked like at some moment.
///
/// # Examples
///
/// ```
/// use filch::sync::SetOnce;
///
/// let stats = SetOnce::<u8>::new().stats();
/// assert_eq!((stats.waiters, stats.initialized), (0, false));
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetOnceStats {
    /// How many wait for the value.
    pub waiters: usize,
    /// Whether it was set.
    pub initialized: bool,
}

impl<T> SetOnce<T> {
    const_outside_models! {
        /// Makes one without a value.
        ///
        /// # Examples
        ///
        /// ```
        /// assert_eq!(filch::sync::SetOnce::<u8>::new().get(), None);
        /// ```
        pub const fn new() -> SetOnce<T> {
            SetOnce::with(false, MaybeUninit::uninit())
        }
    }

    const_outside_models! {
        /// Makes one without a value. The same as [`new`](SetOnce::new), which is `const` as well;
        /// tokio has both.
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::SetOnce;
        ///
        /// static PORT: SetOnce<u16> = SetOnce::const_new();
        /// assert!(!PORT.initialized());
        /// ```
        pub const fn const_new() -> SetOnce<T> {
            SetOnce::new()
        }
    }

    /// Makes one with a value, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(filch::sync::SetOnce::new_with(Some(1)).get(), Some(&1));
    /// ```
    pub fn new_with(value: Option<T>) -> SetOnce<T> {
        match value {
            Some(value) => SetOnce::const_new_with(value),
            None => SetOnce::new(),
        }
    }

    const_outside_models! {
        /// Makes one with a value.
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::SetOnce;
        ///
        /// static PORT: SetOnce<u16> = SetOnce::const_new_with(80);
        /// assert_eq!(PORT.get(), Some(&80));
        /// ```
        pub const fn const_new_with(value: T) -> SetOnce<T> {
            SetOnce::with(true, MaybeUninit::new(value))
        }
    }

    const_outside_models! {
        const fn with(set: bool, value: MaybeUninit<T>) -> SetOnce<T> {
            let set = AtomicBool::new(set);
            SetOnce { set, line: WaitList::new(), value: UnsafeCell::new(value) }
        }
    }

    /// Whether there is a value.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(filch::sync::SetOnce::from(1).initialized());
    /// ```
    #[inline]
    pub fn initialized(&self) -> bool {
        // Pairs with the store in `set`: the value is whole.
        self.set.load(Ordering::Acquire)
    }

    /// The value, if there is one: a single load.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(filch::sync::SetOnce::from(1).get(), Some(&1));
    /// ```
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if !self.initialized() {
            return None;
        }
        let value = self.value.with(|value| {
            // SAFETY: the flag is set: by invariants 1 and 2 nobody writes while `self` is borrowed.
            unsafe { &*value }
        });
        // SAFETY: invariant 1, and the load of the flag has seen that it was written.
        Some(unsafe { value.assume_init_ref() })
    }

    /// Sets the value and wakes all who wait for it.
    ///
    /// # Errors
    ///
    /// Gives the value back if there is one already, which [`get`](SetOnce::get) returns then.
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a waker, after all have been woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::SetOnce;
    ///
    /// let once = SetOnce::new();
    /// assert_eq!(once.set(1), Ok(()));
    /// assert_eq!(once.set(2).unwrap_err().0, 2);
    /// ```
    pub fn set(&self, value: T) -> Result<(), SetOnceError<T>> {
        if self.initialized() {
            return Err(SetOnceError(value));
        }
        // The lock decides between two who set at the same time, so that the one who fails finds
        // the value of the other in place.
        let line = self.line.lock();
        // Relaxed: it is stored under this lock.
        if self.set.load(Ordering::Relaxed) {
            drop(line);
            return Err(SetOnceError(value));
        }
        self.value.with_mut(|place| {
            // SAFETY: invariant 1, the lock is held and the flag is not set.
            let place = unsafe { &mut *place };
            // Nothing is dropped: it moves into a place that holds no value.
            place.write(value);
        });
        // Pairs with the loads in `initialized`.
        self.set.store(true, Ordering::Release);
        drop(line);
        self.line.wake_all();
        Ok(())
    }

    /// The value, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(filch::sync::SetOnce::from(1).into_inner(), Some(1));
    /// ```
    pub fn into_inner(mut self) -> Option<T> {
        self.take()
    }

    /// Waits for the value; returns at once if it is there.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on others.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::SetOnce;
    ///
    /// let once = SetOnce::new();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| once.set(1));
    ///     assert_eq!(runtime_sync::block_on(once.wait()), &1);
    /// });
    /// ```
    pub async fn wait(&self) -> &T {
        // Nothing is to be handed on by who leaves: all are woken at once.
        let mut waiter = pin!(self.line.waiter());
        poll_fn(|cx| self.poll_wait(waiter.as_mut(), cx)).await
    }

    /// What it looks like at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(filch::sync::SetOnce::from(1).stats().initialized);
    /// ```
    pub fn stats(&self) -> SetOnceStats {
        SetOnceStats { waiters: self.line.lock().len(), initialized: self.initialized() }
    }

    fn poll_wait(&self, waiter: Pin<&mut Waiter<'_, ()>>, cx: &mut Context<'_>) -> Poll<&T> {
        let coop = ready!(budget::poll_proceed(cx));
        if self.get().is_none() {
            ready!(waiter.poll_wait(cx, |_| match self.initialized() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }));
        }
        coop.made_progress();
        Poll::Ready(self.get().expect("nobody is woken before the value is there"))
    }

    fn take(&mut self) -> Option<T> {
        if !self.initialized() {
            return None;
        }
        // Relaxed: `&mut self` proves that nobody else is there.
        self.set.store(false, Ordering::Relaxed);
        self.value.with_mut(|value| {
            // SAFETY: as above.
            let value = unsafe { &mut *value };
            // SAFETY: the flag was set, invariant 1. It is not any more, so nobody reads it again.
            Some(unsafe { value.assume_init_read() })
        })
    }
}

impl<T> Drop for SetOnce<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<T> Default for SetOnce<T> {
    fn default() -> SetOnce<T> {
        SetOnce::new()
    }
}

impl<T> From<T> for SetOnce<T> {
    fn from(value: T) -> SetOnce<T> {
        SetOnce::const_new_with(value)
    }
}

impl<T: Clone> Clone for SetOnce<T> {
    fn clone(&self) -> SetOnce<T> {
        SetOnce::new_with(self.get().cloned())
    }
}

impl<T: PartialEq> PartialEq for SetOnce<T> {
    fn eq(&self, other: &SetOnce<T>) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for SetOnce<T> {}

impl<T: fmt::Debug> fmt::Debug for SetOnce<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetOnce").field("value", &self.get()).finish()
    }
}
