//! Every row runs on every runtime, with hardly any operations: what is measured is there to measure.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

use std::{
    env, fs,
    path::PathBuf,
    process::{self, Command, Output},
};

fn benches(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_benches")).args(args).output().expect("it starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A file for one test, removed with this.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        Scratch(env::temp_dir().join(format!("filch-benches-{}-{name}", process::id())))
    }

    fn name(&self) -> &str {
        self.0.to_str().expect("a plain path")
    }

    fn read(&self) -> String {
        fs::read_to_string(&self.0).expect("it has been written")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A test that has failed may not have written it.
        let _ = fs::remove_file(&self.0);
    }
}

/// Runs rows with hardly any operations; the lines of the JSON document, one for each metric.
fn tiny_run(peers: &str, rows: &[&str]) -> (Output, Vec<String>) {
    let json = Scratch::new(&peers.replace(',', "-"));
    let mut args =
        vec!["--rounds", "1", "--scale", "0.0005", "--json", json.name(), "--peers", peers];
    args.extend(rows);
    let output = benches(&args);
    let errors = text(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(!errors.contains("is left out"), "{errors}");
    let lines = json
        .read()
        .lines()
        .filter(|line| line.starts_with("{\"row\""))
        .map(str::to_owned)
        .collect();
    (output, lines)
}

/// Whether `peer` has a number in that line.
fn measured(line: &str, peer: &str) -> bool {
    line.contains(&format!("\"{peer}\": {{\"value\": {{\"median\""))
}

/// Rows that need a program which may be missing.
fn needs_a_tool(line: &str) -> bool {
    ["echo_syscalls", "http_wrk"].iter().any(|row| line.contains(row))
}

#[test]
fn every_row_runs_on_every_runtime() {
    let (_, lines) = tiny_run("filch,tokio,smol", &[]);
    let listed = text(&benches(&["--list"]).stdout).lines().count();
    assert!(listed > 60 && lines.len() >= listed, "{listed} rows, {} metrics", lines.len());
    for line in lines.iter().filter(|line| !needs_a_tool(line)) {
        assert!(measured(line, "filch"), "{line}");
        // tokio has no channel with many receivers.
        let only_filch = line.contains("\"row\": \"mpmc_") || line.contains("\"row\": \"queue_");
        assert!(only_filch || measured(line, "tokio"), "{line}");
    }
}

#[test]
fn other_flavours_and_libraries_run_the_rows_they_have() {
    let peers = "filch-ct,tokio-ct,smol-static,tokio-sync,smol-sync,flume,kanal";
    let rows = ["spawn_join", "group_1000", "echo_1", "pingpong_mpsc", "mutex_uncontended"];
    let (_, lines) = tiny_run(peers, &rows);
    for line in &lines {
        let libraries = line.contains("mpsc");
        for peer in ["filch-ct", "tokio-ct", "smol-static"] {
            assert!(measured(line, peer), "{peer} in {line}");
        }
        assert_eq!(measured(line, "flume"), libraries, "{line}");
    }
}

#[test]
fn other_languages_run_or_are_said_to_be_missing() {
    let rows = ["spawn_join", "timeout_pending", "echo_1", "load_64", "http_keepalive", "idle_10k"];
    let (output, lines) = tiny_run("filch,go,uvloop,asyncio", &rows);
    let said = text(&output.stdout);
    for peer in ["go", "uvloop", "asyncio"] {
        let missing = said.contains(&format!("{peer}: missing"));
        for line in &lines {
            assert_ne!(measured(line, peer), missing, "{peer} in {line}");
        }
    }
}

#[test]
fn a_run_leaves_a_table_and_a_picture() {
    let (markdown, svg) = (Scratch::new("table.md"), Scratch::new("picture.svg"));
    fs::write(&markdown.0, "before\n<!-- table: begin --><!-- table: end -->\nafter\n")
        .expect("there is room");
    let output = benches(&[
        "oneshot",
        "--peers",
        "filch,tokio",
        "--rounds",
        "2",
        "--scale",
        "0.0005",
        "--markdown",
        markdown.name(),
        "--svg",
        svg.name(),
    ]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = markdown.read();
    assert!(table.starts_with("before\n") && table.ends_with("\nafter\n"), "{table}");
    assert!(table.contains("| oneshot | ns |"), "{table}");
    assert!(svg.read().contains(">oneshot</text>"));
}

#[test]
fn counts_do_not_depend_on_the_run() {
    let counted = || text(&benches(&["counts", "spawn_join_batch100"]).stdout);
    let instructions = |table: &str| -> Option<f64> {
        let line = table.lines().find(|line| line.contains("| spawn_join_batch100"))?;
        line.split('|').nth(2)?.trim().parse().ok()
    };
    match (instructions(&counted()), instructions(&counted())) {
        (Some(one), Some(other)) => {
            assert!(one > 10.0, "a task costs more than {one} instructions");
            assert!((one / other - 1.0).abs() < 0.01, "{one} and {other}");
        }
        _ => println!("skipped: there is no valgrind here"),
    }
}

#[test]
fn what_is_not_understood_is_told() {
    for args in [&["no_such_row"][..], &["--peers", "nobody"], &["--rounds", "0"], &["--what"]] {
        let output = benches(args);
        assert!(!output.status.success(), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}
