//! `try_join!`: values, or the first error.

use crate::*;

#[test]
fn all_values_come_in_the_order_of_the_futures() {
    let values =
        block_on(async { other::try_join!(async { Ok::<_, String>(1) }, async { Ok("a") }) });
    assert_eq!(values, Ok((1, "a")));
}

#[test]
fn the_first_error_ends_it_and_drops_the_rest() {
    let dropped = Cell::new(0);
    let late = async {
        ready_at(2).await;
        Err::<(), _>("late")
    };
    let result = block_on(async {
        let never = async {
            Witness(&dropped).await;
            Ok(())
        };
        other::try_join!(never, late, async { Ok(()) })
    });
    assert_eq!(result, Err("late"));
    assert_eq!(dropped.get(), 1);
}

#[test]
fn the_futures_behind_an_error_are_not_polled_any_more() {
    let polled = Cell::new(false);
    let result = block_on(async {
        other::try_join!(biased; async { Err::<(), _>(1) }, async {
            polled.set(true);
            Ok(())
        })
    });
    assert_eq!((result, polled.get()), (Err(1), false));
}

#[test]
fn an_error_can_be_passed_on_with_a_question_mark() {
    let result: Result<u32, Box<dyn std::error::Error>> = block_on(async {
        let (a, b) = other::try_join!(async { "1".parse::<u32>() }, async { "x".parse::<u32>() })?;
        let sum: u32 = a + b;
        Ok(sum)
    });
    assert_eq!(result.unwrap_err().to_string(), "invalid digit found in string");
}
