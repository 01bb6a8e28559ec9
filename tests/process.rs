//! Children: started, talked with, ended, and nothing of them left.
#![cfg(unix)]
#![cfg(feature = "process")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::ffi::OsStr;
use std::future::Future;
use std::io::{ErrorKind, IoSlice};
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::Duration;

use filch::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use filch::process::{
    Child, ChildStderr, ChildStdin, ChildStdout, Command, create_subprocess_exec,
    create_subprocess_shell,
};
use filch::signal::unix::SignalKind;
use support::{in_child, on_each_flavour, until, watch, within};

const FOREVER: Duration = Duration::from_secs(3600);

/// A shell that runs `line`, with all three streams piped.
fn shell(line: &str) -> Child {
    create_subprocess_shell(line)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// How many children this process has, zombies among them.
fn children() -> usize {
    let me = std::process::id().to_string();
    let parent_of = |stat: String| {
        let rest = stat.rsplit_once(") ")?.1;
        rest.split(' ').nth(1).map(str::to_owned)
    };
    let folders = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let stats = folders.filter_map(|path| std::fs::read_to_string(path.join("stat")).ok());
    stats.filter_map(parent_of).filter(|parent| *parent == me).count()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Runs a test in a process of its own, on each flavour, and counts descriptors and children then.
#[track_caller]
fn leaves_nothing<F: Future<Output = ()>>(name: &str, test: impl Fn() -> F) {
    let _watch = watch();
    if !in_child(name, "") {
        return;
    }
    on_each_flavour(|rt| {
        let before = rt.block_on(async { descriptors() });
        rt.block_on(async {
            test().await;
            // Orphans are reaped by a task, which runs meanwhile.
            while (descriptors(), children()) != (before, 0) {
                filch::time::sleep(Duration::from_millis(1)).await;
            }
        });
    });
}

#[test]
fn a_child_says_how_it_ended() {
    leaves_nothing("a_child_says_how_it_ended", || async {
        let mut child = shell("exit 7");
        assert!(child.id().is_some());
        assert_eq!(child.wait().await.unwrap().code(), Some(7));
        assert_eq!(child.wait().await.unwrap().code(), Some(7));
        assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(7));
        assert_eq!(child.id(), None);
        let mut child = shell("kill -9 $$");
        assert_eq!(child.wait().await.unwrap().signal(), Some(9));
        child.kill().await.unwrap();
        child.start_kill().unwrap();
        assert_eq!(child.terminate().unwrap_err().kind(), ErrorKind::InvalidInput);
        let status = child.terminate_then_kill(FOREVER).await.unwrap();
        assert_eq!(status.signal(), Some(9));
    });
}

#[test]
fn many_children_that_end_together_are_all_heard() {
    leaves_nothing("many_children_that_end_together_are_all_heard", || async {
        let mut children = Vec::new();
        let mut gates = Vec::new();
        for code in 0..50 {
            let mut child = shell(&format!("read line; exit {code}"));
            gates.push(child.stdin.take().unwrap());
            children.push(filch::spawn(async move { child.wait().await.unwrap().code() }));
        }
        drop(gates);
        for (code, child) in children.into_iter().enumerate() {
            assert_eq!(child.await.unwrap(), Some(code as i32));
        }
    });
}

#[test]
fn pipes_carry_more_than_they_hold() {
    leaves_nothing("pipes_carry_more_than_they_hold", || async {
        let input: Vec<u8> = (0..1_000_000u32).map(|n| (n % 251) as u8).collect();
        let mut child = shell("tee /dev/stderr");
        let output = child.communicate(Some(&input)).await.unwrap();
        assert!(output.status.success());
        assert!(output.stdout == input && output.stderr == input);
        let output = create_subprocess_exec("cat", ["-"]).stdin(Stdio::null()).output().await;
        assert_eq!(output.unwrap().stdout, b"");
    });
}

#[test]
fn a_child_that_does_not_read_is_no_error_of_communicate() {
    leaves_nothing("a_child_that_does_not_read_is_no_error_of_communicate", || async {
        let input = vec![b'x'; 1_000_000];
        let output = shell("exec <&-; echo done").communicate(Some(&input)).await.unwrap();
        assert_eq!(output.stdout, b"done\n");
    });
}

#[test]
fn a_child_that_closes_its_pipes_early_is_noticed() {
    leaves_nothing("a_child_that_closes_its_pipes_early_is_noticed", || async {
        let mut child = shell("exec <&- >&- 2>&-; exec sleep 1000");
        let mut said = Vec::new();
        assert_eq!(child.stdout.take().unwrap().read_to_end(&mut said).await.unwrap(), 0);
        assert_eq!(child.stderr.take().unwrap().read_to_end(&mut said).await.unwrap(), 0);
        let mut stdin = child.stdin.take().unwrap();
        let written = stdin.write_all(&vec![0; 1 << 20]).await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert!(child.try_wait().unwrap().is_none());
        child.kill().await.unwrap();
    });
}

#[test]
fn a_pipe_that_is_never_closed_does_not_hold_up_the_wait() {
    leaves_nothing("a_pipe_that_is_never_closed_does_not_hold_up_the_wait", || async {
        // The grandchild holds the pipe, and tells us its number so that we can end it.
        let mut child = shell("sleep 1000 & echo $!; exit 4");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let grandchild = lines.next_line().await.unwrap().unwrap();
        assert_eq!(child.wait().await.unwrap().code(), Some(4));
        let killed = Command::new("kill").args(["-9", &grandchild]).status().await;
        assert!(killed.unwrap().success());
        assert_eq!(lines.next_line().await.unwrap(), None);
    });
}

#[test]
fn a_conversation_goes_back_and_forth() {
    leaves_nothing("a_conversation_goes_back_and_forth", || async {
        let mut child = shell("while read word; do echo \"<$word>\"; done");
        let mut stdin = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for number in 0..200 {
            stdin.write_all(format!("{number}\n").as_bytes()).await.unwrap();
            let said = lines.next_line().await.unwrap();
            assert_eq!(said, Some(format!("<{number}>")));
        }
        drop(stdin);
        assert_eq!(lines.next_line().await.unwrap(), None);
        assert!(child.wait().await.unwrap().success());
    });
}

#[test]
fn wait_closes_the_input_and_try_wait_does_not() {
    leaves_nothing("wait_closes_the_input_and_try_wait_does_not", || async {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        assert!(child.try_wait().unwrap().is_none());
        assert!(child.stdin.is_some());
        assert!(child.wait().await.unwrap().success());
        assert!(child.stdin.is_none());
    });
}

#[test]
fn a_wait_that_is_given_up_can_be_taken_up_again() {
    leaves_nothing("a_wait_that_is_given_up_can_be_taken_up_again", || async {
        let mut child = shell("read line; exit 5");
        let stdin = child.stdin.take().unwrap();
        for _ in 0..3 {
            filch::select! {
                biased;
                _ = child.wait() => panic!("nobody has told it to end"),
                _ = filch::task::yield_now() => {}
            }
        }
        drop(stdin);
        assert_eq!(child.wait().await.unwrap().code(), Some(5));
    });
}

#[test]
fn a_dropped_child_goes_on_and_is_reaped() {
    leaves_nothing("a_dropped_child_goes_on_and_is_reaped", || async {
        let mut child = Command::new("sh")
            .args(["-c", "read line; echo $line"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        drop(child);
        assert_eq!(children(), 1);
        stdin.write_all(b"alive\n").await.unwrap();
        let mut said = String::new();
        stdout.read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "alive\n");
    });
}

#[test]
fn kill_on_drop_kills() {
    leaves_nothing("kill_on_drop_kills", || async {
        let mut child = shell("exec sleep 1000");
        let mut stdout = child.stdout.take().unwrap();
        drop(child);
        assert_eq!(stdout.read(&mut [0; 8]).await.unwrap(), 0);
        let waiting = filch::spawn(async { shell("exec sleep 1000").wait().await });
        while children() == 0 {
            filch::task::yield_now().await;
        }
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn orphans_of_a_runtime_that_is_gone_are_reaped_by_the_next() {
    let _watch = watch();
    if !in_child("orphans_of_a_runtime_that_is_gone_are_reaped_by_the_next", "") {
        return;
    }
    let before = descriptors();
    let (outlives, stdin) = support::current().block_on(async {
        let mut child = shell("read line");
        let stdin = child.stdin.take().unwrap().into_owned_fd().unwrap();
        drop(shell("read line"));
        (child, stdin)
    });
    drop(outlives);
    drop(stdin);
    until(|| {
        support::current().block_on(async {
            Command::new("true").status().await.unwrap();
        });
        children() == 0
    });
    until(|| descriptors() == before);
}

#[test]
fn a_child_that_outlives_its_runtime_can_be_waited_for_on_another() {
    on_each_flavour(|second| {
        let first = filch::runtime::Runtime::new().unwrap();
        let mut child = first.block_on(async { shell("read line; exit 3") });
        drop(first);
        second.block_on(async {
            assert_eq!(child.wait().await.unwrap().code(), Some(3));
        });
    });
}

#[test]
fn terminate_then_kill_asks_before_it_kills() {
    leaves_nothing("terminate_then_kill_asks_before_it_kills", || async {
        let mut polite = shell("exec sleep 1000");
        let status = polite.terminate_then_kill(FOREVER).await.unwrap();
        assert_eq!(status.signal(), Some(15));
        // Says that it no longer listens before we ask.
        let mut stubborn = shell("trap '' TERM; echo deaf; exec 2>&1; while :; do sleep 1; done");
        let mut lines = BufReader::new(stubborn.stdout.as_mut().unwrap()).lines();
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("deaf"));
        let status = stubborn.terminate_then_kill(Duration::from_millis(10)).await.unwrap();
        assert_eq!(status.signal(), Some(9));
    });
}

#[test]
fn signals_reach_the_child() {
    leaves_nothing("signals_reach_the_child", || async {
        let mut child = shell("trap 'echo usr1' USR1; echo ready; read line; read line; exit 3");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("ready"));
        child.send_signal(SignalKind::user_defined1()).unwrap();
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("usr1"));
        let error = child.send_signal(SignalKind::from_raw(12345)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        drop(child.stdin.take());
        assert_eq!(child.wait().await.unwrap().code(), Some(3));
    });
}

#[test]
fn what_cannot_be_started_says_why() {
    leaves_nothing("what_cannot_be_started_says_why", || async {
        let refused = |program: &str| Command::new(program).stdin(Stdio::piped()).spawn();
        assert_eq!(refused("/no/such/program").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(refused("no-such-program").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(refused("/dev/null").unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert_eq!(refused("a\0b").unwrap_err().kind(), ErrorKind::InvalidInput);
        let nowhere = Command::new("true").current_dir("/no/such/folder").status().await;
        assert_eq!(nowhere.unwrap_err().kind(), ErrorKind::NotFound);
        let failing = Command::new("/no/such/program").output().await;
        assert_eq!(failing.unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
#[filch::test]
async fn a_child_that_the_system_refuses_says_which_limits_to_look_at() {
    let mut command = Command::new("true");
    let refuse = || Err(std::io::Error::from_raw_os_error(11));
    // SAFETY: the closure touches nothing.
    unsafe { command.pre_exec(refuse) };
    let error = command.spawn().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    let said = error.to_string();
    assert!(said.starts_with("cannot start a child: ") && said.contains("`ulimit -u`"), "{said}");
}

#[test]
fn without_descriptors_a_spawn_fails_and_leaves_nothing() {
    let _watch = watch();
    let name = "without_descriptors_a_spawn_fails_and_leaves_nothing";
    if !in_child(name, "ulimit -n 40") {
        return;
    }
    support::current().block_on(async {
        let open = || std::fs::File::open("/dev/null");
        let mut hoard: Vec<_> = std::iter::from_fn(|| open().ok()).collect();
        // From none at all to as many as it takes.
        let spawned = loop {
            let before = descriptors_without_opening();
            let mut command = create_subprocess_exec("cat", [""; 0]);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            match command.spawn() {
                Ok(child) => break child,
                Err(error) => assert_eq!(error.raw_os_error(), Some(24), "{error}"),
            }
            assert_eq!(descriptors_without_opening(), before);
            hoard.pop().expect("all descriptors are free, and it still fails");
        };
        drop(hoard);
        // Those that failed half-way have been reaped.
        assert_eq!(children(), 1);
        assert!(spawned.wait_with_output().await.unwrap().status.success());
        assert_eq!(children(), 0);
    });
}

/// How many of the first descriptors are open, asked in a way that needs none.
fn descriptors_without_opening() -> usize {
    let exists = |number: &usize| std::fs::symlink_metadata(format!("/proc/self/fd/{number}"));
    (0..40).filter(|number| exists(number).is_ok()).count()
}

#[test]
fn more_slices_than_the_system_takes_at_once_do_not_make_a_pipe_full() {
    leaves_nothing("more_slices_than_the_system_takes_at_once_do_not_make_a_pipe_full", || async {
        let mut child = shell("cat");
        let mut input = child.stdin.take().unwrap();
        let slices = [IoSlice::new(b"x"); 3_000];
        let mut written = 0;
        while written < slices.len() {
            // Who waited for room in a pipe that has some would never be woken.
            written += within(input.write_vectored(&slices[written..])).await.unwrap();
        }
        drop(input);
        assert_eq!(child.wait_with_output().await.unwrap().stdout.len(), 3_000);
    });
}

#[test]
fn a_pipe_of_one_child_feeds_another() {
    leaves_nothing("a_pipe_of_one_child_feeds_another", || async {
        let mut first = shell("echo one; echo two");
        let pipe: Stdio = first.stdout.take().unwrap().try_into().unwrap();
        let second = Command::new("tail").arg("-n1").stdin(pipe).output().await.unwrap();
        assert_eq!(second.stdout, b"two\n");
        assert!(first.wait().await.unwrap().success());
    });
}

#[test]
fn the_command_is_that_of_std() {
    leaves_nothing("the_command_is_that_of_std", || async {
        let mut command = Command::new("sh");
        command
            .arg0("named")
            .args(["-c", "echo $0 $A $B $C; pwd"])
            .env_clear()
            .env("A", "a")
            .envs([("B", "b"), ("C", "c")])
            .env_remove("C")
            .current_dir("/")
            .process_group(0);
        assert!(!command.get_kill_on_drop());
        assert!(command.kill_on_drop(true).get_kill_on_drop());
        let output = command.output().await.unwrap();
        assert_eq!(output.stdout, b"named a b\n/\n");
        assert_eq!(command.as_std().get_program(), "sh");
        assert_eq!(command.as_std_mut().get_args().count(), 2);
        let again = Command::from(command.into_std()).output().await.unwrap();
        assert_eq!(again.stdout, b"named a b\n/\n");
    });
}

#[test]
fn outside_of_a_runtime_nothing_is_started() {
    let _watch = watch();
    let message = support::panic_here(|| Command::new("true").spawn());
    assert!(message.contains("runtime"), "{message}");
    let message = support::panic_here(|| Command::new("true").status());
    assert!(message.contains("runtime"), "{message}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_child_is_woken_up_as_late_as_any_other_process() {
    let _watch = watch();
    const ARGS: [&str; 2] = ["-c", "cat /proc/self/timerslack_ns"];
    let usual = std::process::Command::new("sh").args(ARGS).output().unwrap().stdout;
    let said = async || Command::new("sh").args(ARGS).output().await.unwrap().stdout;
    let mine = rustix::thread::current_timer_slack;
    on_each_flavour(|rt| {
        rt.block_on(async { assert_eq!(said().await, usual) });
        let usual = usual.clone();
        let worker = rt.spawn(async move {
            let before = mine();
            let child = Command::new("sh").args(ARGS).stdout(Stdio::piped()).spawn().unwrap();
            assert_eq!(mine(), before);
            assert_eq!(child.wait_with_output().await.unwrap().stdout, usual);
            // Nor has a thread that this one has started inherited anything.
            let handle = filch::runtime::Handle::current();
            let pool = filch::task::spawn_blocking(move || {
                assert_eq!(mine(), Ok(1));
                handle.block_on(said())
            });
            assert_eq!(pool.await.unwrap(), usual);
        });
        rt.block_on(worker).unwrap();
    });
}

#[test]
#[cfg(target_os = "linux")]
fn who_has_chosen_how_late_a_worker_is_woken_up_has_chosen_for_its_children() {
    let _watch = watch();
    let builder = &mut filch::runtime::Builder::new_multi_thread();
    let rt = builder.worker_threads(1).on_thread_start(|| {
        let chosen = std::num::NonZeroU64::new(12_345);
        rustix::thread::set_current_timer_slack(chosen).unwrap();
    });
    let rt = rt.enable_all().build().unwrap();
    let worker = rt.spawn(async {
        for _ in 0..2 {
            let mut cat = Command::new("cat");
            let output = cat.arg("/proc/self/timerslack_ns").output().await.unwrap();
            assert_eq!(output.stdout, b"12345\n");
            assert_eq!(rustix::thread::current_timer_slack(), Ok(12_345));
        }
    });
    rt.block_on(worker).unwrap();
}

#[test]
fn types_can_be_sent_and_shared() {
    fn check<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    check::<Command>();
    check::<Child>();
    check::<ChildStdin>();
    check::<ChildStdout>();
    check::<ChildStderr>();
}

#[test]
fn the_kinds_of_arguments_may_be_named() {
    let mut command = Command::new::<&str>("true");
    command.arg0::<&str>("t").arg::<&OsStr>(OsStr::new("a")).env::<_, &str>("K", "v");
    command.env_remove::<&str>("K").current_dir::<&str>("/").stdin::<Stdio>(Stdio::null());
    command.stdout::<std::fs::File>(std::fs::File::open("/dev/null").unwrap());
    assert!(command.as_std().get_args().eq(["a"]));
}
