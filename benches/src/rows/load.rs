//! An echo server in a process of its own, under the load of another: ours, the same for all.

use std::time::Duration;

use super::{Ctx, How, Metric, Row, Sample, Target, echo::echo_back, on_runtime};
use crate::{
    load,
    peers::{Peer, PeerId, on_each_peer},
    probe::Server,
    stats,
};

const METRICS: &[Metric] = &[
    Metric::higher("rate", "messages/s", Target::Bare(0.97)),
    Metric::lower("p50", "µs", Target::None),
    Metric::lower("p99", "µs", Target::Bare(1.3)),
    Metric::lower("p99.9", "µs", Target::Bare(1.3)),
    Metric::lower("cpu", "ns/message", Target::Tokio(1.0)),
];

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "load_64",
        about: "an echo server in its own process under 64 connections, one message each in flight",
        metrics: METRICS,
        how: How::Serving,
        run: |peer, ctx| under_load(peer, ctx, 64),
    },
    Row {
        name: "load_1000",
        about: "the same under a thousand connections",
        metrics: METRICS,
        how: How::Serving,
        run: |peer, ctx| under_load(peer, ctx, 1000),
    },
];

fn under_load(peer: PeerId, ctx: &Ctx, connections: usize) -> Sample {
    let mut server = Server::start(peer, ctx);
    let mut clients = load::Clients::connect(server.port, connections).expect("the server accepts");
    let watched = Duration::from_secs_f64(2.0 * ctx.scale.clamp(0.05, 1.0));
    let mut cpu = Vec::with_capacity(2);
    let mut load =
        clients.run(watched / 5, watched, || cpu.push(server.cpu())).expect("the server echoes");

    let messages = load.returned as f64;
    let rate = messages / load.wall.as_secs_f64();
    let mut micros = |q| stats::percentile(&mut load.nanos, q) / 1000.0;
    let cpu = (cpu[1] - cpu[0]).as_nanos() as f64 / messages;
    vec![rate, micros(0.5), micros(0.99), micros(0.999), cpu]
}

/// Serves as `peer` until the process ends; prints the port once it listens.
pub(crate) fn serve(peer: PeerId, ctx: &Ctx) {
    match peer {
        PeerId::Bare => load::bare::serve().expect("the bare loop runs"),
        _ => (on_each_peer!(serve_on))(peer, ctx),
    }
}

fn serve_on<P: Peer>(ctx: &Ctx) {
    on_runtime::<P, _>(ctx, async {
        let (listener, addr) = P::bind().await.expect("a port is free");
        println!("{}", addr.port());
        loop {
            let stream = P::accept(&listener).await.expect("a client connects");
            P::detach(echo_back::<P>(stream));
        }
    })
}
