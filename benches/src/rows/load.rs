//! A server in a process of its own, under the load of another: ours, the same for all, or wrk's.

use std::{process::Command, time::Duration};

use super::{Ctx, How, Metric, Row, Sample, Service, Target};
use crate::{
    load::{Clients, ECHO, HTTP, Talk},
    peers::PeerId,
    probe::{self, Server},
    stats,
};

const METRICS: &[Metric] = &[
    Metric::higher("rate", "messages/s", Target::Bare(0.97)),
    Metric::lower("p50", "µs", Target::None),
    Metric::lower("p99", "µs", Target::Bare(1.3)),
    Metric::lower("p99.9", "µs", Target::Bare(1.3)),
    Metric::lower("cpu", "ns/message", Target::Tokio(1.0)),
];

const HTTP_METRICS: &[Metric] = &[
    Metric::higher("rate", "requests/s", Target::Tokio(1.0)),
    Metric::lower("p50", "µs", Target::None),
    Metric::lower("p99", "µs", Target::Tokio(1.0)),
    Metric::lower("p99.9", "µs", Target::None),
    Metric::lower("cpu", "ns/request", Target::Tokio(1.0)),
];

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "load_64",
        about: "an echo server in its own process under 64 connections, one message each in flight",
        metrics: METRICS,
        how: How::Serving,
        run: |peer, ctx| under_load(peer, ctx, Service::Echo, ECHO, 64),
    },
    Row {
        name: "load_1000",
        about: "the same under a thousand connections",
        metrics: METRICS,
        how: How::Serving,
        run: |peer, ctx| under_load(peer, ctx, Service::Echo, ECHO, 1000),
    },
    Row {
        name: "http_keepalive",
        about: "a server of HTTP/1.1 in its own process, 64 connections that are kept",
        metrics: HTTP_METRICS,
        how: How::Served,
        run: |peer, ctx| under_load(peer, ctx, Service::Http, HTTP, 64),
    },
    Row {
        name: "http_wrk",
        about: "the same under the load of wrk, where that is installed",
        metrics: &[
            Metric::higher("rate", "requests/s", Target::Tokio(1.0)),
            Metric::lower("p50", "µs", Target::None),
            Metric::lower("p99", "µs", Target::Tokio(1.0)),
            Metric::lower("cpu", "ns/request", Target::Tokio(1.0)),
        ],
        how: How::Served,
        run: under_wrk,
    },
];

fn under_load(peer: PeerId, ctx: &Ctx, service: Service, talk: Talk, connections: usize) -> Sample {
    let mut server = Server::start(service, peer, ctx);
    let mut clients = Clients::connect(server.port, talk, connections).expect("it accepts");
    let watched = ctx.long(Duration::from_secs(2));
    let mut cpu = Vec::with_capacity(2);
    let mut load =
        clients.run(watched / 5, watched, || cpu.push(server.cpu())).expect("the server answers");

    let messages = load.returned as f64;
    let rate = messages / load.wall.as_secs_f64();
    let mut micros = |q| stats::percentile(&mut load.nanos, q) / 1000.0;
    let cpu = (cpu[1] - cpu[0]).as_nanos() as f64 / messages;
    vec![rate, micros(0.5), micros(0.99), micros(0.999), cpu]
}

fn under_wrk(peer: PeerId, ctx: &Ctx) -> Sample {
    if !probe::has("wrk", "-v") {
        return vec![f64::NAN; 4];
    }
    let mut server = Server::start(Service::Http, peer, ctx);
    // wrk counts in whole seconds.
    let seconds = format!("{}s", ctx.long(Duration::from_secs(2)).as_secs().max(1));
    let url = format!("http://127.0.0.1:{}/", server.port);
    let before = server.cpu();
    let output = Command::new("wrk")
        .args(["-t1", "-c64", "--latency", "-d", &seconds, &url])
        .output()
        .expect("wrk starts");
    let cpu = server.cpu() - before;
    let seen = Seen::by_wrk(&String::from_utf8_lossy(&output.stdout)).expect("wrk reports");
    vec![seen.rate, seen.p50, seen.p99, cpu.as_nanos() as f64 / seen.requests]
}

/// What wrk reports: requests a second and in all, microseconds.
#[derive(Debug, PartialEq)]
struct Seen {
    rate: f64,
    requests: f64,
    p50: f64,
    p99: f64,
}

impl Seen {
    fn by_wrk(report: &str) -> Option<Seen> {
        let after = |label: &str| {
            let line = report.lines().find_map(|line| line.trim().strip_prefix(label))?;
            line.split_whitespace().next()
        };
        let requests = report.lines().find_map(|line| line.split_once(" requests in "))?.0;
        Some(Seen {
            rate: after("Requests/sec:")?.parse().ok()?,
            requests: requests.trim().parse().ok()?,
            p50: micros(after("50%")?)?,
            p99: micros(after("99%")?)?,
        })
    }
}

/// `1.23ms` as microseconds.
fn micros(text: &str) -> Option<f64> {
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6)];
    units.iter().find_map(|(unit, factor)| {
        let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
        Some(number * factor)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_of_wrk_is_understood() {
        let report = "  Latency Distribution\n     50%  310.00us\n     75%  1.00ms\n     90%  1.10ms\n     \
                      99%    1.23ms\n  204800 requests in 1.00s, 17.58MB read\nRequests/sec: 204763.10\n";
        let seen = Seen { rate: 204_763.1, requests: 204_800.0, p50: 310.0, p99: 1230.0 };
        assert_eq!(Seen::by_wrk(report), Some(seen));
        assert_eq!(Seen::by_wrk("unable to connect"), None);
    }
}
