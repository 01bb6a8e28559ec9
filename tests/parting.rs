//! Those that are awaited together, when one of them has failed or won: who holds nothing up goes no further,
//! the others clean up first.
#![allow(missing_docs, clippy::disallowed_types)]

mod support;

use filch::cancel::{catch_cancel, with_cleanup};
use filch::sync::oneshot;
use filch::time::{Duration, Instant, sleep, sleep_until};
use filch::{gather, staggered_race};
use proptest::prelude::*;
use std::cell::RefCell;
use std::future::pending;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::{after, secs};

type Boxed<'a, T = ()> = Pin<Box<dyn Future<Output = Result<T, &'static str>> + 'a>>;

/// Takes a step each second, and never ends.
async fn steps(taken: &AtomicUsize) -> Result<(), &'static str> {
    loop {
        sleep(secs(1)).await;
        taken.fetch_add(1, Ordering::SeqCst);
    }
}

/// Never ends, and has that much to clean up.
async fn cleans_up(seconds: u64) -> Result<(), &'static str> {
    with_cleanup(pending(), async move { sleep(secs(seconds)).await }).await
}

#[filch::test(start_paused = true)]
async fn who_holds_nothing_up_does_not_work_on_while_others_clean_up() {
    let start = Instant::now();
    let taken = [const { AtomicUsize::new(0) }; 4];
    let fails = || after(3, Err("failed"));
    let all: [Boxed<'_>; 3] =
        [Box::pin(steps(&taken[0])), Box::pin(cleans_up(10)), Box::pin(fails())];
    assert_eq!(gather(all).await, Err("failed"));

    // On either side of the one that fails.
    let outcome =
        filch::gather!(biased; steps(&taken[1]), cleans_up(10), fails(), steps(&taken[2]));
    assert_eq!(outcome, Err("failed"));

    let all: [Boxed<'_>; 3] =
        [Box::pin(steps(&taken[3])), Box::pin(cleans_up(10)), Box::pin(after(3, Ok(())))];
    assert_eq!(staggered_race(all, Duration::ZERO).await, Ok(()));
    assert_eq!(start.elapsed(), secs(3 * 13));
    let most = taken.map(|taken| taken.load(Ordering::SeqCst)).into_iter().max();
    assert!(most.unwrap() <= 3, "somebody works on");
}

#[filch::test(start_paused = true)]
async fn who_holds_nothing_up_does_not_see_what_the_failed_one_leaves_while_others_clean_up() {
    async fn fails(_sender: oneshot::Sender<()>) -> Result<(), &'static str> {
        after(1, Err("failed")).await
    }
    async fn waits(receiver: oneshot::Receiver<()>) -> Result<(), &'static str> {
        receiver.await.expect("it is given up before");
        Ok(())
    }
    let (sender, receiver) = oneshot::channel();
    let outcome = filch::gather!(biased; fails(sender), waits(receiver), cleans_up(1));
    assert_eq!(outcome, Err("failed"));
    let (sender, receiver) = oneshot::channel();
    let all: [Boxed<'_>; 3] =
        [Box::pin(fails(sender)), Box::pin(waits(receiver)), Box::pin(cleans_up(1))];
    assert_eq!(gather(all).await, Err("failed"));
}

#[filch::test(start_paused = true)]
async fn who_has_caught_that_he_is_given_up_goes_no_further_than_to_his_next_wait() {
    let start = Instant::now();
    let taken = AtomicUsize::new(0);
    let catches = async || {
        assert!(catch_cancel(pending::<()>()).await.is_err());
        taken.fetch_add(1, Ordering::SeqCst);
        sleep(secs(1)).await;
        taken.fetch_add(100, Ordering::SeqCst);
        Ok(())
    };
    let fails = || after(3, Err("failed"));
    assert_eq!(filch::gather!(fails(), catches(), cleans_up(10)), Err("failed"));
    let all: [Boxed<'_>; 3] = [Box::pin(fails()), Box::pin(catches()), Box::pin(cleans_up(10))];
    assert_eq!(gather(all).await, Err("failed"));
    assert_eq!((start.elapsed(), taken.load(Ordering::SeqCst)), (secs(26), 2));
}

/// What one of those does that are gathered. No two things happen at a time.
#[derive(Clone, Debug)]
struct Part {
    /// How long each of its steps takes, in microseconds.
    steps: Vec<u64>,
    fails: bool,
    /// How long it cleans up.
    cleanup: Option<u64>,
}

/// What has happened: when, to whom, and that.
type Seen = Vec<(u64, usize, &'static str)>;

/// What the parts do, computed: all that happens, when it is over, and whether it failed.
fn expected(parts: &[Part]) -> (Seen, u64, bool) {
    let end = |part: &Part| part.steps.iter().sum::<u64>();
    let failure = parts.iter().filter(|part| part.fails).map(end).min();
    let (mut seen, mut over) = (Seen::new(), 0);
    for (number, part) in parts.iter().enumerate() {
        let (mut now, until) = (0, failure.unwrap_or(u64::MAX));
        for step in &part.steps {
            now += step;
            if now <= until {
                seen.push((now, number, "step"));
            }
        }
        let left = end(part).min(until);
        over = over.max(left);
        if let Some(cleanup) = part.cleanup {
            seen.push((left + cleanup, number, "cleaned up"));
            over = over.max(left + cleanup);
        }
    }
    seen.sort_unstable();
    (seen, over, failure.is_some())
}

/// The same, for real.
fn played(parts: &[Part], with_macro: bool) -> (Seen, u64, bool) {
    let runtime = filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap();
    let seen = RefCell::new(Seen::new());
    let (over, failed) = runtime.block_on(async {
        let start = Instant::now();
        let say = |number, what| {
            let now = u64::try_from(start.elapsed().as_micros()).unwrap();
            seen.borrow_mut().push((now, number, what));
        };
        let part = |number: usize| -> Boxed<'_> {
            let Part { steps, fails, cleanup } = &parts[number];
            let body = async move {
                let mut now = start;
                for step in steps {
                    now += Duration::from_micros(*step);
                    sleep_until(now).await;
                    say(number, "step");
                }
                if *fails { Err("failed") } else { Ok(()) }
            };
            let Some(cleanup) = *cleanup else { return Box::pin(body) };
            Box::pin(with_cleanup(body, async move {
                sleep(Duration::from_micros(cleanup)).await;
                say(number, "cleaned up");
            }))
        };
        let failed = if with_macro {
            filch::gather!(part(0), part(1), part(2)).is_err()
        } else {
            gather((0..parts.len()).map(part)).await.is_err()
        };
        (u64::try_from(start.elapsed().as_micros()).unwrap(), failed)
    });
    let mut seen = seen.into_inner();
    seen.sort_unstable();
    (seen, over, failed)
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    // Scattered, so that sums do not meet by chance.
    let time =
        || (1..9_u64, 0..999_999_u64).prop_map(|(units, scatter)| units * 1_000_000 + scatter);
    let part =
        (proptest::collection::vec(time(), 0..4), any::<bool>(), proptest::option::of(time()));
    let part = part.prop_map(|(steps, fails, cleanup)| Part {
        fails: fails && cleanup.is_none() && !steps.is_empty(),
        steps,
        cleanup,
    });
    proptest::collection::vec(part, 3)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_happens_that_the_model_says_and_nothing_else(parts in parts()) {
        prop_assert_eq!(played(&parts, false), expected(&parts));
        prop_assert_eq!(played(&parts, true), expected(&parts));
    }
}
