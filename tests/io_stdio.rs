//! The standard streams, in a child process that has them to itself.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::io::{Read, Write};
#[cfg(unix)]
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};

use filch::io::{self, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use filch::runtime::Builder;
use support::{Gate, is_child, watch};

const CHILD: &str = "FILCH_TEST_CHILD";

/// Runs one test of this binary in a child that is told `input`, and returns what it says on its
/// output and its error output.
fn run(test: &str, input: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let (out, err) = std::thread::scope(|scope| {
        scope.spawn(move || drop(stdin.write_all(input)));
        let err = scope.spawn(move || {
            let mut bytes = Vec::new();
            stderr.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let mut out = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut out).unwrap();
        (out, err.join().unwrap())
    });
    assert!(child.wait().unwrap().success(), "{}", String::from_utf8_lossy(&err));
    (out, err)
}

fn contains(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}

#[test]
fn what_is_read_can_be_written() {
    let _watch = watch();
    if is_child() {
        return support::current().block_on(async {
            let (mut stdin, mut stdout, mut stderr) = (io::stdin(), io::stdout(), io::stderr());
            #[cfg(unix)]
            assert_eq!((stdin.as_raw_fd(), stdout.as_raw_fd(), stderr.as_raw_fd()), (0, 1, 2));
            let mut first = [0; 3];
            assert_eq!(stdin.read(&mut []).await.unwrap(), 0);
            stdin.read_exact(&mut first).await.unwrap();
            stdout.write_all(b"<").await.unwrap();
            stdout.write_all(&first).await.unwrap();
            let count = io::copy(&mut stdin, &mut stdout).await.unwrap();
            stdout.write_all(b">").await.unwrap();
            stdout.shutdown().await.unwrap();
            stderr.write_all(format!("[{count}]").as_bytes()).await.unwrap();
            stderr.flush().await.unwrap();
        });
    }
    let input: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
    let (out, err) = run("what_is_read_can_be_written", &input);
    assert!(contains(&out, &[b"<", input.as_slice(), b">"].concat()));
    assert!(contains(&err, format!("[{}]", input.len() - 3).as_bytes()));
}

#[test]
fn a_large_write_is_taken_over_in_part() {
    let _watch = watch();
    const LARGE: usize = 5 * 1024 * 1024;
    if is_child() {
        return support::multi(2).block_on(async {
            let bytes = vec![b'x'; LARGE];
            let mut stdout = io::stdout();
            assert_eq!(stdout.write(&bytes).await.unwrap(), 2 * 1024 * 1024);
            stdout.write_all(&bytes[2 * 1024 * 1024..]).await.unwrap();
            stdout.flush().await.unwrap();
        });
    }
    let (out, _) = run("a_large_write_is_taken_over_in_part", b"");
    assert!(contains(&out, &vec![b'x'; LARGE]));
}

#[test]
fn a_cancelled_read_loses_nothing() {
    let _watch = watch();
    if is_child() {
        return support::current().block_on(async {
            let mut lines = BufReader::new(io::stdin()).lines();
            let mut got = Vec::new();
            loop {
                // One poll starts the job and is given up; another future gets what it brings.
                filch::select! {
                    biased;
                    line = lines.next_line() => match line.unwrap() {
                        Some(line) => got.push(line),
                        None => break,
                    },
                    () = filch::task::yield_now() => {}
                }
            }
            let mut stdout = io::stdout();
            stdout.write_all(format!("{got:?}").as_bytes()).await.unwrap();
            stdout.flush().await.unwrap();
        });
    }
    let (out, _) = run("a_cancelled_read_loses_nothing", b"one\ntwo\nthree");
    assert!(contains(&out, br#"["one", "two", "three"]"#));
}

#[test]
fn what_a_large_read_brought_after_it_was_given_up_goes_to_small_ones() {
    let _watch = watch();
    if is_child() {
        let one = Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        return one.block_on(async {
            let mut stdin = io::stdin();
            let mut large = [0; 100];
            let waker = std::task::Waker::noop();
            // Until the first poll is over, the one thread has something else to do.
            let gate = Gate::new();
            let hold = gate.clone();
            drop(filch::task::spawn_blocking(move || hold.block()));
            assert!(support::poll_with(&mut stdin.read(&mut large), waker).is_pending());
            gate.open();
            let mut got = Vec::new();
            for _ in 0..3 {
                got.push(stdin.read_u8().await.unwrap());
            }
            stdin.read_to_end(&mut got).await.unwrap();
            let mut stdout = io::stdout();
            stdout.write_all(&[b"<", got.as_slice(), b">"].concat()).await.unwrap();
            stdout.flush().await.unwrap();
        });
    }
    let test = "what_a_large_read_brought_after_it_was_given_up_goes_to_small_ones";
    let (out, _) = run(test, b"abcdef");
    assert!(contains(&out, b"<abcdef>"));
}

#[test]
fn a_flush_hands_on_what_std_holds_back() {
    let _watch = watch();
    if is_child() {
        return support::current().block_on(async {
            let mut stdout = io::stdout();
            stdout.write_all(b"<no end of the line>").await.unwrap();
            stdout.flush().await.unwrap();
            // Nobody is left to do it later.
            std::process::abort();
        });
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_flush_hands_on_what_std_holds_back", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(contains(&output.stdout, b"<no end of the line>"), "{output:?}");
}

#[test]
fn a_write_that_fails_is_told_by_the_next_one() {
    let _watch = watch();
    if is_child() {
        return support::current().block_on(async {
            let mut line = String::new();
            BufReader::new(io::stdin()).read_line(&mut line).await.unwrap();
            // Longer than std's buffer, and nobody reads any more.
            let mut stdout = io::stdout();
            stdout.write_all(&[b'x'; 100_000]).await.unwrap();
            let error = stdout.flush().await.unwrap_err();
            let mut stderr = io::stderr();
            stderr.write_all(format!("<{:?}>", error.kind()).as_bytes()).await.unwrap();
            stderr.flush().await.unwrap();
            // The harness would find out as well.
            std::process::exit(0);
        });
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_write_that_fails_is_told_by_the_next_one", "--test-threads=2"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Once the harness has said what it has to say.
    let out = child.stdout.take().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(out));
    while lines.next().unwrap().unwrap() != "running 1 test" {}
    drop(lines);
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(contains(&output.stderr, b"<BrokenPipe>"), "{output:?}");
}

#[test]
fn without_a_runtime_a_read_says_so() {
    let _watch = watch();
    let message = support::panic_of(|| {
        let mut stdin = io::stdin();
        let mut bytes = [0; 1];
        support::poll_with(&mut stdin.read(&mut bytes), std::task::Waker::noop()).is_ready()
    });
    assert!(message.contains("runtime"), "{message}");
}
