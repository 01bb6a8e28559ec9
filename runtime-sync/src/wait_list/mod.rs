//! Futures waiting in line; wake one, some, all; leaving the line hands on the wake.
//!
//! - [`WaitList`] is the line: what a lock, a semaphore or a channel owns beside its own word of
//!   state.
//! - [`Waiter`] is a place in it, inside of the future that waits; entering allocates nothing.
//! - [`Line`] is the line under its lock.
//! - [`OwnedWaiter`] is a place that keeps its line alive, for futures that borrow nothing.
//! - [`WaitUnless`] is the simplest future upon them.
//!
//! A waiter carries a payload: what it asks for on the way in, what it was given on the way out.
//! Who wakes decides under the lock, by looking at the payloads from the front, whom to
//! [choose](Choice).
//!
//! # Why no wake is lost
//!
//! Who enters raises `waiting`, passes a sequentially consistent fence, and then looks (the
//! closure of [`Waiter::poll_wait`]) whether it has to wait at all, all under the lock. Who wakes
//! changes what the other looks at, passes such a fence, and then reads `waiting`. So either the
//! look sees the change, or the reader sees a waiter and takes the lock. That makes waking nobody
//! cost a fence and a load, without the lock.
//!
//! # Invariants
//!
//! 1. A waiter's node is in the list exactly while its state is `WAITING`, and both change only
//!    under the lock.
//! 2. What a waiter holds (waker, payload, ticket) is touched only under the lock while it is
//!    `WAITING`, and only by the waiter's owner otherwise.
//! 3. Setting the state to `CHOSEN` or `RELEASED` is the last thing that is done to a node from
//!    outside: its owner may free it at that very moment.
//! 4. A waiter is taken out of the line before it is dropped.
//! 5. Under the lock no waker is cloned, woken or dropped, and no payload is dropped.
//! 6. The tickets in the line rise from front to back, but for a wrap; the first is less than half of the
//!    range behind the next.

mod line;
mod owned_waiter;
mod wait_unless;
mod waiter;

pub use line::Line;
pub use owned_waiter::OwnedWaiter;
pub use wait_unless::WaitUnless;
pub use waiter::{Left, Waited, Waiter};

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::list::List;
use crate::primitives::atomic::{AtomicU32, Ordering, fence};
use crate::primitives::{Mutex, UnsafeCell, const_outside_models};
use crate::wake_batch::{self, WakeBatch};
use waiter::{CHOSEN, Place};

/// A line of futures that wait, first in, first out.
///
/// # Examples
///
/// A gate that lets everybody through once it is open:
///
/// ```
/// use runtime_sync::wait_list::WaitList;
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// struct Gate {
///     open: AtomicBool,
///     waiting: WaitList,
/// }
///
/// impl Gate {
///     fn open(&self) {
///         self.open.store(true, Ordering::Release);
///         self.waiting.wake_all();
///     }
///
///     async fn pass(&self) {
///         if !self.open.load(Ordering::Acquire) {
///             self.waiting.wait_unless(|| self.open.load(Ordering::Acquire)).await;
///         }
///     }
/// }
///
/// let gate = Gate { open: AtomicBool::new(false), waiting: WaitList::new() };
/// std::thread::scope(|scope| {
///     scope.spawn(|| gate.open());
///     runtime_sync::block_on(gate.pass());
/// });
/// ```
pub struct WaitList<T = ()> {
    /// How many are in line, or are about to enter. Written under the lock, read without.
    waiting: AtomicU32,
    /// The number of the next waiter that enters. It may wrap: what counts is the order of those in
    /// line, and old numbers are renewed. Touched under the lock; it lies here because there is room.
    ticket: UnsafeCell<u32>,
    nodes: Mutex<List<Place<T>>>,
}

// SAFETY: what is reachable through the pointers in the queue is touched by one thread at a time
// (invariant 2), payloads move between threads (`T: Send`), and a `Waker` is `Send`.
unsafe impl<T: Send> Send for WaitList<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for WaitList<T> {}

// Foreign code runs with the line in order only.
impl<T> UnwindSafe for WaitList<T> {}
impl<T> RefUnwindSafe for WaitList<T> {}

/// What to do about a waiter, decided by whoever wakes.
///
/// # Examples
///
/// ```
/// use runtime_sync::wait_list::{Choice, WaitList};
///
/// // Permits go to the front, as long as they last.
/// let line: WaitList<u32> = WaitList::new();
/// let mut permits = 3u32;
/// line.lock().wake_where(|wanted| match permits.checked_sub(*wanted) {
///     Some(rest) => {
///         permits = rest;
///         Choice::Wake
///     }
///     None => Choice::Stop,
/// });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// It leaves the line and is woken.
    Wake,
    /// It is woken and keeps its place; see [`Waiter::leave_if`].
    Nudge,
    /// It stays, and the next one is looked at.
    Pass,
    /// It stays, and so do all behind it.
    Stop,
}

impl<T> WaitList<T> {
    const_outside_models! {
        /// Makes a line in which nobody waits.
        pub const fn new() -> WaitList<T> {
            WaitList {
                waiting: AtomicU32::new(0),
                ticket: UnsafeCell::new(0),
                nodes: Mutex::new(List::new()),
            }
        }
    }

    /// Whether somebody may be waiting for what this thread did before this call.
    ///
    /// This is the whole cost of waking nobody. If it returns `false`, whoever enters the line
    /// from now on sees what this thread has done when it looks.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::wait_list::WaitList;
    ///
    /// let list: WaitList = WaitList::new();
    /// assert!(!list.has_waiters());
    /// ```
    #[inline]
    pub fn has_waiters(&self) -> bool {
        // Pairs with the fence in `Line::announce`; see the head of the file.
        fence(Ordering::SeqCst);
        self.waiting.load(Ordering::Relaxed) != 0
    }

    /// Locks the line.
    ///
    /// Under it, wakers are only collected. Make the batch for them before this call, so that it
    /// outlives the guard even if something panics.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::wait_list::WaitList;
    /// use runtime_sync::wake_batch::WakeBatch;
    ///
    /// /// Grants permits to the front, each as many as it asks for, until one cannot be served.
    /// fn release(list: &WaitList<usize>, mut permits: usize) {
    ///     let mut batch = WakeBatch::new();
    ///     let mut line = list.lock();
    ///     while !batch.is_full() {
    ///         match line.front() {
    ///             Some(wanted) if *wanted <= permits => permits -= *wanted,
    ///             _ => break,
    ///         }
    ///         line.choose_front(&mut batch);
    ///     }
    ///     drop(line);
    ///     batch.wake_all();
    /// }
    ///
    /// release(&WaitList::new(), 1);
    /// ```
    pub fn lock(&self) -> Line<'_, T> {
        let nodes = self.nodes.lock();
        // Whoever had the lock before has left the exact number.
        let len = self.waiting.load(Ordering::Relaxed);
        Line { nodes, len, list: self }
    }

    /// Makes a waiter that is not in line yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::wait_list::WaitList;
    ///
    /// let list: WaitList<u32> = WaitList::new();
    /// let waiter = list.waiter();
    /// # drop(waiter);
    /// ```
    #[inline]
    pub fn waiter(&self) -> Waiter<'_, T> {
        Waiter::new(self)
    }

    /// Wakes the first in line. Returns whether there was one.
    ///
    /// If the one that is chosen is dropped before it learns of it, its future hands the wake on;
    /// see [`Left::Chosen`].
    ///
    /// # Panics
    ///
    /// Passes on a panic of the waker.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::wait_list::WaitList;
    ///
    /// let list: WaitList = WaitList::new();
    /// assert!(!list.wake_one());
    /// ```
    pub fn wake_one(&self) -> bool {
        if !self.has_waiters() {
            return false;
        }
        let chosen = self.lock().take_front(CHOSEN);
        let any = chosen.is_some();
        if let Some(Some(waker)) = chosen {
            wake_batch::wake(waker);
        }
        any
    }

    /// Wakes all who are in line at the time of the call. Returns how many they are.
    ///
    /// Those who enter meanwhile, perhaps because they were just woken, wait for the next time.
    /// As everybody was woken, a waiter that is dropped before it learns of it has nothing to hand
    /// on; see [`Left::Released`].
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a waker, after all have been woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::wait_list::WaitList;
    ///
    /// let list: WaitList = WaitList::new();
    /// assert_eq!(list.wake_all(), 0);
    /// ```
    pub fn wake_all(&self) -> usize {
        if !self.has_waiters() {
            return 0;
        }
        let mut batch = WakeBatch::new();
        let mut woken = 0;
        let mut line = self.lock();
        let until = line.next_ticket();
        loop {
            let ended = line.release_until(until, &mut woken, &mut batch);
            drop(line);
            // The batches to come shall be woken even if a waker in this one panics.
            batch.wake_and_keep_panic();
            if ended {
                break;
            }
            line = self.lock();
        }
        batch.wake_all();
        woken
    }
}

impl<T> Default for WaitList<T> {
    fn default() -> WaitList<T> {
        WaitList::new()
    }
}

impl<T> fmt::Debug for WaitList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.waiting.load(Ordering::Relaxed);
        f.debug_struct("WaitList").field("waiting", &waiting).finish_non_exhaustive()
    }
}
