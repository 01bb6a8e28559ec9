//! `gather!`: wait for all of several futures of different types, and end the others when one fails.

/// Waits for all of several futures to return `Ok`, or for the first `Err`, when the others have been
/// given up in good order.
///
/// This is [`gather`](fn@crate::gather) for futures of different types: the value is `Ok` with a tuple
/// of all values, or the first error. On an error the other futures are dropped where they wait, and
/// those that have something to [clean up](crate::cancel::with_cleanup) do so first, and are awaited;
/// [`try_join!`](crate::try_join) drops them at once. All futures have the same type of error.
/// Otherwise this is [`join!`](crate::join): the same turns, `biased;`, and up to 64 futures on the
/// current task, which may borrow from it.
///
/// The counterpart of `asyncio.gather(a, b, c)`, which lets the others run on.
///
/// # Cancel safety
///
/// If a `gather!` is dropped, so are the futures in it that have not completed, and the values of
/// those that have.
///
/// # Examples
///
/// ```
/// async fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
///     text.parse()
/// }
///
/// # #[filch::main]
/// # async fn main() {
/// assert_eq!(filch::gather!(parse("1"), async { Ok("word") }), Ok((1, "word")));
/// assert!(filch::gather!(parse("two"), std::future::pending::<Result<(), _>>()).is_err());
/// # }
/// ```
///
/// What is gathered must return results:
///
/// ```compile_fail
/// # async fn example() {
/// let _ = filch::gather!(async { 1 });
/// # }
/// ```
#[macro_export]
macro_rules! gather {
    (biased; $($future:expr),* $(,)?) => {
        $crate::__number!(start @gather (fixed) $($future,)*)
    };
    ($($future:expr),* $(,)?) => {
        $crate::__number!(start @gather (rotating) $($future,)*)
    };
}
