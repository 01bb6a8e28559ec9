//! filch beside its peers: the same rows, in one process, by turns.
//!
//! | file | what |
//! |---|---|
//! | `args.rs` | the command line |
//! | `plan.rs` | who runs when |
//! | `peers/` | trait Peer and the runtimes behind it |
//! | `foreign.rs` | peers in other languages |
//! | `kits/` | locks and channels: the libraries in the rows about those |
//! | `rows/` | what is measured |
//! | `load/` | the load generator and the bare epoll loop |
//! | `probe.rs` | CPU, memory, processes of a peer's own |
//! | `counts.rs` | instructions and system calls per operation |
//! | `scaling.rs` | what more workers do |
//! | `sections.rs` | tables of their own: libraries on one runtime, runtimes on one thread |
//! | `headline.rs` | the front page's table |
//! | `builds.rs` | what it costs to depend on it |
//! | `stats.rs`, `table.rs`, `markdown.rs`, `json.rs`, `svg.rs` | what comes of it |
//! | `checkout.rs` | where it is written |

mod args;
mod builds;
mod checkout;
mod counts;
mod foreign;
mod headline;
mod json;
mod kits;
mod load;
mod markdown;
mod peers;
mod plan;
mod probe;
mod rows;
mod scaling;
mod sections;
mod stats;
mod svg;
mod table;

use std::{env, fs, path::PathBuf, process::ExitCode, thread};

use crate::{
    args::{Args, Job},
    peers::PeerId,
    plan::Measured,
    rows::{How, Row},
    table::Table,
};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    probe::raise_open_files();
    let done = probe::serve_parent(&words).unwrap_or_else(|| run(&words));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<(), String> {
    if words.iter().any(|word| word == "--help" || word == "-h") {
        print!("{}", args::USAGE);
        return Ok(());
    }
    let args = Args::parse(words)?;
    let rows = rows::select(&args.rows)?;
    if args.list {
        rows.iter().for_each(|row| println!("{:<26} {}", row.name, row.about));
        return Ok(());
    }

    if args.write || args.baseline {
        // Before half an hour of measuring, not after it.
        checkout::file("README.md")?;
    }
    match args.job {
        Job::Counts => return counts::report(&args),
        Job::Check => return counts::check(&args),
        Job::Scaling => return scaling::report(&args),
        Job::Libraries => return sections::LIBRARIES.report(&args),
        Job::Single => return sections::SINGLE.report(&args),
        Job::Builds => return builds::report(&args),
        Job::Measure => {}
    }
    measure(&rows, &args)?;
    if args.write && args.rows.is_empty() {
        let args = args.without_peers();
        let reports: [Report; 5] = [
            |args| sections::SINGLE.report(args),
            counts::report,
            scaling::report,
            |args| sections::LIBRARIES.report(args),
            builds::report,
        ];
        for report in reports {
            println!();
            report(&args)?;
        }
    }
    Ok(())
}

type Report = fn(&Args) -> Result<(), String>;

fn measure(rows: &[&'static Row], args: &Args) -> Result<(), String> {
    let peers = present(args.peers.as_deref().unwrap_or(PeerId::DEFAULT));
    let header = header(args, &peers);
    header.iter().for_each(|line| println!("{line}"));
    if rows.iter().any(|row| row.how == How::Traced) && !probe::counts_calls() {
        println!("neither perf nor strace can count system calls here");
    }
    let serving = rows.iter().any(|row| row.how == How::Serving);
    let mut table = Table::new(&peers, serving);
    println!("\n{}", table.text(&table.head()));

    let watchdog = plan::Watchdog::start();
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let measured = plan::measure(row, &peers, args.rounds, &args.ctx, &watchdog);
        table.add(&measured).iter().for_each(|line| println!("{line}"));
        all.push(measured);
        // Row by row, so that a later row that hangs takes nothing away.
        write(args, &header, &all, &table)?;
    }
    if args.write { headline::write(&all) } else { Ok(()) }
}

/// The peers that can be started here; a word about each that is missing.
fn present(peers: &[PeerId]) -> Vec<PeerId> {
    let (here, missing): (Vec<_>, Vec<_>) =
        peers.iter().partition(|peer| !peer.is_foreign() || foreign::is_here(**peer));
    missing.iter().for_each(|peer: &PeerId| println!("{}: missing", peer.name()));
    here
}

/// Writes what has been measured to the files that are asked for.
fn write(args: &Args, header: &[String], all: &[Measured], table: &Table) -> Result<(), String> {
    let beside = |name| args.write.then(|| checkout::file(name)).transpose();
    let put = |file: PathBuf, text: String| {
        fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))
    };
    for file in args.json.clone().into_iter().chain(beside("results.json")?) {
        put(file, json::document(header, args, all))?;
    }
    for file in args.svg.clone().into_iter().chain(beside("results.svg")?) {
        put(file, svg::document(all))?;
    }
    for file in args.markdown.clone().into_iter().chain(beside("README.md")?) {
        table.write_markdown(&file, header)?;
    }
    Ok(())
}

/// What one must know to read the numbers.
fn header(args: &Args, peers: &[PeerId]) -> Vec<String> {
    let uname = rustix::system::uname();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut header = vec![
        format!(
            "{} {} on {}, {} cores; load before: {}",
            uname.sysname().to_string_lossy(),
            uname.release().to_string_lossy(),
            uname.machine().to_string_lossy(),
            thread::available_parallelism().map_or(0, usize::from),
            load.split(' ').next().unwrap_or("unknown"),
        ),
        format!(
            "{} workers, {} rounds by turns in one process, scale {}; the system's allocator; \
             TCP_NODELAY on; futures-channel's channels in the rows about scheduling",
            args.ctx.workers, args.rounds, args.ctx.scale,
        ),
        "medians (interquartile range in percent); ratios are medians of the rounds' ratios (with quartiles); \
         lower is better but where ↑ stands"
            .to_owned(),
    ];
    header.extend(peers.iter().map(|peer| {
        format!("{} {}: {}", peer.name(), peer.version().unwrap_or(""), peer.settings())
    }));
    header
}
