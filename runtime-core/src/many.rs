//! Many futures in one: to wake one of them costs the same however many there are.

use crate::pinned::Pinned;
use crate::unwind::contain;
use futures_core::Stream;
use runtime_sync::budget;
use runtime_sync::primitives::Mutex;
use runtime_sync::primitives::atomic::{AtomicBool, AtomicUsize, Ordering};
use runtime_sync::waker_slot::WakerSlot;
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::panicking;

/// Those of many that are to be looked at: they were woken since they were looked at last, or never
/// looked at.
#[derive(Default)]
pub(crate) struct Line {
    /// Taken over from those who wake, so that not each costs a lock.
    taken: VecDeque<usize>,
    woken: Arc<Woken>,
}

/// What those who wake share with who looks.
#[derive(Default)]
struct Woken {
    line: Mutex<VecDeque<usize>>,
    /// How long it is; written under the lock.
    waiting: AtomicUsize,
    /// Who looks after all of them.
    parent: WakerSlot,
}

/// What one of many is woken by.
struct Wakes {
    place: usize,
    /// It is in the line: woken again, it needs no second place there.
    listed: AtomicBool,
    woken: Arc<Woken>,
}

impl Wake for Wakes {
    fn wake(self: Arc<Wakes>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Wakes>) {
        // Release pairs with the swap in `Bell::answer`: if this finds it listed, the look that follows
        // there sees what was done before this wake.
        if self.listed.swap(true, Ordering::Release) {
            // Whoever listed it wakes the parent, if the parent is not at it already.
            return;
        }
        let mut line = self.woken.line.lock();
        line.push_back(self.place);
        self.woken.waiting.store(line.len(), Ordering::Relaxed);
        drop(line);
        self.woken.parent.wake();
    }
}

/// The waker of one of many, and whether it was used.
pub(crate) struct Bell {
    wakes: Arc<Wakes>,
    waker: Waker,
}

impl Bell {
    fn new(place: usize, woken: &Arc<Woken>) -> Bell {
        let wakes = Arc::new(Wakes { place, listed: AtomicBool::new(true), woken: woken.clone() });
        Bell { waker: Waker::from(wakes.clone()), wakes }
    }

    /// The waker, for a look at what it wakes: to be called when that was taken out of the line. From
    /// now on a wake puts it in again.
    pub(crate) fn answer(&self) -> &Waker {
        // Acquire pairs with the swap in `wake_by_ref`. A swap, not a store, as it is to read from the
        // last of the wakes that found it listed.
        self.wakes.listed.swap(false, Ordering::Acquire);
        &self.waker
    }
}

impl Line {
    /// Puts the one at `place`, which is new, into the line; gives its waker.
    pub(crate) fn enter(&mut self, place: usize) -> Bell {
        self.taken.push_back(place);
        Bell::new(place, &self.woken)
    }

    /// Begins a round, in which each of those that are in the line is looked at. One that is woken again
    /// meanwhile waits for the next: it shall not keep the thread.
    pub(crate) fn round(&self) -> usize {
        // Relaxed: it is no less than what this thread has seen happen; who waits looks under the lock.
        self.taken.len() + self.woken.waiting.load(Ordering::Relaxed)
    }

    /// The next one to look at, of so many that are `left` of the round. `None`: it is over, and
    /// `waker` is called when there is another one.
    pub(crate) fn next(&mut self, left: &mut usize, waker: Option<&Waker>) -> Option<usize> {
        if let Some(fewer) = left.checked_sub(1) {
            *left = fewer;
            if self.taken.is_empty() {
                let mut line = self.woken.line.lock();
                std::mem::swap(&mut self.taken, &mut *line);
                self.woken.waiting.store(0, Ordering::Relaxed);
            }
            return self.taken.pop_front();
        }
        waker.into_iter().for_each(|waker| self.wait(waker));
        None
    }

    fn wait(&mut self, waker: &Waker) {
        self.woken.parent.register(waker);
        // Who was woken since the round began may not have found that.
        if !self.taken.is_empty() || !self.woken.line.lock().is_empty() {
            waker.wake_by_ref();
        }
    }

    /// Makes room for so many more to enter.
    pub(crate) fn reserve(&mut self, additional: usize) {
        self.taken.reserve(additional);
    }

    pub(crate) fn clear(&mut self) {
        self.taken.clear();
        let mut line = self.woken.line.lock();
        line.clear();
        self.woken.waiting.store(0, Ordering::Relaxed);
    }
}

impl Drop for Line {
    /// Nobody looks after them any more, though some of their wakers may be kept somewhere.
    fn drop(&mut self) {
        self.woken.parent.let_go();
    }
}

/// The outputs of many futures, in the order in which they are ready; see [`as_completed`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct AsCompleted<F> {
    futures: Pinned<F>,
    /// The wakers of those that are left.
    bells: Vec<Option<Bell>>,
    left: usize,
    line: Line,
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
    let futures: Pinned<_> = futures.into_iter().map(IntoFuture::into_future).collect();
    let left = futures.len();
    let mut line = Line::default();
    line.reserve(left);
    let bells = (0..left).map(|place| Some(line.enter(place))).collect();
    AsCompleted { futures, bells, left, line }
}

/// A future that is being polled. It is dropped, also by a panic, unless it is to stay.
struct Look<'a, F> {
    future: Pin<&'a mut Option<F>>,
    stays: bool,
}

impl<F> Drop for Look<'_, F> {
    fn drop(&mut self) {
        match self.stays {
            true => {}
            // A second panic would be the end of the process.
            false if panicking() => contain(|| self.future.set(None)),
            false => self.future.set(None),
        }
    }
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
        self.futures.iter()
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
        let mut left = self.line.round();
        while budget::has_budget_remaining() {
            let Some(place) = self.line.next(&mut left, Some(cx.waker())) else {
                return Poll::Pending;
            };
            // Gone for the poll: one that panics is gone, and the others can go on.
            let Some(bell) = self.bells[place].take() else { continue };
            self.left -= 1;
            let mut look = Look { future: self.futures.at(place), stays: false };
            let future = look.future.as_mut().as_pin_mut().expect("it has a bell");
            if let Poll::Ready(output) = future.poll(&mut Context::from_waker(bell.answer())) {
                drop(look);
                self.futures.leave(place);
                return Poll::Ready(Some((place, output)));
            }
            look.stays = true;
            drop(look);
            self.left += 1;
            self.bells[place] = Some(bell);
        }
        // Each would only say so, and be in the line again.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Of no future.
    pub(crate) fn new() -> AsCompleted<F> {
        let (futures, bells) = (Pinned::new(), Vec::new());
        AsCompleted { futures, bells, left: 0, line: Line::default() }
    }

    /// One more future, to be polled with the others.
    pub(crate) fn push(&mut self, future: F) {
        self.bells.push(Some(self.line.enter(self.futures.len())));
        self.futures.push(future);
        self.left += 1;
    }

    /// Drops the futures that are not to `stay`.
    pub(crate) fn retain(&mut self, stay: impl Fn(&F) -> bool) {
        for (place, bell) in self.bells.iter_mut().enumerate() {
            if bell.is_none() {
                continue;
            }
            let mut future = self.futures.at(place);
            if future.as_ref().get_ref().as_ref().is_some_and(&stay) {
                continue;
            }
            *bell = None;
            self.left -= 1;
            future.set(None);
            self.futures.leave(place);
        }
    }

    /// Drops the futures that are left.
    pub(crate) fn clear(&mut self) {
        self.left = 0;
        self.bells.clear();
        self.futures.clear();
        self.line.clear();
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
