//! Everything that was measured, for machines to read.

use std::{collections::BTreeMap, fmt::Write};

use crate::{
    args::Args,
    plan::Measured,
    rows::{Better, Target},
    stats::Summary,
    table::title,
};

/// A document of one object with numbers, one a line.
pub(crate) fn flat<'a>(numbers: impl Iterator<Item = (&'a str, f64)>) -> String {
    let lines: Vec<_> =
        numbers.map(|(name, x)| format!("  {}: {}", string(name), number(x))).collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

/// The numbers in such a document.
pub(crate) fn flat_numbers(text: &str) -> BTreeMap<String, f64> {
    let pairs = text.lines().filter_map(|line| line.trim().trim_end_matches(',').split_once(": "));
    pairs
        .filter_map(|(name, x)| Some((name.trim_matches('"').to_owned(), x.parse().ok()?)))
        .collect()
}

/// One JSON document: the header, and for each metric all samples of all peers.
pub(crate) fn document(header: &[String], args: &Args, rows: &[Measured]) -> String {
    let header: Vec<_> = header.iter().map(|line| string(line)).collect();
    let lines: Vec<_> = rows.iter().flat_map(metrics).collect();
    format!(
        "{{\n\"header\": [{}],\n\"workers\": {},\n\"rounds\": {},\n\"scale\": {},\n\"rows\": [\n{}\n]\n}}\n",
        header.join(", "),
        args.ctx.workers,
        args.rounds,
        args.ctx.scale,
        lines.join(",\n"),
    )
}

/// An object for each metric of the row.
fn metrics(measured: &Measured) -> impl Iterator<Item = String> + '_ {
    measured.row.metrics.iter().enumerate().map(|(index, metric)| {
        let (kind, target) = match metric.target {
            Target::None => ("none", f64::NAN),
            Target::Tokio(part) => ("of tokio", part),
            Target::Bare(part) => ("of bare", part),
            Target::Value(value) => ("value", value),
        };
        let peers = measured.peers.iter().enumerate().map(|(place, (peer, samples))| {
            let ratio = (place > 0).then(|| measured.ratio(*peer, index)).flatten();
            format!(
                "{}: {{\"value\": {}, \"ratio\": {}, \"samples\": [{}]}}",
                string(peer.name()),
                summary(Summary::of(&samples[index])),
                summary(ratio),
                samples[index].iter().map(|x| number(*x)).collect::<Vec<_>>().join(", "),
            )
        });
        format!(
            "{{\"row\": {}, \"unit\": {}, \"about\": {}, \"lower_is_better\": {}, \
             \"target\": {}, \"target_kind\": {}, \"verdict\": {}, \"peers\": {{{}}}}}",
            string(&title(measured.row, metric)),
            string(metric.unit),
            string(measured.row.about),
            metric.better == Better::Lower,
            number(target),
            string(kind),
            measured.verdict(index).map_or("null".to_owned(), |v| string(&v.mark())),
            peers.collect::<Vec<_>>().join(", "),
        )
    })
}

fn summary(summary: Option<Summary>) -> String {
    summary.map_or("null".to_owned(), |s| {
        format!(
            "{{\"median\": {}, \"low\": {}, \"high\": {}}}",
            number(s.median),
            number(s.low),
            number(s.high)
        )
    })
}

/// JSON has no number for what was not measured.
fn number(x: f64) -> String {
    if x.is_finite() { x.to_string() } else { "null".to_owned() }
}

fn string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                write!(quoted, "\\u{:04x}", c as u32).expect("a String takes everything");
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_numbers_come_back() {
        let text = flat([("a", 1.5), ("b_2", 300.0)].into_iter());
        let expected = BTreeMap::from([("a".to_owned(), 1.5), ("b_2".to_owned(), 300.0)]);
        assert_eq!(flat_numbers(&text), expected);
    }

    #[test]
    fn strings_are_escaped() {
        assert_eq!(string("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000a\"");
    }

    #[test]
    fn what_was_not_measured_is_null() {
        assert_eq!(number(f64::NAN), "null");
        assert_eq!(number(1.5), "1.5");
    }
}
