//! Sockets, with server and clients on the same runtime.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_channel::oneshot;

use super::{Ctx, How, Latch, Metric, Row, Sample, Target, on_runtime, per_op};
use crate::{
    load::MESSAGE,
    peers::{Peer, PeerId, on_each_peer},
    probe, stats,
};

const fn echo_metrics(target: f64) -> [Metric; 4] {
    [
        Metric::lower("", "ns/message", Target::Tokio(target)),
        Metric::lower("p50", "µs", Target::None),
        Metric::lower("p99", "µs", Target::None),
        Metric::lower("cpu", "ns/message", Target::Tokio(1.0)),
    ]
}

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "echo_1",
        about: "one connection sends 64 bytes and awaits them back",
        metrics: &echo_metrics(0.95),
        how: How::Here,
        run: on_each_peer!(echo_1),
    },
    Row {
        name: "echo_64",
        about: "64 connections do",
        metrics: &echo_metrics(0.95),
        how: How::Here,
        run: on_each_peer!(echo_64),
    },
    Row {
        name: "echo_1000",
        about: "a thousand connections do",
        metrics: &echo_metrics(0.9),
        how: How::Here,
        run: on_each_peer!(echo_1000),
    },
    Row {
        name: "echo_syscalls",
        about: "system calls per message, both sides, counted by perf or strace",
        metrics: &[
            Metric::lower("1", "calls/message", Target::Tokio(1.0)),
            Metric::lower("64", "calls/message", Target::Tokio(1.0)),
        ],
        how: How::Traced,
        run: echo_syscalls,
    },
    Row {
        name: "connect_close",
        about: "connect, one message there and back, close; one after the other",
        metrics: &[Metric::lower("", "ns", Target::Tokio(0.85))],
        how: How::Here,
        run: on_each_peer!(connect_close),
    },
];

fn echo_1<P: Peer>(ctx: &Ctx) -> Sample {
    echo::<P>(ctx, 1)
}

fn echo_64<P: Peer>(ctx: &Ctx) -> Sample {
    echo::<P>(ctx, 64)
}

fn echo_1000<P: Peer>(ctx: &Ctx) -> Sample {
    echo::<P>(ctx, 1000)
}

/// How often each connection goes to and fro: to warm up, and measured.
fn trips(ctx: &Ctx, connections: usize) -> (usize, usize) {
    let all = if connections == 1 { 20_000 } else { 60_000 };
    let measured = (ctx.times(all) / connections).max(5);
    (measured / 10 + 1, measured)
}

fn echo<P: Peer>(ctx: &Ctx, connections: usize) -> Sample {
    let (warm, trips) = trips(ctx, connections);
    // The look at the clock would read the kernel's page of code, which valgrind does not map.
    let cpu = if ctx.exact.is_some() { || Duration::ZERO } else { probe::cpu };
    on_runtime::<P, _>(ctx, async move {
        let (listener, addr) = P::bind().await.expect("a port is free");
        P::detach(serve::<P>(listener, connections));
        let (arrivals, all_warm) = Latch::new(connections);
        let (starts, clients): (Vec<_>, Vec<_>) = (0..connections)
            .map(|_| {
                let (start, started) = oneshot::channel();
                let arrivals = Arc::clone(&arrivals);
                (start, P::spawn(client::<P>(addr, warm, arrivals, started, trips)))
            })
            .unzip();
        drop(arrivals);
        all_warm.await.expect("all connect");

        let (before, start) = (cpu(), Instant::now());
        for go in starts {
            go.send(()).expect("the client waits");
        }
        let mut nanos = Vec::with_capacity(connections * trips);
        for client in clients {
            nanos.extend(client.await);
        }
        let (wall, cpu) = (start.elapsed(), cpu() - before);

        let each = |spent: Duration| spent.as_nanos() as f64 / (connections * trips) as f64;
        let mut micros = |q| stats::percentile(&mut nanos, q) / 1000.0;
        vec![each(wall), micros(0.5), micros(0.99), each(cpu)]
    })
}

/// Accepts so many connections and echoes on each until its client hangs up.
async fn serve<P: Peer>(listener: P::Listener, connections: usize) {
    for _ in 0..connections {
        let stream = P::accept(&listener).await.expect("a client connects");
        P::detach(echo_back::<P>(stream));
    }
}

pub(super) async fn echo_back<P: Peer>(mut stream: P::Stream) {
    let mut buffer = [0; 1024];
    // Clients may hang up without a word.
    while let Ok(n @ 1..) = P::read(&mut stream, &mut buffer).await {
        if P::write_all(&mut stream, &buffer[..n]).await.is_err() {
            return;
        }
    }
}

/// The nanoseconds of each measured trip.
async fn client<P: Peer>(
    addr: SocketAddr,
    warm: usize,
    arrivals: Arc<Latch>,
    started: oneshot::Receiver<()>,
    trips: usize,
) -> Vec<u32> {
    let mut stream = P::connect(addr).await.expect("the server listens");
    for _ in 0..warm {
        trip::<P>(&mut stream).await;
    }
    arrivals.arrive();
    // If a client fails, the latch goes with the last that does not, and the row fails too.
    drop(arrivals);
    started.await.expect("it is said when to start");
    let mut nanos = Vec::with_capacity(trips);
    let mut before = Instant::now();
    for _ in 0..trips {
        trip::<P>(&mut stream).await;
        let now = Instant::now();
        nanos.push((now - before).as_nanos() as u32);
        before = now;
    }
    nanos
}

pub(super) async fn trip<P: Peer>(stream: &mut P::Stream) {
    let mut answer = [0; MESSAGE];
    P::write_all(stream, &[7; MESSAGE]).await.expect("the server reads");
    P::read_exact(stream, &mut answer).await.expect("the server answers");
    assert_eq!(answer, [7; MESSAGE]);
}

/// The calls of a longer run less those of a shorter one, so that starting and ending cancel out.
fn echo_syscalls(peer: PeerId, ctx: &Ctx) -> Sample {
    [("echo_1", 1), ("echo_64", 64)]
        .map(|(row, connections)| {
            let count = |scale| {
                let ctx = Ctx { scale, ..*ctx };
                let (warm, trips) = trips(&ctx, connections);
                let calls = probe::system_calls(row, peer, &ctx)?;
                Some((calls, ((warm + trips) * connections) as f64))
            };
            match (count(0.02), count(0.1)) {
                (Some((few, short)), Some((many, long))) => (many - few) / (long - short),
                _ => f64::NAN,
            }
        })
        .to_vec()
}

fn connect_close<P: Peer>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 2000, visits::<P>)
}

async fn visits<P: Peer>(n: usize) {
    let (listener, addr) = P::bind().await.expect("a port is free");
    P::detach(serve::<P>(listener, n));
    for _ in 0..n {
        let mut stream = P::connect(addr).await.expect("the server listens");
        trip::<P>(&mut stream).await;
    }
}
