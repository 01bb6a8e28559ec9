//! Sleeps, timeouts and ticks.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_lite::future;

use super::{Ctx, How, Latch, Metric, Row, Sample, Target, on_runtime, per_op};
use crate::{
    peers::{Peer, on_each_peer},
    probe, stats,
};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "sleep_100k",
        about: "100k detached tasks sleep until one common deadline",
        metrics: &[
            Metric::lower("start", "ns/task", Target::Tokio(0.2)),
            Metric::lower("finish", "ns/task", Target::Tokio(0.3)),
            Metric::lower("memory", "bytes/task", Target::Tokio(0.4)),
        ],
        how: How::Alone,
        run: on_each_peer!(sleep_100k),
    },
    Row {
        name: "timer_create_drop",
        about: "a sleep of an hour is polled once and dropped",
        metrics: &[Metric::lower("", "ns", Target::None)],
        how: How::Here,
        run: on_each_peer!(timer_create_drop),
    },
    Row {
        name: "timeout_ready",
        about: "a timeout around a future that is ready",
        metrics: &[Metric::lower("", "ns", Target::Tokio(0.06))],
        how: How::Here,
        run: on_each_peer!(timeout_ready),
    },
    Row {
        name: "timeout_scope",
        about: "a timeout that can be moved while the future inside runs, which is ready",
        metrics: &[Metric::lower("", "ns", Target::Tokio(1.0))],
        how: How::Here,
        run: on_each_peer!(timeout_scope),
    },
    Row {
        name: "timeout_pending",
        about: "a timeout around a future that waits once",
        metrics: &[Metric::lower("", "ns", Target::Tokio(0.2))],
        how: How::Here,
        run: on_each_peer!(timeout_pending),
    },
    Row {
        name: "timeout_pending_mt100",
        about: "the same from a hundred tasks at once",
        metrics: &[Metric::lower("", "ns", Target::Tokio(0.25))],
        how: How::Here,
        run: on_each_peer!(timeout_pending_mt100),
    },
    Row {
        name: "sleep_late",
        about: "how far from their time sleeps of one to five milliseconds end on an idle runtime",
        metrics: &[
            Metric::lower("p50", "µs", Target::Tokio(0.06)),
            Metric::lower("p99", "µs", Target::Tokio(0.2)),
        ],
        how: How::Here,
        run: on_each_peer!(sleep_late),
    },
    Row {
        name: "tick_1ms",
        about: "CPU of the process per tick of one interval",
        metrics: &[Metric::lower("cpu", "µs/tick", Target::Tokio(1.0))],
        how: How::Alone,
        run: on_each_peer!(tick_1ms),
    },
];

/// Far enough not to fire while a row runs.
const FAR: Duration = Duration::from_secs(3600);

fn sleep_100k<P: Peer>(ctx: &Ctx) -> Sample {
    let tasks = ctx.crowd(100_000);
    on_runtime::<P, _>(ctx, async move {
        // Whatever the peer sets up with its first timer is not a task's.
        P::sleep(Duration::from_millis(1)).await;
        let before = probe::resident_bytes();
        let start = Instant::now();
        let deadline = start + Duration::from_millis(1500);
        let (asleep, all_asleep) = Latch::new(tasks);
        let (awake, all_awake) = Latch::new(tasks);
        for _ in 0..tasks {
            let (asleep, awake) = (Arc::clone(&asleep), Arc::clone(&awake));
            P::detach(async move {
                asleep.arrive();
                P::sleep_until(deadline).await;
                awake.arrive();
            });
        }
        let started = all_asleep.await.expect("all fall asleep");
        // Lets the last of them be polled to its end before its memory is counted.
        P::sleep(Duration::from_millis(20)).await;
        let memory = probe::resident_bytes().saturating_sub(before);
        let end = all_awake.await.expect("all wake up");
        assert!(started < deadline, "the machine is too slow for this row");
        assert!(end >= deadline, "a sleep ended before its deadline");
        vec![
            (started - start).as_nanos() as f64 / tasks as f64,
            (end - deadline).as_nanos() as f64 / tasks as f64,
            memory as f64 / tasks as f64,
        ]
    })
}

fn timer_create_drop<P: Peer>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 500_000, create_and_drop::<P>)
}

async fn create_and_drop<P: Peer>(n: usize) {
    for i in 0..n {
        let sleep = pin!(P::sleep(FAR));
        assert!(future::poll_once(sleep).await.is_none());
        // Without a turn now and then, a peer that drops timers lazily could never tidy up.
        if i % 64 == 63 {
            P::yield_now().await;
        }
    }
}

fn timeout_ready<P: Peer>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 3_000_000, async_ready::<P>)
}

async fn async_ready<P: Peer>(n: usize) {
    for i in 0..n {
        let output = P::timeout(FAR, std::future::ready(std::hint::black_box(i))).await;
        std::hint::black_box(output.expect("it is ready"));
    }
}

fn timeout_scope<P: Peer>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 1_000_000, async |n| {
        for i in 0..n {
            let output = P::timeout_scope(FAR, std::future::ready(std::hint::black_box(i))).await;
            std::hint::black_box(output.expect("it is ready"));
        }
    })
}

fn timeout_pending<P: Peer>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 300_000, around_a_wait::<P>)
}

async fn around_a_wait<P: Peer>(n: usize) {
    for _ in 0..n {
        // Wakes itself and is pending once: the same future on every peer.
        P::timeout(FAR, future::yield_now()).await.expect("it waits but once");
    }
}

fn timeout_pending_mt100<P: Peer>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 600_000, from_100_tasks::<P>)
}

async fn from_100_tasks<P: Peer>(n: usize) {
    let tasks: Vec<_> = (0..100).map(|_| P::spawn(around_a_wait::<P>(n.div_ceil(100)))).collect();
    for task in tasks {
        task.await;
    }
}

fn sleep_late<P: Peer>(ctx: &Ctx) -> Sample {
    let n = ctx.times(300);
    on_runtime::<P, _>(ctx, async move {
        let mut late = Vec::with_capacity(n);
        for i in 0..n as u64 {
            // Spread over the fractions of a millisecond by a stride that repeats late.
            let duration = Duration::from_micros(1000 + i * 1237 % 4000);
            let deadline = Instant::now() + duration;
            P::sleep(duration).await;
            let now = Instant::now();
            assert!(now >= deadline, "a sleep ended before its deadline");
            late.push((now - deadline).as_nanos() as u32);
        }
        let mut micros = |q| stats::percentile(&mut late, q) / 1000.0;
        vec![micros(0.5), micros(0.99)]
    })
}

fn tick_1ms<P: Peer>(ctx: &Ctx) -> Sample {
    let n = ctx.times(1000).max(100);
    on_runtime::<P, _>(ctx, async move {
        let mut interval = P::interval(Duration::from_millis(1));
        for _ in 0..20 {
            P::tick(&mut interval).await;
        }
        let before = probe::cpu();
        for _ in 0..n {
            P::tick(&mut interval).await;
        }
        vec![(probe::cpu() - before).as_nanos() as f64 / 1000.0 / n as f64]
    })
}
