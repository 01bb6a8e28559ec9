//! Start the threads; close, drain, join, in that order.

use super::slack;
use crate::blocking::ThreadBody;
use crate::not_started::not_started;
use crate::scheduler::config::call;
use crate::scheduler::worker::{Turn, Worker};
use crate::scheduler::{Scheduler, current, monitor};
use crate::unwind::{AbortOnPanic, catch, discard};
use std::io;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// Starts a thread that belongs to a runtime: named, entered, with the user's hooks around `body`.
fn start_thread(scheduler: &Arc<Scheduler>, body: ThreadBody) -> io::Result<()> {
    let config = scheduler.config();
    // Names come from the user, who may panic, and std panics at some of them.
    let refused = |why| {
        move |payload| {
            discard(payload);
            io::Error::other(why)
        }
    };
    let name = catch(|| (config.thread_name)())
        .map_err(refused("the function that names threads has panicked"))?;
    let mut builder = thread::Builder::new().name(name);
    if let Some(size) = config.thread_stack_size {
        builder = builder.stack_size(size);
    }
    let scheduler = Arc::clone(scheduler);
    // A shutdown waits for the last hook, and for the scheduler to be let go of.
    let alive = scheduler.pool().alive();
    let body: ThreadBody = Box::new(move || {
        slack::be_precise();
        current::belong_to(Arc::as_ptr(&scheduler));
        let entered = current::Entered::new(scheduler.clone());
        call(&scheduler.config().hooks.thread_start);
        body();
        call(&scheduler.config().hooks.thread_stop);
        drop(entered);
        drop(scheduler);
        drop(alive);
    });
    catch(|| slack::without_heirs(|| builder.spawn(body)))
        .map_err(refused("no thread can have the name that was given"))?
        .map(drop)
}

/// Starts the workers' threads and the monitor's.
///
/// # Errors
///
/// If a thread cannot be started; those that run are ended.
pub(super) fn start(scheduler: &Arc<Scheduler>, workers: Vec<Worker>) -> io::Result<()> {
    prepare_pools(scheduler);
    let watched = workers.len() > 1 || scheduler.config().hooks.stall.is_some();
    let started = workers.into_iter().try_for_each(|worker| start_worker(scheduler, worker));
    started
        .and_then(|()| if watched { start_monitor(scheduler) } else { Ok(()) })
        .inspect_err(|_| _ = shut_down(scheduler, None))
}

/// Teaches the pools how to start threads, and starts the monitor if stalls are to be reported.
pub(super) fn start_without_workers(scheduler: &Arc<Scheduler>) -> io::Result<()> {
    prepare_pools(scheduler);
    match scheduler.config().hooks.stall {
        Some(_) => start_monitor(scheduler).inspect_err(|_| _ = shut_down(scheduler, None)),
        None => Ok(()),
    }
}

fn prepare_pools(scheduler: &Arc<Scheduler>) {
    for (pool, work) in
        [(scheduler.pool(), "blocking work"), (scheduler.resolver(), "looking up names")]
    {
        // The pools are the scheduler's own: a strong reference would be a circle.
        let scheduler = Arc::downgrade(scheduler);
        let told = scheduler.clone();
        let start = move |body: ThreadBody| match scheduler.upgrade() {
            Some(scheduler) => start_thread(&scheduler, body)
                .map_err(|error| not_started(format_args!("a thread for {work}"), error)),
            None => Err(io::Error::other("the filch runtime has shut down")),
        };
        let on_quiet = move || told.upgrade().iter().for_each(|told| told.pool_is_quiet());
        pool.set_up(Box::new(start), Box::new(on_quiet));
    }
}

fn start_worker(scheduler: &Arc<Scheduler>, worker: Worker) -> io::Result<()> {
    let alive = scheduler.pool().alive();
    let (number, count) = (worker.index() + 1, scheduler.config().workers);
    let body: ThreadBody = Box::new(move || {
        // Tasks cannot panic out of a turn; if we do, no promise can be kept.
        let _bomb = AbortOnPanic;
        let _driving = current::Driving::begin(current::Drives::Tasks);
        worker.settle();
        current::run_as(&worker, || {
            worker.get_up();
            while !worker.scheduler().is_closed() {
                if worker.turn() == Turn::Idle {
                    worker.park();
                }
            }
            worker.wind_up();
        });
        worker.scheduler().wind_up_retired();
        drop(worker);
        drop(alive);
    });
    let started = start_thread(scheduler, body);
    started.map_err(|error| not_started(format_args!("worker {number} of {count}"), error))
}

fn start_monitor(scheduler: &Arc<Scheduler>) -> io::Result<()> {
    let alive = scheduler.pool().alive();
    let scheduler: Weak<Scheduler> = Arc::downgrade(scheduler);
    let name = "filch-monitor".to_owned();
    let run: ThreadBody = Box::new(move || {
        current::belong_to(scheduler.as_ptr());
        monitor::Monitor::run(&scheduler);
        drop(alive);
    });
    let started = thread::Builder::new().name(name).stack_size(64 * 1024).spawn(run);
    started.map(drop).map_err(|error| not_started("the monitor of the runtime", error))
}

/// Closes everything, waits for the threads at most until `wait` is over, and lets go of what is
/// left. False: threads are left that still run user code.
pub(super) fn shut_down(scheduler: &Arc<Scheduler>, wait: Option<Duration>) -> bool {
    // A wait that leads beyond what an `Instant` can say is one without end.
    // A thread of the runtime's own cannot wait for its own end.
    let wait = if current::belongs_to(scheduler) { Some(Duration::ZERO) } else { wait };
    let deadline = wait.and_then(|wait| now().checked_add(wait));
    scheduler.close();
    scheduler.resolver().close();
    // Nobody waits for a name any more.
    scheduler.resolver().give_up();
    // Its threads count as threads of this one, which waits for them as well.
    scheduler.pool().close();
    let ended = scheduler.pool().wait(deadline);
    scheduler.pool().give_up();
    scheduler.finish();
    ended
}

#[expect(
    clippy::disallowed_methods,
    reason = "a shutdown's limit is real time, whatever the clock says"
)]
fn now() -> Instant {
    Instant::now()
}
