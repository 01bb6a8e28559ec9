//! How the blocking pool ends: jobs that came before the end are done, the others are done or dropped, none
//! is forgotten; and a clock that stands still learns when the last one is over.
//!
//! As in `loom_pool.rs`, the steps of `blocking.rs` are written down once more, over loom's atomics; the
//! channel is a word that counts jobs and stops, which come behind all jobs. A wait for a job that comes in
//! vain ends at once, as by `keep_alive`. The twins leave one step out and must fail.
#![cfg(filch_loom)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support_loom;

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use loom::sync::{Arc, Mutex};
use loom::thread;
use runtime_core::clock::Clock;
use runtime_core::scheduler::parker::Parker;
use support_loom::fails;

#[derive(Clone, Copy, PartialEq)]
enum Mistake {
    None,
    /// Who starts a thread asks last whether one may still be started.
    LateQuestion,
    /// A thread that goes, and cannot start another one, does not look whether that is because of the end.
    NoLookAtTheEnd,
    /// A thread that goes after the end leaves what waits.
    NoFarewell,
    /// A submitter looks whether it is over without a fence.
    NoFence,
    /// A submitter does not look whether it is over.
    NoLookAfter,
    /// The jobs are dropped before it is said that it is over.
    DropsTooEarly,
}

const JOB: usize = 1;
const STOP: usize = 1 << 16;
const JOBS: usize = STOP - 1;

struct Pool {
    mistake: Mistake,
    max_threads: usize,
    queue: AtomicUsize,
    threads: AtomicUsize,
    idle: AtomicUsize,
    starting: AtomicBool,
    unfinished: AtomicUsize,
    closed: AtomicBool,
    over: AtomicBool,
    /// Whether threads may be started.
    alive: Mutex<bool>,
    /// How many live, or are about to.
    living: AtomicUsize,
    to_start: AtomicUsize,
    done: AtomicUsize,
    dropped: AtomicUsize,
}

impl Pool {
    fn new(mistake: Mistake, max_threads: usize, threads: usize) -> Pool {
        let number = AtomicUsize::new;
        Pool {
            mistake,
            max_threads,
            queue: number(0),
            threads: number(threads),
            idle: number(0),
            starting: AtomicBool::new(false),
            unfinished: number(0),
            closed: AtomicBool::new(false),
            over: AtomicBool::new(false),
            alive: Mutex::new(true),
            living: number(threads),
            to_start: number(0),
            done: number(0),
            dropped: number(0),
        }
    }

    fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == mistake
    }

    fn submit(&self) {
        if self.closed.load(Ordering::Acquire) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.unfinished.fetch_add(1, Ordering::Relaxed);
        self.queue.fetch_add(JOB, Ordering::Relaxed);
        if !self.makes(Mistake::NoFence) {
            fence(Ordering::SeqCst);
        }
        if self.over.load(Ordering::Acquire) && !self.makes(Mistake::NoLookAfter) {
            self.drop_jobs();
        } else if self.idle.load(Ordering::Relaxed) == 0 {
            self.grow();
        }
    }

    /// Counts one more that lives, unless none may be started.
    fn be_alive(&self) -> bool {
        let alive = self.alive.lock().unwrap();
        self.living.fetch_add(usize::from(*alive), Ordering::Relaxed);
        *alive
    }

    fn grow(&self) {
        let late = self.makes(Mistake::LateQuestion);
        if !late && !self.be_alive() {
            return;
        }
        while !self.starting.swap(true, Ordering::AcqRel) {
            let counted =
                self.threads.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |threads| {
                    (threads < self.max_threads).then_some(threads + 1)
                });
            if counted.is_ok() {
                match !late || self.be_alive() {
                    true => self.to_start.fetch_add(1, Ordering::AcqRel),
                    false => self.threads.fetch_sub(1, Ordering::AcqRel),
                };
                return;
            }
            self.starting.swap(false, Ordering::AcqRel);
            fence(Ordering::SeqCst);
            let full = self.threads.load(Ordering::Relaxed) >= self.max_threads;
            if full || self.jobs_wait() == 0 {
                break;
            }
        }
        if !late {
            self.living.fetch_sub(1, Ordering::AcqRel);
        }
    }

    fn grow_if_needed(&self) {
        if self.queue.load(Ordering::Relaxed) > 0 && self.idle.load(Ordering::Relaxed) == 0 {
            self.grow();
        }
    }

    fn jobs_wait(&self) -> usize {
        self.queue.load(Ordering::Relaxed) & JOBS
    }

    /// Takes what is first in the queue.
    fn receive(&self) -> Option<usize> {
        let first = |queue: usize| match (queue & JOBS, queue / STOP) {
            (0, 0) => None,
            (0, _) => Some(STOP),
            _ => Some(JOB),
        };
        let taken = self.queue.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |queue| {
            first(queue).map(|order| queue - order)
        });
        taken.ok().and_then(first)
    }

    /// The life of a thread that was started.
    fn work(&self) {
        self.starting.swap(false, Ordering::AcqRel);
        self.serve();
    }

    fn serve(&self) {
        self.serve_until_the_end();
        self.living.fetch_sub(1, Ordering::AcqRel);
    }

    fn serve_until_the_end(&self) {
        loop {
            fence(Ordering::SeqCst);
            let mut order = self.receive();
            if order.is_none() {
                if self.closed.load(Ordering::Acquire) {
                    break;
                }
                self.idle.fetch_add(1, Ordering::AcqRel);
                order = self.receive();
                self.idle.fetch_sub(1, Ordering::AcqRel);
            }
            match order {
                Some(STOP) => break,
                Some(_) => self.run(),
                None => {
                    fence(Ordering::SeqCst);
                    if self.queue.load(Ordering::Relaxed) == 0 {
                        break;
                    }
                }
            }
        }
        self.threads.fetch_sub(1, Ordering::AcqRel);
        fence(Ordering::SeqCst);
        if !self.closed.load(Ordering::Acquire) {
            self.grow_if_needed();
            if self.makes(Mistake::NoLookAtTheEnd) || !self.closed.load(Ordering::Acquire) {
                return;
            }
        }
        while let Some(order) = self.receive() {
            match order {
                STOP => {
                    self.queue.fetch_add(STOP, Ordering::Relaxed);
                    return;
                }
                _ if self.makes(Mistake::NoFarewell) => {
                    self.queue.fetch_add(JOB, Ordering::Relaxed);
                    return;
                }
                _ => self.run(),
            }
        }
    }

    fn run(&self) {
        fence(Ordering::SeqCst);
        self.grow_if_needed();
        self.done.fetch_add(1, Ordering::Relaxed);
        self.unfinished.fetch_sub(1, Ordering::Release);
    }

    fn drop_jobs(&self) {
        let mut stops = 0;
        while let Some(order) = self.receive() {
            match order {
                STOP => stops += 1,
                _ => {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                    self.unfinished.fetch_sub(1, Ordering::Release);
                }
            }
        }
        self.queue.fetch_add(stops * STOP, Ordering::Relaxed);
    }

    fn close(&self) {
        self.closed.swap(true, Ordering::AcqRel);
        *self.alive.lock().unwrap() = false;
        let stops = self.threads.load(Ordering::Acquire) * STOP;
        self.queue.fetch_add(stops, Ordering::Relaxed);
    }

    /// Waits until nobody lives. Threads that were asked for live here.
    fn wait(&self) {
        while self.living.load(Ordering::Acquire) > 0 {
            match self.to_start.load(Ordering::Acquire) {
                0 => thread::yield_now(),
                _ => {
                    self.to_start.fetch_sub(1, Ordering::AcqRel);
                    self.work();
                }
            }
        }
    }

    fn give_up(&self) {
        if self.makes(Mistake::DropsTooEarly) {
            self.drop_jobs();
        }
        self.over.swap(true, Ordering::AcqRel);
        fence(Ordering::SeqCst);
        if !self.makes(Mistake::DropsTooEarly) {
            self.drop_jobs();
        }
    }

    /// Everybody is gone: each job was either done or dropped.
    fn is_settled(&self, jobs: usize) {
        assert_eq!(self.jobs_wait(), 0, "a job is forgotten");
        assert_eq!(self.unfinished.load(Ordering::Acquire), 0, "a job counts for ever");
        let (done, dropped) = (&self.done, &self.dropped);
        assert_eq!(done.load(Ordering::Relaxed) + dropped.load(Ordering::Relaxed), jobs);
    }
}

/// Runs a part of a model on a thread of its own.
fn apart(pool: &Arc<Pool>, part: impl FnOnce(&Pool) + 'static) -> thread::JoinHandle<()> {
    let pool = pool.clone();
    thread::spawn(move || part(&pool))
}

/// The only thread goes, while a job comes and then the end.
fn a_job_before_the_end(mistake: Mistake) {
    let pool = Arc::new(Pool::new(mistake, 1, 1));
    let goes = apart(&pool, Pool::serve);
    pool.submit();
    pool.close();
    pool.wait();
    assert_eq!(pool.done.load(Ordering::Relaxed), 1, "a job from before the end was not done");
    goes.join().unwrap();
    pool.give_up();
    pool.is_settled(1);
}

/// A job that relies on whoever submits another one, while the end comes.
fn a_job_that_relies_on_another(mistake: Mistake) {
    let pool = Arc::new(Pool::new(mistake, 1, 0));
    let other = apart(&pool, Pool::submit);
    pool.submit();
    pool.close();
    pool.wait();
    assert!(pool.done.load(Ordering::Relaxed) > 0, "a job from before the end was not done");
    pool.give_up();
    other.join().unwrap();
    pool.is_settled(2);
}

/// Jobs are given up as the last one comes; a thread is there, or none.
fn a_job_that_comes_too_late(mistake: Mistake, threads: usize) {
    let pool = Arc::new(Pool::new(mistake, 1, threads));
    let late = apart(&pool, Pool::submit);
    let serves = (threads > 0).then(|| apart(&pool, Pool::serve));
    pool.close();
    pool.give_up();
    pool.wait();
    late.join().unwrap();
    serves.into_iter().for_each(|thread| thread.join().unwrap());
    pool.is_settled(1);
}

#[test]
fn a_job_that_came_before_the_end_is_done() {
    loom::model(|| a_job_before_the_end(Mistake::None));
    loom::model(|| a_job_that_relies_on_another(Mistake::None));
}

#[test]
fn a_job_that_comes_too_late_is_done_or_dropped() {
    loom::model(|| a_job_that_comes_too_late(Mistake::None, 0));
    loom::model(|| a_job_that_comes_too_late(Mistake::None, 1));
}

#[test]
fn twins_that_do_not_do_a_job_from_before_the_end() {
    assert!(fails(|| a_job_before_the_end(Mistake::NoFarewell)));
    assert!(fails(|| a_job_before_the_end(Mistake::NoLookAtTheEnd)));
    assert!(fails(|| a_job_that_relies_on_another(Mistake::LateQuestion)));
}

#[test]
fn twins_that_forget_a_job_that_comes_too_late() {
    assert!(fails(|| a_job_that_comes_too_late(Mistake::NoFence, 0)));
    assert!(fails(|| a_job_that_comes_too_late(Mistake::NoLookAfter, 0)));
    assert!(fails(|| a_job_that_comes_too_late(Mistake::DropsTooEarly, 0)));
}

/// The clock is stopped as the last job ends: whoever wants it to jump sees that, or is told.
fn a_clock_is_stopped(fences: bool) {
    let shared = Arc::new((Clock::system(), Parker::new(), AtomicUsize::new(1)));
    let fence = move || fences.then(|| fence(Ordering::SeqCst));
    let job = {
        let shared = shared.clone();
        thread::spawn(move || {
            let (clock, parker, unfinished) = &*shared;
            if unfinished.fetch_sub(1, Ordering::Release) == 1 {
                fence();
                if clock.is_paused() {
                    let _ = parker.unpark();
                }
            }
        })
    };
    let (clock, parker, unfinished) = &*shared;
    clock.pause();
    fence();
    let quiet = unfinished.load(Ordering::Acquire) == 0;
    let called = parker.park(|| ());
    job.join().unwrap();
    assert!(quiet || called || parker.take_token(), "time stands still for ever");
}

#[test]
fn a_clock_that_stands_still_is_told_of_the_last_job() {
    loom::model(|| a_clock_is_stopped(true));
}

#[test]
fn a_twin_that_tells_a_clock_nothing() {
    assert!(fails(|| a_clock_is_stopped(false)));
}
