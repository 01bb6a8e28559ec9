//! Going from one task to the next: by yielding, and by handing a ball to and fro.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use futures_channel::oneshot;

use super::{Ctx, How, Latch, Metric, Row, Sample, Target, on_runtime, per_op};
use crate::peers::{Peer, on_each_peer};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "yield_1_task",
        about: "one task yields over and over",
        metrics: &[Metric::lower("", "ns", Target::Tokio(0.1))],
        how: How::Here,
        run: on_each_peer!(yield_1_task),
    },
    Row {
        name: "yield_2_tasks",
        about: "two tasks do; time per yield",
        metrics: &[Metric::lower("", "ns", Target::Tokio(0.2))],
        how: How::Here,
        run: on_each_peer!(yield_2_tasks),
    },
    Row {
        name: "yield_1k_tasks",
        about: "a thousand tasks do; time per yield",
        metrics: &[Metric::lower("", "ns", Target::Tokio(0.6))],
        how: How::Here,
        run: on_each_peer!(yield_1k_tasks),
    },
    Row {
        name: "yield_100k_tasks",
        about: "a hundred thousand tasks do; time per yield",
        metrics: &[Metric::lower("", "ns", Target::Tokio(0.5))],
        how: How::Here,
        run: on_each_peer!(yield_100k_tasks),
    },
    Row {
        name: "pingpong_oneshot",
        about: "two tasks answer each other through a fresh oneshot channel each time",
        metrics: &[Metric::lower("", "ns/round trip", Target::Tokio(0.5))],
        how: How::Here,
        run: on_each_peer!(pingpong_oneshot),
    },
    Row {
        name: "pingpong_64pairs",
        about: "the same by 64 pairs at once; time per round trip",
        metrics: &[Metric::lower("", "ns/round trip", Target::Tokio(0.85))],
        how: How::Here,
        run: on_each_peer!(pingpong_64pairs),
    },
];

fn yield_1_task<P: Peer>(ctx: &Ctx) -> Sample {
    yields::<P>(ctx, 1, ctx.times(500_000))
}

fn yield_2_tasks<P: Peer>(ctx: &Ctx) -> Sample {
    yields::<P>(ctx, 2, ctx.times(400_000))
}

fn yield_1k_tasks<P: Peer>(ctx: &Ctx) -> Sample {
    yields::<P>(ctx, 1000, ctx.times(2000))
}

fn yield_100k_tasks<P: Peer>(ctx: &Ctx) -> Sample {
    // The tasks are what this row is about: a smaller scale only yields less often.
    yields::<P>(ctx, ctx.crowd(100_000), ctx.times(20).max(5))
}

/// Time per yield, once all tasks are there: those that come early yield until the last one has.
fn yields<P: Peer>(ctx: &Ctx, tasks: usize, each: usize) -> Sample {
    on_runtime::<P, _>(ctx, async move {
        let open = Arc::new(AtomicBool::new(false));
        let (arrivals, all_here) = Latch::new(tasks);
        let (finish, all_done) = Latch::new(tasks);
        for _ in 0..tasks {
            let (open, arrivals, finish) =
                (Arc::clone(&open), Arc::clone(&arrivals), Arc::clone(&finish));
            P::detach(async move {
                arrivals.arrive();
                // Nothing else is published with the flag.
                while !open.load(Ordering::Relaxed) {
                    P::yield_now().await;
                }
                for _ in 0..each {
                    P::yield_now().await;
                }
                finish.arrive();
            });
        }
        all_here.await.expect("all arrive");
        let start = Instant::now();
        open.store(true, Ordering::Relaxed);
        let end = all_done.await.expect("all finish");
        vec![(end - start).as_nanos() as f64 / (tasks * each) as f64]
    })
}

/// What two players hand to each other: the way to hand it back.
pub(super) struct Ball(pub(super) oneshot::Sender<Ball>);

fn pingpong_oneshot<P: Peer>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 200_000, |trips| pairs::<P>(1, trips))
}

fn pingpong_64pairs<P: Peer>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 640_000, |trips| pairs::<P>(64, trips))
}

async fn pairs<P: Peer>(pairs: usize, trips: usize) {
    let players: Vec<_> = (0..pairs)
        .flat_map(|_| {
            let (serve, served) = oneshot::channel();
            let trips = trips.div_ceil(pairs);
            [P::spawn(ping(serve, trips, || ())), P::spawn(pong(served, || ()))]
        })
        .collect();
    for player in players {
        player.await;
    }
}

/// Serves, and returns `trips` balls; calls `seen` in each poll that has a ball.
pub(super) async fn ping(serve: oneshot::Sender<Ball>, trips: usize, mut seen: impl FnMut()) {
    let mut other = serve;
    for _ in 0..trips {
        let (back, returned) = oneshot::channel();
        assert!(other.send(Ball(back)).is_ok(), "the other side still plays");
        other = returned.await.expect("the other side still plays").0;
        seen();
    }
}

/// Returns balls until the other side drops one.
pub(super) async fn pong(served: oneshot::Receiver<Ball>, mut seen: impl FnMut()) {
    let mut next = served;
    while let Ok(Ball(other)) = next.await {
        seen();
        let (back, returned) = oneshot::channel();
        // Refused once the other side has had enough.
        let _ = other.send(Ball(back));
        next = returned;
    }
}
