//! The table: as text while rows come in, as Markdown, and what the numbers are held against.

use std::{
    iter::{repeat, repeat_n},
    path::Path,
};

use crate::{
    markdown,
    peers::PeerId,
    plan::Measured,
    rows::{Better, Metric, Row, Target},
    stats::{Summary, ratio},
};

/// Whether the first peer is where it wants to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    /// The target is met, but this peer, faster than tokio, is still ahead.
    Behind(PeerId),
    Missed,
}

impl Verdict {
    pub(crate) fn mark(self) -> String {
        match self {
            Verdict::Met => "✓".to_owned(),
            Verdict::Behind(peer) => format!("behind {}", peer.name()),
            Verdict::Missed => "✗".to_owned(),
        }
    }
}

/// The name under which a metric stands in the table.
pub(crate) fn title(row: &Row, metric: &Metric) -> String {
    format!("{} {}", row.name, metric.name).trim_end().to_owned()
}

impl Measured {
    /// The samples of `peer` for the metric at `index`.
    pub(crate) fn samples(&self, peer: PeerId, index: usize) -> Option<&[f64]> {
        let (_, metrics) = self.peers.iter().find(|(id, _)| *id == peer)?;
        Some(&metrics[index])
    }

    /// What the first peer needs, as a part of what `peer` needs.
    pub(crate) fn ratio(&self, peer: PeerId, index: usize) -> Option<Summary> {
        ratio(&self.peers[0].1[index], self.samples(peer, index)?)
    }

    /// Targets are filch's: there is no verdict on others.
    pub(crate) fn verdict(&self, index: usize) -> Option<Verdict> {
        let (first, samples) = &self.peers[0];
        if !first.name().starts_with("filch") {
            return None;
        }
        let metric = &self.row.metrics[index];
        let reached = |value: f64, target: f64| match metric.better {
            Better::Lower => value <= target,
            Better::Higher => value >= target,
        };
        let met = match metric.target {
            Target::None => return None,
            Target::Value(target) => reached(Summary::of(&samples[index])?.median, target),
            Target::Bare(part) => reached(self.ratio(PeerId::Bare, index)?.median, part),
            Target::Tokio(part) => reached(self.ratio(PeerId::Tokio, index)?.median, part),
        };
        Some(match (met, metric.target) {
            (false, _) => Verdict::Missed,
            (true, Target::Tokio(_)) => {
                self.ahead(index, reached).map_or(Verdict::Met, Verdict::Behind)
            }
            (true, _) => Verdict::Met,
        })
    }

    /// A peer that beats tokio and the first one.
    fn ahead(&self, index: usize, reached: impl Fn(f64, f64) -> bool) -> Option<PeerId> {
        let tokio = Summary::of(self.samples(PeerId::Tokio, index)?)?.median;
        let others = self.peers.iter().skip(1).map(|(peer, _)| *peer);
        others.filter(|peer| *peer != PeerId::Bare && !peer.name().starts_with("filch")).find(
            |peer| {
                let theirs = self.samples(*peer, index).and_then(Summary::of);
                let beats_tokio = theirs.is_some_and(|theirs| reached(theirs.median, tokio));
                let ratio = self.ratio(*peer, index);
                beats_tokio && ratio.is_some_and(|ratio| !reached(ratio.median, 1.0))
            },
        )
    }
}

/// The columns for these peers.
pub(crate) struct Table {
    peers: Vec<PeerId>,
    lines: Vec<Vec<String>>,
}

impl Table {
    /// `serving`: whether rows with the bare loop are among those to come.
    pub(crate) fn new(peers: &[PeerId], serving: bool) -> Table {
        let bare = serving.then_some(PeerId::Bare);
        Table { peers: peers.iter().copied().chain(bare).collect(), lines: Vec::new() }
    }

    pub(crate) fn head(&self) -> Vec<String> {
        let base = self.peers[0].name();
        let mut head = vec!["row".to_owned(), "unit".to_owned()];
        head.extend(self.peers.iter().map(|peer| peer.name().to_owned()));
        head.extend(self.peers[1..].iter().map(|peer| format!("{base}/{}", peer.name())));
        head.extend(["target".to_owned(), "met".to_owned()]);
        head
    }

    /// `cells` in columns as wide as their kind needs, so that a line can be printed before the
    /// next ones are known.
    pub(crate) fn text(&self, cells: &[String]) -> String {
        let peers = self.peers.len();
        let widths = [36, 16].into_iter().chain(repeat_n(13, peers)).chain(repeat(21));
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().concat().trim_end().to_owned()
    }

    /// Adds the lines of `measured` and returns them as text.
    pub(crate) fn add(&mut self, measured: &Measured) -> Vec<String> {
        let before = self.lines.len();
        for (index, metric) in measured.row.metrics.iter().enumerate() {
            let arrow = if metric.better == Better::Higher { " ↑" } else { "" };
            let mut line = vec![title(measured.row, metric), format!("{}{arrow}", metric.unit)];
            line.extend(self.peers.iter().map(|peer| {
                let samples = measured.samples(*peer, index);
                samples.and_then(Summary::of).map_or("–".to_owned(), value)
            }));
            line.extend(self.peers[1..].iter().map(|peer| {
                measured.ratio(*peer, index).map_or("–".to_owned(), |r| {
                    format!("{:.2} ({:.2}–{:.2})", r.median, r.low, r.high)
                })
            }));
            line.push(target(metric));
            line.push(measured.verdict(index).map(Verdict::mark).unwrap_or_default());
            self.lines.push(line);
        }
        self.lines[before..].iter().map(|line| self.text(line)).collect()
    }

    /// Replaces what stands between the markers in `file` by `preamble` and this table.
    pub(crate) fn write_markdown(&self, file: &Path, preamble: &[String]) -> Result<(), String> {
        let preamble: String = preamble.iter().map(|line| format!("- {line}\n")).collect();
        let table = self.markdown(self.head().len());
        markdown::write_to(file, "table", &format!("{preamble}\n{table}"))
    }

    /// As Markdown, for peers that the targets are not about.
    pub(crate) fn without_targets(&self) -> String {
        self.markdown(self.head().len() - 2)
    }

    fn markdown(&self, columns: usize) -> String {
        let mut lines = markdown::rule(&self.head()[..columns]);
        lines.extend(self.lines.iter().map(|line| markdown::line(&line[..columns])));
        lines.join("\n") + "\n"
    }
}

fn value(summary: Summary) -> String {
    format!("{} ({:.0}%)", number(summary.median), summary.spread())
}

/// Three digits that matter.
pub(crate) fn number(x: f64) -> String {
    match x.abs() {
        100.0.. => format!("{x:.0}"),
        10.0.. => format!("{x:.1}"),
        _ => format!("{x:.2}"),
    }
}

fn target(metric: &Metric) -> String {
    let sign = if metric.better == Better::Higher { "≥" } else { "≤" };
    match metric.target {
        Target::None => String::new(),
        Target::Tokio(part) => format!("{sign}{part} tokio"),
        Target::Bare(part) => format!("{sign}{part} bare"),
        Target::Value(value) => format!("{sign}{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_digits() {
        assert_eq!([0.123, 12.34, 1234.5].map(number), ["0.12", "12.3", "1234"]);
    }

    #[test]
    fn ratios_compare_the_first_peer_to_the_others() {
        let row = crate::rows::all().next().unwrap();
        let peers = vec![(PeerId::Tokio, vec![vec![1.0]]), (PeerId::Smol, vec![vec![2.0]])];
        let measured = Measured { row, peers };
        assert_eq!(measured.ratio(PeerId::Smol, 0).unwrap().median, 0.5);
        assert!(measured.ratio(PeerId::Bare, 0).is_none());
        assert_eq!(measured.verdict(0), None);
    }
}
