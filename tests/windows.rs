//! What is different on Windows: children, whose handles are watched, and the names of files.
#![cfg(windows)]
#![cfg(all(feature = "fs", feature = "process"))]
#![allow(unsafe_code)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::future::pending;
use std::io::{ErrorKind, Write as _};
use std::os::windows::io::{AsHandle as _, AsRawHandle as _};
use std::process::Stdio;
use std::time::Duration;

use filch::cancel::with_cleanup;
use filch::io::{AsyncReadExt, AsyncWriteExt};
use filch::process::{Command, create_subprocess_shell};
use filch::runtime::Runner;
use filch::time::timeout;
use support::{at_once, is_child, multi, on_each_flavour, watch, within};

/// One test of this binary, to be run in a child that is told and tells by pipes.
fn child(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env("FILCH_TEST_CHILD", "1");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn a_child_says_how_it_ended() {
    let _watch = watch();
    on_each_flavour(|rt| {
        rt.block_on(async {
            let mut child = Command::new("cmd").args(["/c", "exit 7"]).spawn().unwrap();
            assert!(child.id().is_some() && child.raw_handle().is_some());
            assert_eq!(within(child.wait()).await.unwrap().code(), Some(7));
            assert_eq!(child.wait().await.unwrap().code(), Some(7));
            assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(7));
            assert!(child.id().is_none() && child.raw_handle().is_none());
            child.start_kill().unwrap();
            assert_eq!(child.terminate().unwrap_err().kind(), ErrorKind::InvalidInput);
            let missing = Command::new("no-such-program").spawn().unwrap_err();
            assert_eq!(missing.kind(), ErrorKind::NotFound);
        });
    });
}

#[test]
fn the_shell_gets_the_line_as_it_is() {
    let _watch = watch();
    let output = multi(2).block_on(within(async {
        create_subprocess_shell("echo \"one\"&& echo two>&2").output().await.unwrap()
    }));
    assert_eq!(output.stdout.trim_ascii(), b"\"one\"");
    assert_eq!(output.stderr.trim_ascii(), b"two");
}

#[test]
fn many_children_that_end_together_are_all_heard() {
    let _watch = watch();
    if is_child() {
        let mut code = String::new();
        std::io::stdin().read_line(&mut code).unwrap();
        std::process::exit(code.trim().parse().unwrap());
    }
    on_each_flavour(|rt| {
        rt.block_on(async {
            let mut gates = Vec::new();
            let mut waits = Vec::new();
            for _ in 0..10 {
                let mut child =
                    child("many_children_that_end_together_are_all_heard").spawn().unwrap();
                gates.push(child.stdin.take().unwrap());
                waits.push(filch::spawn(async move { child.wait().await.unwrap().code() }));
            }
            for (code, gate) in gates.iter_mut().enumerate() {
                gate.write_all(format!("{code}\n").as_bytes()).await.unwrap();
                gate.flush().await.unwrap();
            }
            for (code, wait) in waits.into_iter().enumerate() {
                assert_eq!(within(wait).await.unwrap(), Some(code as i32));
            }
        });
    });
}

#[test]
fn pipes_carry_more_than_they_hold() {
    let _watch = watch();
    if is_child() {
        std::io::copy(&mut std::io::stdin().lock(), &mut std::io::stderr().lock()).unwrap();
        return;
    }
    let input: Vec<u8> = (0..1_000_000u32).map(|n| (n % 251) as u8).collect();
    on_each_flavour(|rt| {
        let output = rt.block_on(within(async {
            let mut child = child("pipes_carry_more_than_they_hold").spawn().unwrap();
            child.communicate(Some(&input)).await.unwrap()
        }));
        assert!(output.status.success());
        assert!(output.stderr == input);
    });
}

#[test]
fn a_child_is_killed_and_its_pipes_end() {
    let _watch = watch();
    if is_child() {
        std::io::stdout().write_all(b"here").unwrap();
        std::io::stdout().flush().unwrap();
        loop {
            std::thread::park();
        }
    }
    on_each_flavour(|rt| {
        rt.block_on(async {
            let mut killed = child("a_child_is_killed_and_its_pipes_end").spawn().unwrap();
            assert!(timeout(Duration::from_millis(20), killed.wait()).await.is_err());
            assert!(killed.try_wait().unwrap().is_none());
            within(killed.kill()).await.unwrap();
            assert_eq!(killed.wait().await.unwrap().code(), Some(1));
            let mut said = Vec::new();
            let mut stdout = killed.stdout.take().unwrap();
            within(stdout.read_to_end(&mut said)).await.unwrap();

            let mut dropped = child("a_child_is_killed_and_its_pipes_end");
            let mut dropped = dropped.kill_on_drop(true).spawn().unwrap();
            let mut stdout = dropped.stdout.take().unwrap();
            let mut waiting = Box::pin(async move { dropped.wait().await });
            assert!(at_once(&mut waiting).is_none());
            drop(waiting);
            within(stdout.read_to_end(&mut said)).await.unwrap();

            let mut stopped = child("a_child_is_killed_and_its_pipes_end").spawn().unwrap();
            let status = within(stopped.terminate_then_kill(Duration::from_secs(3600))).await;
            assert_eq!(status.unwrap().code(), Some(1));
        });
    });
}

#[test]
fn a_pipe_is_given_away_unless_a_job_uses_it() {
    let _watch = watch();
    if is_child() {
        std::io::copy(&mut std::io::stdin().lock(), &mut std::io::stderr().lock()).unwrap();
        return;
    }
    multi(2).block_on(async {
        let name = "a_pipe_is_given_away_unless_a_job_uses_it";
        let mut first = child(name).spawn().unwrap();
        let mut stdin = first.stdin.take().unwrap();
        stdin.write_all(b"hand to hand").await.unwrap();
        stdin.flush().await.unwrap();
        assert_eq!(stdin.as_handle().as_raw_handle(), stdin.as_raw_handle());
        drop(stdin.into_owned_handle().unwrap());
        let stderr = first.stderr.take().unwrap();
        let mut second = child(name);
        second.stdin(Stdio::try_from(stderr).unwrap());
        let output = within(second.output()).await.unwrap();
        assert_eq!(output.stderr, b"hand to hand");
        assert!(within(first.wait()).await.unwrap().success());

        let mut idle = child(name).spawn().unwrap();
        let mut stderr = idle.stderr.take().unwrap();
        assert!(at_once(stderr.read(&mut [0; 8])).is_none());
        assert_eq!(stderr.into_owned_handle().unwrap_err().kind(), ErrorKind::ResourceBusy);
        within(idle.wait()).await.unwrap();
    });
}

#[test]
fn a_child_that_outlives_its_runtime_is_waited_for_on_another() {
    let _watch = watch();
    let runtime = multi(1);
    let mut child = runtime.block_on(async {
        let mut cmd = Command::new("cmd");
        cmd.arg("/c").arg("pause").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    });
    drop(runtime);
    multi(1).block_on(async {
        assert_eq!(child.try_wait().unwrap(), None);
        child.start_kill().unwrap();
        assert!(!within(child.wait()).await.unwrap().success());
    });
}

#[test]
fn symbolic_links_say_what_they_lead_to() {
    let _watch = watch();
    multi(2).block_on(async {
        let folder = std::env::temp_dir().join(format!("filch-windows-{}", std::process::id()));
        filch::fs::create_dir_all(folder.join("directory")).await.unwrap();
        filch::fs::write(folder.join("file"), "hello").await.unwrap();
        let to_file = filch::fs::symlink_file(folder.join("file"), folder.join("to-file")).await;
        let to_folder =
            filch::fs::symlink_dir(folder.join("directory"), folder.join("to-directory")).await;
        // Not every user may make them, and wine says that it has done so.
        let is_there = filch::fs::symlink_metadata(folder.join("to-file")).await.is_ok();
        if let (Ok(()), Ok(()), true) = (to_file, to_folder, is_there) {
            let text = filch::fs::read_to_string(folder.join("to-file")).await.unwrap();
            assert_eq!(text, "hello");
            let link = filch::fs::metadata(folder.join("to-directory")).await.unwrap();
            assert!(link.is_dir());
        }
        let mut hidden = filch::fs::OpenOptions::new();
        hidden.write(true).create_new(true).share_mode(0);
        let mut alone = hidden.open(folder.join("alone")).await.unwrap();
        alone.write_all(b"mine").await.unwrap();
        alone.flush().await.unwrap();
        assert!(filch::fs::read(folder.join("alone")).await.is_err(), "nobody else may have it");
        drop(alone.into_std().await);
        assert_eq!(filch::fs::read(folder.join("alone")).await.unwrap(), b"mine");
        filch::fs::remove_dir_all(&folder).await.unwrap();
    });
}

/// Presses Ctrl-C at the console of this process.
fn press_ctrl_c() {
    unsafe extern "system" {
        fn GenerateConsoleCtrlEvent(event: u32, group: u32) -> i32;
    }
    // SAFETY: the call takes and touches no memory of ours.
    assert_eq!(unsafe { GenerateConsoleCtrlEvent(0, 0) }, 1);
}

/// How a child ends that runs one test of this binary at a console of its own.
fn end_of(test: &str) -> Option<i32> {
    const NEW_CONSOLE: u32 = 0x10;
    let mut child = child(test);
    child.creation_flags(NEW_CONSOLE);
    let output = multi(1).block_on(within(async { child.output().await.unwrap() }));
    println!("{}", String::from_utf8_lossy(&output.stderr));
    output.status.code()
}

#[test]
fn ctrl_c_is_heard_by_listeners_and_by_a_runner() {
    let _watch = watch();
    if is_child() {
        multi(1).block_on(within(async {
            let mut listener = filch::signal::windows::ctrl_c().unwrap();
            press_ctrl_c();
            assert_eq!(listener.recv().await, Some(()));
        }));
        let mut runner = Runner::new();
        let outcome = runner.handle_ctrl_c(true).run(async {
            press_ctrl_c();
            pending::<()>().await;
        });
        std::process::exit(outcome.unwrap_err().exit_code());
    }
    assert_eq!(end_of("ctrl_c_is_heard_by_listeners_and_by_a_runner"), Some(130));
}

#[test]
fn run_ends_the_process_as_ctrl_c_does() {
    let _watch = watch();
    if is_child() {
        filch::run(async {
            press_ctrl_c();
            with_cleanup(pending::<()>(), async { filch::task::yield_now().await }).await
        });
        std::process::exit(1);
    }
    let code = end_of("run_ends_the_process_as_ctrl_c_does").unwrap();
    assert_eq!(code as u32, 0xC000_013A);
}

#[test]
fn events_of_the_console_are_listened_to_side_by_side() {
    use filch::signal::{ctrl_c, windows};
    multi(1).block_on(async {
        let mut listeners = (
            windows::ctrl_c().unwrap(),
            windows::ctrl_break().unwrap(),
            windows::ctrl_close().unwrap(),
            windows::ctrl_logoff().unwrap(),
            windows::ctrl_shutdown().unwrap(),
        );
        filch::select! { biased;
            _ = listeners.0.recv() => unreachable!(),
            _ = listeners.1.recv() => unreachable!(),
            _ = listeners.2.recv() => unreachable!(),
            _ = listeners.3.recv() => unreachable!(),
            _ = listeners.4.recv() => unreachable!(),
            _ = ctrl_c() => unreachable!(),
            _ = filch::task::yield_now() => {}
        }
    });
    let said = support::panic_here(|| drop(windows::ctrl_c()));
    assert!(said.contains("no filch runtime"), "{said}");
}
