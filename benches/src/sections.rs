//! Tables of their own: some rows among peers that are alike in what the big table does not ask for.

use crate::{
    args::Args,
    markdown,
    peers::PeerId,
    plan::{self, Watchdog},
    rows::{self, How},
    table::Table,
};

/// Such a table.
pub(crate) struct Section {
    /// Where it stands in the README.
    part: &'static str,
    /// The rows that run unless others are named: how their names begin.
    rows: &'static [&'static str],
    /// Who is measured unless `--peers` says otherwise.
    peers: &'static [PeerId],
}

/// Libraries of locks and channels, all of them on filch's runtime.
pub(crate) const LIBRARIES: Section = Section {
    part: "libraries",
    rows: &[
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
    ],
    peers: &[PeerId::Filch, PeerId::TokioSync, PeerId::SmolSync, PeerId::Flume, PeerId::Kanal],
};

/// Runtimes on one thread.
pub(crate) const SINGLE: Section = Section {
    part: "single",
    rows: &[
        "spawn_join",
        "yield_1k_tasks",
        "pingpong_64pairs",
        "timeout_pending",
        "echo_1",
        "echo_64",
        "load",
        "http_keepalive",
        "fair",
        "light_load",
    ],
    peers: &[PeerId::FilchCt, PeerId::TokioCt, PeerId::Uvloop, PeerId::Asyncio],
};

impl Section {
    /// Prints a table with a column for each peer, and writes it if asked to.
    pub(crate) fn report(&self, args: &Args) -> Result<(), String> {
        let named: Vec<_> = self.rows.iter().map(|&row| row.to_owned()).collect();
        let rows = rows::select(if args.rows.is_empty() { &named } else { &args.rows })?;
        let peers = args.peers.clone().unwrap_or(self.peers.to_vec());
        let peers = super::present(&peers);
        let serving = rows.iter().any(|row| row.how == How::Serving);
        let mut table = Table::new(&peers, serving);
        println!("{}", table.text(&table.head()));
        let watchdog = Watchdog::start();
        for row in rows {
            let measured = plan::measure(row, &peers, args.rounds, &args.ctx, &watchdog);
            table.add(&measured).iter().for_each(|line| println!("{line}"));
        }
        match args.write {
            true => markdown::write(self.part, &table.without_targets()),
            false => Ok(()),
        }
    }
}
