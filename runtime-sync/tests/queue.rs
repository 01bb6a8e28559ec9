//! asyncio's queues: what they promise, and what happens on misuse.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::cell::Cell;
use std::cmp::Ordering as Compared;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};

use runtime_sync::block_on;
use runtime_sync::queue::{
    AnyQueue, Item, LifoQueue, Order, PriorityQueue, Queue, QueueShutDown, TryGetError, TryPutError,
};
use support::{Count, Fragile};

fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

#[test]
fn each_queue_has_its_order() {
    let (fifo, lifo, smallest) = (Queue::new(0), LifoQueue::new(0), PriorityQueue::new(0));
    for n in [3, 1, 2] {
        fifo.put_nowait(n).unwrap();
        lifo.put_nowait(n).unwrap();
        smallest.put_nowait(n).unwrap();
    }
    let out = |get: &dyn Fn() -> i32| [get(), get(), get()];
    assert_eq!(out(&|| fifo.get_nowait().unwrap()), [3, 1, 2]);
    assert_eq!(out(&|| lifo.get_nowait().unwrap()), [2, 1, 3]);
    assert_eq!(out(&|| smallest.get_nowait().unwrap()), [1, 2, 3]);
    assert!(fifo.is_empty() && lifo.is_empty() && smallest.is_empty());
}

#[test]
fn equals_come_out_in_the_order_in_which_they_went_in() {
    #[derive(PartialEq, Eq, Debug)]
    struct Job(u8, usize);
    impl Ord for Job {
        fn cmp(&self, other: &Job) -> Compared {
            self.0.cmp(&other.0)
        }
    }
    impl PartialOrd for Job {
        fn partial_cmp(&self, other: &Job) -> Option<Compared> {
            Some(self.cmp(other))
        }
    }
    let queue = PriorityQueue::new(0);
    for n in 0..60 {
        queue.put_nowait(Job((n % 3) as u8, n)).unwrap();
    }
    let out: Vec<_> = (0..60).map(|_| queue.get_nowait().unwrap()).collect();
    assert!(out.is_sorted_by_key(|job| (job.0, job.1)));
}

#[test]
fn a_put_waits_for_room_and_a_get_for_an_item() {
    let queue = Queue::new(1);
    let (putter, getter) = (Count::new(), Count::new());
    queue.put_nowait(1).unwrap();
    assert!(queue.is_full());
    let mut put = pin!(queue.put(2));
    assert!(poll(put.as_mut(), &putter.waker()).is_pending());
    assert_eq!(queue.stats().putters, 1);
    assert_eq!(queue.get_nowait(), Ok(1));
    assert_eq!(putter.get(), 1);
    assert_eq!(poll(put, Waker::noop()), Poll::Ready(Ok(())));
    assert_eq!(queue.get_nowait(), Ok(2));

    let mut get = pin!(queue.get());
    assert!(poll(get.as_mut(), &getter.waker()).is_pending());
    assert_eq!(queue.stats().getters, 1);
    queue.put_nowait(3).unwrap();
    assert_eq!(getter.get(), 1);
    assert_eq!(poll(get, Waker::noop()), Poll::Ready(Ok(3)));
}

#[test]
fn who_gives_up_takes_nothing_along() {
    let queue = Queue::new(1);
    let (first, second) = (Count::new(), Count::new());
    let mut front = Box::pin(queue.get());
    let mut behind = pin!(queue.get());
    assert!(poll(front.as_mut(), &first.waker()).is_pending());
    assert!(poll(behind.as_mut(), &second.waker()).is_pending());
    queue.put_nowait(1).unwrap();
    assert_eq!(first.get(), 1);
    drop(front);
    assert_eq!(second.get(), 1, "the wake is handed on");
    assert_eq!(poll(behind, Waker::noop()), Poll::Ready(Ok(1)));

    queue.put_nowait(2).unwrap();
    let mut front = Box::pin(queue.put(3));
    let mut behind = pin!(queue.put(4));
    assert!(poll(front.as_mut(), &first.waker()).is_pending());
    assert!(poll(behind.as_mut(), &second.waker()).is_pending());
    assert_eq!(queue.get_nowait(), Ok(2));
    drop(front);
    assert_eq!(second.get(), 2, "the room is handed on");
    assert!(poll(behind, Waker::noop()).is_ready());
    assert_eq!(queue.get_nowait(), Ok(4), "what was given up is not in the queue");
}

#[test]
fn a_queue_without_a_bound_is_never_full() {
    let queue = Queue::default();
    for n in 0..10_000 {
        queue.put_nowait(n).unwrap();
    }
    assert!(!queue.is_full());
    assert_eq!((queue.maxsize(), queue.qsize()), (0, 10_000));
}

#[test]
fn join_waits_until_all_is_done() {
    let queue = Queue::new(0);
    block_on(queue.join());
    queue.put_nowait(1).unwrap();
    queue.put_nowait(2).unwrap();
    let count = Count::new();
    let mut join = pin!(queue.join());
    assert!(poll(join.as_mut(), &count.waker()).is_pending());
    queue.get_nowait().unwrap();
    queue.task_done();
    assert_eq!(count.get(), 0);
    let item = block_on(queue.get_tracked()).unwrap();
    assert!(poll(join.as_mut(), &count.waker()).is_pending());
    drop(item);
    assert_eq!(count.get(), 1);
    assert!(poll(join, Waker::noop()).is_ready());
}

#[test]
fn what_is_done_too_often_is_a_panic_at_the_caller() {
    let queue = Queue::new(0);
    queue.put_nowait(1).unwrap();
    queue.task_done();
    let again = catch_unwind(AssertUnwindSafe(|| queue.task_done())).unwrap_err();
    assert!(again.downcast_ref::<&str>().unwrap().contains("task_done"));
    // By hand and by itself: nothing breaks.
    let item: Item<_> = block_on(queue.get_tracked()).unwrap();
    drop(item);
    assert_eq!(queue.stats().unfinished, 0);
}

#[test]
fn a_shutdown_lets_what_is_in_come_out() {
    let queue = Queue::new(2);
    queue.put_nowait(1).unwrap();
    queue.put_nowait(2).unwrap();
    let count = Count::new();
    let mut put = pin!(queue.put(3));
    assert!(poll(put.as_mut(), &count.waker()).is_pending());
    queue.shutdown();
    assert_eq!(count.get(), 1);
    assert_eq!(poll(put, Waker::noop()), Poll::Ready(Err(QueueShutDown(3))));
    assert_eq!(queue.put_nowait(4), Err(TryPutError::ShutDown(4)));
    assert_eq!(block_on(queue.get()), Ok(1));
    assert_eq!(queue.get_nowait(), Ok(2));
    assert_eq!(queue.get_nowait(), Err(TryGetError::ShutDown));
    assert_eq!(block_on(queue.get()), Err(QueueShutDown(())));
    assert!(queue.is_shutdown());
}

#[test]
fn a_shutdown_tells_those_who_wait_for_items() {
    let queue = Queue::<u32>::new(0);
    let counts = [Count::new(), Count::new()];
    let mut gets = [Box::pin(queue.get()), Box::pin(queue.get())];
    for (get, count) in gets.iter_mut().zip(&counts) {
        assert!(poll(get.as_mut(), &count.waker()).is_pending());
    }
    queue.shutdown();
    for (get, count) in gets.iter_mut().zip(&counts) {
        assert_eq!(count.get(), 1);
        assert_eq!(poll(get.as_mut(), Waker::noop()), Poll::Ready(Err(QueueShutDown(()))));
    }
}

#[test]
fn who_says_too_early_that_items_are_done_does_not_keep_those_who_join_for_ever() {
    let queue = Queue::new(0);
    (1..=3).for_each(|item| queue.put_nowait(item).unwrap());
    // Nobody has taken it out.
    queue.task_done();
    assert_eq!(queue.shutdown_now(), [1, 2, 3]);
    assert_eq!(queue.stats().unfinished, 0);
    assert!(poll(pin!(queue.join()), Waker::noop()).is_ready());
}

#[test]
fn a_shutdown_at_once_gives_the_items_back_and_counts_them_as_done() {
    let queue = Queue::new(0);
    for n in 1..=3 {
        queue.put_nowait(n).unwrap();
    }
    queue.get_nowait().unwrap();
    let count = Count::new();
    let mut join = pin!(queue.join());
    assert!(poll(join.as_mut(), &count.waker()).is_pending());
    assert_eq!(queue.shutdown_now(), [2, 3]);
    assert_eq!(count.get(), 0, "one is out and not done");
    queue.task_done();
    assert_eq!(count.get(), 1);
    assert_eq!(queue.shutdown_now(), [0; 0]);
}

thread_local! {
    static MOOD: Cell<Mood> = const { Cell::new(Mood::Calm) };
}

#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Calm,
    Panics,
    CallsBack,
    PutsIn,
}

/// Compares as `MOOD` says.
struct Moody(u32, PriorityQueue<Moody>);

impl Ord for Moody {
    fn cmp(&self, other: &Moody) -> Compared {
        match MOOD.get() {
            Mood::Calm => {}
            Mood::Panics => panic!("bad mood"),
            Mood::CallsBack => _ = self.1.len(),
            Mood::PutsIn => _ = self.1.put_nowait(Moody(9, self.1.clone())),
        }
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Moody {
    fn partial_cmp(&self, other: &Moody) -> Option<Compared> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Moody {
    fn eq(&self, other: &Moody) -> bool {
        self.0 == other.0
    }
}

impl Eq for Moody {}

#[test]
fn a_comparison_that_panics_loses_no_item() {
    let queue = PriorityQueue::new(8);
    for n in 0..4 {
        queue.put_nowait(Moody(n, queue.clone())).unwrap();
    }
    MOOD.set(Mood::Panics);
    let put = catch_unwind(AssertUnwindSafe(|| queue.put_nowait(Moody(4, queue.clone())).is_ok()));
    let get = catch_unwind(AssertUnwindSafe(|| queue.get_nowait().is_ok()));
    MOOD.set(Mood::Calm);
    assert!(put.is_err() && get.is_err());
    let mut out: Vec<_> = std::iter::from_fn(|| queue.get_nowait().ok()).map(|it| it.0).collect();
    out.sort();
    assert_eq!(out, [0, 1, 2, 3, 4]);
    assert_eq!(queue.stats().len, 0);
    for n in 0..8 {
        queue.put_nowait(Moody(n, queue.clone())).expect("all the room is there");
    }
    queue.shutdown_now();
}

#[test]
fn a_comparison_that_calls_the_queue_panics_and_does_not_hang() {
    let queue = PriorityQueue::new(0);
    queue.put_nowait(Moody(1, queue.clone())).unwrap();
    MOOD.set(Mood::CallsBack);
    let put = catch_unwind(AssertUnwindSafe(|| queue.put_nowait(Moody(0, queue.clone())).is_ok()));
    MOOD.set(Mood::Calm);
    let message = put.unwrap_err();
    assert!(message.downcast_ref::<&str>().unwrap().contains("must not call the queue"));
    assert_eq!(queue.shutdown_now().len(), 2);
}

#[test]
fn a_comparison_that_puts_into_the_queue_takes_no_room_along() {
    let queue = PriorityQueue::new(3);
    queue.put_nowait(Moody(1, queue.clone())).unwrap();
    MOOD.set(Mood::PutsIn);
    let put = catch_unwind(AssertUnwindSafe(|| queue.put_nowait(Moody(0, queue.clone())).is_ok()));
    MOOD.set(Mood::Calm);
    assert!(put.is_err());
    assert_eq!(queue.len(), 2);
    queue.put_nowait(Moody(2, queue.clone())).expect("there is room for one more");
    assert_eq!(queue.shutdown_now().len(), 3);
}

#[test]
fn everything_may_go_to_other_threads() {
    fn check<T: Send + Sync + Unpin>() {}
    check::<Queue<Cell<u8>>>();
    check::<LifoQueue<Cell<u8>>>();
    check::<PriorityQueue<u8>>();
    fn check_future(_: impl Send) {}
    let queue = Queue::new(1);
    check_future(queue.put(1));
    check_future(queue.get());
    check_future(queue.get_tracked());
    check_future(queue.join());
}

#[test]
fn each_item_comes_out_exactly_once() {
    const EACH: usize = 5_000;
    let queue = Queue::new(7);
    let (sum, count) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Ok(item) = queue.blocking_get() {
                    // Some gets are given up in the middle.
                    let mut gives_up = Box::pin(queue.get());
                    if let Poll::Ready(Ok(other)) = poll(gives_up.as_mut(), Waker::noop()) {
                        sum.fetch_add(other, SeqCst);
                        count.fetch_add(1, SeqCst);
                        queue.task_done();
                    }
                    drop(gives_up);
                    sum.fetch_add(item, SeqCst);
                    count.fetch_add(1, SeqCst);
                    queue.task_done();
                }
            });
        }
        let putters: Vec<_> = (0..3)
            .map(|thread| {
                let queue = &queue;
                scope.spawn(move || {
                    for n in 0..EACH {
                        queue.blocking_put(thread * EACH + n).unwrap();
                    }
                })
            })
            .collect();
        for putter in putters {
            putter.join().unwrap();
        }
        block_on(queue.join());
        queue.shutdown();
    });
    let all = 3 * EACH;
    assert_eq!((count.into_inner(), sum.into_inner()), (all, all * (all - 1) / 2));
}

#[test]
fn items_that_panic_are_all_dropped_with_their_queue_and_the_first_panic_is_told() {
    fn check<O: Order>(queue: AnyQueue<O>, item: impl Fn(Fragile) -> O::Item) {
        let dropped = Arc::new(AtomicUsize::new(0));
        for _ in 0..3 {
            assert!(queue.put_nowait(item(Fragile(Arc::clone(&dropped)))).is_ok());
        }
        assert!(catch_unwind(AssertUnwindSafe(|| drop(queue))).is_err());
        assert_eq!(dropped.load(SeqCst), 3);
    }
    struct Equal(#[expect(dead_code, reason = "its drop is what matters")] Fragile);
    impl Ord for Equal {
        fn cmp(&self, _: &Equal) -> Compared {
            Compared::Equal
        }
    }
    impl PartialOrd for Equal {
        fn partial_cmp(&self, other: &Equal) -> Option<Compared> {
            Some(self.cmp(other))
        }
    }
    impl Eq for Equal {}
    impl PartialEq for Equal {
        fn eq(&self, _: &Equal) -> bool {
            true
        }
    }
    check(Queue::new(0), |fragile| fragile);
    check(LifoQueue::new(3), |fragile| fragile);
    check(PriorityQueue::new(0), Equal);
}

#[test]
fn a_queue_may_be_printed_into_itself() {
    struct Lines(Queue<String>);
    impl fmt::Write for Lines {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.put_nowait(text.to_owned()).map_err(|_| fmt::Error)
        }
    }
    let queue = Queue::new(0);
    fmt::write(&mut Lines(queue.clone()), format_args!("{queue:?}")).unwrap();
    assert!(queue.shutdown_now().concat().contains("unfinished: "));
}
