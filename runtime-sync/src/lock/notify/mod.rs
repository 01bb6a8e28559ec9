//! A signal without a value.
//!
//! # The word
//!
//! ```text
//!            notify_one                        a waiter enters
//!   PERMIT ◀──────────── EMPTY ──────────────────────────────▶ WAITING
//!      │                  ▲ ▲                                     │
//!      └── taken ─────────┘ └─ the last one leaves, or is chosen ─┘
//! ```
//!
//! Beside that the word counts the calls of `notify_waiters`: the *generation*. A future notes the
//! generation that it was made in, and is ready as soon as there is a later one.
//!
//! `WAITING` comes and goes under the lock of the line, so while it is there, every change of the
//! word is made under that lock; otherwise changes are single exchanges, without the lock.
//!
//! # All at once, in several batches
//!
//! `notify_waiters` wakes a long line in batches and gives the lock back in between. It begins a
//! generation first, which makes those of earlier generations in line *spent*: nobody else chooses
//! them any more, and `WAITING` does not speak of them. As generations rise from front to back,
//! the line has somebody who is not spent if its last one is not.

mod notified;

/// The futures of this module's types, where tokio has them.
pub mod futures {
    pub use super::notified::{Notified, OwnedNotified};
}

use std::fmt;
use std::ops::ControlFlow;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use crate::primitives::atomic::{AtomicUsize, Ordering};
use crate::primitives::const_outside_models;
use crate::wait_list::{Choice, Line, WaitList};
use crate::wake_batch::{self, WakeBatch};
use futures::{Notified, OwnedNotified};

/// Neither a permit nor anybody who waits for one.
const EMPTY: usize = 0;
/// A permit is stored. Not while somebody waits.
const PERMIT: usize = 1;
/// Somebody who is not spent is in line. Comes and goes under the lock of the line.
const WAITING: usize = 2;
/// The part of the word that is one of these three.
const STORED: usize = 3;
/// The rest counts generations.
const GENERATION: usize = 4;

/// Wakes one task or all that wait; a wake that finds nobody waiting is kept for the next one.
///
/// It can be seen as a semaphore with at most one permit, which begins without it:
/// [`notified().await`](Notify::notified) takes the permit and waits for it if need be,
/// [`notify_one`](Notify::notify_one) makes it available. Several calls of `notify_one` with nobody
/// waiting make one permit, not several.
///
/// A wake carries no data, so tasks that wait for a condition look at it in a loop.
///
/// Tasks are served in the order in which they began to wait. Name and meaning are tokio's. A
/// signal that stays set until it is cleared is an [`Event`](crate::lock::Event).
///
/// # Bad input
///
/// A [`Notified`] that is dropped after it was chosen hands the wake on. One that is leaked with
/// [`std::mem::forget`] while it is pinned on the heap keeps its place in line, and the wake that
/// it is given is lost with it. Wakers may call back, and may panic: the others are woken first.
///
/// # Examples
///
/// ```
/// use filch::sync::Notify;
/// use std::sync::Arc;
///
/// filch::runtime::Runtime::new().unwrap().block_on(async {
///     let notify = Arc::new(Notify::new());
///     let waits = filch::spawn({
///         let notify = Arc::clone(&notify);
///         async move { notify.notified().await }
///     });
///     notify.notify_one(); // whether it waits already or not
///     waits.await.unwrap();
/// });
/// ```
pub struct Notify {
    state: AtomicUsize,
    line: WaitList<Place>,
}

/// What the line knows of a waiter.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// In which generation it entered.
    generation: usize,
    given: Given,
}

/// By whom a waiter was taken out of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    Nothing,
    /// By `notify_one`.
    First,
    /// By `notify_last`.
    Last,
    /// By `notify_waiters`.
    All,
}

/// What a [`Notify`] looked like at some moment.
///
/// # Examples
///
/// ```
/// use filch::sync::Notify;
///
/// let notify = Notify::new();
/// notify.notify_one();
/// let stats = notify.stats();
/// assert!(stats.permit);
/// assert_eq!(stats.waiters, 0);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotifyStats {
    /// How many are in line.
    pub waiters: usize,
    /// Whether a wake is stored for the next one who comes.
    pub permit: bool,
}

impl Notify {
    const_outside_models! {
        /// Makes one without a permit.
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::Notify;
        ///
        /// static CHANGED: Notify = Notify::new();
        /// CHANGED.notify_one();
        /// ```
        pub const fn new() -> Notify {
            Notify { state: AtomicUsize::new(EMPTY), line: WaitList::new() }
        }
    }

    const_outside_models! {
        /// Makes one without a permit. The same as [`new`](Notify::new), which is `const` as well;
        /// tokio has both.
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::Notify;
        ///
        /// static CHANGED: Notify = Notify::const_new();
        /// # CHANGED.notify_one();
        /// ```
        pub const fn const_new() -> Notify {
            Notify::new()
        }
    }

    /// Waits for a wake.
    ///
    /// If a permit is stored, the future takes it at its first poll and is ready at once.
    ///
    /// The future gets the wake of every [`notify_waiters`](Notify::notify_waiters) that is called
    /// after this call, even if it was never polled. The wake of a `notify_one` may go to it from
    /// its first poll on, or from [`enable`](Notified::enable) on.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in line. If it was chosen by `notify_one` or
    /// `notify_last` and does not know yet, the wake goes to another one, or is stored.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Notify;
    /// use std::collections::VecDeque;
    /// use std::sync::Mutex;
    ///
    /// struct Mailbox {
    ///     letters: Mutex<VecDeque<String>>,
    ///     arrived: Notify,
    /// }
    ///
    /// impl Mailbox {
    ///     fn put(&self, letter: &str) {
    ///         self.letters.lock().unwrap().push_back(letter.to_owned());
    ///         self.arrived.notify_one();
    ///     }
    ///
    ///     /// For one reader.
    ///     async fn take(&self) -> String {
    ///         loop {
    ///             if let Some(letter) = self.letters.lock().unwrap().pop_front() {
    ///                 return letter;
    ///             }
    ///             self.arrived.notified().await;
    ///         }
    ///     }
    /// }
    ///
    /// let mailbox = Mailbox { letters: Mutex::default(), arrived: Notify::new() };
    /// mailbox.put("hello");
    /// assert_eq!(runtime_sync::block_on(mailbox.take()), "hello");
    /// ```
    #[inline]
    pub fn notified(&self) -> Notified<'_> {
        Notified::new(self)
    }

    /// Waits for a wake like [`notified`](Notify::notified), with a future that borrows nothing.
    ///
    /// # Cancel safety
    ///
    /// That of [`notified`](Notify::notified).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Notify;
    /// use std::sync::Arc;
    ///
    /// filch::runtime::Runtime::new().unwrap().block_on(async {
    ///     let notify = Arc::new(Notify::new());
    ///     let waits = filch::spawn(Arc::clone(&notify).notified_owned());
    ///     notify.notify_waiters();
    ///     waits.await.unwrap();
    /// });
    /// ```
    pub fn notified_owned(self: Arc<Self>) -> OwnedNotified {
        OwnedNotified::new(self)
    }

    /// Wakes the one that has waited for longest, or stores a permit for the next one who comes.
    ///
    /// What this thread did before is seen by the one that is woken. With nobody waiting this is
    /// one exchange, without a lock.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the waker.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Notify;
    ///
    /// let notify = Notify::new();
    /// notify.notify_one();
    /// notify.notify_one(); // there is a permit already
    /// runtime_sync::block_on(notify.notified());
    /// assert!(!notify.stats().permit);
    /// ```
    #[inline]
    pub fn notify_one(&self) {
        if !self.try_store() {
            self.choose(Given::First);
        }
    }

    /// Wakes the one that began to wait last, or stores a permit for the next one who comes.
    ///
    /// Good where the most recent waiter has the warmest caches, as in a pool of workers. It is the
    /// one exception from "first come, first served" here, and lets the first ones starve if it is
    /// used alone.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the waker.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Notify;
    ///
    /// let notify = Notify::new();
    /// notify.notify_last();
    /// assert!(notify.stats().permit);
    /// ```
    #[inline]
    pub fn notify_last(&self) {
        if !self.try_store() {
            self.choose(Given::Last);
        }
    }

    /// Wakes all who wait, and those whose [`Notified`] exists but was not polled yet.
    ///
    /// No permit is stored for those who come later; one that is stored stays.
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a waker, after all have been woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Notify;
    ///
    /// runtime_sync::block_on(async {
    ///     let notify = Notify::new();
    ///     let (first, second) = (notify.notified(), notify.notified());
    ///     notify.notify_waiters();
    ///     first.await;
    ///     second.await;
    ///     assert!(!notify.stats().permit);
    /// });
    /// ```
    pub fn notify_waiters(&self) {
        let mut seen = self.state.load(Ordering::Relaxed);
        while seen & STORED != WAITING {
            let next = seen.wrapping_add(GENERATION);
            // Release pairs with the acquire in `try_take`: whoever finds that its generation is
            // over sees what this thread did before.
            match self.state.compare_exchange_weak(seen, next, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
        self.wake_generation();
    }

    /// What it looks like at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Notify;
    ///
    /// assert_eq!(Notify::new().stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> NotifyStats {
        let waiters = self.line.lock().len();
        let permit = self.state.load(Ordering::Relaxed) & STORED == PERMIT;
        NotifyStats { waiters, permit }
    }

    /// Stores a permit unless somebody waits. Returns whether it did.
    #[inline]
    fn try_store(&self) -> bool {
        let mut seen = self.state.load(Ordering::Relaxed);
        while seen & STORED != WAITING {
            // Even if there is a permit already: who takes it shall see what this thread did too.
            // Release pairs with the acquire in `try_take` and `try_enter`.
            let next = seen | PERMIT;
            match self.state.compare_exchange_weak(seen, next, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Takes one out of the line, or stores a permit if they have all gone meanwhile.
    #[inline(never)]
    fn choose(&self, given: Given) {
        let mut line = self.line.lock();
        if self.try_store() {
            return;
        }
        let generation = self.generation();
        // Somebody in line is not spent, so the last one is not.
        let last = given == Given::Last;
        let place = if last { line.back() } else { line.front() };
        let Some(place) = place.filter(|place| place.generation == generation) else {
            return self.choose_behind_spent(line, generation);
        };
        place.given = given;
        let waker = if last { line.pop_back() } else { line.pop_front() };
        self.settle_waiting(&mut line, generation);
        drop(line);
        if let Some(Some(waker)) = waker {
            wake_batch::wake(waker);
        }
    }

    /// The same while others are being woken all at once and stand in front.
    #[cold]
    fn choose_behind_spent(&self, line: Line<'_, Place>, generation: usize) {
        let mut batch = WakeBatch::new();
        let mut line = line;
        let mut found = false;
        line.choose_where(&mut batch, |place| {
            if found {
                return Choice::Stop;
            }
            found = place.generation == generation;
            if !found {
                return Choice::Pass;
            }
            place.given = Given::First;
            Choice::Wake
        });
        self.settle_waiting(&mut line, generation);
        drop(line);
        batch.wake_all();
    }

    /// As [`settle`](Notify::settle), for one who has seen `WAITING` under the lock that it holds: nobody
    /// else changes the word then, and a store suffices.
    fn settle_waiting(&self, line: &mut Line<'_, Place>, generation: usize) {
        if line.back().is_none_or(|place| place.generation != generation) {
            // Release, so that whoever acquires this word sees what those did who began the
            // generation; this thread has acquired it.
            self.state.store(generation, Ordering::Release);
        }
    }

    /// Begins a generation and wakes all of the earlier ones.
    #[cold]
    fn wake_generation(&self) {
        let line = self.line.lock();
        // `WAITING` does not come or go while this thread holds the lock, but a permit may. After
        // this nobody in line is live. Release as in `notify_waiters`.
        let waiting = self.state.load(Ordering::Relaxed) & WAITING;
        let before = self.state.fetch_add(GENERATION - waiting, Ordering::Release);
        let present = (before & !STORED).wrapping_add(GENERATION);
        line.wake_where(|place| {
            // Those who enter meanwhile stand behind.
            if place.generation == present {
                return Choice::Stop;
            }
            place.given = Given::All;
            Choice::Wake
        });
    }

    /// Takes `WAITING` away if nobody in line is live any more.
    fn settle(&self, line: &mut Line<'_, Place>, generation: usize) {
        if line.back().is_none_or(|place| place.generation != generation) {
            // Relaxed: it publishes nothing; whoever enters next does so under the lock.
            self.state.fetch_and(!WAITING, Ordering::Relaxed);
        }
    }

    #[inline]
    fn generation(&self) -> usize {
        // Acquire pairs with the releases where a generation begins: a future made in it, and then
        // a look at what the notifier changed before, see the change.
        self.state.load(Ordering::Acquire) & !STORED
    }

    /// Whether a future of `generation` need not wait, because that is over, or because there was
    /// a permit, which is taken.
    #[inline]
    fn try_take(&self, generation: usize) -> bool {
        // Acquire pairs with the releases in `try_store`, and where a generation begins. It may be
        // an old value: who enters the line looks once more.
        let mut seen = self.state.load(Ordering::Acquire);
        loop {
            if seen != generation | PERMIT {
                return seen & !STORED != generation;
            }
            match self.state.compare_exchange(
                seen,
                generation,
                Ordering::Acquire,
                Ordering::Acquire,
            ) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
    }

    /// What a future of `generation` looks at under the lock before it enters.
    fn try_enter(&self, generation: usize) -> ControlFlow<(), Place> {
        loop {
            let entered = self.enter_where_nothing_is(generation);
            if entered.is_continue() || self.try_take(generation) {
                return entered;
            }
        }
    }

    /// Enters unless there is a permit or a generation more, of which nothing is taken.
    fn enter_where_nothing_is(&self, generation: usize) -> ControlFlow<(), Place> {
        let waiting = generation | WAITING;
        // Relaxed: those who read `WAITING` go on to the lock.
        let (from, relaxed) = (generation, Ordering::Relaxed);
        match self.state.compare_exchange(from, waiting, relaxed, relaxed) {
            Err(now) if now != waiting => ControlFlow::Break(()),
            _ => ControlFlow::Continue(Place { generation, given: Given::Nothing }),
        }
    }
}

impl Default for Notify {
    fn default() -> Notify {
        Notify::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state.load(Ordering::Relaxed) & STORED {
            EMPTY => "empty",
            PERMIT => "permit",
            _ => "waiting",
        };
        f.debug_tuple("Notify").field(&format_args!("{state}")).finish()
    }
}

// A panic of a waker leaves everything in order.
impl UnwindSafe for Notify {}
impl RefUnwindSafe for Notify {}
