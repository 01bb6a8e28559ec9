//! asyncio's queues: first in first out, last in first out, smallest first.
//!
//! | queue | what comes out first |
//! |---|---|
//! | [`Queue`] | what was put in first |
//! | [`LifoQueue`] | what was put in last |
//! | [`PriorityQueue`] | the smallest; among equals, what was put in first |
//!
//! Beside what a [channel](crate::channel) does, a queue knows how many of its items are not
//! [done](AnyQueue::task_done) yet, and one can wait until all are.
//!
//! A queue is a store under a short lock, and two kinds of [permits](crate::lock::permits): one for
//! each free place, one for each item. Who waits, waits for a permit; the order of those who wait, and
//! what happens when one of them gives up, is theirs.

mod error;
mod item;
mod order;
mod place;
mod stats;

pub use error::{QueueShutDown, TryGetError, TryPutError};
pub use item::Item;
pub use order::{Fifo, Lifo, Order, Priority};
pub use stats::QueueStats;

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

use crate::block_on::block_outside_of_tasks;
use crate::budget::poll_unit;
use crate::lock::TryAcquireError;
use crate::lock::permits::Permits;
use crate::panics::contain;
use place::Place;

/// A queue whose items come out in the order in which they were put in; asyncio's `Queue`.
///
/// See [`AnyQueue`] for what it can do.
///
/// # Examples
///
/// Three workers share what is to be done:
///
/// ```
/// use filch::sync::Queue;
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let queue = Queue::new(0);
/// for n in 1..=10 {
///     queue.put(n).await.unwrap();
/// }
/// let workers: Vec<_> = (0..3)
///     .map(|_| {
///         let queue = queue.clone();
///         filch::spawn(async move {
///             let mut sum = 0;
///             while let Ok(n) = queue.get().await {
///                 sum += n;
///                 queue.task_done();
///             }
///             sum
///         })
///     })
///     .collect();
/// queue.join().await;
/// queue.shutdown();
/// let mut sum = 0;
/// for worker in workers {
///     sum += worker.await.unwrap();
/// }
/// assert_eq!(sum, 55);
/// # });
/// ```
pub type Queue<T> = AnyQueue<Fifo<T>>;

/// A queue whose newest item comes out first; asyncio's `LifoQueue`.
///
/// See [`AnyQueue`] for what it can do.
///
/// # Examples
///
/// ```
/// use filch::sync::LifoQueue;
///
/// let queue = LifoQueue::new(0);
/// queue.put_nowait(1).unwrap();
/// queue.put_nowait(2).unwrap();
/// assert_eq!(queue.get_nowait(), Ok(2));
/// ```
pub type LifoQueue<T> = AnyQueue<Lifo<T>>;

/// A queue whose smallest item comes out first; asyncio's `PriorityQueue`.
///
/// See [`AnyQueue`] for what it can do. Items that are equal come out in the order in which they were
/// put in. Those with a priority beside their content are pairs, or `std::cmp::Reverse` of something
/// where the largest is to come first.
///
/// Items are compared while the queue is locked. A comparison that panics leaves the queue usable, with
/// all items in it, but perhaps in a wrong order; one that calls the queue itself panics.
///
/// # Examples
///
/// ```
/// use filch::sync::PriorityQueue;
///
/// let queue = PriorityQueue::new(0);
/// queue.put_nowait((2, "later")).unwrap();
/// queue.put_nowait((1, "first")).unwrap();
/// assert_eq!(queue.get_nowait(), Ok((1, "first")));
/// ```
pub type PriorityQueue<T> = AnyQueue<Priority<T>>;

/// A queue of asyncio's kind; which item comes out first is said by `O`.
///
/// [`Queue`], [`LifoQueue`] and [`PriorityQueue`] are names of it. A clone is another handle to the
/// same queue.
///
/// Who waits to put in or to get is served first come, first served, as far as
/// [`permits`](crate::lock::permits) say.
///
/// # Examples
///
/// ```
/// use filch::sync::{Queue, TryPutError};
///
/// let queue = Queue::new(1);
/// queue.put_nowait("one").unwrap();
/// assert_eq!(queue.put_nowait("two"), Err(TryPutError::Full("two")));
/// assert_eq!(runtime_sync::block_on(queue.get()), Ok("one"));
/// ```
pub struct AnyQueue<O: Order> {
    shared: Arc<Place<O>>,
}

impl<O: Order> AnyQueue<O> {
    /// Makes a queue for so many items; 0 is for any number.
    ///
    /// # Panics
    ///
    /// Panics if they are more than [`Semaphore::MAX_PERMITS`](crate::lock::Semaphore::MAX_PERMITS).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Queue;
    ///
    /// let queue = Queue::<u32>::new(10);
    /// assert_eq!((queue.maxsize(), queue.len()), (10, 0));
    /// ```
    #[track_caller]
    pub fn new(maxsize: usize) -> AnyQueue<O> {
        assert!(maxsize <= Permits::MAX, "a queue holds at most `Semaphore::MAX_PERMITS` items");
        AnyQueue { shared: Arc::new(Place::new(maxsize)) }
    }

    /// Puts an item in, as soon as there is room.
    ///
    /// # Errors
    ///
    /// The queue is shut down; the item comes back.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the item is not in the queue, and gone. To keep it,
    /// use [`put_nowait`](AnyQueue::put_nowait), or put in something shared.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Queue;
    ///
    /// runtime_sync::block_on(async {
    ///     let queue = Queue::new(1);
    ///     queue.put("letter").await.unwrap();
    ///     assert!(queue.is_full());
    /// });
    /// ```
    #[track_caller]
    pub fn put(&self, item: O::Item) -> impl Future<Output = Result<(), QueueShutDown<O::Item>>> {
        self.shared.check();
        async move {
            if let Some(room) = &self.shared.room
                && !room.acquire_now(1)
                && room.acquire(1).await.is_err()
            {
                return Err(QueueShutDown(item));
            }
            self.shared.insert(item).map_err(QueueShutDown)
        }
    }

    /// Puts an item in if there is room.
    ///
    /// # Errors
    ///
    /// The queue is full, or others must go first, or it is shut down; the item comes back.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{Queue, TryPutError};
    ///
    /// let queue = Queue::new(1);
    /// queue.put_nowait(1).unwrap();
    /// assert_eq!(queue.put_nowait(2), Err(TryPutError::Full(2)));
    /// ```
    #[track_caller]
    pub fn put_nowait(&self, item: O::Item) -> Result<(), TryPutError<O::Item>> {
        self.shared.check();
        match self.shared.room.as_ref().map(|room| room.try_acquire(1)) {
            Some(Err(TryAcquireError::NoPermits)) => Err(TryPutError::Full(item)),
            Some(Err(TryAcquireError::Closed)) => Err(TryPutError::ShutDown(item)),
            _ => self.shared.insert(item).map_err(TryPutError::ShutDown),
        }
    }

    /// Blocks this thread until the item is in.
    ///
    /// # Errors
    ///
    /// The queue is shut down; the item comes back.
    ///
    /// # Panics
    ///
    /// Panics within a task.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Queue;
    ///
    /// let queue = Queue::new(1);
    /// queue.blocking_put(1).unwrap();
    /// assert_eq!(queue.len(), 1);
    /// ```
    #[track_caller]
    pub fn blocking_put(&self, item: O::Item) -> Result<(), QueueShutDown<O::Item>> {
        block_outside_of_tasks("blocking_put", "put", self.put(item))
    }

    /// Takes an item out, as soon as there is one.
    ///
    /// # Errors
    ///
    /// The queue is shut down and empty.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: if the future is dropped before it is ready, no item was taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Queue;
    ///
    /// runtime_sync::block_on(async {
    ///     let queue = Queue::new(0);
    ///     queue.put("letter").await.unwrap();
    ///     assert_eq!(queue.get().await, Ok("letter"));
    /// });
    /// ```
    #[track_caller]
    pub fn get(&self) -> impl Future<Output = Result<O::Item, QueueShutDown>> {
        self.shared.check();
        async {
            if !self.shared.items.acquire_now(1) {
                // With a budget only: each put looks after who waits, and who gets all in turns has spent it.
                poll_fn(|cx| poll_unit(cx).map(drop)).await;
                // Refused means that it is shut down: what is left may still be taken.
                let _ = self.shared.items.acquire(1).await;
            }
            self.shared.take().ok_or(QueueShutDown(()))
        }
    }

    /// Takes an item out if there is one.
    ///
    /// # Errors
    ///
    /// It is empty, or others must go first; or it is empty and shut down.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{Queue, TryGetError};
    ///
    /// let queue = Queue::new(0);
    /// assert_eq!(queue.get_nowait(), Err(TryGetError::Empty));
    /// queue.put_nowait(1).unwrap();
    /// assert_eq!(queue.get_nowait(), Ok(1));
    /// ```
    #[track_caller]
    pub fn get_nowait(&self) -> Result<O::Item, TryGetError> {
        match self.shared.items.try_acquire(1) {
            Err(TryAcquireError::NoPermits) => Err(TryGetError::Empty),
            _ => self.shared.take().ok_or(TryGetError::ShutDown),
        }
    }

    /// Blocks this thread until there is an item.
    ///
    /// # Errors
    ///
    /// The queue is shut down and empty.
    ///
    /// # Panics
    ///
    /// Panics within a task.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Queue;
    ///
    /// let queue = Queue::new(0);
    /// queue.put_nowait(1).unwrap();
    /// assert_eq!(queue.blocking_get(), Ok(1));
    /// ```
    #[track_caller]
    pub fn blocking_get(&self) -> Result<O::Item, QueueShutDown> {
        block_outside_of_tasks("blocking_get", "get", self.get())
    }

    /// Takes an item out that says by itself when it is done: when it is dropped.
    ///
    /// # Errors
    ///
    /// The queue is shut down and empty.
    ///
    /// # Cancel safety
    ///
    /// As [`get`](AnyQueue::get).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Queue;
    ///
    /// runtime_sync::block_on(async {
    ///     let queue = Queue::new(0);
    ///     queue.put("letter").await.unwrap();
    ///     let item = queue.get_tracked().await.unwrap();
    ///     assert_eq!((item.len(), queue.stats().unfinished), (6, 1));
    ///     drop(item);
    ///     queue.join().await;
    /// });
    /// ```
    #[track_caller]
    pub fn get_tracked(&self) -> impl Future<Output = Result<Item<O>, QueueShutDown>> {
        let item = self.get();
        async { Ok(Item::new(item.await?, self.clone())) }
    }

    /// Says that an item that was taken out is done.
    ///
    /// # Panics
    ///
    /// Panics if more are done than were put in (asyncio's `ValueError`).
    ///
    /// # Examples
    ///
    /// ```should_panic
    /// filch::sync::Queue::<u32>::new(0).task_done();
    /// ```
    #[track_caller]
    pub fn task_done(&self) {
        if !self.shared.finish(1) {
            panic!("`task_done` was called more often than items were put in");
        }
    }

    /// Waits until every item that was put in is done. Ready at once if that is so.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Queue;
    ///
    /// runtime_sync::block_on(async {
    ///     let queue = Queue::new(0);
    ///     queue.put(1).await.unwrap();
    ///     queue.get().await.unwrap();
    ///     queue.task_done();
    ///     queue.join().await;
    /// });
    /// ```
    #[track_caller]
    pub fn join(&self) -> impl Future<Output = ()> {
        let shared = &*self.shared;
        shared.check();
        async {
            if shared.lock().unfinished > 0 {
                shared.joining.wait_unless(|| shared.lock().unfinished == 0).await;
            }
        }
    }

    /// Ends the queue: nothing can be put in any more; what is in can be taken out, and after that
    /// every [`get`](AnyQueue::get) fails. All who wait are told at once.
    ///
    /// asyncio's `shutdown(immediate=False)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::{Queue, TryGetError};
    ///
    /// let queue = Queue::new(0);
    /// queue.put_nowait(1).unwrap();
    /// queue.shutdown();
    /// assert!(queue.put_nowait(2).is_err());
    /// assert_eq!(queue.get_nowait(), Ok(1));
    /// assert_eq!(queue.get_nowait(), Err(TryGetError::ShutDown));
    /// ```
    #[track_caller]
    pub fn shutdown(&self) {
        self.shared.lock().shut_down = true;
        self.shared.close();
    }

    /// Ends the queue at once. The items that were in it come back, in no order in particular, and
    /// count as done.
    ///
    /// asyncio's `shutdown(immediate=True)`. Items that were taken out before are still to be done.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Queue;
    ///
    /// let queue = Queue::new(0);
    /// queue.put_nowait(1).unwrap();
    /// assert_eq!(queue.shutdown_now(), [1]);
    /// runtime_sync::block_on(queue.join());
    /// ```
    #[track_caller]
    pub fn shutdown_now(&self) -> Vec<O::Item> {
        let items = {
            let mut state = self.shared.lock();
            state.shut_down = true;
            state.order.drain()
        };
        // A panic of a waker would take the items along.
        contain(|| self.shared.close());
        contain(|| _ = self.shared.finish(items.len()));
        items
    }

    /// Whether it is shut down.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Queue;
    ///
    /// let queue = Queue::<u32>::new(0);
    /// queue.shutdown();
    /// assert!(queue.is_shutdown());
    /// ```
    #[track_caller]
    pub fn is_shutdown(&self) -> bool {
        self.shared.lock().shut_down
    }

    /// How many items are in.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Queue;
    ///
    /// let queue = Queue::new(0);
    /// queue.put_nowait(1).unwrap();
    /// assert_eq!(queue.len(), 1);
    /// ```
    #[track_caller]
    pub fn len(&self) -> usize {
        self.shared.lock().order.count()
    }

    /// How many items are in: asyncio's name for [`len`](AnyQueue::len).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Queue;
    ///
    /// assert_eq!(Queue::<u32>::new(0).qsize(), 0);
    /// ```
    #[track_caller]
    pub fn qsize(&self) -> usize {
        self.len()
    }

    /// Whether no item is in.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Queue;
    ///
    /// assert!(Queue::<u32>::new(0).is_empty());
    /// ```
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room; never if it is not bounded.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Queue;
    ///
    /// let queue = Queue::new(1);
    /// queue.put_nowait(1).unwrap();
    /// assert!(queue.is_full());
    /// ```
    #[track_caller]
    pub fn is_full(&self) -> bool {
        self.shared.maxsize > 0 && self.len() >= self.shared.maxsize
    }

    /// For how many items there is room; 0 stands for any number.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Queue;
    ///
    /// assert_eq!(Queue::<u32>::new(5).maxsize(), 5);
    /// ```
    pub fn maxsize(&self) -> usize {
        self.shared.maxsize
    }

    /// What goes on at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Queue;
    ///
    /// let queue = Queue::new(4);
    /// queue.put_nowait(1).unwrap();
    /// let stats = queue.stats();
    /// assert_eq!((stats.len, stats.unfinished, stats.getters, stats.putters), (1, 1, 0, 0));
    /// ```
    #[track_caller]
    pub fn stats(&self) -> QueueStats {
        let shared = &*self.shared;
        let putters = shared.room.as_ref().map_or(0, Permits::waiters);
        let getters = shared.items.waiters();
        let state = shared.lock();
        QueueStats {
            len: state.order.count(),
            unfinished: state.unfinished,
            getters,
            putters,
            shut_down: state.shut_down,
        }
    }
}

impl<O: Order> Clone for AnyQueue<O> {
    fn clone(&self) -> AnyQueue<O> {
        AnyQueue { shared: Arc::clone(&self.shared) }
    }
}

impl<O: Order> Default for AnyQueue<O> {
    /// A queue for any number of items.
    fn default() -> AnyQueue<O> {
        AnyQueue::new(0)
    }
}

impl<O: Order> fmt::Debug for AnyQueue<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Queue");
        debug.field("maxsize", &self.shared.maxsize);
        // Somebody may print a queue from within a comparison, or into the queue itself.
        let state = self.shared.state.try_lock();
        match state.map(|state| (state.order.count(), state.unfinished, state.shut_down)) {
            Some((len, unfinished, shut_down)) => debug
                .field("len", &len)
                .field("unfinished", &unfinished)
                .field("shut_down", &shut_down),
            None => debug.field("state", &"<locked>"),
        };
        debug.finish_non_exhaustive()
    }
}
