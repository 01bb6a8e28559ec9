//! Closures that block, on threads made for them.

use super::{Ctx, How, Metric, Row, Sample, Target, per_op};
use crate::peers::{Peer, on_each_peer};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "spawn_blocking",
        about: "a task hands an empty closure to the blocking pool and awaits it, one by one",
        metrics: &[Metric::lower("", "ns", Target::Tokio(0.8))],
        how: How::Here,
        run: on_each_peer!(spawn_blocking),
    },
    Row {
        name: "spawn_blocking_batch1000",
        about: "a thousand at once, then await them all",
        metrics: &[Metric::lower("", "ns/job", Target::Tokio(0.4))],
        how: How::Here,
        run: on_each_peer!(spawn_blocking_batch1000),
    },
];

fn spawn_blocking<P: Peer>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 10_000, one_by_one::<P>)
}

async fn one_by_one<P: Peer>(n: usize) {
    for i in 0..n {
        assert_eq!(P::spawn_blocking(move || i).await, i);
    }
}

fn spawn_blocking_batch1000<P: Peer>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 50_000, by_thousands::<P>)
}

async fn by_thousands<P: Peer>(n: usize) {
    for _ in 0..n.div_ceil(1000) {
        let jobs: Vec<_> = (0..1000_usize).map(|i| P::spawn_blocking(move || i)).collect();
        for (i, job) in jobs.into_iter().enumerate() {
            assert_eq!(job.await, i);
        }
    }
}
