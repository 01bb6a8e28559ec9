//! What does not depend on how busy the machine is: instructions and system calls per operation.
//!
//! A row does so many operations in a process of its own, then more of them, and the difference of
//! the two counts is divided by the difference of the operations, so that starting and ending cancel
//! out. Instructions are valgrind's; the current-thread flavours run, and filch's clock stands still,
//! since its scheduler measures polls by it and valgrind makes them fifty times as long. System calls
//! are perf's or strace's, with a clock that runs.

use std::{collections::BTreeMap, fs, path::PathBuf};

use crate::{
    args::Args,
    checkout, json, markdown,
    peers::PeerId,
    probe,
    rows::{self, Ctx},
    table::number,
};

/// A row that can be counted.
#[derive(Clone, Copy)]
struct Counted {
    row: &'static str,
    /// What is asked for in the shorter and the longer run.
    few: usize,
    many: usize,
    /// How many operations are done for each one that is asked for.
    each: f64,
}

const fn counted(row: &'static str, few: usize, many: usize) -> Counted {
    Counted { row, few, many, each: 1.0 }
}

/// In the order of the table. Few are enough to warm up; the more an operation costs, the fewer.
const COUNTED: &[Counted] = &[
    counted("spawn_join", 1000, 6000),
    counted("spawn_join_now", 1000, 6000),
    counted("spawn_join_batch100", 1000, 6000),
    counted("spawn_detach", 1000, 6000),
    counted("join_set_1000", 2000, 6000),
    counted("group_1000", 2000, 6000),
    counted("gather_10k", 10_000, 30_000),
    counted("cancel_100k", 1000, 6000),
    counted("yield_1_task", 1000, 21_000),
    Counted { each: 2.0, ..counted("yield_2_tasks", 1000, 11_000) },
    Counted { each: 1000.0, ..counted("yield_1k_tasks", 5, 25) },
    counted("pingpong_oneshot", 1000, 6000),
    counted("pingpong_64pairs", 640, 6400),
    counted("chained_spawn", 2000, 7000),
    counted("fanout_fanin", 2000, 7000),
    counted("mutex_uncontended", 1000, 51_000),
    counted("mutex_10_tasks_yield", 1000, 6000),
    counted("rwlock_read", 1000, 51_000),
    counted("rwlock_write", 1000, 51_000),
    counted("semaphore_uncontended", 1000, 51_000),
    counted("semaphore_3_100_tasks", 1000, 6000),
    counted("notify_uncontended", 1000, 51_000),
    counted("notify_pingpong", 1000, 6000),
    counted("pingpong_mpsc", 1000, 6000),
    counted("pingpong_own_oneshot", 1000, 6000),
    counted("oneshot", 1000, 21_000),
    counted("mpsc_1000_1to1", 2000, 22_000),
    counted("mpsc_1000_4to1", 2000, 22_000),
    counted("mpsc_1_1to1", 1000, 6000),
    counted("mpsc_unbounded_1to1", 2000, 22_000),
    counted("mpsc_unbounded_4to1", 2000, 22_000),
    counted("mpmc_100_4to4", 2000, 12_000),
    counted("mpmc_unbounded_1to1", 2000, 22_000),
    counted("queue_1000_1to1", 2000, 22_000),
    counted("broadcast_1to1", 1024, 11_264),
    counted("broadcast_1to4", 1024, 6144),
    counted("watch_send", 1000, 51_000),
    counted("watch_1to4", 1000, 4000),
    counted("timer_create_drop", 1024, 11_264),
    counted("timeout_ready", 1000, 51_000),
    counted("timeout_scope", 1000, 11_000),
    counted("timeout_pending", 1000, 6000),
    counted("timeout_pending_mt100", 1000, 6000),
    // A tenth more of them are to warm up.
    Counted { each: 1.1, ..counted("echo_1", 100, 1100) },
    Counted { each: 1.1, ..counted("echo_64", 640, 7040) },
    counted("connect_close", 50, 450),
    counted("udp_pingpong", 100, 1100),
];

/// Who is counted unless `--peers` says otherwise.
const PEERS: [PeerId; 2] = [PeerId::FilchCt, PeerId::TokioCt];
/// The counts that filch's are held against.
const BASELINE: &str = "baseline.json";
/// How much a count may grow over the committed one: other processors and C libraries run other
/// instructions for the same source, in `memcpy` for instance.
const GROWTH_MAX: f64 = 1.10;

impl Counted {
    fn per_operation(&self, mut count: impl FnMut(usize) -> Option<f64>) -> f64 {
        let operations = (self.many - self.few) as f64 * self.each;
        match (count(self.few), count(self.many)) {
            (Some(few), Some(many)) => (many - few) / operations,
            _ => f64::NAN,
        }
    }

    fn instructions(&self, peer: PeerId) -> f64 {
        self.per_operation(|exact| {
            let ctx = Ctx { exact: Some(exact), frozen: true, ..Ctx::new(1, 1.0) };
            probe::instructions(self.row, peer, &ctx)
        })
    }

    fn system_calls(&self, peer: PeerId) -> f64 {
        self.per_operation(|exact| {
            let ctx = Ctx { exact: Some(exact), ..Ctx::new(1, 1.0) };
            probe::system_calls(self.row, peer, &ctx)
        })
    }
}

/// The rows that `patterns` choose and that can be counted.
fn chosen(patterns: &[String]) -> Result<Vec<Counted>, String> {
    let rows = rows::select(patterns)?;
    let named = |counted: &&Counted| rows.iter().any(|row| row.name == counted.row);
    let chosen: Vec<_> = COUNTED.iter().filter(named).copied().collect();
    match chosen.is_empty() {
        true => Err("none of these rows can be counted".to_owned()),
        false => Ok(chosen),
    }
}

/// Prints a table of counts, and writes it between its markers if asked to.
pub(crate) fn report(args: &Args) -> Result<(), String> {
    let peers: Vec<_> = args.peers.clone().unwrap_or(PEERS.to_vec());
    let (valgrind, perf) = (probe::has_valgrind(), probe::counts_calls());
    let head = head(&peers);
    println!("{}", markdown::rule(&head).join("\n"));
    let mut lines = markdown::rule(&head);
    let mut baseline = BTreeMap::new();
    for counted in chosen(&args.rows)? {
        let count = |can: bool, how: &dyn Fn(PeerId) -> f64| -> Vec<f64> {
            peers.iter().map(|peer| if can { how(*peer) } else { f64::NAN }).collect()
        };
        let instructions = count(valgrind, &|peer| counted.instructions(peer));
        let calls = count(perf && !args.baseline, &|peer| counted.system_calls(peer));
        let line = markdown::line(&cells(counted.row, &instructions, &calls));
        println!("{line}");
        lines.push(line);
        baseline.insert(counted.row, instructions[0]);
    }
    if args.baseline {
        write_baseline(&peers, &args.rows, &baseline)?;
    }
    match args.write {
        true => markdown::write("counts", &(lines.join("\n") + "\n")),
        false => Ok(()),
    }
}

fn head(peers: &[PeerId]) -> Vec<String> {
    let (base, others) = (peers[0].name(), &peers[1..]);
    let mut head = vec!["row".to_owned()];
    for what in ["instructions", "system calls"] {
        head.extend(peers.iter().map(|peer| format!("{what} {}", peer.name())));
        head.extend(others.iter().map(|peer| format!("{base}/{}", peer.name())));
    }
    head
}

fn cells(row: &str, instructions: &[f64], calls: &[f64]) -> Vec<String> {
    let shown = |x: f64, digits: usize| match x.is_finite() {
        true if digits == 0 => number(x),
        // A run that is a call shorter than another is no less than nothing.
        true => format!("{:.digits$}", x.max(0.0)),
        false => "–".to_owned(),
    };
    let mut cells = vec![row.to_owned()];
    for (counts, digits) in [(instructions, 0), (calls, 3)] {
        cells.extend(counts.iter().map(|count| shown(*count, digits)));
        // A call now and then, for the clock or to look outside, makes no ratio.
        let enough = |count: f64| digits == 0 || count >= 0.1;
        cells.extend(
            counts[1..]
                .iter()
                .map(|count| shown(if enough(*count) { counts[0] / count } else { f64::NAN }, 2)),
        );
    }
    cells
}

fn baseline_file() -> Result<PathBuf, String> {
    checkout::file(BASELINE)
}

fn write_baseline(
    peers: &[PeerId],
    rows: &[String],
    counts: &BTreeMap<&str, f64>,
) -> Result<(), String> {
    if peers[0] != PeerId::FilchCt || !rows.is_empty() {
        return Err("a baseline is of all rows, of filch-ct".to_owned());
    }
    in_release()?;
    let rounded = counts.iter().map(|(row, count)| (*row, (count * 10.0).round() / 10.0));
    let file = baseline_file()?;
    fs::write(&file, json::flat(rounded)).map_err(|e| format!("{}: {e}", file.display()))
}

/// Fails if an operation of filch takes more than a tenth more instructions than it did.
pub(crate) fn check(args: &Args) -> Result<(), String> {
    if !probe::has_valgrind() {
        println!("skipped: there is no valgrind here, so instructions are not counted");
        return Ok(());
    }
    in_release()?;
    let file = baseline_file()?;
    let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let before = json::flat_numbers(&text);
    let mut failed = Vec::new();
    for counted in chosen(&args.rows)? {
        let now = counted.instructions(PeerId::FilchCt);
        let verdict = Verdict::on(now, before.get(counted.row).copied());
        println!("{:<24} {:>9} {}", counted.row, number(now), verdict.words());
        if !verdict.is_fine() {
            failed.push(counted.row);
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "more instructions than in benches/{BASELINE}, or not counted: {}\n\
             if that has to be: cargo run --release -p benches -- counts --baseline",
            failed.join(", ")
        )),
    }
}

fn in_release() -> Result<(), String> {
    match cfg!(debug_assertions) {
        true => Err("counts of a debug build say nothing: run with --release".to_owned()),
        false => Ok(()),
    }
}

/// How a count compares with the committed one.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Verdict {
    Same(f64),
    Fewer(f64),
    More(f64),
    /// Nothing to compare it with.
    New,
    NotCounted,
}

impl Verdict {
    fn on(now: f64, before: Option<f64>) -> Verdict {
        match before.map(|before| now / before) {
            _ if !now.is_finite() => Verdict::NotCounted,
            None => Verdict::New,
            Some(ratio) if ratio > GROWTH_MAX => Verdict::More(ratio),
            Some(ratio) if ratio < 1.0 / GROWTH_MAX => Verdict::Fewer(ratio),
            Some(ratio) => Verdict::Same(ratio),
        }
    }

    fn is_fine(self) -> bool {
        !matches!(self, Verdict::More(_) | Verdict::NotCounted)
    }

    fn words(self) -> String {
        match self {
            Verdict::Same(ratio) => format!("{ratio:.3}"),
            Verdict::Fewer(ratio) => format!("{ratio:.3}, time for a new baseline"),
            Verdict::More(ratio) => format!("{ratio:.3}, MORE THAN ALLOWED"),
            Verdict::New => "not in the baseline".to_owned(),
            Verdict::NotCounted => "NOT COUNTED".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counted_row_is_a_row() {
        for counted in COUNTED {
            assert!(rows::all().any(|row| row.name == counted.row), "{}", counted.row);
            assert!(counted.few < counted.many, "{}", counted.row);
        }
    }

    #[test]
    fn starting_and_ending_cancel_out() {
        let row = Counted { each: 2.0, ..counted("spawn_join", 10, 110) };
        assert_eq!(row.per_operation(|n| Some(5000.0 + 2.0 * 7.0 * n as f64)), 7.0);
        assert!(row.per_operation(|n| (n > 50).then_some(1.0)).is_nan());
    }

    #[test]
    fn a_count_may_grow_by_a_tenth() {
        assert_eq!(Verdict::on(109.0, Some(100.0)), Verdict::Same(1.09));
        assert!(!Verdict::on(111.0, Some(100.0)).is_fine());
        assert!(!Verdict::on(f64::NAN, Some(100.0)).is_fine());
        assert!(Verdict::on(50.0, Some(100.0)).is_fine());
        assert!(Verdict::on(50.0, None).is_fine());
    }

    #[test]
    fn the_baseline_names_the_rows_that_are_counted() {
        let text = fs::read_to_string(baseline_file().expect("a checkout"));
        let text = text.expect("it is committed");
        let named: Vec<_> = json::flat_numbers(&text).into_keys().collect();
        let mut counted: Vec<_> = COUNTED.iter().map(|counted| counted.row).collect();
        counted.sort_unstable();
        assert_eq!(named, counted);
    }
}
