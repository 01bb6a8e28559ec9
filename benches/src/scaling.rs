//! What more workers do to rows whose tasks get in each other's way.

use crate::{
    args::Args,
    markdown,
    peers::PeerId,
    plan::{self, Measured, Watchdog},
    rows::{self, Better, Ctx, Row},
    stats::Summary,
    table::{number, title},
};

/// The rows that run unless others are named.
const ROWS: [&str; 9] = [
    "spawn_join_batch100",
    "yield_1k_tasks",
    "pingpong_64pairs",
    "fanout_fanin",
    "skynet",
    "mutex_10_tasks",
    "mpsc_1000_4to1",
    "mpmc_100_4to4",
    "echo_64",
];
const WORKERS: [usize; 4] = [2, 4, 8, 16];
/// Who is measured unless `--peers` says otherwise.
const PEERS: [PeerId; 2] = [PeerId::Filch, PeerId::Tokio];

/// Prints a table with a column for each peer and number of workers, and writes it if asked to.
pub(crate) fn report(args: &Args) -> Result<(), String> {
    let named = ROWS.map(str::to_owned);
    let rows = rows::select(if args.rows.is_empty() { &named } else { &args.rows })?;
    let peers: Vec<_> = args.peers.clone().unwrap_or(PEERS.to_vec());
    let mut lines = markdown::rule(&head(&peers));
    println!("{}", lines.join("\n"));
    let watchdog = Watchdog::start();
    for row in rows {
        let measured = WORKERS.map(|workers| {
            let ctx = Ctx { workers, ..args.ctx };
            plan::measure(row, &peers, args.rounds, &ctx, &watchdog)
        });
        // The first metric is the one that the row is about.
        let line = markdown::line(&cells(row, &peers, &measured));
        println!("{line}");
        lines.push(line);
    }
    match args.write {
        true => markdown::write("scaling", &(lines.join("\n") + "\n")),
        false => Ok(()),
    }
}

fn head(peers: &[PeerId]) -> Vec<String> {
    let mut head = vec!["row".to_owned(), "unit".to_owned()];
    head.extend(peers.iter().flat_map(|peer| WORKERS.map(|n| format!("{} {n}", peer.name()))));
    let base = peers[0].name();
    head.extend(
        peers[1..].iter().flat_map(|peer| WORKERS.map(|n| format!("{base}/{} {n}", peer.name()))),
    );
    head
}

fn cells(row: &Row, peers: &[PeerId], measured: &[Measured]) -> Vec<String> {
    let metric = &row.metrics[0];
    let arrow = if metric.better == Better::Higher { " ↑" } else { "" };
    let mut cells = vec![title(row, metric), format!("{}{arrow}", metric.unit)];
    let shown = |summary: Option<Summary>, how: fn(f64) -> String| {
        summary.map_or("–".to_owned(), |summary| how(summary.median))
    };
    for peer in peers {
        let summary = |m: &Measured| m.samples(*peer, 0).and_then(Summary::of);
        cells.extend(measured.iter().map(|m| shown(summary(m), number)));
    }
    for peer in &peers[1..] {
        cells.extend(measured.iter().map(|m| shown(m.ratio(*peer, 0), |x| format!("{x:.2}"))));
    }
    cells
}
