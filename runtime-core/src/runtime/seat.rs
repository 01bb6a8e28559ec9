//! Where the thread sits that drives a current-thread runtime: one at a time.

use crate::scheduler::worker::{Turn, Worker};
use crate::scheduler::{Lender, Scheduler, current};
use runtime_sync::budget;
use runtime_sync::primitives::Mutex;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// The one worker of a current-thread runtime while nobody drives it, and who waits to.
pub(super) struct Seat {
    worker: Mutex<Option<Box<Worker>>>,
    waiting: Mutex<Vec<Arc<RootWaker>>>,
}

/// Wakes a root future, whether its thread drives the runtime or waits to.
struct RootWaker {
    woken: AtomicBool,
    /// The thread drives: it sleeps on the worker's parker, not on its own.
    driving: AtomicBool,
    thread: Thread,
    scheduler: Arc<Scheduler>,
}

impl Wake for RootWaker {
    fn wake(self: Arc<RootWaker>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<RootWaker>) {
        // Pairs with the swap in `poll_root`: the future sees what was written before.
        if self.woken.swap(true, Ordering::SeqCst) {
            return;
        }
        // SeqCst pairs with the store in `drive`: either we see that it drives, or it sees `woken`.
        match self.driving.load(Ordering::SeqCst) {
            true => self.scheduler.unpark(0),
            false => self.thread.unpark(),
        }
    }
}

/// The worker while its thread drives; it goes back to the seat in the end, also when unwinding.
struct Seated<'a> {
    seat: &'a Seat,
    worker: Option<Box<Worker>>,
}

impl Seat {
    pub(super) fn new(worker: Worker) -> Seat {
        Seat { worker: Mutex::new(Some(Box::new(worker))), waiting: Mutex::new(Vec::new()) }
    }

    pub(super) fn block_on<F: Future>(&self, scheduler: &Arc<Scheduler>, future: F) -> F::Output {
        let _entered = current::Entered::new(scheduler.clone());
        let root = Arc::new(RootWaker {
            woken: AtomicBool::new(true),
            driving: AtomicBool::new(false),
            thread: thread::current(),
            scheduler: scheduler.clone(),
        });
        let waker = Waker::from(root.clone());
        let mut cx = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            if let Some(seated) = self.sit() {
                return drive(&seated, &root, future.as_mut(), &mut cx);
            }
            // Somebody else drives: it runs the tasks for us, and passes the seat on.
            if let Poll::Ready(output) = poll_root(&root, future.as_mut(), &mut cx) {
                self.waiting.lock().retain(|waiter| !Arc::ptr_eq(waiter, &root));
                self.pass_on();
                return output;
            }
            self.waiting.lock().push(root.clone());
            // Whoever left the seat before it could see us in the line: look once more.
            if self.worker.lock().is_none() && !root.woken.load(Ordering::SeqCst) {
                thread::park();
            }
            self.waiting.lock().retain(|waiter| !Arc::ptr_eq(waiter, &root));
        }
    }

    fn sit(&self) -> Option<Seated<'_>> {
        let worker = self.worker.lock().take()?;
        Some(Seated { seat: self, worker: Some(worker) })
    }

    /// Tells one who waits that the seat may be free.
    fn pass_on(&self) {
        let next = self.waiting.lock().pop();
        if let Some(next) = next {
            next.thread.unpark();
        }
    }

    /// Calls `f` with the worker on this thread, if nobody drives it.
    pub(super) fn with_worker<R>(&self, f: impl FnOnce(&Worker) -> R) -> Option<R> {
        let seated = self.sit()?;
        let worker = seated.worker();
        Some(current::run_as(worker, || f(worker)))
    }

    /// Lends the worker out on this thread, on which the runtime is driven always.
    pub(super) fn lender(self: &Arc<Seat>) -> Lender {
        let (seat, home) = (Arc::downgrade(self), current::thread_token());
        Box::new(move |f| {
            if current::thread_token() == home
                && let Some(seat) = seat.upgrade()
            {
                seat.with_worker(f);
            }
        })
    }

    /// Drops all tasks, on this thread.
    pub(super) fn wind_up(&self, scheduler: &Arc<Scheduler>) {
        let worker = self.worker.lock().take();
        if let Some(worker) = worker {
            let _entered = current::Entered::new(scheduler.clone());
            current::run_as(&worker, || worker.wind_up());
        }
    }
}

impl Seated<'_> {
    fn worker(&self) -> &Worker {
        self.worker.as_ref().expect("the worker goes only when this is dropped")
    }
}

impl Drop for Seated<'_> {
    fn drop(&mut self) {
        *self.seat.worker.lock() = self.worker.take();
        self.seat.pass_on();
    }
}

/// Runs tasks, timers and sockets on this thread until the root future is ready.
fn drive<F: Future>(
    seated: &Seated<'_>,
    root: &RootWaker,
    mut future: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> F::Output {
    /// Leaves the book and the budget as they are outside, also when unwinding.
    struct Leave<'a>(&'a Worker);
    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            let _ = self.0.stop_watch();
            self.0.lie_down();
            budget::clear();
        }
    }
    let worker = seated.worker();
    let turns = worker.scheduler().config().event_interval;
    worker.settle();
    // SeqCst pairs with the load in `wake_by_ref`.
    root.driving.store(true, Ordering::SeqCst);
    current::run_as(worker, || {
        worker.get_up();
        worker.start_watch();
        let _leave = Leave(worker);
        loop {
            if root.woken.load(Ordering::SeqCst) {
                if let Poll::Ready(output) = poll_root(root, future.as_mut(), cx) {
                    return output;
                }
                worker.count_root_poll();
            }
            // How many turns in a row were of tasks that merely go on.
            let mut again = 0;
            for _ in 0..turns {
                match worker.turn() {
                    Turn::Idle => {
                        // The root is looked at first: its waker set the token, if it came too late.
                        if !root.woken.load(Ordering::SeqCst) {
                            worker.park();
                        }
                        break;
                    }
                    Turn::Ran => again = 0,
                    Turn::Again => again += 1,
                }
                // All that are queued have given way, and no one is left to be waited for. Relaxed: who
                // sees it too late does so a turn later.
                if again > 0 && root.woken.load(Ordering::Relaxed) && worker.queued() <= again {
                    break;
                }
            }
        }
    })
}

/// After a panic, too: nobody would ever refill what is left on a thread that goes on outside.
struct ClearBudget;

impl Drop for ClearBudget {
    fn drop(&mut self) {
        budget::clear();
    }
}

fn poll_root<F: Future>(
    root: &RootWaker,
    future: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<F::Output> {
    // Pairs with the swap in `wake_by_ref`.
    if !root.woken.swap(false, Ordering::AcqRel) {
        return Poll::Pending;
    }
    let _clear = ClearBudget;
    budget::refill();
    future.poll(cx)
}
