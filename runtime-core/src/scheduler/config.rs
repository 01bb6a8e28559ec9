//! What a runtime is told at its birth: sizes, names and hooks.

use crate::task::{Id, TaskMeta, UnhandledHook};
use crate::unwind::contain;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// A hook without arguments.
pub(crate) type Hook = Arc<dyn Fn() + Send + Sync>;
/// A hook that is told which task.
pub(crate) type TaskHook = Arc<dyn Fn(&TaskMeta) + Send + Sync>;
/// The hook that is told of a stall.
pub(crate) type StallHook = Arc<dyn Fn(&Stall) + Send + Sync>;

/// Sizes, names and hooks of one runtime.
#[derive(Clone)]
pub(crate) struct Config {
    /// How many workers; 1 for the current-thread flavour.
    pub(crate) workers: usize,
    /// Whether the workers have threads of their own.
    pub(crate) multi_thread: bool,
    /// Whether tasks may be pinned to the thread that drives the runtime, because it is always the
    /// same one.
    pub(crate) pins_to_driver: bool,
    pub(crate) name: Option<String>,
    pub(crate) thread_name: Arc<dyn Fn() -> String + Send + Sync>,
    pub(crate) thread_stack_size: Option<usize>,
    pub(crate) max_blocking_threads: usize,
    pub(crate) thread_keep_alive: Duration,
    /// Look at the injector and outside at least every so many polls.
    pub(crate) event_interval: u32,
    /// How many events a wait on the outside world brings at most.
    pub(crate) events: usize,
    /// And how many a look without waiting.
    pub(crate) events_at_once: usize,
    pub(crate) lifo_slot: bool,
    pub(crate) seed: u64,
    /// How long an orderly end waits for tasks.
    pub(crate) close_timeout: Duration,
    /// And how long for blocking jobs.
    pub(crate) close_blocking_timeout: Duration,
    pub(crate) hooks: Hooks,
}

#[cfg(test)]
use crate::reactor::EVENTS_MAX;

#[cfg(test)]
impl Config {
    /// So many workers with threads of their own, and nothing else worth a word.
    pub(super) fn of_workers(workers: usize) -> Config {
        Config {
            workers,
            multi_thread: true,
            pins_to_driver: false,
            name: None,
            thread_name: Arc::new(String::new),
            thread_stack_size: None,
            max_blocking_threads: 1,
            thread_keep_alive: Duration::ZERO,
            event_interval: 61,
            events: EVENTS_MAX,
            events_at_once: EVENTS_MAX,
            lifo_slot: true,
            seed: 1,
            close_timeout: Duration::ZERO,
            close_blocking_timeout: Duration::ZERO,
            hooks: Hooks::default(),
        }
    }
}

/// What the user wants to be told of.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) thread_start: Option<Hook>,
    pub(crate) thread_stop: Option<Hook>,
    pub(crate) thread_park: Option<Hook>,
    pub(crate) thread_unpark: Option<Hook>,
    pub(crate) task_spawn: Option<TaskHook>,
    pub(crate) before_poll: Option<TaskHook>,
    pub(crate) after_poll: Option<TaskHook>,
    pub(crate) task_terminate: Option<TaskHook>,
    pub(crate) stall: Option<(Duration, StallHook)>,
    pub(crate) unhandled: Option<UnhandledHook>,
}

impl Hooks {
    /// Whether a poll is worth more than a glance.
    pub(crate) fn watch_polls(&self) -> bool {
        self.before_poll.is_some()
            || self.after_poll.is_some()
            || self.task_terminate.is_some()
            || self.stall.is_some()
    }
}

/// Calls a hook. A panic in it is reported by the panic hook of the process and goes no further: no
/// worker dies of it.
#[inline]
pub(crate) fn call(hook: &Option<Hook>) {
    if let Some(hook) = hook {
        contain(|| hook());
    }
}

/// Calls a hook with a task, as [`call`].
#[inline]
pub(crate) fn call_with(hook: &Option<TaskHook>, meta: impl FnOnce() -> TaskMeta) {
    if let Some(hook) = hook {
        contain(|| hook(&meta()));
    }
}

/// A worker that has been in one poll for longer than a set time.
///
/// Given to the hook of [`Builder::on_stall`](crate::runtime::Builder::on_stall).
#[derive(Clone, Debug)]
pub struct Stall {
    pub(crate) worker: usize,
    pub(crate) task: Id,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) location: &'static Location<'static>,
    pub(crate) duration: Duration,
}

impl Stall {
    /// The number of the worker that is stuck, from 0.
    pub fn worker(&self) -> usize {
        self.worker
    }

    /// The task that is being polled.
    pub fn task(&self) -> Id {
        self.task
    }

    /// The task's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where the task was spawned.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.location
    }

    /// For how long the poll has been seen to run, at the least.
    pub fn duration(&self) -> Duration {
        self.duration
    }
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {} has been in one poll of task {}", self.worker, self.task)?;
        if let Some(name) = &self.name {
            write!(f, " ({name})")?;
        }
        write!(f, ", spawned at {}, for {:?}", self.location, self.duration)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("workers", &self.workers)
            .field("multi_thread", &self.multi_thread)
            .finish_non_exhaustive()
    }
}
