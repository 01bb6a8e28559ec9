//! A signal that stays set.
//!
//! The word holds the flag, and counts how often it was raised. Who enters the line notes that
//! count; raising the flag wakes those with a lower one. So those who wait are woken even if the
//! flag is taken down before they run, and whoever begins to wait after that is not woken by a
//! raise that came before.

use std::fmt;
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use crate::budget;
use crate::primitives::atomic::{AtomicUsize, Ordering};
use crate::primitives::const_outside_models;
use crate::wait_list::{Choice, WaitList, Waiter};
use crate::wake_batch::WakeBatch;

/// The flag is up.
const SET: usize = 1;
/// The rest counts how often it was raised.
const RAISED: usize = 2;

/// A flag that tasks wait for: all go on once it is set, until it is cleared.
///
/// This is asyncio's `Event`. Unlike a [`Notify`](crate::lock::Notify) it has a state: who comes
/// late finds it set and goes on at once.
///
/// [`set`](Event::set) wakes all who wait, even if [`clear`](Event::clear) follows before any of
/// them runs.
///
/// # Bad input
///
/// Setting a set event and clearing a cleared one do nothing. Nothing is counted or handed out, so
/// a future that is dropped or leaked costs nobody anything. Wakers may call back, and may panic:
/// the others are woken first.
///
/// # Examples
///
/// ```
/// use filch::sync::Event;
/// use std::sync::Arc;
///
/// filch::runtime::Runtime::new().unwrap().block_on(async {
///     let started = Arc::new(Event::new());
///     let waits = filch::spawn({
///         let started = Arc::clone(&started);
///         async move { started.wait().await }
///     });
///     started.set();
///     waits.await.unwrap();
///     started.wait().await; // it is still set
/// });
/// ```
pub struct Event {
    state: AtomicUsize,
    /// Each holds the count of raises at which it entered.
    line: WaitList<usize>,
}

/// What an [`Event`] looked like at some moment.
///
/// # Examples
///
/// ```
/// use filch::sync::Event;
///
/// let stats = Event::new().stats();
/// assert_eq!((stats.waiters, stats.set), (0, false));
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventStats {
    /// How many are in line.
    pub waiters: usize,
    /// Whether it was set.
    pub set: bool,
}

impl Event {
    const_outside_models! {
        /// Makes an event that is not set.
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::Event;
        ///
        /// static READY: Event = Event::new();
        /// assert!(!READY.is_set());
        /// ```
        pub const fn new() -> Event {
            Event { state: AtomicUsize::new(0), line: WaitList::new() }
        }
    }

    /// Sets the event and wakes all who wait.
    ///
    /// What this thread did before is seen by whoever finds the event set or is woken.
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a waker, after all have been woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Event;
    ///
    /// let event = Event::new();
    /// event.set();
    /// assert!(event.is_set());
    /// ```
    pub fn set(&self) {
        let mut seen = self.state.load(Ordering::Relaxed);
        loop {
            // Even if it is set already, so that what this thread did is seen as well.
            let next = if seen & SET == 0 { seen.wrapping_add(RAISED) | SET } else { seen };
            // Pairs with the acquire in `is_set`, `wait` and `clear`.
            match self.state.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        if seen & SET == 0 && self.line.has_waiters() {
            self.wake_before(seen.wrapping_add(RAISED) & !SET);
        }
    }

    /// Takes the flag down: who comes from now on waits for the next [`set`](Event::set).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Event;
    ///
    /// let event = Event::new();
    /// event.set();
    /// event.clear();
    /// assert!(!event.is_set());
    /// ```
    pub fn clear(&self) {
        // Release: whoever sets it after this sees what this thread did before.
        self.state.fetch_and(!SET, Ordering::AcqRel);
    }

    /// Whether it is set.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!filch::sync::Event::new().is_set());
    /// ```
    #[inline]
    pub fn is_set(&self) -> bool {
        // Pairs with the exchange in `set`.
        self.state.load(Ordering::Acquire) & SET != 0
    }

    /// Waits until the event is set; returns at once if it is.
    ///
    /// It may have been cleared again when this returns.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on others.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Event;
    ///
    /// let event = Event::new();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| event.set());
    ///     runtime_sync::block_on(event.wait());
    /// });
    /// ```
    pub async fn wait(&self) {
        // Nothing is to be handed on by who leaves: all are woken at once.
        let mut waiter = pin!(self.line.waiter());
        poll_fn(|cx| self.poll_wait(waiter.as_mut(), cx)).await;
    }

    /// What it looks like at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Event;
    ///
    /// assert_eq!(Event::new().stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> EventStats {
        EventStats { waiters: self.line.lock().len(), set: self.is_set() }
    }

    fn poll_wait(&self, waiter: Pin<&mut Waiter<'_, usize>>, cx: &mut Context<'_>) -> Poll<()> {
        let coop = ready!(budget::poll_proceed(cx));
        if !waiter.is_waiting() && self.is_set() {
            coop.made_progress();
            return Poll::Ready(());
        }
        let waited = waiter.poll_wait(cx, |_| {
            // Pairs with the exchange in `set`.
            let seen = self.state.load(Ordering::Acquire);
            if seen & SET == 0 { ControlFlow::Continue(seen) } else { ControlFlow::Break(()) }
        });
        waited.map(|_| coop.made_progress())
    }

    /// Wakes those who entered before the flag was raised for the `raised`th time.
    fn wake_before(&self, raised: usize) {
        let mut batch = WakeBatch::new();
        loop {
            let ended = self.line.lock().choose_where(&mut batch, |entered| {
                // Half of the range lies ahead: the count may wrap.
                match entered.wrapping_sub(raised) > usize::MAX / 2 {
                    true => Choice::Wake,
                    // Those behind came later still.
                    false => Choice::Stop,
                }
            });
            batch.wake_and_keep_panic();
            if ended {
                break;
            }
        }
        batch.wake_all();
    }
}

impl Default for Event {
    fn default() -> Event {
        Event::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("set", &self.is_set()).finish_non_exhaustive()
    }
}
