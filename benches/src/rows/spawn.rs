//! Starting tasks and joining them.

use std::{sync::Arc, thread, time::Instant};

use super::{Ctx, How, Latch, Metric, Row, Sample, Target, per_op};
use crate::peers::{Peer, on_each_peer};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "spawn_join",
        about: "a task spawns a child and awaits it, one after the other",
        metrics: &[Metric::lower("", "ns", Target::Tokio(0.25))],
        how: How::Here,
        run: on_each_peer!(spawn_join),
    },
    Row {
        name: "spawn_join_now",
        about: "the same with a yield between, so that the child has had its turn when awaited",
        metrics: &[Metric::lower("", "ns", Target::Tokio(0.6))],
        how: How::Here,
        run: on_each_peer!(spawn_join_now),
    },
    Row {
        name: "spawn_join_batch100",
        about: "spawn a hundred children, then await them all",
        metrics: &[Metric::lower("", "ns/task", Target::Tokio(0.25))],
        how: How::Here,
        run: on_each_peer!(spawn_join_batch100),
    },
    Row {
        name: "spawn_detach",
        about: "a task spawns children that nobody joins; the last one opens a latch",
        metrics: &[Metric::lower("", "ns/task", Target::Tokio(0.4))],
        how: How::Here,
        run: on_each_peer!(spawn_detach),
    },
    Row {
        name: "spawn_remote",
        about: "the same, spawned from a thread outside of the runtime",
        metrics: &[Metric::lower("", "ns/task", Target::Tokio(0.4))],
        how: How::Here,
        run: on_each_peer!(spawn_remote),
    },
    Row {
        name: "join_set_1000",
        about: "spawn a thousand into a set, then join them as they finish (smol: one by one)",
        metrics: &[Metric::lower("", "ns/task", Target::Tokio(1.0))],
        how: How::Here,
        run: on_each_peer!(join_set_1000),
    },
];

fn spawn_join<P: Peer>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 200_000, one_by_one::<P>)
}

async fn one_by_one<P: Peer>(n: usize) {
    for i in 0..n {
        assert_eq!(P::spawn(async move { i }).await, i);
    }
}

fn spawn_join_now<P: Peer>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 200_000, after_a_yield::<P>)
}

async fn after_a_yield<P: Peer>(n: usize) {
    for i in 0..n {
        let child = P::spawn(async move { i });
        P::yield_now().await;
        assert_eq!(child.await, i);
    }
}

fn spawn_join_batch100<P: Peer>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 300_000, by_hundreds::<P>)
}

async fn by_hundreds<P: Peer>(n: usize) {
    let mut children = Vec::with_capacity(100);
    for _ in 0..n.div_ceil(100) {
        children.extend((0..100_usize).map(|i| P::spawn(async move { i })));
        for (i, child) in children.drain(..).enumerate() {
            assert_eq!(child.await, i);
        }
    }
}

fn spawn_detach<P: Peer>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 200_000, detached::<P>)
}

async fn detached<P: Peer>(n: usize) {
    let (latch, opened) = Latch::new(n);
    for _ in 0..n {
        let latch = Arc::clone(&latch);
        P::detach(async move { latch.arrive() });
    }
    opened.await.expect("all arrive");
}

fn spawn_remote<P: Peer>(ctx: &Ctx) -> Sample {
    let n = ctx.times(200_000);
    let runtime = P::start(ctx);
    let remote = P::remote(&runtime);
    let mut sample = Vec::new();
    // The first tenth warms up.
    for n in [n / 10 + 1, n] {
        let (latch, opened) = Latch::new(n);
        let remote = remote.clone();
        let outside = thread::spawn(move || {
            let start = Instant::now();
            for _ in 0..n {
                let latch = Arc::clone(&latch);
                P::detach_from(&remote, async move { latch.arrive() });
            }
            start
        });
        let end = P::run(&runtime, async { opened.await.expect("all arrive") });
        let start = outside.join().expect("the thread outside finishes");
        sample = vec![(end - start).as_nanos() as f64 / n as f64];
    }
    sample
}

fn join_set_1000<P: Peer>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 500_000, sets_of_a_thousand::<P>)
}

async fn sets_of_a_thousand<P: Peer>(n: usize) {
    for _ in 0..n.div_ceil(1000) {
        assert_eq!(P::join_set(1000).await, 1000);
    }
}
