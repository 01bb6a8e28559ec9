//! `#[filch::main(cancel_on = …)]`: the first signal cancels, the second one kills.
#![cfg(all(unix, feature = "signal", feature = "process", feature = "macros"))]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use support::talker::{Talker, say};
use support::{is_child, watch};

struct SaysOnDrop(&'static str);

impl Drop for SaysOnDrop {
    fn drop(&mut self) {
        say(self.0);
    }
}

mod waits {
    #[filch::main(cancel_on = "interrupt, terminate", worker_threads = 2)]
    pub(crate) async fn main() -> String {
        let _guard = super::SaysOnDrop("main dropped");
        let task = filch::spawn(async {
            let _guard = super::SaysOnDrop("task dropped");
            super::say("ready");
            std::future::pending::<()>().await;
        });
        task.await.unwrap();
        "never".to_owned()
    }
}

mod hangs {
    /// Its clean-up never ends.
    struct Hangs;

    impl Drop for Hangs {
        fn drop(&mut self) {
            super::say("cleaning up");
            loop {
                std::thread::park();
            }
        }
    }

    #[filch::main(cancel_on = "interrupt", flavor = "current_thread")]
    pub(crate) async fn main() {
        let _guard = Hangs;
        super::say("ready");
        std::future::pending::<()>().await;
    }
}

mod twice {
    #[filch::main(cancel_on = "interrupt, terminate, interrupt", flavor = "current_thread")]
    pub(crate) async fn main() {
        let _guard = super::SaysOnDrop("main dropped");
        super::say("ready");
        std::future::pending::<()>().await;
    }
}

mod ends {
    #[filch::main(cancel_on = "interrupt", flavor = "local")]
    pub(crate) async fn main() -> Result<u32, std::num::ParseIntError> {
        "42".parse()
    }
}

fn first_signal_cancels(test: &str, signal: &str, number: i32) {
    let _watch = watch();
    if is_child() {
        panic!("main returned {}", waits::main());
    }
    let mut child = Talker::start(test);
    child.expect("ready");
    child.send(signal);
    child.expect("main dropped");
    child.expect("task dropped");
    assert_eq!(child.ends_by(), Some(number));
}

#[test]
fn ctrl_c_drops_main_and_its_tasks() {
    first_signal_cancels("ctrl_c_drops_main_and_its_tasks", "-INT", 2);
}

#[test]
fn sigterm_does_so_as_well_where_it_is_asked_for() {
    first_signal_cancels("sigterm_does_so_as_well_where_it_is_asked_for", "-TERM", 15);
}

#[test]
fn one_that_is_named_twice_does_not_count_as_two() {
    let _watch = watch();
    if is_child() {
        return twice::main();
    }
    let mut child = Talker::start("one_that_is_named_twice_does_not_count_as_two");
    child.expect("ready");
    child.send("-INT");
    child.expect("main dropped");
    assert_eq!(child.ends_by(), Some(2));
}

#[test]
fn a_second_ctrl_c_ends_what_hangs() {
    let _watch = watch();
    if is_child() {
        return hangs::main();
    }
    let mut child = Talker::start("a_second_ctrl_c_ends_what_hangs");
    child.expect("ready");
    child.send("-INT");
    child.expect("cleaning up");
    child.send("-INT");
    assert_eq!(child.ends_by(), Some(2));
}

#[test]
fn sigterm_that_was_not_asked_for_ends_at_once() {
    let _watch = watch();
    if is_child() {
        return hangs::main();
    }
    let mut child = Talker::start("sigterm_that_was_not_asked_for_ends_at_once");
    child.expect("ready");
    child.send("-TERM");
    assert_eq!(child.ends_by(), Some(15));
}

#[test]
fn without_a_signal_main_returns_what_it_returns() {
    assert_eq!(ends::main(), Ok(42));
}
