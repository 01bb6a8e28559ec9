//! Waiting until a moment has come.
//!
//! # Invariants
//!
//! 1. The entry of a [`Sleep`] is ARMED only while there is the home into whose timers it was put; that
//!    is not let go of, nor changed, before the entry is out again. While there is none, or the entry
//!    is IDLE and not marked BEGUN, or is marked PAST, it keeps the deadline.
//! 2. A `Sleep` is pinned when its entry is armed, and its drop takes the entry out.
//! 3. A `Sleep` owns its home, and lets go of it when it is armed in another one or in its drop.
//! 4. Methods for the entry are called through a unique reference to the `Sleep`: one at a time.

use std::fmt;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use runtime_sync::budget;

use super::Instant;
use crate::clock::{Clock, Nanos, after};
use crate::runtime::context::{self, HomeRef};
use crate::timer::{Entry, Inserted, State};

const SHUT_DOWN: &str = "a timer was polled after its runtime had shut down";

/// Waits until `duration` has passed, counted from now.
///
/// The future does not complete early, and completes some 20 to 100 µs late on an idle machine,
/// see [`time`](crate::time#precision). [`Duration::MAX`], or anything else beyond a century,
/// means that it waits for ever.
///
/// `sleep(Duration::ZERO)` lets other tasks run once: it is pending at its first poll and ready at
/// the second.
///
/// # Cancel safety
///
/// Dropping the future takes its timer out. Nothing else happens.
///
/// # Panics
///
/// If there is no runtime on this thread.
///
/// # Examples
///
/// ```
/// use filch::time::{Duration, sleep};
///
/// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// sleep(Duration::from_millis(5)).await;
/// println!("5 ms have passed");
/// # });
/// ```
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    let origin = if duration.is_zero() { Origin::Zero } else { Origin::Fresh };
    Sleep::new(now_in_runtime().plus(duration), origin, context::home_of_outsiders())
}

/// Waits until `deadline` has come.
///
/// If it has come already, the future is ready at once.
///
/// # Cancel safety
///
/// Dropping the future takes its timer out. Nothing else happens.
///
/// # Panics
///
/// If there is no runtime on this thread.
///
/// # Examples
///
/// ```
/// use filch::time::{Duration, Instant, sleep_until};
///
/// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let deadline = Instant::now() + Duration::from_millis(5);
/// sleep_until(deadline).await;
/// assert!(Instant::now() >= deadline);
/// # });
/// ```
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    check_runtime();
    Sleep::new(deadline, Origin::Any, context::home_of_outsiders())
}

/// What time it is in the runtime of this thread; panics at the caller if there is none.
#[track_caller]
pub(super) fn now_in_runtime() -> Instant {
    match context::with_clock(|clock| clock.map(Clock::now_instant)) {
        Some(now) => now.into(),
        None => panic!("{}", context::NO_RUNTIME),
    }
}

/// Panics at the caller if there is no runtime on this thread.
#[track_caller]
pub(super) fn check_runtime() {
    if !context::with_clock(|clock| clock.is_some()) {
        panic!("{}", context::NO_RUNTIME);
    }
}

/// The home of this thread's timers.
///
/// # Panics
///
/// If there is no runtime on this thread.
#[inline]
fn home_here() -> HomeRef {
    context::timer_home().unwrap_or_else(|| panic!("{}", context::NO_RUNTIME))
}

/// The home of this thread's worker, or else the one that was found where there was none.
#[cold]
fn worker_home_or(kept: HomeRef) -> HomeRef {
    context::worker_home().unwrap_or(kept)
}

pin_project! {
    /// The future of [`sleep`] and [`sleep_until`].
    ///
    /// It has to be pinned to be polled, and can be [reset](Sleep::reset) to another deadline.
    /// The timer belongs to the worker that polls it first, and stays there when it is moved to
    /// another task. One that was made outside of the workers, as under [`Handle::enter`], can be
    /// polled on a thread without a runtime.
    ///
    /// [`Handle::enter`]: crate::runtime::Handle::enter
    ///
    /// # Panics
    ///
    /// When it is polled after the runtime it waited in has shut down. A shutdown wakes it.
    ///
    /// # Examples
    ///
    /// In a loop, so that the time goes on from round to round:
    ///
    /// ```
    /// use filch::time::{Duration, Instant, sleep};
    /// use std::pin::pin;
    ///
    /// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let mut pause = pin!(sleep(Duration::from_millis(1)));
    /// for _ in 0..3 {
    ///     pause.as_mut().await;
    ///     let next = pause.deadline() + Duration::from_millis(1);
    ///     pause.as_mut().reset(next);
    /// }
    /// # });
    /// ```
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Sleep {
        // In whose timers the entry is, or was until it fired; or will be at once, or if it is polled
        // where there is no worker.
        home: Option<ManuallyDrop<HomeRef>>,
        #[pin]
        entry: Entry,
    }

    impl PinnedDrop for Sleep {
        fn drop(this: Pin<&mut Self>) {
            this.disarm();
        }
    }
}

/// What is known of a deadline that has not been waited for; the mark of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Origin {
    /// Nothing.
    Any,
    /// It was after the time at which it was made, so that the first poll need not read the clock
    /// again. If it has passed nevertheless, the timer fires in the next turn of its worker.
    Fresh,
    /// It is the time at which it was made: to be ready at the second poll.
    Zero,
    /// It was set later, and counts as elapsed once it has come, polled or not.
    Reset,
    /// It had come when it was looked at, so that the entry keeps it.
    Past,
    /// It runs from the poll that begins it, so that the entry has never kept it.
    Begun,
}

/// What a poll says that has found its entry so.
#[inline]
fn elapsed(state: State) -> Poll<()> {
    match state {
        State::Idle | State::Armed => Poll::Pending,
        State::Fired => Poll::Ready(()),
        State::Closed => panic!("{SHUT_DOWN}"),
    }
}

impl Sleep {
    /// `home` is that of outsiders, if it is made by one and may be polled elsewhere.
    pub(super) fn new(deadline: Instant, origin: Origin, home: Option<HomeRef>) -> Sleep {
        let home = home.map(ManuallyDrop::new);
        Sleep { home, entry: Entry::keeping(deadline.into(), origin as u8) }
    }

    /// One whose time runs from now on, to [begin](Sleep::begin) here: so the moment is never an
    /// [`Instant`], which would have to be computed to and fro.
    ///
    /// # Panics
    ///
    /// If there is no runtime on this thread.
    #[inline]
    pub(super) fn from_now(duration: Duration) -> Sleep {
        let home = home_here();
        let deadline = after(home.clock().now(), duration);
        let home = Some(ManuallyDrop::new(home));
        Sleep { home, entry: Entry::new(deadline, Origin::Begun as u8) }
    }

    /// When it will be ready, or was.
    ///
    /// For a deadline that never comes, more than 146 years away, this may be another such one.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, Instant, sleep_until};
    ///
    /// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let deadline = Instant::now() + Duration::from_secs(1);
    /// assert_eq!(sleep_until(deadline).deadline(), deadline);
    /// # });
    /// ```
    pub fn deadline(&self) -> Instant {
        let deadline = match &self.home {
            Some(home) if !self.is_keeping() => {
                // SAFETY: this is the owner, and nobody has a unique reference at the moment.
                home.clock().instant(unsafe { self.entry.deadline() })
            }
            // SAFETY: as above; invariant 1.
            _ => unsafe { self.entry.kept() },
        };
        deadline.into()
    }

    /// Whether the deadline is the moment that the entry keeps; invariant 1.
    fn is_keeping(&self) -> bool {
        let mark = self.entry.mark();
        mark == Origin::Past as u8
            || (mark != Origin::Begun as u8 && self.entry.state() == State::Idle)
    }

    /// Whether the deadline has come and the next poll will be ready.
    ///
    /// A `Sleep` that has been neither polled nor [reset](Sleep::reset) waits for nothing, and says
    /// `false`.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, sleep};
    /// use std::pin::pin;
    ///
    /// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let mut pause = pin!(sleep(Duration::from_millis(1)));
    /// assert!(!pause.is_elapsed());
    /// pause.as_mut().await;
    /// assert!(pause.is_elapsed());
    /// # });
    /// ```
    pub fn is_elapsed(&self) -> bool {
        match self.entry.state() {
            State::Fired => true,
            State::Idle if self.entry.mark() == Origin::Reset as u8 => {
                self.deadline() <= Instant::now()
            }
            _ => false,
        }
    }

    /// Sets another deadline, whether it was waiting, was ready, or had never been polled.
    ///
    /// If it was waiting, its task is woken when the new deadline comes; it need not be polled
    /// again. Otherwise nobody is woken before it has been polled once more: one that was ready has
    /// forgotten its task.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::time::{Duration, Instant, sleep};
    /// use std::pin::pin;
    ///
    /// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let mut pause = pin!(sleep(Duration::from_secs(3600)));
    /// pause.as_mut().reset(Instant::now() + Duration::from_millis(1));
    /// pause.await;
    /// # });
    /// ```
    pub fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        let this = self.as_mut().project();
        let entry = this.entry.into_ref();
        entry.set_mark(Origin::Reset as u8);
        if let Some(home) = this.home
            && entry.state() == State::Armed
        {
            let nanos = home.clock().nanos(deadline.into());
            // SAFETY: ours, through a unique reference.
            let earlier = nanos < unsafe { entry.deadline() };
            // It may have come already. Who puts it off, as timeouts of idleness do, need not look.
            let now = if earlier { home.clock().now() } else { 0 };
            // SAFETY: ours, through a unique reference, and in the timers of this home.
            if unsafe { home.timers().reset(entry, nanos, now) } {
                home.earlier_deadline();
            }
            // Idle if it had fired for its old deadline just before; fired if the new one has come, which
            // may lie before all that the clock of the home can tell.
            if entry.state() == State::Armed {
                return;
            }
        } else {
            entry.settle(State::Idle);
        }
        self.keep(deadline);
    }

    /// Polls without asking the budget.
    #[inline]
    pub(crate) fn poll_elapsed(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let state = match self.entry.state() {
            State::Idle => self.arm(cx.waker()),
            State::Armed => self.update_waker(cx.waker()),
            settled => settled,
        };
        elapsed(state)
    }

    /// The first poll of one that was made [just now](Sleep::from_now).
    #[inline]
    pub(super) fn begin(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // SAFETY: ours, through a unique reference.
        let deadline = unsafe { self.entry.deadline() };
        elapsed(self.insert(deadline, cx.waker()))
    }

    /// Begins to wait, or finds that there is nothing to wait for.
    fn arm(mut self: Pin<&mut Self>, waker: &Waker) -> State {
        let this = self.as_mut().project();
        let entry = this.entry.into_ref();
        assert!(entry.mark() != Origin::Begun as u8, "it begins at once, unless a waker panics");
        // SAFETY: ours, through a unique reference, and in no timers: invariant 1.
        let deadline = Instant::from(unsafe { entry.kept() });
        if entry.mark() == Origin::Zero as u8 {
            entry.settle(State::Fired);
            entry.set_mark(Origin::Past as u8);
            waker.wake_by_ref();
            return State::Armed;
        }
        let home = match this.home.take() {
            None => home_here(),
            Some(kept) => worker_home_or(ManuallyDrop::into_inner(kept)),
        };
        let home = &**this.home.insert(ManuallyDrop::new(home));
        let clock = home.clock();
        let nanos = clock.nanos(deadline.into());
        let may_be_due = entry.mark() != Origin::Fresh as u8 || clock.is_paused();
        if may_be_due && nanos <= clock.now() {
            entry.settle(State::Fired);
            entry.set_mark(Origin::Past as u8);
            return State::Fired;
        }
        let state = self.as_mut().insert(nanos, waker);
        if state != State::Armed {
            self.keep(deadline);
        }
        state
    }

    /// Puts the entry into the timers of its home.
    #[inline]
    fn insert(self: Pin<&mut Self>, deadline: Nanos, waker: &Waker) -> State {
        let this = self.project();
        let entry = this.entry.into_ref();
        let Some(home) = this.home else { unreachable!("its home was found just now") };
        // SAFETY: ours, through a unique reference, pinned, not armed. It is taken out by
        // `PinnedDrop` at the latest, and goes to the timers of `home` until then: invariant 1.
        let state = match unsafe { home.timers().insert(entry, deadline, waker) } {
            Inserted::Armed { earliest } => {
                if earliest {
                    home.earlier_deadline();
                }
                return State::Armed;
            }
            Inserted::Due => State::Fired,
            Inserted::Closed => State::Closed,
        };
        entry.settle(state);
        state
    }

    /// Goes on waiting, perhaps for another task.
    fn update_waker(self: Pin<&mut Self>, waker: &Waker) -> State {
        let this = self.project();
        let Some(home) = this.home else { unreachable!("an armed entry is in a home") };
        // SAFETY: ours, through a unique reference, and in the timers of this home.
        unsafe { home.timers().update_waker(this.entry.into_ref(), waker) }
    }

    /// In no timers any more, or not yet. The home stays, for one that is polled again on a thread
    /// without a runtime.
    fn keep(self: Pin<&mut Self>, deadline: Instant) {
        let this = self.project();
        let entry = this.entry.into_ref();
        // SAFETY: ours, through a unique reference, and not armed, as the callers have found.
        unsafe { entry.keep(deadline.into()) };
        if entry.state() != State::Idle {
            entry.set_mark(Origin::Past as u8);
        }
    }

    /// The last that is done with it.
    fn disarm(self: Pin<&mut Self>) {
        let this = self.project();
        if let Some(home) = this.home {
            // SAFETY: in the only drop of the only owner (invariant 3), who does not come back to it.
            let home = unsafe { ManuallyDrop::take(home) };
            // SAFETY: ours, through a unique reference, and in the timers of this home.
            unsafe { home.timers().remove(this.entry.into_ref()) };
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let coop = ready!(budget::poll_proceed(cx));
        ready!(self.poll_elapsed(cx));
        coop.made_progress();
        Poll::Ready(())
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline", &self.deadline())
            .field("elapsed", &self.is_elapsed())
            .finish()
    }
}
