//! `join!`, `try_join!`: wait for all.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use runtime_core::siblings::Sibling;

/// Waits for all of several futures and returns their outputs as a tuple.
///
/// The futures run on the current task, by turns, not at the same time: they may borrow what the
/// task owns. Give them to [`spawn`](fn@crate::spawn) first, and join the handles, to run them in
/// parallel. There may be up to 64.
///
/// Each time the task runs, every future that has not completed is polled once. The first poll
/// starts at the first future, the next at the second, and so on round, so that one that uses up the
/// task's budget does not always go before the others. With `biased;` before the first future, each
/// poll starts at the first one.
///
/// A future is dropped as soon as it has completed.
///
/// # Cancel safety
///
/// If a `join!` is dropped, so are the futures in it that have not completed, and the outputs of
/// those that have.
///
/// # Examples
///
/// ```
/// async fn double(number: u32) -> u32 {
///     number * 2
/// }
///
/// # #[filch::main]
/// # async fn main() {
/// let (first, second) = filch::join!(double(1), double(2));
/// assert_eq!((first, second), (2, 4));
///
/// let (word, number) = filch::join!(biased; async { "one" }, async { 1 });
/// assert_eq!((word, number), ("one", 1));
/// # }
/// ```
///
/// What is joined must be futures:
///
/// ```compile_fail
/// # async fn example() {
/// filch::join!(1, 2);
/// # }
/// ```
#[macro_export]
macro_rules! join {
    (biased; $($future:expr),* $(,)?) => {
        $crate::__number!(start @join (fixed) $($future,)*)
    };
    ($($future:expr),* $(,)?) => {
        $crate::__number!(start @join (rotating) $($future,)*)
    };
}

/// Waits for all of several futures to return `Ok`, or for the first `Err`.
///
/// The value is `Ok` with a tuple of all values, or the first error. All futures have the same type
/// of error. On an error the other futures are dropped where they are. Otherwise this is
/// [`join!`](crate::join): the same turns, `biased;`, and up to 64 futures on the current task.
///
/// # Cancel safety
///
/// If a `try_join!` is dropped, so are the futures in it that have not completed, and the values of
/// those that have.
///
/// # Examples
///
/// ```
/// use std::num::ParseIntError;
///
/// async fn parse(text: &str) -> Result<u32, ParseIntError> {
///     text.parse()
/// }
///
/// # #[filch::main]
/// # async fn main() {
/// assert_eq!(filch::try_join!(parse("1"), parse("2")), Ok((1, 2)));
/// assert!(filch::try_join!(parse("1"), parse("two")).is_err());
/// # }
/// ```
///
/// What is joined must return results:
///
/// ```compile_fail
/// # async fn example() {
/// let _ = filch::try_join!(async { 1 });
/// # }
/// ```
#[macro_export]
macro_rules! try_join {
    (biased; $($future:expr),* $(,)?) => {
        $crate::__number!(start @try_join (fixed) $($future,)*)
    };
    ($($future:expr),* $(,)?) => {
        $crate::__number!(start @try_join (rotating) $($future,)*)
    };
}

/// Gives each future the number of its place, then writes the code of the macro named by `@`.
#[doc(hidden)]
#[macro_export]
macro_rules! __number {
    (start @join $order:tt) => {
        $crate::__private::ready(()).await
    };
    (start @try_join $order:tt) => {
        $crate::__private::ready($crate::__private::Ok(())).await
    };
    (start @gather $order:tt) => {
        $crate::__private::ready($crate::__private::Ok(())).await
    };
    (start @$macro:ident $order:tt $($future:expr,)+) => {
        $crate::__number!(
            @$macro $order []
            [
                 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15
                16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
                32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47
                48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
            ]
            $($future,)+
        )
    };
    (
        @$macro:ident $order:tt [$($numbered:tt)*] [$number:tt $($numbers:tt)*]
        $future:expr, $($futures:expr,)*
    ) => {
        $crate::__number!(
            @$macro $order [$($numbered)* ($number $future)] [$($numbers)*] $($futures,)*
        )
    };
    (@$macro:ident $order:tt [$($numbered:tt)*] [] $($futures:expr,)+) => {
        $crate::__private::compile_error!(
            $crate::__private::concat!(
                "`", $crate::__private::stringify!($macro), "!` takes at most 64 futures"
            )
        )
    };
    (@join ($order:ident) [$(($number:tt $future:expr))+] [$($numbers:tt)*]) => {{
        let mut futures = ($(
            $crate::__private::pin!($crate::__private::MaybeDone::new($future)),
        )+);
        let mut order = $crate::__private::Order::$order([$($number),+]);
        $crate::__private::poll_fn(move |cx| {
            let mut pending = false;
            for branch in order.next_round() {
                match branch {
                    $($number => pending |= futures.$number.as_mut().poll(cx).is_pending(),)+
                    _ => {}
                }
            }
            if pending {
                return $crate::__private::Poll::Pending;
            }
            $crate::__private::Poll::Ready(($(futures.$number.as_mut().take(),)+))
        })
        .await
    }};
    (@try_join ($order:ident) [$(($number:tt $future:expr))+] [$($numbers:tt)*]) => {{
        let mut futures = ($(
            $crate::__private::pin!($crate::__private::MaybeDone::fallible($future)),
        )+);
        let mut order = $crate::__private::Order::$order([$($number),+]);
        $crate::__private::poll_fn(move |cx| {
            let mut pending = false;
            for branch in order.next_round() {
                match branch {
                    $($number => match futures.$number.as_mut().try_poll(cx) {
                        $crate::__private::Ok(poll) => pending |= poll.is_pending(),
                        $crate::__private::Err(error) => {
                            return $crate::__private::Poll::Ready($crate::__private::Err(error));
                        }
                    },)+
                    _ => {}
                }
            }
            if pending {
                return $crate::__private::Poll::Pending;
            }
            $crate::__private::Poll::Ready($crate::__private::Ok(($(
                futures.$number.as_mut().take_value(),
            )+)))
        })
        .await
    }};
    (@gather ($order:ident) [$(($number:tt $future:expr))+] [$($numbers:tt)*]) => {{
        let mut futures = ($(
            $crate::__private::pin!($crate::__private::MaybeDone::sibling($future)),
        )+);
        let mut order = $crate::__private::Order::$order([$($number),+]);
        let mut siblings = $crate::__private::Siblings::new();
        let mut failure = $crate::__private::None;
        let why = "another future of a `gather!` failed";
        $crate::__private::poll_fn(move |cx| loop {
            let mut pending = false;
            for branch in order.next_round() {
                match branch {
                    $($number => {
                        if failure.is_some() {
                            futures.$number.as_mut().give_up();
                        }
                        match siblings.within(|| futures.$number.as_mut().try_poll(cx)) {
                            $crate::__private::Ok(poll) => pending |= poll.is_pending(),
                            $crate::__private::Err(error) => _ = failure.get_or_insert(error),
                        }
                    })+
                    _ => {}
                }
            }
            if failure.is_some() {
                $(futures.$number.as_mut().give_up();)+
                match siblings.give_up(cx, why) {
                    $crate::__private::Parting::Again => continue,
                    $crate::__private::Parting::Wait => return $crate::__private::Poll::Pending,
                    $crate::__private::Parting::Over => {}
                }
            } else if pending {
                return $crate::__private::Poll::Pending;
            }
            return $crate::__private::Poll::Ready(match failure.take() {
                $crate::__private::Some(error) => $crate::__private::Err(error),
                $crate::__private::None => $crate::__private::Ok(($(
                    futures.$number.as_mut().take_value(),
                )+)),
            });
        })
        .await
    }};
}

pin_project! {
    /// A future, then its output in the same place, then nothing.
    ///
    /// Neither parameter has a bound, so that a mistake is reported once, where it is made.
    #[allow(missing_docs, reason = "the macro takes no documentation of a variant's fields")]
    #[project = MaybeDoneProjection]
    pub enum MaybeDone<F, T> {
        /// It is polled.
        Running { #[pin] future: F },
        /// It has completed; `None` once the output is taken.
        Done { output: Option<T> },
    }
}

impl<F, T> MaybeDone<F, T> {
    /// Makes a future of `future`, if it is not one already, that keeps its output.
    pub fn new(future: impl IntoFuture<IntoFuture = F, Output = T>) -> MaybeDone<F, T> {
        MaybeDone::Running { future: future.into_future() }
    }

    /// Polls the future if it has not completed; drops it when it has.
    pub fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>
    where
        F: Future<Output = T>,
    {
        let output = match self.as_mut().project() {
            MaybeDoneProjection::Running { future } => std::task::ready!(future.poll(cx)),
            MaybeDoneProjection::Done { .. } => return Poll::Ready(()),
        };
        self.set(MaybeDone::Done { output: Some(output) });
        Poll::Ready(())
    }

    /// The output.
    ///
    /// # Panics
    ///
    /// Panics if there is none.
    pub fn take(self: Pin<&mut Self>) -> T {
        match self.project() {
            MaybeDoneProjection::Done { output } => output.take(),
            MaybeDoneProjection::Running { .. } => None,
        }
        .expect("an output is taken once, after the future has completed")
    }
}

impl<F, T, E> MaybeDone<F, Result<T, E>> {
    /// Does the same as [`new`](MaybeDone::new) with a future that may fail.
    pub fn fallible(
        future: impl IntoFuture<IntoFuture = F, Output = Result<T, E>>,
    ) -> MaybeDone<F, Result<T, E>> {
        MaybeDone::new(future)
    }

    /// Polls as [`poll`](MaybeDone::poll) does.
    ///
    /// # Errors
    ///
    /// The future's own, at the moment it completes with one.
    pub fn try_poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Result<Poll<()>, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let poll = self.as_mut().poll(cx);
        match self.project() {
            MaybeDoneProjection::Done { output } => {
                output.take_if(|output| output.is_err()).transpose().map(|_| poll)
            }
            MaybeDoneProjection::Running { .. } => Ok(poll),
        }
    }

    /// The value of a future that has returned `Ok`.
    ///
    /// # Panics
    ///
    /// Panics if there is none.
    pub fn take_value(self: Pin<&mut Self>) -> T {
        match self.take() {
            Ok(value) => value,
            Err(_) => unreachable!("an error ends the join when it appears"),
        }
    }
}

impl<F, T, E> MaybeDone<Sibling<F>, Result<T, E>> {
    /// Does the same as [`fallible`](MaybeDone::fallible) with one that others may hold up.
    pub fn sibling(
        future: impl IntoFuture<IntoFuture = F, Output = Result<T, E>>,
    ) -> MaybeDone<Sibling<F>, Result<T, E>> {
        MaybeDone::Running { future: Sibling::new(future.into_future()) }
    }

    /// Drops the future, unless it holds the others up.
    pub fn give_up(mut self: Pin<&mut Self>) {
        match self.as_ref().get_ref() {
            MaybeDone::Running { future } if !future.holds() => {
                self.set(MaybeDone::Done { output: None });
            }
            _ => {}
        }
    }
}

/// At which future a round of polls starts.
pub struct Order {
    start: u8,
    count: u8,
    /// How much further on the next round starts.
    step: u8,
}

impl Order {
    /// Each round starts at the first future.
    pub fn fixed<const N: usize>(_places: [u8; N]) -> Order {
        Order { start: 0, count: const { count::<N>() }, step: 0 }
    }

    /// Each round starts one further on than the one before.
    pub fn rotating<const N: usize>(_places: [u8; N]) -> Order {
        Order { start: 0, count: const { count::<N>() }, step: 1 }
    }

    /// The places of all futures, in the order in which they are polled now.
    #[inline]
    pub fn next_round(&mut self) -> impl Iterator<Item = u32> + use<> {
        let start = self.start;
        let next = start + self.step;
        self.start = if next < self.count { next } else { 0 };
        crate::select::round(start.into(), self.count.into())
    }
}

/// How many places there are; the macro has numbers for 64.
const fn count<const N: usize>() -> u8 {
    assert!(N <= 64);
    N as u8
}
