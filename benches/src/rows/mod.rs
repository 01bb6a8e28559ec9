//! The rows: what each one measures, in which unit, and how far ahead filch wants to be.
//!
//! | file | rows |
//! |---|---|
//! | `spawn.rs` | starting tasks and joining them |
//! | `groups.rs` | many at once: groups, gathered futures, cancelled tasks |
//! | `switch.rs` | yielding, handing a ball to and fro |
//! | `sync_locks.rs` | locks, semaphores and signals |
//! | `sync_channels.rs` | channels and queues |
//! | `tree.rs` | chains, fans and trees of tasks |
//! | `timers.rs` | sleeps, timeouts, ticks |
//! | `blocking.rs` | closures that block |
//! | `latency.rs` | how long a wake-up from outside takes; what an idle runtime costs |
//! | `echo.rs` | sockets with the clients on the same runtime |
//! | `outside.rs` | datagrams, files and children |
//! | `copy.rs` | bytes that pass through |
//! | `serve.rs` | what server processes do |
//! | `load.rs` | a server process under a load generator |
//! | `crowd.rs` | a server process that holds many idle connections |
//! | `fair.rs` | who waits how long while others compute |
//! | `policy.rs` | guards of the wake policy: stay home, or fill both cores |

mod blocking;
mod copy;
mod crowd;
mod echo;
mod fair;
mod groups;
mod latency;
mod load;
mod outside;
mod policy;
mod serve;
mod spawn;
mod switch;
mod sync_channels;
mod sync_locks;
mod timers;
mod tree;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_channel::oneshot;

pub(crate) use self::serve::{Service, serve};
use crate::peers::{Peer, PeerId};

/// What one run of a row yields: one number for each of its metrics, NaN for one not measured.
pub(crate) type Sample = Vec<f64>;

/// A row, or several that one run measures at once.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) metrics: &'static [Metric],
    pub(crate) how: How,
    pub(crate) run: fn(PeerId, &Ctx) -> Sample,
}

/// Where a row runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// In this process.
    Here,
    /// In this process, and libraries without a runtime take part beside the peers.
    Beside,
    /// In a process of its own, so that memory and CPU are this peer's alone.
    Alone,
    /// It starts its own processes, one of which serves.
    Served,
    /// The same, and the bare loop takes part as the limit.
    Serving,
    /// It starts its own processes and is slow: two rounds are enough.
    Traced,
}

/// One number of a row.
pub(crate) struct Metric {
    /// Set apart from the row's name by a blank; empty if the row has but one metric.
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    pub(crate) target: Target,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    Lower,
    Higher,
}

/// What filch wants to reach.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Target {
    /// No wish, only watched.
    None,
    /// This many times tokio's number, and ahead of every peer that beats tokio.
    Tokio(f64),
    /// This many times the bare loop's number.
    Bare(f64),
    /// The number itself.
    Value(f64),
}

impl Metric {
    pub(crate) const fn lower(name: &'static str, unit: &'static str, target: Target) -> Metric {
        Metric { name, unit, better: Better::Lower, target }
    }

    const fn higher(name: &'static str, unit: &'static str, target: Target) -> Metric {
        Metric { name, unit, better: Better::Higher, target }
    }
}

/// The settings that all peers share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ctx {
    pub(crate) workers: usize,
    /// What part of the full number of operations to do.
    pub(crate) scale: f64,
    /// Do this many operations, whatever the scale, and none to warm up: they are counted.
    pub(crate) exact: Option<usize>,
    /// The clock of a runtime that schedules by it stands still.
    pub(crate) frozen: bool,
}

impl Ctx {
    pub(crate) const fn new(workers: usize, scale: f64) -> Ctx {
        Ctx { workers, scale, exact: None, frozen: false }
    }

    /// How often to do what a full run does `full` times.
    fn times(&self, full: usize) -> usize {
        self.exact.unwrap_or(((full as f64 * self.scale) as usize).max(1))
    }

    /// How many tasks or connections a row has that is about their number: all of them at any scale
    /// but the tiny ones, which try whether rows work.
    fn crowd(&self, full: usize) -> usize {
        if self.scale < 0.01 { full.div_ceil(100) } else { full }
    }

    /// How long to watch what is watched for `full` at full scale.
    fn long(&self, full: Duration) -> Duration {
        full.mul_f64(self.scale.clamp(0.02, 1.0))
    }
}

/// Every row, in the order of the table.
pub(crate) fn all() -> impl Iterator<Item = &'static Row> {
    [
        spawn::ROWS,
        groups::ROWS,
        switch::ROWS,
        tree::ROWS,
        sync_locks::ROWS,
        sync_channels::ROWS,
        timers::ROWS,
        blocking::ROWS,
        latency::ROWS,
        echo::ROWS,
        copy::ROWS,
        outside::ROWS,
        load::ROWS,
        crowd::ROWS,
        policy::ROWS,
        fair::ROWS,
    ]
    .into_iter()
    .flatten()
}

/// The rows that `patterns` name: exactly, or by how they begin. All rows without a pattern.
pub(crate) fn select(patterns: &[String]) -> Result<Vec<&'static Row>, String> {
    let mut chosen = Vec::new();
    for pattern in patterns {
        let exact: Vec<_> = all().filter(|row| row.name == pattern).collect();
        let found = match exact.is_empty() {
            true => all().filter(|row| row.name.starts_with(pattern.as_str())).collect(),
            false => exact,
        };
        if found.is_empty() {
            return Err(format!("no row begins with `{pattern}`; --list names them"));
        }
        chosen.extend(found);
    }
    if patterns.is_empty() {
        return Ok(all().collect());
    }
    // The order of the table, each row once.
    Ok(all().filter(|row| chosen.iter().any(|c| c.name == row.name)).collect())
}

/// Runs `future` as a task of a fresh runtime that ends afterwards.
fn on_runtime<P: Peer, F>(ctx: &Ctx, future: F) -> F::Output
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let runtime = P::start(ctx);
    P::run(&runtime, future)
}

/// Nanoseconds per operation of `body(n)`, which does `n` of them, after a tenth for warming up.
fn per_op<P: Peer, F, Fut>(ctx: &Ctx, full: usize, body: F) -> Sample
where
    F: Fn(usize) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let (n, exact) = (ctx.times(full), ctx.exact.is_some());
    on_runtime::<P, _>(ctx, async move {
        if !exact {
            body(n / 10 + 1).await;
        }
        let start = Instant::now();
        body(n).await;
        vec![start.elapsed().as_nanos() as f64 / n as f64]
    })
}

/// Opens once as many tasks have arrived as it was made for, and tells when that was.
struct Latch {
    missing: AtomicUsize,
    open: Mutex<Option<oneshot::Sender<Instant>>>,
}

impl Latch {
    fn new(missing: usize) -> (Arc<Latch>, oneshot::Receiver<Instant>) {
        let (open, opened) = oneshot::channel();
        let latch = Latch { missing: AtomicUsize::new(missing), open: Mutex::new(Some(open)) };
        (Arc::new(latch), opened)
    }

    fn arrive(&self) {
        // Pairs with itself: the last to arrive sees what all others did before.
        if self.missing.fetch_sub(1, Ordering::AcqRel) == 1 {
            let open = self.open.lock().expect("nobody panics inside").take();
            // The receiver may have gone; then nobody cares.
            let _ = open.expect("there is one last").send(Instant::now());
        }
    }
}

/// Computes for so long.
fn busy_for(duration: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < duration {
        std::hint::spin_loop();
    }
}
