//! `staggered_race`: attempts that begin one after the other, and the first success.

use crate::many::AsCompleted;
use crate::siblings::{Parting, Sibling, Siblings};
use crate::time::{Duration, Sleep, sleep};
use pin_project_lite::pin_project;
use runtime_sync::budget;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

const WHY: &str = "another attempt has won";

/// Begins attempts one after the other, until one succeeds.
///
/// The next attempt begins when the last one has had `delay` without success, or when one fails;
/// with `None` only then. Those that have begun run on beside it, and the first success wins. The
/// others are dropped where they wait; what holds them up to
/// [clean up](crate::cancel::with_cleanup) is awaited first.
///
/// `attempts` is asked for the next future when its time has come: an iterator that makes futures as
/// it goes does nothing for those that are not needed.
///
/// The counterpart of `staggered_race` in asyncio, and the heart of happy eyeballs.
///
/// # Errors
///
/// Every error, in the order in which they came, if all attempts fail; none, if there is no attempt.
///
/// # Panics
///
/// Passes on a panic of an attempt or of the iterator. And when it has to wait with a delay, if there
/// is no runtime on the thread.
///
/// # Cancel safety
///
/// Dropping it drops all attempts.
///
/// # Examples
///
/// ```
/// use filch::time::{Duration, Instant, sleep};
///
/// # filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap().block_on(async {
/// let start = Instant::now();
/// let mirrors = [60, 1, 1].into_iter().enumerate().map(|(number, seconds)| async move {
///     sleep(Duration::from_secs(seconds)).await;
///     Ok::<_, ()>(number)
/// });
/// let fastest = filch::staggered_race(mirrors, Duration::from_millis(250)).await;
/// assert_eq!((fastest, start.elapsed()), (Ok(1), Duration::from_millis(1250)));
/// # });
/// ```
pub fn staggered_race<I, F, T, E>(
    attempts: I,
    delay: impl Into<Option<Duration>>,
) -> StaggeredRace<I::IntoIter, F::IntoFuture, T, E>
where
    I: IntoIterator<Item = F>,
    F: IntoFuture<Output = Result<T, E>>,
{
    StaggeredRace {
        attempts: Some(attempts.into_iter()),
        running: AsCompleted::new(),
        siblings: Siblings::new(),
        delay: delay.into(),
        timer: None,
        winner: None,
        errors: Vec::new(),
    }
}

pin_project! {
    /// The future of [`staggered_race`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct StaggeredRace<I, F, T, E> {
        // `None` when all have begun.
        attempts: Option<I>,
        running: AsCompleted<Sibling<F>>,
        siblings: Siblings,
        delay: Option<Duration>,
        // When the next attempt begins; made when somebody has to wait.
        #[pin]
        timer: Option<Sleep>,
        winner: Option<T>,
        errors: Vec<E>,
    }
}

impl<I, A, F, T, E> Future for StaggeredRace<I, F, T, E>
where
    I: Iterator<Item = A>,
    A: IntoFuture<Output = Result<T, E>, IntoFuture = F>,
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<T, Vec<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.running.is_empty() {
            self.as_mut().begin_next();
        }
        loop {
            let this = self.as_mut().project();
            match this.siblings.within(|| this.running.poll_next(cx)) {
                Poll::Ready(Some((_, Ok(value)))) => {
                    _ = this.winner.get_or_insert(value);
                    if this.siblings.part_with(this.running, cx, WHY) == Parting::Over {
                        break;
                    }
                }
                Poll::Ready(Some((_, Err(error)))) => {
                    this.errors.push(error);
                    self.as_mut().begin_next();
                }
                Poll::Ready(None) => break,
                // Not all were polled that could be: one that is ready needs no company. Who says so
                // has woken the task.
                Poll::Pending if this.winner.is_none() && !budget::has_budget_remaining() => {
                    return Poll::Pending;
                }
                Poll::Pending if this.winner.is_none() => {
                    ready!(self.as_mut().poll_delay(cx));
                    self.as_mut().begin_next();
                }
                Poll::Pending => match this.siblings.part_with(this.running, cx, WHY) {
                    Parting::Again => {}
                    Parting::Wait => return Poll::Pending,
                    Parting::Over => break,
                },
            }
        }
        let this = self.project();
        this.running.clear();
        Poll::Ready(match this.winner.take() {
            Some(value) => Ok(value),
            None => Err(std::mem::take(this.errors)),
        })
    }
}

impl<I, A, F, T, E> StaggeredRace<I, F, T, E>
where
    I: Iterator<Item = A>,
    A: IntoFuture<IntoFuture = F>,
    F: Future,
{
    /// Begins the next attempt, if there is one and it is still needed.
    fn begin_next(self: Pin<&mut Self>) {
        let mut this = self.project();
        let (None, Some(attempts)) = (&this.winner, &mut *this.attempts) else { return };
        match attempts.next() {
            Some(attempt) => this.running.push(Sibling::new(attempt.into_future())),
            None => *this.attempts = None,
        }
        if this.attempts.as_ref().is_some_and(|attempts| attempts.size_hint().1 == Some(0)) {
            // No timer for nobody.
            *this.attempts = None;
        }
        this.timer.set(None);
    }

    /// Ready when it is time for the next attempt.
    fn poll_delay(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let (Some(_), Some(delay)) = (&this.attempts, *this.delay) else { return Poll::Pending };
        if delay.is_zero() {
            return Poll::Ready(());
        }
        if this.timer.is_none() {
            this.timer.set(Some(sleep(delay)));
        }
        this.timer.as_pin_mut().expect("it was set just now").poll_elapsed(cx)
    }
}

impl<I, F, T, E> fmt::Debug for StaggeredRace<I, F, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaggeredRace")
            .field("running", &self.running)
            .field("delay", &self.delay)
            .finish_non_exhaustive()
    }
}
