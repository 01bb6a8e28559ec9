//! `Exit` without descriptors of processes: SIGCHLD tells, and loses nobody.
#![allow(clippy::disallowed_methods)]

use std::future::poll_fn;
use std::process::{Child, Command, Stdio};

use runtime_core::runtime::Builder;

use super::exit::Exit;

fn child(code: i32) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("read line; exit {code}")]).stdin(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn sigchld_tells_of_every_child() {
    let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let mut tasks = Vec::new();
        let mut gates = Vec::new();
        for code in 0..20 {
            let mut child = child(code);
            gates.push(child.stdin.take().unwrap());
            let mut exit = Exit::by_signal().unwrap();
            tasks.push(runtime_core::spawn::spawn(async move {
                poll_fn(|cx| exit.poll_wait(cx, &mut child)).await.unwrap().code()
            }));
        }
        drop(gates);
        for (code, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), Some(code as i32));
        }
    });
}

#[test]
fn one_that_has_ended_before_is_found() {
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut child = child(3);
        drop(child.stdin.take());
        // Ended, by what the system says, and not reaped.
        let stat = format!("/proc/{}/stat", child.id());
        while cfg!(target_os = "linux") && !std::fs::read_to_string(&stat).unwrap().contains(") Z ")
        {
            std::thread::yield_now();
        }
        let mut exit = Exit::by_signal().unwrap();
        let status = poll_fn(|cx| exit.poll_wait(cx, &mut child)).await.unwrap();
        assert_eq!(status.code(), Some(3));
    });
}
