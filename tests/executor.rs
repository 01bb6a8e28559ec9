//! Executors: pools of threads of one's own, and their orderly end.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use filch::contextvars::{Context, ContextVar};
use filch::executor::{Executor, SubmitError, ThreadPoolExecutor, run_in_executor};
use filch::from_thread;
use filch::runtime::{Builder, Handle};
use filch::task::{self, JoinHandle, yield_now};
use filch::time::{Duration, Instant, sleep, timeout};
use proptest::prelude::*;
use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use support::{
    Census, Gate, ON_PURPOSE, current, in_child, multi, on_each_flavour, panic_here, said, until,
    watch,
};

/// Waits for a job without a runtime.
fn done<T>(mut job: JoinHandle<T>) -> T {
    job.blocking_wait(None).unwrap().unwrap()
}

/// A job that blocks until the gate opens, and has begun.
fn hold_up(pool: &ThreadPoolExecutor) -> (JoinHandle<()>, Gate) {
    let (begun, hold) = (Gate::new(), Gate::new());
    let (tell, wait) = (begun.clone(), hold.clone());
    let job = pool.submit(move || {
        tell.open();
        wait.block();
    });
    begun.block();
    (job.unwrap(), hold)
}

#[test]
#[cfg(target_os = "linux")]
fn threads_are_woken_up_as_late_as_any_others() {
    let _watch = watch();
    let usual = rustix::thread::current_timer_slack();
    on_each_flavour(|runtime| {
        let task = runtime.spawn(async {
            let pool = ThreadPoolExecutor::new(1);
            pool.submit(rustix::thread::current_timer_slack).unwrap().await.unwrap()
        });
        assert_eq!(runtime.block_on(task).unwrap(), usual);
    });
}

#[test]
fn threads_start_as_jobs_come_and_idle_ones_are_used_again() {
    let _watch = watch();
    let pool = ThreadPoolExecutor::with_name_prefix(8, "dig");
    let mut seen = HashSet::new();
    for _ in 0..20 {
        seen.insert(done(pool.submit(|| thread::current().name().unwrap().to_owned()).unwrap()));
        // It lies down soon after it has given its result.
        until(|| format!("{pool:?}").contains("waiting: 0"));
    }
    assert!(seen.iter().all(|name| name.starts_with("dig_")), "{seen:?}");
    // A thread may not have lain down yet when the next job comes, which then starts another one.
    assert!(seen.len() <= 8);
    let together = Arc::new(Barrier::new(8));
    let jobs: Vec<_> = (0..8)
        .map(|_| {
            let together = together.clone();
            pool.submit(move || _ = together.wait()).unwrap()
        })
        .collect();
    jobs.into_iter().for_each(done);
}

#[test]
fn no_more_run_at_a_time_than_there_may_be_threads_and_in_order() {
    let _watch = watch();
    let pool = ThreadPoolExecutor::new(1);
    assert_eq!(pool.max_workers(), 1);
    let order = Arc::new(Mutex::new(Vec::new()));
    let jobs: Vec<_> = (0..100)
        .map(|n| {
            let order = order.clone();
            pool.submit(move || order.lock().unwrap().push(n)).unwrap()
        })
        .collect();
    jobs.into_iter().for_each(done);
    assert_eq!(*order.lock().unwrap(), (0..100).collect::<Vec<_>>());
}

#[test]
fn a_panic_is_its_own_jobs_business() {
    let _watch = watch();
    let pool = ThreadPoolExecutor::new(1);
    let mut job = pool.submit(|| panic!("{ON_PURPOSE}: in a job")).unwrap();
    let error = job.blocking_wait(None).unwrap().unwrap_err();
    assert_eq!(error.spawned_at().file(), file!());
    assert_eq!(said(&*error.into_panic()), format!("{ON_PURPOSE}: in a job"));
    assert_eq!(done(pool.submit(|| 1).unwrap()), 1);
}

#[test]
fn an_executor_may_be_any_in_a_box() {
    type Job = Box<dyn FnOnce() -> u32 + Send>;
    let _watch = watch();
    let runtime = multi(1);
    let executors: [Box<dyn Executor<Job, Output = u32>>; 2] =
        [Box::new(ThreadPoolExecutor::default()), Box::new(runtime.handle().clone())];
    for executor in &executors {
        assert_eq!(done(executor.submit(Box::new(|| 3)).unwrap()), 3);
    }
    runtime.block_on(async {
        for executor in &executors {
            let job: Job = Box::new(|| 4);
            assert_eq!(run_in_executor(&**executor, job).unwrap().await.unwrap(), 4);
        }
    });
}

// ── for tasks ────────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_job_is_in_the_runtime_and_the_context_of_whoever_sent_it() {
    let _watch = watch();
    static WHO: ContextVar<u32> = ContextVar::new("who");
    let pool = Arc::new(ThreadPoolExecutor::new(2));
    on_each_flavour(|runtime| {
        let pool = pool.clone();
        let task = runtime.spawn(async move {
            WHO.set(1);
            let job = run_in_executor(&*pool, || {
                let task = filch::spawn(async { WHO.get() });
                let back = from_thread::block_on(task).unwrap().unwrap();
                WHO.set(2);
                (back, WHO.get(), task::try_id().is_some())
            });
            assert_eq!(job.unwrap().await.unwrap(), (1, 2, true));
            WHO.get()
        });
        assert_eq!(runtime.block_on(task).unwrap(), 1);
    });
    Context::new().run(|| {
        // Outside of runtimes there is none in the job either.
        let job = pool.submit(|| (Handle::try_current().is_err(), WHO.try_get().is_err()));
        assert_eq!(done(job.unwrap()), (true, true));
    });
}

#[test]
fn a_future_that_is_dropped_cancels_a_job_that_waits_and_tells_one_that_runs() {
    let _watch = watch();
    let pool = ThreadPoolExecutor::new(1);
    current().block_on(async {
        let (begun, told) = (Gate::new(), Gate::new());
        let (tell, has_told) = (begun.clone(), told.clone());
        let running = run_in_executor(&pool, move || {
            tell.open();
            until(from_thread::is_cancelled);
            has_told.open();
        });
        begun.pass().await;
        let census = Census::default();
        let guard = census.guard();
        let waiting = run_in_executor(&pool, move || {
            let _guard = guard;
            unreachable!("it was cancelled");
        });
        drop(waiting.unwrap());
        drop(running.unwrap());
        told.pass().await;
        assert_eq!(run_in_executor(&pool, || 1).unwrap().await.unwrap(), 1);
        assert_eq!(census.dead(), 1);
    });
}

#[test]
fn virtual_time_stands_still_while_a_job_runs_and_goes_on_while_it_waits() {
    let _watch = watch();
    let pool = ThreadPoolExecutor::new(2);
    let runtime = Builder::new_current_thread().start_paused(true).build().unwrap();
    runtime.block_on(async {
        for _ in 0..200 {
            let start = Instant::now();
            let job = run_in_executor(&pool, || 4).unwrap();
            assert_eq!(timeout(Duration::from_secs(1), job).await.unwrap().unwrap(), 4);
            assert_eq!(start.elapsed(), Duration::ZERO);

            let hold = Gate::new();
            let wait = hold.clone();
            drop(pool.submit(move || wait.block()).unwrap());
            let sleeps = filch::spawn(sleep(Duration::from_secs(3600)));
            for _ in 0..3 {
                yield_now().await;
            }
            assert_eq!(start.elapsed(), Duration::ZERO);
            hold.open();
            sleeps.await.unwrap();
            assert_eq!(start.elapsed(), Duration::from_secs(3600));

            let job = run_in_executor(&pool, || {
                from_thread::block_on(sleep(Duration::from_secs(60))).unwrap();
            });
            job.unwrap().await.unwrap();
            assert_eq!(start.elapsed(), Duration::from_secs(3660));
        }
    });
}

#[test]
fn a_job_outlives_its_runtime() {
    let _watch = watch();
    let pool = ThreadPoolExecutor::new(1);
    let runtime = current();
    let hold = Gate::new();
    let wait = hold.clone();
    let job = runtime.block_on(async {
        pool.submit(move || {
            wait.block();
            from_thread::block_on(async { 1 }).unwrap_err().is_cancelled()
        })
    });
    drop(runtime);
    hold.open();
    assert!(done(job.unwrap()));
}

// ── the end ──────────────────────────────────────────────────────────────────────────────────────

#[test]
fn what_was_submitted_is_run_before_the_threads_end() {
    let _watch = watch();
    for wait in [true, false] {
        let pool = ThreadPoolExecutor::new(2);
        let count = Arc::new(AtomicUsize::new(0));
        let jobs: Vec<_> = (0..50)
            .map(|_| {
                let count = count.clone();
                pool.submit(move || count.fetch_add(1, SeqCst)).unwrap()
            })
            .collect();
        pool.shutdown(wait, false);
        assert!(!wait || count.load(SeqCst) == 50);
        assert!(pool.submit(|| ()).unwrap_err().is_shut_down());
        // Dropping it neither waits nor cancels.
        drop(pool);
        jobs.into_iter().for_each(|job| _ = done(job));
        assert_eq!(count.load(SeqCst), 50);
    }
}

#[test]
fn what_has_not_begun_may_be_cancelled() {
    let _watch = watch();
    let pool = ThreadPoolExecutor::new(1);
    let (running, hold) = hold_up(&pool);
    let census = Census::default();
    let guard = census.guard();
    let mut waiting = pool.submit(move || drop(guard)).unwrap();
    pool.shutdown(false, true);
    assert!(waiting.blocking_wait(None).unwrap().unwrap_err().is_cancelled());
    assert_eq!(census.dead(), 1);
    hold.open();
    pool.shutdown(true, false);
    done(running);
}

#[test]
fn several_may_wait_for_the_end() {
    let _watch = watch();
    let pool = ThreadPoolExecutor::new(2);
    let (running, hold) = hold_up(&pool);
    thread::scope(|scope| {
        let waits: Vec<_> = (0..3).map(|_| scope.spawn(|| pool.shutdown(true, false))).collect();
        hold.open();
        waits.into_iter().for_each(|wait| wait.join().unwrap());
    });
    assert!(running.is_finished());
}

#[test]
fn who_would_wait_for_himself_is_told_so() {
    let _watch = watch();
    let pool = Arc::new(ThreadPoolExecutor::new(1));
    let own = pool.clone();
    let job = pool.submit(move || panic_here(|| own.shutdown(true, false)));
    assert!(done(job.unwrap()).contains("would wait for itself"));
    // The pool is not shut down by the attempt.
    let job = pool.submit(|| 1);
    assert_eq!(done(job.unwrap()), 1);
    let task = async move { panic_here(|| pool.shutdown(true, false)) };
    assert!(current().block_on(task).contains("call it without `wait`"));
    assert!(panic_here(|| ThreadPoolExecutor::new(0)).contains("at least one thread"));
}

#[test]
fn a_guard_that_a_job_leaks_does_not_take_the_thread_along() {
    let _watch = watch();
    let pool = ThreadPoolExecutor::new(1);
    let runtime = current();
    runtime.block_on(async {
        let leak = || std::mem::forget(Handle::current().enter());
        run_in_executor(&pool, leak).unwrap().await.unwrap();
        assert_eq!(run_in_executor(&pool, || 1).unwrap().await.unwrap(), 1);
    });
    pool.shutdown(true, false);
}

#[test]
fn a_pool_that_is_dropped_by_its_own_job_ends() {
    let _watch = watch();
    let pool = Arc::new(ThreadPoolExecutor::new(1));
    let hold = Gate::new();
    let (own, wait) = (pool.clone(), hold.clone());
    let job = pool.submit(move || {
        wait.block();
        drop(own);
        1
    });
    drop(pool);
    hold.open();
    assert_eq!(done(job.unwrap()), 1);
}

#[test]
fn without_a_thread_the_submitter_is_told() {
    if !in_child("without_a_thread_the_submitter_is_told", "ulimit -v 200000") {
        return;
    }
    // More than the limit leaves room for.
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    while hoard.last().is_none_or(|piece| piece.capacity() > 0) {
        let mut piece = Vec::new();
        if piece.try_reserve_exact(256 * 1024).is_err() {
            break;
        }
        hoard.push(piece);
    }
    let census = Census::default();
    let guard = census.guard();
    let pool = ThreadPoolExecutor::new(1);
    let error: SubmitError = pool.submit(move || drop(guard)).unwrap_err();
    assert!(!error.is_shut_down());
    let said = error.to_string();
    assert!(said.starts_with("cannot start a thread for an executor: "), "{said}");
    assert!(said.contains("`ulimit -u`"), "{said}");
    assert_eq!(census.dead(), 1);
    drop(hoard);
    assert_eq!(done(pool.submit(|| 1).unwrap()), 1);
    pool.shutdown(true, false);
}

// ── a model ──────────────────────────────────────────────────────────────────────────────────────

#[derive(Clone, Copy, Debug)]
enum Step {
    Submit,
    Abort(usize),
    /// Let one that blocks, or would, go on.
    Open(usize),
    Shutdown {
        cancel: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Submit),
        2 => (0..20usize).prop_map(Step::Abort),
        4 => (0..20usize).prop_map(Step::Open),
        1 => any::<bool>().prop_map(|cancel| Step::Shutdown { cancel }),
    ]
}

/// Which jobs run, wait, and were given up, in a pool of so many threads.
#[derive(Default)]
struct Model {
    running: BTreeSet<usize>,
    waiting: Vec<usize>,
    gone: BTreeSet<usize>,
    open: BTreeSet<usize>,
    closed: bool,
}

impl Model {
    /// Jobs begin in order while there are threads, and end if they may.
    fn settle(&mut self, threads: usize) {
        loop {
            self.running.retain(|job| !self.open.contains(job));
            if self.running.len() == threads || self.waiting.is_empty() {
                return;
            }
            let next = self.waiting.remove(0);
            if !self.gone.contains(&next) {
                self.running.insert(next);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, ..ProptestConfig::default() })]

    #[test]
    fn jobs_run_wait_and_are_cancelled_as_the_model_says(
        threads in 1..4usize,
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let _watch = watch();
        let pool = ThreadPoolExecutor::new(threads);
        let running = Arc::new(Mutex::new(BTreeSet::new()));
        let mut jobs: Vec<(JoinHandle<()>, Gate)> = Vec::new();
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Submit => {
                    let (number, gate) = (jobs.len(), Gate::new());
                    let (shown, wait) = (running.clone(), gate.clone());
                    let job = pool.submit(move || {
                        shown.lock().unwrap().insert(number);
                        wait.block();
                        shown.lock().unwrap().remove(&number);
                    });
                    prop_assert_eq!(job.is_err(), model.closed);
                    if let Ok(job) = job {
                        jobs.push((job, gate));
                        model.waiting.push(number);
                    }
                }
                Step::Abort(number) if number < jobs.len() => {
                    jobs[number].0.abort();
                    if model.waiting.contains(&number) {
                        model.gone.insert(number);
                    }
                }
                Step::Open(number) if number < jobs.len() => {
                    jobs[number].1.open();
                    model.open.insert(number);
                }
                Step::Shutdown { cancel } => {
                    pool.shutdown(false, cancel);
                    model.closed = true;
                    if cancel {
                        model.gone.extend(model.waiting.drain(..));
                    }
                }
                Step::Abort(_) | Step::Open(_) => {}
            }
            model.settle(threads);
            until(|| *running.lock().unwrap() == model.running);
        }
        jobs.iter().for_each(|job| job.1.open());
        pool.shutdown(true, false);
        for (number, (mut job, _)) in jobs.into_iter().enumerate() {
            let result = job.blocking_wait(None).unwrap();
            prop_assert_eq!(result.is_err(), model.gone.contains(&number));
        }
    }
}

#[test]
fn submitting_races_with_the_end_and_every_handle_tells() {
    let _watch = watch();
    for _ in 0..40 {
        let pool = ThreadPoolExecutor::new(2);
        thread::scope(|scope| {
            let submits: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        let mut taken = Vec::new();
                        while let Ok(job) = pool.submit(|| ()) {
                            taken.push(job);
                            thread::yield_now();
                        }
                        taken
                    })
                })
                .collect();
            thread::yield_now();
            pool.shutdown(true, false);
            for submit in submits {
                submit.join().unwrap().into_iter().for_each(done);
            }
        });
    }
}

#[test]
fn a_pool_may_be_printed_by_itself() {
    struct Printer<'a>(&'a ThreadPoolExecutor, String);
    impl fmt::Write for Printer<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let text = text.to_owned();
            self.1 += &done(self.0.submit(|| text).map_err(|_| fmt::Error)?);
            Ok(())
        }
    }
    let _watch = watch();
    let pool = ThreadPoolExecutor::new(1);
    let mut printer = Printer(&pool, String::new());
    fmt::write(&mut printer, format_args!("{pool:?}")).unwrap();
    assert!(printer.1.contains("max_workers: 1"), "{}", printer.1);
    pool.shutdown(true, false);
}
