//! Peers in other languages: programs of their own, built and started where their tools are.
//!
//! Such a program knows four commands. `rows` names the rows it can run, `version` its language's
//! version, `row NAME WORKERS SCALE` runs one and prints its numbers, `serve WHAT WORKERS` serves as
//! [`Server`](crate::probe::Server) wants it. The sources are in `benches/peers/`.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use crate::{
    peers::PeerId,
    rows::{Ctx, Row, Sample},
};

/// How to start a peer, and what it can do.
struct Program {
    words: Vec<String>,
    rows: Vec<String>,
    version: String,
}

/// Where the Pythons are that may have uvloop: the system's, and the first on the path, which is often built
/// without profiles and takes twice as long.
const PYTHONS: [&str; 2] = ["/usr/bin/python3", "python3"];

/// Whether `peer` can be started here.
pub(crate) fn is_here(peer: PeerId) -> bool {
    program(peer).is_some()
}

/// Whether `peer` has the row of this name.
pub(crate) fn has(peer: PeerId, row: &str) -> bool {
    program(peer).is_some_and(|program| program.rows.iter().any(|known| known == row))
}

pub(crate) fn version(peer: PeerId) -> Option<&'static str> {
    program(peer).map(|program| program.version.as_str())
}

/// Runs `row` once.
pub(crate) fn sample(row: &Row, peer: PeerId, ctx: &Ctx) -> Sample {
    let (workers, scale) = (ctx.workers.to_string(), ctx.scale.to_string());
    let command = command(peer, &["row", row.name, &workers, &scale]);
    crate::probe::sample_of(command, &format!("{} on {}", row.name, peer.name()))
}

/// The program of `peer`, told what to do by `words`.
pub(crate) fn command(peer: PeerId, words: &[&str]) -> Command {
    let program = program(peer).expect("peers that are missing are not asked");
    let mut command = Command::new(&program.words[0]);
    command.args(&program.words[1..]).args(words);
    command
}

fn program(peer: PeerId) -> Option<&'static Program> {
    static GO: OnceLock<Option<Program>> = OnceLock::new();
    static UVLOOP: OnceLock<Option<Program>> = OnceLock::new();
    static ASYNCIO: OnceLock<Option<Program>> = OnceLock::new();
    match peer {
        PeerId::Go => GO.get_or_init(|| Program::with(go()?)),
        PeerId::Uvloop => UVLOOP.get_or_init(|| Program::with(python_with_uvloop()?)),
        PeerId::Asyncio => ASYNCIO.get_or_init(|| Program::with(python()?)),
        _ => return None,
    }
    .as_ref()
}

impl Program {
    /// Asks the program that these words start for what it can do.
    fn with(words: Vec<String>) -> Option<Program> {
        let ask = |what| said(Command::new(&words[0]).args(&words[1..]).arg(what));
        let rows = ask("rows")?.split_whitespace().map(str::to_owned).collect();
        let version = ask("version")?.trim().to_owned();
        Some(Program { words, rows, version })
    }
}

fn sources(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(language)
}

/// Builds the program in Go beside this one.
fn go() -> Option<Vec<String>> {
    let built = env::current_exe().ok()?.with_file_name("benches-peer-go").to_str()?.to_owned();
    said(Command::new("go").args(["build", "-o", &built, "."]).current_dir(sources("go")))?;
    Some(vec![built])
}

fn python_with_uvloop() -> Option<Vec<String>> {
    let has = |python: &&str| said(Command::new(python).args(["-c", "import uvloop"])).is_some();
    Some(start_python(PYTHONS.iter().find(|python| has(python))?, "uvloop"))
}

/// The same Python as for uvloop, if there is such a one.
fn python() -> Option<Vec<String>> {
    let python = match program(PeerId::Uvloop) {
        Some(program) => &program.words[0],
        None => *PYTHONS.iter().find(|python| said(Command::new(python).arg("-V")).is_some())?,
    };
    Some(start_python(python, "asyncio"))
}

fn start_python(python: &str, event_loop: &str) -> Vec<String> {
    let main = sources("python").join("main.py");
    vec![python.to_owned(), main.to_string_lossy().into_owned(), event_loop.to_owned()]
}

/// What a command printed; `None` if there is no such program or it failed.
fn said(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
