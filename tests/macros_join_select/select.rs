//! `select!`: who wins, who is dropped, what handlers may do.

use crate::*;

#[test]
fn each_ready_branch_wins_sometimes() {
    let mut wins = [0; 3];
    block_on(async {
        for _ in 0..1000 {
            let winner: usize = other::select! {
                _ = ready(()) => 0,
                _ = ready(()) => 1,
                _ = ready(()) => 2,
            };
            wins[winner] += 1;
        }
    });
    assert!(wins.iter().all(|wins| *wins > 200), "{wins:?}");
}

#[test]
fn the_first_ready_branch_wins_always_if_biased() {
    block_on(async {
        for _ in 0..1000 {
            other::select! {
                biased;
                _ = pending::<()>() => unreachable!(),
                _ = ready(()) => {}
                _ = ready(()) => unreachable!(),
            }
        }
    });
}

#[test]
fn a_branch_that_never_ends_needs_no_type() {
    let number = block_on(async {
        other::select! {
            number = ready(1) => number,
            _ = pending() => 2,
        }
    });
    assert_eq!(number, 1);
}

#[test]
fn a_pattern_that_does_not_match_disables_its_branch() {
    let late = async {
        ready_at(3).await;
        Some(String::from("late"))
    };
    let found = block_on(async {
        other::select! {
            Some(word) = ready(None::<String>) => word,
            Some(mut word) = late => {
                word.push('!');
                word
            }
            Ok(1..=5) = ready(Err::<u32, _>(())) => unreachable!(),
        }
    });
    assert_eq!(found, "late!");
}

#[test]
fn patterns_bind_in_every_way() {
    struct Point {
        x: String,
        y: Option<Box<u32>>,
    }
    let point = || ready(Point { x: "x".into(), y: Some(Box::new(2)) });
    block_on(async {
        other::select! { Point { x, y: Some(y) } = point() => assert_eq!(x.len() as u32 + *y, 3) }
        other::select! { Point { ref x, ref mut y } = point() => {
            *y = None;
            assert_eq!(x, "x");
        } }
        other::select! { whole @ Point { y: Some(_), .. } = point() => drop(whole) }
        other::select! { Ok::<u32, u32>(n) | Err(n) = ready(Err(1)) => assert_eq!(n, 1) }
        other::select! { [first, .., last] = ready([1, 2, 3]) => assert_eq!(first + last, 4) }
        other::select! { &mut ref word = ready(Box::leak(Box::new(1))) => assert_eq!(*word, 1) }
    });
}

#[test]
fn else_runs_when_all_branches_are_disabled() {
    let value = block_on(async {
        other::select! {
            Some(n) = ready(None) => n,
            n = ready(1), if false => n,
            else => 3,
        }
    });
    assert_eq!(value, 3);
    assert_eq!(other::select! { else => 4 }, 4);
    assert_eq!(other::select! { biased; else => { 5 } }, 5);
}

#[test]
fn without_else_it_panics_at_its_own_line() {
    thread_local!(static PLACE: Cell<(u32, u32)> = const { Cell::new((0, 0)) });
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| match info.location() {
        Some(place) if PLACE.get() == (1, 0) => PLACE.set((1, place.line())),
        _ => before(info),
    }));
    PLACE.set((1, 0));
    let line = line!() + 3;
    let result = std::panic::catch_unwind(|| {
        block_on(async {
            other::select! { _ = ready(()), if false => {} }
        });
    });
    let (_, panicked_at) = PLACE.replace((0, 0));
    assert_eq!(panicked_at, line);
    let payload = result.unwrap_err();
    let message = payload.downcast_ref::<&str>().copied();
    assert_eq!(message, Some("all branches are disabled and there is no else branch"));
}

#[test]
fn preconditions_come_first_and_the_futures_of_disabled_branches_are_made() {
    let log = RefCell::new(Vec::new());
    let say = |word: &'static str| log.borrow_mut().push(word);
    let value = block_on(async {
        let disabled = || {
            say("future 1");
            poll_fn(|_| -> Poll<u32> { panic!("a disabled branch is not polled") })
        };
        let enabled = || {
            say("future 2");
            ready(2)
        };
        other::select! {
            n = disabled(), if { say("if 1"); false } => n,
            n = enabled(), if { say("if 2"); true } => n,
        }
    });
    assert_eq!(value, 2);
    assert_eq!(*log.borrow(), ["if 1", "if 2", "future 1", "future 2"]);
}

#[test]
fn the_losers_are_dropped_before_the_handler_runs() {
    let dropped = Cell::new(0);
    let seen = block_on(async {
        other::select! {
            () = Witness(&dropped) => unreachable!(),
            _ = ready_at(2) => dropped.get(),
            () = Witness(&dropped), if false => unreachable!(),
        }
    });
    assert_eq!(seen, 2);
}

#[test]
fn the_futures_are_dropped_in_the_order_in_which_they_are_written() {
    struct Named<'a>(char, &'a RefCell<String>);
    impl Drop for Named<'_> {
        fn drop(&mut self) {
            self.1.borrow_mut().push(self.0);
        }
    }
    let log = RefCell::new(String::new());
    let holds = |name, at| {
        let named = Named(name, &log);
        async move {
            let _named = named;
            ready_at(at).await
        }
    };
    block_on(async {
        other::select! {
            biased;
            _ = holds('a', 9) => unreachable!(),
            _ = holds('b', 2) => log.borrow_mut().push('!'),
            _ = holds('c', 9) => unreachable!(),
            _ = holds('d', 9), if false => unreachable!(),
        }
    });
    // The one that has completed gives up what it holds itself.
    assert_eq!(*log.borrow(), "bacd!");
}

#[test]
fn a_future_outside_of_the_loop_goes_on_each_time_round() {
    block_on(async {
        let slow = ready_at(10);
        other::pin!(slow);
        let mut ticks = 0;
        let value = loop {
            other::select! {
                biased;
                value = &mut slow => break value,
                _ = ready(()) => ticks += 1,
            }
        };
        assert_eq!((value, ticks), (10, 9));
    });
}

#[test]
fn a_completed_branch_is_not_polled_again() {
    // `ready_at` panics if it is.
    block_on(async {
        other::select! {
            7 = ready_at(1) => unreachable!(),
            n = ready_at(5) => assert_eq!(n, 5),
        }
    });
}

#[test]
fn handlers_leave_the_loop_the_function_and_the_block() {
    async fn sum(words: &[&str]) -> Result<u32, std::num::ParseIntError> {
        let mut words = words.iter();
        let mut sum = 0;
        'outer: loop {
            loop {
                other::select! {
                    word = ready(words.next()) => match word {
                        None => break 'outer,
                        Some(&"skip") => continue 'outer,
                        Some(&"now") => return Ok(sum),
                        Some(word) => sum += word.parse::<u32>()?,
                    },
                }
            }
        }
        Ok(sum + 100)
    }
    assert_eq!(block_on(sum(&["1", "skip", "2"])), Ok(103));
    assert_eq!(block_on(sum(&["1", "now", "2"])), Ok(1));
    assert!(block_on(sum(&["1", "x"])).is_err());
}

#[test]
fn future_expressions_leave_the_function_too() {
    async fn parsed(word: &str) -> Result<u32, std::num::ParseIntError> {
        other::select! {
            n = ready(word.parse::<u32>()?) => Ok(n),
        }
    }
    assert_eq!(block_on(parsed("1")), Ok(1));
    assert!(block_on(parsed("x")).is_err());
}

#[test]
fn handlers_may_borrow_the_same_variable_and_await() {
    block_on(async {
        let mut log = Vec::new();
        for at in [1, 3] {
            other::select! {
                n = ready_at(at) => {
                    log.push(n);
                    log.push(ready_at(1).await);
                }
                n = ready_at(2) => log.push(n + 100),
            }
        }
        assert_eq!(log, [1, 1, 102]);
    });
}

#[test]
fn they_can_be_nested_in_every_place() {
    let value = block_on(async {
        other::select! {
            n = async { other::select! { n = ready_at(2) => n + 1 } } => {
                other::select! {
                    m = ready(n), if true => other::select! { k = ready(m) => k * 10 },
                    else => 0,
                }
            }
            _ = pending::<()>() => 1,
        }
    });
    assert_eq!(value, 30);
}

#[test]
fn names_of_the_expansion_are_not_seen_by_the_user() {
    let (f0, output, disabled, branch, matches, pending) = (1, 2, 4, 8, 16, 32);
    let sum = block_on(async {
        other::select! {
            biased;
            cx = ready(f0 + output), if disabled == 4 && pending != 0 => {
                cx + disabled + branch + matches + pending
            }
            _ = ready(f0) => 0,
        }
    });
    assert_eq!(sum, 63);
}

#[test]
fn other_macros_can_pass_the_pieces() {
    macro_rules! first {
        ($pattern:pat = $future:expr, if $condition:expr => $handler:block) => {
            other::select! {
                $pattern = $future, if $condition => $handler
                _ = ready(()) => 0,
            }
        };
    }
    let value = block_on(async { first!(Some(n) = ready(Some(1)), if 1 > 2 => { n }) });
    assert_eq!(value, 0);
}

#[test]
fn expressions_with_commas_need_no_parentheses() {
    fn make<A: Default, B>(b: B) -> (A, B) {
        (A::default(), b)
    }
    let value = block_on(async {
        other::select! {
            n = ready(make::<u8, u16>(1)), if make::<bool, bool>(true).1 => make::<u32, _>(n).1,
            _ = pending::<()>() => make::<u32, _>((0, 0)).1,
        }
    });
    assert_eq!(value, (0, 1));
}

#[test]
#[deny(unused_parens, unused_braces)]
fn parentheses_and_braces_around_expressions_are_nobodys_business() {
    let mut one = pin!(ready(1));
    let on = true;
    let value = block_on(async {
        other::select! {
            v = (&mut one), if (on) => v,
            v = { ready(2) }, if { !on } => v,
        }
    });
    assert_eq!(value, 1);
}

#[test]
fn a_branch_may_borrow_a_future_that_has_no_name() {
    let value = block_on(async {
        other::select! {
            n = &mut ready(1) => n,
            n = &mut Box::pin(pending::<i32>()) => n,
        }
    });
    assert_eq!(value, 1);
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_branch_costs_a_pointer_beside_its_future() {
    let three = async {
        other::select! {
            _ = ready(1) => {}
            _ = ready(2) => {}
            _ = ready(3) => {}
        }
    };
    let futures = 3 * size_of::<std::future::Ready<i32>>();
    assert!(
        size_of_val(&three) <= futures + 3 * size_of::<usize>() + 16,
        "{}",
        size_of_val(&three)
    );
}

#[test]
fn sixty_four_branches_are_possible() {
    macro_rules! sixty_four {
        ($($number:literal)*) => {
            other::select! {
                $(n = async { ready_at(64 - $number).await + $number } => (n, $number),)*
            }
        };
    }
    let value = block_on(async {
        sixty_four!(
            0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30
            31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58
            59 60 61 62 63
        )
    });
    assert_eq!(value, (64, 63));
}

#[test]
fn the_future_of_a_select_can_move_to_another_thread() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    let future = assert_send(async {
        other::select! {
            n = ready_at(2) => ready(n).await,
            _ = pending::<()>() => 0,
        }
    });
    assert_eq!(block_on(future), 2);
}

#[test]
fn the_budget_of_the_task_is_respected() {
    let mut rounds = 0_u32;
    let eager = async {
        loop {
            other::select! {
                () = runtime_sync::budget::consume_budget() => rounds += 1,
                () = pending() => {}
            }
        }
    };
    let before = runtime_sync::budget::refill();
    assert!(poll_once(pin!(eager)).is_pending());
    runtime_sync::budget::restore(before);
    assert_eq!(rounds, u32::from(runtime_sync::budget::BUDGET));
}

#[test]
fn one_future_of_a_kind_is_not_stored_twice() {
    let large = || async {
        let bytes = [0_u8; 4096];
        ready_at(1).await;
        bytes.len()
    };
    let both = async {
        other::select! { n = large() => n, n = large() => n }
    };
    assert!(size_of_val(&both) < 3 * 4096, "{}", size_of_val(&both));
}
