//! When the blocking pool grows: no job waits for ever while there is room for a thread.
//!
//! crossbeam's channel and std's atomics in `blocking.rs` are out of loom's sight, so that the steps of
//! `submit`, `grow`, `work` and `run` are written down here once more, over loom's atomics and a count
//! of jobs without any order of its own. A wait for a job that comes in vain ends at once, as by
//! `keep_alive`. A thread that was asked for begins its life in the end. The twins leave one step out
//! and must fail.
#![cfg(filch_loom)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support_loom;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use loom::thread;
use support_loom::fails;

#[derive(Clone, Copy, PartialEq)]
enum Mistake {
    None,
    /// A submitter looks for idle threads without a fence.
    NoFence,
    /// A thread that takes a job does not look whether more wait.
    NoChain,
    /// A thread goes without a look back.
    NoFarewell,
    /// One that finds no room does not look again.
    NoSecondLook,
}

struct Pool {
    mistake: Mistake,
    max_threads: usize,
    /// Jobs block until the model ends, and their threads with them.
    jobs_block: bool,
    jobs: AtomicUsize,
    threads: AtomicUsize,
    idle: AtomicUsize,
    starting: AtomicBool,
    to_start: AtomicUsize,
}

impl Pool {
    fn new(mistake: Mistake, max_threads: usize, threads: usize, jobs_block: bool) -> Pool {
        Pool {
            mistake,
            max_threads,
            jobs_block,
            jobs: AtomicUsize::new(0),
            threads: AtomicUsize::new(threads),
            idle: AtomicUsize::new(0),
            starting: AtomicBool::new(false),
            to_start: AtomicUsize::new(0),
        }
    }

    fn submit(&self) {
        self.jobs.fetch_add(1, Ordering::Relaxed);
        if self.mistake != Mistake::NoFence {
            fence(Ordering::SeqCst);
        }
        if self.idle.load(Ordering::Relaxed) == 0 {
            self.grow();
        }
    }

    fn grow(&self) {
        while !self.starting.swap(true, Ordering::AcqRel) {
            let counted =
                self.threads.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |threads| {
                    (threads < self.max_threads).then_some(threads + 1)
                });
            if counted.is_ok() {
                self.to_start.fetch_add(1, Ordering::AcqRel);
                return;
            }
            self.starting.swap(false, Ordering::AcqRel);
            fence(Ordering::SeqCst);
            let full = self.threads.load(Ordering::Relaxed) >= self.max_threads;
            if full || self.jobs_wait() == 0 || self.mistake == Mistake::NoSecondLook {
                return;
            }
        }
    }

    fn grow_if_needed(&self) {
        if self.jobs_wait() > 0 && self.idle.load(Ordering::Relaxed) == 0 {
            self.grow();
        }
    }

    fn jobs_wait(&self) -> usize {
        self.jobs.load(Ordering::Relaxed)
    }

    fn receive(&self) -> bool {
        self.jobs_wait() > 0
            && self
                .jobs
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |jobs| jobs.checked_sub(1))
                .is_ok()
    }

    /// The life of a thread.
    fn work(&self) {
        self.starting.swap(false, Ordering::AcqRel);
        self.serve();
    }

    fn serve(&self) {
        loop {
            fence(Ordering::SeqCst);
            let mut received = self.receive();
            if !received {
                self.idle.fetch_add(1, Ordering::AcqRel);
                received = self.receive();
                self.idle.fetch_sub(1, Ordering::AcqRel);
            }
            fence(Ordering::SeqCst);
            if received {
                if self.mistake != Mistake::NoChain {
                    self.grow_if_needed();
                }
                if self.jobs_block {
                    return;
                }
            } else if self.jobs_wait() == 0 {
                break;
            }
        }
        self.threads.fetch_sub(1, Ordering::AcqRel);
        fence(Ordering::SeqCst);
        if self.mistake != Mistake::NoFarewell {
            self.grow_if_needed();
        }
    }

    /// Every thread that was asked for lives; then no job may wait where there is room.
    fn end(&self) {
        while self.to_start.load(Ordering::Acquire) > 0 {
            self.to_start.fetch_sub(1, Ordering::AcqRel);
            self.work();
        }
        let full = self.threads.load(Ordering::Relaxed) == self.max_threads;
        assert!(self.jobs_wait() == 0 || full, "a job waits for ever");
    }
}

/// Threads of the model: submitters, and one thread of the pool if there is one.
fn run(pool: Pool, submitters: usize) {
    let has_thread = pool.threads.load(Ordering::Relaxed) > 0;
    let pool = Arc::new(pool);
    let threads: Vec<_> = (0..submitters)
        .map(|_| {
            let pool = pool.clone();
            thread::spawn(move || pool.submit())
        })
        .collect();
    if has_thread {
        pool.serve();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    pool.end();
}

/// The only thread there may be goes while a job comes, or two.
fn the_last_thread_goes(mistake: Mistake, submitters: usize) {
    run(Pool::new(mistake, 1, 1, false), submitters);
}

/// Jobs that block, as many as threads may be; one thread is there.
fn jobs_that_block(mistake: Mistake, threads: usize) {
    run(Pool::new(mistake, 2, threads, true), 2);
}

#[test]
fn a_job_that_meets_a_thread_that_goes_is_done() {
    loom::model(|| the_last_thread_goes(Mistake::None, 1));
    loom::model(|| the_last_thread_goes(Mistake::None, 2));
}

#[test]
fn jobs_that_block_get_a_thread_each() {
    loom::model(|| jobs_that_block(Mistake::None, 0));
    loom::model(|| jobs_that_block(Mistake::None, 1));
}

#[test]
fn twins_whose_thread_goes_without_looking_back() {
    assert!(fails(|| the_last_thread_goes(Mistake::NoFarewell, 1)));
    assert!(fails(|| the_last_thread_goes(Mistake::NoSecondLook, 1)));
}

#[test]
fn twins_that_leave_a_job_behind_a_blocked_one() {
    assert!(fails(|| jobs_that_block(Mistake::NoChain, 0)));
    assert!(fails(|| jobs_that_block(Mistake::NoFence, 1)));
}
