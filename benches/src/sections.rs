//! Libraries of locks and channels, all of them on filch's runtime.

use crate::{
    args::Args,
    markdown,
    peers::PeerId,
    plan::{self, Watchdog},
    rows,
    table::Table,
};

/// The rows that run unless others are named: how their names begin.
const ROWS: [&str; 11] = [
    "mutex",
    "rwlock",
    "semaphore",
    "notify",
    "pingpong_mpsc",
    "pingpong_own_oneshot",
    "oneshot",
    "mpsc",
    "mpmc",
    "queue",
    "broadcast",
];
/// Who is measured unless `--peers` says otherwise.
const PEERS: [PeerId; 5] =
    [PeerId::Filch, PeerId::TokioSync, PeerId::SmolSync, PeerId::Flume, PeerId::Kanal];

/// Prints a table with a column for each library, and writes it if asked to.
pub(crate) fn report(args: &Args) -> Result<(), String> {
    let named = ROWS.map(str::to_owned);
    let rows = rows::select(if args.rows.is_empty() { &named } else { &args.rows })?;
    let peers: Vec<_> = args.peers.clone().unwrap_or(PEERS.to_vec());
    let mut table = Table::new(&peers, false);
    println!("{}", table.text(&table.head()));
    let watchdog = Watchdog::start();
    for row in rows {
        let measured = plan::measure(row, &peers, args.rounds, &args.ctx, &watchdog);
        table.add(&measured).iter().for_each(|line| println!("{line}"));
    }
    match args.write {
        true => markdown::write("libraries", &table.without_targets()),
        false => Ok(()),
    }
}
