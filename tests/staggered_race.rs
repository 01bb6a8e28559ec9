//! `staggered_race`: who begins when, who wins, and what becomes of the others.
#![allow(missing_docs, clippy::disallowed_types)]

mod support;

use filch::cancel::{catch_cancel, with_cleanup};
use filch::staggered_race;
use filch::task::coop;
use filch::time::{Duration, Instant, sleep, timeout};
use proptest::prelude::*;
use std::cell::{Cell, RefCell};
use std::future::{pending, ready};
use support::{Census, after, secs};

const DELAY: Duration = Duration::from_millis(250);

/// What becomes of an attempt, and after how many milliseconds.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Wins(u64),
    Fails(u64),
    Hangs,
}
use Fate::{Fails, Hangs, Wins};

/// The winner or all errors, when it was over, and when each attempt began, in milliseconds.
type Played = (Result<usize, Vec<usize>>, u64, Vec<u64>);

/// Races attempts with these fates. `None`: it takes more than a minute.
fn play(fates: &[Fate], delay: Option<Duration>) -> Option<Played> {
    let runtime = filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let start = Instant::now();
        let passed = || u64::try_from(start.elapsed().as_millis()).unwrap();
        let begun = RefCell::new(Vec::new());
        let census = Census::default();
        let attempts = fates.iter().enumerate().map(|(number, fate)| {
            begun.borrow_mut().push(passed());
            let guard = census.guard();
            async move {
                let _guard = guard;
                match *fate {
                    Wins(at) => sleep(Duration::from_millis(at)).await,
                    Fails(at) => {
                        sleep(Duration::from_millis(at)).await;
                        return Err(number);
                    }
                    Hangs => pending().await,
                }
                Ok(number)
            }
        });
        let outcome = timeout(secs(60), staggered_race(attempts, delay)).await;
        assert_eq!(census.dead(), census.born(), "an attempt is left behind");
        outcome.ok().map(|outcome| (outcome, passed(), begun.take()))
    })
}

#[track_caller]
fn check(fates: &[Fate], winner: usize, when: u64, begun: &[u64]) {
    let played = play(fates, Some(DELAY));
    assert_eq!(played, Some((Ok(winner), when, begun.to_vec())));
}

#[test]
fn one_that_answers_in_time_is_the_only_one() {
    check(&[Wins(200), Wins(0)], 0, 200, &[0]);
}

#[test]
fn one_that_is_late_gets_company_and_may_still_win() {
    check(&[Hangs, Wins(20), Wins(0)], 1, 270, &[0, 250]);
    check(&[Wins(300), Wins(100)], 0, 300, &[0, 250]);
    check(&[Hangs, Hangs, Wins(1)], 2, 501, &[0, 250, 500]);
}

#[test]
fn a_failure_begins_the_next_at_once() {
    check(&[Fails(10), Fails(0), Wins(5)], 2, 15, &[0, 10, 10]);
    check(&[Hangs, Fails(10), Wins(5)], 2, 265, &[0, 250, 260]);
}

#[test]
fn if_all_fail_all_errors_are_told_as_they_came() {
    assert_eq!(
        play(&[Fails(400), Fails(10)], Some(DELAY)),
        Some((Err(vec![1, 0]), 400, vec![0, 250]))
    );
    assert_eq!(play(&[], Some(DELAY)), Some((Err(vec![]), 0, vec![])));
}

#[test]
fn without_a_delay_only_a_failure_begins_the_next() {
    assert_eq!(play(&[Fails(1000), Wins(5)], None), Some((Ok(1), 1005, vec![0, 1000])));
    assert_eq!(play(&[Hangs, Wins(5)], None), None);
    let all_at_once = play(&[Hangs, Wins(5), Wins(1)], Some(Duration::ZERO));
    assert_eq!(all_at_once, Some((Ok(2), 1, vec![0, 0, 0])));
}

#[filch::test(start_paused = true)]
async fn the_losers_clean_up_before_the_winner_is_told() {
    let start = Instant::now();
    let cleaned = RefCell::new(0);
    let count = &cleaned;
    let attempts = (0..3).map(|number| async move {
        if number == 2 {
            return after(1, Ok::<_, ()>(number)).await;
        }
        let cleanup = async move {
            sleep(secs(5)).await;
            *count.borrow_mut() += 1;
        };
        with_cleanup(after(100, Ok(number)), cleanup).await
    });
    assert_eq!(staggered_race(attempts, secs(1)).await, Ok(2));
    // It begins after two seconds, wins a second later, and the clean-ups take five, together.
    assert_eq!((start.elapsed(), *cleaned.borrow()), (secs(8), 2));
}

#[filch::test(start_paused = true)]
async fn no_attempt_begins_when_somebody_has_won() {
    let begun = RefCell::new(0);
    let attempts = (0..9).map(|number| {
        *begun.borrow_mut() += 1;
        async move {
            if number == 1 {
                return Ok(number);
            }
            // The loser fails when it is told.
            catch_cancel(pending::<()>()).await.unwrap_err();
            Err(number)
        }
    });
    assert_eq!(staggered_race(attempts, secs(1)).await, Ok(1));
    assert_eq!(*begun.borrow(), 2);
}

/// One that was not polled, as the task had to let others in first, may have its answer.
#[filch::test]
async fn without_budget_nobody_is_taken_for_one_that_hangs() {
    while coop::has_budget_remaining() {
        coop::consume_budget().await;
    }
    let begun = Cell::new(0);
    let attempts = (0..9).map(|number| {
        begun.set(begun.get() + 1);
        ready(Ok::<_, ()>(number))
    });
    assert_eq!(staggered_race(attempts, Duration::ZERO).await, Ok(0));
    assert_eq!(begun.get(), 1);
}

#[filch::test(start_paused = true)]
async fn dropping_it_drops_all_attempts() {
    let census = Census::default();
    let attempts = (0..9).map(|_| {
        let guard = census.guard();
        async move {
            let _guard = guard;
            pending::<Result<(), ()>>().await
        }
    });
    assert!(timeout(secs(3), staggered_race(attempts, secs(2))).await.is_err());
    assert_eq!((census.born(), census.dead()), (2, 2));
}

/// Two things happen at one moment: their order is nobody's promise.
#[derive(Debug)]
struct Tie;

/// What the rules make of these fates, millisecond by millisecond.
fn expected(fates: &[Fate], delay: u64) -> Result<Option<Played>, Tie> {
    let (mut begun, mut errors, mut next_at) = (Vec::new(), Vec::new(), 0);
    let mut running: Vec<(usize, u64)> = Vec::new();
    for now in 0..60_000 {
        let ends = |(number, since): &(usize, u64)| match fates[*number] {
            Wins(at) | Fails(at) => since + at == now,
            Hangs => false,
        };
        let ended: Vec<usize> = running.iter().filter(|one| ends(one)).map(|one| one.0).collect();
        let due = next_at == now && begun.len() < fates.len();
        if ended.len() + usize::from(due) > 1 {
            return Err(Tie);
        }
        running.retain(|one| !ends(one));
        for number in &ended {
            match fates[*number] {
                Wins(_) => return Ok(Some((Ok(*number), now, begun))),
                Fails(_) | Hangs => errors.push(*number),
            }
        }
        if (due || !ended.is_empty()) && begun.len() < fates.len() {
            running.push((begun.len(), now));
            begun.push(now);
            next_at = now + delay;
        }
        if running.is_empty() && begun.len() == fates.len() {
            return Ok(Some((Err(errors), now, begun)));
        }
    }
    Ok(None)
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        (1..3000_u64).prop_map(Wins),
        (1..3000_u64).prop_map(Fails),
        (1..500_u64).prop_map(Fails),
        Just(Hangs),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]
    #[test]
    fn it_goes_by_the_rules(fates in proptest::collection::vec(fate(), 0..8)) {
        let rules = expected(&fates, 450);
        prop_assume!(rules.is_ok());
        prop_assert_eq!(play(&fates, Some(Duration::from_millis(450))), rules.unwrap());
    }
}
