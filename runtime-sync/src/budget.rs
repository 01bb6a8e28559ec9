//! How many ready polls a task may take before it must let others in.
//!
//! A task whose sockets and channels are always ready would never return from its poll. So each
//! leaf future takes a unit from the budget of the poll it runs in, and when none is left it
//! claims not to be ready: it wakes its task at once and returns `Pending`. The task goes to the
//! end of the queue, and others run.
//!
//! The budget is one byte of thread-local memory. A worker calls [`refill`] before each poll of a
//! task; outside of tasks there is no limit. A leaf asks [`poll_proceed`] first:
//!
//! ```text
//! refill: 128 ─▶ poll_proceed: 127 ─▶ the leaf is ready: made_progress()      stays 127
//!                              127 ─▶ the leaf is not ready: dropped          back to 128
//!               poll_proceed at 0  ─▶ wakes the task, Pending
//! ```
//!
//! Who waits in line with others takes its place all the same, and comes back for what there is: a task
//! that has spent its budget elsewhere is not to be overtaken by those that come after it.
//!
//! The counter lies below the tasks it serves, because the locks and channels that spend it do.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

/// How many units a poll of a task begins with.
pub const BUDGET: u8 = 128;

/// Stands for "outside of tasks": no limit, and the thread may block.
const UNLIMITED: u8 = u8::MAX;

/// Stands for "no limit" within a task. Like the other one it lies above [`BUDGET`].
const UNCONSTRAINED: u8 = u8::MAX - 1;

thread_local! {
    /// What is left to the poll that runs on this thread. Without a destructor and with a constant
    /// to begin with, so that an access is one instruction and works at any time.
    static LEFT: Cell<u8> = const { Cell::new(UNLIMITED) };
}

/// `LocalKey::set` is a function call, this is one instruction.
#[inline(always)]
fn set_left(to: u8) {
    LEFT.with(|left| left.set(to));
}

/// What was left of the budget at some moment, to be [restored](restore) later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget(u8);

/// Gives the poll that is about to begin its full budget. Returns what was there before.
///
/// # Examples
///
/// ```
/// use runtime_sync::budget;
///
/// let before = budget::refill();
/// // … poll a task …
/// budget::restore(before);
/// ```
#[inline(always)]
pub fn refill() -> Budget {
    Budget(LEFT.replace(BUDGET))
}

/// Takes away the limit, as it is outside of tasks. Returns what was there before.
///
/// # Examples
///
/// ```
/// use runtime_sync::budget;
///
/// let before = budget::clear();
/// assert!(budget::has_budget_remaining());
/// budget::restore(before);
/// ```
#[inline(always)]
pub fn clear() -> Budget {
    Budget(LEFT.replace(UNLIMITED))
}

/// Puts back what [`refill`] or [`clear`] returned.
///
/// # Examples
///
/// ```
/// use runtime_sync::budget;
///
/// let before = budget::clear();
/// budget::restore(before);
/// ```
#[inline(always)]
pub fn restore(before: Budget) {
    set_left(before.0);
}

/// Lifts the limit for a future that is polled. Returns what was there before.
pub(crate) fn lift() -> Budget {
    Budget(LEFT.replace(UNCONSTRAINED))
}

/// Whether this thread may block: whether it polls no task at this moment, or one that gave the
/// other tasks of its worker away by `block_in_place`.
///
/// Futures on executors of other crates are not noticed.
///
/// # Examples
///
/// ```
/// assert!(runtime_sync::budget::may_block());
/// filch::runtime::Runtime::new().unwrap().block_on(async {
///     assert!(!runtime_sync::budget::may_block());
/// });
/// ```
#[inline]
pub fn may_block() -> bool {
    LEFT.get() == UNLIMITED
}

/// Puts a budget back when it is dropped, so that a panic cannot leave a wrong one behind.
pub(crate) struct Restore(Budget);

impl Restore {
    pub(crate) fn after(before: Budget) -> Restore {
        Restore(before)
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        restore(self.0);
    }
}

/// Takes one unit of the budget, or makes the task come back later.
///
/// A leaf future calls this first. If it is `Ready`, the leaf goes on, and says
/// [`made_progress`](RestoreOnPending::made_progress) if it turned out to be ready; otherwise the
/// unit is given back when the result is dropped. If it is `Pending`, the budget is spent: the
/// task has been woken already, and the leaf must return `Pending` too.
///
/// # Examples
///
/// ```
/// use filch::task::coop::poll_proceed;
/// use std::task::{Context, Poll, ready};
///
/// /// Takes from a queue, but not without end.
/// fn poll_take(queue: &mut Vec<u32>, cx: &mut Context<'_>) -> Poll<u32> {
///     let coop = ready!(poll_proceed(cx));
///     match queue.pop() {
///         Some(value) => {
///             coop.made_progress();
///             Poll::Ready(value)
///         }
///         None => Poll::Pending, // and the waker is kept somewhere
///     }
/// }
///
/// let mut cx = Context::from_waker(std::task::Waker::noop());
/// assert_eq!(poll_take(&mut vec![1], &mut cx), Poll::Ready(1));
/// ```
#[inline]
pub fn poll_proceed(cx: &mut Context<'_>) -> Poll<RestoreOnPending> {
    match proceed_now() {
        Some(coop) => Poll::Ready(coop),
        None => {
            come_back(cx);
            Poll::Pending
        }
    }
}

/// Has the task polled again: what one does whose budget is spent.
#[cold]
pub(crate) fn come_back(cx: &mut Context<'_>) {
    cx.waker().wake_by_ref();
}

/// As [`poll_proceed`], for who has something else to try if the budget is spent: that costs nothing,
/// and the task is not woken.
///
/// # Examples
///
/// ```
/// use runtime_sync::budget;
///
/// assert!(budget::proceed_now().is_some());
/// ```
#[inline]
pub fn proceed_now() -> Option<RestoreOnPending> {
    match LEFT.get() {
        UNLIMITED | UNCONSTRAINED => Some(RestoreOnPending { owes: Cell::new(false) }),
        0 => None,
        left => {
            set_left(left - 1);
            Some(RestoreOnPending { owes: Cell::new(true) })
        }
    }
}

/// A unit of the budget that may be spent, for leaves of this crate that poll no others: nothing is
/// taken until they are ready, and nothing has to be given back.
#[must_use = "a leaf that is ready spends it"]
pub(crate) struct Unit(());

/// A unit to be spent, if there is one.
#[inline]
pub(crate) fn unit_now() -> Option<Unit> {
    match LEFT.get() {
        0 => None,
        _ => Some(Unit(())),
    }
}

/// A unit to be spent, or makes the task come back later; see [`poll_proceed`].
#[inline]
pub(crate) fn poll_unit(cx: &mut Context<'_>) -> Poll<Unit> {
    match unit_now() {
        Some(unit) => Poll::Ready(unit),
        None => {
            come_back(cx);
            Poll::Pending
        }
    }
}

impl Unit {
    /// The leaf is ready.
    #[inline]
    pub(crate) fn spend(self) {
        // Nothing may be left by now: a waker's clone, say, is code that may spend some too.
        let less = LEFT.get().wrapping_sub(1);
        if less < BUDGET {
            set_left(less);
        }
    }
}

/// Gives a unit of the budget back when dropped, unless there was progress.
///
/// Made by [`poll_proceed`].
///
/// # Examples
///
/// ```
/// use filch::task::coop::poll_proceed;
/// use std::task::{Context, Poll, Waker};
///
/// let mut cx = Context::from_waker(Waker::noop());
/// if let Poll::Ready(coop) = poll_proceed(&mut cx) {
///     coop.made_progress();
/// }
/// ```
#[derive(Debug)]
#[must_use = "dropped at once, it gives the unit back and nothing is counted"]
pub struct RestoreOnPending {
    /// Whether a unit was taken and is to be given back.
    owes: Cell<bool>,
}

impl RestoreOnPending {
    /// Says that the leaf was ready: the unit is spent.
    #[inline]
    pub fn made_progress(&self) {
        self.owes.set(false);
    }
}

impl Drop for RestoreOnPending {
    /// Gives back the one unit that was taken, not all that was spent since: a future made of
    /// others may have made progress inside before it found that it must wait.
    #[inline]
    fn drop(&mut self) {
        if !self.owes.get() {
            return;
        }
        let left = LEFT.get();
        // At `BUDGET` another poll has begun since. The other two values lie above it.
        if left < BUDGET {
            set_left(left + 1);
        }
    }
}

/// Whether the task that is polled on this thread may go on; always true outside of tasks.
///
/// # Examples
///
/// ```
/// use filch::task::coop::{consume_budget, has_budget_remaining};
///
/// # async fn example(mut rows: Vec<u32>) -> u32 {
/// let mut sum = 0;
/// while let Some(row) = rows.pop() {
///     sum += row;
///     if !has_budget_remaining() {
///         // A good moment to write down how far we are.
///     }
///     consume_budget().await;
/// }
/// sum
/// # }
/// # assert_eq!(runtime_sync::block_on(example(vec![1, 2])), 3);
/// ```
#[inline]
pub fn has_budget_remaining() -> bool {
    LEFT.get() != 0
}

/// Takes one unit of the budget, and lets other tasks run first if none is left.
///
/// For loops that do much without awaiting anything that counts by itself.
///
/// # Cancel safety
///
/// Dropping the future has no effect.
///
/// # Examples
///
/// ```
/// use filch::task::coop::consume_budget;
///
/// # async fn example() -> u64 {
/// let mut sum = 0u64;
/// for n in 0..1_000 {
///     sum += n * n;
///     consume_budget().await;
/// }
/// sum
/// # }
/// # assert_eq!(runtime_sync::block_on(example()), 332_833_500);
/// ```
pub async fn consume_budget() {
    poll_fn(|cx| {
        ready!(poll_proceed(cx)).made_progress();
        Poll::Ready(())
    })
    .await;
}

/// Runs a future without a budget: nothing inside it ever gives way to other tasks on its own.
///
/// # Cancel safety
///
/// That of `future`.
///
/// # Examples
///
/// ```
/// use filch::task::coop::{consume_budget, unconstrained};
///
/// # async fn example() {
/// unconstrained(async {
///     for _ in 0..1_000 {
///         consume_budget().await; // never waits here
///     }
/// })
/// .await;
/// # }
/// # runtime_sync::block_on(example());
/// ```
pub fn unconstrained<F>(future: F) -> Unconstrained<F> {
    Unconstrained { future }
}

pin_project! {
    /// The future of [`unconstrained`].
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::task::coop::{Unconstrained, unconstrained};
    ///
    /// let future: Unconstrained<_> = unconstrained(async { 1 });
    /// # assert_eq!(runtime_sync::block_on(future), 1);
    /// ```
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Unconstrained<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Unconstrained<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _restore = Restore::after(lift());
        self.project().future.poll(cx)
    }
}

/// Makes any future take part in the budget: each time it is ready, a unit is spent.
///
/// # Cancel safety
///
/// That of `future`.
///
/// # Examples
///
/// ```
/// use filch::task::coop::cooperative;
///
/// # async fn example() -> u32 {
/// // A leaf of a foreign crate that is often ready at once.
/// cooperative(std::future::ready(1)).await
/// # }
/// # assert_eq!(runtime_sync::block_on(example()), 1);
/// ```
pub fn cooperative<F>(future: F) -> Coop<F> {
    Coop { future }
}

pin_project! {
    /// The future of [`cooperative`].
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::task::coop::{Coop, cooperative};
    ///
    /// let future: Coop<_> = cooperative(async { 1 });
    /// # assert_eq!(runtime_sync::block_on(future), 1);
    /// ```
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Coop<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Coop<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let coop = ready!(poll_proceed(cx));
        let output = ready!(self.project().future.poll(cx));
        coop.made_progress();
        Poll::Ready(output)
    }
}
