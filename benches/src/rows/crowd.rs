//! Many connections that have nothing to say.

use std::time::Instant;

use super::{Ctx, How, Metric, Row, Sample, Service, Target};
use crate::{
    load::{Clients, ECHO},
    peers::PeerId,
    probe::Server,
};

pub(super) const ROWS: &[Row] = &[Row {
    name: "idle_10k",
    about: "a server process holds ten thousand connections; then each is active once, none lost",
    metrics: &[
        Metric::lower("memory", "bytes/connection", Target::Tokio(1.0)),
        Metric::lower("all active", "ns/message", Target::None),
    ],
    how: How::Served,
    run: idle_10k,
}];

/// A process may have 20,000 open files in some places, so the clients live in this one.
fn idle_10k(peer: PeerId, ctx: &Ctx) -> Sample {
    let connections = ctx.crowd(10_000);
    let mut server = Server::start(Service::Echo, peer, ctx);
    // What a server sets up for its first connections is not the others'.
    let warm = Clients::connect(server.port, ECHO, 10).and_then(|mut few| few.once(0).map(|_| few));
    let _warm = warm.expect("the server echoes");

    let before = server.resident_bytes();
    let mut clients = Clients::connect(server.port, ECHO, connections).expect("the server accepts");
    let memory = server.resident_bytes().saturating_sub(before);

    let start = Instant::now();
    let answers = clients.once(0).expect("the server still holds all of them");
    let active = start.elapsed();
    assert_eq!(answers, connections, "none is lost");
    [memory as f64, active.as_nanos() as f64].map(|all| all / connections as f64).to_vec()
}
