//! Many at once: groups of children, gathered futures, cancelled tasks.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_lite::future;

use super::{Ctx, How, Latch, Metric, Row, Sample, Target, on_runtime, per_op};
use crate::peers::{Peer, on_each_peer};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "group_1000",
        about: "a group of a thousand children, until all have ended; tokio: a JoinSet",
        metrics: &[Metric::lower("", "ns/task", Target::Tokio(1.0))],
        how: How::Here,
        run: on_each_peer!(group_1000),
    },
    Row {
        name: "gather_10k",
        about: "one task awaits ten thousand futures that wait once; others: futures-util's try_join_all",
        metrics: &[Metric::lower("", "ns/future", Target::Tokio(1.0))],
        how: How::Here,
        run: on_each_peer!(gather_10k),
    },
    Row {
        name: "cancel_100k",
        about: "100k sleeping tasks are cancelled, until the last future is gone; tokio: abort",
        metrics: &[Metric::lower("", "ns/task", Target::Tokio(1.0))],
        how: How::Here,
        run: on_each_peer!(cancel_100k),
    },
];

fn group_1000<P: Peer>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 300_000, async |n| {
        for _ in 0..n.div_ceil(1000) {
            P::group(1000).await;
        }
    })
}

fn gather_10k<P: Peer>(ctx: &Ctx) -> Sample {
    let many = ctx.crowd(10_000);
    per_op::<P, _, _>(ctx, 300_000, move |n| async move {
        for _ in 0..n.div_ceil(many) {
            let futures: Vec<_> = (0..many).map(waits_once).collect();
            assert!(P::gather(futures).await.into_iter().eq(0..many), "each output in its place");
        }
    })
}

async fn waits_once(number: usize) -> Result<usize, ()> {
    future::yield_now().await;
    Ok(number)
}

fn cancel_100k<P: Peer>(ctx: &Ctx) -> Sample {
    let tasks = ctx.exact.unwrap_or(ctx.crowd(100_000));
    on_runtime::<P, _>(ctx, async move {
        let (asleep, all_asleep) = Latch::new(tasks);
        let (gone, all_gone) = Latch::new(tasks);
        let sleepers: Vec<_> = (0..tasks)
            .map(|_| {
                let (asleep, gone) = (Arc::clone(&asleep), OnDrop(Arc::clone(&gone)));
                P::spawn(async move {
                    let _gone = gone;
                    asleep.arrive();
                    P::sleep(Duration::from_secs(3600)).await;
                })
            })
            .collect();
        all_asleep.await.expect("all fall asleep");
        let start = Instant::now();
        sleepers.into_iter().for_each(P::cancel);
        let end = all_gone.await.expect("all are dropped");
        vec![(end - start).as_nanos() as f64 / tasks as f64]
    })
}

/// Arrives when the future that holds it is dropped.
struct OnDrop(Arc<Latch>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.arrive();
    }
}
