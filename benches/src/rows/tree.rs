//! Chains, fans and trees of tasks.

use std::pin::Pin;

use futures_channel::{mpsc, oneshot};
use futures_lite::StreamExt;

use super::{Ctx, How, Metric, Row, Sample, Target, on_runtime, per_op};
use crate::peers::{Peer, on_each_peer};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "chained_spawn",
        about: "each task spawns the next, a thousand deep; the last one reports",
        metrics: &[Metric::lower("", "ns", Target::Tokio(0.5))],
        how: How::Here,
        run: on_each_peer!(chained_spawn),
    },
    Row {
        name: "fanout_fanin",
        about: "a task spawns a thousand children and takes their answers from one channel",
        metrics: &[Metric::lower("", "ns/task", Target::Tokio(0.4))],
        how: How::Here,
        run: on_each_peer!(fanout_fanin),
    },
    Row {
        name: "skynet",
        about: "a tree of tasks, ten children each, 1M leaves (100k with --quick); per leaf",
        metrics: &[Metric::lower("", "ns/task", Target::Tokio(0.3))],
        how: How::Here,
        run: on_each_peer!(skynet),
    },
];

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

fn chained_spawn<P: Peer>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 300_000, chains::<P>)
}

async fn chains<P: Peer>(n: usize) {
    for _ in 0..n.div_ceil(1000) {
        let (report, done) = oneshot::channel();
        P::detach(link::<P>(1000, report));
        done.await.expect("the last link reports");
    }
}

/// Boxed, because its type would contain itself.
fn link<P: Peer>(left: usize, report: oneshot::Sender<()>) -> Boxed<()> {
    Box::pin(async move {
        if left == 1 {
            report.send(()).expect("somebody waits for the last link");
        } else {
            P::detach(link::<P>(left - 1, report));
        }
    })
}

fn fanout_fanin<P: Peer>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 200_000, fans::<P>)
}

async fn fans<P: Peer>(n: usize) {
    for _ in 0..n.div_ceil(1000) {
        let (answer, mut answers) = mpsc::unbounded();
        for i in 0..1000_usize {
            let answer = answer.clone();
            P::detach(async move { answer.unbounded_send(i).expect("the parent listens") });
        }
        drop(answer);
        let mut sum = 0;
        while let Some(i) = answers.next().await {
            sum += i;
        }
        assert_eq!(sum, 999 * 1000 / 2);
    }
}

fn skynet<P: Peer>(ctx: &Ctx) -> Sample {
    let leaves = ctx.crowd(if ctx.scale < 1.0 { 100_000 } else { 1_000_000 });
    on_runtime::<P, _>(ctx, async move {
        node::<P>(0, leaves / 100).await;
        let start = std::time::Instant::now();
        let sum = node::<P>(0, leaves).await;
        assert_eq!(sum, leaves * (leaves - 1) / 2);
        vec![start.elapsed().as_nanos() as f64 / leaves as f64]
    })
}

/// The sum of the numbers from `first` on that the leaves below have.
fn node<P: Peer>(first: usize, leaves: usize) -> Boxed<usize> {
    Box::pin(async move {
        if leaves == 1 {
            return first;
        }
        let each = leaves / 10;
        let children: Vec<_> =
            (0..10).map(|i| P::spawn(node::<P>(first + i * each, each))).collect();
        let mut sum = 0;
        for child in children {
            sum += child.await;
        }
        sum
    })
}
