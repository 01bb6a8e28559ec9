//! Stopping the clock, and moving it by hand: for tests.

use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use runtime_sync::wake_batch::WakeBatch;

use crate::clock::Clock;
use crate::runtime::context;

const NOT_CURRENT_THREAD: &str = "the time can only be paused, advanced and resumed on a current-thread runtime: \
     build one by `Builder::new_current_thread`, or set `flavor = \"current_thread\"`";
const FROZEN: &str = "the time is paused already: call `time::resume` first";
const NOT_FROZEN: &str = "the time is not paused: call `time::pause` first, or set `start_paused`";

/// Does `f` with the clock of this thread's runtime, if that is one for tests. Else, or if `f`
/// says `false`, returns what to panic with; the caller does, for its own caller's line.
fn with_clock(refused: &'static str, f: impl FnOnce(&Clock) -> bool) -> Result<(), &'static str> {
    context::with_clock(|clock| match clock {
        None => Err(context::NO_RUNTIME),
        Some(_) if !context::is_current_thread() => Err(NOT_CURRENT_THREAD),
        Some(clock) if f(clock) => Ok(()),
        Some(_) => Err(refused),
    })
}

/// Stops the clock of this runtime.
///
/// [`Instant::now`](crate::time::Instant::now) stands still from now on, and moves only by
/// [`advance`] or when all tasks wait and at least one of them for a timer: then it jumps to the
/// earliest deadline. A sleep of [`Duration::MAX`] has none, here as elsewhere: if nothing else is left,
/// the runtime waits until somebody outside of it wakes a task.
///
/// # Panics
///
/// If the clock is stopped already, if the runtime is not a current-thread one, or if there is no
/// runtime on this thread.
///
/// # Examples
///
/// ```
/// use filch::time::{self, Duration, Instant};
///
/// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// time::pause();
/// let start = Instant::now();
/// time::sleep(Duration::from_secs(3600)).await; // does not take an hour
/// assert_eq!(start.elapsed(), Duration::from_secs(3600));
/// # });
/// ```
#[track_caller]
pub fn pause() {
    if let Err(message) = with_clock(FROZEN, Clock::pause) {
        panic!("{message}");
    }
}

/// Lets the clock of this runtime run on from where it stands.
///
/// # Panics
///
/// If the clock is running, if the runtime is not a current-thread one, or if there is no runtime
/// on this thread.
///
/// # Examples
///
/// ```
/// use filch::time::{self, Duration, Instant};
///
/// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// time::pause();
/// let start = Instant::now();
/// time::advance(Duration::from_secs(3600)).await;
/// time::resume();
/// assert!(start.elapsed() >= Duration::from_secs(3600));
/// # });
/// ```
#[track_caller]
pub fn resume() {
    if let Err(message) = with_clock(NOT_FROZEN, Clock::resume) {
        panic!("{message}");
    }
}

/// Moves the stopped clock of this runtime by `duration`, in one jump.
///
/// Tasks whose deadline is passed over are woken, and other tasks run once before this returns.
/// They all see the time after the jump. To let each see its own deadline, sleep instead: with the
/// clock stopped that takes no time.
///
/// # Cancel safety
///
/// The clock has moved once the future has been polled.
///
/// # Panics
///
/// When it is polled: if the clock is running, if the runtime is not a current-thread one, or if
/// there is no runtime on the thread.
///
/// # Examples
///
/// ```
/// use filch::time::{self, Duration, Instant};
///
/// # filch::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// time::pause();
/// let start = Instant::now();
/// time::advance(Duration::from_millis(7)).await;
/// assert_eq!(start.elapsed(), Duration::from_millis(7));
/// # });
/// ```
#[track_caller]
pub fn advance(duration: Duration) -> impl Future<Output = ()> + Send {
    Advance { duration: Some(duration), caller: Location::caller() }
}

struct Advance {
    /// What is still to be done.
    duration: Option<Duration>,
    /// Whom to name, as the panic comes only with the poll.
    caller: &'static Location<'static>,
}

impl Future for Advance {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(duration) = self.duration.take() else { return Poll::Ready(()) };
        if let Err(message) = with_clock(NOT_FROZEN, |clock| clock.advance(duration)) {
            panic!("{message}, at {}", self.caller);
        }
        // First those whose time has come, and then this task: they run before it goes on. Timers
        // that belong to nobody here are the worker's to find.
        if let Some(home) = context::timer_home() {
            let mut wakes = WakeBatch::new();
            home.timers().expire(home.clock().now(), &mut wakes);
            wakes.wake_all();
        }
        context::look_around_soon();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
