//! Random trees of groups, scopes, timeouts and clean-ups do what a model without tasks says: who ends
//! when and how, every clean-up once, nobody left behind.
#![allow(missing_docs, unreachable_pub, clippy::disallowed_types, clippy::disallowed_methods)]

mod model;
mod play;
mod story;
#[path = "../support/mod.rs"]
mod support;
mod tree;

use filch::runtime::{Builder, Runtime};
use filch::task::yield_now;
use filch::time::{Duration, timeout};
use play::{Seen, play};
use proptest::prelude::*;
use story::Line;
use support::watch;
use tree::{Child, Ties, programs};

/// How long no program takes, in its own time.
const PATIENCE: Duration = Duration::from_secs(10_000_000);

/// Runs a program, and then waits until nobody is left.
fn play_on(runtime: &Runtime, program: &Child, haste: u64) -> Result<Seen, TestCaseError> {
    let seen = runtime.block_on(timeout(PATIENCE / haste as u32, play(program, haste)));
    let seen = seen.map_err(|_| TestCaseError::fail("somebody waits for ever"))?;
    // Whoever was joined or aborted may be on its way out still.
    for _ in 0..1_000_000 {
        if runtime.metrics().num_alive_tasks() == 0 {
            break;
        }
        runtime.block_on(yield_now());
        std::thread::yield_now();
    }
    prop_assert_eq!(runtime.metrics().num_alive_tasks(), 0, "tasks are left behind");
    Ok(seen)
}

/// Runs a program in virtual time.
fn play_virtually(program: &Child) -> Result<Seen, TestCaseError> {
    play_on(&Builder::new_current_thread().start_paused(true).build().unwrap(), program, 1)
}

/// What holds of any run, however things fall together.
fn keep_the_rules(program: &Child, seen: &Seen) -> Result<(), TestCaseError> {
    prop_assert!(seen.broken.is_empty(), "{:?}", seen.broken);
    let count = |id, is: &dyn Fn(&str) -> bool| {
        seen.lines.iter().filter(|line| line.id == id && is(&line.what)).count()
    };
    let ends = |what: &str| what.starts_with("gives") || what == "panics" || what == "is dropped";
    for Line { id, what, .. } in &seen.lines {
        prop_assert_ne!(what, "task", "node {}: its handle does not say how it ended", id);
        if what == "begins" {
            prop_assert_eq!(count(*id, &|what| what == "begins"), 1);
            prop_assert_eq!(count(*id, &ends), 1, "node {} does not end", id);
        }
    }
    each_clean_up_runs_once(&program.node, !program.is_cut_off(), &count)
}

/// How often a node says something of a kind.
type Count<'a> = dyn Fn(u32, &dyn Fn(&str) -> bool) -> usize + 'a;

fn each_clean_up_runs_once(
    node: &tree::Node,
    whole: bool,
    count: &Count<'_>,
) -> Result<(), TestCaseError> {
    if let tree::Act::Cleanup { .. } = &node.act {
        let begun = count(node.id, &|what| what == "begins");
        let cleaned = count(node.id, &|what| what == "cleans up");
        prop_assert!(cleaned <= begun, "clean-up {} ran {} times", node.id, cleaned);
        prop_assert!(cleaned == begun || !whole, "clean-up {} was left out", node.id);
    }
    node.parts().try_for_each(|part| each_clean_up_runs_once(part, whole, count))
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 100_000,
        failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_happens_when_and_how_the_model_says(program in programs(Ties::None)) {
        let _watch = watch();
        let seen = play_virtually(&program)?;
        keep_the_rules(&program, &seen)?;
        let Some(expected) = model::story(&program) else { return Ok(()) };
        let without = |lines: &[Line], others: &[Line]| -> Vec<Line> {
            lines.iter().filter(|line| !others.contains(line)).cloned().collect()
        };
        prop_assert!(
            seen.lines == expected,
            "expected {:#?}\nbut saw {:#?}",
            without(&expected, &seen.lines),
            without(&seen.lines, &expected)
        );
    }

    #[test]
    fn the_rules_hold_when_moments_meet(program in programs(Ties::Many)) {
        let _watch = watch();
        let seen = play_virtually(&program)?;
        keep_the_rules(&program, &seen)?;
    }

    #[test]
    fn the_rules_hold_on_two_workers(program in programs(Ties::Many)) {
        let _watch = watch();
        let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
        // A unit of the program is some 20 µs.
        let seen = play_on(&runtime, &program, 200_000)?;
        keep_the_rules(&program, &seen)?;
    }
}
