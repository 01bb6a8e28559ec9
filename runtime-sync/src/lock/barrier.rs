//! All arrive, then all go on.
//!
//! What changes is changed under the lock of the line:
//!
//! ```text
//!                 the last one arrives: `round` + 1, nobody has arrived yet
//!               ┌──────────┐
//!               ▼          │        abort
//!   filling round n ───────┴──────────────────▶ broken
//!               ▲ ▲  reset: those who wait fail    │
//!               └─┴────────────────────────────────┘
//!                                    reset
//! ```
//!
//! asyncio's barrier lets nobody in while those of the last round go out. Here those who wait know
//! their round, so the next round begins at the very moment the last one is complete, although some
//! of that one may still stand in line to be woken. Rounds rise from front to back.

use std::error::Error;
use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::budget;
use crate::primitives::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::wait_list::{Choice, Line, WaitList, Waited, Waiter};
use crate::wake_batch::WakeBatch;

/// Lets tasks wait for each other: all go on when the last of them has arrived.
///
/// It can be used again and again, round by round. Names and meaning are tokio's; that a barrier
/// can be [broken](Barrier::abort) and [reset](Barrier::reset) comes from asyncio.
///
/// A task that stops waiting, because its future is dropped, counts as not arrived.
///
/// # Bad input
///
/// A barrier for nobody is one for one task: nobody ever waits. A future that is leaked with
/// [`std::mem::forget`] while it is pinned on the heap has arrived for good. Wakers may call back,
/// and may panic: the others are woken first.
///
/// # Examples
///
/// ```
/// use filch::sync::Barrier;
/// use std::sync::Arc;
///
/// filch::runtime::Runtime::new().unwrap().block_on(async {
///     let barrier = Arc::new(Barrier::new(3));
///     let tasks: Vec<_> = (0..3)
///         .map(|_| {
///             let barrier = Arc::clone(&barrier);
///             filch::spawn(async move { barrier.wait().await.is_leader() })
///         })
///         .collect();
///     let mut leaders = 0;
///     for task in tasks {
///         leaders += usize::from(task.await.unwrap());
///     }
///     assert_eq!(leaders, 1);
/// });
/// ```
pub struct Barrier {
    parties: usize,
    /// How many rounds are over.
    round: AtomicUsize,
    /// How many have arrived in this round and wait.
    arrived: AtomicUsize,
    broken: AtomicBool,
    line: WaitList<Place>,
}

/// What the line knows of somebody who waits.
#[derive(Debug, Clone, Copy)]
struct Place {
    round: usize,
    /// Written by whoever ends the round; a failure until then.
    outcome: Outcome,
}

type Outcome = Result<BarrierWaitResult, BrokenBarrierError>;

/// What a [`Barrier`] tells those who have waited.
///
/// # Examples
///
/// ```
/// use filch::sync::Barrier;
///
/// let result = runtime_sync::block_on(Barrier::new(1).wait());
/// assert!(result.is_leader());
/// assert_eq!(result.index(), 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BarrierWaitResult {
    index: usize,
    leader: bool,
}

impl BarrierWaitResult {
    /// Whether this task is the one of its round that leads: the one that arrived last.
    pub fn is_leader(&self) -> bool {
        self.leader
    }

    fn follower(index: usize) -> Outcome {
        Ok(BarrierWaitResult { index, leader: false })
    }

    /// A number below the number of parties, different for each task of a round; in the order of
    /// arrival, so that the leader has the highest.
    pub fn index(&self) -> usize {
        self.index
    }
}

/// The barrier was aborted, or it was reset while this task waited.
///
/// Returned by [`Barrier::wait_or_broken`]; asyncio raises an exception of this name.
///
/// # Examples
///
/// ```
/// use filch::sync::{Barrier, BrokenBarrierError};
///
/// let barrier = Barrier::new(2);
/// barrier.abort();
/// let waited = runtime_sync::block_on(barrier.wait_or_broken());
/// assert_eq!(waited, Err(BrokenBarrierError::default()));
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BrokenBarrierError {}

impl fmt::Display for BrokenBarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the barrier is broken")
    }
}

impl Error for BrokenBarrierError {}

/// What a [`Barrier`] looked like at some moment.
///
/// # Examples
///
/// ```
/// use filch::sync::Barrier;
///
/// let stats = Barrier::new(2).stats();
/// assert_eq!((stats.parties, stats.waiters, stats.broken), (2, 0, false));
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BarrierStats {
    /// How many must arrive.
    pub parties: usize,
    /// How many have arrived and wait.
    pub waiters: usize,
    /// Whether it was aborted.
    pub broken: bool,
    /// How many rounds are over, be it that all arrived or that they failed.
    pub rounds: usize,
}

impl Barrier {
    /// Makes a barrier for `parties` tasks; zero counts as one.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Barrier;
    ///
    /// assert_eq!(Barrier::new(0).parties(), 1);
    /// ```
    pub fn new(parties: usize) -> Barrier {
        Barrier {
            parties: parties.max(1),
            round: AtomicUsize::new(0),
            arrived: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
            line: WaitList::new(),
        }
    }

    /// Waits until as many tasks as the barrier is for have arrived.
    ///
    /// # Panics
    ///
    /// Panics if the barrier was [aborted](Barrier::abort), or is [reset](Barrier::reset) while this
    /// waits. Whoever uses these awaits [`wait_or_broken`](Barrier::wait_or_broken) instead. Passes
    /// on a panic of a waker as that does.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before the round is complete takes this task out of the count. If the
    /// round was complete already, the others go on without it.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Barrier;
    ///
    /// let barrier = Barrier::new(2);
    /// std::thread::scope(|scope| {
    ///     let other = scope.spawn(|| runtime_sync::block_on(barrier.wait()).index());
    ///     let mine = runtime_sync::block_on(barrier.wait()).index();
    ///     assert_eq!(mine + other.join().unwrap(), 1);
    /// });
    /// ```
    pub async fn wait(&self) -> BarrierWaitResult {
        match self.wait_or_broken().await {
            Ok(result) => result,
            Err(_) => panic!(
                "the barrier was aborted, or reset while this task waited: await \
                 `wait_or_broken` where a barrier may break"
            ),
        }
    }

    /// Waits like [`wait`](Barrier::wait), but fails if the barrier is or gets broken.
    ///
    /// # Errors
    ///
    /// [`BrokenBarrierError`] if the barrier was aborted, or is aborted or reset while this waits.
    ///
    /// # Panics
    ///
    /// Who arrives last wakes the others, and passes on the first panic of a waker after that.
    ///
    /// # Cancel safety
    ///
    /// That of [`wait`](Barrier::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Barrier;
    ///
    /// let barrier = Barrier::new(2);
    /// barrier.abort();
    /// assert!(runtime_sync::block_on(barrier.wait_or_broken()).is_err());
    /// barrier.reset();
    /// assert!(!barrier.is_broken());
    /// ```
    pub async fn wait_or_broken(&self) -> Result<BarrierWaitResult, BrokenBarrierError> {
        Arrival { waiter: self.line.waiter(), barrier: self }.await
    }

    /// Breaks the barrier: all who wait fail, and so do those who come, until it is
    /// [reset](Barrier::reset).
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a waker, after all have been woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Barrier;
    ///
    /// let barrier = Barrier::new(2);
    /// barrier.abort();
    /// assert!(barrier.is_broken());
    /// ```
    pub fn abort(&self) {
        self.fail(true);
    }

    /// Makes the barrier as new: those who wait fail, and those who come begin a round.
    ///
    /// It does not wait until those who fail have gone, as asyncio's does, because they are not in
    /// the way of the next round.
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a waker, after all have been woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Barrier;
    ///
    /// let barrier = Barrier::new(1);
    /// barrier.abort();
    /// barrier.reset();
    /// assert!(runtime_sync::block_on(barrier.wait_or_broken()).is_ok());
    /// ```
    pub fn reset(&self) {
        self.fail(false);
    }

    /// Whether it was aborted, and not reset since.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!filch::sync::Barrier::new(2).is_broken());
    /// ```
    pub fn is_broken(&self) -> bool {
        // Pairs with the store in `fail`: who sees it broken sees what the one who broke it did.
        self.broken.load(Ordering::Acquire)
    }

    /// How many tasks must arrive.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(filch::sync::Barrier::new(2).parties(), 2);
    /// ```
    pub fn parties(&self) -> usize {
        self.parties
    }

    /// How many tasks have arrived in this round and wait for the others.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(filch::sync::Barrier::new(2).n_waiting(), 0);
    /// ```
    pub fn n_waiting(&self) -> usize {
        self.arrived.load(Ordering::Relaxed)
    }

    /// What it looks like at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(filch::sync::Barrier::new(2).stats().rounds, 0);
    /// ```
    pub fn stats(&self) -> BarrierStats {
        BarrierStats {
            parties: self.parties,
            waiters: self.n_waiting(),
            broken: self.is_broken(),
            rounds: self.round.load(Ordering::Relaxed),
        }
    }

    /// Ends the round with a failure for those who wait.
    fn fail(&self, broken: bool) {
        let mut release = Release::new(self, |_| Err(BrokenBarrierError {}));
        let mut line = self.line.lock();
        // Pairs with the load in `is_broken`.
        self.broken.store(broken, Ordering::Release);
        if self.n_waiting() != 0 {
            release.begin(&mut line);
        }
        drop(line);
        release.finish();
    }

    fn poll_arrive(
        &self,
        waiter: Pin<&mut Waiter<'_, Place>>,
        cx: &mut Context<'_>,
    ) -> Poll<Outcome> {
        let coop = ready!(budget::poll_proceed(cx));
        let mut release = Release::new(self, BarrierWaitResult::follower);
        let waited = waiter.poll_wait(cx, |line| {
            if self.is_broken() {
                return ControlFlow::Break(Err(BrokenBarrierError {}));
            }
            let arrived = self.n_waiting() + 1;
            if arrived < self.parties {
                self.arrived.store(arrived, Ordering::Relaxed);
                let round = self.round.load(Ordering::Relaxed);
                return ControlFlow::Continue(Place { round, outcome: Err(BrokenBarrierError {}) });
            }
            release.begin(line);
            ControlFlow::Break(Ok(BarrierWaitResult { index: self.parties - 1, leader: true }))
        });
        let outcome = match ready!(waited) {
            Waited::Woken(place) => place.outcome,
            Waited::Never(outcome) => outcome,
        };
        coop.made_progress();
        release.finish();
        Poll::Ready(outcome)
    }

    /// Takes a task that does not wait any longer out of the count.
    fn leave(&self, waiter: Pin<&mut Waiter<'_, Place>>) {
        let leave = |place: &mut Place| {
            // If its round is over, it is not in the count, and about to be woken.
            if place.round == self.round.load(Ordering::Relaxed) {
                self.arrived.store(self.n_waiting() - 1, Ordering::Relaxed);
            }
            true
        };
        // Whoever was chosen has nothing to hand on: so was everybody else of its round.
        let _ = waiter.leave_if(leave, |_| ());
    }
}

/// Ends a round and wakes all who wait in it, even if something panics on the way.
struct Release<'a> {
    barrier: &'a Barrier,
    batch: WakeBatch,
    /// What the one with this number in the order of arrival is told.
    outcome: fn(usize) -> Outcome,
    /// The next number.
    index: usize,
    /// The round, as long as some of it may be in line.
    round: Option<usize>,
}

impl<'a> Release<'a> {
    #[inline]
    fn new(barrier: &'a Barrier, outcome: fn(usize) -> Outcome) -> Release<'a> {
        Release { barrier, batch: WakeBatch::new(), outcome, index: 0, round: None }
    }

    /// Begins the next round, and takes out of the line as many of the one before as can be woken
    /// at once. The counters are plain numbers to those who hold the lock.
    fn begin(&mut self, line: &mut Line<'_, Place>) {
        let round = self.barrier.round.load(Ordering::Relaxed);
        self.barrier.round.store(round.wrapping_add(1), Ordering::Relaxed);
        self.barrier.arrived.store(0, Ordering::Relaxed);
        self.round = Some(round);
        self.choose(line, round);
    }

    fn choose(&mut self, line: &mut Line<'_, Place>, round: usize) {
        let ended = line.choose_where(&mut self.batch, |place| {
            // Those in front may be of an earlier round, which somebody else still wakes.
            if place.round != round {
                return Choice::Pass;
            }
            place.outcome = (self.outcome)(self.index);
            self.index += 1;
            Choice::Wake
        });
        if ended {
            self.round = None;
        }
    }

    /// Wakes who was taken out, and those for whom there was no room. The lock must not be held.
    fn finish(&mut self) {
        while let Some(round) = self.round {
            // The batches to come shall be woken even if a waker in this one panics.
            self.batch.wake_and_keep_panic();
            self.choose(&mut self.barrier.line.lock(), round);
        }
        self.batch.wake_all();
    }
}

impl Drop for Release<'_> {
    fn drop(&mut self) {
        self.finish();
    }
}

pin_project! {
    /// Arrives at its first poll, and leaves when it is dropped.
    struct Arrival<'a> {
        #[pin]
        waiter: Waiter<'a, Place>,
        barrier: &'a Barrier,
    }

    impl PinnedDrop for Arrival<'_> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.barrier.leave(this.waiter);
        }
    }
}

impl Future for Arrival<'_> {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let this = self.project();
        this.barrier.poll_arrive(this.waiter, cx)
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("parties", &self.parties)
            .field("waiting", &self.n_waiting())
            .field("broken", &self.is_broken())
            .finish_non_exhaustive()
    }
}
