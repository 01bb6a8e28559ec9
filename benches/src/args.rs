//! The command line.

use std::{path::PathBuf, str::FromStr};

use crate::{peers::PeerId, rows::Ctx};

pub(crate) const USAGE: &str = "\
usage: benches [single | counts | check | scaling | libraries | builds] [ROW…] [options]

ROW is a row's name or how it begins; without any, all rows run.

  single            filch, tokio and asyncio's loops, each on one thread
  counts            instructions and system calls per operation, on one thread
  check             fail if filch needs more instructions than benches/baseline.json says
  scaling           contended rows with 2, 4, 8 and 16 workers
  libraries         locks and channels of several libraries, on filch's runtime
  builds            crates and seconds of a clean build, of filch, tokio and smol

  --list            name the rows and stop
  --peers A,B,…     whom to measure beside filch; ratios are the first one's to each of the others
  --rounds N        samples per row and peer (7; 3 with --quick)
  --quick           few rounds, a fifth of the operations
  --scale X         this part of the operations (1; 0.2 with --quick)
  --workers N       threads of each runtime (2)
  --json FILE       write everything measured
  --markdown FILE   write the table between the markers in FILE
  --svg FILE        draw the ratios
  --write           write it into benches/README.md, and results.json and results.svg beside it;
                    without a ROW, all the others too
  --baseline        with counts: write benches/baseline.json
";

/// What kind of numbers is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Measure,
    Counts,
    Check,
    Scaling,
    Libraries,
    Single,
    Builds,
}

/// What to do.
#[derive(Clone, Debug)]
pub(crate) struct Args {
    pub(crate) job: Job,
    pub(crate) rows: Vec<String>,
    /// Whom `--peers` names.
    pub(crate) peers: Option<Vec<PeerId>>,
    pub(crate) rounds: usize,
    pub(crate) ctx: Ctx,
    pub(crate) list: bool,
    pub(crate) json: Option<PathBuf>,
    pub(crate) markdown: Option<PathBuf>,
    pub(crate) svg: Option<PathBuf>,
    pub(crate) write: bool,
    pub(crate) baseline: bool,
}

impl Args {
    /// Reads `words`, the program's name not among them.
    pub(crate) fn parse(words: &[String]) -> Result<Args, String> {
        let mut args = Args {
            job: Job::Measure,
            rows: Vec::new(),
            peers: None,
            rounds: 7,
            ctx: Ctx::new(2, 1.0),
            list: false,
            json: None,
            markdown: None,
            svg: None,
            write: false,
            baseline: false,
        };
        if words.iter().any(|word| word == "--quick") {
            args.rounds = 3;
            args.ctx.scale = 0.2;
        }
        let mut words = words.iter().peekable();
        if let Some(job) = words.peek().and_then(|word| Job::named(word)) {
            args.job = job;
            words.next();
        }
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => {}
                "--list" => args.list = true,
                "--write" => args.write = true,
                "--baseline" => args.baseline = true,
                "--peers" => args.peers = Some(peers(value(word, words.next())?)?),
                "--rounds" => args.rounds = number(word, words.next())?,
                "--scale" => args.ctx.scale = number(word, words.next())?,
                "--workers" => args.ctx.workers = number(word, words.next())?,
                "--json" => args.json = Some(value(word, words.next())?.into()),
                "--markdown" => args.markdown = Some(value(word, words.next())?.into()),
                "--svg" => args.svg = Some(value(word, words.next())?.into()),
                flag if flag.starts_with('-') => return Err(format!("what is `{flag}`?\n{USAGE}")),
                row => args.rows.push(row.to_owned()),
            }
        }
        match args {
            Args { rounds: 0, .. } => Err("--rounds: at least one".to_owned()),
            Args { ctx: Ctx { workers: 0, .. }, .. } => Err("--workers: at least one".to_owned()),
            Args { ctx: Ctx { scale, .. }, .. } if scale.is_nan() || scale <= 0.0 => {
                Err("--scale: more than nothing".to_owned())
            }
            args => Ok(args),
        }
    }
}

impl Args {
    /// The same for jobs that have their own peers.
    pub(crate) fn without_peers(&self) -> Args {
        Args { peers: None, ..self.clone() }
    }
}

impl Job {
    fn named(word: &str) -> Option<Job> {
        match word {
            "counts" => Some(Job::Counts),
            "check" => Some(Job::Check),
            "scaling" => Some(Job::Scaling),
            "libraries" => Some(Job::Libraries),
            "single" => Some(Job::Single),
            "builds" => Some(Job::Builds),
            _ => None,
        }
    }
}

fn peers(names: &str) -> Result<Vec<PeerId>, String> {
    let mut peers: Vec<PeerId> = names.split(',').map(str::parse).collect::<Result<_, _>>()?;
    // Somebody has to be compared with the others: filch, unless one of its flavours is named.
    if !peers.iter().any(|peer| matches!(peer, PeerId::Filch | PeerId::FilchCt)) {
        peers.insert(0, PeerId::Filch);
    }
    // The bare loop takes part where it can, asked or not.
    peers.retain(|peer| *peer != PeerId::Bare);
    match peers.is_empty() {
        true => Err("--peers: at least one that is a runtime".to_owned()),
        false => Ok(peers),
    }
}

fn value<'a>(flag: &str, next: Option<&'a String>) -> Result<&'a str, String> {
    next.map(String::as_str).ok_or_else(|| format!("{flag} wants a value"))
}

fn number<T: FromStr>(flag: &str, next: Option<&String>) -> Result<T, String> {
    let text = value(flag, next)?;
    text.parse().map_err(|_| format!("{flag}: `{text}` is not a number it can use"))
}
