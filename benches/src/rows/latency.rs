//! How long a wake-up from outside takes, and what an idle runtime costs.

use std::{
    sync, thread,
    time::{Duration, Instant},
};

use futures_channel::{mpsc, oneshot};
use futures_lite::StreamExt;

use super::{Ctx, How, Metric, Row, Sample, Target, on_runtime};
use crate::{
    peers::{Peer, on_each_peer},
    probe, stats,
};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "wake_latency",
        about: "an outside thread wakes a task whose runtime has been asleep for 0.5 ms",
        metrics: &[
            Metric::lower("p50", "µs", Target::Tokio(0.5)),
            Metric::lower("p99", "µs", Target::Tokio(0.5)),
        ],
        how: How::Here,
        run: on_each_peer!(wake_latency),
    },
    Row {
        name: "remote_roundtrip",
        about: "outside thread, task, and back, one after the other",
        metrics: &[
            Metric::lower("p50", "µs", Target::Tokio(0.5)),
            Metric::lower("p99", "µs", Target::None),
        ],
        how: How::Here,
        run: on_each_peer!(remote_roundtrip),
    },
    Row {
        name: "idle_empty",
        about: "CPU of the runtime while it has nothing to do",
        metrics: &[Metric::lower("cpu", "µs/s", Target::Tokio(1.0))],
        how: How::Alone,
        run: on_each_peer!(idle_empty),
    },
];

fn wake_latency<P: Peer>(ctx: &Ctx) -> Sample {
    let n = ctx.times(1000);
    let runtime = P::start(ctx);
    let (send, mut receive) = mpsc::unbounded::<Instant>();
    let outside = thread::spawn(move || {
        for _ in 0..n {
            thread::sleep(Duration::from_micros(500));
            send.unbounded_send(Instant::now()).expect("the task listens");
        }
    });
    let mut nanos = P::run(&runtime, async move {
        let mut nanos = Vec::with_capacity(n);
        while let Some(sent) = receive.next().await {
            nanos.push(sent.elapsed().as_nanos() as u32);
        }
        nanos
    });
    outside.join().expect("the thread outside finishes");
    micros(&mut nanos)
}

fn remote_roundtrip<P: Peer>(ctx: &Ctx) -> Sample {
    let n = ctx.times(10_000);
    let runtime = P::start(ctx);
    let (ask, mut asked) = mpsc::unbounded::<()>();
    let (answer, answered) = sync::mpsc::channel::<()>();
    let outside = thread::spawn(move || {
        let mut nanos = Vec::with_capacity(n);
        for _ in 0..n {
            let start = Instant::now();
            ask.unbounded_send(()).expect("the task listens");
            answered.recv().expect("the task answers");
            nanos.push(start.elapsed().as_nanos() as u32);
        }
        nanos
    });
    P::run(&runtime, async move {
        while let Some(()) = asked.next().await {
            answer.send(()).expect("the thread outside listens");
        }
    });
    micros(&mut outside.join().expect("the thread outside finishes"))
}

fn micros(nanos: &mut [u32]) -> Sample {
    [0.5, 0.99].map(|q| stats::percentile(nanos, q) / 1000.0).to_vec()
}

fn idle_empty<P: Peer>(ctx: &Ctx) -> Sample {
    let children = ctx.workers * 4;
    let (report, cpu) = oneshot::channel();
    on_runtime::<P, _>(ctx, async move {
        // Every worker has had something to do, and so have the timers.
        for child in (0..children).map(|_| P::spawn(yields_once::<P>())).collect::<Vec<_>>() {
            child.await;
        }
        P::sleep(Duration::from_millis(5)).await;
        let observer = thread::spawn(move || {
            // Time to find out that it is all over.
            thread::sleep(Duration::from_millis(100));
            // What it takes to observe is not the runtime's.
            let others = || probe::cpu().saturating_sub(probe::cpu_of_this_thread());
            let before = others();
            thread::sleep(Duration::from_secs(1));
            let spent = others().saturating_sub(before);
            report.send(spent).expect("the task waits for it");
        });
        // Somebody must be in `block_on`, or a runtime on one thread would not idle but not run.
        let spent = cpu.await.expect("the observer reports");
        observer.join().expect("the observer finishes");
        vec![spent.as_nanos() as f64 / 1000.0]
    })
}

async fn yields_once<P: Peer>() {
    P::yield_now().await;
}
