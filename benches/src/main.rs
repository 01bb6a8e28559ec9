//! filch beside its peers: the same rows, in one process, by turns.
//!
//! | file | what |
//! |---|---|
//! | `args.rs` | the command line |
//! | `plan.rs` | who runs when |
//! | `peers/` | trait Peer and the runtimes behind it |
//! | `kits/` | locks and channels: the libraries in the rows about those |
//! | `rows/` | what is measured |
//! | `load/` | the load generator and the bare epoll loop |
//! | `probe.rs` | CPU, memory, processes of a peer's own |
//! | `stats.rs`, `table.rs`, `json.rs` | what comes of it |

mod args;
mod json;
mod kits;
mod load;
mod peers;
mod plan;
mod probe;
mod rows;
mod stats;
mod table;

use std::{env, fs, process::ExitCode, thread};

use crate::{args::Args, rows::How, table::Table};

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

    let header = header(&args);
    header.iter().for_each(|line| println!("{line}"));
    if rows.iter().any(|row| row.how == How::Traced) && !probe::has_strace() {
        println!("there is no strace here: system calls are not counted");
    }
    let serving = rows.iter().any(|row| row.how == How::Serving);
    let mut table = Table::new(&args.peers, serving);
    println!("\n{}", table.text(&table.head()));

    let watchdog = plan::Watchdog::start();
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let measured = plan::measure(row, &args, &watchdog);
        table.add(&measured).iter().for_each(|line| println!("{line}"));
        all.push(measured);
        // Row by row, so that a later row that hangs takes nothing away.
        if let Some(file) = &args.json {
            fs::write(file, json::document(&header, &args, &all))
                .map_err(|e| format!("{}: {e}", file.display()))?;
        }
    }
    args.markdown.as_ref().map_or(Ok(()), |file| table.write_markdown(file, &header))
}

/// What one must know to read the numbers.
fn header(args: &Args) -> Vec<String> {
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
    header.extend(args.peers.iter().map(|peer| {
        format!("{} {}: {}", peer.name(), peer.version().unwrap_or(""), peer.settings())
    }));
    header
}
