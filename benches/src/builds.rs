//! What it costs to depend on filch or a peer: crates that are downloaded, seconds of a clean build, and of
//! one's own code.

use std::{
    collections::BTreeSet,
    env, fs,
    ops::Range,
    path::{Path, PathBuf},
    process::{self, Command},
    time::Instant,
};

use crate::{args::Args, checkout, markdown, stats::Summary, table::number};

/// Whom a crate may depend on.
struct Peer {
    name: &'static str,
    /// What stands under `[dependencies]`; `{}` is the checkout.
    dependency: &'static str,
    spawn: &'static str,
    yield_now: &'static str,
}

const PEERS: [Peer; 3] = [
    Peer {
        name: "filch",
        dependency: "filch = { path = \"{}\", features = [\"full\"] }",
        spawn: "filch::spawn",
        yield_now: "filch::task::yield_now",
    },
    Peer {
        name: "tokio",
        dependency: "tokio = { version = \"1\", features = [\"full\"] }",
        spawn: "tokio::spawn",
        yield_now: "tokio::task::yield_now",
    },
    Peer {
        name: "smol",
        dependency: "smol = \"2\"",
        spawn: "smol::spawn",
        yield_now: "smol::future::yield_now",
    },
];
/// So many different futures are spawned by a crate.
const TASKS: usize = 200;
/// A build takes long, and about as long each time.
const ROUNDS: usize = 3;
const PROFILES: [(&str, &[&str]); 2] = [("debug", &[]), ("release", &["--release"])];

/// Prints a table with a line for each peer, and writes it if asked to.
pub(crate) fn report(args: &Args) -> Result<(), String> {
    let folder = Folder::new()?;
    let users = PEERS
        .iter()
        .map(|peer| User::new(&folder.0.join(peer.name), peer))
        .collect::<Result<Vec<_>, _>>()?;
    // This downloads what is missing, which is no part of a build.
    let crates = users.iter().map(User::crates).collect::<Result<Vec<_>, _>>()?;
    let mut seconds = [const { [const { Vec::new() }; 2 * PROFILES.len()] }; PEERS.len()];
    for _ in 0..args.rounds.min(ROUNDS) {
        for ((user, peer), seconds) in users.iter().zip(&PEERS).zip(&mut seconds) {
            for ((_, flags), seconds) in PROFILES.iter().zip(seconds.chunks_exact_mut(2)) {
                // What is not there need not be removed.
                let _ = fs::remove_dir_all(user.target());
                user.write("fn main() {}\n")?;
                seconds[0].push(user.build(flags)?);
                user.write(&spawns(peer, 0..TASKS))?;
                seconds[1].push(user.build(flags)?);
            }
        }
    }

    let mut head = vec!["with all features".to_owned(), "crates".to_owned()];
    for (profile, _) in PROFILES {
        head.extend([format!("{profile}, s"), format!("{profile}, {TASKS} tasks, s")]);
    }
    let mut lines = markdown::rule(&head);
    for ((peer, crates), seconds) in PEERS.iter().zip(&crates).zip(&seconds) {
        let median = |all: &Vec<f64>| number(Summary::of(all).map_or(f64::NAN, |s| s.median));
        let mut cells = vec![peer.name.to_owned(), crates.to_string()];
        cells.extend(seconds.iter().map(median));
        lines.push(markdown::line(&cells));
    }
    println!("{}", lines.join("\n"));
    match args.write {
        true => markdown::write("builds", &(lines.join("\n") + "\n")),
        false => Ok(()),
    }
}

/// A folder for a while.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Folder, String> {
        let folder = env::temp_dir().join(format!("filch-builds-{}", process::id()));
        fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        Ok(Folder(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A program that could spawn tasks with these numbers, each with a future of its own.
fn spawns(peer: &Peer, tasks: Range<usize>) -> String {
    let Peer { spawn, yield_now, .. } = peer;
    let calls: String =
        tasks.clone().map(|n| format!("        drop(task_{n}(s.clone()));\n")).collect();
    let tasks = tasks.map(|n| {
        format!(
            "fn task_{n}(s: String) -> impl Sized {{\n    \
             {spawn}(async move {{\n        {yield_now}().await;\n        s.len() + {n}\n    }})\n}}\n"
        )
    });
    let main =
        "fn main() {\n    let s = std::env::args().collect::<String>();\n    if s.is_empty() {\n";
    format!("{main}{calls}    }}\n}}\n") + &tasks.collect::<String>()
}

/// A crate that depends on a peer.
struct User(PathBuf);

impl User {
    fn new(folder: &Path, peer: &Peer) -> Result<User, String> {
        let wrong = |e| format!("{}: {e}", folder.display());
        let benches = checkout::file("Cargo.toml")?;
        let root = benches.ancestors().nth(2).expect("the package lies in the workspace");
        let manifest = format!(
            "[package]\nname = \"user\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n\
             [dependencies]\n{}\n",
            peer.dependency.replace("{}", &root.display().to_string())
        );
        fs::create_dir_all(folder.join("src")).map_err(wrong)?;
        fs::write(folder.join("Cargo.toml"), manifest).map_err(wrong)?;
        let user = User(folder.to_owned());
        // There is no tree of dependencies without a program.
        user.write("fn main() {}\n")?;
        // The same versions as in the table.
        fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).map_err(wrong)?;
        Ok(user)
    }

    fn write(&self, program: &str) -> Result<(), String> {
        let file = self.0.join("src/main.rs");
        fs::write(&file, program).map_err(|e| format!("{}: {e}", file.display()))
    }

    /// The seconds that a build takes of what is not built.
    fn build(&self, flags: &[&str]) -> Result<f64, String> {
        let start = Instant::now();
        self.cargo(&[&["build", "--quiet"], flags].concat())?;
        Ok(start.elapsed().as_secs_f64())
    }

    /// How many crates are built.
    fn crates(&self) -> Result<usize, String> {
        let tree = self.cargo(&["tree", "-e", "normal,build", "--prefix", "none"])?;
        Ok(different(&tree))
    }

    fn cargo(&self, words: &[&str]) -> Result<String, String> {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
        let cargo = cargo.args(words).current_dir(&self.0).env("CARGO_TARGET_DIR", self.target());
        let output = cargo.output().map_err(|e| format!("cargo does not start: {e}"))?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    fn target(&self) -> PathBuf {
        self.0.join("target")
    }
}

/// How many crates stand in what `cargo tree` says, the first one not among them.
fn different(tree: &str) -> usize {
    let crates = tree.lines().skip(1).map(|line| line.trim_end_matches(" (*)"));
    crates.filter(|line| !line.is_empty()).collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_is_needed_twice_counts_once() {
        let tree = "user v0.1.0 (/user)\na v1.0.0\nb v1.0.0\nb v1.0.0 (*)\nb v2.0.0\n";
        assert_eq!(different(tree), 3);
    }

    /// A program, compiled along with this test, as text without spaces.
    macro_rules! compiled {
        ($($item:item)+) => {{
            #[allow(dead_code)]
            mod program {
                $($item)+
            }
            bare(stringify!($($item)+))
        }};
    }

    /// The program of one task.
    macro_rules! spawns {
        ($spawn:path, $yield_now:path) => {
            compiled! {
                fn main() {
                    let s = std::env::args().collect::<String>();
                    if s.is_empty() {
                        drop(task_7(s.clone()));
                    }
                }
                fn task_7(s: String) -> impl Sized {
                    $spawn(async move {
                        $yield_now().await;
                        s.len() + 7
                    })
                }
            }
        };
    }

    fn bare(program: &str) -> String {
        program.split_whitespace().collect()
    }

    #[test]
    fn what_is_built_is_what_the_compiler_takes() {
        let [filch, tokio, smol] = PEERS.map(|peer| bare(&spawns(&peer, 7..8)));
        assert_eq!(filch, spawns!(filch::spawn, filch::task::yield_now));
        assert_eq!(tokio, spawns!(tokio::spawn, tokio::task::yield_now));
        assert_eq!(smol, spawns!(smol::spawn, smol::future::yield_now));
        // Each task is spawned, and is one of its own.
        let many = spawns(&PEERS[0], 0..TASKS);
        for n in 0..TASKS {
            assert_eq!(many.matches(&format!("drop(task_{n}(s.clone()))")).count(), 1);
            assert_eq!(many.matches(&format!("fn task_{n}(s: String)")).count(), 1);
        }
    }
}
