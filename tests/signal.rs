//! Signals: heard by all who listen, and no more often than one can tell.
#![cfg(unix)]
#![cfg(all(feature = "signal", feature = "process"))]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::future::Future;
use std::io::ErrorKind;
use std::pin::pin;
use std::process::Command;
use std::task::{Context, Poll, Waker};

use filch::signal::ctrl_c;
use filch::signal::unix::{Signal, SignalKind, Signals, signal, signals};
use support::{in_child, on_each_flavour, watch};

/// Sends a signal to this process, and waits until it has been sent.
fn send(name: &str) {
    let me = std::process::id().to_string();
    assert!(Command::new("kill").args([&format!("-{name}"), &me]).status().unwrap().success());
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Runs a test in a process of its own, on each flavour, and counts descriptors.
#[track_caller]
fn alone<F: Future<Output = ()>>(name: &str, test: impl Fn() -> F) {
    let _watch = watch();
    if !in_child(name, "") {
        return;
    }
    on_each_flavour(|rt| {
        rt.block_on(async {
            let before = descriptors();
            test().await;
            assert_eq!(descriptors(), before);
        });
    });
}

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_kind_that_is_named_twice_is_heard_once() {
    alone("a_kind_that_is_named_twice_is_heard_once", || async {
        let (one, other) = (SignalKind::user_defined1(), SignalKind::user_defined2());
        let mut all = signals([one, other, one]).unwrap();
        for _ in 0..3 {
            send("USR1");
            assert_eq!(all.recv().await, Some(one));
            send("USR2");
            assert_eq!(all.recv().await, Some(other));
        }
        assert!(poll_once(all.recv()).is_pending());
    });
}

#[test]
fn everybody_who_listens_hears() {
    alone("everybody_who_listens_hears", || async {
        let mut one = signal(SignalKind::user_defined1()).unwrap();
        let mut two = signal(SignalKind::user_defined1()).unwrap();
        let mut other = signal(SignalKind::user_defined2()).unwrap();
        let task = filch::spawn(async move {
            assert_eq!(two.recv().await, Some(()));
        });
        send("USR1");
        assert_eq!(one.recv().await, Some(()));
        task.await.unwrap();
        assert!(poll_once(other.recv()).is_pending());
        send("USR2");
        assert_eq!(other.recv().await, Some(()));
    });
}

#[test]
fn two_runtimes_hear_the_same_signal() {
    let _watch = watch();
    if !in_child("two_runtimes_hear_the_same_signal", "") {
        return;
    }
    let (one, two) = (support::current(), support::multi(2));
    let listen = || async { signal(SignalKind::user_defined1()).unwrap() };
    let (mut first, mut second) = (one.block_on(listen()), two.block_on(listen()));
    send("USR1");
    assert_eq!(one.block_on(first.recv()), Some(()));
    assert_eq!(two.block_on(second.recv()), Some(()));
    drop(two);
    // Of a runtime that is gone nobody hears, and nobody waits for it in vain.
    assert_eq!(one.block_on(second.recv()), None);
    send("USR1");
    assert_eq!(one.block_on(first.recv()), Some(()));
}

#[test]
fn a_storm_is_one_signal_and_the_last_is_heard() {
    alone("a_storm_is_one_signal_and_the_last_is_heard", || async {
        let mut storm = signal(SignalKind::user_defined1()).unwrap();
        let mut calm = signals([SignalKind::user_defined1(), SignalKind::hangup()]).unwrap();
        let me = std::process::id();
        let script = format!("for i in $(seq 20000); do kill -USR1 {me}; done");
        let status = filch::process::create_subprocess_shell(script).status();
        let mut status = pin!(status);
        let mut heard = 0;
        let status = loop {
            filch::select! {
                status = &mut status => break status.unwrap(),
                _ = storm.recv() => heard += 1,
            }
        };
        assert!(status.success());
        assert!(heard <= 20_000);
        // Nobody has received here: all of them are one, but for one whose handler runs still and
        // one that waits for that.
        assert_eq!(calm.recv().await, Some(SignalKind::user_defined1()));
        send("HUP");
        let mut late = 0;
        while calm.recv().await != Some(SignalKind::hangup()) {
            late += 1;
        }
        assert!(late <= 2, "{late}");
        while poll_once(storm.recv()).is_ready() {}
        send("USR1");
        assert_eq!(storm.recv().await, Some(()));
    });
}

#[test]
fn each_kind_has_its_turn() {
    alone("each_kind_has_its_turn", || async {
        let kinds = [SignalKind::user_defined1(), SignalKind::user_defined2()];
        let mut both = signals(kinds).unwrap();
        // A handler may run on another thread, later than the signal was sent. Who listened last
        // is told last.
        let mut witness = signals(kinds).unwrap();
        send("USR1");
        assert_eq!(witness.recv().await, Some(kinds[0]));
        assert_eq!(both.recv().await, Some(kinds[0]));
        send("USR1");
        assert_eq!(witness.recv().await, Some(kinds[0]));
        send("USR2");
        assert_eq!(witness.recv().await, Some(kinds[1]));
        assert_eq!(both.recv().await, Some(kinds[1]));
        assert_eq!(both.recv().await, Some(kinds[0]));
        assert!(poll_once(both.recv()).is_pending());
    });
}

#[test]
fn a_receive_that_is_given_up_loses_nothing() {
    alone("a_receive_that_is_given_up_loses_nothing", || async {
        let mut signals = signal(SignalKind::user_defined1()).unwrap();
        assert!(poll_once(signals.recv()).is_pending());
        send("USR1");
        assert_eq!(signals.recv().await, Some(()));
    });
}

#[test]
fn ctrl_c_comes_as_a_result() {
    alone("ctrl_c_comes_as_a_result", || async {
        let mut pressed = pin!(ctrl_c());
        filch::select! {
            biased;
            _ = &mut pressed => panic!("nobody has pressed it"),
            _ = filch::task::yield_now() => {}
        }
        send("INT");
        pressed.await.unwrap();
        // Its default action is gone for good.
        send("INT");
    });
}

#[test]
fn what_nobody_can_listen_to_is_refused() {
    alone("what_nobody_can_listen_to_is_refused", || async {
        for number in [9, 19, 11, 4, 8, 0, -1, 1000] {
            let error = signal(SignalKind::from_raw(number)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{number}");
        }
        assert_eq!(signals([]).unwrap_err().kind(), ErrorKind::InvalidInput);
        let half = signals([SignalKind::user_defined1(), SignalKind::from_raw(9)]);
        assert_eq!(half.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn without_descriptors_a_listener_fails_and_leaves_nothing() {
    let _watch = watch();
    let name = "without_descriptors_a_listener_fails_and_leaves_nothing";
    if !in_child(name, "ulimit -n 40") {
        return;
    }
    support::current().block_on(async {
        let mut listeners = Vec::new();
        let error = loop {
            match signal(SignalKind::user_defined1()) {
                Ok(listener) => listeners.push(listener),
                Err(error) => break error,
            }
        };
        assert_eq!(error.raw_os_error(), Some(24));
        listeners.pop();
        let mut again = signal(SignalKind::user_defined1()).unwrap();
        listeners.clear();
        send("USR1");
        assert_eq!(again.recv().await, Some(()));
    });
}

#[test]
fn outside_of_a_runtime_nobody_listens() {
    let _watch = watch();
    let message = support::panic_here(|| signal(SignalKind::user_defined1()));
    assert!(message.contains("runtime"), "{message}");
    let message = support::panic_here(|| signals([SignalKind::user_defined1()]));
    assert!(message.contains("runtime"), "{message}");
}

#[test]
fn types_can_be_sent_and_shared() {
    fn check<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    check::<Signal>();
    check::<Signals>();
    check::<SignalKind>();
}
