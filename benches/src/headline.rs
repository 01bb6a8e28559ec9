//! The front page's table: a few rows, in words.

use crate::{
    checkout, markdown,
    peers::PeerId,
    plan::Measured,
    rows::Better,
    stats::Summary,
    table::{number, title},
};

/// By the name in the big table, and in words.
const ROWS: &[(&str, &str)] = &[
    ("spawn_join", "spawn a task and await it"),
    ("yield_1k_tasks", "a thousand tasks take turns, each turn"),
    ("pingpong_oneshot", "a question to another task and its answer"),
    ("mutex_10_tasks", "a lock that ten tasks want"),
    ("mpsc_1000_1to1", "a message through a channel"),
    ("timeout_pending", "a timeout around what has to wait"),
    ("sleep_late p50", "how late a sleep ends, in the middle"),
    ("fair_tick 50 % p99", "how late a tick is beside tasks that compute, p99"),
    ("sleep_100k memory", "memory of a task that sleeps"),
    ("spawn_blocking", "a blocking call on another thread"),
    ("file_read_4k", "read a small file"),
    ("connect_close", "connect, a message there and back, close"),
    ("load_64 rate", "echo server, 64 clients"),
    ("load_1000 p99", "echo server, 1000 clients, p99 of an answer"),
    ("http_keepalive rate", "HTTP server, 64 clients"),
    ("idle_10k memory", "memory of a connection that idles"),
];
const PEERS: [PeerId; 5] = [PeerId::Filch, PeerId::Tokio, PeerId::Smol, PeerId::Go, PeerId::Uvloop];

/// Writes the table, if all that it shows was measured on filch.
pub(crate) fn write(all: &[Measured]) -> Result<(), String> {
    match table(all) {
        Some(table) => markdown::write_to(&checkout::root("README.md")?, "headline", &table),
        None => Ok(()),
    }
}

fn table(all: &[Measured]) -> Option<String> {
    let mut head = vec!["what".to_owned(), "unit".to_owned()];
    head.extend(PEERS.map(|peer| peer.name().to_owned()));
    let mut lines = markdown::rule(&head);
    for (name, words) in ROWS {
        let (measured, index) = find(all, name)?;
        let metric = &measured.row.metrics[index];
        let arrow = if metric.better == Better::Higher { " ↑" } else { "" };
        let mut cells = vec![(*words).to_owned(), format!("{}{arrow}", metric.unit)];
        let values = PEERS.map(|peer| measured.samples(peer, index).and_then(Summary::of));
        values[0]?;
        cells.extend(values.map(|it| it.map_or("–".to_owned(), |it| number(it.median))));
        lines.push(markdown::line(&cells));
    }
    Some(lines.join("\n") + "\n")
}

fn find<'a>(all: &'a [Measured], name: &str) -> Option<(&'a Measured, usize)> {
    all.iter().find_map(|measured| {
        let metrics = &measured.row.metrics;
        let index = metrics.iter().position(|metric| title(measured.row, metric) == name)?;
        Some((measured, index))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// As if each number were that of the peer's place in the row.
    fn measured_all(peers: &[PeerId]) -> Vec<Measured> {
        let measure = |row: &'static crate::rows::Row| {
            let samples = |place: usize| vec![vec![place as f64]; row.metrics.len()];
            let peers = peers.iter().enumerate().map(|(place, &peer)| (peer, samples(place)));
            Measured { row, peers: peers.collect() }
        };
        crate::rows::all().map(measure).collect()
    }

    #[test]
    fn each_row_of_it_is_one_of_the_big_table() {
        let table = table(&measured_all(&[PeerId::Filch, PeerId::Go])).expect("all is there");
        assert_eq!(table.lines().count(), ROWS.len() + 2);
        assert!(
            table.lines().nth(2).is_some_and(|line| line.ends_with("| 0.00 | – | – | 1.00 | – |"))
        );
    }

    #[test]
    fn a_run_of_some_rows_or_without_filch_leaves_it_alone() {
        assert!(table(&measured_all(&[PeerId::Tokio])).is_none());
        assert!(table(&measured_all(&[PeerId::Filch])[1..]).is_none());
    }

    #[test]
    fn the_front_page_has_a_place_for_it() {
        let page = fs::read_to_string(checkout::root("README.md").expect("a checkout"));
        assert!(page.expect("it is there").contains("<!-- headline: begin -->"));
    }
}
