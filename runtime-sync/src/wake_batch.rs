//! Wakers collected under a lock, woken after it.

use std::fmt;
use std::mem::ManuallyDrop;
use std::task::Waker;

use crate::panics::Panics;

/// Up to 32 wakers, to be woken together, without an allocation.
///
/// A waker may run any code: it may call back into the primitive that wakes it, take locks, or
/// panic. Therefore none is woken while a lock is held. Whoever holds the lock pushes wakers into
/// a batch, gives the lock back and then calls [`wake_all`](WakeBatch::wake_all).
///
/// Declare the batch *before* the guard of the lock: values are dropped in reverse order, so that
/// even an early return or a panic gives the lock back before the batch wakes.
///
/// # Examples
///
/// ```
/// use runtime_sync::primitives::Mutex;
/// use runtime_sync::wake_batch::WakeBatch;
/// use std::task::Waker;
///
/// fn release(waiting: &Mutex<Vec<Waker>>) {
///     let mut batch = WakeBatch::new();
///     loop {
///         let mut line = waiting.lock();
///         while !batch.is_full() {
///             let Some(waker) = line.pop() else { break };
///             batch.push(waker);
///         }
///         let rest = line.len();
///         drop(line);
///         batch.wake_all();
///         if rest == 0 {
///             return;
///         }
///     }
/// }
///
/// let waiting = Mutex::new(vec![Waker::noop().clone(); 100]);
/// release(&waiting);
/// assert!(waiting.lock().is_empty());
/// ```
pub struct WakeBatch {
    /// Emptied by our own drop, so that nobody looks through all places once more.
    wakers: ManuallyDrop<[Option<Waker>; WakeBatch::CAPACITY]>,
    /// The first so many places are taken.
    len: usize,
    /// The first panic of a waker that was not passed on yet.
    panics: Panics,
}

impl WakeBatch {
    /// How many wakers fit in.
    pub const CAPACITY: usize = 32;

    /// Makes an empty batch.
    #[inline]
    pub const fn new() -> WakeBatch {
        let wakers = ManuallyDrop::new([const { None }; WakeBatch::CAPACITY]);
        WakeBatch { wakers, len: 0, panics: Panics::new() }
    }

    /// Puts a waker in, behind the others.
    ///
    /// # Panics
    ///
    /// Panics if the batch [is full](WakeBatch::is_full).
    #[inline]
    #[track_caller]
    pub fn push(&mut self, waker: Waker) {
        assert!(!self.is_full(), "a full batch must be woken before more is pushed");
        self.wakers[self.len] = Some(waker);
        self.len += 1;
    }

    /// Whether there is no room for another waker.
    #[inline]
    pub const fn is_full(&self) -> bool {
        self.len == WakeBatch::CAPACITY
    }

    /// Whether there is no waker in it.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many wakers are in it.
    #[inline]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Wakes all, in the order they came, and leaves the batch empty.
    ///
    /// No lock may be held. Every waker is woken even if some of them panic.
    ///
    /// # Panics
    ///
    /// Resumes the first panic of a waker after all have been woken, unless this thread is
    /// panicking already.
    #[inline]
    pub fn wake_all(&mut self) {
        self.wake_and_keep_panic();
        self.panics.pass_on();
    }

    /// Wakes all like [`wake_all`](WakeBatch::wake_all), but keeps the first panic until that is
    /// called, so that the caller can fill and wake the batch again before.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::wake_batch::WakeBatch;
    /// use std::task::Waker;
    ///
    /// let mut batch = WakeBatch::new();
    /// for _ in 0..3 {
    ///     batch.push(Waker::noop().clone());
    ///     batch.wake_and_keep_panic();
    /// }
    /// batch.wake_all();
    /// ```
    #[inline]
    pub fn wake_and_keep_panic(&mut self) {
        for place in &mut self.wakers[..self.len] {
            let Some(waker) = place.take() else { continue };
            self.panics.contain(|| waker.wake());
        }
        self.len = 0;
    }
}

/// Wakes a single waker in a place that may be reached while a panic unwinds, such as a `drop`: in
/// that case a panic of the waker does not come out.
///
/// # Panics
///
/// Passes on a panic of the waker, unless this thread is panicking already.
///
/// # Examples
///
/// ```
/// use runtime_sync::wake_batch;
/// use std::task::Waker;
///
/// wake_batch::wake(Waker::noop().clone());
/// ```
#[inline]
pub fn wake(waker: Waker) {
    if !std::thread::panicking() {
        return waker.wake();
    }
    let mut panics = Panics::new();
    panics.contain(|| waker.wake());
    panics.pass_on();
}

impl Drop for WakeBatch {
    /// Wakes what is still in it: a wake that was decided upon is never lost.
    #[inline]
    fn drop(&mut self) {
        self.wake_all();
    }
}

impl Default for WakeBatch {
    fn default() -> WakeBatch {
        WakeBatch::new()
    }
}

impl fmt::Debug for WakeBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WakeBatch").field("len", &self.len).finish_non_exhaustive()
    }
}
