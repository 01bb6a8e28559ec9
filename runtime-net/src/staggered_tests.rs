//! Which addresses are tried when, and who wins; on a clock that stands still.

use std::cell::RefCell;
use std::future::pending;

use runtime_core::runtime::Builder;
use runtime_core::time::Instant;

use super::*;

fn v4(number: u16) -> SocketAddr {
    ([127, 0, 0, 1], number).into()
}

fn v6(number: u16) -> SocketAddr {
    (std::net::Ipv6Addr::LOCALHOST, number).into()
}

/// What becomes of an attempt.
#[derive(Clone, Copy)]
enum Fate {
    Wins(u64),
    Fails(u64),
    Hangs,
}
use Fate::{Fails, Hangs, Wins};

/// Counts attempts that were broken off or done.
struct Gone<'a>(&'a RefCell<usize>);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        *self.0.borrow_mut() += 1;
    }
}

/// Races attempts with these fates, a quarter of a second apart: the winner or the error's text, when
/// it was all over, and when each attempt began.
fn play(fates: &[Fate]) -> (Result<u16, String>, u64, Vec<u64>) {
    let runtime = Builder::new_current_thread().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let start = Instant::now();
        let passed = || u64::try_from(start.elapsed().as_millis()).unwrap();
        let (begun, gone) = (RefCell::new(Vec::new()), RefCell::new(0));
        let addresses = (0..fates.len()).map(|number| v4(number as u16)).collect();
        let outcome = race(addresses, STAGGER, |address: SocketAddr| {
            begun.borrow_mut().push(passed());
            let (number, gone) = (address.port(), Gone(&gone));
            let fate = fates[usize::from(number)];
            async move {
                let _gone = gone;
                match fate {
                    Wins(after) => sleep(Duration::from_millis(after)).await,
                    Fails(after) => {
                        sleep(Duration::from_millis(after)).await;
                        return Err(io::Error::other(format!("{number} failed")));
                    }
                    Hangs => pending().await,
                }
                Ok(number)
            }
        });
        let outcome = outcome.await.map_err(|errors| errors.into_error(false).to_string());
        assert_eq!(*gone.borrow(), begun.borrow().len(), "an attempt is left behind");
        (outcome, passed(), begun.take())
    })
}

#[test]
fn families_take_turns() {
    let mixed = interleave([v6(1), v6(2), v6(3), v4(4), v4(5)]);
    assert_eq!(mixed, [v6(1), v4(4), v6(2), v4(5), v6(3)]);
    assert_eq!(interleave([v4(1), v6(2), v6(3)]), [v4(1), v6(2), v6(3)]);
    assert_eq!(interleave([v4(1), v4(2)]), [v4(1), v4(2)]);
    assert!(interleave([]).is_empty());
}

#[test]
fn one_that_answers_in_time_is_the_only_one() {
    assert_eq!(play(&[Wins(200), Wins(0)]), (Ok(0), 200, vec![0]));
}

#[test]
fn one_that_is_late_gets_company_and_may_still_win() {
    assert_eq!(play(&[Hangs, Wins(20), Wins(0)]), (Ok(1), 270, vec![0, 250]));
    assert_eq!(play(&[Wins(300), Wins(100)]), (Ok(0), 300, vec![0, 250]));
    assert_eq!(play(&[Hangs, Hangs, Wins(1)]), (Ok(2), 501, vec![0, 250, 500]));
}

#[test]
fn a_failure_begins_the_next_at_once() {
    assert_eq!(play(&[Fails(10), Fails(0), Wins(5)]), (Ok(2), 15, vec![0, 10, 10]));
    assert_eq!(play(&[Hangs, Fails(10), Wins(5)]), (Ok(2), 265, vec![0, 250, 260]));
}

#[test]
fn if_all_fail_the_last_failure_is_told() {
    let (outcome, when, _) = play(&[Fails(400), Fails(10)]);
    assert_eq!((outcome, when), (Err("0 failed".to_owned()), 400));
    let (outcome, when, begun) = play(&[]);
    assert_eq!((outcome.is_err(), when, begun), (true, 0, vec![]));
}
