//! Many futures in one: to wake one of them costs the same however many there are.

use futures_core::Stream;
use runtime_sync::budget;
use runtime_sync::primitives::Mutex;
use runtime_sync::waker_slot::WakerSlot;
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Which of many were woken and not looked at since.
#[derive(Default)]
pub(crate) struct Woken {
    line: Mutex<VecDeque<usize>>,
    /// Who looks after all of them.
    parent: WakerSlot,
}

/// The waker of one of many.
struct Wakes {
    place: usize,
    woken: Arc<Woken>,
}

impl Wake for Wakes {
    fn wake(self: Arc<Wakes>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Wakes>) {
        self.woken.push(self.place);
        self.woken.parent.wake();
    }
}

impl Woken {
    /// The waker of the one at `place`.
    pub(crate) fn waker(self: &Arc<Woken>, place: usize) -> Waker {
        Waker::from(Arc::new(Wakes { place, woken: self.clone() }))
    }

    /// The one at `place` is to be looked at.
    pub(crate) fn push(&self, place: usize) {
        self.line.lock().push_back(place);
    }

    pub(crate) fn pop(&self) -> Option<usize> {
        self.line.lock().pop_front()
    }

    pub(crate) fn len(&self) -> usize {
        self.line.lock().len()
    }

    pub(crate) fn clear(&self) {
        self.line.lock().clear();
    }

    /// Leaves the waker of who looks after all; to be called before the last look.
    pub(crate) fn register(&self, waker: &Waker) {
        self.parent.register(waker);
    }

    /// Nobody looks after them any more.
    pub(crate) fn abandon(&self) {
        drop(self.parent.take());
        self.clear();
    }
}

/// The outputs of many futures, in the order in which they are ready; see [`as_completed`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct AsCompleted<F> {
    places: Vec<Option<(Pin<Box<F>>, Waker)>>,
    left: usize,
    woken: Arc<Woken>,
}

/// Gives the outputs of `futures` in the order in which they are ready, each with the number of its
/// future.
///
/// The futures run within the caller's task, and are dropped with what this returns; tasks go into a
/// [`JoinSet`](crate::join_set::JoinSet). To wake one of them costs the same however many there are.
/// The counterpart of `asyncio.as_completed`.
///
/// # Examples
///
/// ```
/// use filch::time::{Duration, sleep};
///
/// # filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap().block_on(async {
/// let downloads = [3, 1, 2].map(|seconds| async move {
///     sleep(Duration::from_secs(seconds)).await;
///     seconds
/// });
/// let mut completed = filch::as_completed(downloads);
/// let mut order = Vec::new();
/// while let Some((number, seconds)) = completed.next().await {
///     order.push((number, seconds));
/// }
/// assert_eq!(order, [(1, 1), (2, 2), (0, 3)]);
/// # });
/// ```
pub fn as_completed<I>(futures: I) -> AsCompleted<<I::Item as IntoFuture>::IntoFuture>
where
    I: IntoIterator,
    I::Item: IntoFuture,
{
    let futures = futures.into_iter();
    let mut all = AsCompleted::new();
    all.places.reserve(futures.size_hint().0);
    futures.for_each(|future| all.push(future.into_future()));
    all
}

impl<F: Future> AsCompleted<F> {
    /// The next output, and the number of its future; `None` if all have been given.
    ///
    /// # Panics
    ///
    /// Passes on a panic of a future, which is dropped then; the others can be awaited further.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no output is lost.
    pub async fn next(&mut self) -> Option<(usize, F::Output)> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The futures whose outputs are still to come.
    pub(crate) fn futures(&self) -> impl Iterator<Item = &F> {
        self.places.iter().flatten().map(|(future, _)| &**future)
    }

    /// How many outputs are still to come.
    pub fn len(&self) -> usize {
        self.left
    }

    /// Whether all outputs have been given.
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// Polls for what [`next`](AsCompleted::next) waits for.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, F::Output)>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        // Before the look: who is woken from here on wakes us.
        self.woken.register(cx.waker());
        // Each once: one that wakes itself again and again shall not keep the thread.
        for _ in 0..self.woken.len() {
            if !budget::has_budget_remaining() {
                // Each would only say so, and be in the line again.
                cx.waker().wake_by_ref();
                break;
            }
            let Some(place) = self.woken.pop() else { break };
            // Taken out for the poll: one that panics is gone, and the others can go on.
            let Some((mut future, waker)) = self.places[place].take() else { continue };
            self.left -= 1;
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Poll::Ready(Some((place, output)));
            }
            self.left += 1;
            self.places[place] = Some((future, waker));
        }
        Poll::Pending
    }

    /// Of no future.
    pub(crate) fn new() -> AsCompleted<F> {
        AsCompleted { places: Vec::new(), left: 0, woken: Arc::default() }
    }

    /// One more future, to be polled with the others.
    pub(crate) fn push(&mut self, future: F) {
        let place = self.places.len();
        self.places.push(Some((Box::pin(future), self.woken.waker(place))));
        self.woken.push(place);
        self.left += 1;
    }

    /// Drops the futures that are left.
    pub(crate) fn clear(&mut self) {
        self.left = 0;
        self.places.clear();
        self.woken.clear();
    }
}

impl<F: Future> Stream for AsCompleted<F> {
    type Item = (usize, F::Output);

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        AsCompleted::poll_next(self.get_mut(), cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<F> fmt::Debug for AsCompleted<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted").field("left", &self.left).finish_non_exhaustive()
    }
}
