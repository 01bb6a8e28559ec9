//! Tasks that sleep in line until told otherwise: a building block.
//!
//! [`berth`] has the places in line, which can be moved from one lot to another while their tasks
//! sleep, and the proof that this is sound.

#[expect(unsafe_code, reason = "a line of nodes inside of futures, which move from line to line")]
mod berth;

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use crate::budget;
use berth::{Berth, Left, Lot};

/// Tasks parked in line, to be unparked from the front: what locks and conditions are made of.
///
/// It has no state of its own beside the line, and keeps no wake for those who come later: whoever
/// parks for a reason says so to [`park_if`](ParkingLot::park_if), and whoever takes the reason away
/// unparks *after* that.
///
/// This is trio's `ParkingLot`. Clones are the same lot.
///
/// # Bad input
///
/// Unparking more than there are unparks all. Reparking to the same lot does nothing. A future that
/// is leaked, with [`std::mem::forget`], while it is parked keeps its place, and the wake that it is
/// given is lost with it. Wakers may call back, and may panic: the others are woken first.
///
/// # Examples
///
/// A gate:
///
/// ```
/// use filch::sync::ParkingLot;
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// struct Gate {
///     open: AtomicBool,
///     lot: ParkingLot,
/// }
///
/// impl Gate {
///     fn open(&self) {
///         self.open.store(true, Ordering::Release);
///         self.lot.unpark_all();
///     }
///
///     async fn pass(&self) {
///         while self.lot.park_if(|| !self.open.load(Ordering::Acquire)).await {}
///     }
/// }
///
/// let gate = Gate { open: AtomicBool::new(false), lot: ParkingLot::new() };
/// std::thread::scope(|scope| {
///     scope.spawn(|| gate.open());
///     runtime_sync::block_on(gate.pass());
/// });
/// ```
pub struct ParkingLot {
    /// Shared with those who were moved here from another lot.
    lot: Arc<Lot>,
}

/// What a [`ParkingLot`] looked like at some moment.
///
/// # Examples
///
/// ```
/// assert_eq!(filch::sync::ParkingLot::new().stats().waiters, 0);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParkingLotStats {
    /// How many are parked. trio calls it `tasks_waiting`.
    pub waiters: usize,
}

impl ParkingLot {
    /// Makes an empty lot.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(filch::sync::ParkingLot::new().is_empty());
    /// ```
    pub fn new() -> ParkingLot {
        ParkingLot { lot: Arc::new(Lot::new()) }
    }

    /// Sleeps in line until unparked.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in line. If it was chosen by
    /// [`unpark`](ParkingLot::unpark) and does not know yet, the next one in line is unparked
    /// instead.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::ParkingLot;
    ///
    /// filch::runtime::Runtime::new().unwrap().block_on(async {
    ///     let lot = ParkingLot::new();
    ///     let parked = filch::spawn({
    ///         let lot = lot.clone();
    ///         async move { lot.park().await }
    ///     });
    ///     while lot.unpark(1) == 0 {
    ///         filch::task::yield_now().await;
    ///     }
    ///     parked.await.unwrap();
    /// });
    /// ```
    pub async fn park(&self) {
        self.park_if(|| true).await;
    }

    /// Sleeps in line until unparked, if `reason` still holds. Returns whether it slept.
    ///
    /// `reason` is called once, when the task is in line already, so that nobody who takes the
    /// reason away and then unparks can miss it. It is called without a lock. If it does not hold,
    /// the task leaves the line, and hands on a wake that it may have been given by then.
    ///
    /// # Panics
    ///
    /// Passes on a panic of `reason`.
    ///
    /// # Cancel safety
    ///
    /// That of [`park`](ParkingLot::park).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::ParkingLot;
    ///
    /// assert!(!runtime_sync::block_on(ParkingLot::new().park_if(|| false)));
    /// ```
    pub async fn park_if(&self, reason: impl FnOnce() -> bool) -> bool {
        // Leaves the line when it is dropped, and hands on what it was given.
        let berth = pin!(Berth::new());
        let berth = berth.into_ref();
        let mut reason = Some(reason);
        poll_fn(|cx| {
            let coop = ready!(budget::poll_proceed(cx));
            if reason.is_none() {
                ready!(berth.poll_left(cx.waker()));
                coop.made_progress();
                return Poll::Ready(true);
            }
            berth.enter(&self.lot, cx.waker().clone());
            if reason.take().is_some_and(|reason| reason()) {
                return Poll::Pending;
            }
            berth.leave();
            coop.made_progress();
            Poll::Ready(false)
        })
        .await
    }

    /// Wakes up to `count` from the front. Returns how many there were.
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a waker, after all have been woken.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(filch::sync::ParkingLot::new().unpark(1), 0);
    /// ```
    pub fn unpark(&self, count: usize) -> usize {
        self.lot.unpark(count, Left::Chosen)
    }

    /// Wakes all who are parked at the time of the call. Returns how many they are.
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a waker, after all have been woken.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(filch::sync::ParkingLot::new().unpark_all(), 0);
    /// ```
    pub fn unpark_all(&self) -> usize {
        self.lot.unpark(usize::MAX, Left::Released)
    }

    /// Moves up to `count` from the front to the end of the line of `other`, without waking them.
    /// Returns how many there were.
    ///
    /// This is how a condition hands those it notifies over to the line of its lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::ParkingLot;
    ///
    /// let (condition, lock) = (ParkingLot::new(), ParkingLot::new());
    /// assert_eq!(condition.repark(1, &lock), 0);
    /// ```
    pub fn repark(&self, count: usize, other: &ParkingLot) -> usize {
        Lot::repark(&self.lot, count, &other.lot)
    }

    /// Moves all to the end of the line of `other`, without waking them. Returns how many there
    /// were.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::ParkingLot;
    ///
    /// assert_eq!(ParkingLot::new().repark_all(&ParkingLot::new()), 0);
    /// ```
    pub fn repark_all(&self, other: &ParkingLot) -> usize {
        self.repark(usize::MAX, other)
    }

    /// How many are parked.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(filch::sync::ParkingLot::new().len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.lot.len()
    }

    /// Whether nobody is parked.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(filch::sync::ParkingLot::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What it looks like at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(filch::sync::ParkingLot::new().stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> ParkingLotStats {
        ParkingLotStats { waiters: self.len() }
    }
}

impl Clone for ParkingLot {
    fn clone(&self) -> ParkingLot {
        ParkingLot { lot: Arc::clone(&self.lot) }
    }
}

impl Default for ParkingLot {
    fn default() -> ParkingLot {
        ParkingLot::new()
    }
}

impl fmt::Debug for ParkingLot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParkingLot").field("waiters", &self.len()).finish()
    }
}
