//! `gather`, `gather_all`, `race`, `select_ok`: all of many futures, or the first.

mod handles;
mod timeout;

pub use handles::{GatherHandles, gather_handles};
pub use timeout::AsCompletedTimeout;

use crate::many::{AsCompleted, as_completed};
use crate::siblings::{Parting, Sibling, Siblings};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Why the futures that are left are given up.
const WHY: &str = "another future of a `gather` failed";

/// Awaits all `futures` and gives their outputs in order; or the first error, when the others have
/// been given up.
///
/// They run within the caller's task, and may borrow from it. When one fails, the others are dropped
/// where they wait, and those that have not begun never do; those that have something to
/// [clean up](crate::cancel::with_cleanup) do so first, and are awaited. No future at all gives an empty
/// list. To wake one of them costs the same however many there are.
///
/// Handles of tasks go into [`gather_handles`]: a task whose handle is dropped runs on.
///
/// The counterpart of `asyncio.gather`, which lets the others run on.
///
/// # Errors
///
/// That of the future that failed first.
///
/// # Cancel safety
///
/// Dropping it drops all futures.
///
/// # Examples
///
/// ```
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let squares = filch::gather((1..=3).map(|number| async move { Ok::<_, ()>(number * number) }));
/// assert_eq!(squares.await, Ok(vec![1, 4, 9]));
/// # });
/// ```
pub fn gather<I, F, T, E>(futures: I) -> Gather<F::IntoFuture, T, E>
where
    I: IntoIterator<Item = F>,
    F: IntoFuture<Output = Result<T, E>>,
{
    let siblings = futures.into_iter().map(|future| Sibling::new(future.into_future()));
    let futures = as_completed(siblings);
    let values = (0..futures.len()).map(|_| None).collect();
    Gather { futures, values, error: None, siblings: Siblings::new() }
}

pin_project! {
    /// The future of [`gather`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Gather<F, T, E> {
        futures: AsCompleted<Sibling<F>>,
        values: Vec<Option<T>>,
        error: Option<E>,
        siblings: Siblings,
    }
}

impl<F, T, E> Future for Gather<F, T, E>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<Vec<T>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        loop {
            match this.siblings.within(|| this.futures.poll_next(cx)) {
                Poll::Ready(Some((place, Ok(value)))) => this.values[place] = Some(value),
                Poll::Ready(Some((_, Err(error)))) => {
                    // Of several errors the first counts.
                    _ = this.error.get_or_insert(error);
                    if this.siblings.part_with(this.futures, cx, WHY) == Parting::Over {
                        break;
                    }
                }
                Poll::Ready(None) => break,
                Poll::Pending if this.error.is_none() => return Poll::Pending,
                Poll::Pending => match this.siblings.part_with(this.futures, cx, WHY) {
                    Parting::Again => {}
                    Parting::Wait => return Poll::Pending,
                    Parting::Over => break,
                },
            }
        }
        this.futures.clear();
        Poll::Ready(match this.error.take() {
            Some(error) => Err(error),
            None => Ok(this.values.drain(..).flatten().collect()),
        })
    }
}

/// Awaits all `futures` and gives their outputs in order, errors too. The counterpart of
/// `asyncio.gather(…, return_exceptions=True)`.
///
/// # Cancel safety
///
/// Dropping it drops all futures.
///
/// # Examples
///
/// ```
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let outcomes = filch::gather_all(["1", "x"].map(|text| async move { text.parse::<i32>() })).await;
/// assert!(outcomes[0].is_ok() && outcomes[1].is_err());
/// # });
/// ```
pub async fn gather_all<I>(futures: I) -> Vec<<I::Item as IntoFuture>::Output>
where
    I: IntoIterator,
    I::Item: IntoFuture,
{
    let mut futures = as_completed(futures);
    let mut outputs: Vec<_> = (0..futures.len()).map(|_| None).collect();
    while let Some((place, output)) = futures.next().await {
        outputs[place] = Some(output);
    }
    outputs.into_iter().flatten().collect()
}

/// Gives the output of whichever of `futures` is ready first, and drops the others.
///
/// # Cancel safety
///
/// Dropping it drops all futures.
///
/// # Panics
///
/// If there is no future: it would wait for ever.
///
/// # Examples
///
/// ```
/// use filch::time::{Duration, sleep};
///
/// # filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap().block_on(async {
/// let first = filch::race([3, 1, 2].map(|seconds| async move {
///     sleep(Duration::from_secs(seconds)).await;
///     seconds
/// }));
/// assert_eq!(first.await, 1);
/// # });
/// ```
#[track_caller]
pub fn race<I>(futures: I) -> impl Future<Output = <I::Item as IntoFuture>::Output>
where
    I: IntoIterator,
    I::Item: IntoFuture,
{
    let mut runners = as_completed(futures);
    let any = !runners.is_empty();
    assert!(any, "`race` needs at least one future: without any it would wait for ever");
    async move { runners.next().await.expect("one of them is left").1 }
}

/// Gives the first success of `futures` and drops the others, or all errors in order.
///
/// # Errors
///
/// Every error, if all fail; none, if there is no future.
///
/// # Cancel safety
///
/// Dropping it drops all futures.
///
/// # Examples
///
/// ```
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let first = filch::select_ok(["x", "7"].map(|text| async move { text.parse::<i32>() }));
/// assert_eq!(first.await, Ok(7));
/// # });
/// ```
pub async fn select_ok<I, F, T, E>(futures: I) -> Result<T, Vec<E>>
where
    I: IntoIterator<Item = F>,
    F: IntoFuture<Output = Result<T, E>>,
{
    let mut futures = as_completed(futures);
    let mut errors: Vec<_> = (0..futures.len()).map(|_| None).collect();
    while let Some((place, outcome)) = futures.next().await {
        match outcome {
            Ok(value) => return Ok(value),
            Err(error) => errors[place] = Some(error),
        }
    }
    Err(errors.into_iter().flatten().collect())
}

impl<F, T, E> fmt::Debug for Gather<F, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather").field("futures", &self.futures).finish_non_exhaustive()
    }
}
