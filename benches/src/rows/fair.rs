//! Fairness: how long a ticker and a client wait while other tasks compute; what a light load costs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    Ctx, How, Metric, Row, Sample, Target, busy_for,
    echo::{echo_back, trip},
    on_runtime,
};
use crate::{
    peers::{Peer, on_each_peer},
    probe, stats,
};

const METRICS: &[Metric] = &[
    Metric::lower("10 % p99", "µs", Target::Tokio(1.0)),
    Metric::lower("10 % p99.9", "µs", Target::Tokio(1.0)),
    Metric::lower("50 % p99", "µs", Target::Tokio(1.0)),
    Metric::lower("50 % p99.9", "µs", Target::Tokio(1.0)),
    Metric::lower("100 % p99", "µs", Target::Tokio(1.0)),
    Metric::lower("100 % p99.9", "µs", Target::Tokio(1.0)),
];

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "fair_tick",
        about: "how far from its time a tick of 1 ms comes while others compute in stints of 100 µs",
        metrics: METRICS,
        how: How::Here,
        run: on_each_peer!(fair_tick),
    },
    Row {
        name: "fair_echo",
        about: "how long 64 bytes take there and back, once a millisecond, while others compute",
        metrics: METRICS,
        how: How::Here,
        run: on_each_peer!(fair_echo),
    },
    Row {
        name: "light_load",
        about: "CPU of the process while one task computes for 10 µs each millisecond",
        metrics: &[Metric::lower("cpu", "% of a core", Target::Tokio(1.0))],
        how: How::Alone,
        run: on_each_peer!(light_load),
    },
];

/// How long a task computes before it lets others in.
const STINT: Duration = Duration::from_micros(100);
/// How much of the cores the others want, in percent.
const LOADS: [u32; 3] = [10, 50, 100];
const TICK: Duration = Duration::from_millis(1);

fn fair_tick<P: Peer>(ctx: &Ctx) -> Sample {
    under_each_load::<P, _, _>(ctx, ticks::<P>)
}

fn fair_echo<P: Peer>(ctx: &Ctx) -> Sample {
    under_each_load::<P, _, _>(ctx, trips::<P>)
}

/// The p99 and p99.9 of what `watch(n)` sees, in microseconds, under each of the loads.
fn under_each_load<P: Peer, W, Fut>(ctx: &Ctx, watch: W) -> Sample
where
    W: Fn(usize) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Vec<u32>> + Send + 'static,
{
    let n = ctx.times(3000).max(20);
    let tasks = ctx.workers.min(P::THREADS_MAX);
    let each = LOADS.map(|load| {
        on_runtime::<P, _>(ctx, async move {
            let over = Arc::new(AtomicBool::new(false));
            let others: Vec<_> =
                (0..tasks).map(|_| P::spawn(compute::<P>(load, Arc::clone(&over)))).collect();
            // A task of its own, as the others are.
            let mut nanos = P::spawn(watch(n)).await;
            // Nothing else is published with the flag.
            over.store(true, Ordering::Relaxed);
            for other in others {
                other.await;
            }
            [0.99, 0.999].map(|q| stats::percentile(&mut nanos, q) / 1000.0)
        })
    });
    each.concat()
}

/// Keeps one core busy for `load` percent of the time.
async fn compute<P: Peer>(load: u32, over: Arc<AtomicBool>) {
    let rest = STINT * (100 - load) / load;
    while !over.load(Ordering::Relaxed) {
        busy_for(STINT);
        match rest.is_zero() {
            true => P::yield_now().await,
            false => P::sleep(rest).await,
        }
    }
}

async fn ticks<P: Peer>(n: usize) -> Vec<u32> {
    let mut late = Vec::with_capacity(n);
    let mut deadline = Instant::now();
    for _ in 0..n {
        // A tick that was missed is not made up for.
        deadline = (deadline + TICK).max(Instant::now());
        P::sleep_until(deadline).await;
        late.push((Instant::now() - deadline).as_nanos() as u32);
    }
    late
}

async fn trips<P: Peer>(n: usize) -> Vec<u32> {
    let (listener, addr) = P::bind().await.expect("a port is free");
    P::detach(async move {
        let stream = P::accept(&listener).await.expect("the client connects");
        echo_back::<P>(stream).await;
    });
    let mut stream = P::connect(addr).await.expect("the server listens");
    let mut nanos = Vec::with_capacity(n);
    for _ in 0..n {
        P::sleep(TICK).await;
        let start = Instant::now();
        trip::<P>(&mut stream).await;
        nanos.push(start.elapsed().as_nanos() as u32);
    }
    nanos
}

fn light_load<P: Peer>(ctx: &Ctx) -> Sample {
    const BUSY: Duration = Duration::from_micros(10);
    let n = ctx.times(1000).max(20);
    on_runtime::<P, _>(ctx, async move {
        P::spawn(async move {
            P::sleep(TICK).await;
            let (cpu, start) = (probe::cpu(), Instant::now());
            for i in 1..=n as u32 {
                busy_for(BUSY);
                P::sleep_until(start + TICK * i).await;
            }
            let (cpu, wall) = (probe::cpu() - cpu, start.elapsed());
            vec![cpu.as_secs_f64() / wall.as_secs_f64() * 100.0]
        })
        .await
    })
}
