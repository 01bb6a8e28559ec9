//! Bytes that pass through: from a client by way of a relay to a sink, over the loopback.

use std::time::Instant;

use super::{Ctx, How, Metric, Row, Sample, Target, on_runtime};
use crate::peers::{Peer, on_each_peer};

pub(super) const ROWS: &[Row] = &[Row {
    name: "copy",
    about: "a relay copies a stream both ways between two connections, 64 KiB a write",
    metrics: &[Metric::higher("", "MB/s", Target::Tokio(1.0))],
    how: How::Here,
    run: on_each_peer!(copy),
}];

fn copy<P: Peer>(ctx: &Ctx) -> Sample {
    let chunks = ctx.times(8_000);
    on_runtime::<P, _>(ctx, async move {
        through_a_relay::<P>(chunks / 10 + 1).await;
        let start = Instant::now();
        let bytes = through_a_relay::<P>(chunks).await;
        vec![bytes as f64 / 1e6 / start.elapsed().as_secs_f64()]
    })
}

/// Sends so many chunks through and gives the number of bytes that came out.
async fn through_a_relay<P: Peer>(chunks: usize) -> usize {
    let (outer, entrance) = P::bind().await.expect("a port is free");
    let (inner, exit) = P::bind().await.expect("a port is free");
    let relay = P::spawn(async move {
        let one = P::accept(&outer).await.expect("the client connects");
        let other = P::connect(exit).await.expect("the sink listens");
        P::relay(one, other).await.expect("nobody breaks off");
    });
    let sink = P::spawn(async move {
        let mut stream = P::accept(&inner).await.expect("the relay connects");
        let mut buffer = vec![0; 64 << 10];
        let mut received = 0;
        while let n @ 1.. = P::read(&mut stream, &mut buffer).await.expect("nobody breaks off") {
            received += n;
        }
        received
    });
    let mut client = P::connect(entrance).await.expect("the relay listens");
    let chunk = vec![7; 64 << 10];
    for _ in 0..chunks {
        P::write_all(&mut client, &chunk).await.expect("the relay reads");
    }
    drop(client);
    let received = sink.await;
    relay.await;
    assert_eq!(received, chunks * chunk.len(), "all of it comes through");
    received
}
