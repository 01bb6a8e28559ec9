//! `run` and `Runner`: asyncio's way to run a program, and what Ctrl-C does to it.
#![cfg(all(feature = "net", feature = "signal"))]
#![cfg_attr(not(unix), allow(unused_imports, dead_code, reason = "not all of it is for Windows"))]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
#![allow(clippy::async_yields_async, clippy::let_unit_value)]

mod support;

use filch::cancel::{CancelSource, catch_cancel, check_cancelled, with_cleanup};
use filch::contextvars::ContextVar;
use filch::runtime::{Builder, Runner};
#[cfg(unix)]
use filch::signal::unix::{SignalKind, signal};
use filch::task::{block_in_place, yield_now};
use filch::time::{Duration, sleep};
use std::future::pending;
use support::talker::{Talker, say};
use support::{Census, Gate, ON_PURPOSE, is_child, panic_here, panic_of, watch};

fn on_one_thread() -> Runner {
    Runner::builder().runtime(Builder::new_current_thread()).build()
}

#[test]
fn what_one_run_leaves_goes_on_in_the_next() {
    let _watch = watch();
    for mut runner in [Runner::new(), on_one_thread()] {
        let gate = Gate::new();
        let wait = gate.clone();
        let task = runner.run(async {
            filch::spawn(async move {
                wait.pass().await;
                7
            })
        });
        gate.open();
        assert_eq!(runner.run(task.unwrap()).unwrap().unwrap(), 7);
        let handle = runner.handle().clone();
        assert_eq!(runner.run(handle.spawn(async { 8 })).unwrap().unwrap(), 8);
    }
}

#[test]
fn its_runs_share_a_context_that_nobody_else_sees() {
    static SEEN: ContextVar<u32> = ContextVar::new("seen");
    let _watch = watch();
    SEEN.set(1);
    for mut runner in [Runner::new(), on_one_thread()] {
        for last in 1..4 {
            let seen = runner.run(async {
                let (seen, child) = (SEEN.get(), filch::spawn(async { SEEN.get() }));
                SEEN.set(last + 1);
                (seen, child.await.unwrap())
            });
            assert_eq!(seen.unwrap(), (last, last));
        }
        assert_eq!(SEEN.get(), 1);
    }
}

#[test]
fn the_runtime_is_made_when_it_is_needed() {
    let _watch = watch();
    let made = Census::default();
    let count = made.clone();
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).on_thread_start(move || drop(count.guard()));
    let mut runner = Runner::builder().runtime(builder).build();
    assert_eq!(made.born(), 0);
    runner.run(async { filch::spawn(async {}).await.unwrap() }).unwrap();
    assert!(made.born() > 0);
}

#[test]
fn close_ends_in_order_once_and_for_all() {
    let _watch = watch();
    for mut runner in [Runner::new(), on_one_thread()] {
        let census = Census::default();
        let guard = census.guard();
        runner
            .run(async {
                drop(filch::spawn(with_cleanup(pending::<()>(), async move {
                    sleep(Duration::from_millis(1)).await;
                    drop(guard);
                })));
            })
            .unwrap();
        let report = runner.close();
        assert!(report.is_clean() && report.cancelled() == 1, "{report}");
        assert_eq!(census.dead(), 1);
        assert_eq!(runner.close().cancelled(), 0);
        assert!(runner.start().is_err());
        let said = panic_here(|| runner.run(async {}));
        assert!(said.contains("is closed"), "{said}");
        let said = panic_here(|| runner.handle().clone());
        assert!(said.contains("is closed"), "{said}");
    }
    // One that was never used.
    assert!(Runner::new().close().is_clean());
}

/// A task that needs some time to clean up. `true` is seen when it did.
fn leave_one_behind(census: &Census) {
    let guard = census.guard();
    drop(filch::spawn(with_cleanup(pending::<()>(), async move {
        for _ in 0..10 {
            yield_now().await;
        }
        drop(guard);
    })));
}

#[test]
fn dropping_a_runner_ends_in_order() {
    let _watch = watch();
    for mut runner in [Runner::new(), on_one_thread()] {
        let census = Census::default();
        runner.run(async { leave_one_behind(&census) }).unwrap();
        drop(runner);
        assert_eq!(census.dead(), 1);
    }
}

#[test]
fn run_ends_in_order_also_when_main_panics() {
    let _watch = watch();
    let census = Census::default();
    assert_eq!(
        filch::run(async {
            leave_one_behind(&census);
            3
        }),
        3
    );
    assert_eq!(census.dead(), 1);
    let said = panic_of(|| {
        filch::run(async {
            leave_one_behind(&census);
            panic!("{ON_PURPOSE}: main");
        })
    });
    assert_eq!(said, "on purpose: main");
    assert_eq!(census.dead(), 2);
}

#[test]
fn a_run_inside_of_async_code_says_what_to_do() {
    let _watch = watch();
    filch::run(async {
        let said = panic_here(|| filch::run(async {}));
        assert!(said.contains("task::block_in_place"), "{said}");
        let inside = filch::spawn(async {
            let said = panic_of(|| filch::run(async {}));
            assert!(said.contains("task::block_in_place"), "{said}");
            // And that works.
            block_in_place(|| filch::run(async { 5 }))
        });
        assert_eq!(inside.await.unwrap(), 5);
    });
}

// ── Ctrl-C ───────────────────────────────────────────────────────────────────────────────────────

fn interruptible() -> Runner {
    Runner::builder().handle_ctrl_c(true).build()
}

#[cfg(unix)]
#[test]
fn ctrl_c_lets_main_clean_up_and_is_an_error() {
    let _watch = watch();
    if is_child() {
        let mut runner = interruptible();
        let census = Census::default();
        let guard = census.guard();
        let outcome = runner.run(async {
            drop(filch::spawn(with_cleanup(pending::<()>(), async move {
                yield_now().await;
                say("task cleans up");
                drop(guard);
            })));
            let told = async {
                let Err(cancelled) = catch_cancel(async {
                    say("ready");
                    pending::<()>().await;
                })
                .await
                else {
                    return;
                };
                let reason = cancelled.reason();
                assert_eq!(reason.source(), CancelSource::Signal);
                assert_eq!(reason.message(), Some("SIGINT"));
                say("told");
            };
            told.await;
            // It was told, and waits again: this is another wait, until somebody asks again.
            yield_now().await;
            with_cleanup(pending::<()>(), async { say("never") }).await;
        });
        say(&format!("never {outcome:?}"));
        return;
    }
    let mut child = Talker::start("ctrl_c_lets_main_clean_up_and_is_an_error");
    child.expect("ready");
    child.send("-INT");
    child.expect("told");
    // An answered request does not end main, but the second Ctrl-C ends the process at once.
    child.send("-INT");
    assert_eq!(child.ends_by(), Some(2));
}

#[cfg(unix)]
#[test]
fn a_main_that_ends_because_of_ctrl_c_is_interrupted() {
    let _watch = watch();
    if is_child() {
        let mut runner = interruptible();
        let census = Census::default();
        let outcome = runner.run(async {
            leave_one_behind(&census);
            let work = async {
                say("ready");
                pending::<()>().await;
            };
            let cleaned = async {
                sleep(Duration::from_millis(1)).await;
                say("main cleans up");
            };
            with_cleanup(work, cleaned).await;
            say("never");
        });
        let interrupted = outcome.unwrap_err();
        assert_eq!((interrupted.signal(), interrupted.exit_code()), (2, 130));
        // The runner can be used again.
        assert_eq!(runner.run(async { check_cancelled().is_ok() }), Ok(true));
        assert!(runner.close().is_clean());
        assert_eq!(census.dead(), 1);
        std::process::exit(interrupted.exit_code());
    }
    let mut child = Talker::start("a_main_that_ends_because_of_ctrl_c_is_interrupted");
    child.expect("ready");
    child.send("-INT");
    child.expect("main cleans up");
    assert_eq!(child.ends().code(), Some(130));
}

#[cfg(unix)]
#[test]
fn a_value_wins_over_ctrl_c() {
    let _watch = watch();
    if is_child() {
        let value = interruptible().run(async {
            say("ready");
            // A loop that does not wait hears of it as well.
            while check_cancelled().is_ok() {
                yield_now().await;
            }
            "value"
        });
        say(value.unwrap());
        let value = interruptible().run(async {
            let told = catch_cancel(async {
                say("ready again");
                pending::<()>().await;
            });
            told.await.unwrap_err();
            "a value all the same"
        });
        say(value.unwrap());
        return;
    }
    let mut child = Talker::start("a_value_wins_over_ctrl_c");
    child.expect("ready");
    child.send("-INT");
    child.expect("value");
    child.expect("ready again");
    child.send("-INT");
    child.expect("a value all the same");
    assert!(child.ends().success());
}

#[cfg(unix)]
#[test]
fn between_runs_ctrl_c_does_what_it_always_does() {
    let _watch = watch();
    if is_child() {
        let mut runner = interruptible();
        runner.run(async {}).unwrap();
        say("between");
        loop {
            std::thread::park();
        }
    }
    let mut child = Talker::start("between_runs_ctrl_c_does_what_it_always_does");
    child.expect("between");
    child.send("-INT");
    assert_eq!(child.ends_by(), Some(2));
}

#[cfg(unix)]
#[test]
fn other_listeners_keep_their_signal() {
    let _watch = watch();
    if is_child() {
        let mut runner = interruptible();
        let mut listener = runner.run(async { signal(SignalKind::interrupt()).unwrap() }).unwrap();
        runner.handle_ctrl_c(false);
        say("ready");
        runner.run(async { listener.recv().await.unwrap() }).unwrap();
        drop(listener);
        say("heard");
        std::thread::park();
        return;
    }
    let mut child = Talker::start("other_listeners_keep_their_signal");
    child.expect("ready");
    child.send("-INT");
    child.expect("heard");
    child.send("-INT");
    child.send("-TERM");
    assert_eq!(child.ends_by(), Some(15));
}

#[cfg(unix)]
#[test]
fn a_second_ctrl_c_ends_a_clean_up_that_hangs() {
    let _watch = watch();
    if is_child() {
        let mut runner = interruptible();
        let outcome = runner.run(with_cleanup(
            async {
                drop(filch::spawn(with_cleanup(pending::<()>(), async {
                    say("hangs");
                    pending().await
                })));
                say("ready");
                pending::<()>().await;
            },
            yield_now(),
        ));
        outcome.unwrap_err();
        runner.close();
        say("never");
    }
    let mut child = Talker::start("a_second_ctrl_c_ends_a_clean_up_that_hangs");
    child.expect("ready");
    child.send("-INT");
    child.expect("hangs");
    child.send("-INT");
    assert_eq!(child.ends_by(), Some(2));
}

#[cfg(unix)]
#[test]
fn run_ends_the_process_as_ctrl_c_does() {
    let _watch = watch();
    if is_child() {
        filch::run(async {
            drop(filch::spawn(with_cleanup(pending::<()>(), async { say("task cleans up") })));
            yield_now().await;
            let work = async {
                say("ready");
                pending::<()>().await;
            };
            with_cleanup(work, async { say("main cleans up") }).await;
        });
        say("never");
    }
    let mut child = Talker::start("run_ends_the_process_as_ctrl_c_does");
    child.expect("ready");
    child.send("-INT");
    child.expect("main cleans up");
    child.expect("task cleans up");
    assert_eq!(child.ends_by(), Some(2));
}

#[cfg(unix)]
#[test]
fn sigterm_is_heard_where_it_is_asked_for() {
    let _watch = watch();
    if is_child() {
        let mut runner = Runner::new();
        let signals = [SignalKind::interrupt(), SignalKind::terminate()];
        let outcome = runner.handle_signals(signals).run(async {
            say("ready");
            pending::<()>().await;
        });
        std::process::exit(outcome.unwrap_err().exit_code());
    }
    let mut child = Talker::start("sigterm_is_heard_where_it_is_asked_for");
    child.expect("ready");
    child.send("-TERM");
    assert_eq!(child.ends().code(), Some(143));
}
