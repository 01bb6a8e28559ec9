//! Waiting for a change of what a mutex guards.
//!
//! Who waits enters the line of the condition and only then gives its lock back, in one poll. So
//! whoever changes the data under the lock and notifies finds it in line, if it has looked before.
//! Once it is notified it waits in the line of the lock like anybody else.
//!
//! A crowd is woken in batches, and the lock of the line given back in between. So all who are meant are
//! notified first, in one go, and woken then: until it is woken, one that was notified still stands in line,
//! in front of those who were not, but no other notification goes to it.

use std::fmt;
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::ptr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::held::{Held, Share};
use super::permits::Permits;
use super::{Lock, LockGuard, Mutex, MutexGuard, OwnedLock, OwnedMutexGuard};
use crate::primitives::const_outside_models;
use crate::wait_list::{Choice, Left, Line, WaitList, Waited, Waiter};
use crate::wake_batch;

/// Lets tasks wait until what a [`Mutex`] guards has changed: asyncio's `Condition`, in the shape
/// of std's `Condvar`.
///
/// A task that waits hands its guard in and gets a new one back once it was notified:
///
/// 1. It stands in line before the lock is given back, so no notification is lost that is given
///    under the lock, or after a change under the lock.
/// 2. A notified task goes on when it has the lock again, so not before the one who notified has
///    given it back.
/// 3. Who is first in line is notified first.
/// 4. A notification is used up when [`wait`](Condition::wait) returns. A task that is dropped
///    between the two hands it on to the next in line, who may therefore find that there is
///    nothing left to do. So wait in a loop, or use [`wait_for`](Condition::wait_for) or
///    [`wait_while`](Condition::wait_while), which do.
///
/// As in std, notifying needs no lock; in asyncio it does. Change the data under the lock, or the
/// change may come between the look of a task and its wait.
///
/// # One lock
///
/// All who wait at a time must use the same lock. One that comes with a guard of another lock while
/// somebody waits panics, because one notification would be for two things.
///
/// # Examples
///
/// ```
/// use filch::sync::{Condition, Mutex};
/// use std::sync::Arc;
///
/// filch::runtime::Runtime::new().unwrap().block_on(async {
///     let shared = Arc::new((Mutex::new(Vec::new()), Condition::new()));
///     let consumer = filch::spawn({
///         let shared = Arc::clone(&shared);
///         async move {
///             let (items, changed) = &*shared;
///             let mut guard = items.lock().await;
///             guard = changed.wait_while(guard, |items| items.is_empty()).await;
///             guard.pop()
///         }
///     });
///     let (items, changed) = &*shared;
///     items.lock().await.push(7);
///     changed.notify_one();
///     assert_eq!(consumer.await.unwrap(), Some(7));
/// });
/// ```
#[derive(Default)]
pub struct Condition {
    line: WaitList<Place>,
}

/// What a waiter has with it.
struct Place {
    /// Where the permits of its lock are, to be compared only.
    lock: usize,
    notified: Notified,
}

/// How a waiter was notified.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Notified {
    No,
    /// As one of several that could have been.
    Alone,
    /// Together with all others.
    WithAll,
}

impl Condition {
    const_outside_models! {
        /// Makes a condition for which nobody waits.
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::{Condition, Mutex};
        ///
        /// static READY: Mutex<bool> = Mutex::const_new(false);
        /// static CHANGED: Condition = Condition::new();
        ///
        /// async fn ready() {
        ///     drop(CHANGED.wait_for(READY.lock().await, |ready| *ready).await);
        /// }
        /// # READY.try_lock().map(|mut ready| *ready = true).unwrap();
        /// # runtime_sync::block_on(ready());
        /// ```
        pub const fn new() -> Condition {
            Condition { line: WaitList::new() }
        }
    }

    /// Gives the lock back, waits to be notified, and takes the lock again.
    ///
    /// The guard may be a [`MutexGuard`], an [`OwnedMutexGuard`], a [`LockGuard`] or an
    /// [`OwnedLock`]. The task may be woken by a notification that another one handed on, so look
    /// whether what it waits for is there, in a loop.
    ///
    /// # Panics
    ///
    /// Panics if somebody waits for this condition with another lock. Passes on a panic of the
    /// waker of whoever gets the lock. The lock is given back in both cases.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in line, and holds no lock afterwards. If it was
    /// notified, the next in line is notified in its place. In asyncio a wait that is cancelled
    /// takes the lock again first, because a block of code around it is going to release it; here
    /// the guard is what releases it, and it is not there yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{Condition, Mutex};
    ///
    /// async fn next_round(round: &Mutex<u64>, changed: &Condition) -> u64 {
    ///     let mut guard = round.lock().await;
    ///     let before = *guard;
    ///     while *guard == before {
    ///         guard = changed.wait(guard).await;
    ///     }
    ///     *guard
    /// }
    ///
    /// let (round, changed) = (Mutex::new(1), Condition::new());
    /// std::thread::scope(|scope| {
    ///     let waits = scope.spawn(|| runtime_sync::block_on(next_round(&round, &changed)));
    ///     while changed.stats().waiters == 0 {
    ///         std::thread::yield_now();
    ///     }
    ///     *round.blocking_lock() += 1;
    ///     changed.notify_all();
    ///     assert_eq!(waits.join().unwrap(), 2);
    /// });
    /// ```
    pub async fn wait<G: ConditionGuard>(&self, guard: G) -> G {
        let mut turn = pin!(self.turn());
        let held = guard.into_held();
        let share = turn.as_mut().wait(held).await;
        // Until the lock is there, the turn hands the notification on if it is dropped.
        let held = Held::take(share, |held| held).await;
        *turn.project().owes = false;
        G::from_held(held)
    }

    /// Waits until `done` says so about the data, which is the case when this returns.
    ///
    /// It is asked at once, and after each notification, with the lock held: asyncio's `wait_for`.
    /// The data of a [`Lock`] is `()`.
    ///
    /// # Panics
    ///
    /// Passes on a panic of `done`. Otherwise as for [`wait`](Condition::wait). The lock is given
    /// back.
    ///
    /// # Cancel safety
    ///
    /// As for [`wait`](Condition::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{Condition, Mutex};
    ///
    /// let (count, changed) = (Mutex::new(0), Condition::new());
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         for _ in 0..3 {
    ///             *count.blocking_lock() += 1;
    ///             changed.notify_all();
    ///         }
    ///     });
    ///     runtime_sync::block_on(async {
    ///         let guard = changed.wait_for(count.lock().await, |count| *count == 3).await;
    ///         assert_eq!(*guard, 3);
    ///     });
    /// });
    /// ```
    pub async fn wait_for<G, F>(&self, mut guard: G, mut done: F) -> G
    where
        G: ConditionGuard,
        F: FnMut(&mut G::Data) -> bool,
    {
        while !done(guard.data()) {
            guard = self.wait(guard).await;
        }
        guard
    }

    /// Waits as long as `still` says so about the data: std's `Condvar::wait_while`.
    ///
    /// # Panics
    ///
    /// Passes on a panic of `still`. Otherwise as for [`wait`](Condition::wait). The lock is given
    /// back.
    ///
    /// # Cancel safety
    ///
    /// As for [`wait`](Condition::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{Condition, Mutex};
    ///
    /// # runtime_sync::block_on(async {
    /// let (items, changed) = (Mutex::new(vec![1]), Condition::new());
    /// let mut guard = changed.wait_while(items.lock().await, |items| items.is_empty()).await;
    /// assert_eq!(guard.pop(), Some(1));
    /// # });
    /// ```
    pub async fn wait_while<G, F>(&self, guard: G, mut still: F) -> G
    where
        G: ConditionGuard,
        F: FnMut(&mut G::Data) -> bool,
    {
        self.wait_for(guard, |data| !still(data)).await
    }

    /// Notifies the first in line, if somebody waits. Returns whether somebody does.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the waker; the one it belongs to is notified all the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Condition;
    ///
    /// assert!(!Condition::new().notify_one());
    /// ```
    pub fn notify_one(&self) -> bool {
        if !self.line.has_waiters() {
            return false;
        }
        let mut line = self.line.lock();
        match line.front() {
            Some(first) if first.notified == Notified::No => first.notified = Notified::Alone,
            Some(_) => {
                drop(line);
                return self.notify_crowd(1, Notified::Alone) == 1;
            }
            None => return false,
        }
        let popped = line.pop_front();
        drop(line);
        if let Some(Some(waker)) = popped {
            wake_batch::wake(waker);
        }
        true
    }

    /// Notifies up to `count` from the front of the line. Returns how many.
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a waker, after all have been woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Condition;
    ///
    /// assert_eq!(Condition::new().notify(3), 0);
    /// ```
    pub fn notify(&self, count: usize) -> usize {
        self.notify_crowd(count, Notified::Alone)
    }

    /// Notifies all who wait at this moment. Returns how many.
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a waker, after all have been woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Condition;
    ///
    /// assert_eq!(Condition::new().notify_all(), 0);
    /// ```
    pub fn notify_all(&self) -> usize {
        self.notify_crowd(usize::MAX, Notified::WithAll)
    }

    /// Who is here at this moment, without disturbing anybody.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Condition;
    ///
    /// assert_eq!(Condition::new().stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> ConditionStats {
        ConditionStats { waiters: self.line.lock().len() }
    }

    /// Notifies up to `count`, and wakes all who were notified and are still in line.
    fn notify_crowd(&self, count: usize, how: Notified) -> usize {
        if !self.line.has_waiters() {
            return 0;
        }
        let mut line = self.line.lock();
        let notified = notify_in_line(&mut line, count, how);
        line.wake_where(|place| match place.notified {
            Notified::No => Choice::Stop,
            _ => Choice::Wake,
        });
        notified
    }

    fn turn(&self) -> Turn<'_> {
        Turn { condition: self, owes: false, waiter: self.line.waiter() }
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").field("waiters", &self.stats().waiters).finish()
    }
}

/// Notifies up to `count` of those who were not. Returns how many.
fn notify_in_line(line: &mut Line<'_, Place>, count: usize, how: Notified) -> usize {
    let mut notified = 0;
    line.walk(|place| {
        if place.notified == Notified::No {
            if notified == count {
                return ControlFlow::Break(());
            }
            place.notified = how;
            notified += 1;
        }
        ControlFlow::Continue(())
    });
    notified
}

/// What [`Condition::stats`] tells.
///
/// # Examples
///
/// ```
/// use filch::sync::{Condition, ConditionStats};
///
/// let stats: ConditionStats = Condition::new().stats();
/// assert_eq!(stats.waiters, 0);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConditionStats {
    /// How many wait to be notified. Those who were, and wait for the lock, are counted there.
    pub waiters: usize,
}

pin_project! {
    /// One wait: a place in line, and what became of it.
    struct Turn<'a> {
        condition: &'a Condition,
        // It was notified alone, and is to hand that on unless it gets to use it.
        owes: bool,
        #[pin]
        waiter: Waiter<'a, Place>,
    }

    impl PinnedDrop for Turn<'_> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let mut owed = Owed { condition: this.condition, owes: *this.owes };
            // Also one in line may be notified already.
            let is_in_line = |place: &mut Place| {
                owed.owes = place.notified == Notified::Alone;
                true
            };
            if let Some(Left::Chosen(place)) = this.waiter.leave_if(is_in_line, |_| ()) {
                owed.owes = place.notified == Notified::Alone;
            }
        }
    }
}

/// Hands a notification on, also if the waker of one that gives up panics as it is dropped.
struct Owed<'a> {
    condition: &'a Condition,
    owes: bool,
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        if self.owes {
            self.condition.notify_one();
        }
    }
}

impl Turn<'_> {
    /// Enters the line, gives the lock back, and waits to be notified.
    ///
    /// No unit of the budget is asked for: this comes back `Pending` in any case, and that is what
    /// the budget is for. Taking the lock again asks for one.
    async fn wait<S: Share>(mut self: Pin<&mut Self>, held: Held<S>) -> S {
        let lock = ptr::from_ref::<Permits>(held.share().permits()).addr();
        let mut held = Some(held);
        let mut share = None;
        poll_fn(|cx| {
            let polled = self.as_mut().poll(cx, lock);
            if let Some(held) = held.take() {
                // In line, with the waker in place: now others may change what is waited for.
                share = Some(held.give_back());
            }
            polled
        })
        .await;
        share.expect("the first poll gives the lock back")
    }

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>, lock: usize) -> Poll<()> {
        let this = self.project();
        let waited = this.waiter.poll_wait(cx, |line| match line.back() {
            // If the last one is notified, so are all, and wait for their lock.
            Some(last) if last.notified == Notified::No && last.lock != lock => {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(Place { lock, notified: Notified::No }),
        });
        match ready!(waited) {
            Waited::Woken(place) => *this.owes = place.notified == Notified::Alone,
            Waited::Never(()) => panic!(
                "somebody waits for this `Condition` with the guard of another lock: give each \
                 lock a condition of its own"
            ),
        }
        Poll::Ready(())
    }
}

/// The guards with which one can [wait](Condition::wait) for a condition.
///
/// Those of [`Mutex`] and [`Lock`], borrowed and owned. There are no others: mapped guards have
/// lost the way to the rest of the data. Not to be implemented outside.
///
/// # Examples
///
/// ```
/// use filch::sync::{Condition, ConditionGuard};
///
/// /// Waits for two notifications.
/// async fn twice<G: ConditionGuard>(condition: &Condition, guard: G) -> G {
///     let guard = condition.wait(guard).await;
///     condition.wait(guard).await
/// }
/// # let (lock, condition) = (filch::sync::Mutex::new(()), Condition::new());
/// # drop(twice(&condition, lock.try_lock().unwrap()));
/// ```
///
/// ```compile_fail,E0277
/// use filch::sync::{Condition, RwLock};
///
/// # async fn example() {
/// let (lock, condition) = (RwLock::new(1), Condition::new());
/// condition.wait(lock.read().await).await; // readers change nothing
/// # }
/// ```
pub trait ConditionGuard: sealed::Relock {}

impl<G: sealed::Relock> ConditionGuard for G {}

mod sealed {
    use crate::lock::held::{Held, Share};

    /// A guard that can be given back, and made anew when its lock is taken again.
    pub trait Relock: Sized {
        /// What the lock guards.
        type Data: ?Sized;
        /// What is left of the guard while the lock is not held.
        type Share: Share;

        fn data(&mut self) -> &mut Self::Data;
        fn into_held(self) -> Held<Self::Share>;
        fn from_held(held: Held<Self::Share>) -> Self;
    }
}

impl<'a, T: ?Sized> sealed::Relock for MutexGuard<'a, T> {
    type Data = T;
    type Share = &'a Mutex<T>;

    fn data(&mut self) -> &mut T {
        self
    }

    fn into_held(self) -> Held<&'a Mutex<T>> {
        self.into_held()
    }

    fn from_held(held: Held<&'a Mutex<T>>) -> MutexGuard<'a, T> {
        MutexGuard::new(held)
    }
}

impl<T: ?Sized> sealed::Relock for OwnedMutexGuard<T> {
    type Data = T;
    type Share = Arc<Mutex<T>>;

    fn data(&mut self) -> &mut T {
        self
    }

    fn into_held(self) -> Held<Arc<Mutex<T>>> {
        self.into_held()
    }

    fn from_held(held: Held<Arc<Mutex<T>>>) -> OwnedMutexGuard<T> {
        OwnedMutexGuard::new(held)
    }
}

impl<'a> sealed::Relock for LockGuard<'a> {
    type Data = ();
    type Share = &'a Lock;

    fn data(&mut self) -> &mut () {
        &mut self.nothing
    }

    fn into_held(self) -> Held<&'a Lock> {
        self.into_held()
    }

    fn from_held(held: Held<&'a Lock>) -> LockGuard<'a> {
        LockGuard::new(held)
    }
}

impl sealed::Relock for OwnedLock {
    type Data = ();
    type Share = Arc<Lock>;

    fn data(&mut self) -> &mut () {
        &mut self.nothing
    }

    fn into_held(self) -> Held<Arc<Lock>> {
        self.into_held()
    }

    fn from_held(held: Held<Arc<Lock>>) -> OwnedLock {
        OwnedLock::new(held)
    }
}
